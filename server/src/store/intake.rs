//! Hooks and deliveries.

use crate::clock::from_micros;
use crate::store::{Store, internal};
use app::view::HookView;
use domain::Problem;
use sqlx::Row;

impl Store {
    /// Every hook, the revoked ones last, with the time of its last delivery.
    ///
    /// # Errors
    /// [`Problem::Internal`].
    pub async fn hooks(&self) -> Result<Vec<HookView>, Problem> {
        let rows = sqlx::query(
            "SELECT h.id, h.name, h.source, h.created_at, h.revoked_at,
                    (SELECT MAX(d.received_at) FROM deliveries d WHERE d.hook_id = h.id) AS last_at
             FROM hooks h ORDER BY CASE WHEN h.revoked_at IS NULL THEN 0 ELSE 1 END, h.name LIMIT 500",
        )
        .fetch_all(self.read())
        .await
        .map_err(internal)?;
        rows.iter().map(hook_view).collect::<Result<_, sqlx::Error>>().map_err(internal)
    }
}

fn hook_view(row: &sqlx::any::AnyRow) -> Result<HookView, sqlx::Error> {
    Ok(HookView {
        id: row.try_get::<String, _>("id")?.into(),
        name: row.try_get("name")?,
        source: row.try_get("source")?,
        created_at: from_micros(row.try_get("created_at")?),
        last_delivery_at: row.try_get::<Option<i64>, _>("last_at")?.map(from_micros),
        revoked_at: row.try_get::<Option<i64>, _>("revoked_at")?.map(from_micros),
    })
}
