//! What containers stand on: the networks and volumes of an environment. Both are made by name,
//! looked at after they were made, and removed by label.

use super::{ContainerSpec, Host, Place, label, name_taken};
use crate::engine::{is_conflict, is_missing};
use bollard::models::{
    ContainerInspectResponse, Network, NetworkConnectRequest, NetworkCreateRequest, Volume, VolumeCreateRequest,
};
use bollard::query_parameters::{ListNetworksOptions, ListVolumesOptions, RemoveVolumeOptions};
use domain::Problem;
use domain::stack::StackNetwork;
use std::collections::HashMap;

impl Host {
    /// This installation's networks as (id, environment), oldest first.
    ///
    /// # Errors
    /// As [`Host::containers`].
    pub async fn networks(&self, environment: Option<&str>) -> Result<Vec<(String, String)>, Problem> {
        let found = self.networks_found(environment).await?;
        let both = |network: Network| Some((network.id?, network.labels?.remove(label::ENVIRONMENT)?));
        Ok(found.into_iter().filter_map(both).collect())
    }

    async fn networks_found(&self, environment: Option<&str>) -> Result<Vec<Network>, Problem> {
        let options = ListNetworksOptions { filters: Some(self.filters(environment)) };
        let listed = self.call(self.docker().list_networks(Some(options))).await.map_err(|cause| self.problem(&cause))?;
        let mut found: Vec<Network> = listed.into_iter().filter(|network| self.is_ours(network.labels.as_ref())).collect();
        found.sort_by_cached_key(|network| (network.created.clone(), network.id.clone()));
        Ok(found)
    }

    /// Whether labels are those of this installation and of some environment.
    fn is_ours(&self, labels: Option<&HashMap<String, String>>) -> bool {
        labels.is_some_and(|labels| {
            labels.get(label::INSTANCE).is_some_and(|instance| *instance == self.instance)
                && labels.contains_key(label::ENVIRONMENT)
        })
    }

    /// Makes one network of an environment, unless it is there. Engines take two networks of
    /// one name; the younger one of two that a crash left is removed.
    ///
    /// # Errors
    /// [`Problem::Uncontained`] when it is not as asked, and as [`Host::containers`].
    pub async fn ensure_network(&self, place: &Place, network: &StackNetwork) -> Result<(), Problem> {
        let name = place.network(&network.name);
        let named = |found: Vec<Network>| -> Vec<Network> {
            found.into_iter().filter(|network| network.name.as_deref() == Some(name.as_str())).collect()
        };
        let mut found = named(self.networks_found(Some(&place.environment)).await?);
        if found.is_empty() {
            let request = NetworkCreateRequest {
                name: name.clone(),
                driver: Some("bridge".to_owned()),
                internal: Some(network.internal),
                labels: Some(place.labels().into_iter().collect()),
                ..Default::default()
            };
            match self.call(self.docker().create_network(request)).await {
                Ok(_) => {}
                Err(cause) if is_conflict(&cause) => {}
                Err(cause) => return Err(self.problem(&cause)),
            }
            found = named(self.networks_found(Some(&place.environment)).await?);
        }
        for id in found.iter().skip(1).filter_map(|network| network.id.as_deref()) {
            self.remove_network(id).await?;
        }
        let Some(made) = found.first() else { return Err(name_taken()) };
        let as_asked = made.driver.as_deref() == Some("bridge") && made.internal.unwrap_or_default() == network.internal;
        if !as_asked {
            self.remove_network(made.id.as_deref().unwrap_or(&name)).await?;
            return Err(Problem::Uncontained { service: network.name.clone(), limit: "way out".to_owned() });
        }
        Ok(())
    }

    /// Puts a container on those of its networks that it is not on yet; whether there were any.
    pub(super) async fn connect(
        &self,
        spec: &ContainerSpec,
        id: &str,
        found: &ContainerInspectResponse,
    ) -> Result<bool, Problem> {
        let on = found.network_settings.as_ref().and_then(|settings| settings.networks.clone()).unwrap_or_default();
        let missing: Vec<_> = spec.networks.iter().skip(1).filter(|wanted| !on.contains_key(&wanted.network)).collect();
        for wanted in &missing {
            let request = NetworkConnectRequest { container: id.to_owned(), endpoint_config: Some(spec.endpoint(wanted)) };
            let connected = self.call(self.docker().connect_network(&wanted.network, request)).await;
            connected.map_err(|cause| self.problem(&cause))?;
        }
        Ok(!missing.is_empty())
    }

    /// Removes a network. Gone is good.
    ///
    /// # Errors
    /// As [`Host::containers`].
    pub async fn remove_network(&self, network: &str) -> Result<(), Problem> {
        match self.call(self.docker().remove_network(network)).await {
            Err(cause) if !is_missing(&cause) => Err(self.problem(&cause)),
            _ => Ok(()),
        }
    }

    /// This installation's volumes as (name, environment).
    ///
    /// # Errors
    /// As [`Host::containers`].
    pub async fn volumes(&self, environment: Option<&str>) -> Result<Vec<(String, String)>, Problem> {
        let options = ListVolumesOptions { filters: Some(self.filters(environment)) };
        let listed = self.call(self.docker().list_volumes(Some(options))).await.map_err(|cause| self.problem(&cause))?;
        let ours = listed.volumes.unwrap_or_default().into_iter().filter(|volume| self.is_ours(Some(&volume.labels)));
        Ok(ours.filter_map(|mut volume| Some((volume.name, volume.labels.remove(label::ENVIRONMENT)?))).collect())
    }

    /// Makes one volume of an environment, unless it is there.
    ///
    /// # Errors
    /// [`Problem::EngineRefused`] when somebody else has the name, [`Problem::Uncontained`] when it is
    /// not a plain volume of the engine's own, and as [`Host::containers`].
    pub async fn ensure_volume(&self, place: &Place, volume: &str) -> Result<(), Problem> {
        let request = VolumeCreateRequest {
            name: Some(place.volume(volume)),
            driver: Some("local".to_owned()),
            labels: Some(place.labels().into_iter().collect()),
            ..Default::default()
        };
        // The engine answers with what is there when the name is taken.
        let made: Volume = self.call(self.docker().create_volume(request)).await.map_err(|cause| self.problem(&cause))?;
        if !self.is_ours(Some(&made.labels)) || made.labels.get(label::ENVIRONMENT) != Some(&place.environment) {
            return Err(name_taken());
        }
        if made.driver == "local" && made.options.is_empty() {
            return Ok(());
        }
        self.remove_volume(&made.name).await?;
        Err(Problem::Uncontained { service: volume.to_owned(), limit: "volume".to_owned() })
    }

    /// Removes the volumes of an environment that are not among `kept`.
    ///
    /// # Errors
    /// As [`Host::containers`], also while something uses one of them.
    pub async fn remove_volumes_but(&self, environment: &str, kept: &[String]) -> Result<(), Problem> {
        for (volume, _) in self.volumes(Some(environment)).await? {
            if !kept.contains(&volume) {
                self.remove_volume(&volume).await?;
            }
        }
        Ok(())
    }

    /// Removes a volume. Gone is good.
    ///
    /// # Errors
    /// As [`Host::containers`].
    pub async fn remove_volume(&self, volume: &str) -> Result<(), Problem> {
        match self.call(self.docker().remove_volume(volume, None::<RemoveVolumeOptions>)).await {
            Err(cause) if !is_missing(&cause) => Err(self.problem(&cause)),
            _ => Ok(()),
        }
    }
}
