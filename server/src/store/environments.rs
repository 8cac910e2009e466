//! Environments, the builds in them and the steps of their launch.

mod automatic;
mod checks;
mod sets;

pub use automatic::{Kept, KeptFor, PutOff, keep_for, put_off};
pub use checks::{CheckRecord, Ended, begin_check, end_check, insert_check};

use sets::{NewSet, put_set};

use crate::clock::{from_micros, micros};
use crate::store::{Cursor, Store, Tx, internal};
use app::view::EnvironmentBuild;
use domain::id::{BuildId, EnvironmentId, UserId};
use domain::lease::{EndReason, EnvironmentState};
use domain::promotion::StepState;
use domain::{Person, Problem, Time};
use sqlx::Row;
use sqlx::any::AnyRow;
use std::collections::HashMap;
use std::str::FromStr;

/// An environment as it is kept, without its specification.
#[derive(Clone, Debug)]
pub struct EnvironmentRecord {
    pub id: EnvironmentId,
    pub number: i64,
    /// Which of its release sets is wanted, counted from 1.
    pub generation: i64,
    pub stack: String,
    pub engine: String,
    pub state: EnvironmentState,
    /// Published ports, as JSON.
    pub links: String,
    /// A [`Problem`] as JSON.
    pub failure: Option<String>,
    pub holder: UserId,
    pub holder_name: String,
    pub created_at: Time,
    pub lease_ends_at: Time,
    pub ended_at: Option<Time>,
    pub end_reason: Option<EndReason>,
    /// When its lease began.
    pub begun_at: Time,
    pub memory_mib: u32,
    /// The engine and labels that were asked for, as JSON.
    pub wants: Option<String>,
    /// What is being done with it beside its launch and its end, as JSON.
    pub task: Option<String>,
}

/// One step of a launch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StepRecord {
    pub kind: String,
    pub subject: String,
    pub state: StepState,
    pub started_at: Option<Time>,
    pub ended_at: Option<Time>,
    pub detail: Option<String>,
}

/// What a new environment is written with.
pub struct NewEnvironment<'a> {
    pub id: &'a EnvironmentId,
    pub number: i64,
    pub stack: &'a str,
    pub engine: &'a str,
    /// The resolved specification, as JSON.
    pub spec: &'a str,
    /// What was asked for, as JSON.
    pub asked: &'a str,
    pub by_name: &'a str,
    pub holder: &'a Person,
    pub created_at: Time,
    pub lease_ends_at: Time,
    pub builds: &'a [EnvironmentBuild],
    pub steps: &'a [StepRecord],
}

const COLUMNS: &str =
    "id, number, generation, stack, engine, state, links, failure, holder_id, holder_name, created_at, lease_ends_at,
    ended_at, end_reason, COALESCE(begun_at, created_at) AS begun_at, memory_mib, wants, task";

/// No fail stands against the digest, under whatever app it was judged.
const NO_FAIL: &str = "NOT EXISTS (SELECT 1 FROM verdicts v JOIN builds j ON j.id = v.build_id WHERE j.digest = b.digest
    AND v.kind = 'fail' AND v.withdrawn_at IS NULL AND v.overruled_at IS NULL)";

fn get<'r, T: sqlx::Decode<'r, sqlx::Any> + sqlx::Type<sqlx::Any>>(row: &'r AnyRow, column: &str) -> Result<T, Problem> {
    row.try_get(column).map_err(internal)
}

fn word<T: FromStr<Err: std::fmt::Display>>(row: &AnyRow, column: &str) -> Result<T, Problem> {
    get::<String>(row, column)?.parse().map_err(internal)
}

fn time(row: &AnyRow, column: &str) -> Result<Option<Time>, Problem> {
    Ok(get::<Option<i64>>(row, column)?.map(from_micros))
}

fn record(row: &AnyRow) -> Result<EnvironmentRecord, Problem> {
    Ok(EnvironmentRecord {
        id: EnvironmentId(get(row, "id")?),
        number: get(row, "number")?,
        generation: get(row, "generation")?,
        stack: get(row, "stack")?,
        engine: get(row, "engine")?,
        state: word(row, "state")?,
        links: get(row, "links")?,
        failure: get(row, "failure")?,
        holder: UserId(get(row, "holder_id")?),
        holder_name: get(row, "holder_name")?,
        created_at: from_micros(get(row, "created_at")?),
        lease_ends_at: from_micros(get(row, "lease_ends_at")?),
        ended_at: time(row, "ended_at")?,
        end_reason: get::<Option<String>>(row, "end_reason")?.map(|text| text.parse().map_err(internal)).transpose()?,
        begun_at: from_micros(get(row, "begun_at")?),
        memory_mib: u32::try_from(get::<i64>(row, "memory_mib")?).map_err(internal)?,
        wants: get(row, "wants")?,
        task: get(row, "task")?,
    })
}

fn records(rows: &[AnyRow]) -> Result<Vec<EnvironmentRecord>, Problem> {
    rows.iter().map(record).collect()
}

impl Store {
    /// One page, newest first; with `all` also those that have ended.
    pub async fn environment_page(&self, all: bool, after: &Cursor, limit: i64) -> Result<Vec<EnvironmentRecord>, Problem> {
        let which = if all { "" } else { "ended_at IS NULL AND" };
        let sql = sqlx::AssertSqlSafe(format!(
            "SELECT {COLUMNS} FROM environments WHERE {which} (created_at, id) < ($1, $2)
             ORDER BY created_at DESC, id DESC LIMIT $3"
        ));
        let rows = sqlx::query(sql).bind(micros(after.at)).bind(after.id.as_str()).bind(limit).fetch_all(self.read()).await;
        records(&rows.map_err(internal)?)
    }

    pub async fn environment_record(&self, id: &EnvironmentId) -> Result<Option<EnvironmentRecord>, Problem> {
        let sql = sqlx::AssertSqlSafe(format!("SELECT {COLUMNS} FROM environments WHERE id = $1"));
        let row = sqlx::query(sql).bind(id.as_str()).fetch_optional(self.read()).await.map_err(internal)?;
        row.as_ref().map(record).transpose()
    }

    /// The specification that was fixed at launch, as JSON.
    pub async fn environment_spec(&self, id: &EnvironmentId) -> Result<String, Problem> {
        sqlx::query_scalar("SELECT spec FROM environments WHERE id = $1")
            .bind(id.as_str())
            .fetch_one(self.read())
            .await
            .map_err(internal)
    }

    /// Environments that have or had a build in them, newest first.
    pub async fn environments_of_build(&self, build: &BuildId, limit: i64) -> Result<Vec<EnvironmentRecord>, Problem> {
        let sql = sqlx::AssertSqlSafe(format!(
            "SELECT {COLUMNS} FROM environments WHERE id IN (SELECT environment_id FROM environment_set_builds WHERE build_id = $1)
             ORDER BY created_at DESC, id DESC LIMIT $2"
        ));
        let rows = sqlx::query(sql).bind(build.as_str()).bind(limit).fetch_all(self.read()).await.map_err(internal)?;
        records(&rows)
    }

    /// The builds in each of some environments, by app.
    pub async fn environment_builds(
        &self,
        ids: &[&EnvironmentId],
    ) -> Result<HashMap<EnvironmentId, Vec<EnvironmentBuild>>, Problem> {
        let mut found: HashMap<EnvironmentId, Vec<EnvironmentBuild>> = HashMap::new();
        if ids.is_empty() {
            return Ok(found);
        }
        let places: Vec<String> = (1..=ids.len()).map(|n| format!("${n}")).collect();
        let sql = sqlx::AssertSqlSafe(format!(
            "SELECT e.environment_id, e.app, e.build_id, b.digest, e.tag, e.under_test, e.chosen FROM environment_builds e
             JOIN builds b ON b.id = e.build_id WHERE e.environment_id IN ({}) ORDER BY e.under_test DESC, e.app",
            places.join(", ")
        ));
        let query = ids.iter().fold(sqlx::query(sql), |query, id| query.bind(id.as_str()));
        for row in query.fetch_all(self.read()).await.map_err(internal)? {
            let environment = EnvironmentId(get(&row, "environment_id")?);
            found.entry(environment).or_default().push(sets::environment_build(&row)?);
        }
        Ok(found)
    }

    /// The steps of a launch, in their order.
    pub async fn environment_steps(&self, id: &EnvironmentId) -> Result<Vec<StepRecord>, Problem> {
        let rows = sqlx::query(
            "SELECT kind, subject, state, started_at, ended_at, detail FROM environment_steps
             WHERE environment_id = $1 ORDER BY position",
        )
        .bind(id.as_str())
        .fetch_all(self.read())
        .await
        .map_err(internal)?;
        rows.iter().map(step).collect()
    }

    /// What waits for work: all that is on its way from one state to another, oldest first.
    pub async fn environments_in_work(&self, limit: i64) -> Result<Vec<EnvironmentRecord>, Problem> {
        let sql = sqlx::AssertSqlSafe(format!(
            "SELECT {COLUMNS} FROM environments WHERE ended_at IS NULL AND state IN ('launching', 'stopping', 'freezing', 'thawing', 'restarting')
             ORDER BY created_at, id LIMIT $1"
        ));
        records(&sqlx::query(sql).bind(limit).fetch_all(self.read()).await.map_err(internal)?)
    }

    /// Those that should be running on an engine.
    pub async fn environments_running(&self, engine: &str, limit: i64) -> Result<Vec<EnvironmentRecord>, Problem> {
        let sql = sqlx::AssertSqlSafe(format!(
            "SELECT {COLUMNS} FROM environments WHERE ended_at IS NULL AND state = 'running' AND engine = $1
             ORDER BY created_at, id LIMIT $2"
        ));
        records(&sqlx::query(sql).bind(engine).bind(limit).fetch_all(self.read()).await.map_err(internal)?)
    }

    /// Those whose lease is over and that nobody stopped yet.
    pub async fn environments_overdue(&self, now: Time, limit: i64) -> Result<Vec<EnvironmentRecord>, Problem> {
        let sql = sqlx::AssertSqlSafe(format!(
            "SELECT {COLUMNS} FROM environments WHERE ended_at IS NULL AND lease_ends_at <= $1 AND state NOT IN ('queued', 'stopping')
             ORDER BY lease_ends_at LIMIT $2"
        ));
        records(&sqlx::query(sql).bind(micros(now)).bind(limit).fetch_all(self.read()).await.map_err(internal)?)
    }

    /// The tag that a build is best known by, and its channel: of those that point at it now
    /// the one that moved last, else of those that did.
    pub async fn tag_of_build(&self, id: &BuildId) -> Result<Option<(String, Option<String>)>, Problem> {
        for sql in [
            "SELECT name AS tag, channel FROM tags WHERE build_id = $1 ORDER BY moved_at DESC, name LIMIT 1",
            "SELECT tag, channel FROM tag_moves WHERE build_id = $1 ORDER BY moved_at DESC, id DESC LIMIT 1",
        ] {
            let row = sqlx::query(sql).bind(id.as_str()).fetch_optional(self.read()).await.map_err(internal)?;
            if let Some(row) = row {
                return Ok(Some((get(&row, "tag")?, get(&row, "channel")?)));
            }
        }
        Ok(None)
    }

    /// The newest build of an app that no fail stands against: of one channel, or of all.
    pub async fn newest_good_build(&self, app: &str, channel: Option<&str>) -> Result<Option<BuildId>, Problem> {
        let sql = match channel {
            Some(_) => format!(
                "SELECT b.id FROM tag_moves m JOIN builds b ON b.id = m.build_id
                 WHERE m.app = $1 AND m.channel = $2 AND {NO_FAIL} ORDER BY m.moved_at DESC, m.id DESC LIMIT 1"
            ),
            None => {
                format!("SELECT b.id FROM builds b WHERE b.app = $1 AND {NO_FAIL} ORDER BY b.seen_at DESC, b.id DESC LIMIT 1")
            }
        };
        let mut query = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(app);
        if let Some(channel) = channel {
            query = query.bind(channel);
        }
        let row = query.fetch_optional(self.read()).await.map_err(internal)?;
        row.map(|row| Ok(BuildId(get(&row, "id")?))).transpose()
    }
}

fn step(row: &AnyRow) -> Result<StepRecord, Problem> {
    Ok(StepRecord {
        kind: get(row, "kind")?,
        subject: get(row, "subject")?,
        state: word(row, "state")?,
        started_at: time(row, "started_at")?,
        ended_at: time(row, "ended_at")?,
        detail: get(row, "detail")?,
    })
}

impl Store {
    /// How many have not ended, by engine.
    pub async fn environments_alive_by_engine(&self) -> Result<HashMap<String, u32>, Problem> {
        let counted: Vec<(String, i64)> =
            sqlx::query_as("SELECT engine, COUNT(*) FROM environments WHERE ended_at IS NULL GROUP BY engine")
                .fetch_all(self.read())
                .await
                .map_err(internal)?;
        Ok(counted.into_iter().map(|(engine, count)| (engine, u32::try_from(count).unwrap_or(u32::MAX))).collect())
    }
}

/// An environment as this transaction sees it.
pub async fn record_in(tx: &mut Tx, id: &EnvironmentId) -> Result<Option<EnvironmentRecord>, Problem> {
    let sql = sqlx::AssertSqlSafe(format!("SELECT {COLUMNS} FROM environments WHERE id = $1"));
    let row = sqlx::query(sql).bind(id.as_str()).fetch_optional(&mut **tx).await.map_err(internal)?;
    row.as_ref().map(record).transpose()
}

/// How many have not ended, read so that nobody else adds one until the transaction ends.
pub async fn count_alive(tx: &mut Tx) -> Result<i64, Problem> {
    // No app can have this name.
    crate::store::lock_app(tx, "*environments").await?;
    sqlx::query_scalar("SELECT COUNT(*) FROM environments WHERE ended_at IS NULL").fetch_one(&mut **tx).await.map_err(internal)
}

/// Writes a new environment with its builds and planned steps.
pub async fn insert(tx: &mut Tx, new: NewEnvironment<'_>) -> Result<(), Problem> {
    sqlx::query(
        "INSERT INTO environments (id, number, stack, engine, state, spec, holder_id, holder_name, created_at, lease_ends_at,
             asked) VALUES ($1, $2, $3, $4, 'launching', $5, $6, $7, $8, $9, $10)",
    )
    .bind(new.id.as_str())
    .bind(new.number)
    .bind(new.stack)
    .bind(new.engine)
    .bind(new.spec)
    .bind(new.holder.id.as_str())
    .bind(new.holder.name.as_str())
    .bind(micros(new.created_at))
    .bind(micros(new.lease_ends_at))
    .bind(new.asked)
    .execute(&mut **tx)
    .await
    .map_err(internal)?;
    let set = NewSet { environment: new.id, generation: 1, at: new.created_at, by_name: new.by_name, builds: new.builds };
    put_set(tx, set).await?;
    insert_steps(tx, new.id, new.steps).await
}

/// Writes the steps of what is to be done; there must be none.
async fn insert_steps(tx: &mut Tx, id: &EnvironmentId, steps: &[StepRecord]) -> Result<(), Problem> {
    for (position, step) in steps.iter().enumerate() {
        sqlx::query("INSERT INTO environment_steps (environment_id, position, kind, subject, state) VALUES ($1, $2, $3, $4, $5)")
            .bind(id.as_str())
            .bind(i64::try_from(position).map_err(internal)?)
            .bind(step.kind.as_str())
            .bind(step.subject.as_str())
            .bind(step.state.as_str())
            .execute(&mut **tx)
            .await
            .map_err(internal)?;
    }
    Ok(())
}

/// Gives an environment a longer lease; a shorter one changes nothing.
pub async fn lengthen_lease(tx: &mut Tx, id: &EnvironmentId, until: Time) -> Result<(), Problem> {
    sqlx::query("UPDATE environments SET lease_ends_at = $1 WHERE id = $2 AND lease_ends_at < $1")
        .bind(micros(until))
        .bind(id.as_str())
        .execute(&mut **tx)
        .await
        .map_err(internal)?;
    Ok(())
}

/// What an environment is made into by a replacement.
pub struct Replaced<'a> {
    pub id: &'a EnvironmentId,
    /// The one that runs; the new one is the next.
    pub generation: i64,
    pub spec: &'a str,
    pub at: Time,
    pub by_name: &'a str,
    pub builds: &'a [EnvironmentBuild],
    pub steps: &'a [StepRecord],
}

/// `running` or `failed` → `launching` with another release set; false when it is neither, or when
/// somebody else replaced something meanwhile.
pub async fn set_replaced(tx: &mut Tx, new: Replaced<'_>) -> Result<bool, Problem> {
    let done = sqlx::query(
        "UPDATE environments SET state = 'launching', failure = NULL, spec = $1, generation = generation + 1
         WHERE id = $2 AND generation = $3 AND state IN ('running', 'failed')",
    )
    .bind(new.spec)
    .bind(new.id.as_str())
    .bind(new.generation)
    .execute(&mut **tx)
    .await
    .map_err(internal)?;
    if done.rows_affected() == 0 {
        return Ok(false);
    }
    sqlx::query("DELETE FROM environment_steps WHERE environment_id = $1")
        .bind(new.id.as_str())
        .execute(&mut **tx)
        .await
        .map_err(internal)?;
    let generation = new.generation + 1;
    put_set(tx, NewSet { environment: new.id, generation, at: new.at, by_name: new.by_name, builds: new.builds }).await?;
    insert_steps(tx, new.id, new.steps).await?;
    Ok(true)
}

/// Writes how far a step is.
pub async fn set_step(tx: &mut Tx, id: &EnvironmentId, position: usize, step: &StepRecord) -> Result<(), Problem> {
    sqlx::query(
        "UPDATE environment_steps SET state = $1, started_at = $2, ended_at = $3, detail = $4
         WHERE environment_id = $5 AND position = $6",
    )
    .bind(step.state.as_str())
    .bind(step.started_at.map(micros))
    .bind(step.ended_at.map(micros))
    .bind(step.detail.as_deref())
    .bind(id.as_str())
    .bind(i64::try_from(position).map_err(internal)?)
    .execute(&mut **tx)
    .await
    .map_err(internal)?;
    Ok(())
}

/// `launching` → `running`; false when it is no longer launching.
pub async fn set_running(tx: &mut Tx, id: &EnvironmentId, links: &str) -> Result<bool, Problem> {
    let done = sqlx::query("UPDATE environments SET state = 'running', links = $1 WHERE id = $2 AND state = 'launching'")
        .bind(links)
        .bind(id.as_str())
        .execute(&mut **tx)
        .await
        .map_err(internal)?;
    Ok(done.rows_affected() > 0)
}

/// → `failed`; false when it is no longer as it was read: what was seen of it says nothing then.
pub async fn set_failed(tx: &mut Tx, seen: &EnvironmentRecord, failure: &str) -> Result<bool, Problem> {
    let done = sqlx::query(
        "UPDATE environments SET state = 'failed', failure = $1, task = NULL WHERE id = $2 AND state = $3 AND generation = $4",
    )
    .bind(failure)
    .bind(seen.id.as_str())
    .bind(seen.state.as_str())
    .bind(seen.generation)
    .execute(&mut **tx)
    .await
    .map_err(internal)?;
    Ok(done.rows_affected() > 0)
}

/// Anything alive → `stopping`; false when it stops or has ended already.
pub async fn set_stopping(tx: &mut Tx, id: &EnvironmentId, reason: EndReason) -> Result<bool, Problem> {
    let done = sqlx::query(
        "UPDATE environments SET state = 'stopping', end_reason = $1
         WHERE id = $2 AND ended_at IS NULL AND state NOT IN ('queued', 'stopping', 'stopped')",
    )
    .bind(reason.as_str())
    .bind(id.as_str())
    .execute(&mut **tx)
    .await
    .map_err(internal)?;
    Ok(done.rows_affected() > 0)
}

/// `stopping` → `stopped`; false when it is not stopping.
pub async fn set_stopped(tx: &mut Tx, id: &EnvironmentId, now: Time) -> Result<bool, Problem> {
    let done = sqlx::query("UPDATE environments SET state = 'stopped', ended_at = $1 WHERE id = $2 AND state = 'stopping'")
        .bind(micros(now))
        .bind(id.as_str())
        .execute(&mut **tx)
        .await
        .map_err(internal)?;
    Ok(done.rows_affected() > 0)
}
