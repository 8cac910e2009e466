//! Launching: what is asked for, what the form offers, and what an environment was made of.

use super::{BuildRow, EnvironmentBuild, EnvironmentRow, RegionRef};
use chrono::{DateTime, Utc};
use domain::Problem;
use domain::check::{CheckState, Report};
use domain::id::{BuildId, EnvironmentId};
use domain::release_set::BuildChoice;
use domain::variables::{Given, Origin};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

views! {
    /// What a launch asks for. Everything but the build has a default.
    pub struct LaunchInput {
        pub build: BuildId,
        /// The app's default stack when absent.
        #[serde(default)]
        pub stack: Option<String>,
        #[serde(default)]
        pub lease_hours: Option<u32>,
        /// By app, which build of it runs beside the one under test. Of an app that is not named: the
        /// newest of the channel of the build under test, else its newest.
        #[serde(default)]
        pub builds: BTreeMap<String, BuildChoice>,
        /// A region whose variables the services get that run builds.
        #[serde(default)]
        pub preset: Option<String>,
        /// Over all others.
        #[serde(default)]
        pub variables: Vec<Given>,
        /// The first of the configuration when absent.
        #[serde(default)]
        pub engine: Option<String>,
        /// A service of the stack that judges the rest once it is up.
        #[serde(default)]
        pub check: Option<String>,
        /// Whether the environment is stopped when the check has ended.
        #[serde(default)]
        pub stop_after: bool,
        /// An environment of which the variables are taken over whose values no page shows.
        #[serde(default)]
        pub hidden_from: Option<EnvironmentId>,
        /// The text of a stack that is tried out before it is saved, in the place of the one of that name.
        #[serde(default)]
        pub draft: Option<String>,
    }

    /// What puts another build in the place of one that runs in an environment.
    pub struct ReplaceInput {
        pub build: BuildId,
        /// Other builds to replace with it, by app; those of apps that are not named stay.
        #[serde(default)]
        pub builds: BTreeMap<String, BuildChoice>,
        /// Whether what is in the volumes stays; else they are new and empty.
        #[serde(default)]
        pub keep_volumes: bool,
    }

    /// What the launch form is asked to show.
    pub struct LaunchAsk {
        #[serde(default)]
        pub stack: Option<String>,
        #[serde(default)]
        pub preset: Option<String>,
        /// An environment whose choices are taken over.
        #[serde(default)]
        pub from: Option<EnvironmentId>,
    }

    /// What can be chosen at a launch, with what is chosen already.
    pub struct LaunchForm {
        pub build: BuildRow,
        /// Those that have a place for the build.
        pub stacks: Vec<String>,
        pub stack: String,
        /// The other apps of the stack.
        pub apps: Vec<LaunchApp>,
        pub engines: Vec<String>,
        pub engine: Option<String>,
        pub presets: Vec<RegionRef>,
        pub preset: Option<String>,
        pub lease_hours: u32,
        /// Services of the stack that some channel runs as its check.
        pub checks: Vec<String>,
        pub check: Option<String>,
        /// What is given at this launch, as lines.
        pub given: String,
        pub services: Vec<ServiceVariables>,
        /// The environment that the choices were taken from.
        pub from: Option<LaunchedFrom>,
    }

    /// An environment, to be named.
    pub struct LaunchedFrom {
        pub id: EnvironmentId,
        pub number: i64,
        /// Variables of its launch whose values are not shown, but taken over.
        pub hidden: Vec<String>,
    }

    /// One app whose build has to be chosen.
    pub struct LaunchApp {
        pub app: String,
        pub channels: Vec<String>,
        /// The newest builds, the newest first.
        pub recent: Vec<BuildRow>,
        pub chosen: Option<BuildChoice>,
        /// What is taken when nothing is chosen.
        pub default: Option<EnvironmentBuild>,
    }

    /// What can be put in the place of what an environment runs.
    pub struct ReplaceForm {
        pub environment: EnvironmentRow,
        /// Every app of the environment, with its newest builds.
        pub apps: Vec<LaunchApp>,
        /// The volumes of its stack.
        pub volumes: Vec<String>,
    }

    /// The variables of one service.
    pub struct ServiceVariables {
        pub service: String,
        pub image: String,
        /// Whether the image's own are among them; they cannot be read while its registry is away.
        pub image_known: bool,
        pub variables: Vec<VariableView>,
    }

    /// One variable. What a region keeps to itself, and what looks like a secret, has no value here.
    pub struct VariableView {
        pub name: String,
        pub value: Option<String>,
        pub origin: Origin,
        /// What it overrode, the last first.
        pub overrode: Vec<OverrodeView>,
    }

    pub struct OverrodeView {
        pub origin: Origin,
        pub value: Option<String>,
    }

    /// What a check says of a release set: evidence, no verdict.
    pub struct CheckView {
        pub environment: EnvironmentId,
        pub environment_number: i64,
        pub generation: i64,
        pub service: String,
        pub state: CheckState,
        pub exit_code: Option<i64>,
        /// What its report says, if it printed one.
        pub report: Option<Report>,
        /// Why it says nothing, or why its report could not be read.
        #[cfg_attr(feature = "openapi", schema(value_type = Option<Object>))]
        pub problem: Option<Problem>,
        pub created_at: DateTime<Utc>,
        pub started_at: Option<DateTime<Utc>>,
        pub ended_at: Option<DateTime<Utc>>,
    }

    /// The builds that ran together in an environment from one time on.
    pub struct ReleaseSet {
        /// Counted from 1.
        pub generation: i64,
        pub at: DateTime<Utc>,
        pub by_name: String,
        pub builds: Vec<EnvironmentBuild>,
    }
}

impl LaunchInput {
    /// A launch of a build in which everything else is left to the defaults.
    pub fn of(build: BuildId) -> Self {
        Self {
            build,
            stack: None,
            lease_hours: None,
            builds: BTreeMap::new(),
            preset: None,
            variables: Vec::new(),
            engine: None,
            check: None,
            stop_after: false,
            hidden_from: None,
            draft: None,
        }
    }
}
