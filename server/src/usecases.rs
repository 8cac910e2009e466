//! One module a capability. Each function takes the actor first and asks permission on its
//! first line; what it changes and the audit row are one transaction.

pub mod activity;
pub mod builds;
pub mod canaries;
pub mod commits;
mod deciding;
pub mod engines;
pub mod environments;
pub mod hooks;
pub mod images;
pub mod intake;
pub mod notifications;
pub mod people;
pub mod promotions;
pub mod proxy;
pub mod regions;
pub mod rollouts;
pub mod runs;
pub mod secrets;
pub mod settings;
pub mod stacks;
pub mod tokens;
pub mod verdicts;
pub mod waiting;

use crate::ctx::Ctx;
use std::time::Duration;

/// Starts everything that works in the background. Each worker looks at what is there first,
/// so that starting is also resuming.
pub fn start_workers(ctx: &Ctx) {
    ctx.work.tasks.spawn(intake::work(ctx.clone()));
    ctx.work.tasks.spawn(commits::work(ctx.clone()));
    ctx.work.tasks.spawn(engines::watch(ctx.clone()));
    ctx.work.tasks.spawn(environments::work(ctx.clone()));
    ctx.work.tasks.spawn(environments::keep_channels(ctx.clone()));
    ctx.work.tasks.spawn(environments::keep_logs(ctx.clone()));
    ctx.work.tasks.spawn(promotions::work(ctx.clone()));
    ctx.work.tasks.spawn(rollouts::work(ctx.clone()));
    ctx.work.tasks.spawn(canaries::work(ctx.clone()));
    ctx.work.tasks.spawn(images::work(ctx.clone()));
    ctx.work.tasks.spawn(regions::watch(ctx.clone()));
    ctx.work.tasks.spawn(settings::watch(ctx.clone()));
    ctx.work.tasks.spawn(people::prune(ctx.clone()));
    ctx.work.tasks.spawn(notifications::work(ctx.clone()));
    ctx.work.tasks.spawn(keep_log_short(ctx.clone()));
}

/// Carries the database's log over now and then, beside the commits and not inside one of them. Commits that are
/// made meanwhile wait for the same disk, so it is done seldom.
async fn keep_log_short(ctx: Ctx) {
    while ctx.work.stop.run_until_cancelled(tokio::time::sleep(Duration::from_secs(10))).await.is_some() {
        // The cause is in the log already; the next commit that finds it too long does the same.
        let _ = ctx.store.carry_log_over().await;
    }
}
