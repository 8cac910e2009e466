//! Builds: listing and looking.

use crate::ctx::Ctx;
use app::view::{AppView, BuildFilter, BuildRow, BuildView, Page, Paging};
use domain::id::BuildId;
use domain::{Action, Actor, Problem};

pub async fn apps(_ctx: &Ctx, actor: &Actor) -> Result<Vec<AppView>, Problem> {
    actor.require(Action::Read)?;
    Err(Problem::Busy)
}

pub async fn builds(_ctx: &Ctx, actor: &Actor, _filter: BuildFilter, _paging: Paging) -> Result<Page<BuildRow>, Problem> {
    actor.require(Action::Read)?;
    Err(Problem::Busy)
}

pub async fn build(_ctx: &Ctx, actor: &Actor, _id: &BuildId) -> Result<BuildView, Problem> {
    actor.require(Action::Read)?;
    Err(Problem::Busy)
}
