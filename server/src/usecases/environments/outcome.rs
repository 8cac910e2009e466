//! How a launch ended, written once.

use super::raise::{Failure, Raise};
use super::read::Published;
use super::steps::Board;
use super::tell_state;
use crate::ctx::{Ctx, Entry};
use crate::hub::Topic;
use crate::store::environments::{self as rows, EnvironmentRecord};
use crate::store::internal;
use crate::usecases::notifications;
use domain::{Actor, Problem};

pub(super) async fn came_up(job: &Raise, board: &Board, published: &[Published]) -> Result<(), Problem> {
    let Raise { ctx, environment, .. } = job;
    let links = serde_json::to_string(published).map_err(internal)?;
    let mut tx = ctx.store.begin().await?;
    board.write(&mut tx).await?;
    if rows::set_running(&mut tx, &environment.id, &links).await? {
        notifications::environment_ready(ctx, &mut tx, environment).await?;
    }
    tx.commit().await.map_err(internal)?;
    tell_state(ctx, &environment.id);
    Ok(())
}

/// Writes why an environment failed. Its containers stay for a look.
pub(super) async fn fail(ctx: &Ctx, environment: &EnvironmentRecord, board: &Board, failure: Failure) -> Result<(), Problem> {
    let Failure { kind, subject, problem, detail } = failure;
    board.failed(kind, &subject, detail, ctx.now());
    board.skip_rest(ctx.now());
    let mut tx = ctx.store.begin().await?;
    if !rows::set_failed(&mut tx, environment, &serde_json::to_string(&problem).map_err(internal)?).await? {
        return Ok(());
    }
    board.write(&mut tx).await?;
    notifications::environment_failed(ctx, &mut tx, environment, &problem).await?;
    let entry = Entry {
        action: "environment.failed",
        subject_kind: "environment",
        subject: environment.id.as_str(),
        app: None,
        detail: format!("E-{}: {problem}", environment.number),
    };
    ctx.audit(&mut tx, &Actor::Slipway, entry).await?;
    tx.commit().await.map_err(internal)?;
    tell_state(ctx, &environment.id);
    ctx.hub.tell(Topic::Activity, None);
    Ok(())
}
