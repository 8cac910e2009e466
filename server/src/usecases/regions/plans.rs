//! Contingency plans: read beforehand by another lead, used with one guarded button, and returned
//! from with one. Both are promotions of kind plan, through the same worker and the same checks.

use super::region_ref;
use crate::ctx::{Ctx, Entry};
use crate::hub::Topic;
use crate::store::plans::{self as rows, ReviewRow, RunRow};
use crate::store::{internal, missing};
use crate::usecases::deciding::{self, require_still};
use crate::usecases::people::password_needed;
use crate::usecases::promotions::{Put, put};
use app::view::{PlanDoes, PlanInput, PlanReview, PlanRun, PlanView};
use domain::config::Config;
use domain::id::PromotionId;
use domain::plan::{Act, PlanConfig, Review, may_run};
use domain::problem::{Fault, Noun};
use domain::promotion::PromotionKind;
use domain::{Action, Actor, Digest, Problem};

/// Every plan, in the order of the configuration.
///
/// # Errors
/// [`Problem::Forbidden`].
pub async fn plans(ctx: &Ctx, actor: &Actor) -> Result<Vec<PlanView>, Problem> {
    actor.require(Action::Read)?;
    let applied = ctx.config();
    let (reviews, runs) = (ctx.store.plan_reviews().await?, ctx.store.plan_runs().await?);
    applied.config.plans.iter().map(|plan| view(ctx, actor, &applied.config, plan, (&reviews, &runs))).collect()
}

/// One plan.
///
/// # Errors
/// [`Problem::Forbidden`]; [`Problem::NotFound`].
pub async fn plan(ctx: &Ctx, actor: &Actor, name: &str) -> Result<PlanView, Problem> {
    actor.require(Action::Read)?;
    let found = plans(ctx, actor).await?.into_iter().find(|plan| plan.name == name);
    found.ok_or_else(|| missing(Noun::Plan, name))
}

fn view(
    ctx: &Ctx,
    actor: &Actor,
    config: &Config,
    plan: &PlanConfig,
    (reviews, runs): (&[ReviewRow], &[RunRow]),
) -> Result<PlanView, Problem> {
    let body = body(plan)?;
    let reviews: Vec<&ReviewRow> = reviews.iter().filter(|review| review.plan == plan.name).collect();
    let reader = actor.person().map(|person| &person.id);
    let counting = counting(reviews.iter().copied(), &body);
    Ok(PlanView {
        name: plan.name.clone(),
        title: plan.title.clone(),
        app: plan.app.clone(),
        regions: plan.regions.iter().map(|region| region_ref(config, region)).collect(),
        does: does(plan),
        read: reader.is_some_and(|reader| counting.iter().any(|review| review.still_lead && review.by == *reader)),
        ready: reader.is_some_and(|reader| may_run(&plan.name, &counting, reader).is_ok()),
        reviews: reviews
            .iter()
            .map(|review| PlanReview {
                by: review.by.clone(),
                name: review.name.clone(),
                at: review.at,
                counts: counting.iter().any(|one| one.by == review.by && one.still_lead),
            })
            .collect(),
        runs: runs.iter().filter(|run| run.plan == plan.name).map(|run| run_view(config, run)).collect(),
        password_needed: password_needed(ctx, actor),
        may: Action::ALL.into_iter().filter(|action| actor.may(*action)).collect(),
    })
}

fn does(plan: &PlanConfig) -> PlanDoes {
    match plan.act() {
        Ok(Act::Scale(replicas)) => PlanDoes::Scale { replicas },
        Ok(Act::Switch(build)) => PlanDoes::Switch { build: build.to_owned() },
        // The configuration was checked: it does one of the three.
        Ok(Act::Set(_)) | Err(_) => PlanDoes::Set { variables: plan.set.clone().into_iter().collect() },
    }
}

/// A use of a plan as pages show it.
pub fn run_view(config: &Config, run: &RunRow) -> PlanRun {
    PlanRun {
        plan: run.plan.clone(),
        title: config.plan(&run.plan).map_or_else(|| run.plan.clone(), |plan| plan.title.clone()),
        app: run.app.clone(),
        region: region_ref(config, &run.region),
        promotion: run.promotion.clone(),
        number: run.number,
        state: run.state,
        by: run.by.clone(),
        at: run.at,
        reason: run.reason.clone(),
    }
}

/// What a reader of the plan has read.
fn body(plan: &PlanConfig) -> Result<String, Problem> {
    serde_json::to_string(plan).map_err(internal)
}

/// The reviews of a plan as it is now.
fn counting<'a>(reviews: impl Iterator<Item = &'a ReviewRow>, body: &str) -> Vec<Review> {
    let now = reviews.filter(|review| review.body == body);
    now.map(|review| Review {
        by: review.by.clone(),
        still_lead: review.role.is_some_and(|role| role.allows(Action::ReviewPlan)),
    })
    .collect()
}

/// Notes that the actor has read a plan as it is now.
///
/// # Errors
/// [`Problem::Forbidden`]; [`Problem::NotFound`].
pub async fn review_plan(ctx: &Ctx, actor: &Actor, name: &str) -> Result<(), Problem> {
    actor.require(Action::ReviewPlan)?;
    ctx.reload_config().await?;
    let applied = ctx.config();
    let plan = applied.config.plan(name).ok_or_else(|| missing(Noun::Plan, name))?;
    let mut tx = ctx.store.begin().await?;
    let person = require_still(&mut tx, actor, Action::ReviewPlan).await?;
    rows::add_review(&mut tx, name, &body(plan)?, &person, ctx.now()).await?;
    let entry =
        Entry { action: "plan.reviewed", subject_kind: "plan", subject: name, app: Some(&plan.app), detail: plan.title.clone() };
    ctx.audit(&mut tx, actor, entry).await?;
    deciding::finish(ctx, tx, None).await?;
    ctx.hub.tell(Topic::Regions, None);
    Ok(())
}

/// Uses a plan in one of its regions.
///
/// # Errors
/// [`Problem::NotFound`]; [`Problem::Invalid`] for a region that is not the plan's, or a build that it
/// switches to and that is not known; [`Problem::PlanUnread`]; [`Problem::PlanRuns`]; those of [`put`].
pub async fn run_plan(ctx: &Ctx, actor: &Actor, name: &str, input: PlanInput) -> Result<PromotionId, Problem> {
    actor.require(Action::RunPlan)?;
    ctx.reload_config().await?;
    let applied = ctx.config();
    let plan = applied.config.plan(name).ok_or_else(|| missing(Noun::Plan, name))?;
    if !plan.regions.contains(&input.region) {
        let name = input.region.chars().take(64).collect();
        return Err(Problem::invalid("region", Fault::Unknown { what: Noun::Region, name }));
    }
    let act = plan.act().map_err(|why| Problem::invalid("plan", why))?;
    let build = match act {
        Act::Switch(build) => Some(switched(ctx, &plan.app, build).await?),
        Act::Scale(_) | Act::Set(_) => None,
    };
    let asked = Put {
        kind: PromotionKind::Plan,
        action: Action::RunPlan,
        app: &plan.app,
        region: &input.region,
        reason: &input.reason,
        confirmation: &input.confirmation,
        record: "plan.started",
    };
    let mut putting = put(ctx, actor, asked, |last| Ok(act.applied(&last.intent, build.as_ref()))).await?;
    let reviews = rows::reviews(&mut putting.tx, Some(name)).await?;
    may_run(name, &counting(reviews.iter(), &body(plan)?), &putting.person.id)?;
    if let Some(run) = rows::run_there(&mut putting.tx, &plan.app, &input.region).await? {
        return Err(Problem::PlanRuns { plan: run.plan, region: run.region });
    }
    rows::add_run(&mut putting.tx, &putting.promotion.id, name, &putting.before).await?;
    putting.finish(actor, name).await
}

/// The digest that a tag of the app points at, or the digest itself.
async fn switched(ctx: &Ctx, app: &str, build: &str) -> Result<Digest, Problem> {
    if let Ok(digest) = build.parse() {
        return Ok(digest);
    }
    let found = ctx.store.tagged(app, build).await?;
    found.ok_or_else(|| Problem::invalid("plan", Fault::Unknown { what: Noun::Build, name: build.to_owned() }))
}

/// Puts back what was to run in the region before the plan was used there.
///
/// # Errors
/// [`Problem::PlanOver`] when nothing runs there under the plan; those of [`put`].
pub async fn return_from_plan(ctx: &Ctx, actor: &Actor, name: &str, input: PlanInput) -> Result<PromotionId, Problem> {
    actor.require(Action::RunPlan)?;
    let over = || Problem::PlanOver { plan: name.chars().take(64).collect(), region: input.region.chars().take(64).collect() };
    let runs = ctx.store.plan_runs().await?;
    let run = runs.into_iter().find(|run| run.plan == name && run.region == input.region).ok_or_else(over)?;
    let asked = Put {
        kind: PromotionKind::Plan,
        action: Action::RunPlan,
        app: &run.app,
        region: &run.region,
        reason: &input.reason,
        confirmation: &input.confirmation,
        record: "plan.returned",
    };
    let mut putting = put(ctx, actor, asked, |_| Ok(run.before.clone())).await?;
    // Somebody may have returned, or promoted, in between.
    let there = rows::run_there(&mut putting.tx, &run.app, &run.region).await?;
    if there.is_none_or(|there| there.promotion != run.promotion) {
        return Err(over());
    }
    rows::set_return(&mut putting.tx, &run.promotion, &putting.promotion.id).await?;
    putting.finish(actor, name).await
}
