//! What waits for the reader: builds to test, builds to sign off, promotions to approve, broken glass
//! to review.
//!
//! Each list is there for those who may do something about it. What is on none of them waits for
//! nobody: nothing is kept of it, it is read from the decisions themselves each time.

use crate::ctx::Ctx;
use crate::usecases::{builds, commits, environments, promotions, verdicts};
use app::view::{EnvironmentDifference, PromotionRow, VerdictView, WaitingBuild, WaitingView};
use chrono::TimeDelta;
use domain::config::Config;
use domain::id::{BuildId, PromotionId};
use domain::policy::Policy;
use domain::variables::difference;
use domain::verdict::VerdictKind;
use domain::{Action, Actor, Problem};
use std::collections::BTreeMap;

/// A pass that nobody accepted for so long waits no more.
const SINCE: TimeDelta = TimeDelta::days(90);
/// Channels whose newest builds are looked at.
const MOST_CHANNELS: usize = 200;
/// Builds that are listed, and those of them about which everything is told.
const MOST_BUILDS: usize = 50;
const MOST_TOLD: usize = 10;
/// Promotions that are listed.
const MOST_PROMOTIONS: usize = 50;

/// Everything that waits for the reader.
///
/// # Errors
/// [`Problem::Forbidden`].
pub async fn waiting(ctx: &Ctx, actor: &Actor) -> Result<WaitingView, Problem> {
    actor.require(Action::Read)?;
    let newest = newest(ctx).await?;
    let mut view = WaitingView { to_sign: Vec::new(), to_test: Vec::new(), to_approve: Vec::new(), to_review: Vec::new() };
    if actor.may(Action::SignOff) {
        view.to_sign = to_sign(ctx, actor, &newest).await?;
    }
    if actor.may(Action::RecordVerdict) {
        let ids = untested(ctx, &newest).await?;
        view.to_test = builds::rows(ctx, ids.get(..MOST_BUILDS).unwrap_or(&ids)).await?;
    }
    if actor.may(Action::ApprovePromotion) {
        view.to_approve = listed(ctx, actor, approvable(ctx, actor).await?).await?;
    }
    view.to_review = listed(ctx, actor, reviewable(ctx, actor).await?).await?;
    Ok(view)
}

/// How much waits for the reader, for the rail.
///
/// # Errors
/// [`Problem::Forbidden`].
pub async fn count(ctx: &Ctx, actor: &Actor) -> Result<u32, Problem> {
    actor.require(Action::Read)?;
    let mut count = 0;
    if actor.may(Action::SignOff) {
        count += ctx.store.builds_to_sign(ctx.now() - SINCE).await?.len();
    }
    if actor.may(Action::RecordVerdict) {
        count += untested(ctx, &newest(ctx).await?).await?.len();
    }
    if actor.may(Action::ApprovePromotion) {
        count += approvable(ctx, actor).await?.len();
    }
    count += reviewable(ctx, actor).await?.len();
    Ok(u32::try_from(count).unwrap_or(u32::MAX))
}

/// The newest build of each channel with the channels in which it is.
type Newest = BTreeMap<BuildId, Vec<String>>;

async fn newest(ctx: &Ctx) -> Result<Newest, Problem> {
    let applied = ctx.config();
    let found = ctx.store.newest_builds(&channels(&applied.config)).await?;
    let mut newest = Newest::new();
    for (build, channel) in found {
        newest.entry(build).or_default().push(channel);
    }
    Ok(newest)
}

fn channels(config: &Config) -> Vec<(&str, &str)> {
    let of = config.apps.iter().flat_map(|app| app.channels.iter().map(|channel| (app.name.as_str(), channel.name.as_str())));
    of.take(MOST_CHANNELS).collect()
}

/// Of the newest builds, those that nobody has judged, the newest first.
async fn untested(ctx: &Ctx, newest: &Newest) -> Result<Vec<BuildId>, Problem> {
    // Identifiers begin with their time.
    let ids: Vec<BuildId> = newest.keys().rev().cloned().collect();
    let judged = ctx.store.standings(&ids).await?;
    Ok(ids.into_iter().filter(|id| !judged.contains_key(id)).collect())
}

async fn to_sign(ctx: &Ctx, actor: &Actor, newest: &Newest) -> Result<Vec<WaitingBuild>, Problem> {
    let mut ids = ctx.store.builds_to_sign(ctx.now() - SINCE).await?;
    // A stable sort: within each half, those that passed last stay first.
    ids.sort_by_key(|id| !newest.contains_key(id));
    ids.truncate(MOST_BUILDS);
    let mut waiting = Vec::with_capacity(ids.len());
    for (place, row) in builds::rows(ctx, &ids).await?.into_iter().enumerate() {
        let mut one = WaitingBuild {
            newest_in: newest.get(&row.id).cloned().unwrap_or_default(),
            verdicts: Vec::new(),
            commits: None,
            environment: None,
            row,
        };
        if place < MOST_TOLD {
            tell(ctx, actor, &mut one).await?;
        }
        waiting.push(one);
    }
    Ok(waiting)
}

/// What there is to know before a build is accepted.
async fn tell(ctx: &Ctx, actor: &Actor, one: &mut WaitingBuild) -> Result<(), Problem> {
    let subject = ctx.store.existing_build(&one.row.id).await?;
    one.verdicts = verdicts::verdicts_on(ctx, actor, &subject).await?.into_iter().filter(|verdict| verdict.stands).collect();
    one.commits = Some(commits::ranges_of_build(ctx, actor, &one.row.id).await?);
    let passed = one.verdicts.iter().find(|verdict| verdict.kind == VerdictKind::Pass && verdict.environment.is_some());
    one.environment = match passed {
        Some(passed) => environment_difference(ctx, &subject.app, &one.row.id, passed).await?,
        None => None,
    };
    Ok(())
}

/// How the environment of a verdict differs from the one in which the build that was accepted
/// before was tested; none when one of the two is not known.
async fn environment_difference(
    ctx: &Ctx,
    app: &str,
    build: &BuildId,
    passed: &VerdictView,
) -> Result<Option<EnvironmentDifference>, Problem> {
    let (Some(environment), Some(number)) = (&passed.environment, passed.environment_number) else { return Ok(None) };
    let Some(before) = ctx.store.accepted_before(app, build).await? else { return Ok(None) };
    let old = environments::given_values(ctx, &before.environment).await?;
    let new = environments::given_values(ctx, environment).await?;
    let (Some(old), Some(new)) = (old, new) else { return Ok(None) };
    let told = difference(&old, &new);
    let tag = ctx.store.tag_of_build(&before.build).await?.map(|(tag, _)| tag);
    let name = match tag {
        Some(tag) => tag,
        None => ctx.store.existing_build(&before.build).await?.digest.short().to_owned(),
    };
    Ok(Some(EnvironmentDifference {
        tested_in: environment.clone(),
        tested_number: number,
        before: name,
        before_in: before.environment,
        before_number: before.number,
        added: told.added,
        removed: told.removed,
        changed: told.changed,
    }))
}

/// Open promotions that the reader's approval would count for.
async fn approvable(ctx: &Ctx, actor: &Actor) -> Result<Vec<PromotionId>, Problem> {
    let Some(person) = actor.person() else { return Ok(Vec::new()) };
    let policies = &ctx.config().config.policies;
    if policies.is_empty() && !Policy::default().asks(person.role) {
        return Ok(Vec::new());
    }
    let open = ctx.store.promotions_to_approve(&person.id).await?;
    let asked = open.into_iter().filter(|one| Policy::of(policies, &one.app, &one.regions).asks(person.role));
    Ok(asked.map(|one| one.id).collect())
}

/// Broken glass whose review the reader may close.
async fn reviewable(ctx: &Ctx, actor: &Actor) -> Result<Vec<PromotionId>, Problem> {
    match actor.person() {
        Some(person) if actor.may(Action::BreakGlass) => ctx.store.promotions_to_review(&person.id).await,
        _ => Ok(Vec::new()),
    }
}

async fn listed(ctx: &Ctx, actor: &Actor, mut ids: Vec<PromotionId>) -> Result<Vec<PromotionRow>, Problem> {
    ids.truncate(MOST_PROMOTIONS);
    promotions::promotions_by_id(ctx, actor, &ids).await
}
