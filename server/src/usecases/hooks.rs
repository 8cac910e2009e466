//! Hooks: who may deliver.

use crate::ctx::{Ctx, Entry, secret_hash};
use crate::hub::Topic;
use crate::intake as sources;
use crate::store::intake::{self as rows, HookRow};
use crate::store::internal;
use app::view::{HookView, NewSecret};
use domain::id::HookId;
use domain::problem::{Fault, Noun};
use domain::{Action, Actor, Problem};
use secrecy::SecretString;

/// Makes a hook. Its key is in the answer and nowhere else: only a hash of it is kept.
///
/// # Errors
/// [`Problem::Forbidden`], [`Problem::Invalid`] for the name or the source, [`Problem::Exists`].
pub async fn add_hook(ctx: &Ctx, actor: &Actor, name: String, source: String) -> Result<NewSecret, Problem> {
    actor.require(Action::ManageHooks)?;
    if !domain::config::valid_name(&name) {
        return Err(Problem::invalid("name", Fault::BadName));
    }
    let source = sources::source(&source).map_err(|why| Problem::invalid("source", why))?;
    let hook = HookRow { id: ctx.new_id(), name, source: source.word().to_owned(), registry: None };
    let key = ctx.new_secret();
    let mut tx = ctx.store.begin().await?;
    rows::insert_hook(&mut tx, &hook, &secret_hash(&key), ctx.now()).await?;
    let detail = format!("source {}", hook.source);
    let entry = Entry { action: "hook.added", subject_kind: "hook", subject: &hook.name, app: None, detail };
    ctx.audit(&mut tx, actor, entry).await?;
    tx.commit().await.map_err(internal)?;
    tell(ctx);
    Ok(NewSecret { id: hook.id.0, name: hook.name, secret: key })
}

/// At most 500 hooks, without their keys; the revoked ones last.
///
/// # Errors
/// [`Problem::Forbidden`].
pub async fn list_hooks(ctx: &Ctx, actor: &Actor) -> Result<Vec<HookView>, Problem> {
    actor.require(Action::ManageHooks)?;
    ctx.store.hooks().await
}

/// Puts a hook out of use at once. What it delivered before is still processed.
///
/// # Errors
/// [`Problem::Forbidden`], [`Problem::NotFound`].
pub async fn revoke_hook(ctx: &Ctx, actor: &Actor, id: &HookId) -> Result<(), Problem> {
    actor.require(Action::ManageHooks)?;
    let mut tx = ctx.store.begin().await?;
    let name = rows::revoke_hook(&mut tx, id, ctx.now()).await?;
    let name = name.ok_or_else(|| Problem::not_found(Noun::Hook, id.as_str()))?;
    let entry = Entry { action: "hook.revoked", subject_kind: "hook", subject: &name, ..Entry::default() };
    ctx.audit(&mut tx, actor, entry).await?;
    tx.commit().await.map_err(internal)?;
    tell(ctx);
    Ok(())
}

/// The actor that a key stands for. The key is compared by its hash, so that the time it takes
/// says nothing about the keys there are.
///
/// # Errors
/// [`Problem::NotFound`] for a key that is unknown, revoked, or of another source.
pub async fn actor_of_key(ctx: &Ctx, source: &str, key: &str) -> Result<(Actor, HookRow), Problem> {
    let found = ctx.store.hook_by_key(&secret_hash(key)).await?.filter(|hook| hook.source == source);
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
    let sealed = rows::hook_secrets(&ctx.store, &hook.id, ctx.now()).await?;
    sealed.iter().map(|(id, sealed)| ctx.keeper.unseal(&sealed_as(id), sealed)).collect()
}

/// The name under which a hook's secret is sealed.
fn sealed_as(id: &str) -> String {
    format!("hook secret {id}")
}

fn tell(ctx: &Ctx) {
    ctx.hub.tell(Topic::Settings, None);
    ctx.hub.tell(Topic::Activity, None);
}
