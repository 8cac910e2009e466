//! The actions: server functions under `/do`, each one call of the port.
//!
//! A plain form posts to them, so nothing here needs scripts. On success they lead on to
//! the new thing where there is one, and else back to the page; on a refusal the server
//! leads back to the form with the [`Problem`] and what had been filled in.

mod builds;
mod canaries;
mod environments;
mod launch;
mod notifications;
mod people;
mod promotions;
mod regions;
mod sets;
mod stacks;

pub use builds::*;
pub use canaries::*;
pub use environments::*;
pub use launch::*;
pub use notifications::*;
pub use people::*;
pub use promotions::*;
pub use regions::*;
pub use sets::*;
pub use stacks::*;

use domain::Problem;
use domain::problem::Fault;
use leptos::prelude::use_context;
use leptos::server_fn::codec::JsonEncoding;
use leptos::server_fn::error::{FromServerFnError, ServerFnErrorErr};
use leptos_axum::ResponseOptions;
use serde::{Deserialize, Serialize};

/// A refusal as it crosses the wire: the problem as JSON.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct UiError {
    pub problem: Problem,
}

impl From<Problem> for UiError {
    fn from(problem: Problem) -> Self {
        Self { problem }
    }
}

impl FromServerFnError for UiError {
    type Encoder = JsonEncoding;

    fn from_server_fn_error(error: ServerFnErrorErr) -> Self {
        let problem = match error {
            ServerFnErrorErr::Args(detail) | ServerFnErrorErr::MissingArg(detail) | ServerFnErrorErr::Deserialization(detail) => {
                Problem::invalid("form", Fault::Unreadable { detail })
            }
            _ => Problem::Busy,
        };
        Self { problem }
    }
}

/// Leads the browser to `path`, which is built from identifiers only.
fn go(path: &str) {
    let Some(response) = use_context::<ResponseOptions>() else { return };
    // An identifier that cannot stand in a header leads back to the form's page instead.
    if let Ok(value) = http::HeaderValue::from_str(path) {
        response.insert_header(http::header::LOCATION, value);
        response.set_status(http::StatusCode::SEE_OTHER);
    }
}

/// What a form left empty is absent.
fn some(text: String) -> Option<String> {
    let text = text.trim();
    (!text.is_empty()).then(|| text.to_owned())
}
