//! Settings: what is configured, people, tokens, hooks, and what the hooks received.

mod access;
mod configured;
mod deliveries;
mod hooks;
mod notifications;
mod people;
mod secrets;
mod stacks;

pub use deliveries::{Deliveries, Delivery};
pub use hooks::Hook;
pub use notifications::Notifications;
pub use stacks::{NewStack, StackPage, Stacks, result as stack_result};

use crate::parts::{Body, Reader, Section};
use crate::view::SettingsView;
use domain::Action;
use leptos::prelude::*;

/// `GET /settings`
#[component]
pub fn Settings() -> impl IntoView {
    crate::parts::page(|r| async move {
        let settings = r.port().settings(&r.actor).await?;
        let may = |action| settings.may.contains(&action);
        let people = may(Action::ManagePeople).then(|| people::people(&r, &settings));
        let tokens = may(Action::ManageTokens).then(|| access::tokens(&r, &settings));
        let hooks = may(Action::ManageHooks).then(|| hooks::hooks(&r, &settings));
        let secrets = may(Action::ManageSecrets).then(|| secrets::secrets(&r, &settings));
        let content = view! {
            {sections(&r, &settings)}
            <div class="column">
                {people}
                {tokens}
                {hooks}
                {secrets}
                {configured::apps(&r, &settings)}
                {may(Action::Configure).then(|| configured::engines(&r, &settings))}
                {configured::regions(&r, &settings)}
            </div>
        };
        let version = view! { <span class="quiet">{r.t.config_version(settings.config_version)}</span> };
        Ok(Body::new(Section::Settings, r.t.settings_title(), content).beside(version).topics("engines"))
    })
}

/// Links to the parts of the page, to the deliveries and to the notifications.
fn sections(r: &Reader, settings: &SettingsView) -> AnyView {
    let t = r.t;
    let may = |action| settings.may.contains(&action);
    let parts = [
        ("#people", t.people(), may(Action::ManagePeople)),
        ("#tokens", t.tokens(), may(Action::ManageTokens)),
        ("#hooks", t.hooks(), may(Action::ManageHooks)),
        ("#secrets", t.secrets(), may(Action::ManageSecrets)),
        ("#apps", t.apps(), true),
        ("/settings/stacks", t.stacks(), true),
        ("#engines", t.engines(), may(Action::Configure)),
        ("#regions", t.regions_section(), true),
        ("/settings/deliveries", t.deliveries(), may(Action::SeeDeliveries)),
        ("/settings/notifications", t.notifications(), may(Action::ManageNotifications)),
    ];
    let links =
        parts.into_iter().filter(|(.., shown)| *shown).map(|(href, word, _)| view! { <a href=href>{word}</a> }).collect_view();
    view! { <nav class="tabs bar" aria-label=t.sections()>{links}</nav> }.into_any()
}
