//! People, tokens, hooks and one's own account.

use super::UiError;
use crate::context::{Done, Notice, UiContext};
use crate::view::NewHook;
use domain::Role;
use domain::id::{DeliveryId, HookId, TokenId, UserId};
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
pub async fn add_hook(
    name: String,
    source: String,
    #[server(default)] registry: String,
    #[server(default)] secret: String,
) -> Result<(), UiError> {
    let (port, actor, after) = UiContext::acting()?;
    let given = |text: String| Some(text).filter(|text| !text.trim().is_empty());
    let new = NewHook { name, source, registry: given(registry), secret: given(secret) };
    after.leave(Notice::Hook(port.add_hook(&actor, new).await?));
    Ok(())
}

#[server(prefix = "/do", endpoint = "hooks/rotate")]
pub async fn rotate_hook_secret(id: HookId, #[server(default)] secret: String) -> Result<(), UiError> {
    let (port, actor, after) = UiContext::acting()?;
    let given = Some(secret).filter(|text| !text.trim().is_empty());
    after.leave(Notice::Hook(port.rotate_hook_secret(&actor, &id, given).await?));
    Ok(())
}

#[server(prefix = "/do", endpoint = "hooks/reveal")]
pub async fn reveal_hook(id: HookId) -> Result<(), UiError> {
    let (port, actor, after) = UiContext::acting()?;
    after.leave(Notice::Hook(port.reveal_hook(&actor, &id).await?));
    Ok(())
}

#[server(prefix = "/do", endpoint = "deliveries/replay")]
pub async fn replay_delivery(id: DeliveryId) -> Result<(), UiError> {
    let (port, actor, after) = UiContext::acting()?;
    port.replay_delivery(&actor, &id).await?;
    after.leave(Notice::Done(Done::DeliveryReplayed));
    Ok(())
}

#[server(prefix = "/do", endpoint = "secrets/set")]
pub async fn set_secret(name: String, #[server(default)] value: String) -> Result<(), UiError> {
    let (port, actor, after) = UiContext::acting()?;
    port.set_secret(&actor, name, value).await?;
    after.leave(Notice::Done(Done::SecretSet));
    Ok(())
}

#[server(prefix = "/do", endpoint = "secrets/remove")]
pub async fn remove_secret(name: String) -> Result<(), UiError> {
    let (port, actor, after) = UiContext::acting()?;
    port.remove_secret(&actor, name).await?;
    after.leave(Notice::Done(Done::SecretRemoved));
    Ok(())
}

#[server(prefix = "/do", endpoint = "apps/sweep")]
pub async fn sweep_app(app: String) -> Result<(), UiError> {
    let (port, actor, after) = UiContext::acting()?;
    port.sweep_app(&actor, app).await?;
    after.leave(Notice::Done(Done::SweepAsked));
    Ok(())
}

#[server(prefix = "/do", endpoint = "hooks/revoke")]
pub async fn revoke_hook(id: HookId) -> Result<(), UiError> {
    let (port, actor, after) = UiContext::acting()?;
    port.revoke_hook(&actor, &id).await?;
    after.leave(Notice::Done(Done::HookRevoked));
    Ok(())
}
