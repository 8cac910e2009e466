//! The launch form: what can be chosen, with what is chosen already.

use super::choose::{self, Picked};
use super::plan::Plan;
use super::read::{find, rows};
use super::variables::{Over, previewed};
use crate::ctx::Ctx;
use crate::store::Cursor;
use crate::store::builds::Narrow;
use crate::store::internal;
use crate::usecases::builds;
use crate::usecases::regions::region_ref;
use app::view::{BuildRow, LaunchApp, LaunchAsk, LaunchForm, LaunchInput, LaunchedFrom, ReplaceForm, ServiceVariables};
use domain::config::Config;
use domain::id::{BuildId, EnvironmentId};
use domain::lease::DEFAULT_LEASE_HOURS;
use domain::problem::Noun;
use domain::release_set::BuildChoice;
use domain::stack::{Stack, StackImage, StackService};
use domain::variables::{Given, looks_secret, write_given};
use domain::{Action, Actor, Digest, ImageName, Problem};
use std::collections::BTreeMap;

/// Builds of each app that can be chosen from a list; others by their id, through REST.
const MOST_RECENT: i64 = 20;

/// What can be chosen when a build is launched.
///
/// # Errors
/// [`Problem::Forbidden`]; [`Problem::NotFound`] for the build, the region or the environment whose
/// choices are taken over; [`Problem::Invalid`] for a stack that does not fit.
pub async fn launch_form(ctx: &Ctx, actor: &Actor, build: &BuildId, ask: LaunchAsk) -> Result<LaunchForm, Problem> {
    actor.require(Action::Read)?;
    ctx.reload_config().await?;
    let applied = ctx.config();
    let config = &applied.config;
    let row = one(ctx, build).await?;
    let from = match &ask.from {
        Some(id) => Some(taken_from(ctx, id).await?),
        None => None,
    };
    let asked = from.as_ref().map(|(_, asked)| asked);
    let chosen = |own: &Option<String>, theirs: fn(&LaunchInput) -> Option<&String>| {
        own.clone().filter(|name| !name.is_empty()).or_else(|| asked.and_then(theirs).cloned())
    };
    let stack_asked = chosen(&ask.stack, |asked| asked.stack.as_ref()).or_else(|| default_stack(config, &row.app));
    let stack_name = choose::stack_name(config, &row.app, stack_asked.as_deref())?;
    let text = choose::text_for(ctx, config, (&row.app, row.revision.as_deref()), stack_name).await?;
    let stack = choose::read(config, &text, &row.app, None)?;
    // An empty choice in the address is the choice of none.
    let preset = if ask.preset.is_some() { ask.preset.clone() } else { asked.and_then(|asked| asked.preset.clone()) };
    let preset = preset.filter(|name| !name.is_empty());
    let given = asked.map(|asked| open(&asked.variables)).unwrap_or_default();
    let given: Vec<Given> = given.into_iter().filter(|one| fits(one, &stack)).collect();
    let laid_over = choose::laid_over(&stack, &given);
    let over = Over { preset: preset.as_deref(), given: &laid_over };
    over.check(config, &stack)?;
    let apps = apps(ctx, config, &stack, &row, asked).await?;
    Ok(LaunchForm {
        services: services(ctx, config, &stack, &row, &apps, over).await,
        stacks: choose::fitting(config, &row.app).into_iter().map(str::to_owned).collect(),
        stack: stack_name.to_owned(),
        apps,
        engines: config.engines.iter().map(|engine| engine.name.clone()).collect(),
        engine: asked.and_then(|asked| asked.engine.clone()),
        presets: config.regions.iter().map(|region| region_ref(config, &region.name)).collect(),
        lease_hours: asked.and_then(|asked| asked.lease_hours).unwrap_or(DEFAULT_LEASE_HOURS),
        checks: choose::checks_of(config, stack_name).into_iter().map(str::to_owned).collect(),
        check: asked.and_then(|asked| asked.check.clone()),
        given: write_given(&with_needed(&stack, given)),
        from: from.map(|(from, _)| from),
        build: row,
        preset,
    })
}

/// What can be put in the place of what an environment runs.
///
/// # Errors
/// [`Problem::Forbidden`], [`Problem::NotFound`].
pub async fn replace_form(ctx: &Ctx, actor: &Actor, id: &EnvironmentId) -> Result<ReplaceForm, Problem> {
    actor.require(Action::Read)?;
    let record = find(ctx, id).await?;
    let environment = rows(ctx, vec![record]).await?.pop().ok_or_else(|| Problem::not_found(Noun::Environment, id.as_str()))?;
    let applied = ctx.config();
    let mut apps = Vec::new();
    for build in &environment.builds {
        let mut app = one_app(ctx, &applied.config, &build.app, None).await?;
        app.default = Some(build.clone());
        apps.push(app);
    }
    let plan: Plan = serde_json::from_str(&ctx.store.environment_spec(id).await?).map_err(internal)?;
    Ok(ReplaceForm { environment, apps, volumes: plan.volumes })
}

/// The app's own stack, else the first that fits: one must be shown.
fn default_stack(config: &Config, app: &str) -> Option<String> {
    let own = config.app(app).and_then(|app| app.stack_file.clone().or_else(|| app.stack.clone()));
    own.or_else(|| choose::fitting(config, app).first().map(|name| (*name).to_owned()))
}

async fn one(ctx: &Ctx, id: &BuildId) -> Result<BuildRow, Problem> {
    let build = ctx.store.existing_build(id).await?;
    let rows = builds::rows(ctx, std::slice::from_ref(&build.id)).await?;
    rows.into_iter().next().ok_or_else(|| Problem::not_found(Noun::Build, id.as_str()))
}

/// What an environment was asked for, with the builds that it runs now named exactly.
async fn taken_from(ctx: &Ctx, id: &EnvironmentId) -> Result<(LaunchedFrom, LaunchInput), Problem> {
    let record = find(ctx, id).await?;
    let asked = asked(ctx, &record.id, &record.stack, &record.engine).await?;
    let hidden = hidden(&asked.variables).map(|one| one.name.clone()).collect();
    Ok((LaunchedFrom { id: record.id, number: record.number, hidden }, asked))
}

/// What would be asked to have the same again.
pub(super) async fn asked(ctx: &Ctx, id: &EnvironmentId, stack: &str, engine: &str) -> Result<LaunchInput, Problem> {
    let builds = ctx.store.environment_builds(&[id]).await?.remove(id).unwrap_or_default();
    let under_test = builds.iter().find(|build| build.under_test).or_else(|| builds.first());
    let under_test = under_test.ok_or_else(|| internal("an environment without a build"))?;
    let kept = ctx.store.environment_asked(id).await?;
    let kept: Option<LaunchInput> = kept.as_deref().map(serde_json::from_str).transpose().map_err(internal)?;
    let others = builds.iter().filter(|build| build.app != under_test.app);
    Ok(LaunchInput {
        build: under_test.build.clone(),
        stack: Some(stack.to_owned()),
        engine: Some(engine.to_owned()),
        builds: others.map(|build| (build.app.clone(), BuildChoice::Build(build.build.clone()))).collect(),
        hidden_from: None,
        ..kept.unwrap_or_else(|| LaunchInput::of(under_test.build.clone()))
    })
}

/// Those whose values are not shown to anyone.
pub(super) fn hidden(given: &[Given]) -> impl Iterator<Item = &Given> {
    given.iter().filter(|one| looks_secret(&one.name, &one.value))
}

fn open(given: &[Given]) -> Vec<Given> {
    given.iter().filter(|one| !looks_secret(&one.name, &one.value)).cloned().collect()
}

/// With a line for each variable of the stack that has to be given and is not.
fn with_needed(stack: &Stack, mut given: Vec<Given>) -> Vec<Given> {
    for variable in stack.variables.iter().filter(|variable| variable.required) {
        if !given.iter().any(|one| one.service.is_none() && one.name == variable.name) {
            given.push(Given { service: None, name: variable.name.clone(), value: String::new() });
        }
    }
    given
}

fn fits(one: &Given, stack: &Stack) -> bool {
    one.service.as_ref().is_none_or(|name| stack.services.iter().any(|service| service.name == *name))
}

/// The other apps of the stack, with their newest builds.
async fn apps(
    ctx: &Ctx,
    config: &Config,
    stack: &Stack,
    row: &BuildRow,
    asked: Option<&LaunchInput>,
) -> Result<Vec<LaunchApp>, Problem> {
    let channel = ctx.store.tag_of_build(&row.id).await?.and_then(|(_, channel)| channel);
    let mut apps = Vec::new();
    for app in stack.apps().into_iter().filter(|app| *app != row.app) {
        let chosen = asked.and_then(|asked| asked.builds.get(app)).cloned();
        let default = choose::by_default(ctx, app, channel.as_deref()).await?.map(|Picked { view, .. }| view);
        apps.push(LaunchApp { default, ..one_app(ctx, config, app, chosen).await? });
    }
    Ok(apps)
}

/// One app with its newest builds, and the one that is chosen.
async fn one_app(ctx: &Ctx, config: &Config, app: &str, chosen: Option<BuildChoice>) -> Result<LaunchApp, Problem> {
    let narrow = Narrow { app: Some(app), channel: None, tag: None, q: None };
    let keys = ctx.store.build_keys(&narrow, &Cursor::parse(None)?, MOST_RECENT).await?;
    let mut ids: Vec<BuildId> = keys.into_iter().map(|key| key.build).collect();
    if let Some(BuildChoice::Build(id)) = &chosen
        && !ids.contains(id)
    {
        ids.push(id.clone());
    }
    let channels = config.app(app).map(|app| app.channels.iter().map(|channel| channel.name.clone()).collect());
    let recent = builds::rows(ctx, &ids).await?;
    Ok(LaunchApp { app: app.to_owned(), channels: channels.unwrap_or_default(), recent, chosen, default: None })
}

/// The variables of each service as they would be now.
async fn services(
    ctx: &Ctx,
    config: &Config,
    stack: &Stack,
    row: &BuildRow,
    apps: &[LaunchApp],
    over: Over<'_>,
) -> Vec<ServiceVariables> {
    let images: BTreeMap<&str, (ImageName, Digest)> = images(config, row, apps);
    let one = |service: &StackService| {
        let image = match &service.image {
            StackImage::Build { app } => images.get(app.as_str()).cloned(),
            StackImage::Fixed { image, reference } => reference.parse().ok().map(|digest| (image.clone(), digest)),
        };
        let (service, layers) = (service.clone(), over.layers(config, service));
        async move { previewed(ctx, &service, image.as_ref().map(|(image, digest)| (image, digest)), layers).await }
    };
    futures::future::join_all(stack.services.iter().map(one)).await
}

/// The image that each app would run.
fn images<'a>(config: &Config, row: &'a BuildRow, apps: &'a [LaunchApp]) -> BTreeMap<&'a str, (ImageName, Digest)> {
    let mut images = BTreeMap::from([(row.app.as_str(), (row.image.clone(), row.digest.clone()))]);
    for app in apps {
        let exact = match &app.chosen {
            Some(BuildChoice::Build(id)) => app.recent.iter().find(|row| row.id == *id),
            _ => None,
        };
        let digest = exact.map(|row| &row.digest).or_else(|| app.default.as_ref().map(|build| &build.digest));
        if let Some((image, digest)) = config.app(&app.app).map(|app| app.image.clone()).zip(digest) {
            images.insert(&app.app, (image, digest.clone()));
        }
    }
    images
}
