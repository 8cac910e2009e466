//! Builds, tags and their moves.
//!
//! A list of builds is found in two steps: first the keys of one page, by an index that has
//! them in order; then everything about those few builds, one statement for each kind of fact.

mod keys;
pub mod record;

pub use keys::{Key, Narrow};

use crate::clock::from_micros;
use crate::store::{Store, internal, missing, places, plausible};
use app::view::{Counts, TagAlarm, TagMove};
use domain::id::BuildId;
use domain::problem::Noun;
use domain::verdict::{Standing, VerdictKind};
use domain::{Digest, ImageName, Problem, Time};
use sqlx::Row;
use sqlx::any::AnyRow;
use std::collections::{HashMap, HashSet};

/// Tags read for one page of builds; a digest can be pushed under ever new names.
const MOST_TAGS: usize = 5000;

/// A build as it stands in its own table.
#[derive(Clone, Debug)]
pub struct BuildRecord {
    pub id: BuildId,
    pub app: String,
    pub image: ImageName,
    pub digest: Digest,
    pub revision: Option<String>,
    pub source: Option<String>,
    pub size: Option<i64>,
    pub built_at: Option<Time>,
    pub seen_at: Time,
    pub described: bool,
    pub undescribed: Option<Problem>,
}

/// A tag that points, or pointed, at a build.
#[derive(Clone, Debug)]
pub struct TagRecord {
    pub name: String,
    pub channel: Option<String>,
    pub release_key: Option<String>,
    pub current: bool,
    pub moved_at: Time,
}

const BUILD: &str =
    "SELECT id, app, image, digest, revision, source, size, built_at, seen_at, described, describe_problem FROM builds";

impl Store {
    /// One build.
    ///
    /// # Errors
    /// [`Problem::Internal`].
    pub async fn build_by_id(&self, id: &BuildId) -> Result<Option<BuildRecord>, Problem> {
        let sql = sqlx::AssertSqlSafe(format!("{BUILD} WHERE id = $1"));
        let row = sqlx::query(sql).bind(id.as_str()).fetch_optional(self.read()).await.map_err(internal)?;
        row.as_ref().map(build).transpose()
    }

    /// A build that somebody named.
    ///
    /// # Errors
    /// [`Problem::NotFound`].
    pub async fn existing_build(&self, id: &BuildId) -> Result<BuildRecord, Problem> {
        let found = if plausible(id.as_str()) { self.build_by_id(id).await? } else { None };
        found.ok_or_else(|| missing(Noun::Build, id.as_str()))
    }

    /// These builds, in no order.
    ///
    /// # Errors
    /// [`Problem::Internal`].
    pub async fn builds_by_id(&self, ids: &[BuildId]) -> Result<HashMap<BuildId, BuildRecord>, Problem> {
        let rows = self.about(ids, |among| format!("{BUILD} WHERE id IN ({among})")).await?;
        rows.iter().map(|row| build(row).map(|build| (build.id.clone(), build))).collect()
    }

    /// The tags of these builds: current ones first, then releases in their order, then the
    /// newest moves.
    ///
    /// # Errors
    /// [`Problem::Internal`].
    pub async fn tags_of(&self, ids: &[BuildId]) -> Result<HashMap<BuildId, Vec<TagRecord>>, Problem> {
        let sql = |among: &str| {
            format!(
                "SELECT m.build_id, m.tag, MAX(m.channel) AS channel, MAX(m.release_key) AS release_key,
                        MAX(m.moved_at) AS moved_at,
                        CAST(MAX(CASE WHEN t.build_id = m.build_id THEN 1 ELSE 0 END) AS BIGINT) AS is_current
                 FROM tag_moves m LEFT JOIN tags t ON t.app = m.app AND t.name = m.tag
                 WHERE m.build_id IN ({among}) GROUP BY m.build_id, m.tag LIMIT {MOST_TAGS}"
            )
        };
        let mut tags: HashMap<BuildId, Vec<TagRecord>> = HashMap::new();
        for row in &self.about(ids, sql).await? {
            tags.entry(id(row)?).or_default().push(tag(row).map_err(internal)?);
        }
        for list in tags.values_mut() {
            list.sort_by(|a, b| order(b).cmp(&order(a)));
        }
        Ok(tags)
    }

    /// What the standing verdicts on the digests of these builds amount to, whichever app they
    /// were given under, as for the gates; none for a build without any.
    ///
    /// # Errors
    /// [`Problem::Internal`].
    pub async fn standings(&self, ids: &[BuildId]) -> Result<HashMap<BuildId, Standing>, Problem> {
        let sql = |among: &str| {
            format!(
                "SELECT b.id AS build_id, v.kind, COUNT(*) AS verdicts
                 FROM builds b JOIN builds j ON j.digest = b.digest JOIN verdicts v ON v.build_id = j.id
                 WHERE b.id IN ({among}) AND v.withdrawn_at IS NULL AND v.overruled_at IS NULL GROUP BY b.id, v.kind"
            )
        };
        let mut standings: HashMap<BuildId, Standing> = HashMap::new();
        for row in &self.about(ids, sql).await? {
            let standing = standings.entry(id(row)?).or_default();
            let kind: String = row.try_get("kind").map_err(internal)?;
            let count = count(row, "verdicts")?;
            match kind.parse().map_err(internal)? {
                VerdictKind::Pass => standing.passes = count,
                VerdictKind::Fail => standing.fails = count,
                VerdictKind::Blocked => standing.blocked = count,
            }
        }
        Ok(standings)
    }

    /// Those of these builds that product signed off.
    ///
    /// # Errors
    /// [`Problem::Internal`].
    pub async fn signed_off(&self, ids: &[BuildId]) -> Result<HashSet<BuildId>, Problem> {
        let sql =
            |among: &str| format!("SELECT DISTINCT build_id FROM sign_offs WHERE build_id IN ({among}) AND withdrawn_at IS NULL");
        self.about(ids, sql).await?.iter().map(id).collect()
    }

    /// How many launching or running environments have each of these builds.
    ///
    /// # Errors
    /// [`Problem::Internal`].
    pub async fn environment_counts(&self, ids: &[BuildId]) -> Result<HashMap<BuildId, u32>, Problem> {
        let sql = |among: &str| {
            format!(
                "SELECT u.build_id, COUNT(*) AS environments
                 FROM environment_builds u JOIN environments e ON e.id = u.environment_id
                 WHERE u.build_id IN ({among}) AND e.state IN ('launching', 'running', 'restarting', 'thawing') GROUP BY u.build_id"
            )
        };
        self.about(ids, sql).await?.iter().map(|row| Ok((id(row)?, count(row, "environments")?))).collect()
    }

    /// Release tags that went to or from these builds, the newest first.
    ///
    /// # Errors
    /// [`Problem::Internal`].
    pub async fn alarms_of(&self, ids: &[BuildId]) -> Result<HashMap<BuildId, Vec<TagAlarm>>, Problem> {
        let sql = |among: &str| {
            format!(
                "SELECT m.tag, m.moved_at, m.build_id, m.previous_build_id, b.digest, p.digest AS previous
                 FROM tag_moves m JOIN builds b ON b.id = m.build_id JOIN builds p ON p.id = m.previous_build_id
                 WHERE m.release_key IS NOT NULL AND m.build_id <> m.previous_build_id
                   AND (m.build_id IN ({among}) OR m.previous_build_id IN ({among}))
                 ORDER BY m.moved_at DESC, m.id DESC LIMIT {MOST_TAGS}"
            )
        };
        let mut alarms: HashMap<BuildId, Vec<TagAlarm>> = HashMap::new();
        for row in &self.about(ids, sql).await? {
            let text = |name: &str| row.try_get::<String, _>(name).map_err(internal);
            let (here, before) = (BuildId(text("build_id")?), BuildId(text("previous_build_id")?));
            let (digest, previous) = (text("digest")?.parse().map_err(internal)?, text("previous")?.parse().map_err(internal)?);
            let at = from_micros(row.try_get("moved_at").map_err(internal)?);
            let alarm = |other, other_build, away| Ok::<_, Problem>(TagAlarm { tag: text("tag")?, at, other, other_build, away });
            alarms.entry(here.clone()).or_default().push(alarm(previous, before.clone(), false)?);
            alarms.entry(before).or_default().push(alarm(digest, here, true)?);
        }
        Ok(alarms)
    }

    /// The newest steps of tags to a build.
    ///
    /// # Errors
    /// [`Problem::Internal`].
    pub async fn moves_to(&self, build: &BuildId, most: i64) -> Result<Vec<TagMove>, Problem> {
        let rows = sqlx::query(
            "SELECT m.tag, m.channel, m.moved_at, p.digest AS previous
             FROM tag_moves m LEFT JOIN builds p ON p.id = m.previous_build_id
             WHERE m.build_id = $1 ORDER BY m.moved_at DESC, m.id DESC LIMIT $2",
        )
        .bind(build.as_str())
        .bind(most)
        .fetch_all(self.read())
        .await
        .map_err(internal)?;
        rows.iter().map(tag_move).collect()
    }

    /// The small numbers in the rail that are the same for everybody.
    ///
    /// # Errors
    /// [`Problem::Internal`].
    pub async fn counts(&self) -> Result<Counts, Problem> {
        // The conditions of the partial indexes stand here word for word, so that they serve.
        let row = sqlx::query(
            "SELECT (SELECT COUNT(*) FROM promotions WHERE state IN ('open', 'running') AND state = 'open') AS promotions,
                    (SELECT COUNT(*) FROM environments WHERE ended_at IS NULL AND state IN ('launching', 'running', 'restarting', 'thawing')) AS environments",
        )
        .fetch_one(self.read())
        .await
        .map_err(internal)?;
        Ok(Counts { promotions: count(&row, "promotions")?, environments: count(&row, "environments")?, waiting: 0 })
    }

    /// Asks one thing about a bounded number of builds; `sql` is given their places.
    async fn about(&self, ids: &[BuildId], sql: impl FnOnce(&str) -> String) -> Result<Vec<AnyRow>, Problem> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let sql = sqlx::AssertSqlSafe(sql(&places(1, ids.len())));
        let asked = ids.iter().fold(sqlx::query(sql), |query, id| query.bind(id.as_str()));
        asked.fetch_all(self.read()).await.map_err(internal)
    }
}

fn build(row: &AnyRow) -> Result<BuildRecord, Problem> {
    let text = |name: &str| row.try_get::<String, _>(name).map_err(internal);
    let time = |name: &str| row.try_get::<Option<i64>, _>(name).map_err(internal);
    let undescribed: Option<String> = row.try_get("describe_problem").map_err(internal)?;
    Ok(BuildRecord {
        id: BuildId(text("id")?),
        app: text("app")?,
        image: text("image")?.parse().map_err(internal)?,
        digest: text("digest")?.parse().map_err(internal)?,
        revision: row.try_get("revision").map_err(internal)?,
        source: row.try_get("source").map_err(internal)?,
        size: time("size")?,
        built_at: time("built_at")?.map(from_micros),
        seen_at: from_micros(row.try_get("seen_at").map_err(internal)?),
        described: row.try_get::<i64, _>("described").map_err(internal)? != 0,
        undescribed: undescribed.map(|text| serde_json::from_str(&text).map_err(internal)).transpose()?,
    })
}

fn tag(row: &AnyRow) -> Result<TagRecord, sqlx::Error> {
    Ok(TagRecord {
        name: row.try_get("tag")?,
        channel: row.try_get("channel")?,
        release_key: row.try_get("release_key")?,
        current: row.try_get::<i64, _>("is_current")? != 0,
        moved_at: from_micros(row.try_get("moved_at")?),
    })
}

/// What comes first is greater.
fn order(tag: &TagRecord) -> (bool, Option<&str>, Time, std::cmp::Reverse<&str>) {
    (tag.current, tag.release_key.as_deref(), tag.moved_at, std::cmp::Reverse(&tag.name))
}

fn tag_move(row: &AnyRow) -> Result<TagMove, Problem> {
    let previous: Option<String> = row.try_get("previous").map_err(internal)?;
    Ok(TagMove {
        tag: row.try_get("tag").map_err(internal)?,
        channel: row.try_get("channel").map_err(internal)?,
        at: from_micros(row.try_get("moved_at").map_err(internal)?),
        previous: previous.map(|digest| digest.parse().map_err(internal)).transpose()?,
    })
}

fn id(row: &AnyRow) -> Result<BuildId, Problem> {
    row.try_get("build_id").map(BuildId).map_err(internal)
}

fn count(row: &AnyRow, column: &str) -> Result<u32, Problem> {
    let count: i64 = row.try_get(column).map_err(internal)?;
    Ok(u32::try_from(count).unwrap_or(u32::MAX))
}
