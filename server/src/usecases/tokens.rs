//! API tokens. A token acts for its owner and never beyond the owner's role.

use crate::ctx::{Ctx, Entry, secret_hash};
use crate::hub::Topic;
use crate::store::{internal, people as rows};
use app::view::{NewSecret, TokenView};
use domain::id::TokenId;
use domain::problem::{Fault, Noun};
use domain::{Action, Actor, Problem, Role};

/// Makes a token for `owner`. Its secret is in the answer and nowhere else.
///
/// # Errors
/// [`Problem::Forbidden`], [`Problem::NotFound`] for the owner, [`Problem::Invalid`], [`Problem::Exists`].
pub async fn add_token(ctx: &Ctx, actor: &Actor, name: String, owner: String, role: Role) -> Result<NewSecret, Problem> {
    actor.require(Action::ManageTokens)?;
    if !domain::config::valid_name(&name) {
        return Err(Problem::invalid("name", Fault::BadName));
    }
    let user = ctx.store.user_by_name(&owner).await?.ok_or_else(|| Problem::not_found(Noun::User, owner.as_str()))?;
    if role != Role::Viewer && role != user.person.role {
        let choices = format!("viewer, {}", user.person.role);
        return Err(Problem::invalid("role", Fault::NotOneOf { choices }));
    }
    let (id, secret): (TokenId, _) = (ctx.new_id(), format!("slw_{}", ctx.new_secret()));
    let mut tx = ctx.store.begin().await?;
    rows::insert_token(&mut tx, &id, &name, &secret_hash(&secret), &user.person.id, role, ctx.now()).await?;
    let detail = format!("for {owner}, role {role}");
    let entry = Entry { action: "token.added", subject_kind: "token", subject: &name, app: None, detail };
    ctx.audit(&mut tx, actor, entry).await?;
    tx.commit().await.map_err(internal)?;
    ctx.hub.tell(Topic::Settings, None);
    ctx.hub.tell(Topic::Activity, None);
    Ok(NewSecret { id: id.0, name, secret })
}

/// The newest 500 tokens, without their secrets.
///
/// # Errors
/// [`Problem::Forbidden`].
pub async fn list_tokens(ctx: &Ctx, actor: &Actor) -> Result<Vec<TokenView>, Problem> {
    actor.require(Action::ManageTokens)?;
    let view = |row: rows::TokenRow| TokenView {
        id: row.id,
        name: row.name,
        owner_name: row.owner.name,
        role: row.role,
        created_at: row.created_at,
        last_used_at: row.last_used_at,
        revoked_at: row.revoked_at,
    };
    Ok(ctx.store.tokens().await?.into_iter().map(view).collect())
}

/// Puts a token out of use at once.
///
/// # Errors
/// [`Problem::Forbidden`], [`Problem::NotFound`].
pub async fn revoke_token(ctx: &Ctx, actor: &Actor, id: &TokenId) -> Result<(), Problem> {
    actor.require(Action::ManageTokens)?;
    let mut tx = ctx.store.begin().await?;
    if !rows::revoke_token(&mut tx, id, ctx.now()).await? {
        return Err(Problem::not_found(Noun::Token, id.as_str()));
    }
    let entry = Entry { action: "token.revoked", subject_kind: "token", subject: id.as_str(), ..Entry::default() };
    ctx.audit(&mut tx, actor, entry).await?;
    tx.commit().await.map_err(internal)?;
    ctx.hub.tell(Topic::Settings, None);
    ctx.hub.tell(Topic::Activity, None);
    Ok(())
}

/// The actor that a bearer secret stands for.
///
/// # Errors
/// [`Problem::SignedOut`] for a secret that is unknown, revoked, or of a disabled owner.
pub async fn actor_of_secret(ctx: &Ctx, secret: &str) -> Result<Actor, Problem> {
    let token = ctx.store.token_by_hash(&secret_hash(secret)).await?.ok_or(Problem::SignedOut)?;
    let stale = token.last_used_at.is_none_or(|at| ctx.now() - at > chrono::Duration::minutes(1));
    if stale {
        let mut tx = ctx.store.begin().await?;
        rows::touch_token(&mut tx, &token.id, ctx.now()).await?;
        tx.commit().await.map_err(internal)?;
    }
    Ok(Actor::Token { id: token.id, name: token.name, role: token.role, person: token.owner })
}
