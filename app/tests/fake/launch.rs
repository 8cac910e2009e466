//! The launch form and what can be replaced.

use super::samples::three_regions;
use super::{Fake, ago};
use app::view::*;
use domain::check::{CheckState, FailingCase, Report};
use domain::id::*;
use domain::release_set::{BuildChoice, Chosen};
use domain::{Actor, Problem};

impl Fake {
    pub(super) fn sample_launch_form(&self, actor: &Actor, build: &BuildId, ask: LaunchAsk) -> Result<LaunchForm, Problem> {
        let build = self.sample_build(actor, build)?.row;
        let from = ask.from.map(|id| LaunchedFrom { id, number: 42, hidden: vec![self.say("API_TOKEN")] });
        let chosen = from.as_ref().map(|_| BuildChoice::Channel("test".to_owned()));
        Ok(LaunchForm {
            stacks: vec!["shop".to_owned(), "shop-with-worker".to_owned()],
            stack: ask.stack.unwrap_or_else(|| "shop".to_owned()),
            apps: vec![LaunchApp { chosen, ..self.sample_launch_app(actor, "worker") }],
            engines: vec!["test".to_owned(), "big".to_owned()],
            engine: None,
            presets: three_regions(),
            preset: ask.preset.filter(|name| !name.is_empty()),
            lease_hours: 8,
            checks: vec!["test".to_owned()],
            check: None,
            given: if from.is_some() { self.say("TILE_CACHE=off") } else { String::new() },
            services: self.sample_variables(),
            from,
            build,
        })
    }

    pub(super) fn sample_checks(&self) -> Vec<CheckView> {
        let check = |generation, state, exit_code, report| CheckView {
            environment: EnvironmentId("running".to_owned()),
            environment_number: 42,
            generation,
            service: self.say("test"),
            state,
            exit_code,
            report,
            problem: None,
            created_at: ago(9),
            started_at: Some(ago(8)),
            ended_at: exit_code.map(|_| ago(6)),
        };
        let failing = FailingCase {
            group: self.say("checkout"),
            name: self.say("pays with a card"),
            message: self.say("expected 200, was 402"),
        };
        let report = Report { tests: 48, failures: 1, errors: 0, skipped: 2, failing: vec![failing] };
        let clean = Report { tests: 48, failures: 0, errors: 0, skipped: 2, failing: Vec::new() };
        vec![
            check(3, CheckState::Running, None, None),
            check(2, CheckState::Failed, Some(1), Some(report)),
            check(1, CheckState::Passed, Some(0), Some(clean)),
        ]
    }

    fn sample_launch_app(&self, actor: &Actor, app: &str) -> LaunchApp {
        let mut row = self.sample_build(actor, &BuildId("untested".to_owned())).expect("a build").row;
        row.app = app.to_owned();
        let default = EnvironmentBuild {
            app: app.to_owned(),
            build: BuildId("fresh".to_owned()),
            digest: row.digest.clone(),
            tag: Some(self.say("test")),
            under_test: false,
            chosen: Chosen::NewestOf("test".to_owned()),
        };
        LaunchApp {
            app: app.to_owned(),
            channels: vec!["dev".to_owned(), "test".to_owned()],
            recent: vec![row],
            chosen: None,
            default: Some(default),
        }
    }

    pub(super) fn sample_replace_form(&self, id: &EnvironmentId) -> ReplaceForm {
        let actor = Actor::Slipway;
        let environment = self.environment_row(id.as_str());
        let app =
            |build: &EnvironmentBuild| LaunchApp { default: Some(build.clone()), ..self.sample_launch_app(&actor, &build.app) };
        ReplaceForm { apps: environment.builds.iter().map(app).collect(), environment, volumes: vec!["data".to_owned()] }
    }
}
