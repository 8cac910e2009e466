//! Hooks, the inbox, CI runs and secrets.

use super::samples::digest;
use super::{Fake, ago};
use app::view::*;
use domain::Problem;
use domain::delivery::{Reason, Unproven};
use domain::id::*;
use domain::problem::Noun;
use domain::run::RunStatus;

impl Fake {
    pub(super) fn sample_hooks(&self) -> Vec<HookView> {
        let hook = |id: &str, name: &str, source: &str, title: &str, last: Option<i64>, secrets| HookView {
            id: HookId(id.to_owned()),
            name: self.say(name),
            source: source.to_owned(),
            source_title: title.to_owned(),
            registry: None,
            created_at: ago(40_000),
            last_delivery_at: last.map(ago),
            last_success_at: last.map(|minutes| ago(minutes + 1)),
            revoked_at: None,
            secrets,
            old_secret_until: (secrets == 2).then(|| ago(-8000)),
        };
        vec![
            hook("h1", "registry", "distribution", "Distribution registry", Some(4), 2),
            hook("h2", "drone", "drone", "Drone", None, 1),
        ]
    }

    pub(super) fn sample_sources(&self) -> Vec<SourceView> {
        let source = |word: &str, title: &str, takes_secret, needs_registry| SourceView {
            word: word.to_owned(),
            title: title.to_owned(),
            takes_secret,
            needs_registry,
        };
        vec![
            source("distribution", "Distribution registry", true, false),
            source("drone", "Drone", true, false),
            source("quay", "Quay", false, true),
        ]
    }

    pub(super) fn sample_hook_page(&self, id: &HookId) -> Result<HookPage, Problem> {
        let hook = self.sample_hooks().into_iter().find(|hook| hook.id == *id);
        let hook = hook.ok_or_else(|| Problem::not_found(Noun::Hook, id.as_str()))?;
        Ok(HookPage {
            masked_url: "https://slipway.example.com/hooks/distribution/••••••••".to_owned(),
            snippet: self.say("notifications:\n  endpoints:\n    - name: slipway\n      url: https://slipway.example.com/hooks/distribution/••••••••\n"),
            takes_secret: true,
            can_reveal: true,
            hook,
        })
    }

    pub fn hook_made(&self, name: &str) -> HookMade {
        HookMade {
            id: HookId("h3".to_owned()),
            name: name.to_owned(),
            source: "distribution".to_owned(),
            key: Some("key".to_owned()),
            url: Some("https://slipway.example.com/hooks/distribution/key".to_owned()),
            secret: Some("signing-secret".to_owned()),
            snippet: Some("url: https://slipway.example.com/hooks/distribution/key".to_owned()),
        }
    }

    pub(super) fn sample_secrets(&self) -> Vec<SecretView> {
        let secret = |name: &str, used: &[&str]| SecretView {
            name: name.to_owned(),
            changed_at: ago(6000),
            changed_by: self.say("ada"),
            used_by: used.iter().map(|one| self.say(one)).collect(),
        };
        vec![secret("aliyun-password", &["registry registry.example.com"]), secret("qa-robot", &[])]
    }

    pub(super) fn sample_sweeps(&self) -> Vec<SweepView> {
        let sweep = |app: &str, state: &str, problem| SweepView {
            app: app.to_owned(),
            state: state.to_owned(),
            whole: true,
            asked_by: self.say("ada"),
            started_at: Some(ago(3)),
            ended_at: None,
            tags_total: 240,
            tags_done: 80,
            builds_found: 12,
            problem,
        };
        let away = Problem::Unreachable { what: Noun::Registry, name: self.say("registry.example.com") };
        vec![sweep("web", "running", None), sweep("worker", "failed", Some(away))]
    }

    pub(super) fn sample_runs(&self) -> Vec<RunRow> {
        let run = |id: &str, status, branch: &str, age: i64| RunRow {
            id: RunId(id.to_owned()),
            app: "web".to_owned(),
            source: "drone".to_owned(),
            status,
            name: Some(self.say("build #42")),
            revision: Some(self.say("4be0021c9ac1e77b20f4")),
            branch: Some(self.say(branch)),
            tag: None,
            channel: Some("dev".to_owned()),
            url: Some("https://drone.example.com/team/web/42".to_owned()),
            author: Some(self.say("Lin Wei")),
            message: Some(self.say("Weigh origins when pulling")),
            started_at: Some(ago(age + 3)),
            ended_at: (status != RunStatus::Running).then(|| ago(age)),
            seen_at: ago(age + 3),
            build: None,
            made_nothing: false,
        };
        vec![
            run("running", RunStatus::Running, "dev", 0),
            run("failed", RunStatus::Failed, "test", 30),
            RunRow { made_nothing: true, ..run("imageless", RunStatus::Success, "master", 400) },
        ]
    }

    pub(super) fn sample_alarm(&self) -> TagAlarm {
        TagAlarm {
            tag: self.say("release-v5.12.05.01"),
            at: ago(7),
            other: digest("9c41d2aa07be"),
            other_build: BuildId("passed".to_owned()),
            away: false,
        }
    }

    pub(super) fn sample_deliveries(&self) -> Vec<DeliveryRow> {
        let row = |id: &str, minutes, state: &str, reasons| DeliveryRow {
            id: DeliveryId(id.to_owned()),
            hook: HookId("h1".to_owned()),
            hook_name: self.say("registry"),
            source: "distribution".to_owned(),
            received_at: ago(minutes),
            state: state.to_owned(),
            reasons,
            builds: if state == "done" { vec![BuildId("passed".to_owned())] } else { Vec::new() },
            runs: Vec::new(),
        };
        let unknown = Reason::UnknownApp { image: self.say("registry.example.com/team/tools") };
        let no_release = Reason::NotARelease { tag: self.say("release-v5.x") };
        let gone = Problem::ImageGone { image: self.say("registry.example.com/team/web") };
        vec![
            row("5", 0, "stored", Vec::new()),
            row("4", 4, "done", Vec::new()),
            row("3", 5, "ignored", vec![unknown]),
            row("2", 9, "done", vec![no_release]),
            row("1", 30, "failed", vec![Reason::GivenUp { problem: gone }]),
            row("0", 31, "refused", vec![Reason::Refused { why: Unproven::Wrong }]),
        ]
    }

    pub(super) fn sample_delivery(&self, id: &DeliveryId, may_replay: bool) -> Result<DeliveryView, Problem> {
        let row = self.sample_deliveries().into_iter().find(|row| row.id == *id);
        let row = row.ok_or_else(|| Problem::not_found(Noun::Delivery, id.as_str()))?;
        Ok(DeliveryView {
            headers: vec![("content-type".to_owned(), "application/json".to_owned())],
            body: self.say("{\n  \"events\": []\n}"),
            length: 900,
            cut: false,
            repeats: None,
            attempts: 1,
            may_replay: may_replay && row.state == "done",
            row,
        })
    }
}
