//! Quay.

use super::proof::Proof;
use super::read::{self, at, texts};
use super::{Event, Source, Told};
use domain::problem::Fault;
use serde_json::Value;

const FORM: &str = r#"{"repository": "namespace/name", "docker_url": "quay.io/namespace/name", "updated_tags": ["…"], …}"#;
/// Tags in one notification.
const MOST_TAGS: usize = 500;

/// A repository's notification of a push. It is not signed, and says neither digest nor time.
pub struct Quay;

impl Source for Quay {
    fn word(&self) -> &'static str {
        "quay"
    }

    fn title(&self) -> &'static str {
        "Quay"
    }

    fn proof(&self) -> Proof {
        Proof::Address
    }

    fn snippet(&self, url: &str, _secret: &str) -> String {
        format!(
            "Repository > Settings > Events and Notifications > Create Notification\nWhen this event occurs: Push to Repository\nThen issue a: Webhook POST\nWebhook URL: {url}\nTitle: slipway\n"
        )
    }

    fn read(&self, told: &Told<'_>) -> Result<Vec<Event>, Fault> {
        let tags = |body: &Value| at(body, "/updated_tags").is_array() || at(body, "/updated_tags").is_object();
        let body = read::shaped(told.body, FORM, |body| texts(body, &["/repository", "/docker_url"]) && tags(body))?;
        let address = at(&body, "/docker_url").as_str().unwrap_or_default();
        // An old form has the tags as the names of an object, with the ids of layers.
        let tags: Vec<Value> = match at(&body, "/updated_tags") {
            Value::Array(tags) => tags.iter().take(MOST_TAGS + 1).cloned().collect(),
            Value::Object(tags) => tags.keys().take(MOST_TAGS + 1).map(|tag| Value::String(tag.clone())).collect(),
            _ => Vec::new(),
        };
        if tags.len() > MOST_TAGS {
            return Err(Fault::Refused { reason: format!("more than {MOST_TAGS} tags in one notification") });
        }
        let host = address.split_once('/').map(|(host, _)| host);
        let repository = at(&body, "/repository").as_str().unwrap_or_default();
        let images = read::images(told.registry.into_iter().chain(host), repository);
        let event = |tag: &Value| {
            // Nothing in it tells a repetition from a tag that was pushed again. The registry does:
            // a tag that is where it was changes nothing.
            let key = read::key(&["quay", address, &tag.to_string(), &read::heard(told)]);
            read::event(key, None, images.clone().and_then(|images| read::push(images, tag, &Value::Null)))
        };
        Ok(tags.iter().map(event).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{only, pushed, refused, tell};
    use super::*;
    use chrono::TimeDelta;
    use domain::delivery::Reason;
    use serde_json::json;

    fn a_push(tags: Value) -> Value {
        json!({ "name": "web", "repository": "acme/web", "namespace": "acme", "docker_url": "quay.test/acme/web",
            "homepage": "https://quay.test/repository/acme/web", "updated_tags": tags })
    }

    #[test]
    fn each_tag_is_a_push_whose_digest_is_asked_for() {
        let text = a_push(json!(["dev", "test", 5])).to_string();
        let events = Quay.read(&tell(text.as_bytes())).expect("read");
        assert!(matches!(&events[2].fact, Err(Reason::Unusable { field, .. }) if field == "tag"));
        let push = pushed(events.into_iter().next().expect("an event"));
        assert_eq!((push.images[0].to_string().as_str(), push.tag.as_str(), push.digest), ("quay.test/acme/web", "dev", None));
        assert_eq!(pushed(only(&Quay, &a_push(json!({ "old": "0123" })))).tag.as_str(), "old");
    }

    #[test]
    fn what_is_heard_at_another_time_is_another_push() {
        let text = a_push(json!(["dev"])).to_string();
        let (first, mut later) = (tell(text.as_bytes()), tell(text.as_bytes()));
        later.received_at += TimeDelta::seconds(1);
        let key = |told| Quay.read(told).expect("read").remove(0).key;
        assert!(key(&first) == key(&first) && key(&first) != key(&later));
    }

    #[test]
    fn another_form_is_refused() {
        refused(&Quay, &json!({ "repository": "acme/web", "docker_url": "quay.test/acme/web", "updated_tags": "dev" }));
        refused(&Quay, &json!({ "repository": { "repo_name": "acme/web" }, "push_data": {} }));
        let many = a_push(json!(vec!["a"; MOST_TAGS + 1])).to_string();
        assert!(matches!(Quay.read(&tell(many.as_bytes())), Err(Fault::Refused { .. })));
    }
}
