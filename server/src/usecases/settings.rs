//! The configuration: apply, export, show.

use crate::ctx::Ctx;
use app::view::SettingsView;
use domain::{Action, Actor, Problem};

pub async fn settings(_ctx: &Ctx, actor: &Actor) -> Result<SettingsView, Problem> {
    actor.require(Action::Read)?;
    Err(Problem::Busy)
}
