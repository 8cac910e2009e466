//! What a build brings, for the message that tells of it.

use super::news::News;
use crate::ctx::Ctx;
use crate::notify::CommitLine;
use crate::usecases::commits::ranges_of_build;
use app::view::{CommitView, RangeState, RangeView};
use domain::commits::Segment;
use domain::id::BuildId;
use domain::notify::EventKind;
use domain::{Actor, Problem};
use std::time::Duration;

/// A message waits so long for commits that are still being read, and then goes without.
const LONGEST_WAIT: Duration = Duration::from_secs(8);
const LOOK: Duration = Duration::from_millis(200);
/// More are counted.
const MOST_LINES: usize = 20;

/// The news, those of new builds with the commits since the build before in the same channel.
pub(super) async fn with_commits(ctx: &Ctx, news: Vec<News>) -> Vec<News> {
    let mut told = Vec::with_capacity(news.len());
    for mut one in news {
        if let (EventKind::BuildReady, Some(build), true) = (one.event, &one.build, one.commits.is_empty()) {
            // What cannot be read is said on the build's page; the message goes out all the same.
            if let Ok(Some(range)) = patiently(ctx, build).await {
                one.commits_total = usize::try_from(range.ahead_total).unwrap_or(usize::MAX);
                one.commits = range.ahead.iter().take(MOST_LINES).map(line).collect();
            }
        }
        told.push(one);
    }
    told
}

async fn patiently(ctx: &Ctx, build: &BuildId) -> Result<Option<RangeView>, Problem> {
    let read = async {
        loop {
            let range = ranges_of_build(ctx, &Actor::Slipway, build).await?.since_previous;
            if !range.as_ref().is_some_and(|range| range.state == RangeState::Waiting) {
                return Ok(range);
            }
            tokio::time::sleep(LOOK).await;
        }
    };
    tokio::time::timeout(LONGEST_WAIT, read).await.unwrap_or(Ok(None))
}

fn line(commit: &CommitView) -> CommitLine {
    CommitLine {
        hash: commit.hash.chars().take(12).collect(),
        subject: commit.subject.iter().map(Segment::text).collect(),
        author: commit.author.clone(),
        url: commit.url.clone(),
    }
}
