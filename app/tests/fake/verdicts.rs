//! What testers and product may have said of builds, and what waits.

use super::{Fake, ago};
use app::view::*;
use domain::checklist::{ChecklistItem, ItemResult, JudgedItem, JudgedPlan, version};
use domain::evidence::EvidenceKind;
use domain::id::*;
use domain::promotion::PromotionState;
use domain::verdict::{Standing, VerdictKind};
use domain::{Action, Actor};

impl Fake {
    pub(super) fn sample_verdicts(&self, me: Option<&str>, standing: Standing) -> Vec<VerdictView> {
        let verdict = |id: &str, kind, name: &str, note: &str, minutes| VerdictView {
            id: VerdictId(id.to_owned()),
            kind,
            note: self.say(note),
            author: UserId(name.to_owned()),
            author_name: self.say(name),
            issues: Some("https://issues.example.com/browse/{key}".to_owned()),
            environment: Some(EnvironmentId("running".to_owned())),
            environment_number: Some(42),
            generation: Some(2),
            set: self.environment_row("running").builds,
            plan: Some(self.sample_plan(kind)),
            evidence: self.sample_evidence(id),
            at: ago(minutes),
            withdrawn_at: None,
            superseded_by: None,
            overruled: None,
            stands: true,
            mine: me == Some(name),
        };
        let overruled = Overruled {
            by_name: self.say("lead-1"),
            reason: self.say("A known fault of the old phone, not of this build."),
            at: ago(40),
        };
        let mut verdicts = vec![
            verdict(
                "v3",
                VerdictKind::Pass,
                "tester-1",
                "**12 of 12** checks on the share page, see ABC-12:\n\n- no errors in the log\n- [the trace](https://traces.example.com/7)",
                3,
            ),
            VerdictView {
                stands: false,
                overruled: Some(overruled),
                ..verdict("v2", VerdictKind::Fail, "tester-2", "The panorama stays black on an old phone.", 60)
            },
            VerdictView {
                stands: false,
                withdrawn_at: Some(ago(70)),
                superseded_by: Some(VerdictId("v3".to_owned())),
                ..verdict("v1", VerdictKind::Blocked, "tester-1", "The test database was away.", 90)
            },
        ];
        if standing.quarantined() {
            verdicts.insert(0, verdict("v4", VerdictKind::Fail, "tester-1", "Sharing a tour answers 502 under load.", 2));
        }
        if standing == Standing::default() {
            verdicts.clear();
        }
        verdicts
    }

    pub(super) fn sample_checklist(&self) -> Vec<ChecklistItem> {
        let item = |id: &str, text: &str| ChecklistItem { id: id.to_owned(), text: self.say(text) };
        vec![item("login", "Sign in and out"), item("share", "Share a tour from a phone")]
    }

    fn sample_plan(&self, kind: VerdictKind) -> JudgedPlan {
        let results = match kind {
            VerdictKind::Pass => [ItemResult::Pass, ItemResult::Pass],
            VerdictKind::Fail => [ItemResult::Pass, ItemResult::Fail],
            VerdictKind::Blocked => [ItemResult::Blocked, ItemResult::NotDone],
        };
        let items = self.sample_checklist();
        let judged =
            |(item, result): (&ChecklistItem, ItemResult)| JudgedItem { id: item.id.clone(), text: item.text.clone(), result };
        JudgedPlan { version: version(&items), items: items.iter().zip(results).map(judged).collect() }
    }

    fn sample_evidence(&self, verdict: &str) -> Vec<EvidenceView> {
        let file = |id: &str, name: &str, kind| EvidenceView {
            id: EvidenceId(format!("{verdict}{id}")),
            name: self.say(name),
            kind,
            bytes: 482_113,
            at: ago(3),
        };
        vec![file("a", "share page.png", EvidenceKind::Png), file("b", "console.log", EvidenceKind::Text)]
    }

    pub(super) fn sample_send_backs(&self, after: bool) -> Vec<SendBackView> {
        let sent = SendBackView {
            id: SendBackId("b1".to_owned()),
            author_name: self.say("product-1"),
            reason: self.say("The button is still called *Share it*; see ABC-9."),
            at: ago(50),
            stands: !after,
        };
        if self.empty { Vec::new() } else { vec![sent] }
    }

    pub(super) fn sample_waiting(&self, actor: &Actor) -> WaitingView {
        let mut rows = if self.empty { Vec::new() } else { self.sample_builds() };
        rows.retain(|row| !row.signed_off);
        let (passed, others): (Vec<BuildRow>, Vec<BuildRow>) = rows.into_iter().partition(|row| row.standing.passed());
        let of = |action: Action| actor.may(action);
        let to_sign = passed.into_iter().enumerate().map(|(place, row)| self.waiting_build(place, row));
        let promotions = if self.empty { Vec::new() } else { self.sample_promotions() };
        let in_state = |state| promotions.iter().filter(move |promotion| promotion.state == state).cloned();
        WaitingView {
            to_sign: if of(Action::SignOff) { to_sign.collect() } else { Vec::new() },
            to_test: if of(Action::RecordVerdict) {
                others.into_iter().filter(|row| row.standing == Standing::default()).collect()
            } else {
                Vec::new()
            },
            to_approve: if of(Action::RequestPromotion) { in_state(PromotionState::Open).collect() } else { Vec::new() },
            to_review: if of(Action::BreakGlass) { in_state(PromotionState::Verified).take(1).collect() } else { Vec::new() },
        }
    }

    fn waiting_build(&self, place: usize, row: BuildRow) -> WaitingBuild {
        let told = place == 0;
        let name = |name: &str| self.say(name);
        WaitingBuild {
            newest_in: if told { vec![self.say("release-v*"), "test".to_owned()] } else { Vec::new() },
            verdicts: if told { self.sample_verdicts(None, row.standing) } else { Vec::new() },
            commits: told.then(|| self.sample_commits(&row.id)),
            environment: told.then(|| EnvironmentDifference {
                tested_in: EnvironmentId("running".to_owned()),
                tested_number: 42,
                before: self.say("release-v5.12.04.01"),
                before_in: EnvironmentId("stopped".to_owned()),
                before_number: 39,
                added: vec![name("web: TILE_CACHE")],
                removed: Vec::new(),
                changed: vec![name("web: SHARE_URL"), name("worker: THREADS")],
            }),
            row,
        }
    }
}
