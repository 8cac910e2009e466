//! Ranges of commits that were read, and statuses that are to be posted.

use crate::clock::{from_micros, micros};
use crate::store::{Store, Tx, internal, places};
use domain::commits::{Range, Trouble};
use domain::id::BuildId;
use domain::{Digest, Problem, Time};
use sqlx::Row;
use sqlx::any::AnyRow;
use std::collections::HashMap;

/// Builds told of one range; more do not share a commit.
const MOST_TOLD: i64 = 50;

/// What is known of a range.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known {
    /// The hash of the repository's address.
    pub git: String,
    pub range: Option<Range>,
    pub trouble: Option<Trouble>,
}

/// A range that is due to be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Due {
    pub app: String,
    pub base: String,
    pub head: String,
    pub attempts: i64,
}

/// How a range stands after an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    Done(Range),
    /// A commit is not there; perhaps not yet.
    Missing(Range),
    Failed(Trouble),
}

/// A status that waits to be posted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiting {
    pub app: String,
    pub revision: String,
    pub context: String,
    pub status: String,
    pub description: String,
    pub build: BuildId,
    pub at: Time,
    pub turn: i64,
    pub attempts: i64,
}

/// The build before another one in its channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Before {
    pub channel: String,
    pub build: BuildId,
}

impl Store {
    /// What is known between any of these commits and `head`.
    ///
    /// # Errors
    /// [`Problem::Internal`].
    pub async fn known_ranges(&self, app: &str, head: &str, bases: &[&str]) -> Result<HashMap<String, Known>, Problem> {
        if bases.is_empty() {
            return Ok(HashMap::new());
        }
        let sql = format!(
            "SELECT base, git, result, trouble FROM commit_ranges WHERE app = $1 AND head = $2 AND base IN ({})",
            places(3, bases.len())
        );
        let query = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(app).bind(head);
        let query = bases.iter().fold(query, |query, base| query.bind(*base));
        query.fetch_all(self.read()).await.map_err(internal)?.iter().map(known).collect()
    }

    /// Ranges that are due, those with the fewest attempts first.
    ///
    /// # Errors
    /// [`Problem::Internal`].
    pub async fn due_ranges(&self, now: Time, most: i64) -> Result<Vec<Due>, Problem> {
        let rows = sqlx::query(
            "SELECT app, base, head, attempts FROM commit_ranges WHERE next_at IS NOT NULL AND next_at <= $1
             ORDER BY attempts, next_at LIMIT $2",
        );
        let rows = rows.bind(micros(now)).bind(most).fetch_all(self.read()).await.map_err(internal)?;
        rows.iter().map(due).collect::<Result<_, _>>().map_err(internal)
    }

    /// When the next range is due.
    ///
    /// # Errors
    /// [`Problem::Internal`].
    pub async fn next_range_at(&self) -> Result<Option<Time>, Problem> {
        let at = sqlx::query_scalar("SELECT next_at FROM commit_ranges WHERE next_at IS NOT NULL ORDER BY next_at LIMIT 1");
        let at: Option<i64> = at.fetch_optional(self.read()).await.map_err(internal)?;
        Ok(at.map(from_micros))
    }

    /// The builds of an app whose commit this is.
    ///
    /// # Errors
    /// [`Problem::Internal`].
    pub async fn builds_of_commit(&self, app: &str, revision: &str) -> Result<Vec<BuildId>, Problem> {
        let ids = sqlx::query_scalar("SELECT id FROM builds WHERE revision = $1 AND app = $2 ORDER BY seen_at DESC LIMIT $3");
        let ids: Vec<String> = ids.bind(revision).bind(app).bind(MOST_TOLD).fetch_all(self.read()).await.map_err(internal)?;
        Ok(ids.into_iter().map(BuildId).collect())
    }

    /// An app's build of a digest.
    ///
    /// # Errors
    /// [`Problem::Internal`].
    pub async fn build_of_digest(&self, app: &str, digest: &Digest) -> Result<Option<BuildId>, Problem> {
        let id = sqlx::query_scalar("SELECT id FROM builds WHERE app = $1 AND digest = $2");
        let id: Option<String> = id.bind(app).bind(digest.as_str()).fetch_optional(self.read()).await.map_err(internal)?;
        Ok(id.map(BuildId))
    }

    /// The build before this one in its channel: of a release, the next lower one; else the one
    /// that the channel's tag pointed at before its newest move here.
    ///
    /// # Errors
    /// [`Problem::Internal`].
    pub async fn build_before(&self, app: &str, build: &BuildId) -> Result<Option<Before>, Problem> {
        let released = sqlx::query(
            "SELECT channel, MAX(release_key) AS release_key FROM tag_moves
             WHERE build_id = $1 AND channel IS NOT NULL AND release_key IS NOT NULL
             GROUP BY channel ORDER BY MAX(release_key) DESC LIMIT 1",
        );
        let released = released.bind(build.as_str()).fetch_optional(self.read()).await.map_err(internal)?;
        if let Some(row) = released {
            let (channel, key): (String, String) =
                (row.try_get("channel").map_err(internal)?, row.try_get("release_key").map_err(internal)?);
            let lower = sqlx::query_scalar(
                "SELECT build_id FROM tags WHERE app = $1 AND release_key IS NOT NULL AND release_key < $2 AND channel = $3
                 AND build_id <> $4 ORDER BY release_key DESC LIMIT 1",
            );
            let lower = lower.bind(app).bind(key).bind(&channel).bind(build.as_str());
            let lower: Option<String> = lower.fetch_optional(self.read()).await.map_err(internal)?;
            return Ok(lower.map(|id| Before { channel, build: BuildId(id) }));
        }
        let moved = sqlx::query(
            // Deliveries come in any order: what a move followed is read off the times of the moves.
            "SELECT m.channel, p.build_id AS previous_build_id
             FROM tag_moves m JOIN tag_moves p
                  ON p.app = m.app AND p.tag = m.tag AND p.moved_at < m.moved_at AND p.build_id <> m.build_id
             WHERE m.build_id = $1 AND m.channel IS NOT NULL
             ORDER BY m.moved_at DESC, m.id DESC, p.moved_at DESC, p.id DESC LIMIT 1",
        );
        let moved = moved.bind(build.as_str()).fetch_optional(self.read()).await.map_err(internal)?;
        let before = |row: AnyRow| {
            let (channel, build) = (row.try_get("channel")?, BuildId(row.try_get("previous_build_id")?));
            Ok(Before { channel, build })
        };
        moved.map(before).transpose().map_err(|cause: sqlx::Error| internal(cause))
    }

    /// Statuses that are due, those with the fewest attempts first.
    ///
    /// # Errors
    /// [`Problem::Internal`].
    pub async fn due_statuses(&self, now: Time, most: i64) -> Result<Vec<Waiting>, Problem> {
        let rows = sqlx::query(
            "SELECT app, revision, context, status, description, build_id, at, turn, attempts FROM commit_statuses
             WHERE next_at IS NOT NULL AND next_at <= $1 ORDER BY attempts, next_at LIMIT $2",
        );
        let rows = rows.bind(micros(now)).bind(most).fetch_all(self.read()).await.map_err(internal)?;
        rows.iter().map(waiting).collect::<Result<_, _>>().map_err(internal)
    }

    /// When the next status is due.
    ///
    /// # Errors
    /// [`Problem::Internal`].
    pub async fn next_status_at(&self) -> Result<Option<Time>, Problem> {
        let at = sqlx::query_scalar("SELECT next_at FROM commit_statuses WHERE next_at IS NOT NULL ORDER BY next_at LIMIT 1");
        let at: Option<i64> = at.fetch_optional(self.read()).await.map_err(internal)?;
        Ok(at.map(from_micros))
    }
}

fn known(row: &AnyRow) -> Result<(String, Known), Problem> {
    let text = |name: &str| row.try_get::<Option<String>, _>(name).map_err(internal);
    let range = text("result")?.map(|text| serde_json::from_str(&text).map_err(internal)).transpose()?;
    let trouble = text("trouble")?.map(|word| serde_json::from_value(word.into()).map_err(internal)).transpose()?;
    Ok((row.try_get("base").map_err(internal)?, Known { git: row.try_get("git").map_err(internal)?, range, trouble }))
}

fn due(row: &AnyRow) -> Result<Due, sqlx::Error> {
    Ok(Due {
        app: row.try_get("app")?,
        base: row.try_get("base")?,
        head: row.try_get("head")?,
        attempts: row.try_get("attempts")?,
    })
}

fn waiting(row: &AnyRow) -> Result<Waiting, sqlx::Error> {
    Ok(Waiting {
        app: row.try_get("app")?,
        revision: row.try_get("revision")?,
        context: row.try_get("context")?,
        status: row.try_get("status")?,
        description: row.try_get("description")?,
        build: BuildId(row.try_get("build_id")?),
        at: from_micros(row.try_get("at")?),
        turn: row.try_get("turn")?,
        attempts: row.try_get("attempts")?,
    })
}

// ---- Written -------------------------------------------------------------------------------

/// Asks for a range to be read. One that was read from the same repository stays as it is.
///
/// # Errors
/// [`Problem::Internal`].
pub async fn ask(tx: &mut Tx, app: &str, git: &str, base: &str, head: &str, now: Time) -> Result<(), Problem> {
    sqlx::query(
        "INSERT INTO commit_ranges (app, base, head, git, state, attempts, next_at) VALUES ($1, $2, $3, $4, 'waiting', 0, $5)
         ON CONFLICT (app, base, head) DO UPDATE
         SET git = $4, state = 'waiting', result = NULL, trouble = NULL, attempts = 0, next_at = $5
         WHERE commit_ranges.git <> $4",
    )
    .bind(app)
    .bind(base)
    .bind(head)
    .bind(git)
    .bind(micros(now))
    .execute(&mut **tx)
    .await
    .map_err(internal)?;
    Ok(())
}

/// Writes what an attempt came to, and when to try again.
///
/// # Errors
/// [`Problem::Internal`].
pub async fn tried(tx: &mut Tx, due: &Due, git: &str, outcome: &Outcome, again: Option<Time>) -> Result<(), Problem> {
    let (state, range, trouble) = match outcome {
        Outcome::Done(range) => ("done", Some(range), None),
        Outcome::Missing(range) => ("missing", Some(range), None),
        Outcome::Failed(trouble) => ("failed", None, Some(trouble)),
    };
    let result = range.map(serde_json::to_string).transpose().map_err(internal)?;
    let trouble = trouble.map(serde_json::to_value).transpose().map_err(internal)?;
    sqlx::query(
        "UPDATE commit_ranges SET state = $1, result = $2, trouble = $3, git = $4, attempts = attempts + 1, next_at = $5
         WHERE app = $6 AND base = $7 AND head = $8",
    )
    .bind(state)
    .bind(result)
    .bind(trouble.as_ref().and_then(|word| word.as_str()))
    .bind(git)
    .bind(again.map(micros))
    .bind(due.app.as_str())
    .bind(due.base.as_str())
    .bind(due.head.as_str())
    .execute(&mut **tx)
    .await
    .map_err(internal)?;
    Ok(())
}

/// The other ranges of an app wait with one that failed: its repository is the trouble.
///
/// # Errors
/// [`Problem::Internal`].
pub async fn put_off(tx: &mut Tx, app: &str, trouble: Trouble, now: Time, until: Time) -> Result<(), Problem> {
    let word = serde_json::to_value(trouble).map_err(internal)?;
    sqlx::query(
        "UPDATE commit_ranges SET next_at = $1, trouble = CASE WHEN result IS NULL THEN $2 ELSE trouble END
         WHERE app = $3 AND next_at IS NOT NULL AND next_at <= $4",
    )
    .bind(micros(until))
    .bind(word.as_str())
    .bind(app)
    .bind(micros(now))
    .execute(&mut **tx)
    .await
    .map_err(internal)?;
    Ok(())
}

/// A status as it is decided.
pub struct NewStatus<'a> {
    pub app: &'a str,
    pub revision: &'a str,
    pub context: &'a str,
    pub status: &'a str,
    pub description: &'a str,
    pub build: &'a BuildId,
    pub at: Time,
}

/// Notes a status to be posted, in the place of an older one of its kind.
///
/// # Errors
/// [`Problem::Internal`].
pub async fn put_status(tx: &mut Tx, new: &NewStatus<'_>) -> Result<(), Problem> {
    sqlx::query(
        "INSERT INTO commit_statuses
             (app, revision, context, status, description, build_id, at, turn, state, attempts, next_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, 1, 'waiting', 0, $7)
         ON CONFLICT (app, revision, context) DO UPDATE
         SET status = $4, description = $5, build_id = $6, at = $7, turn = commit_statuses.turn + 1,
             state = 'waiting', answer = NULL, attempts = 0, next_at = $7",
    )
    .bind(new.app)
    .bind(new.revision)
    .bind(new.context)
    .bind(new.status)
    .bind(new.description)
    .bind(new.build.as_str())
    .bind(micros(new.at))
    .execute(&mut **tx)
    .await
    .map_err(internal)?;
    Ok(())
}

/// Writes what became of a try, unless a newer status of its kind came meanwhile.
///
/// # Errors
/// [`Problem::Internal`].
pub async fn status_tried(
    tx: &mut Tx,
    waiting: &Waiting,
    state: &str,
    answer: Option<&str>,
    again: Option<Time>,
) -> Result<(), Problem> {
    sqlx::query(
        "UPDATE commit_statuses SET state = $1, answer = $2, attempts = attempts + 1, next_at = $3
         WHERE app = $4 AND revision = $5 AND context = $6 AND turn = $7",
    )
    .bind(state)
    .bind(answer)
    .bind(again.map(micros))
    .bind(waiting.app.as_str())
    .bind(waiting.revision.as_str())
    .bind(waiting.context.as_str())
    .bind(waiting.turn)
    .execute(&mut **tx)
    .await
    .map_err(internal)?;
    Ok(())
}
