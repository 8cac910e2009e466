//! Checking what somebody claims to know: a bounded number at once, and slower after failures.
//! The failures are kept in the database, so that a restart forgives nothing.

use crate::ctx::{Ctx, secret_hash};
use crate::store::{self, Tx, internal, people as rows};
use argon2::password_hash::{PasswordHash, PasswordHasher, PasswordVerifier, SaltString};
use argon2::{Algorithm, Argon2, Params, Version};
use domain::throttle::{Count, Failures, Key, wait};
use domain::{Problem, Time};
use std::time::Duration;
use tokio::sync::OwnedSemaphorePermit;

/// Longer ones are refused before they cost anything.
pub(super) const LONGEST_PASSWORD: usize = 200;

/// Where somebody tries to get in.
#[derive(Clone, Copy)]
pub(super) enum Door<'a> {
    Login {
        name: &'a str,
        address: &'a str,
    },
    SetUp {
        address: &'a str,
    },
    /// The password is asked for again. Only failures of this same person count here, or else
    /// strangers could keep somebody who is signed in from acting.
    Again {
        name: &'a str,
    },
}

/// The rows that count for one door.
struct Keys {
    pair: String,
    address: Option<String>,
    user: Option<String>,
    known: Option<String>,
}

impl Door<'_> {
    /// Names are hashed, so that a flood of long names fills no table with them.
    fn keys(self) -> Keys {
        match self {
            Door::Login { name, address } => {
                let (name, address) = (secret_hash(name), secret_hash(address));
                Keys {
                    pair: format!("pair:{name}:{address}"),
                    address: Some(format!("address:{address}")),
                    user: Some(format!("user:{name}")),
                    known: Some(format!("known:{name}:{address}")),
                }
            }
            Door::SetUp { address } => {
                let address = secret_hash(address);
                let shared = Some(format!("address:{address}"));
                Keys { pair: format!("pair:set-up:{address}"), address: shared, user: None, known: None }
            }
            Door::Again { name } => {
                Keys { pair: format!("pair:{}:again", secret_hash(name)), address: None, user: None, known: None }
            }
        }
    }
}

impl Keys {
    fn counted(&self) -> [(Key, Option<&str>); 3] {
        [(Key::Pair, Some(&self.pair)), (Key::Address, self.address.as_deref()), (Key::User, self.user.as_deref())]
    }
}

/// Whether `right` holds, unless there were too many failures before. Those are looked at
/// while holding one of the few turns, so that a burst of guesses meets its own failures.
///
/// # Errors
/// [`Problem::Throttled`], [`Problem::Busy`].
pub(super) async fn attempt<F>(ctx: &Ctx, door: Door<'_>, right: F) -> Result<bool, Problem>
where
    F: FnOnce() -> Result<bool, Problem> + Send + 'static,
{
    let keys = door.keys();
    guard(ctx, &keys).await?;
    let turn = turn(ctx).await?;
    guard(ctx, &keys).await?;
    let right = tokio::task::spawn_blocking(right).await.map_err(internal)??;
    if right {
        note_success(ctx, &keys).await?
    } else {
        note_failure(ctx, &keys).await?
    }
    drop(turn);
    Ok(right)
}

/// Password hashing takes a core and 19 MiB: one of a bounded number of turns.
async fn turn(ctx: &Ctx) -> Result<OwnedSemaphorePermit, Problem> {
    let turn = tokio::time::timeout(Duration::from_secs(10), ctx.hashing.clone().acquire_owned());
    turn.await.map_err(|_| Problem::Busy)?.map_err(internal)
}

async fn guard(ctx: &Ctx, keys: &Keys) -> Result<(), Problem> {
    let now = ctx.now();
    let mut counts = [Count::default(); 3];
    for (count, (_, key)) in counts.iter_mut().zip(keys.counted()) {
        let Some(key) = key else { continue };
        *count = counted(ctx.store.failures(key).await?, now);
    }
    let known_address = match &keys.known {
        Some(key) => ctx.store.failures(key).await?.is_some(),
        None => false,
    };
    let [pair, address, user] = counts;
    let left = wait(Failures { pair, address, user, known_address });
    if left.is_zero() { Ok(()) } else { Err(Problem::Throttled { seconds: left.as_secs() + 1 }) }
}

fn counted(row: Option<(i64, Time)>, now: Time) -> Count {
    row.map_or_else(Count::default, |(failures, last)| Count {
        failures: u32::try_from(failures).unwrap_or(u32::MAX),
        since: (now - last).to_std().unwrap_or_default(),
    })
}

/// In turn, so that no failure is lost when two are noted at once.
async fn begin(ctx: &Ctx) -> Result<Tx, Problem> {
    let mut tx = ctx.store.begin().await?;
    store::lock(&mut tx, ":sign-in").await?;
    Ok(tx)
}

async fn note_failure(ctx: &Ctx, keys: &Keys) -> Result<(), Problem> {
    let now = ctx.now();
    let mut tx = begin(ctx).await?;
    for (kind, key) in keys.counted() {
        let Some(key) = key else { continue };
        let before = kind.unforgiven(counted(rows::failures_in(&mut tx, key).await?, now));
        rows::set_failures(&mut tx, key, i64::from(before.saturating_add(1)), now).await?;
    }
    tx.commit().await.map_err(internal)
}

async fn note_success(ctx: &Ctx, keys: &Keys) -> Result<(), Problem> {
    let mut tx = begin(ctx).await?;
    rows::forget_failures(&mut tx, &keys.pair).await?;
    if let Some(known) = &keys.known {
        rows::set_failures(&mut tx, known, 0, ctx.now()).await?;
    }
    tx.commit().await.map_err(internal)
}

fn argon2() -> Result<Argon2<'static>, Problem> {
    let params = Params::new(19 * 1024, 2, 1, None).map_err(internal)?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

/// The hash of a new password.
///
/// # Errors
/// [`Problem::Busy`] when too many passwords are being hashed.
pub(super) async fn hash_password(ctx: &Ctx, password: String) -> Result<String, Problem> {
    let mut salt = [0; 16];
    ctx.entropy.fill(&mut salt);
    let salt = SaltString::encode_b64(&salt).map_err(internal)?;
    let _turn = turn(ctx).await?;
    let hashed = move || Ok(argon2()?.hash_password(password.as_bytes(), &salt).map_err(internal)?.to_string());
    tokio::task::spawn_blocking(hashed).await.map_err(internal)?
}

/// Whether this is the password of `hash`. Nobody's password takes as long as somebody's.
pub(super) fn matches(hash: Option<&str>, password: &str) -> Result<bool, Problem> {
    // Of a random password that nobody knows: an unknown name costs the same work.
    const NOBODY: &str = "$argon2id$v=19$m=19456,t=2,p=1$c2xpcHdheS1ub2JvZHk$Z2tHN2xUd1B0V0xqYk9sYnhVWXZ0S0NZcXJtRVFhMUI";
    if password.chars().count() > LONGEST_PASSWORD {
        return Ok(false);
    }
    let parsed = PasswordHash::new(hash.unwrap_or(NOBODY)).map_err(internal)?;
    Ok(argon2()?.verify_password(password.as_bytes(), &parsed).is_ok() && hash.is_some())
}
