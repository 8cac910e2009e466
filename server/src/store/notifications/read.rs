//! What is shown of messages and targets, what news are made of, and what the watchers look at.

use crate::clock::{from_micros, micros};
use crate::store::{Cursor, Store, Tx, internal};
use app::view::{MessageFilter, MessageRow};
use domain::id::{BuildId, EnvironmentId, MessageId};
use domain::notify::{EventKind, MessageState};
use domain::{Problem, Time};
use sqlx::Row;
use sqlx::any::AnyRow;
use std::collections::HashMap;

/// A build in messages: more tags than these are not looked at.
const MOST_TAGS: i64 = 50;

/// How sending to a target went.
#[derive(Clone, Debug, Default)]
pub struct TargetState {
    pub sent_at: Option<Time>,
    pub failed_at: Option<Time>,
    pub why: Option<String>,
    pub waiting: u32,
    pub dead: u32,
}

/// What messages say of a build.
#[derive(Clone, Debug)]
pub struct BuildFacts {
    pub app: String,
    pub image: String,
    pub digest: String,
    pub revision: Option<String>,
    /// The tag that it is best known by.
    pub tag: Option<String>,
    /// Of every tag that points at it.
    pub channels: Vec<String>,
}

/// An environment whose lease is about to end.
#[derive(Clone, Debug)]
pub struct Expiring {
    pub id: EnvironmentId,
    pub lease_ends_at: Time,
}

/// A hook and when it last delivered what was believed, the newest first.
#[derive(Clone, Debug)]
pub struct Heard {
    pub hook: String,
    pub name: String,
    pub at: Vec<Time>,
}

fn message(row: &AnyRow) -> Result<MessageRow, sqlx::Error> {
    let (event, state): (String, String) = (row.try_get("event")?, row.try_get("state")?);
    let number = |name: &str| row.try_get::<i64, _>(name).map(|number| u32::try_from(number).unwrap_or(u32::MAX));
    let state = MessageState::from_word(&state).ok_or_else(|| sqlx::Error::Decode(state.into()))?;
    let due = from_micros(row.try_get("next_at")?);
    Ok(MessageRow {
        id: MessageId(row.try_get("id")?),
        target: row.try_get("target")?,
        event: EventKind::from_word(&event).ok_or_else(|| sqlx::Error::Decode(event.into()))?,
        app: row.try_get("app")?,
        subject: row.try_get("subject")?,
        pieces: number("pieces")?,
        state,
        created_at: from_micros(row.try_get("created_at")?),
        due_at: (state == MessageState::Waiting).then_some(due),
        ended_at: row.try_get::<Option<i64>, _>("ended_at")?.map(from_micros),
        tries: number("tries")?,
        why: row.try_get("why")?,
    })
}

const MESSAGE: &str =
    "SELECT id, target, event, app, subject, pieces, state, created_at, next_at, ended_at, tries, why FROM messages";

impl Store {
    /// Messages before a place in the list, the newest first.
    ///
    /// # Errors
    /// [`Problem::Internal`].
    pub async fn messages(&self, filter: &MessageFilter, before: &Cursor, most: i64) -> Result<Vec<MessageRow>, Problem> {
        let mut sql = format!("{MESSAGE} WHERE (created_at, id) < ($1, $2)");
        let given = [("target", filter.target.as_deref()), ("state", filter.state.map(MessageState::as_str))];
        let given: Vec<(&str, &str)> = given.into_iter().filter_map(|(column, value)| Some((column, value?))).collect();
        for (place, (column, _)) in (4..).zip(&given) {
            sql.push_str(&format!(" AND {column} = ${place}"));
        }
        sql.push_str(" ORDER BY created_at DESC, id DESC LIMIT $3");
        let asked = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(micros(before.at)).bind(before.id.as_str()).bind(most);
        let asked = given.iter().fold(asked, |asked, (_, value)| asked.bind(*value));
        let rows = asked.fetch_all(self.read()).await.map_err(internal)?;
        rows.iter().map(message).collect::<Result<_, sqlx::Error>>().map_err(internal)
    }

    /// One message.
    ///
    /// # Errors
    /// [`Problem::Internal`].
    pub async fn message(&self, id: &MessageId) -> Result<Option<MessageRow>, Problem> {
        let sql = sqlx::AssertSqlSafe(format!("{MESSAGE} WHERE id = $1"));
        let row = sqlx::query(sql).bind(id.as_str()).fetch_optional(self.read()).await.map_err(internal)?;
        row.as_ref().map(message).transpose().map_err(internal)
    }

    /// How each target stands, by name.
    ///
    /// # Errors
    /// [`Problem::Internal`].
    pub async fn target_states(&self) -> Result<HashMap<String, TargetState>, Problem> {
        let mut states: HashMap<String, TargetState> = HashMap::new();
        let last = sqlx::query("SELECT target, sent_at, failed_at, why FROM target_states LIMIT 5000");
        for row in last.fetch_all(self.read()).await.map_err(internal)? {
            let time = |name: &str| row.try_get::<Option<i64>, _>(name).map(|at| at.map(from_micros)).map_err(internal);
            let state = states.entry(row.try_get("target").map_err(internal)?).or_default();
            (state.sent_at, state.failed_at) = (time("sent_at")?, time("failed_at")?);
            state.why = row.try_get("why").map_err(internal)?;
        }
        let counts = sqlx::query(
            "SELECT target, state, COUNT(*) AS many FROM messages WHERE state IN ('waiting', 'dead') GROUP BY target, state",
        );
        for row in counts.fetch_all(self.read()).await.map_err(internal)? {
            let state = states.entry(row.try_get("target").map_err(internal)?).or_default();
            let many = u32::try_from(row.try_get::<i64, _>("many").map_err(internal)?).unwrap_or(u32::MAX);
            match row.try_get::<String, _>("state").map_err(internal)?.as_str() {
                "dead" => state.dead = many,
                _ => state.waiting = many,
            }
        }
        Ok(states)
    }

    /// Environments whose lease ends before a time, the next first.
    ///
    /// # Errors
    /// [`Problem::Internal`].
    pub async fn environments_expiring(&self, before: Time, most: i64) -> Result<Vec<Expiring>, Problem> {
        let rows = sqlx::query(
            "SELECT e.id, e.lease_ends_at FROM environments e
             WHERE e.ended_at IS NULL AND e.state IN ('running', 'failed', 'frozen') AND e.lease_ends_at <= $1
               AND NOT EXISTS (SELECT 1 FROM told_once t WHERE t.what = 'environment ' || e.id AND t.mark >= e.lease_ends_at)
             ORDER BY e.lease_ends_at LIMIT $2",
        );
        let rows = rows.bind(micros(before)).bind(most).fetch_all(self.read()).await.map_err(internal)?;
        let read = |row: &AnyRow| {
            let lease_ends_at = from_micros(row.try_get("lease_ends_at")?);
            Ok(Expiring { id: EnvironmentId(row.try_get("id")?), lease_ends_at })
        };
        rows.iter().map(read).collect::<Result<_, sqlx::Error>>().map_err(internal)
    }

    /// The hooks in use with their last deliveries that were believed.
    ///
    /// # Errors
    /// [`Problem::Internal`].
    pub async fn heard(&self, most: i64) -> Result<Vec<Heard>, Problem> {
        let hooks = sqlx::query("SELECT id, name FROM hooks WHERE revoked_at IS NULL ORDER BY name LIMIT 500");
        let mut heard = Vec::new();
        for hook in hooks.fetch_all(self.read()).await.map_err(internal)? {
            let id: String = hook.try_get("id").map_err(internal)?;
            let at: Vec<i64> = sqlx::query_scalar(
                "SELECT received_at FROM deliveries WHERE hook_id = $1 AND state <> 'refused' ORDER BY received_at DESC LIMIT $2",
            )
            .bind(id.as_str())
            .bind(most)
            .fetch_all(self.read())
            .await
            .map_err(internal)?;
            let name = hook.try_get("name").map_err(internal)?;
            heard.push(Heard { hook: id, name, at: at.into_iter().map(from_micros).collect() });
        }
        Ok(heard)
    }
}

/// What messages say of a build, as the unit of work sees it.
///
/// # Errors
/// [`Problem::Internal`].
pub async fn build_facts(tx: &mut Tx, build: &BuildId) -> Result<Option<BuildFacts>, Problem> {
    let row = sqlx::query("SELECT app, image, digest, revision FROM builds WHERE id = $1").bind(build.as_str());
    let Some(row) = row.fetch_optional(&mut **tx).await.map_err(internal)? else { return Ok(None) };
    let tags = sqlx::query(
        "SELECT name, channel FROM tags WHERE build_id = $1
         ORDER BY CASE WHEN release_key IS NOT NULL THEN 0 WHEN channel IS NOT NULL THEN 1 ELSE 2 END,
                  release_key DESC, moved_at DESC, name LIMIT $2",
    );
    let tags = tags.bind(build.as_str()).bind(MOST_TAGS).fetch_all(&mut **tx).await.map_err(internal)?;
    let mut channels: Vec<String> = Vec::new();
    for tag in &tags {
        let channel: Option<String> = tag.try_get("channel").map_err(internal)?;
        channels.extend(channel.filter(|channel| !channels.contains(channel)));
    }
    Ok(Some(BuildFacts {
        app: row.try_get("app").map_err(internal)?,
        image: row.try_get("image").map_err(internal)?,
        digest: row.try_get("digest").map_err(internal)?,
        revision: row.try_get("revision").map_err(internal)?,
        tag: tags.first().map(|tag| tag.try_get("name")).transpose().map_err(internal)?,
        channels,
    }))
}

/// The build that an environment is there to test.
///
/// # Errors
/// [`Problem::Internal`].
pub async fn tested_in(tx: &mut Tx, environment: &EnvironmentId) -> Result<Option<BuildId>, Problem> {
    let id: Option<String> = sqlx::query_scalar(
        "SELECT build_id FROM environment_builds WHERE environment_id = $1 ORDER BY under_test DESC, app LIMIT 1",
    )
    .bind(environment.as_str())
    .fetch_optional(&mut **tx)
    .await
    .map_err(internal)?;
    Ok(id.map(BuildId))
}

/// The build of an app with this digest.
///
/// # Errors
/// [`Problem::Internal`].
pub async fn build_with(tx: &mut Tx, app: &str, digest: &domain::Digest) -> Result<Option<BuildId>, Problem> {
    let id: Option<String> = sqlx::query_scalar("SELECT id FROM builds WHERE app = $1 AND digest = $2")
        .bind(app)
        .bind(digest.as_str())
        .fetch_optional(&mut **tx)
        .await
        .map_err(internal)?;
    Ok(id.map(BuildId))
}
