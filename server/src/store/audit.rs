//! The audit record, read.

use crate::clock::{from_micros, micros};
use crate::store::{Cursor, Store, internal};
use app::view::AuditRow;
use domain::Problem;
use domain::id::AuditId;
use sqlx::Row;
use sqlx::any::AnyRow;

impl Store {
    /// Rows of the record before a place in the list, the newest first.
    ///
    /// # Errors
    /// [`Problem::Internal`].
    pub async fn audit_rows(&self, app: Option<&str>, before: &Cursor, most: i64) -> Result<Vec<AuditRow>, Problem> {
        const ROWS: &str =
            "SELECT id, at, actor, action, subject_kind, subject, app, detail FROM audit WHERE (at, id) < ($1, $2)";
        let only = if app.is_some() { " AND app = $4" } else { "" };
        let sql = sqlx::AssertSqlSafe(format!("{ROWS}{only} ORDER BY at DESC, id DESC LIMIT $3"));
        let asked = sqlx::query(sql).bind(micros(before.at)).bind(before.id.as_str()).bind(most);
        let asked = if let Some(app) = app { asked.bind(app) } else { asked };
        let rows = asked.fetch_all(self.read()).await.map_err(internal)?;
        rows.iter().map(audit_row).collect::<Result<_, sqlx::Error>>().map_err(internal)
    }
}

fn audit_row(row: &AnyRow) -> Result<AuditRow, sqlx::Error> {
    Ok(AuditRow {
        id: AuditId(row.try_get("id")?),
        at: from_micros(row.try_get("at")?),
        actor: row.try_get("actor")?,
        action: row.try_get("action")?,
        subject_kind: row.try_get("subject_kind")?,
        subject: row.try_get("subject")?,
        app: row.try_get("app")?,
        detail: row.try_get("detail")?,
    })
}
