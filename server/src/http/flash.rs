//! What one page has to tell the next one: a refused form with its fields, or a notice.
//!
//! Kept in memory, bounded and for minutes: a new token's secret may be in it and must reach
//! no disk.

use crate::ctx::Ctx;
use app::{Flash, Notice};
use domain::id::UserId;
use domain::{Actor, Time};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

const MOST: usize = 500;
/// Bytes that refused forms hold together; beyond, the oldest are forgotten.
const MOST_BYTES: usize = 16 << 20;
const MINUTES: i64 = 10;

/// One message.
#[derive(Clone, Debug)]
pub enum Message {
    Refused(Flash),
    Notice(Notice),
}

struct Held {
    id: String,
    owner: Option<UserId>,
    at: Time,
    message: Message,
}

impl Held {
    fn size(&self) -> usize {
        match &self.message {
            Message::Refused(flash) => flash.fields.iter().map(|(name, value)| name.len() + value.len()).sum(),
            Message::Notice(_) => 0,
        }
    }
}

/// The messages under way.
#[derive(Clone, Default)]
pub struct Flashes(Arc<Mutex<VecDeque<Held>>>);

impl Flashes {
    /// Keeps a message for whoever acts, and gives its id for the next page's address.
    pub fn leave(&self, ctx: &Ctx, actor: Option<&Actor>, message: Message) -> String {
        let id: String = ctx.new_id();
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        held.truncate(MOST - 1);
        held.push_front(Held { id: id.clone(), owner: owner(actor), at: ctx.now(), message });
        let mut left = MOST_BYTES;
        let fitting = held.iter().take_while(|one| {
            let size = one.size();
            let fits = size <= left;
            left = left.saturating_sub(size);
            fits
        });
        let fitting = fitting.count();
        held.truncate(fitting.max(1));
        id
    }

    /// Takes a message out, if it is this actor's and not too old.
    pub fn take(&self, ctx: &Ctx, actor: Option<&Actor>, id: &str) -> Option<Message> {
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let old = ctx.now() - chrono::Duration::minutes(MINUTES);
        held.retain(|one| one.at > old);
        let place = held.iter().position(|one| one.id == id && one.owner == owner(actor))?;
        held.remove(place).map(|one| one.message)
    }
}

fn owner(actor: Option<&Actor>) -> Option<UserId> {
    actor.and_then(Actor::person).map(|person| person.id.clone())
}
