//! What the tasks of an app's service write in a region.

use super::region_ref;
use crate::ctx::Ctx;
use crate::engine::logs::{MOST_TAIL, Viewer};
use crate::engine::swarm::{Look, Swarm, Which};
use crate::store::missing;
use app::view::ServiceLog;
use domain::problem::{Fault, Noun};
use domain::{Action, Actor, Problem};

/// Lines when nobody says how many; so many of each task a follower begins with.
const LINES: u32 = 200;

/// The last lines of an app's service in a region, or of its canary, of all its tasks in the order of time.
///
/// # Errors
/// [`Problem::Forbidden`]; [`Problem::NotFound`] for the region, the app, or a service that is not
/// there; [`Problem::Invalid`] for more than 1000 lines or none; [`Problem::Unreachable`].
pub async fn service_log(
    ctx: &Ctx,
    actor: &Actor,
    (region, app, which): (&str, &str, Which),
    lines: Option<u32>,
) -> Result<ServiceLog, Problem> {
    actor.require(Action::Read)?;
    let lines = lines.unwrap_or(LINES);
    if !(1..=MOST_TAIL).contains(&lines) {
        return Err(Problem::invalid("lines", Fault::OutOfRange { least: 1, most: i64::from(MOST_TAIL) }));
    }
    let applied = ctx.config();
    let found = applied.config.region(region).ok_or_else(|| missing(Noun::Region, region))?;
    applied.config.app(app).ok_or_else(|| missing(Noun::App, app))?;
    // Each reading costs the Swarm a question to every node.
    let _turn = ctx.logs.turn()?;
    let read = async { Swarm::reach(&ctx.engines, found, ctx.instance()).await?.log_tail(app, which, lines).await };
    let read = read.await.map_err(|_| Problem::Unreachable { what: Noun::Region, name: region.to_owned() })?;
    let lines = read.ok_or_else(|| missing(Noun::Service, app))?;
    Ok(ServiceLog { region: region_ref(&applied.config, region), lines })
}

/// Follows an app's service in a region, or its canary, beginning with its last lines. However many follow it, the
/// Swarm is asked once.
///
/// # Errors
/// As [`service_log`]; [`Problem::Busy`] when too much is followed.
pub async fn follow_service(ctx: &Ctx, actor: &Actor, (region, app, which): (&str, &str, Which)) -> Result<Viewer, Problem> {
    actor.require(Action::Read)?;
    let applied = ctx.config();
    let found = applied.config.region(region).ok_or_else(|| missing(Noun::Region, region))?;
    applied.config.app(app).ok_or_else(|| missing(Noun::App, app))?;
    let away = |_| Problem::Unreachable { what: Noun::Region, name: region.to_owned() };
    let swarm = Swarm::reach(&ctx.engines, found, ctx.instance()).await.map_err(away)?;
    let Look::Ours(seen) = swarm.look(app, which).await.map_err(away)? else { return Err(missing(Noun::Service, app)) };
    let key = format!("region {region}/{}", seen.id);
    ctx.logs.follow_frames(key, MOST_TAIL, None, || swarm.log_frames(&seen.id, LINES, true))
}
