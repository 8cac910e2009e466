//! Builds.

use crate::parts::{Body, Section, page};
use leptos::prelude::*;

#[component]
pub fn Builds() -> impl IntoView {
    page(|r| async move { Ok(Body::new(Section::Builds, r.t.builds_title(), ())) })
}

#[component]
pub fn Build() -> impl IntoView {
    page(|r| async move { Ok(Body::new(Section::Builds, r.t.builds_title(), ())) })
}
