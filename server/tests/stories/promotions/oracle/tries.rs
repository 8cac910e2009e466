//! What anybody may try, in no order.

use crate::outside::Mood;
use domain::Role;
use domain::verdict::VerdictKind;
use proptest::prelude::*;

/// People by place: two testers, two product managers, three leads, and a viewer.
pub const ROLES: [Role; 8] =
    [Role::Tester, Role::Tester, Role::Product, Role::Product, Role::Lead, Role::Lead, Role::Lead, Role::Viewer];
/// Two digests of web; the first is listed under worker as well.
pub const BUILDS: usize = 3;

/// What somebody tries. Numbers choose among what there is.
#[derive(Clone, Debug)]
pub enum Try {
    Judge {
        by: usize,
        build: usize,
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
        build: usize,
    },
    WithdrawSignOff {
        by: usize,
        sign_off: usize,
    },
    Request {
        by: usize,
        build: usize,
        regions: Vec<usize>,
    },
    Approve {
        by: usize,
        promotion: usize,
    },
    Cancel {
        by: usize,
        promotion: usize,
    },
    Start {
        by: usize,
        promotion: usize,
        typed: bool,
    },
    RollBack {
        by: usize,
        region: usize,
    },
    Work {
        promotion: usize,
        failing: Option<usize>,
    },
    Role {
        of: usize,
        to: Role,
    },
    Disable {
        of: usize,
        off: bool,
    },
    Region {
        region: usize,
        mood: Mood,
    },
    Image {
        digest: usize,
        there: bool,
    },
    /// Everybody does what an honest team would do for a promotion, and mends what is broken;
    /// they may also carry it through.
    Help {
        promotion: usize,
        through: bool,
    },
}

/// Mostly somebody of the right role; now and then anybody.
fn by(role: Role) -> impl Strategy<Value = usize> {
    let right: Vec<usize> = (0..ROLES.len()).filter(|at| ROLES[*at] == role).collect();
    prop_oneof![8 => prop::sample::select(right), 1 => 0..ROLES.len()]
}

pub fn any_try() -> impl Strategy<Value = Try> {
    let (tester, product, lead) = (|| by(Role::Tester), || by(Role::Product), || by(Role::Lead));
    let kind = prop_oneof![8 => Just(VerdictKind::Pass), 2 => Just(VerdictKind::Fail), 1 => Just(VerdictKind::Blocked)];
    let (build, promotion, region) = (|| 0..BUILDS, || 0_usize..24, || 0_usize..3);
    let regions = prop::sample::subsequence(vec![0, 1, 2], 1..=3).prop_shuffle();
    let mood = prop_oneof![6 => Just(Mood::Well), 1 => Just(Mood::Broken), 1 => Just(Mood::Single)];
    let role = prop::sample::select(vec![Role::Lead, Role::Lead, Role::Tester, Role::Product, Role::Viewer]);
    prop_oneof![
        8 => (tester(), build(), kind).prop_map(|(by, build, kind)| Try::Judge { by, build, kind }),
        2 => (tester(), 0_usize..9).prop_map(|(by, verdict)| Try::Withdraw { by, verdict }),
        3 => (lead(), 0_usize..9).prop_map(|(by, verdict)| Try::Overrule { by, verdict }),
        7 => (product(), build()).prop_map(|(by, build)| Try::SignOff { by, build }),
        1 => (product(), 0_usize..5).prop_map(|(by, sign_off)| Try::WithdrawSignOff { by, sign_off }),
        7 => (lead(), build(), regions).prop_map(|(by, build, regions)| Try::Request { by, build, regions }),
        9 => (lead(), promotion()).prop_map(|(by, promotion)| Try::Approve { by, promotion }),
        1 => (lead(), promotion()).prop_map(|(by, promotion)| Try::Cancel { by, promotion }),
        14 => (lead(), promotion(), prop::bool::weighted(0.95)).prop_map(|(by, promotion, typed)| Try::Start { by, promotion, typed }),
        12 => (lead(), region()).prop_map(|(by, region)| Try::RollBack { by, region }),
        9 => (promotion(), prop::option::weighted(0.3, region())).prop_map(|(promotion, failing)| Try::Work { promotion, failing }),
        1 => (4..7_usize, role).prop_map(|(of, to)| Try::Role { of, to }),
        1 => (4..7_usize, any::<bool>()).prop_map(|(of, off)| Try::Disable { of, off }),
        2 => (region(), mood).prop_map(|(region, mood)| Try::Region { region, mood }),
        1 => (0..2_usize, prop::bool::weighted(0.7)).prop_map(|(digest, there)| Try::Image { digest, there }),
        8 => (promotion(), any::<bool>()).prop_map(|(promotion, through)| Try::Help { promotion, through }),
    ]
}
