//! Anything else: a small form of our own, signed after Standard Webhooks. `docs/generic-hook.md`
//! describes it.

use super::proof::Proof;
use super::read::{self, at, line, text, texts, word};
use super::{Event, Fact, Push, Run, Source, Told};
use domain::delivery::Reason;
use domain::problem::Fault;
use domain::run::RunStatus;
use serde_json::Value;

const FORM: &str =
    r#"the header webhook-id, and {"type": "image.pushed" or "run.started" or "run.finished", "timestamp": "…", "data": {…}}"#;

/// A script, a pipeline, a builder without a webhook that is known here.
pub struct Generic;

impl Source for Generic {
    fn word(&self) -> &'static str {
        "generic"
    }

    fn title(&self) -> &'static str {
        "Anything else (Standard Webhooks)"
    }

    fn proof(&self) -> Proof {
        Proof::StandardWebhooks
    }

    fn snippet(&self, url: &str, secret: &str) -> String {
        format!(
            r#"#!/bin/sh
# docs/generic-hook.md says what can be told. Needs curl and openssl.
secret='{secret}'
body='{{"type":"image.pushed","timestamp":"'$(date -u +%Y-%m-%dT%H:%M:%SZ)'","data":{{"image":"registry.example/team/web","tag":"dev"}}}}'
id=msg_$(openssl rand -hex 16)
at=$(date +%s)
case $secret in
  whsec_*) key=$(printf %s "${{secret#whsec_}}" | openssl base64 -d -A | od -An -v -tx1 | tr -d ' \n') ;;
  *) key=$(printf %s "$secret" | od -An -v -tx1 | tr -d ' \n') ;;
esac
signature=$(printf '%s.%s.%s' "$id" "$at" "$body" | openssl dgst -sha256 -mac HMAC -macopt "hexkey:$key" -binary | openssl base64 -A)
curl --fail --retry 5 '{url}' -H 'Content-Type: application/json' \
  -H "webhook-id: $id" -H "webhook-timestamp: $at" -H "webhook-signature: v1,$signature" \
  --data-binary "$body"
"#
        )
    }

    fn read(&self, told: &Told<'_>) -> Result<Vec<Event>, Fault> {
        let body = read::shaped(told.body, FORM, |body| texts(body, &["/type"]) && at(body, "/data").is_object())?;
        // The id is signed: one message is one event, however often it is sent.
        let id = told.headers.get("webhook-id").filter(|id| !id.is_empty()).ok_or_else(|| read::other_form(FORM))?;
        let (key, when) = (read::key(&[id]), read::time(at(&body, "/timestamp")));
        let data = at(&body, "/data");
        let ran = |begun| run(data, begun).map(|run| Fact::Run(Box::new(run)));
        let fact = match at(&body, "/type").as_str().unwrap_or_default() {
            "image.pushed" => pushed(data, told.registry).map(Fact::Push),
            "run.started" => ran(true),
            "run.finished" => ran(false),
            other => return Ok(vec![read::not_a_build(key, when, other)]),
        };
        Ok(vec![Event { key, at: when, fact }])
    }
}

/// `image` may have its tag and its digest in it, as `docker push` and `docker inspect` write them.
fn pushed(data: &Value, registry: Option<&str>) -> Result<Push, Reason> {
    let whole = text("image", at(data, "/image"))?;
    let (whole, digest) = whole.split_once('@').unwrap_or((whole, ""));
    let (image, tag) = read::reference(whole);
    let or = |pointer, written: &str| match at(data, pointer) {
        Value::Null => Value::String(written.to_owned()),
        said => said.clone(),
    };
    let (tag, digest) = (or("/tag", tag), or("/digest", digest));
    let (host, repository) = match image.split_once('/') {
        Some((host, repository)) if host.contains(['.', ':']) || host == "localhost" => (Some(host), repository),
        _ => (None, image),
    };
    // What the hook was given stands in for a host that is not said, and for nothing else.
    let images = read::images(host.or(registry), repository)?;
    read::push(images, &tag, &digest)
}

fn run(data: &Value, begun: bool) -> Result<Run, Reason> {
    let needed = |field: &str, pointer| {
        let value = at(data, pointer);
        let given = text(field, value)?;
        word(value).map(str::to_owned).ok_or_else(|| read::unusable(field, given, Fault::TooLong { most: 200 }))
    };
    let status = if begun { RunStatus::Running } else { status(at(data, "/status"))? };
    let tag = word(at(data, "/tag")).map(str::to_owned);
    Ok(Run {
        repo: read::repository(data, &["/repository"])?,
        run: read::key(&[&needed("run", "/run")?]),
        status,
        revision: read::commit(at(data, "/revision")),
        branch: if tag.is_some() { None } else { word(at(data, "/branch")).map(str::to_owned) },
        tag,
        name: line(at(data, "/name")),
        url: read::url(at(data, "/url")),
        author: line(at(data, "/author")),
        message: line(at(data, "/message")),
        started_at: read::time(at(data, "/started_at")),
        ended_at: if begun { None } else { read::time(at(data, "/ended_at")) },
    })
}

fn status(value: &Value) -> Result<RunStatus, Reason> {
    let over = value.as_str().and_then(RunStatus::from_word).filter(|status| status.is_over());
    over.ok_or_else(|| read::unknown_status(value, "success, failed, canceled"))
}

#[cfg(test)]
mod tests {
    use super::super::Headers;
    use super::super::tests::{DIGEST, only_with, pushed, ran, tell};
    use super::*;
    use serde_json::json;

    fn one(body: &Value) -> Event {
        only_with(&Generic, &Headers::from([("webhook-id", "msg_1")]), body)
    }

    fn image(data: Value) -> Event {
        one(&json!({ "type": "image.pushed", "timestamp": "2026-11-24T02:00:00Z", "data": data }))
    }

    #[test]
    fn an_image_may_be_written_in_one_word_or_in_parts() {
        for data in [
            json!({ "image": "r.test:5000/team/web", "tag": "dev", "digest": DIGEST }),
            json!({ "image": format!("r.test:5000/team/web:dev@{DIGEST}") }),
        ] {
            let event = image(data);
            assert_eq!((event.key.as_str(), event.at), ("msg_1", Some("2026-11-24T02:00:00Z".parse().unwrap())));
            let push = pushed(event);
            assert_eq!((push.images[0].to_string().as_str(), push.tag.as_str()), ("r.test:5000/team/web", "dev"));
            assert_eq!(push.digest.expect("a digest").as_str(), DIGEST);
        }
        assert_eq!(pushed(image(json!({ "image": "r.test/web:dev" }))).digest, None);
    }

    #[test]
    fn a_run_begins_and_ends() {
        let data = json!({ "repository": "https://git.test/acme/web", "run": "nightly 7", "status": "failed", "branch": "dev", "name": "nightly",
            "revision": "6666666666666666666666666666666666666666", "url": "https://ci.test/7", "author": "Ann", "message": "Say\nhello",
            "started_at": "2026-11-24T01:00:00Z", "ended_at": "2026-11-24T02:00:00Z" });
        let tell = |kind: &str| ran(one(&json!({ "type": kind, "data": data })));
        let (begun, over) = (tell("run.started"), tell("run.finished"));
        assert_eq!((begun.status, begun.ended_at, over.status), (RunStatus::Running, None, RunStatus::Failed));
        assert_eq!((begun.run.as_str(), &over.run), ("nightly 7", &begun.run));
        assert_eq!((over.branch.as_deref(), over.message.as_deref(), over.ended_at.is_some()), (Some("dev"), Some("Say"), true));
    }

    #[test]
    fn what_cannot_be_used_is_named() {
        let field = |event: Event| match event.fact {
            Err(Reason::Unusable { field, .. }) => field,
            other => panic!("{other:?}"),
        };
        assert_eq!(field(image(json!({ "tag": "dev" }))), "image");
        assert_eq!(field(image(json!({ "image": "web:dev" }))), "host");
        assert_eq!(field(image(json!({ "image": "r.test/web", "tag": "<b>" }))), "tag");
        assert!(matches!(image(json!({ "image": "r.test/web" })).fact, Err(Reason::NoTag { .. })));
        let run = |data: Value| field(one(&json!({ "type": "run.finished", "data": data })));
        assert_eq!(run(json!({ "repository": "a/b", "run": "1", "status": "running" })), "status");
        assert_eq!(run(json!({ "repository": "a b", "run": "1", "status": "failed" })), "repository");
        assert_eq!(run(json!({ "repository": "a/b", "status": "failed" })), "run");
        let other = one(&json!({ "type": "invoice.paid", "data": {} }));
        assert_eq!(other.fact, Err(Reason::NotABuildEvent { event: "invoice.paid".into() }));
    }

    #[test]
    fn another_form_is_refused() {
        let body = json!({ "type": "image.pushed", "data": {} }).to_string();
        assert!(Generic.read(&tell(body.as_bytes())).is_err(), "without an id");
        let headers = Headers::from([("webhook-id", "msg_1")]);
        for body in ["{}", "[]", "", r#"{"type":"x","data":5}"#, r#"{"events":[]}"#] {
            let mut told = tell(body.as_bytes());
            told.headers = &headers;
            assert!(matches!(Generic.read(&told), Err(Fault::Unreadable { detail }) if detail.contains("webhook-id")), "{body}");
        }
    }
}
