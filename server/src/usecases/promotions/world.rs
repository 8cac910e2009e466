//! What the gates ask of the world: whether the registries have the image and the one to go back
//! to, whether each region's Swarm answers, and what its nodes can hold. Looked up outside of any
//! transaction, each look with a bound.

use crate::ctx::{Applied, Ctx};
use crate::engine::swarm::Swarm;
use crate::registry::Presence;
use crate::store::promotions::PromotionRecord;
use crate::store::{internal, promotions as rows};
use crate::usecases::images;
use domain::config::{Config, RegionConfig};
use domain::gate::world::{Errand, Node};
use domain::gate::{Authors, Seen};
use domain::rollback::back_after;
use domain::{Digest, ImageName, Problem, Time};
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

/// What is looked at.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    pub app: &'a str,
    pub image: &'a ImageName,
    pub digest: &'a Digest,
    /// Each with the digest that a rollback would go to afterwards.
    pub regions: &'a [(String, Option<Digest>)],
}

/// What was seen, and under which configuration.
#[derive(Clone, Debug)]
pub struct World {
    pub applied: Arc<Applied>,
    pub image: Seen,
    regions: HashMap<String, Region>,
    /// Who wrote the build. What stands between two commits never changes, so any look at it is fresh.
    pub authors: Authors,
}

/// What was seen of one region.
#[derive(Clone, Debug)]
pub struct Region {
    pub reachable: Seen,
    /// Its nodes; none when they could not be asked.
    pub nodes: Option<(Vec<Node>, Time)>,
    /// The image at the region's own registry, if it has one.
    pub image: Option<Seen>,
    /// How its copy to there stands.
    pub copy: Errand,
    /// A digest to go back to, at the registry that the region pulls from.
    pub back: Option<Back>,
}

/// What was seen of a digest to go back to.
#[derive(Clone, Debug)]
pub struct Back {
    pub digest: Digest,
    pub kept: Seen,
    /// Whether a tag of ours is on it.
    pub pinned: bool,
    /// How that tag stands where it is not.
    pub pin: Errand,
}

/// What was seen before, by what was asked. Cloning is cheap.
#[derive(Clone, Default)]
pub struct GateLooks {
    images: Slots<bool>,
    regions: Slots<Answer>,
}

/// What a region's engine said of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Answer {
    manages: bool,
    nodes: Option<Vec<Node>>,
}

/// One look: when it began, and what was seen, if it could be asked.
#[derive(Clone, Debug)]
struct Found<T> {
    at: Time,
    what: Option<T>,
}

struct Slots<T>(Arc<Mutex<HashMap<String, Slot<T>>>>);

/// Whoever holds it looks, and the others wait for what it sees.
type Slot<T> = Arc<tokio::sync::Mutex<Option<Found<T>>>>;

impl<T> Clone for Slots<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T> Default for Slots<T> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<T> Slots<T> {
    fn slot(&self, key: String) -> Slot<T> {
        let mut slots = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if slots.len() >= MOST_LOOKS && !slots.contains_key(&key) {
            slots.clear();
        }
        slots.entry(key).or_default().clone()
    }
}

impl Found<bool> {
    fn seen(&self) -> Seen {
        match self.what {
            Some(true) => Seen::Yes { at: self.at },
            Some(false) => Seen::No { at: self.at },
            None => Seen::Unknown { at: self.at },
        }
    }
}

/// When something was looked up.
pub fn at(seen: &Seen) -> Time {
    match seen {
        Seen::Yes { at } | Seen::No { at } | Seen::Unknown { at } => *at,
    }
}

/// Each region with the digest that a rollback would go to once this promotion is through. A
/// rollback asks for none.
///
/// # Errors
/// [`Problem::Internal`].
pub async fn with_ways_back(
    ctx: &Ctx,
    promotion: &PromotionRecord,
    regions: Vec<String>,
) -> Result<Vec<(String, Option<Digest>)>, Problem> {
    let mut connection = ctx.store.read().acquire().await.map_err(internal)?;
    let mut both = Vec::with_capacity(regions.len());
    for region in regions {
        let back = if promotion.kind.goes_back() {
            None
        } else {
            let (past, _) = rows::past_in(&mut connection, &promotion.app, &region).await?;
            back_after(&past, &promotion.digest)
        };
        both.push((region, back));
    }
    Ok(both)
}

/// The name under which a region pulls an image; none when its registry is no host.
pub fn pulled_from(config: &Config, region: &str, image: &ImageName) -> Option<ImageName> {
    match config.region(region).and_then(|region| region.registry.as_ref()) {
        Some(host) => ImageName::new(host, image.repository()).ok(),
        None => Some(image.clone()),
    }
}

impl World {
    /// Nobody was asked: for decisions to which the world is all the same.
    pub fn unseen(ctx: &Ctx, applied: Arc<Applied>) -> Self {
        let image = Seen::Unknown { at: ctx.now() };
        Self { applied, image, regions: HashMap::new(), authors: Authors::Unknown }
    }

    pub fn by(self, authors: Authors) -> Self {
        Self { authors, ..self }
    }

    /// Looks at the registries and at every region at once.
    pub async fn look(ctx: &Ctx, applied: Arc<Applied>, subject: Subject<'_>, how: How) -> Self {
        let asked = subject.regions.iter().map(|(name, back)| {
            let config = &applied.config;
            async move { (name.clone(), look_at_region(ctx, config, subject, (name, back.as_ref()), how).await) }
        });
        let image = image_present(ctx, subject.image, subject.digest, how);
        let (image, regions) = tokio::join!(image, futures::future::join_all(asked));
        Self { applied: applied.clone(), image, regions: regions.into_iter().collect(), authors: Authors::Unknown }
    }

    /// The same with everything unknown that was seen too long ago.
    pub fn fresh_at(self, now: Time) -> Self {
        let old = |at: Time| now - at > FRESH;
        let fresh = |seen: Seen| if old(at(&seen)) { Seen::Unknown { at: at(&seen) } } else { seen };
        let region = |region: Region| Region {
            reachable: fresh(region.reachable),
            nodes: region.nodes.filter(|(_, at)| !old(*at)),
            image: region.image.map(fresh),
            copy: region.copy,
            back: region.back.map(|back| Back { kept: fresh(back.kept), ..back }),
        };
        let regions = self.regions.into_iter().map(|(name, seen)| (name, region(seen))).collect();
        Self { image: fresh(self.image), regions, ..self }
    }

    /// What was seen of a region; one that nobody looked at is unknown.
    pub fn region(&self, name: &str) -> Region {
        let nobody = || Region {
            reachable: Seen::Unknown { at: at(&self.image) },
            nodes: None,
            image: Some(Seen::Unknown { at: at(&self.image) }),
            copy: Errand::NotAllowed,
            back: None,
        };
        self.regions.get(name).cloned().unwrap_or_else(nobody)
    }
}

async fn look_at_region(
    ctx: &Ctx,
    config: &Config,
    subject: Subject<'_>,
    (name, back): (&str, Option<&Digest>),
    how: How,
) -> Region {
    let region = config.region(name);
    let own = region.is_some_and(|region| region.registry.is_some());
    let pulled = pulled_from(config, name, subject.image);
    let image = async {
        match &pulled {
            _ if !own => None,
            Some(pulled) => {
                let seen = image_present(ctx, pulled, subject.digest, how).await;
                if matches!(seen, Seen::No { .. }) {
                    ctx.images.missing(&ctx.work, pulled, subject.digest);
                }
                Some(seen)
            }
            None => Some(Seen::Unknown { at: ctx.now() }),
        }
    };
    let back = async {
        let (digest, pulled) = (back?, pulled.as_ref()?);
        let tags = images::tags(ctx.instance(), subject.app, name);
        let pinned = is_pinned(ctx, config, (pulled, digest), &tags, how);
        let (kept, pinned) = tokio::join!(image_present(ctx, pulled, digest, how), pinned);
        let pin = ctx.images.pin(config, pulled, digest, &tags);
        Some(Back { digest: digest.clone(), kept, pinned, pin })
    };
    let (found, image, back) = tokio::join!(region_answers(ctx, region, how), image, back);
    let nodes = found.what.as_ref().and_then(|answer| answer.nodes.clone()).map(|nodes| (nodes, found.at));
    let reachable = Found { at: found.at, what: found.what.map(|answer| answer.manages) }.seen();
    let copy = pulled.map_or(Errand::NotAllowed, |pulled| ctx.images.copy(config, &pulled, subject.digest));
    Region { reachable, nodes, image, copy, back }
}

/// Whether the registry of this name has the image. The app's own is asked for everybody; one that
/// only a region pulls from is asked too, with its own account, and the rollout pulls there
/// before it stops anything.
async fn image_present(ctx: &Ctx, image: &ImageName, digest: &Digest, how: How) -> Seen {
    let asked = async {
        match ctx.registry().presence(image, digest).await {
            Presence::Present => Some(true),
            Presence::Gone => Some(false),
            Presence::Unknown(_) => None,
        }
    };
    look_up(ctx, ctx.gate_looks.images.slot(image.at(digest)), how, asked).await.seen()
}

/// Whether a tag of ours keeps the image. Nobody is asked where Slipway puts none.
async fn is_pinned(ctx: &Ctx, config: &Config, (image, digest): (&ImageName, &Digest), tags: &[String], how: How) -> bool {
    if !images::may_write(config, image) {
        return false;
    }
    for tag in tags {
        let asked = async { ctx.registry().tag_points_at(image, tag).await.ok().map(|found| found.as_ref() == Some(digest)) };
        let slot = ctx.gate_looks.images.slot(format!("{}:{tag}", image.at(digest)));
        if look_up(ctx, slot, how, asked).await.what == Some(true) {
            return true;
        }
    }
    false
}

/// A region answers when a manager of its Swarm does. One that the configuration no longer
/// names does not.
async fn region_answers(ctx: &Ctx, region: Option<&RegionConfig>, how: How) -> Found<Answer> {
    let away = Answer { manages: false, nodes: None };
    let Some(region) = region else { return Found { at: ctx.now(), what: Some(away) } };
    let asked = async { Some(manager_answers(ctx, region).await) };
    let found = look_up(ctx, ctx.gate_looks.regions.slot(region.url.clone()), how, asked).await;
    if how != How::Remembered {
        // No answer within the bound is the answer; only a list, which asks nobody, does not know.
        return Found { at: found.at, what: Some(found.what.unwrap_or(away)) };
    }
    // The regions are watched all the time: that look is as good, as far as it goes.
    let watched = ctx.seen.region(&region.name).filter(|seen| ctx.now() - seen.checked_at <= KEPT_FOR_LISTS);
    match watched.filter(|seen| found.what.is_none() || seen.checked_at >= found.at) {
        Some(seen) => {
            let nodes = found.what.and_then(|answer| answer.nodes).filter(|_| seen.reachable);
            Found { at: seen.checked_at, what: Some(Answer { manages: seen.reachable, nodes }) }
        }
        None => found,
    }
}

async fn manager_answers(ctx: &Ctx, region: &RegionConfig) -> Answer {
    let asked = async {
        let swarm = Swarm::reach(&ctx.engines, region, ctx.instance()).await?;
        let manages = swarm.manages().await?;
        let nodes = if manages { swarm.nodes().await.ok() } else { None };
        Ok::<_, crate::engine::swarm::Trouble>(Answer { manages, nodes })
    };
    match asked.await {
        Ok(answer) => answer,
        Err(trouble) => {
            tracing::debug!(region = %region.name, ?trouble, "region does not answer");
            Answer { manages: false, nodes: None }
        }
    }
}

async fn look_up<T: Clone>(ctx: &Ctx, slot: Slot<T>, how: How, asked: impl Future<Output = Option<T>>) -> Found<T> {
    let kept = |held: &Option<Found<T>>, most: chrono::Duration| held.clone().filter(|found| ctx.now() - found.at <= most);
    let at = ctx.now();
    match how {
        How::Remembered => {
            let held = slot.try_lock().ok().and_then(|held| kept(&held, KEPT_FOR_LISTS));
            held.unwrap_or(Found { at, what: None })
        }
        How::Page => {
            let look = async {
                let mut held = slot.lock().await;
                if let Some(found) = kept(&held, KEPT) {
                    return found;
                }
                let found = bounded(at, PAGE, asked).await;
                *held = Some(found.clone());
                found
            };
            tokio::time::timeout(2 * PAGE, look).await.unwrap_or(Found { at, what: None })
        }
        How::Anew => {
            let found = bounded(at, START, asked).await;
            if let Ok(mut held) = slot.try_lock() {
                *held = Some(found.clone());
            }
            found
        }
    }
}

/// The time of a look is when it began: what it saw may have changed while it waited.
async fn bounded<T>(at: Time, bound: Duration, asked: impl Future<Output = Option<T>>) -> Found<T> {
    Found { at, what: tokio::time::timeout(bound, asked).await.unwrap_or(None) }
}
