//! Launching, launching again, and putting another build in place.

use super::{UiError, go, some};
use crate::context::{Done, Notice, UiContext};
use crate::view::{LaunchInput, ReplaceInput};
use domain::Problem;
use domain::id::{BuildId, EnvironmentId};
use domain::release_set::BuildChoice;
use domain::variables::read_given;
use leptos::prelude::*;
use std::collections::BTreeMap;

#[server(prefix = "/do", endpoint = "environments/launch")]
#[allow(clippy::too_many_arguments, reason = "one for each field of the form")]
pub async fn launch_environment(
    build: BuildId,
    #[server(default)] stack: String,
    #[server(default)] lease_hours: Option<u32>,
    #[server(default)] builds: BTreeMap<String, String>,
    #[server(default)] preset: String,
    #[server(default)] variables: String,
    #[server(default)] engine: String,
    #[server(default)] check: String,
    #[server(default)] stop_after: bool,
    #[server(default)] hidden_from: String,
) -> Result<(), UiError> {
    let (port, actor, _) = UiContext::acting()?;
    let input = LaunchInput {
        build,
        stack: some(stack),
        lease_hours,
        builds: chosen(builds)?,
        preset: some(preset),
        variables: read_given(&variables).map_err(|why| Problem::invalid("variables", why))?,
        engine: some(engine),
        check: some(check),
        stop_after,
        hidden_from: some(hidden_from).map(EnvironmentId),
        draft: None,
    };
    let id = port.launch_environment(&actor, input).await?;
    go(&format!("/environments/{id}"));
    Ok(())
}

/// What was left open is left to the default.
fn chosen(builds: BTreeMap<String, String>) -> Result<BTreeMap<String, BuildChoice>, Problem> {
    let chosen = builds.into_iter().filter(|(_, word)| !word.is_empty());
    chosen.map(|(app, word)| Ok((app, BuildChoice::from_word(&word).map_err(|why| Problem::invalid("builds", why))?))).collect()
}

#[server(prefix = "/do", endpoint = "environments/relaunch")]
pub async fn relaunch_environment(id: EnvironmentId) -> Result<(), UiError> {
    let (port, actor, _) = UiContext::acting()?;
    let id = port.relaunch_environment(&actor, &id).await?;
    go(&format!("/environments/{id}"));
    Ok(())
}

#[server(prefix = "/do", endpoint = "environments/replace")]
pub async fn replace_build(id: EnvironmentId, build: BuildId, #[server(default)] keep_volumes: bool) -> Result<(), UiError> {
    let (port, actor, after) = UiContext::acting()?;
    port.replace_build(&actor, &id, ReplaceInput { build, builds: BTreeMap::new(), keep_volumes }).await?;
    after.leave(Notice::Done(Done::Replaced));
    go(&format!("/environments/{id}"));
    Ok(())
}
