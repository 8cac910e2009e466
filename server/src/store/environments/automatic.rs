//! What was last launched by itself for each channel.

use super::{get, time};
use crate::clock::micros;
use crate::store::{Store, Tx, internal};
use domain::id::{BuildId, EnvironmentId};
use domain::{Problem, Time};

/// The last that was seen to for a channel.
#[derive(Clone, Debug)]
pub struct Kept {
    pub build: BuildId,
    pub environment: Option<EnvironmentId>,
    pub attempts: i64,
    pub next_at: Option<Time>,
}

/// For which channel an environment is kept.
#[derive(Clone, Copy)]
pub struct KeptFor<'a> {
    pub app: &'a str,
    pub channel: &'a str,
    pub build: &'a BuildId,
}

/// That it did not work, and when to try again.
pub struct PutOff<'a> {
    pub problem: &'a Problem,
    pub attempts: i64,
    pub next_at: Option<Time>,
}

impl Store {
    /// What was last launched for a channel.
    pub async fn kept_for(&self, app: &str, channel: &str) -> Result<Option<Kept>, Problem> {
        let row = sqlx::query(
            "SELECT build_id, environment_id, attempts, next_at FROM automatic_launches WHERE app = $1 AND channel = $2",
        )
        .bind(app)
        .bind(channel)
        .fetch_optional(self.read())
        .await
        .map_err(internal)?;
        let kept = |row| {
            Ok::<_, Problem>(Kept {
                build: BuildId(get(&row, "build_id")?),
                environment: get::<Option<String>>(&row, "environment_id")?.map(EnvironmentId),
                attempts: get(&row, "attempts")?,
                next_at: time(&row, "next_at")?,
            })
        };
        row.map(kept).transpose()
    }

    /// The build that came into a channel last.
    pub async fn newest_in_channel(&self, app: &str, channel: &str) -> Result<Option<BuildId>, Problem> {
        let found: Option<String> = sqlx::query_scalar(
            "SELECT build_id FROM tag_moves WHERE app = $1 AND channel = $2 ORDER BY moved_at DESC, id DESC LIMIT 1",
        )
        .bind(app)
        .bind(channel)
        .fetch_optional(self.read())
        .await
        .map_err(internal)?;
        Ok(found.map(BuildId))
    }
}

/// Notes that an environment runs this build for the channel, in the transaction that makes it so.
pub async fn keep_for(tx: &mut Tx, kept: KeptFor<'_>, environment: &EnvironmentId, now: Time) -> Result<(), Problem> {
    sqlx::query(
        "INSERT INTO automatic_launches (app, channel, build_id, environment_id, at) VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (app, channel) DO UPDATE SET build_id = $3, environment_id = $4, at = $5, problem = NULL, attempts = 0,
             next_at = NULL",
    )
    .bind(kept.app)
    .bind(kept.channel)
    .bind(kept.build.as_str())
    .bind(environment.as_str())
    .bind(micros(now))
    .execute(&mut **tx)
    .await
    .map_err(internal)?;
    Ok(())
}

/// Notes that it could not be done. The environment that was kept stays known.
pub async fn put_off(tx: &mut Tx, kept: KeptFor<'_>, off: PutOff<'_>, now: Time) -> Result<(), Problem> {
    sqlx::query(
        "INSERT INTO automatic_launches (app, channel, build_id, at, problem, attempts, next_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7)
         ON CONFLICT (app, channel) DO UPDATE SET build_id = $3, at = $4, problem = $5, attempts = $6, next_at = $7",
    )
    .bind(kept.app)
    .bind(kept.channel)
    .bind(kept.build.as_str())
    .bind(micros(now))
    .bind(serde_json::to_string(off.problem).map_err(internal)?)
    .bind(off.attempts)
    .bind(off.next_at.map(micros))
    .execute(&mut **tx)
    .await
    .map_err(internal)?;
    Ok(())
}
