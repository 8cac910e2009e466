//! Looking: what the Swarm says of a service and of its tasks.

use super::spec::{APP, CANARY, INSTANCE, INTENT, PROMOTION, Which, difference, essence, essence_of, intent_hash, replicas};
use super::{Failure, LOOK, Swarm, Trouble, away, safe, within};
use crate::seen::ServiceSeen;
use bollard::models::{Service, ServiceUpdateStatusStateEnum, Task, TaskSpec, TaskState};
use bollard::query_parameters::{InspectServiceOptions, ListServicesOptionsBuilder, ListTasksOptionsBuilder};
use chrono::DateTime;
use domain::drift::Essence;
use domain::rollout::{TaskPhase, TaskSeen};
use domain::service::ServiceIntent;
use domain::{Digest, Time};
use std::collections::{BTreeSet, HashMap};

/// What stands under the name of an app's service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Look {
    Absent,
    /// A service that this installation did not make. It is not touched.
    Foreign,
    Ours(Box<Observed>),
}

/// A service of ours, as the Swarm shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Observed {
    pub id: String,
    /// Goes up with every change; an update names the one that it was decided on.
    pub version: u64,
    pub app: String,
    pub which: Which,
    /// The promotion whose rollout changed it last.
    pub promotion: Option<String>,
    intent: Option<String>,
    essence: Essence,
    /// When the Swarm last took a change of it in.
    updated_at: Option<Time>,
    digest: Option<Digest>,
    pub desired: u32,
    /// Whether the Swarm gave an update up.
    pub paused: bool,
    /// Whether the engine kept that no process may gain privileges.
    pub no_new_privileges: bool,
    /// Newest first.
    pub tasks: Vec<TaskSeen>,
}

impl Observed {
    /// Whether this promotion's rollout of this intent has changed the service already.
    pub fn carries(&self, intent: &ServiceIntent, promotion: &str) -> bool {
        self.promotion.as_deref() == Some(promotion) && self.intent.as_ref() == Some(&intent_hash(intent))
    }

    /// The first part in which the service is not what was asked.
    pub fn difference(&self, intent: &ServiceIntent) -> Option<&'static str> {
        difference(&self.essence, &essence(intent))
    }

    /// The tasks that have ended.
    pub fn ended(&self) -> BTreeSet<String> {
        let ended = self.tasks.iter().filter(|task| matches!(task.phase, TaskPhase::Failed | TaskPhase::Gone));
        ended.map(|task| task.id.clone()).collect()
    }

    /// The digest that runs; of the specification while nothing runs. When several run, the
    /// one of the specification is said, and the service is not healthy.
    pub fn digest(&self) -> Option<&Digest> {
        let running: BTreeSet<&Digest> = self.running().filter_map(|task| task.digest.as_ref()).collect();
        if running.len() == 1 { running.into_iter().next() } else { self.digest.as_ref() }
    }

    fn running(&self) -> impl Iterator<Item = &TaskSeen> {
        self.tasks.iter().filter(|task| task.phase == TaskPhase::Running)
    }

    /// What the board of regions shows of it.
    pub fn seen(&self) -> ServiceSeen {
        let digest = self.digest().cloned();
        let running = u32::try_from(self.running().count()).unwrap_or(u32::MAX);
        let one_digest = self.running().all(|task| task.digest == digest);
        ServiceSeen {
            healthy: running == self.desired && running > 0 && one_digest,
            digest,
            running,
            desired: self.desired,
            promotion: self.promotion.clone(),
            essence: self.essence.clone(),
            updated_at: self.updated_at,
        }
    }
}

impl Swarm {
    /// Looks at one of an app's services, within three seconds.
    ///
    /// # Errors
    /// [`Trouble`] when the Swarm gave no answer.
    pub async fn look(&self, app: &str, which: Which) -> Result<Look, Trouble> {
        tokio::time::timeout(LOOK, self.look_at(app, which)).await.map_err(|_| away())?
    }

    async fn look_at(&self, app: &str, which: Which) -> Result<Look, Trouble> {
        let name = which.name(app);
        let service = match within(LOOK, self.docker.inspect_service(&name, None::<InspectServiceOptions>)).await {
            Ok(service) => service,
            Err(Failure::Missing) => return Ok(Look::Absent),
            Err(failure) => return Err(failure.trouble()),
        };
        let spec = service.spec.clone().unwrap_or_default();
        if spec.name.as_deref() != Some(&name) {
            // A name is also tried as the beginning of an id.
            return Ok(Look::Absent);
        }
        let ours = label(&service, INSTANCE) == Some(self.instance.as_str()) && label(&service, APP) == Some(app);
        if !ours || which_of(&service) != which {
            return Ok(Look::Foreign);
        }
        let id = service.id.clone().unwrap_or_default();
        let filters = HashMap::from([("service", vec![id.as_str()])]);
        let options = ListTasksOptionsBuilder::default().filters(&filters).build();
        let tasks = within(LOOK, self.docker.list_tasks(Some(options))).await.map_err(Failure::trouble)?;
        Ok(Look::Ours(Box::new(observed(&service, tasks.iter().filter(|task| task.service_id == service.id)))))
    }

    /// Looks at everything of ours, within three seconds.
    ///
    /// # Errors
    /// [`Trouble`] when the Swarm gave no answer.
    pub async fn look_at_all(&self) -> Result<Vec<Observed>, Trouble> {
        let look = async {
            let ours = format!("{INSTANCE}={}", self.instance);
            let filters = HashMap::from([("label", vec![ours.as_str()])]);
            let options = ListServicesOptionsBuilder::default().filters(&filters).build();
            let services = within(LOOK, self.docker.list_services(Some(options))).await.map_err(Failure::trouble)?;
            let ids: Vec<&str> = services.iter().filter_map(|service| service.id.as_deref()).collect();
            if ids.is_empty() {
                return Ok(Vec::new());
            }
            let filters = HashMap::from([("service", ids), ("desired-state", vec!["running"])]);
            let options = ListTasksOptionsBuilder::default().filters(&filters).build();
            let tasks = within(LOOK, self.docker.list_tasks(Some(options))).await.map_err(Failure::trouble)?;
            let of = |service: &Service| observed(service, tasks.iter().filter(|task| task.service_id == service.id));
            // Our label on a service of another name was put there by somebody else.
            let named = |seen: &Observed, service: &Service| {
                service.spec.as_ref().and_then(|spec| spec.name.as_deref()) == Some(&seen.which.name(&seen.app))
            };
            Ok(services
                .iter()
                .map(|service| (of(service), service))
                .filter(|(seen, service)| named(seen, service))
                .map(|(seen, _)| seen)
                .collect())
        };
        tokio::time::timeout(LOOK, look).await.map_err(|_| away())?
    }
}

pub(super) fn label<'a>(service: &'a Service, name: &str) -> Option<&'a str> {
    service.spec.as_ref()?.labels.as_ref()?.get(name).map(String::as_str)
}

/// Whether it says of itself that it is a canary.
pub(super) fn which_of(service: &Service) -> Which {
    if label(service, CANARY).is_some() { Which::Canary } else { Which::Main }
}

fn observed<'a>(service: &Service, tasks: impl Iterator<Item = &'a Task>) -> Observed {
    let spec = service.spec.clone().unwrap_or_default();
    let template = spec.task_template.clone().unwrap_or_default();
    let container = template.container_spec.clone().unwrap_or_default();
    let mut tasks: Vec<&Task> = tasks.collect();
    tasks.sort_unstable_by(|a, b| b.created_at.cmp(&a.created_at).then_with(|| b.id.cmp(&a.id)));
    let state = service.update_status.as_ref().and_then(|status| status.state);
    Observed {
        id: service.id.clone().unwrap_or_default(),
        version: service.version.as_ref().and_then(|version| version.index).unwrap_or(0),
        app: label(service, APP).unwrap_or_default().to_owned(),
        which: which_of(service),
        promotion: label(service, PROMOTION).map(str::to_owned),
        intent: label(service, INTENT).map(str::to_owned),
        essence: essence_of(&spec),
        updated_at: service.updated_at.as_deref().and_then(moment),
        digest: container.image.as_deref().and_then(digest),
        desired: u32::try_from(replicas(&spec)).unwrap_or(0),
        paused: state == Some(ServiceUpdateStatusStateEnum::PAUSED),
        no_new_privileges: container.privileges.and_then(|privileges| privileges.no_new_privileges) == Some(true),
        tasks: tasks.into_iter().map(|task| seen_task(task, &template)).collect(),
    }
}

fn seen_task(task: &Task, template: &TaskSpec) -> TaskSeen {
    let status = task.status.clone().unwrap_or_default();
    let spec = task.spec.clone().unwrap_or_default();
    let image = spec.container_spec.as_ref().and_then(|container| container.image.as_deref());
    TaskSeen {
        id: task.id.clone().unwrap_or_default(),
        digest: image.and_then(digest),
        phase: status.state.map_or(TaskPhase::Coming, phase),
        wanted: task.desired_state == Some(TaskState::RUNNING),
        current: same_template(&spec, template),
        error: status.err.filter(|error| !error.is_empty()).map(|error| safe(&error)),
    }
}

/// Whether the Swarm has nothing to change about a task with this specification.
fn same_template(spec: &TaskSpec, template: &TaskSpec) -> bool {
    spec.container_spec == template.container_spec
        && spec.resources == template.resources
        && spec.restart_policy == template.restart_policy
        && spec.log_driver == template.log_driver
        && spec.force_update == template.force_update
}

fn phase(state: TaskState) -> TaskPhase {
    match state {
        TaskState::RUNNING => TaskPhase::Running,
        TaskState::COMPLETE | TaskState::FAILED | TaskState::REJECTED => TaskPhase::Failed,
        TaskState::SHUTDOWN | TaskState::REMOVE | TaskState::ORPHANED => TaskPhase::Gone,
        _ => TaskPhase::Coming,
    }
}

/// A moment as engines write it.
pub(super) fn moment(text: &str) -> Option<Time> {
    DateTime::parse_from_rfc3339(text).ok().map(|at| at.to_utc())
}

/// The digest of `host/repository@digest`; none for a name by tag, which says nothing.
pub(super) fn digest(image: &str) -> Option<Digest> {
    image.rsplit_once('@').and_then(|(_, digest)| digest.parse().ok())
}
