//! The launch form and what can be replaced.

use super::Fake;
use super::samples::three_regions;
use app::view::*;
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
            given: if from.is_some() { self.say("TILE_CACHE=off") } else { String::new() },
            services: self.sample_variables(),
            from,
            build,
        })
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
        let app = |build: &EnvironmentBuild| LaunchApp {
            default: Some(build.clone()),
            ..self.sample_launch_app(&actor, &build.app)
        };
        ReplaceForm { apps: environment.builds.iter().map(app).collect(), environment }
    }
}
