//! The inbox: what the hooks received, and what became of it.

use crate::pages::{param, query};
use crate::parts::{Body, Form, Icon, Reader, Section, Tone, chip, empty, fact, icon, pager, panel, path_with, when};
use crate::text::Text;
use crate::view::{DeliveryFilter, DeliveryRow, DeliveryView, Page, Paging};
use domain::id::DeliveryId;
use leptos::prelude::*;

const STATES: [&str; 6] = ["stored", "done", "ignored", "duplicate", "refused", "failed"];

/// `GET /settings/deliveries?hook=&state=&cursor=`
#[component]
pub fn Deliveries() -> impl IntoView {
    let filter = DeliveryFilter { hook: query("hook"), state: query("state") };
    let cursor = query("cursor");
    crate::parts::page(move |r| async move {
        let paging = Paging { cursor: cursor.clone(), limit: None };
        let deliveries = r.port().deliveries(&r.actor, filter.clone(), paging).await?;
        let content = view! {
            <p class="lead-in">{r.t.deliveries_help()}</p>
            <div class="bar">{tabs(r.t, &filter)}</div>
            <div class="panel" data-live="deliveries">{list(&r, &filter, cursor.as_deref(), &deliveries)}</div>
        };
        Ok(Body::new(Section::Settings, r.t.deliveries(), content)
            .crumb("/settings", r.t.settings_title())
            .topics("settings,builds,deliveries"))
    })
}

fn tabs(t: Text, filter: &DeliveryFilter) -> AnyView {
    let tab = |state: Option<&str>, word: String| {
        let href = path_with("/settings/deliveries", &[("hook", filter.hook.as_deref()), ("state", state)]);
        view! { <a href=href aria-current=(filter.state.as_deref() == state).then_some("true")>{word}</a> }
    };
    let each = STATES.into_iter().map(|state| tab(Some(state), t.delivery_state(state))).collect_view();
    let hook = filter.hook.is_some().then(|| {
        let href = path_with("/settings/deliveries", &[("state", filter.state.as_deref())]);
        view! { <a class="token" href=href><span>{t.one_hook()}</span>{icon(Icon::Cross)}<span class="sr">{t.clear_filter()}</span></a> }
    });
    view! { <nav class="tabs" aria-label=t.state()>{tab(None, t.all().to_owned())}{each}</nav>{hook} }.into_any()
}

fn list(r: &Reader, filter: &DeliveryFilter, cursor: Option<&str>, deliveries: &Page<DeliveryRow>) -> AnyView {
    let t = r.t;
    if deliveries.items.is_empty() {
        let how = view! { <p>{t.no_deliveries_help()}</p><p><a class="btn" href="/settings#hooks">{t.hooks()}</a></p> };
        return empty(t.no_deliveries(), how);
    }
    let rows = deliveries.items.iter().map(|delivery| row(r, delivery)).collect_view();
    let pairs = [("hook", filter.hook.as_deref()), ("state", filter.state.as_deref())];
    view! {
        <table class="cards record">
            <thead>
                <tr>
                    <th scope="col">{t.col_received()}</th>
                    <th scope="col">{t.state()}</th>
                    <th scope="col">{t.col_hook()}</th>
                    <th scope="col">{t.col_source()}</th>
                    <th scope="col">{t.col_why()}</th>
                </tr>
            </thead>
            <tbody>{rows}</tbody>
        </table>
        {pager(t, "/settings/deliveries", &pairs, cursor, deliveries.next.as_deref())}
    }
    .into_any()
}

fn state_chip(t: Text, state: &str) -> AnyView {
    let (tone, which) = match state {
        "done" => (Tone::Ok, Icon::Check),
        "failed" | "refused" => (Tone::Bad, Icon::Cross),
        "ignored" | "duplicate" => (Tone::Idle, Icon::Minus),
        _ => (Tone::Info, Icon::Clock),
    };
    chip(tone, which, t.delivery_state(state))
}

fn row(r: &Reader, delivery: &DeliveryRow) -> AnyView {
    let t = r.t;
    let href = format!("/settings/deliveries/{}", delivery.id);
    view! {
        <tr id=format!("d-{}", delivery.id)>
            <td class="c-when"><a class="plain-link" href=href><span class="quiet">{when(r, delivery.received_at)}</span></a></td>
            <td class="c-state">{state_chip(t, &delivery.state)}</td>
            <td class="c-who"><b>{delivery.hook_name.clone()}</b></td>
            <td class="c-source">{delivery.source.clone()}</td>
            <td class="c-detail"><span class="said">{made(t, delivery)}{why(t, delivery)}</span></td>
        </tr>
    }
    .into_any()
}

/// Links to what a delivery made or changed.
fn made(t: Text, delivery: &DeliveryRow) -> AnyView {
    let link = |href: String, word: &'static str| view! { <a href=href>{word}</a>" " };
    let builds = delivery.builds.iter().map(|id| link(format!("/builds/{id}"), t.noun_build())).collect_view();
    let runs = delivery.runs.iter().map(|id| link(format!("/runs/{id}"), t.noun_run())).collect_view();
    view! { {builds}{runs} }.into_any()
}

fn why(t: Text, delivery: &DeliveryRow) -> String {
    delivery.reasons.iter().map(|reason| t.delivery_reason(reason)).collect::<Vec<_>>().join("; ")
}

/// `GET /settings/deliveries/{id}`
#[component]
pub fn Delivery() -> impl IntoView {
    let id = DeliveryId(param("id"));
    crate::parts::page(move |r| async move {
        let delivery = r.port().delivery(&r.actor, &id).await?;
        let content = view! {
            <div class="two">
                <div class="column">{body(&r, &delivery)}</div>
                <div class="column" data-live="facts">{facts(&r, &delivery)}</div>
            </div>
        };
        let title = format!("{} · {}", delivery.row.hook_name, r.t.noun_delivery());
        let page = Body::new(Section::Settings, title, content).crumb("/settings/deliveries", r.t.deliveries());
        let page = page.topics("deliveries");
        Ok(if delivery.may_replay { page.act(replay(&r, &delivery)) } else { page })
    })
}

fn replay(r: &Reader, delivery: &DeliveryView) -> AnyView {
    let form = Form::of(r, "/do/deliveries/replay", None);
    let id = delivery.row.id.to_string();
    view! {
        <form method="post" action="/do/deliveries/replay">
            {form.alert()}
            <input type="hidden" name="id" value=id/>
            <button class="btn">{icon(Icon::Turning)}{r.t.replay()}</button>
        </form>
    }
    .into_any()
}

fn body(r: &Reader, delivery: &DeliveryView) -> AnyView {
    let t = r.t;
    if delivery.body.is_empty() {
        return panel(t.delivery_body(), (), view! { <p class="quiet pad">{t.delivery_no_body()}</p> });
    }
    let cut = delivery.cut.then(|| view! { <p class="pad-line hint">{t.delivery_cut()}</p> });
    let size = view! { <span class="quiet">{t.delivery_bytes(delivery.length)}</span> };
    let text = delivery.body.clone();
    panel(t.delivery_body(), size, view! { {cut}<pre class="file" tabindex="0">{text}</pre> })
}

fn facts(r: &Reader, delivery: &DeliveryView) -> AnyView {
    let t = r.t;
    let row = &delivery.row;
    let reasons = row.reasons.iter().map(|reason| view! { <li>{t.delivery_reason(reason)}</li> }).collect_view();
    let reasons = (!row.reasons.is_empty()).then(|| fact(t.col_why(), view! { <ul class="plain">{reasons}</ul> }));
    let produced = !(row.builds.is_empty() && row.runs.is_empty());
    let produced = produced.then(|| fact(t.delivery_produced(), made(t, row)));
    let repeats = delivery.repeats.as_ref().map(|first| {
        let href = format!("/settings/deliveries/{first}");
        fact(t.delivery_repeats(), view! { <a href=href>{t.noun_delivery()}</a> })
    });
    let headers =
        delivery.headers.iter().map(|(name, value)| fact(name.clone(), view! { <code class="cut">{value.clone()}</code> }));
    let headers = headers.collect_view();
    let hook = format!("/settings/hooks/{}", row.hook);
    let content = view! {
        <dl class="facts">
            {fact(t.state(), state_chip(t, &row.state))}
            {fact(t.col_received(), when(r, row.received_at))}
            {fact(t.col_hook(), view! { <a href=hook>{row.hook_name.clone()}</a> })}
            {fact(t.col_source(), row.source.clone())}
            {reasons}
            {produced}
            {repeats}
            {headers}
        </dl>
    };
    panel(t.facts(), (), content)
}
