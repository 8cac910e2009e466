//! Posting a message to a target: secrets opened by name, the service's own form, one try.

use crate::ctx::Ctx;
use crate::notify::{Message, Sent};
use async_trait::async_trait;
use domain::notify::{TargetConfig, TargetKind};
use std::time::Duration;

/// What carries messages out. It stands in the context, so that stories can put their own there.
#[async_trait]
pub trait Post: Send + Sync {
    /// Messages that one target of this kind may be sent in a time.
    fn rate(&self, kind: TargetKind) -> (u32, Duration);

    /// One try. Why it failed holds no secret: it is kept and shown.
    async fn post(&self, ctx: &Ctx, target: &TargetConfig, message: &Message) -> Sent;
}

/// The world outside.
pub struct Posting;

#[async_trait]
impl Post for Posting {
    fn rate(&self, _kind: TargetKind) -> (u32, Duration) {
        (20, Duration::from_secs(60))
    }

    async fn post(&self, _ctx: &Ctx, target: &TargetConfig, _message: &Message) -> Sent {
        Sent::Never { why: format!("This Slipway cannot send to {}.", target.kind.name()) }
    }
}
