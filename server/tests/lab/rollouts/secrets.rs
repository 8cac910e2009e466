//! Secrets on a real Swarm: a container reads the file, another value comes with the next promotion, and
//! the one of before with the way back.

use super::stage::{RELEASES, Stage, shared};
use crate::lab::lab;
use bollard::models::SecretSpec;
use domain::Digest;
use domain::promotion::PromotionState;
use domain::region_secrets::ServiceSecret;
use domain::service::ServiceIntent;
use server::store::region_secrets::{Key, put};

/// Sets the app's secret in a region; its version.
async fn set(stage: &Stage, value: &str) -> i64 {
    let ctx = &stage.ctx;
    let key = Key { region: "hangzhou", app: &stage.app, name: "db-password" };
    let sealed = ctx.keeper.seal(&*ctx.entropy, &key.sealed_as(), value).expect("sealed");
    let mut tx = ctx.store.begin().await.expect("a transaction");
    let version = put(&mut tx, key, &sealed, ctx.now(), "lea").await.expect("set");
    tx.commit().await.expect("kept");
    version
}

/// A promotion of a service that tells its secret to whoever asks.
async fn promoted(stage: &Stage, digest: &Digest, version: i64) {
    let telling = |intent: &mut ServiceIntent| {
        // The shell ends when it is asked to; the server alone would be waited for.
        let tell = "cat /run/secrets/db-password > /tmp/index.html; trap exit TERM; httpd -f -p 80 -h /tmp & wait";
        intent.command = ["/bin/sh", "-c", tell].map(str::to_owned).to_vec();
        intent.health.clear();
        intent.secrets = vec![ServiceSecret { name: "db-password".to_owned(), version }];
    };
    let id = stage.promote(digest, &["hangzhou"], telling).await;
    assert_eq!(stage.ended(&id, 60).await, PromotionState::Verified, "{:?}", stage.rollouts(&id).await[0].failure);
}

/// The objects of the app, by name.
async fn objects(stage: &Stage) -> Vec<String> {
    let listed = stage.docker("hangzhou").list_secrets(None).await.expect("a list");
    let names = listed.into_iter().filter_map(|secret| secret.spec?.name);
    let mut own: Vec<String> = names.filter(|name| name.starts_with(&format!("slw-{}.", stage.app))).collect();
    own.sort_unstable();
    own
}

/// A lab that is used again has those of the last time.
async fn clear(stage: &Stage) {
    stage.clear().await;
    for name in objects(stage).await {
        stage.docker("hangzhou").delete_secret(&name).await.expect("removed");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_container_reads_its_secret_and_another_value_comes_and_goes_with_promotions() {
    let Some(lab) = lab() else { return };
    let _regions = shared().await;
    let stage = Stage::new(lab, 115).await;
    clear(&stage).await;
    stage.begin();
    let (one, two) = (stage.digest(RELEASES[0]).await, stage.digest(RELEASES[1]).await);
    let first = set(&stage, "the-first-value").await;
    promoted(&stage, &one, first).await;
    assert_eq!(stage.page("hangzhou").await, "the-first-value");
    let second = set(&stage, "the-second-value").await;
    assert_eq!(stage.page("hangzhou").await, "the-first-value", "what runs keeps what it was given");
    promoted(&stage, &two, second).await;
    assert_eq!(stage.page("hangzhou").await, "the-second-value");
    promoted(&stage, &one, first).await;
    assert_eq!(stage.page("hangzhou").await, "the-first-value");
    assert_eq!(objects(&stage).await, [1, 2].map(|version| format!("slw-{}.db-password.{version}", stage.app)));

    // Nothing that a service is given can be taken away, and what is not ours is not taken for ours.
    let swarm = stage.docker("hangzhou");
    assert!(swarm.delete_secret(&format!("slw-{}.db-password.1", stage.app)).await.is_err());
    let third = set(&stage, "the-third-value").await;
    let name = Some(format!("slw-{}.db-password.{third}", stage.app));
    let theirs = SecretSpec { name, data: Some("dGhlaXJz".to_owned()), ..SecretSpec::default() };
    swarm.create_secret(theirs).await.expect("somebody made it");
    let refused = stage
        .promote(&two, &["hangzhou"], |intent| {
            intent.secrets = vec![ServiceSecret { name: "db-password".to_owned(), version: third }];
        })
        .await;
    assert_eq!(stage.ended(&refused, 60).await, PromotionState::Failed);
    let failure = stage.rollouts(&refused).await[0].failure.clone();
    assert!(matches!(failure, Some(domain::Problem::ForeignSecret { .. })), "{failure:?}");
    assert_eq!(stage.page("hangzhou").await, "the-first-value");
    clear(&stage).await;
}
