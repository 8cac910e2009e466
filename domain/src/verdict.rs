//! Verdicts and what follows from them.

use serde::{Deserialize, Serialize};

/// A tester's judgement of a digest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum VerdictKind {
    Pass,
    Fail,
    /// Could not be judged; says why. Stops nothing, passes nothing.
    Blocked,
}

impl VerdictKind {
    pub const fn as_str(self) -> &'static str {
        match self {
            VerdictKind::Pass => "pass",
            VerdictKind::Fail => "fail",
            VerdictKind::Blocked => "blocked",
        }
    }
}

impl VerdictKind {
    pub const ALL: [VerdictKind; 3] = [VerdictKind::Pass, VerdictKind::Fail, VerdictKind::Blocked];

    /// Whether a new verdict takes the place of an earlier one by the same tester on the same
    /// digest. Whoever could not judge it this time has not taken a fail back.
    pub const fn supersedes(self, earlier: VerdictKind) -> bool {
        !matches!((self, earlier), (VerdictKind::Blocked, VerdictKind::Fail))
    }
}

impl std::str::FromStr for VerdictKind {
    type Err = crate::problem::Fault;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "pass" => Ok(VerdictKind::Pass),
            "fail" => Ok(VerdictKind::Fail),
            "blocked" => Ok(VerdictKind::Blocked),
            _ => Err(crate::problem::Fault::NotOneOf { choices: "pass, fail, blocked".to_owned() }),
        }
    }
}

/// What the verdicts that still stand on one digest amount to.
///
/// A verdict stands until its author withdraws it or gives another on the digest, or, for a fail,
/// a lead overrules it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Standing {
    pub passes: u32,
    pub fails: u32,
    pub blocked: u32,
}

impl Standing {
    /// Sums up standing verdicts.
    pub fn of(kinds: impl IntoIterator<Item = VerdictKind>) -> Self {
        kinds.into_iter().fold(Self::default(), |mut sum, kind| {
            match kind {
                VerdictKind::Pass => sum.passes += 1,
                VerdictKind::Fail => sum.fails += 1,
                VerdictKind::Blocked => sum.blocked += 1,
            }
            sum
        })
    }

    /// One standing fail keeps the digest from running anywhere, whatever else was said.
    pub const fn quarantined(self) -> bool {
        self.fails > 0
    }

    /// Tested and accepted by testers: a pass stands and no fail does.
    pub const fn passed(self) -> bool {
        self.passes > 0 && self.fails == 0
    }
}

#[cfg(test)]
mod tests {
    use super::VerdictKind::{Blocked, Fail, Pass};
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn one_fail_outweighs_every_pass() {
        assert!(Standing::of([Pass, Blocked]).passed());
        let failed = Standing::of([Pass, Pass, Fail]);
        assert!(failed.quarantined() && !failed.passed());
        let unsure = Standing::of([Blocked]);
        assert!(!unsure.quarantined() && !unsure.passed());
        assert_eq!(Standing::of([]), Standing::default());
    }

    #[test]
    fn a_fail_is_taken_back_by_a_judgement_and_not_by_the_lack_of_one() {
        assert!(Pass.supersedes(Fail) && Fail.supersedes(Fail) && !Blocked.supersedes(Fail));
        assert!(VerdictKind::ALL.iter().all(|kind| kind.supersedes(Pass) && kind.supersedes(Blocked)));
    }

    #[test]
    fn every_word_is_read_back_as_what_it_was() {
        for kind in [Pass, Fail, Blocked] {
            assert_eq!(kind.as_str().parse(), Ok(kind));
        }
        assert!("PASS".parse::<VerdictKind>().is_err());
    }

    proptest! {
        #[test]
        fn nothing_is_both_passed_and_quarantined(kinds in prop::collection::vec(prop_oneof![Just(Pass), Just(Fail), Just(Blocked)], 0..20)) {
            let standing = Standing::of(kinds.clone());
            prop_assert!(!(standing.passed() && standing.quarantined()));
            prop_assert_eq!(standing.quarantined(), kinds.contains(&Fail));
            let withdrawn = Standing::of(kinds.iter().copied().filter(|kind| *kind != Fail));
            prop_assert_eq!(withdrawn.passed(), kinds.contains(&Pass), "without its fails a pass counts again");
            prop_assert_eq!(standing.passes + standing.fails + standing.blocked, u32::try_from(kinds.len()).expect("few"));
        }
    }
}
