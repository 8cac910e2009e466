//! Choosing what runs together: the stack, the engine, and one build for each app of the stack.

use crate::ctx::Ctx;
use crate::store::builds::BuildRecord;
use crate::usecases::commits::stack_file;
use app::view::EnvironmentBuild;
use domain::config::{Config, EngineConfig, StackConfig};
use domain::problem::{Fault, Noun};
use domain::release_set::{BuildChoice, Chosen};
use domain::stack::Stack;
use domain::variables::Given;
use domain::{ImageName, Problem};
use std::collections::BTreeMap;

/// A build of a release set with where its image is.
#[derive(Clone, Debug)]
pub(super) struct Picked {
    pub image: ImageName,
    pub view: EnvironmentBuild,
}

/// A release set, by app.
pub(super) type Picks = BTreeMap<String, Picked>;

/// The name that was asked for, else the app's own.
pub(super) fn stack_name<'a>(config: &'a Config, app: &str, asked: Option<&'a str>) -> Result<&'a str, Problem> {
    let asked = asked.filter(|name| !name.is_empty());
    let own = || config.app(app).and_then(|app| app.stack_file.as_deref().or(app.stack.as_deref()));
    asked.or_else(own).ok_or_else(|| Problem::invalid("stack", Fault::Missing))
}

/// The text of the stack of this name: the app's own file at the build's commit, or the configuration's.
pub(super) async fn text_for(ctx: &Ctx, config: &Config, build: (&str, Option<&str>), name: &str) -> Result<String, Problem> {
    let (app, revision) = build;
    if let Some(app) = config.app(app).filter(|app| app.stack_file.as_deref() == Some(name)) {
        return stack_file(ctx, app, name, revision).await;
    }
    let found = config.stack(name).map(|stack| stack.compose.clone());
    found.ok_or_else(|| Problem::not_found(Noun::Stack, name))
}

/// Reads a stack that must contain the app. Without values its variables stay as they are written.
pub(super) fn read(config: &Config, compose: &str, app: &str, values: Option<&[Given]>) -> Result<Stack, Problem> {
    let is_app = |app: &str| config.app(app).is_some();
    let stack = match values {
        None => Stack::parse_for(compose, is_app)?,
        Some(given) => {
            let plain = given.iter().filter(|one| one.service.is_none());
            Stack::filled(compose, is_app, &plain.map(|one| (one.name.clone(), one.value.clone())).collect())?
        }
    };
    if stack.apps().contains(&app) {
        return Ok(stack);
    }
    Err(Problem::invalid("stack", Fault::NotOneOf { choices: fitting(config, app).join(", ") }))
}

/// What is laid over the services: all but what fills in the stack's own variables.
pub(super) fn laid_over(stack: &Stack, given: &[Given]) -> Vec<Given> {
    let own = |one: &&Given| one.service.is_some() || stack.variables.iter().all(|variable| variable.name != one.name);
    given.iter().filter(own).cloned().collect()
}

/// The stacks that have a place for a build of the app: its own file, then in the configuration's order.
pub(super) fn fitting<'a>(config: &'a Config, app: &str) -> Vec<&'a str> {
    let fits = |other: &&StackConfig| parse(config, other).is_ok_and(|stack| stack.apps().contains(&app));
    let own = config.app(app).and_then(|app| app.stack_file.as_deref());
    own.into_iter().chain(config.stacks.iter().filter(fits).map(|stack| stack.name.as_str())).collect()
}

/// The services of a stack that some channel runs as its check.
pub(super) fn checks_of<'a>(config: &'a Config, stack: &str) -> Vec<&'a str> {
    let mut found = Vec::new();
    for app in &config.apps {
        let launches = app.channels.iter().filter_map(|channel| channel.launch.as_ref());
        let here = launches.filter(|launch| launch.stack.as_deref().or(app.stack.as_deref()) == Some(stack));
        found.extend(here.filter_map(|launch| launch.check.as_deref()));
    }
    found.sort_unstable();
    found.dedup();
    found
}

fn parse(config: &Config, stack: &StackConfig) -> Result<Stack, Problem> {
    Stack::parse_for(&stack.compose, |app| config.app(app).is_some())
}

/// The engine that was asked for, else the first.
pub(super) fn engine_for<'a>(config: &'a Config, asked: Option<&str>) -> Result<&'a EngineConfig, Problem> {
    match asked.filter(|name| !name.is_empty()) {
        Some(name) => config.engine(name).ok_or_else(|| Problem::not_found(Noun::Engine, name)),
        None => config.engines.first().ok_or_else(|| Problem::Config { place: "engines".to_owned(), why: Fault::Missing }),
    }
}

/// The build under test and one for each other app of the stack.
pub(super) async fn picks(
    ctx: &Ctx,
    config: &Config,
    stack: &Stack,
    under_test: BuildRecord,
    wanted: &BTreeMap<String, BuildChoice>,
) -> Result<Picks, Problem> {
    let apps = stack.apps();
    refuse_others(&apps, &under_test.app, wanted)?;
    let tested = under_test.app.clone();
    let first = picked(ctx, under_test, Chosen::UnderTest).await?;
    let channel = channel_of(ctx, &first).await?;
    let mut picks = Picks::new();
    for app in apps.into_iter().filter(|app| *app != tested) {
        let one = match wanted.get(app) {
            Some(choice) => pick(ctx, config, app, choice).await?,
            None => by_default(ctx, app, channel.as_deref())
                .await?
                .ok_or_else(|| Problem::invalid("stack", Fault::Unknown { what: Noun::Build, name: app.to_owned() }))?,
        };
        picks.insert(app.to_owned(), one);
    }
    picks.insert(tested, first);
    Ok(picks)
}

/// Choices for apps that are not there, or for the one whose build is given already, are mistakes.
pub(super) fn refuse_others(apps: &[&str], tested: &str, wanted: &BTreeMap<String, BuildChoice>) -> Result<(), Problem> {
    for app in wanted.keys() {
        let name: String = app.chars().take(64).collect();
        if app == tested {
            let reason = format!("the build of {name} is the one under test");
            return Err(Problem::invalid("builds", Fault::Refused { reason }));
        }
        if !apps.contains(&app.as_str()) {
            return Err(Problem::invalid("builds", Fault::Unknown { what: Noun::App, name }));
        }
    }
    Ok(())
}

/// The build that a choice means now.
pub(super) async fn pick(ctx: &Ctx, config: &Config, app: &str, choice: &BuildChoice) -> Result<Picked, Problem> {
    match choice {
        BuildChoice::Build(id) => {
            let build = ctx.store.existing_build(id).await?;
            if build.app != app {
                let reason = format!("a build of {} cannot stand for {app}", build.app);
                return Err(Problem::invalid("builds", Fault::Refused { reason }));
            }
            picked(ctx, build, Chosen::Exact).await
        }
        BuildChoice::Channel(channel) => {
            let known = config.app(app).is_some_and(|app| app.channels.iter().any(|one| one.name == *channel));
            let name: String = format!("{app} {channel}").chars().take(200).collect();
            let none = || Problem::invalid("builds", Fault::Unknown { what: Noun::Build, name });
            if !known {
                return Err(none());
            }
            let found = ctx.store.newest_good_build(app, Some(channel)).await?.ok_or_else(none)?;
            let build = ctx.store.existing_build(&found).await?;
            picked(ctx, build, Chosen::NewestOf(channel.clone())).await
        }
    }
}

/// The newest good build of the channel, else the newest good one of all.
pub(super) async fn by_default(ctx: &Ctx, app: &str, channel: Option<&str>) -> Result<Option<Picked>, Problem> {
    if let Some(channel) = channel
        && let Some(found) = ctx.store.newest_good_build(app, Some(channel)).await?
    {
        let build = ctx.store.existing_build(&found).await?;
        return picked(ctx, build, Chosen::NewestOf(channel.to_owned())).await.map(Some);
    }
    match ctx.store.newest_good_build(app, None).await? {
        Some(found) => picked(ctx, ctx.store.existing_build(&found).await?, Chosen::Newest).await.map(Some),
        None => Ok(None),
    }
}

/// The channel of the tag that a build is best known by.
pub(super) async fn channel_of(ctx: &Ctx, picked: &Picked) -> Result<Option<String>, Problem> {
    Ok(ctx.store.tag_of_build(&picked.view.build).await?.and_then(|(_, channel)| channel))
}

/// A build as a part of a release set.
pub(super) async fn picked(ctx: &Ctx, build: BuildRecord, chosen: Chosen) -> Result<Picked, Problem> {
    let tag = ctx.store.tag_of_build(&build.id).await?;
    let view = EnvironmentBuild {
        app: build.app,
        build: build.id,
        digest: build.digest,
        tag: tag.map(|(name, _)| name),
        under_test: chosen == Chosen::UnderTest,
        chosen,
    };
    Ok(Picked { image: build.image, view })
}

/// `web dev 3f2a9c01b7de, worker dev …`, the build under test first.
pub(super) fn words<'a>(builds: impl IntoIterator<Item = &'a EnvironmentBuild>) -> String {
    let word = |build: &EnvironmentBuild| {
        let tag = build.tag.as_ref().map(|tag| format!(" {tag}")).unwrap_or_default();
        let exact = if build.chosen == Chosen::Exact { " (exact)" } else { "" };
        format!("{}{tag} {}{exact}", build.app, build.digest.short())
    };
    let mut builds: Vec<&EnvironmentBuild> = builds.into_iter().collect();
    builds.sort_by_key(|build| !build.under_test);
    builds.into_iter().map(word).collect::<Vec<_>>().join(", ")
}
