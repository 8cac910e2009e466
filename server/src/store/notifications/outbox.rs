//! The way of a message: news, fan-out, claim, end. All writes.

use crate::clock::{from_micros, micros};
use crate::store::{Store, Tx, internal};
use domain::id::MessageId;
use domain::notify::EventKind;
use domain::{Problem, Time};
use sqlx::Row;
use sqlx::any::AnyRow;
use std::time::Duration;

/// News as they wait to become messages.
#[derive(Clone, Debug)]
pub struct NewsRow {
    pub id: String,
    pub body: String,
}

/// A new message.
pub struct NewMessage<'a> {
    pub id: MessageId,
    pub target: &'a str,
    pub event: EventKind,
    pub app: Option<&'a str>,
    pub subject: &'a str,
    /// Names, as JSON.
    pub mention: &'a str,
    pub joinable: bool,
    pub now: Time,
    pub due: Time,
}

/// A message that is being tried.
#[derive(Clone, Debug)]
pub struct Claimed {
    pub id: MessageId,
    pub event: EventKind,
    pub created_at: Time,
    pub mention: String,
    pub pieces: i64,
    /// Tries, this one included.
    pub tries: u32,
    pub fence: i64,
}

/// What came of asking for a message to send.
#[derive(Clone, Debug)]
pub enum Claim {
    Got(Claimed),
    /// The target has been sent as many as it bears: not before then.
    Full(Time),
    /// Nothing is due.
    Nothing,
}

fn text<T: ToString>(value: Option<T>) -> Option<String> {
    value.map(|value| value.to_string())
}

/// Puts news into the outbox.
///
/// # Errors
/// [`Problem::Internal`].
pub async fn insert_news(
    tx: &mut Tx,
    id: &str,
    at: Time,
    event: EventKind,
    app: Option<&str>,
    body: &str,
) -> Result<(), Problem> {
    sqlx::query("INSERT INTO news (id, at, event, app, body) VALUES ($1, $2, $3, $4, $5)")
        .bind(id)
        .bind(micros(at))
        .bind(event.as_str())
        .bind(text(app))
        .bind(body)
        .execute(&mut **tx)
        .await
        .map_err(internal)?;
    Ok(())
}

/// News that did not become messages yet, the oldest first, read so that nobody else takes them
/// until the transaction ends.
///
/// # Errors
/// [`Problem::Internal`].
pub async fn take_news(tx: &mut Tx, most: i64) -> Result<Vec<NewsRow>, Problem> {
    crate::store::lock(tx, ":news").await?;
    let rows = sqlx::query("SELECT id, body FROM news WHERE fanned_at IS NULL ORDER BY at, id LIMIT $1");
    let rows = rows.bind(most).fetch_all(&mut **tx).await.map_err(internal)?;
    let read = |row: &AnyRow| Ok(NewsRow { id: row.try_get("id")?, body: row.try_get("body")? });
    rows.iter().map(read).collect::<Result<_, sqlx::Error>>().map_err(internal)
}

/// Marks news as done with; what nobody hears of is not kept.
///
/// # Errors
/// [`Problem::Internal`].
pub async fn finish_news(tx: &mut Tx, id: &str, heard: bool, now: Time) -> Result<(), Problem> {
    let done = if heard {
        sqlx::query("UPDATE news SET fanned_at = $2 WHERE id = $1").bind(id).bind(micros(now)).execute(&mut **tx).await
    } else {
        sqlx::query("DELETE FROM news WHERE id = $1").bind(id).execute(&mut **tx).await
    };
    done.map_err(internal)?;
    Ok(())
}

/// A message of the same kind about the same app that waits for its first try, with those it mentions.
///
/// # Errors
/// [`Problem::Internal`].
pub async fn joinable(
    tx: &mut Tx,
    target: &str,
    event: EventKind,
    app: Option<&str>,
) -> Result<Option<(MessageId, String)>, Problem> {
    let row = sqlx::query(
        "SELECT id, mention FROM messages WHERE target = $1 AND state = 'waiting' AND joinable = 1 AND event = $2
           AND COALESCE(app, '') = $3 ORDER BY created_at DESC, id DESC LIMIT 1",
    )
    .bind(target)
    .bind(event.as_str())
    .bind(app.unwrap_or_default())
    .fetch_optional(&mut **tx)
    .await
    .map_err(internal)?;
    let read = |row: &AnyRow| Ok((MessageId(row.try_get("id")?), row.try_get("mention")?));
    row.as_ref().map(read).transpose().map_err(|error: sqlx::Error| internal(error))
}

/// Adds a piece to a message; false when its first try has begun meanwhile.
///
/// # Errors
/// [`Problem::Internal`].
pub async fn join(tx: &mut Tx, message: &MessageId, news: &str, subject: &str, mention: &str) -> Result<bool, Problem> {
    let joined = sqlx::query(
        "UPDATE messages SET pieces = pieces + 1, subject = $2, mention = $3 WHERE id = $1 AND state = 'waiting' AND joinable = 1",
    )
    .bind(message.as_str())
    .bind(subject)
    .bind(mention)
    .execute(&mut **tx)
    .await
    .map_err(internal)?;
    if joined.rows_affected() == 1 {
        link(tx, message, news).await?;
        return Ok(true);
    }
    Ok(false)
}

/// Adds a message with its first piece.
///
/// # Errors
/// [`Problem::Internal`].
pub async fn insert_message(tx: &mut Tx, new: &NewMessage<'_>, news: &str) -> Result<(), Problem> {
    sqlx::query(
        "INSERT INTO messages (id, target, event, app, subject, state, mention, pieces, joinable, created_at, next_at)
         VALUES ($1, $2, $3, $4, $5, 'waiting', $6, 1, $7, $8, $9)",
    )
    .bind(new.id.as_str())
    .bind(new.target)
    .bind(new.event.as_str())
    .bind(text(new.app))
    .bind(new.subject)
    .bind(new.mention)
    .bind(i64::from(new.joinable))
    .bind(micros(new.now))
    .bind(micros(new.due))
    .execute(&mut **tx)
    .await
    .map_err(internal)?;
    link(tx, &new.id, news).await
}

async fn link(tx: &mut Tx, message: &MessageId, news: &str) -> Result<(), Problem> {
    sqlx::query("INSERT INTO message_news (message_id, news_id) VALUES ($1, $2)")
        .bind(message.as_str())
        .bind(news)
        .execute(&mut **tx)
        .await
        .map_err(internal)?;
    Ok(())
}

/// Takes the oldest message that is due for a target, if the target bears one more. Whoever has it
/// has it until `until`: if it is heard of no more, it is due again then.
///
/// # Errors
/// [`Problem::Internal`].
pub async fn claim(tx: &mut Tx, target: &str, now: Time, until: Time, rate: (u32, Duration)) -> Result<Claim, Problem> {
    crate::store::lock(tx, &format!(":target {target}")).await?;
    let row = sqlx::query(
        "SELECT id, event, created_at, mention, pieces, tries, fence FROM messages
         WHERE target = $1 AND state = 'waiting' AND next_at <= $2 ORDER BY next_at, id LIMIT 1",
    )
    .bind(target)
    .bind(micros(now))
    .fetch_optional(&mut **tx)
    .await
    .map_err(internal)?;
    let Some(row) = row else { return Ok(Claim::Nothing) };
    if let Some(then) = full_until(tx, target, now, rate).await? {
        return Ok(Claim::Full(then));
    }
    let mut claimed = claimed(&row).map_err(internal)?;
    claimed.tries += 1;
    claimed.fence += 1;
    let taken = sqlx::query(
        "UPDATE messages SET tries = $2, fence = $3, next_at = $4, joinable = 0 WHERE id = $1 AND fence = $5 AND state = 'waiting'",
    )
    .bind(claimed.id.as_str())
    .bind(i64::from(claimed.tries))
    .bind(claimed.fence)
    .bind(micros(until))
    .bind(claimed.fence - 1)
    .execute(&mut **tx)
    .await
    .map_err(internal)?;
    if taken.rows_affected() != 1 {
        return Ok(Claim::Nothing);
    }
    sqlx::query("INSERT INTO message_tries (message_id, fence, target, at) VALUES ($1, $2, $3, $4)")
        .bind(claimed.id.as_str())
        .bind(claimed.fence)
        .bind(target)
        .bind(micros(now))
        .execute(&mut **tx)
        .await
        .map_err(internal)?;
    Ok(Claim::Got(claimed))
}

fn claimed(row: &AnyRow) -> Result<Claimed, sqlx::Error> {
    let event: String = row.try_get("event")?;
    Ok(Claimed {
        id: MessageId(row.try_get("id")?),
        event: EventKind::from_word(&event).ok_or_else(|| sqlx::Error::Decode(event.into()))?,
        created_at: from_micros(row.try_get("created_at")?),
        mention: row.try_get("mention")?,
        pieces: row.try_get("pieces")?,
        tries: u32::try_from(row.try_get::<i64, _>("tries")?).unwrap_or(u32::MAX - 1),
        fence: row.try_get("fence")?,
    })
}

/// When a target that was sent as many as it bears may be sent the next.
async fn full_until(tx: &mut Tx, target: &str, now: Time, (most, within): (u32, Duration)) -> Result<Option<Time>, Problem> {
    let within = chrono::TimeDelta::from_std(within).unwrap_or_default();
    let tries: Vec<i64> =
        sqlx::query_scalar("SELECT at FROM message_tries WHERE target = $1 AND at > $2 ORDER BY at DESC LIMIT $3")
            .bind(target)
            .bind(micros(now - within))
            .bind(i64::from(most))
            .fetch_all(&mut **tx)
            .await
            .map_err(internal)?;
    let full = most > 0 && tries.len() >= usize::try_from(most).unwrap_or(usize::MAX);
    Ok(tries.last().filter(|_| full).map(|oldest| from_micros(*oldest) + within))
}

/// Writes that a message got through; false when somebody else has taken it up meanwhile.
///
/// # Errors
/// [`Problem::Internal`].
pub async fn delivered(tx: &mut Tx, target: &str, claimed: &Claimed, now: Time) -> Result<bool, Problem> {
    let done =
        sqlx::query("UPDATE messages SET state = 'delivered', ended_at = $3 WHERE id = $1 AND fence = $2 AND state = 'waiting'");
    let done = done.bind(claimed.id.as_str()).bind(claimed.fence).bind(micros(now)).execute(&mut **tx).await.map_err(internal)?;
    note_target(tx, target, Some(now), None, now).await?;
    Ok(done.rows_affected() == 1)
}

/// Notes how sending to a target went last.
async fn note_target(tx: &mut Tx, target: &str, sent_at: Option<Time>, why: Option<&str>, now: Time) -> Result<(), Problem> {
    let failed_at = why.map(|_| micros(now));
    sqlx::query(
        "INSERT INTO target_states (target, sent_at, failed_at, why) VALUES ($1, $2, $3, $4)
         ON CONFLICT (target) DO UPDATE SET sent_at = COALESCE($2, target_states.sent_at),
             failed_at = COALESCE($3, target_states.failed_at), why = COALESCE($4, target_states.why)",
    )
    .bind(target)
    .bind(sent_at.map(micros))
    .bind(failed_at)
    .bind(text(why))
    .execute(&mut **tx)
    .await
    .map_err(internal)?;
    Ok(())
}

/// Writes that a try failed: it is due again at `again`, or never.
///
/// # Errors
/// [`Problem::Internal`].
pub async fn failed(
    tx: &mut Tx,
    target: &str,
    claimed: &Claimed,
    again: Option<Time>,
    why: &str,
    now: Time,
) -> Result<bool, Problem> {
    let done = sqlx::query(
        "UPDATE messages SET state = $3, next_at = COALESCE($4, next_at), ended_at = $5, why = $6, failed_at = $7
         WHERE id = $1 AND fence = $2 AND state = 'waiting'",
    )
    .bind(claimed.id.as_str())
    .bind(claimed.fence)
    .bind(if again.is_some() { "waiting" } else { "dead" })
    .bind(again.map(micros))
    .bind(if again.is_some() { None } else { Some(micros(now)) })
    .bind(why)
    .bind(micros(now))
    .execute(&mut **tx)
    .await
    .map_err(internal)?;
    note_target(tx, target, None, Some(why), now).await?;
    Ok(done.rows_affected() == 1)
}

/// Sets a dead message waiting again, under the id that it had; false when it is not dead.
///
/// # Errors
/// [`Problem::Internal`].
pub async fn replay(tx: &mut Tx, id: &MessageId, now: Time) -> Result<bool, Problem> {
    let done = sqlx::query(
        "UPDATE messages SET state = 'waiting', tries = 0, next_at = $2, ended_at = NULL WHERE id = $1 AND state = 'dead'",
    );
    let done = done.bind(id.as_str()).bind(micros(now)).execute(&mut **tx).await.map_err(internal)?;
    Ok(done.rows_affected() == 1)
}

/// Marks something as told; false when it was told before.
///
/// # Errors
/// [`Problem::Internal`].
pub async fn tell_once(tx: &mut Tx, what: &str, mark: Time) -> Result<bool, Problem> {
    let done = sqlx::query(
        "INSERT INTO told_once (what, mark) VALUES ($1, $2)
         ON CONFLICT (what) DO UPDATE SET mark = $2 WHERE told_once.mark < $2",
    );
    let done = done.bind(what).bind(micros(mark)).execute(&mut **tx).await.map_err(internal)?;
    Ok(done.rows_affected() == 1)
}

/// Forgets what ended long ago, a bounded bite at a time; says whether there may be more.
///
/// # Errors
/// [`Problem::Internal`].
pub async fn forget(tx: &mut Tx, delivered: Time, dead: Time, tries: Time, bite: i64) -> Result<bool, Problem> {
    let mut gone: Vec<String> = Vec::new();
    for (state, before) in [("delivered", delivered), ("dead", dead)] {
        let ids: Vec<String> =
            sqlx::query_scalar("SELECT id FROM messages WHERE state = $1 AND ended_at < $2 ORDER BY ended_at LIMIT $3")
                .bind(state)
                .bind(micros(before))
                .bind(bite)
                .fetch_all(&mut **tx)
                .await
                .map_err(internal)?;
        gone.extend(ids);
    }
    for id in &gone {
        for statement in ["DELETE FROM message_news WHERE message_id = $1", "DELETE FROM messages WHERE id = $1"] {
            sqlx::query(statement).bind(id.as_str()).execute(&mut **tx).await.map_err(internal)?;
        }
    }
    sqlx::query(
        "DELETE FROM news WHERE id IN (SELECT n.id FROM news n WHERE n.at < $1 AND n.fanned_at IS NOT NULL
           AND NOT EXISTS (SELECT 1 FROM message_news m WHERE m.news_id = n.id) LIMIT $2)",
    )
    .bind(micros(delivered))
    .bind(bite)
    .execute(&mut **tx)
    .await
    .map_err(internal)?;
    let old = sqlx::query("DELETE FROM message_tries WHERE at < $1").bind(micros(tries));
    old.execute(&mut **tx).await.map_err(internal)?;
    Ok(i64::try_from(gone.len()).unwrap_or(i64::MAX) >= bite)
}

impl Store {
    /// Whether news wait to become messages.
    ///
    /// # Errors
    /// [`Problem::Internal`].
    pub async fn news_wait(&self) -> Result<bool, Problem> {
        let one: Option<String> = sqlx::query_scalar("SELECT id FROM news WHERE fanned_at IS NULL LIMIT 1")
            .fetch_optional(self.read())
            .await
            .map_err(internal)?;
        Ok(one.is_some())
    }

    /// Targets for which something is due.
    ///
    /// # Errors
    /// [`Problem::Internal`].
    pub async fn targets_due(&self, now: Time) -> Result<Vec<String>, Problem> {
        sqlx::query_scalar(
            "SELECT DISTINCT target FROM messages WHERE state = 'waiting' AND next_at <= $1 ORDER BY target LIMIT 1000",
        )
        .bind(micros(now))
        .fetch_all(self.read())
        .await
        .map_err(internal)
    }

    /// The news in a message, the oldest first.
    ///
    /// # Errors
    /// [`Problem::Internal`].
    pub async fn news_of(&self, message: &MessageId, most: i64) -> Result<Vec<String>, Problem> {
        sqlx::query_scalar(
            "SELECT n.body FROM message_news m JOIN news n ON n.id = m.news_id WHERE m.message_id = $1 ORDER BY n.at, n.id LIMIT $2",
        )
        .bind(message.as_str())
        .bind(most)
        .fetch_all(self.read())
        .await
        .map_err(internal)
    }
}
