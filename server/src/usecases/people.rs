//! Users, passwords and sessions.

use crate::ctx::Ctx;
use domain::id::UserId;
use domain::{Action, Actor, Problem, Role};

pub async fn add_user(_ctx: &Ctx, actor: &Actor, _name: String, _role: Role, _password: String) -> Result<UserId, Problem> {
    actor.require(Action::ManagePeople)?;
    Err(Problem::Busy)
}

pub async fn change_role(_ctx: &Ctx, actor: &Actor, _id: &UserId, _role: Role) -> Result<(), Problem> {
    actor.require(Action::ManagePeople)?;
    Err(Problem::Busy)
}

pub async fn set_disabled(_ctx: &Ctx, actor: &Actor, _id: &UserId, _disabled: bool) -> Result<(), Problem> {
    actor.require(Action::ManagePeople)?;
    Err(Problem::Busy)
}

pub async fn reset_password(_ctx: &Ctx, actor: &Actor, _id: &UserId, _password: String) -> Result<(), Problem> {
    actor.require(Action::ManagePeople)?;
    Err(Problem::Busy)
}

pub async fn change_own_password(_ctx: &Ctx, actor: &Actor, _old: String, _new: String) -> Result<(), Problem> {
    actor.require(Action::KeepOwnAccount)?;
    Err(Problem::Busy)
}
