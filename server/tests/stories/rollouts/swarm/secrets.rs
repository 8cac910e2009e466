//! The secrets of the Swarm in memory: they never change, and none goes while a service is given it.

use super::{Inner, Swarm, answer, change, look, refused};
use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::response::Response;
use axum::routing::{delete, get, post};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

pub fn routes() -> Router<Swarm> {
    Router::new().route("/secrets", get(list)).route("/secrets/create", post(create)).route("/secrets/{id}", delete(remove))
}

impl Swarm {
    /// The names of the objects that are there, in their order.
    pub fn secrets(&self) -> Vec<String> {
        let inner = self.inner();
        inner.secrets.iter().map(|secret| secret["Spec"]["Name"].as_str().expect("a name").to_owned()).collect()
    }

    /// The files that tasks of the app's service read, with what they hold.
    pub fn given(&self) -> Vec<(String, String)> {
        self.given_to("slw-web")
    }

    /// The same of the service of this name.
    pub fn given_to(&self, name: &str) -> Vec<(String, String)> {
        let inner = self.inner();
        let service = inner.services.iter().find(|service| service["Spec"]["Name"] == name).expect("a service");
        let files = service["Spec"]["TaskTemplate"]["ContainerSpec"]["Secrets"].as_array();
        let file = |one: &Value| {
            let secret = inner.secrets.iter().find(|secret| secret["ID"] == one["SecretID"]).expect("a secret of this id");
            let held = STANDARD.decode(secret["Spec"]["Data"].as_str().expect("data")).expect("base64");
            let name = one["File"]["Name"].as_str().expect("a file").to_owned();
            (name, String::from_utf8(held).expect("text"))
        };
        files.into_iter().flatten().map(file).collect()
    }

    /// Puts a secret there that somebody else made.
    pub fn found_secret(&self, name: &str) {
        let id = self.inner().secrets.len();
        let spec = json!({ "Name": name, "Labels": { "slipway.instance": "another" }, "Data": STANDARD.encode("theirs") });
        self.inner().secrets.push(json!({ "ID": format!("foreign{id}"), "Version": { "Index": 1 }, "Spec": spec }));
    }
}

impl Inner {
    /// Why a Swarm takes no such service: it names a secret that is not there under this id.
    pub(super) fn lacks_secret(&self, spec: &Value) -> Option<Response> {
        let there = |one: &Value| {
            self.secrets.iter().any(|secret| secret["ID"] == one["SecretID"] && secret["Spec"]["Name"] == one["SecretName"])
        };
        let named = spec["TaskTemplate"]["ContainerSpec"]["Secrets"].as_array();
        let lacks = named.into_iter().flatten().any(|one| !there(one));
        lacks.then(|| refused(400, "rpc error: code = InvalidArgument desc = secret not found"))
    }
}

async fn list(State(swarm): State<Swarm>) -> Response {
    let told = |secret: &Value| {
        let mut told = secret.clone();
        told["Spec"].as_object_mut().expect("a specification").remove("Data");
        told
    };
    look(&swarm).unwrap_or_else(|| answer(&Value::Array(swarm.inner().secrets.iter().map(told).collect())))
}

async fn create(State(swarm): State<Swarm>, body: Bytes) -> Response {
    let spec: Value = serde_json::from_slice(&body).expect("a specification");
    change(&swarm, |inner| {
        if inner.secrets.iter().any(|secret| secret["Spec"]["Name"] == spec["Name"]) {
            return refused(409, "rpc error: code = AlreadyExists desc = secret already exists");
        }
        inner.version += 1;
        let id = format!("secret{}", inner.version);
        inner.secrets.push(json!({ "ID": id, "Version": { "Index": inner.version }, "Spec": spec }));
        answer(&json!({ "ID": id }))
    })
}

async fn remove(State(swarm): State<Swarm>, Path(id): Path<String>) -> Response {
    change(&swarm, |inner| {
        let given = |service: &Value| {
            let named = service["Spec"]["TaskTemplate"]["ContainerSpec"]["Secrets"].as_array();
            named.into_iter().flatten().any(|one| one["SecretID"] == id.as_str())
        };
        if inner.services.iter().any(given) {
            return refused(400, "rpc error: code = InvalidArgument desc = secret is in use by the following service: slw-web");
        }
        let before = inner.secrets.len();
        inner.secrets.retain(|secret| secret["ID"] != id.as_str());
        if inner.secrets.len() == before { refused(404, "secret not found") } else { answer(&json!({})) }
    })
}
