//! Commits between builds: from a repository that git made, or a host that is played, to the page.

mod clone;
mod files;
pub mod hosts;
pub mod origin;
mod ranges;
mod statuses;

use crate::intake::Intake;
use domain::Actor;
use server::clock::{SystemEntropy, micros};
use std::path::PathBuf;

/// The program under test, which stands in for ssh.
fn own_program() -> PathBuf {
    PathBuf::from(env!("CARGO_BIN_EXE_slipway"))
}

/// Puts a repository behind the app `web`; none when the address is empty.
pub async fn with_git(story: &Intake, git: &str, more: &str) {
    let git = if git.is_empty() { String::new() } else { format!("git = \"{git}\"\n") };
    let apps = crate::common::TWO_APPS.replace("registry.test:5000", &story.registry.host());
    let apps = apps.replace("name = \"web\"\n", &format!("name = \"web\"\n{git}"));
    let region = |name: &str| format!("[[regions]]\nname = \"{name}\"\nurl = \"tcp://127.0.0.1:9\"\n");
    let regions = ["hangzhou", "us-west", "hong-kong", "asleep"].map(region).concat();
    story.app.apply(&format!("{apps}\n{regions}\n{more}")).await;
}

/// Keeps a secret as the settings do.
async fn keep_secret(story: &Intake, name: &str, secret: &str) {
    let ctx = &story.app.ctx;
    let sealed = ctx.keeper.seal(&SystemEntropy, name, secret).expect("sealed");
    let mut tx = ctx.store.begin().await.expect("a transaction");
    sqlx::query("INSERT INTO secrets (name, sealed, changed_at, changed_by) VALUES ($1, $2, $3, $4)")
        .bind(name)
        .bind(sealed)
        .bind(micros(ctx.now()))
        .bind(Actor::Slipway.label())
        .execute(&mut *tx)
        .await
        .expect("a secret");
    tx.commit().await.expect("kept");
}
