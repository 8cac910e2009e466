//! Stacks: saved, tried out and restored. `act` is `try` from the button that tries a text out.

use super::{UiError, go};
use crate::context::{Done, Notice, UiContext};
use crate::view::StackInput;
use leptos::prelude::*;

#[server(prefix = "/do", endpoint = "stacks/save")]
pub async fn save_stack(name: String, version: i64, compose: String, #[server(default)] act: String) -> Result<(), UiError> {
    let (port, actor, after) = UiContext::acting()?;
    if act == "try" {
        let id = port.try_stack(&actor, &name, &compose).await?;
        go(&format!("/environments/{id}"));
        return Ok(());
    }
    port.save_stack(&actor, StackInput { name: name.clone(), compose, version }).await?;
    after.leave(Notice::Done(Done::StackSaved));
    go(&format!("/settings/stacks/{name}"));
    Ok(())
}

#[server(prefix = "/do", endpoint = "stacks/restore")]
pub async fn restore_stack(name: String, version: i64, from: i64) -> Result<(), UiError> {
    let (port, actor, after) = UiContext::acting()?;
    port.restore_stack(&actor, &name, version, from).await?;
    after.leave(Notice::Done(Done::StackSaved));
    go(&format!("/settings/stacks/{name}"));
    Ok(())
}
