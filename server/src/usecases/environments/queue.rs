//! Room on engines: where a launch goes, who waits for it, and whose turn comes next.
//!
//! Every launch takes its place in the line; who is admitted at once never waits. The rules are
//! `domain::capacity`; here the line is read, and what follows is written in one transaction
//! in which nobody else launches.

use crate::ctx::{Ctx, Entry};
use crate::hub::Topic;
use crate::store::environments::EnvironmentRecord;
use crate::store::queue::{self as rows, Used, Waiting};
use crate::store::{Tx, internal};
use app::view::{CapacityView, EngineRoom, QueuePlace, QueuedView};
use chrono::TimeDelta;
use domain::capacity::{Load, Need, Room, admit, expected, possible};
use domain::config::{Config, EngineConfig};
use domain::id::{EnvironmentId, UserId};
use domain::lease::EnvironmentState;
use domain::problem::Noun;
use domain::{Action, Actor, Problem};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// Each engine is asked whether it is there before a launch goes to it; this long it may take.
const GREETING: Duration = Duration::from_secs(5);
/// Environments that a quota's refusal names.
const NAMED: usize = 5;

/// The engine and labels that a launch asks for, as they are kept.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Wants {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub engine: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub labels: Vec<String>,
}

impl Wants {
    /// The engine that somebody named, and the labels that a stack asks for.
    pub fn new(config: &Config, stack: &str, engine: Option<&str>) -> Self {
        let labels = config.stack(stack).map(|stack| stack.engine_labels.clone()).unwrap_or_default();
        Self { engine: engine.filter(|name| !name.is_empty()).map(ToOwned::to_owned), labels }
    }

    pub fn need(self, memory_mib: u32) -> Need {
        Need { memory_mib: u64::from(memory_mib), engine: self.engine, labels: self.labels }
    }
}

fn need_of(waiting: &Waiting) -> Need {
    let wants: Wants = waiting.wants.as_deref().and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
    wants.need(waiting.memory_mib)
}

fn rooms<'a>(config: &'a Config, used: &BTreeMap<String, Used>, away: &BTreeSet<String>) -> Vec<Room<'a>> {
    let room = |engine: &'a EngineConfig| {
        let used = used.get(&engine.name).copied().unwrap_or_default();
        let load = Load { environments: used.environments, memory_mib: used.memory_mib };
        Room { engine, load, away: away.contains(&engine.name) }
    };
    config.engines.iter().map(room).collect()
}

/// The engines that a new launch may find not to answer: they are asked before anything is written.
/// The one that it would go to answers, unless it has to wait.
///
/// # Errors
/// [`Problem::Invalid`] when no engine would ever take it; [`Problem::Unreachable`] when those that
/// would do not answer.
pub(super) async fn greet(ctx: &Ctx, config: &Config, need: &Need) -> Result<BTreeSet<String>, Problem> {
    let used = ctx.store.engines_used().await?;
    let mut line: Vec<Need> = ctx.store.queued().await?.iter().map(need_of).collect();
    line.push(need.clone());
    let mut away = known_away(ctx, config);
    possible(&rooms(config, &used, &away), need).map_err(|why| Problem::invalid("engine", why))?;
    loop {
        let rooms = rooms(config, &used, &away);
        let mine = admit(&rooms, &line).into_iter().find(|(place, _)| *place + 1 == line.len());
        let Some((_, engine)) = mine else {
            // Those that answer are full: it waits. When none answers, that is what to say.
            let there = config.engines.iter().filter(|engine| !away.contains(&engine.name));
            let would = there.map(|engine| Room { engine, load: Load::default(), away: false }).collect::<Vec<_>>();
            return match away.first() {
                Some(name) if possible(&would, need).is_err() => {
                    Err(Problem::Unreachable { what: Noun::Engine, name: name.clone() })
                }
                _ => Ok(away),
            };
        };
        if answers(ctx, &engine.name).await {
            return Ok(away);
        }
        away.insert(engine.name.clone());
    }
}

/// The engines that are watched and known to be away.
fn known_away(ctx: &Ctx, config: &Config) -> BTreeSet<String> {
    let away = config.engines.iter().filter(|engine| ctx.engines_seen.away_since(&engine.name).is_some());
    away.map(|engine| engine.name.clone()).collect()
}

async fn answers(ctx: &Ctx, engine: &str) -> bool {
    let asked = async { ctx.host(engine).await?.greet().await };
    tokio::time::timeout(GREETING, asked).await.is_ok_and(|answer| answer.is_ok())
}

/// Where a launch goes that is about to be written; none when it has to wait. Nobody else launches
/// until the transaction ends.
///
/// # Errors
/// [`Problem::QueueFull`].
pub(super) async fn place(tx: &mut Tx, config: &Config, away: &BTreeSet<String>, need: &Need) -> Result<Option<String>, Problem> {
    rows::take_turn(tx).await?;
    let line = rows::queued_in(tx).await?;
    let used = rows::used_in(tx).await?;
    let mut needs: Vec<Need> = line.iter().map(need_of).collect();
    needs.push(need.clone());
    let admitted = admit(&rooms(config, &used, away), &needs);
    if let Some((_, engine)) = admitted.iter().find(|(place, _)| *place + 1 == needs.len()) {
        return Ok(Some(engine.name.clone()));
    }
    let most = config.environments.queue();
    let waiting = u32::try_from(line.len()).unwrap_or(u32::MAX);
    if waiting >= most { Err(Problem::QueueFull { waiting }) } else { Ok(None) }
}

/// Whether somebody may have one more environment.
///
/// # Errors
/// [`Problem::QuotaReached`] with what to stop.
pub(super) async fn require_person(tx: &mut Tx, config: &Config, holder: &UserId, name: &str) -> Result<(), Problem> {
    let most = config.environments.per_person();
    within(most, name, rows::alive_of_person(tx, holder).await?)
}

/// Whether one more environment may test an app.
///
/// # Errors
/// As [`require_person`].
pub(super) async fn require_app(tx: &mut Tx, config: &Config, app: &str) -> Result<(), Problem> {
    let most = config.environments.per_app();
    within(most, app, rows::alive_of_app(tx, app).await?)
}

fn within(most: u32, whose: &str, numbers: Vec<i64>) -> Result<(), Problem> {
    if u32::try_from(numbers.len()).is_ok_and(|count| count < most) {
        return Ok(());
    }
    let named: Vec<String> = numbers.iter().take(NAMED).map(|number| format!("E-{number}")).collect();
    Err(Problem::QuotaReached { whose: whose.to_owned(), most, stop: named.join(", ") })
}

/// Starts those whose turn has come.
///
/// # Errors
/// [`Problem::Internal`].
pub(super) async fn advance(ctx: &Ctx) -> Result<(), Problem> {
    let applied = ctx.config();
    let config = &applied.config;
    let mut away = known_away(ctx, config);
    loop {
        let line: Vec<Need> = ctx.store.queued().await?.iter().map(need_of).collect();
        if line.is_empty() {
            return Ok(());
        }
        let used = ctx.store.engines_used().await?;
        let chosen: BTreeSet<String> =
            admit(&rooms(config, &used, &away), &line).into_iter().map(|(_, engine)| engine.name.clone()).collect();
        if chosen.is_empty() {
            return Ok(());
        }
        let asked = chosen.iter().map(|engine| async { (engine.clone(), answers(ctx, engine).await) });
        let silent: Vec<String> =
            futures::future::join_all(asked).await.into_iter().filter(|(_, there)| !there).map(|(name, _)| name).collect();
        if silent.is_empty() {
            return begin_all(ctx, config, &away).await;
        }
        away.extend(silent);
    }
}

async fn begin_all(ctx: &Ctx, config: &Config, away: &BTreeSet<String>) -> Result<(), Problem> {
    let mut tx = ctx.store.begin().await?;
    rows::take_turn(&mut tx).await?;
    let line = rows::queued_in(&mut tx).await?;
    let used = rows::used_in(&mut tx).await?;
    let needs: Vec<Need> = line.iter().map(need_of).collect();
    let mut begun = Vec::new();
    for (place, engine) in admit(&rooms(config, &used, away), &needs) {
        let Some(waiting) = line.get(place) else { continue };
        let now = ctx.now();
        if !rows::begin(&mut tx, &waiting.id, &engine.name, now, now + waiting.lease).await? {
            continue;
        }
        let detail = format!("E-{} on {}, after {} min", waiting.number, engine.name, (now - waiting.since).num_minutes());
        let subject = waiting.id.as_str();
        let entry = Entry { action: "environment.begun", subject_kind: "environment", subject, app: None, detail };
        ctx.audit(&mut tx, &Actor::Slipway, entry).await?;
        begun.push(waiting.id.clone());
    }
    tx.commit().await.map_err(internal)?;
    for id in &begun {
        super::tell_state(ctx, id);
    }
    if !begun.is_empty() {
        ctx.work.environments.notify_one();
        ctx.hub.tell(Topic::Activity, None);
    }
    Ok(())
}

/// Where each of those that wait stands, and when it can expect to start.
pub(super) async fn line(ctx: &Ctx) -> Result<BTreeMap<EnvironmentId, QueuePlace>, Problem> {
    let queued = ctx.store.queued().await?;
    if queued.is_empty() {
        return Ok(BTreeMap::new());
    }
    let applied = ctx.config();
    let used = ctx.store.engines_used().await?;
    let alive = ctx.store.alive_on_engines().await?;
    let typical = ctx.store.typical_life().await?;
    let waiting: Vec<(Need, TimeDelta)> = queued.iter().map(|waiting| (need_of(waiting), waiting.lease)).collect();
    let rooms = rooms(&applied.config, &used, &known_away(ctx, &applied.config));
    let times = expected(&rooms, &alive, &waiting, ctx.now(), typical);
    let place = |((index, waiting), expected_at): ((usize, Waiting), _)| {
        let position = u32::try_from(index + 1).unwrap_or(u32::MAX);
        (waiting.id, QueuePlace { position, expected_at })
    };
    Ok(queued.into_iter().enumerate().zip(times).map(place).collect())
}

/// What the engines have room for, and who waits.
///
/// # Errors
/// [`Problem::Forbidden`].
pub async fn capacity(ctx: &Ctx, actor: &Actor) -> Result<CapacityView, Problem> {
    actor.require(Action::Read)?;
    let applied = ctx.config();
    let used = ctx.store.engines_used().await?;
    let mut places = line(ctx).await?;
    let queue = ctx.store.queued().await?.into_iter().filter_map(|waiting| {
        let place = places.remove(&waiting.id)?;
        let wants = need_of(&waiting);
        Some(QueuedView {
            id: waiting.id,
            number: waiting.number,
            stack: waiting.stack,
            holder_name: waiting.holder_name,
            since: waiting.since,
            memory_mib: waiting.memory_mib,
            engine: wants.engine,
            labels: wants.labels,
            place,
        })
    });
    let engine = |engine: &EngineConfig| {
        let used = used.get(&engine.name).copied().unwrap_or_default();
        EngineRoom {
            name: engine.name.clone(),
            labels: engine.labels.clone(),
            draining: engine.draining,
            environments: used.environments,
            most_environments: engine.capacity.environments,
            memory_mib: used.memory_mib,
            most_memory_mib: engine.capacity.memory_mib,
        }
    };
    let kept = &applied.config.environments;
    Ok(CapacityView {
        engines: applied.config.engines.iter().map(engine).collect(),
        queue: queue.collect(),
        per_person: kept.per_person(),
        per_app: kept.per_app(),
    })
}

/// Whether this one waits; its end is then a matter of the database alone.
pub(super) const fn waits(environment: &EnvironmentRecord) -> bool {
    matches!(environment.state, EnvironmentState::Queued)
}
