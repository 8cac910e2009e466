//! Stacks, edited one by one: what is saved is a new version of the same configuration that
//! `slipway apply` writes and `slipway export` reads.

use crate::clock::micros;
use crate::ctx::{Ctx, Entry};
use crate::hub::Topic;
use crate::store::stacks::{self as rows, StackVersionRow};
use crate::store::{self, internal};
use crate::usecases::environments;
use app::view::{LaunchInput, StackChange, StackCheck, StackInput, StackRow, StackVersion, StackView};
use domain::config::{Config, StackConfig, valid_name};
use domain::id::EnvironmentId;
use domain::problem::{Fault, Noun};
use domain::stack::Stack;
use domain::{Action, Actor, Problem, diff};
use std::collections::HashMap;

/// Versions that a stack's page lists.
const MOST_VERSIONS: i64 = 50;

/// Every stack, in the order of the configuration.
///
/// # Errors
/// [`Problem::Forbidden`].
pub async fn stacks(ctx: &Ctx, actor: &Actor) -> Result<Vec<StackRow>, Problem> {
    actor.require(Action::Read)?;
    let newest = ctx.store.newest_stack_versions().await?;
    let newest: HashMap<&str, &StackVersionRow> = newest.iter().map(|row| (row.stack.as_str(), row)).collect();
    let applied = ctx.config();
    let row = |stack: &StackConfig| {
        let kept = newest.get(stack.name.as_str());
        let read = parse(&applied.config, &stack.compose).ok();
        StackRow {
            name: stack.name.clone(),
            apps: read.iter().flat_map(|read| read.apps().into_iter().map(str::to_owned)).collect(),
            services: read.map_or(0, |read| u32::try_from(read.services.len()).unwrap_or(u32::MAX)),
            default_of: default_of(&applied.config, &stack.name),
            version: kept.map_or(0, |row| row.version),
            changed_at: kept.map(|row| row.made_at),
            changed_by: kept.map(|row| row.made_by.clone()),
        }
    };
    Ok(applied.config.stacks.iter().map(row).collect())
}

fn default_of(config: &Config, stack: &str) -> Vec<String> {
    config.apps.iter().filter(|app| app.stack.as_deref() == Some(stack)).map(|app| app.name.clone()).collect()
}

fn parse(config: &Config, compose: &str) -> Result<Stack, Problem> {
    Stack::parse_for(compose, |app| config.app(app).is_some())
}

/// One stack with its newest text and who changed it when.
///
/// # Errors
/// [`Problem::Forbidden`]; [`Problem::NotFound`].
pub async fn stack(ctx: &Ctx, actor: &Actor, name: &str) -> Result<StackView, Problem> {
    actor.require(Action::Read)?;
    // The versions first: a save in between makes the version too old, and never the text.
    let versions = ctx.store.stack_versions(name, None, MOST_VERSIONS).await?;
    ctx.reload_config().await?;
    let applied = ctx.config();
    let config = &applied.config;
    let found = config.stack(name).ok_or_else(|| Problem::not_found(Noun::Stack, name))?;
    let version = |row: &StackVersionRow| StackVersion {
        version: row.version,
        at: row.made_at,
        by: row.made_by.clone(),
        removed: row.compose.is_none(),
    };
    Ok(StackView {
        name: name.to_owned(),
        compose: found.compose.clone(),
        version: versions.first().map_or(0, |row| row.version),
        check: StackCheck::of(parse(config, &found.compose)),
        default_of: default_of(config, name),
        versions: versions.iter().map(version).collect(),
    })
}

/// One version of a stack beside the one before it.
///
/// # Errors
/// [`Problem::Forbidden`]; [`Problem::NotFound`].
pub async fn stack_change(ctx: &Ctx, actor: &Actor, name: &str, version: i64) -> Result<StackChange, Problem> {
    actor.require(Action::Read)?;
    let found = kept(ctx, name, version).await?;
    let before = ctx.store.stack_version(name, version - 1).await?.and_then(|row| row.compose).unwrap_or_default();
    let lines = diff::lines(&before, found.compose.as_deref().unwrap_or_default());
    Ok(StackChange { stack: found.stack, version, at: found.made_at, by: found.made_by, compose: found.compose, lines })
}

async fn kept(ctx: &Ctx, name: &str, version: i64) -> Result<StackVersionRow, Problem> {
    let found = ctx.store.stack_version(name, version).await?;
    found.ok_or_else(|| Problem::not_found(Noun::Stack, format!("{name}, version {version}")))
}

/// Reads a text as a save would, and saves nothing.
///
/// # Errors
/// [`Problem::Forbidden`]. What is wrong with the text stands in the answer.
pub async fn check_stack(ctx: &Ctx, actor: &Actor, compose: &str) -> Result<StackCheck, Problem> {
    actor.require(Action::EditStacks)?;
    ctx.reload_config().await?;
    Ok(StackCheck::of(parse(&ctx.config().config, &lines_of(compose))))
}

/// Saves a stack and gives its new version; one that says what the stack says already makes none.
///
/// # Errors
/// [`Problem::Forbidden`]; [`Problem::Stack`] with line and key; [`Problem::Stale`] when somebody saved
/// another text meanwhile; [`Problem::Exists`] for a new stack of a taken name; [`Problem::Config`] when an
/// app could no longer be launched in it. Nothing is changed then.
pub async fn save_stack(ctx: &Ctx, actor: &Actor, input: StackInput) -> Result<i64, Problem> {
    actor.require(Action::EditStacks)?;
    if !valid_name(&input.name) {
        return Err(Problem::invalid("name", Fault::BadName));
    }
    let compose = lines_of(&input.compose);
    let mut tx = ctx.store.begin().await?;
    let old = store::config::newest_to_change(&mut tx).await?;
    let version = rows::newest_version(&mut tx, &input.name).await?;
    let is_there = old.config.stack(&input.name);
    match (is_there, input.version) {
        (Some(_), 0) if version > 0 => return Err(Problem::Exists { what: Noun::Stack, name: input.name }),
        (None, seen) if seen > 0 => return Err(Problem::Stale),
        (Some(_), seen) if seen != version => return Err(Problem::Stale),
        _ => {}
    }
    parse(&old.config, &compose)?;
    if is_there.is_some_and(|stack| stack.compose == compose) {
        return Ok(version);
    }
    // What the configuration says of the stack beside its text stays.
    let engine_labels = is_there.map(|stack| stack.engine_labels.clone()).unwrap_or_default();
    let stacks = vec![StackConfig { name: input.name.clone(), compose, engine_labels }];
    let new = old.config.merge(Config { stacks, ..Config::default() }, false);
    new.check()?;
    let (at, by) = (ctx.now(), actor.label());
    rows::keep_changes(&mut tx, (old.version, &old.config), &new, at, &by).await?;
    store::config::add_version(&mut tx, old.version + 1, &new, micros(at), &by).await?;
    let version = rows::newest_version(&mut tx, &input.name).await?;
    let detail = format!("version {version}");
    let entry = Entry { action: "stack.saved", subject_kind: "stack", subject: &input.name, app: None, detail };
    ctx.audit(&mut tx, actor, entry).await?;
    tx.commit().await.map_err(internal)?;
    ctx.reload_config().await?;
    ctx.hub.tell(Topic::Settings, None);
    ctx.hub.tell(Topic::Activity, None);
    Ok(version)
}

/// Launches a text that is not saved, with the newest build of the first of its apps that has one, and
/// gives the environment. The stack is called as the text would be.
///
/// # Errors
/// As [`environments::launch_environment`]; [`Problem::Invalid`] when none of its apps has a build.
pub async fn try_stack(ctx: &Ctx, actor: &Actor, name: &str, compose: &str) -> Result<EnvironmentId, Problem> {
    actor.require(Action::EditStacks)?;
    actor.require(Action::LaunchEnvironment)?;
    if !valid_name(name) {
        return Err(Problem::invalid("name", Fault::BadName));
    }
    ctx.reload_config().await?;
    let compose = lines_of(compose);
    let stack = parse(&ctx.config().config, &compose)?;
    for app in stack.apps() {
        let Some(build) = ctx.store.newest_good_build(app, None).await? else { continue };
        let (stack, draft) = (Some(name.to_owned()), Some(compose));
        return environments::launch_environment(ctx, actor, LaunchInput { stack, draft, ..LaunchInput::of(build) }).await;
    }
    let reason = "none of its apps has a build that could be tried".to_owned();
    Err(Problem::invalid("compose", Fault::Refused { reason }))
}

/// Saves a text that the stack had before.
///
/// # Errors
/// As [`save_stack`], and [`Problem::NotFound`] for a version that is not there or has no text.
pub async fn restore_stack(ctx: &Ctx, actor: &Actor, name: &str, version: i64, from: i64) -> Result<i64, Problem> {
    actor.require(Action::EditStacks)?;
    let gone = || Problem::not_found(Noun::Stack, format!("{name}, version {from}"));
    let compose = kept(ctx, name, from).await?.compose.ok_or_else(gone)?;
    save_stack(ctx, actor, StackInput { name: name.to_owned(), compose, version }).await
}

/// Browsers send a text's lines with a carriage return; in a file they would stand out.
fn lines_of(compose: &str) -> String {
    compose.replace("\r\n", "\n")
}
