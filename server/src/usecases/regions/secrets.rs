//! The secrets that services of a region are given. They are set and named; a value leaves only for the
//! region's Swarm, in a rollout.

use super::region_ref;
use crate::ctx::{Ctx, Entry};
use crate::hub::Topic;
use crate::store::region_secrets::{self as rows, Key, SecretRow};
use crate::store::{Tx, internal, lock_app, missing};
use crate::usecases::deciding::require_still;
use app::view::{AppSecrets, RegionSecret, RegionSecrets};
use domain::config::AppConfig;
use domain::problem::{Fault, Noun};
use domain::region_secrets::{MOST_VALUE, SecretState};
use domain::{Action, Actor, Problem};

/// The secrets of each app in a region by name: which are set, since when and by whom, and which version
/// what runs there was given.
///
/// # Errors
/// [`Problem::Forbidden`]; [`Problem::NotFound`].
pub async fn secrets(ctx: &Ctx, actor: &Actor, region: &str) -> Result<RegionSecrets, Problem> {
    actor.require(Action::Read)?;
    let applied = ctx.config();
    let config = &applied.config;
    config.region(region).ok_or_else(|| missing(Noun::Region, region))?;
    let kept = ctx.store.region_secrets(region).await?;
    let mut apps = Vec::new();
    for app in &config.apps {
        let own: Vec<&SecretRow> = kept.iter().filter(|row| row.app == app.name).collect();
        let secrets = of_app(ctx, region, app, &own).await?;
        if !secrets.is_empty() {
            apps.push(AppSecrets { app: app.name.clone(), secrets });
        }
    }
    Ok(RegionSecrets { region: region_ref(config, region), apps })
}

/// What the app names, in its order, then what is still kept of what it named once.
async fn of_app(ctx: &Ctx, region: &str, app: &AppConfig, kept: &[&SecretRow]) -> Result<Vec<RegionSecret>, Problem> {
    let named = &app.service.secrets;
    let others = kept.iter().filter(|row| row.set && !named.contains(&row.name)).map(|row| &row.name);
    let names: Vec<&String> = named.iter().chain(others).collect();
    if names.is_empty() {
        return Ok(Vec::new());
    }
    let given = ctx.store.last_put(&app.name, region).await?.map(|last| last.intent.secrets).unwrap_or_default();
    let view = |name: &String| {
        let row = kept.iter().find(|row| row.name == *name);
        let version = row.filter(|row| row.set).map(|row| row.version);
        let runs = given.iter().find(|one| one.name == *name).map(|one| one.version);
        RegionSecret {
            name: name.clone(),
            named: named.contains(name),
            state: SecretState::of(version, runs),
            version,
            runs,
            changed_at: row.map(|row| row.changed_at),
            changed_by: row.map(|row| row.changed_by.clone()),
        }
    };
    Ok(names.into_iter().map(view).collect())
}

/// Sets a secret that an app names, or puts another value in its place. The next promotion gives it to
/// the service; what runs keeps what it was given.
///
/// # Errors
/// [`Problem::Forbidden`]; [`Problem::NotFound`]; [`Problem::Invalid`] for the value, or a name that the
/// app does not name.
pub async fn set_secret(ctx: &Ctx, actor: &Actor, key: Key<'_>, value: &str) -> Result<(), Problem> {
    actor.require(Action::SetRegionSecrets)?;
    if value.is_empty() {
        return Err(Problem::invalid("value", Fault::Missing));
    }
    if value.len() > MOST_VALUE {
        return Err(Problem::invalid("value", Fault::TooBig { most: MOST_VALUE as u64 }));
    }
    ctx.reload_config().await?;
    let applied = ctx.config();
    applied.config.region(key.region).ok_or_else(|| missing(Noun::Region, key.region))?;
    let app = applied.config.app(key.app).ok_or_else(|| missing(Noun::App, key.app))?;
    if !app.service.secrets.iter().any(|name| name == key.name) {
        return Err(Problem::invalid("name", Fault::Unknown { what: Noun::Secret, name: key.name.to_owned() }));
    }
    let sealed = ctx.keeper.seal(&*ctx.entropy, &key.sealed_as(), value)?;
    let mut tx = begin(ctx, actor, key.app).await?;
    let version = rows::put(&mut tx, key, &sealed, ctx.now(), &actor.label()).await?;
    let detail = format!("{} {}, version {version}", key.app, key.name);
    finish(ctx, tx, actor, key, ("region_secret.set", detail)).await
}

/// Forgets a secret of a region. What runs keeps what it was given; nothing new goes there without it
/// while the app names it.
///
/// # Errors
/// [`Problem::Forbidden`]; [`Problem::NotFound`] when it is not set.
pub async fn remove_secret(ctx: &Ctx, actor: &Actor, key: Key<'_>) -> Result<(), Problem> {
    actor.require(Action::SetRegionSecrets)?;
    let mut tx = begin(ctx, actor, key.app).await?;
    if !rows::clear(&mut tx, key, ctx.now(), &actor.label()).await? {
        return Err(missing(Noun::Secret, key.name));
    }
    let detail = format!("{} {}", key.app, key.name);
    finish(ctx, tx, actor, key, ("region_secret.removed", detail)).await
}

/// Takes the turn among the decisions about the app, so that a start reads its secrets before or after.
async fn begin(ctx: &Ctx, actor: &Actor, app: &str) -> Result<Tx, Problem> {
    let mut tx = ctx.store.begin().await?;
    lock_app(&mut tx, app).await?;
    require_still(&mut tx, actor, Action::SetRegionSecrets).await?;
    Ok(tx)
}

async fn finish(ctx: &Ctx, mut tx: Tx, actor: &Actor, key: Key<'_>, (action, detail): (&str, String)) -> Result<(), Problem> {
    let entry = Entry { action, subject_kind: "region", subject: key.region, app: Some(key.app), detail };
    ctx.audit(&mut tx, actor, entry).await?;
    tx.commit().await.map_err(internal)?;
    ctx.hub.tell(Topic::Regions, None);
    // A gate of what is open asks for it.
    ctx.hub.tell(Topic::Promotions, None);
    ctx.hub.tell(Topic::Activity, None);
    ctx.work.bookings.notify_one();
    Ok(())
}
