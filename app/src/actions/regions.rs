//! What was changed by hand in a region, its secrets, and contingency plans. `typed` is the app's name as the
//! person typed it; `app` is the one the page is about.

use super::{UiError, go, some};
use crate::context::{Done, Notice, UiContext};
use crate::view::{AdoptInput, Confirmation, CorrectInput, PlanInput};
use leptos::prelude::*;

fn confirmation(typed: String, password: String) -> Confirmation {
    Confirmation { app: some(typed).unwrap_or_default(), password: (!password.is_empty()).then_some(password) }
}

#[server(prefix = "/do", endpoint = "regions/correct")]
pub async fn correct_drift(
    app: String,
    region: String,
    #[server(default)] reason: String,
    #[server(default)] typed: String,
    #[server(default)] password: String,
) -> Result<(), UiError> {
    let (port, actor, _) = UiContext::acting()?;
    let input = CorrectInput { reason, confirmation: confirmation(typed, password) };
    let id = port.correct_drift(&actor, &region, &app, input).await?;
    go(&format!("/promotions/{id}"));
    Ok(())
}

/// `replicas` is the number that the page showed.
#[server(prefix = "/do", endpoint = "regions/adopt")]
pub async fn adopt_drift(
    app: String,
    region: String,
    replicas: u32,
    #[server(default)] reason: String,
    #[server(default)] typed: String,
    #[server(default)] password: String,
) -> Result<(), UiError> {
    let (port, actor, _) = UiContext::acting()?;
    let input = AdoptInput { replicas, reason, confirmation: confirmation(typed, password) };
    let id = port.adopt_drift(&actor, &region, &app, input).await?;
    go(&format!("/promotions/{id}"));
    Ok(())
}

#[server(prefix = "/do", endpoint = "region-secrets/set")]
pub async fn set_region_secret(
    region: String,
    app: String,
    name: String,
    #[server(default)] value: String,
) -> Result<(), UiError> {
    let (port, actor, after) = UiContext::acting()?;
    port.set_region_secret(&actor, (&region, &app), name, value).await?;
    after.leave(Notice::Done(Done::RegionSecretSet));
    Ok(())
}

#[server(prefix = "/do", endpoint = "region-secrets/remove")]
pub async fn remove_region_secret(region: String, app: String, name: String) -> Result<(), UiError> {
    let (port, actor, after) = UiContext::acting()?;
    port.remove_region_secret(&actor, (&region, &app), name).await?;
    after.leave(Notice::Done(Done::RegionSecretRemoved));
    Ok(())
}

#[server(prefix = "/do", endpoint = "plans/review")]
pub async fn review_plan(plan: String) -> Result<(), UiError> {
    let (port, actor, after) = UiContext::acting()?;
    port.review_plan(&actor, &plan).await?;
    after.leave(Notice::Done(Done::PlanReviewed));
    Ok(())
}

#[server(prefix = "/do", endpoint = "plans/run")]
pub async fn run_plan(
    plan: String,
    region: String,
    #[server(default)] reason: String,
    #[server(default)] typed: String,
    #[server(default)] password: String,
) -> Result<(), UiError> {
    let (port, actor, _) = UiContext::acting()?;
    let input = PlanInput { region, reason, confirmation: confirmation(typed, password) };
    let id = port.run_plan(&actor, &plan, input).await?;
    go(&format!("/promotions/{id}"));
    Ok(())
}

#[server(prefix = "/do", endpoint = "plans/return")]
pub async fn return_from_plan(
    plan: String,
    region: String,
    #[server(default)] reason: String,
    #[server(default)] typed: String,
    #[server(default)] password: String,
) -> Result<(), UiError> {
    let (port, actor, _) = UiContext::acting()?;
    let input = PlanInput { region, reason, confirmation: confirmation(typed, password) };
    let id = port.return_from_plan(&actor, &plan, input).await?;
    go(&format!("/promotions/{id}"));
    Ok(())
}
