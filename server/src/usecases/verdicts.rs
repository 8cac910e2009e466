//! Verdicts and sign-offs: what people decide about a digest.

use crate::ctx::Ctx;
use app::view::VerdictInput;
use domain::id::{BuildId, SignOffId, VerdictId};
use domain::{Action, Actor, Problem};

pub async fn record_verdict(_ctx: &Ctx, actor: &Actor, _input: VerdictInput) -> Result<VerdictId, Problem> {
    actor.require(Action::RecordVerdict)?;
    Err(Problem::Busy)
}

pub async fn withdraw_verdict(_ctx: &Ctx, actor: &Actor, _id: &VerdictId) -> Result<(), Problem> {
    actor.require(Action::WithdrawVerdict)?;
    Err(Problem::Busy)
}

pub async fn overrule_verdict(_ctx: &Ctx, actor: &Actor, _id: &VerdictId, _reason: String) -> Result<(), Problem> {
    actor.require(Action::OverruleVerdict)?;
    Err(Problem::Busy)
}

pub async fn sign_off(_ctx: &Ctx, actor: &Actor, _build: &BuildId, _note: String) -> Result<SignOffId, Problem> {
    actor.require(Action::SignOff)?;
    Err(Problem::Busy)
}

pub async fn withdraw_sign_off(_ctx: &Ctx, actor: &Actor, _id: &SignOffId) -> Result<(), Problem> {
    actor.require(Action::SignOff)?;
    Err(Problem::Busy)
}
