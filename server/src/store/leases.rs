//! The lives of environments after their launch: leases and holders.

use crate::clock::micros;
use crate::store::environments::{EnvironmentRecord, StepRecord};
use crate::store::{Store, Tx, internal};
use domain::id::EnvironmentId;
use domain::lease::EnvironmentState;
use domain::problem::Noun;
use domain::{Action, Person, Problem, Role, Time};
use sqlx::Row;

/// People to whom something can be handed over at most.
const MOST_PEOPLE: i64 = 200;

impl Store {
    /// Names of those who may launch environments now, in order.
    pub async fn launchers(&self) -> Result<Vec<String>, Problem> {
        let may: Vec<String> = Role::ALL
            .into_iter()
            .filter(|role| role.allows(Action::LaunchEnvironment))
            .map(|role| format!("'{}'", role.as_str()))
            .collect();
        let sql = format!("SELECT name FROM users WHERE disabled = 0 AND role IN ({}) ORDER BY name LIMIT $1", may.join(", "));
        let rows = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(MOST_PEOPLE).fetch_all(self.read()).await.map_err(internal)?;
        rows.iter().map(|row| row.try_get("name").map_err(internal)).collect()
    }
}

/// An environment as it is now, read so that nobody else decides about it until the transaction ends.
pub async fn hold(tx: &mut Tx, id: &EnvironmentId) -> Result<EnvironmentRecord, Problem> {
    // No app can have this name.
    crate::store::lock(tx, &format!(":environment {id}")).await?;
    let found = crate::store::environments::record_in(tx, id).await?;
    found.ok_or_else(|| Problem::not_found(Noun::Environment, id.as_str()))
}

/// Gives a lease another end.
pub async fn set_lease_end(tx: &mut Tx, id: &EnvironmentId, ends: Time) -> Result<(), Problem> {
    sqlx::query("UPDATE environments SET lease_ends_at = $1 WHERE id = $2")
        .bind(micros(ends))
        .bind(id.as_str())
        .execute(&mut **tx)
        .await
        .map_err(internal)?;
    Ok(())
}

/// Gives an environment another holder.
pub async fn set_holder(tx: &mut Tx, id: &EnvironmentId, holder: &Person) -> Result<(), Problem> {
    sqlx::query("UPDATE environments SET holder_id = $1, holder_name = $2 WHERE id = $3")
        .bind(holder.id.as_str())
        .bind(holder.name.as_str())
        .bind(id.as_str())
        .execute(&mut **tx)
        .await
        .map_err(internal)?;
    Ok(())
}

/// Begins a freeze, a thaw or a restart: the state, what it is about, and its steps, behind those of
/// the launch and in the place of those of the time before.
pub async fn set_task(
    tx: &mut Tx,
    id: &EnvironmentId,
    state: EnvironmentState,
    task: &str,
    steps: &[StepRecord],
) -> Result<(), Problem> {
    sqlx::query("UPDATE environments SET state = $1, task = $2 WHERE id = $3")
        .bind(state.as_str())
        .bind(task)
        .bind(id.as_str())
        .execute(&mut **tx)
        .await
        .map_err(internal)?;
    sqlx::query("DELETE FROM environment_steps WHERE environment_id = $1 AND kind IN ('freeze', 'thaw', 'restart')")
        .bind(id.as_str())
        .execute(&mut **tx)
        .await
        .map_err(internal)?;
    let first: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM environment_steps WHERE environment_id = $1")
        .bind(id.as_str())
        .fetch_one(&mut **tx)
        .await
        .map_err(internal)?;
    for (position, step) in (first..).zip(steps) {
        sqlx::query("INSERT INTO environment_steps (environment_id, position, kind, subject, state) VALUES ($1, $2, $3, $4, $5)")
            .bind(id.as_str())
            .bind(position)
            .bind(step.kind.as_str())
            .bind(step.subject.as_str())
            .bind(step.state.as_str())
            .execute(&mut **tx)
            .await
            .map_err(internal)?;
    }
    Ok(())
}

/// `freezing` → `frozen`; what ran stays written down. False when it is not freezing any more.
pub async fn set_frozen(tx: &mut Tx, id: &EnvironmentId) -> Result<bool, Problem> {
    let done = sqlx::query("UPDATE environments SET state = 'frozen' WHERE id = $1 AND state = 'freezing'")
        .bind(id.as_str())
        .execute(&mut **tx)
        .await
        .map_err(internal)?;
    Ok(done.rows_affected() > 0)
}

/// `thawing` or `restarting` → `running`; false when it is neither any more.
pub async fn set_up_again(tx: &mut Tx, id: &EnvironmentId, links: &str) -> Result<bool, Problem> {
    let done = sqlx::query(
        "UPDATE environments SET state = 'running', links = $1, failure = NULL, task = NULL
         WHERE id = $2 AND state IN ('thawing', 'restarting')",
    )
    .bind(links)
    .bind(id.as_str())
    .execute(&mut **tx)
    .await
    .map_err(internal)?;
    Ok(done.rows_affected() > 0)
}
