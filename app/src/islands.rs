//! The islands: what makes an open page live. No page needs them.
//!
//! They carry no data and no words of their own: they read what the server wrote into the
//! page's attributes. Behaviour inside a refreshed part of the page hangs on listeners of
//! the document, so a refresh loses nothing.

#[cfg(feature = "hydrate")]
mod dom;
#[cfg(feature = "hydrate")]
mod live;
#[cfg(feature = "hydrate")]
mod log;
#[cfg(feature = "hydrate")]
mod manners;
#[cfg(feature = "hydrate")]
mod morph;
#[cfg(feature = "hydrate")]
mod plots;
#[cfg(feature = "hydrate")]
mod stack;

use leptos::prelude::*;

/// Keeps the page true: hears hints from `/events` and takes over what changed.
#[island]
pub fn Live() -> impl IntoView {
    #[cfg(feature = "hydrate")]
    live::start();
}

/// Small manners of every page: times that tick, digests that copy, the guarded button,
/// and `/` for the search box.
#[island]
pub fn Manners() -> impl IntoView {
    #[cfg(feature = "hydrate")]
    manners::start();
}

/// Follows the log that stands on the page.
#[island]
pub fn LogTail() -> impl IntoView {
    #[cfg(feature = "hydrate")]
    log::start();
}

/// Keeps the plots of what containers use going.
#[island]
pub fn Plots() -> impl IntoView {
    #[cfg(feature = "hydrate")]
    plots::start();
}

/// Checks a stack's text while it is typed.
#[island]
pub fn StackEditor() -> impl IntoView {
    #[cfg(feature = "hydrate")]
    stack::start();
}
