//! Looking closely: the nodes of a Swarm, and every task of our services that it still knows.

use super::look::{digest, label, moment, which_of};
use super::spec::{APP, INSTANCE, Which};
use super::{Failure, LOOK, Swarm, Trouble, away, safe, within};
use app::view::{NodeView, TaskView};
use bollard::models::{Node, NodeSpecRoleEnum, Task, TaskState};
use bollard::query_parameters::{ListNodesOptions, ListServicesOptionsBuilder, ListTasksOptionsBuilder};
use std::collections::HashMap;

/// Tasks of one service that are shown; a Swarm keeps five of the past for each replica.
const MOST_TASKS: usize = 200;

/// A region as it is at this moment.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Inside {
    /// Managers first, then by name.
    pub nodes: Vec<NodeView>,
    /// The tasks of each app's services, newest first.
    pub tasks: HashMap<(String, Which), Vec<TaskView>>,
}

impl Swarm {
    /// Looks at the nodes and at the tasks of our services, within three seconds.
    ///
    /// # Errors
    /// [`Trouble`] when the Swarm gave no answer.
    pub async fn inside(&self) -> Result<Inside, Trouble> {
        tokio::time::timeout(LOOK, self.look_inside()).await.map_err(|_| away())?
    }

    async fn look_inside(&self) -> Result<Inside, Trouble> {
        let nodes = within(LOOK, self.docker.list_nodes(None::<ListNodesOptions>)).await.map_err(Failure::trouble)?;
        let names: HashMap<&str, String> = nodes.iter().filter_map(|node| Some((node.id.as_deref()?, node_name(node)))).collect();
        let ours = format!("{INSTANCE}={}", self.instance);
        let filters = HashMap::from([("label", vec![ours.as_str()])]);
        let options = ListServicesOptionsBuilder::default().filters(&filters).build();
        let services = within(LOOK, self.docker.list_services(Some(options))).await.map_err(Failure::trouble)?;
        let apps: HashMap<&str, (&str, Which)> = services
            .iter()
            .filter_map(|service| {
                let (id, app, which) = (service.id.as_deref()?, label(service, APP)?, which_of(service));
                let named = service.spec.as_ref()?.name.as_deref() == Some(&which.name(app));
                named.then_some((id, (app, which)))
            })
            .collect();
        let mut inside = Inside { nodes: nodes.iter().map(node_view).collect(), tasks: HashMap::new() };
        inside.nodes.sort_by(|a, b| b.manager.cmp(&a.manager).then_with(|| a.name.cmp(&b.name)));
        if apps.is_empty() {
            return Ok(inside);
        }
        let filters = HashMap::from([("service", apps.keys().copied().collect())]);
        let options = ListTasksOptionsBuilder::default().filters(&filters).build();
        let mut tasks: Vec<Task> = within(LOOK, self.docker.list_tasks(Some(options))).await.map_err(Failure::trouble)?;
        tasks.sort_unstable_by(|a, b| b.created_at.cmp(&a.created_at).then_with(|| b.id.cmp(&a.id)));
        for task in &tasks {
            let Some((app, which)) = task.service_id.as_deref().and_then(|id| apps.get(id)) else { continue };
            let of_app = inside.tasks.entry(((*app).to_owned(), *which)).or_default();
            if of_app.len() < MOST_TASKS {
                of_app.push(task_view(task, &names));
            }
        }
        Ok(inside)
    }
}

fn node_name(node: &Node) -> String {
    let host = node.description.as_ref().and_then(|description| description.hostname.as_deref());
    safe(host.or(node.id.as_deref()).unwrap_or_default())
}

fn node_view(node: &Node) -> NodeView {
    let (spec, status) = (node.spec.clone().unwrap_or_default(), node.status.clone().unwrap_or_default());
    let engine = node.description.as_ref().and_then(|description| description.engine.as_ref());
    NodeView {
        name: node_name(node),
        state: status.state.map(|state| state.to_string()).unwrap_or_default(),
        availability: spec.availability.map(|availability| availability.to_string()).unwrap_or_default(),
        manager: spec.role == Some(NodeSpecRoleEnum::MANAGER),
        leader: node.manager_status.as_ref().and_then(|manager| manager.leader).unwrap_or(false),
        address: status.addr.filter(|address| !address.is_empty()).map(|address| safe(&address)),
        engine: engine.and_then(|engine| engine.engine_version.as_deref()).map(safe),
    }
}

fn task_view(task: &Task, nodes: &HashMap<&str, String>) -> TaskView {
    let status = task.status.clone().unwrap_or_default();
    let image = task.spec.as_ref().and_then(|spec| spec.container_spec.as_ref()?.image.as_deref());
    TaskView {
        id: task.id.clone().unwrap_or_default(),
        slot: task.slot.filter(|slot| *slot > 0),
        node: task.node_id.as_deref().and_then(|id| nodes.get(id)).cloned(),
        state: status.state.map(|state| state.to_string()).unwrap_or_default(),
        wanted: task.desired_state == Some(TaskState::RUNNING),
        digest: image.and_then(digest),
        since: status.timestamp.as_deref().and_then(moment),
        error: status.err.filter(|error| !error.is_empty()).map(|error| safe(&error)),
    }
}
