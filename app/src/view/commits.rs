//! Commits between a build and another, ready to read.

use super::RegionRef;
use chrono::{DateTime, Utc};
use domain::commits::{Segment, Trouble};
use domain::id::BuildId;
use serde::{Deserialize, Serialize};

views! {
    /// What a build brings: since the build before it in its channel, and since what each
    /// region runs.
    pub struct BuildCommits {
        /// None for the first build of its channel.
        pub since_previous: Option<RangeView>,
        /// The channel that "before" is meant in.
        pub channel: Option<String>,
        /// Regions that run the app, in the configuration's order.
        pub since_regions: Vec<RegionRange>,
    }

    /// Commits since what one region runs.
    pub struct RegionRange {
        pub region: RegionRef,
        pub range: RangeView,
    }

    /// Commits between another build and this one.
    pub struct RangeView {
        /// The other build; none when Slipway does not know what runs there.
        pub since: Option<SinceBuild>,
        pub state: RangeState,
        /// Why it could not be read, when it could not.
        pub trouble: Option<Trouble>,
        /// New in this build, the newest first; at most 100.
        pub ahead: Vec<CommitView>,
        pub ahead_total: u32,
        /// In the other build and not in this one; at most 100.
        pub behind: Vec<CommitView>,
        pub behind_total: u32,
    }

    /// The build that is compared with.
    pub struct SinceBuild {
        pub id: BuildId,
        /// What people call it: its release tag, another tag, or the short digest.
        pub name: String,
        pub revision: Option<String>,
    }

    /// One commit. What its author wrote is data.
    pub struct CommitView {
        pub hash: String,
        /// A link to it, where the repository has a web address.
        pub url: Option<String>,
        pub author: String,
        pub at: DateTime<Utc>,
        /// The subject in pieces: issue keys are links.
        pub subject: Vec<Segment>,
        pub merge: bool,
    }
}

/// How a range stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum RangeState {
    /// It is being read.
    Waiting,
    /// Everything of the other build, and more.
    Ahead,
    /// The same commit.
    Same,
    /// Less than the other build.
    Behind,
    /// Each has what the other has not.
    Diverged,
    /// No common past.
    Unrelated,
    /// The repository does not have the other build's commit.
    BaseMissing,
    /// The repository does not have this build's commit.
    HeadMissing,
    /// It has neither.
    BothMissing,
    /// An image does not say its commit.
    NoCommit,
    /// The app names no repository.
    NoRepository,
    /// The repository could not be read; it is tried again.
    Failed,
}
