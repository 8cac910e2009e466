//! The pages.

mod activity;
mod build;
mod builds;
mod checks;
mod environment;
mod environments;
mod gate;
mod launch;
mod promotion;
mod promotions;
mod region;
mod regions;
mod replace;
mod rollback;
mod run;
mod set;
mod settings;
mod waiting;

pub use activity::Activity;
pub use build::Build;
pub use builds::Builds;
pub use environment::{Environment, Shell};
pub use environments::Environments;
pub use gate::{Account, Home, Login, Missing, SetUp};
pub use launch::Launch;
pub use promotion::Promotion;
pub use promotions::Promotions;
pub use region::{Canary, Drift, Plan, Region, ServiceLog};
pub use regions::Regions;
pub use replace::Replace;
pub use rollback::Rollback;
pub use run::Run;
pub use set::{NewSet, Set};
pub use settings::{Deliveries, Delivery, Hook, NewStack, Notifications, Settings, StackPage, Stacks, stack_result};
pub use waiting::Waiting;

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
