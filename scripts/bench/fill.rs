//! Makes the database of a bench large: builds with a tag each, and promotions that ended, over all its regions.
//!
//!   fill DATABASE BUILDS PROMOTIONS
//!
//! Each is like the newest that is there, and older. The server may run meanwhile.
#![allow(clippy::print_stderr, reason = "a program of the bench")]

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{Connection as _, SqliteConnection};
use std::time::Duration;

/// `$1` rows from 1 on.
const NUMBERS: &str = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < $1)";

const BUILDS: &str = "
    INSERT INTO builds (id, app, image, digest, revision, source, size, built_at, seen_at, described)
    {n} SELECT printf('f%031x', x), app, image, printf('sha256:%064x', x), revision, source, size, built_at,
        seen_at - x * 1000000, 1 FROM n, (SELECT * FROM builds ORDER BY seen_at DESC LIMIT 1)";

const TAGS: &str = "
    INSERT INTO tags (app, name, build_id, channel, moved_at)
    {n} SELECT app, printf('fill-%d', x), printf('f%031x', x), 'dev', seen_at
        FROM n JOIN builds b ON b.id = printf('f%031x', x)";

const PROMOTIONS: &str = "
    INSERT INTO promotions (id, number, kind, app, build_id, digest, state, reason, requested_by_id, requested_by_name,
        requested_at, started_at, ended_at)
    {n} SELECT printf('f%031x', x), 1000000 + x, kind, app, printf('f%031x', x), printf('sha256:%064x', x), state, reason,
        requested_by_id, requested_by_name, requested_at - x * 1000000, started_at - x * 1000000, ended_at - x * 1000000
        FROM n, (SELECT * FROM promotions WHERE state = 'verified' ORDER BY number DESC LIMIT 1)";

const ROLLOUTS: &str = "
    INSERT INTO rollouts (id, promotion_id, position, app, region, digest, state, spec, started_at, ended_at)
    {n} SELECT printf('f%015x-%s', x, region), printf('f%031x', x), position, app, region, printf('sha256:%064x', x), state, spec,
        started_at - x * 1000000, ended_at - x * 1000000
        FROM n, (SELECT * FROM rollouts WHERE state = 'verified' GROUP BY region)";

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut given = std::env::args().skip(1);
    let (Some(database), Some(builds), Some(promotions)) = (given.next(), given.next(), given.next()) else {
        return Err("fill DATABASE BUILDS PROMOTIONS".into());
    };
    let (builds, promotions): (i64, i64) = (builds.parse()?, promotions.parse()?);
    let options = SqliteConnectOptions::new().filename(&database).busy_timeout(Duration::from_secs(10));
    let mut connection = SqliteConnection::connect_with(&options).await?;
    let mut tx = connection.begin().await?;
    for (sql, count) in [(BUILDS, builds), (TAGS, builds), (PROMOTIONS, promotions), (ROLLOUTS, promotions)] {
        let sql = sqlx::AssertSqlSafe(sql.replace("{n}", NUMBERS));
        let made = sqlx::query(sql).bind(count).execute(&mut *tx).await?.rows_affected();
        if made == 0 {
            return Err("there is nothing like it yet".into());
        }
    }
    tx.commit().await?;
    Ok(())
}
