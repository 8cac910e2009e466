//! E.

use crate::parts::{Body, Section, page};
use leptos::prelude::*;

#[component]
pub fn Environments() -> impl IntoView {
    page(|r| async move { Ok(Body::new(Section::Environments, r.t.environments_title(), ())) })
}

#[component]
pub fn Environment() -> impl IntoView {
    page(|r| async move { Ok(Body::new(Section::Environments, r.t.environments_title(), ())) })
}
