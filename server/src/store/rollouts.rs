//! Rollouts and their steps: what is intended, what was seen before acting, and how far it is.

use crate::clock::{from_micros, micros};
use crate::store::holds::place;
use crate::store::{Store, Tx, internal};
use app::view::StepView;
use domain::id::{PromotionId, RolloutId};
use domain::promotion::{PromotionKind, PromotionState, RolloutState, StepState};
use domain::rollout::waves::{Place, Turn};
use domain::service::ServiceIntent;
use domain::{Digest, Problem, Time};
use serde::{Deserialize, Serialize};
use sqlx::Row;
use sqlx::any::AnyRow;
use std::collections::BTreeSet;

/// More promotions than these do not run at once.
const MOST_RUNNING: i64 = 200;

/// The steps of a rollout, in their order: their place is their number.
pub const STEPS: [&str; 6] = ["inspect", "pull", "update", "tasks", "soak", "verify"];

/// One region's part of a promotion, as recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RolloutRow {
    pub id: RolloutId,
    pub promotion: PromotionId,
    /// The number of the promotion.
    pub number: i64,
    pub position: i64,
    pub kind: PromotionKind,
    pub app: String,
    pub region: String,
    pub digest: Digest,
    pub state: RolloutState,
    /// What the Swarm ran before; none before the rollout looked, or when nothing ran.
    pub previous_digest: Option<Digest>,
    /// What is intended; fixed when the promotion starts.
    pub intent: Option<ServiceIntent>,
    pub looked: Option<Looked>,
    pub started_at: Option<Time>,
    pub ended_at: Option<Time>,
    pub failure: Option<Problem>,
    pub place: Place,
    /// How long it was paused while it ran.
    pub held: chrono::Duration,
}

impl RolloutRow {
    /// As far as its turn goes.
    pub fn turn(&self) -> Turn {
        Turn { state: self.state, place: self.place, ended_at: self.ended_at }
    }
}

/// What the Swarm said before the rollout acted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Looked {
    /// The version of the service that the change is decided on; none when there was none.
    pub version: Option<u64>,
    /// The tasks that had ended by then: their failures are not this rollout's.
    pub ended: BTreeSet<String>,
}

/// How a step stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StepChange<'a> {
    pub rollout: &'a RolloutId,
    pub position: usize,
    pub state: StepState,
    pub detail: Option<&'a str>,
}

const ROLLOUT: &str =
    "SELECT r.id, r.promotion_id, p.number, p.kind, r.position, r.app, r.region, r.digest, r.state, r.previous_digest,
        r.spec, r.looked, r.started_at, r.ended_at, r.failure, r.wave, r.wave_soak, r.wave_look, r.held
     FROM rollouts r JOIN promotions p ON p.id = r.promotion_id";

fn rollout(row: &AnyRow) -> Result<RolloutRow, Problem> {
    fn json<T: serde::de::DeserializeOwned>(text: Option<String>) -> Result<Option<T>, Problem> {
        text.map(|text| serde_json::from_str(&text)).transpose().map_err(internal)
    }
    let text = |name: &str| row.try_get::<String, _>(name).map_err(internal);
    let maybe = |name: &str| row.try_get::<Option<String>, _>(name).map_err(internal);
    let time = |name: &str| row.try_get::<Option<i64>, _>(name).map(|at| at.map(from_micros)).map_err(internal);
    Ok(RolloutRow {
        id: RolloutId(text("id")?),
        promotion: PromotionId(text("promotion_id")?),
        number: row.try_get("number").map_err(internal)?,
        position: row.try_get("position").map_err(internal)?,
        kind: text("kind")?.parse().map_err(internal)?,
        app: text("app")?,
        region: text("region")?,
        digest: text("digest")?.parse().map_err(internal)?,
        state: text("state")?.parse().map_err(internal)?,
        previous_digest: maybe("previous_digest")?.map(|digest| digest.parse()).transpose().map_err(internal)?,
        intent: json(maybe("spec")?)?,
        looked: json(maybe("looked")?)?,
        started_at: time("started_at")?,
        ended_at: time("ended_at")?,
        failure: json(maybe("failure")?)?,
        place: place(row)?,
        held: chrono::Duration::microseconds(row.try_get("held").map_err(internal)?),
    })
}

impl Store {
    /// The promotions that run, oldest first.
    ///
    /// # Errors
    /// [`Problem::Internal`].
    pub async fn running_promotions(&self) -> Result<Vec<PromotionId>, Problem> {
        let rows = sqlx::query("SELECT id FROM promotions WHERE state = 'running' ORDER BY started_at, id LIMIT $1")
            .bind(MOST_RUNNING)
            .fetch_all(self.read())
            .await
            .map_err(internal)?;
        rows.iter().map(|row| row.try_get("id").map(PromotionId).map_err(internal)).collect()
    }

    /// The rollouts of a promotion, in their order.
    ///
    /// # Errors
    /// [`Problem::Internal`].
    pub async fn rollouts_of(&self, promotion: &PromotionId) -> Result<Vec<RolloutRow>, Problem> {
        let sql = sqlx::AssertSqlSafe(format!("{ROLLOUT} WHERE r.promotion_id = $1 ORDER BY r.position"));
        let rows = sqlx::query(sql).bind(promotion.as_str()).fetch_all(self.read()).await.map_err(internal)?;
        rows.iter().map(rollout).collect()
    }

    /// The rollouts that run now, in every region.
    ///
    /// # Errors
    /// [`Problem::Internal`].
    pub async fn rollouts_running(&self) -> Result<Vec<RolloutRow>, Problem> {
        let sql = sqlx::AssertSqlSafe(format!("{ROLLOUT} WHERE r.state = 'running' ORDER BY r.started_at, r.id LIMIT $1"));
        let rows = sqlx::query(sql).bind(MOST_RUNNING).fetch_all(self.read()).await.map_err(internal)?;
        rows.iter().map(rollout).collect()
    }

    /// The last rollout of an app in a region that was verified, canaries apart.
    ///
    /// # Errors
    /// [`Problem::Internal`].
    pub async fn last_verified(&self, app: &str, region: &str) -> Result<Option<RolloutRow>, Problem> {
        let sql = sqlx::AssertSqlSafe(format!(
            "{ROLLOUT} WHERE r.app = $1 AND r.region = $2 AND r.state = 'verified' AND p.kind <> 'canary'
             ORDER BY r.ended_at DESC, r.id DESC LIMIT 1"
        ));
        let row = sqlx::query(sql).bind(app).bind(region).fetch_optional(self.read()).await.map_err(internal)?;
        row.as_ref().map(rollout).transpose()
    }

    /// The last rollout of an app in a region that started, canaries apart.
    ///
    /// # Errors
    /// [`Problem::Internal`].
    pub async fn last_started(&self, app: &str, region: &str) -> Result<Option<RolloutRow>, Problem> {
        let sql = sqlx::AssertSqlSafe(format!(
            "{ROLLOUT} WHERE r.app = $1 AND r.region = $2 AND r.started_at IS NOT NULL AND p.kind <> 'canary'
             ORDER BY r.started_at DESC, r.id DESC LIMIT 1"
        ));
        let row = sqlx::query(sql).bind(app).bind(region).fetch_optional(self.read()).await.map_err(internal)?;
        row.as_ref().map(rollout).transpose()
    }

    /// The steps of a rollout; none before it started.
    ///
    /// # Errors
    /// [`Problem::Internal`].
    pub async fn rollout_steps(&self, rollout: &RolloutId) -> Result<Vec<StepView>, Problem> {
        let rows = sqlx::query(
            "SELECT kind, subject, state, started_at, ended_at, detail FROM rollout_steps WHERE rollout_id = $1 ORDER BY position",
        )
        .bind(rollout.as_str())
        .fetch_all(self.read())
        .await
        .map_err(internal)?;
        rows.iter().map(step).collect()
    }
}

fn step(row: &AnyRow) -> Result<StepView, Problem> {
    let text = |name: &str| row.try_get::<String, _>(name).map_err(internal);
    let time = |name: &str| row.try_get::<Option<i64>, _>(name).map(|at| at.map(from_micros)).map_err(internal);
    Ok(StepView {
        kind: text("kind")?,
        subject: text("subject")?,
        state: text("state")?.parse().map_err(internal)?,
        started_at: time("started_at")?,
        ended_at: time("ended_at")?,
        detail: row.try_get("detail").map_err(internal)?,
    })
}

/// The rollouts of a promotion in their order, as they stand inside the unit of work.
///
/// # Errors
/// [`Problem::Internal`].
pub async fn rollouts_in(tx: &mut Tx, promotion: &PromotionId) -> Result<Vec<RolloutRow>, Problem> {
    let sql = sqlx::AssertSqlSafe(format!("{ROLLOUT} WHERE r.promotion_id = $1 ORDER BY r.position"));
    let rows = sqlx::query(sql).bind(promotion.as_str()).fetch_all(&mut **tx).await.map_err(internal)?;
    rows.iter().map(rollout).collect()
}

/// A rollout as it stands inside the unit of work.
///
/// # Errors
/// [`Problem::Internal`].
pub async fn rollout_to_change(tx: &mut Tx, id: &RolloutId) -> Result<Option<RolloutRow>, Problem> {
    let sql = sqlx::AssertSqlSafe(format!("{ROLLOUT} WHERE r.id = $1"));
    let row = sqlx::query(sql).bind(id.as_str()).fetch_optional(&mut **tx).await.map_err(internal)?;
    row.as_ref().map(rollout).transpose()
}

/// The number of another promotion whose rollout of the app runs in the region.
///
/// # Errors
/// [`Problem::Internal`].
pub async fn other_running(tx: &mut Tx, rollout: &RolloutRow) -> Result<Option<i64>, Problem> {
    sqlx::query_scalar(
        "SELECT p.number FROM rollouts r JOIN promotions p ON p.id = r.promotion_id
         WHERE r.app = $1 AND r.region = $2 AND r.state = 'running' AND r.id <> $3 LIMIT 1",
    )
    .bind(rollout.app.as_str())
    .bind(rollout.region.as_str())
    .bind(rollout.id.as_str())
    .fetch_optional(&mut **tx)
    .await
    .map_err(internal)
}

/// The number of a promotion that touched the region after this rollout's promotion had
/// started: what was decided there since is newer than this rollout.
///
/// # Errors
/// [`Problem::Internal`].
pub async fn overtaken_by(tx: &mut Tx, rollout: &RolloutRow) -> Result<Option<i64>, Problem> {
    sqlx::query_scalar(
        "SELECT p.number FROM rollouts r JOIN promotions p ON p.id = r.promotion_id
         WHERE r.app = $1 AND r.region = $2 AND r.id <> $3
           AND r.started_at >= (SELECT own.started_at FROM promotions own WHERE own.id = $4)
         ORDER BY r.started_at DESC LIMIT 1",
    )
    .bind(rollout.app.as_str())
    .bind(rollout.region.as_str())
    .bind(rollout.id.as_str())
    .bind(rollout.promotion.as_str())
    .fetch_optional(&mut **tx)
    .await
    .map_err(internal)
}

/// Sets a waiting rollout running and lays out its steps; false when it no longer waits.
///
/// # Errors
/// [`Problem::Internal`].
pub async fn set_running(tx: &mut Tx, rollout: &RolloutRow, subject: &str, now: Time) -> Result<bool, Problem> {
    let begun = sqlx::query("UPDATE rollouts SET state = 'running', started_at = $2 WHERE id = $1 AND state = 'waiting'")
        .bind(rollout.id.as_str())
        .bind(micros(now))
        .execute(&mut **tx)
        .await
        .map_err(internal)?;
    if begun.rows_affected() != 1 {
        return Ok(false);
    }
    for (position, kind) in (0_i64..).zip(STEPS) {
        sqlx::query(
            "INSERT INTO rollout_steps (rollout_id, position, kind, subject, state) VALUES ($1, $2, $3, $4, 'waiting')
             ON CONFLICT (rollout_id, position) DO NOTHING",
        )
        .bind(rollout.id.as_str())
        .bind(position)
        .bind(kind)
        .bind(subject)
        .execute(&mut **tx)
        .await
        .map_err(internal)?;
    }
    Ok(true)
}

/// Notes what the Swarm said before acting. What ran before is noted once and stays.
///
/// # Errors
/// [`Problem::Internal`].
pub async fn note_look(tx: &mut Tx, rollout: &RolloutId, looked: &Looked, previous: Option<&Digest>) -> Result<(), Problem> {
    sqlx::query("UPDATE rollouts SET looked = $2, previous_digest = COALESCE(previous_digest, $3) WHERE id = $1")
        .bind(rollout.as_str())
        .bind(serde_json::to_string(looked).map_err(internal)?)
        .bind(previous.map(|digest| digest.as_str().to_owned()))
        .execute(&mut **tx)
        .await
        .map_err(internal)?;
    Ok(())
}

/// Writes how a step stands, while its rollout runs. Its beginning is kept when it was written
/// before; it ends when its state says so.
///
/// # Errors
/// [`Problem::Internal`].
pub async fn set_step(tx: &mut Tx, change: &StepChange<'_>, now: Time) -> Result<(), Problem> {
    let ended = matches!(change.state, StepState::Done | StepState::Failed | StepState::Skipped);
    sqlx::query(
        "UPDATE rollout_steps SET state = $3, detail = $4, started_at = COALESCE(started_at, $5),
                ended_at = CASE WHEN $6 = 1 THEN $5 ELSE NULL END
         WHERE rollout_id = $1 AND position = $2
           AND EXISTS (SELECT 1 FROM rollouts r WHERE r.id = $1 AND r.state = 'running')",
    )
    .bind(change.rollout.as_str())
    .bind(i64::try_from(change.position).unwrap_or(0))
    .bind(change.state.as_str())
    .bind(change.detail.map(str::to_owned))
    .bind(micros(now))
    .bind(i64::from(ended))
    .execute(&mut **tx)
    .await
    .map_err(internal)?;
    Ok(())
}

/// What a failure leaves of the steps: the running one failed, those after it were skipped.
///
/// # Errors
/// [`Problem::Internal`].
pub async fn break_steps(tx: &mut Tx, rollout: &RolloutId, now: Time) -> Result<(), Problem> {
    sqlx::query(
        "UPDATE rollout_steps SET ended_at = $2, state = CASE WHEN state = 'running' THEN 'failed' ELSE 'skipped' END
         WHERE rollout_id = $1 AND state IN ('waiting', 'running')",
    )
    .bind(rollout.as_str())
    .bind(micros(now))
    .execute(&mut **tx)
    .await
    .map_err(internal)?;
    Ok(())
}

/// Ends a rollout; false when it had ended before.
///
/// # Errors
/// [`Problem::Internal`].
pub async fn end_rollout(
    tx: &mut Tx,
    id: &RolloutId,
    state: RolloutState,
    failure: Option<&Problem>,
    now: Time,
) -> Result<bool, Problem> {
    let failure = failure.map(serde_json::to_string).transpose().map_err(internal)?;
    let ended = sqlx::query(
        "UPDATE rollouts SET state = $2, failure = $3, ended_at = $4 WHERE id = $1 AND state IN ('waiting', 'running')",
    )
    .bind(id.as_str())
    .bind(state.as_str())
    .bind(failure)
    .bind(micros(now))
    .execute(&mut **tx)
    .await
    .map_err(internal)?;
    Ok(ended.rows_affected() == 1)
}

/// Skips what still waits of a promotion, and says which regions those are.
///
/// # Errors
/// [`Problem::Internal`].
pub async fn skip_waiting(tx: &mut Tx, promotion: &PromotionId, now: Time) -> Result<Vec<String>, Problem> {
    let mut rows: Vec<(i64, String)> = sqlx::query(
        "UPDATE rollouts SET state = 'skipped', ended_at = $2 WHERE promotion_id = $1 AND state = 'waiting'
         RETURNING position, region",
    )
    .bind(promotion.as_str())
    .bind(micros(now))
    .fetch_all(&mut **tx)
    .await
    .map_err(internal)?
    .iter()
    .map(|row| Ok((row.try_get("position")?, row.try_get("region")?)))
    .collect::<Result<_, sqlx::Error>>()
    .map_err(internal)?;
    rows.sort_unstable();
    Ok(rows.into_iter().map(|(_, region)| region).collect())
}

/// The states of a promotion's rollouts, in their order.
///
/// # Errors
/// [`Problem::Internal`].
pub async fn states(tx: &mut Tx, promotion: &PromotionId) -> Result<Vec<RolloutState>, Problem> {
    let rows: Vec<String> = sqlx::query_scalar("SELECT state FROM rollouts WHERE promotion_id = $1 ORDER BY position")
        .bind(promotion.as_str())
        .fetch_all(&mut **tx)
        .await
        .map_err(internal)?;
    rows.iter().map(|state| state.parse().map_err(internal)).collect()
}

/// Ends a running promotion; false when it does not run.
///
/// # Errors
/// [`Problem::Internal`].
pub async fn end_promotion(tx: &mut Tx, id: &PromotionId, state: PromotionState, now: Time) -> Result<bool, Problem> {
    let ended = sqlx::query("UPDATE promotions SET state = $2, ended_at = $3 WHERE id = $1 AND state = 'running'")
        .bind(id.as_str())
        .bind(state.as_str())
        .bind(micros(now))
        .execute(&mut **tx)
        .await
        .map_err(internal)?;
    Ok(ended.rows_affected() == 1)
}
