//! What is decided about an environment after its launch.

use super::UiError;
use crate::context::{Done, Notice, UiContext};
use domain::id::EnvironmentId;
use leptos::prelude::*;

#[server(prefix = "/do", endpoint = "environments/extend")]
pub async fn extend_environment(id: EnvironmentId, hours: u32) -> Result<(), UiError> {
    let (port, actor, after) = UiContext::acting()?;
    port.extend_environment(&actor, &id, hours).await?;
    after.leave(Notice::Done(Done::LeaseExtended));
    Ok(())
}

#[server(prefix = "/do", endpoint = "environments/hand-over")]
pub async fn hand_over_environment(id: EnvironmentId, #[server(default)] to: String) -> Result<(), UiError> {
    let (port, actor, after) = UiContext::acting()?;
    port.hand_over_environment(&actor, &id, to).await?;
    after.leave(Notice::Done(Done::HandedOver));
    Ok(())
}

#[server(prefix = "/do", endpoint = "environments/freeze")]
pub async fn freeze_environment(id: EnvironmentId) -> Result<(), UiError> {
    let (port, actor, after) = UiContext::acting()?;
    port.freeze_environment(&actor, &id).await?;
    after.leave(Notice::Done(Done::FreezeAsked));
    Ok(())
}

#[server(prefix = "/do", endpoint = "environments/thaw")]
pub async fn thaw_environment(id: EnvironmentId) -> Result<(), UiError> {
    let (port, actor, after) = UiContext::acting()?;
    port.thaw_environment(&actor, &id).await?;
    after.leave(Notice::Done(Done::ThawAsked));
    Ok(())
}

#[server(prefix = "/do", endpoint = "environments/restart")]
pub async fn restart_service(id: EnvironmentId, #[server(default)] service: String) -> Result<(), UiError> {
    let (port, actor, after) = UiContext::acting()?;
    port.restart_service(&actor, &id, service).await?;
    after.leave(Notice::Done(Done::RestartAsked));
    Ok(())
}
