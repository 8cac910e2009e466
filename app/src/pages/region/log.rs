//! What the tasks of an app's service wrote last in a region.

use super::super::{param, query};
use crate::islands::LogTail;
use crate::parts::{Body, Icon, Reader, Section, icon, panel, region_title};
use crate::segments::segments;
use crate::view::{LogLine, ServiceLog as Log};
use chrono::SecondsFormat;
use leptos::prelude::*;

/// `GET /regions/{region}/{app}/log?of=canary`
#[component]
pub fn ServiceLog() -> impl IntoView {
    let (region, app) = (param("region"), param("app"));
    let canary = query("of").as_deref() == Some("canary");
    crate::parts::page(move |r| async move {
        let log = r.port().service_log(&r.actor, &region, &app, canary, None).await?;
        let there = region_title(r.t, &log.region);
        let of = if canary { format!("{app} · {}", r.t.canary()) } else { app.clone() };
        let title = format!("{} · {there}", r.t.log_of(&of));
        Ok(Body::new(Section::Regions, title, content(&r, &log, (&region, &app, canary)))
            .crumb(format!("/regions/{region}"), there))
    })
}

fn content(r: &Reader, log: &Log, (region, app, canary): (&str, &str, bool)) -> AnyView {
    let t = r.t;
    let of = if canary { "?of=canary" } else { "" };
    let again = format!("/regions/{region}/{app}/log{of}");
    let source = format!("/regions/{region}/{app}/logs{of}");
    let beside = view! {
        <span class="grow"></span>
        <button type="button" class="btn small js" data-follow="" aria-pressed="true">{t.log_follow()}</button>
        <a class="btn small" href=again>{icon(Icon::Turning)}{t.read_again()}</a>
    };
    let lines = log.lines.iter().map(line).collect_view();
    let note = if log.lines.is_empty() { t.log_empty().to_owned() } else { t.service_log_note(log.lines.len()) };
    let text = view! {
        <pre
            class="log"
            tabindex="0"
            role="log"
            aria-label=t.log_of(app)
            data-log=source
            data-times="on"
            data-gap=t.log_gap()
            data-end=t.log_end()
            data-away=t.log_away()
        >
            {lines}
        </pre>
        <p class="log-note quiet">{note}</p>
    };
    view! { {panel(t.log(), beside, text)}<LogTail/> }.into_any()
}

fn line(line: &LogLine) -> AnyView {
    let at = line.at.map(|at| {
        let (iso, words) = (at.to_rfc3339_opts(SecondsFormat::Millis, true), at.format("%H:%M:%S%.3f ").to_string());
        view! { <time class="at" datetime=iso>{words}</time> }
    });
    let pieces: Vec<(u32, String)> = line.pieces.iter().map(|piece| (piece.chars, piece.look.clone())).collect();
    let parts = segments(&line.text, &pieces, "")
        .into_iter()
        .map(|part| {
            let (text, look) = (part.text.to_owned(), part.look.to_owned());
            if look.is_empty() { view! { {text} }.into_any() } else { view! { <span class=look>{text}</span> }.into_any() }
        })
        .collect_view();
    view! { <span class="l" class:err=line.err>{at}{parts}"\n"</span> }.into_any()
}
