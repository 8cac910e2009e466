//! The nodes of a region: what they could hold.

use super::{Failure, LOOK, Swarm, Trouble, within};
use bollard::models::{NodeSpecAvailabilityEnum, NodeState};
use bollard::query_parameters::ListNodesOptions;
use domain::gate::world::Node;

const MIB: u64 = 1 << 20;

impl Swarm {
    /// Whether the engine that is spoken to is a manager; only a manager knows the others.
    ///
    /// # Errors
    /// [`Trouble`] when it gave no answer.
    pub async fn manages(&self) -> Result<bool, Trouble> {
        let info = within(LOOK, self.docker.info()).await.map_err(Failure::trouble)?;
        Ok(info.swarm.and_then(|swarm| swarm.control_available).unwrap_or(false))
    }

    /// Every node, with its memory and whether it takes tasks.
    ///
    /// # Errors
    /// [`Trouble`] when there was no answer.
    pub async fn nodes(&self) -> Result<Vec<Node>, Trouble> {
        let nodes = within(LOOK, self.docker.list_nodes(None::<ListNodesOptions>)).await.map_err(Failure::trouble)?;
        Ok(nodes.into_iter().map(seen).collect())
    }
}

fn seen(node: bollard::models::Node) -> Node {
    let ready = node.status.and_then(|status| status.state) == Some(NodeState::READY);
    let active = node.spec.and_then(|spec| spec.availability) == Some(NodeSpecAvailabilityEnum::ACTIVE);
    let memory = node.description.and_then(|about| about.resources).and_then(|resources| resources.memory_bytes);
    Node { takes: ready && active, memory_mib: u64::try_from(memory.unwrap_or(0)).unwrap_or(0) / MIB }
}
