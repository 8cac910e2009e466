//! A.

use crate::parts::{Body, Section, page};
use leptos::prelude::*;

#[component]
pub fn Activity() -> impl IntoView {
    page(|r| async move { Ok(Body::new(Section::Activity, r.t.activity_title(), ())) })
}
