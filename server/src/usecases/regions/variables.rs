//! The variables of a region's apps: where they come from, when they changed, how regions differ.
//! No value leaves this module.

use super::region_ref;
use crate::ctx::Ctx;
use crate::store::config::Version;
use crate::store::missing;
use app::view::{AppVariables, RegionRef, RegionVariables, VariableRow, VersionRef};
use domain::config::{AppConfig, Config};
use domain::problem::Noun;
use domain::region_variables::{beside, changed_in, names, origin};
use domain::{Action, Actor, Problem};

/// So many of the newest versions of the configuration are compared.
const MOST_VERSIONS: i64 = 30;

/// The variables of each app in a region, by name, beside those in the other regions.
///
/// # Errors
/// [`Problem::Forbidden`]; [`Problem::NotFound`].
pub async fn variables(ctx: &Ctx, actor: &Actor, region: &str) -> Result<RegionVariables, Problem> {
    actor.require(Action::Read)?;
    let applied = ctx.config();
    let config = &applied.config;
    config.region(region).ok_or_else(|| missing(Noun::Region, region))?;
    let mut versions = ctx.store.newest_versions(MOST_VERSIONS).await?;
    versions.reverse();
    let configs: Vec<(i64, Config)> = versions.iter().map(|version| (version.number, version.config.clone())).collect();
    let others: Vec<RegionRef> =
        config.regions.iter().filter(|other| other.name != region).map(|other| region_ref(config, &other.name)).collect();
    let row = |app: &AppConfig, name: String| VariableRow {
        origin: origin(config, &app.name, region, &name),
        changed: changed_in(&configs, &app.name, region, &name).into_iter().rev().filter_map(|at| said(&versions, at)).collect(),
        beside: others.iter().map(|other| beside(config, &app.name, &name, region, &other.name)).collect(),
        name,
    };
    let apps = config.apps.iter().map(|app| AppVariables {
        app: app.name.clone(),
        variables: names(config, &app.name).into_iter().map(|name| row(app, name)).collect(),
    });
    Ok(RegionVariables { region: region_ref(config, region), apps: apps.collect(), others })
}

fn said(versions: &[Version], number: i64) -> Option<VersionRef> {
    let version = versions.iter().find(|version| version.number == number)?;
    Some(VersionRef { version: number, at: version.at, by: version.by.clone() })
}
