//! Looking inside a container: its processes, and what the engine says about it, both without what
//! nobody should read.

use super::{Host, is_missing};
use crate::engine::logs::safe;
use bollard::query_parameters::TopOptions;
use domain::{Problem, veil};
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;

/// Processes that are listed of one container.
const MOST_PROCESSES: usize = 200;
/// Characters of one cell.
const MOST_CELL: usize = 400;
/// Columns that say something; engines whose `ps` does not know them give their own.
const COLUMNS: &str = "-eo pid,user,pcpu,rss,etime,args";

/// The processes of a container, as its engine's `ps` lists them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Processes {
    pub titles: Vec<String>,
    pub rows: Vec<Vec<String>>,
}

impl Host {
    /// What runs in a container; nothing when it does not run.
    ///
    /// # Errors
    /// As [`Host::containers`].
    pub async fn processes(&self, container: &str) -> Result<Processes, Problem> {
        let ask = |columns: &str| {
            let options = TopOptions { ps_args: columns.to_owned() };
            self.call(self.docker.top_processes(container, Some(options)))
        };
        let told = match ask(COLUMNS).await {
            Ok(told) => Ok(told),
            Err(cause) if is_missing(&cause) => return Ok(Processes::default()),
            // 409: it does not run.
            Err(cause) if super::is_conflict(&cause) => return Ok(Processes::default()),
            Err(_) => ask("-ef").await,
        };
        let told = told.map_err(|cause| self.problem(&cause))?;
        let titles: Vec<String> = told.titles.unwrap_or_default().iter().map(|title| cell(title)).collect();
        let last = titles.len().saturating_sub(1);
        let row = |cells: Vec<String>| {
            let cells =
                cells.iter().enumerate().map(|(at, text)| if at == last { cell(&veil::command(text)) } else { cell(text) });
            cells.collect()
        };
        Ok(Processes { titles, rows: told.processes.unwrap_or_default().into_iter().take(MOST_PROCESSES).map(row).collect() })
    }

    /// What the engine says about a container, as far as it may be shown; none when it is gone. `open`
    /// says which variables are written in the clear elsewhere.
    ///
    /// # Errors
    /// As [`Host::containers`].
    pub async fn shown(&self, container: &str, open: impl Fn(&str, &str) -> bool) -> Result<Option<Value>, Problem> {
        let Some(found) = self.inspect(container).await? else { return Ok(None) };
        let image = found.image.clone().unwrap_or_default();
        let own = self.variables_of_image(&image).await;
        let found = serde_json::to_value(&found).map_err(crate::store::internal)?;
        Ok(Some(shown(&found, |name, value| open(name, value) || own.contains(&format!("{name}={value}")))))
    }

    /// The variables that an image brings: whoever has the image reads them.
    async fn variables_of_image(&self, image: &str) -> BTreeSet<String> {
        let told = self.call(self.docker.inspect_image(image)).await.ok();
        told.and_then(|image| image.config?.env).unwrap_or_default().into_iter().collect()
    }
}

fn cell(text: &str) -> String {
    safe(text.as_bytes()).chars().take(MOST_CELL).collect()
}

/// Where in the engine's answer something stands that may be shown: `*` is any name. A place that is
/// named here is shown with all that is in it.
const SHOWN: &[&str] = &[
    "/Id",
    "/Created",
    "/Name",
    "/Image",
    "/Platform",
    "/RestartCount",
    "/State/Status",
    "/State/Running",
    "/State/Paused",
    "/State/Restarting",
    "/State/OOMKilled",
    "/State/Dead",
    "/State/ExitCode",
    "/State/Error",
    "/State/StartedAt",
    "/State/FinishedAt",
    "/State/Health/Status",
    "/State/Health/FailingStreak",
    "/Config/Hostname",
    "/Config/User",
    "/Config/Env",
    "/Config/Cmd",
    "/Config/Entrypoint",
    "/Config/Image",
    "/Config/WorkingDir",
    "/Config/StopSignal",
    "/Config/StopTimeout",
    "/Config/ExposedPorts",
    "/Config/Healthcheck",
    "/Config/Labels",
    "/HostConfig/Memory",
    "/HostConfig/MemorySwap",
    "/HostConfig/NanoCpus",
    "/HostConfig/PidsLimit",
    "/HostConfig/ReadonlyRootfs",
    "/HostConfig/Privileged",
    "/HostConfig/CapAdd",
    "/HostConfig/CapDrop",
    "/HostConfig/SecurityOpt",
    "/HostConfig/Tmpfs",
    "/HostConfig/NetworkMode",
    "/HostConfig/IpcMode",
    "/HostConfig/PidMode",
    "/HostConfig/RestartPolicy",
    "/HostConfig/PortBindings",
    "/HostConfig/LogConfig/Type",
    "/NetworkSettings/Ports",
    "/NetworkSettings/Networks/*/Aliases",
    "/NetworkSettings/Networks/*/IPAddress",
    "/NetworkSettings/Networks/*/Gateway",
    "/NetworkSettings/Networks/*/MacAddress",
    "/Mounts/*/Type",
    "/Mounts/*/Name",
    "/Mounts/*/Destination",
    "/Mounts/*/RW",
];

/// The engine's answer through the list, in the engine's words.
pub(super) fn shown(found: &Value, open: impl Fn(&str, &str) -> bool) -> Value {
    let mut out = sift(found, &mut Vec::new());
    if let Some(variables) = out.pointer_mut("/Config/Env").and_then(Value::as_array_mut) {
        for pair in variables {
            *pair = json!(veil::variable(pair.as_str().unwrap_or_default(), &open));
        }
    }
    for list in ["/Config/Cmd", "/Config/Entrypoint", "/Config/Healthcheck/Test"] {
        if let Some(words) = out.pointer_mut(list).and_then(Value::as_array_mut) {
            veil_words(words);
        }
    }
    if let Some(labels) = out.pointer_mut("/Config/Labels").and_then(Value::as_object_mut) {
        for (_, value) in labels.iter_mut().filter(|(name, _)| veil::sounds_secret(name)) {
            *value = json!(veil::HIDDEN);
        }
    }
    harmless(&mut out);
    out
}

fn veil_words(words: &mut [Value]) {
    let mut before: Option<String> = None;
    for word in words {
        let text = word.as_str().unwrap_or_default().to_owned();
        // A whole script may stand in one word.
        *word = json!(veil::argument(before.as_deref(), &veil::command(&text)));
        before = Some(text);
    }
}

/// Keeps what stands at a place of the list, and what leads there.
fn sift(value: &Value, place: &mut Vec<String>) -> Value {
    let is = |wanted: &str, place: &[String]| {
        let mut parts = wanted.split('/').skip(1);
        place.iter().all(|name| parts.next().is_some_and(|part| part == "*" || part == name)) && parts.next().is_none()
    };
    let leads = |wanted: &str, place: &[String]| {
        let mut parts = wanted.split('/').skip(1);
        place.iter().all(|name| parts.next().is_some_and(|part| part == "*" || part == name))
    };
    if !place.is_empty() && SHOWN.iter().any(|wanted| is(wanted, place)) {
        return value.clone();
    }
    if !SHOWN.iter().any(|wanted| leads(wanted, place)) {
        return Value::Null;
    }
    match value {
        Value::Object(map) => {
            let mut kept = Map::new();
            for (name, inside) in map {
                place.push(name.clone());
                let inside = sift(inside, place);
                place.pop();
                if !inside.is_null() {
                    kept.insert(name.clone(), inside);
                }
            }
            if kept.is_empty() { Value::Null } else { Value::Object(kept) }
        }
        Value::Array(all) => {
            place.push("*".to_owned());
            let kept: Vec<Value> = all.iter().map(|inside| sift(inside, place)).filter(|inside| !inside.is_null()).collect();
            place.pop();
            if kept.is_empty() { Value::Null } else { Value::Array(kept) }
        }
        _ => Value::Null,
    }
}

/// Text that can do nothing but be read.
fn harmless(value: &mut Value) {
    match value {
        Value::String(text) => *text = text.lines().map(|line| safe(line.as_bytes())).collect::<Vec<_>>().join("\n"),
        Value::Array(all) => all.iter_mut().for_each(harmless),
        Value::Object(map) => map.values_mut().for_each(harmless),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_on_the_list_is_shown_and_secrets_are_veiled() {
        let found = json!({
            "Id": "abc",
            "ResolvConfPath": "/var/lib/docker/containers/abc/resolv.conf",
            "Config": {
                "Env": ["MODE=fast", "DB_PASSWORD=hunter2", "HIDDEN_ONE=hunter2"],
                "Cmd": ["sh", "-c", "app --token hunter2"],
                "Labels": { "slipway.service": "web", "api.key": "hunter2" },
                "MacAddress": "hunter2",
            },
            "HostConfig": { "Memory": 5, "Binds": ["/:/host"], "LogConfig": { "Type": "json-file", "Config": { "x": "hunter2" } } },
            "Mounts": [{ "Type": "bind", "Source": "/hunter2", "Destination": "/x" }],
            "NetworkSettings": { "Networks": { "net": { "IPAddress": "10.0.0.2", "EndpointID": "hunter2" } } },
            "Secret": { "deep": "hunter2" },
        });
        let told = shown(&found, |name, _| name == "MODE");
        assert!(!told.to_string().contains("hunter2"), "{told}");
        assert_eq!(told["Config"]["Env"], json!(["MODE=fast", "DB_PASSWORD=••••••", "HIDDEN_ONE=••••••"]));
        assert_eq!(told["HostConfig"], json!({ "Memory": 5, "LogConfig": { "Type": "json-file" } }));
        assert_eq!(told["Mounts"], json!([{ "Type": "bind", "Destination": "/x" }]));
        assert_eq!(told["NetworkSettings"]["Networks"]["net"], json!({ "IPAddress": "10.0.0.2" }));
        assert!(told.get("ResolvConfPath").is_none() && told.get("Secret").is_none());
    }

    #[test]
    fn a_command_of_a_terminal_in_an_answer_is_shown_as_a_sign() {
        let told = shown(&json!({ "State": { "Error": "a\u{1b}[2Jb\u{7}" } }), |_, _| true);
        assert_eq!(told["State"]["Error"], "ab\u{2407}");
    }
}
