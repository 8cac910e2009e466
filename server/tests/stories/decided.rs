//! What stories about decisions need: builds that are there, and people who decide.

use crate::common::TestApp;
use domain::id::{BuildId, EnvironmentId};
use domain::{Actor, Digest, Role};
use server::clock::micros;

/// A digest that differs with `n`.
pub fn digest(n: u64) -> Digest {
    format!("sha256:{n:064x}").parse().expect("a digest")
}

/// Lists a described build of `app`, as the intake does.
pub async fn listed(app: &TestApp, name: &str, digest: &Digest) -> BuildId {
    let id: BuildId = app.ctx.new_id();
    let mut tx = app.ctx.store.begin().await.expect("a transaction");
    sqlx::query("INSERT INTO builds (id, app, image, digest, seen_at, described) VALUES ($1, $2, $3, $4, $5, 1)")
        .bind(id.as_str())
        .bind(name)
        .bind(format!("registry.test:5000/team/{name}"))
        .bind(digest.as_str())
        .bind(micros(app.ctx.now()))
        .execute(&mut *tx)
        .await
        .expect("a build");
    tx.commit().await.expect("kept");
    id
}

/// An environment that ran this build.
pub async fn ran(app: &TestApp, build: &BuildId) -> EnvironmentId {
    let id: EnvironmentId = app.ctx.new_id();
    let mut tx = app.ctx.store.begin().await.expect("a transaction");
    let number = server::store::next_number(&mut tx, "environment").await.expect("a number");
    sqlx::query(
        "INSERT INTO environments (id, number, stack, engine, state, spec, holder_id, holder_name, created_at, lease_ends_at)
         VALUES ($1, $2, 'shop', 'test', 'running', '{}', 'h', 'tess', $3, $3)",
    )
    .bind(id.as_str())
    .bind(number)
    .bind(micros(app.ctx.now()))
    .execute(&mut *tx)
    .await
    .expect("an environment");
    for sql in [
        "INSERT INTO environment_builds (environment_id, app, build_id, under_test) VALUES ($1, 'web', $2, 1)",
        "INSERT INTO environment_sets (environment_id, generation, at, by_name) SELECT $1, 1, 1, 'tess' WHERE $2 <> ''",
        "INSERT INTO environment_set_builds (environment_id, generation, app, build_id, under_test, chosen)
         VALUES ($1, 1, 'web', $2, 1, 'under-test')",
    ] {
        sqlx::query(sql).bind(id.as_str()).bind(build.as_str()).execute(&mut *tx).await.expect("its build");
    }
    tx.commit().await.expect("kept");
    id
}

/// Changes a row behind Slipway's back, which no use case can.
pub async fn tamper(app: &TestApp, sql: &'static str, values: &[&str]) {
    let mut tx = app.ctx.store.begin().await.expect("a transaction");
    let query = values.iter().fold(sqlx::query(sql), |query, value| query.bind((*value).to_owned()));
    let done = query.execute(&mut *tx).await.expect("a statement");
    assert!(done.rows_affected() > 0, "nothing to tamper with: {sql}");
    tx.commit().await.expect("kept");
}

/// The actions in the record, oldest first.
pub async fn recorded(app: &TestApp) -> Vec<String> {
    sqlx::query_scalar("SELECT action FROM audit ORDER BY at, id").fetch_all(app.ctx.store.read()).await.expect("the record")
}

/// The events that were put into the outbox, in the order of the alphabet.
pub async fn announced(app: &TestApp) -> Vec<String> {
    sqlx::query_scalar("SELECT event FROM news ORDER BY event").fetch_all(app.ctx.store.read()).await.expect("news")
}

/// One person of each role.
pub struct People {
    pub vera: Actor,
    pub tess: Actor,
    pub pia: Actor,
    pub ada: Actor,
    pub leo: Actor,
    pub adam: Actor,
}

impl People {
    /// vera views, tess tests, pia decides about the product, ada and leo lead, adam administers.
    pub async fn of(app: &TestApp) -> Self {
        Self {
            vera: app.person("vera", Role::Viewer).await,
            tess: app.person("tess", Role::Tester).await,
            pia: app.person("pia", Role::Product).await,
            ada: app.person("ada", Role::Lead).await,
            leo: app.person("leo", Role::Lead).await,
            adam: app.person("adam", Role::Admin).await,
        }
    }

    pub fn all(&self) -> [&Actor; 6] {
        [&self.vera, &self.tess, &self.pia, &self.ada, &self.leo, &self.adam]
    }
}

/// The person behind an actor.
pub fn id_of(actor: &Actor) -> &str {
    actor.person().expect("a person").id.as_str()
}
