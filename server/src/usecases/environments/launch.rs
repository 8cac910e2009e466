//! Launching: everything is resolved to digests and written down before any engine hears of it.

use super::choose::{self, Picks};
use super::form::{asked, hidden};
use super::plan::{Check, Plan, PlannedService};
use super::queue::{self, Wants};
use super::read::find;
use super::variables::Over;
use crate::ctx::{Ctx, Entry};
use crate::hub::Topic;
use crate::store::environments::{self as rows, CheckRecord, EnvironmentRecord, KeptFor, NewEnvironment};
use crate::store::{self, Tx, internal, queue as line};
use app::view::{EnvironmentBuild, LaunchInput};
use domain::config::Config;
use domain::id::EnvironmentId;
use domain::lease::{DEFAULT_LEASE_HOURS, EnvironmentState, MOST_LEASE_HOURS};
use domain::problem::{Fault, Noun};
use domain::stack::{Stack, StackImage};
use domain::variables::{self, Given};
use domain::{Action, Actor, Digest, Person, Problem};
use std::collections::BTreeSet;
use std::time::Duration;

/// Environments that are alive at once; an engine is a machine with an end.
const MOST_ALIVE: i64 = 200;
/// The engine is asked first; this long it may take.
const GREETING: Duration = Duration::from_secs(5);

/// Launches a stack for a build and gives the new environment's id at once; the worker does
/// the work, and its steps can be watched.
///
/// The other apps of the stack take the builds that were chosen for them, else the newest of the
/// same channel as the build under test, else their newest, in both cases without a standing fail.
/// The build under test itself may be quarantined: that keeps it out of the regions, and whoever
/// wants to withdraw or overrule the fail must be able to look at it again.
///
/// # Errors
/// [`Problem::Forbidden`]; [`Problem::NotFound`] for the build, the stack, the engine or the region;
/// [`Problem::Invalid`] for a lease out of bounds, a stack that does not fit the app, or a choice
/// or variable that cannot be;
/// [`Problem::Unreachable`] and [`Problem::ImageGone`] when the engine or a registry fails.
/// Nothing is written then.
pub async fn launch_environment(ctx: &Ctx, actor: &Actor, input: LaunchInput) -> Result<EnvironmentId, Problem> {
    actor.require(Action::LaunchEnvironment)?;
    let Some(holder) = actor.person() else { return Err(Problem::Forbidden { action: Action::LaunchEnvironment }) };
    ctx.reload_config().await?;
    launch(ctx, actor, holder, input, None).await
}

/// The launch for whoever holds the environment afterwards.
pub(super) async fn launch(
    ctx: &Ctx,
    actor: &Actor,
    holder: &Person,
    mut input: LaunchInput,
    kept: Option<KeptFor<'_>>,
) -> Result<EnvironmentId, Problem> {
    take_hidden(ctx, &mut input).await?;
    let hours = lease_hours(input.lease_hours)?;
    let under_test = ctx.store.existing_build(&input.build).await?;
    let applied = ctx.config();
    let config = &applied.config;
    let stack_name = choose::stack_name(config, &under_test.app, input.stack.as_deref())?;
    let text = match &input.draft {
        Some(draft) => {
            actor.require(Action::EditStacks)?;
            draft.clone()
        }
        None => choose::text_for(ctx, config, (&under_test.app, under_test.revision.as_deref()), stack_name).await?,
    };
    let mut stack = choose::read(config, &text, &under_test.app, Some(&input.variables))?;
    let check = check_of(config, stack_name, &mut stack, &input)?;
    choose::engine_for(config, input.engine.as_deref())?;
    let wants = Wants::new(config, stack_name, input.engine.as_deref());
    let given = choose::laid_over(&stack, &input.variables);
    let over = Over { preset: input.preset.as_deref(), given: &given };
    over.check(config, &stack)?;
    let picks = choose::picks(ctx, config, &stack, under_test, &input.builds).await?;
    let plan = Plan { check, ..resolve(ctx, config, stack, &picks, over).await? };
    let away = queue::greet(ctx, config, &wants.clone().need(plan.memory_mib())).await?;
    let new = record(ctx, holder, stack_name, hours);
    let builds = picks.into_values().map(|picked| picked.view).collect();
    write(ctx, actor, New { record: new, holder, plan: &plan, builds, asked: &input, kept, wants, away }).await
}

/// Values that no page shows are not sent back by a form: they are taken from where they are kept.
async fn take_hidden(ctx: &Ctx, input: &mut LaunchInput) -> Result<(), Problem> {
    let Some(from) = input.hidden_from.take() else { return Ok(()) };
    let record = find(ctx, &from).await?;
    let kept = asked(ctx, &from, &record.stack, &record.engine).await?;
    for one in hidden(&kept.variables) {
        let given = |other: &Given| other.name == one.name && other.service == one.service;
        if !input.variables.iter().any(given) {
            input.variables.push(one.clone());
        }
    }
    Ok(())
}

/// Whether the engine is there: nothing is promised that it cannot begin with now.
pub(super) async fn greet(ctx: &Ctx, engine: &str) -> Result<(), Problem> {
    let away = || Problem::Unreachable { what: Noun::Engine, name: engine.to_owned() };
    // One that is known to be away is not waited for.
    if ctx.engines_seen.away_since(engine).is_some() {
        return Err(away());
    }
    let greeted = tokio::time::timeout(GREETING, async { ctx.host(engine).await?.greet().await }).await;
    greeted.unwrap_or_else(|_| Err(away()))
}

pub(super) fn lease_hours(asked: Option<u32>) -> Result<u32, Problem> {
    let hours = asked.unwrap_or(DEFAULT_LEASE_HOURS);
    if (1..=MOST_LEASE_HOURS).contains(&hours) {
        return Ok(hours);
    }
    Err(Problem::invalid("lease_hours", Fault::OutOfRange { least: 1, most: i64::from(MOST_LEASE_HOURS) }))
}

/// Every service with its image by digest. A fixed image that is named by tag is looked up now:
/// the tag may move while the environment lives.
async fn resolve(ctx: &Ctx, config: &Config, stack: Stack, picks: &Picks, over: Over<'_>) -> Result<Plan, Problem> {
    let registry = ctx.registry();
    let Stack { services, networks, volumes, .. } = stack;
    let resolved = services.into_iter().map(|mut service| async {
        let (image, digest) = match &service.image {
            StackImage::Build { app } => {
                let picked = picks.get(app).ok_or_else(|| internal(format!("no build was chosen for {app}")))?;
                (picked.image.clone(), picked.view.digest.clone())
            }
            StackImage::Fixed { image, reference } => match reference.parse::<Digest>() {
                Ok(digest) => (image.clone(), digest),
                Err(_) => {
                    let tag = reference.parse().map_err(|why| Problem::invalid("stack", why))?;
                    (image.clone(), registry.resolve(image, &tag).await?)
                }
            },
        };
        let layers = over.layers(config, &service);
        service.environment = variables::values(&layers);
        Ok::<_, Problem>(PlannedService { service, image, digest, layers, published: Default::default() })
    });
    Ok(Plan { services: futures::future::try_join_all(resolved).await?, check: None, networks, volumes, volumes_of: 0 })
}

pub(super) fn record(ctx: &Ctx, holder: &Person, stack: &str, hours: u32) -> EnvironmentRecord {
    let now = ctx.now();
    EnvironmentRecord {
        id: ctx.new_id(),
        number: 0,
        generation: 1,
        stack: stack.to_owned(),
        engine: String::new(),
        state: EnvironmentState::Launching,
        links: String::new(),
        failure: None,
        holder: holder.id.clone(),
        holder_name: holder.name.clone(),
        created_at: now,
        lease_ends_at: now + chrono::Duration::hours(i64::from(hours)),
        ended_at: None,
        end_reason: None,
        begun_at: now,
        memory_mib: 0,
        wants: None,
        task: None,
    }
}

/// The check that was asked for. Services that some channel runs as its check are left out of
/// launches that do not ask for them.
fn check_of(config: &Config, name: &str, stack: &mut Stack, input: &LaunchInput) -> Result<Option<Check>, Problem> {
    let asked = input.check.as_deref().filter(|check| !check.is_empty());
    let known = |check: &str| stack.services.iter().any(|service| service.name == check);
    if let Some(check) = asked.filter(|check| !known(check)) {
        let name = check.chars().take(64).collect();
        return Err(Problem::invalid("check", Fault::Unknown { what: Noun::Service, name }));
    }
    let waits = |on: &str| stack.services.iter().any(|service| service.depends_on.iter().any(|other| other.service == on));
    if asked.is_some_and(waits) {
        return Err(Problem::invalid("check", Fault::Refused { reason: "another service waits for it".to_owned() }));
    }
    let left_out = choose::checks_of(config, name);
    stack.services.retain(|service| asked == Some(service.name.as_str()) || !left_out.contains(&service.name.as_str()));
    Ok(asked.map(|service| Check { service: service.to_owned(), stop_after: input.stop_after }))
}

/// Writes that a release set is to be checked, when its plan says so.
pub(super) async fn ask_check(
    ctx: &Ctx,
    tx: &mut Tx,
    environment: &EnvironmentId,
    generation: i64,
    plan: &Plan,
    tested: Option<&EnvironmentBuild>,
) -> Result<(), Problem> {
    let (Some(check), Some(tested)) = (&plan.check, tested) else { return Ok(()) };
    let new = CheckRecord {
        id: ctx.new_id(),
        environment: environment.clone(),
        generation,
        app: tested.app.clone(),
        build: tested.build.clone(),
        service: check.service.clone(),
        stop_after: check.stop_after,
        started_at: None,
    };
    rows::insert_check(tx, &new, ctx.now()).await
}

/// What is written when an environment is launched.
pub(super) struct New<'a> {
    pub record: EnvironmentRecord,
    pub holder: &'a Person,
    pub plan: &'a Plan,
    pub builds: Vec<EnvironmentBuild>,
    pub asked: &'a LaunchInput,
    /// The channel that it is kept for.
    pub kept: Option<KeptFor<'a>>,
    pub wants: Wants,
    /// Engines that do not answer now.
    pub away: BTreeSet<String>,
}

/// Environment, builds, steps and record in one transaction; then the worker is woken.
pub(super) async fn write(ctx: &Ctx, actor: &Actor, new: New<'_>) -> Result<EnvironmentId, Problem> {
    let New { record: mut new, holder, plan, builds, asked, kept, wants, away } = new;
    let applied = ctx.config();
    let tested = builds.iter().find(|build| build.under_test);
    let mut tx = ctx.store.begin().await?;
    if rows::count_alive(&mut tx).await? >= MOST_ALIVE {
        let reason = format!("{MOST_ALIVE} environments are there already; stop some first");
        return Err(Problem::EngineRefused { why: Fault::Refused { reason } });
    }
    if actor.person().is_some() {
        queue::require_person(&mut tx, &applied.config, &holder.id, &holder.name).await?;
    }
    if let Some(build) = tested {
        queue::require_app(&mut tx, &applied.config, &build.app).await?;
    }
    let memory_mib = plan.memory_mib();
    let engine = queue::place(&mut tx, &applied.config, &away, &wants.clone().need(memory_mib)).await?;
    new.engine = engine.clone().unwrap_or_default();
    new.number = store::next_number(&mut tx, "environment").await?;
    let steps = plan.steps(&plan.place(ctx.instance(), &new));
    let written = NewEnvironment {
        id: &new.id,
        number: new.number,
        stack: &new.stack,
        engine: &new.engine,
        spec: &serde_json::to_string(plan).map_err(internal)?,
        asked: &serde_json::to_string(asked).map_err(internal)?,
        by_name: &actor.label(),
        holder,
        created_at: new.created_at,
        lease_ends_at: new.lease_ends_at,
        builds: &builds,
        steps: &steps,
    };
    rows::insert(&mut tx, written).await?;
    let wants = serde_json::to_string(&wants).map_err(internal)?;
    line::set_place(&mut tx, &new.id, engine.as_deref(), memory_mib, Some(&wants)).await?;
    ask_check(ctx, &mut tx, &new.id, 1, plan, tested).await?;
    if let Some(kept) = kept {
        rows::keep_for(&mut tx, kept, &new.id, new.created_at).await?;
    }
    let entry = Entry {
        action: if engine.is_some() { "environment.launched" } else { "environment.queued" },
        subject_kind: "environment",
        subject: new.id.as_str(),
        app: tested.map(|build| build.app.as_str()),
        detail: format!("E-{}: {} with {}", new.number, new.stack, choose::words(&builds)),
    };
    ctx.audit(&mut tx, actor, entry).await?;
    tx.commit().await.map_err(internal)?;
    ctx.work.environments.notify_one();
    super::tell_state(ctx, &new.id);
    ctx.hub.tell(Topic::Activity, None);
    Ok(new.id)
}
