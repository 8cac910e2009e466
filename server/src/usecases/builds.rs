//! Builds: listing and looking.

use crate::ctx::Ctx;
use app::view::{AppView, BuildFilter, BuildRow, BuildView, Page, Paging};
use domain::config::AppConfig;
use domain::id::BuildId;
use domain::{Action, Actor, Problem};

/// Every app of the configuration, in its order.
///
/// # Errors
/// [`Problem::Forbidden`].
pub async fn apps(ctx: &Ctx, actor: &Actor) -> Result<Vec<AppView>, Problem> {
    actor.require(Action::Read)?;
    let view = |app: &AppConfig| AppView {
        name: app.name.clone(),
        image: app.image.clone(),
        git: app.git.clone(),
        port: app.production_port().ok().flatten(),
        port_label: app.port_label,
        channels: app.channels.clone(),
    };
    Ok(ctx.config().config.apps.iter().map(view).collect())
}

pub async fn builds(_ctx: &Ctx, actor: &Actor, _filter: BuildFilter, _paging: Paging) -> Result<Page<BuildRow>, Problem> {
    actor.require(Action::Read)?;
    Err(Problem::Busy)
}

pub async fn build(_ctx: &Ctx, actor: &Actor, _id: &BuildId) -> Result<BuildView, Problem> {
    actor.require(Action::Read)?;
    Err(Problem::Busy)
}
