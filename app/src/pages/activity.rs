//! The record: who did what, when and why.

use super::query;
use crate::parts::{Body, Reader, Section, empty, pager, when};
use crate::text::Text;
use crate::view::{AppView, AuditRow, Page, Paging};
use leptos::prelude::*;

/// `GET /activity?app=&cursor=`
#[component]
pub fn Activity() -> impl IntoView {
    let app = query("app");
    let cursor = query("cursor");
    crate::parts::page(move |r| async move {
        let port = r.port();
        let apps = port.apps(&r.actor).await?;
        let paging = Paging { cursor: cursor.clone(), limit: None };
        let record = port.activity(&r.actor, app.clone(), paging).await?;
        let content = view! {
            <div class="bar">{tabs(r.t, &apps, app.as_deref())}</div>
            <div class="panel" data-live="activity">{list(&r, app.as_deref(), cursor.as_deref(), &record)}</div>
        };
        Ok(Body::new(Section::Activity, r.t.activity_title(), content).topics("activity"))
    })
}

fn tabs(t: Text, apps: &[AppView], chosen: Option<&str>) -> AnyView {
    let tab = |app: Option<&str>| {
        let href = crate::parts::path_with("/activity", &[("app", app)]);
        let word = app.unwrap_or(t.all_apps()).to_owned();
        view! { <a href=href aria-current=(app == chosen).then_some("true")>{word}</a> }
    };
    let each = apps.iter().map(|app| tab(Some(&app.name))).collect_view();
    view! { <nav class="tabs" aria-label=t.app()>{tab(None)}{each}</nav> }.into_any()
}

fn list(r: &Reader, app: Option<&str>, cursor: Option<&str>, record: &Page<AuditRow>) -> AnyView {
    let t = r.t;
    if record.items.is_empty() {
        return empty(t.no_activity(), view! { <p>{t.no_activity_help()}</p> });
    }
    let rows = record.items.iter().map(|entry| row(r, entry)).collect_view();
    view! {
        <table class="cards record">
            <thead>
                <tr>
                    <th scope="col">{t.when()}</th>
                    <th scope="col">{t.who()}</th>
                    <th scope="col">{t.what()}</th>
                    <th scope="col">{t.app()}</th>
                    <th scope="col">{t.col_subject()}</th>
                    <th scope="col">{t.col_detail()}</th>
                </tr>
            </thead>
            <tbody>{rows}</tbody>
        </table>
        {pager(t, "/activity", &[("app", app)], cursor, record.next.as_deref())}
    }
    .into_any()
}

fn row(r: &Reader, entry: &AuditRow) -> AnyView {
    let t = r.t;
    let (actor, app, detail) = (entry.actor.clone(), entry.app.clone(), entry.detail.clone());
    view! {
        <tr>
            <td class="c-when"><span class="quiet">{when(r, entry.at)}</span></td>
            <td class="c-who"><b>{actor}</b></td>
            <td class="c-what">{t.audit_action(&entry.action)}</td>
            <td class="c-app">{app}</td>
            <td class="c-subject">{subject(t, entry)}</td>
            <td class="c-detail"><span class="said">{detail}</span></td>
        </tr>
    }
    .into_any()
}

/// What the row is about, with a link where it has a page.
fn subject(t: Text, entry: &AuditRow) -> AnyView {
    let kind = t.subject_kind(&entry.subject_kind);
    let section = match entry.subject_kind.as_str() {
        "build" => "builds",
        "environment" => "environments",
        "promotion" | "rollout" => "promotions",
        "promotion_set" => "promotions/sets",
        _ => "",
    };
    let is_id = !entry.subject.is_empty() && entry.subject.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
    if !section.is_empty() && is_id {
        let href = format!("/{section}/{}", entry.subject);
        return view! { <a href=href>{kind}</a> }.into_any();
    }
    // An identifier says nothing to a reader; a name does.
    let name = (entry.subject.len() < 32).then(|| entry.subject.clone());
    view! { <span class="quiet">{kind}</span>" "{name} }.into_any()
}
