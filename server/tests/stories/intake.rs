//! From a registry's call to a build on the page: nothing lost, nothing twice, nothing believed
//! that was not said.

mod accept;
mod killed;
mod process;
mod together;

use crate::common::TestApp;
use crate::registry::FakeRegistry;
use app::view::{BuildFilter, BuildRow, DeliveryFilter, DeliveryRow, Paging};
use axum::body::Body;
use domain::{Actor, Role};
use http::{Request, StatusCode};
use serde_json::{Value, json};
use server::usecases::{builds, intake};

/// An instance with a hook, a registry, and two apps whose images are there.
pub struct Intake {
    pub app: TestApp,
    pub registry: FakeRegistry,
    pub key: String,
    pub viewer: Actor,
    pub admin: Actor,
}

impl Intake {
    pub async fn begin(app: TestApp) -> Self {
        let registry = FakeRegistry::start().await;
        app.apply(&crate::common::TWO_APPS.replace("registry.test:5000", &registry.host())).await;
        let hook = app.hook("registry", "distribution").await;
        let (viewer, admin) = (app.person("vera", Role::Viewer).await, app.person("ada", Role::Admin).await);
        Self { app, registry, key: hook.key.expect("a key"), viewer, admin }
    }

    /// Posts a body to the hook's address.
    pub async fn post(&self, body: impl Into<Body>) -> (StatusCode, Value) {
        self.post_to(&format!("/hooks/distribution/{}", self.key), body).await
    }

    pub async fn post_to(&self, path: &str, body: impl Into<Body>) -> (StatusCode, Value) {
        let request = Request::post(path).header("content-type", "application/vnd.docker.distribution.events.v1+json");
        self.app.send(request.body(body.into()).expect("a request")).await
    }

    /// Delivers these events in one envelope.
    pub async fn deliver(&self, events: &[Value]) -> StatusCode {
        self.post(json!({ "events": events }).to_string()).await.0
    }

    /// Pushes an image and delivers the registry's word of it.
    pub async fn push(&self, id: &str, at: &str, repository: &str, tag: &str, revision: &str) -> domain::Digest {
        let labels = json!({
            "org.opencontainers.image.revision": revision,
            "org.opencontainers.image.source": "https://git.example/team/web",
            "org.opencontainers.image.created": "2026-11-24T09:00:00+08:00",
        });
        let digest = self.registry.push(repository, tag, labels);
        let status = self.deliver(&[self.registry.event(id, at, repository, tag, &digest)]).await;
        assert_eq!(status, StatusCode::ACCEPTED);
        digest
    }

    /// What the worker does, once and to the end.
    pub async fn work(&self) {
        intake::process_waiting(&self.app.ctx).await.expect("processed");
        intake::describe_waiting(&self.app.ctx).await.expect("described");
    }

    pub async fn builds(&self) -> Vec<BuildRow> {
        let page = builds::builds(&self.app.ctx, &self.viewer, BuildFilter::default(), Paging::default());
        page.await.expect("builds").items
    }

    pub async fn deliveries(&self) -> Vec<DeliveryRow> {
        intake::deliveries(&self.app.ctx, &self.admin, DeliveryFilter::default(), Paging::default())
            .await
            .expect("deliveries")
            .items
    }

    /// Words of the record, in the order of the alphabet: the clock stands still.
    pub async fn actions(&self) -> Vec<String> {
        let words = sqlx::query_scalar("SELECT action FROM audit ORDER BY action");
        words.fetch_all(self.app.ctx.store.read()).await.expect("words")
    }
}

pub const NOON: &str = "2026-11-23T12:00:00Z";
pub const ONE: &str = "2026-11-23T13:00:00Z";
pub const TWO: &str = "2026-11-23T14:00:00Z";
