//! Images at the registries that regions pull from, where Slipway may write there: what an open promotion
//! wants is copied before it starts, and what a region runs or would go back to keeps a tag.
//!
//! Nothing of this is written down: what is wanted is in the database already, what is there the registry says.
//! So starting is also resuming, and what was cleaned up is brought again.

use crate::ctx::{Ctx, Entry, Work};
use crate::hub::Topic;
use crate::registry::Presence;
use crate::store::internal;
use crate::usecases::promotions::{image_of, pulled_from};
use domain::config::Config;
use domain::gate::world::Errand;
use domain::keep::{Kept, kept, tag};
use domain::{Actor, Digest, ImageName, Problem, Time};
use futures::StreamExt as _;
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::task::JoinSet;

/// How often it is looked at what nobody said.
const LOOK_AGAIN: Duration = Duration::from_secs(30);
/// What was seen at a registry is not asked for again before.
const SEEN: chrono::TimeDelta = chrono::TimeDelta::minutes(10);
/// Images of open promotions that are looked at, and copies that are under way at the same time.
const MOST: i64 = 500;
const AT_ONCE: usize = 3;
/// One try of one errand; the next goes on from what is there.
const LONGEST: Duration = Duration::from_secs(2 * 3600);
/// Open pages hear of progress so often.
const PACE: chrono::TimeDelta = chrono::TimeDelta::seconds(1);
/// After a failure, doubled with each.
const FIRST_PAUSE: i64 = 5;
const MOST_DOUBLED: u32 = 7;
/// What is remembered; when there is more, all is forgotten and looked at again.
const MOST_REMEMBERED: usize = 5000;

/// What Slipway is to do at a registry.
#[derive(Clone, Debug)]
enum Task {
    Copy { from: ImageName, to: ImageName, digest: Digest },
    Pin { image: ImageName, digest: Digest, tag: String },
}

/// How errands go. In memory only. Cloning is cheap.
#[derive(Clone, Default)]
pub struct Errands(Arc<Mutex<HashMap<String, Stand>>>);

#[derive(Clone)]
enum Stand {
    Seen(Time),
    UnderWay { done: u64, all: u64 },
    Failed { why: Problem, tries: u32, again: Time },
}

impl Errands {
    /// How the copy of an image to where a region pulls it from stands.
    pub fn copy(&self, config: &Config, to: &ImageName, digest: &Digest) -> Errand {
        self.errand(config, to, &to.at(digest))
    }

    /// How the tag that keeps an image stands, for whoever saw that none of `tags` is there.
    pub fn pin(&self, config: &Config, image: &ImageName, digest: &Digest, tags: &[String]) -> Errand {
        let stands = tags.iter().map(|tag| self.errand(config, image, &pinned(image, digest, tag)));
        stands.reduce(|one, other| if one == Errand::Due { other } else { one }).unwrap_or(Errand::Due)
    }

    fn errand(&self, config: &Config, image: &ImageName, key: &str) -> Errand {
        if !may_write(config, image) {
            return Errand::NotAllowed;
        }
        match self.held().get(key) {
            Some(Stand::UnderWay { done, all }) => Errand::UnderWay { done: *done, all: *all },
            Some(Stand::Failed { why, .. }) => Errand::Failed { why: why.clone() },
            Some(Stand::Seen(_)) | None => Errand::Due,
        }
    }

    /// What was thought to be where a region pulls it from is not, or not any more: it is looked at again.
    pub fn missing(&self, work: &Work, to: &ImageName, digest: &Digest) {
        let mut held = self.held();
        if matches!(held.get(&to.at(digest)), Some(Stand::Seen(_))) {
            held.remove(&to.at(digest));
            work.images.notify_one();
        }
    }

    fn is_due(&self, key: &str, now: Time) -> bool {
        match self.held().get(key) {
            Some(Stand::Seen(at)) => now - *at > SEEN,
            Some(Stand::Failed { again, .. }) => now >= *again,
            Some(Stand::UnderWay { .. }) => false,
            None => true,
        }
    }

    fn set(&self, key: String, stand: Stand) {
        let mut held = self.held();
        if held.len() >= MOST_REMEMBERED && !held.contains_key(&key) {
            held.clear();
        }
        held.insert(key, stand);
    }

    fn failed(&self, key: String, why: Problem, now: Time) {
        let tries = match self.held().get(&key) {
            Some(Stand::Failed { tries, .. }) => tries + 1,
            _ => 0,
        };
        let pause = FIRST_PAUSE << tries.min(MOST_DOUBLED);
        self.set(key, Stand::Failed { why, tries, again: now + chrono::TimeDelta::seconds(pause) });
    }

    fn held(&self) -> MutexGuard<'_, HashMap<String, Stand>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether Slipway may write to where this image is.
pub fn may_write(config: &Config, image: &ImageName) -> bool {
    config.registry(image.host()).is_some_and(|registry| registry.push)
}

/// The tags that keep an app's image for a region.
pub fn tags(instance: &str, app: &str, region: &str) -> [String; 2] {
    Kept::ALL.map(|kept| tag(instance, app, region, kept))
}

fn pinned(image: &ImageName, digest: &Digest, tag: &str) -> String {
    format!("{}:{tag}", image.at(digest))
}

impl Task {
    fn key(&self) -> String {
        match self {
            Task::Copy { to, digest, .. } => to.at(digest),
            Task::Pin { image, digest, tag } => pinned(image, digest, tag),
        }
    }
}

/// Runs errands until the instance stops. What was half copied then is gone on with after the next start.
pub async fn work(ctx: Ctx) {
    let mut copying = JoinSet::new();
    loop {
        // When the database does not answer, the cause is in the log already.
        let (copies, pins) = due(&ctx).await.unwrap_or_default();
        for (app, task) in copies.into_iter().take(AT_ONCE.saturating_sub(copying.len())) {
            ctx.images.set(task.key(), Stand::UnderWay { done: 0, all: 0 });
            copying.spawn(run(ctx.clone(), app, task));
        }
        // A copy takes its time; a tag waits for none.
        let pinning = futures::stream::iter(pins).for_each_concurrent(AT_ONCE, |(app, task)| run(ctx.clone(), app, task));
        if ctx.work.stop.run_until_cancelled(pinning).await.is_none() {
            break;
        }
        tokio::select! {
            () = ctx.work.stop.cancelled() => break,
            () = ctx.work.images.notified() => {}
            () = tokio::time::sleep(LOOK_AGAIN) => {}
            Some(_) = copying.join_next() => {}
        }
    }
    copying.shutdown().await;
}

/// Errands, each with the app that it is run for.
type Tasks = Vec<(String, Task)>;

/// What is to be copied and what is to be pinned.
async fn due(ctx: &Ctx) -> Result<(Tasks, Tasks), Problem> {
    let applied = ctx.config();
    let config = &applied.config;
    if !config.registries.iter().any(|registry| registry.push) {
        return Ok(Default::default());
    }
    let mut known = HashSet::new();
    let mut new = |(_, task): &(String, Task)| ctx.images.is_due(&task.key(), ctx.now()) && known.insert(task.key());
    let (mut copies, mut pins) = (copies(ctx, config).await?, pins(ctx, config).await?);
    copies.retain(&mut new);
    pins.retain(&mut new);
    Ok((copies, pins))
}

async fn copies(ctx: &Ctx, config: &Config) -> Result<Tasks, Problem> {
    let copy = |wanted: crate::store::images::Wanted| {
        let from = image_of(config, &wanted.app, wanted.image);
        let to = pulled_from(config, &wanted.region, &from).filter(|to| *to != from && may_write(config, to))?;
        Some((wanted.app, Task::Copy { from, to, digest: wanted.digest }))
    };
    Ok(ctx.store.wanted_images(MOST).await?.into_iter().filter_map(copy).collect())
}

async fn pins(ctx: &Ctx, config: &Config) -> Result<Tasks, Problem> {
    let mut tasks = Vec::new();
    for app in &config.apps {
        for region in &config.regions {
            let Some(image) = pulled_from(config, &region.name, &app.image).filter(|image| may_write(config, image)) else {
                continue;
            };
            let (past, _) = ctx.store.past(&app.name, &region.name).await?;
            for (why, digest) in kept(&past) {
                let tag = tag(ctx.instance(), &app.name, &region.name, why);
                tasks.push((app.name.clone(), Task::Pin { image: image.clone(), digest, tag }));
            }
        }
    }
    Ok(tasks)
}

async fn run(ctx: Ctx, app: String, task: Task) {
    let key = task.key();
    let done = tokio::time::timeout(LONGEST, carry_out(&ctx, &task)).await.unwrap_or(Err(Problem::Busy));
    match done {
        Ok(did) => {
            ctx.images.set(key, Stand::Seen(ctx.now()));
            if let Some((action, detail)) = did {
                tracing::info!(app, ?task, "an image is where a region needs it");
                // What was done stays done; that it could not be recorded is in the log already.
                let _ = record(&ctx, &app, &task, (action, detail)).await;
                ctx.hub.tell(Topic::Promotions, None);
                // A gate may have opened.
                ctx.work.bookings.notify_one();
            }
        }
        Err(why) => {
            tracing::warn!(app, ?task, problem = %why, "an image is not where a region needs it");
            ctx.images.failed(key, why, ctx.now());
            ctx.hub.tell(Topic::Promotions, None);
        }
    }
}

/// Does it, and says what was done; nothing when it was so already.
async fn carry_out(ctx: &Ctx, task: &Task) -> Result<Option<(&'static str, String)>, Problem> {
    let registry = ctx.registry();
    match task {
        Task::Copy { from, to, digest } => {
            match registry.presence(to, digest).await {
                Presence::Present => return Ok(None),
                Presence::Unknown(problem) => return Err(problem),
                Presence::Gone => {}
            }
            let told = Mutex::new(None::<Time>);
            let say = |done: u64, all: u64| {
                ctx.images.set(task.key(), Stand::UnderWay { done, all });
                let mut told = told.lock().unwrap_or_else(PoisonError::into_inner);
                if told.is_none_or(|at| ctx.now() - at >= PACE) {
                    *told = Some(ctx.now());
                    ctx.hub.tell(Topic::Promotions, None);
                }
            };
            let bytes = registry.copy(from, to, digest, say).await?;
            metrics::counter!("slipway_images_copied_total").increment(1);
            Ok(Some(("digest.copied", format!("from {from}, {bytes} bytes"))))
        }
        Task::Pin { image, digest, tag } => {
            let put = registry.put_tag(image, digest, tag).await?;
            Ok(put.then(|| ("digest.kept", format!("{} under {tag}", digest.short()))))
        }
    }
}

async fn record(ctx: &Ctx, app: &str, task: &Task, (action, detail): (&str, String)) -> Result<(), Problem> {
    let subject = match task {
        Task::Copy { to, digest, .. } => to.at(digest),
        Task::Pin { image, digest, .. } => image.at(digest),
    };
    let mut tx = ctx.store.begin().await?;
    let entry = Entry { action, subject_kind: "image", subject: &subject, app: Some(app), detail };
    ctx.audit(&mut tx, &Actor::Slipway, entry).await?;
    tx.commit().await.map_err(internal)?;
    ctx.hub.tell(Topic::Activity, None);
    Ok(())
}
