//! Deliveries with `kill -9` in between. What the senders were answered is compared with the database.

use crate::desk::Desk;
use crate::sender::{Sender, push};
use crate::{Done, number};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{Connection as _, SqliteConnection};
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

const SENDERS: usize = 64;
/// Each digest has so many tags.
const DIGESTS: usize = 100;

#[derive(Default)]
struct Told {
    next: AtomicUsize,
    answered: AtomicUsize,
    cut_off: AtomicUsize,
}

pub async fn kills() -> Done {
    let (count, kills) = (number("SLIPWAY_BENCH_DELIVERIES", 100_000), number("SLIPWAY_BENCH_KILLS", 25));
    let seed = number("SLIPWAY_BENCH_SEED", 5);
    let mut desk = Desk::open().await?;
    let told = Arc::new(Told::default());
    let began = Instant::now();
    let senders: Vec<_> = (0..SENDERS).map(|_| tokio::spawn(deliver(Sender::new(&desk), Arc::clone(&told), count))).collect();
    for after in points(count, kills, seed) {
        while told.answered.load(Ordering::SeqCst) < after {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        desk.kill();
        desk.start().await?;
    }
    let mut answers = HashMap::new();
    for sender in senders {
        answers.extend(sender.await??);
    }
    let took = began.elapsed();
    let mut database = processed(&desk).await?;
    desk.kill();
    let faults = compare(&mut database, &answers, count).await?;
    println!("\n{count} deliveries with kill -9 in between");
    println!(
        "  {} answered, {} lost, {} doubled; {kills} kills, {} requests cut off and sent again, {:.0} s",
        answers.len(),
        faults.lost,
        faults.doubled,
        told.cut_off.load(Ordering::SeqCst),
        took.as_secs_f64(),
    );
    println!(
        "  method: {SENDERS} senders of signed pushes, each with a tag of its own, sent until they are answered; SIGKILL after numbers of answers drawn with seed {seed}, and a start at once. At the end every answered id must be in the database under the delivery that was named to its sender (lost), and there must be exactly one effective delivery, one event and one tag move for each, and {DIGESTS} builds (doubled)."
    );
    if faults.lost + faults.doubled > 0 { Err("deliveries were lost or doubled".into()) } else { Ok(()) }
}

/// After how many answers it is killed: any number, the same for the same seed.
fn points(count: usize, kills: usize, seed: usize) -> BTreeSet<usize> {
    let mut state = seed as u64;
    let mut drawn = BTreeSet::new();
    while drawn.len() < kills.min(count / 2) {
        // Numerical Recipes' generator: any will do.
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        drawn.insert((state >> 33) as usize % count.max(1));
    }
    drawn
}

/// Sends one after the other, each until it is answered; what was answered: the delivery, or none for a duplicate.
async fn deliver(mut sender: Sender, told: Arc<Told>, count: usize) -> Done<Vec<(usize, Option<String>)>> {
    let mut answers = Vec::new();
    loop {
        let n = told.next.fetch_add(1, Ordering::SeqCst);
        if n >= count {
            return Ok(answers);
        }
        let (id, body) = (format!("msg_{n}"), push(&tag(n), n % DIGESTS + 1));
        let end = Instant::now() + Duration::from_secs(60);
        let (status, answer) = loop {
            match sender.send(&id, &body).await {
                Ok((status @ (200 | 202), answer)) => break (status, answer),
                Ok((503, _)) | Err(_) if Instant::now() < end => {
                    told.cut_off.fetch_add(1, Ordering::SeqCst);
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
                other => return Err(format!("{id}: {other:?}").into()),
            }
        };
        let delivery = answer.split('"').nth(3).filter(|_| status == 202).map(str::to_owned);
        answers.push((n, delivery));
        told.answered.fetch_add(1, Ordering::SeqCst);
    }
}

/// Each delivery has a release tag of its own.
fn tag(n: usize) -> String {
    let (order, day, month) = (n % 99 + 1, n / 99 % 28 + 1, n / (99 * 28) % 12 + 1);
    format!("release-v{}.{month:02}.{day:02}.{order:02}", n / (99 * 28 * 12) + 1)
}

/// Waits until the server has gone through all that it took in.
async fn processed(desk: &Desk) -> Done<SqliteConnection> {
    let options = SqliteConnectOptions::new().filename(desk.database()).busy_timeout(Duration::from_secs(5));
    let mut database = SqliteConnection::connect_with(&options).await?;
    let end = Instant::now() + Duration::from_secs(1200);
    loop {
        let waiting = sqlx::query_scalar("SELECT COUNT(*) FROM deliveries WHERE state = 'stored'");
        let waiting: i64 = waiting.fetch_one(&mut database).await?;
        if waiting == 0 {
            return Ok(database);
        }
        if Instant::now() > end {
            return Err(format!("{waiting} deliveries are not processed").into());
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

struct Faults {
    lost: usize,
    doubled: usize,
}

async fn compare(database: &mut SqliteConnection, answers: &HashMap<usize, Option<String>>, count: usize) -> Done<Faults> {
    let rows = sqlx::query_as("SELECT e.event, e.delivery_id FROM delivery_events e JOIN deliveries d ON d.id = e.delivery_id");
    let rows: Vec<(String, String)> = rows.fetch_all(&mut *database).await?;
    let kept: HashMap<String, String> = rows.into_iter().collect();
    let lost = answers.iter().filter(|(n, delivery)| match kept.get(&format!("msg_{n}")) {
        Some(stored) => delivery.as_ref().is_some_and(|delivery| delivery != stored),
        None => true,
    });
    let lost = lost.count() + count.saturating_sub(answers.len());
    let mut doubled = 0;
    for (sql, wanted) in [
        ("SELECT COUNT(*) FROM deliveries WHERE state <> 'duplicate'", count),
        ("SELECT COUNT(*) FROM delivery_events", count),
        ("SELECT COUNT(*) FROM tag_moves", count),
        ("SELECT COUNT(DISTINCT tag) FROM tag_moves", count),
        ("SELECT COUNT(*) FROM builds", DIGESTS.min(count)),
    ] {
        let found: i64 = sqlx::query_scalar(sql).fetch_one(&mut *database).await?;
        doubled += usize::try_from(found)?.abs_diff(wanted);
    }
    Ok(Faults { lost, doubled })
}
