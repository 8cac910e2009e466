//! JFrog Artifactory.

use super::proof::Proof;
use super::read::{self, at, host_of, text, texts, word};
use super::{Event, Push, Source, Told};
use domain::delivery::Reason;
use domain::problem::Fault;
use serde_json::Value;

const FORM: &str =
    r#"{"domain": "docker", "event_type": "pushed", "data": {"repo_key": "…", "image_name": "…", "tag": "…", "sha256": "…"}}"#;

/// A webhook of the platform, with its secret in a header, or with the body signed by it.
pub struct JFrog;

impl Source for JFrog {
    fn word(&self) -> &'static str {
        "jfrog"
    }

    fn title(&self) -> &'static str {
        "JFrog Artifactory"
    }

    fn proof(&self) -> Proof {
        Proof::Either(&Proof::Token("x-jfrog-event-auth"), &Proof::HexHmac { header: "x-jfrog-event-auth", prefix: "" })
    }

    fn needs_registry(&self) -> bool {
        true
    }

    fn snippet(&self, url: &str, secret: &str) -> String {
        format!(
            "Administration > General > Webhooks > New Webhook\nName: slipway\nURL: {url}\nEvents: Docker > Docker tag was pushed\nSecret token: {secret}\n"
        )
    }

    fn read(&self, told: &Told<'_>) -> Result<Vec<Event>, Fault> {
        let body =
            read::shaped(told.body, FORM, |body| texts(body, &["/domain", "/event_type"]) && at(body, "/data").is_object())?;
        let said = |pointer| at(&body, pointer).as_str().unwrap_or_default();
        let (kind, action) = (said("/domain"), said("/event_type"));
        // Nothing in it tells a repetition from a tag that came back to an earlier image.
        let key = read::key(&[
            "jfrog",
            kind,
            action,
            said("/data/repo_key"),
            said("/data/image_name"),
            said("/data/tag"),
            said("/data/sha256"),
            &read::heard(told),
        ]);
        let event = match (kind, action) {
            ("docker", "pushed") => read::event(key, None, pushed(&body, told.registry)),
            ("docker", other) => read::event(key, None, Err(Reason::NotAPush { action: read::quoted(other) })),
            (other, action) => read::not_a_build(key, None, &format!("{other} {action}")),
        };
        Ok(vec![event])
    }
}

fn pushed(body: &Value, registry: Option<&str>) -> Result<Push, Reason> {
    let data = at(body, "/data");
    let image = text("image", at(data, "/image_name"))?;
    let host = registry.or_else(|| host_of(at(body, "/jpd_origin").as_str()?)).unwrap_or_default();
    // By path, the repository is a part of the image's name; by host or port it is not.
    let mut images = Vec::new();
    if let Some(key) = word(at(data, "/repo_key")) {
        images.extend(read::images([host], &format!("{key}/{image}"))?);
    }
    images.extend(read::images([host], image)?);
    let digest = match word(at(data, "/sha256")) {
        Some(hex) if !hex.starts_with("sha256:") => Value::String(format!("sha256:{hex}")),
        _ => at(data, "/sha256").clone(),
    };
    read::push(images, at(data, "/tag"), &digest)
}

#[cfg(test)]
mod tests {
    use super::super::tests::{DIGEST, only, pushed, reason, refused, tell};
    use super::*;
    use serde_json::json;

    fn a_push() -> Value {
        json!({ "domain": "docker", "event_type": "pushed", "subscription_key": "slipway", "jpd_origin": "https://shop.jfrog.test",
            "data": { "repo_key": "docker-local", "image_name": "team/web", "tag": "dev", "name": "manifest.json",
                "path": "team/web/dev/manifest.json", "sha256": &DIGEST[7..], "size": 5, "platforms": [] } })
    }

    #[test]
    fn a_push_is_known_by_path_and_by_host() {
        let push = pushed(only(&JFrog, &a_push()));
        let names: Vec<String> = push.images.iter().map(ToString::to_string).collect();
        assert_eq!(names, ["shop.jfrog.test/docker-local/team/web", "shop.jfrog.test/team/web"]);
        assert_eq!((push.tag.as_str(), push.digest.expect("a digest").as_str()), ("dev", DIGEST));
        let text = a_push().to_string();
        let mut told = tell(text.as_bytes());
        told.registry = Some("docker.example");
        assert_eq!(pushed(JFrog.read(&told).expect("read").remove(0)).images[1].to_string(), "docker.example/team/web");
    }

    #[test]
    fn what_is_no_push_says_why_and_a_bad_digest_is_named() {
        let change = |pointer: &str, value: &str| {
            let mut body = a_push();
            *body.pointer_mut(pointer).expect("a part") = value.into();
            reason(&JFrog, &body)
        };
        assert_eq!(change("/event_type", "deleted"), Reason::NotAPush { action: "deleted".into() });
        assert_eq!(change("/domain", "artifact"), Reason::NotABuildEvent { event: "artifact pushed".into() });
        assert!(matches!(change("/data/sha256", "xyz"), Reason::Unusable { field, .. } if field == "digest"));
        assert!(matches!(change("/jpd_origin", ""), Reason::Unusable { field, .. } if field == "host"));
        refused(&JFrog, &json!({ "type": "image.pushed", "data": {} }));
    }
}
