//! GitLab: pipelines.

use super::proof::Proof;
use super::read::{self, at, line, objects, word};
use super::{Event, Fact, Run, Source, Told};
use domain::delivery::Reason;
use domain::problem::Fault;
use domain::run::RunStatus;
use serde_json::Value;

const FORM: &str =
    r#"{"object_kind": "pipeline", "object_attributes": {"id": 1, "ref": "…", "sha": "…", "status": "…", …}, "project": {…}}"#;
const STATUSES: &str = "created, waiting_for_resource, preparing, pending, running, manual, scheduled, success, failed, canceling, canceled, skipped";

/// A project's or a group's webhook: a token in a header, or, where it is set up, a signature.
pub struct GitLab;

impl Source for GitLab {
    fn word(&self) -> &'static str {
        "gitlab"
    }

    fn title(&self) -> &'static str {
        "GitLab"
    }

    fn proof(&self) -> Proof {
        Proof::Either(&Proof::Token("x-gitlab-token"), &Proof::StandardWebhooks)
    }

    fn snippet(&self, url: &str, secret: &str) -> String {
        format!(
            "Settings > Webhooks > Add new webhook\nURL: {url}\nSecret token: {secret}\nTrigger: Pipeline events\nSSL verification: Enable\n"
        )
    }

    fn read(&self, told: &Told<'_>) -> Result<Vec<Event>, Fault> {
        let body = read::shaped(told.body, FORM, |body| {
            let kind = at(body, "/object_kind").as_str();
            kind.is_some_and(|kind| kind != "pipeline") || (kind.is_some() && objects(body, &["/object_attributes", "/project"]))
        })?;
        let kind = at(&body, "/object_kind").as_str().unwrap_or_default();
        if kind != "pipeline" {
            let id = told.headers.get("x-gitlab-event-uuid");
            let key = id.map_or_else(|| read::body_key(told.body), |id| read::key(&["gitlab", id]));
            return Ok(vec![read::not_a_build(key, None, kind)]);
        }
        Ok(vec![pipeline(&body)])
    }
}

/// A pipeline keeps its number when its jobs are retried: when it ended tells its ends apart.
fn pipeline(body: &Value) -> Event {
    let it = at(body, "/object_attributes");
    let key = read::key_of("pipeline", &[at(body, "/project/web_url"), at(it, "/id"), at(it, "/status"), at(it, "/finished_at")]);
    let when = read::first_time(it, &["/finished_at", "/created_at"]);
    Event { key, at: when, fact: run(body, it).map(|run| Fact::Run(Box::new(run))) }
}

fn run(body: &Value, it: &Value) -> Result<Run, Reason> {
    let cause = at(it, "/source").as_str().unwrap_or_default();
    if matches!(cause, "merge_request_event" | "external_pull_request_event") {
        // It runs what is not merged yet, under the name of a branch.
        return Err(Reason::NotABuildEvent { event: cause.to_owned() });
    }
    let id = read::number(at(it, "/id")).ok_or_else(|| read::unusable("id", &at(it, "/id").to_string(), Fault::Missing))?;
    let repo = read::repository(body, &["/project/git_http_url", "/project/web_url", "/project/path_with_namespace"])?;
    let named = word(at(it, "/ref")).map(str::to_owned);
    let (branch, tag) = if at(it, "/tag") == &Value::Bool(true) { (None, named) } else { (named, None) };
    let name = line(at(it, "/name"));
    Ok(Run {
        repo,
        run: format!("pipeline {id}"),
        status: status(at(it, "/status"))?,
        revision: read::commit(at(it, "/sha")).or_else(|| read::commit(at(body, "/commit/id"))),
        branch,
        tag,
        name: Some(name.map_or_else(|| format!("pipeline #{id}"), |name| format!("{name} #{id}"))),
        url: read::url(at(it, "/url")),
        author: read::first_line(body, &["/commit/author/name", "/user/name"]),
        message: read::first_line(body, &["/commit/title", "/commit/message"]),
        started_at: read::time(at(it, "/created_at")),
        ended_at: read::time(at(it, "/finished_at")),
    })
}

fn status(value: &Value) -> Result<RunStatus, Reason> {
    match value.as_str() {
        Some("success") => Ok(RunStatus::Success),
        Some("failed") => Ok(RunStatus::Failed),
        Some("canceled" | "skipped") => Ok(RunStatus::Canceled),
        Some(
            "created"
            | "waiting_for_resource"
            | "waiting_for_callback"
            | "preparing"
            | "pending"
            | "running"
            | "manual"
            | "scheduled"
            | "canceling",
        ) => Ok(RunStatus::Running),
        _ => Err(read::unknown_status(value, STATUSES)),
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{only, ran, reason, refused};
    use super::*;
    use serde_json::json;

    const COMMIT: &str = "4444444444444444444444444444444444444444";

    fn a_pipeline(status: &str, finished: Value) -> Value {
        json!({
            "object_kind": "pipeline",
            "object_attributes": { "id": 31, "iid": 3, "name": "Build", "ref": "dev", "tag": false, "sha": COMMIT, "source": "push",
                "status": status, "created_at": "2026-11-24 01:50:00 UTC", "finished_at": finished, "url": "https://gitlab.test/acme/web/-/pipelines/31" },
            "user": { "name": "Ann" },
            "project": { "web_url": "https://gitlab.test/acme/web", "git_http_url": "https://gitlab.test/acme/web.git", "path_with_namespace": "acme/web" },
            "commit": { "id": COMMIT, "message": "Say hello\n", "author": { "name": "Ann" } },
        })
    }

    #[test]
    fn a_pipeline_is_a_run_and_each_state_is_news() {
        let going = only(&GitLab, &a_pipeline("running", Value::Null));
        let over = only(&GitLab, &a_pipeline("success", "2026-11-24 02:00:00 UTC".into()));
        let retried = only(&GitLab, &a_pipeline("success", "2026-11-24 03:00:00 UTC".into()));
        assert!(going.key != over.key && over.key != retried.key);
        assert_eq!(over.at, Some("2026-11-24T02:00:00Z".parse().unwrap()));
        let (going, over) = (ran(going), ran(over));
        assert_eq!((going.status, over.status, &going.run), (RunStatus::Running, RunStatus::Success, &over.run));
        assert_eq!((over.repo.to_string().as_str(), over.name.as_deref()), ("gitlab.test/acme/web", Some("Build #31")));
        assert_eq!(
            (over.revision.as_deref(), over.branch.as_deref(), over.message.as_deref()),
            (Some(COMMIT), Some("dev"), Some("Say hello"))
        );
    }

    #[test]
    fn a_tag_s_pipeline_has_the_tag() {
        let mut body = a_pipeline("failed", Value::Null);
        body["object_attributes"]["tag"] = true.into();
        body["object_attributes"]["ref"] = "release-v5.12.05.02".into();
        let run = ran(only(&GitLab, &body));
        assert_eq!((run.tag.as_deref(), run.branch, run.status), (Some("release-v5.12.05.02"), None, RunStatus::Failed));
    }

    #[test]
    fn what_is_no_build_says_why() {
        let mut merge = a_pipeline("success", Value::Null);
        merge["object_attributes"]["source"] = "merge_request_event".into();
        assert_eq!(reason(&GitLab, &merge), Reason::NotABuildEvent { event: "merge_request_event".into() });
        assert_eq!(reason(&GitLab, &json!({ "object_kind": "push" })), Reason::NotABuildEvent { event: "push".into() });
        assert!(
            matches!(reason(&GitLab, &a_pipeline("mauve", Value::Null)), Reason::Unusable { field, .. } if field == "status")
        );
        refused(&GitLab, &json!({ "object_kind": "pipeline" }));
        refused(&GitLab, &json!({ "object_kind": 5, "object_attributes": {}, "project": {} }));
        refused(&GitLab, &json!({ "action": "completed", "workflow_run": {} }));
    }
}
