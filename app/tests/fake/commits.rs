//! Histories as they may stand between builds.

use super::samples::three_regions;
use super::{Fake, ago};
use app::view::*;
use domain::commits::{Segment, Trouble};
use domain::id::BuildId;

impl Fake {
    pub(super) fn sample_commits(&self, id: &BuildId) -> BuildCommits {
        let of = |state, trouble| self.sample_range(state, trouble, 0, 0);
        let (previous, regions) = match id.0.as_str() {
            "reading" => (Some(of(RangeState::Waiting, None)), Vec::new()),
            "untested" => (None, Vec::new()),
            "blocked" => (Some(of(RangeState::NoCommit, None)), vec![of(RangeState::NoRepository, None)]),
            "quarantined" => (
                Some(of(RangeState::Failed, Some(Trouble::Refused))),
                vec![of(RangeState::BaseMissing, None), of(RangeState::HeadMissing, None), of(RangeState::BothMissing, None)],
            ),
            "signed" => (
                Some(self.sample_range(RangeState::Diverged, None, 2, 1)),
                vec![of(RangeState::Unrelated, None), self.sample_range(RangeState::Behind, None, 0, 3)],
            ),
            _ => {
                let unknown = RangeView { since: None, ..of(RangeState::NoCommit, None) };
                let same = of(RangeState::Same, None);
                (Some(self.sample_range(RangeState::Ahead, None, 250, 0)), vec![same, unknown])
            }
        };
        BuildCommits {
            channel: previous.is_some().then(|| self.say("dev")),
            since_previous: previous,
            since_regions: three_regions()
                .into_iter()
                .zip(regions)
                .map(|(region, range)| RegionRange { region, range })
                .collect(),
        }
    }

    fn sample_range(&self, state: RangeState, trouble: Option<Trouble>, ahead: u32, behind: u32) -> RangeView {
        RangeView {
            since: Some(SinceBuild {
                id: BuildId("signed".to_owned()),
                name: self.say("release-v5.12.05.01"),
                revision: Some("0a1b2c3d4e5f".to_owned()),
            }),
            state,
            trouble,
            ahead: (0..ahead.min(100)).map(|n| self.sample_commit(n)).collect(),
            ahead_total: ahead,
            behind: (0..behind.min(100)).map(|n| self.sample_commit(1000 + n)).collect(),
            behind_total: behind,
        }
    }

    fn sample_commit(&self, n: u32) -> CommitView {
        let hash = format!("{:040x}", 0xabcd_ef00_0000_u64 + u64::from(n));
        CommitView {
            url: Some(format!("https://git.example.com/team/web/commit/{hash}")),
            hash,
            author: self.say("Wu Mei"),
            at: ago(i64::from(n)),
            subject: vec![
                Segment::Link { text: "SHOP-12".to_owned(), url: "https://issues.example.com/browse/SHOP-12".to_owned() },
                Segment::Text(self.say(&format!(": sell boats {n}"))),
            ],
            merge: n == 1,
        }
    }
}
