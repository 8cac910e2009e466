//! The facts behind the gates: what was seen of the world, and what the database says now.

use super::launch::intent;
use super::secrets::kept_for;
use super::world::{World, at};
use crate::store::preflight::{dated, tested_in};
use crate::store::promotions::{self as rows, PromotionRecord};
use crate::store::regions::last_put;
use crate::store::{approvals, canaries, decisions, exceptions};
use crate::usecases::environments::variables_given;
use domain::gate::world::{Age, Dated, Errand, Room, Secrets, Variables, WayBack, WorldFacts};
use domain::gate::{ApprovalFor, CanaryAsked, GateFacts, RegionFacts, Seen};
use domain::policy::Policy;
use domain::region_secrets::{Kept, missing};
use domain::rollback::{Past, back_after, last_verified};
use domain::{Digest, Problem, Time, freeze};
use sqlx::AnyConnection;
use std::collections::BTreeSet;

/// Everything that the gates of a promotion are computed from; `regions` are all of its own. In
/// the transaction of a start it is read after the turn has come, so nothing can slip between.
///
/// # Errors
/// [`Problem::Internal`].
pub async fn facts(
    connection: &mut AnyConnection,
    promotion: &PromotionRecord,
    regions: &[String],
    world: &World,
    now: Time,
) -> Result<GateFacts, Problem> {
    let config = &world.applied.config;
    let policy = Policy::of(&config.policies, &promotion.app, regions);
    let build = Build::read(connection, promotion, world).await?;
    let mut region_facts = Vec::with_capacity(regions.len());
    for region in regions {
        let zone = config.region(region).map_or("UTC", |region| region.time_zone.as_str());
        let (past, _) = rows::past_in(connection, &promotion.app, region).await?;
        let asked = asked(connection, promotion, region).await?;
        region_facts.push(RegionFacts {
            region: region.clone(),
            reachable: world.region(region).reachable,
            world: build.in_region(connection, promotion, (region, &past, asked.as_ref()), world).await?,
            other_rollout: rows::other_rollout(connection, &promotion.app, region, &promotion.id).await?,
            ran_before: rows::ran_before(connection, &promotion.app, region, &promotion.digest).await?,
            freeze: freeze::stands(&config.freezes, &promotion.app, region, zone, now),
            canary: canaries::there(connection, &promotion.app, region, &promotion.id).await?,
            asked,
        });
    }
    Ok(GateFacts {
        now,
        rollback: promotion.kind.goes_back(),
        glass: exceptions::broken_glass(connection, &promotion.id).await?.is_some(),
        requested_by: promotion.requested_by.clone(),
        subject: ApprovalFor { digest: promotion.digest.to_string(), regions: regions.to_vec(), policy: policy.fingerprint() },
        policy,
        authors: world.authors.clone(),
        image: world.image.clone(),
        standing: decisions::standing(connection, &promotion.digest).await?,
        passes: decisions::passes(connection, &promotion.digest).await?,
        signed_off: decisions::signed_off(connection, &promotion.build).await?,
        approvals: approvals::approvals(connection, &promotion.id).await?,
        exemption: exceptions::exemption(connection, &promotion.id).await?,
        regions: region_facts,
    })
}

/// What a canary asks of a region, and what is to run there; none for every other promotion.
async fn asked(
    connection: &mut AnyConnection,
    promotion: &PromotionRecord,
    region: &str,
) -> Result<Option<CanaryAsked>, Problem> {
    let Some(terms) = canaries::terms(connection, &promotion.id).await? else { return Ok(None) };
    let main = last_put(connection, &promotion.app, region).await?.map(|last| last.intent.replicas);
    Ok(Some(CanaryAsked { terms, main }))
}

/// What the gates about the world ask of the build, once for all regions.
struct Build {
    dated: Option<Dated>,
    /// The names of the variables that it was tested with.
    tested_with: Option<BTreeSet<String>>,
}

impl Build {
    async fn read(connection: &mut AnyConnection, promotion: &PromotionRecord, world: &World) -> Result<Self, Problem> {
        let dated = dated(connection, &promotion.app, &promotion.digest).await?.map(|(dated, _)| dated);
        let image = world.applied.config.app(&promotion.app).map(|app| &app.image);
        let kept = tested_in(connection, &promotion.digest).await?;
        let tested_with = kept.zip(image).and_then(|(kept, image)| variables_given(&kept, image));
        Ok(Self { dated, tested_with })
    }

    async fn in_region(
        &self,
        connection: &mut AnyConnection,
        promotion: &PromotionRecord,
        (region, past, asked): (&str, &[Past], Option<&CanaryAsked>),
        world: &World,
    ) -> Result<WorldFacts, Problem> {
        let seen = world.region(region);
        let kept = kept_for(connection, promotion, region).await?;
        let intent = intent(&world.applied.config, promotion, region, asked.map(|asked| &asked.terms), &kept).ok();
        let (runs, back) = (last_verified(past), back_after(past, &promotion.digest));
        let unknown = Seen::Unknown { at: at(&seen.reachable) };
        let age = match runs {
            None => Age::First,
            Some(digest) => match (&self.dated, dated(connection, &promotion.app, digest).await?) {
                (Some(mine), Some((theirs, than))) if mine.is_older_than(&theirs) => Age::Older { than },
                (Some(_), Some(_)) => Age::NotOlder,
                _ => Age::Unknown,
            },
        };
        let room = match (seen.nodes, &intent) {
            (Some((nodes, at)), Some(intent)) => {
                let part = asked.and_then(|asked| Some((asked.terms.shape, asked.main?)));
                let need = part.map_or_else(|| intent.need(runs.is_some()), |(shape, main)| intent.need_of_canary(shape, main));
                Room::Seen { at, nodes, need }
            }
            _ => Room::Unknown { at: at(&seen.reachable) },
        };
        // What was looked at may no longer be what a rollback would go to.
        let looked = |digest: &Digest| seen.back.filter(|back| back.digest == *digest);
        let way_back = match back {
            Some(digest) => match looked(&digest) {
                Some(back) => WayBack::To { digest, kept: back.kept, pinned: back.pinned, pin: back.pin },
                None => WayBack::To { digest, kept: unknown, pinned: false, pin: Errand::NotAllowed },
            },
            None => WayBack::Nothing,
        };
        let variables = match (&self.tested_with, &intent) {
            (Some(names), Some(intent)) => {
                let missing = names.iter().filter(|name| !intent.env.contains_key(*name)).cloned().collect();
                Variables::Used { many: u32::try_from(names.len()).unwrap_or(u32::MAX), missing }
            }
            _ => Variables::Unknown,
        };
        let secrets = secrets(world, &promotion.app, &kept);
        Ok(WorldFacts { image: seen.image, copy: seen.copy, way_back, variables, secrets, room, age })
    }
}

/// The secrets that the app names, and which of them nobody set.
fn secrets(world: &World, app: &str, kept: &Kept) -> Secrets {
    let named = world.applied.config.app(app).map(|app| app.service.secrets.as_slice()).unwrap_or_default();
    Secrets { many: u32::try_from(named.len()).unwrap_or(u32::MAX), missing: missing(named, kept) }
}
