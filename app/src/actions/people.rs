//! People, tokens, hooks and one's own account.

use super::UiError;
use crate::context::{Done, Notice, UiContext};
use domain::Role;
use domain::id::{HookId, TokenId, UserId};
use leptos::prelude::*;

#[server(prefix = "/do", endpoint = "people/add")]
pub async fn add_user(name: String, role: Role, #[server(default)] password: String) -> Result<(), UiError> {
    let (port, actor, after) = UiContext::acting()?;
    port.add_user(&actor, name, role, password).await?;
    after.leave(Notice::Done(Done::UserAdded));
    Ok(())
}

#[server(prefix = "/do", endpoint = "people/role")]
pub async fn change_role(id: UserId, role: Role) -> Result<(), UiError> {
    let (port, actor, after) = UiContext::acting()?;
    port.change_role(&actor, &id, role).await?;
    after.leave(Notice::Done(Done::RoleChanged));
    Ok(())
}

#[server(prefix = "/do", endpoint = "people/disable")]
pub async fn set_disabled(id: UserId, disabled: bool) -> Result<(), UiError> {
    let (port, actor, after) = UiContext::acting()?;
    port.set_disabled(&actor, &id, disabled).await?;
    after.leave(Notice::Done(if disabled { Done::UserDisabled } else { Done::UserEnabled }));
    Ok(())
}

#[server(prefix = "/do", endpoint = "people/password")]
pub async fn reset_password(id: UserId, #[server(default)] password: String) -> Result<(), UiError> {
    let (port, actor, after) = UiContext::acting()?;
    port.reset_password(&actor, &id, password).await?;
    after.leave(Notice::Done(Done::PasswordReset));
    Ok(())
}

#[server(prefix = "/do", endpoint = "account/password")]
pub async fn change_own_password(#[server(default)] old: String, #[server(default)] new: String) -> Result<(), UiError> {
    let (port, actor, after) = UiContext::acting()?;
    port.change_own_password(&actor, old, new).await?;
    after.leave(Notice::Done(Done::PasswordChanged));
    Ok(())
}

#[server(prefix = "/do", endpoint = "tokens/add")]
pub async fn add_token(name: String, #[server(default)] owner: String, role: Role) -> Result<(), UiError> {
    let (port, actor, after) = UiContext::acting()?;
    after.leave(Notice::Token(port.add_token(&actor, name, owner, role).await?));
    Ok(())
}

#[server(prefix = "/do", endpoint = "tokens/revoke")]
pub async fn revoke_token(id: TokenId) -> Result<(), UiError> {
    let (port, actor, after) = UiContext::acting()?;
    port.revoke_token(&actor, &id).await?;
    after.leave(Notice::Done(Done::TokenRevoked));
    Ok(())
}

#[server(prefix = "/do", endpoint = "hooks/add")]
pub async fn add_hook(name: String, source: String) -> Result<(), UiError> {
    let (port, actor, after) = UiContext::acting()?;
    after.leave(Notice::Hook(port.add_hook(&actor, name, source).await?));
    Ok(())
}

#[server(prefix = "/do", endpoint = "hooks/revoke")]
pub async fn revoke_hook(id: HookId) -> Result<(), UiError> {
    let (port, actor, after) = UiContext::acting()?;
    port.revoke_hook(&actor, &id).await?;
    after.leave(Notice::Done(Done::HookRevoked));
    Ok(())
}
