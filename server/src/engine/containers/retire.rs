//! Making place for another build of a service.

use super::{ContainerSpec, Host, label};
use crate::engine::is_missing;
use bollard::query_parameters::StopContainerOptions;
use domain::Problem;
use std::collections::BTreeSet;

/// So long a program may take to end in order, before it is made to.
const GRACE_SECONDS: i32 = 3;

impl Host {
    /// Takes away the container of this name if it is of another build or release set than is wanted now, or has other
    /// volumes. It is asked to end first, so that it can put its things in order. What is not this environment's stays.
    ///
    /// # Errors
    /// As [`Host::containers`].
    pub async fn retire(&self, spec: &ContainerSpec) -> Result<(), Problem> {
        let Some(found) = self.inspect(&spec.name).await? else { return Ok(()) };
        let Some(id) = found.id else { return Ok(()) };
        let labels = found.config.and_then(|config| config.labels).unwrap_or_default();
        let mounts = found.host_config.and_then(|config| config.mounts).unwrap_or_default();
        let has: BTreeSet<&str> = mounts.iter().filter_map(|mount| mount.source.as_deref()).collect();
        let same_volumes = has == spec.mounts.iter().map(|mount| mount.volume.as_str()).collect();
        let same = |name: &str| spec.labels.get(name).is_some_and(|wanted| labels.get(name) == Some(wanted));
        let wanted = [label::BUILD, label::GENERATION].iter().all(|name| spec.labels.get(*name) == labels.get(*name));
        if !same(label::INSTANCE) || !same(label::ENVIRONMENT) || (wanted && same_volumes) {
            return Ok(());
        }
        let options = StopContainerOptions { t: Some(GRACE_SECONDS), ..Default::default() };
        match self.call(self.docker.stop_container(&id, Some(options))).await {
            Err(cause) if !is_missing(&cause) => return Err(self.problem(&cause)),
            _ => {}
        }
        self.remove_container(&id).await
    }
}
