//! Hooks: who may deliver, and how each proves itself.

use crate::believed::Believed;
use crate::ctx::{Ctx, Entry, secret_hash};
use crate::hub::Topic;
use crate::intake::{self as sources, Source};
use crate::store::hooks::{self as rows, HookRow, SealedSecret};
use crate::store::{Tx, internal, missing, plausible};
use app::view::{HookMade, HookPage, HookView, NewHook, SourceView};
use base64::Engine as _;
use chrono::TimeDelta;
use domain::id::HookId;
use domain::image::valid_host;
use domain::problem::{Fault, Noun};
use domain::{Action, Actor, Problem};
use secrecy::{ExposeSecret as _, SecretString};

/// While a secret is rotated, the old one is taken for so long.
const OLD_SECRET: TimeDelta = TimeDelta::days(7);
/// What a sender calls a secret is no longer than this, and no shorter.
const SECRET: std::ops::RangeInclusive<usize> = 16..=512;
/// What stands on pages where a key or a secret would.
const MASK: &str = "••••••••";

/// What each delivery asks.
#[derive(Clone, Default)]
pub struct Asked {
    by_key: Believed<HookRow>,
    secrets: Believed<Vec<SealedSecret>>,
}

/// Every kind of sender, for a form's choice.
///
/// # Errors
/// [`Problem::Forbidden`].
pub fn list_sources(actor: &Actor) -> Result<Vec<SourceView>, Problem> {
    actor.require(Action::ManageHooks)?;
    let view = |source: &&dyn Source| SourceView {
        word: source.word().to_owned(),
        title: source.title().to_owned(),
        takes_secret: source.proof().takes_secret(),
        needs_registry: source.needs_registry(),
    };
    Ok(sources::all().iter().map(view).collect())
}

/// Makes a hook. Its key and its secret are in the answer; they are kept sealed.
///
/// # Errors
/// [`Problem::Forbidden`]; [`Problem::Invalid`] for the name, the source, the registry or the
/// secret; [`Problem::Exists`].
pub async fn add_hook(ctx: &Ctx, actor: &Actor, new: NewHook) -> Result<HookMade, Problem> {
    actor.require(Action::ManageHooks)?;
    if !domain::config::valid_name(&new.name) {
        return Err(Problem::invalid("name", Fault::BadName));
    }
    let source = sources::source(&new.source).map_err(|why| Problem::invalid("source", why))?;
    let registry = registry_of(source, new.registry)?;
    let hook = HookRow { id: ctx.new_id(), name: new.name, source: source.word().to_owned(), registry };
    let secret = secret_of(ctx, source, new.secret)?;
    let key = ctx.new_secret();
    let sealed_key = ctx.keeper.seal(&*ctx.entropy, &key_sealed_as(&hook.id), &key)?;
    let mut tx = ctx.store.begin().await?;
    rows::insert_hook(&mut tx, &hook, &secret_hash(&key), &sealed_key, ctx.now()).await?;
    if let Some(secret) = &secret {
        keep_secret(ctx, &mut tx, &hook.id, secret).await?;
    }
    let detail = format!("source {}", hook.source);
    let entry = Entry { action: "hook.added", subject_kind: "hook", subject: &hook.name, app: None, detail };
    ctx.audit(&mut tx, actor, entry).await?;
    tx.commit().await.map_err(internal)?;
    tell(ctx);
    let url = address(ctx, &hook.source, &key);
    let snippet = source.snippet(&url, secret.as_deref().unwrap_or_default());
    let HookRow { id, name, source, .. } = hook;
    Ok(HookMade { id, name, source, key: Some(key), url: Some(url), secret, snippet: Some(snippet) })
}

fn registry_of(source: &dyn Source, given: Option<String>) -> Result<Option<String>, Problem> {
    let given = given.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
    match given {
        Some(host) if !valid_host(&host) => Err(Problem::invalid("registry", Fault::BadImage)),
        None if source.needs_registry() => Err(Problem::invalid("registry", Fault::Missing)),
        given => Ok(given),
    }
}

/// The sender's own secret, or a new one where the source needs one.
fn secret_of(ctx: &Ctx, source: &dyn Source, given: Option<String>) -> Result<Option<String>, Problem> {
    let given = given.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
    let proof = source.proof();
    match given {
        Some(_) if !proof.takes_secret() => {
            let reason = format!("{} sends nothing that a secret could be compared with", source.title());
            Err(Problem::invalid("secret", Fault::Refused { reason }))
        }
        Some(secret) if secret.len() < *SECRET.start() => {
            Err(Problem::invalid("secret", Fault::TooShort { least: *SECRET.start() as u64 }))
        }
        Some(secret) if secret.len() > *SECRET.end() => {
            Err(Problem::invalid("secret", Fault::TooLong { most: *SECRET.end() as u64 }))
        }
        None if proof.needs_secret() => Ok(Some(drawn(ctx, source))),
        given => Ok(given),
    }
}

/// 32 random bytes, in the form that Standard Webhooks has for them where the source speaks it.
fn drawn(ctx: &Ctx, source: &dyn Source) -> String {
    if !source.proof().is_standard() {
        return ctx.new_secret();
    }
    let mut secret = [0; 32];
    ctx.entropy.fill(&mut secret);
    format!("whsec_{}", base64::engine::general_purpose::STANDARD.encode(secret))
}

async fn keep_secret(ctx: &Ctx, tx: &mut Tx, hook: &HookId, secret: &str) -> Result<(), Problem> {
    let id: String = ctx.new_id();
    let sealed = ctx.keeper.seal(&*ctx.entropy, &sealed_as(&id), secret)?;
    let now = ctx.now();
    rows::add_secret(tx, hook, &id, &sealed, now, now + OLD_SECRET).await
}

/// At most 500 hooks, without their keys; the revoked ones last.
///
/// # Errors
/// [`Problem::Forbidden`].
pub async fn list_hooks(ctx: &Ctx, actor: &Actor) -> Result<Vec<HookView>, Problem> {
    actor.require(Action::ManageHooks)?;
    ctx.store.hooks(ctx.now()).await
}

/// A hook with what is pasted into its sender's settings; key and secret are masked.
///
/// # Errors
/// [`Problem::Forbidden`], [`Problem::NotFound`].
pub async fn hook(ctx: &Ctx, actor: &Actor, id: &HookId) -> Result<HookPage, Problem> {
    actor.require(Action::ManageHooks)?;
    let (hook, key) = find(ctx, id).await?;
    let source = sources::source(&hook.source).map_err(internal)?;
    let masked_url = address(ctx, &hook.source, MASK);
    Ok(HookPage {
        snippet: source.snippet(&masked_url, MASK),
        takes_secret: source.proof().takes_secret(),
        can_reveal: key.is_some() && hook.revoked_at.is_none(),
        masked_url,
        hook,
    })
}

/// Gives a hook another secret: the sender's own, or a new one. The one before is taken for
/// seven days more, so that the sender can be changed in the meantime.
///
/// # Errors
/// [`Problem::Forbidden`], [`Problem::NotFound`], [`Problem::Invalid`] for the secret, or when the
/// source takes none.
pub async fn rotate_secret(ctx: &Ctx, actor: &Actor, id: &HookId, given: Option<String>) -> Result<HookMade, Problem> {
    actor.require(Action::ManageHooks)?;
    let (hook, _) = find_in_use(ctx, id).await?;
    let source = sources::source(&hook.source).map_err(internal)?;
    if !source.proof().takes_secret() {
        let reason = format!("{} sends nothing that a secret could be compared with", source.title());
        return Err(Problem::invalid("secret", Fault::Refused { reason }));
    }
    let secret = secret_of(ctx, source, given)?.unwrap_or_else(|| drawn(ctx, source));
    let mut tx = ctx.store.begin().await?;
    keep_secret(ctx, &mut tx, &hook.id, &secret).await?;
    let entry = Entry { action: "hook.secret_rotated", subject_kind: "hook", subject: &hook.name, ..Entry::default() };
    ctx.audit(&mut tx, actor, entry).await?;
    tx.commit().await.map_err(internal)?;
    tell(ctx);
    let HookView { id, name, source, .. } = hook;
    Ok(HookMade { id, name, source, key: None, url: None, secret: Some(secret), snippet: None })
}

/// Shows a hook's address once more; who asked is written down.
///
/// # Errors
/// [`Problem::Forbidden`]; [`Problem::NotFound`], also for one from before addresses were kept;
/// [`Problem::SecretUnreadable`].
pub async fn reveal_address(ctx: &Ctx, actor: &Actor, id: &HookId) -> Result<HookMade, Problem> {
    actor.require(Action::ManageHooks)?;
    let (hook, key) = find_in_use(ctx, id).await?;
    let key = key.ok_or_else(|| missing(Noun::Hook, id.as_str()))?;
    let key = ctx.keeper.unseal(&key_sealed_as(id), &key)?.expose_secret().to_owned();
    let mut tx = ctx.store.begin().await?;
    let entry = Entry { action: "hook.address_shown", subject_kind: "hook", subject: &hook.name, ..Entry::default() };
    ctx.audit(&mut tx, actor, entry).await?;
    tx.commit().await.map_err(internal)?;
    ctx.hub.tell(Topic::Activity, None);
    let url = address(ctx, &hook.source, &key);
    let source = sources::source(&hook.source).map_err(internal)?;
    let snippet = source.snippet(&url, MASK);
    let HookView { id, name, source, .. } = hook;
    Ok(HookMade { id, name, source, key: Some(key), url: Some(url), secret: None, snippet: Some(snippet) })
}

/// Puts a hook out of use at once. What it delivered before is still processed.
///
/// # Errors
/// [`Problem::Forbidden`], [`Problem::NotFound`].
pub async fn revoke_hook(ctx: &Ctx, actor: &Actor, id: &HookId) -> Result<(), Problem> {
    actor.require(Action::ManageHooks)?;
    let mut tx = ctx.store.begin().await?;
    let name = if plausible(id.as_str()) { rows::revoke_hook(&mut tx, id, ctx.now()).await? } else { None };
    let name = name.ok_or_else(|| missing(Noun::Hook, id.as_str()))?;
    let entry = Entry { action: "hook.revoked", subject_kind: "hook", subject: &name, ..Entry::default() };
    ctx.audit(&mut tx, actor, entry).await?;
    tx.commit().await.map_err(internal)?;
    tell(ctx);
    Ok(())
}

/// The actor that a key stands for, and its hook. The key is compared by its hash, so that the time
/// it takes says nothing about the keys there are.
///
/// # Errors
/// [`Problem::NotFound`] for a key that is unknown, revoked, or of another source.
pub async fn actor_of_key(ctx: &Ctx, source: &str, key: &str) -> Result<(Actor, HookRow), Problem> {
    let hash = secret_hash(key);
    let found = ctx.hooks.by_key.ask(&hash, ctx.now(), ctx.store.hook_by_key(&hash)).await?.filter(|hook| hook.source == source);
    // Nothing of the key that was tried stands in the answer.
    let hook = found.ok_or_else(|| Problem::not_found(Noun::Hook, "with this key"))?;
    Ok((Actor::Hook { id: hook.id.clone(), name: hook.name.clone() }, hook))
}

/// The secrets that a hook's sender may prove itself with, the newest first: one, or two while
/// one is rotated.
///
/// # Errors
/// [`Problem::SecretUnreadable`] when one cannot be opened.
pub async fn secrets_in_force(ctx: &Ctx, hook: &HookRow) -> Result<Vec<SecretString>, Problem> {
    let look = async { ctx.store.hook_secrets(&hook.id, ctx.now()).await.map(Some) };
    let sealed = ctx.hooks.secrets.ask(hook.id.as_str(), ctx.now(), look).await?.unwrap_or_default();
    sealed.iter().map(|(id, sealed)| ctx.keeper.unseal(&sealed_as(id), sealed)).collect()
}

async fn find(ctx: &Ctx, id: &HookId) -> Result<(HookView, Option<Vec<u8>>), Problem> {
    let found = if plausible(id.as_str()) { ctx.store.hook(id, ctx.now()).await? } else { None };
    found.ok_or_else(|| missing(Noun::Hook, id.as_str()))
}

async fn find_in_use(ctx: &Ctx, id: &HookId) -> Result<(HookView, Option<Vec<u8>>), Problem> {
    let found = find(ctx, id).await?;
    if found.0.revoked_at.is_some() { Err(missing(Noun::Hook, id.as_str())) } else { Ok(found) }
}

fn address(ctx: &Ctx, source: &str, key: &str) -> String {
    format!("{}/hooks/{source}/{key}", ctx.settings.public_url)
}

/// The name under which a hook's secret is sealed.
fn sealed_as(id: &str) -> String {
    format!("hook secret {id}")
}

fn key_sealed_as(hook: &HookId) -> String {
    format!("hook key {hook}")
}

fn tell(ctx: &Ctx) {
    ctx.hooks.by_key.forget();
    ctx.hooks.secrets.forget();
    ctx.hub.tell(Topic::Settings, None);
    ctx.hub.tell(Topic::Activity, None);
}
