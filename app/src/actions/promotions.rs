//! Promotions and rollbacks.

use super::{UiError, go, some};
use crate::context::{Done, Notice, UiContext};
use crate::view::{BookingInput, Confirmation, GlassInput, PromotionInput, RollbackInput};
use domain::Problem;
use domain::canary::{MOST_LABEL, Shape, Terms};
use domain::id::{BuildId, PromotionId};
use domain::problem::Fault;
use domain::rollout::waves::WaveStart;
use leptos::prelude::*;

pub(super) fn confirmation(app: String, password: String) -> Confirmation {
    Confirmation { app, password: (!password.is_empty()).then_some(password) }
}

/// A canary's terms as a form sends them.
fn terms(shape: &str, replicas: u32, port_label: &str, hours: u32) -> Result<Terms, Problem> {
    let shape = match shape {
        "" => Shape::Share,
        word => word.parse().map_err(|why| Problem::invalid("shape", why))?,
    };
    let label = some(port_label.to_owned()).map(|label| label.parse());
    let range = |_| Problem::invalid("port_label", Fault::OutOfRange { least: 1, most: i64::from(MOST_LABEL) });
    Ok(Terms { shape, replicas, port_label: label.transpose().map_err(range)?, hours })
}

/// `waves` are the regions that begin a wave of their own; each waits for the same.
#[server(prefix = "/do", endpoint = "promotions/request")]
#[allow(clippy::too_many_arguments, reason = "one for each field of the form")]
pub async fn request_promotion(
    build: BuildId,
    #[server(default)] regions: Vec<String>,
    #[server(default)] reason: String,
    #[server(default)] waves: Vec<String>,
    #[server(default)] soak_minutes: Option<u32>,
    #[server(default)] look: bool,
    #[server(default)] by_itself: bool,
    #[server(default)] not_before: String,
    #[server(default)] app: String,
    #[server(default)] password: String,
    #[server(default)] canary: bool,
    #[server(default)] shape: String,
    #[server(default)] replicas: u32,
    #[server(default)] hours: u32,
    #[server(default)] port_label: String,
) -> Result<(), UiError> {
    let (port, actor, _) = UiContext::acting()?;
    let terms = || terms(&shape, replicas, &port_label, hours);
    let canary = canary.then(terms).transpose()?;
    let soak_minutes = soak_minutes.unwrap_or(0);
    let waves = waves.into_iter().map(|from| WaveStart { from, soak_minutes, look }).collect();
    let booked = || BookingInput { not_before: some(not_before), confirmation: confirmation(app, password) };
    let booking = by_itself.then(booked);
    let id = port.request_promotion(&actor, PromotionInput { build, regions, reason, waves, booking, canary }).await?;
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
    port.start_promotion(&actor, &id, confirmation(app, password)).await?;
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

#[server(prefix = "/do", endpoint = "promotions/pause")]
pub async fn pause_promotion(id: PromotionId) -> Result<(), UiError> {
    let (port, actor, after) = UiContext::acting()?;
    port.pause_promotion(&actor, &id).await?;
    after.leave(Notice::Done(Done::Paused));
    Ok(())
}

#[server(prefix = "/do", endpoint = "promotions/resume")]
pub async fn resume_promotion(id: PromotionId) -> Result<(), UiError> {
    let (port, actor, after) = UiContext::acting()?;
    port.resume_promotion(&actor, &id).await?;
    after.leave(Notice::Done(Done::Resumed));
    Ok(())
}

#[server(prefix = "/do", endpoint = "promotions/abort")]
pub async fn abort_promotion(id: PromotionId, #[server(default)] reason: String) -> Result<(), UiError> {
    let (port, actor, after) = UiContext::acting()?;
    port.abort_promotion(&actor, &id, reason).await?;
    after.leave(Notice::Done(Done::Aborted));
    Ok(())
}

#[server(prefix = "/do", endpoint = "promotions/reject")]
pub async fn reject_promotion(id: PromotionId, #[server(default)] reason: String) -> Result<(), UiError> {
    let (port, actor, after) = UiContext::acting()?;
    port.reject_promotion(&actor, &id, reason).await?;
    after.leave(Notice::Done(Done::Rejected));
    Ok(())
}

#[server(prefix = "/do", endpoint = "promotions/book")]
pub async fn book_promotion(
    id: PromotionId,
    #[server(default)] not_before: String,
    #[server(default)] app: String,
    #[server(default)] password: String,
) -> Result<(), UiError> {
    let (port, actor, after) = UiContext::acting()?;
    let input = BookingInput { not_before: some(not_before), confirmation: confirmation(app, password) };
    port.book_promotion(&actor, &id, input).await?;
    after.leave(Notice::Done(Done::Booked));
    Ok(())
}

#[server(prefix = "/do", endpoint = "promotions/unbook")]
pub async fn unbook_promotion(id: PromotionId) -> Result<(), UiError> {
    let (port, actor, after) = UiContext::acting()?;
    port.unbook_promotion(&actor, &id).await?;
    after.leave(Notice::Done(Done::Unbooked));
    Ok(())
}

#[server(prefix = "/do", endpoint = "promotions/exempt")]
pub async fn exempt_from_freeze(id: PromotionId, #[server(default)] reason: String) -> Result<(), UiError> {
    let (port, actor, after) = UiContext::acting()?;
    port.exempt_from_freeze(&actor, &id, reason).await?;
    after.leave(Notice::Done(Done::Exempted));
    Ok(())
}

#[server(prefix = "/do", endpoint = "promotions/break-glass")]
pub async fn break_glass(
    id: PromotionId,
    #[server(default)] reason: String,
    #[server(default)] app: String,
    #[server(default)] password: String,
) -> Result<(), UiError> {
    let (port, actor, after) = UiContext::acting()?;
    port.break_glass(&actor, &id, GlassInput { reason, confirmation: confirmation(app, password) }).await?;
    after.leave(Notice::Done(Done::Started));
    Ok(())
}

#[server(prefix = "/do", endpoint = "promotions/review")]
pub async fn review_glass(id: PromotionId, #[server(default)] note: String) -> Result<(), UiError> {
    let (port, actor, after) = UiContext::acting()?;
    port.review_glass(&actor, &id, note).await?;
    after.leave(Notice::Done(Done::Reviewed));
    Ok(())
}

/// `typed` is the app's name as the person typed it; `app` is the one the page is about, and
/// `to` the digest that it offered. `withdraw_canary` is `true` where the page said that one is there.
#[server(prefix = "/do", endpoint = "regions/roll-back")]
pub async fn roll_back(
    app: String,
    region: String,
    #[server(default)] reason: String,
    #[server(default)] to: String,
    #[server(default)] withdraw_canary: bool,
    #[server(default)] typed: String,
    #[server(default)] password: String,
) -> Result<(), UiError> {
    let (port, actor, _) = UiContext::acting()?;
    let to = some(to).map(|to| to.parse()).transpose().map_err(|why| Problem::invalid("to", why))?;
    let confirmation =
        Confirmation { app: some(typed).unwrap_or_default(), password: (!password.is_empty()).then_some(password) };
    let id = port.roll_back(&actor, RollbackInput { app, region, reason, to, withdraw_canary, confirmation }).await?;
    go(&format!("/promotions/{id}"));
    Ok(())
}
