//! What a region asks of promotions, in the configuration's words.

use crate::ctx::Ctx;
use crate::store::missing;
use app::view::{AppClosed, AppsPolicy, FreezeView, RegionRules};
use domain::config::{Config, RegionConfig};
use domain::freeze::{FreezeConfig, frozen};
use domain::policy::Policy;
use domain::problem::Noun;
use domain::{Action, Actor, Problem, Time};

/// The freeze windows of a region as they stand now, and what people decide about each app.
///
/// # Errors
/// [`Problem::Forbidden`]; [`Problem::NotFound`].
pub async fn rules(ctx: &Ctx, actor: &Actor, name: &str) -> Result<RegionRules, Problem> {
    actor.require(Action::Read)?;
    let applied = ctx.config();
    let config = &applied.config;
    let region = config.region(name).ok_or_else(|| missing(Noun::Region, name))?;
    let now = ctx.now();
    let freezes = config.freezes.iter().filter(|window| window.fits_region(name)).map(|window| view(window, region, now));
    let closed = config.apps.iter().filter_map(|app| {
        let why = frozen(&config.freezes, &app.name, name, &region.time_zone, now)?;
        Some(AppClosed { app: app.name.clone(), why })
    });
    Ok(RegionRules {
        version: applied.version,
        freezes: freezes.collect(),
        closed: closed.collect(),
        policies: policies(config, name),
    })
}

fn view(window: &FreezeConfig, region: &RegionConfig, now: Time) -> FreezeView {
    let stands = window.at(&region.time_zone, now);
    FreezeView {
        time_zone: window.time_zone.clone().unwrap_or_else(|| region.time_zone.clone()),
        now: stands.map(|(now, _)| now),
        changes_at: stands.and_then(|(_, changes_at)| changes_at),
        window: window.clone(),
    }
}

/// Each app once, in the configuration's order, with others of the same policy.
fn policies(config: &Config, region: &str) -> Vec<AppsPolicy> {
    let mut found: Vec<AppsPolicy> = Vec::new();
    for app in &config.apps {
        let policy = Policy::of(&config.policies, &app.name, &[region]);
        match found.iter_mut().find(|known| known.policy == policy) {
            Some(known) => known.apps.push(app.name.clone()),
            None => found.push(AppsPolicy { apps: vec![app.name.clone()], policy }),
        }
    }
    found
}
