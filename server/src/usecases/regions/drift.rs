//! Drift: what somebody changed on a Swarm by hand is put back, or taken over.

use crate::clock::micros;
use crate::ctx::{Ctx, Entry};
use crate::engine::swarm::essence;
use crate::hub::Topic;
use crate::seen::ServiceSeen;
use crate::store::regions::Put as Last;
use crate::store::{self, Tx};
use crate::usecases::promotions::{Put, Putting, put};
use app::view::{AdoptInput, CorrectInput};
use domain::config::Config;
use domain::drift::{Difference, adoption};
use domain::id::PromotionId;
use domain::promotion::PromotionKind;
use domain::service::ServiceIntent;
use domain::{Action, Actor, Problem};

/// In which parts a service is another than is wanted; none when one of the two is not known.
pub fn differences(service: Option<&ServiceSeen>, wanted: Option<&ServiceIntent>) -> Option<Vec<Difference>> {
    Some(service?.essence.differences(&essence(wanted?)))
}

/// Puts back what was last verified in a region, over whatever somebody made of it by hand.
///
/// # Errors
/// Those of [`put`].
pub async fn correct_drift(
    ctx: &Ctx,
    actor: &Actor,
    region: &str,
    app: &str,
    input: CorrectInput,
) -> Result<PromotionId, Problem> {
    actor.require(Action::CorrectRegion)?;
    let asked = Put {
        kind: PromotionKind::Correction,
        action: Action::CorrectRegion,
        app,
        region,
        reason: &input.reason,
        confirmation: &input.confirmation,
        record: "drift.corrected",
    };
    let putting = put(ctx, actor, asked, |last| Ok(last.intent.clone())).await?;
    putting.finish(actor, "").await
}

/// Takes over the replicas that somebody gave an app in a region by hand: they stand in a new version
/// of the configuration, and the service is verified with them as any other.
///
/// # Errors
/// Those of [`put`]; [`Problem::NotAdoptable`] when more was changed than a configuration can say;
/// [`Problem::Stale`] when the region is not seen with these replicas any more, or the configuration
/// changed meanwhile.
pub async fn adopt_drift(ctx: &Ctx, actor: &Actor, region: &str, app: &str, input: AdoptInput) -> Result<PromotionId, Problem> {
    actor.require(Action::CorrectRegion)?;
    let asked = Put {
        kind: PromotionKind::Correction,
        action: Action::CorrectRegion,
        app,
        region,
        reason: &input.reason,
        confirmation: &input.confirmation,
        record: "drift.adopted",
    };
    let mut putting = put(ctx, actor, asked, |last| adopted(ctx, last, input.replicas)).await?;
    configure(ctx, actor, &mut putting, input.replicas).await?;
    let detail = format!("replicas {}", input.replicas);
    let id = putting.finish(actor, &detail).await?;
    ctx.reload_config().await?;
    ctx.hub.tell(Topic::Regions, None);
    Ok(id)
}

/// What is to run there with the replicas that were seen, if nothing else differs.
fn adopted(ctx: &Ctx, last: &Last, replicas: u32) -> Result<ServiceIntent, Problem> {
    let intent = &last.intent;
    let seen = ctx.seen.region(&intent.region).filter(|seen| seen.reachable).ok_or(Problem::Stale)?;
    let service = seen.services.get(&intent.app).ok_or(Problem::Stale)?;
    let differences = service.essence.differences(&essence(intent));
    match adoption(&differences, &service.essence) {
        Ok(found) if found == replicas => Ok(ServiceIntent { replicas, ..intent.clone() }),
        Ok(_) => Err(Problem::Stale),
        // Nothing differs any more.
        Err(_) if differences.is_empty() => Err(Problem::Stale),
        Err(parts) => {
            let words: Vec<&str> =
                if parts.is_empty() { vec!["replicas"] } else { parts.iter().map(|part| part.as_str()).collect() };
            Err(Problem::NotAdoptable { region: intent.region.clone(), parts: words.join(", ") })
        }
    }
}

/// Writes the replicas into a new version of the configuration, in the transaction of the put.
async fn configure(ctx: &Ctx, actor: &Actor, putting: &mut Putting<'_>, replicas: u32) -> Result<(), Problem> {
    let (app, region) = (putting.before.app.clone(), putting.before.region.clone());
    let tx = &mut putting.tx;
    let old = store::config::newest_to_change(tx).await?;
    let mut new = old.config.clone();
    let entry = new.regions.iter_mut().find(|one| one.name == region).ok_or(Problem::Stale)?;
    entry.replicas_of.insert(app.clone(), replicas);
    if new == old.config {
        return Ok(());
    }
    new.check()?;
    let version = old.version + 1;
    store::config::add_version(tx, version, &new, micros(ctx.now()), &actor.label()).await?;
    record(ctx, tx, actor, version, (&old.config, &new)).await
}

async fn record(ctx: &Ctx, tx: &mut Tx, actor: &Actor, version: i64, (old, new): (&Config, &Config)) -> Result<(), Problem> {
    let (subject, detail) = (version.to_string(), old.changes(new).to_string());
    let entry = Entry { action: "configuration.applied", subject_kind: "configuration", subject: &subject, app: None, detail };
    ctx.audit(tx, actor, entry).await
}
