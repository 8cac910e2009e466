//! API tokens.

use crate::ctx::Ctx;
use app::view::NewSecret;
use domain::id::TokenId;
use domain::{Action, Actor, Problem, Role};

pub async fn add_token(_ctx: &Ctx, actor: &Actor, _name: String, _owner: String, _role: Role) -> Result<NewSecret, Problem> {
    actor.require(Action::ManageTokens)?;
    Err(Problem::Busy)
}

pub async fn revoke_token(_ctx: &Ctx, actor: &Actor, _id: &TokenId) -> Result<(), Problem> {
    actor.require(Action::ManageTokens)?;
    Err(Problem::Busy)
}
