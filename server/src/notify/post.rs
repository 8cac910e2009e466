//! Posting a message to a target: secrets opened by name, the service's own form, one try.

use crate::ctx::Ctx;
use crate::notify::guard::Guard;
use crate::notify::{self, Access, Message, Sent};
use crate::usecases::secrets;
use async_trait::async_trait;
use domain::Problem;
use domain::address::OutgoingConfig;
use domain::notify::{TargetConfig, TargetKind};
use secrecy::{ExposeSecret as _, SecretString};
use std::time::Duration;

/// What carries messages out. It stands in the context, so that stories can put their own there.
#[async_trait]
pub trait Post: Send + Sync {
    /// Messages that one target of this kind may be sent in a time.
    fn rate(&self, kind: TargetKind) -> (u32, Duration);

    /// One try. Why it failed holds no secret: it is kept and shown.
    async fn post(&self, ctx: &Ctx, target: &TargetConfig, message: &Message) -> Sent;
}

/// The world outside, through the one guarded way.
pub struct Posting {
    guard: Guard,
}

impl Default for Posting {
    fn default() -> Self {
        Self { guard: Guard::new(&OutgoingConfig::default()) }
    }
}

#[async_trait]
impl Post for Posting {
    fn rate(&self, kind: TargetKind) -> (u32, Duration) {
        notify::rate(kind)
    }

    async fn post(&self, ctx: &Ctx, target: &TargetConfig, message: &Message) -> Sent {
        let opened = match Opened::of(ctx, target).await {
            Ok(opened) => opened,
            // A secret that is missing is set by somebody; a database that is away comes back.
            Err(problem @ (Problem::SecretMissing { .. } | Problem::SecretUnreadable { .. })) => {
                return Sent::Never { why: problem.to_string() };
            }
            Err(problem) => return Sent::Later { after: None, why: problem.to_string() },
        };
        let applied = ctx.config();
        let guard = self.guard.allowing(&applied.config.outgoing);
        let access = Access { config: target, url: opened.url.expose_secret(), sign: opened.sign.as_ref() };
        notify::send(&guard, &access, opened.password.as_ref(), message, ctx.now()).await
    }
}

/// What a target is spoken to with.
struct Opened {
    url: SecretString,
    sign: Option<SecretString>,
    password: Option<SecretString>,
}

impl Opened {
    async fn of(ctx: &Ctx, target: &TargetConfig) -> Result<Self, Problem> {
        let url = match &target.url_secret {
            Some(name) => secrets::open(ctx, name).await?,
            None => SecretString::from(target.url.clone().unwrap_or_default()),
        };
        let password = target.mail.as_ref().and_then(|mail| mail.password_secret.as_deref());
        Ok(Self { url, sign: open(ctx, target.sign_secret.as_deref()).await?, password: open(ctx, password).await? })
    }
}

async fn open(ctx: &Ctx, name: Option<&str>) -> Result<Option<SecretString>, Problem> {
    match name {
        Some(name) => secrets::open(ctx, name).await.map(Some),
        None => Ok(None),
    }
}
