//! P.

use crate::parts::{Body, Section, page};
use leptos::prelude::*;

#[component]
pub fn Promotions() -> impl IntoView {
    page(|r| async move { Ok(Body::new(Section::Promotions, r.t.promotions_title(), ())) })
}

#[component]
pub fn Promotion() -> impl IntoView {
    page(|r| async move { Ok(Body::new(Section::Promotions, r.t.promotions_title(), ())) })
}
