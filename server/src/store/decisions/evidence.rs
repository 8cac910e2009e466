//! Files beside verdicts: what is known of them. Their bytes are in [`crate::evidence`].

use crate::clock::{from_micros, micros};
use crate::store::{Store, Tx, internal, plausible};
use app::view::EvidenceView;
use domain::evidence::EvidenceKind;
use domain::id::{EvidenceId, VerdictId};
use domain::{Digest, Problem};
use sqlx::Row;
use sqlx::any::AnyRow;
use std::collections::HashMap;

/// Files shown with the verdicts on one digest.
const MOST_SHOWN: i64 = 2000;

const EVIDENCE: &str = "SELECT e.id, e.verdict_id, e.name, e.kind, e.bytes, e.hash, e.added_at FROM evidence e";

/// A file, and the hash that its bytes are found by.
#[derive(Clone, Debug, PartialEq)]
pub struct EvidenceRow {
    pub view: EvidenceView,
    pub hash: String,
}

fn evidence(row: &AnyRow) -> Result<EvidenceRow, Problem> {
    let kind: String = row.try_get("kind").map_err(internal)?;
    let kind = EvidenceKind::from_word(&kind).ok_or_else(|| internal(format!("no kind of evidence: {kind}")))?;
    let read = || -> Result<_, sqlx::Error> {
        Ok(EvidenceRow {
            view: EvidenceView {
                id: EvidenceId(row.try_get("id")?),
                name: row.try_get("name")?,
                kind,
                bytes: row.try_get("bytes")?,
                at: from_micros(row.try_get("added_at")?),
            },
            hash: row.try_get("hash")?,
        })
    };
    read().map_err(internal)
}

impl Store {
    /// One file; none when there is no such file.
    ///
    /// # Errors
    /// [`Problem::Internal`].
    pub async fn evidence(&self, id: &EvidenceId) -> Result<Option<EvidenceRow>, Problem> {
        if !plausible(id.as_str()) {
            return Ok(None);
        }
        let sql = sqlx::AssertSqlSafe(format!("{EVIDENCE} WHERE e.id = $1"));
        let row = sqlx::query(sql).bind(id.as_str()).fetch_optional(self.read()).await.map_err(internal)?;
        row.as_ref().map(evidence).transpose()
    }

    /// The files of every verdict on a digest, in the order in which they came.
    ///
    /// # Errors
    /// [`Problem::Internal`].
    pub async fn evidence_on(&self, digest: &Digest) -> Result<HashMap<VerdictId, Vec<EvidenceView>>, Problem> {
        let sql = sqlx::AssertSqlSafe(format!(
            "{EVIDENCE} JOIN verdicts v ON v.id = e.verdict_id JOIN builds b ON b.id = v.build_id
             WHERE b.digest = $1 ORDER BY e.added_at, e.place, e.id LIMIT $2"
        ));
        let rows = sqlx::query(sql).bind(digest.as_str()).bind(MOST_SHOWN).fetch_all(self.read()).await.map_err(internal)?;
        let mut found: HashMap<VerdictId, Vec<EvidenceView>> = HashMap::new();
        for row in &rows {
            let verdict = VerdictId(row.try_get("verdict_id").map_err(internal)?);
            found.entry(verdict).or_default().push(evidence(row)?.view);
        }
        Ok(found)
    }

    /// Bytes of all files together.
    ///
    /// # Errors
    /// [`Problem::Internal`].
    pub async fn evidence_bytes(&self) -> Result<u64, Problem> {
        let sum: i64 = sqlx::query_scalar("SELECT CAST(COALESCE(SUM(bytes), 0) AS BIGINT) FROM evidence")
            .fetch_one(self.read())
            .await
            .map_err(internal)?;
        Ok(u64::try_from(sum).unwrap_or_default())
    }
}

/// How many files a verdict has.
///
/// # Errors
/// [`Problem::Internal`].
pub async fn count(tx: &mut Tx, verdict: &VerdictId) -> Result<usize, Problem> {
    let count: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM evidence WHERE verdict_id = $1")
        .bind(verdict.as_str())
        .fetch_one(&mut **tx)
        .await
        .map_err(internal)?;
    Ok(usize::try_from(count).unwrap_or(usize::MAX))
}

/// Puts a file beside a verdict, at its place among those that came with it.
///
/// # Errors
/// [`Problem::Internal`].
pub async fn insert(tx: &mut Tx, verdict: &VerdictId, row: &EvidenceRow, place: usize) -> Result<(), Problem> {
    sqlx::query(
        "INSERT INTO evidence (id, verdict_id, name, kind, bytes, hash, added_at, place) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
    )
    .bind(row.view.id.as_str())
    .bind(verdict.as_str())
    .bind(row.view.name.as_str())
    .bind(row.view.kind.as_str())
    .bind(row.view.bytes)
    .bind(row.hash.as_str())
    .bind(micros(row.view.at))
    .bind(i64::try_from(place).unwrap_or(i64::MAX))
    .execute(&mut **tx)
    .await
    .map_err(internal)?;
    Ok(())
}
