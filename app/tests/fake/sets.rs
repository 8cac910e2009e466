//! Promotion sets: S-1 waits, S-2 is ready and booked, S-3 stopped half way.

use super::samples::three_regions;
use super::{Fake, ago, may};
use app::view::*;
use domain::id::*;
use domain::problem::{Noun, Refused};
use domain::promotion::set::SetNumber;
use domain::promotion::{PromotionState, RolloutState};
use domain::{Action, Actor, Problem};

impl Fake {
    pub(super) fn sample_set(&self, actor: &Actor, number: SetNumber) -> Result<SetView, Problem> {
        use PromotionState as S;
        let (states, state) = match number.0 {
            1 | 2 => ([S::Open; 3], S::Open),
            3 => ([S::Verified, S::Failed, S::Open], S::Failed),
            _ => return Err(Problem::not_found(Noun::PromotionSet, number.to_string())),
        };
        let open = states.contains(&S::Open);
        let others = actor.person().is_some_and(|person| person.id.0 != "lead-1");
        let approves = open && others && actor.may(Action::ApprovePromotion);
        let member = |(place, state): (u32, S)| self.sample_member(number, place, state, approves);
        let stopped = number.0 == 3;
        Ok(SetView {
            number,
            state,
            reason: self.say("The autumn release."),
            requested_by: UserId("lead-1".to_owned()),
            requested_by_name: self.say("lead-1"),
            requested_at: ago(40),
            started_by_name: stopped.then(|| self.say("lead-1")),
            started_at: stopped.then(|| ago(20)),
            members: (1..).zip(states).map(member).collect(),
            at: stopped.then_some(2),
            stopped,
            password_needed: true,
            may: may(actor),
            may_approve: approves,
            may_reject: approves,
            time_zone: "Asia/Shanghai".to_owned(),
            booking: (number.0 == 2).then(|| self.sample_set_booking()),
            times: if number.0 == 2 { self.sample_times() } else { Vec::new() },
        })
    }

    /// It was tried, and one of its promotions had failed a test.
    fn sample_set_booking(&self) -> BookingView {
        let refused = Refused { app: self.say("worker"), number: 209, why: Problem::Quarantined };
        BookingView {
            by_name: self.say("lead-1"),
            at: ago(8),
            not_before: Some(ago(-90)),
            waits: Some(Problem::SetClosed { members: vec![refused] }),
            tried_at: Some(ago(1)),
        }
    }

    /// One moment as three regions write it.
    fn sample_times(&self) -> Vec<RegionTime> {
        let clocks = [
            ("Asia/Shanghai", "2026-12-24 02:30"),
            ("Asia/Hong_Kong", "2026-12-24 02:30"),
            ("America/Los_Angeles", "2026-12-23 10:30"),
        ];
        let time =
            |(region, (zone, at)): (RegionRef, (&str, &str))| RegionTime { region, time_zone: zone.to_owned(), at: self.say(at) };
        three_regions().into_iter().zip(clocks).map(time).collect()
    }

    fn sample_member(&self, number: SetNumber, place: u32, state: PromotionState, may_approve: bool) -> SetMember {
        let set = Some(SetPlace { set: number, place, of: 3 });
        let app = ["web", "worker", "jobs"].into_iter().zip(1..).find(|(_, at)| *at == place).map_or("web", |(app, _)| app);
        let row = PromotionRow { state, app: app.to_owned(), set, ..self.promotion_row("member") };
        let open = state == PromotionState::Open;
        let region = |region| SetRegion {
            region,
            state: match state {
                PromotionState::Verified => RolloutState::Verified,
                PromotionState::Failed => RolloutState::Failed,
                _ => RolloutState::Waiting,
            },
        };
        SetMember {
            row,
            gates: if open { self.sample_gates(number.0 == 2) } else { Vec::new() },
            regions: three_regions().into_iter().map(region).collect(),
            waits: (number.0 == 3 && open).then_some(Problem::Quarantined),
            may_approve: open && may_approve,
        }
    }

    pub(super) fn sample_set_form(&self, from: Option<EnvironmentId>) -> SetForm {
        let builds = self.sample_builds();
        let app = |name: &str| SetFormApp {
            app: name.to_owned(),
            builds: builds.clone(),
            chosen: from.as_ref().and_then(|_| builds.first().map(|row| row.id.clone())),
        };
        SetForm {
            apps: if self.empty { Vec::new() } else { ["web", "worker"].map(app).into() },
            regions: three_regions(),
            from: from.map(|id| SetFrom { id, number: 31 }),
        }
    }
}
