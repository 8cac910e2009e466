//! The steps of a rollout as they are written down, at a bounded rate.

use crate::ctx::Ctx;
use crate::hub::Topic;
use crate::store::rollouts::{RolloutRow, STEPS, StepChange, set_step};
use crate::store::{Tx, internal};
use domain::Problem;
use domain::promotion::StepState;
use std::time::Duration;
use tokio::time::Instant;

pub const INSPECT: usize = 0;
pub const PULL: usize = 1;
pub const UPDATE: usize = 2;
pub const TASKS: usize = 3;
pub const SOAK: usize = 4;
pub const VERIFY: usize = 5;

/// A line of output is written at most this often; a change of state always.
const PACE: Duration = Duration::from_millis(500);

type Written = Option<(StepState, Option<String>)>;

/// Writes steps, and leaves out what is written already.
pub struct Steps<'a> {
    ctx: &'a Ctx,
    rollout: &'a RolloutRow,
    written: [Written; STEPS.len()],
    said: Option<Instant>,
}

/// How a step is to stand, and the line beside it.
pub type Stand = (usize, StepState, Option<String>);

impl<'a> Steps<'a> {
    pub fn new(ctx: &'a Ctx, rollout: &'a RolloutRow) -> Self {
        Self { ctx, rollout, written: Default::default(), said: None }
    }

    /// Writes how these steps stand now.
    pub async fn set(&mut self, stands: &[Stand]) -> Result<(), Problem> {
        let news: Vec<Stand> = stands.iter().filter(|stand| self.is_news(stand)).cloned().collect();
        if news.is_empty() {
            return Ok(());
        }
        let mut tx = self.ctx.store.begin().await?;
        self.set_in(&mut tx, &news).await?;
        tx.commit().await.map_err(internal)?;
        self.tell();
        Ok(())
    }

    /// The same as a part of a greater unit of work; call [`Steps::tell`] after its commit.
    pub async fn set_in(&mut self, tx: &mut Tx, stands: &[Stand]) -> Result<(), Problem> {
        for (position, state, detail) in stands {
            let change = StepChange { rollout: &self.rollout.id, position: *position, state: *state, detail: detail.as_deref() };
            set_step(tx, &change, self.ctx.now()).await?;
            if let Some(written) = self.written.get_mut(*position) {
                *written = Some((*state, detail.clone()));
            }
        }
        Ok(())
    }

    /// Writes the current line of a running step, unless one was written a moment ago.
    pub async fn say(&mut self, position: usize, line: String) -> Result<(), Problem> {
        if self.said.is_some_and(|said| said.elapsed() < PACE) {
            return Ok(());
        }
        let stand = (position, StepState::Running, Some(line));
        if self.is_news(&stand) {
            self.said = Some(Instant::now());
            self.set(&[stand]).await?;
        }
        Ok(())
    }

    /// Whether this step was last written as running.
    pub fn runs(&self, position: usize) -> bool {
        matches!(self.written.get(position), Some(Some((StepState::Running, _))))
    }

    pub fn tell(&self) {
        self.ctx.hub.tell(Topic::Promotions, self.rollout.promotion.as_str().to_owned());
    }

    fn is_news(&self, (position, state, detail): &Stand) -> bool {
        self.written.get(*position).is_some_and(|written| written.as_ref() != Some(&(*state, detail.clone())))
    }
}
