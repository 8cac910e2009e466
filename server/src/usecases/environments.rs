//! Test environments: launch, look, stop.

use crate::ctx::Ctx;
use app::view::{EnvironmentRow, EnvironmentView, LaunchInput, Page, Paging};
use domain::id::EnvironmentId;
use domain::{Action, Actor, Problem};

pub async fn environments(_ctx: &Ctx, actor: &Actor, _all: bool, _paging: Paging) -> Result<Page<EnvironmentRow>, Problem> {
    actor.require(Action::Read)?;
    Err(Problem::Busy)
}

pub async fn environment(_ctx: &Ctx, actor: &Actor, _id: &EnvironmentId) -> Result<EnvironmentView, Problem> {
    actor.require(Action::Read)?;
    Err(Problem::Busy)
}

pub async fn launch_environment(_ctx: &Ctx, actor: &Actor, _input: LaunchInput) -> Result<EnvironmentId, Problem> {
    actor.require(Action::LaunchEnvironment)?;
    Err(Problem::Busy)
}

pub async fn stop_environment(_ctx: &Ctx, actor: &Actor, _id: &EnvironmentId) -> Result<(), Problem> {
    actor.require(Action::StopEnvironment)?;
    Err(Problem::Busy)
}

pub async fn log_tail(
    _ctx: &Ctx,
    actor: &Actor,
    _id: &EnvironmentId,
    _service: &str,
    _lines: u32,
) -> Result<Vec<String>, Problem> {
    actor.require(Action::Read)?;
    Err(Problem::Busy)
}
