//! Azure Container Registry: one event of the Distribution API, without its envelope.

use super::distribution::Notified;
use super::proof::Proof;
use super::read::{self, at, texts};
use super::{Event, Source, Told};
use domain::problem::Fault;
use serde_json::Value;

const FORM: &str = r#"{"id": "…", "timestamp": "…", "action": "push", "target": {…}, "request": {"host": "…"}}"#;

/// A registry's webhook.
pub struct Azure;

impl Source for Azure {
    fn word(&self) -> &'static str {
        "azure"
    }

    fn title(&self) -> &'static str {
        "Azure Container Registry"
    }

    fn proof(&self) -> Proof {
        Proof::MayToken("authorization")
    }

    fn snippet(&self, url: &str, secret: &str) -> String {
        let headers = if secret.is_empty() { String::new() } else { format!(" \\\n  --headers 'Authorization=Bearer {secret}'") };
        format!("az acr webhook create --registry <registry> --name slipway --actions push \\\n  --uri '{url}'{headers}\n")
    }

    fn read(&self, told: &Told<'_>) -> Result<Vec<Event>, Fault> {
        // A ping has no target.
        let kind = |body: &Value| at(body, "/target").is_object() || at(body, "/action") == "ping";
        let body = read::shaped(told.body, FORM, |body| texts(body, &["/id", "/action", "/timestamp"]) && kind(body))?;
        let ping = at(&body, "/action") == "ping";
        let event: Notified = serde_json::from_value(body).map_err(|_| read::other_form(FORM))?;
        if ping {
            return Ok(vec![read::not_a_build(read::key(&[&event.id]), read::time(&event.timestamp), "ping")]);
        }
        Ok(vec![event.event(told.registry)?])
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{DIGEST, only, pushed, reason, refused};
    use super::*;
    use domain::delivery::Reason;
    use serde_json::json;

    fn a_push() -> Value {
        json!({ "id": "e-1", "timestamp": "2026-11-24T02:00:00Z", "action": "push",
            "target": { "mediaType": "application/vnd.docker.distribution.manifest.v2+json", "digest": DIGEST, "repository": "team/web", "tag": "dev" },
            "request": { "id": "r", "host": "shop.azurecr.io", "method": "PUT" } })
    }

    #[test]
    fn a_push_says_image_tag_digest_and_time() {
        let event = only(&Azure, &a_push());
        assert_eq!((event.key.as_str(), event.at), ("e-1", Some("2026-11-24T02:00:00Z".parse().unwrap())));
        let push = pushed(event);
        assert_eq!((push.images[0].to_string().as_str(), push.tag.as_str()), ("shop.azurecr.io/team/web", "dev"));
    }

    #[test]
    fn what_is_no_push_says_why() {
        let ping = json!({ "id": "e-2", "timestamp": "2026-11-24T02:00:00Z", "action": "ping" });
        assert_eq!(reason(&Azure, &ping), Reason::NotABuildEvent { event: "ping".into() });
        let mut deleted = a_push();
        deleted["action"] = "delete".into();
        assert_eq!(reason(&Azure, &deleted), Reason::NotAPush { action: "delete".into() });
        let mut chart = a_push();
        chart["target"]["mediaType"] = "application/vnd.cncf.helm.config.v1+json".into();
        assert!(matches!(reason(&Azure, &chart), Reason::NotAnImage { .. }));
    }

    #[test]
    fn another_form_is_refused() {
        refused(&Azure, &json!({ "events": [a_push()] }));
        refused(&Azure, &json!({ "id": 5, "action": "push", "timestamp": "…", "target": {} }));
        refused(&Azure, &json!({ "id": "5", "type": "ping", "happened_at": "…" }));
    }
}
