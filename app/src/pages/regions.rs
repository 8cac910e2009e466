//! R.

use crate::parts::{Body, Section, page};
use leptos::prelude::*;

#[component]
pub fn Regions() -> impl IntoView {
    page(|r| async move { Ok(Body::new(Section::Regions, r.t.regions_title(), ())) })
}

#[component]
pub fn Rollback() -> impl IntoView {
    page(|r| async move { Ok(Body::new(Section::Regions, r.t.regions_title(), ())) })
}
