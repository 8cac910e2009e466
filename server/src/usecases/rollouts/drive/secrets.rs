//! The secrets that a service is given: the region's Swarm has them before the service is made or
//! changed, and keeps no more of them than the way back may want.

use super::{Drive, Halt, PULL};
use crate::engine::swarm::{Made, Swarm, Trouble};
use crate::store::region_secrets::{Key, Sealed};
use domain::Problem;
use domain::region_secrets::ServiceSecret;
use std::collections::BTreeSet;
use std::time::Duration;

/// The secrets of so many rollouts that were verified before this one are kept.
const KEPT: usize = 5;
/// So many are looked at, to notice an app that names no secrets any more.
const LOOKED_AT: i64 = 10;
/// Taking away what nobody needs keeps a region that is verified waiting no longer than this.
const TIDY: Duration = Duration::from_secs(10);

impl Drive<'_> {
    /// Has every secret of the intent in the region. Each is looked for first, so that a second try,
    /// after a crash too, makes none twice.
    pub(super) async fn give_secrets(&mut self) -> Result<(), Halt> {
        if self.intent.secrets.is_empty() {
            return Ok(());
        }
        loop {
            self.boundary().await?;
            let given = match self.reach().await {
                Ok(swarm) => self.give(&swarm).await?,
                Err(trouble) => Err(trouble),
            };
            match given {
                Ok(()) => {
                    self.away.back();
                    return Ok(());
                }
                Err(trouble) => self.wait_out(PULL, trouble, self.unreachable()).await?,
            }
        }
    }

    async fn give(&self, swarm: &Swarm) -> Result<Result<(), Trouble>, Halt> {
        let there = match swarm.secrets(&self.intent.app).await {
            Ok(there) => there,
            Err(trouble) => return Ok(Err(trouble)),
        };
        for secret in &self.intent.secrets {
            let kept = self.ctx.store.sealed_in_region(self.key(secret)).await?.filter(|kept| kept.version == secret.version);
            match (there.iter().find(|seen| seen.secret == *secret), kept) {
                // A backup that was restored counts versions again that a Swarm has seen already.
                (Some(seen), Some(kept)) if seen.mark != kept.mark() => return Err(self.gone(secret)),
                // An older version is there for the way back, whatever is set by now.
                (Some(_), _) => {}
                (None, Some(kept)) => match self.make(swarm, secret, &kept).await? {
                    Ok(()) => {}
                    Err(trouble) => return Ok(Err(trouble)),
                },
                (None, None) => return Err(self.gone(secret)),
            }
        }
        Ok(Ok(()))
    }

    /// Opens a value, hands it to the Swarm, and forgets it.
    async fn make(&self, swarm: &Swarm, secret: &ServiceSecret, kept: &Sealed) -> Result<Result<(), Trouble>, Halt> {
        let value = self.ctx.keeper.unseal(&self.key(secret).sealed_as(), &kept.sealed).map_err(|_| self.gone(secret))?;
        match swarm.make_secret(&self.intent.app, secret, &kept.mark(), &value).await {
            Ok(Made::Ours) => Ok(Ok(())),
            Ok(Made::Foreign) => Err(self.foreign_secret(secret)),
            Err(trouble) => Ok(Err(trouble)),
        }
    }

    /// After the region is verified: takes away the secrets of this app that none of the last intents
    /// there names. What cannot be removed now, because something is still given it, goes another time.
    pub(super) async fn tidy_secrets(&self) {
        match tokio::time::timeout(TIDY, self.tidy()).await {
            Ok(Ok(())) => {}
            Ok(Err(problem)) => tracing::debug!(region = %self.rollout.region, %problem, "old secrets stay for now"),
            Err(_) => tracing::debug!(region = %self.rollout.region, "old secrets stay for now"),
        }
    }

    async fn tidy(&self) -> Result<(), Problem> {
        let past = self.ctx.store.last_intents(&self.rollout.app, &self.rollout.region, LOOKED_AT).await?;
        let any = past.iter().chain([self.intent]).any(|intent| !intent.secrets.is_empty());
        if !any {
            return Ok(());
        }
        let needed: BTreeSet<&ServiceSecret> =
            past.iter().take(KEPT).chain([self.intent]).flat_map(|intent| &intent.secrets).collect();
        // The region is verified; whether it answers now changes nothing about that.
        let Ok(swarm) = self.reach().await else { return Ok(()) };
        let there = swarm.secrets(&self.rollout.app).await.unwrap_or_default();
        for old in there.iter().filter(|seen| !needed.contains(&seen.secret)) {
            if let Err(trouble) = swarm.remove_secret(old).await {
                tracing::debug!(region = %self.rollout.region, secret = %old.secret.name, ?trouble, "an old secret stays for now");
            }
        }
        Ok(())
    }

    fn key<'a>(&'a self, secret: &'a ServiceSecret) -> Key<'a> {
        Key { region: &self.rollout.region, app: &self.intent.app, name: &secret.name }
    }
}
