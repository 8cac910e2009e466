//! What was done in a region: rollouts, newest first, with who, why and how they ended.

use crate::parts::{Icon, Reader, empty, icon, lasted, pager, rollout_chip, short_digest, when};
use crate::text::problem_text;
use crate::view::{Page, RegionPast};
use leptos::prelude::*;

/// What the tab holds.
pub(super) fn history(r: &Reader, region: &str, cursor: Option<&str>, past: &Page<RegionPast>) -> AnyView {
    let t = r.t;
    if past.items.is_empty() {
        let nothing = empty(t.no_history(), view! { <p>{t.no_history_help()}</p> });
        return view! { <div class="panel" data-live="history">{nothing}</div> }.into_any();
    }
    let rows = past.items.iter().map(|rollout| row(r, rollout)).collect_view();
    let path = format!("/regions/{region}");
    view! {
        <div class="panel" data-live="history">
            <table class="cards">
                <thead>
                    <tr>
                        <th scope="col">{t.when()}</th>
                        <th scope="col">{t.app()}</th>
                        <th scope="col">{t.build()}</th>
                        <th scope="col">{t.state()}</th>
                        <th scope="col">{t.who()}</th>
                        <th scope="col">{t.reason()}</th>
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
            {pager(t, &path, &[("tab", Some("history"))], cursor, past.next.as_deref())}
        </div>
    }
    .into_any()
}

fn row(r: &Reader, rollout: &RegionPast) -> AnyView {
    let t = r.t;
    let href = format!("/promotions/{}", rollout.promotion);
    let kind = rollout
        .kind
        .goes_back()
        .then(|| view! { " "<span class="kind">{icon(Icon::Back)}{t.promotion_kind(rollout.kind)}</span> });
    let tag = rollout.tag.clone().map(|tag| view! { <code>{tag}</code>" " });
    let by = match &rollout.started_by {
        Some(by) if *by != rollout.requested_by => format!("{}, {by}", rollout.requested_by),
        _ => rollout.requested_by.clone(),
    };
    let failure = rollout.failure.as_ref().map(|problem| view! { <p class="said">{problem_text(t, problem).happened}</p> });
    view! {
        <tr>
            <td><a class="name" href=href>{t.promotion_number(rollout.number)}</a>" "<span class="quiet">{when(r, rollout.started_at)}</span></td>
            <td><b>{rollout.app.clone()}</b></td>
            <td>{tag}<span class="quiet">{short_digest(&rollout.digest)}</span></td>
            <td>{rollout_chip(t, rollout.state)}{kind}" "{lasted(r, Some(rollout.started_at), rollout.ended_at)}</td>
            <td data-label=t.who()>{by}</td>
            <td data-label=t.reason()><span class="said">{rollout.reason.clone()}</span>{failure}</td>
        </tr>
    }
    .into_any()
}
