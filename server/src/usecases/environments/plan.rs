//! What an environment is made of, fixed when it is launched: every image by digest.

use crate::engine::containers::{ContainerSpec, Place};
use crate::store::environments::{EnvironmentRecord, StepRecord};
use chrono::SecondsFormat;
use domain::promotion::StepState;
use domain::stack::{DEFAULT_NETWORK, StackNetwork, StackService};
use domain::variables::{Layer, Origin};
use domain::{Digest, ImageName};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// The services of an environment, none before what it depends on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    pub services: Vec<PlannedService>,
    /// The service that judges the others once they are up.
    #[serde(default)]
    pub check: Option<Check>,
    /// Plans of older launches have none: one with a way out is meant.
    #[serde(default)]
    pub networks: Vec<StackNetwork>,
    #[serde(default)]
    pub volumes: Vec<String>,
    /// The release set that they were made for: one that does not keep them has new ones. 0 for the first.
    #[serde(default)]
    pub volumes_of: i64,
}

/// A one-shot service, and what follows when it has ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    pub service: String,
    pub stop_after: bool,
}

/// A service and the digest that it runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedService {
    pub service: StackService,
    pub image: ImageName,
    pub digest: Digest,
    /// What its variables were made of.
    #[serde(default)]
    pub layers: Vec<Layer>,
    /// Container port and port on the engine's machine: those that it had before it was replaced.
    #[serde(default)]
    pub published: BTreeMap<u16, u16>,
}

/// The names of the variables that services of this image were given, from a plan as it is kept;
/// those that the image brings itself come with it everywhere. None when it cannot be read.
pub fn variables_given(kept: &str, image: &ImageName) -> Option<BTreeSet<String>> {
    let plan: Plan = serde_json::from_str(kept).ok()?;
    let of_image = plan.services.iter().filter(|planned| planned.image == *image);
    let layers = of_image.flat_map(PlannedService::layers).filter(|layer| layer.origin != Origin::Image);
    Some(layers.flat_map(|layer| layer.values.into_keys()).collect())
}

impl PlannedService {
    /// What its variables were made of, without the image's own.
    pub fn layers(&self) -> Vec<Layer> {
        if self.layers.is_empty() {
            return vec![Layer { origin: Origin::Stack, values: self.service.environment.clone() }];
        }
        self.layers.clone()
    }

    /// `host/repository@digest`
    pub fn reference(&self) -> String {
        self.image.at(&self.digest)
    }

    /// The image in the words of a step.
    pub fn image_words(&self) -> String {
        format!("{}@{}", self.image, self.digest.short())
    }

    /// Whether the stack gives it a health check, so that waiting for it is a step.
    pub fn is_checked(&self) -> bool {
        self.service.health.as_ref().is_some_and(|check| check.test.first().is_some_and(|kind| kind != "NONE"))
    }

    pub fn container(&self, place: &Place) -> ContainerSpec {
        let spec = ContainerSpec::new(&self.service, self.reference(), &self.digest, place);
        ContainerSpec { published: self.published.clone(), ..spec }
    }
}

impl Plan {
    /// Where on an engine an environment's things are.
    pub fn place(&self, instance: &str, environment: &EnvironmentRecord) -> Place {
        Place {
            instance: instance.to_owned(),
            environment: environment.id.to_string(),
            number: environment.number,
            stack: environment.stack.clone(),
            lease_ends: environment.lease_ends_at.to_rfc3339_opts(SecondsFormat::Secs, true),
            volumes_of: self.volumes_of,
        }
    }

    /// The services that are brought up and stay: all but the check.
    pub fn lasting(&self) -> impl Iterator<Item = &PlannedService> {
        self.services.iter().filter(|planned| !self.is_check(&planned.service.name))
    }

    pub fn is_check(&self, name: &str) -> bool {
        self.check.as_ref().is_some_and(|check| check.service == name)
    }

    /// One service for each image that is needed.
    pub fn images(&self) -> Vec<&PlannedService> {
        let mut found: Vec<&PlannedService> = Vec::new();
        for service in &self.services {
            if !found.iter().any(|other| other.image == service.image && other.digest == service.digest) {
                found.push(service);
            }
        }
        found
    }

    /// Mebibytes that its services may use together.
    pub fn memory_mib(&self) -> u32 {
        self.services.iter().fold(0, |sum, planned| sum.saturating_add(planned.service.memory_mib))
    }

    /// The networks that are made; always at least one.
    pub fn networks(&self) -> Vec<StackNetwork> {
        match self.networks.is_empty() {
            true => vec![StackNetwork { name: DEFAULT_NETWORK.to_owned(), internal: false }],
            false => self.networks.clone(),
        }
    }

    /// Whether another service waits until this one has ended well.
    pub fn is_job(&self, name: &str) -> bool {
        self.services.iter().any(|other| other.service.depends_on.iter().any(|on| on.completed && on.service == name))
    }

    pub fn service(&self, name: &str) -> Option<&PlannedService> {
        self.services.iter().find(|planned| planned.service.name == name)
    }

    /// Whether another service waits for this one's health, be the check the image's own.
    pub fn is_awaited(&self, name: &str) -> bool {
        let waits = |other: &PlannedService| other.service.depends_on.iter().any(|on| on.healthy && on.service == name);
        self.services.iter().any(waits)
    }

    /// The services in groups: none depends on another of its own group or a later one.
    pub fn waves(&self) -> Vec<Vec<&PlannedService>> {
        let mut waves: Vec<Vec<&PlannedService>> = Vec::new();
        for planned in &self.services {
            let needs = |other: &&PlannedService| planned.service.depends_on.iter().any(|on| on.service == other.service.name);
            let after = waves.iter().rposition(|wave| wave.iter().any(&needs)).map_or(0, |wave| wave + 1);
            match waves.get_mut(after) {
                Some(wave) => wave.push(planned),
                None => waves.push(vec![planned]),
            }
        }
        waves
    }

    /// The steps of the launch, in the order in which a reader expects them.
    pub fn steps(&self, place: &Place) -> Vec<StepRecord> {
        let mut steps: Vec<StepRecord> = self.images().iter().map(|image| waiting("pull", image.image_words())).collect();
        steps.extend(self.networks().iter().map(|network| waiting("network", place.network(&network.name))));
        steps.extend(self.volumes.iter().map(|volume| waiting("volume", place.volume(volume))));
        steps.extend(self.steps_of(|_| true));
        steps
    }

    /// The steps of a replacement: only what becomes another.
    pub fn steps_from(&self, before: &Plan, place: &Place) -> Vec<StepRecord> {
        let emptied = self.volumes_of != before.volumes_of;
        let is_new = |planned: &PlannedService| {
            let other = before.service(&planned.service.name).is_none_or(|old| old.digest != planned.digest);
            other || (emptied && !planned.service.mounts.is_empty())
        };
        let images = self.images();
        let new =
            images.iter().filter(|image| self.services.iter().any(|one| is_new(one) && one.reference() == image.reference()));
        let mut steps: Vec<StepRecord> = new.map(|image| waiting("pull", image.image_words())).collect();
        steps.extend(self.volumes.iter().filter(|_| emptied).map(|volume| waiting("volume", place.volume(volume))));
        steps.extend(self.steps_of(is_new));
        steps
    }

    fn steps_of(&self, wanted: impl Fn(&PlannedService) -> bool) -> Vec<StepRecord> {
        let mut steps = Vec::new();
        for planned in self.lasting().filter(|planned| wanted(planned)) {
            let name = &planned.service.name;
            steps.push(waiting("create", name.clone()));
            steps.push(waiting("start", name.clone()));
            if planned.is_checked() {
                steps.push(waiting("health", name.clone()));
            }
            if self.is_job(name) {
                steps.push(waiting("finish", name.clone()));
            }
        }
        steps.extend(self.check.iter().map(|check| waiting("check", check.service.clone())));
        steps
    }
}

fn waiting(kind: &str, subject: String) -> StepRecord {
    StepRecord { kind: kind.to_owned(), subject, state: StepState::Waiting, started_at: None, ended_at: None, detail: None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::stack::{Stack, StackImage};

    #[test]
    fn each_image_is_pulled_once_and_only_checked_services_and_jobs_are_waited_for() {
        let stack = Stack::parse(
            "services:\n  a:\n    image: r.test/x:1\n    healthcheck: { test: [CMD, ok] }\n  b:\n    image: r.test/x:1\n\
             \n  c:\n    image: r.test/y:1\n    healthcheck: { test: [NONE] }\n    networks: [default, back]\n\
             \n    depends_on: { b: { condition: service_completed_successfully } }\nnetworks: { back: }\nvolumes: { data: }\n",
        )
        .expect("a stack");
        let digest: Digest = format!("sha256:{}", "a".repeat(64)).parse().expect("a digest");
        let services = stack.services.into_iter().map(|service| {
            let StackImage::Fixed { image, .. } = service.image.clone() else { panic!("fixed") };
            let (layers, published) = Default::default();
            PlannedService { service, image, digest: digest.clone(), layers, published }
        });
        let plan =
            Plan { services: services.collect(), check: None, networks: stack.networks, volumes: stack.volumes, volumes_of: 0 };
        let place = Place {
            instance: "instance".to_owned(),
            environment: "e".to_owned(),
            number: 7,
            stack: "shop".to_owned(),
            lease_ends: String::new(),
            volumes_of: 0,
        };
        let steps: Vec<String> = plan.steps(&place).iter().map(|step| format!("{} {}", step.kind, step.subject)).collect();
        let wanted = [
            "pull r.test/x@aaaaaaaaaaaa",
            "pull r.test/y@aaaaaaaaaaaa",
            "network slw-instance-e7",
            "network slw-instance-e7-back",
            "volume slw-instance-e7-data",
            "create a",
            "start a",
            "health a",
            "create b",
            "start b",
            "finish b",
            "create c",
            "start c",
        ];
        assert_eq!(steps, wanted);
    }
}
