//! A small world in which anybody tries anything at any time, and in which the rules of the
//! crate decide. Whatever happens, no region runs a digest whose gates were not green when its
//! promotion started; and what "green" means is said here a second time, without the gates.
#![allow(clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test says what it expected")]

mod small;
mod tries;
mod world;

use domain::promotion::PromotionState;
use domain::verdict::VerdictKind;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use std::cell::Cell;
use tries::{DIGESTS, Try, any_try};
use world::World;

/// A hand-made walk through the whole of it, so that the model is known to reach the end.
#[test]
fn in_the_small_world_a_build_reaches_a_region_and_goes_back() {
    let mut world = World::new();
    for digest in 0..DIGESTS {
        let regions = vec![1, 0];
        world.attempt(&Try::Judge { by: 2, digest, kind: VerdictKind::Pass });
        world.attempt(&Try::SignOff { by: 4, digest });
        world.attempt(&Try::Request { by: 6, digest, regions });
        world.attempt(&Try::Approve { by: 6, promotion: digest });
        world.attempt(&Try::Start { by: 6, promotion: digest });
        assert_eq!(world.promotions[digest].state, PromotionState::Open, "nobody else has approved");
        world.attempt(&Try::Approve { by: 8, promotion: digest });
        world.attempt(&Try::Start { by: 6, promotion: digest });
        (0..12).for_each(|_| world.attempt(&Try::Step { promotion: digest }));
        assert_eq!(world.promotions[digest].state, PromotionState::Verified);
        assert_eq!((world.regions[0].runs, world.regions[2].runs), (Some(digest), None));
        world.check();
    }
    world.attempt(&Try::RollBack { by: 7, digest: 0, region: 0 });
    (0..12).for_each(|_| world.attempt(&Try::Step { promotion: 2 }));
    assert_eq!((world.regions[0].runs, world.regions[1].runs), (Some(0), Some(1)));
    world.check();
}

/// What others may do instead: each ends or starts it in its own way.
#[test]
fn in_the_small_world_a_promotion_is_rejected_expires_starts_by_itself_and_past_people() {
    let requested = || {
        let mut world = World::new();
        world.attempt(&Try::Judge { by: 2, digest: 0, kind: VerdictKind::Pass });
        world.attempt(&Try::SignOff { by: 4, digest: 0 });
        world.attempt(&Try::Request { by: 6, digest: 0, regions: vec![0] });
        world
    };
    let ends = |tries: &[Try]| {
        let mut world = requested();
        tries.iter().for_each(|attempt| world.attempt(attempt));
        world.check();
        world.promotions[0].state
    };
    let (approve, promotion) = (Try::Approve { by: 8, promotion: 0 }, 0);
    let look = Try::LookAfter { promotion };
    assert_eq!(ends(&[Try::Reject { by: 8, promotion }]), PromotionState::Rejected);
    assert_eq!(ends(&[approve.clone(), Try::Wait { hours: 72 }, look.clone()]), PromotionState::Expired);
    assert_eq!(ends(&[Try::Book { by: 6, promotion }, look.clone()]), PromotionState::Open);
    assert_eq!(ends(&[Try::Book { by: 6, promotion }, approve.clone(), look.clone()]), PromotionState::Running);
    let no_lead = Try::ChangeRole { of: 6, to: domain::Role::Viewer };
    assert_eq!(ends(&[Try::Book { by: 6, promotion }, approve.clone(), no_lead, look]), PromotionState::Open);
    assert_eq!(ends(&[Try::BreakGlass { by: 6, promotion }]), PromotionState::Open, "no policy allows it");
    assert_eq!(ends(&[Try::Policy { which: 1 }, Try::BreakGlass { by: 6, promotion }]), PromotionState::Running);
    let start = Try::Start { by: 6, promotion };
    let frozen = [approve, Try::Freeze { region: 0, on: true }, start.clone()];
    assert_eq!(ends(&frozen), PromotionState::Open);
    assert_eq!(ends(&[frozen.as_slice(), &[Try::Exempt { by: 6, promotion }, start.clone()]].concat()), PromotionState::Open);
    assert_eq!(ends(&[frozen.as_slice(), &[Try::Exempt { by: 7, promotion }, start]].concat()), PromotionState::Running);
}

#[test]
fn whatever_anybody_tries_no_digest_reaches_a_region_past_its_gates() {
    let (placed, finished, failed) = (Cell::new(0), Cell::new(0), Cell::new(0));
    let count = |of: &Cell<u32>, yes: bool| of.set(of.get() + u32::from(yes));
    let cases = std::env::var("PROPTEST_CASES").ok().and_then(|n| n.parse().ok()).unwrap_or(256);
    let mut runner = TestRunner::new(Config { cases, failure_persistence: None, ..Config::default() });
    let tried = runner.run(&prop::collection::vec(any_try(), 1..400), |tries| {
        let mut world = World::new();
        for attempt in &tries {
            world.attempt(attempt);
            world.check();
        }
        let ended = |state| world.promotions.iter().any(|p| p.state == state);
        count(&placed, world.regions.iter().any(|region| region.runs.is_some()));
        count(&finished, ended(PromotionState::Verified));
        count(&failed, ended(PromotionState::Failed));
        Ok(())
    });
    tried.expect("the rules hold");
    // A world in which nothing ever happens would prove nothing. About one in twenty comes to an end, and chance
    // must not have a say in whether that is enough.
    let often = cases / 100;
    assert!(placed.get() > often && finished.get() > often && failed.get() > 0, "{placed:?} {finished:?} {failed:?}");
}
