//! Containers and networks of test environments on one engine, as one installation sees it:
//! only what carries its label is listed, adopted or removed.

mod ground;
mod happenings;
mod inside;
mod keep;
mod output;
mod pull;
mod retire;
mod shell;
mod spec;
mod verify;

pub use happenings::Happened;
pub use inside::Processes;
pub use keep::Started;
pub use output::Printed;
pub use shell::{Shell, ShellEnd};
pub use spec::{ContainerSpec, Place, label};

use crate::ctx::Ctx;
use crate::engine::{is_conflict, is_missing, logs, problem};
use bollard::Docker;
use bollard::errors::Error;
use bollard::models::{ContainerInspectResponse, ContainerStateStatusEnum, HealthStatusEnum};
use bollard::query_parameters::{
    CreateContainerOptions, InspectContainerOptions, ListContainersOptions, RemoveContainerOptions, StartContainerOptions,
};
use domain::Problem;
use domain::problem::{Fault, Noun};
use std::collections::HashMap;
use std::time::Duration;

/// One call to the engine, its answer included.
const CALL: Duration = Duration::from_secs(60);
/// How long a name may stay taken by something that cannot be seen yet or any more.
const NAME_SETTLES: Duration = Duration::from_secs(10);
/// An engine may show an end by SIGKILL this long before it shows that memory was the reason.
const MEMORY_SETTLES: Duration = Duration::from_millis(500);
/// The exit code of what ended by SIGKILL.
const KILLED: i64 = 137;

/// One engine, with the name of the installation whose things it may touch.
#[derive(Clone)]
pub struct Host {
    docker: Docker,
    name: String,
    instance: String,
}

/// A container of this installation, as the engine lists it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    pub id: String,
    pub environment: String,
    pub service: String,
    pub running: bool,
}

/// A container, looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Look {
    /// The engine's word: `created`, `running`, `exited` …
    pub state: String,
    pub running: bool,
    /// Set once it has ended.
    pub exit_code: Option<i64>,
    pub out_of_memory: bool,
    pub health: Option<Health>,
    /// What the health check said last, made safe.
    pub health_output: Option<String>,
    pub restarts: i64,
    /// When it was last started, in the engine's own words.
    pub began: Option<String>,
    /// Container port and the port on the engine's machine.
    pub ports: Vec<(u16, u16)>,
}

impl Look {
    fn may_be_for_memory(&self) -> bool {
        self.exit_code == Some(KILLED) && !self.out_of_memory
    }
}

/// A container that is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Made {
    pub id: String,
    /// It was never started.
    pub is_new: bool,
}

/// What a container's health check says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Health {
    Starting,
    Healthy,
    Unhealthy,
}

impl Health {
    pub const fn as_str(self) -> &'static str {
        match self {
            Health::Starting => "starting",
            Health::Healthy => "healthy",
            Health::Unhealthy => "unhealthy",
        }
    }
}

impl Ctx {
    /// The engine for environments that the configuration calls `name`.
    ///
    /// # Errors
    /// [`Problem::Unreachable`]; [`Problem::NotFound`] when the configuration no longer has it.
    pub async fn host(&self, name: &str) -> Result<Host, Problem> {
        let applied = self.config();
        let engine = applied.config.engine(name).ok_or_else(|| Problem::not_found(Noun::Engine, name))?;
        let docker = self.engines.client(Noun::Engine, name, engine.access()).await?;
        Ok(Host { docker, name: name.to_owned(), instance: self.instance().to_owned() })
    }
}

impl Host {
    pub fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn docker(&self) -> &Docker {
        &self.docker
    }

    pub(super) fn problem(&self, cause: &Error) -> Problem {
        problem(Noun::Engine, &self.name, cause)
    }

    /// One call within its bound.
    async fn call<T>(&self, asked: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
        tokio::time::timeout(CALL, asked).await.unwrap_or(Err(Error::RequestTimeoutError))
    }

    /// The labels that every listing asks for; those of one environment, when given.
    pub(super) fn filters(&self, environment: Option<&str>) -> HashMap<String, Vec<String>> {
        let environment = environment.map_or_else(|| label::ENVIRONMENT.to_owned(), |id| format!("{}={id}", label::ENVIRONMENT));
        HashMap::from([("label".to_owned(), vec![format!("{}={}", label::INSTANCE, self.instance), environment])])
    }

    /// Whether the engine answers now.
    ///
    /// # Errors
    /// [`Problem::Unreachable`].
    pub async fn greet(&self) -> Result<(), Problem> {
        self.call(self.docker.ping()).await.map(|_| ()).map_err(|cause| self.problem(&cause))
    }

    /// The engine's version, in its own words; none when it does not say.
    ///
    /// # Errors
    /// [`Problem::Unreachable`].
    pub async fn version(&self) -> Result<Option<String>, Problem> {
        let said = self.call(self.docker.version()).await.map_err(|cause| self.problem(&cause))?;
        Ok(said.version.map(|version| crate::engine::swarm::safe(&version)))
    }

    /// This installation's containers, running or not, of one environment or of all.
    ///
    /// # Errors
    /// [`Problem::Unreachable`] or [`Problem::EngineRefused`], as for everything here.
    pub async fn containers(&self, environment: Option<&str>) -> Result<Vec<Found>, Problem> {
        let options = ListContainersOptions { all: true, filters: Some(self.filters(environment)), ..Default::default() };
        let listed = self.call(self.docker.list_containers(Some(options))).await.map_err(|cause| self.problem(&cause))?;
        let found = listed.into_iter().filter_map(|container| {
            let labels = container.labels?;
            let ours = labels.get(label::INSTANCE)? == &self.instance;
            ours.then_some(Found {
                id: container.id?,
                environment: labels.get(label::ENVIRONMENT)?.clone(),
                service: labels.get(label::SERVICE).cloned().unwrap_or_default(),
                running: container.state.is_some_and(|state| state.to_string() == "running"),
            })
        });
        Ok(found.collect())
    }

    /// Makes the container, unless it is there exactly as asked. What is found otherwise, or
    /// made otherwise by the engine, is removed: it never starts.
    ///
    /// # Errors
    /// [`Problem::Uncontained`] when the engine did not keep to the specification, and as
    /// [`Host::containers`].
    pub async fn ensure_container(&self, spec: &ContainerSpec, image_id: &str) -> Result<Made, Problem> {
        let mut told = None;
        for _ in 0..2 {
            let id = self.create(spec).await?;
            let Some(mut found) = self.inspect(&id).await? else { continue };
            if self.connect(spec, &id, &found).await? {
                let Some(again) = self.inspect(&id).await? else { continue };
                found = again;
            }
            let Some(limit) = verify::broken(spec, image_id, &found) else {
                let status = found.state.and_then(|state| state.status);
                return Ok(Made { id, is_new: status == Some(ContainerStateStatusEnum::CREATED) });
            };
            tracing::error!(engine = %self.name, container = %spec.name, limit, "a container is not as asked");
            self.remove_container(&id).await?;
            told = Some(limit);
        }
        Err(Problem::Uncontained { service: spec.service.clone(), limit: told.unwrap_or("presence").to_owned() })
    }

    /// The id of the container of this name: a new one, or the one that is there already.
    async fn create(&self, spec: &ContainerSpec) -> Result<String, Problem> {
        let end = tokio::time::Instant::now() + NAME_SETTLES;
        loop {
            let options = CreateContainerOptions { name: Some(spec.name.clone()), ..Default::default() };
            let cause = match self.call(self.docker.create_container(Some(options), spec.body())).await {
                Ok(created) => return Ok(created.id),
                Err(cause) => cause,
            };
            if !is_conflict(&cause) {
                return Err(self.problem(&cause));
            }
            if let Some(found) = self.inspect(&spec.name).await? {
                return self.adopt(spec, found);
            }
            // An older request still makes it, or it is just going away.
            if tokio::time::Instant::now() > end {
                return Err(name_taken());
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Takes what has the name, if it is this environment's.
    fn adopt(&self, spec: &ContainerSpec, found: ContainerInspectResponse) -> Result<String, Problem> {
        let labels = found.config.and_then(|config| config.labels).unwrap_or_default();
        let same = |name: &str| spec.labels.get(name).is_some_and(|wanted| labels.get(name) == Some(wanted));
        match found.id {
            Some(id) if same(label::INSTANCE) && same(label::ENVIRONMENT) => Ok(id),
            _ => Err(name_taken()),
        }
    }

    async fn inspect(&self, container: &str) -> Result<Option<ContainerInspectResponse>, Problem> {
        match self.call(self.docker.inspect_container(container, None::<InspectContainerOptions>)).await {
            Ok(found) => Ok(Some(found)),
            Err(cause) if is_missing(&cause) => Ok(None),
            Err(cause) => Err(self.problem(&cause)),
        }
    }

    /// A container as it is now; none when it is gone.
    ///
    /// # Errors
    /// As [`Host::containers`].
    pub async fn look(&self, container: &str) -> Result<Option<Look>, Problem> {
        let seen = self.inspect(container).await?.map(look);
        if !seen.as_ref().is_some_and(Look::may_be_for_memory) {
            return Ok(seen);
        }
        tokio::time::sleep(MEMORY_SETTLES).await;
        Ok(self.inspect(container).await?.map(look))
    }

    /// Starts a container; one that runs already is left alone.
    ///
    /// # Errors
    /// As [`Host::containers`].
    pub async fn start(&self, container: &str) -> Result<(), Problem> {
        let started = self.call(self.docker.start_container(container, None::<StartContainerOptions>)).await;
        started.map_err(|cause| self.problem(&cause))
    }

    /// Removes a container, running or not, with its nameless volumes. Gone is good.
    ///
    /// # Errors
    /// As [`Host::containers`].
    pub async fn remove_container(&self, container: &str) -> Result<(), Problem> {
        let options = RemoveContainerOptions { force: true, v: true, link: false };
        match self.call(self.docker.remove_container(container, Some(options))).await {
            // 409: another request removes it already.
            Err(cause) if !is_missing(&cause) && !is_conflict(&cause) => Err(self.problem(&cause)),
            _ => Ok(()),
        }
    }

    /// The last `lines` of what a container wrote, both streams, at most 1 MiB.
    ///
    /// # Errors
    /// As [`Host::containers`].
    pub async fn tail(&self, container: &str, lines: u32) -> Result<Vec<String>, Problem> {
        let read = tokio::time::timeout(CALL, logs::tail(&self.docker, container, lines)).await;
        read.unwrap_or(Err(Error::RequestTimeoutError)).map_err(|cause| self.problem(&cause))
    }
}

fn name_taken() -> Problem {
    Problem::EngineRefused { why: Fault::Refused { reason: "the name is taken by something that is not Slipway's".to_owned() } }
}

fn look(found: ContainerInspectResponse) -> Look {
    let state = found.state.unwrap_or_default();
    let status = state.status.map(|status| status.to_string()).unwrap_or_default();
    let ended = matches!(status.as_str(), "exited" | "dead");
    let said = state.health.as_ref().and_then(|health| health.log.as_ref()?.last()?.output.as_deref());
    let health_output = said.map(|said| said.lines().map(|line| logs::safe(line.as_bytes())).collect::<Vec<_>>().join("\n"));
    let health = state.health.and_then(|health| health.status).and_then(|status| match status {
        HealthStatusEnum::STARTING => Some(Health::Starting),
        HealthStatusEnum::HEALTHY => Some(Health::Healthy),
        HealthStatusEnum::UNHEALTHY => Some(Health::Unhealthy),
        HealthStatusEnum::EMPTY | HealthStatusEnum::NONE => None,
    });
    let mut ports = Vec::new();
    for (port, bindings) in found.network_settings.and_then(|settings| settings.ports).unwrap_or_default() {
        let number = port.split('/').next().and_then(|number| number.parse().ok());
        // An address of the old kind first: with both, the numbers may differ.
        let mut bindings = bindings.unwrap_or_default();
        bindings.sort_by_key(|binding| binding.host_ip.as_deref().is_some_and(|ip| ip.contains(':')));
        let published = bindings.first().and_then(|binding| binding.host_port.as_deref()).and_then(|port| port.parse().ok());
        ports.extend(number.zip(published));
    }
    ports.sort_unstable();
    Look {
        running: state.running == Some(true),
        exit_code: state.exit_code.filter(|_| ended),
        out_of_memory: state.oom_killed == Some(true),
        state: status,
        health,
        health_output,
        restarts: found.restart_count.unwrap_or_default(),
        began: state.started_at,
        ports,
    }
}
