//! Builders for `make bench`: real signed webhooks over loopback against a real server.
//!
//!   deliveries rate     durable deliveries per second, against one-row commits on the same disk
//!   deliveries kills    many deliveries with `kill -9` in between: none lost, none doubled
//!
//! SLIPWAY_BIN is the server. Everything is made in a new folder under SLIPWAY_BENCH_FOLDER (default
//! the folder for temporary files) and removed at the end.
#![allow(
    clippy::print_stdout,
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    reason = "a program of the bench: it prints, starts the server and looks at the clock"
)]

mod desk;
mod kills;
mod rate;
mod sender;

/// Whatever goes wrong ends the program.
pub type Done<T = ()> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

#[tokio::main]
async fn main() -> Done {
    match std::env::args().nth(1).as_deref() {
        Some("rate") => rate::rate().await,
        Some("kills") => kills::kills().await,
        _ => Err("deliveries rate | deliveries kills".into()),
    }
}

/// A number from the environment.
pub fn number(name: &str, otherwise: usize) -> usize {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}

/// The value below which `share` of them lie.
pub fn quantile(values: &[f64], share: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss, reason = "a place in a list")]
    let place = (share * sorted.len() as f64) as usize;
    sorted.get(place.min(sorted.len().saturating_sub(1))).copied().unwrap_or(f64::NAN)
}
