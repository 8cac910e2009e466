//! Users, passwords and signing in.

use crate::ctx::{Ctx, Entry, secret_hash};
use crate::hub::Topic;
use crate::store::people::{self as rows, Change, UserRow};
use crate::store::{Tx, internal};
use app::view::UserView;
use argon2::password_hash::{PasswordHash, PasswordHasher, PasswordVerifier, SaltString};
use argon2::{Algorithm, Argon2, Params, Version};
use domain::id::UserId;
use domain::problem::{Fault, Noun};
use domain::throttle::{Failures, wait};
use domain::{Action, Actor, Person, Problem, Role, Time};

mod common_passwords;

/// After this long a guarded start asks for the password again.
pub const FRESH_MINUTES: i64 = 15;

/// Adds a user.
///
/// # Errors
/// [`Problem::Forbidden`], [`Problem::Invalid`] for the name or password, [`Problem::Exists`].
pub async fn add_user(ctx: &Ctx, actor: &Actor, name: String, role: Role, password: String) -> Result<UserId, Problem> {
    actor.require(Action::ManagePeople)?;
    check_name(&name)?;
    check_password(&name, &password)?;
    let hash = hash_password(ctx, password).await?;
    let mut tx = ctx.store.begin().await?;
    let id = insert(ctx, &mut tx, actor, &name, role, &hash).await?;
    tx.commit().await.map_err(internal)?;
    ctx.hub.tell(Topic::Settings, None);
    Ok(id)
}

async fn insert(ctx: &Ctx, tx: &mut Tx, actor: &Actor, name: &str, role: Role, hash: &str) -> Result<UserId, Problem> {
    let person = Person { id: ctx.new_id(), name: name.to_owned(), role };
    rows::insert_user(tx, &person, hash, ctx.now()).await?;
    let detail = format!("role {role}");
    ctx.audit(tx, actor, Entry { action: "user.added", subject_kind: "user", subject: name, app: None, detail }).await?;
    Ok(person.id)
}

/// All users, by name.
///
/// # Errors
/// [`Problem::Forbidden`].
pub async fn list_users(ctx: &Ctx, actor: &Actor) -> Result<Vec<UserView>, Problem> {
    actor.require(Action::ManagePeople)?;
    let sessions = ctx.store.session_counts(ctx.now()).await?;
    let users = ctx.store.users().await?;
    Ok(users
        .into_iter()
        .map(|row| UserView {
            sessions: sessions.iter().find(|(id, _)| *id == row.person.id).map_or(0, |(_, count)| *count),
            id: row.person.id,
            name: row.person.name,
            role: row.person.role,
            disabled: row.disabled,
            created_at: row.created_at,
        })
        .collect())
}

/// Makes the first admin, with the code that `serve` printed. The code dies with its first use
/// and whenever a user exists.
///
/// # Errors
/// [`Problem::WrongSetupCode`], [`Problem::Throttled`] and those of [`add_user`].
pub async fn set_up(ctx: &Ctx, code: &str, name: String, password: String, address: &str) -> Result<Person, Problem> {
    throttle(ctx, "", address).await?;
    if ctx.store.has_users().await? || !ctx.setup.matches(code) {
        note_failure(ctx, "", address).await?;
        return Err(Problem::WrongSetupCode);
    }
    check_name(&name)?;
    check_password(&name, &password)?;
    let hash = hash_password(ctx, password).await?;
    if !ctx.setup.take(code) {
        return Err(Problem::WrongSetupCode);
    }
    let mut tx = ctx.store.begin().await?;
    let id = insert(ctx, &mut tx, &Actor::Slipway, &name, Role::Admin, &hash).await?;
    tx.commit().await.map_err(internal)?;
    Ok(Person { id, name, role: Role::Admin })
}

/// Changes a role; the user's sessions end.
///
/// # Errors
/// [`Problem::Forbidden`], [`Problem::NotFound`], or [`Problem::LastAdmin`].
pub async fn change_role(ctx: &Ctx, actor: &Actor, id: &UserId, role: Role) -> Result<(), Problem> {
    actor.require(Action::ManagePeople)?;
    let mut tx = ctx.store.begin().await?;
    let user = rows::user_in(&mut tx, id).await?;
    rows::change_user(&mut tx, id, Change::Role(role), ctx.now()).await?;
    let detail = format!("{} → {role}", user.person.role);
    finish_change(ctx, tx, actor, &user, "user.role_changed", detail).await
}

/// Puts a user out of use, or back; their sessions end.
///
/// # Errors
/// As [`change_role`].
pub async fn set_disabled(ctx: &Ctx, actor: &Actor, id: &UserId, disabled: bool) -> Result<(), Problem> {
    actor.require(Action::ManagePeople)?;
    let mut tx = ctx.store.begin().await?;
    let user = rows::user_in(&mut tx, id).await?;
    rows::change_user(&mut tx, id, Change::Disabled(disabled), ctx.now()).await?;
    let action = if disabled { "user.disabled" } else { "user.enabled" };
    finish_change(ctx, tx, actor, &user, action, String::new()).await
}

/// Gives a user a new password; their sessions end.
///
/// # Errors
/// As [`add_user`].
pub async fn reset_password(ctx: &Ctx, actor: &Actor, id: &UserId, password: String) -> Result<(), Problem> {
    actor.require(Action::ManagePeople)?;
    let user = ctx.store.user_by_id(id).await?.ok_or_else(|| Problem::not_found(Noun::User, id.as_str()))?;
    replace_password(ctx, actor, &user, password, "user.password_reset").await
}

/// Changes one's own password; all one's sessions end, this one too.
///
/// # Errors
/// [`Problem::WrongCredentials`] when the old one is not right; [`Problem::Invalid`].
pub async fn change_own_password(ctx: &Ctx, actor: &Actor, old: String, new: String) -> Result<(), Problem> {
    actor.require(Action::KeepOwnAccount)?;
    let person = actor.person().ok_or(Problem::SignedOut)?;
    if !verify_password(ctx, &person.id, &old).await? {
        return Err(Problem::WrongCredentials);
    }
    let user = ctx.store.user_by_id(&person.id).await?.ok_or(Problem::SignedOut)?;
    replace_password(ctx, actor, &user, new, "user.password_changed").await
}

async fn replace_password(ctx: &Ctx, actor: &Actor, user: &UserRow, new: String, action: &str) -> Result<(), Problem> {
    check_password(&user.person.name, &new)?;
    let hash = hash_password(ctx, new).await?;
    let mut tx = ctx.store.begin().await?;
    rows::change_user(&mut tx, &user.person.id, Change::Password(&hash), ctx.now()).await?;
    finish_change(ctx, tx, actor, user, action, String::new()).await
}

async fn finish_change(
    ctx: &Ctx,
    mut tx: Tx,
    actor: &Actor,
    user: &UserRow,
    action: &str,
    detail: String,
) -> Result<(), Problem> {
    if rows::enabled_admins(&mut tx).await? == 0 {
        return Err(Problem::LastAdmin);
    }
    let subject = user.person.name.as_str();
    ctx.audit(&mut tx, actor, Entry { action, subject_kind: "user", subject, app: None, detail }).await?;
    tx.commit().await.map_err(internal)?;
    ctx.hub.tell(Topic::Settings, None);
    Ok(())
}

// ---- Signing in ----------------------------------------------------------------------------

/// Who this is, if name and password are right. An unknown name takes as long as a wrong password.
///
/// # Errors
/// [`Problem::Throttled`] after failures; [`Problem::WrongCredentials`].
pub async fn sign_in(ctx: &Ctx, name: &str, password: &str, address: &str) -> Result<Person, Problem> {
    throttle(ctx, name, address).await?;
    let user = ctx.store.user_by_name(name).await?.filter(|user| !user.disabled);
    let hash = user.as_ref().map(|user| user.password_hash.clone());
    let right = check_hash(ctx, hash, password.to_owned()).await?;
    match user.filter(|_| right) {
        Some(user) => {
            note_success(ctx, name, address).await?;
            Ok(user.person)
        }
        None => {
            note_failure(ctx, name, address).await?;
            Err(Problem::WrongCredentials)
        }
    }
}

/// Whether this is the user's password now.
///
/// # Errors
/// [`Problem::Internal`], or [`Problem::Busy`] when too many passwords are being checked.
pub async fn verify_password(ctx: &Ctx, id: &UserId, password: &str) -> Result<bool, Problem> {
    let user = ctx.store.user_by_id(id).await?.filter(|user| !user.disabled);
    check_hash(ctx, user.map(|user| user.password_hash), password.to_owned()).await
}

/// The guard of a guarded button: a session older than 15 minutes must give the password again.
///
/// # Errors
/// [`Problem::PasswordNeeded`], [`Problem::WrongCredentials`], [`Problem::Throttled`].
pub async fn require_fresh(ctx: &Ctx, actor: &Actor, password: Option<&str>) -> Result<(), Problem> {
    if !password_needed(ctx, actor) {
        return Ok(());
    }
    let Some(person) = actor.person() else { return Ok(()) };
    let password = password.filter(|password| !password.is_empty()).ok_or(Problem::PasswordNeeded)?;
    throttle(ctx, &person.name, "again").await?;
    if verify_password(ctx, &person.id, password).await? {
        return Ok(());
    }
    note_failure(ctx, &person.name, "again").await?;
    Err(Problem::WrongCredentials)
}

/// Whether [`require_fresh`] would ask for the password.
pub fn password_needed(ctx: &Ctx, actor: &Actor) -> bool {
    matches!(actor, Actor::User { signed_in_at, .. } if ctx.now() - *signed_in_at > chrono::Duration::minutes(FRESH_MINUTES))
}

struct Keys {
    pair: String,
    address: String,
    user: String,
    known: String,
}

/// Names are hashed, so that a flood of long names fills no table with them.
fn keys(name: &str, address: &str) -> Keys {
    let (name, address) = (secret_hash(name), secret_hash(address));
    Keys {
        pair: format!("pair:{name}:{address}"),
        address: format!("address:{address}"),
        user: format!("user:{name}"),
        known: format!("known:{name}:{address}"),
    }
}

async fn throttle(ctx: &Ctx, name: &str, address: &str) -> Result<(), Problem> {
    let keys = keys(name, address);
    let mut tx = ctx.store.begin().await?;
    let (failures, last) = failures(&mut tx, &keys).await?;
    tx.rollback().await.map_err(internal)?;
    let Some(last) = last else { return Ok(()) };
    let until = last + chrono::Duration::from_std(wait(failures)).unwrap_or_default();
    let left = until - ctx.now();
    if left <= chrono::Duration::zero() {
        return Ok(());
    }
    Err(Problem::Throttled { seconds: u64::try_from(left.num_seconds()).unwrap_or(0) + 1 })
}

async fn failures(tx: &mut Tx, keys: &Keys) -> Result<(Failures, Option<Time>), Problem> {
    let mut counts = [0; 3];
    let mut last = None;
    for (count, key) in counts.iter_mut().zip([&keys.pair, &keys.address, &keys.user]) {
        if let Some((failures, at)) = rows::failures_in(tx, key).await? {
            *count = u32::try_from(failures).unwrap_or(u32::MAX);
            last = last.max(Some(at));
        }
    }
    let known_address = rows::failures_in(tx, &keys.known).await?.is_some();
    let [pair, address, user] = counts;
    Ok((Failures { pair, address, user, known_address }, last))
}

async fn note_failure(ctx: &Ctx, name: &str, address: &str) -> Result<(), Problem> {
    let keys = keys(name, address);
    let mut tx = ctx.store.begin().await?;
    let (counted, _) = failures(&mut tx, &keys).await?;
    for (key, count) in [(&keys.pair, counted.pair), (&keys.address, counted.address), (&keys.user, counted.user)] {
        rows::set_failures(&mut tx, key, i64::from(count.saturating_add(1)), ctx.now()).await?;
    }
    tx.commit().await.map_err(internal)
}

async fn note_success(ctx: &Ctx, name: &str, address: &str) -> Result<(), Problem> {
    let keys = keys(name, address);
    let mut tx = ctx.store.begin().await?;
    rows::forget_failures(&mut tx, &keys.pair).await?;
    rows::set_failures(&mut tx, &keys.known, 0, ctx.now()).await?;
    tx.commit().await.map_err(internal)
}

/// Forgets sessions and failures that no longer matter, every ten minutes.
pub async fn prune(ctx: Ctx) {
    let pause = std::time::Duration::from_secs(600);
    while ctx.work.stop.run_until_cancelled(tokio::time::sleep(pause)).await.is_some() {
        let pruned = async {
            let mut tx = ctx.store.begin().await?;
            rows::prune(&mut tx, ctx.now()).await?;
            tx.commit().await.map_err(internal)
        };
        // The cause is in the log already; the next round may succeed.
        let _: Result<(), Problem> = pruned.await;
    }
}

// ---- Names and passwords -------------------------------------------------------------------

fn check_name(name: &str) -> Result<(), Problem> {
    let mut bytes = name.bytes();
    let good = name.len() <= 40
        && bytes.next().is_some_and(|b| b.is_ascii_lowercase())
        && bytes.all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'.' | b'_' | b'-'));
    if good { Ok(()) } else { Err(Problem::invalid("name", Fault::BadName)) }
}

fn check_password(name: &str, password: &str) -> Result<(), Problem> {
    let fault = match password.chars().count() {
        0..8 => Fault::TooShort { least: 8 },
        201.. => Fault::TooLong { most: 200 },
        _ if common_passwords::is_common(name, password) => Fault::CommonPassword,
        _ => return Ok(()),
    };
    Err(Problem::invalid("password", fault))
}

fn argon2() -> Result<Argon2<'static>, Problem> {
    let params = Params::new(19 * 1024, 2, 1, None).map_err(internal)?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

async fn hash_password(ctx: &Ctx, password: String) -> Result<String, Problem> {
    let mut salt = [0; 16];
    ctx.entropy.fill(&mut salt);
    let salt = SaltString::encode_b64(&salt).map_err(internal)?;
    on_a_core(ctx, move || Ok(argon2()?.hash_password(password.as_bytes(), &salt).map_err(internal)?.to_string())).await
}

async fn check_hash(ctx: &Ctx, hash: Option<String>, password: String) -> Result<bool, Problem> {
    // Of a random password that nobody knows: an unknown name costs the same work.
    const NOBODY: &str = "$argon2id$v=19$m=19456,t=2,p=1$c2xpcHdheS1ub2JvZHk$Z2tHN2xUd1B0V0xqYk9sYnhVWXZ0S0NZcXJtRVFhMUI";
    if password.chars().count() > 200 {
        return Ok(false);
    }
    on_a_core(ctx, move || {
        let known = hash.is_some();
        let text = hash.unwrap_or_else(|| NOBODY.to_owned());
        let parsed = PasswordHash::new(&text).map_err(internal)?;
        Ok(argon2()?.verify_password(password.as_bytes(), &parsed).is_ok() && known)
    })
    .await
}

/// Runs costly work off the runtime, a bounded number at once.
async fn on_a_core<T: Send + 'static>(
    ctx: &Ctx,
    work: impl FnOnce() -> Result<T, Problem> + Send + 'static,
) -> Result<T, Problem> {
    let turn = tokio::time::timeout(std::time::Duration::from_secs(10), ctx.hashing.clone().acquire_owned());
    let _turn = turn.await.map_err(|_| Problem::Busy)?.map_err(internal)?;
    tokio::task::spawn_blocking(work).await.map_err(internal)?
}
