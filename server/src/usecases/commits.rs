//! Commits between builds, and what is said about a commit where it came from.
//!
//! A page reads the database only: [`ranges_of_build`] asks for what is not known yet, and the
//! worker reads it from the host's API or from a clone. What stands between two commits never
//! changes, so it is read once.

mod file;
pub mod host;
mod read;
mod statuses;

pub use file::stack_file;
pub use read::read_waiting;
pub use statuses::{post_waiting, region_verified, verdict_fell};

use crate::ctx::Ctx;
use crate::store::builds::{BuildRecord, TagRecord};
use crate::store::commits::{self as rows, Known};
use crate::store::internal;
use crate::usecases::intake;
use crate::usecases::regions::region_ref;
use app::view::{BuildCommits, CommitView, RangeState, RangeView, RegionRange, SinceBuild};
use domain::commits::{Commit, End, Range, Relation, is_revision, segments, web_address};
use domain::config::Config;
use domain::gate::Authors;
use domain::id::BuildId;
use domain::{Action, Actor, Problem};
use std::collections::HashMap;

/// Reads commits and posts statuses until the instance stops. What was left when it stopped the
/// last time is due at once.
pub async fn work(ctx: Ctx) {
    let reading = async {
        host::forget_clones(&ctx).await;
        loop {
            let next = read_waiting(&ctx).await;
            if !intake::pause(&ctx, next, &ctx.work.commits).await {
                return;
            }
        }
    };
    let posting = async {
        loop {
            let next = post_waiting(&ctx).await;
            if !intake::pause(&ctx, next, &ctx.work.statuses).await {
                return;
            }
        }
    };
    tokio::join!(reading, posting);
}

/// The commits that a build brings: since the build before it in its channel, and since what each
/// region was last seen to run. What is not known yet is asked for.
///
/// # Errors
/// [`Problem::Forbidden`], [`Problem::NotFound`].
pub async fn ranges_of_build(ctx: &Ctx, actor: &Actor, build: &BuildId) -> Result<BuildCommits, Problem> {
    actor.require(Action::Read)?;
    let subject = ctx.store.existing_build(build).await?;
    let applied = ctx.config();
    let before = ctx.store.build_before(&subject.app, build).await?;
    let running = running(ctx, &applied.config, &subject.app).await?;
    let ids: Vec<BuildId> =
        before.iter().map(|before| before.build.clone()).chain(running.iter().filter_map(|(_, id)| id.clone())).collect();
    let others = Others { builds: ctx.store.builds_by_id(&ids).await?, tags: ctx.store.tags_of(&ids).await? };
    let scene = Scene::look(ctx, &applied.config, subject, &others).await?;
    let regions = running
        .iter()
        .map(|(region, id)| RegionRange { region: region_ref(&applied.config, region), range: scene.view(id.as_ref(), &others) });
    Ok(BuildCommits {
        since_previous: before.as_ref().map(|before| scene.view(Some(&before.build), &others)),
        since_regions: regions.collect(),
        channel: before.map(|before| before.channel),
    })
}

/// Who wrote the commits that a build brings, as far as they were read: those since the build before it
/// in its channel.
///
/// # Errors
/// [`Problem::Internal`].
pub async fn authors(ctx: &Ctx, config: &Config, subject: &BuildRecord) -> Result<Authors, Problem> {
    let git = config.app(&subject.app).and_then(|app| app.git.as_deref());
    let (Some(git), Some(head)) = (git, usable(subject)) else { return Ok(Authors::Unknown) };
    let Some(before) = ctx.store.build_before(&subject.app, &subject.id).await? else { return Ok(Authors::Unknown) };
    let before = ctx.store.builds_by_id(std::slice::from_ref(&before.build)).await?;
    let Some(base) = before.values().find_map(usable) else { return Ok(Authors::Unknown) };
    let known = ctx.store.known_ranges(&subject.app, head, &[base]).await?;
    let known = known.into_values().find(|known| known.git == host::mark(git));
    Ok(known.and_then(|known| known.range).as_ref().map_or(Authors::Unknown, Authors::of))
}

/// The regions that run an app, in the configuration's order, each with the build that it runs.
async fn running(ctx: &Ctx, config: &Config, app: &str) -> Result<Vec<(String, Option<BuildId>)>, Problem> {
    let mut running = Vec::new();
    for region in &config.regions {
        let seen = ctx.seen.region(&region.name);
        let service = seen.as_ref().and_then(|seen| seen.services.get(app)).filter(|service| service.running > 0);
        let Some(digest) = service.and_then(|service| service.digest.clone()) else { continue };
        running.push((region.name.clone(), ctx.store.build_of_digest(app, &digest).await?));
    }
    Ok(running)
}

/// The builds that are compared with.
struct Others {
    builds: HashMap<BuildId, BuildRecord>,
    tags: HashMap<BuildId, Vec<TagRecord>>,
}

impl Others {
    fn word(&self, id: &BuildId) -> Option<SinceBuild> {
        let build = self.builds.get(id)?;
        let tags = self.tags.get(id).map(Vec::as_slice).unwrap_or_default();
        let best = tags.iter().find(|tag| tag.release_key.is_some()).or_else(|| tags.first());
        let name = best.map_or_else(|| build.digest.short().to_owned(), |tag| tag.name.clone());
        Some(SinceBuild { id: id.clone(), name, revision: build.revision.clone() })
    }
}

/// One build and what is known of its commits.
struct Scene {
    subject: BuildRecord,
    /// Whether the app names a repository.
    readable: bool,
    known: HashMap<String, Known>,
    web: Option<String>,
    issues: Option<String>,
}

impl Scene {
    /// Looks up what is known, and asks for the rest.
    async fn look(ctx: &Ctx, config: &Config, subject: BuildRecord, others: &Others) -> Result<Self, Problem> {
        let git = config.app(&subject.app).and_then(|app| app.git.clone());
        let host = git.as_deref().and_then(|git| host::of(config, git));
        let web = git.as_deref().and_then(web_address).or_else(|| subject.source.as_deref().and_then(web_address));
        let mut known = HashMap::new();
        if let (Some(git), Some(head)) = (&git, usable(&subject)) {
            let mut bases: Vec<&str> =
                others.builds.values().filter_map(usable).filter(|base| !base.eq_ignore_ascii_case(head)).collect();
            bases.sort_unstable();
            bases.dedup();
            let mark = host::mark(git);
            known = ctx.store.known_ranges(&subject.app, head, &bases).await?;
            known.retain(|_, range| range.git == mark);
            bases.retain(|base| !known.contains_key(*base));
            ask(ctx, &subject.app, &mark, &bases, head).await?;
        }
        let issues = host.and_then(|host| host.issues.clone());
        Ok(Self { subject, readable: git.is_some(), known, web, issues })
    }

    fn view(&self, since: Option<&BuildId>, others: &Others) -> RangeView {
        let other = since.and_then(|id| others.builds.get(id));
        let word = since.and_then(|id| others.word(id));
        let bare = |state| RangeView {
            since: word.clone(),
            state,
            trouble: None,
            ahead: Vec::new(),
            ahead_total: 0,
            behind: Vec::new(),
            behind_total: 0,
        };
        if other.is_some_and(|other| other.id == self.subject.id || is_same(other, &self.subject)) {
            return bare(RangeState::Same);
        }
        if !self.readable {
            return bare(RangeState::NoRepository);
        }
        let waits = |build: &BuildRecord| !build.described && build.undescribed.is_none();
        let (Some(base), Some(_)) = (other.and_then(usable), usable(&self.subject)) else {
            let later = waits(&self.subject) || other.is_some_and(waits);
            return bare(if later { RangeState::Waiting } else { RangeState::NoCommit });
        };
        let Some(known) = self.known.get(base) else { return bare(RangeState::Waiting) };
        let Some(range) = &known.range else {
            let state = if known.trouble.is_some() { RangeState::Failed } else { RangeState::Waiting };
            return RangeView { trouble: known.trouble, ..bare(state) };
        };
        let told = |commits: &[Commit]| commits.iter().map(|commit| self.commit(commit)).collect();
        RangeView {
            ahead: told(&range.ahead),
            ahead_total: range.ahead_total,
            behind: told(&range.behind),
            behind_total: range.behind_total,
            ..bare(state_of(range))
        }
    }

    fn commit(&self, commit: &Commit) -> CommitView {
        CommitView {
            url: domain::labels::commit_url(self.web.as_deref(), Some(&commit.hash)),
            subject: segments(&commit.subject, self.issues.as_deref()),
            hash: commit.hash.clone(),
            author: commit.author.clone(),
            at: commit.at,
            merge: commit.parents.len() > 1,
        }
    }
}

/// A build's commit, when its image says one.
fn usable(build: &BuildRecord) -> Option<&str> {
    build.revision.as_deref().filter(|revision| is_revision(revision))
}

fn is_same(one: &BuildRecord, other: &BuildRecord) -> bool {
    usable(one).zip(usable(other)).is_some_and(|(one, other)| one.eq_ignore_ascii_case(other))
}

fn state_of(range: &Range) -> RangeState {
    match range.relation {
        Relation::Ahead => RangeState::Ahead,
        Relation::Same => RangeState::Same,
        Relation::Behind => RangeState::Behind,
        Relation::Diverged => RangeState::Diverged,
        Relation::Unrelated => RangeState::Unrelated,
        Relation::Missing { which: End::Base } => RangeState::BaseMissing,
        Relation::Missing { which: End::Head } => RangeState::HeadMissing,
        Relation::Missing { which: End::Both } => RangeState::BothMissing,
    }
}

/// Leaves the ranges for the worker.
async fn ask(ctx: &Ctx, app: &str, mark: &str, bases: &[&str], head: &str) -> Result<(), Problem> {
    if bases.is_empty() {
        return Ok(());
    }
    let mut tx = ctx.store.begin().await?;
    for base in bases {
        rows::ask(&mut tx, app, mark, base, head, ctx.now()).await?;
    }
    tx.commit().await.map_err(internal)?;
    ctx.work.commits.notify_one();
    Ok(())
}
