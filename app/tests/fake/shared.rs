//! What all samples share: a clock that stands still, people, and texts from outside.

use app::view::{Page, Paging};
use chrono::{DateTime, Duration, Utc};
use domain::id::UserId;
use domain::{Action, Actor, Person, Role};
use std::fmt::Debug;
use std::sync::Mutex;

/// What is added to every text that comes from outside.
pub const HOSTILE: &str = "<script>alert('x')</script>\"><img src=x onerror=alert(1)>";

/// The samples' clock stands still.
pub fn now() -> DateTime<Utc> {
    "2026-12-05T02:04:12Z".parse().expect("a time")
}

pub fn ago(minutes: i64) -> DateTime<Utc> {
    now() - Duration::minutes(minutes)
}

#[derive(Default)]
pub struct Fake {
    /// Nothing is there at all.
    pub empty: bool,
    /// Texts from outside try to be HTML.
    pub hostile: bool,
    /// What was asked of the port by actions.
    pub calls: Mutex<Vec<String>>,
}

impl Fake {
    /// A text as somebody outside wrote it.
    pub fn say(&self, text: &str) -> String {
        if self.hostile { format!("{text}{HOSTILE}") } else { text.to_owned() }
    }

    pub fn note(&self, call: impl Debug) {
        self.calls.lock().unwrap().push(format!("{call:?}"));
    }

    pub fn page<T>(&self, items: Vec<T>, paging: &Paging) -> Page<T> {
        if self.empty {
            return Page { items: Vec::new(), next: None };
        }
        Page { items, next: paging.cursor.is_none().then(|| "next-page".to_owned()) }
    }
}

/// Somebody of this role, signed in a minute ago.
pub fn person(role: Role) -> Actor {
    named(&format!("{role}-1"), role)
}

pub fn named(name: &str, role: Role) -> Actor {
    let name = name.to_owned();
    Actor::User { person: Person { id: UserId(name.clone()), name, role }, signed_in_at: ago(1) }
}

pub fn may(actor: &Actor) -> Vec<Action> {
    Action::ALL.into_iter().filter(|action| actor.may(*action)).collect()
}
