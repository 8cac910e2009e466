//! Events become builds, tags and moves.

use super::note;
use crate::ctx::{Ctx, Entry};
use crate::intake::{Event, Push};
use crate::store::builds::record as rows;
use crate::store::intake::{Outcome, Waiting};
use crate::store::{Tx, lock_app};
use domain::channel::channel_of;
use domain::config::{AppConfig, Config};
use domain::delivery::Reason;
use domain::id::BuildId;
use domain::{Actor, ChannelKind, ImageName, Problem, ReleaseTag, Time};
use std::collections::BTreeSet;

/// What one delivery changed, for whoever is told.
#[derive(Clone, Debug, Default)]
pub struct Changes {
    pub builds: BTreeSet<BuildId>,
    pub reasons: Vec<Reason>,
}

/// Records the events of one delivery.
pub struct Recorder<'a> {
    ctx: &'a Ctx,
    actor: &'a Actor,
    config: &'a Config,
    delivery: &'a Waiting,
    changes: Changes,
    recorded: bool,
}

/// A push whose app is known.
struct Known<'a> {
    app: &'a AppConfig,
    image: ImageName,
    push: Push,
    at: Time,
    channel: Option<&'a str>,
    release_key: Option<String>,
}

impl<'a> Recorder<'a> {
    pub fn new(ctx: &'a Ctx, actor: &'a Actor, config: &'a Config, delivery: &'a Waiting) -> Self {
        Self { ctx, actor, config, delivery, changes: Changes::default(), recorded: false }
    }

    /// Makes other work on the same apps wait, in one order for everyone.
    pub async fn lock(&self, tx: &mut Tx, events: &[Event]) -> Result<(), Problem> {
        let pushes = events.iter().filter_map(|event| event.fact.as_ref().ok());
        let apps: BTreeSet<&str> = pushes.filter_map(|push| Some(self.app_of(push)?.0.name.as_str())).collect();
        for app in apps {
            lock_app(tx, app).await?;
        }
        Ok(())
    }

    /// The first app that has one of the images.
    fn app_of<'p>(&self, push: &'p Push) -> Option<(&'a AppConfig, &'p ImageName)> {
        push.images.iter().find_map(|image| Some((self.config.app_by_image(image)?, image)))
    }

    pub async fn event(&mut self, tx: &mut Tx, event: Event) -> Result<(), Problem> {
        // A sender whose clock is ahead must not keep later events from moving the tag.
        let at = event.at.unwrap_or(self.delivery.received_at).min(self.delivery.received_at);
        match event.fact {
            Err(reason) => self.note(reason),
            Ok(push) => match self.app_of(&push) {
                Some((app, image)) => {
                    let image = image.clone();
                    let known = self.place(app, image, push, at);
                    self.push(tx, &known).await?;
                }
                None => {
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
    fn place(&mut self, app: &'a AppConfig, image: ImageName, push: Push, at: Time) -> Known<'a> {
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
        Known { app, image, push, at, channel, release_key: release.map(|release| release.sort_key()) }
    }

    async fn push(&mut self, tx: &mut Tx, known: &Known<'_>) -> Result<(), Problem> {
        self.recorded = true;
        let Known { app, push, .. } = known;
        let new = rows::NewBuild {
            id: self.ctx.new_id(),
            app: &app.name,
            image: &known.image,
            digest: &push.digest,
            seen_at: self.delivery.received_at,
            now: self.ctx.now(),
        };
        let build = rows::find_or_insert(tx, &new).await?;
        if build.new {
            let detail = format!("{} pushed as {}", push.digest, push.tag);
            self.audit(tx, "build.recorded", ("build", build.id.as_str()), &app.name, detail).await?;
        }
        self.changes.builds.insert(build.id.clone());
        let before = rows::tag(tx, &app.name, push.tag.as_str()).await?;
        match before {
            Some(tag) if tag.build == build.id => rows::confirm_tag(tx, &app.name, push.tag.as_str(), known.at).await,
            Some(tag) if tag.known_at > known.at => self.late(tx, known, &build).await,
            _ => {
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
        rows::point_tag(tx, &self.step(known, build, before.as_ref().map(|tag| &tag.build))).await?;
        let detail = match &before {
            None => format!("new, to {}", known.push.digest.short()),
            Some(before) => format!("from {} to {}", before.digest.short(), known.push.digest.short()),
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
            delivery: &self.delivery.id,
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

    /// What the delivery came to.
    pub fn finish(self) -> (Outcome, Changes) {
        let outcome = if self.recorded { Outcome::Done } else { Outcome::Ignored };
        (outcome, self.changes)
    }
}
