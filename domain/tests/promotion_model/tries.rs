//! What somebody tries.

use domain::Role;
use domain::verdict::VerdictKind;
use proptest::prelude::*;

pub const REGIONS: usize = 3;
pub const DIGESTS: usize = 2;
pub const POLICIES: usize = 3;
/// Two of each role, and a third lead.
pub const PEOPLE: [Role; 11] = [
    Role::Viewer,
    Role::Viewer,
    Role::Tester,
    Role::Tester,
    Role::Product,
    Role::Product,
    Role::Lead,
    Role::Lead,
    Role::Lead,
    Role::Admin,
    Role::Admin,
];

/// What somebody, the worker or the world tries. The numbers choose among what there is.
#[derive(Clone, Debug)]
pub enum Try {
    Request {
        by: usize,
        digest: usize,
        regions: Vec<usize>,
    },
    RollBack {
        by: usize,
        digest: usize,
        region: usize,
    },
    Approve {
        by: usize,
        promotion: usize,
    },
    Reject {
        by: usize,
        promotion: usize,
    },
    /// A row that got into the table past every check.
    ForgeApproval {
        by: usize,
        promotion: usize,
    },
    /// A digest, or the order of regions, changed past every check.
    Change {
        promotion: usize,
        digest: bool,
    },
    Start {
        by: usize,
        promotion: usize,
    },
    Book {
        by: usize,
        promotion: usize,
    },
    Exempt {
        by: usize,
        promotion: usize,
    },
    BreakGlass {
        by: usize,
        promotion: usize,
    },
    Cancel {
        by: usize,
        promotion: usize,
    },
    /// A lead stops what runs.
    Abort {
        by: usize,
        promotion: usize,
    },
    Judge {
        by: usize,
        digest: usize,
        kind: VerdictKind,
    },
    Withdraw {
        by: usize,
        verdict: usize,
    },
    Overrule {
        by: usize,
        verdict: usize,
    },
    SignOff {
        by: usize,
        digest: usize,
    },
    WithdrawSignOff {
        by: usize,
        digest: usize,
    },
    ChangeRole {
        of: usize,
        to: Role,
    },
    /// Another configuration is applied.
    Policy {
        which: usize,
    },
    Freeze {
        region: usize,
        on: bool,
    },
    RegionGoes {
        region: usize,
        up: bool,
    },
    ImageGoes {
        digest: usize,
        there: bool,
    },
    /// Hours go by.
    Wait {
        hours: u32,
    },
    /// The worker looks after what is booked and what has lapsed.
    LookAfter {
        promotion: usize,
    },
    /// The worker does the next small thing for a promotion; after a crash it is how it resumes.
    Step {
        promotion: usize,
    },
    /// The engine does not get it done.
    Fail {
        promotion: usize,
    },
    /// Everything that was only in memory is gone.
    Crash,
}

/// Mostly somebody of the right role; now and then anybody.
fn by(role: Role) -> impl Strategy<Value = usize> {
    let right: Vec<usize> = (0..PEOPLE.len()).filter(|at| PEOPLE[*at] == role).collect();
    prop_oneof![6 => prop::sample::select(right), 1 => 0..PEOPLE.len()]
}

/// What is about a promotion that is there.
fn about_promotions() -> impl Strategy<Value = Try> {
    let lead = || by(Role::Lead);
    let promotion = || 0_usize..12;
    let approver = || prop_oneof![3 => by(Role::Lead), 1 => by(Role::Product)];
    prop_oneof![
        9 => (approver(), promotion()).prop_map(|(by, promotion)| Try::Approve { by, promotion }),
        1 => (approver(), promotion()).prop_map(|(by, promotion)| Try::Reject { by, promotion }),
        1 => (lead(), promotion()).prop_map(|(by, promotion)| Try::ForgeApproval { by, promotion }),
        1 => (promotion(), any::<bool>()).prop_map(|(promotion, digest)| Try::Change { promotion, digest }),
        14 => (lead(), promotion()).prop_map(|(by, promotion)| Try::Start { by, promotion }),
        2 => (lead(), promotion()).prop_map(|(by, promotion)| Try::Book { by, promotion }),
        2 => (lead(), promotion()).prop_map(|(by, promotion)| Try::Exempt { by, promotion }),
        1 => (lead(), promotion()).prop_map(|(by, promotion)| Try::BreakGlass { by, promotion }),
        1 => (lead(), promotion()).prop_map(|(by, promotion)| Try::Cancel { by, promotion }),
        1 => (lead(), promotion()).prop_map(|(by, promotion)| Try::Abort { by, promotion }),
        8 => promotion().prop_map(|promotion| Try::LookAfter { promotion }),
        40 => promotion().prop_map(|promotion| Try::Step { promotion }),
        1 => promotion().prop_map(|promotion| Try::Fail { promotion }),
    ]
}

pub fn any_try() -> impl Strategy<Value = Try> {
    let (lead, tester, product) = (|| by(Role::Lead), || by(Role::Tester), || by(Role::Product));
    let (digest, region) = (|| 0..DIGESTS, || 0..REGIONS);
    let regions = prop::sample::subsequence(vec![0, 1, 2], 1..=2).prop_shuffle();
    let kind = prop_oneof![9 => Just(VerdictKind::Pass), 2 => Just(VerdictKind::Fail), 1 => Just(VerdictKind::Blocked)];
    prop_oneof![
        75 => about_promotions(),
        6 => (lead(), digest(), regions).prop_map(|(by, digest, regions)| Try::Request { by, digest, regions }),
        5 => (lead(), digest(), region()).prop_map(|(by, digest, region)| Try::RollBack { by, digest, region }),
        8 => (tester(), digest(), kind).prop_map(|(by, digest, kind)| Try::Judge { by, digest, kind }),
        3 => (tester(), 0_usize..9).prop_map(|(by, verdict)| Try::Withdraw { by, verdict }),
        2 => (lead(), 0_usize..9).prop_map(|(by, verdict)| Try::Overrule { by, verdict }),
        6 => (product(), digest()).prop_map(|(by, digest)| Try::SignOff { by, digest }),
        1 => (product(), digest()).prop_map(|(by, digest)| Try::WithdrawSignOff { by, digest }),
        1 => (0..PEOPLE.len(), prop::sample::select(Role::ALL.to_vec())).prop_map(|(of, to)| Try::ChangeRole { of, to }),
        1 => (0..POLICIES).prop_map(|which| Try::Policy { which }),
        1 => (region(), prop::bool::weighted(0.3)).prop_map(|(region, on)| Try::Freeze { region, on }),
        2 => (region(), prop::bool::weighted(0.85)).prop_map(|(region, up)| Try::RegionGoes { region, up }),
        1 => (digest(), prop::bool::weighted(0.85)).prop_map(|(digest, there)| Try::ImageGoes { digest, there }),
        2 => (1_u32..9).prop_map(|hours| Try::Wait { hours }),
        2 => Just(Try::Crash),
    ]
}
