//! What a region runs: the service of an app, typed.

use crate::canary::Shape;
use crate::config::{AppConfig, FailureAction, RegionConfig, UpdateConfig, UpdateOrder};
use crate::gate::world::Need;
use crate::problem::Fault;
use crate::region_secrets::{Kept, ServiceSecret, given};
use crate::{Digest, ImageName, Problem};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Everything a region's service of an app is made from. It is fixed when a promotion starts
/// and kept with the rollout, so that a resumed rollout wants what was approved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceIntent {
    pub app: String,
    pub region: String,
    /// `host/repository@digest`, at the registry that the region pulls from.
    pub image: String,
    pub digest: Digest,
    /// The app's variables with the region's over them.
    pub env: BTreeMap<String, String>,
    /// The image's own when empty.
    pub command: Vec<String>,
    /// The health check's argument vector; none when empty.
    pub health: Vec<String>,
    pub port: Option<ServicePort>,
    pub replicas: u32,
    pub read_only: bool,
    pub memory_mib: u32,
    pub soak_seconds: u32,
    pub deadline_seconds: u32,
    /// How its tasks are replaced. What nobody said is left out, so that intents of before say
    /// and hash the same as they did.
    #[serde(default, skip_serializing_if = "UpdateConfig::is_default")]
    pub update: UpdateConfig,
    /// Whether it is a canary's service, beside the app's own.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub canary: bool,
    /// The secrets that its tasks are given, each in the version of the moment in which this was fixed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub secrets: Vec<ServiceSecret>,
}

/// A port published in host mode.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServicePort {
    pub container: u16,
    pub published: u16,
}

/// What counts where the configuration says nothing.
pub const DEFAULT_MEMORY_MIB: u32 = 512;
pub const DEFAULT_SOAK_SECONDS: u32 = 5;
pub const DEFAULT_DEADLINE_SECONDS: u32 = 300;
/// Without another word each batch is watched as long as the soak, but no longer than this.
const LONGEST_MONITOR: u32 = 10;

impl ServiceIntent {
    /// What `region` is to run of `app`: the image at the region's own registry if it has one,
    /// the app's variables with the region's over them, the port made from the app's label. Of its
    /// secrets only the database knows: [`ServiceIntent::with_secrets`].
    ///
    /// # Errors
    /// [`Problem::Config`] at the place that does not fit.
    pub fn plan(app: &AppConfig, region: &RegionConfig, digest: &Digest) -> Result<Self, Problem> {
        let registry = |why| config(format!("regions.{}.registry", region.name), why);
        let image = match &region.registry {
            Some(host) => ImageName::new(host, app.image.repository()).map_err(registry)?,
            None => app.image.clone(),
        };
        let published = app.production_port().map_err(|why| config(format!("apps.{}.port_label", app.name), why))?;
        let port = app.service.port.zip(published).map(|(container, published)| ServicePort { container, published });
        let mut env = app.service.env.clone();
        env.extend(region.env.clone());
        let service = &app.service;
        Ok(Self {
            app: app.name.clone(),
            region: region.name.clone(),
            image: image.at(digest),
            digest: digest.clone(),
            env,
            command: service.command.clone(),
            health: service.health.clone(),
            port,
            replicas: region.replicas(&app.name),
            read_only: service.read_only.unwrap_or(true),
            memory_mib: service.memory_mib.unwrap_or(DEFAULT_MEMORY_MIB),
            soak_seconds: service.soak_seconds.unwrap_or(DEFAULT_SOAK_SECONDS),
            deadline_seconds: service.deadline_seconds.unwrap_or(DEFAULT_DEADLINE_SECONDS),
            update: service.update.clone(),
            canary: false,
            secrets: Vec::new(),
        })
    }

    /// The same with the secrets that the app names, as far as they are set in the region.
    #[must_use]
    pub fn with_secrets(self, app: &AppConfig, kept: &Kept) -> Self {
        Self { secrets: given(&app.service.secrets, kept), ..self }
    }

    /// How many tasks are replaced at a time.
    pub fn parallelism(&self) -> u32 {
        self.update.parallelism.unwrap_or(1).clamp(1, self.replicas.max(1))
    }

    /// Seconds between one batch of tasks and the next.
    pub fn delay_seconds(&self) -> u32 {
        self.update.delay_seconds.unwrap_or(0)
    }

    /// Which task goes first. Two tasks cannot hold one port of a node, so with a port it is the
    /// old one, whatever was asked.
    pub fn order(&self) -> UpdateOrder {
        match self.port {
            Some(_) => UpdateOrder::StopFirst,
            None => self.update.order.unwrap_or(UpdateOrder::StartFirst),
        }
    }

    /// Seconds that the Swarm watches each new batch before it goes on to the next.
    pub fn monitor_seconds(&self) -> u32 {
        self.update.monitor_seconds.unwrap_or_else(|| self.soak_seconds.clamp(1, LONGEST_MONITOR))
    }

    /// Whether a region that failed goes back by itself.
    pub fn goes_back(&self) -> bool {
        self.update.on_failure == Some(FailureAction::Rollback)
    }

    /// What the region's nodes must hold at the fullest moment of the update; `replaces` says
    /// whether tasks run there already.
    pub fn need(&self, replaces: bool) -> Need {
        let beside = if replaces && self.order() == UpdateOrder::StartFirst { self.parallelism() } else { 0 };
        Need { replicas: self.replicas, beside, memory_mib: self.memory_mib, published: self.port.is_some() }
    }

    /// What the nodes must hold while this canary is there: of a share as much as before, of one
    /// beside both. The two have ports of their own, so that a node can have a task of each.
    pub fn need_of_canary(&self, shape: Shape, main: u32) -> Need {
        match shape {
            Shape::Share => Need { replicas: main, beside: 0, memory_mib: self.memory_mib, published: self.port.is_some() },
            Shape::Beside => Need { replicas: main, beside: self.replicas, memory_mib: self.memory_mib, published: false },
        }
    }
}

fn config(place: String, why: Fault) -> Problem {
    Problem::Config { place, why }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn digest() -> Digest {
        format!("sha256:{}", "a".repeat(64)).parse().expect("a digest")
    }

    fn app(json: serde_json::Value) -> AppConfig {
        let mut app = serde_json::json!({ "name": "web", "image": "registry.test:5000/team/web" });
        app.as_object_mut().expect("an object").extend(json.as_object().expect("an object").clone());
        serde_json::from_value(app).expect("an app")
    }

    fn region(json: serde_json::Value) -> RegionConfig {
        let mut region = serde_json::json!({ "name": "hangzhou", "url": "tcp://10.0.0.1:2375" });
        region.as_object_mut().expect("an object").extend(json.as_object().expect("an object").clone());
        serde_json::from_value(region).expect("a region")
    }

    #[test]
    fn what_nobody_said_has_safe_defaults() {
        let intent = ServiceIntent::plan(&app(serde_json::json!({})), &region(serde_json::json!({})), &digest()).expect("a plan");
        assert_eq!(intent.image, format!("registry.test:5000/team/web@{}", digest()));
        assert_eq!((intent.memory_mib, intent.soak_seconds, intent.deadline_seconds), (512, 5, 300));
        assert_eq!((intent.read_only, intent.replicas, intent.port), (true, 1, None));
        assert!(intent.command.is_empty() && intent.health.is_empty() && intent.env.is_empty());
    }

    #[test]
    fn an_intent_of_before_reads_and_writes_as_it_did() {
        let old = serde_json::to_string(
            &ServiceIntent::plan(&app(serde_json::json!({})), &region(serde_json::json!({})), &digest()).expect("a plan"),
        );
        let old = old.expect("json");
        assert!(!old.contains("update") && !old.contains("secrets"), "{old}");
        let intent: ServiceIntent = serde_json::from_str(&old).expect("an intent");
        assert_eq!((intent.parallelism(), intent.delay_seconds(), intent.monitor_seconds()), (1, 0, 5));
        assert_eq!((intent.order(), intent.goes_back()), (UpdateOrder::StartFirst, false));
    }

    #[test]
    fn what_an_app_names_is_given_in_the_version_that_the_region_keeps() {
        let web = app(serde_json::json!({ "service": { "secrets": ["token", "db-password"] } }));
        let kept = Kept::from([("db-password".to_owned(), 4), ("another".to_owned(), 1)]);
        let plan = ServiceIntent::plan(&web, &region(serde_json::json!({})), &digest()).expect("a plan");
        assert_eq!(plan.secrets, []);
        let intent = plan.with_secrets(&web, &kept);
        assert_eq!(intent.secrets, [ServiceSecret { name: "db-password".to_owned(), version: 4 }]);
        let read: ServiceIntent = serde_json::from_str(&serde_json::to_string(&intent).expect("json")).expect("an intent");
        assert_eq!(read, intent);
    }

    #[test]
    fn how_tasks_are_replaced_is_the_apps_to_say_but_a_port_stops_the_old_one_first() {
        let update = serde_json::json!({ "parallelism": 2, "delay_seconds": 7, "order": "start-first", "monitor_seconds": 20, "on_failure": "rollback" });
        let worker = app(serde_json::json!({ "service": { "update": update } }));
        let three = region(serde_json::json!({ "replicas": 3 }));
        let intent = ServiceIntent::plan(&worker, &three, &digest()).expect("a plan");
        assert_eq!((intent.parallelism(), intent.delay_seconds(), intent.monitor_seconds()), (2, 7, 20));
        assert!(intent.goes_back());
        assert_eq!(intent.need(true), Need { replicas: 3, beside: 2, memory_mib: 512, published: false });
        assert_eq!(intent.need(false).beside, 0, "nothing runs beside the first");
        let web = ServiceIntent { port: Some(ServicePort { container: 80, published: 8080 }), ..intent };
        assert_eq!((web.order(), web.need(true).beside), (UpdateOrder::StopFirst, 0));
    }

    #[test]
    fn a_region_pulls_from_its_own_registry_and_its_variables_win() {
        let app = app(serde_json::json!({
            "port_label": 81,
            "service": { "port": 80, "env": { "MODE": "any", "LANG": "en" }, "read_only": false, "memory_mib": 64 },
        }));
        let region = region(serde_json::json!({ "registry": "mirror.cn:5000", "replicas": 3, "env": { "LANG": "zh" } }));
        let intent = ServiceIntent::plan(&app, &region, &digest()).expect("a plan");
        assert_eq!(intent.image, format!("mirror.cn:5000/team/web@{}", digest()));
        assert_eq!(intent.port, Some(ServicePort { container: 80, published: 8180 }));
        assert_eq!((intent.env["LANG"].as_str(), intent.env["MODE"].as_str()), ("zh", "any"));
        assert_eq!((intent.replicas, intent.read_only, intent.memory_mib), (3, false, 64));
    }

    #[test]
    fn a_port_without_a_usable_label_is_refused_at_its_place() {
        for (wrong, why) in [
            (serde_json::json!({ "service": { "port": 80 } }), Fault::Missing),
            (serde_json::json!({ "port_label": 655, "service": { "port": 80 } }), Fault::OutOfRange { least: 1, most: 65535 }),
        ] {
            let refused = ServiceIntent::plan(&app(wrong), &region(serde_json::json!({})), &digest());
            assert_eq!(refused, Err(Problem::Config { place: "apps.web.port_label".to_owned(), why }));
        }
        let bad = region(serde_json::json!({ "registry": "not a host" }));
        let Err(Problem::Config { place, .. }) = ServiceIntent::plan(&app(serde_json::json!({})), &bad, &digest()) else {
            panic!("accepted")
        };
        assert_eq!(place, "regions.hangzhou.registry");
    }

    proptest! {
        #[test]
        fn every_variable_comes_from_the_region_else_from_the_app(
            of_app in prop::collection::btree_map("[A-E]", "[a-z]{0,3}", 0..5),
            of_region in prop::collection::btree_map("[A-E]", "[a-z]{0,3}", 0..5),
        ) {
            let app = AppConfig { service: crate::config::ServiceConfig { env: of_app.clone(), ..Default::default() }, ..app(serde_json::json!({})) };
            let region = RegionConfig { env: of_region.clone(), ..region(serde_json::json!({})) };
            let env = ServiceIntent::plan(&app, &region, &digest()).expect("a plan").env;
            for name in ["A", "B", "C", "D", "E"] {
                prop_assert_eq!(env.get(name), of_region.get(name).or_else(|| of_app.get(name)));
            }
        }
    }
}
