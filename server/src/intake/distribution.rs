//! Notifications of registries that speak the Distribution API: an envelope of events.

use super::proof::Proof;
use super::read::{at, host_of, images, push, quoted, text, time, unreadable, unusable};
use super::{Event, Fact, Push, Source, Told};
use domain::delivery::Reason;
use domain::problem::Fault;
use serde::Deserialize;
use serde_json::Value;

/// Events in one envelope. Registries send one; a body of 1 MiB holds about 1500 real ones.
const MOST_EVENTS: usize = 2000;
/// An event's id is a UUID.
const MOST_ID: usize = 200;
const FORM: &str = r#"{"events": [{"id": "…", "timestamp": "…", "action": "push", "target": {…}, "request": {…}}]}"#;

/// All fields but the id are read by hand: one that has another type than usual must not
/// make the events beside it unreadable.
#[derive(Deserialize)]
struct Envelope {
    events: Vec<Notified>,
}

/// One event; some registries send it without an envelope.
#[derive(Deserialize)]
pub struct Notified {
    pub id: String,
    #[serde(default)]
    pub timestamp: Value,
    #[serde(default)]
    pub action: Value,
    #[serde(default)]
    target: Value,
    #[serde(default)]
    request: Value,
}

/// Any registry that speaks the Distribution API's notifications.
pub struct Distribution;

impl Source for Distribution {
    fn word(&self) -> &'static str {
        "distribution"
    }

    fn title(&self) -> &'static str {
        "Distribution registry"
    }

    fn proof(&self) -> Proof {
        Proof::MayToken("authorization")
    }

    fn snippet(&self, url: &str, secret: &str) -> String {
        let headers = match secret {
            "" => String::new(),
            secret => format!("      headers:\n        Authorization: [Bearer {secret}]\n"),
        };
        format!(
            "notifications:\n  endpoints:\n    - name: slipway\n      url: {url}\n{headers}      timeout: 2s\n      threshold: 3\n      backoff: 1s\n      ignore:\n        actions: [pull]\n"
        )
    }

    fn read(&self, told: &Told<'_>) -> Result<Vec<Event>, Fault> {
        read(told.body, told.registry)
    }
}

fn read(body: &[u8], registry: Option<&str>) -> Result<Vec<Event>, Fault> {
    let envelope: Envelope = serde_json::from_slice(body).map_err(|error| unreadable(error.line(), error.column(), FORM))?;
    if envelope.events.len() > MOST_EVENTS {
        return Err(Fault::Refused { reason: format!("more than {MOST_EVENTS} events in one envelope") });
    }
    envelope.events.into_iter().map(|told| told.event(registry)).collect()
}

impl Notified {
    /// What it says; `registry` is the host that the hook was given.
    ///
    /// # Errors
    /// [`Fault::Unreadable`] when its id cannot be kept.
    pub fn event(self, registry: Option<&str>) -> Result<Event, Fault> {
        if !usable_id(&self.id) {
            return Err(Fault::Unreadable { detail: format!("an event's id has 1 to {MOST_ID} printable characters") });
        }
        Ok(Event { at: time(&self.timestamp), fact: self.pushed(registry).map(Fact::Push), key: self.id })
    }

    fn pushed(&self, registry: Option<&str>) -> Result<Push, Reason> {
        let action = text("action", &self.action)?;
        if action != "push" {
            return Err(Reason::NotAPush { action: quoted(action) });
        }
        let target = &self.target;
        if let Some(media_type) = at(target, "/mediaType").as_str().filter(|kind| !is_image(kind)) {
            return Err(Reason::NotAnImage { media_type: quoted(media_type) });
        }
        // The registry is known by the host that the client asked for and by the address of the
        // manifest; behind a proxy either can be the one that people use, or neither.
        let asked = at(&self.request, "/host").as_str();
        let address = at(target, "/url").as_str().and_then(host_of);
        let hosts = registry.into_iter().chain(asked).chain(address);
        let digest = at(target, "/digest");
        let pushed = push(images(hosts, text("repository", at(target, "/repository"))?)?, at(target, "/tag"), digest)?;
        // A registry knows what it took in: one that does not say it is not to be asked either.
        if pushed.digest.is_none() {
            return Err(unusable("digest", text("digest", digest)?, Fault::BadDigest));
        }
        Ok(pushed)
    }
}

fn usable_id(id: &str) -> bool {
    (1..=MOST_ID).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_graphic())
}

/// Layers and configurations are pushed too, and tell nothing.
fn is_image(media_type: &str) -> bool {
    media_type.is_empty() || media_type.contains(".manifest.") || media_type.contains(".image.index.")
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIGEST: &str = "sha256:fea8895f450959fa676bcc1df0611ea93823a735a01205fd8622846041d0c7cf";

    fn pushed(event: Event) -> Push {
        match event.fact.expect("a fact") {
            Fact::Push(push) => push,
            other => panic!("{other:?}"),
        }
    }

    fn one(change: impl FnOnce(&mut Value)) -> Event {
        let mut told = serde_json::json!({
            "id": "e1",
            "timestamp": "2026-11-24T10:00:00.123456789+08:00",
            "action": "push",
            "target": {
                "mediaType": "application/vnd.oci.image.manifest.v1+json",
                "digest": DIGEST,
                "repository": "team/web",
                "url": format!("http://registry.test:5000/v2/team/web/manifests/{DIGEST}"),
                "tag": "dev",
            },
            "request": { "host": "registry.test:5000" },
        });
        change(&mut told);
        let body = serde_json::json!({ "events": [told] }).to_string();
        read(body.as_bytes(), None).expect("an envelope").remove(0)
    }

    #[test]
    fn a_push_says_image_tag_digest_and_time() {
        let event = one(|_| {});
        assert_eq!((event.key.as_str(), event.at), ("e1", Some("2026-11-24T02:00:00.123456789Z".parse().unwrap())));
        let push = pushed(event);
        assert_eq!(push.images, ["registry.test:5000/team/web".parse().unwrap()]);
        assert_eq!((push.tag.as_str(), push.digest.expect("a digest").as_str()), ("dev", DIGEST));
    }

    #[test]
    fn the_host_is_what_the_client_asked_for_or_the_manifest_s_address() {
        let event = one(|told| told["request"]["host"] = "registry.example:443".into());
        let images: Vec<String> = pushed(event).images.iter().map(ToString::to_string).collect();
        assert_eq!(images, ["registry.example:443/team/web", "registry.example/team/web", "registry.test:5000/team/web"]);
        let event = one(|told| told["request"] = Value::Null);
        assert_eq!(pushed(event).images.len(), 1);
    }

    #[test]
    fn what_is_no_push_of_a_tagged_image_says_why() {
        fn reason(change: impl FnOnce(&mut Value)) -> Reason {
            one(change).fact.expect_err("nothing to do")
        }
        assert_eq!(reason(|told| told["action"] = "pull".into()), Reason::NotAPush { action: "pull".into() });
        let layer = "application/vnd.docker.image.rootfs.diff.tar.gzip";
        assert_eq!(reason(|told| told["target"]["mediaType"] = layer.into()), Reason::NotAnImage { media_type: layer.into() });
        assert!(matches!(reason(|told| told["target"]["tag"] = Value::Null), Reason::NoTag { .. }));
        assert!(matches!(reason(|told| told["target"]["tag"] = "".into()), Reason::NoTag { .. }));
        let signature = format!("sha256-{}.sig", "a".repeat(64));
        assert_eq!(one(|told| told["target"]["tag"] = signature.clone().into()).fact, Err(Reason::Attachment { tag: signature }));
    }

    #[test]
    fn a_part_of_another_type_is_named_and_spoils_nothing_beside_it() {
        let field = |change: fn(&mut Value)| match one(change).fact {
            Err(Reason::Unusable { field, why, .. }) => (field, why),
            other => panic!("{other:?}"),
        };
        assert_eq!(field(|told| told["target"]["digest"] = "sha256:xyz".into()), ("digest".into(), Fault::BadDigest));
        assert_eq!(field(|told| told["target"]["digest"] = "".into()), ("digest".into(), Fault::BadDigest));
        assert_eq!(field(|told| told["target"]["digest"] = Value::Null), ("digest".into(), Fault::Missing));
        assert_eq!(field(|told| told["target"]["tag"] = "<script>".into()), ("tag".into(), Fault::BadTag));
        assert_eq!(field(|told| told["target"]["repository"] = "<script>".into()), ("image".into(), Fault::BadImage));
        assert_eq!(field(|told| told["target"] = Value::Null), ("repository".into(), Fault::Missing));
        assert_eq!(field(|told| told["action"] = Value::Null), ("action".into(), Fault::Missing));
        assert_eq!(field(|told| told["action"] = 3.into()).0, "action");
        assert_eq!(field(|told| told["target"] = serde_json::json!([1])).0, "repository");
        let mixed = r#"{"events":[{"id":"a","action":[]},{"id":"b","action":"pull"}]}"#;
        assert_eq!(read(mixed.as_bytes(), None).expect("read").len(), 2);
    }

    #[test]
    fn what_is_no_envelope_is_refused_with_the_form_that_was_expected() {
        for body in
            ["", "null", "[]", "{}", r#"{"events":5}"#, r#"{"events":[{}]}"#, r#"{"events":[{"id":7}]}"#, "\u{1}", "<xml/>"]
        {
            let Err(Fault::Unreadable { detail }) = read(body.as_bytes(), None) else { panic!("read: {body}") };
            assert!(detail.contains("expected {\"events\""), "{detail}");
        }
        assert!(read(br#"{"events":[{"id":""}]}"#, None).is_err());
        let many = format!(r#"{{"events":[{}]}}"#, vec![r#"{"id":"a"}"#; MOST_EVENTS + 1].join(","));
        assert!(matches!(read(many.as_bytes(), None), Err(Fault::Refused { .. })));
        assert_eq!(read(br#"{"events":[]}"#, None), Ok(Vec::new()));
    }

    #[test]
    fn a_time_that_says_nothing_is_none() {
        for bad in ["0001-01-01T00:00:00Z", "yesterday", "1970-01-01T00:00:00Z"] {
            assert_eq!(one(|told| told["timestamp"] = bad.into()).at, None, "{bad}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_make_it_panic(body: Vec<u8>) {
            let _ = read(&body, None);
        }

        #[test]
        fn no_text_in_any_field_makes_it_panic(id in "[!-~]{1,40}", field in "\\PC{0,40}", other in "\\PC{0,40}") {
            let event = serde_json::json!({ "id": id, "action": "push", "timestamp": other,
                "target": { "repository": field, "tag": other, "digest": field, "url": other, "mediaType": "" },
                "request": { "host": field } });
            let read = read(serde_json::json!({ "events": [event] }).to_string().as_bytes(), None);
            proptest::prop_assert!(read.is_ok());
        }
    }
}
