//! What happened to the containers, on a timeline: the newest first.

use crate::parts::{Icon, Reader, Tone, dot, panel, when};
use crate::text::Text;
use crate::view::{EnvironmentView, HappeningView};
use domain::Problem;
use domain::happening::Happening;
use leptos::prelude::*;

/// What the tab holds.
pub(super) async fn timeline(r: &Reader, environment: &EnvironmentView) -> Result<AnyView, Problem> {
    let t = r.t;
    let happened = r.port().happenings(&r.actor, &environment.row.id).await?;
    let mut rows: Vec<AnyView> = Vec::new();
    if let Some(ended) = environment.row.ended_at {
        let why = environment.row.end_reason.map(|why| t.end_reason(why)).unwrap_or_default();
        rows.push(entry(r, dot(Tone::Idle, Icon::Stop, t.ended_word()), t.ended_word(), None, why.to_owned(), ended));
    }
    rows.extend(happened.iter().map(|one| row(r, one)));
    let launched = t.launched_word();
    rows.push(entry(r, dot(Tone::Info, Icon::Play, launched), launched, None, String::new(), environment.row.created_at));
    let note = view! { <span class="quiet">{t.timeline_note()}</span> };
    let list = view! { <ol class="timeline">{rows.into_iter().collect_view()}</ol> };
    Ok(view! { <div data-live="timeline">{panel(t.tab_events(), note, list)}</div> }.into_any())
}

fn row(r: &Reader, one: &HappeningView) -> AnyView {
    let word = r.t.happening(one.what);
    let code = one.exit_code.map(|code| r.t.exit_code(code)).unwrap_or_default();
    entry(r, mark(r.t, one), word, Some(one.service.clone()), code, one.at)
}

fn entry(
    r: &Reader,
    mark: AnyView,
    word: &'static str,
    service: Option<String>,
    more: String,
    at: chrono::DateTime<chrono::Utc>,
) -> AnyView {
    let service = service.map(|service| view! { <b>{service}</b>" " });
    let exact = at.format("%H:%M:%S").to_string();
    view! {
        <li class="moment">
            {mark}
            <span class="moment-what">{service}{word}" "<span class="quiet">{more}</span></span>
            <span class="moment-when"><span class="quiet" title="UTC">{exact}</span>{when(r, at)}</span>
        </li>
    }
    .into_any()
}

fn mark(t: Text, one: &HappeningView) -> AnyView {
    let word = t.happening(one.what);
    let (tone, which) = match one.what {
        _ if one.what.is_bad(one.exit_code) => {
            (Tone::Bad, if one.what == Happening::OutOfMemory { Icon::Alert } else { Icon::Cross })
        }
        Happening::Started | Happening::Resumed => (Tone::Info, Icon::Play),
        Happening::Restarted => (Tone::Wait, Icon::Turning),
        Happening::Healthy => (Tone::Ok, Icon::Check),
        Happening::Paused => (Tone::Wait, Icon::Minus),
        _ => (Tone::Idle, Icon::Stop),
    };
    dot(tone, which, word)
}
