//! S.

use crate::parts::{Body, Section, page};
use leptos::prelude::*;

#[component]
pub fn Settings() -> impl IntoView {
    page(|r| async move { Ok(Body::new(Section::Settings, r.t.settings_title(), ())) })
}

#[component]
pub fn Deliveries() -> impl IntoView {
    page(|r| async move { Ok(Body::new(Section::Settings, r.t.deliveries(), ())) })
}
