//! Drone: its global webhook, and the webhook plugin as a step of a pipeline.

use super::proof::Proof;
use super::read::{self, at, line, objects, text, word};
use super::{Event, Fact, Run, Source, Told};
use domain::delivery::Reason;
use domain::problem::Fault;
use domain::run::RunStatus;
use serde_json::Value;

const FORM: &str =
    r#"{"event": "build", "action": "updated", "repo": {"slug": "…", …}, "build": {"number": 1, "status": "…", …}}"#;
const FORM_PLUGIN: &str = r#"{"repo": {"owner": "…", "name": "…"}, "build": {"number": 1, "status": "…", …}} without an action"#;
const STATUSES: &str = "skipped, blocked, declined, waiting_on_dependencies, pending, running, success, failure, killed, error";

/// The server's own webhook, for all its repositories.
pub struct Drone;

impl Source for Drone {
    fn word(&self) -> &'static str {
        "drone"
    }

    fn title(&self) -> &'static str {
        "Drone"
    }

    fn proof(&self) -> Proof {
        Proof::HttpSignature
    }

    fn snippet(&self, url: &str, secret: &str) -> String {
        format!(
            "# environment of the Drone server\nDRONE_WEBHOOK_ENDPOINT={url}\nDRONE_WEBHOOK_SECRET={secret}\nDRONE_WEBHOOK_EVENTS=build:*\n"
        )
    }

    fn read(&self, told: &Told<'_>) -> Result<Vec<Event>, Fault> {
        let subject = |body: &Value| ["/build", "/repo", "/user"].iter().any(|part| at(body, part).is_object());
        let body = read::shaped(told.body, FORM, |body| at(body, "/action").is_string() && subject(body))?;
        let action = at(&body, "/action").as_str().unwrap_or_default();
        let build = at(&body, "/build");
        // Not every version writes the kind into the body.
        let kind = word(at(&body, "/event")).or_else(|| told.headers.get("x-drone-event"));
        let kind = kind.unwrap_or(if build.is_object() { "build" } else { "repo" });
        if kind == "build" && objects(&body, &["/build", "/repo"]) {
            let slug = at(&body, "/repo/slug").as_str().unwrap_or_default();
            return Ok(vec![event("drone", slug, &body)]);
        }
        let said = [at(&body, "/repo/slug"), at(&body, "/user/login")].into_iter().find_map(Value::as_str).unwrap_or_default();
        let version = ["/repo/version", "/repo/updated", "/user/updated"].iter().find_map(|place| read::number(at(&body, place)));
        let key = read::key(&["drone", kind, action, said, &version.unwrap_or_default().to_string()]);
        Ok(vec![read::not_a_build(key, None, &format!("{kind} {action}"))])
    }
}

/// `plugins/webhook`, with its default body.
pub struct DronePlugin;

impl Source for DronePlugin {
    fn word(&self) -> &'static str {
        "drone-plugin"
    }

    fn title(&self) -> &'static str {
        "Drone (plugins/webhook)"
    }

    fn proof(&self) -> Proof {
        Proof::HexHmac { header: "x-drone-signature", prefix: "sha256=" }
    }

    fn snippet(&self, url: &str, secret: &str) -> String {
        format!(
            "# a secret of the repository, slipway_secret: {secret}\n# and the last step of .drone.yml\n- name: slipway\n  image: plugins/webhook\n  settings:\n    urls: {url}\n    signature_secret:\n      from_secret: slipway_secret\n  when:\n    status: [success, failure]\n"
        )
    }

    fn read(&self, told: &Told<'_>) -> Result<Vec<Event>, Fault> {
        let fits = |body: &Value| {
            objects(body, &["/repo", "/build"])
                && read::texts(body, &["/repo/owner", "/repo/name"])
                && at(body, "/action").is_null()
        };
        let body = read::shaped(told.body, FORM_PLUGIN, fits)?;
        let said = |pointer| at(&body, pointer).as_str().unwrap_or_default();
        let slug = format!("{}/{}", said("/repo/owner"), said("/repo/name"));
        Ok(vec![event("drone-plugin", &slug, &body)])
    }
}

/// A build is told again at every step: what makes it news is its status.
fn event(form: &str, slug: &str, body: &Value) -> Event {
    let build = at(body, "/build");
    let when = read::first_time(build, &["/finished", "/updated", "/started", "/created"]);
    let slug_part = Value::String(slug.to_owned());
    let key = read::key_of(form, &[&slug_part, at(build, "/number"), at(build, "/status")]);
    Event { key, at: when, fact: run(slug, body).map(|run| Fact::Run(Box::new(run))) }
}

fn run(slug: &str, body: &Value) -> Result<Run, Reason> {
    let build = at(body, "/build");
    let cause = at(build, "/event").as_str().unwrap_or_default();
    if cause == "pull_request" {
        // It is of the branch that it would be merged into, and must not pass for a build of it.
        return Err(Reason::NotABuildEvent { event: cause.to_owned() });
    }
    let number = read::number(at(build, "/number")).ok_or_else(|| number_missing(at(build, "/number")))?;
    let named = Value::String(slug.to_owned());
    let repo = read::repository(body, &["/repo/git_http_url", "/repo/link"]).or_else(|_| read::repository(&named, &[""]))?;
    let reference = at(build, "/ref").as_str().unwrap_or_default();
    let (branch, tag) = read::branch_and_tag(reference);
    let tag = tag.or_else(|| word(at(build, "/tag")).map(str::to_owned));
    let branch = branch.or_else(|| word(at(build, "/branch")).or_else(|| word(at(build, "/target"))).map(str::to_owned));
    let status = status(at(build, "/status"))?;
    Ok(Run {
        repo,
        run: read::key(&[slug, &number.to_string()]),
        status,
        revision: read::commit(at(build, "/after")).or_else(|| read::commit(at(build, "/commit"))),
        branch: if tag.is_some() { None } else { branch },
        tag,
        name: Some(format!("build #{number}")),
        url: read::url(at(build, "/link")),
        author: read::first_line(build, &["/author_name", "/author_login", "/author"]),
        message: line(at(build, "/message")),
        started_at: read::time(at(build, "/started")),
        ended_at: read::time(at(build, "/finished")).filter(|_| status.is_over()),
    })
}

fn number_missing(given: &Value) -> Reason {
    match text("number", given) {
        Ok(given) => read::unusable("number", given, Fault::Unreadable { detail: "expected a number".to_owned() }),
        Err(why) => why,
    }
}

fn status(value: &Value) -> Result<RunStatus, Reason> {
    match value.as_str() {
        Some("success") => Ok(RunStatus::Success),
        Some("failure" | "error") => Ok(RunStatus::Failed),
        Some("killed" | "declined" | "skipped") => Ok(RunStatus::Canceled),
        Some("blocked" | "waiting_on_dependencies" | "pending" | "running" | "started") => Ok(RunStatus::Running),
        _ => Err(read::unknown_status(value, STATUSES)),
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{only, ran, reason, refused};
    use super::*;
    use serde_json::json;

    const COMMIT: &str = "2222222222222222222222222222222222222222";

    fn a_build(status: &str) -> Value {
        json!({
            "event": "build", "action": "updated",
            "repo": { "slug": "acme/web", "git_http_url": "https://git.test/acme/web.git", "link": "https://git.test/acme/web", "version": 3 },
            "build": { "number": 42, "status": status, "event": "push", "ref": "refs/heads/dev", "after": COMMIT, "target": "dev",
                "link": "https://git.test/acme/web/commit/2", "message": "Say hello\n\nat length", "author_login": "ann",
                "author_name": "", "started": 1_795_485_600, "finished": 0, "created": 1_795_485_590, "updated": 1_795_485_601 },
        })
    }

    #[test]
    fn a_build_is_a_run_from_its_beginning_to_its_end() {
        let (begun, over) = (only(&Drone, &a_build("running")), only(&Drone, &a_build("success")));
        assert_eq!((begun.key.as_str(), over.key.as_str()), ("drone acme/web 42 running", "drone acme/web 42 success"));
        let (begun, over) = (ran(begun), ran(over));
        assert_eq!((begun.status, over.status, &begun.run), (RunStatus::Running, RunStatus::Success, &over.run));
        assert_eq!((over.repo.to_string().as_str(), over.revision.as_deref()), ("git.test/acme/web", Some(COMMIT)));
        assert_eq!((over.branch.as_deref(), over.tag, over.author.as_deref()), (Some("dev"), None, Some("ann")));
        assert_eq!((over.message.as_deref(), over.started_at.is_some(), over.ended_at), (Some("Say hello"), true, None));
    }

    #[test]
    fn a_tag_s_build_has_the_tag_and_no_branch() {
        let mut body = a_build("success");
        body["build"]["ref"] = "refs/tags/release-v5.12.05.02".into();
        let run = ran(only(&Drone, &body));
        assert_eq!((run.tag.as_deref(), run.branch), (Some("release-v5.12.05.02"), None));
    }

    #[test]
    fn what_is_no_build_says_why() {
        let mut pull = a_build("success");
        pull["build"]["event"] = "pull_request".into();
        assert_eq!(reason(&Drone, &pull), Reason::NotABuildEvent { event: "pull_request".into() });
        let user = json!({ "event": "user", "action": "created", "user": { "login": "ann" } });
        assert_eq!(reason(&Drone, &user), Reason::NotABuildEvent { event: "user created".into() });
        let strange = a_build("mauve");
        assert!(matches!(reason(&Drone, &strange), Reason::Unusable { field, .. } if field == "status"));
        refused(&Drone, &json!({ "repo": { "owner": "a", "name": "b" }, "build": { "number": 1 } }));
        refused(&Drone, &json!({ "action": "completed", "workflow_run": {}, "repository": {} }));
    }

    #[test]
    fn the_plugin_tells_a_build_in_fewer_words() {
        let mut body = json!({
            "repo": { "owner": "acme", "name": "web" },
            "build": { "tag": "", "event": "push", "number": 42, "commit": COMMIT, "ref": "refs/heads/dev", "branch": "dev", "author": "ann",
                "message": "Say hello", "status": "success", "link": "https://drone.test/acme/web/42", "started": 1_795_485_600, "created": 1_795_485_590 },
        });
        let event = only(&DronePlugin, &body);
        assert_eq!(event.key, "drone-plugin acme/web 42 success");
        let run = ran(event);
        assert_eq!(
            (run.repo.to_string().as_str(), run.revision.as_deref(), run.branch.as_deref()),
            ("acme/web", Some(COMMIT), Some("dev"))
        );
        body["build"]["number"] = "x".into();
        assert!(matches!(reason(&DronePlugin, &body), Reason::Unusable { field, .. } if field == "number"));
        refused(&DronePlugin, &a_build("success"));
    }
}
