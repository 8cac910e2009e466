//! Credentials that registries, git servers and chat targets are spoken to with. They are set and
//! named; what they hold is read by Slipway itself and shown to nobody.

use crate::ctx::{Ctx, Entry};
use crate::hub::Topic;
use crate::store::{internal, secrets as rows};
use app::view::SecretView;
use domain::config::Config;
use domain::engine::EngineAccess;
use domain::problem::{Fault, Noun};
use domain::{Action, Actor, Problem};
use secrecy::SecretString;

/// A private key with its certificates fits; more is a mistake.
const MOST: usize = 64 * 1024;

/// The names of all secrets, and what uses each.
///
/// # Errors
/// [`Problem::Forbidden`].
pub async fn list(ctx: &Ctx, actor: &Actor) -> Result<Vec<SecretView>, Problem> {
    actor.require(Action::ManageSecrets)?;
    let mut secrets = ctx.store.secrets().await?;
    let applied = ctx.config();
    for secret in &mut secrets {
        secret.used_by = used_by(&applied.config, &secret.name);
    }
    Ok(secrets)
}

/// Sets a secret, or puts another in its place.
///
/// # Errors
/// [`Problem::Forbidden`], [`Problem::Invalid`] for the name or the value.
pub async fn set(ctx: &Ctx, actor: &Actor, name: &str, value: &str) -> Result<(), Problem> {
    actor.require(Action::ManageSecrets)?;
    if !domain::config::valid_name(name) {
        return Err(Problem::invalid("name", Fault::BadName));
    }
    if value.is_empty() {
        return Err(Problem::invalid("value", Fault::Missing));
    }
    if value.len() > MOST {
        return Err(Problem::invalid("value", Fault::TooBig { most: MOST as u64 }));
    }
    let sealed = ctx.keeper.seal(&*ctx.entropy, name, value)?;
    let mut tx = ctx.store.begin().await?;
    rows::put(&mut tx, name, &sealed, ctx.now(), &actor.label()).await?;
    let entry = Entry { action: "secret.set", subject_kind: "secret", subject: name, ..Entry::default() };
    ctx.audit(&mut tx, actor, entry).await?;
    tx.commit().await.map_err(internal)?;
    tell(ctx);
    Ok(())
}

/// Forgets a secret. What uses it says so when it is next needed.
///
/// # Errors
/// [`Problem::Forbidden`], [`Problem::NotFound`].
pub async fn remove(ctx: &Ctx, actor: &Actor, name: &str) -> Result<(), Problem> {
    actor.require(Action::ManageSecrets)?;
    let mut tx = ctx.store.begin().await?;
    if !domain::config::valid_name(name) || !rows::remove(&mut tx, name).await? {
        return Err(crate::store::missing(Noun::Secret, name));
    }
    let entry = Entry { action: "secret.removed", subject_kind: "secret", subject: name, ..Entry::default() };
    ctx.audit(&mut tx, actor, entry).await?;
    tx.commit().await.map_err(internal)?;
    tell(ctx);
    Ok(())
}

/// What a secret holds, for an adapter that speaks with it. No transport calls this.
///
/// # Errors
/// [`Problem::SecretMissing`], [`Problem::SecretUnreadable`].
pub async fn open(ctx: &Ctx, name: &str) -> Result<SecretString, Problem> {
    let sealed = ctx.store.sealed(name).await?.ok_or_else(|| Problem::SecretMissing { name: name.to_owned() })?;
    ctx.keeper.unseal(name, &sealed)
}

/// `registry registry.example.com`, `target qa` …
fn used_by(config: &Config, name: &str) -> Vec<String> {
    let is = |named: &Option<String>| named.as_deref() == Some(name);
    let registries = config.registries.iter().filter(|one| is(&one.password_secret));
    let targets = config.targets.iter().filter(|one| {
        is(&one.url_secret) || is(&one.sign_secret) || one.mail.as_ref().is_some_and(|mail| is(&mail.password_secret))
    });
    let hosts = config.git_hosts.iter().filter(|one| is(&one.token_secret) || is(&one.ssh_key_secret));
    let opens = |access: EngineAccess<'_>| access.secret() == Some(name);
    let engines = config.engines.iter().filter(|one| opens(one.access())).map(|one| format!("{} {}", Noun::Engine, one.name));
    let regions = config.regions.iter().filter(|one| opens(one.access())).map(|one| format!("{} {}", Noun::Region, one.name));
    let registries = registries.map(|one| format!("{} {}", Noun::Registry, one.host));
    let targets = targets.map(|one| format!("{} {}", Noun::Target, one.name));
    let hosts = hosts.map(|one| format!("git {}", one.host));
    registries.chain(targets).chain(hosts).chain(engines).chain(regions).collect()
}

fn tell(ctx: &Ctx) {
    ctx.hub.tell(Topic::Settings, None);
    ctx.hub.tell(Topic::Activity, None);
}
