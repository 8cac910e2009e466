//! The audit record, read.

use crate::ctx::Ctx;
use crate::store::{Cursor, page_of, page_size};
use app::view::{AuditRow, Page, Paging};
use domain::{Action, Actor, Problem};

/// Who did what, the newest first; of one app when it is named.
///
/// # Errors
/// [`Problem::Forbidden`], [`Problem::Invalid`] for the cursor.
pub async fn activity(ctx: &Ctx, actor: &Actor, app: Option<String>, paging: Paging) -> Result<Page<AuditRow>, Problem> {
    actor.require(Action::Read)?;
    let (before, size) = (Cursor::parse(paging.cursor.as_deref())?, page_size(paging.limit));
    let app = app.as_deref().map(str::trim).filter(|app| !app.is_empty());
    if app.is_some_and(|app| !domain::config::valid_name(app)) {
        return Ok(Page { items: Vec::new(), next: None });
    }
    let rows = ctx.store.audit_rows(app, &before, size + 1).await?;
    Ok(page_of(rows, size, |row| Cursor::text(row.at, row.id.as_str())))
}
