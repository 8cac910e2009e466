//! Every state of a very small world, one after another: a few people, two digests, two regions.

use super::tries::Try;
use super::world::World;
use domain::promotion::PromotionState;
use domain::verdict::VerdictKind;
use std::collections::{BTreeMap, HashSet};

/// Things that happen one after another from each beginning. All orders of so many are tried.
const DEPTH: usize = 4;
/// Far above what there is; more would take too long to be run with every change.
const MOST_STATES: usize = 60_000;

/// A tester who is no author, a product manager, and three leads, one of whom wrote digest 0 alone.
const TESTER: usize = 2;
const PRODUCT: usize = 4;
const LEADS: [usize; 3] = [6, 7, 8];

/// Everything that anybody can try here.
fn tries() -> Vec<Try> {
    let by = LEADS[0];
    let mut tries = vec![
        Try::Request { by, digest: 0, regions: vec![0, 1] },
        Try::RollBack { by, digest: 0, region: 1 },
        Try::Judge { by: TESTER, digest: 0, kind: VerdictKind::Fail },
        Try::Overrule { by, verdict: 2 },
        Try::WithdrawSignOff { by: PRODUCT, digest: 0 },
        Try::Policy { which: 1 },
        Try::Freeze { region: 1, on: true },
        Try::ChangeRole { of: LEADS[2], to: domain::Role::Viewer },
        Try::RegionGoes { region: 1, up: false },
        Try::Wait { hours: 72 },
        Try::Crash,
        Try::Exempt { by, promotion: 0 },
        Try::Exempt { by: LEADS[2], promotion: 0 },
        Try::Reject { by: LEADS[2], promotion: 0 },
        Try::Change { promotion: 0, digest: true },
        Try::Book { by, promotion: 0 },
        Try::Abort { by, promotion: 0 },
    ];
    tries.extend(LEADS.map(|by| Try::Approve { by, promotion: 0 }));
    tries.push(Try::Approve { by: LEADS[2], promotion: 1 });
    for promotion in 0..2 {
        tries.extend([
            Try::Start { by, promotion },
            Try::BreakGlass { by, promotion },
            Try::LookAfter { promotion },
            Try::Step { promotion },
            Try::Fail { promotion },
        ]);
    }
    tries
}

/// Along the way of a promotion: both digests passed and digest 0 was signed off; it was approved; its
/// first region is about to be changed; it was verified, and the next one is open.
fn beginnings() -> Vec<World> {
    let step = Try::Step { promotion: 0 };
    let mut world = World::new();
    let mut beginnings = Vec::new();
    for acts in [
        vec![
            Try::Judge { by: TESTER, digest: 0, kind: VerdictKind::Pass },
            Try::Judge { by: TESTER, digest: 1, kind: VerdictKind::Pass },
            Try::SignOff { by: PRODUCT, digest: 0 },
        ],
        vec![Try::Request { by: LEADS[0], digest: 0, regions: vec![0, 1] }, Try::Approve { by: LEADS[2], promotion: 0 }],
        vec![Try::Start { by: LEADS[0], promotion: 0 }, step.clone(), step.clone()],
        vec![step; 8],
        vec![Try::Request { by: LEADS[1], digest: 1, regions: vec![1] }],
    ] {
        acts.iter().for_each(|act| world.attempt(act));
        beginnings.push(world.clone());
    }
    assert_eq!(world.promotions[0].state, PromotionState::Verified, "the beginnings are what they are said to be");
    beginnings
}

#[test]
fn in_every_state_of_the_smallest_world_no_digest_runs_without_its_gates() {
    let tries = tries();
    let mut edge: Vec<World> = beginnings();
    let mut seen: HashSet<World> = edge.iter().cloned().collect();
    let mut reached: BTreeMap<&str, usize> = BTreeMap::new();
    for _ in 0..DEPTH {
        let mut further = Vec::new();
        for world in &edge {
            for attempt in &tries {
                let mut then = world.clone();
                // A third promotion would add states and no new kind of them.
                if then.promotions.len() >= 2 && matches!(attempt, Try::Request { .. } | Try::RollBack { .. }) {
                    continue;
                }
                then.attempt(attempt);
                if !seen.contains(&then) {
                    then.check();
                    then.promotions.iter().for_each(|p| *reached.entry(p.state.as_str()).or_default() += 1);
                    seen.insert(then.clone());
                    further.push(then);
                }
            }
        }
        edge = further;
        assert!(seen.len() <= MOST_STATES, "{} states are too many", seen.len());
    }
    println!("{} states within {DEPTH} acts of {} beginnings; promotions in them: {reached:?}", seen.len(), beginnings().len());
    let ran = seen.iter().filter(|world| world.regions.iter().any(|region| region.runs.is_some())).count();
    assert!(ran > 0, "in no state anything runs");
    for state in [PromotionState::Running, PromotionState::Rejected, PromotionState::Expired, PromotionState::Failed] {
        assert!(reached.contains_key(state.as_str()), "{state:?} is never reached");
    }
}
