//! Who hears of what, and what became of the messages.

use crate::pages::query;
use crate::parts::{Body, Form, Icon, Reader, Section, Tone, chip, empty, icon, pager, panel, path_with, when};
use crate::text::{Lang, Text};
use crate::view::{MessageFilter, MessageRow, NotificationsView, Page, Paging, TargetView};
use domain::notify::{MessageLang, MessageState, RouteConfig};
use leptos::prelude::*;

const HERE: &str = "/settings/notifications";

/// `GET /settings/notifications?target=&state=&cursor=`
#[component]
pub fn Notifications() -> impl IntoView {
    let filter = MessageFilter { target: query("target"), state: query("state").and_then(|word| MessageState::from_word(&word)) };
    let cursor = query("cursor");
    crate::parts::page(move |r| async move {
        let t = r.t;
        let told = r.port().notification_targets(&r.actor).await?;
        let paging = Paging { cursor: cursor.clone(), limit: None };
        let messages = r.port().messages(&r.actor, filter.clone(), paging).await?;
        let content = view! {
            <p class="lead-in">{t.notifications_help()}</p>
            <div class="column">
                <div id="targets" data-live="targets">{panel(t.targets(), (), targets(&r, &told.targets))}</div>
                <div id="routes" data-live="routes">{panel(t.routes(), (), routes(t, &told.routes))}</div>
                <div id="messages">
                    <div class="bar">{tabs(t, &filter)}{choose_target(&r, &told, &filter)}</div>
                    <div class="panel" data-live="messages">{history(&r, &filter, cursor.as_deref(), &messages)}</div>
                </div>
            </div>
        };
        Ok(Body::new(Section::Settings, t.notifications(), content)
            .crumb("/settings", t.settings_title())
            .topics("notifications,settings"))
    })
}

fn targets(r: &Reader, targets: &[TargetView]) -> AnyView {
    let t = r.t;
    if targets.is_empty() {
        return empty(t.no_targets(), view! { <p>{t.no_targets_help()}</p> });
    }
    let rows = targets.iter().map(|target| target_row(r, target)).collect_view();
    view! {
        <table class="cards">
            <thead>
                <tr>
                    <th scope="col">{t.called()}</th>
                    <th scope="col">{t.col_kind()}</th>
                    <th scope="col">{t.col_language()}</th>
                    <th scope="col">{t.col_quiet()}</th>
                    <th scope="col">{t.col_last_sent()}</th>
                    <th scope="col">{t.col_last_problem()}</th>
                    <th scope="col">{t.state()}</th>
                    <th scope="col" class="end"><span class="sr">{t.col_act()}</span></th>
                </tr>
            </thead>
            <tbody>{rows}</tbody>
        </table>
    }
    .into_any()
}

fn target_row(r: &Reader, target: &TargetView) -> AnyView {
    let t = r.t;
    let lang = match target.lang {
        MessageLang::En => Lang::En,
        MessageLang::Zh => Lang::Zh,
    };
    let quiet = target.quiet.as_ref().map(|quiet| {
        let zone = quiet.time_zone.clone().unwrap_or_else(|| "UTC".to_owned());
        format!("{}–{} {zone}", quiet.from, quiet.until)
    });
    let sent = match target.sent_at {
        Some(at) => when(r, at),
        None => view! { {t.never()} }.into_any(),
    };
    let problem = target.failed_at.map(|at| {
        let why = target.why.clone();
        view! { <span class="quiet">{when(r, at)}</span>" "<span class="said">{why}</span> }
    });
    view! {
        <tr>
            <td class="c-name"><b>{target.name.clone()}</b></td>
            <td class="c-kind">{target.kind.name()}</td>
            <td class="c-lang" data-label=t.col_language()>{lang.own_name()}</td>
            <td class="c-quiet" data-label=t.col_quiet()>{quiet}</td>
            <td class="c-when" data-label=t.col_last_sent()><span class="quiet">{sent}</span></td>
            <td class="c-detail" data-label=t.col_last_problem()>{problem}</td>
            <td class="c-state">{counts(t, target)}</td>
            <td class="c-act end">{test(r, &target.name)}</td>
        </tr>
    }
    .into_any()
}

/// What waits and what was given up, each leading to the list of those.
fn counts(t: Text, target: &TargetView) -> AnyView {
    let link = |state: MessageState, tone, which, word: String| {
        let href = path_with(HERE, &[("target", Some(target.name.as_str())), ("state", Some(state.as_str()))]);
        view! { <a href=format!("{href}#messages")>{chip(tone, which, word)}</a> }
    };
    let waiting =
        (target.waiting > 0).then(|| link(MessageState::Waiting, Tone::Info, Icon::Clock, t.waiting_messages(target.waiting)));
    let dead = (target.dead > 0).then(|| link(MessageState::Dead, Tone::Bad, Icon::Cross, t.dead_messages(target.dead)));
    view! { <span class="chips">{waiting}{dead}</span> }.into_any()
}

fn test(r: &Reader, name: &str) -> AnyView {
    let action = "/do/notifications/test";
    let form = Form::of(r, action, Some(("target", name)));
    let (value, label) = (name.to_owned(), r.t.send_test_to(name));
    view! {
        <form method="post" action=action>
            {form.alert()}
            <input type="hidden" name="target" value=value/>
            <button class="btn small" aria-label=label>{r.t.send_test()}</button>
        </form>
    }
    .into_any()
}

fn routes(t: Text, routes: &[RouteConfig]) -> AnyView {
    if routes.is_empty() {
        return view! { <p class="quiet pad">{t.no_routes()}</p> }.into_any();
    }
    let or = |list: &[String], all: &'static str| if list.is_empty() { all.to_owned() } else { list.join(", ") };
    let row = |route: &RouteConfig| {
        let events: Vec<String> = route.events.iter().map(|event| t.event(*event).to_owned()).collect();
        view! {
            <tr>
                <td class="c-what">{or(&events, t.every_event())}</td>
                <td class="c-app" data-label=t.app()>{or(&route.apps, t.every_app())}</td>
                <td class="c-channel" data-label=t.col_channels()>{or(&route.channels, t.every_channel())}</td>
                <td class="c-target" data-label=t.col_to()><b>{route.targets.join(", ")}</b></td>
                <td class="c-who" data-label=t.col_mentions()>{route.mention.join(", ")}</td>
            </tr>
        }
    };
    view! {
        <table class="cards">
            <thead>
                <tr>
                    <th scope="col">{t.col_events()}</th>
                    <th scope="col">{t.app()}</th>
                    <th scope="col">{t.col_channels()}</th>
                    <th scope="col">{t.col_to()}</th>
                    <th scope="col">{t.col_mentions()}</th>
                </tr>
            </thead>
            <tbody>{routes.iter().map(row).collect_view()}</tbody>
        </table>
    }
    .into_any()
}

fn tabs(t: Text, filter: &MessageFilter) -> AnyView {
    let tab = |state: Option<MessageState>| {
        let pairs = [("target", filter.target.as_deref()), ("state", state.map(MessageState::as_str))];
        let href = format!("{}#messages", path_with(HERE, &pairs));
        let word = state.map_or(t.all(), |state| state_word(t, state));
        view! { <a href=href aria-current=(state == filter.state).then_some("true")>{word}</a> }
    };
    let states = MessageState::ALL.into_iter().map(|state| tab(Some(state))).collect_view();
    view! { <nav class="tabs" aria-label=t.state()>{tab(None)}{states}</nav> }.into_any()
}

/// Which target's messages are listed: a form that asks for the same page.
fn choose_target(r: &Reader, told: &NotificationsView, filter: &MessageFilter) -> AnyView {
    let t = r.t;
    let every = (String::new(), t.every_target().to_owned());
    let names = told.targets.iter().map(|target| (target.name.clone(), target.name.clone()));
    let form = Form::new(t, None, HERE, None);
    let choices: Vec<(String, String)> = std::iter::once(every).chain(names).collect();
    let state = filter.state.map(|state| view! { <input type="hidden" name="state" value=state.as_str()/> });
    view! {
        <form method="get" action=HERE class="row">
            {state}
            {form.select("target", t.col_target(), choices, filter.target.as_deref())}
            <button class="btn small">{t.search()}</button>
        </form>
    }
    .into_any()
}

const fn state_word(t: Text, state: MessageState) -> &'static str {
    match state {
        MessageState::Waiting => t.message_waiting(),
        MessageState::Delivered => t.message_delivered(),
        MessageState::Dead => t.message_dead(),
    }
}

fn history(r: &Reader, filter: &MessageFilter, cursor: Option<&str>, messages: &Page<MessageRow>) -> AnyView {
    let t = r.t;
    if messages.items.is_empty() {
        let (title, help) = if *filter == MessageFilter::default() {
            (t.no_messages(), t.no_messages_help())
        } else {
            (t.no_such_messages(), t.no_such_messages_help())
        };
        return empty(title, view! { <p>{help}</p> });
    }
    let rows = messages.items.iter().map(|message| row(r, message)).collect_view();
    let kept = [("target", filter.target.as_deref()), ("state", filter.state.map(MessageState::as_str))];
    view! {
        <table class="cards record">
            <thead>
                <tr>
                    <th scope="col">{t.msg_time()}</th>
                    <th scope="col">{t.state()}</th>
                    <th scope="col">{t.col_target()}</th>
                    <th scope="col">{t.col_message()}</th>
                    <th scope="col">{t.col_tries()}</th>
                    <th scope="col">{t.col_why()}</th>
                    <th scope="col" class="end"><span class="sr">{t.col_act()}</span></th>
                </tr>
            </thead>
            <tbody>{rows}</tbody>
        </table>
        {pager(t, HERE, &kept, cursor, messages.next.as_deref())}
    }
    .into_any()
}

fn row(r: &Reader, message: &MessageRow) -> AnyView {
    let t = r.t;
    let (tone, which) = match message.state {
        MessageState::Waiting => (Tone::Info, Icon::Clock),
        MessageState::Delivered => (Tone::Ok, Icon::Check),
        MessageState::Dead => (Tone::Bad, Icon::Cross),
    };
    let due = message.due_at.map(|at| view! { <span class="quiet">{t.due()}" "{when(r, at)}</span> });
    let pieces = (message.pieces > 1).then(|| view! { <span class="quiet">{t.pieces(message.pieces)}</span> });
    let (app, subject) = (message.app.clone(), message.subject.clone());
    view! {
        <tr id=format!("m-{}", message.id)>
            <td class="c-when"><span class="quiet">{when(r, message.ended_at.unwrap_or(message.created_at))}</span></td>
            <td class="c-state"><span class="chips">{chip(tone, which, state_word(t, message.state))}{due}</span></td>
            <td class="c-target"><b>{message.target.clone()}</b></td>
            <td class="c-what">{t.event(message.event)}" "<b>{app}</b>" "{subject}" "{pieces}</td>
            <td class="c-tries" data-label=t.col_tries()>{message.tries}</td>
            <td class="c-detail"><span class="said">{message.why.clone()}</span></td>
            <td class="c-act end">{(message.state == MessageState::Dead).then(|| replay(r, message))}</td>
        </tr>
    }
    .into_any()
}

fn replay(r: &Reader, message: &MessageRow) -> AnyView {
    let (action, id) = ("/do/notifications/replay", message.id.to_string());
    let form = Form::of(r, action, Some(("id", id.as_str())));
    let label = r.t.replay_of(&message.subject);
    view! {
        <form method="post" action=action>
            {form.alert()}
            <input type="hidden" name="id" value=id/>
            <button class="btn small" aria-label=label>{icon(Icon::Turning)}{r.t.replay_message()}</button>
        </form>
    }
    .into_any()
}
