//! The logs of an environment: of one service or of all in the order of time, searched on the server,
//! readable without scripts and followed with them.

use super::super::query;
use super::Tab;
use crate::islands::LogTail;
use crate::parts::{Icon, Reader, icon, path_with};
use crate::segments::segments;
use crate::text::Text;
use crate::view::{EnvironmentView, LogLine, LogPage, LogQuery};
use chrono::SecondsFormat;
use domain::Problem;
use domain::lease::EnvironmentState;
use domain::log::LogSince;
use leptos::prelude::*;

/// Lines of the past on the page.
const LINES: u32 = 500;
/// Service names have so many colours.
const COLOURS: usize = 6;

/// How the reader wants the logs, as it stands in the address.
#[derive(Clone, Default)]
pub(super) struct Wish {
    service: Option<String>,
    since: LogSince,
    q: Option<String>,
    /// Long lines run out of the box instead of being broken.
    unwrapped: bool,
    times: bool,
}

impl Wish {
    pub fn asked() -> Self {
        Self {
            service: query("service"),
            since: query("since").and_then(|word| word.parse().ok()).unwrap_or_default(),
            q: query("q").map(|q| q.trim().chars().take(200).collect()).filter(|q: &String| !q.is_empty()),
            unwrapped: query("wrap").as_deref() == Some("off"),
            times: query("times").as_deref() == Some("on"),
        }
    }

    /// The address of the tab with this wish.
    fn href(&self, environment: &EnvironmentView) -> String {
        let pairs = [
            ("tab", Some(Tab::Logs.as_str())),
            ("service", self.service.as_deref()),
            ("since", Some(self.since.as_str()).filter(|_| self.since != LogSince::All)),
            ("q", self.q.as_deref()),
            ("wrap", self.unwrapped.then_some("off")),
            ("times", self.times.then_some("on")),
        ];
        path_with(&format!("/environments/{}", environment.row.id), &pairs)
    }
}

/// What the tab holds.
pub(super) async fn logs(r: &Reader, environment: &EnvironmentView, wish: Wish) -> AnyView {
    let t = r.t;
    if environment.services.is_empty() {
        return match environment.row.state {
            EnvironmentState::Stopped => ().into_any(),
            _ => view! { <section class="panel" data-live="log"><p class="quiet pad">{t.no_services()}</p></section> }.into_any(),
        };
    }
    let names: Vec<String> = environment.services.iter().map(|service| service.name.clone()).collect();
    let service = wish.service.clone().filter(|name| names.contains(name)).or_else(|| only_one(&names));
    let wish = Wish { service, ..wish };
    let asked = LogQuery { service: wish.service.clone(), since: wish.since, q: wish.q.clone(), lines: Some(LINES) };
    let page = r.port().log_page(&r.actor, &environment.row.id, asked).await;
    view! { <div data-live="log">{section(t, environment, &names, &wish, &page)}</div><LogTail/> }.into_any()
}

fn only_one(names: &[String]) -> Option<String> {
    match names {
        [one] => Some(one.clone()),
        _ => None,
    }
}

fn section(t: Text, environment: &EnvironmentView, names: &[String], wish: &Wish, page: &Result<LogPage, Problem>) -> AnyView {
    let follows = follows(environment);
    let toggle = follows.then(|| {
        view! { <button type="button" class="btn small js" data-follow="" aria-pressed="true">{t.log_follow()}</button> }
    });
    view! {
        <section class="panel" id="log">
            <div class="panel-head">
                <h2>{t.log()}</h2>
                {services(t, environment, names, wish)}
                {toggle}
            </div>
            {bar(t, environment, wish)}
            {page.as_ref().ok().and_then(|page| found(t, environment, wish, page))}
            {text(t, environment, names, wish, page)}
            <p class="log-note quiet">{note(t, page)}</p>
        </section>
    }
    .into_any()
}

fn follows(environment: &EnvironmentView) -> bool {
    environment.row.state.is_up()
}

/// All services, or one of them.
fn services(t: Text, environment: &EnvironmentView, names: &[String], wish: &Wish) -> AnyView {
    let link = |service: Option<&String>, class: String, word: String| {
        let href = Wish { service: service.cloned(), ..wish.clone() }.href(environment);
        let here = wish.service.as_ref() == service;
        view! { <a href=href class=class aria-current=here.then_some("true")>{word}</a> }
    };
    let all = (names.len() > 1).then(|| link(None, String::new(), t.all_services().to_owned()));
    let each = names
        .iter()
        .enumerate()
        .map(|(place, name)| link(Some(name), format!("who s{}", place % COLOURS), name.clone()))
        .collect_view();
    view! { <nav class="tabs small" aria-label=t.services()>{all}{each}</nav> }.into_any()
}

/// How far back, what is sought, how it is drawn, and the file.
fn bar(t: Text, environment: &EnvironmentView, wish: &Wish) -> AnyView {
    let since = LogSince::ALL
        .into_iter()
        .map(|since| {
            let href = Wish { since, ..wish.clone() }.href(environment);
            view! { <a href=href aria-current=(since == wish.since).then_some("true")>{t.log_since(since)}</a> }
        })
        .collect_view();
    let switch = |on: bool, wish: Wish, word: &'static str| {
        let href = wish.href(environment);
        view! { <a class="btn small switch" class:on=on href=href aria-current=on.then_some("true")>{word}</a> }
    };
    let file = path_with(
        &format!("/environments/{}/log.txt", environment.row.id),
        &[
            ("service", wish.service.as_deref()),
            ("since", Some(wish.since.as_str()).filter(|_| wish.since != LogSince::All)),
            ("times", wish.times.then_some("true")),
        ],
    );
    view! {
        <div class="log-bar">
            {search(t, environment, wish)}
            <nav class="tabs small" aria-label=t.log_since_label()>{since}</nav>
            <span class="log-acts">
                {switch(!wish.unwrapped, Wish { unwrapped: !wish.unwrapped, ..wish.clone() }, t.log_wrap())}
                {switch(wish.times, Wish { times: !wish.times, ..wish.clone() }, t.log_times())}
                <a class="btn small" href=file download="">{icon(Icon::Download)}{t.log_download()}</a>
            </span>
        </div>
    }
    .into_any()
}

/// The form asks the server; while one types, what is on the page is filtered.
fn search(t: Text, environment: &EnvironmentView, wish: &Wish) -> AnyView {
    let path = format!("/environments/{}", environment.row.id);
    let kept = [
        ("tab", Some(Tab::Logs.as_str().to_owned())),
        ("service", wish.service.clone()),
        ("since", Some(wish.since.as_str().to_owned()).filter(|_| wish.since != LogSince::All)),
        ("wrap", wish.unwrapped.then(|| "off".to_owned())),
        ("times", wish.times.then(|| "on".to_owned())),
    ];
    let kept = kept
        .into_iter()
        .filter_map(|(name, value)| Some((name, value?)))
        .map(|(name, value)| view! { <input type="hidden" name=name value=value/> })
        .collect_view();
    view! {
        <form class="log-search" method="get" action=path role="search">
            {kept}
            <span class="search">
                {icon(Icon::Search)}
                <input
                    id="log-q"
                    name="q"
                    type="search"
                    placeholder=t.log_search()
                    aria-label=t.log_search()
                    title=t.log_search_hint()
                    value=wish.q.clone()
                    maxlength="200"
                    autocomplete="off"
                    autocapitalize="off"
                    spellcheck="false"
                    data-search=""
                    data-log-filter=""
                />
            </span>
            <button class="btn small">{t.search()}</button>
        </form>
    }
    .into_any()
}

/// How many lines hold what was sought.
fn found(t: Text, environment: &EnvironmentView, wish: &Wish, page: &LogPage) -> Option<AnyView> {
    let found = page.found?;
    let href = Wish { q: None, ..wish.clone() }.href(environment);
    let shown = u64::try_from(page.lines.len()).unwrap_or(u64::MAX);
    let newest = (shown < found).then(|| view! { <span class="quiet">{t.log_newest_hits(page.lines.len())}</span> });
    let cut = (!page.whole).then(|| view! { <span class="quiet">{t.log_search_cut()}</span> });
    Some(
        view! {
            <p class="log-found" role="status">
                <b>{t.log_hits(found, page.read)}</b>
                {newest}
                {cut}
                <a href=href>{t.log_show_all()}</a>
            </p>
        }
        .into_any(),
    )
}

fn note(t: Text, page: &Result<LogPage, Problem>) -> &'static str {
    match page {
        Ok(page) if page.found.is_some() => t.log_found_note(),
        Ok(page) if page.lines.is_empty() => t.log_empty(),
        Ok(_) => t.log_tail_note(),
        Err(_) => t.log_away(),
    }
}

fn text(t: Text, environment: &EnvironmentView, names: &[String], wish: &Wish, page: &Result<LogPage, Problem>) -> AnyView {
    let place = |name: &str| names.iter().position(|other| other == name).unwrap_or_default();
    let sought = wish.q.as_deref().unwrap_or_default();
    let lines = page.as_ref().map(|page| page.lines.as_slice()).unwrap_or_default();
    let lines = lines
        .iter()
        .map(|line| draw(line, wish.service.is_none().then(|| place(&line.service)), wish.times, sought))
        .collect_view();
    // With something sought the past stands here already, and only what comes is added.
    let tail = if sought.is_empty() { LINES } else { 0 };
    let source = follows(environment).then(|| {
        let one = wish.service.as_ref().map(|service| format!("/{service}")).unwrap_or_default();
        let since = if wish.since == LogSince::All { String::new() } else { format!("&since={}", wish.since.as_str()) };
        format!("/environments/{}/logs{one}?tail={tail}{since}", environment.row.id)
    });
    let label = wish.service.as_ref().map_or_else(|| t.log_of_all().to_owned(), |service| t.log_of(service));
    view! {
        <pre
            class="log"
            class:unwrapped=wish.unwrapped
            tabindex="0"
            role="log"
            aria-label=label
            data-log=source
            data-runs=runs(environment, wish)
            data-names=wish.service.is_none().then(|| names.join("\n"))
            data-times=wish.times.then_some("on")
            data-sought=wish.q.clone()
            data-gap=t.log_gap()
            data-end=t.log_end()
            data-away=t.log_away()
        >
            {lines}
        </pre>
    }
    .into_any()
}

/// Which of the services run that are looked at: the island follows again what began again.
fn runs(environment: &EnvironmentView, wish: &Wish) -> String {
    let seen = environment.services.iter().filter(|service| wish.service.as_ref().is_none_or(|name| *name == service.name));
    let seen = seen.map(|service| format!("{} {}", service.name, service.state));
    [environment.row.state.as_str().to_owned()].into_iter().chain(seen).collect::<Vec<_>>().join("\n")
}

/// One line, as the island draws it too.
fn draw(line: &LogLine, place: Option<usize>, times: bool, sought: &str) -> AnyView {
    let at = times.then_some(line.at).flatten().map(|at| {
        let (iso, words) = (at.to_rfc3339_opts(SecondsFormat::Millis, true), at.format("%H:%M:%S%.3f ").to_string());
        view! { <time class="at" datetime=iso>{words}</time> }
    });
    let who = place.map(|place| {
        let (class, name) = (format!("who s{}", place % COLOURS), format!("{} ", line.service));
        view! { <span class=class>{name}</span> }
    });
    let pieces: Vec<(u32, String)> = line.pieces.iter().map(|piece| (piece.chars, piece.look.clone())).collect();
    let parts = segments(&line.text, &pieces, sought)
        .into_iter()
        .map(|part| {
            let (text, look) = (part.text.to_owned(), part.look.to_owned());
            if part.hit {
                view! { <mark class=look>{text}</mark> }.into_any()
            } else if look.is_empty() {
                view! { {text} }.into_any()
            } else {
                view! { <span class=look>{text}</span> }.into_any()
            }
        })
        .collect_view();
    view! { <span class="l" class:err=line.err>{at}{who}{parts}"\n"</span> }.into_any()
}
