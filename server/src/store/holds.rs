//! What people said about promotions that run: pauses, waves that may begin, the end by hand;
//! and the way back that Slipway began by itself.

use crate::clock::{from_micros, micros};
use crate::store::promotions::{PromotionRecord, insert};
use crate::store::{Store, Tx, internal};
use domain::id::{PromotionId, RolloutId};
use domain::promotion::RolloutState;
use domain::rollout::waves::{Hold, Place, Turn};
use domain::service::ServiceIntent;
use domain::{Digest, Problem, Time};
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row};

/// More rollbacks than these no promotion has begun.
const MOST_WAYS_BACK: i64 = 100;

/// What was said about a promotion.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Said {
    /// Since when and by whom it is paused.
    pub paused: Option<(Time, String)>,
    pub let_go: u32,
    /// Who ended it, and why.
    pub aborted: Option<(String, String)>,
    /// The promotion whose failure it undoes.
    pub cause: Option<(PromotionId, i64)>,
}

impl Said {
    /// What the course depends on.
    pub fn hold(&self) -> Hold {
        Hold { paused: self.paused.is_some(), let_go: self.let_go }
    }
}

/// Whether a rollout may go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Going {
    /// It may. All its pauses together took `held`.
    On {
        held: chrono::Duration,
    },
    Paused,
    /// It no longer runs.
    Ended,
}

impl Store {
    /// What was said about a promotion; nothing about one that is not there.
    ///
    /// # Errors
    /// [`Problem::Internal`].
    pub async fn said(&self, promotion: &PromotionId) -> Result<Said, Problem> {
        let mut connection = self.read().acquire().await.map_err(internal)?;
        said(&mut connection, promotion).await
    }

    /// The rollbacks that Slipway began because this promotion failed: their numbers and regions.
    ///
    /// # Errors
    /// [`Problem::Internal`].
    pub async fn ways_back(&self, promotion: &PromotionId) -> Result<Vec<(PromotionId, i64, String)>, Problem> {
        let rows = sqlx::query(
            "SELECT p.id, p.number, r.region FROM promotions p JOIN rollouts r ON r.promotion_id = p.id
             WHERE p.cause_id = $1 ORDER BY p.number LIMIT $2",
        )
        .bind(promotion.as_str())
        .bind(MOST_WAYS_BACK)
        .fetch_all(self.read())
        .await
        .map_err(internal)?;
        let read = |row: &AnyRow| Ok((PromotionId(row.try_get("id")?), row.try_get("number")?, row.try_get("region")?));
        rows.iter().map(read).collect::<Result<_, sqlx::Error>>().map_err(internal)
    }

    /// Whether the Swarm may have been changed by this rollout.
    ///
    /// # Errors
    /// [`Problem::Internal`].
    pub async fn touched(&self, rollout: &RolloutId) -> Result<bool, Problem> {
        let mut connection = self.read().acquire().await.map_err(internal)?;
        touched(&mut connection, rollout).await
    }

    /// Whether a rollout may go on now.
    ///
    /// # Errors
    /// [`Problem::Internal`].
    pub async fn going(&self, rollout: &RolloutId) -> Result<Going, Problem> {
        let mut connection = self.read().acquire().await.map_err(internal)?;
        going(&mut connection, rollout).await
    }
}

/// What was said about a promotion, as it stands in this unit of work.
///
/// # Errors
/// [`Problem::Internal`].
pub async fn said(connection: &mut AnyConnection, promotion: &PromotionId) -> Result<Said, Problem> {
    let row = sqlx::query(
        "SELECT p.paused_at, p.paused_by, p.let_go, p.aborted_by, p.aborted_why, p.cause_id, c.number AS cause
         FROM promotions p LEFT JOIN promotions c ON c.id = p.cause_id WHERE p.id = $1",
    )
    .bind(promotion.as_str())
    .fetch_optional(connection)
    .await
    .map_err(internal)?;
    let Some(row) = row else { return Ok(Said::default()) };
    let text = |name: &str| row.try_get::<Option<String>, _>(name).map_err(internal);
    let number = |name: &str| row.try_get::<Option<i64>, _>(name).map_err(internal);
    let let_go: i64 = row.try_get("let_go").map_err(internal)?;
    Ok(Said {
        paused: number("paused_at")?.map(from_micros).zip(text("paused_by")?),
        let_go: u32::try_from(let_go).unwrap_or(0),
        aborted: text("aborted_by")?.zip(text("aborted_why")?),
        cause: text("cause_id")?.map(PromotionId).zip(number("cause")?),
    })
}

/// The turns of a promotion's rollouts, in their order.
///
/// # Errors
/// [`Problem::Internal`].
pub async fn turns(tx: &mut Tx, promotion: &PromotionId) -> Result<Vec<(RolloutId, Turn)>, Problem> {
    let rows = sqlx::query(
        "SELECT id, state, wave, wave_soak, wave_look, ended_at FROM rollouts WHERE promotion_id = $1 ORDER BY position",
    )
    .bind(promotion.as_str())
    .fetch_all(&mut **tx)
    .await
    .map_err(internal)?;
    let read = |row: &AnyRow| {
        let state: String = row.try_get("state").map_err(internal)?;
        let state: RolloutState = state.parse().map_err(internal)?;
        let ended: Option<i64> = row.try_get("ended_at").map_err(internal)?;
        let turn = Turn { state, place: place(row)?, ended_at: ended.map(from_micros) };
        Ok((RolloutId(row.try_get("id").map_err(internal)?), turn))
    };
    rows.iter().map(read).collect()
}

/// A rollout's place among the waves, from a row that has its columns.
///
/// # Errors
/// [`Problem::Internal`].
pub fn place(row: &AnyRow) -> Result<Place, Problem> {
    let number = |name: &str| row.try_get::<i64, _>(name).map_err(internal);
    let small = |number: i64| u32::try_from(number).unwrap_or(0);
    Ok(Place { wave: small(number("wave")?), soak_minutes: small(number("wave_soak")?), look: number("wave_look")? != 0 })
}

/// Puts a rollout that was just added into its wave.
///
/// # Errors
/// [`Problem::Internal`].
pub async fn set_place(tx: &mut Tx, rollout: &RolloutId, place: &Place) -> Result<(), Problem> {
    sqlx::query("UPDATE rollouts SET wave = $2, wave_soak = $3, wave_look = $4 WHERE id = $1")
        .bind(rollout.as_str())
        .bind(i64::from(place.wave))
        .bind(i64::from(place.soak_minutes))
        .bind(i64::from(place.look))
        .execute(&mut **tx)
        .await
        .map_err(internal)?;
    Ok(())
}

/// Whether a rollout may go on, as it stands in this unit of work.
///
/// # Errors
/// [`Problem::Internal`].
pub async fn going(connection: &mut AnyConnection, rollout: &RolloutId) -> Result<Going, Problem> {
    let row = sqlx::query(
        "SELECT r.state, r.held, p.paused_at FROM rollouts r JOIN promotions p ON p.id = r.promotion_id WHERE r.id = $1",
    )
    .bind(rollout.as_str())
    .fetch_optional(connection)
    .await
    .map_err(internal)?;
    let Some(row) = row else { return Ok(Going::Ended) };
    let state: String = row.try_get("state").map_err(internal)?;
    let paused: Option<i64> = row.try_get("paused_at").map_err(internal)?;
    Ok(match (state.as_str(), paused) {
        ("running", None) => Going::On { held: chrono::Duration::microseconds(row.try_get("held").map_err(internal)?) },
        ("running", Some(_)) => Going::Paused,
        _ => Going::Ended,
    })
}

/// Pauses a running promotion; false when it does not run or is paused already.
///
/// # Errors
/// [`Problem::Internal`].
pub async fn pause(tx: &mut Tx, id: &PromotionId, by: &str, now: Time) -> Result<bool, Problem> {
    let done = sqlx::query(
        "UPDATE promotions SET paused_at = $2, paused_by = $3 WHERE id = $1 AND state = 'running' AND paused_at IS NULL",
    )
    .bind(id.as_str())
    .bind(micros(now))
    .bind(by)
    .execute(&mut **tx)
    .await
    .map_err(internal)?;
    Ok(done.rows_affected() == 1)
}

/// Lets a paused promotion go on: what runs has so much longer as it was paused. False when it
/// is not paused.
///
/// # Errors
/// [`Problem::Internal`].
pub async fn resume(tx: &mut Tx, id: &PromotionId, now: Time) -> Result<bool, Problem> {
    sqlx::query(
        "UPDATE rollouts SET held = held + $2 - (SELECT CASE WHEN p.paused_at > rollouts.started_at THEN p.paused_at
                ELSE rollouts.started_at END FROM promotions p WHERE p.id = $1)
         WHERE promotion_id = $1 AND state = 'running'
           AND EXISTS (SELECT 1 FROM promotions p WHERE p.id = $1 AND p.paused_at IS NOT NULL)",
    )
    .bind(id.as_str())
    .bind(micros(now))
    .execute(&mut **tx)
    .await
    .map_err(internal)?;
    let done = sqlx::query(
        "UPDATE promotions SET paused_at = NULL, paused_by = NULL WHERE id = $1 AND state = 'running' AND paused_at IS NOT NULL",
    )
    .bind(id.as_str())
    .execute(&mut **tx)
    .await
    .map_err(internal)?;
    Ok(done.rows_affected() == 1)
}

/// Lets waves up to this one begin.
///
/// # Errors
/// [`Problem::Internal`].
pub async fn let_go(tx: &mut Tx, id: &PromotionId, wave: u32) -> Result<bool, Problem> {
    let done = sqlx::query("UPDATE promotions SET let_go = $2 WHERE id = $1 AND state = 'running' AND let_go < $2")
        .bind(id.as_str())
        .bind(i64::from(wave))
        .execute(&mut **tx)
        .await
        .map_err(internal)?;
    Ok(done.rows_affected() == 1)
}

/// Notes who ended a running promotion, and why.
///
/// # Errors
/// [`Problem::Internal`].
pub async fn note_abort(tx: &mut Tx, id: &PromotionId, by: &str, why: &str) -> Result<(), Problem> {
    sqlx::query("UPDATE promotions SET aborted_by = $2, aborted_why = $3, paused_at = NULL, paused_by = NULL WHERE id = $1")
        .bind(id.as_str())
        .bind(by)
        .bind(why)
        .execute(&mut **tx)
        .await
        .map_err(internal)?;
    Ok(())
}

/// The kinds of a rollout's steps that are done, in their order, and the one that runs.
///
/// # Errors
/// [`Problem::Internal`].
pub async fn steps_done(tx: &mut Tx, rollout: &RolloutId) -> Result<(Vec<String>, Option<String>), Problem> {
    let rows = sqlx::query(
        "SELECT kind, state FROM rollout_steps WHERE rollout_id = $1 AND state IN ('done', 'running') ORDER BY position",
    )
    .bind(rollout.as_str())
    .fetch_all(&mut **tx)
    .await
    .map_err(internal)?;
    let (mut done, mut runs) = (Vec::new(), None);
    for row in rows {
        let kind: String = row.try_get("kind").map_err(internal)?;
        match row.try_get::<String, _>("state").map_err(internal)?.as_str() {
            "done" => done.push(kind),
            _ => runs = Some(kind),
        }
    }
    Ok((done, runs))
}

/// Whether the Swarm may have been changed by this rollout: the step of the change was begun.
///
/// # Errors
/// [`Problem::Internal`].
pub async fn touched(connection: &mut AnyConnection, rollout: &RolloutId) -> Result<bool, Problem> {
    let begun =
        sqlx::query("SELECT kind FROM rollout_steps WHERE rollout_id = $1 AND kind = 'update' AND started_at IS NOT NULL")
            .bind(rollout.as_str())
            .fetch_optional(connection)
            .await
            .map_err(internal)?;
    Ok(begun.is_some())
}

/// What was intended when a digest was last verified in a region, canaries apart.
///
/// # Errors
/// [`Problem::Internal`].
pub async fn verified_intent(tx: &mut Tx, app: &str, region: &str, digest: &Digest) -> Result<Option<ServiceIntent>, Problem> {
    let spec: Option<Option<String>> = sqlx::query_scalar(
        "SELECT spec FROM rollouts WHERE app = $1 AND region = $2 AND digest = $3 AND state = 'verified'
           AND promotion_id NOT IN (SELECT promotion_id FROM canaries)
         ORDER BY ended_at DESC, id DESC LIMIT 1",
    )
    .bind(app)
    .bind(region)
    .bind(digest.as_str())
    .fetch_optional(&mut **tx)
    .await
    .map_err(internal)?;
    spec.flatten().map(|spec| serde_json::from_str(&spec).map_err(internal)).transpose()
}

/// Adds a rollback of one region that runs at once, because of the promotion that failed.
///
/// # Errors
/// [`Problem::Internal`].
pub async fn begin_way_back(
    tx: &mut Tx,
    record: &PromotionRecord,
    (rollout, region, intent): (&RolloutId, &str, &ServiceIntent),
    cause: &PromotionId,
) -> Result<(), Problem> {
    insert(tx, record, &[(rollout.clone(), region)]).await?;
    sqlx::query("UPDATE promotions SET started_by_name = $2, started_at = $3, cause_id = $4 WHERE id = $1")
        .bind(record.id.as_str())
        .bind(record.started_by_name.clone())
        .bind(record.started_at.map(micros))
        .bind(cause.as_str())
        .execute(&mut **tx)
        .await
        .map_err(internal)?;
    sqlx::query("UPDATE rollouts SET spec = $2 WHERE id = $1")
        .bind(rollout.as_str())
        .bind(serde_json::to_string(intent).map_err(internal)?)
        .execute(&mut **tx)
        .await
        .map_err(internal)?;
    Ok(())
}
