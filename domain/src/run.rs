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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::channel::ChannelKind;
    use proptest::prelude::*;

    fn channel(name: &str, branch: Option<&str>) -> Channel {
        let kind = if name.ends_with('*') { ChannelKind::Release } else { ChannelKind::Branch };
        Channel {
            name: name.to_owned(),
            kind,
            tags: name.to_owned(),
            branch: branch.map(str::to_owned),
            launch: None,
            draft: None,
        }
    }

    fn channels() -> Vec<Channel> {
        vec![channel("dev", None), channel("latest", Some("master")), channel("release-v*", None)]
    }

    fn at(minutes: i64) -> DateTime<Utc> {
        DateTime::<Utc>::from_timestamp(1_800_000_000 + minutes * 60, 0).expect("a time")
    }

    fn run(branch: Option<&str>, tag: Option<&str>, revision: Option<&str>) -> RunFacts {
        let text = |text: Option<&str>| text.map(str::to_owned);
        RunFacts { revision: text(revision), branch: text(branch), tag: text(tag), started_at: Some(at(-5)), heard_at: at(0) }
    }

    fn image(tag: &str, revision: Option<&str>, minutes: i64) -> ImageFacts {
        ImageFacts { revision: revision.map(str::to_owned), tags: vec![tag.to_owned()], pushed_at: at(minutes) }
    }

    const ONE: &str = "4be0021c9ac1e77b20f44be0021c9ac1e77b20f4";
    const OTHER: &str = "9ac1e77b20f44be0021c9ac1e77b20f44be0021c";

    #[test]
    fn one_commit_on_both_sides_belongs_together_whenever_it_was_pushed() {
        let found = |run: Option<&str>, image_revision| {
            made(&channels(), &self::run(Some("dev"), None, run), &image("dev", image_revision, 9000))
        };
        assert_eq!(found(Some(ONE), Some(ONE)), Some(Match::ByRevision));
        assert_eq!(found(Some(ONE), Some(&ONE[..12])), Some(Match::ByRevision), "written short");
        assert_eq!(found(Some(ONE), Some(&ONE[..6])), None, "too short to tell");
        assert_eq!(found(Some(ONE), Some(OTHER)), None);
    }

    #[test]
    fn two_commits_that_differ_never_belong_together_though_all_else_agrees() {
        assert_eq!(made(&channels(), &run(Some("dev"), None, Some(ONE)), &image("dev", Some(OTHER), 0)), None);
    }

    #[test]
    fn without_a_commit_the_branch_or_the_tag_decides_within_the_time() {
        let found =
            |branch, tag, image_tag, minutes| made(&channels(), &run(branch, tag, None), &image(image_tag, None, minutes));
        assert_eq!(found(Some("dev"), None, "dev", 1), Some(Match::ByName));
        assert_eq!(found(Some("master"), None, "latest", 1), Some(Match::ByName), "latest is built from master");
        assert_eq!(found(Some("latest"), None, "latest", 1), None, "and from nothing else");
        assert_eq!(found(None, Some("release-v5.12.05.02"), "release-v5.12.05.02", 1), Some(Match::ByName));
        assert_eq!(found(Some("dev"), None, "release-v5.12.05.02", 1), None);
        assert_eq!(found(None, None, "dev", 1), None);
        for (minutes, belongs) in [(-61, false), (-59, true), (60, true), (61, false)] {
            assert_eq!(found(Some("dev"), None, "dev", minutes).is_some(), belongs, "{minutes} minutes");
        }
    }

    #[test]
    fn a_run_belongs_to_the_channel_of_its_tag_or_branch() {
        let channels = channels();
        let name = |branch, tag| channel_of_run(&channels, branch, tag).map(|channel| channel.name.as_str());
        assert_eq!(name(Some("master"), None), Some("latest"));
        assert_eq!(name(Some("dev"), None), Some("dev"));
        assert_eq!(name(Some("latest"), None), None);
        assert_eq!(name(Some("dev"), Some("release-v5.12.05.02")), Some("release-v*"), "a git tag says more than a branch");
        assert_eq!(name(Some("feature/x y"), None), None);
    }

    proptest! {
        #[test]
        fn what_is_over_stays_over(first in 0usize..4, then in 0usize..4) {
            let (first, then) = (RunStatus::ALL[first], RunStatus::ALL[then]);
            let after = first.after(then);
            prop_assert_eq!(after.after(then), after);
            prop_assert!(!first.is_over() || after == first);
        }

        #[test]
        fn no_texts_make_it_panic_and_differing_commits_never_match(one in "[0-9a-f]{7,40}", other in "[0-9a-f]{7,40}", branch in "\\PC{0,20}", tag in "\\PC{0,20}", minutes in -500i64..500) {
            let found = made(&channels(), &run(Some(&branch), Some(&tag), Some(&one)), &image(&tag, Some(&other), minutes));
            prop_assert_eq!(found.is_some(), one.starts_with(&other) || other.starts_with(&one));
        }
    }
}
