//! The lease: longer, or somebody else's. The holder decides, and so do leads.

use super::queue;
use crate::ctx::{Ctx, Entry};
use crate::hub::Topic;
use crate::store::environments::EnvironmentRecord;
use crate::store::people::{UserRow, user_by_name_in};
use crate::store::{Tx, internal, leases as rows};
use crate::usecases::deciding::require_still;
use crate::usecases::notifications;
use domain::id::EnvironmentId;
use domain::lease::{EnvironmentState, extended, require_keeper};
use domain::problem::{Fault, Noun};
use domain::{Action, Actor, Person, Problem, Role};

/// Makes a lease longer by some hours.
///
/// # Errors
/// [`Problem::Forbidden`]; [`Problem::NotFound`]; [`Problem::NotTheHolder`];
/// [`Problem::Finished`] when it ends or has ended; [`Problem::Invalid`] for hours out of bounds.
pub async fn extend_environment(ctx: &Ctx, actor: &Actor, id: &EnvironmentId, hours: u32) -> Result<(), Problem> {
    actor.require(Action::KeepEnvironment)?;
    let (mut tx, environment, _) = begin(ctx, actor, id).await?;
    if environment.state == EnvironmentState::Queued {
        // Its lease begins when its turn comes.
        return Err(Problem::NotNow { state: environment.state });
    }
    let total = ctx.config().config.environments.most_hours();
    let ends = extended(environment.begun_at, environment.lease_ends_at, hours, total);
    let ends = ends.map_err(|why| Problem::invalid("hours", why))?;
    rows::set_lease_end(&mut tx, id, ends).await?;
    let detail = format!("E-{}: {hours} h more, until {}", environment.number, ends.format("%Y-%m-%d %H:%M UTC"));
    finish(ctx, tx, actor, &environment, "environment.extended", detail).await
}

/// Gives an environment to somebody else, who must be one who may launch; both are told.
///
/// # Errors
/// As [`extend_environment`]; [`Problem::Invalid`] for somebody who is not there or may not launch,
/// or who holds it already.
pub async fn hand_over_environment(ctx: &Ctx, actor: &Actor, id: &EnvironmentId, to: &str) -> Result<(), Problem> {
    actor.require(Action::KeepEnvironment)?;
    let (mut tx, mut environment, person) = begin(ctx, actor, id).await?;
    let named = user_by_name_in(&mut tx, to.trim()).await?;
    let may = |user: &UserRow| !user.disabled && user.person.role.allows(Action::LaunchEnvironment);
    let named = named.filter(may).ok_or_else(|| {
        let name = to.trim().chars().take(64).collect();
        Problem::invalid("to", Fault::Unknown { what: Noun::User, name })
    })?;
    if named.person.id == environment.holder {
        return Err(Problem::invalid("to", Fault::Refused { reason: format!("{} holds it already", named.person.name) }));
    }
    queue::require_person(&mut tx, &ctx.config().config, &named.person.id, &named.person.name).await?;
    rows::set_holder(&mut tx, id, &named.person).await?;
    let detail = format!("E-{}: from {} to {}", environment.number, environment.holder_name, named.person.name);
    environment.holder = named.person.id;
    environment.holder_name = named.person.name;
    notifications::environment_handed_over(ctx, &mut tx, &environment, &person.name).await?;
    finish(ctx, tx, actor, &environment, "environment.handed_over", detail).await
}

/// What every decision about an environment has in common: its turn, whether the actor still may,
/// and whether there is anything left to decide about.
///
/// # Errors
/// [`Problem::Forbidden`], [`Problem::NotFound`], [`Problem::NotTheHolder`], [`Problem::Finished`].
pub(super) async fn begin(ctx: &Ctx, actor: &Actor, id: &EnvironmentId) -> Result<(Tx, EnvironmentRecord, Person), Problem> {
    let mut tx = ctx.store.begin().await?;
    let environment = rows::hold(&mut tx, id).await?;
    let person = require_still(&mut tx, actor, Action::KeepEnvironment).await?;
    let by = acting_role(actor).unwrap_or(person.role);
    require_keeper(&person, by, &environment.holder, &environment.holder_name)?;
    if !environment.state.can_stop() {
        return Err(Problem::Finished { state: environment.state.as_str().to_owned() });
    }
    Ok((tx, environment, person))
}

/// The role of the token that somebody acts through; none without one.
fn acting_role(actor: &Actor) -> Option<Role> {
    match actor {
        Actor::Token { role, .. } => Some(*role),
        _ => None,
    }
}

/// Whether this reader may decide about an environment; the decision itself asks once more.
pub(super) fn may_keep(actor: &Actor, environment: &EnvironmentRecord) -> bool {
    let Some(person) = actor.person().filter(|_| actor.may(Action::KeepEnvironment)) else { return false };
    let by = acting_role(actor).unwrap_or(person.role);
    environment.state.can_stop() && require_keeper(person, by, &environment.holder, &environment.holder_name).is_ok()
}

/// The record, the commit, and the word to open pages and to the worker.
pub(super) async fn finish(
    ctx: &Ctx,
    mut tx: Tx,
    actor: &Actor,
    environment: &EnvironmentRecord,
    action: &str,
    detail: String,
) -> Result<(), Problem> {
    let subject = environment.id.as_str();
    ctx.audit(&mut tx, actor, Entry { action, subject_kind: "environment", subject, app: None, detail }).await?;
    tx.commit().await.map_err(internal)?;
    ctx.work.environments.notify_one();
    super::tell_state(ctx, &environment.id);
    ctx.hub.tell(Topic::Activity, None);
    Ok(())
}
