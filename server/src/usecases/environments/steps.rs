//! The steps of a launch while it goes: changed in memory as fast as the engine answers, and
//! written down together a few times a second, so that watching costs the launch nothing.

use super::tell;
use crate::ctx::Ctx;
use crate::store::environments::{self as rows, StepRecord};
use crate::store::{Tx, internal};
use domain::id::EnvironmentId;
use domain::promotion::StepState;
use domain::{Problem, Time};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

/// The shortest time between two writes.
const PAUSE: Duration = Duration::from_millis(100);
/// A detail is a line or the end of a log, never a log.
const MOST_DETAIL: usize = 4000;

/// The steps of one launch.
pub struct Board {
    id: EnvironmentId,
    steps: Mutex<Vec<Entry>>,
    changed: Notify,
}

struct Entry {
    step: StepRecord,
    dirty: bool,
}

impl Board {
    /// The steps as they are written down.
    pub async fn read(ctx: &Ctx, id: &EnvironmentId) -> Result<Self, Problem> {
        let steps = ctx.store.environment_steps(id).await?;
        let steps = steps.into_iter().map(|step| Entry { step, dirty: false }).collect();
        Ok(Self { id: id.clone(), steps: Mutex::new(steps), changed: Notify::new() })
    }

    /// The step runs; one that was done before a restart stays done.
    pub fn begin(&self, kind: &str, subject: &str, now: Time) {
        self.change(kind, subject, |step| {
            if step.state != StepState::Done {
                step.state = StepState::Running;
                step.started_at = step.started_at.or(Some(now));
                step.ended_at = None;
                step.detail = None;
            }
        });
    }

    /// What a running step is at.
    pub fn say(&self, kind: &str, subject: &str, detail: String) {
        self.change(kind, subject, |step| {
            if step.state == StepState::Running {
                step.detail = Some(cut(detail));
            }
        });
    }

    pub fn is_done(&self, kind: &str, subject: &str) -> bool {
        let mut steps = self.held();
        let found = steps.iter_mut().find(|entry| entry.step.kind == kind && entry.step.subject == subject);
        found.is_some_and(|entry| entry.step.state == StepState::Done)
    }

    pub fn done(&self, kind: &str, subject: &str, now: Time) {
        self.change(kind, subject, |step| {
            if step.state != StepState::Done {
                step.state = StepState::Done;
                step.started_at = step.started_at.or(Some(now));
                step.ended_at = Some(now);
                step.detail = None;
            }
        });
    }

    /// Done, with something to say about how.
    pub fn done_saying(&self, kind: &str, subject: &str, detail: String, now: Time) {
        self.done(kind, subject, now);
        self.change(kind, subject, |step| step.detail = Some(cut(detail)));
    }

    pub fn failed(&self, kind: &str, subject: &str, detail: Option<String>, now: Time) {
        self.change(kind, subject, |step| {
            step.state = StepState::Failed;
            step.started_at = step.started_at.or(Some(now));
            step.ended_at = Some(now);
            step.detail = detail.map(cut);
        });
    }

    /// Whatever has not ended will not be done any more.
    pub fn skip_rest(&self, now: Time) {
        for entry in self.held().iter_mut() {
            match entry.step.state {
                StepState::Waiting => entry.step.state = StepState::Skipped,
                StepState::Running => {
                    entry.step.state = StepState::Skipped;
                    entry.step.ended_at = Some(now);
                }
                _ => continue,
            }
            entry.dirty = true;
        }
    }

    /// Writes down what changed, until `until`; what changes later is for [`Board::write`].
    pub async fn keep(&self, ctx: &Ctx, until: &CancellationToken) {
        while until.run_until_cancelled(self.changed.notified()).await.is_some() {
            let written = async {
                let mut tx = ctx.store.begin().await?;
                self.write(&mut tx).await?;
                tx.commit().await.map_err(internal)
            };
            let written: Result<(), Problem> = written.await;
            match written {
                Ok(()) => tell(ctx, &self.id),
                Err(_) => self.spoil(),
            }
            until.run_until_cancelled(tokio::time::sleep(PAUSE)).await;
        }
    }

    /// Writes down what changed, in the caller's transaction.
    pub async fn write(&self, tx: &mut Tx) -> Result<(), Problem> {
        let changed: Vec<(usize, StepRecord)> = {
            let mut steps = self.held();
            let dirty = steps.iter_mut().enumerate().filter(|(_, entry)| entry.dirty);
            dirty
                .map(|(position, entry)| {
                    entry.dirty = false;
                    (position, entry.step.clone())
                })
                .collect()
        };
        for (position, step) in &changed {
            rows::set_step(tx, &self.id, *position, step).await?;
        }
        Ok(())
    }

    /// What was written may not have been kept: all of it counts as changed again.
    fn spoil(&self) {
        self.held().iter_mut().for_each(|entry| entry.dirty = true);
    }

    fn change(&self, kind: &str, subject: &str, change: impl FnOnce(&mut StepRecord)) {
        let mut steps = self.held();
        let found = steps.iter_mut().find(|entry| entry.step.kind == kind && entry.step.subject == subject);
        let Some(entry) = found else { return };
        let before = entry.step.clone();
        change(&mut entry.step);
        if entry.step != before {
            entry.dirty = true;
            self.changed.notify_one();
        }
    }

    fn held(&self) -> MutexGuard<'_, Vec<Entry>> {
        self.steps.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The end of a long text, because that is where the reason stands.
fn cut(text: String) -> String {
    let extra = text.chars().count().saturating_sub(MOST_DETAIL);
    if extra == 0 { text } else { text.chars().skip(extra).collect() }
}
