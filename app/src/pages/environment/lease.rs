//! The lease of an environment: until when, whose, and what its holder can decide.

use crate::pages::environments::lease;
use crate::parts::{Field, Form, Icon, Reader, fact, icon, panel};
use crate::text::Text;
use crate::view::EnvironmentView;
use domain::Action;
use domain::lease::EnvironmentState;
use leptos::prelude::*;

/// What an extension begins with.
const USUAL_HOURS: u32 = 4;

/// Said on top of the page while the lease is about to end.
pub(super) fn note(r: &Reader, environment: &EnvironmentView) -> AnyView {
    let t = r.t;
    let row = &environment.row;
    if !row.ends_soon || row.state == EnvironmentState::Stopping {
        return ().into_any();
    }
    let keeps = environment.may.contains(&Action::KeepEnvironment);
    let help = if keeps { t.lease_soon_help().to_owned() } else { t.lease_soon_other(&row.holder_name) };
    view! {
        <div class="note wait" role="status">
            {icon(Icon::Clock)}
            <div><b>{t.lease_ends_soon()}": "{lease(r, row)}</b><p>{help}</p></div>
        </div>
    }
    .into_any()
}

/// Who holds it, until when, and the forms of whoever decides about that.
pub(super) fn section(r: &Reader, environment: &EnvironmentView) -> AnyView {
    let t = r.t;
    let row = &environment.row;
    let keeps = environment.may.contains(&Action::KeepEnvironment);
    let facts = view! {
        <dl class="facts">
            {fact(t.col_holder(), row.holder_name.clone())}
            {fact(t.col_lease(), lease(r, row))}
        </dl>
    };
    let forms = keeps.then(|| {
        let extend = (row.state != EnvironmentState::Queued).then(|| extend(r, environment));
        view! { <div class="folds">{extend}{hand_over(r, environment)}</div> }
    });
    panel(t.lease_title(), (), view! { {facts}{forms} })
}

fn extend(r: &Reader, environment: &EnvironmentView) -> AnyView {
    let t = r.t;
    let room = environment.lease_room;
    if room == 0 {
        return view! { <p class="quiet pad-line">{t.lease_no_room()}</p> }.into_any();
    }
    let form = Form::of(r, "/do/environments/extend", None);
    let hours = Field::number("hours", t.extend_by(), 1, room, USUAL_HOURS.min(room)).hint(t.extend_room(room));
    view! {
        <details class="fold" open=form.refused()>
            <summary>{t.extend()}</summary>
            <form method="post" action="/do/environments/extend" class="form">
                {form.alert()}
                <input type="hidden" name="id" value=environment.row.id.to_string()/>
                {form.input(hours)}
                <button class="btn">{t.extend()}</button>
            </form>
        </details>
    }
    .into_any()
}

fn hand_over(r: &Reader, environment: &EnvironmentView) -> AnyView {
    let t = r.t;
    if environment.hand_to.is_empty() {
        return ().into_any();
    }
    let form = Form::of(r, "/do/environments/hand-over", None);
    let choices = environment.hand_to.iter().map(|name| (name.clone(), name.clone())).collect();
    view! {
        <details class="fold" open=form.refused()>
            <summary>{t.hand_over()}</summary>
            <form method="post" action="/do/environments/hand-over" class="form">
                {form.alert()}
                <input type="hidden" name="id" value=environment.row.id.to_string()/>
                {form.select("to", t.hand_over_to(), choices, None)}
                <p class="quiet">{t.hand_over_hint()}</p>
                <button class="btn">{t.hand_over()}</button>
            </form>
        </details>
    }
    .into_any()
}

/// Freeze and thaw, for whoever decides about it.
pub(super) fn act(t: Text, environment: &EnvironmentView) -> AnyView {
    if !environment.may.contains(&Action::KeepEnvironment) {
        return ().into_any();
    }
    let button = |action: &'static str, which: Icon, word: &'static str, title: &'static str| {
        view! {
            <form method="post" action=action>
                <input type="hidden" name="id" value=environment.row.id.to_string()/>
                <button class="btn" title=title>{icon(which)}{word}</button>
            </form>
        }
        .into_any()
    };
    match environment.row.state {
        EnvironmentState::Running | EnvironmentState::Failed => {
            button("/do/environments/freeze", Icon::Minus, t.freeze(), t.freeze_help())
        }
        EnvironmentState::Frozen => button("/do/environments/thaw", Icon::Turning, t.thaw(), ""),
        _ => ().into_any(),
    }
}

/// The button beside one service.
pub(super) fn restart(t: Text, environment: &EnvironmentView, service: &str) -> AnyView {
    let up = matches!(environment.row.state, EnvironmentState::Running | EnvironmentState::Failed);
    if !up || !environment.may.contains(&Action::KeepEnvironment) {
        return ().into_any();
    }
    view! {
        <form method="post" action="/do/environments/restart" class="inline">
            <input type="hidden" name="id" value=environment.row.id.to_string()/>
            <input type="hidden" name="service" value=service.to_owned()/>
            <button class="btn small" aria-label=t.restart_of(service)>{t.restart()}</button>
        </form>
    }
    .into_any()
}
