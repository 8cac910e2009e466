//! Why a region failed, in the problem's words.

use super::{Drive, Halt};
use crate::engine::swarm::{Which, object_name};
use domain::Problem;
use domain::problem::{Fault, Noun};
use domain::region_secrets::ServiceSecret;

impl Drive<'_> {
    pub(super) fn foreign(&self) -> Halt {
        let (service, region) = (Which::of(self.intent).name(&self.rollout.app), self.rollout.region.clone());
        Halt::Failed(Problem::ForeignService { service, region })
    }

    pub(super) fn foreign_secret(&self, secret: &ServiceSecret) -> Halt {
        let (secret, region) = (object_name(&self.intent.app, secret), self.rollout.region.clone());
        Halt::Failed(Problem::ForeignSecret { secret, region })
    }

    pub(super) fn gone(&self, secret: &ServiceSecret) -> Halt {
        let (app, region) = (self.rollout.app.clone(), self.rollout.region.clone());
        Halt::Failed(Problem::SecretGone { app, region, secret: secret.name.clone(), version: secret.version })
    }

    pub(super) fn differs(&self, part: &str) -> Halt {
        let (app, region) = (self.rollout.app.clone(), self.rollout.region.clone());
        Halt::Failed(Problem::ServiceDiffers { app, region, part: part.to_owned() })
    }

    pub(super) fn not_up(&self, running: u32, others: u32) -> Halt {
        let (app, region) = (self.rollout.app.clone(), self.rollout.region.clone());
        let (wanted, seconds) = (self.intent.replicas, self.intent.deadline_seconds);
        if running == wanted && others > 0 {
            return Halt::Failed(Problem::OthersRun { app, region, others, seconds });
        }
        Halt::Failed(Problem::NotUpInTime { app, region, running, wanted, seconds })
    }

    pub(super) fn refused(&self, why: String) -> Problem {
        Problem::EngineRefused { why: Fault::Refused { reason: why } }
    }

    pub(super) fn unreachable(&self) -> Problem {
        Problem::Unreachable { what: Noun::Region, name: self.rollout.region.clone() }
    }
}
