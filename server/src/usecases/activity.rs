//! The audit record, read.

use crate::ctx::Ctx;
use app::view::{AuditRow, Page, Paging};
use domain::{Action, Actor, Problem};

pub async fn activity(_ctx: &Ctx, actor: &Actor, _app: Option<String>, _paging: Paging) -> Result<Page<AuditRow>, Problem> {
    actor.require(Action::Read)?;
    Err(Problem::Busy)
}
