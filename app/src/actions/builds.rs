//! Environments, verdicts and sign-offs.

use super::{UiError, some};
use crate::context::{Done, Notice, UiContext};
use crate::view::VerdictInput;
use domain::id::{BuildId, EnvironmentId, SignOffId, VerdictId};
use domain::verdict::VerdictKind;
use leptos::prelude::*;

#[server(prefix = "/do", endpoint = "environments/stop")]
pub async fn stop_environment(id: EnvironmentId) -> Result<(), UiError> {
    let (port, actor, after) = UiContext::acting()?;
    port.stop_environment(&actor, &id).await?;
    after.leave(Notice::Done(Done::StopAsked));
    Ok(())
}

#[server(prefix = "/do", endpoint = "verdicts/record")]
pub async fn record_verdict(
    build: BuildId,
    kind: VerdictKind,
    #[server(default)] note: String,
    #[server(default)] environment: String,
) -> Result<(), UiError> {
    let (port, actor, after) = UiContext::acting()?;
    let environment = some(environment).map(EnvironmentId);
    port.record_verdict(&actor, VerdictInput { build, kind, note, environment }).await?;
    after.leave(Notice::Done(Done::VerdictRecorded));
    Ok(())
}

#[server(prefix = "/do", endpoint = "verdicts/withdraw")]
pub async fn withdraw_verdict(id: VerdictId) -> Result<(), UiError> {
    let (port, actor, after) = UiContext::acting()?;
    port.withdraw_verdict(&actor, &id).await?;
    after.leave(Notice::Done(Done::VerdictWithdrawn));
    Ok(())
}

#[server(prefix = "/do", endpoint = "verdicts/overrule")]
pub async fn overrule_verdict(id: VerdictId, #[server(default)] reason: String) -> Result<(), UiError> {
    let (port, actor, after) = UiContext::acting()?;
    port.overrule_verdict(&actor, &id, reason).await?;
    after.leave(Notice::Done(Done::VerdictOverruled));
    Ok(())
}

#[server(prefix = "/do", endpoint = "sign-offs/give")]
pub async fn sign_off(build: BuildId, #[server(default)] note: String) -> Result<(), UiError> {
    let (port, actor, after) = UiContext::acting()?;
    port.sign_off(&actor, &build, note).await?;
    after.leave(Notice::Done(Done::SignedOff));
    Ok(())
}

#[server(prefix = "/do", endpoint = "sign-offs/withdraw")]
pub async fn withdraw_sign_off(id: SignOffId) -> Result<(), UiError> {
    let (port, actor, after) = UiContext::acting()?;
    port.withdraw_sign_off(&actor, &id).await?;
    after.leave(Notice::Done(Done::SignOffWithdrawn));
    Ok(())
}
