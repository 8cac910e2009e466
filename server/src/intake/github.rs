//! GitHub: images of its container registry, and runs of its workflows.

use super::proof::Proof;
use super::read::{self, at, first, objects, word};
use super::{Event, Push, Source, Told, workflow_run};
use domain::delivery::Reason;
use domain::problem::Fault;
use serde_json::Value;

const FORM: &str = "the body of the event that X-GitHub-Event names, as JSON or as a form's payload: package, registry_package, workflow_run, ping …";

/// A repository's, an organisation's or an app's webhook.
pub struct GitHub;

impl Source for GitHub {
    fn word(&self) -> &'static str {
        "github"
    }

    fn title(&self) -> &'static str {
        "GitHub"
    }

    fn proof(&self) -> Proof {
        Proof::HexHmac { header: "x-hub-signature-256", prefix: "sha256=" }
    }

    fn snippet(&self, url: &str, secret: &str) -> String {
        format!(
            "Settings > Webhooks > Add webhook\nPayload URL: {url}\nContent type: application/json\nSecret: {secret}\nSSL verification: Enable\nWhich events: Let me select individual events > Packages, Workflow runs\nActive: on\n"
        )
    }

    fn read(&self, told: &Told<'_>) -> Result<Vec<Event>, Fault> {
        let body = body(told)?;
        if told.headers.get("x-gitea-event").is_some() {
            return Err(Fault::Unreadable { detail: "this is Gitea's or Forgejo's; make a hook of source gitea".to_owned() });
        }
        let versioned = |name: &&str| at(&body, &format!("/{name}")).get("package_version").is_some();
        let package = ["package", "registry_package"].into_iter().find(versioned);
        // Without the header, which a proxy may lose, the body has to show what it is.
        let kind = told.headers.get("x-github-event").or(if objects(&body, &["/workflow_run", "/repository"]) {
            Some("workflow_run")
        } else if at(&body, "/zen").is_string() {
            Some("ping")
        } else {
            package
        });
        let event = match (kind, package) {
            (Some("package" | "registry_package"), Some(package)) => packaged(at(&body, &format!("/{package}")), &body, told),
            (Some("workflow_run"), _) if objects(&body, &["/workflow_run", "/repository"]) => workflow_run::event(&body),
            (Some("ping"), _) if at(&body, "/zen").is_string() || objects(&body, &["/hook"]) => {
                read::not_a_build(delivery_key(told), None, "ping")
            }
            (Some("package" | "registry_package" | "workflow_run" | "ping") | None, _) => return Err(read::other_form(FORM)),
            (Some(other), _) if objects(&body, &["/sender"]) || objects(&body, &["/repository"]) => {
                read::not_a_build(delivery_key(told), None, other)
            }
            _ => return Err(read::other_form(FORM)),
        };
        Ok(vec![event])
    }
}

/// The body is signed as it came; a form holds the JSON in its field `payload`.
fn body(told: &Told<'_>) -> Result<Value, Fault> {
    let form = told.headers.get("content-type").is_some_and(|kind| kind.starts_with("application/x-www-form-urlencoded"));
    if !form && !told.body.starts_with(b"payload=") {
        return read::shaped(told.body, FORM, Value::is_object);
    }
    let payload = form_urlencoded::parse(told.body).take(16).find(|(name, _)| name == "payload");
    let (_, payload) = payload.ok_or_else(|| read::other_form(FORM))?;
    read::shaped(payload.as_bytes(), FORM, Value::is_object)
}

/// A delivery's own id; the same when it is delivered again.
fn delivery_key(told: &Told<'_>) -> String {
    told.headers.get("x-github-delivery").map_or_else(|| read::body_key(told.body), |id| read::key(&["github", id]))
}

fn packaged(package: &Value, body: &Value, told: &Told<'_>) -> Event {
    let version = at(package, "/package_version");
    let times = [at(version, "/updated_at"), at(package, "/updated_at"), at(version, "/created_at")];
    let when = times.into_iter().filter_map(read::time).max();
    let action = at(body, "/action").as_str().unwrap_or_default();
    let parts = [at(version, "/id"), at(version, "/container_metadata/tag/name"), at(version, "/version")];
    // The header with the delivery's id is not signed: what is told again is known by what it says.
    let key = match when {
        Some(when) => read::key_of(&format!("package {action} {}", when.timestamp_micros()), &parts),
        None => delivery_key(told),
    };
    read::event(key, when, pushed(package, version, action, told))
}

fn pushed(package: &Value, version: &Value, action: &str, told: &Told<'_>) -> Result<Push, Reason> {
    if !matches!(action, "published" | "updated" | "create") {
        return Err(Reason::NotAPush { action: read::quoted(action) });
    }
    let container = at(version, "/container_metadata");
    if !container.is_object() {
        let kind = first(package, &["/package_type", "/ecosystem"]).unwrap_or("package");
        return Err(Reason::NotAnImage { media_type: read::quoted(kind) });
    }
    let (image, _) = read::reference(word(at(version, "/package_url")).unwrap_or_default());
    let (host, repository) = image.split_once('/').unwrap_or(("ghcr.io", ""));
    let named = match (word(at(package, "/namespace")), word(at(package, "/name"))) {
        (Some(namespace), Some(name)) => format!("{namespace}/{name}"),
        _ => String::new(),
    };
    let repository = if repository.is_empty() { &named } else { repository };
    let images = read::images(told.registry.into_iter().chain([host]), repository)?;
    let digests = [at(version, "/version"), at(container, "/tag/digest"), at(container, "/manifest/digest")];
    // Any of them may be something else than the digest, which can be asked for in that case.
    let digest = digests.into_iter().find(|said| said.as_str().is_some_and(|said| said.parse::<domain::Digest>().is_ok()));
    read::push(images, at(container, "/tag/name"), digest.unwrap_or(&Value::Null))
}

#[cfg(test)]
mod tests {
    use super::super::tests::{DIGEST, only_with, pushed, ran};
    use super::super::{Fact, Headers};
    use super::*;
    use domain::run::RunStatus;
    use serde_json::json;

    const COMMIT: &str = "3333333333333333333333333333333333333333";

    fn headers(event: &str) -> Headers {
        Headers::from([("X-GitHub-Event", event), ("X-GitHub-Delivery", "d-1")])
    }

    fn one(event: &str, body: &Value) -> Event {
        only_with(&GitHub, &headers(event), body)
    }

    fn a_package(key: &str) -> Value {
        json!({
            "action": "published",
            key: { "id": 5, "name": "web", "namespace": "Acme", "ecosystem": "CONTAINER", "package_type": "CONTAINER",
                "updated_at": "2026-11-24T02:00:00Z",
                "package_version": { "id": 9, "version": DIGEST, "created_at": "0001-01-01T00:00:00Z",
                    "package_url": "ghcr.io/Acme/web:dev",
                    "container_metadata": { "tag": { "name": "dev", "digest": DIGEST }, "manifest": { "digest": DIGEST } } } },
            "repository": { "full_name": "Acme/web" }, "sender": { "login": "ann" },
        })
    }

    fn a_run(status: &str, conclusion: Value) -> Value {
        json!({
            "action": "completed",
            "workflow_run": { "id": 77, "name": "build", "head_branch": "dev", "head_sha": COMMIT, "run_number": 12, "run_attempt": 1,
                "event": "push", "status": status, "conclusion": conclusion, "html_url": "https://github.test/acme/web/actions/runs/77",
                "created_at": "2026-11-24T01:50:00Z", "updated_at": "2026-11-24T02:00:00Z", "run_started_at": "2026-11-24T01:51:00Z",
                "head_commit": { "message": "Say hello\n\nlong", "author": { "name": "Ann" } },
                "head_repository": { "full_name": "acme/web" } },
            "workflow": { "name": "build" },
            "repository": { "full_name": "acme/web", "clone_url": "https://github.test/acme/web.git" }, "sender": { "login": "ann" },
        })
    }

    #[test]
    fn a_published_image_is_a_push_whichever_name_the_event_has() {
        for name in ["package", "registry_package"] {
            let event = one(name, &a_package(name));
            assert_eq!(event.at, Some("2026-11-24T02:00:00Z".parse().unwrap()));
            let push = pushed(event);
            assert_eq!((push.images[0].to_string().as_str(), push.tag.as_str()), ("ghcr.io/acme/web", "dev"));
            assert_eq!(push.digest.expect("a digest").as_str(), DIGEST);
        }
    }

    #[test]
    fn the_parts_of_an_image_for_several_platforms_have_no_tag() {
        let mut child = a_package("package");
        child["package"]["package_version"]["container_metadata"]["tag"]["name"] = "".into();
        child["package"]["package_version"]["package_url"] = "ghcr.io/Acme/web:".into();
        assert_eq!(one("package", &child).fact, Err(Reason::NoTag { image: "ghcr.io/acme/web".into() }));
    }

    #[test]
    fn what_is_no_image_and_no_build_says_why() {
        let mut npm = a_package("package");
        npm["package"]["package_version"]["container_metadata"] = Value::Null;
        npm["package"]["package_type"] = "npm".into();
        assert_eq!(one("package", &npm).fact, Err(Reason::NotAnImage { media_type: "npm".into() }));
        let star = json!({ "action": "created", "repository": {}, "sender": {} });
        assert_eq!(one("star", &star).fact, Err(Reason::NotABuildEvent { event: "star".into() }));
        let ping = json!({ "zen": "Keep it simple.", "hook_id": 1, "hook": {} });
        assert_eq!(one("ping", &ping).fact, Err(Reason::NotABuildEvent { event: "ping".into() }));
        let mut fork = a_run("completed", "success".into());
        fork["workflow_run"]["head_repository"]["full_name"] = "eve/web".into();
        assert!(matches!(one("workflow_run", &fork).fact, Err(Reason::NotABuildEvent { .. })));
    }

    #[test]
    fn a_workflow_s_run_goes_on_and_ends_and_may_run_again() {
        let going = one("workflow_run", &a_run("in_progress", Value::Null));
        let over = one("workflow_run", &a_run("completed", "success".into()));
        let mut again = a_run("completed", "success".into());
        again["workflow_run"]["run_attempt"] = 2.into();
        let again = one("workflow_run", &again);
        assert!(going.key != over.key && over.key != again.key);
        let (going, over, again) = (ran(going), ran(over), ran(again));
        assert_eq!((going.status, over.status, going.ended_at), (RunStatus::Running, RunStatus::Success, None));
        assert_eq!((over.repo.to_string().as_str(), over.name.as_deref()), ("github.test/acme/web", Some("build #12")));
        assert_eq!(
            (over.revision.as_deref(), over.branch.as_deref(), over.message.as_deref()),
            (Some(COMMIT), Some("dev"), Some("Say hello"))
        );
        assert!(going.run == over.run && over.run != again.run);
    }

    #[test]
    fn a_run_of_a_release_tag_has_the_tag() {
        let mut body = a_run("completed", "failure".into());
        body["workflow_run"]["head_branch"] = "release-v5.12.05.02".into();
        let run = ran(one("workflow_run", &body));
        assert_eq!((run.tag.as_deref(), run.branch, run.status), (Some("release-v5.12.05.02"), None, RunStatus::Failed));
    }

    #[test]
    fn a_form_holds_the_same_as_json() {
        let body =
            form_urlencoded::Serializer::new(String::new()).append_pair("payload", &a_package("package").to_string()).finish();
        let headers = Headers::from([("X-GitHub-Event", "package"), ("content-type", "application/x-www-form-urlencoded")]);
        let mut told = super::super::tests::tell(body.as_bytes());
        told.headers = &headers;
        assert!(matches!(GitHub.read(&told).expect("read").remove(0).fact, Ok(Fact::Push(_))));
    }

    #[test]
    fn another_source_s_body_is_refused_with_the_form_that_was_expected() {
        let refused = |event: &str, body: &Value| {
            let (text, headers) = (body.to_string(), headers(event));
            let mut told = super::super::tests::tell(text.as_bytes());
            told.headers = &headers;
            let Err(Fault::Unreadable { detail }) = GitHub.read(&told) else { panic!("read: {event} {body}") };
            assert!(detail.contains("X-GitHub-Event"), "{detail}");
        };
        refused("package", &a_run("completed", "success".into()));
        refused("workflow_run", &a_package("package"));
        refused("star", &json!({ "id": 1 }));
        refused("ping", &json!({}));
        refused("push", &json!([]));
    }

    #[test]
    fn what_gitea_says_is_told_to_go_to_its_own_hook() {
        let headers = Headers::from([("X-GitHub-Event", "package"), ("X-Gitea-Event", "package")]);
        let text = a_package("package").to_string();
        let mut told = super::super::tests::tell(text.as_bytes());
        told.headers = &headers;
        assert!(matches!(GitHub.read(&told), Err(Fault::Unreadable { detail }) if detail.contains("source gitea")));
    }
}
