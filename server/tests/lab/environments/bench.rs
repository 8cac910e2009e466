//! An instance with the lab's engine, registry and sample apps.

use crate::common::{TestApp, eventually};
use crate::lab::{Lab, lab};
use app::view::{EnvironmentView, LaunchInput};
use bollard::Docker;
use bollard::query_parameters::{ListContainersOptions, ListNetworksOptions};
use domain::id::{BuildId, EnvironmentId};
use domain::lease::EnvironmentState;
use domain::{Actor, ImageName, Role};
use server::usecases::environments::{environment, launch_environment, stop_environment, work};
use std::collections::HashMap;

/// An instance with the lab's engine and apps, and its worker at work.
pub struct Bench {
    pub app: TestApp,
    pub lab: &'static Lab,
    pub docker: Docker,
    pub tess: Actor,
}

/// The lab's apps, and the stack of four that the demo has too.
const STACKS: &str = r#"
[[registries]]
host = "@REGISTRY@"
insecure = true

[[apps]]
name = "web"
image = "@REGISTRY@/demo/web"
stack = "shop"
channels = [{ name = "dev", kind = "branch", tags = "dev" }]

[[apps]]
name = "worker"
image = "@REGISTRY@/demo/worker"
channels = [{ name = "dev", kind = "branch", tags = "dev" }]

[[engines]]
name = "test"
url = "unix://@SOCKET@"
address = "@ADDRESS@"

[[stacks]]
name = "shop"
compose = '''
services:
  origin:
    image: @REGISTRY@/demo/web:latest
    read_only: true
    tmpfs: [/tmp]
    healthcheck: { test: [CMD, wget, -q, -O, /dev/null, "http://127.0.0.1/health"], interval: 1s, timeout: 2s, retries: 10 }
  web:
    image: ${BUILD_WEB}
    environment: { REGION: test }
    ports: ["80"]
    read_only: true
    tmpfs: [/tmp]
    depends_on: { origin: { condition: service_healthy } }
  worker:
    image: ${BUILD_WORKER}
    read_only: true
    depends_on: [web]
  mailer:
    image: @REGISTRY@/demo/worker:latest
    read_only: true
'''

@MORE@
"#;

impl Bench {
    /// Nothing when the lab is not to be used.
    pub async fn set_up(more: &str) -> Option<Self> {
        let lab = lab()?;
        let app = TestApp::sqlite().await;
        let toml = STACKS
            .replace("@MORE@", more)
            .replace("@REGISTRY@", lab.registry())
            .replace("@SOCKET@", &lab.socket("test").display().to_string())
            .replace("@ADDRESS@", lab.address("test"));
        app.apply(&toml).await;
        let tess = app.person("tess", Role::Tester).await;
        let socket = lab.socket("test").display().to_string();
        let docker = Docker::connect_with_unix(&socket, 30, bollard::API_DEFAULT_VERSION).expect("a client");
        let docker = docker.negotiate_version().await.expect("the engine answers");
        Some(Self { app, lab, docker, tess })
    }

    pub fn begin_work(&self) {
        self.app.ctx.work.tasks.spawn(work(self.app.ctx.clone()));
    }

    /// The build that `tag` of the sample app points at, as intake would list it.
    pub async fn listed(&self, app: &str, tag: &str) -> BuildId {
        let ctx = &self.app.ctx;
        let image: ImageName = format!("{}/demo/{app}", self.lab.registry()).parse().expect("an image");
        let digest = ctx.registry().resolve(&image, &tag.parse().expect("a tag")).await.expect("pushed before");
        let id: BuildId = ctx.new_id();
        for statement in [
            "INSERT INTO builds (id, app, image, digest, seen_at, described) VALUES ($1, $2, $3, $4, $5, 1)",
            "INSERT INTO tags (app, name, build_id, channel, moved_at)
             SELECT $2, $6, $1, $6, $5 WHERE $3 <> '' AND $4 <> ''",
            "INSERT INTO tag_moves (id, app, tag, channel, build_id, moved_at)
             SELECT $1, $2, $6, $6, $1, $5 WHERE $3 <> '' AND $4 <> ''",
        ] {
            let query = sqlx::query(statement).bind(id.as_str()).bind(app).bind(image.to_string()).bind(digest.as_str());
            let mut tx = ctx.store.begin().await.expect("a transaction");
            query.bind(server::clock::micros(ctx.now())).bind(tag).execute(&mut *tx).await.expect("a row");
            tx.commit().await.expect("kept");
        }
        id
    }

    pub async fn launch(&self, build: &BuildId, stack: &str) -> EnvironmentId {
        let input = LaunchInput { stack: Some(stack.to_owned()), ..LaunchInput::of(build.clone()) };
        launch_environment(&self.app.ctx, &self.tess, input).await.expect("launched")
    }

    pub async fn look(&self, id: &EnvironmentId) -> EnvironmentView {
        environment(&self.app.ctx, &self.tess, id).await.expect("an environment")
    }

    pub async fn until(&self, id: &EnvironmentId, state: EnvironmentState) -> EnvironmentView {
        let look = || async {
            let view = self.look(id).await;
            (view.row.state == state).then_some(view)
        };
        eventually(&format!("{state:?}"), look).await
    }

    /// How many containers and networks carry the label of this instance, or of one environment.
    pub async fn on_engine(&self) -> (usize, usize) {
        let filters = HashMap::from([("label".to_owned(), vec![format!("slipway.instance={}", self.app.ctx.instance())])]);
        let options = ListContainersOptions { all: true, filters: Some(filters.clone()), ..Default::default() };
        let containers = self.docker.list_containers(Some(options)).await.expect("a list").len();
        let networks =
            self.docker.list_networks(Some(ListNetworksOptions { filters: Some(filters) })).await.expect("a list").len();
        (containers, networks)
    }

    /// Stops it, and sees that nothing is left.
    pub async fn stop(&self, id: &EnvironmentId) {
        stop_environment(&self.app.ctx, &self.tess, id).await.expect("stopped");
        self.until(id, EnvironmentState::Stopped).await;
        assert_eq!(self.on_engine().await, (0, 0), "nothing is left");
    }
}
