//! What the regions run: looking, and the board that shows it.

use crate::ctx::Ctx;
use crate::engine::swarm::{Swarm, Trouble, essence_hash};
use crate::hub::Topic;
use crate::seen::{RegionSeen, ServiceSeen};
use crate::store::regions::KnownBuild;
use crate::store::rollouts::RolloutRow;
use app::view::{AppRegions, Counts, RegionBoard, RegionCell, RegionColumn, RegionRef};
use domain::config::{AppConfig, Config, RegionConfig};
use domain::id::PromotionId;
use domain::problem::Noun;
use domain::promotion::RolloutState;
use domain::{Action, Actor, Digest, Problem};
use futures::StreamExt as _;
use std::collections::{BTreeMap, HashMap};
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

/// The small numbers in the rail: promotions that wait for somebody, environments that are alive.
///
/// # Errors
/// [`Problem::Forbidden`].
pub async fn counts(ctx: &Ctx, actor: &Actor) -> Result<Counts, Problem> {
    actor.require(Action::Read)?;
    ctx.store.counts().await
}

// ---- The board ---------------------------------------------------------------------------

/// Which build each region runs of each app, as last seen there, and what is newer.
///
/// # Errors
/// [`Problem::Forbidden`].
pub async fn regions(ctx: &Ctx, actor: &Actor) -> Result<RegionBoard, Problem> {
    actor.require(Action::Read)?;
    let applied = ctx.config();
    let config = &applied.config;
    let mut board = Board { ctx, running: BTreeMap::new(), builds: HashMap::new() };
    for rollout in ctx.store.rollouts_running().await? {
        board.running.insert((rollout.app, rollout.region), rollout.promotion);
    }
    let mut rows = Vec::with_capacity(config.apps.len());
    for app in &config.apps {
        let mut cells = Vec::with_capacity(config.regions.len());
        for region in &config.regions {
            cells.push(board.cell(app, region).await?);
        }
        let port = app.production_port().ok().flatten();
        rows.push(AppRegions { app: app.name.clone(), port_label: app.port_label, port, cells });
    }
    Ok(RegionBoard {
        columns: config.regions.iter().map(|region| column(ctx, config, region)).collect(),
        rows,
        may: Action::ALL.into_iter().filter(|action| actor.may(*action)).collect(),
    })
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

fn column(ctx: &Ctx, config: &Config, region: &RegionConfig) -> RegionColumn {
    let seen = ctx.seen.region(&region.name);
    RegionColumn {
        region: region_ref(config, &region.name),
        time_zone: region.time_zone.clone(),
        reachable: seen.as_ref().is_some_and(|seen| seen.reachable),
        checked_at: seen.map(|seen| seen.checked_at),
    }
}

type Newer = (u32, Option<String>);

struct Board<'a> {
    ctx: &'a Ctx,
    running: BTreeMap<(String, String), PromotionId>,
    /// Regions often run the same build: it is looked up once.
    builds: HashMap<(String, Digest), Option<(KnownBuild, Newer)>>,
}

impl Board<'_> {
    async fn cell(&mut self, app: &AppConfig, region: &RegionConfig) -> Result<RegionCell, Problem> {
        let store = &self.ctx.store;
        let verified = store.last_verified(&app.name, &region.name).await?;
        let started = store.last_started(&app.name, &region.name).await?;
        let seen = self.ctx.seen.region(&region.name);
        let service = seen.as_ref().and_then(|seen| seen.services.get(&app.name));
        let digest = service.and_then(|service| service.digest.clone());
        let known = match &digest {
            Some(digest) => self.build(&app.name, digest).await?,
            None => None,
        };
        let port = app.production_port().ok().flatten();
        let url = region.address.as_ref().zip(port).map(|(address, port)| format!("http://{address}:{port}"));
        let back_to = crate::usecases::promotions::back_to(self.ctx, &app.name, &region.name).await?;
        let back_to_tag = match &back_to {
            Some(digest) => self.build(&app.name, digest).await?.and_then(|(build, _)| build.tag),
            None => None,
        };
        let was = verified.as_ref().filter(|rollout| Some(&rollout.digest) == digest.as_ref());
        Ok(RegionCell {
            region: region.name.clone(),
            since: was.and_then(|rollout| rollout.ended_at),
            running: service.map_or(0, |service| service.running),
            desired: service.map_or(0, |service| service.desired),
            healthy: service.is_some_and(|service| service.healthy),
            drifted: match service {
                Some(service) => !put_there(service, started.as_ref()) && !put_there(service, verified.as_ref()),
                // Not looked at yet is not missing.
                None => verified.is_some() && seen.as_ref().is_some_and(|seen| seen.reachable),
            },
            rollout: self.running.get(&(app.name.clone(), region.name.clone())).cloned(),
            url: url.filter(|_| digest.is_some()),
            build: known.as_ref().map(|(build, _)| build.id.clone()),
            tag: known.as_ref().and_then(|(build, _)| build.tag.clone()),
            newer: known.as_ref().map_or(0, |(_, (newer, _))| *newer),
            newest_tag: known.and_then(|(_, (_, tag))| tag),
            back_to,
            back_to_tag,
            digest,
        })
    }

    async fn build(&mut self, app: &str, digest: &Digest) -> Result<Option<(KnownBuild, Newer)>, Problem> {
        let key = (app.to_owned(), digest.clone());
        if let Some(known) = self.builds.get(&key) {
            return Ok(known.clone());
        }
        let known = match self.ctx.store.build_known(app, digest).await? {
            Some(build) => {
                let newer = self.ctx.store.newer_than(app, &build).await?;
                Some((build, newer))
            }
            None => None,
        };
        self.builds.insert(key, known.clone());
        Ok(known)
    }
}

/// Whether the service is what this rollout made of it: of its promotion, unchanged, and
/// running its digest or, while the rollout is under way or failed, still another.
fn put_there(service: &ServiceSeen, rollout: Option<&RolloutRow>) -> bool {
    let Some(rollout) = rollout else { return false };
    let intact = rollout.intent.as_ref().is_some_and(|intent| essence_hash(intent) == service.essence);
    let digest = service.digest.as_ref() == Some(&rollout.digest) || rollout.state != RolloutState::Verified;
    service.promotion.as_deref() == Some(rollout.promotion.as_str()) && intact && digest
}

// ---- Looking -----------------------------------------------------------------------------

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

/// Looks at a region once and keeps what was seen; the Swarm when it answered.
async fn look(ctx: &Ctx, region: &RegionConfig) -> Option<Swarm> {
    let looked = async {
        let swarm = Swarm::reach(&ctx.engines, region, ctx.instance()).await?;
        let services = swarm.look_at_all().await?;
        Ok::<_, Trouble>((swarm, services))
    };
    let looked = tokio::time::timeout(LOOK, looked).await;
    let (swarm, reachable, services) = match looked.unwrap_or_else(|_| Err(Trouble::Away("no answer in time".to_owned()))) {
        Ok((swarm, services)) => {
            let services = services.iter().map(|service| (service.app.clone(), service.seen())).collect();
            (Some(swarm), true, services)
        }
        Err(trouble) => {
            let before = ctx.seen.region(&region.name);
            if before.as_ref().is_none_or(|before| before.reachable) {
                tracing::warn!(region = %region.name, ?trouble, "a region cannot be reached");
            }
            // The next look greets the engine anew; it may be another version by then.
            ctx.engines.forget(Noun::Region, &region.name).await;
            (None, false, before.map(|before| before.services.clone()).unwrap_or_default())
        }
    };
    if ctx.seen.put(&region.name, RegionSeen { checked_at: ctx.now(), reachable, services }) {
        ctx.hub.tell(Topic::Regions, None);
    }
    swarm
}
