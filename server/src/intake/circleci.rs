//! CircleCI: workflows and jobs, as version 2 tells them, signed, and as version 1 did.

use super::proof::Proof;
use super::read::{self, at, first, line, objects, texts, word};
use super::{Event, Fact, Run, Source, Told};
use domain::delivery::Reason;
use domain::problem::Fault;
use domain::run::RunStatus;
use serde_json::Value;

const FORM: &str = r#"{"id": "…", "type": "workflow-completed", "happened_at": "…", "webhook": {…}, "workflow": {…}, "pipeline": {…}, "project": {…}}"#;
const FORM_V1: &str = r#"{"payload": {"vcs_url": "…", "build_num": 1, "status": "…", …}}"#;
const STATUSES: &str = "success, failed, error, canceled, unauthorized";

/// What a project of CircleCI calls when a workflow is over.
pub struct CircleCi;

impl Source for CircleCi {
    fn word(&self) -> &'static str {
        "circleci"
    }

    fn title(&self) -> &'static str {
        "CircleCI"
    }

    fn proof(&self) -> Proof {
        Proof::Versioned { header: "circleci-signature" }
    }

    fn snippet(&self, url: &str, secret: &str) -> String {
        format!(
            "Project Settings > Webhooks > Add Webhook\n\
             Webhook name: slipway\n\
             Receiver URL: {url}\n\
             Secret token: {secret}\n\
             Certificate verification: on\n\
             Events: Workflow Completed\n"
        )
    }

    fn read(&self, told: &Told<'_>) -> Result<Vec<Event>, Fault> {
        let fits = |body: &Value| texts(body, &["/id", "/type", "/happened_at"]) && objects(body, &["/webhook"]);
        let body = read::shaped(told.body, FORM, fits)?;
        let kind = at(&body, "/type").as_str().unwrap_or_default();
        let key = read::key(&[at(&body, "/id").as_str().unwrap_or_default()]);
        let when = read::time(at(&body, "/happened_at"));
        let ran =
            |fact: Result<Run, Reason>| Event { key: key.clone(), at: when, fact: fact.map(|run| Fact::Run(Box::new(run))) };
        Ok(vec![match kind {
            "workflow-completed" => ran(run(&body, "workflow")),
            // A workflow that is named is told on its own: one workflow is one run.
            "job-completed" if word(at(&body, "/workflow/id")).is_none() => ran(run(&body, "job")),
            other => read::not_a_build(key, when, other),
        }])
    }
}

/// `what` is the part that ran: the workflow, or a job that belongs to none.
fn run(body: &Value, what: &str) -> Result<Run, Reason> {
    let ran = at(body, &format!("/{what}"));
    let id = read::text("id", at(ran, "/id"))?;
    let vcs = at(body, "/pipeline/vcs");
    if let (Some(origin), Some(target)) = (first(vcs, &["/origin_repository_url"]), first(vcs, &["/target_repository_url"]))
        && origin != target
    {
        return Err(Reason::NotABuildEvent { event: "pull request of a fork".to_owned() });
    }
    let git = at(body, "/pipeline/trigger_parameters");
    let named = |direct: &str, triggered: [&str; 3]| first(vcs, &[direct]).or_else(|| first(git, &triggered)).map(str::to_owned);
    let (by_ref, tag_by_ref) =
        first(git, &["/git/ref", "/gitlab/ref", "/github_app/ref"]).map(read::branch_and_tag).unwrap_or_default();
    let tag = named("/tag", ["/git/tag", "/gitlab/tag", "/github_app/tag"]).or(tag_by_ref);
    let branch = named("/branch", ["/git/branch", "/gitlab/branch", "/github_app/branch"]).or(by_ref);
    if branch.as_deref().is_some_and(|branch| branch.starts_with("pull/")) {
        return Err(Reason::NotABuildEvent { event: "pull request".to_owned() });
    }
    let commits =
        [at(vcs, "/revision"), at(git, "/git/checkout_sha"), at(git, "/gitlab/commit_sha"), at(git, "/github_app/commit_sha")];
    let authors =
        [at(vcs, "/commit/author/name"), at(git, "/gitlab/commit_author_name"), at(git, "/github_app/commit_author_name")];
    let messages = [at(vcs, "/commit/subject"), at(git, "/gitlab/commit_title"), at(git, "/github_app/commit_title")];
    Ok(Run {
        repo: repository(body)?,
        run: read::key(&[what, id]),
        status: status(at(ran, "/status"))?,
        revision: commits.into_iter().find_map(read::commit),
        // A pipeline of a tag has no branch that it would belong to.
        branch: if tag.is_some() { None } else { branch },
        tag,
        name: name(at(ran, "/name"), at(body, "/pipeline/number")),
        url: read::url(at(ran, "/url")).or_else(|| read::url(at(body, "/workflow/url"))),
        author: authors.into_iter().find_map(line),
        message: messages.into_iter().find_map(line),
        started_at: read::first_time(ran, &["/started_at", "/created_at"]),
        ended_at: read::time(at(ran, "/stopped_at")),
    })
}

fn name(name: &Value, number: &Value) -> Option<String> {
    let (name, number) = (line(name)?, read::number(number));
    Some(number.map_or(name.clone(), |number| format!("{name} #{number}")))
}

fn repository(body: &Value) -> Result<domain::repo::RepoName, Reason> {
    let stated = read::repository(
        body,
        &[
            "/pipeline/vcs/target_repository_url",
            "/pipeline/vcs/origin_repository_url",
            "/pipeline/trigger_parameters/gitlab/web_url",
            "/pipeline/trigger_parameters/git/checkout_url",
            "/pipeline/trigger_parameters/git/repo_url",
            "/pipeline/trigger_parameters/github_app/repo_url",
        ],
    );
    stated.or_else(|missing| {
        let slug = word(at(body, "/project/slug")).and_then(|slug| slug.split_once('/'));
        let host = slug.and_then(|(vcs, path)| match vcs {
            "github" | "gh" => Some(("github.com", path)),
            "bitbucket" | "bb" => Some(("bitbucket.org", path)),
            _ => None,
        });
        host.and_then(|(host, path)| domain::repo::RepoName::parse(&format!("https://{host}/{path}"))).ok_or(missing)
    })
}

fn status(value: &Value) -> Result<RunStatus, Reason> {
    match value.as_str() {
        Some("success") => Ok(RunStatus::Success),
        Some("failed" | "error") => Ok(RunStatus::Failed),
        // Nobody may have started it: it did not run.
        Some("canceled" | "unauthorized") => Ok(RunStatus::Canceled),
        _ => Err(read::unknown_status(value, STATUSES)),
    }
}

/// The `notify` part of old configurations. It is not signed and cannot be: only its address is secret.
pub struct CircleCiV1;

impl Source for CircleCiV1 {
    fn word(&self) -> &'static str {
        "circleci-v1"
    }

    fn title(&self) -> &'static str {
        "CircleCI 1.0 (notify)"
    }

    fn proof(&self) -> Proof {
        Proof::Address
    }

    fn snippet(&self, url: &str, _secret: &str) -> String {
        format!(
            "# circle.yml of version 1.0 only; others use the source circleci, which is signed\nnotify:\n  webhooks:\n    - url: {url}\n"
        )
    }

    fn read(&self, told: &Told<'_>) -> Result<Vec<Event>, Fault> {
        let fits = |body: &Value| objects(body, &["/payload"]) && at(body, "/payload/build_num").is_number();
        let body = read::shaped(told.body, FORM_V1, fits)?;
        let build = at(&body, "/payload");
        let parts = ["/vcs_url", "/username", "/reponame", "/build_num", "/lifecycle", "/status"];
        let (key, when) = (read::key_of("circleci-v1", &parts.map(|part| at(build, part))), read::time(at(build, "/stop_time")));
        Ok(vec![Event { key, at: when, fact: run_v1(build).map(|run| Fact::Run(Box::new(run))) }])
    }
}

fn run_v1(build: &Value) -> Result<Run, Reason> {
    let owner_and_name = match (word(at(build, "/username")), word(at(build, "/reponame"))) {
        (Some(owner), Some(name)) => Value::String(format!("{owner}/{name}")),
        _ => Value::Null,
    };
    let repo = read::repository(build, &["/vcs_url"]).or_else(|_| read::repository(&owner_and_name, &[""]))?;
    let number = read::number(at(build, "/build_num")).ok_or_else(|| read::unusable("build_num", "", Fault::Missing))?;
    let branch = word(at(build, "/branch")).map(str::to_owned);
    if branch.as_deref().is_some_and(|branch| branch.starts_with("pull/")) {
        return Err(Reason::NotABuildEvent { event: "pull request".to_owned() });
    }
    let tag = word(at(build, "/vcs_tag")).map(str::to_owned);
    Ok(Run {
        run: read::key(&[&repo.to_string(), &number.to_string()]),
        repo,
        status: status_v1(build)?,
        revision: read::commit(at(build, "/vcs_revision")),
        branch: if tag.is_some() { None } else { branch },
        tag,
        name: Some(format!("build #{number}")),
        url: read::url(at(build, "/build_url")),
        author: read::first_line(build, &["/author_name", "/committer_name"]),
        message: line(at(build, "/subject")),
        started_at: read::time(at(build, "/start_time")),
        ended_at: read::time(at(build, "/stop_time")),
    })
}

/// How it came out, once it did; until then how it stands.
fn status_v1(build: &Value) -> Result<RunStatus, Reason> {
    let said = if at(build, "/outcome").is_string() { at(build, "/outcome") } else { at(build, "/status") };
    match said.as_str() {
        Some("success" | "fixed" | "no_tests") => Ok(RunStatus::Success),
        Some("failed" | "infrastructure_fail" | "timedout") => Ok(RunStatus::Failed),
        Some("canceled" | "not_run" | "retried") => Ok(RunStatus::Canceled),
        Some("queued" | "scheduled" | "not_running" | "running") => Ok(RunStatus::Running),
        _ => Err(read::unknown_status(said, "success, failed, infrastructure_fail, timedout, canceled, no_tests, running")),
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{only, ran, reason, refused};
    use super::*;
    use serde_json::json;

    const COMMIT: &str = "1111111111111111111111111111111111111111";

    fn a_workflow() -> Value {
        json!({
            "id": "w-event", "type": "workflow-completed", "happened_at": "2026-11-24T02:00:00.5Z",
            "webhook": { "id": "h", "name": "slipway" },
            "project": { "id": "p", "name": "web", "slug": "github/acme/web" },
            "organization": { "id": "o", "name": "acme" },
            "workflow": { "id": "wf", "name": "build", "status": "success", "created_at": "2026-11-24T01:50:00Z",
                "stopped_at": "2026-11-24T02:00:00Z", "url": "https://ci.test/wf" },
            "pipeline": { "id": "pl", "number": 7, "vcs": {
                "provider_name": "github", "origin_repository_url": "https://github.com/acme/web",
                "target_repository_url": "https://github.com/acme/web", "revision": COMMIT, "branch": "dev",
                "commit": { "subject": "Say hello", "author": { "name": "Ann" } } } },
        })
    }

    #[test]
    fn a_workflow_that_is_over_is_a_run() {
        let event = only(&CircleCi, &a_workflow());
        assert_eq!((event.key.as_str(), event.at), ("w-event", Some("2026-11-24T02:00:00.5Z".parse().unwrap())));
        let run = ran(event);
        assert_eq!(
            (run.repo.to_string().as_str(), run.run.as_str(), run.status),
            ("github.com/acme/web", "workflow wf", RunStatus::Success)
        );
        assert_eq!((run.revision.as_deref(), run.branch.as_deref(), run.tag), (Some(COMMIT), Some("dev"), None));
        assert_eq!(
            (run.name.as_deref(), run.author.as_deref(), run.message.as_deref()),
            (Some("build #7"), Some("Ann"), Some("Say hello"))
        );
        assert_eq!(
            (run.url.as_deref(), run.ended_at),
            (Some("https://ci.test/wf"), Some("2026-11-24T02:00:00Z".parse().unwrap()))
        );
    }

    #[test]
    fn one_workflow_is_one_run_and_a_job_without_one_is_a_run_too() {
        let mut job = a_workflow();
        job["type"] = "job-completed".into();
        job["job"] = json!({ "id": "j", "name": "test", "status": "failed", "number": 3 });
        assert_eq!(reason(&CircleCi, &job), Reason::NotABuildEvent { event: "job-completed".into() });
        job["workflow"] = Value::Null;
        let run = ran(only(&CircleCi, &job));
        assert_eq!((run.run.as_str(), run.status), ("job j", RunStatus::Failed));
    }

    #[test]
    fn other_git_hosts_are_told_by_the_trigger() {
        let mut body = a_workflow();
        body["pipeline"] = json!({ "number": 1, "trigger_parameters": {
            "gitlab": { "web_url": "https://gitlab.com/acme/web", "commit_author_name": "Ann", "commit_title": "Fix" },
            "git": { "tag": "", "checkout_sha": COMMIT, "ref": "refs/tags/v1", "branch": "" } } });
        let run = ran(only(&CircleCi, &body));
        assert_eq!((run.repo.to_string().as_str(), run.tag.as_deref(), run.branch), ("gitlab.com/acme/web", Some("v1"), None));
        assert_eq!(
            (run.revision.as_deref(), run.author.as_deref(), run.message.as_deref()),
            (Some(COMMIT), Some("Ann"), Some("Fix"))
        );
        body["pipeline"] = Value::Null;
        assert_eq!(ran(only(&CircleCi, &body)).repo.to_string(), "github.com/acme/web");
        body["project"]["slug"] = "circleci/AAAA/BBBB".into();
        assert!(matches!(reason(&CircleCi, &body), Reason::Unusable { field, .. } if field == "repository"));
    }

    #[test]
    fn what_is_no_build_says_why() {
        let ping =
            json!({ "id": "p", "type": "ping", "happened_at": "2026-11-24T02:00:00Z", "webhook": { "id": "h", "name": "n" } });
        assert_eq!(reason(&CircleCi, &ping), Reason::NotABuildEvent { event: "ping".into() });
        let mut fork = a_workflow();
        fork["pipeline"]["vcs"]["origin_repository_url"] = "https://github.com/eve/web".into();
        assert!(matches!(reason(&CircleCi, &fork), Reason::NotABuildEvent { .. }));
        let mut strange = a_workflow();
        strange["workflow"]["status"] = "mauve".into();
        assert!(matches!(reason(&CircleCi, &strange), Reason::Unusable { field, .. } if field == "status"));
        refused(&CircleCi, &json!({ "type": "image.pushed", "timestamp": "…", "data": {} }));
        refused(&CircleCi, &json!({ "payload": { "build_num": 1 } }));
    }

    #[test]
    fn version_1_tells_builds_as_they_go_on() {
        let mut body = json!({ "payload": { "vcs_url": "https://github.com/acme/web", "build_num": 22, "username": "acme", "reponame": "web",
            "branch": "dev", "vcs_tag": null, "vcs_revision": COMMIT, "status": "running", "lifecycle": "running", "outcome": null,
            "subject": "Say hello", "author_name": "Ann", "build_url": "https://ci.test/22", "start_time": "2026-11-24T01:59:00Z" } });
        let before = only(&CircleCiV1, &body);
        body["payload"]["lifecycle"] = "finished".into();
        body["payload"]["status"] = "failed".into();
        body["payload"]["outcome"] = "failed".into();
        let after = only(&CircleCiV1, &body);
        assert_ne!(before.key, after.key);
        let (before, after) = (ran(before), ran(after));
        assert_eq!(
            (before.run.as_str(), before.status, after.status),
            ("github.com/acme/web 22", RunStatus::Running, RunStatus::Failed)
        );
        assert_eq!(before.run, after.run);
        refused(&CircleCiV1, &a_workflow());
    }
}
