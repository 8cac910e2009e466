//! CI runs, and joining each with the image that it made, in whichever order they arrive.

use super::record::Origin;
use crate::ctx::Ctx;
use crate::intake::Run;
use crate::store::Tx;
use crate::store::runs::{self as rows, NewRun, RunRow};
use domain::config::{AppConfig, Config};
use domain::delivery::Reason;
use domain::id::{BuildId, RunId};
use domain::repo::RepoName;
use domain::run::{Match, channel_of_run, made};
use domain::{Problem, Time};

/// What came of it.
#[derive(Default)]
pub struct Recorded {
    pub runs: Vec<RunId>,
    pub builds: Vec<BuildId>,
    pub reasons: Vec<Reason>,
}

/// The apps that are built from the run's repository; several, where one repository holds several.
pub fn apps_of<'a>(config: &'a Config, run: &'a Run) -> impl Iterator<Item = &'a AppConfig> {
    config.apps.iter().filter(|app| app.git.as_deref().and_then(RepoName::parse).is_some_and(|name| name.is(&run.repo)))
}

/// Writes what is told of a run, and joins it with its image where that is there already.
pub async fn record(
    ctx: &Ctx,
    tx: &mut Tx,
    config: &Config,
    run: &Run,
    origin: &Origin<'_>,
    at: Time,
) -> Result<Recorded, Problem> {
    let mut recorded = Recorded::default();
    for app in apps_of(config, run) {
        let channel = channel_of_run(&app.channels, run.branch.as_deref(), run.tag.as_deref());
        let known = rows::find(tx, &app.name, origin.source, &run.run).await?;
        let id = match known {
            Some(known) if known.status.is_over() => {
                recorded.reasons.push(Reason::RunOver { run: run.name.clone().unwrap_or_else(|| run.run.clone()) });
                continue;
            }
            Some(known) => {
                rows::update(tx, &known.id, run, known.status.after(run.status), at).await?;
                known.id
            }
            None => {
                let new = NewRun {
                    id: ctx.new_id(),
                    app: &app.name,
                    source: origin.source,
                    run,
                    channel: channel.map(|channel| channel.name.as_str()),
                    seen_at: ctx.now(),
                    known_at: at,
                    delivery: origin.delivery,
                };
                rows::insert(tx, &new).await?;
                new.id
            }
        };
        if let Some(row) = rows::by_id(tx, &id).await? {
            recorded.builds.extend(join_run(tx, app, &row).await?);
        }
        recorded.runs.push(id);
    }
    if recorded.runs.is_empty() && recorded.reasons.is_empty() {
        recorded.reasons.push(Reason::UnknownRepository { repository: run.repo.to_string() });
    }
    Ok(recorded)
}

/// Looks for the image that a run made, among those whose labels were read or given up.
async fn join_run(tx: &mut Tx, app: &AppConfig, run: &RunRow) -> Result<Option<BuildId>, Problem> {
    if run.build.is_some() {
        return Ok(None);
    }
    let facts = run.facts();
    let mut best: Option<(Match, BuildId)> = None;
    for (build, image) in rows::images_near(tx, &app.name, &facts).await? {
        let found = made(&app.channels, &facts, &image);
        if let Some(found) = found.filter(|found| best.as_ref().is_none_or(|(before, _)| found > before)) {
            best = Some((found, build));
        }
    }
    let Some((_, build)) = best else { return Ok(None) };
    rows::join(tx, &run.id, &build).await?;
    Ok(Some(build))
}

/// Looks for the run that made an image, once its labels were read or were given up.
pub async fn join_image(tx: &mut Tx, config: &Config, app: &str, build: &BuildId) -> Result<Option<RunId>, Problem> {
    let Some(app) = config.app(app) else { return Ok(None) };
    let Some(image) = rows::image(tx, build).await? else { return Ok(None) };
    let mut best: Option<(Match, RunId)> = None;
    for run in rows::loose_near(tx, &app.name, &image).await? {
        let found = made(&app.channels, &run.facts(), &image);
        if let Some(found) = found.filter(|found| best.as_ref().is_none_or(|(before, _)| found > before)) {
            best = Some((found, run.id));
        }
    }
    let Some((_, run)) = best else { return Ok(None) };
    rows::join(tx, &run, build).await?;
    Ok(Some(run))
}
