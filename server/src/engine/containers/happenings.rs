//! What happens to containers: the engine's events, and what can be seen of those that nobody heard.

use super::{Host, label};
use bollard::models::EventMessage;
use bollard::query_parameters::EventsOptions;
use chrono::{DateTime, Utc};
use domain::happening::Happening;
use domain::{Problem, Time};
use futures::StreamExt as _;

/// Something that happened to a container of an environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Happened {
    pub environment: String,
    pub service: String,
    pub at: Time,
    /// None for what only says that something moved.
    pub what: Option<Happening>,
    pub exit_code: Option<i64>,
    /// The same for the same thing, however often it is told.
    pub key: String,
    /// It ended or was removed.
    pub is_end: bool,
}

impl Host {
    /// What happens to this installation's containers, from a moment on.
    pub fn events(&self, since: Time) -> impl futures::Stream<Item = Result<Happened, Problem>> + '_ {
        let mut filters = self.filters(None);
        let mut only = |name: &str, values: &[&str]| {
            filters.insert(name.to_owned(), values.iter().map(|value| (*value).to_owned()).collect());
        };
        only("type", &["container"]);
        only("event", &["start", "die", "destroy", "health_status", "oom", "restart", "pause", "unpause"]);
        let since = format!("{}.{:09}", since.timestamp(), since.timestamp_subsec_nanos());
        let options = EventsOptions { filters: Some(filters), since: Some(since), ..Default::default() };
        self.docker.events(Some(options)).filter_map(move |event| async move {
            match event {
                Ok(event) => happened(event).map(Ok),
                Err(cause) => Some(Err(self.problem(&cause))),
            }
        })
    }

    /// What can be seen of a container's last start and end, for those that nobody heard.
    ///
    /// # Errors
    /// As [`Host::containers`].
    pub async fn last_happened(&self, container: &str) -> Result<Vec<Happened>, Problem> {
        let Some(found) = self.inspect(container).await? else { return Ok(Vec::new()) };
        let labels = found.config.and_then(|config| config.labels).unwrap_or_default();
        let (Some(environment), Some(state)) = (labels.get(label::ENVIRONMENT).cloned(), found.state) else {
            return Ok(Vec::new());
        };
        let service = labels.get(label::SERVICE).cloned().unwrap_or_default();
        let id: String = found.id.unwrap_or_default().chars().take(12).collect();
        let ended = state.running != Some(true) && state.exit_code.is_some();
        let seen = |at: Option<String>, what: Happening, exit_code: Option<i64>| {
            let at = DateTime::parse_from_rfc3339(&at?).ok()?.to_utc();
            // The engine's word for never.
            (at.timestamp() > 0).then(|| Happened {
                environment: environment.clone(),
                service: service.clone(),
                at,
                what: Some(what),
                exit_code,
                key: format!("seen {id} {} {}", what.as_str(), at.timestamp_micros()),
                is_end: what == Happening::Ended,
            })
        };
        let mut found = Vec::new();
        found.extend(seen(state.started_at, Happening::Started, None));
        if ended {
            if state.oom_killed == Some(true) {
                found.extend(seen(state.finished_at.clone(), Happening::OutOfMemory, None));
            }
            found.extend(seen(state.finished_at, Happening::Ended, state.exit_code));
        }
        Ok(found)
    }
}

fn happened(event: EventMessage) -> Option<Happened> {
    let actor = event.actor?;
    let mut attributes = actor.attributes?;
    let environment = attributes.remove(label::ENVIRONMENT)?;
    let action = event.action.unwrap_or_default();
    let what = Happening::of_action(&action);
    let nanos = event.time_nano.or_else(|| event.time?.checked_mul(1_000_000_000)).unwrap_or_default();
    let id: String = actor.id.unwrap_or_default().chars().take(12).collect();
    Some(Happened {
        environment,
        service: attributes.remove(label::SERVICE).unwrap_or_default(),
        at: DateTime::<Utc>::from_timestamp_nanos(nanos),
        what,
        exit_code: attributes.get("exitCode").and_then(|code| code.parse().ok()).filter(|_| what == Some(Happening::Ended)),
        key: format!("{id} {} {nanos}", what.map_or("other", Happening::as_str)),
        is_end: matches!(action.as_str(), "die" | "destroy"),
    })
}
