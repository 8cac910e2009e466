//! Events become builds, tags and moves.

use super::{note, runs};
use crate::ctx::{Ctx, Entry};
use crate::intake::{Event, Fact, Push};
use crate::store::builds::record as rows;
use crate::store::intake::{Outcome, Thing};
use crate::store::{Tx, lock_app};
use crate::usecases::notifications;
use domain::channel::channel_of;
use domain::config::{AppConfig, Config};
use domain::delivery::Reason;
use domain::id::{BuildId, DeliveryId, RunId};
use domain::keep;
use domain::problem::Fault;
use domain::{Actor, ChannelKind, Digest, ImageName, Problem, ReleaseTag, Time};
use std::collections::BTreeSet;

/// Builds and runs that are kept with one delivery.
const MOST_THINGS: usize = 50;

/// What one delivery changed, for whoever is told.
#[derive(Clone, Debug, Default)]
pub struct Changes {
    pub builds: BTreeSet<BuildId>,
    pub runs: BTreeSet<RunId>,
    pub reasons: Vec<Reason>,
}

impl Changes {
    /// What is kept with the delivery.
    pub fn things(&self) -> Vec<Thing> {
        let builds = self.builds.iter().cloned().map(Thing::Build);
        builds.chain(self.runs.iter().cloned().map(Thing::Run)).take(MOST_THINGS).collect()
    }
}

/// Records the events of one delivery.
pub struct Recorder<'a> {
    ctx: &'a Ctx,
    actor: &'a Actor,
    config: &'a Config,
    origin: Origin<'a>,
    changes: Changes,
    recorded: bool,
    moved: bool,
}

/// Where events come from: a delivery, or a registry that was read.
#[derive(Clone, Copy)]
pub struct Origin<'a> {
    pub source: &'a str,
    pub delivery: Option<&'a DeliveryId>,
    pub received_at: Time,
}

/// A push whose app is known.
struct Known<'a> {
    app: &'a AppConfig,
    image: ImageName,
    push: Push,
    digest: Digest,
    at: Time,
    channel: Option<&'a str>,
    release_key: Option<String>,
}

/// The first app that has one of the images.
pub fn app_of<'c, 'p>(config: &'c Config, push: &'p Push) -> Option<(&'c AppConfig, &'p ImageName)> {
    push.images.iter().find_map(|image| Some((config.app_by_image(image)?, image)))
}

impl<'a> Recorder<'a> {
    pub fn new(ctx: &'a Ctx, actor: &'a Actor, config: &'a Config, origin: Origin<'a>) -> Self {
        Self { ctx, actor, config, origin, changes: Changes::default(), recorded: false, moved: false }
    }

    /// Makes other work on the same apps wait, in one order for everyone.
    pub async fn lock(&self, tx: &mut Tx, events: &[Event]) -> Result<(), Problem> {
        let mut apps: BTreeSet<&str> = BTreeSet::new();
        for fact in events.iter().filter_map(|event| event.fact.as_ref().ok()) {
            match fact {
                Fact::Push(push) => apps.extend(app_of(self.config, push).map(|(app, _)| app.name.as_str())),
                Fact::Run(run) => apps.extend(runs::apps_of(self.config, run).map(|app| app.name.as_str())),
            }
        }
        for app in apps {
            lock_app(tx, app).await?;
        }
        Ok(())
    }

    pub async fn event(&mut self, tx: &mut Tx, event: Event) -> Result<(), Problem> {
        // A sender whose clock is ahead must not keep later events from moving the tag.
        let at = event.at.unwrap_or(self.origin.received_at).min(self.origin.received_at);
        match event.fact {
            Err(reason) => self.note(reason),
            Ok(Fact::Run(run)) => {
                let told = runs::record(self.ctx, tx, self.config, &run, &self.origin, at).await?;
                self.recorded |= !told.runs.is_empty();
                self.changes.runs.extend(told.runs);
                self.changes.builds.extend(told.builds);
                told.reasons.into_iter().for_each(|reason| self.note(reason));
            }
            Ok(Fact::Push(push)) if keep::is_ours(&push.tag) => self.note(Reason::OwnTag { tag: push.tag.to_string() }),
            Ok(Fact::Push(push)) => match (app_of(self.config, &push), push.digest.clone()) {
                (Some((app, image)), Some(digest)) => {
                    let image = image.clone();
                    let known = self.place(app, image, push, digest, at);
                    self.push(tx, &known).await?;
                }
                // It was asked for before, and the registry has it no longer.
                (Some((_, image)), None) => {
                    let given = format!("{image}:{}", push.tag);
                    self.note(Reason::Unusable { field: "digest".to_owned(), given, why: Fault::Missing });
                }
                (None, _) => {
                    let image = push.images.first().map_or_else(String::new, ToString::to_string);
                    self.note(Reason::UnknownApp { image });
                }
            },
        }
        Ok(())
    }

    fn note(&mut self, reason: Reason) {
        note(&mut self.changes.reasons, reason);
    }

    /// The channel of the tag and its place in the order of releases.
    fn place(&mut self, app: &'a AppConfig, image: ImageName, push: Push, digest: Digest, at: Time) -> Known<'a> {
        let tag = push.tag.as_str();
        let channel = channel_of(&app.channels, &push.tag);
        let release: Option<ReleaseTag> = tag.parse().ok();
        if channel.is_none() {
            self.note(Reason::NoChannel { tag: tag.to_owned() });
        }
        let should_be_release =
            channel.is_some_and(|channel| channel.kind == ChannelKind::Release) || tag.starts_with("release-v");
        if should_be_release && release.is_none() {
            self.note(Reason::NotARelease { tag: tag.to_owned() });
        }
        let channel = channel.map(|channel| channel.name.as_str());
        Known { app, image, push, digest, at, channel, release_key: release.map(|release| release.sort_key()) }
    }

    async fn push(&mut self, tx: &mut Tx, known: &Known<'_>) -> Result<(), Problem> {
        self.recorded = true;
        let Known { app, push, .. } = known;
        let new = rows::NewBuild {
            id: self.ctx.new_id(),
            app: &app.name,
            image: &known.image,
            digest: &known.digest,
            seen_at: self.origin.received_at,
            now: self.ctx.now(),
        };
        let build = rows::find_or_insert(tx, &new).await?;
        if build.new {
            let detail = format!("{} pushed as {}", known.digest, push.tag);
            self.audit(tx, "build.recorded", ("build", build.id.as_str()), &app.name, detail).await?;
        }
        self.changes.builds.insert(build.id.clone());
        let before = rows::tag(tx, &app.name, push.tag.as_str()).await?;
        match before {
            Some(tag) if tag.build == build.id => rows::confirm_tag(tx, &app.name, push.tag.as_str(), known.at).await,
            Some(tag) if tag.known_at > known.at => self.late(tx, known, &build).await,
            _ => {
                self.moved = true;
                if let Some(left) = &before {
                    self.changes.builds.insert(left.build.clone());
                }
                self.move_tag(tx, known, &build, before).await
            }
        }
    }

    async fn move_tag(
        &self,
        tx: &mut Tx,
        known: &Known<'_>,
        build: &rows::Found,
        before: Option<rows::TagRow>,
    ) -> Result<(), Problem> {
        let (app, tag) = (known.app.name.as_str(), known.push.tag.as_str());
        let step = self.step(known, build, before.as_ref().map(|tag| &tag.build));
        rows::point_tag(tx, &step).await?;
        notifications::tag_moved(self.ctx, tx, &step, before.as_ref()).await?;
        let detail = match &before {
            None => format!("new, to {}", known.digest.short()),
            Some(before) => format!("from {} to {}", before.digest.short(), known.digest.short()),
        };
        self.audit(tx, "tag.moved", ("tag", tag), app, detail).await
    }

    /// Kept as history, where it belongs by its time; the tag stays where it is.
    async fn late(&mut self, tx: &mut Tx, known: &Known<'_>, build: &rows::Found) -> Result<(), Problem> {
        self.note(Reason::MovedOn { tag: known.push.tag.to_string() });
        let before = rows::pointed_at(tx, &known.app.name, known.push.tag.as_str(), known.at).await?;
        if before.as_ref() == Some(&build.id) {
            return Ok(());
        }
        rows::add_move(tx, &self.step(known, build, before.as_ref())).await
    }

    fn step<'s>(&self, known: &'s Known<'_>, build: &'s rows::Found, previous: Option<&'s BuildId>) -> rows::Step<'s>
    where
        'a: 's,
    {
        rows::Step {
            id: self.ctx.new_id(),
            app: &known.app.name,
            tag: known.push.tag.as_str(),
            channel: known.channel,
            release_key: known.release_key.as_deref(),
            build,
            previous,
            at: known.at,
            delivery: self.origin.delivery,
        }
    }

    async fn audit(
        &self,
        tx: &mut Tx,
        action: &str,
        (subject_kind, subject): (&str, &str),
        app: &str,
        detail: String,
    ) -> Result<(), Problem> {
        self.ctx.audit(tx, self.actor, Entry { action, subject_kind, subject, app: Some(app), detail }).await
    }

    /// Whether a tag was new or went elsewhere.
    pub fn moved(&self) -> bool {
        self.moved
    }

    /// What the events came to.
    pub fn finish(self) -> (Outcome, Changes) {
        let outcome = if self.recorded { Outcome::Done } else { Outcome::Ignored };
        (outcome, self.changes)
    }
}
