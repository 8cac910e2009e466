//! Small plots of what a container uses: numbers in words and paths to draw. The page draws them first,
//! the stream sends what changes; both come from here.

use crate::view::ServiceUsage;
use domain::usage::Usage;
use std::fmt::Write as _;

/// The box of a plot, in its own units.
pub const WIDTH: u32 = 120;
pub const HEIGHT: u32 = 28;
/// Points that are drawn: each stands for some samples.
const POINTS: usize = 60;
/// Samples that make the whole width: five minutes.
const SAMPLES: usize = 300;

/// What is plotted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plot {
    Cpu,
    Memory,
    Network,
    Disk,
}

impl Plot {
    pub const ALL: [Plot; 4] = [Plot::Cpu, Plot::Memory, Plot::Network, Plot::Disk];

    pub const fn as_str(self) -> &'static str {
        match self {
            Plot::Cpu => "cpu",
            Plot::Memory => "memory",
            Plot::Network => "network",
            Plot::Disk => "disk",
        }
    }
}

/// One plot, ready to be drawn.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Drawn {
    /// The newest number: `12 %`, `45.1 MB`, `↓ 1.2 kB/s ↑ 0 B/s`.
    pub words: String,
    /// An SVG path; empty when there is nothing to draw yet.
    pub path: String,
    /// The second line, of what is sent or written.
    pub second: String,
}

/// Draws one plot of one service.
pub fn plot(kind: Plot, usage: &ServiceUsage) -> Drawn {
    // Memory is known with the first count, the rest with the second: nothing yet is not none.
    let known = !usage.samples.is_empty() || (kind == Plot::Memory && usage.memory > 0);
    if !known {
        return Drawn::default();
    }
    let of = |value: fn(&Usage) -> u64| usage.samples.iter().map(value).collect::<Vec<u64>>();
    let last = usage.samples.last().copied().unwrap_or_default();
    match kind {
        Plot::Cpu => {
            let values = of(|usage| usage.cpu);
            // A whole core at least, so that a little does not look like much.
            let most = values.iter().copied().max().unwrap_or_default().max(1000);
            Drawn { words: percent(last.cpu), path: path(&values, most), second: String::new() }
        }
        Plot::Memory => {
            let values = of(|usage| usage.memory);
            let words = if usage.memory_limit > 0 {
                format!("{} / {}", bytes(usage.memory), bytes(usage.memory_limit))
            } else {
                bytes(usage.memory)
            };
            Drawn { words, path: path(&values, usage.memory_limit.max(1)), second: String::new() }
        }
        Plot::Network => two(&of(|usage| usage.received), &of(|usage| usage.sent), "↓", "↑"),
        Plot::Disk => two(&of(|usage| usage.read), &of(|usage| usage.written), "R", "W"),
    }
}

fn two(first: &[u64], second: &[u64], one: &str, other: &str) -> Drawn {
    let most = first.iter().chain(second).copied().max().unwrap_or_default().max(1024);
    let last = |values: &[u64]| bytes(values.last().copied().unwrap_or_default());
    Drawn {
        words: format!("{one} {}/s  {other} {}/s", last(first), last(second)),
        path: path(first, most),
        second: path(second, most),
    }
}

/// Thousandths of a core as a share of one.
fn percent(thousandths: u64) -> String {
    if thousandths < 100 { format!("{}.{} %", thousandths / 10, thousandths % 10) } else { format!("{} %", thousandths / 10) }
}

/// Bytes in the unit that reads best.
pub fn bytes(count: u64) -> String {
    const UNITS: [&str; 5] = ["B", "kB", "MB", "GB", "TB"];
    let mut tenths = count.saturating_mul(10);
    let mut unit = 0;
    while tenths >= 10_000 && unit + 1 < UNITS.len() {
        tenths = tenths / 1000 + u64::from(tenths % 1000 >= 500);
        unit += 1;
    }
    let name = UNITS.get(unit).copied().unwrap_or_default();
    if unit == 0 || tenths >= 1000 {
        format!("{} {name}", tenths / 10)
    } else {
        format!("{}.{} {name}", tenths / 10, tenths % 10)
    }
}

/// A line through the samples, the newest at the right edge.
pub fn path(values: &[u64], most: u64) -> String {
    let values = values.get(values.len().saturating_sub(SAMPLES)..).unwrap_or_default();
    let each = SAMPLES / POINTS;
    // From the right, so that a point that was drawn stays what it was.
    let means: Vec<u64> = values.rchunks(each).map(|some| some.iter().sum::<u64>() / some.len().max(1) as u64).collect();
    if means.is_empty() {
        return String::new();
    }
    let mut drawn = String::with_capacity(means.len() * 8);
    for (back, mean) in means.iter().enumerate().rev() {
        let x = WIDTH.saturating_sub(u32::try_from(back).unwrap_or(u32::MAX).saturating_mul(WIDTH / POINTS as u32));
        // In tenths, with half a unit of room above and below.
        let room = u64::from(HEIGHT - 2) * 10;
        let up = u64::try_from(u128::from(*mean) * u128::from(room) / u128::from(most.max(1))).unwrap_or(room).min(room);
        let y = u64::from(HEIGHT - 1) * 10 - up;
        let _ = write!(drawn, "{}{x} {}.{}", if drawn.is_empty() { 'M' } else { 'L' }, y / 10, y % 10);
    }
    if means.len() == 1 {
        // One point is a short dash.
        let _ = write!(drawn, "h.1");
    }
    drawn
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_well() {
        for (count, words) in [
            (0, "0 B"),
            (999, "999 B"),
            (1000, "1.0 kB"),
            (1_536, "1.5 kB"),
            (99_949, "99.9 kB"),
            (123_456, "123 kB"),
            (536_870_912, "536 MB"),
            (u64::MAX, "18 TB"),
        ] {
            if count == u64::MAX {
                assert!(bytes(count).ends_with(" TB"));
            } else {
                assert_eq!(bytes(count), words);
            }
        }
        assert_eq!(
            (percent(5), percent(99), percent(100), percent(2500)),
            ("0.5 %".into(), "9.9 %".into(), "10 %".into(), "250 %".into())
        );
    }

    #[test]
    fn what_is_not_known_yet_is_not_told_as_nothing() {
        let mut usage =
            ServiceUsage { service: "web".to_owned(), measured: true, memory: 0, memory_limit: 0, samples: Vec::new() };
        assert!(Plot::ALL.iter().all(|kind| plot(*kind, &usage) == Drawn::default()));
        (usage.memory, usage.memory_limit) = (1_900_000, 512_000_000);
        let words = Plot::ALL.map(|kind| plot(kind, &usage).words);
        assert_eq!(words, ["", "1.9 MB / 512 MB", "", ""]);
    }

    #[test]
    fn a_line_ends_at_the_right_edge_and_stays_in_its_box() {
        assert_eq!(path(&[], 10), "");
        assert_eq!(path(&[0], 10), "M120 27.0h.1");
        let full: Vec<u64> = (0..1000).collect();
        let drawn = path(&full, 500);
        assert!(drawn.starts_with("M2 ") && drawn.contains("L120 1.0"), "{drawn}");
        assert_eq!(drawn.matches('L').count(), POINTS - 1);
    }
}
