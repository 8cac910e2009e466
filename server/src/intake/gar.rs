//! Google Artifact Registry, through a push subscription of Pub/Sub to its topic `gcr`.

use super::proof::Proof;
use super::read::{self, at, texts};
use super::{Event, Push, Source, Told};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use domain::delivery::Reason;
use domain::problem::Fault;
use serde_json::Value;

const FORM: &str = r#"{"message": {"data": "<base64 of {\"action\": \"INSERT\", \"digest\": \"host/image@sha256:…\", \"tag\": \"host/image:tag\"}>", "messageId": "…"}, "subscription": "…"}"#;

/// A push subscription. Its sender proves itself by the address alone.
pub struct Gar;

impl Source for Gar {
    fn word(&self) -> &'static str {
        "gar"
    }

    fn title(&self) -> &'static str {
        "Google Artifact Registry (Pub/Sub)"
    }

    fn proof(&self) -> Proof {
        Proof::Address
    }

    fn snippet(&self, url: &str, _secret: &str) -> String {
        format!(
            "# the registry publishes to a topic named gcr, where there is one\ngcloud pubsub topics create gcr\ngcloud pubsub subscriptions create slipway --topic=gcr \\\n  --push-endpoint='{url}'\n"
        )
    }

    fn read(&self, told: &Told<'_>) -> Result<Vec<Event>, Fault> {
        let body = read::shaped(told.body, FORM, |body| texts(body, &["/message/data", "/subscription"]))?;
        let data =
            STANDARD.decode(at(&body, "/message/data").as_str().unwrap_or_default()).map_err(|_| read::other_form(FORM))?;
        let data = read::shaped(&data, FORM, |data| texts(data, &["/action"]))?;
        let id = ["/message/messageId", "/message/message_id"]
            .iter()
            .find_map(|place| at(&body, place).as_str())
            .filter(|id| !id.is_empty());
        let key = id.map_or_else(|| read::body_key(told.body), |id| read::key(&["pubsub", id]));
        let when = ["/message/publishTime", "/message/publish_time"].iter().find_map(|place| read::time(at(&body, place)));
        Ok(vec![read::event(key, when, pushed(&data, told.registry))])
    }
}

fn pushed(data: &Value, registry: Option<&str>) -> Result<Push, Reason> {
    let action = read::text("action", at(data, "/action"))?;
    if action != "INSERT" {
        return Err(Reason::NotAPush { action: read::quoted(action) });
    }
    let part = |pointer| at(data, pointer).as_str().map(read::reference);
    let ((tagged, tag), (digested, digest)) = (part("/tag").unwrap_or_default(), part("/digest").unwrap_or_default());
    let name = if tagged.is_empty() { digested } else { tagged };
    let (host, repository) = name.split_once('/').ok_or_else(|| read::unusable("image", name, Fault::BadImage))?;
    let images = read::images(registry.into_iter().chain([host]), repository)?;
    read::push(images, &Value::String(tag.to_owned()), &Value::String(digest.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::super::tests::{DIGEST, only, pushed, reason, refused};
    use super::*;
    use serde_json::json;

    fn a_message(data: &Value) -> Value {
        json!({ "message": { "data": STANDARD.encode(data.to_string()), "messageId": "77", "publishTime": "2026-11-24T02:00:00.1Z" },
            "subscription": "projects/shop/subscriptions/slipway" })
    }

    fn an_insert() -> Value {
        json!({ "action": "INSERT", "digest": format!("asia-docker.pkg.dev/shop/team/web@{DIGEST}"), "tag": "asia-docker.pkg.dev/shop/team/web:dev" })
    }

    #[test]
    fn an_insert_of_a_tag_is_a_push() {
        let event = only(&Gar, &a_message(&an_insert()));
        assert_eq!((event.key.as_str(), event.at.is_some()), ("pubsub 77", true));
        let push = pushed(event);
        assert_eq!((push.images[0].to_string().as_str(), push.tag.as_str()), ("asia-docker.pkg.dev/shop/team/web", "dev"));
        assert_eq!(push.digest.expect("a digest").as_str(), DIGEST);
    }

    #[test]
    fn what_is_no_push_of_a_tag_says_why() {
        let mut untagged = an_insert();
        untagged["tag"] = Value::Null;
        assert_eq!(reason(&Gar, &a_message(&untagged)), Reason::NoTag { image: "asia-docker.pkg.dev/shop/team/web".into() });
        let deleted = json!({ "action": "DELETE", "tag": "asia-docker.pkg.dev/shop/team/web:dev" });
        assert_eq!(reason(&Gar, &a_message(&deleted)), Reason::NotAPush { action: "DELETE".into() });
        assert!(
            matches!(reason(&Gar, &a_message(&json!({ "action": "INSERT" }))), Reason::Unusable { field, .. } if field == "image")
        );
    }

    #[test]
    fn another_form_is_refused() {
        refused(&Gar, &json!({ "message": { "data": "***" }, "subscription": "s" }));
        refused(&Gar, &a_message(&json!([])));
        refused(&Gar, &json!({ "message": "hello" }));
    }
}
