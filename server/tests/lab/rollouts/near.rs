//! A region with a registry of its own, which opens to an account only.

use super::stage::{RELEASES, Stage, shared, until};
use crate::lab::lab;
use domain::keep::{Kept, tag};
use domain::promotion::PromotionState;
use domain::{Actor, ImageName};
use server::usecases::{images, secrets, settings};

#[tokio::test(flavor = "multi_thread")]
async fn an_image_is_copied_to_a_closed_registry_pulled_from_there_and_kept_by_a_tag() {
    let Some(lab) = lab() else { return };
    let _regions = shared().await;
    let stage = Stage::new(lab, 116).await;
    let near = format!("{}.1:5056", lab.net());
    lab.run_with(&[("LAB_REGISTRY_ACCOUNT", "lab:opensesame")], &["registry", "start", "near", "5056"]);
    let config = format!(
        "[[registries]]\nhost = \"{near}\"\ninsecure = true\nuser = \"lab\"\npassword_secret = \"near\"\npush = true\n
         [[regions]]\nname = \"hangzhou\"\nurl = \"unix://{}\"\nregistry = \"{near}\"\n",
        lab.socket("hangzhou").display()
    );
    settings::apply(&stage.ctx, &Actor::Slipway, &config, false).await.expect("applied");
    secrets::set(&stage.ctx, &Actor::Slipway, "near", "opensesame").await.expect("set");
    stage.begin();
    let name = |host: &str| ImageName::new(host, "demo/web").expect("a name");
    let (from, to, registry) = (name(lab.registry()), name(&near), stage.ctx.registry());
    let digest = stage.digest(RELEASES[0]).await;
    let bytes = registry.copy(&from, &to, &digest, |_, _| {}).await.expect("copied");
    assert!(bytes > 100_000, "{bytes}");
    let promotion = stage.promote(&digest, &["hangzhou"], |_| {}).await;
    assert_eq!(stage.ended(&promotion, 90).await, PromotionState::Verified);
    assert_eq!(stage.running("hangzhou").await, [to.at(&digest)], "pulled from the region's own");
    stage.ctx.work.tasks.spawn(images::work(stage.ctx.clone()));
    let tag = tag(stage.ctx.instance(), &stage.app, "hangzhou", Kept::Runs);
    until(20, "the tag", async || registry.tag_points_at(&to, &tag).await.ok().flatten().as_ref() == Some(&digest)).await;
    stage.clear().await;
    lab.run(&["registry", "stop", "near"]);
}
