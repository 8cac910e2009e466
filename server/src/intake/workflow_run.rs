//! `workflow_run`, the event of GitHub Actions, which Gitea tells in the same form.

use super::read::{self, at, first, line, word};
use super::{Event, Fact, Run};
use domain::ReleaseTag;
use domain::delivery::Reason;
use domain::run::RunStatus;
use serde_json::Value;

/// What a body with a `workflow_run` says.
pub fn event(body: &Value) -> Event {
    let run = at(body, "/workflow_run");
    // The address too: a number is one run only within one server.
    let parts = ["/html_url", "/id", "/run_attempt", "/status", "/conclusion"];
    let key = read::key_of("workflow_run", &parts.map(|part| at(run, part)));
    let when = read::first_time(run, &["/updated_at", "/completed_at", "/started_at", "/run_started_at"]);
    Event { key, at: when, fact: ran(body, run).map(|run| Fact::Run(Box::new(run))) }
}

fn ran(body: &Value, run: &Value) -> Result<Run, Reason> {
    let cause = at(run, "/event").as_str().unwrap_or_default();
    if cause.starts_with("pull_request") || of_a_fork(body, run) {
        // Its branch may be called like one of ours and hold anything.
        return Err(Reason::NotABuildEvent { event: "workflow_run of a pull request".to_owned() });
    }
    let id = read::number(at(run, "/id"))
        .ok_or_else(|| read::unusable("id", &at(run, "/id").to_string(), domain::problem::Fault::Missing))?;
    let attempt = read::number(at(run, "/run_attempt")).unwrap_or(1);
    let repo = read::repository(body, &["/repository/clone_url", "/repository/html_url", "/repository/full_name"])?;
    // A run of a git tag has the tag's name where others have their branch.
    let named = word(at(run, "/head_branch")).map(|name| name.strip_prefix("refs/tags/").unwrap_or(name).to_owned());
    let is_tag = named.as_deref().is_some_and(|name| cause == "release" || name.parse::<ReleaseTag>().is_ok());
    let (branch, tag) = if is_tag { (None, named) } else { (named, None) };
    let title = line(at(body, "/workflow/name")).or_else(|| line(at(run, "/name")));
    let number = read::number(at(run, "/run_number"));
    let status = status(run)?;
    Ok(Run {
        repo,
        // Running a run again is another run: the one before stays as it ended.
        run: format!("run {id} attempt {attempt}"),
        status,
        revision: read::commit(at(run, "/head_sha")),
        branch,
        tag,
        name: title.map(|title| number.map_or(title.clone(), |number| format!("{title} #{number}"))),
        url: read::url(at(run, "/html_url")),
        author: read::first_line(run, &["/head_commit/author/name", "/actor/login"]),
        message: read::first_line(run, &["/head_commit/message", "/display_title"]),
        started_at: read::first_time(run, &["/run_started_at", "/started_at", "/created_at"]),
        ended_at: if status.is_over() { read::first_time(run, &["/completed_at", "/updated_at"]) } else { None },
    })
}

fn of_a_fork(body: &Value, run: &Value) -> bool {
    let (head, here) = (first(run, &["/head_repository/full_name"]), first(body, &["/repository/full_name"]));
    head.zip(here).is_some_and(|(head, here)| !head.eq_ignore_ascii_case(here))
}

fn status(run: &Value) -> Result<RunStatus, Reason> {
    let status = at(run, "/status");
    match status.as_str() {
        Some("queued" | "in_progress" | "requested" | "waiting" | "pending" | "running") => Ok(RunStatus::Running),
        Some("completed") => match at(run, "/conclusion").as_str() {
            Some("success" | "neutral") => Ok(RunStatus::Success),
            Some("failure" | "timed_out" | "startup_failure" | "action_required") => Ok(RunStatus::Failed),
            Some("cancelled" | "skipped" | "stale") => Ok(RunStatus::Canceled),
            _ => Err(read::unknown_status(
                at(run, "/conclusion"),
                "success, neutral, failure, timed_out, startup_failure, cancelled, skipped",
            )),
        },
        _ => Err(read::unknown_status(status, "queued, in_progress, completed")),
    }
}
