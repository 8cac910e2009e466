//! Slipway's pages, islands and server functions, and the port they call.
//!
//! Pages are rendered wholly on the server and need no scripts. The wasm module holds the
//! islands only: what makes an open page live.

pub mod islands;
pub mod plots;
pub mod port;
pub mod segments;
pub mod text;
pub mod view;

#[cfg(feature = "ssr")]
pub mod actions;
#[cfg(feature = "ssr")]
pub mod context;
#[cfg(feature = "ssr")]
pub mod pages;
#[cfg(feature = "ssr")]
pub mod parts;
#[cfg(feature = "ssr")]
pub mod proxied;
#[cfg(feature = "ssr")]
pub mod shell;

#[cfg(feature = "ssr")]
pub use context::{After, Assets, Flash, Notice, Theme, UiContext, Uploads};
#[cfg(feature = "ssr")]
pub use parts::status_of;
#[cfg(feature = "ssr")]
pub use shell::{App, problem_document, shell, stack_fragment};
pub use text::{Lang, Text};

/// Called by the page's own script once the module is there, before its islands wake.
#[cfg(feature = "hydrate")]
#[wasm_bindgen::prelude::wasm_bindgen]
pub fn hydrate() {
    console_error_panic_hook::set_once();
    leptos::mount::hydrate_islands();
}
