//! Promotions as pages and REST show them.

use super::facts::{approval, facts, is_bound, region_list};
use super::launch::intent;
use super::rollback::back_to;
use super::start::image_of;
use super::world::{How, World};
use crate::ctx::Ctx;
use crate::store::decisions::standing;
use crate::store::promotions::{self as rows, ApprovalRecord, PromotionRecord};
use crate::store::rollouts::RolloutRow;
use crate::store::{Cursor, internal, page_size};
use crate::usecases::people::password_needed;
use crate::usecases::regions::region_ref;
use app::view::{ApprovalView, Page, Paging, PromotionRow, PromotionView, RolloutView};
use domain::config::Config;
use domain::gate::{Gate, GateKind, GateState, gates, may_approve};
use domain::id::{BuildId, PromotionId, UserId};
use domain::promotion::{PromotionState, RolloutState};
use domain::{Action, Actor, Digest, Problem};
use futures::StreamExt as _;

/// Rows of a list that are filled in at the same time.
const AT_ONCE: usize = 8;

/// A page of promotions, newest first.
///
/// # Errors
/// [`Problem::Invalid`] for a cursor that was not given out.
pub async fn promotions(
    ctx: &Ctx,
    actor: &Actor,
    state: Option<PromotionState>,
    paging: Paging,
) -> Result<Page<PromotionRow>, Problem> {
    actor.require(Action::Read)?;
    let after = Cursor::parse(paging.cursor.as_deref())?;
    let limit = page_size(paging.limit);
    let mut records = ctx.store.promotions(state, &after, limit).await?;
    let size = usize::try_from(limit).unwrap_or(usize::MAX);
    let more = records.len() > size;
    records.truncate(size);
    let next = records.last().filter(|_| more).map(|last| Cursor::text(last.requested_at, last.id.as_str()));
    Ok(Page { items: list(ctx, records).await?, next })
}

/// The promotions of a build, newest first, at most 50.
///
/// # Errors
/// [`Problem::Internal`].
pub async fn of_build(ctx: &Ctx, actor: &Actor, build: &BuildId) -> Result<Vec<PromotionRow>, Problem> {
    actor.require(Action::Read)?;
    list(ctx, ctx.store.promotions_of(build).await?).await
}

async fn list(ctx: &Ctx, records: Vec<PromotionRecord>) -> Result<Vec<PromotionRow>, Problem> {
    let rows: Vec<Result<PromotionRow, Problem>> =
        futures::stream::iter(records).map(|record| listed(ctx, record)).buffered(AT_ONCE).collect().await;
    rows.into_iter().collect()
}

/// A row asks nobody in the world: what was not seen lately is not green.
async fn listed(ctx: &Ctx, record: PromotionRecord) -> Result<PromotionRow, Problem> {
    let regions = ctx.store.regions_of(&record.id).await?;
    let gates = gates_of(ctx, &record, &regions, How::Remembered).await?;
    Ok(row(&ctx.config().config, record, &regions, &gates))
}

fn row(config: &Config, record: PromotionRecord, regions: &[String], gates: &[Gate]) -> PromotionRow {
    let green = gates.iter().filter(|gate| gate.state == GateState::Green).count();
    let count = |many: usize| u32::try_from(many).unwrap_or(u32::MAX);
    PromotionRow {
        id: record.id,
        number: record.number,
        kind: record.kind,
        app: record.app,
        build: record.build,
        digest: record.digest,
        tag: record.tag,
        state: record.state,
        regions: regions.iter().map(|region| region_ref(config, region)).collect(),
        requested_by_name: record.requested_by_name,
        requested_at: record.requested_at,
        ended_at: record.ended_at,
        gates_green: count(green),
        gates_total: count(gates.len()),
    }
}

/// The gates of an open promotion; one that has started or was cancelled has none any more.
async fn gates_of(ctx: &Ctx, promotion: &PromotionRecord, regions: &[String], how: How) -> Result<Vec<Gate>, Problem> {
    if promotion.state != PromotionState::Open {
        return Ok(Vec::new());
    }
    let subject = ctx.store.existing_build(&promotion.build).await?;
    let applied = ctx.config();
    let image = image_of(&applied.config, &promotion.app, subject.image);
    let world = World::look(ctx, applied, &image, &promotion.digest, regions, how).await;
    let mut connection = ctx.store.read().acquire().await.map_err(internal)?;
    let facts = facts(&mut connection, promotion, regions, &world).await?;
    let reference = image.at(&promotion.digest);
    let named = |gate: Gate| match gate.kind {
        GateKind::ImagePresent if gate.state != GateState::Green => Gate { detail: Some(reference.clone()), ..gate },
        _ => gate,
    };
    Ok(gates(&facts).into_iter().map(named).collect())
}

/// Everything about one promotion.
///
/// # Errors
/// [`Problem::NotFound`].
pub async fn promotion(ctx: &Ctx, actor: &Actor, id: &PromotionId) -> Result<PromotionView, Problem> {
    actor.require(Action::Read)?;
    let record = ctx.store.promotion(id).await?;
    let parts = ctx.store.rollouts_of(id).await?;
    let regions: Vec<String> = parts.iter().map(|part| part.region.clone()).collect();
    let gates = gates_of(ctx, &record, &regions, How::Page).await?;
    let (given, standing) = {
        let mut connection = ctx.store.read().acquire().await.map_err(internal)?;
        (rows::approvals(&mut connection, id).await?, standing(&mut connection, &record.digest).await?)
    };
    let approvals = approval_views(&record, &region_list(&regions)?, given);
    let approved_by: Vec<UserId> = approvals.iter().filter(|view| view.counts).map(|view| view.by.clone()).collect();
    let applied = ctx.config();
    let mut rollouts = Vec::with_capacity(parts.len());
    for part in parts {
        rollouts.push(rollout_view(ctx, actor, &applied.config, &record, part).await?);
    }
    Ok(PromotionView {
        requested_by: record.requested_by.clone(),
        reason: record.reason.clone(),
        standing,
        gates: gates.clone(),
        approvals,
        rollouts,
        started_by_name: record.started_by_name.clone(),
        started_at: record.started_at,
        password_needed: password_needed(ctx, actor),
        may: Action::ALL.into_iter().filter(|action| actor.may(*action)).collect(),
        may_approve: may_approve(actor, &record.requested_by, record.state, &approved_by).is_ok(),
        row: row(&applied.config, record, &regions, &gates),
    })
}

fn approval_views(promotion: &PromotionRecord, regions: &str, given: Vec<ApprovalRecord>) -> Vec<ApprovalView> {
    let view = |row: ApprovalRecord| ApprovalView {
        counts: is_bound(&row, promotion, regions) && approval(&row).counts(&promotion.requested_by),
        by: row.by,
        by_name: row.name,
        at: row.at,
    };
    given.into_iter().map(view).collect()
}

async fn rollout_view(
    ctx: &Ctx,
    actor: &Actor,
    config: &Config,
    promotion: &PromotionRecord,
    part: RolloutRow,
) -> Result<RolloutView, Problem> {
    let steps = ctx.store.rollout_steps(&part.id).await?;
    let previous = previous(ctx, promotion, &part);
    let known = match &previous {
        Some(digest) => ctx.store.known_as(&promotion.app, digest).await?,
        None => None,
    };
    let can_roll_back = actor.may(Action::RollBack) && can_roll_back(ctx, &promotion.app, &part).await?;
    // What was fixed at the start; before that, what the configuration says now.
    let intent = part.intent.or_else(|| intent(config, promotion, &part.region).ok());
    let configured = config.region(&part.region).map_or(0, |region| region.replicas());
    let port = intent.as_ref().and_then(|intent| intent.port);
    Ok(RolloutView {
        region: region_ref(config, &part.region),
        state: part.state,
        previous_digest: previous,
        previous_tag: known.as_ref().and_then(|(_, tag)| tag.clone()),
        previous_build: known.map(|(build, _)| build),
        replicas: intent.map_or(configured, |intent| intent.replicas),
        port: port.map(|port| port.published),
        capacity_dip: port.is_some(),
        started_at: part.started_at,
        ended_at: part.ended_at,
        failure: part.failure,
        steps,
        can_roll_back,
    })
}

/// What ran when the rollout looked; before it did, what runs there as last seen.
fn previous(ctx: &Ctx, promotion: &PromotionRecord, part: &RolloutRow) -> Option<Digest> {
    if part.state != RolloutState::Waiting {
        return part.previous_digest.clone();
    }
    ctx.seen.region(&part.region)?.services.get(&promotion.app)?.digest.clone()
}

/// The last rollout of the region offers the way back, once it has ended.
async fn can_roll_back(ctx: &Ctx, app: &str, part: &RolloutRow) -> Result<bool, Problem> {
    let touched = matches!(part.state, RolloutState::Verified | RolloutState::Failed) && part.started_at.is_some();
    if !touched || !ctx.store.is_last_there(&part.id, app, &part.region).await? {
        return Ok(false);
    }
    Ok(back_to(ctx, app, &part.region).await?.is_some())
}
