//! Promotion sets.

use super::promotions::confirmation;
use super::{UiError, go, some};
use crate::context::{Done, Notice, UiContext};
use crate::view::{BookingInput, SetInput};
use domain::Problem;
use domain::id::BuildId;
use domain::promotion::set::SetNumber;
use domain::rollout::waves::WaveStart;
use leptos::prelude::*;
use std::collections::BTreeMap;

/// `builds` and `order` are by app: an app without a build is left out, and the smallest place goes first.
#[server(prefix = "/do", endpoint = "sets/request")]
pub async fn request_set(
    #[server(default)] builds: BTreeMap<String, String>,
    #[server(default)] order: BTreeMap<String, String>,
    #[server(default)] regions: Vec<String>,
    #[server(default)] reason: String,
    #[server(default)] waves: Vec<String>,
    #[server(default)] soak_minutes: Option<u32>,
    #[server(default)] look: bool,
) -> Result<(), UiError> {
    let (port, actor, _) = UiContext::acting()?;
    let soak_minutes = soak_minutes.unwrap_or(0);
    let waves = waves.into_iter().map(|from| WaveStart { from, soak_minutes, look }).collect();
    let place = |app: &str| order.get(app).and_then(|place| place.trim().parse::<u32>().ok()).unwrap_or(u32::MAX);
    let mut chosen: Vec<(u32, String)> =
        builds.into_iter().filter(|(_, build)| !build.is_empty()).map(|(app, build)| (place(&app), build)).collect();
    // Those of the same place stay in the order of their names.
    chosen.sort_by_key(|(place, _)| *place);
    let builds = chosen.into_iter().map(|(_, build)| BuildId(build)).collect();
    let number = port.request_set(&actor, SetInput { builds, regions, reason, waves }).await?;
    go(&format!("/promotions/sets/{number}"));
    Ok(())
}

#[server(prefix = "/do", endpoint = "sets/approve")]
pub async fn approve_set(set: SetNumber) -> Result<(), UiError> {
    let (port, actor, after) = UiContext::acting()?;
    let done = port.approve_set(&actor, set).await?;
    if !done.refused.is_empty() {
        return Err(Problem::NotAllApproved { members: done.refused }.into());
    }
    after.leave(Notice::Done(Done::SetApproved));
    Ok(())
}

/// `app` is the set's number, as the person typed it.
#[server(prefix = "/do", endpoint = "sets/start")]
pub async fn start_set(
    set: SetNumber,
    #[server(default)] app: String,
    #[server(default)] password: String,
) -> Result<(), UiError> {
    let (port, actor, after) = UiContext::acting()?;
    port.start_set(&actor, set, confirmation(app, password)).await?;
    after.leave(Notice::Done(Done::SetStarted));
    Ok(())
}

/// `app` is the set's number, as the person typed it.
#[server(prefix = "/do", endpoint = "sets/book")]
pub async fn book_set(
    set: SetNumber,
    #[server(default)] not_before: String,
    #[server(default)] app: String,
    #[server(default)] password: String,
) -> Result<(), UiError> {
    let (port, actor, after) = UiContext::acting()?;
    let input = BookingInput { not_before: some(not_before), confirmation: confirmation(app, password) };
    port.book_set(&actor, set, input).await?;
    after.leave(Notice::Done(Done::SetBooked));
    Ok(())
}

#[server(prefix = "/do", endpoint = "sets/unbook")]
pub async fn unbook_set(set: SetNumber) -> Result<(), UiError> {
    let (port, actor, after) = UiContext::acting()?;
    port.unbook_set(&actor, set).await?;
    after.leave(Notice::Done(Done::SetUnbooked));
    Ok(())
}

#[server(prefix = "/do", endpoint = "sets/cancel")]
pub async fn cancel_set(set: SetNumber, #[server(default)] reason: String) -> Result<(), UiError> {
    let (port, actor, after) = UiContext::acting()?;
    port.cancel_set(&actor, set, reason).await?;
    after.leave(Notice::Done(Done::SetCancelled));
    Ok(())
}

#[server(prefix = "/do", endpoint = "sets/reject")]
pub async fn reject_set(set: SetNumber, #[server(default)] reason: String) -> Result<(), UiError> {
    let (port, actor, after) = UiContext::acting()?;
    port.reject_set(&actor, set, reason).await?;
    after.leave(Notice::Done(Done::SetRejected));
    Ok(())
}
