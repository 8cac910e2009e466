//! What the regions run.

use crate::ctx::Ctx;
use app::view::{Counts, RegionBoard};
use domain::{Action, Actor, Problem};

pub async fn counts(_ctx: &Ctx, actor: &Actor) -> Result<Counts, Problem> {
    actor.require(Action::Read)?;
    Err(Problem::Busy)
}

pub async fn regions(_ctx: &Ctx, actor: &Actor) -> Result<RegionBoard, Problem> {
    actor.require(Action::Read)?;
    Err(Problem::Busy)
}
