//! Launching: everything is resolved to digests and written down before any engine hears of it.

use super::plan::{Plan, PlannedService, place};
use crate::ctx::{Ctx, Entry};
use crate::hub::Topic;
use crate::store::builds::BuildRecord;
use crate::store::environments::{self as rows, EnvironmentRecord, NewEnvironment};
use crate::store::{self, internal};
use app::view::{EnvironmentBuild, LaunchInput};
use domain::config::{Config, StackConfig};
use domain::id::EnvironmentId;
use domain::lease::{DEFAULT_LEASE_HOURS, EnvironmentState, MOST_LEASE_HOURS};
use domain::problem::{Fault, Noun};
use domain::stack::{Stack, StackImage};
use domain::{Action, Actor, Digest, ImageName, Person, Problem};
use std::collections::BTreeMap;
use std::time::Duration;

/// Environments that are alive at once; an engine is a machine with an end.
const MOST_ALIVE: i64 = 200;
/// The engine is asked first; this long it may take.
const GREETING: Duration = Duration::from_secs(5);

/// Launches a stack for a build and gives the new environment's id at once; the worker does
/// the work, and its steps can be watched.
///
/// The other apps of the stack take the newest build of the same channel as the build under
/// test, else their newest, in both cases without a standing fail. The build under test itself
/// may be quarantined: that keeps it out of the regions, and whoever wants to withdraw or
/// overrule the fail must be able to look at it again.
///
/// # Errors
/// [`Problem::Forbidden`]; [`Problem::NotFound`] for the build or the stack;
/// [`Problem::Invalid`] for a lease out of bounds or a stack that does not fit the app;
/// [`Problem::Unreachable`] and [`Problem::ImageGone`] when the engine or a registry fails.
/// Nothing is written then.
pub async fn launch_environment(ctx: &Ctx, actor: &Actor, input: LaunchInput) -> Result<EnvironmentId, Problem> {
    actor.require(Action::LaunchEnvironment)?;
    let Some(holder) = actor.person() else { return Err(Problem::Forbidden { action: Action::LaunchEnvironment }) };
    let hours = lease_hours(input.lease_hours)?;
    let under_test = ctx.store.existing_build(&input.build).await?;
    ctx.reload_config().await?;
    let applied = ctx.config();
    let config = &applied.config;
    let (stack_name, stack) = stack_for(config, &under_test.app, input.stack.as_deref())?;
    let engine = config.engines.first().ok_or_else(no_engine)?;
    // One that is known to be away is not waited for.
    if ctx.engines_seen.away_since(&engine.name).is_some() {
        return Err(Problem::Unreachable { what: Noun::Engine, name: engine.name.clone() });
    }
    let builds = builds_for(ctx, &stack, under_test).await?;
    let plan = resolve(ctx, stack, &builds).await?;
    let greeted = tokio::time::timeout(GREETING, async { ctx.host(&engine.name).await?.greet().await }).await;
    greeted.unwrap_or_else(|_| Err(Problem::Unreachable { what: Noun::Engine, name: engine.name.clone() }))?;
    let launched = record(ctx, holder, stack_name, &engine.name, hours);
    write(ctx, actor, holder, launched, &plan, &builds).await
}

fn lease_hours(asked: Option<u32>) -> Result<u32, Problem> {
    let hours = asked.unwrap_or(DEFAULT_LEASE_HOURS);
    if (1..=MOST_LEASE_HOURS).contains(&hours) {
        return Ok(hours);
    }
    Err(Problem::invalid("lease_hours", Fault::OutOfRange { least: 1, most: i64::from(MOST_LEASE_HOURS) }))
}

fn no_engine() -> Problem {
    Problem::Config { place: "engines".to_owned(), why: Fault::Missing }
}

/// The stack that was asked for, else the app's own. It must contain the app.
fn stack_for<'a>(config: &'a Config, app: &str, asked: Option<&'a str>) -> Result<(&'a str, Stack), Problem> {
    let asked = asked.filter(|name| !name.is_empty());
    let own = || config.app(app).and_then(|app| app.stack.as_deref());
    let name = asked.or_else(own).ok_or_else(|| Problem::invalid("stack", Fault::Missing))?;
    let found = config.stack(name).ok_or_else(|| Problem::not_found(Noun::Stack, name))?;
    let stack = parse(config, found)?;
    if stack.apps().contains(&app) {
        return Ok((name, stack));
    }
    let fits = |other: &&StackConfig| parse(config, other).is_ok_and(|stack| stack.apps().contains(&app));
    let choices: Vec<&str> = config.stacks.iter().filter(fits).map(|stack| stack.name.as_str()).collect();
    Err(Problem::invalid("stack", Fault::NotOneOf { choices: choices.join(", ") }))
}

fn parse(config: &Config, stack: &StackConfig) -> Result<Stack, Problem> {
    Stack::parse_for(&stack.compose, |app| config.app(app).is_some())
}

/// A build of the environment with where its image is.
struct Chosen {
    image: ImageName,
    view: EnvironmentBuild,
}

/// The build under test and one for each other app of the stack, by app.
async fn builds_for(ctx: &Ctx, stack: &Stack, under_test: BuildRecord) -> Result<BTreeMap<String, Chosen>, Problem> {
    let tag = ctx.store.tag_of_build(&under_test.id).await?;
    let channel = tag.as_ref().and_then(|(_, channel)| channel.clone());
    let mut chosen = BTreeMap::new();
    for app in stack.apps() {
        let (build, tag, is_it) = if app == under_test.app {
            (under_test.clone(), tag.clone(), true)
        } else {
            let mut found = None;
            if channel.is_some() {
                found = ctx.store.newest_good_build(app, channel.as_deref()).await?;
            }
            if found.is_none() {
                found = ctx.store.newest_good_build(app, None).await?;
            }
            let why = Fault::Unknown { what: Noun::Build, name: app.to_owned() };
            let build = ctx.store.existing_build(&found.ok_or_else(|| Problem::invalid("stack", why))?).await?;
            let tag = ctx.store.tag_of_build(&build.id).await?;
            (build, tag, false)
        };
        let view = EnvironmentBuild {
            app: app.to_owned(),
            build: build.id,
            digest: build.digest,
            tag: tag.map(|(name, _)| name),
            under_test: is_it,
        };
        chosen.insert(app.to_owned(), Chosen { image: build.image, view });
    }
    Ok(chosen)
}

/// Every service with its image by digest. A fixed image that is named by tag is looked up now:
/// the tag may move while the environment lives.
async fn resolve(ctx: &Ctx, stack: Stack, builds: &BTreeMap<String, Chosen>) -> Result<Plan, Problem> {
    let registry = ctx.registry();
    let resolved = stack.services.into_iter().map(|service| async {
        let (image, digest) = match &service.image {
            StackImage::Build { app } => {
                let chosen = builds.get(app).ok_or_else(|| internal(format!("no build was chosen for {app}")))?;
                (chosen.image.clone(), chosen.view.digest.clone())
            }
            StackImage::Fixed { image, reference } => match reference.parse::<Digest>() {
                Ok(digest) => (image.clone(), digest),
                Err(_) => {
                    let tag = reference.parse().map_err(|why| Problem::invalid("stack", why))?;
                    (image.clone(), registry.resolve(image, &tag).await?)
                }
            },
        };
        Ok::<_, Problem>(PlannedService { service, image, digest })
    });
    Ok(Plan { services: futures::future::try_join_all(resolved).await? })
}

fn record(ctx: &Ctx, holder: &Person, stack: &str, engine: &str, hours: u32) -> EnvironmentRecord {
    let now = ctx.now();
    EnvironmentRecord {
        id: ctx.new_id(),
        number: 0,
        stack: stack.to_owned(),
        engine: engine.to_owned(),
        state: EnvironmentState::Launching,
        links: String::new(),
        failure: None,
        holder: holder.id.clone(),
        holder_name: holder.name.clone(),
        created_at: now,
        lease_ends_at: now + chrono::Duration::hours(i64::from(hours)),
        ended_at: None,
        end_reason: None,
    }
}

/// Environment, builds, steps and record in one transaction; then the worker is woken.
async fn write(
    ctx: &Ctx,
    actor: &Actor,
    holder: &Person,
    mut new: EnvironmentRecord,
    plan: &Plan,
    builds: &BTreeMap<String, Chosen>,
) -> Result<EnvironmentId, Problem> {
    let views: Vec<EnvironmentBuild> = builds.values().map(|chosen| chosen.view.clone()).collect();
    let mut tx = ctx.store.begin().await?;
    if rows::count_alive(&mut tx).await? >= MOST_ALIVE {
        let reason = format!("{MOST_ALIVE} environments are there already; stop some first");
        return Err(Problem::EngineRefused { why: Fault::Refused { reason } });
    }
    new.number = store::next_number(&mut tx, "environment").await?;
    let steps = plan.steps(&place(ctx.instance(), &new).name());
    let written = NewEnvironment {
        id: &new.id,
        number: new.number,
        stack: &new.stack,
        engine: &new.engine,
        spec: &serde_json::to_string(plan).map_err(internal)?,
        holder,
        created_at: new.created_at,
        lease_ends_at: new.lease_ends_at,
        builds: &views,
        steps: &steps,
    };
    rows::insert(&mut tx, written).await?;
    let tested = views.iter().find(|build| build.under_test);
    let entry = Entry {
        action: "environment.launched",
        subject_kind: "environment",
        subject: new.id.as_str(),
        app: tested.map(|build| build.app.as_str()),
        detail: format!("E-{}: {} with {}", new.number, new.stack, words(&views)),
    };
    ctx.audit(&mut tx, actor, entry).await?;
    tx.commit().await.map_err(internal)?;
    ctx.work.environments.notify_one();
    super::tell_state(ctx, &new.id);
    ctx.hub.tell(Topic::Activity, None);
    Ok(new.id)
}

/// `web dev 3f2a9c01b7de, worker dev …`
fn words(builds: &[EnvironmentBuild]) -> String {
    let word = |build: &EnvironmentBuild| {
        let tag = build.tag.as_ref().map(|tag| format!(" {tag}")).unwrap_or_default();
        format!("{}{tag} {}", build.app, build.digest.short())
    };
    let mut builds: Vec<&EnvironmentBuild> = builds.iter().collect();
    builds.sort_by_key(|build| !build.under_test);
    builds.into_iter().map(word).collect::<Vec<_>>().join(", ")
}
