//! What the hooks received.

use crate::pages::query;
use crate::parts::{Body, Icon, Reader, Section, Tone, chip, empty, pager, when};
use crate::view::{DeliveryRow, Page, Paging};
use leptos::prelude::*;

/// `GET /settings/deliveries?cursor=`
#[component]
pub fn Deliveries() -> impl IntoView {
    let cursor = query("cursor");
    crate::parts::page(move |r| async move {
        let paging = Paging { cursor: cursor.clone(), limit: None };
        let deliveries = r.port().deliveries(&r.actor, paging).await?;
        let content = view! {
            <p class="lead-in">{r.t.deliveries_help()}</p>
            <div class="panel" data-live="deliveries">{list(&r, cursor.as_deref(), &deliveries)}</div>
        };
        Ok(Body::new(Section::Settings, r.t.deliveries(), content)
            .crumb("/settings", r.t.settings_title())
            .topics("settings,builds"))
    })
}

fn list(r: &Reader, cursor: Option<&str>, deliveries: &Page<DeliveryRow>) -> AnyView {
    let t = r.t;
    if deliveries.items.is_empty() {
        let how = view! { <p>{t.no_deliveries_help()}</p><p><a class="btn" href="/settings#hooks">{t.hooks()}</a></p> };
        return empty(t.no_deliveries(), how);
    }
    let rows = deliveries.items.iter().map(|delivery| row(r, delivery)).collect_view();
    view! {
        <table class="cards record">
            <thead>
                <tr>
                    <th scope="col">{t.col_received()}</th>
                    <th scope="col">{t.state()}</th>
                    <th scope="col">{t.col_hook()}</th>
                    <th scope="col">{t.col_why()}</th>
                </tr>
            </thead>
            <tbody>{rows}</tbody>
        </table>
        {pager(t, "/settings/deliveries", &[], cursor, deliveries.next.as_deref())}
    }
    .into_any()
}

fn row(r: &Reader, delivery: &DeliveryRow) -> AnyView {
    let t = r.t;
    let (tone, which) = match delivery.state.as_str() {
        "done" => (Tone::Ok, Icon::Check),
        "failed" => (Tone::Bad, Icon::Cross),
        "ignored" => (Tone::Idle, Icon::Minus),
        _ => (Tone::Info, Icon::Clock),
    };
    let why: Vec<String> = delivery.reasons.iter().map(|reason| t.delivery_reason(reason)).collect();
    view! {
        <tr>
            <td class="c-when"><span class="quiet">{when(r, delivery.received_at)}</span></td>
            <td class="c-state">{chip(tone, which, t.delivery_state(&delivery.state))}</td>
            <td class="c-who"><b>{delivery.hook_name.clone()}</b></td>
            <td class="c-detail"><span class="said">{why.join("; ")}</span></td>
        </tr>
    }
    .into_any()
}
