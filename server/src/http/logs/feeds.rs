//! Several followed logs as one, in the order of time.

use crate::engine::logs::{Batch, Line, Viewer};
use futures::FutureExt as _;
use futures::future::{join_all, select_all};

/// The logs that are followed on one stream.
pub struct Feeds {
    feeds: Vec<Feed>,
    merged: bool,
    /// The past of all of them has been sent.
    begun: bool,
}

struct Feed {
    place: usize,
    viewer: Viewer,
    /// When its newest line was written: one without a moment belongs there.
    last: i64,
}

/// What came of all logs at one moment.
#[derive(Debug, Default)]
pub struct News {
    /// A JSON array of lines.
    pub json: Option<String>,
    pub is_full: bool,
    /// Lines that this reader was too slow for.
    pub lost: u64,
    /// An engine stopped answering.
    pub broken: bool,
}

impl Feeds {
    /// With `merged` each line says which log it is from.
    pub fn new(merged: bool) -> Self {
        Self { feeds: Vec::new(), merged, begun: false }
    }

    pub fn merged(&self) -> bool {
        self.merged
    }

    pub fn is_empty(&self) -> bool {
        self.feeds.is_empty()
    }

    pub fn add(&mut self, place: usize, viewer: Viewer) {
        self.feeds.push(Feed { place, viewer, last: i64::MIN });
    }

    /// Waits for the first of them to have something, and takes what the others have by then. Of the
    /// past, `tail` lines in all are given. May be dropped while it waits and asked again.
    pub async fn next(&mut self, tail: u32) -> News {
        if !self.begun {
            join_all(self.feeds.iter_mut().map(|feed| feed.viewer.past_is_here())).await;
        }
        let (first, at) = {
            let waiting = self.feeds.iter_mut().map(|feed| Box::pin(feed.viewer.next()));
            let (batch, at, _) = select_all(waiting).await;
            (batch, at)
        };
        let mut news = News::default();
        let mut lines = Vec::new();
        let mut ended = Vec::new();
        self.take(at, first, &mut lines, &mut news, &mut ended);
        // Before the first batch is sent all of the past is taken in: it is bounded by the rings.
        let rounds = if self.begun { 1 } else { 64 };
        for _ in 0..rounds {
            let mut more = false;
            for at in 0..self.feeds.len() {
                if ended.contains(&at) {
                    continue;
                }
                let ready = self.feeds.get_mut(at).and_then(|feed| feed.viewer.next().now_or_never());
                if let Some(batch) = ready {
                    more |= self.take(at, batch, &mut lines, &mut news, &mut ended);
                }
            }
            if !more {
                break;
            }
        }
        lines.sort_by_key(|(at, _, _)| *at);
        if !self.begun {
            let skip = if self.merged { lines.len().saturating_sub(tail as usize) } else { 0 };
            lines.drain(..skip);
            self.begun = true;
        }
        ended.sort_unstable();
        ended.into_iter().rev().for_each(|at| drop(self.feeds.remove(at)));
        news.json = (!lines.is_empty()).then(|| self.json(&lines));
        news
    }

    /// Takes in one batch; whether more may be there.
    fn take(
        &mut self,
        at: usize,
        batch: Batch,
        lines: &mut Vec<(i64, usize, Line)>,
        news: &mut News,
        ended: &mut Vec<usize>,
    ) -> bool {
        let Some(feed) = self.feeds.get_mut(at) else { return false };
        match batch {
            Batch::Lines { lines: new, is_full } => {
                news.is_full |= is_full;
                for line in new {
                    feed.last = line.at.unwrap_or(feed.last);
                    lines.push((feed.last, feed.place, line));
                }
                return is_full;
            }
            Batch::Gap(lost) => {
                news.lost += lost;
                return true;
            }
            Batch::End => ended.push(at),
            Batch::Broken => {
                news.broken = true;
                ended.push(at);
            }
        }
        false
    }

    fn json(&self, lines: &[(i64, usize, Line)]) -> String {
        let mut json = String::with_capacity(lines.iter().map(|(_, _, line)| line.json.len() + 10).sum::<usize>() + 2);
        json.push('[');
        for (number, (_, place, line)) in lines.iter().enumerate() {
            if number > 0 {
                json.push(',');
            }
            match line.json.strip_prefix('{').filter(|_| self.merged) {
                Some(rest) => json.push_str(&format!(r#"{{"i":{place},{rest}"#)),
                None => json.push_str(&line.json),
            }
        }
        json.push(']');
        json
    }
}
