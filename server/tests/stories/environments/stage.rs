//! Two apps and an engine that is only pretended.

use crate::common::{TWO_APPS, TestApp, eventually};
use crate::decided::{People, digest, listed};
use crate::engine::Engine;
use app::view::{EnvironmentView, LaunchInput};
use domain::Problem;
use domain::id::{BuildId, EnvironmentId};
use domain::lease::EnvironmentState;
use domain::promotion::StepState;
use server::usecases::environments::{environment, launch_environment, work};
use std::time::Duration;

/// Two apps, an engine that is pretended, and the stacks they run in.
pub struct Stage {
    pub app: TestApp,
    pub engine: Engine,
    pub people: People,
}

const STACKS: &str = r#"
[[engines]]
name = "test"
url = "@URL@"
address = "engine.test"

[[stacks]]
name = "alone"
compose = "services: { web: { image: '${BUILD_WEB}', ports: ['80'], cap_add: [CHOWN] } }"

[[stacks]]
name = "shop"
compose = '''
services:
  worker: { image: "${BUILD_WORKER}", depends_on: [web] }
  web: { image: "${BUILD_WEB}", ports: ["80"], read_only: true, tmpfs: [/tmp] }
'''

[[stacks]]
name = "back"
compose = "services: { worker: { image: '${BUILD_WORKER}' } }"
"#;

impl Stage {
    pub async fn set(app: TestApp) -> Self {
        let engine = Engine::default();
        let url = engine.listen().await;
        let apps = TWO_APPS.replace("port_label = 80", "port_label = 80\nstack = \"shop\"");
        app.apply(&format!("{apps}{}", STACKS.replace("@URL@", &url))).await;
        let people = People::of(&app).await;
        Self { app, engine, people }
    }

    pub fn begin_work(&self) {
        self.app.ctx.work.tasks.spawn(work(self.app.ctx.clone()));
    }

    /// A build that `tag` of its channel points at, one second after the one before.
    pub async fn tagged(&self, name: &str, n: u64, tag: &str) -> BuildId {
        self.app.clock.advance(Duration::from_secs(1));
        let id = listed(&self.app, name, &digest(n)).await;
        let mut tx = self.app.ctx.store.begin().await.expect("a transaction");
        let at = server::clock::micros(self.app.ctx.now());
        for sql in [
            "INSERT INTO tag_moves (id, app, tag, channel, build_id, moved_at) VALUES ($1, $2, $3, $3, $1, $4)",
            "INSERT INTO tags (app, name, build_id, channel, moved_at) VALUES ($2, $3, $1, $3, $4)
             ON CONFLICT (app, name) DO UPDATE SET build_id = $1, moved_at = $4",
        ] {
            sqlx::query(sql).bind(id.as_str()).bind(name).bind(tag).bind(at).execute(&mut *tx).await.expect("a row");
        }
        tx.commit().await.expect("kept");
        id
    }

    pub async fn launch(&self, build: &BuildId, stack: Option<&str>) -> Result<EnvironmentId, Problem> {
        let input = LaunchInput { stack: stack.map(str::to_owned), ..input(build) };
        launch_environment(&self.app.ctx, &self.people.tess, input).await
    }

    pub async fn look(&self, id: &EnvironmentId) -> EnvironmentView {
        environment(&self.app.ctx, &self.people.vera, id).await.expect("an environment")
    }

    pub async fn until(&self, id: &EnvironmentId, state: EnvironmentState) -> EnvironmentView {
        eventually(&format!("{state:?}"), || async {
            let view = self.look(id).await;
            (view.row.state == state).then_some(view)
        })
        .await
    }
}

pub fn input(build: &BuildId) -> LaunchInput {
    LaunchInput::of(build.clone())
}

pub fn steps(view: &EnvironmentView) -> Vec<(String, StepState)> {
    view.steps.iter().map(|step| (format!("{} {}", step.kind, step.subject), step.state)).collect()
}
