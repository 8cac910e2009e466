//! Promotions as pages and REST show them.

use super::facts::facts;
use super::launch::intent;
use super::preflight::{self, Common};
use super::rollback::back_to;
use super::start::image_of;
use super::world::{How, Subject, World, pulled_from, with_ways_back};
use crate::ctx::Ctx;
use crate::store::bookings::{Booking, booking_of};
use crate::store::decisions::standing;
use crate::store::exceptions::{self, Act, BrokenGlass, Kind};
use crate::store::follows::{Follow, follow_of};
use crate::store::promotions::PromotionRecord;
use crate::store::rollouts::RolloutRow;
use crate::store::sets::PlaceInSet;
use crate::store::{Cursor, approvals, internal, page_size};
use crate::usecases::people::password_needed;
use crate::usecases::regions::region_ref;
use crate::usecases::rollouts::waits;
use crate::usecases::{canaries, commits};
use app::view::{
    ActView, ApprovalView, BookingView, CourseView, FollowView, GlassView, Page, Paging, PromotionLink, PromotionRow,
    PromotionView, RolloutView, SetPlace,
};
use domain::config::Config;
use domain::gate::{
    Approval, Gate, GateFacts, GateKind, GateState, Void, gates, may_approve, may_exempt, may_reject, may_review,
};
use domain::id::{BuildId, PromotionId};
use domain::promotion::{PromotionKind, PromotionState, RolloutState};
use domain::rollout::waves::Course;
use domain::verdict::Standing;
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

/// These promotions, in this order; what is not there is left out.
///
/// # Errors
/// [`Problem::Forbidden`].
pub async fn promotions_by_id(ctx: &Ctx, actor: &Actor, ids: &[PromotionId]) -> Result<Vec<PromotionRow>, Problem> {
    actor.require(Action::Read)?;
    let mut records = Vec::with_capacity(ids.len());
    for id in ids {
        match ctx.store.promotion(id).await {
            Ok(record) => records.push(record),
            Err(Problem::NotFound { .. }) => {}
            Err(problem) => return Err(problem),
        }
    }
    list(ctx, records).await
}

async fn list(ctx: &Ctx, records: Vec<PromotionRecord>) -> Result<Vec<PromotionRow>, Problem> {
    let rows: Vec<Result<PromotionRow, Problem>> =
        futures::stream::iter(records).map(|record| listed(ctx, record)).buffered(AT_ONCE).collect().await;
    rows.into_iter().collect()
}

/// A row asks nobody in the world: what was not seen lately is not green.
async fn listed(ctx: &Ctx, record: PromotionRecord) -> Result<PromotionRow, Problem> {
    let regions = ctx.store.regions_of(&record.id).await?;
    let gates = stands(ctx, &record, &regions, How::Remembered).await?.map(|stands| stands.gates).unwrap_or_default();
    let place = ctx.store.place_in_set(&record.id).await?;
    Ok(row(&ctx.config().config, record, &regions, &gates, place))
}

pub(super) fn row(
    config: &Config,
    record: PromotionRecord,
    regions: &[String],
    gates: &[Gate],
    place: Option<PlaceInSet>,
) -> PromotionRow {
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
        set: place.map(set_place),
    }
}

fn set_place(place: PlaceInSet) -> SetPlace {
    let number = |number: i64| u32::try_from(number).unwrap_or(u32::MAX);
    SetPlace { set: place.set, place: number(place.place + 1), of: number(place.of) }
}

/// How an open promotion stands.
pub(super) struct Stands {
    pub facts: GateFacts,
    pub gates: Vec<Gate>,
}

/// The gates of an open promotion; one that has started or ended has none any more.
pub(super) async fn stands(
    ctx: &Ctx,
    promotion: &PromotionRecord,
    regions: &[String],
    how: How,
) -> Result<Option<Stands>, Problem> {
    if promotion.state != PromotionState::Open {
        return Ok(None);
    }
    let subject = ctx.store.existing_build(&promotion.build).await?;
    let applied = ctx.config();
    let authors = commits::authors(ctx, &applied.config, &subject).await?;
    let image = image_of(&applied.config, &promotion.app, subject.image);
    let asked = with_ways_back(ctx, promotion, regions.to_vec()).await?;
    let subject = Subject { app: &promotion.app, image: &image, digest: &promotion.digest, regions: &asked };
    let world = World::look(ctx, applied.clone(), subject, how).await.by(authors);
    let mut connection = ctx.store.read().acquire().await.map_err(internal)?;
    let facts = facts(&mut connection, promotion, regions, &world, ctx.now()).await?;
    let named = |gate: Gate| {
        let asked = match &gate.kind {
            GateKind::ImagePresent => Some(image.clone()),
            GateKind::ImageInRegion { region } => pulled_from(&applied.config, region, &image),
            _ => None,
        };
        match asked.filter(|_| gate.state != GateState::Green) {
            Some(image) => Gate { detail: Some(image.at(&promotion.digest)), ..gate },
            None => gate,
        }
    };
    Ok(Some(Stands { gates: gates(&facts).into_iter().map(named).collect(), facts }))
}

/// What was done about a promotion beside deciding.
struct Beside {
    approvals: Vec<Approval>,
    standing: Standing,
    booking: Option<Booking>,
    exemption: Option<Act>,
    rejection: Option<Act>,
    glass: Option<BrokenGlass>,
    follows: Option<Follow>,
}

impl Beside {
    async fn read(ctx: &Ctx, promotion: &PromotionRecord) -> Result<Self, Problem> {
        let mut connection = ctx.store.read().acquire().await.map_err(internal)?;
        let id = &promotion.id;
        Ok(Self {
            approvals: approvals::approvals(&mut connection, id).await?,
            standing: standing(&mut connection, &promotion.digest).await?,
            booking: booking_of(&mut connection, id).await?,
            exemption: exceptions::act_of(&mut connection, Kind::Exemption, id).await?,
            rejection: exceptions::act_of(&mut connection, Kind::Rejection, id).await?,
            glass: exceptions::broken_glass(&mut connection, id).await?,
            follows: follow_of(&mut connection, id).await?,
        })
    }
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
    let stands = stands(ctx, &record, &regions, How::Page).await?;
    let beside = Beside::read(ctx, &record).await?;
    let facts = stands.as_ref().map(|stands| &stands.facts);
    let gates = stands.as_ref().map(|stands| stands.gates.clone()).unwrap_or_default();
    let applied = ctx.config();
    let course = course_view(ctx, &record, &parts).await?;
    let canary = canaries::asked_view(ctx, id).await?;
    let common = preflight::common(ctx, actor, &record).await?;
    let first = regions.first().and_then(|region| applied.config.region(region));
    let mut rollouts = Vec::with_capacity(parts.len());
    for part in parts {
        rollouts.push(rollout_view(ctx, actor, &applied.config, &record, part, common.as_ref()).await?);
    }
    let place = ctx.store.place_in_set(id).await?;
    let (by, state, forward) = (&record.requested_by, record.state, !record.kind.goes_back());
    Ok(PromotionView {
        requested_by: by.clone(),
        reason: record.reason.clone(),
        standing: beside.standing,
        gates: gates.clone(),
        approvals: beside.approvals.into_iter().map(|given| approval_view(given, &record, facts)).collect(),
        rollouts,
        course,
        canary,
        started_by_name: record.started_by_name.clone(),
        started_at: record.started_at,
        password_needed: password_needed(ctx, actor),
        may: Action::ALL.into_iter().filter(|action| actor.may(*action)).collect(),
        may_approve: forward && facts.is_some_and(|facts| may_approve(actor, state, facts).is_ok()),
        may_reject: forward && facts.is_some_and(|facts| may_reject(actor, by, state, &facts.policy).is_ok()),
        may_exempt: may_exempt(actor, by, state).is_ok(),
        policy: facts.map(|facts| facts.policy.clone()),
        time_zone: first.map_or("UTC", |region| region.time_zone.as_str()).to_owned(),
        booking: beside.booking.map(booking_view),
        exemption: beside.exemption.map(act_view),
        rejection: beside.rejection.map(act_view),
        glass: beside.glass.map(|glass| glass_view(glass, actor)),
        follows: beside.follows.map(follow_view),
        row: row(&applied.config, record, &regions, &gates, place),
    })
}

/// While it is open, whether an approval counts now; afterwards only who gave it is still to be said.
fn approval_view(given: Approval, promotion: &PromotionRecord, facts: Option<&GateFacts>) -> ApprovalView {
    let void = match facts {
        Some(facts) => given.void(facts),
        None => (given.by == promotion.requested_by).then_some(Void::Requester),
    };
    ApprovalView { by: given.by, by_name: given.name, at: given.at, role: given.role, counts: void.is_none(), void }
}

fn act_view(act: Act) -> ActView {
    ActView { by_name: act.by_name, at: act.at, reason: act.reason }
}

fn booking_view(booking: Booking) -> BookingView {
    let Booking { by_name, at, not_before, waits, tried_at, .. } = booking;
    BookingView { by_name, at, not_before, waits, tried_at }
}

fn follow_view(follow: Follow) -> FollowView {
    let Follow { canary, canary_number, by_name, until, waits, tried_at, .. } = follow;
    FollowView { canary: PromotionLink { id: canary, number: canary_number }, by_name, until, waits, tried_at }
}

fn glass_view(glass: BrokenGlass, actor: &Actor) -> GlassView {
    let may_review = glass.reviewed.is_none() && may_review(actor, &glass.act.by).is_ok();
    let reviewed = glass.reviewed.map(|(by_name, reason, at)| ActView { by_name, at, reason });
    GlassView { broken: act_view(glass.act), reviewed, may_review }
}

async fn rollout_view(
    ctx: &Ctx,
    actor: &Actor,
    config: &Config,
    promotion: &PromotionRecord,
    part: RolloutRow,
    common: Option<&Common>,
) -> Result<RolloutView, Problem> {
    let steps = ctx.store.rollout_steps(&part.id).await?;
    let previous = previous(ctx, promotion, &part);
    let known = match &previous {
        Some(digest) => ctx.store.known_as(&promotion.app, digest).await?,
        None => None,
    };
    let whole = promotion.kind != PromotionKind::Canary;
    let can_roll_back = whole && actor.may(Action::RollBack) && can_roll_back(ctx, &promotion.app, &part).await?;
    // What was fixed at the start; before that, what the configuration says now.
    let terms = ctx.store.canary_terms(&promotion.id).await?;
    let intent = match part.intent {
        Some(fixed) => Some(fixed),
        None => {
            let kept = ctx.store.kept_secrets(&part.region, &promotion.app).await?;
            intent(config, promotion, &part.region, terms.as_ref(), &kept).ok()
        }
    };
    let configured = config.region(&part.region).map_or(0, |region| region.replicas(&promotion.app));
    let port = intent.as_ref().and_then(|intent| intent.port);
    let preflight = match (common, &intent) {
        (Some(common), Some(intent)) => Some(preflight::of_region(ctx, common, &part.region, intent).await?),
        _ => None,
    };
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
        wave: part.place.wave + 1,
        wave_soak_minutes: part.place.soak_minutes,
        wave_look: part.place.look,
        preflight,
    })
}

/// What a promotion waits for, and what was said about it.
async fn course_view(ctx: &Ctx, promotion: &PromotionRecord, parts: &[RolloutRow]) -> Result<CourseView, Problem> {
    let said = ctx.store.said(&promotion.id).await?;
    let went_back = match promotion.state {
        PromotionState::Failed => ctx.store.ways_back(&promotion.id).await?,
        _ => Vec::new(),
    };
    let runs = promotion.state == PromotionState::Running;
    let (next_wave, soaks_until) = match waits(parts, &said, ctx.now()).filter(|_| runs) {
        Some(Course::Soak { wave, until }) => (Some(wave + 1), Some(until)),
        Some(Course::Look { wave }) => (Some(wave + 1), None),
        _ => (None, None),
    };
    let (paused_at, paused_by) = said.paused.unzip();
    let (aborted_by, aborted_why) = said.aborted.unzip();
    Ok(CourseView {
        paused_by,
        paused_at,
        next_wave,
        soaks_until,
        wants_look: next_wave.is_some() && soaks_until.is_none(),
        aborted_by,
        aborted_why,
        because_of: said.cause.map(|(id, number)| PromotionLink { id, number }),
        went_back: went_back.into_iter().map(|(id, number, _)| PromotionLink { id, number }).collect(),
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
