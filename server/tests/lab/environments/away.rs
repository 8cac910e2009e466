//! What is not there: images that must be pulled or are gone, and an engine that goes away.

use super::bench::Bench;
use bollard::query_parameters::{PushImageOptions, RemoveImageOptions, TagImageOptions};
use domain::Problem;
use domain::id::BuildId;
use domain::lease::EnvironmentState;
use domain::promotion::StepState;
use futures::StreamExt as _;
use std::path::PathBuf;
use std::time::Duration;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, UnixStream};
use tokio_util::sync::CancellationToken;

const FIXED: &str = r#"
[[stacks]]
name = "fixed"
compose = '''
services:
  web: { image: "${BUILD_WEB}", read_only: true, tmpfs: [/tmp] }
  side: { image: "@REGISTRY@/demo/side-@ME@:1", read_only: true, tmpfs: [/tmp] }
'''

[[stacks]]
name = "alone"
compose = "services: { web: { image: '${BUILD_WEB}', tmpfs: [/tmp] } }"
"#;

/// Pushes the sample app under a name of this test's own, and takes it off the engine.
async fn pushed_and_forgotten(bench: &Bench, me: &str) {
    let (from, repository) =
        (format!("{}/demo/web:latest", bench.lab.registry()), format!("{}/demo/side-{me}", bench.lab.registry()));
    let options = TagImageOptions { repo: Some(repository.clone()), tag: Some("1".to_owned()) };
    bench.docker.tag_image(&from, Some(options)).await.expect("tagged");
    let options = PushImageOptions { tag: Some("1".to_owned()), ..Default::default() };
    let pushed: Vec<_> = bench.docker.push_image(&repository, Some(options), None).collect().await;
    assert!(pushed.iter().all(Result::is_ok), "{pushed:?}");
    let name = format!("{repository}:1");
    bench.docker.remove_image(&name, None::<RemoveImageOptions>, None).await.expect("forgotten");
    assert!(bench.docker.inspect_image(&name).await.is_err());
}

#[tokio::test]
async fn an_image_that_the_engine_does_not_have_is_pulled_by_the_digest_of_its_tag() {
    let me = std::process::id().to_string();
    let Some(bench) = Bench::set_up(&FIXED.replace("@ME@", &me)).await else { return };
    pushed_and_forgotten(&bench, &me).await;
    bench.begin_work();
    let build = bench.listed("web", "dev").await;
    let id = bench.launch(&build, "fixed").await;
    let view = bench.until(&id, EnvironmentState::Running).await;
    let pull = view.steps.iter().find(|step| step.subject.contains("side")).expect("a step");
    assert_eq!((pull.kind.as_str(), pull.state), ("pull", StepState::Done));
    let name = format!("slw-{}-e1-side", &bench.app.ctx.instance()[..8]);
    let made = bench.docker.inspect_container(&name, None).await.expect("there");
    let image = made.config.and_then(|config| config.image).expect("an image");
    assert!(image.contains(&format!("demo/side-{me}@sha256:")), "{image}");
    bench.stop(&id).await;
    bench.docker.remove_image(&image, None::<RemoveImageOptions>, None).await.expect("forgotten");
}

#[tokio::test]
async fn a_build_that_the_registry_lost_fails_its_launch_by_name() {
    let Some(bench) = Bench::set_up(&FIXED.replace("@ME@", "none")).await else { return };
    bench.begin_work();
    let lost: BuildId = bench.app.ctx.new_id();
    let image = format!("{}/demo/web", bench.lab.registry());
    let digest = format!("sha256:{}", "0".repeat(64));
    let mut tx = bench.app.ctx.store.begin().await.expect("a transaction");
    sqlx::query("INSERT INTO builds (id, app, image, digest, seen_at, described) VALUES ($1, 'web', $2, $3, 1, 1)")
        .bind(lost.as_str())
        .bind(image.as_str())
        .bind(digest.as_str())
        .execute(&mut *tx)
        .await
        .expect("a build");
    tx.commit().await.expect("kept");
    let id = bench.launch(&lost, "alone").await;
    let view = bench.until(&id, EnvironmentState::Failed).await;
    assert_eq!(view.failure, Some(Problem::ImageGone { image: format!("{image}@{digest}") }));
    bench.stop(&id).await;
}

/// The way to the engine, which can be cut and mended.
async fn way(to: PathBuf, port: u16) -> (u16, CancellationToken) {
    let listener = TcpListener::bind(("127.0.0.1", port)).await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let cut = CancellationToken::new();
    let until = cut.clone();
    tokio::spawn(async move {
        while let Some(Ok((mut from, _))) = until.run_until_cancelled(listener.accept()).await {
            let (until, to) = (until.clone(), to.clone());
            tokio::spawn(async move {
                let mut engine = UnixStream::connect(to).await.expect("the engine");
                until.run_until_cancelled(copy_bidirectional(&mut from, &mut engine)).await;
            });
        }
    });
    (port, cut)
}

#[tokio::test]
async fn an_engine_that_goes_away_in_the_middle_is_waited_for_and_its_last_word_is_shown() {
    let Some(bench) = Bench::set_up(&FIXED.replace("@ME@", "none")).await else { return };
    let socket = bench.lab.socket("test");
    let (port, cut) = way(socket.clone(), 0).await;
    let address = bench.lab.address("test");
    bench.app.apply(&format!("[[engines]]\nname = \"test\"\nurl = \"tcp://127.0.0.1:{port}\"\naddress = \"{address}\"\n")).await;
    let build = bench.listed("web", "dev").await;
    let id = bench.launch(&build, "alone").await;
    bench.begin_work();
    // Somewhere in the middle of the launch.
    tokio::time::sleep(Duration::from_millis(150)).await;
    cut.cancel();
    let began = std::time::Instant::now();
    tokio::time::sleep(Duration::from_secs(1)).await;
    let view = bench.look(&id).await;
    assert!(began.elapsed() < Duration::from_secs(4), "{:?}", began.elapsed());
    assert_ne!(view.row.state, EnvironmentState::Failed, "it is waited for");
    let (_, cut) = way(socket.clone(), port).await;
    bench.until(&id, EnvironmentState::Running).await;
    assert_eq!(bench.on_engine().await, (1, 1));

    cut.cancel();
    let look = || async { Some(bench.look(&id).await).filter(|view| !view.engine_reachable) };
    let view = crate::common::eventually("the engine is missed", look).await;
    assert_eq!(view.services[0].state, "running", "as last known");
    server::usecases::environments::stop_environment(&bench.app.ctx, &bench.tess, &id).await.expect("wanted");
    assert_eq!(bench.look(&id).await.row.state, EnvironmentState::Stopping, "until it can be done");
    way(socket, port).await;
    bench.until(&id, EnvironmentState::Stopped).await;
    assert_eq!(bench.on_engine().await, (0, 0));
}
