//! Builds and tags, written.

use crate::clock::{from_micros, micros};
use crate::registry::Description;
use crate::store::{Store, Tx, internal};
use domain::id::{BuildId, DeliveryId};
use domain::{Digest, ImageName, Problem, Time};
use sqlx::Row;
use sqlx::any::AnyRow;

/// A build as it is first heard of.
pub struct NewBuild<'a> {
    pub id: BuildId,
    pub app: &'a str,
    pub image: &'a ImageName,
    pub digest: &'a Digest,
    pub seen_at: Time,
    /// When its labels are due to be read.
    pub now: Time,
}

/// A build that is in the database now.
#[derive(Clone, Debug)]
pub struct Found {
    pub id: BuildId,
    pub seen_at: Time,
    /// Whether this call put it there.
    pub new: bool,
}

/// Where a tag points.
#[derive(Clone, Debug)]
pub struct TagRow {
    pub build: BuildId,
    pub digest: Digest,
    /// When the newest event about it happened.
    pub known_at: Time,
}

/// One step of a tag to a build.
pub struct Step<'a> {
    pub id: String,
    pub app: &'a str,
    pub tag: &'a str,
    pub channel: Option<&'a str>,
    pub release_key: Option<&'a str>,
    pub build: &'a Found,
    pub previous: Option<&'a BuildId>,
    pub at: Time,
    /// None where a registry was read.
    pub delivery: Option<&'a DeliveryId>,
}

/// Lists a build, or finds it. One that was given up undescribed gets a new try: it was
/// pushed again.
///
/// # Errors
/// [`Problem::Internal`].
pub async fn find_or_insert(tx: &mut Tx, build: &NewBuild<'_>) -> Result<Found, Problem> {
    let added = sqlx::query(
        "INSERT INTO builds (id, app, image, digest, seen_at, described, describe_at) VALUES ($1, $2, $3, $4, $5, 0, $6)
         ON CONFLICT (app, digest) DO NOTHING",
    )
    .bind(build.id.as_str())
    .bind(build.app)
    .bind(build.image.to_string())
    .bind(build.digest.as_str())
    .bind(micros(build.seen_at))
    .bind(micros(build.now))
    .execute(&mut **tx)
    .await
    .map_err(internal)?;
    if added.rows_affected() > 0 {
        return Ok(Found { id: build.id.clone(), seen_at: build.seen_at, new: true });
    }
    sqlx::query(
        "UPDATE builds SET describe_at = $1, describe_attempts = 0
         WHERE app = $2 AND digest = $3 AND described = 0 AND describe_problem IS NOT NULL",
    )
    .bind(micros(build.now))
    .bind(build.app)
    .bind(build.digest.as_str())
    .execute(&mut **tx)
    .await
    .map_err(internal)?;
    let row = sqlx::query("SELECT id, seen_at FROM builds WHERE app = $1 AND digest = $2")
        .bind(build.app)
        .bind(build.digest.as_str())
        .fetch_one(&mut **tx)
        .await
        .map_err(internal)?;
    let found = |row: &AnyRow| {
        let seen_at = from_micros(row.try_get("seen_at")?);
        Ok(Found { id: BuildId(row.try_get("id")?), seen_at, new: false })
    };
    found(&row).map_err(|error: sqlx::Error| internal(error))
}

/// Where a tag of an app points now.
///
/// # Errors
/// [`Problem::Internal`].
pub async fn tag(tx: &mut Tx, app: &str, name: &str) -> Result<Option<TagRow>, Problem> {
    let row = sqlx::query(
        "SELECT t.build_id, t.known_at, b.digest FROM tags t JOIN builds b ON b.id = t.build_id
         WHERE t.app = $1 AND t.name = $2",
    )
    .bind(app)
    .bind(name)
    .fetch_optional(&mut **tx)
    .await
    .map_err(internal)?;
    let Some(row) = row else { return Ok(None) };
    let digest: String = row.try_get("digest").map_err(internal)?;
    Ok(Some(TagRow {
        build: BuildId(row.try_get("build_id").map_err(internal)?),
        digest: digest.parse().map_err(internal)?,
        known_at: from_micros(row.try_get("known_at").map_err(internal)?),
    }))
}

/// Notes that a tag was seen where it is already.
///
/// # Errors
/// [`Problem::Internal`].
pub async fn confirm_tag(tx: &mut Tx, app: &str, name: &str, at: Time) -> Result<(), Problem> {
    sqlx::query("UPDATE tags SET known_at = $1 WHERE app = $2 AND name = $3 AND known_at < $1")
        .bind(micros(at))
        .bind(app)
        .bind(name)
        .execute(&mut **tx)
        .await
        .map_err(internal)?;
    Ok(())
}

/// Points a tag at a build, and keeps the step.
///
/// # Errors
/// [`Problem::Internal`].
pub async fn point_tag(tx: &mut Tx, step: &Step<'_>) -> Result<(), Problem> {
    sqlx::query(
        "INSERT INTO tags (app, name, build_id, channel, release_key, moved_at, known_at) VALUES ($1, $2, $3, $4, $5, $6, $6)
         ON CONFLICT (app, name) DO UPDATE SET build_id = $3, channel = $4, release_key = $5, moved_at = $6, known_at = $6",
    )
    .bind(step.app)
    .bind(step.tag)
    .bind(step.build.id.as_str())
    .bind(step.channel)
    .bind(step.release_key)
    .bind(micros(step.at))
    .execute(&mut **tx)
    .await
    .map_err(internal)?;
    add_move(tx, step).await
}

/// Keeps a step of a tag without pointing it anywhere.
///
/// # Errors
/// [`Problem::Internal`].
pub async fn add_move(tx: &mut Tx, step: &Step<'_>) -> Result<(), Problem> {
    sqlx::query(
        "INSERT INTO tag_moves
             (id, app, tag, channel, release_key, build_id, previous_build_id, moved_at, build_seen_at, delivery_id)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
    )
    .bind(step.id.as_str())
    .bind(step.app)
    .bind(step.tag)
    .bind(step.channel)
    .bind(step.release_key)
    .bind(step.build.id.as_str())
    .bind(step.previous.map(BuildId::as_str))
    .bind(micros(step.at))
    .bind(micros(step.build.seen_at))
    .bind(step.delivery.map(DeliveryId::as_str))
    .execute(&mut **tx)
    .await
    .map_err(internal)?;
    Ok(())
}

/// The build that a tag pointed at, at a time in the past.
///
/// # Errors
/// [`Problem::Internal`].
pub async fn pointed_at(tx: &mut Tx, app: &str, tag: &str, at: Time) -> Result<Option<BuildId>, Problem> {
    let build = sqlx::query_scalar(
        "SELECT build_id FROM tag_moves WHERE app = $1 AND tag = $2 AND moved_at <= $3 ORDER BY moved_at DESC, id DESC LIMIT 1",
    );
    let build: Option<String> = build.bind(app).bind(tag).bind(micros(at)).fetch_optional(&mut **tx).await.map_err(internal)?;
    Ok(build.map(BuildId))
}

// ---- Labels --------------------------------------------------------------------------------

/// A build whose labels are due to be read.
#[derive(Clone, Debug)]
pub struct Undescribed {
    pub id: BuildId,
    pub app: String,
    pub image: ImageName,
    pub digest: Digest,
    /// Attempts that failed.
    pub attempts: i64,
    /// Why the last of them did.
    pub problem: Option<Problem>,
}

impl Store {
    /// Builds whose labels are due to be read, those with the fewest failures first.
    ///
    /// # Errors
    /// [`Problem::Internal`].
    pub async fn undescribed(&self, now: Time, most: usize) -> Result<Vec<Undescribed>, Problem> {
        let rows = sqlx::query(
            "SELECT id, app, image, digest, describe_attempts, describe_problem FROM builds
             WHERE describe_at IS NOT NULL AND describe_at <= $1 ORDER BY describe_attempts, describe_at LIMIT $2",
        )
        .bind(micros(now))
        .bind(i64::try_from(most).unwrap_or(i64::MAX))
        .fetch_all(self.read())
        .await
        .map_err(internal)?;
        rows.iter().map(undescribed).collect()
    }

    /// When the next labels are due to be read.
    ///
    /// # Errors
    /// [`Problem::Internal`].
    pub async fn next_description_at(&self) -> Result<Option<Time>, Problem> {
        let at = sqlx::query_scalar("SELECT describe_at FROM builds WHERE describe_at IS NOT NULL ORDER BY describe_at LIMIT 1");
        let at: Option<i64> = at.fetch_optional(self.read()).await.map_err(internal)?;
        Ok(at.map(from_micros))
    }
}

fn undescribed(row: &AnyRow) -> Result<Undescribed, Problem> {
    let (image, digest): (String, String) = (row.try_get("image").map_err(internal)?, row.try_get("digest").map_err(internal)?);
    let problem: Option<String> = row.try_get("describe_problem").map_err(internal)?;
    Ok(Undescribed {
        id: BuildId(row.try_get("id").map_err(internal)?),
        app: row.try_get("app").map_err(internal)?,
        image: image.parse().map_err(internal)?,
        digest: digest.parse().map_err(internal)?,
        attempts: row.try_get("describe_attempts").map_err(internal)?,
        problem: problem.map(|text| serde_json::from_str(&text)).transpose().map_err(internal)?,
    })
}

/// Writes what an image says about itself; false when it was written already.
///
/// # Errors
/// [`Problem::Internal`].
pub async fn describe(tx: &mut Tx, build: &BuildId, description: &Description) -> Result<bool, Problem> {
    let provenance = &description.provenance;
    let done = sqlx::query(
        "UPDATE builds SET revision = $1, source = $2, size = $3, built_at = $4, described = 1,
                describe_at = NULL, describe_problem = NULL
         WHERE id = $5 AND described = 0",
    )
    .bind(provenance.revision.as_deref())
    .bind(provenance.source.as_deref())
    .bind(description.size)
    .bind(provenance.built_at.map(micros))
    .bind(build.as_str())
    .execute(&mut **tx)
    .await
    .map_err(internal)?;
    Ok(done.rows_affected() > 0)
}

/// Notes why labels could not be read, and when to try again; never, when there is no time.
///
/// # Errors
/// [`Problem::Internal`].
pub async fn postpone_description(tx: &mut Tx, build: &BuildId, problem: &Problem, again: Option<Time>) -> Result<(), Problem> {
    sqlx::query(
        "UPDATE builds SET describe_attempts = describe_attempts + 1, describe_at = $1, describe_problem = $2
         WHERE id = $3 AND described = 0",
    )
    .bind(again.map(micros))
    .bind(serde_json::to_string(problem).map_err(internal)?)
    .bind(build.as_str())
    .execute(&mut **tx)
    .await
    .map_err(internal)?;
    Ok(())
}
