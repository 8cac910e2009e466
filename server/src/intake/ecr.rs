//! Amazon ECR, through EventBridge and an API destination.

use super::proof::Proof;
use super::read::{self, at, text, texts};
use super::{Event, Push, Source, Told};
use domain::delivery::Reason;
use domain::problem::Fault;
use serde_json::Value;

const FORM: &str = r#"{"id": "…", "detail-type": "ECR Image Action", "source": "aws.ecr", "account": "…", "region": "…", "time": "…", "detail": {…}}"#;

/// An EventBridge rule for the events of ECR.
pub struct Ecr;

impl Source for Ecr {
    fn word(&self) -> &'static str {
        "ecr"
    }

    fn title(&self) -> &'static str {
        "Amazon ECR (EventBridge)"
    }

    fn proof(&self) -> Proof {
        Proof::MayToken("x-api-key")
    }

    fn snippet(&self, url: &str, secret: &str) -> String {
        // EventBridge wants a key for every connection; a hook without a secret does not look at it.
        let secret = if secret.is_empty() { "any" } else { secret };
        format!(
            "Amazon EventBridge > Connections > Create: authorization type API key, name X-Api-Key, value {secret}\n\
             Amazon EventBridge > API destinations > Create: endpoint {url}, method POST, that connection\n\
             Amazon EventBridge > Rules > Create: target that API destination, event pattern\n\
             {{\"source\": [\"aws.ecr\"], \"detail-type\": [\"ECR Image Action\"], \"detail\": {{\"action-type\": [\"PUSH\"], \"result\": [\"SUCCESS\"]}}}}\n"
        )
    }

    fn read(&self, told: &Told<'_>) -> Result<Vec<Event>, Fault> {
        let fits = |body: &Value| {
            at(body, "/source") == "aws.ecr" && texts(body, &["/id", "/detail-type"]) && at(body, "/detail").is_object()
        };
        let body = read::shaped(told.body, FORM, fits)?;
        let key = read::key(&["ecr", at(&body, "/id").as_str().unwrap_or_default()]);
        let when = read::time(at(&body, "/time"));
        let kind = at(&body, "/detail-type").as_str().unwrap_or_default();
        if kind != "ECR Image Action" {
            return Ok(vec![read::not_a_build(key, when, kind)]);
        }
        Ok(vec![read::event(key, when, pushed(&body, told.registry))])
    }
}

fn pushed(body: &Value, registry: Option<&str>) -> Result<Push, Reason> {
    let detail = at(body, "/detail");
    let action = text("action-type", at(detail, "/action-type"))?;
    if action != "PUSH" {
        return Err(Reason::NotAPush { action: read::quoted(action) });
    }
    let result = text("result", at(detail, "/result"))?;
    if result != "SUCCESS" {
        return Err(Reason::NotAPush { action: read::quoted(&format!("PUSH {result}")) });
    }
    let (account, region) = (read::label("account", at(body, "/account"))?, read::label("region", at(body, "/region"))?);
    let end = if region.starts_with("cn-") { "amazonaws.com.cn" } else { "amazonaws.com" };
    let host = format!("{account}.dkr.ecr.{region}.{end}");
    let images =
        read::images(registry.into_iter().chain([host.as_str()]), text("repository-name", at(detail, "/repository-name"))?)?;
    read::push(images, at(detail, "/image-tag"), at(detail, "/image-digest"))
}

#[cfg(test)]
mod tests {
    use super::super::tests::{DIGEST, only, pushed, reason, refused};
    use super::*;
    use serde_json::json;

    fn an_action() -> Value {
        json!({ "version": "0", "id": "e-1", "detail-type": "ECR Image Action", "source": "aws.ecr", "account": "123456789012",
            "time": "2026-11-24T02:00:00Z", "region": "cn-north-1", "resources": [],
            "detail": { "result": "SUCCESS", "repository-name": "team/web", "image-digest": DIGEST, "action-type": "PUSH", "image-tag": "dev" } })
    }

    #[test]
    fn a_push_s_registry_follows_from_account_and_region() {
        let event = only(&Ecr, &an_action());
        assert_eq!((event.key.as_str(), event.at), ("ecr e-1", Some("2026-11-24T02:00:00Z".parse().unwrap())));
        let push = pushed(event);
        assert_eq!(push.images[0].to_string(), "123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn/team/web");
        assert_eq!((push.tag.as_str(), push.digest.expect("a digest").as_str()), ("dev", DIGEST));
    }

    #[test]
    fn what_is_no_push_of_a_tag_says_why() {
        let change = |pointer: &str, value: Value| {
            let mut body = an_action();
            *body.pointer_mut(pointer).expect("a part") = value;
            reason(&Ecr, &body)
        };
        assert_eq!(change("/detail/action-type", "DELETE".into()), Reason::NotAPush { action: "DELETE".into() });
        assert_eq!(change("/detail/result", "FAILURE".into()), Reason::NotAPush { action: "PUSH FAILURE".into() });
        assert!(matches!(change("/detail/image-tag", Value::Null), Reason::NoTag { .. }));
        assert!(
            matches!(change("/detail/image-digest", "sha256:12".into()), Reason::Unusable { field, .. } if field == "digest")
        );
        assert!(matches!(change("/region", "a/b".into()), Reason::Unusable { field, .. } if field == "region"));
        assert_eq!(change("/detail-type", "ECR Image Scan".into()), Reason::NotABuildEvent { event: "ECR Image Scan".into() });
        refused(&Ecr, &json!({ "source": "acs.cr", "id": "1", "type": "x", "detail": {}, "detail-type": "y" }));
    }
}
