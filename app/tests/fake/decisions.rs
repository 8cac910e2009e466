//! Promotions in each state, and the board of regions.

use super::samples::{digest, three_regions};
use super::{Fake, ago, may};
use app::view::*;
use domain::gate::{Gate, GateKind, GateState, Note, Void};
use domain::id::*;
use domain::policy::{ApprovalRule, Policy};
use domain::problem::Noun;
use domain::promotion::set::SetNumber;
use domain::promotion::{PromotionKind, PromotionState, RolloutState, StepState};
use domain::verdict::Standing;
use domain::{Action, Actor, Problem, Role};

impl Fake {
    pub(super) fn sample_promotions(&self) -> Vec<PromotionRow> {
        ["open", "ready", "running", "held", "rollback", "failed", "verified", "cancelled", "rejected", "aborted", "member"]
            .map(|id| self.promotion_row(id))
            .into()
    }

    pub(super) fn promotion_row(&self, id: &str) -> PromotionRow {
        let (number, state) = match id {
            "open" => (218, PromotionState::Open),
            "ready" => (217, PromotionState::Open),
            "member" => (209, PromotionState::Open),
            "following" => (208, PromotionState::Open),
            "given-up" => (207, PromotionState::Expired),
            "running" => (216, PromotionState::Running),
            "held" => (211, PromotionState::Running),
            "aborted" => (210, PromotionState::Aborted),
            "rollback" => (215, PromotionState::Verified),
            "failed" => (214, PromotionState::Failed),
            "verified" => (213, PromotionState::Verified),
            "rejected" => (211, PromotionState::Rejected),
            _ => (212, PromotionState::Cancelled),
        };
        let back = matches!(id, "rollback" | "following" | "given-up");
        PromotionRow {
            id: PromotionId(id.to_owned()),
            number,
            kind: if back { PromotionKind::Rollback } else { PromotionKind::Promotion },
            app: "web".to_owned(),
            build: BuildId(if back { "signed" } else { "passed" }.to_owned()),
            digest: digest(if back { "77aa31f0c2b6" } else { "9c41d2aa07be" }),
            tag: Some(self.say(if back { "release-v5.12.04.01" } else { "release-v5.12.05.02" })),
            state,
            regions: if back { three_regions().into_iter().take(1).collect() } else { three_regions() },
            requested_by_name: self.say("lead-1"),
            requested_at: ago(12 + (218 - number) * 90),
            ended_at: (!matches!(state, PromotionState::Open | PromotionState::Running)).then(|| ago(5)),
            gates_green: if id == "ready" { 10 } else { 7 },
            gates_total: 10,
            set: (id == "member").then_some(SetPlace { set: SetNumber(1), place: 2, of: 3 }),
        }
    }

    pub(super) fn sample_promotion(&self, actor: &Actor, id: &PromotionId) -> Result<PromotionView, Problem> {
        let unlisted = matches!(id.as_str(), "following" | "given-up");
        if !unlisted && !self.sample_promotions().iter().any(|row| row.id == *id) {
            return Err(Problem::not_found(Noun::Promotion, id.as_str()));
        }
        let row = self.promotion_row(id.as_str());
        let me = actor.person().map(|person| person.id.0.as_str());
        let open = row.state == PromotionState::Open;
        let approval = |name: &str, void: Option<Void>| ApprovalView {
            by: UserId(name.to_owned()),
            by_name: self.say(name),
            at: ago(9),
            role: Role::Lead,
            counts: void.is_none(),
            void,
        };
        let approvals = match id.as_str() {
            "open" => vec![approval("lead-3", Some(Void::PolicyChanged))],
            "rollback" | "following" | "given-up" => Vec::new(),
            _ => vec![approval("lead-2", None)],
        };
        Ok(PromotionView {
            requested_by: UserId("lead-1".to_owned()),
            reason: self.say("For tonight's campaign; the share page must hold."),
            standing: Standing { passes: 2, fails: 0, blocked: 0 },
            gates: if open { self.sample_gates(id.as_str() == "ready") } else { Vec::new() },
            approvals,
            rollouts: self.sample_rollouts(&row),
            course: self.sample_course(id.as_str()),
            canary: None,
            started_by_name: (!open).then(|| self.say("lead-1")),
            started_at: (!open).then(|| ago(3)),
            password_needed: id.as_str() == "ready",
            may: may(actor),
            may_approve: open && !row.kind.goes_back() && me != Some("lead-1") && actor.may(Action::ApprovePromotion),
            may_reject: open && !row.kind.goes_back() && me != Some("lead-1") && actor.may(Action::ApprovePromotion),
            may_exempt: open && me != Some("lead-1") && actor.may(Action::LiftFreeze),
            policy: open.then(sample_policy),
            time_zone: "Asia/Shanghai".to_owned(),
            booking: (id.as_str() == "ready").then(|| self.sample_booking()),
            exemption: None,
            rejection: (row.state == PromotionState::Rejected).then(|| self.sample_act("lead-2", "The share page is slow.")),
            glass: (id.as_str() == "running").then(|| GlassView {
                broken: self.sample_act("lead-1", "Payments are down."),
                reviewed: None,
                may_review: me != Some("lead-1") && actor.may(Action::BreakGlass),
            }),
            follows: self.sample_follow(id.as_str()),
            row,
        })
    }

    fn sample_course(&self, id: &str) -> CourseView {
        let link = |id: &str, number| PromotionLink { id: PromotionId(id.to_owned()), number };
        match id {
            "running" => CourseView { next_wave: Some(2), wants_look: true, ..CourseView::default() },
            "held" => CourseView { paused_by: Some(self.say("lead-2")), paused_at: Some(ago(4)), ..CourseView::default() },
            "aborted" => CourseView {
                aborted_by: Some(self.say("lead-2")),
                aborted_why: Some(self.say("The campaign was called off.")),
                ..CourseView::default()
            },
            "failed" => CourseView { went_back: vec![link("rollback", 215)], ..CourseView::default() },
            "rollback" => CourseView { because_of: Some(link("failed", 214)), ..CourseView::default() },
            _ => CourseView::default(),
        }
    }

    fn sample_preflight(&self) -> PreflightView {
        PreflightView {
            commits: None,
            variables_added: vec!["NEW_FLAG".to_owned()],
            variables_removed: vec!["OLD_FLAG".to_owned()],
            variables_changed: vec!["MODE".to_owned()],
            secrets_added: vec!["db-password".to_owned()],
            secrets_removed: Vec::new(),
            secrets_changed: vec!["api-token".to_owned()],
            image_size: Some(48_200_000),
            expected_seconds: Some(140),
            of_rollouts: 7,
            stop_first: true,
            at_a_time: 2,
            delay_seconds: 5,
            goes_back: true,
        }
    }

    fn sample_act(&self, by: &str, reason: &str) -> ActView {
        ActView { by_name: self.say(by), at: ago(6), reason: self.say(reason) }
    }

    /// A rollback that waits for a canary to be gone, and one that was given up.
    fn sample_follow(&self, id: &str) -> Option<FollowView> {
        let given_up = match id {
            "following" => false,
            "given-up" => true,
            _ => return None,
        };
        let region = "hangzhou".to_owned();
        let away = sample_gate(GateKind::RegionReachable { region }, GateState::Waiting, None);
        Some(FollowView {
            canary: PromotionLink { id: PromotionId("canary".to_owned()), number: 62 },
            by_name: self.say("lead-1"),
            until: ago(if given_up { 1 } else { -14 }),
            waits: given_up.then(|| Problem::GatesClosed { gates: vec![away] }),
            tried_at: given_up.then(|| ago(2)),
        })
    }

    fn sample_booking(&self) -> BookingView {
        let gate = |kind, cleared_by| sample_gate(kind, GateState::Waiting, cleared_by);
        let approved = gate(GateKind::Approved { role: Role::Lead, count: 2 }, Some(Role::Lead));
        BookingView {
            by_name: self.say("lead-1"),
            at: ago(8),
            not_before: Some(ago(-90)),
            waits: Some(Problem::GatesClosed { gates: vec![approved] }),
            tried_at: Some(ago(1)),
        }
    }

    pub(super) fn sample_gates(&self, ready: bool) -> Vec<Gate> {
        let gate = |kind, state, cleared_by, detail: &str| Gate {
            detail: (!detail.is_empty()).then(|| self.say(detail)),
            ..sample_gate(kind, if ready { GateState::Green } else { state }, cleared_by)
        };
        let mut gates = vec![
            Gate { checked_at: Some(ago(0)), ..gate(GateKind::ImagePresent, GateState::Green, None, "") },
            gate(GateKind::Tested, GateState::Green, None, "tester-1"),
            gate(GateKind::SignedOff, GateState::Waiting, Some(Role::Product), ""),
            Gate {
                note: Some(Note::Counted { have: 1, need: 2 }),
                ..gate(GateKind::Approved { role: Role::Lead, count: 2 }, GateState::Waiting, Some(Role::Lead), "")
            },
        ];
        for region in three_regions() {
            let away = region.name == "us-west";
            let reachable = GateKind::RegionReachable { region: region.name.clone() };
            let state = if away { GateState::Red } else { GateState::Green };
            if away {
                let kind = GateKind::NotFrozen { region: region.name.clone() };
                let note = Note::Window { name: self.say("nights"), reason: self.say("Nobody is awake.") };
                let closed = gate(kind, GateState::Waiting, Some(Role::Lead), "");
                gates.push(Gate { note: Some(note), until: Some(ago(-300)), ..closed });
            }
            gates.push(Gate { checked_at: Some(ago(1)), ..gate(reachable, state, None, "") });
            let region_name = || region.name.clone();
            let variables = GateKind::VariablesThere { region: region_name() };
            if region.name == "hong-kong" {
                gates.push(gate(variables, GateState::Red, Some(Role::Admin), "DATABASE_URL"));
                let secrets = GateKind::SecretsThere { region: region_name() };
                gates.push(gate(secrets, GateState::Red, Some(Role::Lead), "db-password"));
                let copied = gate(GateKind::ImageInRegion { region: region_name() }, GateState::Waiting, None, "");
                let note = Note::UnderWay { done: 31_400_000, all: 48_200_000 };
                gates.push(Gate { note: (!ready).then_some(note), checked_at: Some(ago(0)), ..copied });
            }
            // What runs nothing has nothing to go back to.
            let back = if away { "" } else { "77aa31f0c2b6" };
            let kept = gate(GateKind::WayBackKept { region: region_name() }, GateState::Green, None, back);
            gates.push(Gate { note: (!away).then_some(Note::Pinned), ..kept });
            gates.push(gate(GateKind::EnoughRoom { region: region_name() }, GateState::Green, None, "6 / 6"));
            gates.push(gate(GateKind::NoOtherRollout { region: region.name }, GateState::Green, None, ""));
        }
        gates
    }

    fn sample_rollouts(&self, row: &PromotionRow) -> Vec<RolloutView> {
        let states: [RolloutState; 3] = match row.state {
            PromotionState::Open => [RolloutState::Waiting; 3],
            PromotionState::Cancelled | PromotionState::Rejected | PromotionState::Expired => [RolloutState::Skipped; 3],
            PromotionState::Running => [RolloutState::Verified, RolloutState::Running, RolloutState::Waiting],
            PromotionState::Failed | PromotionState::Aborted => {
                [RolloutState::Verified, RolloutState::Failed, RolloutState::Skipped]
            }
            PromotionState::Verified => [RolloutState::Verified; 3],
        };
        let rollout = |(region, state): (&RegionRef, RolloutState)| RolloutView {
            region: region.clone(),
            state,
            previous_digest: (region.name != "us-west").then(|| digest("77aa31f0c2b6")),
            previous_tag: (region.name != "us-west").then(|| self.say("release-v5.12.04.01")),
            previous_build: Some(BuildId("signed".to_owned())),
            replicas: if region.name == "hong-kong" { 1 } else { 6 },
            port: Some(8080),
            capacity_dip: region.name != "us-west",
            started_at: (state != RolloutState::Waiting && state != RolloutState::Skipped).then(|| ago(3)),
            ended_at: matches!(state, RolloutState::Verified | RolloutState::Failed).then(|| ago(2)),
            failure: (state == RolloutState::Failed).then(|| Problem::TasksFailed {
                app: "web".to_owned(),
                region: region.name.clone(),
                error: self.say("no suitable node"),
            }),
            steps: self.rollout_steps(state),
            can_roll_back: state == RolloutState::Verified,
            wave: if region.name == "hangzhou" { 1 } else { 2 },
            wave_soak_minutes: 30,
            wave_look: true,
            preflight: (row.state == PromotionState::Open).then(|| self.sample_preflight()),
        };
        row.regions.iter().zip(states).map(rollout).collect()
    }

    fn rollout_steps(&self, state: RolloutState) -> Vec<StepView> {
        let kinds = ["inspect", "update", "tasks", "soak", "verify"];
        let reached = match state {
            RolloutState::Waiting | RolloutState::Skipped => return Vec::new(),
            RolloutState::Running => 2,
            RolloutState::Failed => 4,
            RolloutState::Verified => 5,
        };
        let step = |(place, kind): (usize, &&str)| {
            let at = match (state, place.cmp(&reached)) {
                (_, std::cmp::Ordering::Less) => StepState::Done,
                (RolloutState::Running, std::cmp::Ordering::Equal) => StepState::Running,
                (RolloutState::Failed, std::cmp::Ordering::Equal) => StepState::Failed,
                _ => StepState::Waiting,
            };
            let began = 60 - i64::try_from(place).unwrap_or(0) * 11;
            let detail = (at == StepState::Running).then_some("task 4 of 6: running, health check 2 of 3");
            self.step(kind, "", at, began, (at != StepState::Running).then_some(began - 11), detail)
        };
        kinds.iter().enumerate().map(step).collect()
    }

    pub(super) fn sample_board(&self, actor: &Actor) -> RegionBoard {
        let zones = ["Asia/Shanghai", "Asia/Hong_Kong", "America/Los_Angeles"];
        let column = |(region, zone): (RegionRef, &str)| RegionColumn {
            reachable: region.name != "us-west",
            region,
            time_zone: zone.to_owned(),
            checked_at: Some(ago(0)),
        };
        let rows = self.board_rows();
        let columns = if self.empty { Vec::new() } else { three_regions().into_iter().zip(zones).map(column).collect() };
        RegionBoard { columns, rows: if self.empty { Vec::new() } else { rows }, may: may(actor) }
    }

    fn board_cell(&self, region: &str, head: &str, tag: &str, minutes: i64, (running, desired): (u32, u32)) -> RegionCell {
        RegionCell {
            region: region.to_owned(),
            digest: Some(digest(head)),
            build: Some(BuildId("signed".to_owned())),
            tag: Some(self.say(tag)),
            since: Some(ago(minutes)),
            by: Some(self.say("ada")),
            running,
            desired,
            healthy: running == desired,
            drifted: false,
            quarantined: false,
            drift: Vec::new(),
            drift_since: None,
            plan: None,
            canary: None,
            newer: 0,
            newest_tag: Some("release-v5.12.05.02".to_owned()),
            rollout: None,
            url: Some(format!("http://{region}.example.com:8080/")),
            back_to: Some(digest("77aa31f0c2b6")),
            back_to_tag: Some(self.say("release-v5.12.04.01")),
        }
    }

    fn drifted_cell(&self) -> RegionCell {
        RegionCell {
            drifted: true,
            quarantined: true,
            drift: self.sample_drift(),
            drift_since: Some(ago(95)),
            build: None,
            tag: None,
            since: None,
            by: None,
            ..self.board_cell("hangzhou", "aa90be41c7d3", "", 0, (2, 2))
        }
    }

    pub(super) fn board_rows(&self) -> Vec<AppRegions> {
        let cell = |region: &str, head: &str, tag: &str, minutes, tasks| self.board_cell(region, head, tag, minutes, tasks);
        let none = |region: &str| RegionCell {
            digest: None,
            build: None,
            tag: None,
            since: None,
            url: None,
            back_to: None,
            ..cell(region, "aa", "", 0, (0, 0))
        };
        let row = |app: &str, label: Option<u16>, cells| AppRegions {
            app: app.to_owned(),
            port_label: label,
            port: label.map(|label| label * 100 + 80),
            cells,
        };
        vec![
            row(
                "web",
                Some(80),
                vec![
                    cell("hangzhou", "9c41d2aa07be", "release-v5.12.05.02", 2, (6, 6)),
                    RegionCell {
                        rollout: Some(PromotionId("running".to_owned())),
                        newer: 1,
                        ..cell("hong-kong", "77aa31f0c2b6", "release-v5.12.04.01", 1500, (3, 3))
                    },
                    RegionCell { newer: 2, ..cell("us-west", "77aa31f0c2b6", "release-v5.12.04.01", 1490, (6, 6)) },
                ],
            ),
            row(
                "worker",
                None,
                vec![
                    cell("hangzhou", "f7b20c11e9d4", "release-v3.02.11.30.01", 7200, (4, 4)),
                    RegionCell { newer: 1, ..cell("hong-kong", "1f00ab77c9e2", "release-v3.01.11.22.03", 17_000, (1, 2)) },
                    none("us-west"),
                ],
            ),
            row(
                "share-api",
                Some(81),
                vec![
                    self.drifted_cell(),
                    RegionCell {
                        plan: Some(self.sample_run()),
                        canary: (!self.empty).then(|| self.sample_canary()),
                        ..cell("hong-kong", "aa90be41c7d3", "release-v2.11.28.01", 17_280, (2, 2))
                    },
                    none("us-west"),
                ],
            ),
        ]
    }
}

fn sample_gate(kind: GateKind, state: GateState, cleared_by: Option<Role>) -> Gate {
    Gate { kind, state, cleared_by, detail: None, checked_at: None, since: None, until: None, note: None }
}

fn sample_policy() -> Policy {
    let approvals = vec![ApprovalRule { role: Role::Lead, count: 2 }];
    Policy { approvals, soak_in_test_minutes: 30, break_glass: true, ..Policy::default() }
}
