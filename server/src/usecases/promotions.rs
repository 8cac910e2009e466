//! Promotions: request, approve, start, cancel, roll back.

use crate::ctx::Ctx;
use app::view::{Confirmation, Page, Paging, PromotionInput, PromotionRow, PromotionView, RollbackInput};
use domain::id::PromotionId;
use domain::promotion::PromotionState;
use domain::{Action, Actor, Problem};

pub async fn promotions(
    _ctx: &Ctx,
    actor: &Actor,
    _state: Option<PromotionState>,
    _paging: Paging,
) -> Result<Page<PromotionRow>, Problem> {
    actor.require(Action::Read)?;
    Err(Problem::Busy)
}

pub async fn promotion(_ctx: &Ctx, actor: &Actor, _id: &PromotionId) -> Result<PromotionView, Problem> {
    actor.require(Action::Read)?;
    Err(Problem::Busy)
}

pub async fn request_promotion(_ctx: &Ctx, actor: &Actor, _input: PromotionInput) -> Result<PromotionId, Problem> {
    actor.require(Action::RequestPromotion)?;
    Err(Problem::Busy)
}

pub async fn approve_promotion(_ctx: &Ctx, actor: &Actor, _id: &PromotionId) -> Result<(), Problem> {
    actor.require(Action::ApprovePromotion)?;
    Err(Problem::Busy)
}

pub async fn start_promotion(_ctx: &Ctx, actor: &Actor, _id: &PromotionId, _confirmation: Confirmation) -> Result<(), Problem> {
    actor.require(Action::StartPromotion)?;
    Err(Problem::Busy)
}

pub async fn cancel_promotion(_ctx: &Ctx, actor: &Actor, _id: &PromotionId, _reason: String) -> Result<(), Problem> {
    actor.require(Action::CancelPromotion)?;
    Err(Problem::Busy)
}

pub async fn roll_back(_ctx: &Ctx, actor: &Actor, _input: RollbackInput) -> Result<PromotionId, Problem> {
    actor.require(Action::RollBack)?;
    Err(Problem::Busy)
}
