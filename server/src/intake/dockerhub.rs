//! Docker Hub.

use super::proof::Proof;
use super::read::{self, at, objects, texts};
use super::{Event, Source, Told};
use domain::problem::Fault;
use serde_json::Value;

const FORM: &str = r#"{"push_data": {"pushed_at": 1, "pusher": "…", "tag": "…"}, "repository": {"repo_name": "…", …}}"#;
/// The names that Docker Hub has in images.
const HOSTS: [&str; 3] = ["docker.io", "registry-1.docker.io", "index.docker.io"];

/// A repository's webhook. It is not signed, and does not say the digest: the registry is asked.
pub struct DockerHub;

impl Source for DockerHub {
    fn word(&self) -> &'static str {
        "dockerhub"
    }

    fn title(&self) -> &'static str {
        "Docker Hub"
    }

    fn proof(&self) -> Proof {
        Proof::Address
    }

    fn snippet(&self, url: &str, _secret: &str) -> String {
        format!("Repositories > repository > Webhooks\nWebhook name: slipway\nWebhook URL: {url}\n")
    }

    fn read(&self, told: &Told<'_>) -> Result<Vec<Event>, Fault> {
        let fits = |body: &Value| objects(body, &["/push_data", "/repository"]) && texts(body, &["/repository/repo_name"]);
        let body = read::shaped(told.body, FORM, fits)?;
        let (name, tag) = (at(&body, "/repository/repo_name").as_str().unwrap_or_default(), at(&body, "/push_data/tag"));
        let pushed_at = at(&body, "/push_data/pushed_at");
        let heard = Value::String(read::heard(told));
        let when = if pushed_at.is_null() { &heard } else { pushed_at };
        let key = read::key_of("dockerhub", &[at(&body, "/repository/repo_name"), tag, when]);
        let repository = if name.contains('/') { name.to_owned() } else { format!("library/{name}") };
        let push = read::images(told.registry.into_iter().chain(HOSTS), &repository);
        let push = push.and_then(|images| read::push(images, tag, &Value::Null));
        Ok(vec![read::event(key, read::time(pushed_at), push)])
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{only, pushed, reason, refused};
    use super::*;
    use domain::delivery::Reason;
    use serde_json::json;

    fn a_push() -> Value {
        json!({ "callback_url": "", "push_data": { "pushed_at": 1_795_485_600, "pusher": "ann", "tag": "dev" },
            "repository": { "repo_name": "acme/web", "name": "web", "namespace": "acme", "owner": "acme" } })
    }

    #[test]
    fn a_push_says_image_tag_and_time_and_no_digest() {
        let event = only(&DockerHub, &a_push());
        assert_eq!(event.at, Some("2026-11-24T02:00:00Z".parse().unwrap()));
        let push = pushed(event);
        assert_eq!((push.images[0].to_string().as_str(), push.tag.as_str(), push.digest), ("docker.io/acme/web", "dev", None));
    }

    #[test]
    fn a_tag_pushed_again_is_another_event_and_a_repetition_is_not() {
        let mut later = a_push();
        later["push_data"]["pushed_at"] = json!(1_795_485_700.5);
        assert_ne!(only(&DockerHub, &a_push()).key, only(&DockerHub, &later).key);
        assert_eq!(only(&DockerHub, &later).key, only(&DockerHub, &later).key);
    }

    #[test]
    fn an_official_image_is_of_the_library() {
        let mut body = a_push();
        body["repository"]["repo_name"] = "web".into();
        assert_eq!(pushed(only(&DockerHub, &body)).images[0].repository(), "library/web");
    }

    #[test]
    fn what_is_of_another_form_is_refused_and_a_bad_tag_is_named() {
        let mut body = a_push();
        body["push_data"]["tag"] = 5.into();
        assert!(matches!(reason(&DockerHub, &body), Reason::Unusable { field, .. } if field == "tag"));
        body["push_data"]["tag"] = Value::Null;
        assert_eq!(reason(&DockerHub, &body), Reason::NoTag { image: "docker.io/acme/web".into() });
        refused(&DockerHub, &json!({ "push_data": { "tag": "dev" }, "repository": { "repo_full_name": "a/b", "region": "r" } }));
    }
}
