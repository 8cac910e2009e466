//! Logs that are kept with a build: when a verdict falls, what its environment wrote is read once
//! more and stays readable when the environment is gone. The verdict does not wait for that; it
//! leaves a job in its own transaction, and the worker does it.

use super::plan::Plan;
use crate::ctx::Ctx;
use crate::engine::containers::Found;
use crate::hub::Topic;
use crate::store::environments::EnvironmentRecord;
use crate::store::snapshots::{self as rows, Job, Snapshot};
use crate::store::{Tx, internal};
use app::view::{BuildLog, BuildLogs};
use domain::id::{BuildId, EnvironmentId, VerdictId};
use domain::problem::Noun;
use domain::{Action, Actor, Problem};
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use std::io::{Read as _, Write as _};
use std::time::Duration;

/// Lines of each service's log; the engine's reader ends at 1 MiB whatever is asked.
const LINES: u32 = 10_000;
const MOST_BYTES: u64 = 1 << 20;
/// Services of one environment whose logs are kept.
const MOST_SERVICES: usize = 40;
/// All logs of an environment together must be read within this.
const READ: Duration = Duration::from_secs(30);
/// A job that cannot be done is tried so often.
const MOST_TRIES: i64 = 5;
const LOOK_AGAIN: Duration = Duration::from_secs(10);
/// Jobs of one round.
const BITE: i64 = 20;
/// What is kept of all builds together, compressed: the oldest goes first.
const MOST_KEPT: i64 = 256 << 20;

/// Leaves the job, in the transaction of the verdict.
///
/// # Errors
/// [`Problem::Internal`].
pub async fn verdict_fell(
    ctx: &Ctx,
    tx: &mut Tx,
    verdict: &VerdictId,
    build: &BuildId,
    environment: &EnvironmentId,
) -> Result<(), Problem> {
    rows::ask(tx, verdict, build, environment, ctx.now()).await
}

/// Keeps logs until the instance stops.
pub async fn keep_logs(ctx: Ctx) {
    loop {
        // The causes are in the log already; the next round may succeed.
        let _ = keep_waiting(&ctx).await;
        let woken = async {
            tokio::select! {
                () = ctx.work.snapshots.notified() => {}
                () = tokio::time::sleep(LOOK_AGAIN) => {}
            }
        };
        if ctx.work.stop.run_until_cancelled(woken).await.is_none() {
            return;
        }
    }
}

/// Does the jobs that wait.
///
/// # Errors
/// [`Problem::Internal`].
pub async fn keep_waiting(ctx: &Ctx) -> Result<(), Problem> {
    for job in ctx.store.log_jobs(None, BITE).await? {
        keep(ctx, &job).await?;
    }
    Ok(())
}

/// Does the jobs of an environment that is about to be removed.
pub(super) async fn keep_of(ctx: &Ctx, environment: &EnvironmentId) -> Result<(), Problem> {
    for job in ctx.store.log_jobs(Some(environment), BITE).await? {
        keep(ctx, &job).await?;
    }
    Ok(())
}

/// One job: done, or counted as tried. What cannot be read is given up in the end.
async fn keep(ctx: &Ctx, job: &Job) -> Result<(), Problem> {
    let Some(environment) = ctx.store.environment_record(&job.environment).await? else { return Ok(()) };
    let read = match environment.ended_at {
        // Its containers are gone: there is nothing to read any more.
        Some(_) => Ok(Vec::new()),
        None => tokio::time::timeout(READ, read_all(ctx, &environment)).await.unwrap_or(Err(Problem::Busy)),
    };
    let mut tx = ctx.store.begin().await?;
    match read {
        Ok(logs) => {
            for (service, lines) in logs {
                let text = lines.join("\n");
                let body = packed(&text).map_err(internal)?;
                let snapshot = Snapshot {
                    id: ctx.new_id(),
                    service,
                    taken_at: ctx.now(),
                    lines: i64::try_from(lines.len()).map_err(internal)?,
                    bytes: i64::try_from(text.len()).map_err(internal)?,
                };
                rows::put(&mut tx, job, &snapshot, &body).await?;
            }
            rows::done(&mut tx, &job.verdict).await?;
            rows::forget(&mut tx, MOST_KEPT).await?;
        }
        Err(_) if job.tries + 1 >= MOST_TRIES => {
            tracing::warn!(environment = %job.environment, "the logs of a judged environment cannot be kept");
            rows::done(&mut tx, &job.verdict).await?;
        }
        Err(_) => rows::tried(&mut tx, &job.verdict).await?,
    }
    tx.commit().await.map_err(internal)?;
    ctx.hub.tell(Topic::Builds, Some(job.build.to_string()));
    Ok(())
}

async fn read_all(ctx: &Ctx, environment: &EnvironmentRecord) -> Result<Vec<(String, Vec<String>)>, Problem> {
    let plan: Plan = serde_json::from_str(&ctx.store.environment_spec(&environment.id).await?).map_err(internal)?;
    let host = ctx.host(&environment.engine).await?;
    let found = host.containers(Some(environment.id.as_str())).await?;
    let mut logs = Vec::new();
    for planned in plan.services.iter().take(MOST_SERVICES) {
        let name = &planned.service.name;
        let is_it = |container: &&Found| container.service == *name;
        if let Some(container) = found.iter().find(is_it) {
            logs.push((name.clone(), host.tail(&container.id, LINES).await?));
        }
    }
    Ok(logs)
}

fn packed(text: &str) -> std::io::Result<Vec<u8>> {
    let mut packer = GzEncoder::new(Vec::new(), Compression::default());
    packer.write_all(text.as_bytes())?;
    packer.finish()
}

fn unpacked(body: &[u8]) -> std::io::Result<String> {
    let mut text = String::new();
    // Ours is no longer than this; nothing else is unpacked.
    GzDecoder::new(body).take(MOST_BYTES * 4).read_to_string(&mut text)?;
    Ok(text)
}

/// The logs that are kept with a build, the newest verdict's first.
///
/// # Errors
/// [`Problem::Forbidden`], [`Problem::NotFound`].
pub async fn logs_of_build(ctx: &Ctx, actor: &Actor, build: &BuildId) -> Result<BuildLogs, Problem> {
    actor.require(Action::Read)?;
    let build = ctx.store.existing_build(build).await?;
    let waiting = ctx.store.log_jobs_of_build(&build.id).await?;
    Ok(BuildLogs { logs: ctx.store.logs_of_build(&build.id).await?, waiting })
}

/// One of them, whole.
///
/// # Errors
/// As [`logs_of_build`].
pub async fn log_of_build(ctx: &Ctx, actor: &Actor, build: &BuildId, log: &str) -> Result<(BuildLog, String), Problem> {
    actor.require(Action::Read)?;
    let found = ctx.store.log_of_build(build, log).await?;
    let (log, body) = found.ok_or_else(|| Problem::not_found(Noun::Log, log.chars().take(64).collect::<String>()))?;
    Ok((log, unpacked(&body).map_err(internal)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_packed_is_unpacked_as_it_was() {
        let text = "a line\n日志\n".repeat(10_000);
        let body = packed(&text).expect("packed");
        assert!(body.len() < text.len() / 10);
        assert_eq!(unpacked(&body).expect("unpacked"), text);
    }
}
