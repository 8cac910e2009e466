//! What the gates ask of the world: whether the registry has the image, and whether each
//! region's Swarm answers. Looked up outside of any transaction, each look with a bound.

use crate::ctx::{Applied, Ctx};
use crate::engine::swarm::Swarm;
use crate::registry::Presence;
use domain::config::RegionConfig;
use domain::gate::Seen;
use domain::problem::Noun;
use domain::{Digest, ImageName, Time};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// A page takes what was seen this long ago for the present.
const KEPT: chrono::Duration = chrono::Duration::seconds(5);
/// A list takes older looks too: it asks nobody, and a promotion's own page looks anew.
const KEPT_FOR_LISTS: chrono::Duration = chrono::Duration::minutes(10);
/// What was seen longer ago than this counts for nothing at the moment of a start.
const FRESH: chrono::Duration = chrono::Duration::seconds(30);
/// A page waits this long for one look.
const PAGE: Duration = Duration::from_secs(2);
/// A start waits this long, because a slow answer is better there than none.
const START: Duration = Duration::from_secs(10);
/// Looks that are remembered; when there are more, all are forgotten and made again.
const MOST_LOOKS: usize = 2000;

/// How hard to look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// Anew, whatever was seen before: for a start.
    Anew,
    /// What was seen within five seconds, else anew: for a page.
    Page,
    /// Only what was seen before: for a list.
    Remembered,
}

/// What was seen, and under which configuration.
#[derive(Clone, Debug)]
pub struct World {
    pub applied: Arc<Applied>,
    pub image: Seen,
    pub regions: HashMap<String, Seen>,
}

/// What was seen before, by what was asked. Cloning is cheap.
#[derive(Clone, Default)]
pub struct GateLooks(Arc<Mutex<HashMap<String, Slot>>>);

/// Whoever holds it looks, and the others wait for what it sees.
type Slot = Arc<tokio::sync::Mutex<Option<Seen>>>;

impl GateLooks {
    fn slot(&self, key: String) -> Slot {
        let mut slots = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if slots.len() >= MOST_LOOKS && !slots.contains_key(&key) {
            slots.clear();
        }
        slots.entry(key).or_default().clone()
    }
}

/// When something was looked up.
pub fn at(seen: &Seen) -> Time {
    match seen {
        Seen::Yes { at } | Seen::No { at } | Seen::Unknown { at } => *at,
    }
}

impl World {
    /// Looks at the registry and at every region at once.
    pub async fn look(
        ctx: &Ctx,
        applied: Arc<Applied>,
        image: &ImageName,
        digest: &Digest,
        regions: &[String],
        how: How,
    ) -> Self {
        let asked = regions.iter().map(|name| {
            let region = applied.config.region(name);
            async move { (name.clone(), region_answers(ctx, region, how).await) }
        });
        let (image, regions) = tokio::join!(image_present(ctx, image, digest, how), futures::future::join_all(asked));
        Self { applied: applied.clone(), image, regions: regions.into_iter().collect() }
    }

    /// The same with everything unknown that was seen too long ago.
    pub fn fresh_at(self, now: Time) -> Self {
        let fresh = |seen: Seen| if now - at(&seen) > FRESH { Seen::Unknown { at: at(&seen) } } else { seen };
        let regions = self.regions.into_iter().map(|(name, seen)| (name, fresh(seen))).collect();
        Self { applied: self.applied, image: fresh(self.image), regions }
    }

    /// What was seen of a region; one that nobody looked at is unknown.
    pub fn region(&self, name: &str) -> Seen {
        self.regions.get(name).cloned().unwrap_or_else(|| Seen::Unknown { at: at(&self.image) })
    }
}

/// The app's own registry is asked. The one that a region pulls from may be reachable only
/// from inside the region; the rollout pulls there before it stops anything.
async fn image_present(ctx: &Ctx, image: &ImageName, digest: &Digest, how: How) -> Seen {
    let asked = async {
        match ctx.registry().presence(image, digest).await {
            Presence::Present => Some(true),
            Presence::Gone => Some(false),
            Presence::Unknown(_) => None,
        }
    };
    look_up(ctx, format!("image {}", image.at(digest)), how, asked).await
}

/// A region answers when a manager of its Swarm does. One that the configuration no longer
/// names does not.
async fn region_answers(ctx: &Ctx, region: Option<&RegionConfig>, how: How) -> Seen {
    let Some(region) = region else { return Seen::No { at: ctx.now() } };
    if how == How::Remembered
        && let Some(seen) = ctx.seen.region(&region.name).filter(|seen| ctx.now() - seen.checked_at <= KEPT_FOR_LISTS)
    {
        // The regions are watched all the time: that look is as good.
        let at = seen.checked_at;
        return if seen.reachable { Seen::Yes { at } } else { Seen::No { at } };
    }
    let asked = async { Some(manager_answers(ctx, region).await) };
    match look_up(ctx, format!("region {}", region.url), how, asked).await {
        // No answer within the bound is the answer; only a list, which asks nobody, does not know.
        Seen::Unknown { at } if how != How::Remembered => Seen::No { at },
        seen => seen,
    }
}

async fn manager_answers(ctx: &Ctx, region: &RegionConfig) -> bool {
    if Swarm::reach(&ctx.engines, region, ctx.instance()).await.is_err() {
        return false;
    }
    let Ok(docker) = ctx.engines.client(Noun::Region, &region.name, region.access()).await else { return false };
    match docker.info().await {
        Ok(info) => info.swarm.and_then(|swarm| swarm.control_available).unwrap_or(false),
        Err(cause) => {
            tracing::debug!(region = %region.name, %cause, "region does not answer");
            false
        }
    }
}

async fn look_up(ctx: &Ctx, key: String, how: How, asked: impl Future<Output = Option<bool>>) -> Seen {
    let slot = ctx.gate_looks.slot(key);
    let kept = |held: &Option<Seen>, most: chrono::Duration| held.clone().filter(|seen| ctx.now() - at(seen) <= most);
    match how {
        How::Remembered => {
            let held = slot.try_lock().ok().and_then(|held| kept(&held, KEPT_FOR_LISTS));
            held.unwrap_or(Seen::Unknown { at: ctx.now() })
        }
        How::Page => {
            let at = ctx.now();
            let look = async {
                let mut held = slot.lock().await;
                if let Some(seen) = kept(&held, KEPT) {
                    return seen;
                }
                let seen = bounded(at, PAGE, asked).await;
                *held = Some(seen.clone());
                seen
            };
            tokio::time::timeout(2 * PAGE, look).await.unwrap_or(Seen::Unknown { at })
        }
        How::Anew => {
            let seen = bounded(ctx.now(), START, asked).await;
            if let Ok(mut held) = slot.try_lock() {
                *held = Some(seen.clone());
            }
            seen
        }
    }
}

/// The time of a look is when it began: what it saw may have changed while it waited.
async fn bounded(at: Time, bound: Duration, asked: impl Future<Output = Option<bool>>) -> Seen {
    match tokio::time::timeout(bound, asked).await {
        Ok(Some(true)) => Seen::Yes { at },
        Ok(Some(false)) => Seen::No { at },
        Ok(None) | Err(_) => Seen::Unknown { at },
    }
}
