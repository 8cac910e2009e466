//! What every decision has in common: its turn, its author as they are now, its words.

use crate::ctx::Ctx;
use crate::hub::Topic;
use crate::store::people::user_in;
use crate::store::{self, Tx, internal};
use domain::problem::Fault;
use domain::{Action, Actor, Digest, Person, Problem};
use std::collections::BTreeSet;

/// Notes and reasons end here.
pub const MOST_WORDS: usize = 2000;

/// Begins the unit of work of one decision: waits for its turn among the decisions about
/// this app and about this digest, and makes sure that the actor still may. A fail and the
/// start that it should stop can therefore never miss each other, whichever app the fail
/// was recorded under.
///
/// # Errors
/// [`Problem::Forbidden`] or [`Problem::SignedOut`] when the actor lost the right meanwhile.
pub async fn begin(ctx: &Ctx, actor: &Actor, action: Action, app: &str, digest: &Digest) -> Result<(Tx, Person), Problem> {
    let mut tx = ctx.store.begin().await?;
    take_turn(&mut tx, app, digest).await?;
    let person = require_still(&mut tx, actor, action).await?;
    Ok((tx, person))
}

/// The same for one decision about several promotions, each by its app and its digest.
///
/// # Errors
/// As [`begin`].
pub async fn begin_all(
    ctx: &Ctx,
    actor: &Actor,
    action: Action,
    about: impl IntoIterator<Item = (&str, &Digest)>,
) -> Result<(Tx, Person), Problem> {
    let (apps, digests): (BTreeSet<&str>, BTreeSet<&Digest>) = about.into_iter().unzip();
    let mut tx = ctx.store.begin().await?;
    // All apps, then all digests, each in order: so no two wait for each other.
    for app in apps {
        store::lock_app(&mut tx, app).await?;
    }
    for digest in digests {
        lock_digest(&mut tx, digest).await?;
    }
    let person = require_still(&mut tx, actor, action).await?;
    Ok((tx, person))
}

/// Waits for the turn among the decisions about this app and about this digest.
///
/// # Errors
/// [`Problem::Internal`].
pub async fn take_turn(tx: &mut Tx, app: &str, digest: &Digest) -> Result<(), Problem> {
    // First the app, then the digest, everywhere: so no two wait for each other.
    store::lock_app(tx, app).await?;
    lock_digest(tx, digest).await
}

/// Makes decisions about one digest wait for each other. Call it after [`store::lock_app`].
///
/// # Errors
/// [`Problem::Internal`].
pub async fn lock_digest(tx: &mut Tx, digest: &Digest) -> Result<(), Problem> {
    // No app can have this name.
    store::lock_app(tx, digest.as_str()).await
}

/// The guard once more, inside the transaction that decides: between the request and this
/// moment a role may have been taken away, a user disabled, a token revoked.
///
/// # Errors
/// [`Problem::Forbidden`] or [`Problem::SignedOut`].
pub async fn require_still(tx: &mut Tx, actor: &Actor, action: Action) -> Result<Person, Problem> {
    let known = actor.person().ok_or(Problem::Forbidden { action })?;
    let user = match user_in(tx, &known.id).await {
        Err(Problem::NotFound { .. }) => return Err(Problem::SignedOut),
        found => found?,
    };
    if user.disabled {
        return Err(Problem::SignedOut);
    }
    let person = user.person;
    if let Actor::Token { id, .. } = actor
        && !store::people::token_in_use(tx, id).await?
    {
        return Err(Problem::SignedOut);
    }
    as_now(actor, &person).require(action)?;
    Ok(person)
}

/// The actor with the person behind it as they are now: another role than when they were let in is
/// another right.
pub fn as_now(actor: &Actor, person: &Person) -> Actor {
    let person = person.clone();
    match actor.clone() {
        Actor::User { signed_in_at, .. } => Actor::User { person, signed_in_at },
        Actor::Token { id, name, role, .. } => Actor::Token { id, name, role, person },
        nobody @ (Actor::Hook { .. } | Actor::Slipway) => nobody,
    }
}

/// Commits a decision and tells open pages: the builds, the promotions and the record.
///
/// # Errors
/// [`Problem::Internal`].
pub async fn finish(ctx: &Ctx, tx: Tx, promotion: Option<String>) -> Result<(), Problem> {
    tx.commit().await.map_err(internal)?;
    // Another app may list the same digest: every build's page looks again.
    ctx.hub.tell(Topic::Builds, None);
    ctx.hub.tell(Topic::Promotions, promotion);
    // What an open promotion wants is brought to its regions beforehand.
    ctx.work.images.notify_one();
    ctx.hub.tell(Topic::Activity, None);
    Ok(())
}

/// What a person wrote, without blanks around it and without control characters, which no
/// reader sees and PostgreSQL cannot keep.
///
/// # Errors
/// [`Problem::Invalid`] when it is missing and needed, or longer than 2000 characters.
pub fn words(field: &str, text: &str, needed: bool) -> Result<String, Problem> {
    let kept: String = text.chars().filter(|c| !c.is_control() || matches!(c, '\n' | '\t')).collect();
    let kept = kept.trim();
    if kept.is_empty() && needed {
        return Err(Problem::invalid(field, Fault::Missing));
    }
    if kept.chars().count() > MOST_WORDS {
        return Err(Problem::invalid(field, Fault::TooLong { most: MOST_WORDS as u64 }));
    }
    Ok(kept.to_owned())
}
