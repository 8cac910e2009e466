//! Images at the registries of regions: brought there before a start, and kept there afterwards.

use super::stage::{Built, Stage, closed};
use crate::common::{TestApp, eventually, on_each_database};
use crate::decided::listed;
use crate::outside::Registry;
use domain::gate::{GateKind, GateState, Note};
use domain::id::PromotionId;
use domain::keep::{Kept, tag};
use domain::verdict::VerdictKind;
use domain::{ImageName, Problem};
use server::usecases::promotions::promotion;
use std::time::Duration;

/// A layer of so many bytes, which differ.
fn layer(size: usize) -> Vec<u8> {
    (0..size).map(|at| u8::try_from((at / 251 + at) % 256).expect("a byte")).collect()
}

async fn until(what: &str, condition: impl Fn() -> bool) {
    eventually(what, || std::future::ready(condition().then_some(()))).await;
}

struct Near {
    stage: Stage,
    /// Where the region hangzhou pulls from.
    mirror: Registry,
}

impl Near {
    async fn set(app: TestApp) -> Self {
        let near = Self { stage: Stage::set(app).await, mirror: Registry::open().await };
        near.write(true).await;
        near.stage.app.ctx.work.tasks.spawn(server::usecases::images::work(near.stage.app.ctx.clone()));
        near
    }

    /// Lets Slipway write at the region's registry, or not.
    async fn write(&self, push: bool) {
        let host = &self.mirror.host;
        let registry = format!("[[registries]]\nhost = \"{host}\"\ninsecure = true\npush = {push}\n");
        let region = self.stage.region(0, &format!("registry = \"{host}\""));
        self.stage.app.apply(&format!("{registry}{region}")).await;
    }

    async fn accepted(&self, layer: &[u8]) -> Built {
        self.stage.tick();
        let digest = self.stage.registry.push_whole(layer);
        let build = Built { id: listed(&self.stage.app, "web", &digest).await, digest };
        self.stage.judge(&build, VerdictKind::Pass).await;
        self.stage.accept(&build).await;
        build
    }

    async fn gate(&self, id: &PromotionId, kind: fn(String) -> GateKind) -> (GateState, Option<Note>) {
        self.stage.app.clock.advance(Duration::from_secs(6));
        let shown = promotion(&self.stage.app.ctx, &self.stage.people.vera, id).await.expect("shown");
        let found = shown.gates.iter().find(|gate| gate.kind == kind("hangzhou".to_owned())).expect("the gate");
        (found.state, found.note.clone())
    }

    fn tag(&self, kept: Kept) -> Option<String> {
        self.mirror.points_at(&tag(self.stage.app.ctx.instance(), "web", "hangzhou", kept))
    }
}

#[tokio::test]
async fn an_index_is_copied_in_parts_and_a_line_that_breaks_costs_half_a_part() {
    let app = TestApp::sqlite().await;
    let near = Near::set(app).await;
    let (large, small) = (layer(9 << 20), layer(100));
    let images = [near.stage.registry.push_whole(&large), near.stage.registry.push_whole(&small)];
    let index = near.stage.registry.push_index(&[&images[0], &images[1]]);
    near.mirror.break_off(2);
    let name = |host: &str| ImageName::new(host, "team/web").expect("a name");
    let (from, to) = (name(&near.stage.registry.host), name(&near.mirror.host));
    let registry = near.stage.app.ctx.registry();
    registry.copy(&from, &to, &index, |_, _| {}).await.expect("copied");
    assert!(near.mirror.has(&large) && near.mirror.has(&small));
    assert_eq!(near.mirror.points_at(index.as_str()).as_deref(), Some(index.as_str()));
    let sent = near.mirror.received();
    assert!((large.len()..large.len() + 1000).contains(&sent), "{sent}: no byte is sent twice");
    registry.copy(&from, &to, &index, |_, _| {}).await.expect("copied again");
    assert_eq!(near.mirror.received(), sent, "what is there is not sent again");
}

#[tokio::test]
async fn what_an_open_promotion_wants_is_brought_to_its_region_and_then_its_gate_is_open() {
    on_each_database(|app| async move {
        let near = Near::set(app).await;
        near.mirror.close(true);
        let build = near.accepted(&layer(3000)).await;
        let id = near.stage.approved(&build, &["hangzhou"]).await;
        let there = |region| GateKind::ImageInRegion { region };
        let why = eventually("a failure that is told", async || match near.gate(&id, there).await {
            (GateState::Red, Some(Note::Failed { why })) => Some(why),
            (state, note) => {
                assert_eq!(state, GateState::Waiting, "it is on its way: {note:?}");
                None
            }
        })
        .await;
        assert!(matches!(why, Problem::RegistryAnswer { .. }), "{why:?}");
        near.mirror.close(false);
        near.stage.app.clock.advance(Duration::from_secs(60));
        near.stage.app.ctx.work.images.notify_one();
        until("the image", || near.mirror.points_at(build.digest.as_str()).is_some()).await;
        assert!(near.mirror.has(&layer(3000)));
        assert_eq!(near.gate(&id, there).await, (GateState::Green, None));
        near.stage.start(&id).await.expect("started");
    })
    .await;
}

#[tokio::test]
async fn what_a_region_runs_and_would_go_back_to_keeps_a_tag() {
    on_each_database(|app| async move {
        let near = Near::set(app).await;
        let mut builds = Vec::new();
        for size in [100, 200, 300] {
            let build = near.accepted(&layer(size)).await;
            let id = near.stage.approved(&build, &["hangzhou"]).await;
            until("the image", || near.mirror.points_at(build.digest.as_str()).is_some()).await;
            if size > 100 {
                let kept = near.gate(&id, |region| GateKind::WayBackKept { region }).await;
                assert_eq!(kept, (GateState::Green, Some(Note::Pinned)), "the one before, at {size}");
            }
            near.stage.app.clock.advance(Duration::from_secs(6));
            near.stage.start(&id).await.expect("started");
            near.stage.work(&id, &[]).await;
            near.stage.app.ctx.work.images.notify_one();
            until("the tag", || near.tag(Kept::Runs).as_deref() == Some(build.digest.as_str())).await;
            builds.push(build);
        }
        assert_eq!(near.tag(Kept::Back).as_deref(), Some(builds[1].digest.as_str()));
        // Without the right to write the registry's own rules keep it, and the page says so.
        near.write(false).await;
        let next = near.accepted(&layer(400)).await;
        let id = near.stage.approved(&next, &["hangzhou"]).await;
        let kept = near.gate(&id, |region| GateKind::WayBackKept { region }).await;
        assert_eq!(kept, (GateState::Green, Some(Note::MayNotPin)));
        let image = near.gate(&id, |region| GateKind::ImageInRegion { region }).await;
        assert_eq!(image, (GateState::Red, Some(Note::MayNotCopy)));
        let shown = promotion(&near.stage.app.ctx, &near.stage.people.vera, &id).await.expect("shown");
        assert_eq!(closed(&shown.gates).len(), 1);
    })
    .await;
}
