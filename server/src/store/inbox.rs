//! Deliveries, read for people.

use crate::clock::{from_micros, micros};
use crate::store::intake::Thing;
use crate::store::{Cursor, Store, internal};
use app::view::{DeliveryFilter, DeliveryRow};
use domain::Problem;
use domain::id::DeliveryId;
use sqlx::Row;
use sqlx::any::AnyRow;

const ROW: &str = "d.id, d.received_at, d.state, d.reasons, d.produced, h.id AS hook_id, h.name AS hook_name, h.source";

/// A delivery with its body.
#[derive(Clone, Debug)]
pub struct Whole {
    pub row: DeliveryRow,
    pub headers: String,
    pub body: Vec<u8>,
    pub length: i64,
    pub repeats: Option<DeliveryId>,
    pub attempts: i64,
}

impl Store {
    /// Deliveries before a place in the list, the newest first.
    ///
    /// # Errors
    /// [`Problem::Internal`].
    pub async fn deliveries(&self, filter: &DeliveryFilter, before: &Cursor, most: i64) -> Result<Vec<DeliveryRow>, Problem> {
        let mut narrow = String::new();
        if filter.hook.is_some() {
            narrow.push_str(" AND d.hook_id = $4");
        }
        if filter.state.is_some() {
            narrow.push_str(if filter.hook.is_some() { " AND d.state = $5" } else { " AND d.state = $4" });
        }
        let sql = format!(
            "SELECT {ROW} FROM deliveries d JOIN hooks h ON h.id = d.hook_id
             WHERE (d.received_at, d.id) < ($1, $2){narrow} ORDER BY d.received_at DESC, d.id DESC LIMIT $3"
        );
        let query = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(micros(before.at)).bind(before.id.as_str()).bind(most);
        let parts = [filter.hook.as_deref(), filter.state.as_deref()];
        let query = parts.into_iter().flatten().fold(query, |query, part| query.bind(part));
        let rows = query.fetch_all(self.read()).await.map_err(internal)?;
        rows.iter().map(delivery_row).collect::<Result<_, sqlx::Error>>().map_err(internal)
    }

    /// A delivery with its body.
    ///
    /// # Errors
    /// [`Problem::Internal`].
    pub async fn delivery(&self, id: &DeliveryId) -> Result<Option<Whole>, Problem> {
        let sql = format!(
            "SELECT {ROW}, d.headers, d.body, d.length, d.repeats, d.attempts
             FROM deliveries d JOIN hooks h ON h.id = d.hook_id WHERE d.id = $1"
        );
        let row = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(id.as_str()).fetch_optional(self.read()).await.map_err(internal)?;
        row.as_ref().map(whole).transpose().map_err(internal)
    }
}

fn whole(row: &AnyRow) -> Result<Whole, sqlx::Error> {
    let body: Vec<u8> = row.try_get("body")?;
    // Rows from before lengths were kept hold their whole body.
    let length = row.try_get::<i64, _>("length")?.max(i64::try_from(body.len()).unwrap_or(i64::MAX));
    Ok(Whole {
        row: delivery_row(row)?,
        headers: row.try_get("headers")?,
        body,
        length,
        repeats: row.try_get::<Option<String>, _>("repeats")?.map(DeliveryId),
        attempts: row.try_get("attempts")?,
    })
}

fn delivery_row(row: &AnyRow) -> Result<DeliveryRow, sqlx::Error> {
    let json = |name: &str| row.try_get::<String, _>(name);
    let bad = |error: serde_json::Error| sqlx::Error::Decode(Box::new(error));
    let things: Vec<Thing> = serde_json::from_str(&json("produced")?).map_err(bad)?;
    let (mut builds, mut runs) = (Vec::new(), Vec::new());
    for thing in things {
        match thing {
            Thing::Build(id) => builds.push(id),
            Thing::Run(id) => runs.push(id),
        }
    }
    Ok(DeliveryRow {
        id: row.try_get::<String, _>("id")?.into(),
        hook: row.try_get::<String, _>("hook_id")?.into(),
        hook_name: row.try_get("hook_name")?,
        source: row.try_get("source")?,
        received_at: from_micros(row.try_get("received_at")?),
        state: row.try_get("state")?,
        reasons: serde_json::from_str(&json("reasons")?).map_err(bad)?,
        builds,
        runs,
    })
}
