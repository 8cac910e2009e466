//! Secrets before a start: what an app names must be set, what was set is fixed at the start, and the
//! way back waits for nobody.

use super::stage::{Stage, closed, refusal};
use crate::common::on_each_database;
use app::view::PromotionView;
use domain::gate::GateKind;
use domain::id::PromotionId;
use domain::region_secrets::ServiceSecret;
use server::store::region_secrets::Key;
use server::usecases::promotions::promotion;
use server::usecases::regions::{remove_secret, set_secret};
use std::time::Duration;

impl Stage {
    async fn name_secrets(&self, names: &[&str]) {
        let host = &self.registry.host;
        let service = format!("service = {{ port = 80, env = {{ MODE = \"live\" }}, secrets = {names:?} }}");
        let app = format!("[[apps]]\nname = \"web\"\nimage = \"{host}/team/web\"\nport_label = 80\n{service}\n");
        self.app.apply(&format!("{app}channels = [{{ name = \"dev\", kind = \"branch\", tags = \"dev\" }}]\n")).await;
    }

    async fn set_secret(&self, region: &str, name: &str, value: &str) {
        self.tick();
        set_secret(&self.app.ctx, &self.people.leo, Key { region, app: "web", name }, value).await.expect("set");
    }

    /// What the one region of a promotion was to be given.
    async fn given(&self, id: &PromotionId) -> Vec<(String, i64)> {
        let intent = self.rollouts(id).await.remove(0).intent.expect("an intent");
        intent.secrets.into_iter().map(|ServiceSecret { name, version }| (name, version)).collect()
    }
}

async fn page(stage: &Stage, id: &PromotionId) -> PromotionView {
    stage.app.clock.advance(Duration::from_secs(6));
    promotion(&stage.app.ctx, &stage.people.vera, id).await.expect("shown")
}

fn pairs(wanted: &[(&str, i64)]) -> Vec<(String, i64)> {
    wanted.iter().map(|(name, version)| ((*name).to_owned(), *version)).collect()
}

#[tokio::test]
async fn nothing_goes_where_a_secret_that_the_app_names_is_not_set() {
    on_each_database(|app| async move {
        let stage = Stage::set(app).await;
        let build = stage.accepted(1).await;
        let id = stage.approved(&build, &["hangzhou"]).await;
        let is_it = |kind: &GateKind| matches!(kind, GateKind::SecretsThere { .. });
        assert!(!page(&stage, &id).await.gates.iter().any(|gate| is_it(&gate.kind)), "an app that names none is asked for none");
        stage.name_secrets(&["token", "db-password"]).await;
        let shut = ["SecretsThere { region: \"hangzhou\" } Red Some(Lead)"];
        for (missing, next) in [("token, db-password", "token"), ("db-password", "db-password")] {
            let view = page(&stage, &id).await;
            assert_eq!(closed(&view.gates), shut);
            let gate = view.gates.into_iter().find(|gate| is_it(&gate.kind)).expect("the gate");
            assert_eq!(gate.detail.as_deref(), Some(missing));
            assert_eq!(refusal(stage.start(&id).await), shut, "and at the start");
            stage.set_secret("us-west", next, "elsewhere").await;
            assert_eq!(refusal(stage.start(&id).await), shut, "another region's value is not this one's");
            stage.set_secret("hangzhou", next, "value").await;
        }
        let known = page(&stage, &id).await.rollouts[0].preflight.clone().expect("a pre-flight");
        assert_eq!(known.secrets_added, ["db-password", "token"]);
        stage.start(&id).await.expect("started");
        stage.set_secret("hangzhou", "token", "too late for this one").await;
        assert_eq!(stage.given(&id).await, pairs(&[("db-password", 1), ("token", 1)]), "what a start fixed stays");
        stage.work(&id, &[]).await;

        stage.name_secrets(&["token"]).await;
        let next = stage.accepted(2).await;
        let id = stage.requested(&next, &["hangzhou"]).await;
        let view = page(&stage, &id).await;
        let known = view.rollouts[0].preflight.as_ref().expect("a pre-flight");
        assert_eq!(
            (known.secrets_changed.as_slice(), known.secrets_removed.as_slice()),
            (&["token".to_owned()][..], &["db-password".to_owned()][..])
        );
        assert!(!serde_json::to_string(&view).expect("json").contains("too late for this one"));
    })
    .await;
}

#[tokio::test]
async fn the_way_back_takes_the_values_of_now_and_of_before_where_none_is_set() {
    on_each_database(|app| async move {
        let stage = Stage::set(app).await;
        stage.name_secrets(&["db-password", "token"]).await;
        for name in ["db-password", "token"] {
            stage.set_secret("hangzhou", name, "first").await;
        }
        stage.promoted(1, &["hangzhou"]).await;
        stage.promoted(2, &["hangzhou"]).await;
        stage.set_secret("hangzhou", "token", "second").await;
        let db = Key { region: "hangzhou", app: "web", name: "db-password" };
        remove_secret(&stage.app.ctx, &stage.people.leo, db).await.expect("removed");
        let back = stage.back("hangzhou", None).await.expect("rolled back, though one is not set");
        assert_eq!(stage.given(&back).await, pairs(&[("db-password", 1), ("token", 2)]));
    })
    .await;
}
