//! The pages.

mod activity;
mod builds;
mod environments;
mod gate;
mod promotions;
mod regions;
mod settings;

pub use activity::Activity;
pub use builds::{Build, Builds};
pub use environments::{Environment, Environments};
pub use gate::{Account, Home, Login, Missing, SetUp};
pub use promotions::{Promotion, Promotions};
pub use regions::{Regions, Rollback};
pub use settings::{Deliveries, Settings};

use leptos::prelude::{GetUntracked, WithUntracked};
use leptos_router::hooks::{use_params_map, use_query_map};

/// A value of the query, when it is there and not empty.
fn query(name: &str) -> Option<String> {
    use_query_map().with_untracked(|query| query.get(name)).filter(|value| !value.is_empty())
}

/// A part of the path.
fn param(name: &str) -> String {
    use_params_map().get_untracked().get(name).unwrap_or_default()
}
