//! One region: look, pull, update, wait, soak, verify. Every stage may be the first after a
//! crash, so each begins with a look and does only what the look leaves to do.

mod room;
mod secrets;
mod words;

use super::away::Away;
use super::steps::{INSPECT, PULL, SOAK, Steps, TASKS, UPDATE, VERIFY};
use super::{end, lock_digest};
use crate::ctx::Ctx;
use crate::engine::credentials_of;
use crate::engine::swarm::{Look, Observed, Swarm, Trouble, Which};
use crate::store::holds::{self, Going};
use crate::store::rollouts::{self as rows, Looked, RolloutRow};
use crate::store::{decisions, internal, lock_app};
use domain::problem::Noun;
use domain::promotion::StepState::{Done, Running, Waiting};
use domain::rollout::{Outlook, Soak, outlook};
use domain::service::ServiceIntent;
use domain::{Problem, Time};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// How often the tasks are looked at: closely while a change is fresh, then less so.
const CLOSE: Duration = Duration::from_millis(50);
const STEADY: Duration = Duration::from_millis(250);
const FAR: Duration = Duration::from_secs(1);
/// One call that fails is no verdict, also after the deadline: only a region that has been away
/// for this long fails for it.
const PATIENCE: Duration = Duration::from_secs(5);
/// While its tasks are watched, whether somebody ended it is asked this often.
const ASK: Duration = Duration::from_millis(500);
/// A service is changed at most this often in one rollout; more means that somebody else
/// changes it too.
const MOST_CHANGES: u32 = 5;

/// Why a stage did not end well.
enum Halt {
    /// The region failed.
    Failed(Problem),
    /// Trouble of our own: nothing is known of the region, the rollout goes on later.
    Ours(Problem),
    /// Somebody paused it, before the region was changed: it goes on from here, looking first.
    Paused,
    /// Somebody ended it. What was done and what not is written down already.
    Ended,
}

impl From<Problem> for Halt {
    fn from(problem: Problem) -> Self {
        Halt::Ours(problem)
    }
}

/// Carries a running rollout on to its end; false when somebody paused it.
pub async fn drive(ctx: &Ctx, rollout: &RolloutRow) -> Result<bool, Problem> {
    let Some(intent) = &rollout.intent else {
        return finish(ctx, rollout, Err(internal("a running rollout without an intent"))).await.map(|()| true);
    };
    let started = rollout.started_at.unwrap_or_else(|| ctx.now());
    let mut drive = Drive {
        ctx,
        rollout,
        intent,
        due: started + chrono::Duration::seconds(i64::from(intent.deadline_seconds)),
        held: rollout.held,
        steps: Steps::new(ctx, rollout),
        looked: rollout.looked.clone().unwrap_or_default(),
        away: Away::default(),
        asked: Instant::now(),
    };
    match drive.all().await {
        Ok(seen) => {
            drive.tidy_secrets().await;
            finish(ctx, rollout, Ok(seen)).await?;
        }
        Err(Halt::Failed(problem)) => {
            tracing::warn!(app = %rollout.app, region = %rollout.region, promotion = rollout.number, %problem, "a region failed");
            finish(ctx, rollout, Err(problem)).await?;
        }
        Err(Halt::Ours(problem)) => return Err(problem),
        Err(Halt::Paused) => return Ok(false),
        Err(Halt::Ended) => {}
    }
    Ok(true)
}

async fn finish(ctx: &Ctx, rollout: &RolloutRow, outcome: Result<String, Problem>) -> Result<(), Problem> {
    let mut tx = ctx.store.begin().await?;
    lock_app(&mut tx, &rollout.app).await?;
    end(ctx, tx, rollout, outcome).await
}

struct Drive<'a> {
    ctx: &'a Ctx,
    rollout: &'a RolloutRow,
    intent: &'a ServiceIntent,
    /// When it is to be done, pauses not counted.
    due: Time,
    /// How long it was paused. A pause may come and go between two looks.
    held: chrono::Duration,
    steps: Steps<'a>,
    looked: Looked,
    away: Away,
    /// When it was last asked whether it still runs.
    asked: Instant,
}

impl Drive<'_> {
    async fn all(&mut self) -> Result<String, Halt> {
        if !self.inspect().await? {
            self.pull().await?;
            self.give_secrets().await?;
            self.make_room().await?;
            self.update().await?;
        }
        let mut soak = Soak::default();
        loop {
            self.settle(&mut soak).await?;
            if let Some(seen) = self.verify(&mut soak).await? {
                return Ok(seen);
            }
        }
    }

    // ---- Stages ----------------------------------------------------------------------------

    /// Looks at what runs there and notes it. True when this rollout changed it already.
    async fn inspect(&mut self) -> Result<bool, Halt> {
        self.asked = Instant::now();
        self.steps.set(&[(INSPECT, Running, None)]).await?;
        match self.look_until_it_answers(INSPECT).await? {
            Look::Foreign => Err(self.foreign()),
            Look::Ours(seen) if seen.carries(self.intent, self.rollout.promotion.as_str()) => {
                self.check(&seen)?;
                self.steps.set(&[(INSPECT, Done, None), (PULL, Done, None), (UPDATE, Done, None)]).await?;
                Ok(true)
            }
            Look::Ours(seen) => {
                let runs = seen.digest().map_or("-", domain::Digest::short).to_owned();
                self.note(Some(&seen), &[(INSPECT, Done, Some(runs)), (PULL, Running, None)]).await?;
                Ok(false)
            }
            Look::Absent => {
                self.note(None, &[(INSPECT, Done, None), (PULL, Running, None)]).await?;
                Ok(false)
            }
        }
    }

    /// Has the image on the manager's node before anything is stopped for it. (Other nodes of
    /// the region pull it themselves; that this one could proves that the region can.)
    async fn pull(&mut self) -> Result<(), Halt> {
        loop {
            self.boundary().await?;
            let tried = match self.reach_to_pull().await? {
                Ok(swarm) => match swarm.has_image(&self.intent.image).await {
                    Ok(true) => return Ok(()),
                    Ok(false) => self.pull_with(&swarm).await?,
                    Err(trouble) => Err(trouble),
                },
                Err(trouble) => Err(trouble),
            };
            match tried {
                Ok(()) => return Ok(()),
                Err(trouble) => {
                    let region = self.rollout.region.clone();
                    self.wait_out(PULL, trouble, Problem::CannotPull { region }).await?;
                }
            }
        }
    }

    async fn pull_with(&mut self, swarm: &Swarm) -> Result<Result<(), Trouble>, Halt> {
        let line = Arc::new(Mutex::new(String::new()));
        let said = line.clone();
        let pulling = swarm.pull(&self.intent.image, move |text| *said.lock().unwrap_or_else(PoisonError::into_inner) = text);
        let mut pulling = std::pin::pin!(pulling);
        loop {
            tokio::select! {
                ended = &mut pulling => return Ok(ended),
                () = sleep(STEADY) => {}
            }
            self.boundary().await?;
            let line = line.lock().unwrap_or_else(PoisonError::into_inner).clone();
            if self.late() {
                return Ok(Err(Trouble::Away(line)));
            }
            self.steps.say(PULL, line).await?;
        }
    }

    /// Makes or updates the service, exactly once: intent first, then the act, then a look.
    async fn update(&mut self) -> Result<(), Halt> {
        let mut changes = 0;
        loop {
            let look = self.look_until_it_answers(UPDATE).await?;
            let seen = match look {
                Look::Foreign => return Err(self.foreign()),
                Look::Ours(seen) if seen.carries(self.intent, self.rollout.promotion.as_str()) => {
                    self.check(&seen)?;
                    let kept = (!seen.no_new_privileges).then(|| "no-new-privileges: not kept by this engine".to_owned());
                    self.steps.set(&[(UPDATE, Done, kept), (TASKS, Running, None)]).await?;
                    return Ok(());
                }
                Look::Ours(seen) => Some(seen),
                Look::Absent => None,
            };
            if changes == MOST_CHANGES {
                return Err(self.differs("promotion"));
            }
            let what = seen.as_ref().map_or_else(|| "new".to_owned(), |seen| format!("version {}", seen.version));
            self.authorise(seen.as_deref(), what).await?;
            if self.act(seen.as_deref()).await? {
                changes += 1;
            }
        }
    }

    /// The last word before the Swarm is changed: the digest is not quarantined, there is
    /// time, and `what` will be done is written down.
    ///
    /// Whoever pauses or ends the promotion takes the same turn: before this moment nothing is
    /// changed any more, after it the change is watched to its end.
    async fn authorise(&mut self, seen: Option<&Observed>, what: String) -> Result<(), Halt> {
        let mut tx = self.ctx.store.begin().await?;
        lock_app(&mut tx, &self.rollout.app).await?;
        lock_digest(&mut tx, &self.rollout.digest).await?;
        self.heed(holds::going(&mut tx, &self.rollout.id).await?)?;
        if self.late() {
            let (region, seconds) = (self.rollout.region.clone(), self.intent.deadline_seconds);
            return Err(Halt::Failed(Problem::TooLate { region, seconds }));
        }
        if decisions::standing(&mut tx, &self.rollout.digest).await?.quarantined() {
            return Err(Halt::Failed(Problem::Quarantined));
        }
        self.looked = looked(seen);
        rows::note_look(&mut tx, &self.rollout.id, &self.looked, None).await?;
        self.steps.set_in(&mut tx, &[(PULL, Done, None), (UPDATE, Running, Some(what))]).await?;
        tx.commit().await.map_err(internal)?;
        self.steps.tell();
        Ok(())
    }

    /// Asks for the change. True when there was an answer; the next look says what it was worth.
    async fn act(&mut self, seen: Option<&Observed>) -> Result<bool, Halt> {
        let promotion = self.rollout.promotion.as_str();
        let acted = match self.reach_to_pull().await? {
            Ok(swarm) => match seen {
                Some(seen) => swarm.update(seen, self.intent, promotion).await,
                None => swarm.create(self.intent, promotion).await,
            },
            Err(trouble) => Err(trouble),
        };
        match acted {
            // Stale: somebody else was first, which may have been ourselves before a crash.
            Ok(()) | Err(Trouble::Stale) => Ok(true),
            Err(trouble) => {
                let name = self.rollout.region.clone();
                self.wait_out(UPDATE, trouble, Problem::Unreachable { what: Noun::Region, name }).await?;
                Ok(false)
            }
        }
    }

    /// Waits until the same tasks, the right ones, have run for the whole soak.
    async fn settle(&mut self, soak: &mut Soak) -> Result<(), Halt> {
        let begun = Instant::now();
        let wanted = Duration::from_secs(u64::from(self.intent.soak_seconds));
        loop {
            self.require_running().await?;
            let Some(seen) = self.look_while_soaking().await? else { continue };
            let outlook = self.judge(&seen);
            let pace = match begun.elapsed().as_secs() {
                0..10 => CLOSE,
                10..60 => STEADY,
                _ => FAR,
            };
            let Some(left) = soak.note(&outlook, self.ctx.now(), wanted) else {
                self.not_yet(outlook).await?;
                sleep(pace).await;
                continue;
            };
            let up = (TASKS, Done, Some(format!("{0}/{0}", self.intent.replicas)));
            self.steps.set(&[up]).await?;
            if left.is_zero() {
                return Ok(self.steps.set(&[(SOAK, Done, None), (VERIFY, Running, None)]).await?);
            }
            let passed = wanted.saturating_sub(left).as_secs();
            self.steps.say(SOAK, format!("{passed}/{} s", wanted.as_secs())).await?;
            sleep(pace.max(STEADY).min(left)).await;
        }
    }

    async fn not_yet(&mut self, outlook: Outlook) -> Result<(), Halt> {
        let (running, others, error) = match outlook {
            Outlook::Broken { error } => {
                let error = error.unwrap_or_else(|| "-".to_owned());
                self.steps.set(&[(TASKS, Running, Some(error.clone()))]).await?;
                let (app, region) = (self.rollout.app.clone(), self.rollout.region.clone());
                return Err(Halt::Failed(Problem::TasksFailed { app, region, error }));
            }
            Outlook::Coming { running, others, error } => (running, others, error),
            Outlook::Steady { tasks } => (u32::try_from(tasks.len()).unwrap_or(u32::MAX), 0, None),
        };
        if self.late() {
            return Err(self.not_up(running, others));
        }
        let beside = if others > 0 { format!(" (+{others})") } else { String::new() };
        let counted = format!("{running}/{}{beside}", self.intent.replicas);
        let line = error.map_or_else(|| counted.clone(), |error| format!("{counted}: {error}"));
        self.steps.say(TASKS, line).await?;
        if self.steps.runs(SOAK) {
            self.steps.set(&[(TASKS, Running, Some(counted)), (SOAK, Waiting, None)]).await?;
        }
        Ok(())
    }

    /// The last look: what the tasks run, read off the tasks. None when it is not so any more.
    async fn verify(&mut self, soak: &mut Soak) -> Result<Option<String>, Halt> {
        let Look::Ours(seen) = self.look_until_it_answers(VERIFY).await? else { return Err(self.differs("removed")) };
        self.check(&seen)?;
        let outlook = self.judge(&seen);
        let wanted = Duration::from_secs(u64::from(self.intent.soak_seconds));
        if soak.note(&outlook, self.ctx.now(), wanted) != Some(Duration::ZERO) {
            self.steps.set(&[(VERIFY, Waiting, None), (SOAK, Waiting, None), (TASKS, Running, None)]).await?;
            return Ok(None);
        }
        let seen = format!("{0}/{0} {1}", self.intent.replicas, self.intent.digest.short());
        self.steps.set(&[(VERIFY, Done, Some(seen.clone()))]).await?;
        Ok(Some(seen))
    }

    // ---- Looking ---------------------------------------------------------------------------

    async fn reach(&self) -> Result<Swarm, Trouble> {
        let applied = self.ctx.config();
        match applied.config.region(&self.rollout.region) {
            Some(region) => Swarm::reach(&self.ctx.engines, region, self.ctx.instance()).await,
            None => Err(Trouble::Away(String::new())),
        }
    }

    /// The same with the account of the registry that the region pulls from.
    async fn reach_to_pull(&self) -> Result<Result<Swarm, Trouble>, Halt> {
        let account = credentials_of(&self.ctx.registry(), &self.intent.image).await.map_err(|problem| match problem {
            Problem::SecretMissing { .. } | Problem::SecretUnreadable { .. } => Halt::Failed(problem),
            problem => Halt::Ours(problem),
        })?;
        Ok(self.reach().await.map(|swarm| swarm.pulling_as(account)))
    }

    async fn look(&self) -> Result<Look, Trouble> {
        self.reach().await?.look(&self.rollout.app, Which::of(self.intent)).await
    }

    /// Looks until there is an answer, however often that takes before the deadline.
    async fn look_until_it_answers(&mut self, step: usize) -> Result<Look, Halt> {
        loop {
            match self.look().await {
                Ok(look) => {
                    self.away.back();
                    return Ok(look);
                }
                Err(trouble) => {
                    let name = self.rollout.region.clone();
                    self.wait_out(step, trouble, Problem::Unreachable { what: Noun::Region, name }).await?;
                }
            }
        }
    }

    /// One look at the service that this rollout changed; none while the region is away.
    async fn look_while_soaking(&mut self) -> Result<Option<Observed>, Halt> {
        match self.look().await {
            Ok(Look::Ours(seen)) => {
                self.away.back();
                self.check(&seen)?;
                Ok(Some(*seen))
            }
            Ok(Look::Absent) => Err(self.differs("removed")),
            Ok(Look::Foreign) => Err(self.foreign()),
            Err(trouble) => {
                let name = self.rollout.region.clone();
                self.wait_out(TASKS, trouble, Problem::Unreachable { what: Noun::Region, name }).await?;
                Ok(None)
            }
        }
    }

    // ---- What people say -------------------------------------------------------------------

    /// Before the region is changed: whether somebody paused or ended it.
    async fn boundary(&mut self) -> Result<(), Halt> {
        self.heed(self.ctx.store.going(&self.rollout.id).await?)
    }

    /// While its tasks are watched: whether somebody ended it. A pause comes after it.
    async fn require_running(&mut self) -> Result<(), Halt> {
        if self.asked.elapsed() < ASK {
            return Ok(());
        }
        self.asked = Instant::now();
        match self.heed(self.ctx.store.going(&self.rollout.id).await?) {
            Err(Halt::Paused) => Ok(()),
            heeded => heeded,
        }
    }

    fn heed(&mut self, going: Going) -> Result<(), Halt> {
        match going {
            Going::On { held } => self.held = held,
            Going::Paused => return Err(Halt::Paused),
            Going::Ended => return Err(Halt::Ended),
        }
        Ok(())
    }

    /// After trouble: waits a little, or gives up with `otherwise` when there is no time left.
    async fn wait_out(&mut self, step: usize, trouble: Trouble, otherwise: Problem) -> Result<(), Halt> {
        let pause = self.away.pause();
        match step {
            INSPECT | PULL => self.boundary().await?,
            _ => self.require_running().await?,
        }
        let applied = self.ctx.config();
        let Some(region) = applied.config.region(&self.rollout.region) else {
            return Err(Halt::Failed(Problem::not_found(Noun::Region, self.rollout.region.clone())));
        };
        let said = match trouble {
            Trouble::Refused(why) => return Err(Halt::Failed(self.refused(why))),
            Trouble::TooOld(found) => {
                return Err(Halt::Failed(Problem::EngineTooOld { region: self.rollout.region.clone(), found }));
            }
            Trouble::Stale => String::new(),
            Trouble::Away(said) => said,
        };
        if self.late() && self.away.lasts() >= PATIENCE {
            self.steps.set(&[(step, Running, (!said.is_empty()).then_some(said))]).await?;
            return Err(Halt::Failed(otherwise));
        }
        if said.is_empty() {
            // The connection may be to an engine that is gone.
            self.ctx.engines.forget(Noun::Region, &region.name).await;
        }
        if step != TASKS {
            self.steps.say(step, if said.is_empty() { "…".to_owned() } else { said }).await?;
        }
        sleep(pause).await;
        Ok(())
    }

    fn judge(&self, seen: &Observed) -> Outlook {
        outlook(&self.intent.digest, self.intent.replicas, &seen.tasks, seen.paused, &self.looked.ended)
    }

    /// The service is what this rollout made of it.
    fn check(&self, seen: &Observed) -> Result<(), Halt> {
        if !seen.carries(self.intent, self.rollout.promotion.as_str()) {
            return Err(self.differs("promotion"));
        }
        seen.difference(self.intent).map_or(Ok(()), |part| Err(self.differs(part)))
    }

    /// Notes what the Swarm said before acting, with these steps.
    async fn note(&mut self, seen: Option<&Observed>, stands: &[super::steps::Stand]) -> Result<(), Halt> {
        self.looked = looked(seen);
        let mut tx = self.ctx.store.begin().await?;
        rows::note_look(&mut tx, &self.rollout.id, &self.looked, seen.and_then(Observed::digest)).await?;
        self.steps.set_in(&mut tx, stands).await?;
        tx.commit().await.map_err(internal)?;
        self.steps.tell();
        Ok(())
    }

    fn late(&self) -> bool {
        self.ctx.now() >= self.due + self.held
    }
}

fn looked(seen: Option<&Observed>) -> Looked {
    Looked { version: seen.map(|seen| seen.version), ended: seen.map(Observed::ended).unwrap_or_default() }
}
