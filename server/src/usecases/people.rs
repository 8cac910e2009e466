//! Users, passwords and signing in.

use crate::ctx::{Ctx, Entry};
use crate::hub::Topic;
use crate::store::people::{self as rows, Change, UserRow};
use crate::store::{Tx, internal, lock};
use app::view::UserView;
use domain::id::UserId;
use domain::problem::{Fault, Noun};
use domain::{Action, Actor, Person, Problem, Role};

mod common_passwords;
mod guessing;

use guessing::{Door, LONGEST_PASSWORD, hash_password};

/// After this long a guarded start asks for the password again.
pub const FRESH_MINUTES: i64 = 15;
/// Characters of the shortest password.
const LEAST_PASSWORD: usize = 10;

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
    tell(ctx);
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
    let armed = ctx.setup.clone();
    let (given, nobody) = (code.to_owned(), !ctx.store.has_users().await?);
    if !guessing::attempt(ctx, Door::SetUp { address }, move || Ok(nobody && armed.matches(&given))).await? {
        return Err(Problem::WrongSetupCode);
    }
    check_name(&name)?;
    check_password(&name, &password)?;
    let hash = hash_password(ctx, password).await?;
    let mut tx = people_in_turn(ctx).await?;
    if rows::any_user(&mut tx).await? || !ctx.setup.take(code) {
        return Err(Problem::WrongSetupCode);
    }
    let id = insert(ctx, &mut tx, &Actor::Slipway, &name, Role::Admin, &hash).await?;
    tx.commit().await.map_err(internal)?;
    tell(ctx);
    Ok(Person { id, name, role: Role::Admin })
}

/// A unit of work that changes who there is, after those that are under way: two admins who
/// disable each other must not both find the other.
async fn people_in_turn(ctx: &Ctx) -> Result<Tx, Problem> {
    let mut tx = ctx.store.begin().await?;
    lock(&mut tx, ":people").await?;
    Ok(tx)
}

/// What to change about a user; what is absent stays.
#[derive(Clone, Debug, Default)]
pub struct UserChange {
    pub role: Option<Role>,
    pub disabled: Option<bool>,
    pub password: Option<String>,
}

/// Changes a role; the user's sessions end.
///
/// # Errors
/// As [`change_user`].
pub async fn change_role(ctx: &Ctx, actor: &Actor, id: &UserId, role: Role) -> Result<(), Problem> {
    change_user(ctx, actor, id, UserChange { role: Some(role), ..UserChange::default() }).await
}

/// Puts a user out of use, or back; their sessions end.
///
/// # Errors
/// As [`change_user`].
pub async fn set_disabled(ctx: &Ctx, actor: &Actor, id: &UserId, disabled: bool) -> Result<(), Problem> {
    change_user(ctx, actor, id, UserChange { disabled: Some(disabled), ..UserChange::default() }).await
}

/// Gives a user a new password; their sessions end.
///
/// # Errors
/// As [`change_user`].
pub async fn reset_password(ctx: &Ctx, actor: &Actor, id: &UserId, password: String) -> Result<(), Problem> {
    change_user(ctx, actor, id, UserChange { password: Some(password), ..UserChange::default() }).await
}

/// Changes a user, all of it or nothing; the user's sessions end.
///
/// # Errors
/// [`Problem::Forbidden`], [`Problem::NotFound`], [`Problem::Invalid`] for the password,
/// or [`Problem::LastAdmin`].
pub async fn change_user(ctx: &Ctx, actor: &Actor, id: &UserId, change: UserChange) -> Result<(), Problem> {
    actor.require(Action::ManagePeople)?;
    let hash = match change.password {
        Some(password) => {
            let user = ctx.store.user_by_id(id).await?.ok_or_else(|| Problem::not_found(Noun::User, id.as_str()))?;
            Some(new_hash(ctx, &user.person.name, password).await?)
        }
        None => None,
    };
    let mut tx = people_in_turn(ctx).await?;
    let user = rows::user_in(&mut tx, id).await?;
    let role = change.role.map(|role| (Change::Role(role), "user.role_changed", format!("{} → {role}", user.person.role)));
    let disabled = change.disabled.map(|off| {
        let word = if off { "user.disabled" } else { "user.enabled" };
        (Change::Disabled(off), word, String::new())
    });
    let password = hash.as_deref().map(|hash| (Change::Password(hash), "user.password_reset", String::new()));
    let changes = [role, disabled, password].into_iter().flatten();
    make_changes(ctx, tx, actor, &user, changes).await
}

/// Changes one's own password; all one's sessions end, this one too.
///
/// # Errors
/// [`Problem::WrongCredentials`] when the old one is not right; [`Problem::Invalid`].
pub async fn change_own_password(ctx: &Ctx, actor: &Actor, old: String, new: String) -> Result<(), Problem> {
    actor.require(Action::KeepOwnAccount)?;
    let person = actor.person().ok_or(Problem::SignedOut)?;
    let user = ctx.store.user_by_id(&person.id).await?.filter(|user| !user.disabled).ok_or(Problem::SignedOut)?;
    require_password(ctx, &user, old).await?;
    let hash = new_hash(ctx, &user.person.name, new).await?;
    let tx = people_in_turn(ctx).await?;
    let change = (Change::Password(&hash), "user.password_changed", String::new());
    make_changes(ctx, tx, actor, &user, [change]).await
}

async fn new_hash(ctx: &Ctx, name: &str, password: String) -> Result<String, Problem> {
    check_password(name, &password)?;
    hash_password(ctx, password).await
}

/// Each change with the words of its row in the record.
async fn make_changes<'a>(
    ctx: &Ctx,
    mut tx: Tx,
    actor: &Actor,
    user: &UserRow,
    changes: impl IntoIterator<Item = (Change<'a>, &'a str, String)>,
) -> Result<(), Problem> {
    let subject = user.person.name.as_str();
    for (change, action, detail) in changes {
        rows::change_user(&mut tx, &user.person.id, change, ctx.now()).await?;
        ctx.audit(&mut tx, actor, Entry { action, subject_kind: "user", subject, app: None, detail }).await?;
    }
    let was_admin = user.person.role == Role::Admin && !user.disabled;
    if was_admin && rows::enabled_admins(&mut tx).await? == 0 {
        return Err(Problem::LastAdmin);
    }
    tx.commit().await.map_err(internal)?;
    tell(ctx);
    Ok(())
}

/// Who may come in changed, and so did the record.
fn tell(ctx: &Ctx) {
    ctx.hub.tell(Topic::Settings, None);
    ctx.hub.tell(Topic::Activity, None);
}

// ---- Signing in ----------------------------------------------------------------------------

/// Who this is, if name and password are right. An unknown name takes as long as a wrong password.
///
/// # Errors
/// [`Problem::Throttled`] after failures; [`Problem::WrongCredentials`].
pub async fn sign_in(ctx: &Ctx, name: &str, password: &str, address: &str) -> Result<Person, Problem> {
    let user = ctx.store.user_by_name(name).await?.filter(|user| !user.disabled);
    let (hash, password) = (user.as_ref().map(|user| user.password_hash.clone()), password.to_owned());
    let door = Door::Login { name, address };
    let right = guessing::attempt(ctx, door, move || guessing::matches(hash.as_deref(), &password)).await?;
    user.filter(|_| right).map(|user| user.person).ok_or(Problem::WrongCredentials)
}

/// Asks a person who is signed in for the password again.
async fn require_password(ctx: &Ctx, user: &UserRow, password: String) -> Result<(), Problem> {
    let (hash, door) = (user.password_hash.clone(), Door::Again { name: &user.person.name });
    let right = guessing::attempt(ctx, door, move || guessing::matches(Some(&hash), &password)).await?;
    if right { Ok(()) } else { Err(Problem::WrongCredentials) }
}

/// The guard of a guarded button: a session older than 15 minutes must give the password again.
///
/// # Errors
/// [`Problem::PasswordNeeded`], [`Problem::WrongCredentials`], [`Problem::Throttled`].
pub async fn require_fresh(ctx: &Ctx, actor: &Actor, password: Option<&str>) -> Result<(), Problem> {
    if password_needed(ctx, actor) { require_again(ctx, actor, password).await } else { Ok(()) }
}

/// The guard of what always asks for the password, however fresh the session: of a token, its owner's.
///
/// # Errors
/// As [`require_fresh`].
pub async fn require_again(ctx: &Ctx, actor: &Actor, password: Option<&str>) -> Result<(), Problem> {
    let person = actor.person().ok_or(Problem::SignedOut)?;
    let password = password.filter(|password| !password.is_empty()).ok_or(Problem::PasswordNeeded)?;
    let user = ctx.store.user_by_id(&person.id).await?.filter(|user| !user.disabled).ok_or(Problem::SignedOut)?;
    require_password(ctx, &user, password.to_owned()).await
}

/// Whether [`require_fresh`] would ask for the password.
pub fn password_needed(ctx: &Ctx, actor: &Actor) -> bool {
    matches!(actor, Actor::User { signed_in_at, .. } if ctx.now() - *signed_in_at > chrono::Duration::minutes(FRESH_MINUTES))
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
        0..LEAST_PASSWORD => Fault::TooShort { least: LEAST_PASSWORD as u64 },
        count if count > LONGEST_PASSWORD => Fault::TooLong { most: LONGEST_PASSWORD as u64 },
        _ if common_passwords::is_common(name, password) => Fault::CommonPassword,
        _ => return Ok(()),
    };
    Err(Problem::invalid("password", fault))
}
