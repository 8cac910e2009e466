//! Verdicts, sign-offs, and what they amount to.
//!
//! A verdict is given on a build and holds for its digest: the same image may be listed under
//! two apps, and a fail on either keeps both from running. A sign-off holds for its build
//! alone, because whoever accepts one app has not looked at the other.

pub mod evidence;
pub mod send_backs;
mod waiting;

use crate::clock::{from_micros, micros};
use crate::store::{Store, Tx, internal, is_taken, missing, places, plausible};
use domain::checklist::JudgedPlan;
use domain::gate::{Pass, SignedOff};
use domain::id::{BuildId, EnvironmentId, SignOffId, UserId, VerdictId};
use domain::problem::Noun;
use domain::verdict::{Standing, VerdictKind};
use domain::{Digest, Person, Problem, Time};
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row};

/// How many verdicts and how many sign-offs a build's page shows.
const MOST_SHOWN: i64 = 200;

/// A verdict as recorded. It is never edited; what happened to it later stands beside it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerdictRow {
    pub id: VerdictId,
    pub build: BuildId,
    pub kind: VerdictKind,
    pub note: String,
    pub author: UserId,
    pub author_name: String,
    pub environment: Option<EnvironmentId>,
    /// Which release set of the environment ran then.
    pub generation: Option<i64>,
    /// The checklist as it was.
    pub plan: Option<JudgedPlan>,
    pub at: Time,
    pub withdrawn_at: Option<Time>,
    /// The later verdict for which it was withdrawn.
    pub superseded_by: Option<VerdictId>,
    pub overruled: Option<(String, String, Time)>,
}

/// A sign-off as given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignOffRow {
    pub id: SignOffId,
    pub build: BuildId,
    pub author: UserId,
    pub author_name: String,
    pub note: String,
    pub at: Time,
    pub withdrawn_at: Option<Time>,
}

impl VerdictRow {
    /// Whether it still counts, and if not, the word for what ended it.
    pub fn ended(&self) -> Option<&'static str> {
        match (&self.superseded_by, self.withdrawn_at, &self.overruled) {
            (Some(_), ..) => Some("superseded"),
            (None, Some(_), _) => Some("withdrawn"),
            (None, None, Some(_)) => Some("overruled"),
            (None, None, None) => None,
        }
    }
}

const VERDICT: &str = "SELECT v.id, v.build_id, v.kind, v.note, v.author_id, v.author_name, v.environment_id, v.generation, v.at,
        v.withdrawn_at, v.superseded_by, v.plan, v.overruled_at, v.overruled_by_name, v.overrule_reason
     FROM verdicts v";
const SIGN_OFF: &str = "SELECT id, build_id, author_id, author_name, note, at, withdrawn_at FROM sign_offs";

fn verdict(row: &AnyRow) -> Result<VerdictRow, Problem> {
    let kind: String = row.try_get("kind").map_err(internal)?;
    let kind = kind.parse().map_err(internal)?;
    let plan: Option<String> = row.try_get("plan").map_err(internal)?;
    let plan = plan.map(|plan| serde_json::from_str(&plan)).transpose().map_err(internal)?;
    let read = || -> Result<_, sqlx::Error> {
        let by: Option<String> = row.try_get("overruled_by_name")?;
        let reason: Option<String> = row.try_get("overrule_reason")?;
        let at = row.try_get::<Option<i64>, _>("overruled_at")?.map(from_micros);
        Ok(VerdictRow {
            id: VerdictId(row.try_get("id")?),
            build: BuildId(row.try_get("build_id")?),
            kind,
            note: row.try_get("note")?,
            author: UserId(row.try_get("author_id")?),
            author_name: row.try_get("author_name")?,
            environment: row.try_get::<Option<String>, _>("environment_id")?.map(EnvironmentId),
            generation: row.try_get("generation")?,
            at: from_micros(row.try_get("at")?),
            withdrawn_at: row.try_get::<Option<i64>, _>("withdrawn_at")?.map(from_micros),
            superseded_by: row.try_get::<Option<String>, _>("superseded_by")?.map(VerdictId),
            plan,
            overruled: at.map(|at| (by.unwrap_or_default(), reason.unwrap_or_default(), at)),
        })
    };
    read().map_err(internal)
}

fn sign_off(row: &AnyRow) -> Result<SignOffRow, Problem> {
    let read = || -> Result<_, sqlx::Error> {
        Ok(SignOffRow {
            id: SignOffId(row.try_get("id")?),
            build: BuildId(row.try_get("build_id")?),
            author: UserId(row.try_get("author_id")?),
            author_name: row.try_get("author_name")?,
            note: row.try_get("note")?,
            at: from_micros(row.try_get("at")?),
            withdrawn_at: row.try_get::<Option<i64>, _>("withdrawn_at")?.map(from_micros),
        })
    };
    read().map_err(internal)
}

impl Store {
    /// A verdict with the build it was given on.
    ///
    /// # Errors
    /// [`Problem::NotFound`].
    pub async fn verdict(&self, id: &VerdictId) -> Result<VerdictRow, Problem> {
        let mut connection = self.read().acquire().await.map_err(internal)?;
        verdict_in(&mut connection, id).await
    }

    /// A sign-off with its build.
    ///
    /// # Errors
    /// [`Problem::NotFound`].
    pub async fn sign_off(&self, id: &SignOffId) -> Result<SignOffRow, Problem> {
        let mut connection = self.read().acquire().await.map_err(internal)?;
        sign_off_in(&mut connection, id).await
    }

    /// The newest 200 verdicts on a digest, whichever app they were given under.
    ///
    /// # Errors
    /// [`Problem::Internal`].
    pub async fn verdicts_on(&self, digest: &Digest) -> Result<Vec<VerdictRow>, Problem> {
        let sql = sqlx::AssertSqlSafe(format!(
            "{VERDICT} JOIN builds b ON b.id = v.build_id WHERE b.digest = $1 ORDER BY v.at DESC, v.id DESC LIMIT $2"
        ));
        let rows = sqlx::query(sql).bind(digest.as_str()).bind(MOST_SHOWN).fetch_all(self.read()).await.map_err(internal)?;
        rows.iter().map(verdict).collect()
    }

    /// The newest 200 sign-offs of a build.
    ///
    /// # Errors
    /// [`Problem::Internal`].
    pub async fn sign_offs_of(&self, build: &BuildId) -> Result<Vec<SignOffRow>, Problem> {
        let sql = sqlx::AssertSqlSafe(format!("{SIGN_OFF} WHERE build_id = $1 ORDER BY at DESC, id DESC LIMIT $2"));
        let rows = sqlx::query(sql).bind(build.as_str()).bind(MOST_SHOWN).fetch_all(self.read()).await.map_err(internal)?;
        rows.iter().map(sign_off).collect()
    }
}

/// What the standing verdicts on a digest amount to, over every build that has it: the same
/// image under two apps is one digest, so a fail on either quarantines both.
///
/// # Errors
/// [`Problem::Internal`].
pub async fn standing(connection: &mut AnyConnection, digest: &Digest) -> Result<Standing, Problem> {
    let rows = sqlx::query(
        "SELECT v.kind, COUNT(*) AS many FROM verdicts v JOIN builds b ON b.id = v.build_id
         WHERE b.digest = $1 AND v.withdrawn_at IS NULL AND v.overruled_at IS NULL GROUP BY v.kind",
    )
    .bind(digest.as_str())
    .fetch_all(connection)
    .await
    .map_err(internal)?;
    let mut standing = Standing::default();
    for row in rows {
        let kind: String = row.try_get("kind").map_err(internal)?;
        let many = u32::try_from(row.try_get::<i64, _>("many").map_err(internal)?).unwrap_or(u32::MAX);
        match kind.parse::<VerdictKind>().map_err(internal)? {
            VerdictKind::Pass => standing.passes = many,
            VerdictKind::Fail => standing.fails = many,
            VerdictKind::Blocked => standing.blocked = many,
        }
    }
    Ok(standing)
}

/// The passes that stand on a digest, the oldest 200, whichever app they were given under.
///
/// # Errors
/// [`Problem::Internal`].
pub async fn passes(connection: &mut AnyConnection, digest: &Digest) -> Result<Vec<Pass>, Problem> {
    let rows = sqlx::query(
        "SELECT v.author_name, v.at FROM verdicts v JOIN builds b ON b.id = v.build_id
         WHERE b.digest = $1 AND v.kind = 'pass' AND v.withdrawn_at IS NULL AND v.overruled_at IS NULL
         ORDER BY v.at, v.id LIMIT $2",
    );
    let rows = rows.bind(digest.as_str()).bind(MOST_SHOWN).fetch_all(connection).await.map_err(internal)?;
    let pass = |row: &AnyRow| Ok(Pass { name: row.try_get("author_name")?, at: from_micros(row.try_get("at")?) });
    rows.iter().map(pass).collect::<Result<_, sqlx::Error>>().map_err(internal)
}

/// Who signed the build off last, and when, of the sign-offs that stand.
///
/// # Errors
/// [`Problem::Internal`].
pub async fn signed_off(connection: &mut AnyConnection, build: &BuildId) -> Result<Option<SignedOff>, Problem> {
    let row = sqlx::query(
        "SELECT author_name, at FROM sign_offs WHERE build_id = $1 AND withdrawn_at IS NULL ORDER BY at DESC, id DESC LIMIT 1",
    );
    let row = row.bind(build.as_str()).fetch_optional(connection).await.map_err(internal)?;
    let given = |row: AnyRow| Ok(SignedOff { name: row.try_get("author_name")?, at: from_micros(row.try_get("at")?) });
    row.map(given).transpose().map_err(|cause: sqlx::Error| internal(cause))
}

/// The newest release set of an environment in which it ran this build; within it none when it
/// never did, and none at all when there is no such environment.
///
/// # Errors
/// [`Problem::Internal`].
pub async fn environment_ran(tx: &mut Tx, environment: &EnvironmentId, build: &BuildId) -> Result<Option<Option<i64>>, Problem> {
    if !plausible(environment.as_str()) {
        return Ok(None);
    }
    sqlx::query_scalar(
        "SELECT (SELECT MAX(b.generation) FROM environment_set_builds b WHERE b.environment_id = e.id AND b.build_id = $2)
         FROM environments e WHERE e.id = $1",
    )
    .bind(environment.as_str())
    .bind(build.as_str())
    .fetch_optional(&mut **tx)
    .await
    .map_err(internal)
}

/// A verdict, read inside the unit of work that changes it.
///
/// # Errors
/// [`Problem::NotFound`].
pub async fn verdict_in(connection: &mut AnyConnection, id: &VerdictId) -> Result<VerdictRow, Problem> {
    if !plausible(id.as_str()) {
        return Err(missing(Noun::Verdict, id.as_str()));
    }
    let sql = sqlx::AssertSqlSafe(format!("{VERDICT} WHERE v.id = $1"));
    let row = sqlx::query(sql).bind(id.as_str()).fetch_optional(connection).await.map_err(internal)?;
    row.as_ref().map(verdict).transpose()?.ok_or_else(|| missing(Noun::Verdict, id.as_str()))
}

/// A sign-off, read inside the unit of work that changes it.
///
/// # Errors
/// [`Problem::NotFound`].
pub async fn sign_off_in(connection: &mut AnyConnection, id: &SignOffId) -> Result<SignOffRow, Problem> {
    if !plausible(id.as_str()) {
        return Err(missing(Noun::SignOff, id.as_str()));
    }
    let sql = sqlx::AssertSqlSafe(format!("{SIGN_OFF} WHERE id = $1"));
    let row = sqlx::query(sql).bind(id.as_str()).fetch_optional(connection).await.map_err(internal)?;
    row.as_ref().map(sign_off).transpose()?.ok_or_else(|| missing(Noun::SignOff, id.as_str()))
}

/// Adds a verdict.
///
/// # Errors
/// [`Problem::Internal`].
pub async fn insert_verdict(tx: &mut Tx, verdict: &VerdictRow) -> Result<(), Problem> {
    let plan = verdict.plan.as_ref().map(serde_json::to_string).transpose().map_err(internal)?;
    sqlx::query(
        "INSERT INTO verdicts (id, build_id, kind, note, author_id, author_name, environment_id, at, generation, plan)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
    )
    .bind(verdict.id.as_str())
    .bind(verdict.build.as_str())
    .bind(verdict.kind.as_str())
    .bind(verdict.note.as_str())
    .bind(verdict.author.as_str())
    .bind(verdict.author_name.as_str())
    .bind(verdict.environment.as_ref().map(|id| id.as_str().to_owned()))
    .bind(micros(verdict.at))
    .bind(verdict.generation)
    .bind(plan)
    .execute(&mut **tx)
    .await
    .map_err(internal)?;
    Ok(())
}

/// Withdraws what a new verdict takes the place of: the standing ones of its author on the digest,
/// under whichever app, as far as [`VerdictKind::supersedes`] says. Gives their kinds.
///
/// # Errors
/// [`Problem::Internal`].
pub async fn supersede(tx: &mut Tx, by: &VerdictRow, digest: &Digest) -> Result<Vec<VerdictKind>, Problem> {
    let kinds: Vec<VerdictKind> = VerdictKind::ALL.into_iter().filter(|kind| by.kind.supersedes(*kind)).collect();
    let sql = sqlx::AssertSqlSafe(format!(
        "UPDATE verdicts SET withdrawn_at = $1, superseded_by = $2
         WHERE author_id = $3 AND id <> $2 AND withdrawn_at IS NULL AND overruled_at IS NULL
           AND build_id IN (SELECT id FROM builds WHERE digest = $4) AND kind IN ({}) RETURNING kind",
        places(5, kinds.len())
    ));
    let query = sqlx::query_scalar(sql).bind(micros(by.at)).bind(by.id.as_str()).bind(by.author.as_str()).bind(digest.as_str());
    let query = kinds.iter().fold(query, |query, kind| query.bind(kind.as_str()));
    let ended: Vec<String> = query.fetch_all(&mut **tx).await.map_err(internal)?;
    ended.iter().map(|kind| kind.parse().map_err(internal)).collect()
}

/// Marks a standing verdict as withdrawn; false when it did not stand.
///
/// # Errors
/// [`Problem::Internal`].
pub async fn withdraw_verdict(tx: &mut Tx, id: &VerdictId, now: Time) -> Result<bool, Problem> {
    let done =
        sqlx::query("UPDATE verdicts SET withdrawn_at = $1 WHERE id = $2 AND withdrawn_at IS NULL AND overruled_at IS NULL")
            .bind(micros(now))
            .bind(id.as_str())
            .execute(&mut **tx)
            .await
            .map_err(internal)?;
    Ok(done.rows_affected() == 1)
}

/// Marks a standing verdict as overruled; false when it did not stand.
///
/// # Errors
/// [`Problem::Internal`].
pub async fn overrule_verdict(tx: &mut Tx, id: &VerdictId, by: &Person, reason: &str, now: Time) -> Result<bool, Problem> {
    let done = sqlx::query(
        "UPDATE verdicts SET overruled_at = $1, overruled_by_id = $2, overruled_by_name = $3, overrule_reason = $4
         WHERE id = $5 AND withdrawn_at IS NULL AND overruled_at IS NULL",
    )
    .bind(micros(now))
    .bind(by.id.as_str())
    .bind(by.name.as_str())
    .bind(reason)
    .bind(id.as_str())
    .execute(&mut **tx)
    .await
    .map_err(internal)?;
    Ok(done.rows_affected() == 1)
}

/// Adds a sign-off.
///
/// # Errors
/// [`Problem::Exists`] when one by the same person stands on the build.
pub async fn insert_sign_off(tx: &mut Tx, row: &SignOffRow) -> Result<(), Problem> {
    let added =
        sqlx::query("INSERT INTO sign_offs (id, build_id, author_id, author_name, note, at) VALUES ($1, $2, $3, $4, $5, $6)")
            .bind(row.id.as_str())
            .bind(row.build.as_str())
            .bind(row.author.as_str())
            .bind(row.author_name.as_str())
            .bind(row.note.as_str())
            .bind(micros(row.at))
            .execute(&mut **tx)
            .await;
    match added {
        Ok(_) => Ok(()),
        Err(error) if is_taken(&error) => Err(Problem::Exists { what: Noun::SignOff, name: row.author_name.clone() }),
        Err(error) => Err(internal(error)),
    }
}

/// Marks a standing sign-off as withdrawn; false when it did not stand.
///
/// # Errors
/// [`Problem::Internal`].
pub async fn withdraw_sign_off(tx: &mut Tx, id: &SignOffId, now: Time) -> Result<bool, Problem> {
    let done = sqlx::query("UPDATE sign_offs SET withdrawn_at = $1 WHERE id = $2 AND withdrawn_at IS NULL")
        .bind(micros(now))
        .bind(id.as_str())
        .execute(&mut **tx)
        .await
        .map_err(internal)?;
    Ok(done.rows_affected() == 1)
}
