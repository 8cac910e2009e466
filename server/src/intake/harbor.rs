//! Harbor: its own form, that of version 1, and CloudEvents.

use super::proof::Proof;
use super::read::{self, at, host_of, objects, text};
use super::{Event, Push, Source, Told};
use domain::Time;
use domain::delivery::Reason;
use domain::problem::Fault;
use serde_json::Value;

const FORM: &str = r#"{"type": "PUSH_ARTIFACT", "occur_at": 1, "event_data": {"resources": [{"digest": "…", "tag": "…", "resource_url": "…"}], "repository": {"repo_full_name": "…"}}} or a CloudEvent of type harbor.…"#;
/// Artifacts in one event. Harbor tells one, and those that a clean-up deleted together.
const MOST_RESOURCES: usize = 1000;

/// A project's webhook policy.
pub struct Harbor;

impl Source for Harbor {
    fn word(&self) -> &'static str {
        "harbor"
    }

    fn title(&self) -> &'static str {
        "Harbor"
    }

    fn proof(&self) -> Proof {
        Proof::MayToken("authorization")
    }

    fn snippet(&self, url: &str, secret: &str) -> String {
        let auth = if secret.is_empty() { String::new() } else { format!("Auth Header: Bearer {secret}\n") };
        format!(
            "Projects > project > Webhooks > New Webhook\nName: slipway\nNotify Type: http\nPayload Format: Default\nEvent Type: Artifact pushed\nEndpoint URL: {url}\n{auth}Verify Remote Certificate: on\n"
        )
    }

    fn read(&self, told: &Told<'_>) -> Result<Vec<Event>, Fault> {
        let body = read::json(told.body, FORM)?;
        let kind = at(&body, "/type").as_str().unwrap_or_default();
        let (data, when) = if objects(&body, &["/event_data"]) && !kind.is_empty() {
            (at(&body, "/event_data"), at(&body, "/occur_at"))
        } else if objects(&body, &["/data"]) && kind.starts_with("harbor.") && at(&body, "/specversion").is_string() {
            (at(&body, "/data"), at(&body, "/time"))
        } else {
            return Err(read::other_form(FORM));
        };
        let told_of = Notice { kind, data, at: read::time(when), when, registry: told.registry };
        let resources = at(data, "/resources").as_array().map(Vec::as_slice).unwrap_or_default();
        if resources.len() > MOST_RESOURCES {
            return Err(Fault::Refused { reason: format!("more than {MOST_RESOURCES} artifacts in one event") });
        }
        if !told_of.is_push() || resources.is_empty() {
            return Ok(vec![told_of.ignored(told.body)]);
        }
        Ok(resources.iter().map(|resource| told_of.event(resource)).collect())
    }
}

struct Notice<'a> {
    kind: &'a str,
    data: &'a Value,
    at: Option<Time>,
    when: &'a Value,
    registry: Option<&'a str>,
}

impl Notice<'_> {
    fn is_push(&self) -> bool {
        matches!(self.kind, "PUSH_ARTIFACT" | "pushImage" | "harbor.artifact.pushed")
    }

    fn ignored(&self, body: &[u8]) -> Event {
        let small = self.kind.to_lowercase();
        let moved = ["pull", "delete"].iter().any(|word| small.contains(word));
        if self.is_push() || moved {
            let action = if self.is_push() { "push of nothing".to_owned() } else { read::quoted(self.kind) };
            return read::event(read::body_key(body), self.at, Err(Reason::NotAPush { action }));
        }
        read::not_a_build(read::body_key(body), self.at, self.kind)
    }

    fn event(&self, resource: &Value) -> Event {
        let repository = at(self.data, "/repository/repo_full_name");
        let key = read::key_of("harbor", &[repository, at(resource, "/tag"), at(resource, "/digest"), self.when]);
        read::event(key, self.at, self.pushed(resource))
    }

    fn pushed(&self, resource: &Value) -> Result<Push, Reason> {
        let repository = text("repository", at(self.data, "/repository/repo_full_name"))?;
        // `registry.example/team/web:dev`: some set-ups leave the host away.
        let address = at(resource, "/resource_url").as_str().unwrap_or_default();
        let host = host_of(address)
            .or_else(|| Some(address.split_once('/')?.0).filter(|host| !repository.starts_with(&format!("{host}/"))));
        let images = read::images(self.registry.into_iter().chain(host), repository)?;
        read::push(images, at(resource, "/tag"), at(resource, "/digest"))
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{DIGEST, only, pushed, reason, refused};
    use super::*;
    use serde_json::json;

    fn data() -> Value {
        json!({
            "resources": [{ "digest": DIGEST, "tag": "dev", "resource_url": "harbor.test:8443/team/web:dev" }],
            "repository": { "name": "web", "namespace": "team", "repo_full_name": "team/web", "repo_type": "private" },
        })
    }

    fn a_push(kind: &str) -> Value {
        json!({ "type": kind, "occur_at": 1_795_485_600, "operator": "ann", "event_data": data() })
    }

    #[test]
    fn a_push_is_told_in_three_forms() {
        let cloud = json!({ "specversion": "1.0", "id": "e1", "source": "/projects/2/webhook/policies/15", "type": "harbor.artifact.pushed",
            "time": "2026-11-24T02:00:00Z", "data": data() });
        for body in [a_push("PUSH_ARTIFACT"), a_push("pushImage"), cloud] {
            let event = only(&Harbor, &body);
            assert_eq!(event.at, Some("2026-11-24T02:00:00Z".parse().unwrap()));
            let push = pushed(event);
            assert_eq!((push.images[0].to_string().as_str(), push.tag.as_str()), ("harbor.test:8443/team/web", "dev"));
            assert_eq!(push.digest.expect("a digest").as_str(), DIGEST);
        }
    }

    #[test]
    fn an_artifact_without_a_tag_is_no_build_and_others_beside_it_are() {
        let mut body = a_push("PUSH_ARTIFACT");
        body["event_data"]["resources"][0]["tag"] = DIGEST.into();
        let tagged = data()["resources"][0].clone();
        body["event_data"]["resources"].as_array_mut().expect("resources").push(tagged);
        let events = Harbor.read(&super::super::tests::tell(body.to_string().as_bytes())).expect("read");
        assert!(matches!(&events[0].fact, Err(Reason::NoTag { image }) if image == "harbor.test:8443/team/web"));
        assert!(events[1].fact.is_ok() && events[0].key != events[1].key);
    }

    #[test]
    fn what_is_no_push_says_so() {
        assert_eq!(reason(&Harbor, &a_push("PULL_ARTIFACT")), Reason::NotAPush { action: "PULL_ARTIFACT".into() });
        assert_eq!(reason(&Harbor, &a_push("SCANNING_COMPLETED")), Reason::NotABuildEvent { event: "SCANNING_COMPLETED".into() });
        let mut empty = a_push("PUSH_ARTIFACT");
        empty["event_data"]["resources"] = json!([]);
        assert!(matches!(reason(&Harbor, &empty), Reason::NotAPush { .. }));
    }

    #[test]
    fn without_a_host_the_hook_has_to_say_it() {
        let mut body = a_push("PUSH_ARTIFACT");
        body["event_data"]["resources"][0]["resource_url"] = "team/web:dev".into();
        assert!(matches!(reason(&Harbor, &body), Reason::Unusable { field, .. } if field == "host"));
        let text = body.to_string();
        let mut told = super::super::tests::tell(text.as_bytes());
        told.registry = Some("harbor.test");
        assert_eq!(pushed(Harbor.read(&told).expect("read").remove(0)).images[0].host(), "harbor.test");
        refused(&Harbor, &json!({ "type": "image.pushed", "timestamp": "…", "data": {} }));
        refused(&Harbor, &json!({ "events": [] }));
    }
}
