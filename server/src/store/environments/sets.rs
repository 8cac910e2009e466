//! Release sets: the builds of an environment now, and those that it ran before.

use super::{COLUMNS, EnvironmentRecord, get, records, word};
use crate::clock::{from_micros, micros};
use crate::store::{Store, Tx, internal};
use app::view::{EnvironmentBuild, ReleaseSet};
use domain::id::{BuildId, EnvironmentId, VerdictId};
use domain::{Digest, Problem, Time};
use sqlx::any::AnyRow;
use std::collections::HashMap;

/// Rows read for the verdicts on one digest.
const MOST_OF_VERDICTS: i64 = 5000;

/// The small number of an environment, and the builds of one of its release sets.
pub type SeenIn = (i64, Vec<EnvironmentBuild>);

/// A release set as it is put in place.
pub struct NewSet<'a> {
    pub environment: &'a EnvironmentId,
    pub generation: i64,
    pub at: Time,
    pub by_name: &'a str,
    pub builds: &'a [EnvironmentBuild],
}

pub(super) fn environment_build(row: &AnyRow) -> Result<EnvironmentBuild, Problem> {
    Ok(EnvironmentBuild {
        app: get(row, "app")?,
        build: BuildId(get(row, "build_id")?),
        digest: word(row, "digest")?,
        tag: get(row, "tag")?,
        under_test: get::<i64>(row, "under_test")? != 0,
        chosen: word(row, "chosen")?,
    })
}

impl Store {
    /// Environments that run another build of an app than this one, newest first.
    pub async fn environments_with_other(
        &self,
        app: &str,
        build: &BuildId,
        limit: i64,
    ) -> Result<Vec<EnvironmentRecord>, Problem> {
        let sql = sqlx::AssertSqlSafe(format!(
            "SELECT {COLUMNS} FROM environments WHERE ended_at IS NULL AND state IN ('running', 'failed') AND id IN
             (SELECT environment_id FROM environment_builds WHERE app = $1 AND build_id <> $2)
             ORDER BY created_at DESC, id DESC LIMIT $3"
        ));
        let rows = sqlx::query(sql).bind(app).bind(build.as_str()).bind(limit).fetch_all(self.read()).await;
        records(&rows.map_err(internal)?)
    }

    /// The release sets of an environment, the newest first, at most `limit`.
    pub async fn environment_sets(&self, id: &EnvironmentId, limit: i64) -> Result<Vec<ReleaseSet>, Problem> {
        let rows = sqlx::query(
            "SELECT generation, at, by_name FROM environment_sets WHERE environment_id = $1 ORDER BY generation DESC LIMIT $2",
        )
        .bind(id.as_str())
        .bind(limit)
        .fetch_all(self.read())
        .await
        .map_err(internal)?;
        let set = |row: &AnyRow| {
            Ok::<_, Problem>(ReleaseSet {
                generation: get(row, "generation")?,
                at: from_micros(get(row, "at")?),
                by_name: get(row, "by_name")?,
                builds: Vec::new(),
            })
        };
        let mut sets = rows.iter().map(set).collect::<Result<Vec<ReleaseSet>, Problem>>()?;
        let oldest = sets.last().map_or(0, |set| set.generation);
        let rows = sqlx::query(
            "SELECT s.generation, s.app, s.build_id, b.digest, s.tag, s.under_test, s.chosen FROM environment_set_builds s
             JOIN builds b ON b.id = s.build_id WHERE s.environment_id = $1 AND s.generation >= $2
             ORDER BY s.under_test DESC, s.app",
        )
        .bind(id.as_str())
        .bind(oldest)
        .fetch_all(self.read())
        .await
        .map_err(internal)?;
        for row in &rows {
            let generation: i64 = get(row, "generation")?;
            if let Some(set) = sets.iter_mut().find(|set| set.generation == generation) {
                set.builds.push(environment_build(row)?);
            }
        }
        Ok(sets)
    }

    /// What ran when each verdict on a digest was given, by the verdict.
    pub async fn sets_of_verdicts(&self, digest: &Digest) -> Result<HashMap<VerdictId, SeenIn>, Problem> {
        let rows = sqlx::query(
            "SELECT v.id AS verdict_id, e.number, s.app, s.build_id, b.digest, s.tag, s.under_test, s.chosen
             FROM builds j JOIN verdicts v ON v.build_id = j.id JOIN environments e ON e.id = v.environment_id
                  JOIN environment_set_builds s ON s.environment_id = e.id AND s.generation = v.generation
                  JOIN builds b ON b.id = s.build_id
             WHERE j.digest = $1 ORDER BY s.under_test DESC, s.app LIMIT $2",
        )
        .bind(digest.as_str())
        .bind(MOST_OF_VERDICTS)
        .fetch_all(self.read())
        .await
        .map_err(internal)?;
        let mut sets: HashMap<VerdictId, SeenIn> = HashMap::new();
        for row in &rows {
            let number = get(row, "number")?;
            let set = sets.entry(VerdictId(get(row, "verdict_id")?)).or_insert_with(|| (number, Vec::new()));
            set.1.push(environment_build(row)?);
        }
        Ok(sets)
    }

    /// What was asked for at the launch, as JSON.
    pub async fn environment_asked(&self, id: &EnvironmentId) -> Result<Option<String>, Problem> {
        sqlx::query_scalar("SELECT asked FROM environments WHERE id = $1")
            .bind(id.as_str())
            .fetch_one(self.read())
            .await
            .map_err(internal)
    }
}

/// Puts a release set in place: it is the present one, and one more of the history.
pub async fn put_set(tx: &mut Tx, set: NewSet<'_>) -> Result<(), Problem> {
    sqlx::query("INSERT INTO environment_sets (environment_id, generation, at, by_name) VALUES ($1, $2, $3, $4)")
        .bind(set.environment.as_str())
        .bind(set.generation)
        .bind(micros(set.at))
        .bind(set.by_name)
        .execute(&mut **tx)
        .await
        .map_err(internal)?;
    for build in set.builds {
        sqlx::query(
            "INSERT INTO environment_builds (environment_id, app, build_id, tag, under_test, chosen)
             VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (environment_id, app)
             DO UPDATE SET build_id = $3, tag = $4, under_test = $5, chosen = $6",
        )
        .bind(set.environment.as_str())
        .bind(build.app.as_str())
        .bind(build.build.as_str())
        .bind(build.tag.as_deref())
        .bind(i64::from(build.under_test))
        .bind(build.chosen.to_string())
        .execute(&mut **tx)
        .await
        .map_err(internal)?;
        sqlx::query(
            "INSERT INTO environment_set_builds (environment_id, generation, app, build_id, tag, under_test, chosen)
             VALUES ($1, $2, $3, $4, $5, $6, $7)",
        )
        .bind(set.environment.as_str())
        .bind(set.generation)
        .bind(build.app.as_str())
        .bind(build.build.as_str())
        .bind(build.tag.as_deref())
        .bind(i64::from(build.under_test))
        .bind(build.chosen.to_string())
        .execute(&mut **tx)
        .await
        .map_err(internal)?;
    }
    Ok(())
}
