//! What a lead says to a canary. `typed` is the app's name as they typed it.

use super::{UiError, some};
use crate::context::{Done, Notice, UiContext};
use crate::view::{Confirmation, ExtendInput, WithdrawInput};
use domain::id::PromotionId;
use leptos::prelude::*;

#[server(prefix = "/do", endpoint = "canaries/withdraw")]
pub async fn withdraw_canary(
    id: PromotionId,
    #[server(default)] reason: String,
    #[server(default)] typed: String,
    #[server(default)] password: String,
) -> Result<(), UiError> {
    let (port, actor, after) = UiContext::acting()?;
    let password = (!password.is_empty()).then_some(password);
    let confirmation = Confirmation { app: some(typed).unwrap_or_default(), password };
    port.withdraw_canary(&actor, &id, WithdrawInput { reason, confirmation }).await?;
    after.leave(Notice::Done(Done::CanaryWithdrawn));
    Ok(())
}

#[server(prefix = "/do", endpoint = "canaries/extend")]
pub async fn extend_canary(id: PromotionId, hours: u32, #[server(default)] reason: String) -> Result<(), UiError> {
    let (port, actor, after) = UiContext::acting()?;
    port.extend_canary(&actor, &id, ExtendInput { hours, reason }).await?;
    after.leave(Notice::Done(Done::CanaryExtended));
    Ok(())
}
