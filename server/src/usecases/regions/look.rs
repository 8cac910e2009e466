//! Looking at the regions, again and again.

use crate::ctx::Ctx;
use crate::engine::swarm::{Observed, Swarm, Trouble, Which};
use crate::hub::Topic;
use crate::seen::{RegionSeen, ServiceSeen};
use domain::config::RegionConfig;
use domain::problem::Noun;
use futures::StreamExt as _;
use std::collections::HashMap;
use std::time::Duration;
use tokio::task::AbortHandle;

/// How often each region is looked at. With the three seconds that a look may take, a region
/// that went away is known to be away within five.
const EVERY: Duration = Duration::from_millis(1500);
/// A look takes no longer, the greeting of the engine included.
const LOOK: Duration = Duration::from_secs(3);
/// Events come in swarms; the look waits for the last of them this long.
const SETTLE: Duration = Duration::from_millis(100);
/// How soon a changed configuration changes what is looked at.
const RECONFIGURE: Duration = Duration::from_secs(1);

/// Looks at every region again and again, until the instance stops.
pub async fn watch(ctx: Ctx) {
    let mut watched: HashMap<String, (RegionConfig, AbortHandle)> = HashMap::new();
    let mut tasks = tokio::task::JoinSet::new();
    loop {
        let applied = ctx.config();
        let wanted = &applied.config.regions;
        watched.retain(|_, (region, task)| {
            let stays = wanted.contains(region) && !task.is_finished();
            if !stays {
                task.abort();
            }
            stays
        });
        for region in wanted {
            if !watched.contains_key(&region.name) {
                let task = tasks.spawn(watch_region(ctx.clone(), region.clone()));
                watched.insert(region.name.clone(), (region.clone(), task));
            }
        }
        if ctx.work.stop.run_until_cancelled(tokio::time::sleep(RECONFIGURE)).await.is_none() {
            break;
        }
        while tasks.try_join_next().is_some() {}
    }
    tasks.shutdown().await;
}

async fn watch_region(ctx: Ctx, region: RegionConfig) {
    let mut events = None;
    loop {
        let woken = ctx.work.regions.notified();
        let mut woken = std::pin::pin!(woken);
        // From here on no wake is lost, also not one during the look.
        woken.as_mut().enable();
        let swarm = look(&ctx, &region).await;
        match (swarm, &events) {
            (None, _) => events = None,
            (Some(swarm), None) => events = Some(swarm.changes()),
            (Some(_), Some(_)) => {}
        }
        let event = async {
            match events.as_mut() {
                Some(stream) => stream.next().await,
                None => std::future::pending().await,
            }
        };
        let lost = tokio::select! {
            () = woken => false,
            () = tokio::time::sleep(EVERY) => false,
            event = event => event.is_none(),
        };
        if lost {
            events = None;
            tokio::time::sleep(EVERY).await;
        } else if let Some(stream) = events.as_mut() {
            drain(stream).await;
        }
    }
}

/// Takes the events that come close together as one, for no longer than a second.
async fn drain(events: &mut (impl futures::Stream<Item = ()> + Unpin)) {
    let burst = async { while let Ok(Some(())) = tokio::time::timeout(SETTLE, events.next()).await {} };
    // A burst that does not end is looked at all the same.
    let _ = tokio::time::timeout(Duration::from_secs(1), burst).await;
}

fn by_app(services: &[&Observed]) -> HashMap<String, ServiceSeen> {
    services.iter().map(|service| (service.app.clone(), service.seen())).collect()
}

/// Looks at a region once and keeps what was seen; the Swarm when it answered.
async fn look(ctx: &Ctx, region: &RegionConfig) -> Option<Swarm> {
    let looked = async {
        let swarm = Swarm::reach(&ctx.engines, region, ctx.instance()).await?;
        let services = swarm.look_at_all().await?;
        Ok::<_, Trouble>((swarm, services))
    };
    let looked = tokio::time::timeout(LOOK, looked).await;
    let (swarm, reachable, services, canaries) =
        match looked.unwrap_or_else(|_| Err(Trouble::Away("no answer in time".to_owned()))) {
            Ok((swarm, services)) => {
                let (canaries, services): (Vec<&Observed>, Vec<&Observed>) =
                    services.iter().partition(|service| service.which == Which::Canary);
                (Some(swarm), true, by_app(&services), by_app(&canaries))
            }
            Err(trouble) => {
                let before = ctx.seen.region(&region.name);
                if before.as_ref().is_none_or(|before| before.reachable) {
                    tracing::warn!(region = %region.name, ?trouble, "a region cannot be reached");
                }
                // The next look greets the engine anew; it may be another version by then.
                ctx.engines.forget(Noun::Region, &region.name).await;
                let (services, canaries) =
                    before.map(|before| (before.services.clone(), before.canaries.clone())).unwrap_or_default();
                (None, false, services, canaries)
            }
        };
    if ctx.seen.put(&region.name, RegionSeen { checked_at: ctx.now(), reachable, services, canaries }) {
        ctx.hub.tell(Topic::Regions, None);
    }
    swarm
}
