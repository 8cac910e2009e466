//! Regions closely: nodes, tasks, drift, variables, and contingency plans.

use super::samples::{digest, three_regions};
use super::{Answer, Fake, ago, may};
use app::view::*;
use domain::canary::{CanaryState, Shape, Terms};
use domain::drift::{Difference, Part};
use domain::id::{BuildId, PromotionId, UserId};
use domain::problem::Noun;
use domain::promotion::{PromotionKind, PromotionState, RolloutState};
use domain::region_variables::{Beside, RegionOrigin};
use domain::{Action, Actor, Problem};

impl Fake {
    /// One of three replicas, for a day.
    pub(super) fn sample_canary(&self) -> CanaryView {
        CanaryView {
            promotion: PromotionId("canary".to_owned()),
            number: 62,
            build: BuildId("signed".to_owned()),
            digest: digest("c0ffee12ab34"),
            tag: Some("release-v5.12.06.01".to_owned()),
            terms: Terms { shape: Shape::Share, replicas: 1, port_label: None, hours: 24 },
            port: Some(8180),
            state: CanaryState::Running,
            owner: "leo".to_owned(),
            started_at: ago(90),
            ends_at: ago(-1350),
            more_hours: 144,
            running: 1,
            desired: 1,
            healthy: true,
            quarantined: false,
            drifted: false,
            url: Some("http://hangzhou.example.com:8180".to_owned()),
            cause: None,
            withdrawn_by: None,
            reason: String::new(),
            followed_by: None,
        }
    }

    /// What `hangzhou` runs: web with more replicas, worker with more than that, share-api as it should.
    pub(super) fn sample_region(&self, actor: &Actor, name: &str) -> Answer<RegionView> {
        let board = self.sample_board(actor);
        let column = board.columns.into_iter().find(|column| column.region.name == name);
        let column = column.ok_or_else(|| Problem::not_found(Noun::Region, name))?;
        let away = !column.reachable;
        let services = self.board_rows().into_iter().filter_map(|row| {
            let cell = row.cells.into_iter().find(|cell| cell.region == name)?;
            let cell = match row.app.as_str() {
                "web" => RegionCell { drifted: true, drift: self.sample_drift(), drift_since: Some(ago(12)), ..cell },
                "worker" => RegionCell { drifted: true, drift: self.beyond(), ..cell },
                _ => RegionCell { drifted: false, canary: (!self.empty).then(|| self.sample_canary()), ..cell },
            };
            let tasks = if away { Vec::new() } else { self.sample_tasks(cell.digest.clone()) };
            let canary = cell.canary.as_ref().map(|canary| self.sample_tasks(Some(canary.digest.clone())));
            Some(RegionService {
                app: row.app,
                port: row.port,
                canary_restarts: u32::from(canary.is_some()),
                canary_tasks: canary.unwrap_or_default(),
                cell,
                restarts: 1,
                tasks,
            })
        });
        Ok(RegionView {
            services: services.collect(),
            address: Some("hangzhou.example.com".to_owned()),
            problem: away.then(|| Problem::Unreachable { what: Noun::Region, name: name.to_owned() }),
            nodes: if away { Vec::new() } else { self.sample_nodes() },
            plans: if self.empty {
                Vec::new()
            } else {
                vec![self.sample_contingency(actor, "flood")?, self.sample_contingency(actor, "quiet")?]
            },
            password_needed: true,
            may: may(actor),
            column,
        })
    }

    pub(super) fn sample_drift(&self) -> Vec<Difference> {
        vec![Difference { part: Part::Replicas, wanted: Some("6".to_owned()), seen: Some("9".to_owned()) }]
    }

    fn beyond(&self) -> Vec<Difference> {
        let mut parts = self.sample_drift();
        parts.push(Difference { part: Part::Environment, wanted: None, seen: Some(self.say("DEBUG")) });
        parts
    }

    fn sample_nodes(&self) -> Vec<NodeView> {
        let node = |name: &str, state: &str, availability: &str, manager| NodeView {
            name: self.say(name),
            state: state.to_owned(),
            availability: availability.to_owned(),
            manager,
            leader: manager,
            address: Some("10.0.0.11".to_owned()),
            engine: Some("24.0.7".to_owned()),
        };
        vec![node("node-1", "ready", "active", true), node("node-2", "down", "drain", false)]
    }

    fn sample_tasks(&self, of: Option<domain::Digest>) -> Vec<TaskView> {
        let task = |id: &str, state: &str, wanted, error: Option<&str>| TaskView {
            id: id.to_owned(),
            slot: Some(1),
            node: Some(self.say("node-1")),
            state: state.to_owned(),
            wanted,
            digest: of.clone(),
            since: Some(ago(31)),
            error: error.map(|error| self.say(error)),
        };
        vec![task("t2", "running", true, None), task("t1", "failed", false, Some("task: non-zero exit (3)"))]
    }

    pub(super) fn sample_history(&self) -> Vec<RegionPast> {
        let past = |number, kind, state, failure| RegionPast {
            promotion: PromotionId("verified".to_owned()),
            number,
            kind,
            app: "web".to_owned(),
            digest: digest("9c41d2aa07be"),
            tag: Some(self.say("release-v5.12.05.02")),
            state,
            requested_by: self.say("ada"),
            started_by: Some("leo".to_owned()),
            reason: self.say("more people than ever"),
            started_at: ago(60),
            ended_at: Some(ago(58)),
            failure,
        };
        let pull = Problem::CannotPull { region: "hangzhou".to_owned() };
        vec![
            past(14, PromotionKind::Plan, RolloutState::Verified, None),
            past(13, PromotionKind::Correction, RolloutState::Failed, Some(pull)),
            past(12, PromotionKind::Promotion, RolloutState::Verified, None),
        ]
    }

    pub(super) fn sample_region_variables(&self, name: &str) -> RegionVariables {
        let (own, others): (Vec<_>, Vec<_>) = three_regions().into_iter().partition(|region| region.name == name);
        let row = |name: &str, origin, beside: [Option<Beside>; 2]| VariableRow {
            name: name.to_owned(),
            origin,
            changed: vec![VersionRef { version: 4, at: ago(3000), by: self.say("adam") }],
            beside: beside.to_vec(),
        };
        let variables = vec![
            row("API_TOKEN_URL", Some(RegionOrigin::Region), [Some(Beside::Different), Some(Beside::Missing)]),
            row("MODE", Some(RegionOrigin::App), [Some(Beside::Same), Some(Beside::Same)]),
            row("ONLY_THERE", None, [Some(Beside::Different), None]),
        ];
        let apps = if self.empty { Vec::new() } else { vec![AppVariables { app: "web".to_owned(), variables }] };
        RegionVariables { region: own.into_iter().next().unwrap_or_else(|| three_regions().remove(0)), others, apps }
    }

    pub(super) fn sample_service_log(&self, app: &str) -> ServiceLog {
        let line = |minutes, text: &str| LogLine {
            service: app.to_owned(),
            at: Some(ago(minutes)),
            err: false,
            text: self.say(text),
            pieces: Vec::new(),
        };
        let lines = if self.empty { Vec::new() } else { vec![line(2, "listening on 80"), line(1, "GET /health 200")] };
        ServiceLog { region: three_regions().remove(0), lines }
    }

    pub(super) fn sample_run(&self) -> PlanRun {
        PlanRun {
            plan: "flood".to_owned(),
            title: self.say("Ten times the traffic"),
            app: "web".to_owned(),
            region: three_regions().remove(1),
            promotion: PromotionId("verified".to_owned()),
            number: 14,
            state: PromotionState::Verified,
            by: self.say("leo"),
            at: ago(60),
            reason: self.say("more people than ever"),
        }
    }

    /// `flood` runs in one of its regions and has a reader; nobody has read `quiet`.
    pub(super) fn sample_contingency(&self, actor: &Actor, name: &str) -> Answer<PlanView> {
        let flood = name == "flood";
        let review = |by: &str, counts| PlanReview { by: UserId(by.to_owned()), name: self.say(by), at: ago(9000), counts };
        let variables = vec![("LIMIT".to_owned(), self.say("low"))];
        let plan = PlanView {
            name: name.to_owned(),
            title: self.say(if flood { "Ten times the traffic" } else { "Turn the recommendations off" }),
            app: "web".to_owned(),
            regions: three_regions(),
            does: if flood { PlanDoes::Scale { replicas: 12 } } else { PlanDoes::Set { variables } },
            reviews: if flood { vec![review("lead-3", true), review("lead-4", false)] } else { Vec::new() },
            read: false,
            ready: flood,
            runs: if flood { vec![self.sample_run()] } else { Vec::new() },
            password_needed: true,
            may: may(actor),
        };
        let known = flood || name == "quiet";
        if known && actor.may(Action::Read) { Ok(plan) } else { Err(Problem::not_found(Noun::Plan, name)) }
    }
}
