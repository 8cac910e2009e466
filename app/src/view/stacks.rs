//! Stacks: what they are made of, and the texts that they had.

use chrono::{DateTime, Utc};
use domain::Problem;
use domain::diff::DiffLine;
use domain::stack::{Stack, StackImage, StackNetwork, Variable};
use serde::{Deserialize, Serialize};

views! {
    /// A stack in the list.
    pub struct StackRow {
        pub name: String,
        /// The apps whose builds it runs.
        pub apps: Vec<String>,
        pub services: u32,
        /// The apps that are launched in it by default.
        pub default_of: Vec<String>,
        /// 0 while its texts are not kept yet.
        pub version: i64,
        pub changed_at: Option<DateTime<Utc>>,
        pub changed_by: Option<String>,
    }

    /// One stack with its newest text.
    pub struct StackView {
        pub name: String,
        pub compose: String,
        /// What a save names, so that nothing is lost that somebody else saved meanwhile.
        pub version: i64,
        pub check: StackCheck,
        pub default_of: Vec<String>,
        /// Newest first; at most 50.
        pub versions: Vec<StackVersion>,
    }

    /// That a stack had this text.
    pub struct StackVersion {
        pub version: i64,
        pub at: DateTime<Utc>,
        pub by: String,
        /// The stack was removed.
        pub removed: bool,
    }

    /// One text of a stack, beside the one before it.
    pub struct StackChange {
        pub stack: String,
        pub version: i64,
        pub at: DateTime<Utc>,
        pub by: String,
        /// None when the stack was removed.
        pub compose: Option<String>,
        pub lines: Vec<DiffLine>,
    }

    /// A text to be saved.
    pub struct StackInput {
        pub name: String,
        pub compose: String,
        /// The version that was read before; 0 for a new stack.
        pub version: i64,
    }

    /// What a text says, or why it is refused.
    pub struct StackCheck {
        #[cfg_attr(feature = "openapi", schema(value_type = Option<Object>))]
        pub problem: Option<Problem>,
        /// In the order in which they can be started.
        pub services: Vec<StackNode>,
        pub networks: Vec<StackNetwork>,
        pub volumes: Vec<String>,
        /// What a launch fills in.
        pub variables: Vec<Variable>,
    }

    /// A service as it stands in the drawing.
    pub struct StackNode {
        pub name: String,
        /// The app, or the image with its tag or digest.
        pub image: String,
        /// It runs a build that is under test.
        pub is_build: bool,
        pub ports: Vec<u16>,
        pub waits: Vec<StackWait>,
    }

    /// What a service waits for.
    pub struct StackWait {
        pub service: String,
        /// `started`, `healthy` or `completed`.
        pub until: String,
    }
}

impl StackCheck {
    /// What was read, or why it was not.
    pub fn of(read: Result<Stack, Problem>) -> Self {
        let stack = match read {
            Ok(stack) => stack,
            Err(problem) => {
                let (services, networks, volumes, variables) = Default::default();
                return Self { problem: Some(problem), services, networks, volumes, variables };
            }
        };
        let services = stack.services.into_iter().map(|service| {
            let (image, is_build) = match service.image {
                StackImage::Build { app } => (app, true),
                StackImage::Fixed { image, reference } if reference.contains(':') => (format!("{image}@{reference}"), false),
                StackImage::Fixed { image, reference } => (format!("{image}:{reference}"), false),
            };
            let waits = service.depends_on.into_iter().map(|wanted| StackWait {
                service: wanted.service,
                until: if wanted.completed {
                    "completed"
                } else if wanted.healthy {
                    "healthy"
                } else {
                    "started"
                }
                .to_owned(),
            });
            StackNode { name: service.name, image, is_build, ports: service.ports, waits: waits.collect() }
        });
        let services = services.collect();
        Self { problem: None, services, networks: stack.networks, volumes: stack.volumes, variables: stack.variables }
    }

    /// The line that is refused.
    pub fn line(&self) -> Option<u64> {
        match &self.problem {
            Some(Problem::Stack { line, .. }) => Some(*line),
            _ => None,
        }
    }
}
