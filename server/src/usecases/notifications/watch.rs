//! What nobody does: leases that are about to end, and hooks that fell silent.

use super::news::{News, What, announce, environment_expiring};
use crate::ctx::Ctx;
use crate::store::internal;
use crate::store::notifications::{self as rows, Heard};
use chrono::TimeDelta;
use domain::notify::EventKind;
use domain::{Problem, Time};

const BITE: i64 = 100;
/// A hook that was heard of less than this long ago is never silent.
const LEAST_SILENCE: TimeDelta = TimeDelta::hours(24);
/// Deliveries that tell what is usual: twenty gaps.
const HEARD: i64 = 21;

/// Tells once of each lease that is about to end.
///
/// # Errors
/// [`Problem::Internal`].
pub async fn watch_leases(ctx: &Ctx) -> Result<(), Problem> {
    let before = TimeDelta::minutes(i64::from(ctx.config().config.environments.warn_minutes()));
    for soon in ctx.store.environments_expiring(ctx.now() + before, BITE).await? {
        let Some(environment) = ctx.store.environment_record(&soon.id).await? else { continue };
        let mut tx = ctx.store.begin().await?;
        if rows::tell_once(&mut tx, &format!("environment {}", soon.id), soon.lease_ends_at).await? {
            environment_expiring(ctx, &mut tx, &environment).await?;
        }
        tx.commit().await.map_err(internal)?;
    }
    Ok(())
}

/// Tells once of each hook that has been silent for much longer than usual.
///
/// # Errors
/// [`Problem::Internal`].
pub async fn watch_hooks(ctx: &Ctx) -> Result<(), Problem> {
    for hook in ctx.store.heard(HEARD).await? {
        let Some(last) = silent_since(&hook, ctx.now()) else { continue };
        let mut tx = ctx.store.begin().await?;
        if rows::tell_once(&mut tx, &format!("hook {}", hook.hook), last).await? {
            let what = What::Hook { name: hook.name.clone(), last_at: last };
            announce(ctx, &mut tx, News::new(EventKind::HookSilent, ctx.now(), what)).await?;
        }
        tx.commit().await.map_err(internal)?;
    }
    Ok(())
}

/// Since when a hook has been silent for more than a day and more than five times its usual gap;
/// none when it is not, or was never heard of.
fn silent_since(hook: &Heard, now: Time) -> Option<Time> {
    let last = *hook.at.first()?;
    let mut gaps: Vec<TimeDelta> = hook.at.windows(2).filter_map(|pair| Some(*pair.first()? - *pair.last()?)).collect();
    gaps.sort_unstable();
    let usual = gaps.get(gaps.len() / 2).copied().unwrap_or_default();
    (now - last > LEAST_SILENCE.max(usual * 5)).then_some(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hook_is_silent_after_a_day_or_five_of_its_usual_gaps() {
        let now: Time = "2026-11-24T00:00:00Z".parse().expect("a time");
        let heard = |hours: &[i64]| Heard {
            hook: String::new(),
            name: String::new(),
            at: hours.iter().map(|ago| now - TimeDelta::hours(*ago)).collect(),
        };
        assert_eq!(silent_since(&heard(&[]), now), None, "never heard of");
        assert_eq!(silent_since(&heard(&[24, 25, 26]), now), None);
        assert!(silent_since(&heard(&[25, 26, 27]), now).is_some());
        assert_eq!(silent_since(&heard(&[100, 124, 148, 172]), now), None, "once a day is usual");
        assert!(silent_since(&heard(&[121, 145, 169, 193]), now).is_some());
        assert!(silent_since(&heard(&[30, 31, 32, 1000]), now).is_some(), "one long pause makes no rule");
    }
}
