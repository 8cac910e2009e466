//! Aliyun Container Registry: the triggers of a repository, and EventBridge's CloudEvents.

use super::proof::Proof;
use super::read::{self, at, first, text, word};
use super::{Event, Push, Source, Told};
use domain::delivery::Reason;
use domain::problem::Fault;
use domain::{ImageName, Time};
use serde_json::Value;

const FORM: &str = r#"{"push_data": {"digest": "…", "pushed_at": "…", "tag": "…"}, "repository": {"namespace": "…", "name": "…", "region": "…", "repo_full_name": "…"}} or a CloudEvent of source acs.cr"#;

/// Aliyun ACR, personal and enterprise. A trigger is not signed: the address is what it knows.
pub struct Aliyun;

impl Source for Aliyun {
    fn word(&self) -> &'static str {
        "aliyun"
    }

    fn title(&self) -> &'static str {
        "Aliyun Container Registry (阿里云容器镜像服务)"
    }

    fn proof(&self) -> Proof {
        Proof::Address
    }

    fn snippet(&self, url: &str, _secret: &str) -> String {
        format!(
            "容器镜像服务 > 镜像仓库 > 触发器 > 创建 (Container Registry > repository > Trigger > Create)\n\
             触发器名称 (name): slipway\n\
             触发器 URL (URL): {url}\n\
             触发方式 (when): 全部触发 (all)\n\
             \n\
             An Enterprise instance is not named in what it sends: give this hook its registry host,\n\
             <instance>-registry.<region>.cr.aliyuncs.com\n\
             \n\
             Or, for all repositories of an Enterprise instance: EventBridge > Event rules > Create,\n\
             event source acs.cr, event type cr:Artifact:PushCompleted, cr:Artifact:BuildCompleted,\n\
             event target HTTP or HTTPS, body Complete event, URL {url}\n"
        )
    }

    fn read(&self, told: &Told<'_>) -> Result<Vec<Event>, Fault> {
        let body = read::json(told.body, FORM)?;
        if read::objects(&body, &["/push_data", "/repository"])
            && first(&body, &["/repository/repo_full_name", "/repository/region"]).is_some()
        {
            return Ok(vec![trigger(&body, told.registry)]);
        }
        let bridged = at(&body, "/source") == "acs.cr" && read::texts(&body, &["/id", "/type"]);
        if bridged { Ok(vec![cloud_event(&body, told.registry)]) } else { Err(read::other_form(FORM)) }
    }
}

fn trigger(body: &Value, registry: Option<&str>) -> Event {
    let parts = [
        "/repository/region",
        "/repository/repo_full_name",
        "/repository/name",
        "/push_data/tag",
        "/push_data/digest",
        "/push_data/pushed_at",
    ];
    let key = read::key_of("aliyun", &parts.map(|part| at(body, part)));
    read::event(key, read::beijing_time(at(body, "/push_data/pushed_at")), triggered(body, registry))
}

fn triggered(body: &Value, registry: Option<&str>) -> Result<Push, Reason> {
    let repository = match word(at(body, "/repository/repo_full_name")) {
        Some(full) => full.to_owned(),
        None => {
            format!("{}/{}", text("namespace", at(body, "/repository/namespace"))?, text("name", at(body, "/repository/name"))?)
        }
    };
    let hosts = match registry {
        Some(host) => spellings(host),
        None => spellings(&format!("registry.{}.aliyuncs.com", read::label("region", at(body, "/repository/region"))?)),
    };
    let images = images(&hosts, &repository)?;
    read::push(images, at(body, "/push_data/tag"), at(body, "/push_data/digest"))
}

fn cloud_event(body: &Value, registry: Option<&str>) -> Event {
    let (id, kind) = (at(body, "/id").as_str().unwrap_or_default(), at(body, "/type").as_str().unwrap_or_default());
    let key = read::key(&["acs.cr", id]);
    let when: Option<Time> = read::time(at(body, "/time"));
    let data = at(body, "/data");
    match kind {
        "cr:Artifact:BuildCompleted" => {
            let status = at(data, "/BuildStatus").as_str().unwrap_or_default();
            if status.eq_ignore_ascii_case("success") {
                read::event(key, when, completed(data, registry))
            } else {
                // It names no git repository, so that it is no run of any app either.
                let action = read::quoted(format!("build {}", status.to_lowercase()).trim());
                read::event(key, when, Err(Reason::NotAPush { action }))
            }
        }
        "cr:Artifact:PushCompleted" => read::event(key, when, completed(data, registry)),
        other => read::not_a_build(key, when, other),
    }
}

/// An image of an Enterprise instance. A build does not say its digest, and what a push says beside
/// the names is not documented.
fn completed(data: &Value, registry: Option<&str>) -> Result<Push, Reason> {
    let name = |field: &str, pointer| word(at(data, pointer)).ok_or_else(|| read::unusable(field, "", Fault::Missing));
    let repository = format!("{}/{}", name("RepoNamespaceName", "/RepoNamespaceName")?, name("RepoName", "/RepoName")?);
    let hosts = match registry {
        Some(host) => spellings(host),
        None => {
            let (instance, region) = (name("InstanceName", "/InstanceName")?, read::label("region", at(data, "/RegionId"))?);
            spellings(&format!("{instance}-registry.{region}.cr.aliyuncs.com"))
        }
    };
    let images = images(&hosts, &repository)?;
    let digest = ["/Digest", "/ImageDigest", "/ImageId"].iter().map(|pointer| at(data, pointer));
    let digest = digest.into_iter().find(|said| said.as_str().is_some_and(|said| said.starts_with("sha256:")));
    read::push(images, at(data, "/Tag"), digest.unwrap_or(&Value::Null))
}

fn images(hosts: &[String], repository: &str) -> Result<Vec<ImageName>, Reason> {
    read::images(hosts.iter().map(String::as_str), repository)
}

/// One registry has a name on the internet, one inside a private network, and one inside Aliyun;
/// apps are configured with any of them. The host itself comes first.
fn spellings(host: &str) -> Vec<String> {
    let mut found = vec![host.to_owned()];
    let Some((label, rest)) = host.split_once('.').filter(|(_, rest)| rest.ends_with("aliyuncs.com")) else { return found };
    let bare = ["-vpc", "-internal"].iter().find_map(|net| label.strip_suffix(net)).unwrap_or(label);
    for net in ["", "-vpc", "-internal"] {
        let other = format!("{bare}{net}.{rest}");
        if !found.contains(&other) {
            found.push(other);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::super::tests::{DIGEST, only, pushed, reason, refused, tell};
    use super::*;
    use serde_json::json;

    fn a_push() -> Value {
        json!({
            "push_data": { "digest": DIGEST, "pushed_at": "2026-11-24 10:00:00", "tag": "release-v5.12.05.02" },
            "repository": {
                "date_created": "2026-01-01 10:00:00", "name": "Web", "namespace": "team", "region": "cn-hangzhou",
                "repo_authentication_type": "NO_CERTIFIED", "repo_full_name": "team/Web", "repo_type": "PRIVATE",
            },
        })
    }

    fn a_build() -> Value {
        json!({
            "id": "e-1", "source": "acs.cr", "specversion": "1.0", "type": "cr:Artifact:BuildCompleted",
            "time": "2026-11-24T10:00:00+08:00",
            "data": { "InstanceName": "shop", "RepoNamespaceName": "team", "RepoName": "web", "BuildStatus": "SUCCESS",
                "RegionId": "cn-hangzhou", "Tag": "dev" },
        })
    }

    fn hosts(push: &Push) -> Vec<&str> {
        push.images.iter().map(ImageName::host).collect()
    }

    #[test]
    fn a_trigger_says_the_image_under_each_host_of_its_region_and_beijing_s_time() {
        let event = only(&Aliyun, &a_push());
        assert_eq!(event.at, Some("2026-11-24T02:00:00Z".parse().unwrap()));
        let push = pushed(event);
        assert_eq!(
            hosts(&push),
            [
                "registry.cn-hangzhou.aliyuncs.com",
                "registry-vpc.cn-hangzhou.aliyuncs.com",
                "registry-internal.cn-hangzhou.aliyuncs.com"
            ]
        );
        assert_eq!((push.images[0].repository(), push.tag.as_str()), ("team/web", "release-v5.12.05.02"));
        assert_eq!(push.digest.expect("a digest").as_str(), DIGEST);
    }

    #[test]
    fn the_hook_says_the_host_of_an_enterprise_instance() {
        let body = a_push().to_string();
        let mut told = tell(body.as_bytes());
        told.registry = Some("shop-registry-vpc.cn-hangzhou.cr.aliyuncs.com");
        let push = pushed(Aliyun.read(&told).expect("read").remove(0));
        assert_eq!(
            hosts(&push)[..2],
            ["shop-registry-vpc.cn-hangzhou.cr.aliyuncs.com", "shop-registry.cn-hangzhou.cr.aliyuncs.com"]
        );
        told.registry = Some("registry.example");
        assert_eq!(hosts(&pushed(Aliyun.read(&told).expect("read").remove(0))), ["registry.example"]);
    }

    #[test]
    fn a_finished_build_is_a_push_whose_digest_is_asked_for() {
        let push = pushed(only(&Aliyun, &a_build()));
        assert_eq!(push.images[0].to_string(), "shop-registry.cn-hangzhou.cr.aliyuncs.com/team/web");
        assert_eq!((push.tag.as_str(), push.digest), ("dev", None));
        let mut pushed_body = a_build();
        pushed_body["type"] = "cr:Artifact:PushCompleted".into();
        pushed_body["data"]["Digest"] = DIGEST.into();
        assert!(pushed(only(&Aliyun, &pushed_body)).digest.is_some());
    }

    #[test]
    fn what_says_nothing_of_an_image_says_why() {
        let mut failed = a_build();
        failed["data"]["BuildStatus"] = "FAILED".into();
        assert_eq!(reason(&Aliyun, &failed), Reason::NotAPush { action: "build failed".into() });
        let mut scanned = a_build();
        scanned["type"] = "cr:Artifact:ScanCompleted".into();
        assert_eq!(reason(&Aliyun, &scanned), Reason::NotABuildEvent { event: "cr:Artifact:ScanCompleted".into() });
        let mut nowhere = a_push();
        nowhere["repository"]["region"] = "a b".into();
        assert!(matches!(reason(&Aliyun, &nowhere), Reason::Unusable { field, .. } if field == "region"));
    }

    #[test]
    fn a_tag_that_comes_back_to_an_earlier_image_is_another_event() {
        let (first, mut later) = (a_push(), a_push());
        later["push_data"]["pushed_at"] = "2026-11-25 10:00:00".into();
        assert_ne!(only(&Aliyun, &first).key, only(&Aliyun, &later).key);
        assert_eq!(only(&Aliyun, &first).key, only(&Aliyun, &a_push()).key);
    }

    #[test]
    fn another_source_s_body_is_refused_with_the_form_that_was_expected() {
        let hub = json!({ "push_data": { "tag": "dev", "pushed_at": 1 }, "repository": { "repo_name": "a/b" } });
        assert!(refused(&Aliyun, &hub).contains("repo_full_name"));
        refused(&Aliyun, &json!({ "source": "aws.ecr", "id": "1", "type": "x" }));
    }
}
