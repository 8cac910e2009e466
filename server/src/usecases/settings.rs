//! The configuration: apply, export, show, check.

use crate::clock::micros;
use crate::ctx::{Ctx, Entry};
use crate::hub::Topic;
use crate::store;
use crate::trust::Trust;
use crate::usecases::{builds, engines, hooks, notifications, people, secrets, tokens};
use app::view::SettingsView;
use domain::config::{Changes, Config, RegionConfig};
use domain::problem::{Fault, Noun};
use domain::{Action, Actor, Problem};
use serde::Serialize;
use std::time::Duration;

/// A configuration file of a thousand entries is a few hundred kilobytes.
const MOST_TEXT: usize = 4 << 20;
/// How often a process looks for a configuration that another process applied.
const WATCH_EVERY: Duration = Duration::from_secs(2);

/// What [`apply`] did. Nothing changed when `version` is the one that was in force before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct AppliedChanges {
    pub version: i64,
    #[serde(flatten)]
    pub changes: Changes,
}

/// Takes in a configuration written as TOML. With `prune`, what the text does not name is
/// dropped. Applying the same text again changes nothing and makes no new version.
///
/// # Errors
/// [`Problem::Config`] or [`Problem::Stack`] with the place; nothing is changed then.
pub async fn apply(ctx: &Ctx, actor: &Actor, toml_text: &str, prune: bool) -> Result<AppliedChanges, Problem> {
    actor.require(Action::Configure)?;
    let given = read(toml_text)?;
    let mut tx = ctx.store.begin().await?;
    let old = store::config::newest_to_change(&mut tx).await?;
    let new = old.config.merge(given, prune);
    new.check()?;
    check_main_host(ctx, &new)?;
    notifications::check_zones(&new)?;
    Trust::check(&new.outgoing)?;
    if new == old.config {
        return Ok(AppliedChanges { version: old.version, changes: Changes::default() });
    }
    let changes = old.config.changes(&new);
    let version = old.version + 1;
    let (at, by) = (ctx.now(), actor.label());
    store::stacks::keep_changes(&mut tx, (old.version, &old.config), &new, at, &by).await?;
    store::config::add_version(&mut tx, version, &new, micros(at), &by).await?;
    let subject = version.to_string();
    let entry = Entry {
        action: "configuration.applied",
        subject_kind: "configuration",
        subject: &subject,
        app: None,
        detail: changes.to_string(),
    };
    ctx.audit(&mut tx, actor, entry).await?;
    tx.commit().await.map_err(store::internal)?;
    ctx.reload_config().await?;
    ctx.work.images.notify_one();
    ctx.hub.tell(Topic::Activity, None);
    Ok(AppliedChanges { version, changes })
}

/// The configuration in force as TOML: what [`apply`] takes. It holds no secrets.
///
/// # Errors
/// [`Problem::Forbidden`].
pub async fn export(ctx: &Ctx, actor: &Actor) -> Result<String, Problem> {
    actor.require(Action::Configure)?;
    ctx.reload_config().await?;
    toml::to_string_pretty(&ctx.config().config).map_err(store::internal)
}

/// The main site is no name under the domain of environments: their apps could set cookies for it.
fn check_main_host(ctx: &Ctx, config: &Config) -> Result<(), Problem> {
    let Some(domain) = &config.proxy.domain else { return Ok(()) };
    let main = ctx.settings.public_url.parse::<http::Uri>().ok().and_then(|uri| uri.host().map(str::to_ascii_lowercase));
    let below = main.is_some_and(|host| host.strip_suffix(domain.as_str()).is_some_and(|rest| rest.ends_with('.')));
    if !below {
        return Ok(());
    }
    let reason = "the address of Slipway itself is a name under it".to_owned();
    Err(Problem::Config { place: "proxy.domain".to_owned(), why: Fault::Refused { reason } })
}

fn read(text: &str) -> Result<Config, Problem> {
    // Nothing at all is a mistake, and pruned it would drop everything.
    if text.trim().is_empty() {
        return Err(Problem::Config { place: "the file".to_owned(), why: Fault::Missing });
    }
    if text.len() > MOST_TEXT {
        let why = Fault::TooLong { most: MOST_TEXT as u64 };
        return Err(Problem::Config { place: "the file".to_owned(), why });
    }
    toml::from_str(text).map_err(|error| {
        let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
        let place = format!("line {}", before.matches('\n').count() + 1);
        Problem::Config { place, why: Fault::Unreadable { detail: error.message().to_owned() } }
    })
}

/// The Settings page: everyone sees what there is; addresses, environment variables, people,
/// tokens and hooks only those who manage them.
///
/// # Errors
/// [`Problem::Forbidden`].
pub async fn settings(ctx: &Ctx, actor: &Actor) -> Result<SettingsView, Problem> {
    actor.require(Action::Read)?;
    let applied = ctx.config();
    let config = &applied.config;
    let configures = actor.may(Action::Configure);
    let hooks = if actor.may(Action::ManageHooks) { hooks::list_hooks(ctx, actor).await? } else { Vec::new() };
    let regions = config.regions.iter().cloned();
    Ok(SettingsView {
        apps: builds::apps(ctx, actor).await?,
        stacks: config.stacks.clone(),
        engines: if configures { config.engines.clone() } else { Vec::new() },
        engines_seen: engines::engines(ctx, actor).await?,
        regions: if configures { regions.collect() } else { regions.map(without_inside).collect() },
        config_version: applied.version,
        users: if actor.may(Action::ManagePeople) { people::list_users(ctx, actor).await? } else { Vec::new() },
        tokens: if actor.may(Action::ManageTokens) { tokens::list_tokens(ctx, actor).await? } else { Vec::new() },
        hooks,
        sources: hooks::list_sources(actor).unwrap_or_default(),
        secrets: if actor.may(Action::ManageSecrets) { secrets::list(ctx, actor).await? } else { Vec::new() },
        sweeps: if configures { ctx.store.sweeps().await? } else { Vec::new() },
        may: Action::ALL.into_iter().filter(|action| actor.may(*action)).collect(),
    })
}

fn without_inside(region: RegionConfig) -> RegionConfig {
    RegionConfig {
        url: String::new(),
        ca: None,
        cert: None,
        key_secret: None,
        ssh_key_secret: None,
        ssh_known_hosts: None,
        env: Default::default(),
        ..region
    }
}

/// One line of `slipway check`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CheckLine {
    /// `configuration`, `database`, `engine test`, `region hangzhou`, `registry host`.
    pub subject: String,
    /// What was found, or what is wrong.
    pub found: Result<String, Problem>,
}

/// Looks at everything Slipway depends on. What is wrong stands in the lines.
///
/// # Errors
/// [`Problem::Forbidden`].
pub async fn check(ctx: &Ctx, actor: &Actor) -> Result<Vec<CheckLine>, Problem> {
    actor.require(Action::Configure)?;
    let mut lines = vec![CheckLine { subject: "database".to_owned(), found: ctx.store.describe().await }];
    let read = ctx.reload_config().await;
    let applied = ctx.config();
    let config = &applied.config;
    let found = read.and_then(|()| config.check()).map(|()| format!("version {}", applied.version));
    lines.push(CheckLine { subject: "configuration".to_owned(), found });
    let engines = config.engines.iter().map(|engine| (Noun::Engine, &engine.name, engine.access()));
    let regions = config.regions.iter().map(|region| (Noun::Region, &region.name, region.access()));
    let asked = engines.chain(regions).map(|(what, name, access)| async move {
        let clear = if access.in_the_clear() { "; not encrypted: give ca, cert and key_secret, or use ssh://" } else { "" };
        let found = ctx.engines.client(what, name, access).await;
        let found = found.map(|docker| format!("answers with API {}{clear}", docker.client_version()));
        CheckLine { subject: format!("{what} {name}"), found }
    });
    lines.extend(futures::future::join_all(asked).await);
    let registry = ctx.registry();
    let asked = registry_hosts(config).into_iter().map(|host| {
        let registry = &registry;
        async move {
            let found = registry.greet(host).await.map(|()| "answers".to_owned());
            CheckLine { subject: format!("registry {host}"), found }
        }
    });
    lines.extend(futures::future::join_all(asked).await);
    Ok(lines)
}

/// Every registry that is listed, holds an app, or serves a region.
fn registry_hosts(config: &Config) -> std::collections::BTreeSet<&str> {
    let listed = config.registries.iter().map(|registry| registry.host.as_str());
    let apps = config.apps.iter().map(|app| app.image.host());
    listed.chain(apps).chain(config.regions.iter().filter_map(|region| region.registry.as_deref())).collect()
}

/// Keeps the configuration up to date with what other processes applied (`slipway apply`),
/// until the instance stops.
pub async fn watch(ctx: Ctx) {
    while ctx.work.stop.run_until_cancelled(tokio::time::sleep(WATCH_EVERY)).await.is_some() {
        // The cause is in the log already; the next look may succeed.
        let _ = ctx.reload_config().await;
    }
}
