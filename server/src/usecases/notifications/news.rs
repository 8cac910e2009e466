//! What is told of, and its way into the outbox. Each call is one line where it happens.

use crate::ctx::Ctx;
use crate::intake::Run;
use crate::notify::CommitLine;
use crate::store::builds::record::{Step, TagRow};
use crate::store::canaries::CanaryRow;
use crate::store::decisions::VerdictRow;
use crate::store::environments::EnvironmentRecord;
use crate::store::notifications as rows;
use crate::store::promotions::PromotionRecord;
use crate::store::rollouts::RolloutRow;
use crate::store::runs::RunRow;
use crate::store::{Tx, internal};
use domain::canary::ReturnCause;
use domain::id::{BuildId, EnvironmentId, PromotionId};
use domain::notify::EventKind;
use domain::verdict::VerdictKind;
use domain::{Problem, Time};
use serde::{Deserialize, Serialize};

/// Something that happened, as data: words are made of it later, in the target's language.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct News {
    pub event: EventKind,
    pub at: Time,
    pub what: What,
    pub app: Option<String>,
    /// The channels of the tags that point at the build.
    pub channels: Vec<String>,
    pub tag: Option<String>,
    pub build: Option<BuildId>,
    /// The image repository, host included.
    pub image: Option<String>,
    pub digest: Option<String>,
    pub revision: Option<String>,
    /// Who did it.
    pub by: Option<String>,
    /// What somebody wrote.
    pub note: Option<String>,
    pub commits: Vec<CommitLine>,
    pub commits_total: usize,
    /// Users whom it concerns.
    pub mention: Vec<String>,
    /// The one target that it is for, whatever the routes say.
    pub to: Option<String>,
}

/// What an author did with a decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Acted {
    Recorded,
    Withdrawn,
    Overruled,
    /// Product did not accept the build.
    SentBack,
}

/// What happened, with what only this kind of thing has.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum What {
    Build,
    Run { name: String, url: Option<String>, branch: Option<String> },
    TagMove { from: String },
    Environment { id: EnvironmentId, number: i64, stack: String, holder: String, lease_ends_at: Time, failure: Option<Problem> },
    Verdict { verdict: VerdictKind, acted: Acted },
    SignOff { acted: Acted },
    Promotion { id: PromotionId, number: i64, regions: Vec<String>, failure: Option<Problem> },
    Hook { name: String, last_at: Time },
    Test,
}

impl News {
    /// News that name nothing yet.
    pub fn new(event: EventKind, at: Time, what: What) -> Self {
        Self {
            event,
            at,
            what,
            app: None,
            channels: Vec::new(),
            tag: None,
            build: None,
            image: None,
            digest: None,
            revision: None,
            by: None,
            note: None,
            commits: Vec::new(),
            commits_total: 0,
            mention: Vec::new(),
            to: None,
        }
    }

    /// With all that is known of a build.
    async fn about(mut self, tx: &mut Tx, build: &BuildId) -> Result<Self, Problem> {
        if let Some(facts) = rows::build_facts(tx, build).await? {
            self.app = Some(facts.app);
            self.channels = facts.channels;
            self.tag = facts.tag;
            self.image = Some(facts.image);
            self.digest = Some(facts.digest);
            self.revision = facts.revision;
        }
        self.build = Some(build.clone());
        Ok(self)
    }

    fn by(self, by: &str) -> Self {
        Self { by: Some(by.to_owned()), ..self }
    }

    fn note(self, note: &str) -> Self {
        Self { note: (!note.is_empty()).then(|| note.to_owned()), ..self }
    }
}

/// Puts news into the outbox, in the caller's transaction: they are told if, and only if, it commits.
///
/// # Errors
/// [`Problem::Internal`].
pub async fn announce(ctx: &Ctx, tx: &mut Tx, news: News) -> Result<(), Problem> {
    let body = serde_json::to_string(&news).map_err(internal)?;
    rows::insert_news(tx, &ctx.new_id::<String>(), news.at, news.event, news.app.as_deref(), &body).await?;
    // It finds nothing before the commit, and looks again by itself.
    ctx.work.notifications.notify_one();
    Ok(())
}

/// A build can be tested: its labels were read, or were given up.
pub async fn build_ready(ctx: &Ctx, tx: &mut Tx, build: &BuildId) -> Result<(), Problem> {
    let news = News::new(EventKind::BuildReady, ctx.now(), What::Build).about(tx, build).await?;
    announce(ctx, tx, news).await
}

/// A CI run ended without an image.
pub async fn build_failed(ctx: &Ctx, tx: &mut Tx, row: &RunRow, run: &Run, channel: Option<&str>) -> Result<(), Problem> {
    let name = run.name.clone().unwrap_or_else(|| run.run.clone());
    let what = What::Run { name, url: run.url.clone(), branch: row.branch.clone() };
    let news = News {
        app: Some(row.app.clone()),
        channels: channel.map(ToOwned::to_owned).into_iter().collect(),
        tag: row.tag.clone(),
        revision: row.revision.clone(),
        by: run.author.clone(),
        ..News::new(EventKind::BuildFailed, ctx.now(), what).note(run.message.as_deref().unwrap_or_default())
    };
    announce(ctx, tx, news).await
}

/// A release tag that pointed elsewhere was moved; other tags are there to be moved.
pub async fn tag_moved(ctx: &Ctx, tx: &mut Tx, step: &Step<'_>, before: Option<&TagRow>) -> Result<(), Problem> {
    let (Some(before), Some(_)) = (before, step.release_key) else { return Ok(()) };
    let what = What::TagMove { from: before.digest.to_string() };
    let news = News::new(EventKind::TagMoved, ctx.now(), what).about(tx, &step.build.id).await?;
    announce(ctx, tx, News { tag: Some(step.tag.to_owned()), ..news }).await
}

pub async fn environment_ready(ctx: &Ctx, tx: &mut Tx, environment: &EnvironmentRecord) -> Result<(), Problem> {
    tell_environment(ctx, tx, EventKind::EnvironmentReady, environment, None).await
}

pub async fn environment_failed(ctx: &Ctx, tx: &mut Tx, environment: &EnvironmentRecord, why: &Problem) -> Result<(), Problem> {
    tell_environment(ctx, tx, EventKind::EnvironmentFailed, environment, Some(why.clone())).await
}

/// An environment has a new holder, to whom `by` handed it over.
pub async fn environment_handed_over(ctx: &Ctx, tx: &mut Tx, environment: &EnvironmentRecord, by: &str) -> Result<(), Problem> {
    let news = environment_news(ctx, tx, EventKind::EnvironmentHandedOver, environment, None).await?;
    announce(ctx, tx, news.by(by)).await
}

pub async fn environment_expiring(ctx: &Ctx, tx: &mut Tx, environment: &EnvironmentRecord) -> Result<(), Problem> {
    tell_environment(ctx, tx, EventKind::EnvironmentExpiring, environment, None).await
}

async fn tell_environment(
    ctx: &Ctx,
    tx: &mut Tx,
    event: EventKind,
    environment: &EnvironmentRecord,
    failure: Option<Problem>,
) -> Result<(), Problem> {
    let news = environment_news(ctx, tx, event, environment, failure).await?;
    announce(ctx, tx, news).await
}

async fn environment_news(
    ctx: &Ctx,
    tx: &mut Tx,
    event: EventKind,
    environment: &EnvironmentRecord,
    failure: Option<Problem>,
) -> Result<News, Problem> {
    let what = What::Environment {
        id: environment.id.clone(),
        number: environment.number,
        stack: environment.stack.clone(),
        holder: environment.holder_name.clone(),
        lease_ends_at: environment.lease_ends_at,
        failure,
    };
    let mut news = News::new(event, ctx.now(), what);
    if let Some(build) = rows::tested_in(tx, &environment.id).await? {
        news = news.about(tx, &build).await?;
    }
    news.mention = vec![environment.holder_name.clone()];
    Ok(news)
}

/// A verdict was recorded, withdrawn or overruled, by `by`, who wrote `note`.
pub async fn verdict(ctx: &Ctx, tx: &mut Tx, verdict: &VerdictRow, acted: Acted, by: &str, note: &str) -> Result<(), Problem> {
    let what = What::Verdict { verdict: verdict.kind, acted };
    let news = News::new(EventKind::Verdict, ctx.now(), what).about(tx, &verdict.build).await?;
    announce(ctx, tx, news.by(by).note(note)).await
}

/// A build was signed off or sent back, or the sign-off was withdrawn.
pub async fn sign_off(ctx: &Ctx, tx: &mut Tx, build: &BuildId, acted: Acted, by: &str, note: &str) -> Result<(), Problem> {
    let news = News::new(EventKind::SignOff, ctx.now(), What::SignOff { acted }).about(tx, build).await?;
    announce(ctx, tx, news.by(by).note(note)).await
}

/// A promotion was requested and waits for another lead.
pub async fn approval_wanted(ctx: &Ctx, tx: &mut Tx, promotion: &PromotionRecord, regions: &[String]) -> Result<(), Problem> {
    tell_promotion(ctx, tx, EventKind::ApprovalWanted, promotion, regions).await
}

/// A region is on its way back.
pub async fn rollback(ctx: &Ctx, tx: &mut Tx, promotion: &PromotionRecord, region: &str) -> Result<(), Problem> {
    tell_promotion(ctx, tx, EventKind::Rollback, promotion, &[region.to_owned()]).await
}

/// A rollback that was to follow a canary was given up.
pub async fn rollback_given_up(
    ctx: &Ctx,
    tx: &mut Tx,
    promotion: &PromotionRecord,
    region: &str,
    why: Problem,
) -> Result<(), Problem> {
    let (id, number) = (promotion.id.clone(), promotion.number);
    let what = What::Promotion { id, number, regions: vec![region.to_owned()], failure: Some(why) };
    let news = News::new(EventKind::RolloutFailed, ctx.now(), what).about(tx, &promotion.build).await?;
    announce(ctx, tx, news.by(&promotion.requested_by_name).note(&promotion.reason)).await
}

/// Somebody started a promotion without people's decisions.
pub async fn glass_broken(
    ctx: &Ctx,
    tx: &mut Tx,
    promotion: &PromotionRecord,
    regions: &[String],
    (by, reason): (&str, &str),
) -> Result<(), Problem> {
    let (id, number) = (promotion.id.clone(), promotion.number);
    let what = What::Promotion { id, number, regions: regions.to_vec(), failure: None };
    let news = News::new(EventKind::GlassBroken, ctx.now(), what).about(tx, &promotion.build).await?;
    announce(ctx, tx, news.by(by).note(reason)).await
}

async fn tell_promotion(
    ctx: &Ctx,
    tx: &mut Tx,
    event: EventKind,
    promotion: &PromotionRecord,
    regions: &[String],
) -> Result<(), Problem> {
    let (id, number) = (promotion.id.clone(), promotion.number);
    let what = What::Promotion { id, number, regions: regions.to_vec(), failure: None };
    let news = News::new(event, ctx.now(), what).about(tx, &promotion.build).await?;
    announce(ctx, tx, news.by(&promotion.requested_by_name).note(&promotion.reason)).await
}

/// Somebody paused a running promotion, let it go on, or ended it.
pub async fn held(
    ctx: &Ctx,
    tx: &mut Tx,
    event: EventKind,
    (promotion, by): (&PromotionRecord, &str),
    note: &str,
) -> Result<(), Problem> {
    let (id, number) = (promotion.id.clone(), promotion.number);
    let regions = crate::store::promotions::parts(tx, &promotion.id).await?.into_iter().map(|part| part.region).collect();
    let what = What::Promotion { id, number, regions, failure: None };
    let news = News::new(event, ctx.now(), what).about(tx, &promotion.build).await?;
    announce(ctx, tx, news.by(by).note(note)).await
}

/// One region's part of a promotion started, was verified, or failed.
pub async fn rollout(
    ctx: &Ctx,
    tx: &mut Tx,
    event: EventKind,
    rollout: &RolloutRow,
    failure: Option<&Problem>,
) -> Result<(), Problem> {
    let what = What::Promotion {
        id: rollout.promotion.clone(),
        number: rollout.number,
        regions: vec![rollout.region.clone()],
        failure: failure.cloned(),
    };
    let mut news = News::new(event, ctx.now(), what);
    if let Some(build) = rows::build_with(tx, &rollout.app, &rollout.digest).await? {
        news = news.about(tx, &build).await?;
    }
    news.app = Some(rollout.app.clone());
    announce(ctx, tx, news).await
}

/// A canary is gone; `failure` says why its region is not as it was before.
pub async fn canary_returned(ctx: &Ctx, tx: &mut Tx, canary: &CanaryRow, failure: Option<Problem>) -> Result<(), Problem> {
    let failure = failure.or_else(|| (canary.cause == Some(ReturnCause::Quarantined)).then_some(Problem::Quarantined));
    let what =
        What::Promotion { id: canary.promotion.clone(), number: canary.number, regions: vec![canary.region.clone()], failure };
    let news = News::new(EventKind::CanaryReturned, ctx.now(), what).about(tx, &canary.build).await?;
    let by = canary.withdrawn_by.clone();
    announce(ctx, tx, News { by, mention: vec![canary.owner.clone()], ..news.note(&canary.reason) }).await
}
