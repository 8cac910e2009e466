//! Test environments: launch, look, stop, and the worker that makes them so.
//!
//! The use cases only write what is wanted; the worker compares it with what the engine says
//! and acts. Each of its steps can be done again: names on the engine follow from the
//! environment's number, so a second try finds what the first one made.

mod again;
mod automatic;
mod checks;
mod choose;
mod clear;
mod doors;
mod form;
mod freeze;
mod happenings;
mod inside;
mod launch;
mod lease;
mod logs;
mod looks;
mod outcome;
mod plan;
mod publish;
mod queue;
mod raise;
mod read;
mod replace;
mod shell;
mod snapshots;
mod steps;
mod stop;
mod survey;
mod upkeep;
mod variables;
mod work;

pub use again::relaunch_environment;
pub use automatic::{keep_channels, launch_waiting};
pub use checks::checks_of_build;
pub(crate) use doors::{doors, published_at};
pub use form::{launch_form, replace_form};
pub use freeze::{freeze_environment, restart_service, thaw_environment};
pub use happenings::happenings;
pub use inside::{Watched, inspect, processes, usage, watch_usage};
pub use launch::launch_environment;
pub use lease::{extend_environment, hand_over_environment};
pub use logs::{Download, LogSource, log_download, log_page, log_source, log_tail, logs_of};
pub use looks::Looks;
pub(crate) use plan::variables_given;
pub use queue::capacity;
pub(crate) use read::runs_now;
pub use read::{environment, environments, of_build, replaceable};
pub use replace::replace_build;
pub use shell::{Closed, OpenShell, Shells, close_shell, may_stay, open_shell, shell};
pub use snapshots::{keep_logs, keep_waiting, log_of_build, logs_of_build, verdict_fell};
pub use stop::stop_environment;
pub use variables::given_values;
pub use work::work;

use crate::ctx::Ctx;
use crate::hub::Topic;
use domain::id::EnvironmentId;

/// Tells open pages that something about an environment moved.
fn tell(ctx: &Ctx, id: &EnvironmentId) {
    ctx.looks.changed(id);
    ctx.hub.tell(Topic::Environments, id.0.clone());
}

/// Tells open pages that its state changed, which is also counted with its builds.
fn tell_state(ctx: &Ctx, id: &EnvironmentId) {
    tell(ctx, id);
    ctx.hub.tell(Topic::Builds, None);
}
