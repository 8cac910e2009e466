//! Putting another build in the place of one that runs. The environment keeps its number, its
//! address and its lease; only services of replaced builds are made anew.

use super::choose::{self, Picks};
use super::launch::{ask_check, greet};
use super::plan::Plan;
use super::read::{Published, find};
use crate::ctx::{Ctx, Entry};
use crate::hub::Topic;
use crate::store::environments::{self as rows, EnvironmentRecord, KeptFor, Replaced};
use crate::store::internal;
use app::view::{EnvironmentBuild, ReplaceInput};
use domain::id::EnvironmentId;
use domain::lease::EnvironmentState;
use domain::problem::Fault;
use domain::release_set::Chosen;
use domain::stack::StackImage;
use domain::{Action, Actor, Problem, Time};
use std::collections::BTreeMap;

/// Replaces the build of an app in a running environment by another, which is then the one under
/// test, and says so in the environment's history of release sets. The worker does the work; a
/// service of which nothing changes is not touched. Volumes are empty afterwards, and whatever uses
/// them is made anew, unless they are to be kept.
///
/// # Errors
/// [`Problem::Forbidden`], [`Problem::NotFound`]; [`Problem::Finished`] when the environment stops
/// or has ended; [`Problem::Stale`] while it comes up; [`Problem::Invalid`] for a build of an app that
/// it does not run; [`Problem::Unreachable`] for the engine. Nothing is written then.
pub async fn replace_build(ctx: &Ctx, actor: &Actor, id: &EnvironmentId, input: ReplaceInput) -> Result<(), Problem> {
    actor.require(Action::LaunchEnvironment)?;
    ctx.reload_config().await?;
    let environment = find(ctx, id).await?;
    replace(ctx, actor, &environment, input, None).await
}

/// The replacement for whoever may; when it is for a channel, the lease goes on until then.
pub(super) async fn replace(
    ctx: &Ctx,
    actor: &Actor,
    environment: &EnvironmentRecord,
    input: ReplaceInput,
    kept: Option<(KeptFor<'_>, Time)>,
) -> Result<(), Problem> {
    match environment.state {
        EnvironmentState::Running | EnvironmentState::Failed => {}
        EnvironmentState::Launching => return Err(Problem::Stale),
        state if state.can_stop() => return Err(Problem::NotNow { state }),
        state => return Err(Problem::Finished { state: state.as_str().to_owned() }),
    }
    let before: Plan = serde_json::from_str(&ctx.store.environment_spec(&environment.id).await?).map_err(internal)?;
    let keep_volumes = input.keep_volumes;
    let (picks, builds) = release_set(ctx, environment, input).await?;
    let published: Vec<Published> = serde_json::from_str(&environment.links).map_err(internal)?;
    let mut plan = replaced(&before, &picks, &published);
    if !keep_volumes && !plan.volumes.is_empty() {
        plan.volumes_of = environment.generation + 1;
    }
    greet(ctx, &environment.engine).await?;
    let steps = plan.steps_from(&before, &plan.place(ctx.instance(), environment));
    let mut tx = ctx.store.begin().await?;
    let new = Replaced {
        id: &environment.id,
        generation: environment.generation,
        spec: &serde_json::to_string(&plan).map_err(internal)?,
        at: ctx.now(),
        by_name: &actor.label(),
        builds: &builds,
        steps: &steps,
    };
    if !rows::set_replaced(&mut tx, new).await? {
        return Err(Problem::Stale);
    }
    let tested = builds.iter().find(|build| build.under_test);
    ask_check(ctx, &mut tx, &environment.id, environment.generation + 1, &plan, tested).await?;
    if let Some((kept, until)) = kept {
        rows::keep_for(&mut tx, kept, &environment.id, ctx.now()).await?;
        rows::lengthen_lease(&mut tx, &environment.id, until).await?;
    }
    let entry = Entry {
        action: "environment.replaced",
        subject_kind: "environment",
        subject: environment.id.as_str(),
        app: tested.map(|build| build.app.as_str()),
        detail: format!("E-{}: {} with {}", environment.number, environment.stack, choose::words(&builds)),
    };
    ctx.audit(&mut tx, actor, entry).await?;
    tx.commit().await.map_err(internal)?;
    ctx.work.environments.notify_one();
    super::tell_state(ctx, &environment.id);
    ctx.hub.tell(Topic::Activity, None);
    Ok(())
}

/// What is replaced, and the whole set that runs afterwards.
async fn release_set(
    ctx: &Ctx,
    environment: &EnvironmentRecord,
    input: ReplaceInput,
) -> Result<(Picks, Vec<EnvironmentBuild>), Problem> {
    let under_test = ctx.store.existing_build(&input.build).await?;
    let present = ctx.store.environment_builds(&[&environment.id]).await?.remove(&environment.id).unwrap_or_default();
    let apps: Vec<&str> = present.iter().map(|build| build.app.as_str()).collect();
    if !apps.contains(&under_test.app.as_str()) {
        let reason = format!("E-{} runs no build of {}", environment.number, under_test.app);
        return Err(Problem::invalid("build", Fault::Refused { reason }));
    }
    choose::refuse_others(&apps, &under_test.app, &input.builds)?;
    let applied = ctx.config();
    let mut picks = Picks::new();
    for (app, choice) in &input.builds {
        picks.insert(app.clone(), choose::pick(ctx, &applied.config, app, choice).await?);
    }
    picks.insert(under_test.app.clone(), choose::picked(ctx, under_test, Chosen::UnderTest).await?);
    let builds = present.iter().map(|build| match picks.get(&build.app) {
        Some(picked) => picked.view.clone(),
        // What was under test before stays as somebody's choice.
        None if build.under_test => EnvironmentBuild { under_test: false, chosen: Chosen::Exact, ..build.clone() },
        None => build.clone(),
    });
    let builds = builds.collect();
    Ok((picks, builds))
}

/// The plan with other builds. Who tests has the addresses open in a browser: the ports that a service
/// had are asked for again.
fn replaced(before: &Plan, picks: &Picks, published: &[Published]) -> Plan {
    let mut plan = before.clone();
    for planned in &mut plan.services {
        let StackImage::Build { app } = &planned.service.image else { continue };
        let Some(picked) = picks.get(app) else { continue };
        planned.image = picked.image.clone();
        planned.digest = picked.view.digest.clone();
        let own = published.iter().filter(|port| port.service == planned.service.name);
        let own: BTreeMap<u16, u16> = own.map(|port| (port.container_port, port.host_port)).collect();
        if !own.is_empty() {
            planned.published = own;
        }
    }
    plan
}
