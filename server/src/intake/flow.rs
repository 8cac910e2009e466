//! Aliyun Flow (云效): the webhook plugin of a pipeline's task.

use super::proof::Proof;
use super::read::{self, at, line, objects, word};
use super::{Event, Fact, Run, Source, Told};
use domain::delivery::Reason;
use domain::problem::Fault;
use domain::run::RunStatus;
use serde_json::Value;

const FORM: &str =
    r#"{"event": "task", "action": "status", "task": {"pipelineId": 1, "buildNumber": 1, "statusCode": "…", …}, "sources": […]}"#;
const STATUSES: &str = "WAITING, RUNNING, CANCELLING, CANCELED, FINISH, SUCCESS, FAIL, SKIP";

/// The plugin of one task: what it tells is a run of that task. Nothing in it proves who sends.
pub struct Flow;

impl Source for Flow {
    fn word(&self) -> &'static str {
        "aliyun-flow"
    }

    fn title(&self) -> &'static str {
        "Aliyun Flow (云效)"
    }

    fn proof(&self) -> Proof {
        Proof::Address
    }

    fn snippet(&self, url: &str, _secret: &str) -> String {
        format!(
            "云效 Flow > 流水线 > 编辑 > 构建任务 > 任务插件 > Webhook 通知插件\nWebhook 地址: {url}\n运行时机: 全部（至少 运行成功、运行失败）\n"
        )
    }

    fn read(&self, told: &Told<'_>) -> Result<Vec<Event>, Fault> {
        let fits =
            |body: &Value| at(body, "/event").is_string() && objects(body, &["/task"]) && !at(body, "/task/pipelineId").is_null();
        let body = read::shaped(told.body, FORM, fits)?;
        let (event, action) =
            (at(&body, "/event").as_str().unwrap_or_default(), at(&body, "/action").as_str().unwrap_or_default());
        if (event, action) != ("task", "status") {
            return Ok(vec![read::not_a_build(read::body_key(told.body), None, &format!("{event} {action}"))]);
        }
        Ok(vec![task(&body)])
    }
}

/// A task is told of at every step: what makes it news is its status. There is no time in it.
fn task(body: &Value) -> Event {
    let it = at(body, "/task");
    let parts = ["/pipelineId", "/buildNumber", "/stageName", "/taskName", "/statusCode"].map(|part| at(it, part));
    Event { key: read::key_of("flow", &parts), at: None, fact: run(body, it).map(|run| Fact::Run(Box::new(run))) }
}

fn run(body: &Value, it: &Value) -> Result<Run, Reason> {
    let number = at(it, "/buildNumber");
    let number = read::number(number).ok_or_else(|| read::unusable("buildNumber", &number.to_string(), Fault::Missing))?;
    // What a source says of itself stands one level deeper in newer versions.
    let source = [at(body, "/sources/0/data"), at(body, "/sources/0")].into_iter().find(|source| at(source, "/repo").is_string());
    let source = source.unwrap_or(at(body, "/sources/0"));
    let named = at(source, "/branch");
    let (branch, tag) = read::branch_and_tag(named.as_str().unwrap_or_default());
    let branch = branch.or_else(|| word(named).filter(|name| !name.starts_with("refs/")).map(str::to_owned));
    let task = line(at(it, "/taskName"));
    let pipeline = line(at(it, "/pipelineName")).unwrap_or_else(|| "pipeline".to_owned());
    Ok(Run {
        repo: read::repository(source, &["/repo"])?,
        run: read::key_of("flow", &[at(it, "/pipelineId"), at(it, "/buildNumber"), at(it, "/stageName"), at(it, "/taskName")]),
        status: status(at(it, "/statusCode"))?,
        revision: read::commit(at(source, "/commitId")),
        branch: if tag.is_some() { None } else { branch },
        tag,
        name: line(&Value::String(format!("{pipeline} #{number}{}", task.map(|task| format!(" {task}")).unwrap_or_default()))),
        url: read::url(at(it, "/pipelineUrl")),
        author: line(at(it, "/executorName")),
        message: line(at(source, "/commitMsg")),
        started_at: None,
        ended_at: None,
    })
}

fn status(value: &Value) -> Result<RunStatus, Reason> {
    match value.as_str() {
        Some("SUCCESS" | "FINISH") => Ok(RunStatus::Success),
        Some("FAIL") => Ok(RunStatus::Failed),
        Some("CANCELED" | "SKIP") => Ok(RunStatus::Canceled),
        Some("WAITING" | "RUNNING" | "CANCELLING") => Ok(RunStatus::Running),
        _ => Err(read::unknown_status(value, STATUSES)),
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{only, ran, reason, refused};
    use super::*;
    use serde_json::json;

    const COMMIT: &str = "4444444444444444444444444444444444444444";

    fn a_task(status: &str) -> Value {
        json!({
            "event": "task", "action": "status",
            "task": { "pipelineId": 183, "pipelineName": "web 发布", "stageName": "构建", "taskName": "镜像构建", "buildNumber": 19,
                "statusCode": status, "statusName": "运行成功", "pipelineUrl": "https://flow.test/pipelines/183/builds/19", "message": "done" },
            "sources": [{ "repo": "https://codeup.test/acme/web.git", "branch": "dev", "commitId": COMMIT, "privousCommitId": null }],
            "globalParams": [{ "key": "env", "value": "test" }],
        })
    }

    #[test]
    fn a_task_is_a_run_from_its_beginning_to_its_end() {
        let (begun, over) = (only(&Flow, &a_task("RUNNING")), only(&Flow, &a_task("SUCCESS")));
        assert_ne!(begun.key, over.key);
        assert_eq!(only(&Flow, &a_task("SUCCESS")).key, over.key);
        let (begun, over) = (ran(begun), ran(over));
        assert_eq!((begun.status, over.status, &begun.run), (RunStatus::Running, RunStatus::Success, &over.run));
        assert_eq!((over.repo.to_string().as_str(), over.revision.as_deref()), ("codeup.test/acme/web", Some(COMMIT)));
        assert_eq!((over.branch.as_deref(), over.tag, over.name.as_deref()), (Some("dev"), None, Some("web 发布 #19 镜像构建")));
        for (word, wanted) in [("FAIL", RunStatus::Failed), ("CANCELED", RunStatus::Canceled), ("WAITING", RunStatus::Running)] {
            assert_eq!(ran(only(&Flow, &a_task(word))).status, wanted, "{word}");
        }
    }

    #[test]
    fn numbers_may_be_texts_and_a_source_may_stand_deeper() {
        let mut body = a_task("FAIL");
        (body["task"]["pipelineId"], body["task"]["buildNumber"]) = ("183".into(), "19".into());
        body["task"]["executorName"] = "ann".into();
        body["sources"] = json!([{ "name": "web", "type": "codeup", "data": { "repo": "git@codeup.test:acme/web.git",
            "branch": "refs/tags/release-v5.12.05.02", "commitId": COMMIT, "commitMsg": "Say hello\n\nat length" } }]);
        let run = ran(only(&Flow, &body));
        assert_eq!(
            (run.repo.to_string().as_str(), run.tag.as_deref(), run.branch),
            ("codeup.test/acme/web", Some("release-v5.12.05.02"), None)
        );
        assert_eq!((run.author.as_deref(), run.message.as_deref()), (Some("ann"), Some("Say hello")));
        assert_eq!(run.run, ran(only(&Flow, &a_task("RUNNING"))).run);
    }

    #[test]
    fn what_cannot_be_used_is_named_and_another_form_is_refused() {
        let field = |body: &Value| match reason(&Flow, body) {
            Reason::Unusable { field, .. } => field,
            other => panic!("{other:?}"),
        };
        assert_eq!(field(&a_task("UNKOWN")), "status");
        let mut body = a_task("SUCCESS");
        body["sources"] = json!([]);
        assert_eq!(field(&body), "repository");
        body["task"]["buildNumber"] = "x".into();
        assert_eq!(field(&body), "buildNumber");
        body["action"] = "deleted".into();
        assert_eq!(reason(&Flow, &body), Reason::NotABuildEvent { event: "task deleted".into() });
        refused(&Flow, &json!({ "event": "task", "task": {} }));
        refused(&Flow, &json!({ "object_kind": "pipeline", "object_attributes": {}, "project": {} }));
    }
}
