//! Verdicts with what stands beside them, and what waits for whom.

use super::{BuildCommits, BuildRow, EnvironmentBuild, Overruled, PromotionRow};
use chrono::{DateTime, Utc};
use domain::checklist::{ItemResult, JudgedPlan};
use domain::evidence::EvidenceKind;
use domain::id::{EnvironmentId, EvidenceId, SendBackId, UserId, VerdictId};
use domain::verdict::VerdictKind;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

views! {
    pub struct VerdictView {
        pub id: VerdictId,
        pub kind: VerdictKind,
        /// As it was written, in Markdown.
        pub note: String,
        /// Where issue keys in the note lead.
        pub issues: Option<String>,
        pub author: UserId,
        pub author_name: String,
        pub environment: Option<EnvironmentId>,
        /// The small number of that environment.
        pub environment_number: Option<i64>,
        /// Which release set of the environment ran then.
        pub generation: Option<i64>,
        /// The builds of that set.
        pub set: Vec<EnvironmentBuild>,
        /// The checklist as it was, with what was found.
        pub plan: Option<JudgedPlan>,
        pub evidence: Vec<EvidenceView>,
        pub at: DateTime<Utc>,
        pub withdrawn_at: Option<DateTime<Utc>>,
        /// The later verdict of the same tester that took its place.
        pub superseded_by: Option<VerdictId>,
        pub overruled: Option<Overruled>,
        /// Whether it still counts.
        pub stands: bool,
        /// Whether the reader may withdraw it.
        pub mine: bool,
    }

    /// A file beside a verdict; its bytes are under `/evidence/{id}`.
    pub struct EvidenceView {
        pub id: EvidenceId,
        pub name: String,
        pub kind: EvidenceKind,
        pub bytes: i64,
        pub at: DateTime<Utc>,
    }

    /// A time that product did not accept a build.
    pub struct SendBackView {
        pub id: SendBackId,
        pub author_name: String,
        pub reason: String,
        pub at: DateTime<Utc>,
        /// Whether no sign-off was given since.
        pub stands: bool,
    }

    /// What waits for the reader, by what their role may do.
    pub struct WaitingView {
        /// Builds with a standing pass and no sign-off.
        pub to_sign: Vec<WaitingBuild>,
        /// The newest builds of their channels that nobody has judged.
        pub to_test: Vec<BuildRow>,
        /// Open promotions that want an approval.
        pub to_approve: Vec<PromotionRow>,
        /// Promotions whose glass somebody else broke, and nobody has reviewed.
        pub to_review: Vec<PromotionRow>,
    }

    /// A build that waits to be signed off, with what there is to know before.
    pub struct WaitingBuild {
        pub row: BuildRow,
        /// The channels in which it is the newest.
        pub newest_in: Vec<String>,
        pub verdicts: Vec<VerdictView>,
        /// What it brings; none for those further down, whose own pages say it.
        pub commits: Option<BuildCommits>,
        pub environment: Option<EnvironmentDifference>,
    }

    /// How the environment in which a build was tested differs from the one of the release before,
    /// in names of variables: values are on no page.
    pub struct EnvironmentDifference {
        pub tested_in: EnvironmentId,
        pub tested_number: i64,
        /// The build before, and where it was tested.
        pub before: String,
        pub before_in: EnvironmentId,
        pub before_number: i64,
        pub added: Vec<String>,
        pub removed: Vec<String>,
        pub changed: Vec<String>,
    }
}

/// What a tester found, beside the verdict itself.
#[derive(Clone, Debug, Default)]
pub struct Findings {
    /// The version of the plan that the tester saw; not compared when absent.
    pub plan: Option<String>,
    /// By the item's id.
    pub items: BTreeMap<String, ItemResult>,
    pub files: Vec<Upload>,
}

/// A file as it came in.
#[derive(Clone)]
pub struct Upload {
    /// As the sender calls it.
    pub name: String,
    pub bytes: Vec<u8>,
}

impl std::fmt::Debug for Upload {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} ({} bytes)", self.name, self.bytes.len())
    }
}
