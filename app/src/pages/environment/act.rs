//! What can be done with an environment, on the right of its title.

use crate::parts::{Icon, Reader, icon};
use crate::view::EnvironmentView;
use domain::Action;
use domain::lease::EnvironmentState;
use leptos::prelude::*;

/// Open what it publishes, and stop it.
pub(super) fn act(r: &Reader, environment: &EnvironmentView) -> AnyView {
    let t = r.t;
    let row = &environment.row;
    let going = matches!(row.state, EnvironmentState::Launching | EnvironmentState::Running | EnvironmentState::Failed);
    let stop = (going && environment.may.contains(&Action::StopEnvironment)).then(|| {
        view! {
            <form method="post" action="/do/environments/stop">
                <input type="hidden" name="id" value=row.id.to_string()/>
                <button class="btn danger">{icon(Icon::Stop)}{t.stop_environment()}</button>
            </form>
        }
    });
    let open = (row.state == EnvironmentState::Running).then(|| row.links.first()).flatten().and_then(|link| {
        let url = crate::parts::web_address(&link.url)?;
        let word = t.open_service(&link.service);
        Some(view! { <a class="btn primary" href=url target="_blank" rel="noopener noreferrer">{word}{icon(Icon::Outside)}</a> })
    });
    view! { {stop}{open} }.into_any()
}
