//! A shell in a container of an environment. Who opened one, where and for how long is in the record;
//! what was typed is not: secrets are typed into shells.

use super::read::{container, find};
use crate::ctx::{Ctx, Entry};
use crate::engine::containers::{Place, Shell};
use crate::hub::Topic;
use crate::store::environments::EnvironmentRecord;
use crate::store::internal;
use app::view::ShellView;
use domain::id::EnvironmentId;
use domain::{Action, Actor, Problem, Time};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Open shells, of everyone and of one person.
const MOST: usize = 20;
const MOST_EACH: usize = 5;
/// An engine that does not open one by then is away.
const OPENING: Duration = Duration::from_secs(10);

/// Counts open shells by person. Cloning is cheap.
#[derive(Clone, Default)]
pub struct Shells(Arc<Mutex<HashMap<String, usize>>>);

/// A place among the open shells, given back on drop.
struct Seat {
    shells: Shells,
    person: String,
}

impl Shells {
    fn sit(&self, person: &str) -> Result<Seat, Problem> {
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let all: usize = open.values().sum();
        let mine = open.entry(person.to_owned()).or_default();
        if all >= MOST || *mine >= MOST_EACH {
            return Err(Problem::Busy);
        }
        *mine += 1;
        Ok(Seat { shells: self.clone(), person: person.to_owned() })
    }

    /// How many are open now.
    pub fn open(&self) -> usize {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).values().sum()
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut open = self.shells.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(mine) = open.get_mut(&self.person) {
            *mine -= 1;
            if *mine == 0 {
                open.remove(&self.person);
            }
        }
    }
}

/// Why a shell was closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Closed {
    /// The shell itself ended.
    Ended,
    /// Whoever had it open left.
    Left,
    /// Nothing was typed for too long.
    Idle,
    /// It was open for as long as one may be.
    TooLong,
    /// A role was taken away, a session ended, or the environment did.
    Revoked,
    /// Slipway stops.
    Stopping,
}

impl Closed {
    pub const fn as_str(self) -> &'static str {
        match self {
            Closed::Ended => "ended",
            Closed::Left => "left",
            Closed::Idle => "idle",
            Closed::TooLong => "too_long",
            Closed::Revoked => "revoked",
            Closed::Stopping => "stopping",
        }
    }
}

/// A shell that is open, with its place in the record.
pub struct OpenShell {
    pub shell: Shell,
    id: EnvironmentId,
    what: String,
    opened_at: Time,
    _seat: Seat,
}

/// What the page of a shell shows.
///
/// # Errors
/// [`Problem::Forbidden`] or [`Problem::NotFound`].
pub async fn shell(ctx: &Ctx, actor: &Actor, id: &EnvironmentId, service: &str) -> Result<ShellView, Problem> {
    actor.require(Action::Read)?;
    let record = find(ctx, id).await?;
    let found = tokio::time::timeout(OPENING, container(ctx, &record, service)).await;
    let (_, found) = found.unwrap_or_else(|_| Err(away(&record)))?;
    let place = Place {
        instance: ctx.instance().to_owned(),
        environment: record.id.0.clone(),
        number: record.number,
        stack: record.stack.clone(),
        lease_ends: String::new(),
        volumes_of: 0,
    };
    Ok(ShellView {
        number: record.number,
        container: format!("{}-{}", place.name(), found.service),
        engine: record.engine,
        service: found.service,
        running: found.running,
        may: actor.may(Action::OpenShell),
    })
}

/// Opens a shell. The record says so before the first key can be typed.
///
/// # Errors
/// [`Problem::Forbidden`]; [`Problem::NotFound`] for the environment, or for the service when it has no
/// container; [`Problem::Busy`] when too many are open; [`Problem::Unreachable`] and
/// [`Problem::EngineRefused`] as the engine says.
pub async fn open_shell(
    ctx: &Ctx,
    actor: &Actor,
    id: &EnvironmentId,
    service: &str,
    (columns, rows): (u16, u16),
) -> Result<OpenShell, Problem> {
    actor.require(Action::OpenShell)?;
    let person = actor.person().map(|person| person.id.0.clone()).unwrap_or_default();
    let record = find(ctx, id).await?;
    let found = tokio::time::timeout(OPENING, container(ctx, &record, service)).await;
    let (host, found) = found.unwrap_or_else(|_| Err(away(&record)))?;
    let seat = ctx.shells.sit(&person)?;
    let opened_at = ctx.now();
    let what = format!("E-{} {}", record.number, found.service);
    write(ctx, actor, id, "shell.opened", what.clone()).await?;
    let mut chance = [0; 16];
    ctx.entropy.fill(&mut chance);
    let mark = hex::encode(chance);
    let opening = tokio::time::timeout(OPENING, host.open_shell(&found.id, &mark, columns, rows));
    match opening.await.unwrap_or_else(|_| Err(away(&record))) {
        Ok(shell) => Ok(OpenShell { shell, id: id.clone(), what, opened_at, _seat: seat }),
        Err(problem) => {
            write(ctx, actor, id, "shell.closed", format!("{what}: did not open")).await?;
            Err(problem)
        }
    }
}

/// Whether an open shell may stay open: whoever opened it may still open one, and the environment is
/// there. Whether the session stands is for the transport to ask.
pub async fn may_stay(ctx: &Ctx, actor: &Actor, id: &EnvironmentId) -> bool {
    actor.may(Action::OpenShell) && find(ctx, id).await.is_ok_and(|record| record.ended_at.is_none())
}

/// Ends a shell with everything that runs in it, and writes how long it was open.
///
/// # Errors
/// [`Problem::Internal`] when the record cannot be written.
pub async fn close_shell(ctx: &Ctx, actor: &Actor, open: OpenShell, why: Closed) -> Result<Option<i64>, Problem> {
    let OpenShell { shell, id, what, opened_at, _seat } = open;
    let ended = shell.close().await;
    let seconds = (ctx.now() - opened_at).num_seconds().max(0);
    write(ctx, actor, &id, "shell.closed", format!("{what}: {}, open for {seconds} s", why.as_str())).await?;
    Ok(ended.exit_code)
}

async fn write(ctx: &Ctx, actor: &Actor, id: &EnvironmentId, action: &str, detail: String) -> Result<(), Problem> {
    let mut tx = ctx.store.begin().await?;
    let entry = Entry { action, subject_kind: "environment", subject: id.as_str(), app: None, detail };
    ctx.audit(&mut tx, actor, entry).await?;
    tx.commit().await.map_err(internal)?;
    ctx.hub.tell(Topic::Activity, None);
    Ok(())
}

fn away(record: &EnvironmentRecord) -> Problem {
    Problem::Unreachable { what: domain::problem::Noun::Engine, name: record.engine.clone() }
}
