//! Reading registries: what no hook told is found, and a new app's past is taken in.

use crate::common::{TWO_APPS, TestApp, on_each_database};
use crate::registry::FakeRegistry;
use app::view::{BuildFilter, BuildRow, Paging};
use domain::{Action, Actor, Problem, Role};
use serde_json::{Value, json};
use server::usecases::{builds, intake, secrets};

struct Shelf {
    app: TestApp,
    registry: FakeRegistry,
    vera: Actor,
}

impl Shelf {
    /// Five releases and a branch in a registry that told nobody.
    async fn filled(app: TestApp) -> Self {
        let registry = FakeRegistry::start().await;
        app.apply(&TWO_APPS.replace("registry.test:5000", &registry.host())).await;
        let vera = app.person("vera", Role::Viewer).await;
        let shelf = Self { app, registry, vera };
        for day in 1..=5 {
            shelf.push(&format!("release-v5.11.0{day}.01"), &format!("2026-11-0{day}T08:00:00Z"));
        }
        shelf.push("dev", "2026-11-20T08:00:00Z");
        shelf.push("unrelated", "2026-11-21T08:00:00Z");
        shelf
    }

    fn push(&self, tag: &str, created: &str) -> domain::Digest {
        let labels = json!({ "org.opencontainers.image.created": created, "org.opencontainers.image.revision": format!("{:040}", tag.len()) });
        self.registry.push("team/web", tag, labels)
    }

    async fn sweep(&self, whole: bool) -> Result<(), Problem> {
        let applied = self.app.ctx.config();
        let app = applied.config.app("web").expect("configured");
        intake::sweep(&self.app.ctx, app, whole, "ada").await
    }

    async fn builds(&self) -> Vec<BuildRow> {
        let page = builds::builds(&self.app.ctx, &self.vera, BuildFilter::default(), Paging::default());
        page.await.expect("builds").items
    }
}

fn tags(builds: &[BuildRow]) -> Vec<&str> {
    builds.iter().flat_map(|build| build.tags.iter().map(|tag| tag.name.as_str())).collect()
}

#[tokio::test]
async fn what_no_hook_told_is_found_and_found_once() {
    on_each_database(|app| async move {
        let shelf = Shelf::filled(app).await;
        shelf.sweep(false).await.expect("read");
        let found = shelf.builds().await;
        assert_eq!(found.len(), 6, "of channels only: {:?}", tags(&found));
        let asked = shelf.registry.asked();
        shelf.sweep(false).await.expect("read again");
        assert_eq!(shelf.builds().await.len(), 6);
        assert!(shelf.registry.asked() > asked, "branches are looked at again");
        let moved = shelf.push("dev", "2026-11-22T08:00:00Z");
        shelf.sweep(false).await.expect("read a third time");
        let builds = shelf.builds().await;
        let dev = builds.iter().find(|build| build.tags.iter().any(|tag| tag.name == "dev" && tag.current)).expect("dev");
        assert_eq!((builds.len(), &dev.digest), (7, &moved));
        let by: Vec<String> = sqlx::query_scalar("SELECT DISTINCT actor FROM audit WHERE action = 'build.recorded'")
            .fetch_all(shelf.app.ctx.store.read())
            .await
            .expect("actors");
        assert_eq!(by, ["Slipway"]);
    })
    .await;
}

#[tokio::test]
async fn the_past_of_a_new_app_is_taken_in_at_the_time_at_which_it_was_made() {
    on_each_database(|app| async move {
        let shelf = Shelf::filled(app).await;
        shelf.registry.pages_of(2);
        shelf.sweep(true).await.expect("read");
        let builds = shelf.builds().await;
        let wanted = [
            "dev",
            "release-v5.11.05.01",
            "release-v5.11.04.01",
            "release-v5.11.03.01",
            "release-v5.11.02.01",
            "release-v5.11.01.01",
        ];
        assert_eq!(tags(&builds), wanted, "the newest first");
        assert_eq!(shelf.registry.lists(), 4, "seven tags in pages of two");
        assert!(builds.iter().all(|build| build.described && build.built_at == Some(build.seen_at)));
        let sweep = shelf.app.ctx.store.sweeps().await.expect("sweeps").remove(0);
        assert_eq!((sweep.tags_total, sweep.tags_done, sweep.builds_found), (6, 6, 6));
    })
    .await;
}

#[tokio::test]
async fn a_registry_that_asks_to_wait_is_waited_for() {
    let shelf = Shelf::filled(TestApp::sqlite().await).await;
    shelf.registry.busy_for(2);
    let began = std::time::Instant::now();
    shelf.sweep(false).await.expect("read");
    assert_eq!(shelf.builds().await.len(), 6);
    assert!(began.elapsed().as_millis() >= 1000, "it waited as it was asked to");
}

#[tokio::test]
async fn half_an_answer_or_none_changes_nothing_and_is_said() {
    let shelf = Shelf::filled(TestApp::sqlite().await).await;
    shelf.registry.cuts_lists(true);
    assert!(matches!(shelf.sweep(false).await, Err(Problem::RegistryAnswer { .. })));
    shelf.registry.cuts_lists(false);
    shelf.registry.away(true);
    assert!(matches!(shelf.sweep(false).await, Err(Problem::RegistryAnswer { .. })));
    assert!(shelf.builds().await.is_empty());
    shelf.registry.away(false);
    shelf.sweep(false).await.expect("read");
    assert_eq!(shelf.builds().await.len(), 6);
}

#[tokio::test]
async fn a_private_registry_is_read_with_its_account_and_not_without() {
    for token_service in [true, false] {
        let shelf = Shelf::filled(TestApp::sqlite().await).await;
        let ctx = &shelf.app.ctx;
        shelf.registry.wants("reader:pass-word-1", token_service);
        let refused = shelf.sweep(false).await.expect_err("no account").to_string();
        assert!(refused.contains("401"), "{refused}");
        let host = shelf.registry.host();
        let account =
            format!("[[registries]]\nhost = \"{host}\"\ninsecure = true\nuser = \"reader\"\npassword_secret = \"shelf\"\n");
        shelf.app.apply(&account).await;
        assert_eq!(shelf.sweep(false).await, Err(Problem::SecretMissing { name: "shelf".into() }));
        secrets::set(ctx, &Actor::Slipway, "shelf", "another").await.expect("set");
        assert!(shelf.sweep(false).await.is_err(), "the wrong password");
        secrets::set(ctx, &Actor::Slipway, "shelf", "pass-word-1").await.expect("set");
        shelf.sweep(false).await.expect("read");
        assert_eq!(shelf.builds().await.len(), 6);
    }
}

#[tokio::test]
async fn only_who_configures_asks_for_a_sweep_and_one_at_a_time() {
    on_each_database(|app| async move {
        let shelf = Shelf::filled(app).await;
        let ctx = &shelf.app.ctx;
        for role in Role::ALL.into_iter().filter(|role| *role != Role::Admin) {
            let someone = shelf.app.person(role.as_str(), role).await;
            assert_eq!(intake::ask_sweep(ctx, &someone, "web").await, Err(Problem::Forbidden { action: Action::Configure }));
        }
        let ada = shelf.app.person("ada", Role::Admin).await;
        let token = shelf.app.token(&ada).await;
        let ask = |app: &str| format!("/api/v1/apps/{app}/sweep");
        assert_eq!(shelf.app.rest(&token, "POST", &ask("web"), Value::Null).await.0.as_u16(), 204);
        assert_eq!(shelf.app.rest(&token, "POST", &ask("web"), Value::Null).await.0.as_u16(), 409);
        assert_eq!(shelf.app.rest(&token, "POST", &ask("nothing"), Value::Null).await.0.as_u16(), 404);
    })
    .await;
}
