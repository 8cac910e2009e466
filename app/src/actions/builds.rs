//! Environments, verdicts and sign-offs.

use super::{UiError, some};
use crate::context::{Done, Notice, UiContext, Uploads};
use crate::view::{Findings, VerdictInput};
use domain::checklist::ItemResult;
use domain::id::{BuildId, EnvironmentId, SignOffId, VerdictId};
use domain::verdict::VerdictKind;
use leptos::prelude::*;
use std::collections::BTreeMap;

#[server(prefix = "/do", endpoint = "environments/stop")]
pub async fn stop_environment(id: EnvironmentId) -> Result<(), UiError> {
    let (port, actor, after) = UiContext::acting()?;
    port.stop_environment(&actor, &id).await?;
    after.leave(Notice::Done(Done::StopAsked));
    Ok(())
}

/// The files of the form come beside its fields.
#[server(prefix = "/do", endpoint = "verdicts/record")]
pub async fn record_verdict(
    build: BuildId,
    kind: VerdictKind,
    #[server(default)] note: String,
    #[server(default)] environment: String,
    #[server(default)] plan: String,
    #[server(default)] items: BTreeMap<String, ItemResult>,
) -> Result<(), UiError> {
    let (port, actor, after) = UiContext::acting()?;
    let environment = some(environment).map(EnvironmentId);
    let findings = Findings { plan: some(plan), items, files: Uploads::taken() };
    port.record_verdict(&actor, VerdictInput { build, kind, note, environment }, findings).await?;
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

#[server(prefix = "/do", endpoint = "builds/send-back")]
pub async fn send_back(build: BuildId, #[server(default)] reason: String) -> Result<(), UiError> {
    let (port, actor, after) = UiContext::acting()?;
    port.send_back(&actor, &build, reason).await?;
    after.leave(Notice::Done(Done::SentBack));
    Ok(())
}
