//! The regions: what they run, closely and from afar, what was changed there by hand, and the plans
//! for when it has to be quick.

mod board;
mod drift;
mod logs;
mod look;
mod page;
mod plans;
mod rules;
mod secrets;
mod variables;

pub use board::regions;
pub use drift::{adopt_drift, correct_drift};
pub use logs::{follow_service, service_log};
pub use look::watch;
pub use page::{history, region};
pub use plans::{plan, plans, return_from_plan, review_plan, run_plan};
pub use rules::rules;
pub use secrets::{remove_secret, secrets, set_secret};
pub use variables::variables;

use crate::ctx::Ctx;
use app::view::{Counts, RegionRef};
use domain::config::Config;
use domain::{Action, Actor, Problem};

/// The small numbers in the rail: promotions that wait for somebody, environments that are alive,
/// and what waits for the reader.
///
/// # Errors
/// [`Problem::Forbidden`].
pub async fn counts(ctx: &Ctx, actor: &Actor) -> Result<Counts, Problem> {
    actor.require(Action::Read)?;
    let counts = ctx.store.counts().await?;
    Ok(Counts { waiting: super::waiting::count(ctx, actor).await?, ..counts })
}

/// A region as it is named on pages; one that is no longer configured by its bare name.
pub fn region_ref(config: &Config, name: &str) -> RegionRef {
    let region = config.region(name);
    let title = |title: Option<&String>| title.cloned().unwrap_or_else(|| name.to_owned());
    RegionRef {
        name: name.to_owned(),
        title_en: title(region.and_then(|region| region.title_en.as_ref())),
        title_zh: title(region.and_then(|region| region.title_zh.as_ref())),
    }
}
