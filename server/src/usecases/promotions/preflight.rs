//! Before the start: what would change in each region, and how long that usually takes. A page
//! reads what is known; it asks nobody but the database.

use crate::ctx::Ctx;
use crate::store::promotions::PromotionRecord;
use crate::usecases::commits;
use app::view::{PreflightView, RangeView};
use domain::config::UpdateOrder;
use domain::promotion::PromotionState;
use domain::region_secrets::changes;
use domain::rollout::median;
use domain::service::ServiceIntent;
use domain::{Actor, Problem};
use std::collections::{BTreeMap, HashMap};

/// What all regions of a promotion have in common, read once.
pub struct Common {
    size: Option<i64>,
    /// The commits since what each region runs, by region.
    commits: HashMap<String, RangeView>,
}

/// Reads what all regions have in common; none once a promotion has started.
///
/// # Errors
/// [`Problem::Internal`].
pub async fn common(ctx: &Ctx, actor: &Actor, promotion: &PromotionRecord) -> Result<Option<Common>, Problem> {
    if promotion.state != PromotionState::Open {
        return Ok(None);
    }
    let size = ctx.store.existing_build(&promotion.build).await?.size;
    let ranges = commits::ranges_of_build(ctx, actor, &promotion.build).await?.since_regions;
    let commits = ranges.into_iter().map(|range| (range.region.name, range.range)).collect();
    Ok(Some(Common { size, commits }))
}

/// What would change in one region by `intent`.
///
/// # Errors
/// [`Problem::Internal`].
pub async fn of_region(ctx: &Ctx, common: &Common, region: &str, intent: &ServiceIntent) -> Result<PreflightView, Problem> {
    let runs = ctx.store.last_verified(&intent.app, region).await?.and_then(|rollout| rollout.intent);
    let past = ctx.store.durations(&intent.app, region).await?;
    let nothing = BTreeMap::new();
    let secrets = changes(runs.as_ref().map(|runs| runs.secrets.as_slice()).unwrap_or_default(), &intent.secrets);
    let variables = changed_names(runs.as_ref().map_or(&nothing, |runs| &runs.env), &intent.env);
    Ok(PreflightView {
        commits: common.commits.get(region).cloned(),
        variables_added: variables.added,
        variables_removed: variables.removed,
        variables_changed: variables.changed,
        secrets_added: secrets.added,
        secrets_removed: secrets.removed,
        secrets_changed: secrets.changed,
        image_size: common.size,
        expected_seconds: median(&past),
        of_rollouts: u32::try_from(past.len()).unwrap_or(0),
        stop_first: intent.order() == UpdateOrder::StopFirst,
        at_a_time: intent.parallelism(),
        delay_seconds: intent.delay_seconds(),
        goes_back: intent.goes_back(),
    })
}

struct Names {
    added: Vec<String>,
    removed: Vec<String>,
    changed: Vec<String>,
}

/// The names of what differs. No value leaves this function.
fn changed_names(old: &BTreeMap<String, String>, new: &BTreeMap<String, String>) -> Names {
    let names = |of: &BTreeMap<String, String>, take: &dyn Fn(&String, &String) -> bool| {
        of.iter().filter(|(name, value)| take(name, value)).map(|(name, _)| name.clone()).collect()
    };
    Names {
        added: names(new, &|name, _| !old.contains_key(name)),
        removed: names(old, &|name, _| !new.contains_key(name)),
        changed: names(new, &|name, value| old.get(name).is_some_and(|before| before != value)),
    }
}
