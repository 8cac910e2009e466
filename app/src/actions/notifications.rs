//! Test messages and replays.

use super::UiError;
use crate::context::{Done, Notice, UiContext};
use domain::id::MessageId;
use leptos::prelude::*;

#[server(prefix = "/do", endpoint = "notifications/test")]
pub async fn send_test_message(target: String) -> Result<(), UiError> {
    let (port, actor, after) = UiContext::acting()?;
    port.send_test_message(&actor, &target).await?;
    after.leave(Notice::Done(Done::TestSent));
    Ok(())
}

#[server(prefix = "/do", endpoint = "notifications/replay")]
pub async fn replay_message(id: MessageId) -> Result<(), UiError> {
    let (port, actor, after) = UiContext::acting()?;
    port.replay_message(&actor, &id).await?;
    after.leave(Notice::Done(Done::MessageReplayed));
    Ok(())
}
