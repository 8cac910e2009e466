//! Promotions and rollbacks.

use super::{UiError, go, some};
use crate::context::{Done, Notice, UiContext};
use crate::view::{Confirmation, PromotionInput, RollbackInput};
use domain::Problem;
use domain::id::{BuildId, PromotionId};
use leptos::prelude::*;

#[server(prefix = "/do", endpoint = "promotions/request")]
pub async fn request_promotion(
    build: BuildId,
    #[server(default)] regions: Vec<String>,
    #[server(default)] reason: String,
) -> Result<(), UiError> {
    let (port, actor, _) = UiContext::acting()?;
    let id = port.request_promotion(&actor, PromotionInput { build, regions, reason }).await?;
    go(&format!("/promotions/{id}"));
    Ok(())
}

#[server(prefix = "/do", endpoint = "promotions/approve")]
pub async fn approve_promotion(id: PromotionId) -> Result<(), UiError> {
    let (port, actor, after) = UiContext::acting()?;
    port.approve_promotion(&actor, &id).await?;
    after.leave(Notice::Done(Done::Approved));
    Ok(())
}

#[server(prefix = "/do", endpoint = "promotions/start")]
pub async fn start_promotion(
    id: PromotionId,
    #[server(default)] app: String,
    #[server(default)] password: String,
) -> Result<(), UiError> {
    let (port, actor, after) = UiContext::acting()?;
    let password = (!password.is_empty()).then_some(password);
    port.start_promotion(&actor, &id, Confirmation { app, password }).await?;
    after.leave(Notice::Done(Done::Started));
    Ok(())
}

#[server(prefix = "/do", endpoint = "promotions/cancel")]
pub async fn cancel_promotion(id: PromotionId, #[server(default)] reason: String) -> Result<(), UiError> {
    let (port, actor, after) = UiContext::acting()?;
    port.cancel_promotion(&actor, &id, reason).await?;
    after.leave(Notice::Done(Done::Cancelled));
    Ok(())
}

/// `typed` is the app's name as the person typed it; `app` is the one the page is about, and
/// `to` the digest that it offered.
#[server(prefix = "/do", endpoint = "regions/roll-back")]
pub async fn roll_back(
    app: String,
    region: String,
    #[server(default)] reason: String,
    #[server(default)] to: String,
    #[server(default)] typed: String,
    #[server(default)] password: String,
) -> Result<(), UiError> {
    let (port, actor, _) = UiContext::acting()?;
    let to = some(to).map(|to| to.parse()).transpose().map_err(|why| Problem::invalid("to", why))?;
    let confirmation =
        Confirmation { app: some(typed).unwrap_or_default(), password: (!password.is_empty()).then_some(password) };
    let id = port.roll_back(&actor, RollbackInput { app, region, reason, to, confirmation }).await?;
    go(&format!("/promotions/{id}"));
    Ok(())
}
