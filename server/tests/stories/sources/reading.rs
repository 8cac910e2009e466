//! Reading, without a database: every source against its own bodies, cut and bent, and against
//! those of all the others.

use super::samples;
use super::{made_of, tell};
use domain::delivery::Reason;
use domain::problem::Fault;
use domain::run::RunStatus;
use serde_json::{Value, json};
use server::intake::{Event, Fact, Headers, Source, Told};
use std::path::PathBuf;

#[test]
fn a_good_body_says_one_thing_that_is_sound() {
    for sample in samples::all() {
        let events = sample.source.read(&tell(&sample.headers(), sample.body.as_bytes()));
        let events = events.unwrap_or_else(|why| panic!("{}: {why}", sample.source.word()));
        assert_eq!(events.len(), 1, "{}", sample.source.word());
        assert!(events[0].fact.is_ok(), "{}: {:?}", sample.source.word(), events[0]);
        events.iter().for_each(sound);
    }
}

#[test]
fn the_same_body_has_the_same_key_and_the_headers_that_are_kept_are_enough() {
    for sample in samples::all() {
        let (headers, kept) = (sample.headers(), sample.headers().to_keep());
        let (before, after) = (tell(&headers, sample.body.as_bytes()), tell(&kept, sample.body.as_bytes()));
        assert_eq!(sample.source.read(&before), sample.source.read(&after), "{}", sample.source.word());
    }
}

#[test]
fn a_body_of_another_source_is_refused_with_what_was_expected() {
    for here in samples::all() {
        for other in samples::all().into_iter().filter(|other| other.source.word() != here.source.word()) {
            match here.source.read(&tell(&here.headers(), other.body.as_bytes())) {
                Err(Fault::Unreadable { detail }) => assert!(detail.contains("expected"), "{detail}"),
                read => panic!("{} took a body of {}: {read:?}", here.source.word(), other.source.word()),
            }
        }
    }
}

#[test]
fn no_field_of_another_type_does_harm() {
    let long = "x".repeat(5000);
    let strange = [
        Value::Null,
        json!(true),
        json!(-1),
        json!(1e300),
        json!(u64::MAX),
        json!([]),
        json!([[], "a", null]),
        json!({}),
        json!({ "a": [] }),
        json!(""),
        json!("\u{0}\u{1b}[31m\r\n"),
        json!("javascript:alert(1)"),
        json!("../../é%00"),
        json!(long),
    ];
    for sample in samples::all() {
        let (headers, body): (_, Value) = (sample.headers(), serde_json::from_str(&sample.body).expect("JSON"));
        let mut places = vec![String::new()];
        pointers(&body, "", &mut places);
        for place in &places {
            for value in &strange {
                let mut bent = body.clone();
                *bent.pointer_mut(place).expect("a part") = value.clone();
                harmless(sample.source, &headers, bent.to_string().as_bytes());
            }
            if let Some((above, name)) = place.rsplit_once('/') {
                let mut without = body.clone();
                if let Some(object) = without.pointer_mut(above).and_then(Value::as_object_mut) {
                    object.remove(name);
                }
                harmless(sample.source, &headers, without.to_string().as_bytes());
            }
        }
    }
}

#[test]
fn a_body_that_was_cut_is_refused_at_every_length() {
    for sample in samples::all() {
        for length in 0..sample.body.len() {
            let read = sample.source.read(&tell(&sample.headers(), &sample.body.as_bytes()[..length]));
            assert!(matches!(read, Err(Fault::Unreadable { .. })), "{} at {length}: {read:?}", sample.source.word());
        }
    }
}

#[test]
fn a_deep_or_a_wide_body_does_no_harm() {
    let deep = format!("{}{}", "[".repeat(500_000), "]".repeat(500_000));
    let wide = format!(r#"{{"events":[{}{{}}]}}"#, "{},".repeat(300_000));
    let texts = format!(r#"{{"updated_tags":[{}"a"],"repository":"a/b","docker_url":"q.test/a/b"}}"#, r#""a","#.repeat(200_000));
    for sample in samples::all() {
        for body in [&deep, &wide, &texts] {
            assert!(sample.source.read(&tell(&sample.headers(), body.as_bytes())).is_err(), "{}", sample.source.word());
        }
    }
}

/// What passes on is sound, whatever came.
fn harmless(source: &dyn Source, headers: &Headers, body: &[u8]) {
    match source.read(&tell(headers, body)) {
        Ok(events) => events.iter().for_each(sound),
        Err(Fault::Unreadable { detail }) => assert!(detail.contains("expected") || detail.contains("printable"), "{detail}"),
        Err(Fault::Refused { .. }) => {}
        Err(other) => panic!("{}: {other:?}", source.word()),
    }
}

fn sound(event: &Event) {
    assert!((1..=400).contains(&event.key.len()) && event.key.bytes().all(|b| b == b' ' || b.is_ascii_graphic()), "{event:?}");
    match &event.fact {
        Ok(Fact::Push(push)) => assert!(!push.images.is_empty()),
        Ok(Fact::Run(run)) => {
            let texts = [&run.branch, &run.tag, &run.name, &run.author, &run.message];
            for text in texts.into_iter().flatten().chain([&run.run]) {
                assert!(!text.is_empty() && text.chars().count() <= 400 && !text.contains(char::is_control), "{run:?}");
            }
            assert!(run.message.as_ref().is_none_or(|message| message.chars().count() <= 200), "{run:?}");
            let revision = run.revision.as_deref().unwrap_or("abcdef0");
            assert!(revision.bytes().all(|b| b.is_ascii_hexdigit()) && (7..=64).contains(&revision.len()), "{run:?}");
            assert!(run.url.as_ref().is_none_or(|url| url.to_lowercase().starts_with("http")), "{run:?}");
        }
        Err(reason) => assert!(serde_json::to_string(reason).expect("JSON").len() < 2000, "{reason:?}"),
    }
}

fn pointers(value: &Value, here: &str, found: &mut Vec<String>) {
    let children: Vec<(String, &Value)> = match value {
        Value::Object(parts) => parts.iter().map(|(name, part)| (format!("{here}/{name}"), part)).collect(),
        Value::Array(parts) => parts.iter().enumerate().map(|(at, part)| (format!("{here}/{at}"), part)).collect(),
        _ => Vec::new(),
    };
    for (place, part) in children {
        pointers(part, &place, found);
        found.push(place);
    }
}

// ---- What others published -----------------------------------------------------------------

/// What a sample of the folder comes to, in one line.
fn told(source: &dyn Source, headers: &Headers, body: &[u8]) -> String {
    let events = match source.read(&Told { registry: None, ..tell(headers, body) }) {
        Ok(events) => events,
        Err(why) => return format!("refused: {why}"),
    };
    events.iter().for_each(sound);
    let one = |event: &Event| match &event.fact {
        Ok(Fact::Push(push)) => {
            format!("{}:{} {}", push.images[0], push.tag, if push.digest.is_some() { "digest" } else { "no digest" })
        }
        Ok(Fact::Run(run)) => {
            let whence = run.branch.as_deref().or(run.tag.as_deref()).unwrap_or("-");
            format!("run {} {} {whence} {}", run.repo, run.status.as_str(), run.revision.as_deref().map_or("-", |r| &r[..7]))
        }
        Err(Reason::Unusable { field, .. }) => format!("unusable {field}"),
        Err(Reason::NoTag { image }) => format!("no tag {image}"),
        Err(Reason::NotAPush { action }) => format!("no push {action}"),
        Err(Reason::NotAnImage { media_type }) => format!("no image {media_type}"),
        Err(Reason::NotABuildEvent { event }) => format!("no build {event}"),
        Err(other) => format!("{other:?}"),
    };
    events.iter().map(one).collect::<Vec<_>>().join("; ")
}

/// File, source, the event that its header would name, what it comes to without a registry set.
const PUBLISHED: &[(&str, &str, &str, &str)] = &[
    (
        "aliyun-eventbridge-BuildCompleted.docs.json",
        "aliyun",
        "",
        "sirong-tongbu-hangzhou-registry.cn-hangzhou.cr.aliyuncs.com/scan/mix-vuls:mix-vuls no digest",
    ),
    (
        "aliyun-push.developer-article-64921.json",
        "aliyun",
        "",
        "registry.cn-hangzhou.aliyuncs.com/namespace/repotest:latest digest",
    ),
    ("awsecr-image-push.docs.json", "ecr", "", "unusable digest"),
    ("circleci-job-completed.docs-github-oauth.json", "circleci", "", "no build job-completed"),
    ("circleci-v1-build-object.docs.json", "circleci-v1", "", "run github.com/circleci/circleci.com success ja-homepage 8139060"),
    (
        "circleci-workflow-completed.docs-github-oauth.json",
        "circleci",
        "",
        "run github.com/circleci/webhook-service success main 1dc6aa6",
    ),
    ("circleci-workflow-completed.docs-gitlab.json", "circleci", "", "run gitlab.com/circleci/hello-world failed main 850a151"),
    ("distribution-pull.docs.json", "distribution", "", "no push pull"),
    (
        "distribution-push-envelope.docs.json",
        "distribution",
        "",
        "no tag registrycluster.local/library/test; no image application/vnd.docker.container.image.rootfs.diff+x-gtar; no image application/vnd.docker.container.image.rootfs.diff+x-gtar",
    ),
    (
        "distribution-push-envelope.event_test.json",
        "distribution",
        "",
        "no tag registrycluster.local/library/test; no image application/vnd.docker.container.image.rootfs.diff+x-gtar; no image application/vnd.docker.container.image.rootfs.diff+x-gtar",
    ),
    ("dockerhub-push.docs.json", "dockerhub", "", "docker.io/svendowideit/testhook:latest no digest"),
    ("drone-build-completed.docs.json", "drone", "", "no build pull_request"),
    ("drone-build-created.docs.json", "drone", "", "no build pull_request"),
    ("drone-build-updated.docs.json", "drone", "", "no build pull_request"),
    ("gitea-push.zulip-5-commits.json", "gitea", "push", "no build push"),
    ("github-check_suite.completed.json", "github", "check_suite", "no build check_suite"),
    ("github-package.published.docker.json", "github", "package", "no tag ghcr.io/codertocat/hello-world"),
    ("github-ping.json", "github", "ping", "no build ping"),
    ("github-registry_package.published.docker.json", "github", "registry_package", "no tag ghcr.io/codertocat/hello-world"),
    ("github-release.published.json", "github", "release", "no build release"),
    ("github-workflow_job.completed.failure.json", "github", "workflow_job", "no build workflow_job"),
    ("github-workflow_job.completed.success.json", "github", "workflow_job", "no build workflow_job"),
    ("github-workflow_run.completed.json", "github", "workflow_run", "run github.com/octo-org/octo-repo success master 3484a3f"),
    ("gitlab-pipeline.docs.json", "gitlab", "", "no build merge_request_event"),
    ("harbor-artifact-deleted.cloudevents.json", "harbor", "", "no push harbor.artifact.deleted"),
    ("harbor-artifact-deleted.default.json", "harbor", "", "no push DELETE_ARTIFACT"),
    ("harbor-artifact-pulled.default.json", "harbor", "", "no push PULL_ARTIFACT"),
    ("harbor-artifact-pushed.cloudevents.json", "harbor", "", "no tag localhost/harbor/alpine"),
    ("harbor-artifact-pushed.default.json", "harbor", "", "no tag localhost/harbor/alpine"),
    ("quay-push.keel.json", "quay", "", "quay.io/mynamespace/repository:1.2.3 no digest"),
];

#[test]
fn samples_that_others_published_are_understood() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared/payloads");
    let Ok(entries) = std::fs::read_dir(&folder) else {
        println!("not told: {} is not there", folder.display());
        return;
    };
    let mut wrong = Vec::new();
    for entry in entries.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.starts_with("out-") || !name.ends_with(".json") {
            continue;
        }
        let Some((_, word, event, wanted)) = PUBLISHED.iter().find(|(file, ..)| *file == name) else {
            wrong.push(format!("{name}: nothing is said of it"));
            continue;
        };
        let mut body = std::fs::read_to_string(entry.path()).expect("text");
        if *word == "circleci-v1" {
            body = format!(r#"{{"payload":{body}}}"#);
        }
        let header = if *word == "gitea" { "x-gitea-event" } else { "x-github-event" };
        let headers = if event.is_empty() { Headers::default() } else { made_of(&[(header.to_owned(), (*event).to_owned())]) };
        let got = told(server::intake::source(word).expect("a source"), &headers, body.as_bytes());
        if got != *wanted {
            wrong.push(format!("(\"{name}\", \"{word}\", \"{event}\", \"{got}\"),"));
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn a_run_s_states_are_told_apart_and_a_repetition_is_not() {
    // Where the status stands, and a status before the end.
    for (word, place, before) in [
        ("drone", "/build/status", "running"),
        ("drone-plugin", "/build/status", "running"),
        ("gitlab", "/object_attributes/status", "running"),
        ("circleci-v1", "/payload/status", "running"),
    ] {
        let sample = samples::sample(word);
        let mut body: Value = serde_json::from_str(&sample.body).expect("JSON");
        let over = sample.source.read(&tell(&sample.headers(), sample.body.as_bytes())).expect("read").remove(0);
        *body.pointer_mut(place).expect("a status") = before.into();
        if word == "circleci-v1" {
            body["payload"]["outcome"] = Value::Null;
        }
        let begun = sample.source.read(&tell(&sample.headers(), body.to_string().as_bytes())).expect("read").remove(0);
        assert_ne!(begun.key, over.key, "{word}");
        let run = |event: Event| match event.fact {
            Ok(Fact::Run(run)) => (run.run.clone(), run.status),
            other => panic!("{word}: {other:?}"),
        };
        let (begun, over) = (run(begun), run(over));
        assert_eq!((begun.0, begun.1, over.1), (over.0, RunStatus::Running, RunStatus::Success), "{word}");
    }
}
