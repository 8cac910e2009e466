//! CI runs, written and found.

use crate::clock::{from_micros, micros};
use crate::intake::Run;
use crate::store::{Cursor, Store, Tx, internal};
use chrono::TimeDelta;
use domain::id::{BuildId, DeliveryId, RunId};
use domain::run::{ImageFacts, RunFacts, RunStatus};
use domain::{Problem, Time};
use sqlx::Row;
use sqlx::any::AnyRow;

/// Images and runs that are looked through for one that belongs: far more than are made in an hour.
const MOST_NEAR: i64 = 100;
/// Wider than any window of the rule, which decides.
const NEAR: TimeDelta = TimeDelta::hours(12);

/// A run as it is first told of.
pub struct NewRun<'a> {
    pub id: RunId,
    pub app: &'a str,
    pub source: &'a str,
    pub run: &'a Run,
    pub channel: Option<&'a str>,
    pub seen_at: Time,
    pub known_at: Time,
    pub delivery: Option<&'a DeliveryId>,
}

/// A run as it stands.
#[derive(Clone, Debug)]
pub struct RunRow {
    pub id: RunId,
    pub app: String,
    pub status: RunStatus,
    pub revision: Option<String>,
    pub branch: Option<String>,
    pub tag: Option<String>,
    pub started_at: Option<Time>,
    pub ended_at: Option<Time>,
    pub known_at: Time,
    pub build: Option<BuildId>,
}

impl RunRow {
    /// What it is compared with images by.
    pub fn facts(&self) -> RunFacts {
        RunFacts {
            revision: self.revision.clone(),
            branch: self.branch.clone(),
            tag: self.tag.clone(),
            started_at: self.started_at,
            heard_at: self.ended_at.unwrap_or(self.known_at),
        }
    }
}

const COLUMNS: &str = "id, app, status, revision, branch, tag, started_at, ended_at, known_at, build_id";

fn run_row(row: &AnyRow) -> Result<RunRow, sqlx::Error> {
    let time = |name: &str| row.try_get::<Option<i64>, _>(name).map(|at| at.map(from_micros));
    let status: String = row.try_get("status")?;
    Ok(RunRow {
        id: RunId(row.try_get("id")?),
        app: row.try_get("app")?,
        status: RunStatus::from_word(&status).ok_or_else(|| sqlx::Error::Decode(status.into()))?,
        revision: row.try_get("revision")?,
        branch: row.try_get("branch")?,
        tag: row.try_get("tag")?,
        started_at: time("started_at")?,
        ended_at: time("ended_at")?,
        known_at: from_micros(row.try_get("known_at")?),
        build: row.try_get::<Option<String>, _>("build_id")?.map(BuildId),
    })
}

const LISTED: &str = "SELECT id, app, source, status, revision, branch, tag, channel, name, url, author, message,
           started_at, ended_at, seen_at, known_at, build_id FROM runs";

/// Which runs.
#[derive(Clone, Copy, Debug, Default)]
pub struct Which<'a> {
    pub app: Option<&'a str>,
    pub channel: Option<&'a str>,
    pub tag: Option<&'a str>,
    /// The beginning of an app, a branch, a tag or a commit.
    pub q: Option<&'a str>,
    /// Only those without an image.
    pub loose: bool,
    /// Not those from before.
    pub after: Option<Time>,
}

impl Store {
    /// Runs before a place in the list, the newest first.
    ///
    /// # Errors
    /// [`Problem::Internal`].
    pub async fn runs(&self, which: &Which<'_>, before: &Cursor, most: i64) -> Result<Vec<ListedRun>, Problem> {
        let mut sql = format!("{LISTED} WHERE (seen_at, id) < ($1, $2)");
        let mut texts: Vec<String> = Vec::new();
        for (column, part) in [("app", which.app), ("channel", which.channel), ("tag", which.tag)] {
            if let Some(part) = part {
                texts.push(part.to_owned());
                sql.push_str(&format!(" AND {column} = ${}", texts.len() + 3));
            }
        }
        if let Some(q) = which.q {
            // A range instead of LIKE: what people type is no pattern.
            texts.push(q.to_owned());
            let low = texts.len() + 3;
            texts.push(format!("{q}\u{10ffff}"));
            let high = low + 1;
            let begins =
                ["app", "branch", "tag", "revision"].map(|column| format!("({column} >= ${low} AND {column} < ${high})"));
            sql.push_str(&format!(" AND ({})", begins.join(" OR ")));
        }
        if which.loose {
            sql.push_str(" AND build_id IS NULL");
        }
        if let Some(after) = which.after {
            sql.push_str(&format!(" AND seen_at >= {}", micros(after)));
        }
        sql.push_str(" ORDER BY seen_at DESC, id DESC LIMIT $3");
        let query = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(micros(before.at)).bind(before.id.as_str()).bind(most);
        let query = texts.iter().fold(query, |query, text| query.bind(text.as_str()));
        let rows = query.fetch_all(self.read()).await.map_err(internal)?;
        rows.iter().map(listed).collect::<Result<_, sqlx::Error>>().map_err(internal)
    }

    /// One run.
    ///
    /// # Errors
    /// [`Problem::Internal`].
    pub async fn run(&self, id: &RunId) -> Result<Option<ListedRun>, Problem> {
        let sql = sqlx::AssertSqlSafe(format!("{LISTED} WHERE id = $1"));
        let row = sqlx::query(sql).bind(id.as_str()).fetch_optional(self.read()).await.map_err(internal)?;
        row.as_ref().map(listed).transpose().map_err(internal)
    }

    /// The runs that made a build.
    ///
    /// # Errors
    /// [`Problem::Internal`].
    pub async fn runs_of_build(&self, build: &BuildId) -> Result<Vec<ListedRun>, Problem> {
        let sql = sqlx::AssertSqlSafe(format!("{LISTED} WHERE build_id = $1 ORDER BY seen_at DESC, id DESC LIMIT 10"));
        let rows = sqlx::query(sql).bind(build.as_str()).fetch_all(self.read()).await.map_err(internal)?;
        rows.iter().map(listed).collect::<Result<_, sqlx::Error>>().map_err(internal)
    }
}

/// A run as a page shows it, and when it was last heard of.
#[derive(Clone, Debug)]
pub struct ListedRun {
    pub row: app::view::RunRow,
    pub known_at: Time,
}

fn listed(row: &AnyRow) -> Result<ListedRun, sqlx::Error> {
    let plain = run_row(row)?;
    let view = app::view::RunRow {
        source: row.try_get("source")?,
        channel: row.try_get("channel")?,
        name: row.try_get("name")?,
        url: row.try_get("url")?,
        author: row.try_get("author")?,
        message: row.try_get("message")?,
        seen_at: from_micros(row.try_get("seen_at")?),
        id: plain.id,
        app: plain.app,
        status: plain.status,
        revision: plain.revision,
        branch: plain.branch,
        tag: plain.tag,
        started_at: plain.started_at,
        ended_at: plain.ended_at,
        build: plain.build,
        made_nothing: false,
    };
    Ok(ListedRun { row: view, known_at: plain.known_at })
}

/// The run of this identity.
///
/// # Errors
/// [`Problem::Internal`].
pub async fn find(tx: &mut Tx, app: &str, source: &str, run: &str) -> Result<Option<RunRow>, Problem> {
    let query = sqlx::AssertSqlSafe(format!("SELECT {COLUMNS} FROM runs WHERE app = $1 AND source = $2 AND run = $3"));
    let row = sqlx::query(query).bind(app).bind(source).bind(run).fetch_optional(&mut **tx).await.map_err(internal)?;
    row.as_ref().map(run_row).transpose().map_err(internal)
}

/// The run of this id.
///
/// # Errors
/// [`Problem::Internal`].
pub async fn by_id(tx: &mut Tx, id: &RunId) -> Result<Option<RunRow>, Problem> {
    let query = sqlx::AssertSqlSafe(format!("SELECT {COLUMNS} FROM runs WHERE id = $1"));
    let row = sqlx::query(query).bind(id.as_str()).fetch_optional(&mut **tx).await.map_err(internal)?;
    row.as_ref().map(run_row).transpose().map_err(internal)
}

/// Adds a run.
///
/// # Errors
/// [`Problem::Internal`].
pub async fn insert(tx: &mut Tx, new: &NewRun<'_>) -> Result<(), Problem> {
    let run = new.run;
    sqlx::query(
        "INSERT INTO runs (id, app, source, run, status, revision, branch, tag, channel, name, url, author, message,
                started_at, ended_at, seen_at, known_at, delivery_id)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18)",
    )
    .bind(new.id.as_str())
    .bind(new.app)
    .bind(new.source)
    .bind(run.run.as_str())
    .bind(run.status.as_str())
    .bind(run.revision.as_deref())
    .bind(run.branch.as_deref())
    .bind(run.tag.as_deref())
    .bind(new.channel)
    .bind(run.name.as_deref())
    .bind(run.url.as_deref())
    .bind(run.author.as_deref())
    .bind(run.message.as_deref())
    .bind(run.started_at.map(micros))
    .bind(run.ended_at.map(micros))
    .bind(micros(new.seen_at))
    .bind(micros(new.known_at))
    .bind(new.delivery.map(DeliveryId::as_str))
    .execute(&mut **tx)
    .await
    .map_err(internal)?;
    Ok(())
}

/// Takes in what is newly told of a run; what is not told stays as it was.
///
/// # Errors
/// [`Problem::Internal`].
pub async fn update(tx: &mut Tx, id: &RunId, run: &Run, status: RunStatus, at: Time) -> Result<(), Problem> {
    sqlx::query(
        "UPDATE runs SET status = $1, revision = COALESCE($2, revision), branch = COALESCE($3, branch),
                tag = COALESCE($4, tag), name = COALESCE($5, name), url = COALESCE($6, url),
                author = COALESCE($7, author), message = COALESCE($8, message),
                started_at = COALESCE(started_at, $9), ended_at = COALESCE($10, ended_at),
                known_at = CASE WHEN known_at < $11 THEN $11 ELSE known_at END
         WHERE id = $12",
    )
    .bind(status.as_str())
    .bind(run.revision.as_deref())
    .bind(run.branch.as_deref())
    .bind(run.tag.as_deref())
    .bind(run.name.as_deref())
    .bind(run.url.as_deref())
    .bind(run.author.as_deref())
    .bind(run.message.as_deref())
    .bind(run.started_at.map(micros))
    .bind(run.ended_at.map(micros))
    .bind(micros(at))
    .bind(id.as_str())
    .execute(&mut **tx)
    .await
    .map_err(internal)?;
    Ok(())
}

/// Joins a run with the image that it made. An image whose label names no commit gets the run's.
///
/// # Errors
/// [`Problem::Internal`].
pub async fn join(tx: &mut Tx, run: &RunId, build: &BuildId) -> Result<(), Problem> {
    sqlx::query("UPDATE runs SET build_id = $1 WHERE id = $2 AND build_id IS NULL")
        .bind(build.as_str())
        .bind(run.as_str())
        .execute(&mut **tx)
        .await
        .map_err(internal)?;
    sqlx::query("UPDATE builds SET revision = (SELECT revision FROM runs WHERE id = $1) WHERE id = $2 AND revision IS NULL")
        .bind(run.as_str())
        .bind(build.as_str())
        .execute(&mut **tx)
        .await
        .map_err(internal)?;
    Ok(())
}

/// Images of an app without a run, near a run in time or of its commit, the nearest first.
///
/// # Errors
/// [`Problem::Internal`].
pub async fn images_near(tx: &mut Tx, app: &str, run: &RunFacts) -> Result<Vec<(BuildId, ImageFacts)>, Problem> {
    let ids: Vec<String> = sqlx::query_scalar(
        "SELECT b.id FROM builds b
         WHERE b.app = $1 AND b.describe_at IS NULL AND NOT EXISTS (SELECT 1 FROM runs r WHERE r.build_id = b.id)
           AND (b.seen_at BETWEEN $2 AND $3 OR b.revision = $4)
         ORDER BY b.seen_at DESC, b.id DESC LIMIT $5",
    )
    .bind(app)
    .bind(micros(run.heard_at - NEAR))
    .bind(micros(run.heard_at + NEAR))
    .bind(run.revision.as_deref())
    .bind(MOST_NEAR)
    .fetch_all(&mut **tx)
    .await
    .map_err(internal)?;
    let mut images = Vec::with_capacity(ids.len());
    for id in ids.into_iter().map(BuildId) {
        if let Some(image) = image(tx, &id).await? {
            images.push((id, image));
        }
    }
    Ok(images)
}

/// What an image is compared by.
///
/// # Errors
/// [`Problem::Internal`].
pub async fn image(tx: &mut Tx, build: &BuildId) -> Result<Option<ImageFacts>, Problem> {
    let row = sqlx::query("SELECT revision, seen_at FROM builds WHERE id = $1").bind(build.as_str());
    let Some(row) = row.fetch_optional(&mut **tx).await.map_err(internal)? else { return Ok(None) };
    let tags = sqlx::query_scalar("SELECT DISTINCT tag FROM tag_moves WHERE build_id = $1 LIMIT $2");
    let tags = tags.bind(build.as_str()).bind(MOST_NEAR).fetch_all(&mut **tx).await.map_err(internal)?;
    Ok(Some(ImageFacts {
        revision: row.try_get("revision").map_err(internal)?,
        tags,
        pushed_at: from_micros(row.try_get("seen_at").map_err(internal)?),
    }))
}

/// Runs of an app without an image, near an image in time or of its commit, the newest first.
///
/// # Errors
/// [`Problem::Internal`].
pub async fn loose_near(tx: &mut Tx, app: &str, image: &ImageFacts) -> Result<Vec<RunRow>, Problem> {
    let query = sqlx::AssertSqlSafe(format!(
        "SELECT {COLUMNS} FROM runs WHERE app = $1 AND build_id IS NULL AND (known_at BETWEEN $2 AND $3 OR revision = $4)
         ORDER BY known_at DESC, id DESC LIMIT $5"
    ));
    let rows = sqlx::query(query)
        .bind(app)
        .bind(micros(image.pushed_at - NEAR))
        .bind(micros(image.pushed_at + NEAR))
        .bind(image.revision.as_deref())
        .bind(MOST_NEAR)
        .fetch_all(&mut **tx)
        .await
        .map_err(internal)?;
    rows.iter().map(run_row).collect::<Result<_, sqlx::Error>>().map_err(internal)
}
