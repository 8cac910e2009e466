//! A canary beside the main service of its app, and what a lead can do about it.

use super::super::param;
use super::{Guarded, guarded};
use crate::parts::{
    Body, Field, Form, Icon, Reader, Section, Tone, chip, empty, fact, icon, only, outside, panel, region_title, short_digest,
    when,
};
use crate::text::Text;
use crate::view::{CanaryView, RegionService, RegionView};
use chrono::{DateTime, Utc};
use domain::canary::{CanaryState, LEAST_HOURS, Shape};
use domain::problem::Noun;
use domain::{Action, Digest, Problem};
use leptos::prelude::*;

/// `GET /regions/{region}/{app}/canary`
#[component]
pub fn Canary() -> impl IntoView {
    let (name, app) = (param("region"), param("app"));
    crate::parts::page(move |r| async move {
        let region = r.port().region(&r.actor, &name).await?;
        let service = region.services.iter().find(|service| service.app == app);
        let service = service.ok_or_else(|| Problem::not_found(Noun::App, app.clone()))?;
        let there = region_title(r.t, &region.column.region);
        let title = r.t.canary_title(&app, &there);
        Ok(Body::new(Section::Regions, title, content(&r, &region, service))
            .crumb(format!("/regions/{name}"), there)
            .topics("regions,promotions"))
    })
}

fn content(r: &Reader, region: &RegionView, service: &RegionService) -> AnyView {
    let t = r.t;
    let Some(canary) = &service.cell.canary else {
        return view! { <div class="panel" data-live="canary">{empty(t.no_canary(), view! { <p>{t.no_canary_help()}</p> })}</div> }
            .into_any();
    };
    view! {
        <p class="lead-in">{t.canary_lead()}</p>
        <div class="column">
            <div class="column" data-live="canary">
                {about(r, canary)}
                <div class="two even">{main(r, region, service)}{beside(r, region, service, canary)}</div>
            </div>
            {acts(r, region, service, canary)}
        </div>
    }
    .into_any()
}

/// The chip of its state, on the board and on the region's page.
pub(in crate::pages) fn canary_chip(t: Text, region: &str, app: &str, canary: &CanaryView) -> AnyView {
    let href = format!("/regions/{region}/{app}/canary");
    let (class, sign) = tone(canary);
    let class = match class {
        Tone::Bad => "chip bad",
        Tone::Wait => "chip wait",
        _ => "chip info",
    };
    view! { <a class=class href=href>{icon(sign)}<span>{t.canary_state(canary.state)}</span></a> }.into_any()
}

fn tone(canary: &CanaryView) -> (Tone, Icon) {
    match canary.state {
        _ if canary.quarantined => (Tone::Bad, Icon::Alert),
        CanaryState::Running => (Tone::Info, Icon::Play),
        CanaryState::Starting => (Tone::Info, Icon::Turning),
        CanaryState::Returning | CanaryState::Returned => (Tone::Wait, Icon::Back),
    }
}

fn about(r: &Reader, canary: &CanaryView) -> AnyView {
    let t = r.t;
    let (tone, sign) = tone(canary);
    let href = format!("/promotions/{}", canary.promotion);
    let cause = canary.cause.map(|cause| {
        let by = canary.withdrawn_by.clone().map(|by| format!(" · {by}"));
        view! { <p class="pad-line">{t.return_cause(cause)}{by}" "<span class="said quiet">{canary.reason.clone()}</span></p> }
    });
    let followed = canary.followed_by.as_ref().map(|follower| {
        let (href, number) = (format!("/promotions/{}", follower.id), t.promotion_number(follower.number));
        fact(t.canary_followed(), view! { <a href=href>{number}</a> })
    });
    let content = view! {
        <dl class="facts pad">
            {fact(t.canary_owner(), view! { <b>{canary.owner.clone()}</b> })}
            {fact(t.col_since(), when(r, canary.started_at))}
            {fact(t.canary_end(), view! { {when(r, canary.ends_at)}" "<span class="quiet">{exact(canary.ends_at)}</span> })}
            {fact(t.col_promotion(), view! { <a href=href>{t.promotion_number(canary.number)}</a> })}
            {followed}
        </dl>
        {cause}
    };
    panel(t.canary(), chip(tone, sign, t.canary_state(canary.state)), content)
}

/// The end in full, for whoever does not hover.
fn exact(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%d %H:%M UTC").to_string()
}

/// One of the two groups, as both are shown.
struct Group<'a> {
    title: &'static str,
    digest: Option<&'a Digest>,
    name: Option<String>,
    share: String,
    counts: (u32, u32, bool),
    restarts: u32,
    port: Option<u16>,
    since: Option<DateTime<Utc>>,
    url: Option<&'a str>,
    log: String,
    flags: AnyView,
}

fn group(r: &Reader, of: Group<'_>) -> AnyView {
    let t = r.t;
    let (running, desired, healthy) = of.counts;
    let health = if healthy {
        chip(Tone::Ok, Icon::Check, t.healthy(running, desired))
    } else {
        chip(Tone::Bad, Icon::Cross, t.unhealthy(running, desired))
    };
    let restarts = if of.restarts == 0 {
        view! { <span>"0"</span> }.into_any()
    } else {
        chip(Tone::Wait, Icon::Turning, t.restarts(of.restarts))
    };
    let name = of.name.map(|name| view! { <code>{name}</code>" " });
    let digest = of.digest.map(short_digest);
    let port = of.port.map_or_else(|| t.no_port().to_owned(), |port| t.on_port(port));
    let since = of.since.map(|at| fact(t.col_since(), when(r, at)));
    let open = of.url.map(|url| outside(url, t.open_app()));
    let content = view! {
        <dl class="facts pad">
            {fact(t.build(), view! { {name}{digest} })}
            {fact(t.canary_running_of(), view! { {of.share}" · "{port} })}
            {fact(t.canary_restarts(), restarts)}
            {since}
        </dl>
    };
    let beside = view! {
        <span class="chips grow">{health}{of.flags}</span>
        <span class="row">{open}<a class="btn small" href=of.log>{t.log()}</a></span>
    };
    panel(of.title, beside, content)
}

fn main(r: &Reader, region: &RegionView, service: &RegionService) -> AnyView {
    let (t, cell) = (r.t, &service.cell);
    let flags = cell.drifted.then(|| chip(Tone::Wait, Icon::Alert, t.drift())).into_any();
    let of = Group {
        title: t.canary_main(),
        digest: cell.digest.as_ref(),
        name: cell.tag.clone(),
        share: t.replicas(cell.desired),
        counts: (cell.running, cell.desired, cell.healthy),
        restarts: service.restarts,
        port: service.port,
        since: cell.since,
        url: cell.url.as_deref(),
        log: format!("/regions/{}/{}/log", region.column.region.name, service.app),
        flags,
    };
    group(r, of)
}

fn beside(r: &Reader, region: &RegionView, service: &RegionService, canary: &CanaryView) -> AnyView {
    let t = r.t;
    let share = match canary.terms.shape {
        Shape::Share => t.canary_took(canary.terms.replicas, canary.terms.replicas.saturating_add(service.cell.desired)),
        Shape::Beside => t.canary_beside(canary.terms.replicas),
    };
    let quarantined = canary.quarantined.then(|| chip(Tone::Bad, Icon::Alert, t.quarantined_running()));
    let drifted = canary.drifted.then(|| chip(Tone::Wait, Icon::Alert, t.drift()));
    let of = Group {
        title: t.canary(),
        digest: Some(&canary.digest),
        name: canary.tag.clone(),
        share,
        counts: (canary.running, canary.desired, canary.healthy),
        restarts: service.canary_restarts,
        port: canary.port,
        since: Some(canary.started_at),
        url: canary.url.as_deref(),
        log: format!("/regions/{}/{}/log?of=canary", region.column.region.name, service.app),
        flags: view! { {quarantined}{drifted} }.into_any(),
    };
    group(r, of)
}

/// What can be done about it: withdraw, extend, promote.
fn acts(r: &Reader, region: &RegionView, service: &RegionService, canary: &CanaryView) -> AnyView {
    let t = r.t;
    match canary.state {
        CanaryState::Starting => return note(t.canary_starts_note()),
        CanaryState::Returning | CanaryState::Returned => return note(t.canary_leaves_note()),
        CanaryState::Running => {}
    }
    if !region.may.contains(&Action::TendCanary) {
        return panel(t.canary_withdraw(), (), only(t, Action::TendCanary));
    }
    let form = Form::of(r, "/do/canaries/withdraw", None);
    let of = Guarded {
        action: "/do/canaries/withdraw",
        subject: ("id", canary.promotion.as_str()),
        hidden: Vec::new(),
        fields: ().into_any(),
        app: &service.app,
        password: region.password_needed,
        button: t.canary_withdraw(),
        hint: t.canary_withdraw_help(),
    };
    let back = (service.cell.back_to.is_some() && region.may.contains(&Action::RollBack)).then(|| {
        let href = format!("/regions/{}/{}/rollback", region.column.region.name, service.app);
        view! { <div class="row"><a class="btn danger" href=href>{icon(Icon::Back)}{t.rollback_after_canary()}</a></div> }
    });
    let promote = format!("/builds/{}?region={}#promote", canary.build, region.column.region.name);
    view! {
        <div class="two even">
            {panel(t.canary_withdraw(), (), guarded(r, &form, of))}
            <div class="column">
                {extend(r, canary)}
                <section class="panel pad stack">
                    <div class="row"><a class="btn go" href=promote>{t.canary_promote()}</a></div>
                    <p class="hint">{t.canary_promote_help()}</p>
                    {back}
                </section>
            </div>
        </div>
    }
    .into_any()
}

fn note(words: &'static str) -> AnyView {
    view! { <div class="note info" data-live="note">{icon(Icon::Turning)}<p>{words}</p></div> }.into_any()
}

fn extend(r: &Reader, canary: &CanaryView) -> AnyView {
    let t = r.t;
    if canary.more_hours < LEAST_HOURS {
        return panel(t.canary_extend(), (), view! { <p class="quiet pad">{t.canary_no_more()}</p> });
    }
    let form = Form::of(r, "/do/canaries/extend", None);
    let hours = Field::number("hours", t.canary_more_hours(), LEAST_HOURS, canary.more_hours, canary.more_hours.min(24));
    let content = view! {
        <form method="post" action="/do/canaries/extend" class="stack pad">
            {form.alert()}
            <input type="hidden" name="id" value=canary.promotion.to_string()/>
            {form.input(hours.hint(t.canary_most_hours(canary.more_hours)))}
            {form.area("reason", t.reason(), t.optional(), false)}
            <div class="row"><button class="btn">{icon(Icon::Clock)}{t.canary_extend_button()}</button></div>
        </form>
    };
    panel(t.canary_extend(), (), content)
}
