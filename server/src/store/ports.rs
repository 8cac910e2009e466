//! The ports of engines that environments publish on.

use crate::store::environments::EnvironmentRecord;
use crate::store::{Tx, internal, lock};
use domain::Problem;
use domain::id::EnvironmentId;
use sqlx::Row;
use sqlx::any::AnyRow;
use std::collections::BTreeSet;

/// A port that is kept for a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    pub service: String,
    pub container_port: u16,
    /// On the engine's machine.
    pub port: u16,
}

fn port(row: &AnyRow, column: &str) -> Result<u16, Problem> {
    u16::try_from(row.try_get::<i64, _>(column).map_err(internal)?).map_err(internal)
}

/// Makes those who choose ports of one engine wait for each other.
pub async fn take_turn(tx: &mut Tx, engine: &str) -> Result<(), Problem> {
    lock(tx, &format!(":ports {engine}")).await
}

/// Every port of an engine that is kept for somebody.
pub async fn taken(tx: &mut Tx, engine: &str) -> Result<BTreeSet<u16>, Problem> {
    let rows = sqlx::query("SELECT port FROM environment_ports WHERE engine = $1").bind(engine).fetch_all(&mut **tx).await;
    rows.map_err(internal)?.iter().map(|row| port(row, "port")).collect()
}

/// The ports of one environment.
pub async fn of(tx: &mut Tx, id: &EnvironmentId) -> Result<Vec<Kept>, Problem> {
    let rows = sqlx::query("SELECT service, container_port, port FROM environment_ports WHERE environment_id = $1");
    let rows = rows.bind(id.as_str()).fetch_all(&mut **tx).await.map_err(internal)?;
    let read = |row: &AnyRow| {
        let service = row.try_get("service").map_err(internal)?;
        Ok(Kept { service, container_port: port(row, "container_port")?, port: port(row, "port")? })
    };
    rows.iter().map(read).collect()
}

/// Keeps a port for a service, in the place of the one that it had.
pub async fn put(
    tx: &mut Tx,
    environment: &EnvironmentRecord,
    service: &str,
    container_port: u16,
    port: u16,
) -> Result<(), Problem> {
    sqlx::query(
        "INSERT INTO environment_ports (engine, port, environment_id, service, container_port) VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (environment_id, service, container_port) DO UPDATE SET engine = $1, port = $2",
    )
    .bind(environment.engine.as_str())
    .bind(i64::from(port))
    .bind(environment.id.as_str())
    .bind(service)
    .bind(i64::from(container_port))
    .execute(&mut **tx)
    .await
    .map_err(internal)?;
    Ok(())
}

/// Gives the ports of an ended environment back.
pub async fn give_back(tx: &mut Tx, id: &EnvironmentId) -> Result<(), Problem> {
    sqlx::query("DELETE FROM environment_ports WHERE environment_id = $1")
        .bind(id.as_str())
        .execute(&mut **tx)
        .await
        .map_err(internal)?;
    Ok(())
}
