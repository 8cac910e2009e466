use super::*;
use crate::Digest;
use crate::config::UpdateOrder;
use crate::region_secrets::ServiceSecret;
use proptest::prelude::*;

const STATES: [CanaryState; 4] = [CanaryState::Starting, CanaryState::Running, CanaryState::Returning, CanaryState::Returned];

fn config() -> Config {
    serde_json::from_value(serde_json::json!({
        "apps": [
            { "name": "web", "image": "registry.test/team/web", "port_label": 80,
              "service": { "port": 80, "update": { "on_failure": "rollback", "delay_seconds": 3 } } },
            { "name": "api", "image": "registry.test/team/api", "port_label": 81, "service": { "port": 80 } },
            { "name": "worker", "image": "registry.test/team/worker" },
        ],
        "regions": [{ "name": "here", "url": "tcp://10.0.0.1:2375", "replicas": 3 }],
    }))
    .expect("a configuration")
}

fn terms(shape: Shape, replicas: u32, port_label: Option<u16>) -> Terms {
    Terms { shape, replicas, port_label, hours: 24 }
}

fn at(second: i64) -> Time {
    Time::from_timestamp(1_800_000_000 + second, 0).expect("a time")
}

#[test]
fn terms_are_refused_where_they_cannot_be_kept() {
    let config = config();
    let refused = |app: &str, terms: Terms| terms.check(config.app(app).expect("an app"), &config).err().map(|(field, _)| field);
    assert_eq!(refused("web", terms(Shape::Share, 1, None)), None);
    assert_eq!(refused("web", terms(Shape::Beside, 1, Some(90))), None);
    assert_eq!(refused("worker", terms(Shape::Beside, 1, None)), None);
    assert_eq!(refused("web", terms(Shape::Share, 0, None)), Some("replicas"));
    for hours in [0, MOST_HOURS + 1] {
        assert_eq!(refused("web", Terms { hours, ..terms(Shape::Share, 1, None) }), Some("hours"));
    }
    for (app, shape, label) in [
        ("web", Shape::Share, Some(90)),
        ("web", Shape::Beside, None),
        ("web", Shape::Beside, Some(80)),
        ("web", Shape::Beside, Some(81)),
        ("web", Shape::Beside, Some(655)),
        ("worker", Shape::Beside, Some(90)),
    ] {
        assert_eq!(refused(app, terms(shape, 1, label)), Some("port_label"), "{app} {shape:?} {label:?}");
    }
}

#[test]
fn a_canary_is_the_regions_service_in_small_and_never_goes_back_by_itself() {
    let config = config();
    let (app, region) = (config.app("web").expect("web"), config.region("here").expect("here"));
    let digest: Digest = format!("sha256:{}", "a".repeat(64)).parse().expect("a digest");
    let whole = ServiceIntent::plan(app, region, &digest).expect("a plan");
    let secrets = vec![ServiceSecret { name: "db-password".to_owned(), version: 2 }];
    let whole = ServiceIntent { secrets, ..whole };
    assert!(whole.goes_back());
    let share = terms(Shape::Share, 2, None).intent(whole.clone(), app).expect("an intent");
    assert_eq!((share.replicas, share.port, share.canary, share.goes_back()), (2, whole.port, true, false));
    assert_eq!((share.delay_seconds(), share.order()), (3, UpdateOrder::StopFirst));
    assert_eq!(share.secrets, whole.secrets);
    let beside = terms(Shape::Beside, 1, Some(90)).intent(whole.clone(), app).expect("an intent");
    assert_eq!(beside.port, Some(ServicePort { container: 80, published: 9080 }));
    assert_eq!(ServiceIntent { canary: false, replicas: 3, port: whole.port, update: whole.update.clone(), ..beside }, whole);
}

#[test]
fn only_a_canary_that_runs_returns_by_itself_and_a_fail_comes_first() {
    let (early, end) = (at(0), at(10));
    assert_eq!(must_return(CanaryState::Running, end, false, early), None);
    assert_eq!(must_return(CanaryState::Running, end, false, end), Some(ReturnCause::End));
    assert_eq!(must_return(CanaryState::Running, end, true, early), Some(ReturnCause::Quarantined));
    assert_eq!(must_return(CanaryState::Running, end, true, end), Some(ReturnCause::Quarantined));
    for state in [CanaryState::Starting, CanaryState::Returning, CanaryState::Returned] {
        assert_eq!(must_return(state, end, true, end), None, "{state:?}");
    }
}

#[test]
fn every_state_leads_to_the_return_and_none_out_of_it() {
    for from in STATES {
        let on: Vec<CanaryState> = STATES.into_iter().filter(|to| from.may_become(*to)).collect();
        assert_eq!(on.is_empty(), !from.is_there(), "{from:?}");
        assert!(!on.contains(&from) && !on.contains(&CanaryState::Starting), "{from:?}");
        assert_eq!(from.as_str().parse(), Ok(from));
    }
}

#[test]
fn what_was_changed_by_hand_is_left_alone_but_the_canary_goes() {
    let step = |there, main| return_step(there, Shape::Share, main, false);
    assert_eq!(step(true, Main::Other), ReturnStep::RemoveCanary);
    assert_eq!(step(false, Main::Other), ReturnStep::LeftAlone);
    assert_eq!(step(false, Main::Whole { running: 1, wanted: 2 }), ReturnStep::Wait);
    assert_eq!(return_step(false, Shape::Share, Main::Whole { running: 1, wanted: 2 }, true), ReturnStep::Done);
    assert_eq!(return_step(false, Shape::Beside, Main::Reduced, false), ReturnStep::Done);
}

proptest! {
    /// Whatever the numbers: together they are what the region ran, and the main service stays.
    #[test]
    fn a_share_takes_nothing_from_the_region(main in 0_u32..50, replicas in 0_u32..50) {
        let share = terms(Shape::Share, replicas, None);
        prop_assert_eq!(share.fits(main), replicas > 0 && main > replicas);
        if share.fits(main) {
            prop_assert_eq!(share.main_replicas(main) + replicas, main);
            prop_assert!(share.main_replicas(main) > 0);
        }
        let beside = terms(Shape::Beside, replicas, None);
        prop_assert_eq!(beside.main_replicas(main), main);
        prop_assert_eq!(beside.fits(main), replicas > 0 && replicas <= main);
    }

    /// However often it is extended, it ends within its longest life.
    #[test]
    fn no_row_of_extensions_outlives_the_bound(hours in LEAST_HOURS..=MOST_HOURS, more in prop::collection::vec(0_u32..200, 0..12)) {
        let mut ends = at(0) + TimeDelta::hours(i64::from(hours));
        for hours in more {
            if let Ok(later) = extended(at(0), ends, hours) {
                prop_assert!(later > ends);
                ends = later;
            }
            prop_assert!(ends <= at(0) + TimeDelta::hours(i64::from(MOST_HOURS)));
        }
    }

    /// Following the steps from any state of the two services ends, removes the canary first, and
    /// gives the replicas back at most once.
    #[test]
    fn a_return_ends_and_refills_once(
        mut there: bool, share: bool, reduced: bool, by_hand: bool, mut running in 0_u32..4, wanted in 1_u32..4,
    ) {
        let shape = if share { Shape::Share } else { Shape::Beside };
        let mut main = if by_hand { Main::Other } else if reduced { Main::Reduced } else { Main::Whole { running, wanted } };
        let (mut refilled, mut ended) = (0, None);
        for _ in 0..10 {
            match return_step(there, shape, main, false) {
                ReturnStep::RemoveCanary => there = false,
                ReturnStep::Refill => {
                    prop_assert!(!there, "two tasks cannot have one port");
                    refilled += 1;
                    main = Main::Whole { running, wanted };
                }
                ReturnStep::Wait => {
                    running += 1;
                    main = Main::Whole { running, wanted };
                }
                done => {
                    ended = Some(done);
                    break;
                }
            }
        }
        prop_assert!(ended.is_some() && !there);
        prop_assert_eq!(refilled, u32::from(share && reduced && !by_hand));
        prop_assert_eq!(ended == Some(ReturnStep::LeftAlone), share && by_hand);
    }
}
