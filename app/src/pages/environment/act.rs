//! What can be done with an environment, on the right of its title.

use super::super::launch::clone_path;
use super::lease;
use super::under_test;
use crate::parts::{Icon, Reader, icon, path_with};
use crate::view::EnvironmentView;
use domain::Action;
use domain::lease::EnvironmentState;
use domain::promotion::set::LEAST_MEMBERS;
use leptos::prelude::*;

/// Open what it publishes, put another build in it, launch the same again, and stop it.
pub(super) fn act(r: &Reader, environment: &EnvironmentView) -> AnyView {
    let t = r.t;
    let row = &environment.row;
    let stop = if row.state == EnvironmentState::Queued { t.cancel_launch() } else { t.stop_environment() };
    let stop = (row.state.can_stop() && environment.may.contains(&Action::StopEnvironment)).then(|| {
        view! {
            <form method="post" action="/do/environments/stop">
                <input type="hidden" name="id" value=row.id.to_string()/>
                <button class="btn danger">{icon(Icon::Stop)}{stop}</button>
            </form>
        }
    });
    let open = (row.state == EnvironmentState::Running).then(|| row.links.first()).flatten().and_then(|link| {
        let url = crate::parts::web_address(&link.url)?;
        let word = t.open_service(&link.service);
        Some(view! { <a class="btn primary" href=url target="_blank" rel="noopener noreferrer">{word}{icon(Icon::Outside)}</a> })
    });
    let promote = (row.builds.len() >= LEAST_MEMBERS && environment.may.contains(&Action::RequestPromotion)).then(|| {
        let href = path_with("/promotions/sets/new", &[("from", Some(row.id.as_str()))]);
        view! { <a class="btn" href=href>{t.promote_these()}</a> }
    });
    view! { {again(r, environment)}{promote}{stop}{lease::act(t, environment)}{open} }.into_any()
}

/// Another of its kind, or another build in it.
fn again(r: &Reader, environment: &EnvironmentView) -> AnyView {
    let t = r.t;
    let row = &environment.row;
    if !environment.may.contains(&Action::LaunchEnvironment) {
        return ().into_any();
    }
    let clone = under_test(environment).map(|build| {
        view! { <a class="btn" href=clone_path(&build.build, &row.id)>{t.clone_environment()}</a> }
    });
    let replace = matches!(row.state, EnvironmentState::Running | EnvironmentState::Failed).then(|| {
        let href = format!("/environments/{}/replace", row.id);
        view! { <a class="btn" href=href>{icon(Icon::Turning)}{t.replace()}</a> }
    });
    let relaunch = matches!(row.state, EnvironmentState::Stopping | EnvironmentState::Stopped).then(|| {
        view! {
            <form method="post" action="/do/environments/relaunch">
                <input type="hidden" name="id" value=row.id.to_string()/>
                <button class="btn primary">{icon(Icon::Play)}{t.relaunch()}</button>
            </form>
        }
    });
    view! { {clone}{replace}{relaunch} }.into_any()
}
