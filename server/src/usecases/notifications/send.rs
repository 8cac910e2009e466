//! Sending: each target in its own order and at its own rate, each try under a lease.

use super::fan::after_quiet;
use super::inside::with_commits;
use super::news::News;
use super::{LOOK_AGAIN, render};
use crate::ctx::Ctx;
use crate::hub::Topic;
use crate::notify::Sent;
use crate::store::notifications::{self as rows, Claim, Claimed};
use crate::store::{Tx, internal};
use chrono::TimeDelta;
use domain::notify::{MOST_TRIES, TargetConfig, retry_after};
use domain::{Problem, Time};
use std::collections::HashMap;
use std::time::Duration;
use tokio::task::{Id, JoinSet};

/// A try takes no longer than this, and belongs to whoever began it for twice as long.
const LONGEST_TRY: Duration = Duration::from_secs(60);
const LEASE: TimeDelta = TimeDelta::seconds(120);
/// Targets that are sent to at once. Of each, one message after the other.
const MOST_AT_ONCE: usize = 64;
/// News that one message is made of; more are counted.
const MOST_PIECES: i64 = 20;
const MOST_WHY: usize = 500;
/// What is under way when the instance stops may end, so that it need not be sent twice.
const GRACE: Duration = Duration::from_secs(5);

/// The targets that are sent to, and when the others may be again.
#[derive(Default)]
struct Going {
    tasks: JoinSet<Result<Option<Time>, Problem>>,
    names: HashMap<Id, String>,
    rests: HashMap<String, Time>,
}

pub(super) async fn work(ctx: &Ctx) {
    let mut going = Going::default();
    loop {
        // When the database does not answer, the cause is in the log already.
        let due = ctx.store.targets_due(ctx.now()).await.unwrap_or_default();
        going.begin(ctx, due);
        tokio::select! {
            () = ctx.work.stop.cancelled() => break,
            () = ctx.work.messages.notified() => {}
            () = tokio::time::sleep(LOOK_AGAIN) => {}
            Some(ended) = going.tasks.join_next_with_id() => {
                let (id, rest) = match ended {
                    Ok((id, Ok(rest))) => (id, rest),
                    Ok((id, Err(_))) => (id, Some(ctx.now() + TimeDelta::seconds(1))),
                    Err(lost) => (lost.id(), Some(ctx.now() + TimeDelta::seconds(1))),
                };
                if let (Some(target), Some(rest)) = (going.names.remove(&id), rest) {
                    going.rests.insert(target, rest);
                }
            }
        }
    }
    let ending = async { while going.tasks.join_next().await.is_some() {} };
    // What does not end in time is sent again when its lease has ended.
    let _ = tokio::time::timeout(GRACE, ending).await;
}

impl Going {
    fn begin(&mut self, ctx: &Ctx, due: Vec<String>) {
        let now = ctx.now();
        self.rests.retain(|_, until| *until > now);
        for target in due {
            let busy = self.names.values().any(|name| *name == target) || self.rests.contains_key(&target);
            if !busy && self.tasks.len() < MOST_AT_ONCE {
                let (ctx, name) = (ctx.clone(), target.clone());
                let task = self.tasks.spawn(async move { send_to(&ctx, &name).await });
                self.names.insert(task.id(), target);
            }
        }
    }
}

/// Sends what is due, to all targets at once, and ends when nothing more may be sent now.
///
/// # Errors
/// [`Problem::Internal`].
pub async fn send_waiting(ctx: &Ctx) -> Result<(), Problem> {
    let targets = ctx.store.targets_due(ctx.now()).await?;
    let sent = futures::future::join_all(targets.iter().map(|target| send_to(ctx, target))).await;
    sent.into_iter().try_for_each(|one| one.map(|_| ()))
}

/// Sends what is due for one target, one after the other. When it bears no more for now: until when.
async fn send_to(ctx: &Ctx, name: &str) -> Result<Option<Time>, Problem> {
    while !ctx.work.stop.is_cancelled() {
        let applied = ctx.config();
        let target = applied.config.target(name);
        let rate = target.map_or((0, Duration::ZERO), |target| ctx.post.rate(target.kind));
        let now = ctx.now();
        let mut tx = ctx.store.begin().await?;
        let claim = rows::claim(&mut tx, name, now, now + LEASE, rate).await?;
        tx.commit().await.map_err(internal)?;
        let claimed = match claim {
            Claim::Got(claimed) => claimed,
            Claim::Full(then) => return Ok(Some(then)),
            Claim::Nothing => return Ok(None),
        };
        let sent = match target {
            Some(target) => attempt(ctx, target, &claimed).await?,
            None => never("The configuration has this target no more. Add it again, then replay the message."),
        };
        note(ctx, name, target, &claimed, sent).await?;
    }
    Ok(None)
}

async fn attempt(ctx: &Ctx, target: &TargetConfig, claimed: &Claimed) -> Result<Sent, Problem> {
    if claimed.tries > MOST_TRIES {
        return Ok(never("The last try was cut off, so it may have arrived. Look there before it is replayed."));
    }
    let bodies = ctx.store.news_of(&claimed.id, MOST_PIECES).await?;
    let news: Result<Vec<News>, _> = bodies.iter().map(|body| serde_json::from_str(body)).collect();
    let news = match news {
        Ok(news) => Some(with_commits(ctx, news).await),
        Err(_) => None,
    };
    let Some(message) = news.and_then(|news| render(ctx, target, claimed, &news)) else {
        return Ok(never("What it should say was written by another version and cannot be read."));
    };
    let answer = tokio::time::timeout(LONGEST_TRY, ctx.post.post(ctx, target, &message)).await;
    let slow = || Sent::Later { after: None, why: format!("It gave no answer within {} s.", LONGEST_TRY.as_secs()) };
    Ok(answer.unwrap_or_else(|_| slow()))
}

fn never(why: &str) -> Sent {
    Sent::Never { why: why.to_owned() }
}

/// Writes what became of a try; whoever took the message up meanwhile writes for it instead.
async fn note(ctx: &Ctx, target: &str, config: Option<&TargetConfig>, claimed: &Claimed, sent: Sent) -> Result<(), Problem> {
    let now = ctx.now();
    let mut tx = ctx.store.begin().await?;
    let outcome = match sent {
        Sent::Delivered => {
            rows::delivered(&mut tx, target, claimed, now).await?;
            "delivered"
        }
        Sent::Later { after, why } => {
            let asked = after.and_then(|after| TimeDelta::from_std(after).ok());
            let again = retry_after(claimed.tries, asked, chance(ctx)).map(|wait| now + wait);
            // No later try wakes anybody either.
            let again = again.map(|again| config.map_or(again, |config| after_quiet(config, claimed.event, again)));
            fail(&mut tx, target, claimed, again, &why, now).await?
        }
        Sent::Never { why } => fail(&mut tx, target, claimed, None, &why, now).await?,
    };
    tx.commit().await.map_err(internal)?;
    metrics::counter!("slipway_messages_total", "outcome" => outcome).increment(1);
    ctx.hub.tell(Topic::Notifications, None);
    Ok(())
}

async fn fail(
    tx: &mut Tx,
    target: &str,
    claimed: &Claimed,
    again: Option<Time>,
    why: &str,
    now: Time,
) -> Result<&'static str, Problem> {
    let why: String = why.chars().map(|c| if c.is_control() { ' ' } else { c }).take(MOST_WHY).collect();
    tracing::warn!(target_name = target, message = %claimed.id, tries = claimed.tries, ?again, why, "a message did not get through");
    rows::failed(tx, target, claimed, again, &why, now).await?;
    Ok(if again.is_some() { "later" } else { "dead" })
}

fn chance(ctx: &Ctx) -> u16 {
    let mut bytes = [0; 2];
    ctx.entropy.fill(&mut bytes);
    u16::from_be_bytes(bytes)
}
