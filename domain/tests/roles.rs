//! Who may do what, as one table that is looked at whenever it changes.
#![allow(clippy::expect_used, clippy::indexing_slicing, reason = "a test says what it expected")]

use chrono::DateTime;
use domain::id::{HookId, TokenId, UserId};
use domain::{Action, Actor, Person, Problem, Role};
use std::fmt::Write as _;

const TABLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/roles.txt");

fn person(role: Role) -> Person {
    Person { id: UserId("u".to_owned()), name: "ada".to_owned(), role }
}

fn user(role: Role) -> Actor {
    Actor::User { person: person(role), signed_in_at: DateTime::from_timestamp(0, 0).expect("a time") }
}

fn token(role: Role, owner: Role) -> Actor {
    Actor::Token { id: TokenId("t".to_owned()), name: "ci".to_owned(), role, person: person(owner) }
}

fn hook() -> Actor {
    Actor::Hook { id: HookId("h".to_owned()), name: "registry".to_owned() }
}

fn word(action: Action) -> String {
    serde_json::to_value(action).expect("json").as_str().expect("a word").to_owned()
}

fn drawn() -> String {
    let users = Role::ALL.map(|role| (role.to_string(), user(role)));
    let others = [
        ("lead-token".to_owned(), token(Role::Lead, Role::Lead)),
        ("viewer-token".to_owned(), token(Role::Viewer, Role::Lead)),
        ("hook".to_owned(), hook()),
        ("slipway".to_owned(), Actor::Slipway),
    ];
    let actors: Vec<(String, Actor)> = users.into_iter().chain(others).collect();
    let mut table = format!("{:<22}", "action");
    actors.iter().for_each(|(name, _)| write!(table, "{name:<14}").expect("room"));
    for action in Action::ALL {
        let cells = actors.iter().map(|(_, actor)| if actor.may(action) { "yes" } else { "-" });
        let row: String = cells.map(|cell| format!("{cell:<14}")).collect();
        write!(table, "\n{:<22}{row}", word(action)).expect("room");
    }
    table.lines().map(|line| format!("{}\n", line.trim_end())).collect()
}

#[test]
fn who_may_do_what_is_as_it_was_agreed() {
    let drawn = drawn();
    if std::env::var_os("SLIPWAY_BLESS").is_some() {
        std::fs::write(TABLE, &drawn).expect("the table is written");
    }
    let agreed = std::fs::read_to_string(TABLE).expect("the table");
    assert_eq!(drawn, agreed, "SLIPWAY_BLESS=1 writes the new table, for a look at the difference");
}

#[test]
fn a_token_never_goes_beyond_its_owner_nor_beyond_itself() {
    for owner in Role::ALL {
        for role in Role::ALL {
            let token = token(role, owner);
            for action in Action::ALL {
                let both = role.allows(action) && owner.allows(action) && action != Action::KeepOwnAccount;
                assert_eq!(token.may(action), both, "{role} token of a {owner}: {action:?}");
            }
        }
    }
}

#[test]
fn nobody_decides_about_a_build_alone() {
    for role in Role::ALL {
        let chain = [Action::RecordVerdict, Action::SignOff, Action::StartPromotion];
        assert!(chain.iter().filter(|action| role.allows(**action)).count() <= 1, "{role}");
    }
    assert!(!Role::Admin.allows(Action::StartPromotion) && !Role::Lead.allows(Action::ManagePeople));
}

#[test]
fn a_refusal_names_what_was_refused() {
    let action = Action::StartPromotion;
    assert_eq!(user(Role::Lead).require(action), Ok(()));
    for actor in [user(Role::Admin), hook(), Actor::Slipway] {
        assert_eq!(actor.require(action), Err(Problem::Forbidden { action }));
    }
}

#[test]
fn every_role_is_read_back_and_others_are_unknown() {
    for role in Role::ALL {
        assert_eq!(role.as_str().parse(), Ok(role));
        assert_eq!(serde_json::to_value(role).expect("json"), role.as_str());
    }
    for bad in ["", "Lead", "root", "lead "] {
        assert_eq!(bad.parse::<Role>(), Err(Problem::UnknownRole { given: bad.to_owned() }));
    }
}

#[test]
fn an_actor_is_called_by_a_name_that_says_what_it_is() {
    assert_eq!(user(Role::Lead).label(), "ada");
    assert_eq!(token(Role::Lead, Role::Lead).label(), "ada (token ci)");
    assert_eq!((hook().label().as_str(), Actor::Slipway.label().as_str()), ("hook registry", "Slipway"));
    assert_eq!(token(Role::Viewer, Role::Lead).person(), user(Role::Lead).person(), "a token is no second person");
}
