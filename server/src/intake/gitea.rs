//! Gitea and Forgejo: images of their container registry, and runs of their workflows.

use super::proof::Proof;
use super::read::{self, at, first, host_of, objects, texts, word};
use super::{Event, Push, Source, Told, workflow_run};
use domain::delivery::Reason;
use domain::problem::Fault;
use serde_json::Value;

const FORM: &str = r#"the body of the event that X-Gitea-Event names: {"action": "created", "package": {"type": "container", "name": "…", "version": "…", "owner": {…}}}, a workflow_run …"#;

/// A webhook of type Gitea, of Gitea or Forgejo.
pub struct Gitea;

impl Source for Gitea {
    fn word(&self) -> &'static str {
        "gitea"
    }

    fn title(&self) -> &'static str {
        "Gitea, Forgejo"
    }

    fn proof(&self) -> Proof {
        Proof::Either(
            &Proof::HexHmac { header: "x-gitea-signature", prefix: "" },
            &Proof::HexHmac { header: "x-forgejo-signature", prefix: "" },
        )
    }

    fn snippet(&self, url: &str, secret: &str) -> String {
        format!(
            "Organisation or user > Settings > Webhooks > Add Webhook > Gitea (or Forgejo)\nTarget URL: {url}\nHTTP Method: POST\nPOST Content Type: application/json\nSecret: {secret}\nTrigger On: Custom Events > Package, Workflow Run\nActive: on\n"
        )
    }

    fn read(&self, told: &Told<'_>) -> Result<Vec<Event>, Fault> {
        let body = read::shaped(told.body, FORM, Value::is_object)?;
        let header = ["x-gitea-event", "x-forgejo-event", "x-github-event"].iter().find_map(|name| told.headers.get(name));
        let package = texts(&body, &["/action", "/package/type", "/package/name", "/package/version"]);
        let run = objects(&body, &["/workflow_run", "/repository"]);
        let kind = header.or(if package { Some("package") } else { run.then_some("workflow_run") });
        let event = match kind {
            Some("package") if package => packaged(&body, told),
            Some("workflow_run") if run => workflow_run::event(&body),
            Some("package" | "workflow_run") | None => return Err(read::other_form(FORM)),
            Some(other) if objects(&body, &["/repository"]) || objects(&body, &["/sender"]) => {
                read::not_a_build(delivery_key(told), None, other)
            }
            Some(_) => return Err(read::other_form(FORM)),
        };
        Ok(vec![event])
    }
}

fn delivery_key(told: &Told<'_>) -> String {
    let id = told.headers.get("x-gitea-delivery").or_else(|| told.headers.get("x-github-delivery"));
    id.map_or_else(|| read::body_key(told.body), |id| read::key(&["gitea", id]))
}

fn packaged(body: &Value, told: &Told<'_>) -> Event {
    let package = at(body, "/package");
    let created_at = at(package, "/created_at");
    let when = read::time(created_at);
    let action = at(body, "/action").as_str().unwrap_or_default();
    // A tag that is pushed again is a package made anew. The header with the delivery's id is not signed.
    let key = if when.is_some() {
        let parts = ["/id", "/owner/login", "/name", "/version"].map(|part| at(package, part));
        read::key_of(&format!("package {action}"), &[parts.as_slice(), &[created_at]].concat())
    } else {
        delivery_key(told)
    };
    read::event(key, when, pushed(package, action, body, told))
}

fn pushed(package: &Value, action: &str, body: &Value, told: &Told<'_>) -> Result<Push, Reason> {
    if action != "created" {
        return Err(Reason::NotAPush { action: read::quoted(action) });
    }
    let kind = at(package, "/type").as_str().unwrap_or_default();
    if kind != "container" {
        return Err(Reason::NotAnImage { media_type: read::quoted(kind) });
    }
    let owner = first(package, &["/owner/login", "/owner/username"])
        .or_else(|| first(body, &["/organization/username", "/organization/name"]));
    let owner = owner.ok_or_else(|| read::unusable("owner", "", Fault::Missing))?;
    let name = word(at(package, "/name")).ok_or_else(|| read::unusable("name", "", Fault::Missing))?;
    // The registry has the address of the server, which stands in its links.
    let links = [
        at(package, "/html_url"),
        at(body, "/repository/html_url"),
        at(package, "/repository/html_url"),
        at(body, "/sender/html_url"),
        at(package, "/owner/html_url"),
    ];
    let host = links.into_iter().find_map(|link| host_of(link.as_str()?));
    let images = read::images(told.registry.into_iter().chain(host), &format!("{owner}/{name}"))?;
    read::push(images, at(package, "/version"), &Value::Null)
}

#[cfg(test)]
mod tests {
    use super::super::Headers;
    use super::super::tests::{only_with, pushed, ran, tell};
    use super::*;
    use serde_json::json;

    fn a_package() -> Value {
        json!({
            "action": "created",
            "repository": { "full_name": "acme/web", "html_url": "https://git.test:3000/acme/web" },
            "package": { "id": 5, "type": "container", "name": "web", "version": "dev", "created_at": "2026-11-24T10:00:00+08:00",
                "owner": { "login": "Acme" }, "html_url": "https://git.test:3000/Acme/-/packages/container/web/dev" },
            "sender": { "login": "ann" },
        })
    }

    fn one(event: &str, body: &Value) -> Event {
        only_with(
            &Gitea,
            &Headers::from([("X-Gitea-Event", event), ("X-Gitea-Delivery", "d-1"), ("X-GitHub-Event", event)]),
            body,
        )
    }

    #[test]
    fn an_image_is_a_push_whose_digest_is_asked_for() {
        let event = one("package", &a_package());
        assert_eq!(event.at, Some("2026-11-24T02:00:00Z".parse().unwrap()));
        let push = pushed(event);
        assert_eq!(
            (push.images[0].to_string().as_str(), push.tag.as_str(), push.digest),
            ("git.test:3000/acme/web", "dev", None)
        );
        let forgejo = only_with(&Gitea, &Headers::from([("X-Forgejo-Event", "package")]), &a_package());
        assert!(forgejo.fact.is_ok());
    }

    #[test]
    fn what_is_no_image_and_no_build_says_why() {
        let change = |change: fn(&mut Value)| {
            let mut body = a_package();
            change(&mut body);
            one("package", &body).fact.expect_err("nothing to do")
        };
        assert_eq!(change(|body| body["package"]["type"] = "npm".into()), Reason::NotAnImage { media_type: "npm".into() });
        assert_eq!(change(|body| body["action"] = "deleted".into()), Reason::NotAPush { action: "deleted".into() });
        assert!(matches!(change(|body| body["package"]["version"] = "sha256:00".into()), Reason::NoTag { .. }));
        assert!(
            matches!(change(|body| body["package"]["owner"] = Value::Null), Reason::Unusable { field, .. } if field == "owner")
        );
        let push = json!({ "ref": "refs/heads/dev", "repository": {}, "sender": {} });
        assert_eq!(one("push", &push).fact, Err(Reason::NotABuildEvent { event: "push".into() }));
    }

    #[test]
    fn its_workflows_are_told_as_github_s_are() {
        let body = json!({ "action": "completed", "repository": { "full_name": "acme/web", "clone_url": "https://git.test/acme/web.git" },
            "workflow": { "name": "build" },
            "workflow_run": { "id": 3, "run_number": 2, "status": "completed", "conclusion": "success", "head_branch": "dev",
                "head_sha": "5555555555555555555555555555555555555555", "completed_at": "2026-11-24T02:00:00Z" } });
        let run = ran(one("workflow_run", &body));
        assert_eq!((run.repo.to_string().as_str(), run.name.as_deref()), ("git.test/acme/web", Some("build #2")));
        assert_eq!(run.ended_at, Some("2026-11-24T02:00:00Z".parse().unwrap()));
    }

    #[test]
    fn another_source_s_body_is_refused_with_the_form_that_was_expected() {
        let headers = Headers::from([("X-Gitea-Event", "package")]);
        for body in [
            json!({}),
            json!([]),
            json!({ "action": "published", "package": { "package_version": {} } }),
            json!({ "events": [] }),
        ] {
            let text = body.to_string();
            let mut told = tell(text.as_bytes());
            told.headers = &headers;
            assert!(matches!(Gitea.read(&told), Err(Fault::Unreadable { detail }) if detail.contains("X-Gitea-Event")), "{body}");
        }
    }
}
