//! What the worker makes of an engine, and an engine of the worker.

use super::stage::Stage;
use crate::common::{TestApp, eventually, on_each_database};
use crate::decided::{announced, digest};
use domain::Problem;
use domain::lease::{EndReason, EnvironmentState};
use domain::promotion::StepState;
use serde_json::{Value, json};
use server::usecases::environments::{log_tail, stop_environment};
use std::time::Duration;

#[tokio::test]
async fn a_launch_runs_publishes_its_ports_and_is_taken_away_when_it_is_stopped() {
    on_each_database(|app| async move {
        let stage = Stage::set(app).await;
        stage.begin_work();
        stage.engine.put("foreign", "somebody-elses", json!({ "slipway.instance": "another", "slipway.environment": "x" }));
        stage.engine.put("unlabelled", "a-database", json!({}));
        let web = stage.tagged("web", 1, "dev").await;
        stage.tagged("worker", 2, "dev").await;
        let id = stage.launch(&web, None).await.expect("launched");
        let view = stage.until(&id, EnvironmentState::Running).await;
        assert!(view.steps.iter().all(|step| step.state == StepState::Done), "{:?}", view.steps);
        assert_eq!(view.row.links[0].url, "http://engine.test:32768");
        let services: Vec<_> = view.services.iter().map(|service| (service.name.as_str(), service.state.as_str())).collect();
        assert_eq!(services, [("web", "running"), ("worker", "running")]);
        assert!(view.engine_reachable && view.failure.is_none());
        assert_eq!(announced(&stage.app).await, ["environment_ready"]);

        stop_environment(&stage.app.ctx, &stage.people.tess, &id).await.expect("stopped");
        stop_environment(&stage.app.ctx, &stage.people.tess, &id).await.ok();
        let view = stage.until(&id, EnvironmentState::Stopped).await;
        assert_eq!((view.row.end_reason, view.row.links.len()), (Some(EndReason::StoppedByHand), 0));
        let finished = Err(Problem::Finished { state: "stopped".to_owned() });
        assert_eq!(stop_environment(&stage.app.ctx, &stage.people.tess, &id).await, finished);
        let held = stage.engine.held();
        let left: Vec<&str> = held.containers.keys().map(String::as_str).collect();
        assert_eq!(left, ["foreign", "unlabelled"], "only what carries this instance's label is touched");
        assert!(held.networks.is_empty());
    })
    .await;
}

#[tokio::test]
async fn every_container_is_asked_for_with_its_bounds_and_without_powers() {
    let stage = Stage::set(TestApp::sqlite().await).await;
    stage.begin_work();
    let web = stage.tagged("web", 1, "dev").await;
    stage.tagged("worker", 2, "dev").await;
    let id = stage.launch(&web, None).await.expect("launched");
    stage.until(&id, EnvironmentState::Running).await;
    let held = stage.engine.held();
    let asked = |service: &str| {
        let found = held.containers.values().find(|container| container.body["Labels"]["slipway.service"] == service);
        found.expect("made").clone()
    };
    let web = asked("web");
    let name = format!("slw-{}-e1", &stage.app.ctx.instance()[..8]);
    assert_eq!(web.name, format!("{name}-web"));
    assert_eq!(web.body["Image"], format!("registry.test:5000/team/web@{}", digest(1)));
    assert_eq!(web.body["Hostname"], "web");
    assert_eq!(web.body["NetworkingConfig"]["EndpointsConfig"][&name]["Aliases"], json!(["web"]));
    let labels = &web.body["Labels"];
    assert_eq!(labels["slipway.instance"], stage.app.ctx.instance());
    assert_eq!(labels["slipway.environment"], id.as_str());
    assert_eq!(labels["slipway.build"], digest(1).as_str());
    assert_eq!(labels["slipway.lease-ends"], "2026-11-24T10:00:02Z");
    let host = &web.body["HostConfig"];
    let bounds = json!({
        "CapDrop": ["ALL"], "SecurityOpt": ["no-new-privileges"], "Privileged": false, "ReadonlyRootfs": true,
        "Memory": 536_870_912, "MemorySwap": 536_870_912, "NanoCpus": 1_000_000_000, "PidsLimit": 512, "IpcMode": "private",
        "NetworkMode": name, "LogConfig": { "Type": "json-file", "Config": { "max-size": "10m", "max-file": "2" } },
        "RestartPolicy": { "Name": "no" }, "PortBindings": { "80/tcp": [{ "HostIp": "", "HostPort": "" }] },
    });
    for (key, wanted) in bounds.as_object().expect("an object") {
        assert_eq!(&host[key], wanted, "{key}");
    }
    for key in ["Binds", "Mounts", "Devices", "DeviceRequests", "VolumesFrom", "PidMode", "UsernsMode", "UTSMode", "CapAdd"] {
        assert_eq!(host[key], Value::Null, "{key}");
    }
    assert_eq!(asked("worker").body["HostConfig"]["ReadonlyRootfs"], false);
}

type Twist = (&'static str, fn(&mut Value));

/// Ways in which an engine could give a container more than was asked for.
const TWISTS: [Twist; 28] = [
    ("privileges", |c| c["HostConfig"]["Privileged"] = json!(true)),
    ("privileges", |c| c["HostConfig"]["CapDrop"] = Value::Null),
    ("privileges", |c| c["HostConfig"]["CapAdd"] = json!(["CHOWN", "SYS_ADMIN"])),
    ("privileges", |c| c["HostConfig"]["SecurityOpt"] = Value::Null),
    ("privileges", |c| c["HostConfig"]["SecurityOpt"] = json!(["no-new-privileges", "seccomp=unconfined"])),
    ("privileges", |c| c["HostConfig"]["MaskedPaths"] = json!([])),
    ("namespaces", |c| c["HostConfig"]["PidMode"] = json!("host")),
    ("namespaces", |c| c["HostConfig"]["IpcMode"] = json!("host")),
    ("namespaces", |c| c["HostConfig"]["UsernsMode"] = json!("host")),
    ("namespaces", |c| c["HostConfig"]["NetworkMode"] = json!("host")),
    ("namespaces", |c| c["HostConfig"]["Sysctls"] = json!({ "kernel.shm_rmid_forced": "1" })),
    ("host folders and devices", |c| c["HostConfig"]["Binds"] = json!(["/:/host"])),
    ("host folders and devices", |c| c["HostConfig"]["Mounts"] = json!([{ "Type": "bind", "Source": "/", "Target": "/h" }])),
    ("host folders and devices", |c| c["HostConfig"]["Devices"] = json!([{ "PathOnHost": "/dev/kvm" }])),
    ("host folders and devices", |c| c["Mounts"] = json!([{ "Type": "bind", "Source": "/var/run/docker.sock" }])),
    ("host folders and devices", |c| c["Mounts"] = json!([{ "Type": "volume", "Name": "shared", "Driver": "local" }])),
    ("host folders and devices", |c| {
        c["HostConfig"]["Mounts"] = json!([{ "Type": "volume", "Source": "slw-x-e1-data", "Target": "/data",
            "VolumeOptions": { "DriverConfig": { "Name": "local", "Options": { "type": "none", "o": "bind", "device": "/" } } } }]);
    }),
    ("networks", |c| c["NetworkSettings"]["Networks"]["bridge"] = json!({})),
    ("networks", |c| c["NetworkSettings"]["Networks"] = json!({})),
    ("image", |c| c["Image"] = json!("sha256:other")),
    ("labels", |c| c["Config"]["Labels"]["slipway.stack"] = json!("another")),
    ("memory", |c| c["HostConfig"]["Memory"] = json!(0)),
    ("swap", |c| c["HostConfig"]["MemorySwap"] = json!(-1)),
    ("processes", |c| c["HostConfig"]["PidsLimit"] = Value::Null),
    ("processor time", |c| c["HostConfig"]["NanoCpus"] = json!(0)),
    ("restarts", |c| c["HostConfig"]["RestartPolicy"] = json!({ "Name": "always" })),
    ("restarts", |c| c["HostConfig"]["RestartPolicy"] = json!({ "Name": "on-failure", "MaximumRetryCount": 0 })),
    ("folders in memory", |c| c["HostConfig"]["Tmpfs"] = json!({ "/tmp": "rw,exec" })),
];

#[tokio::test]
async fn a_container_that_is_not_exactly_as_asked_is_removed_and_never_starts() {
    for (limit, twist) in TWISTS {
        let stage = Stage::set(TestApp::sqlite().await).await;
        stage.engine.held().twist = Some(twist);
        stage.begin_work();
        let web = stage.tagged("web", 1, "dev").await;
        let id = stage.launch(&web, Some("alone")).await.expect("launched");
        let view = stage.until(&id, EnvironmentState::Failed).await;
        assert_eq!(announced(&stage.app).await, ["environment_failed"]);
        let uncontained = Problem::Uncontained { service: "web".to_owned(), limit: limit.to_owned() };
        assert_eq!(view.failure, Some(uncontained));
        let wanted = [StepState::Done, StepState::Done, StepState::Failed, StepState::Skipped];
        assert_eq!(view.steps.iter().map(|step| step.state).collect::<Vec<_>>(), wanted);
        let held = stage.engine.held();
        assert!(held.containers.is_empty());
        assert!(!held.changes.iter().any(|change| change.ends_with("/start")), "{:?}", held.changes);
    }
}

#[tokio::test]
async fn a_service_that_fails_leaves_its_last_words_and_its_container() {
    on_each_database(|app| async move {
        let stage = Stage::set(app).await;
        stage.begin_work();
        stage.engine.held().ends.insert("web".to_owned(), 3);
        stage.engine.held().log = "ready?\nno \x1b[31mdatabase\x1b[0m\n".to_owned();
        let web = stage.tagged("web", 1, "dev").await;
        let id = stage.launch(&web, Some("alone")).await.expect("launched");
        let view = stage.until(&id, EnvironmentState::Failed).await;
        assert_eq!(view.failure, Some(Problem::ServiceEnded { service: "web".to_owned(), exit_code: 3 }));
        let step = view.steps.iter().find(|step| step.kind == "start").expect("a step");
        assert_eq!((step.state, step.detail.as_deref()), (StepState::Failed, Some("ready?\nno database")));
        assert_eq!(view.services[0].state, "exited (3)");
        let lines = log_tail(&stage.app.ctx, &stage.people.vera, &id, "web", 10).await.expect("its log");
        assert_eq!(lines, ["ready?", "no database"]);
        assert_eq!(stage.app.count("environments").await, 1);

        stage.app.clock.advance(Duration::from_secs(8 * 3600));
        stage.app.ctx.work.environments.notify_one();
        let view = stage.until(&id, EnvironmentState::Stopped).await;
        assert_eq!(view.row.end_reason, Some(EndReason::LeaseEnded));
        assert!(stage.engine.held().containers.is_empty());
    })
    .await;
}

#[tokio::test]
async fn a_service_that_ends_well_is_no_failure() {
    let stage = Stage::set(TestApp::sqlite().await).await;
    stage.begin_work();
    stage.engine.held().ends.insert("web".to_owned(), 0);
    let web = stage.tagged("web", 1, "dev").await;
    let id = stage.launch(&web, Some("alone")).await.expect("launched");
    assert_eq!(stage.until(&id, EnvironmentState::Running).await.services[0].state, "exited (0)");
}

#[tokio::test]
async fn an_image_that_the_registry_lost_is_named() {
    let stage = Stage::set(TestApp::sqlite().await).await;
    stage.begin_work();
    stage.engine.held().gone.push(digest(1).to_string());
    let web = stage.tagged("web", 1, "dev").await;
    let id = stage.launch(&web, Some("alone")).await.expect("launched");
    let view = stage.until(&id, EnvironmentState::Failed).await;
    let image = format!("registry.test:5000/team/web@{}", digest(1));
    assert!(matches!(&view.failure, Some(Problem::ImageGone { image: gone }) if *gone == image), "{:?}", view.failure);
    assert_eq!(view.steps[0].state, StepState::Failed);
}

#[tokio::test]
async fn what_the_database_does_not_know_is_removed_and_what_it_knows_is_kept() {
    let stage = Stage::set(TestApp::sqlite().await).await;
    let instance = stage.app.ctx.instance().to_owned();
    stage.engine.put("lost", "lost", json!({ "slipway.instance": instance, "slipway.environment": "unknown" }));
    stage.engine.put("task", "a-region-task", json!({ "slipway.instance": instance }));
    stage.engine.put("other", "other", json!({ "slipway.instance": "other", "slipway.environment": "unknown" }));
    stage.begin_work();
    eventually("the leftover goes", || async { (!stage.engine.held().containers.contains_key("lost")).then_some(()) }).await;
    let left: Vec<String> = stage.engine.held().containers.keys().cloned().collect();
    assert_eq!(left, ["other", "task"]);
}

#[tokio::test]
async fn an_engine_that_does_not_answer_keeps_no_page_waiting() {
    let stage = Stage::set(TestApp::sqlite().await).await;
    stage.begin_work();
    let web = stage.tagged("web", 1, "dev").await;
    let id = stage.launch(&web, Some("alone")).await.expect("launched");
    stage.until(&id, EnvironmentState::Running).await;
    stage.engine.held().silent = true;
    let view = eventually("the engine is missed", || async {
        let began = std::time::Instant::now();
        let view = stage.look(&id).await;
        assert!(began.elapsed() < Duration::from_secs(3), "{:?}", began.elapsed());
        (!view.engine_reachable).then_some(view)
    })
    .await;
    assert_eq!(view.services[0].state, "running", "as last known");
}
