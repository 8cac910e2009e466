//! How many deliveries a second are on disk, and how long one sender waits.

use crate::desk::Desk;
use crate::sender::{Sender, push};
use crate::{Done, number, quantile};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sqlx::{Connection as _, SqliteConnection};
use std::time::{Duration, Instant};

const SENDERS: usize = 64;

/// One round: each of three after the other, so that what else happens on the machine meets all of them.
struct Round {
    raw: Vec<f64>,
    raw_rate: f64,
    many_rate: f64,
    one: Vec<f64>,
}

pub async fn rate() -> Done {
    let rounds = number("SLIPWAY_BENCH_ROUNDS", 7);
    let time = Duration::from_millis(number("SLIPWAY_BENCH_MILLIS", 2000) as u64);
    let desk = Desk::open().await?;
    let mut raw = open(&desk).await?;
    let mut told = 0;
    let mut seen = Vec::new();
    // The first warms up and does not count.
    for round in 0..=rounds {
        let (raw, raw_rate) = commits(&mut raw, time).await?;
        let many_rate = many(&desk, &mut told, time).await?;
        let one = one(&desk, &mut told, time).await?;
        if round > 0 {
            seen.push(Round { raw, raw_rate, many_rate, one });
        }
    }
    report(&seen, time);
    Ok(())
}

async fn open(desk: &Desk) -> Done<SqliteConnection> {
    let options = SqliteConnectOptions::new().filename(desk.folder.join("raw.db")).create_if_missing(true);
    let options = options.journal_mode(SqliteJournalMode::Wal).synchronous(SqliteSynchronous::Full);
    let mut raw = SqliteConnection::connect_with(&options).await?;
    sqlx::query("CREATE TABLE rows (id TEXT PRIMARY KEY, body BLOB NOT NULL)").execute(&mut raw).await?;
    Ok(raw)
}

/// One-row commits, one after the other: the least that being on disk can cost. In ms, and how many a second.
async fn commits(raw: &mut SqliteConnection, time: Duration) -> Done<(Vec<f64>, f64)> {
    static COUNT: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);
    let (body, began, mut took) = (push("dev", 1), Instant::now(), Vec::new());
    while began.elapsed() < time {
        let id = format!("msg_{}", COUNT.fetch_add(1, std::sync::atomic::Ordering::Relaxed));
        let before = Instant::now();
        sqlx::query("INSERT INTO rows (id, body) VALUES ($1, $2)").bind(id).bind(body.as_bytes()).execute(&mut *raw).await?;
        took.push(millis(before));
    }
    let rate = a_second(took.len(), began);
    Ok((took, rate))
}

/// Deliveries a second by 64 senders, each waiting for its answer before it sends the next.
async fn many(desk: &Desk, told: &mut usize, time: Duration) -> Done<f64> {
    let began = Instant::now();
    let senders = (0..SENDERS).map(|n| {
        let (mut sender, first) = (Sender::new(desk), *told + n);
        tokio::spawn(async move {
            let mut sent = 0;
            while began.elapsed() < time {
                deliver(&mut sender, first + sent * SENDERS).await?;
                sent += 1;
            }
            Ok::<usize, Box<dyn std::error::Error + Send + Sync>>(sent)
        })
    });
    let mut all = Vec::new();
    for sender in senders.collect::<Vec<_>>() {
        all.push(sender.await??);
    }
    let rate = a_second(all.iter().sum(), began);
    *told += all.iter().max().unwrap_or(&0) * SENDERS;
    Ok(rate)
}

/// How long a sender that is alone waits for each answer, in ms.
async fn one(desk: &Desk, told: &mut usize, time: Duration) -> Done<Vec<f64>> {
    let (mut sender, began, mut took) = (Sender::new(desk), Instant::now(), Vec::new());
    while began.elapsed() < time {
        let before = Instant::now();
        deliver(&mut sender, *told).await?;
        took.push(millis(before));
        *told += 1;
    }
    Ok(took)
}

async fn deliver(sender: &mut Sender, n: usize) -> Done {
    let (status, answer) = sender.send(&format!("msg_{n}"), &push("dev", 1)).await?;
    if status == 202 { Ok(()) } else { Err(format!("msg_{n}: {status} {answer}").into()) }
}

fn millis(since: Instant) -> f64 {
    since.elapsed().as_secs_f64() * 1000.0
}

#[expect(clippy::cast_precision_loss, reason = "a rate is no exact number")]
fn a_second(count: usize, since: Instant) -> f64 {
    count as f64 / since.elapsed().as_secs_f64()
}

fn report(rounds: &[Round], time: Duration) {
    let of = |value: &dyn Fn(&Round) -> f64| rounds.iter().map(value).collect::<Vec<_>>();
    let middle = |value: &dyn Fn(&Round) -> f64| quantile(&of(value), 0.5);
    let ratios = of(&|round| round.many_rate / round.raw_rate);
    println!("\nDurable deliveries at {SENDERS} senders");
    println!(
        "  {:.0} a second against {:.0} one-row commits, {:.1} times (least {:.1}, most {:.1}; bar 10)",
        middle(&|round| round.many_rate),
        middle(&|round| round.raw_rate),
        quantile(&ratios, 0.5),
        quantile(&ratios, 0.0),
        quantile(&ratios, 1.0),
    );
    println!("\nOne sender alone");
    for (word, share) in [("p50", 0.5), ("p99", 0.99)] {
        let (one, raw) = (middle(&|round| quantile(&round.one, share)), middle(&|round| quantile(&round.raw, share)));
        let bar = if share > 0.9 { "; bar 3 more" } else { "" };
        println!("  {word}  {one:.2} ms against {raw:.2} ms of a raw commit, {:.2} ms more{bar}", one - raw);
    }
    let flush = std::env::var("SLIPWAY_BENCH_FLUSH_US").ok();
    let flush =
        flush.map_or_else(|| "as it is".to_owned(), |us| format!("with a flush that takes at least {us} µs, for both sides"));
    println!(
        "  method: the median of {} rounds; in each, {:.1} s of one-row INSERTs committed by themselves (SQLite, WAL, synchronous FULL, about 600 bytes), then of {SENDERS} connections, then of one, that send signed webhooks of about 600 bytes to the release build, each waiting for its 202 before the next. The server processes what it takes in meanwhile. Same disk, {flush}; senders and server share the machine.",
        rounds.len(),
        time.as_secs_f64(),
    );
}
