//! One good body for each source, written after its documentation.

use super::Sample;
use base64::Engine as _;
use serde_json::{Value, json};

pub const DIGEST: &str = "sha256:fea8895f450959fa676bcc1df0611ea93823a735a01205fd8622846041d0c7cf";
pub const COMMIT: &str = "9a1b2c3d4e5f60718293a4b5c6d7e8f901234567";

/// A sample of every source there is; a new source without one fails here.
pub fn all() -> Vec<Sample> {
    server::intake::all().iter().map(|source| sample(source.word())).collect()
}

pub fn sample(word: &str) -> Sample {
    let (headers, body): (&[(&str, &str)], Value) = match word {
        "distribution" => (&[], distribution()),
        "aliyun" => (&[], aliyun()),
        "harbor" => (&[], harbor()),
        "dockerhub" => (&[], dockerhub()),
        "quay" => (&[], quay()),
        "azure" => (&[], distribution()["events"][0].clone()),
        "ecr" => (&[], ecr()),
        "gar" => (&[], gar()),
        "jfrog" => (&[], jfrog()),
        "github" => (&[("x-github-event", "package"), ("x-github-delivery", "5f1c")], github()),
        "gitlab" => (&[("x-gitlab-event", "Pipeline Hook")], gitlab()),
        "gitea" => (&[("x-gitea-event", "package"), ("x-github-event", "package")], gitea()),
        "drone" => (&[("x-drone-event", "build")], drone()),
        "drone-plugin" => (&[], drone_plugin()),
        "circleci" => (&[("circleci-event-type", "workflow-completed")], circleci()),
        "circleci-v1" => (&[], circleci_v1()),
        "aliyun-flow" => (&[], flow()),
        "generic" => (&[("webhook-id", "msg_1")], generic()),
        other => panic!("the source {other} has no sample"),
    };
    let headers = headers.iter().chain(&[("content-type", "application/json")]);
    Sample {
        source: server::intake::source(word).expect("a source"),
        headers: headers.map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
        body: body.to_string(),
    }
}

fn distribution() -> Value {
    json!({ "events": [{
        "id": "e1", "timestamp": "2026-11-24T01:59:00Z", "action": "push",
        "target": { "mediaType": "application/vnd.oci.image.manifest.v1+json", "digest": DIGEST, "repository": "team/web", "tag": "dev",
            "url": format!("http://registry.test:5000/v2/team/web/manifests/{DIGEST}") },
        "request": { "host": "registry.test:5000" } }] })
}

fn aliyun() -> Value {
    json!({
        "push_data": { "digest": DIGEST, "pushed_at": "2026-11-24 09:59:00", "tag": "dev" },
        "repository": { "date_created": "2026-01-01 00:00:00", "name": "web", "namespace": "team", "region": "cn-hangzhou",
            "repo_authentication_type": "NO_CERTIFIED", "repo_full_name": "team/web", "repo_origin_type": "NO_CERTIFIED", "repo_type": "PRIVATE" },
    })
}

fn harbor() -> Value {
    json!({ "type": "PUSH_ARTIFACT", "occur_at": 1_795_485_540, "operator": "ann", "event_data": {
        "resources": [{ "digest": DIGEST, "tag": "dev", "resource_url": "registry.test:5000/team/web:dev" }],
        "repository": { "date_created": 1, "name": "web", "namespace": "team", "repo_full_name": "team/web", "repo_type": "private" } } })
}

fn dockerhub() -> Value {
    json!({ "callback_url": "https://hub.test/", "push_data": { "pushed_at": 1_795_485_540, "pusher": "ann", "tag": "dev" },
        "repository": { "repo_name": "team/web", "name": "web", "namespace": "team", "owner": "team", "star_count": 0 } })
}

fn quay() -> Value {
    json!({ "name": "web", "repository": "team/web", "namespace": "team", "docker_url": "quay.test/team/web",
        "homepage": "https://quay.test/repository/team/web", "updated_tags": ["dev"] })
}

fn ecr() -> Value {
    json!({ "version": "0", "id": "e1", "detail-type": "ECR Image Action", "source": "aws.ecr", "account": "123456789012",
        "time": "2026-11-24T01:59:00Z", "region": "us-west-2", "resources": [],
        "detail": { "result": "SUCCESS", "repository-name": "team/web", "image-digest": DIGEST, "action-type": "PUSH", "image-tag": "dev" } })
}

fn gar() -> Value {
    let data = json!({ "action": "INSERT", "digest": format!("a.pkg.test/shop/team/web@{DIGEST}"), "tag": "a.pkg.test/shop/team/web:dev" });
    let data = base64::engine::general_purpose::STANDARD.encode(data.to_string());
    json!({ "message": { "data": data, "messageId": "77", "publishTime": "2026-11-24T01:59:00Z" }, "subscription": "projects/p/subscriptions/s" })
}

fn jfrog() -> Value {
    json!({ "domain": "docker", "event_type": "pushed", "subscription_key": "slipway", "jpd_origin": "https://jfrog.test",
        "data": { "repo_key": "docker-local", "image_name": "team/web", "tag": "dev", "path": "team/web/dev/manifest.json",
            "name": "manifest.json", "sha256": &DIGEST[7..], "size": 5, "platforms": [] } })
}

fn github() -> Value {
    json!({ "action": "published",
        "package": { "id": 5, "name": "web", "namespace": "team", "ecosystem": "CONTAINER", "package_type": "CONTAINER",
            "updated_at": "2026-11-24T01:59:00Z",
            "package_version": { "id": 9, "version": DIGEST, "package_url": "ghcr.io/team/web:dev", "created_at": "0001-01-01T00:00:00Z",
                "container_metadata": { "tag": { "name": "dev", "digest": DIGEST }, "manifest": { "digest": DIGEST } } } },
        "repository": { "full_name": "team/web" }, "sender": { "login": "ann" } })
}

fn gitlab() -> Value {
    json!({ "object_kind": "pipeline",
        "object_attributes": { "id": 31, "ref": "dev", "tag": false, "sha": COMMIT, "source": "push", "status": "success",
            "created_at": "2026-11-24 01:50:00 UTC", "finished_at": "2026-11-24 01:59:00 UTC", "url": "https://gitlab.test/acme/web/-/pipelines/31" },
        "project": { "web_url": "https://gitlab.test/acme/web", "git_http_url": "https://gitlab.test/acme/web.git", "path_with_namespace": "acme/web" },
        "commit": { "id": COMMIT, "message": "Say hello\n", "author": { "name": "Ann" } } })
}

fn gitea() -> Value {
    json!({ "action": "created", "repository": { "full_name": "team/web", "html_url": "https://git.test/team/web" },
        "package": { "id": 5, "type": "container", "name": "web", "version": "dev", "created_at": "2026-11-24T01:59:00Z",
            "owner": { "login": "team" }, "html_url": "https://git.test/team/-/packages/container/web/dev" },
        "sender": { "login": "ann" } })
}

fn drone() -> Value {
    json!({ "event": "build", "action": "updated",
        "repo": { "slug": "acme/web", "git_http_url": "https://git.test/acme/web.git", "link": "https://git.test/acme/web" },
        "build": { "number": 42, "status": "success", "event": "push", "ref": "refs/heads/dev", "after": COMMIT, "target": "dev",
            "link": "https://git.test/acme/web/commit/9", "message": "Say hello", "author_login": "ann", "author_name": "Ann",
            "started": 1_795_485_500, "finished": 1_795_485_540, "created": 1_795_485_490, "updated": 1_795_485_540 } })
}

fn drone_plugin() -> Value {
    json!({ "repo": { "owner": "acme", "name": "web" },
        "build": { "tag": "", "event": "push", "number": 42, "commit": COMMIT, "ref": "refs/heads/dev", "branch": "dev", "author": "ann",
            "message": "Say hello", "status": "success", "link": "https://drone.test/acme/web/42", "deployTo": "",
            "started": 1_795_485_500, "created": 1_795_485_490 } })
}

fn circleci() -> Value {
    json!({ "id": "c1", "type": "workflow-completed", "happened_at": "2026-11-24T01:59:00Z", "webhook": { "id": "h", "name": "slipway" },
        "workflow": { "id": "wf", "name": "build", "status": "success", "created_at": "2026-11-24T01:50:00Z",
            "stopped_at": "2026-11-24T01:59:00Z", "url": "https://ci.test/wf" },
        "pipeline": { "id": "pl", "number": 7, "vcs": { "origin_repository_url": "https://git.test/acme/web",
            "target_repository_url": "https://git.test/acme/web", "revision": COMMIT, "branch": "dev",
            "commit": { "subject": "Say hello", "author": { "name": "Ann" } } } },
        "project": { "id": "p", "name": "web", "slug": "github/acme/web" }, "organization": { "id": "o", "name": "acme" } })
}

fn circleci_v1() -> Value {
    json!({ "payload": { "vcs_url": "https://git.test/acme/web", "build_num": 22, "username": "acme", "reponame": "web", "branch": "dev",
        "vcs_tag": null, "vcs_revision": COMMIT, "status": "success", "outcome": "success", "lifecycle": "finished", "subject": "Say hello",
        "author_name": "Ann", "build_url": "https://ci.test/22", "start_time": "2026-11-24T01:50:00Z", "stop_time": "2026-11-24T01:59:00Z" } })
}

fn flow() -> Value {
    json!({ "event": "task", "action": "status",
        "task": { "pipelineId": 183, "pipelineName": "web", "stageName": "build", "taskName": "image", "buildNumber": 19,
            "statusCode": "SUCCESS", "statusName": "运行成功", "pipelineUrl": "https://flow.test/pipelines/183/builds/19",
            "executorName": "ann", "message": "[web] done" },
        "sources": [{ "name": "web", "type": "codeup", "data": { "repo": "https://codeup.test/acme/web.git", "branch": "dev",
            "commitId": COMMIT, "privousCommitId": null, "commitMsg": "Say hello" } }],
        "globalParams": [{ "key": "env", "value": "test" }] })
}

fn generic() -> Value {
    json!({ "type": "image.pushed", "timestamp": "2026-11-24T01:59:00Z", "data": { "image": "registry.test:5000/team/web", "tag": "dev", "digest": DIGEST } })
}
