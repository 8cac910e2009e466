//! CI runs, and which image a run made.

use crate::channel::Channel;
use crate::{Time, channel};
use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

/// How a run stands. What is over is never under way again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum RunStatus {
    Running,
    Canceled,
    Failed,
    Success,
}

impl RunStatus {
    pub const ALL: [RunStatus; 4] = [RunStatus::Running, RunStatus::Canceled, RunStatus::Failed, RunStatus::Success];

    pub const fn as_str(self) -> &'static str {
        match self {
            RunStatus::Running => "running",
            RunStatus::Canceled => "canceled",
            RunStatus::Failed => "failed",
            RunStatus::Success => "success",
        }
    }

    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == word)
    }

    pub const fn is_over(self) -> bool {
        !matches!(self, RunStatus::Running)
    }

    /// What stands after `told` is heard: news that come late change nothing.
    pub fn after(self, told: RunStatus) -> RunStatus {
        if self.is_over() { self } else { told }
    }
}

/// What a run and an image are compared by.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RunFacts {
    pub revision: Option<String>,
    pub branch: Option<String>,
    pub tag: Option<String>,
    pub started_at: Option<DateTime<Utc>>,
    /// When it was over, or when it was last heard of.
    pub heard_at: DateTime<Utc>,
}

/// The image's side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageFacts {
    /// The commit that its label names.
    pub revision: Option<String>,
    /// The tags that were moved to it.
    pub tags: Vec<String>,
    pub pushed_at: DateTime<Utc>,
}

/// How sure it is that a run made an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Match {
    /// The same branch or tag, at the right time.
    ByName,
    /// The same commit.
    ByRevision,
}

/// An image is pushed no earlier than this before its run was heard of …
const BEFORE: TimeDelta = TimeDelta::minutes(60);
/// … and no later than this after.
const AFTER: TimeDelta = TimeDelta::minutes(60);

/// Whether the run made the image. Two commits that are both named and differ never match,
/// whatever else agrees. Without a commit on both sides, the git tag must be the image's tag, or the branch
/// lead to the channel of one of its tags, within the time in which builds are pushed.
pub fn made(channels: &[Channel], run: &RunFacts, image: &ImageFacts) -> Option<Match> {
    if let (Some(one), Some(other)) = (&run.revision, &image.revision) {
        return same_commit(one, other).then_some(Match::ByRevision);
    }
    let begun = run.started_at.unwrap_or(run.heard_at).min(run.heard_at - BEFORE);
    if image.pushed_at < begun || image.pushed_at > run.heard_at + AFTER {
        return None;
    }
    let named = match (&run.tag, &run.branch) {
        (Some(tag), _) => image.tags.contains(tag),
        (None, Some(branch)) => image.tags.iter().any(|tag| leads_to(channels, branch, tag)),
        (None, None) => false,
    };
    named.then_some(Match::ByName)
}

/// Commits are often written short: seven digits and more that agree are one commit.
pub fn same_commit(one: &str, other: &str) -> bool {
    let (one, other) = (one.to_ascii_lowercase(), other.to_ascii_lowercase());
    let hex = |text: &str| text.len() >= 7 && text.bytes().all(|b| b.is_ascii_hexdigit());
    hex(&one) && hex(&other) && (one.starts_with(&other) || other.starts_with(&one))
}

/// Whether a push to `branch` makes the image tag `tag`: by the channel that names the branch,
/// else when both have one name.
fn leads_to(channels: &[Channel], branch: &str, tag: &str) -> bool {
    let parsed = tag.parse().ok();
    match parsed.and_then(|tag| channel::channel_of(channels, &tag)) {
        Some(channel) => channel.branch.as_deref().map_or(tag == branch, |named| named == branch),
        None => tag == branch,
    }
}

/// The channel that a run belongs to: of its git tag as an image tag, else of its branch.
pub fn channel_of_run<'a>(channels: &'a [Channel], branch: Option<&str>, tag: Option<&str>) -> Option<&'a Channel> {
    if let Some(tag) = tag {
        return tag.parse().ok().and_then(|tag| channel::channel_of(channels, &tag));
    }
    let branch = branch?;
    let named = channels.iter().find(|channel| channel.branch.as_deref() == Some(branch));
    named.or_else(|| {
        let tag = branch.parse().ok()?;
        channel::channel_of(channels, &tag).filter(|channel| channel.branch.is_none())
    })
}

/// Whether a run that is over without an image has waited long enough to be shown as having made none.
pub fn made_nothing(over_at: Time, now: Time) -> bool {
    now - over_at > AFTER
}
