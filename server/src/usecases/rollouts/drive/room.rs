//! Before a canary comes: the main service leaves it the replicas that it is to run. Two tasks
//! cannot hold one port of a node, so this comes first.

use super::{Drive, Halt, MOST_CHANGES, UPDATE};
use crate::engine::swarm::{Look, Observed, Trouble, Which};
use crate::store::canaries::CanaryRow;
use crate::store::internal;
use domain::Problem;
use domain::service::ServiceIntent;

impl Drive<'_> {
    /// Takes its replicas from the main service, exactly once: intent first, then the act, then a
    /// look. A main service that is not what was put there is left alone, and nothing begins.
    pub(super) async fn make_room(&mut self) -> Result<(), Halt> {
        if !self.intent.canary {
            return Ok(());
        }
        let canary = self.ctx.store.canary(&self.rollout.promotion).await?;
        let Some(canary) = canary else { return Err(Halt::Failed(internal("a canary that was never begun"))) };
        let reduced = canary.reduced();
        if reduced == canary.before {
            return Ok(());
        }
        let mut changes = 0;
        loop {
            let seen = self.main_until_it_answers().await?;
            if is(&seen, &reduced, &canary) {
                return Ok(());
            }
            if !is(&seen, &canary.before, &canary) || changes == MOST_CHANGES {
                return Err(self.differs(seen.difference(&canary.before).unwrap_or("promotion")));
            }
            self.authorise(None, format!("main {} → {}", canary.before.replicas, reduced.replicas)).await?;
            if self.shrink(&seen, &reduced, &canary).await? {
                changes += 1;
            }
        }
    }

    async fn main_until_it_answers(&mut self) -> Result<Box<Observed>, Halt> {
        loop {
            let looked = match self.reach().await {
                Ok(swarm) => swarm.look(&self.rollout.app, Which::Main).await,
                Err(trouble) => Err(trouble),
            };
            match looked {
                Ok(Look::Ours(seen)) => {
                    self.away.back();
                    return Ok(seen);
                }
                Ok(Look::Absent) => return Err(self.differs("removed")),
                Ok(Look::Foreign) => {
                    let (service, region) = (Which::Main.name(&self.rollout.app), self.rollout.region.clone());
                    return Err(Halt::Failed(Problem::ForeignService { service, region }));
                }
                Err(trouble) => self.wait_out(UPDATE, trouble, self.unreachable()).await?,
            }
        }
    }

    /// True when there was an answer; the next look says what it was worth.
    async fn shrink(&mut self, seen: &Observed, reduced: &ServiceIntent, canary: &CanaryRow) -> Result<bool, Halt> {
        let acted = match self.reach_to_pull().await? {
            Ok(swarm) => swarm.update(seen, reduced, canary.put_by.as_str()).await,
            Err(trouble) => Err(trouble),
        };
        match acted {
            Ok(()) | Err(Trouble::Stale) => Ok(true),
            Err(trouble) => {
                self.wait_out(UPDATE, trouble, self.unreachable()).await?;
                Ok(false)
            }
        }
    }
}

/// Whether the main service is what the promotion before the canary made of this intent.
fn is(seen: &Observed, intent: &ServiceIntent, canary: &CanaryRow) -> bool {
    seen.carries(intent, canary.put_by.as_str()) && seen.difference(intent).is_none()
}
