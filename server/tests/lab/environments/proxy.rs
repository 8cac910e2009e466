//! Slipway's own proxy in front of a real container.

use super::bench::Bench;
use crate::common::eventually;
use bollard::query_parameters::{KillContainerOptions, RestartContainerOptions};
use domain::lease::EnvironmentState;
use std::net::SocketAddr;

const ALONE: &str = r#"
[[stacks]]
name = "open"
compose = "services: { web: { image: '${BUILD_WEB}', tmpfs: [/tmp], read_only: true, ports: ['80'] } }"

[proxy]
domain = "env.test"
"#;

/// What a program sees at the first environment's address.
async fn seen(at: SocketAddr, token: &str) -> (u16, String) {
    let client = reqwest::Client::builder().no_proxy().resolve("e1-web.env.test", at).build().expect("a client");
    let asked = client.get(format!("http://e1-web.env.test:{}/", at.port())).header("x-slipway-token", token);
    let answer = asked.send().await.expect("an answer");
    (answer.status().as_u16(), answer.text().await.expect("a body"))
}

#[tokio::test]
async fn a_real_container_is_opened_through_the_proxy_and_followed_when_its_port_moves() {
    let Some(bench) = Bench::set_up(ALONE).await else { return };
    bench.begin_work();
    let build = bench.listed("web", "dev").await;
    let id = bench.launch(&build, "open").await;
    let view = bench.until(&id, EnvironmentState::Running).await;
    assert!(view.row.links[0].url.starts_with("http://e1-web.env.test"), "{:?}", view.row.links);
    let (at, token) = (bench.app.listen("127.0.0.1").await, bench.app.token(&bench.tess).await);
    let page = eventually("the page", || async {
        let (status, page) = seen(at, &token).await;
        (status == 200).then_some(page)
    });
    assert!(page.await.contains("web dev"));
    let name = format!("slw-{}-e1-web", &bench.app.ctx.instance()[..8]);
    let quick = RestartContainerOptions { t: Some(0), ..Default::default() };
    bench.docker.restart_container(&name, Some(quick)).await.expect("started again");
    eventually("it is found at its new number", || async { (seen(at, &token).await.0 == 200).then_some(()) }).await;
    bench.docker.kill_container(&name, None::<KillContainerOptions>).await.expect("killed");
    eventually("nothing of another's is shown", || async { (seen(at, &token).await.0 == 502).then_some(()) }).await;
    bench.stop(&id).await;
    eventually("it has ended", || async { (seen(at, &token).await.0 == 410).then_some(()) }).await;
}
