//! Hooks: who may deliver.

use crate::ctx::Ctx;
use app::view::NewSecret;
use domain::id::HookId;
use domain::{Action, Actor, Problem};

pub async fn add_hook(_ctx: &Ctx, actor: &Actor, _name: String, _source: String) -> Result<NewSecret, Problem> {
    actor.require(Action::ManageHooks)?;
    Err(Problem::Busy)
}

pub async fn revoke_hook(_ctx: &Ctx, actor: &Actor, _id: &HookId) -> Result<(), Problem> {
    actor.require(Action::ManageHooks)?;
    Err(Problem::Busy)
}
