//! The board: which build each region runs, who put it there, what is newer, and what drifted.

use super::{drift, plans, region_ref};
use crate::ctx::Ctx;
use crate::engine::swarm::essence;
use crate::seen::ServiceSeen;
use crate::store::canaries::CanaryRow;
use crate::store::plans::RunRow;
use crate::store::regions::KnownBuild;
use crate::store::rollouts::RolloutRow;
use crate::usecases::canaries::canary_view;
use app::view::{AppRegions, CanaryView, RegionBoard, RegionCell, RegionColumn};
use domain::canary::CanaryState;
use domain::config::{AppConfig, Config, RegionConfig};
use domain::id::{BuildId, PromotionId};
use domain::promotion::RolloutState;
use domain::{Action, Actor, Digest, Problem};
use std::collections::{BTreeMap, HashMap};

/// Which build each region runs of each app, as last seen there, and what is newer.
///
/// # Errors
/// [`Problem::Forbidden`].
pub async fn regions(ctx: &Ctx, actor: &Actor) -> Result<RegionBoard, Problem> {
    actor.require(Action::Read)?;
    let applied = ctx.config();
    let config = &applied.config;
    let mut board = Board::of(ctx).await?;
    let mut rows = Vec::with_capacity(config.apps.len());
    for app in &config.apps {
        let mut cells = Vec::with_capacity(config.regions.len());
        for region in &config.regions {
            cells.push(board.cell(app, region).await?);
        }
        let port = app.production_port().ok().flatten();
        rows.push(AppRegions { app: app.name.clone(), port_label: app.port_label, port, cells });
    }
    Ok(RegionBoard {
        columns: config.regions.iter().map(|region| column(ctx, config, region)).collect(),
        rows,
        may: Action::ALL.into_iter().filter(|action| actor.may(*action)).collect(),
    })
}

/// A region at the head of its column.
pub fn column(ctx: &Ctx, config: &Config, region: &RegionConfig) -> RegionColumn {
    let seen = ctx.seen.region(&region.name);
    RegionColumn {
        region: region_ref(config, &region.name),
        time_zone: region.time_zone.clone(),
        reachable: seen.as_ref().is_some_and(|seen| seen.reachable),
        checked_at: seen.map(|seen| seen.checked_at),
    }
}

type Newer = (u32, Option<String>);

/// What all cells are filled in from.
pub struct Board<'a> {
    ctx: &'a Ctx,
    running: BTreeMap<(String, String), PromotionId>,
    /// The uses of plans that nobody returned from.
    plans: Vec<RunRow>,
    canaries: Vec<CanaryRow>,
    /// Regions often run the same build: it is looked up once.
    builds: HashMap<(String, Digest), Option<(KnownBuild, Newer)>>,
}

impl<'a> Board<'a> {
    pub async fn of(ctx: &'a Ctx) -> Result<Self, Problem> {
        let running = ctx.store.rollouts_running().await?;
        let running = running.into_iter().map(|rollout| ((rollout.app, rollout.region), rollout.promotion)).collect();
        let (plans, canaries) = (ctx.store.plan_runs().await?, ctx.store.canaries().await?);
        Ok(Self { ctx, running, plans, canaries, builds: HashMap::new() })
    }

    /// One app in one region.
    pub async fn cell(&mut self, app: &AppConfig, region: &RegionConfig) -> Result<RegionCell, Problem> {
        let store = &self.ctx.store;
        let verified = store.last_verified(&app.name, &region.name).await?;
        let started = store.last_started(&app.name, &region.name).await?;
        let seen = self.ctx.seen.region(&region.name);
        let service = seen.as_ref().and_then(|seen| seen.services.get(&app.name));
        let digest = service.and_then(|service| service.digest.clone());
        let known = match &digest {
            Some(digest) => self.build(&app.name, digest).await?,
            None => None,
        };
        let port = app.production_port().ok().flatten();
        let url = region.address.as_ref().zip(port).map(|(address, port)| format!("http://{address}:{port}"));
        let back_to = crate::usecases::promotions::back_to(self.ctx, &app.name, &region.name).await?;
        let back_to_tag = match &back_to {
            Some(digest) => self.build(&app.name, digest).await?.and_then(|(build, _)| build.tag),
            None => None,
        };
        let quarantined = match &known {
            Some((build, _)) => self.quarantined(&build.id).await?,
            None => false,
        };
        let was = verified.as_ref().filter(|rollout| Some(&rollout.digest) == digest.as_ref());
        let by = match was {
            Some(rollout) => store.started_by(&rollout.promotion).await?,
            None => None,
        };
        let canary = self.canaries.iter().find(|canary| canary.app == app.name && canary.region == region.name).cloned();
        let drifted = match service {
            Some(service) => drifted(service, canary.as_ref(), (started.as_ref(), verified.as_ref())),
            // Not looked at yet is not missing.
            None => verified.is_some() && seen.as_ref().is_some_and(|seen| seen.reachable),
        };
        let wanted = canary.as_ref().map(CanaryRow::reduced).or_else(|| verified.as_ref()?.intent.clone());
        let canary = self.canary(canary, region).await?;
        let plan = self.plans.iter().find(|run| run.app == app.name && run.region == region.name);
        Ok(RegionCell {
            region: region.name.clone(),
            since: was.and_then(|rollout| rollout.ended_at),
            by,
            drift: drift::differences(service, wanted.as_ref()).filter(|_| drifted).unwrap_or_default(),
            drift_since: service.filter(|_| drifted).and_then(|service| service.updated_at),
            drifted,
            quarantined,
            plan: plan.map(|run| plans::run_view(&self.ctx.config().config, run)),
            canary,
            running: service.map_or(0, |service| service.running),
            desired: service.map_or(0, |service| service.desired),
            healthy: service.is_some_and(|service| service.healthy),
            rollout: self.running.get(&(app.name.clone(), region.name.clone())).cloned(),
            url: url.filter(|_| digest.is_some()),
            build: known.as_ref().map(|(build, _)| build.id.clone()),
            tag: known.as_ref().and_then(|(build, _)| build.tag.clone()),
            newer: known.as_ref().map_or(0, |(_, (newer, _))| *newer),
            newest_tag: known.and_then(|(_, (_, tag))| tag),
            back_to,
            back_to_tag,
            digest,
        })
    }

    async fn canary(&self, canary: Option<CanaryRow>, region: &RegionConfig) -> Result<Option<CanaryView>, Problem> {
        let Some(canary) = canary else { return Ok(None) };
        let quarantined = self.quarantined(&canary.build).await?;
        canary_view(self.ctx, &canary, region, quarantined).await.map(Some)
    }

    /// Whether a fail stands on the digest of a build.
    async fn quarantined(&self, build: &BuildId) -> Result<bool, Problem> {
        let standings = self.ctx.store.standings(std::slice::from_ref(build)).await?;
        Ok(standings.get(build).is_some_and(|standing| standing.quarantined()))
    }

    async fn build(&mut self, app: &str, digest: &Digest) -> Result<Option<(KnownBuild, Newer)>, Problem> {
        let key = (app.to_owned(), digest.clone());
        if let Some(known) = self.builds.get(&key) {
            return Ok(known.clone());
        }
        let known = match self.ctx.store.build_known(app, digest).await? {
            Some(build) => {
                let newer = self.ctx.store.newer_than(app, &build).await?;
                Some((build, newer))
            }
            None => None,
        };
        self.builds.insert(key, known.clone());
        Ok(known)
    }
}

/// Whether a service is neither what a rollout made of it nor what a canary left of it.
fn drifted(
    service: &ServiceSeen,
    canary: Option<&CanaryRow>,
    (started, verified): (Option<&RolloutRow>, Option<&RolloutRow>),
) -> bool {
    match canary {
        Some(canary) if left_by(service, canary) => false,
        // While it comes or goes, the whole is as right as the part.
        Some(canary) if canary.state == CanaryState::Running && !canary.is_beside() => true,
        _ => !put_there(service, started) && !put_there(service, verified),
    }
}

/// Whether the main service is what a canary left of it.
fn left_by(service: &ServiceSeen, canary: &CanaryRow) -> bool {
    service.promotion.as_deref() == Some(canary.put_by.as_str()) && essence(&canary.reduced()) == service.essence
}

/// Whether the service is what this rollout made of it: of its promotion, unchanged, and
/// running its digest or, while the rollout is under way or failed, still another.
fn put_there(service: &ServiceSeen, rollout: Option<&RolloutRow>) -> bool {
    let Some(rollout) = rollout else { return false };
    let intact = rollout.intent.as_ref().is_some_and(|intent| essence(intent) == service.essence);
    let digest = service.digest.as_ref() == Some(&rollout.digest) || rollout.state != RolloutState::Verified;
    service.promotion.as_deref() == Some(rollout.promotion.as_str()) && intact && digest
}
