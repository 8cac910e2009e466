//! From what happens to a message in a chat: nothing untold, nothing told that was not kept,
//! nobody held up by somebody else.

mod happened;
mod outbox;
mod said;
mod sending;
mod shown;

use crate::common::TestApp;
use crate::decided::{digest, listed};
use app::view::{MessageFilter, MessageRow, Paging};
use async_trait::async_trait;
use domain::Actor;
use domain::id::BuildId;
use domain::notify::{EventKind, TargetConfig, TargetKind};
use server::clock::micros;
use server::ctx::Ctx;
use server::notify::{Message, Post, Sent};
use server::usecases::notifications::{News, What, announce, fan_out_waiting, messages, send_waiting};
use std::collections::{BTreeSet, HashMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Every target of the stories: it keeps what it was sent and answers as it is told.
pub struct Chat {
    pub sent: Mutex<Vec<(String, Message)>>,
    answers: Mutex<HashMap<String, VecDeque<Sent>>>,
    stalled: Mutex<BTreeSet<String>>,
    rate: Mutex<(u32, Duration)>,
}

impl Default for Chat {
    fn default() -> Self {
        let rate = Mutex::new((1000, Duration::from_secs(1)));
        Self { sent: Mutex::default(), answers: Mutex::default(), stalled: Mutex::default(), rate }
    }
}

#[async_trait]
impl Post for Chat {
    fn rate(&self, _: TargetKind) -> (u32, Duration) {
        *self.rate.lock().unwrap()
    }

    async fn post(&self, _: &Ctx, target: &TargetConfig, message: &Message) -> Sent {
        self.sent.lock().unwrap().push((target.name.clone(), message.clone()));
        if self.stalled.lock().unwrap().contains(&target.name) {
            std::future::pending::<()>().await;
        }
        tokio::task::yield_now().await;
        let answer = self.answers.lock().unwrap().get_mut(&target.name).and_then(VecDeque::pop_front);
        answer.unwrap_or(Sent::Delivered)
    }
}

impl Chat {
    pub fn answer(&self, target: &str, answers: impl IntoIterator<Item = Sent>) {
        self.answers.lock().unwrap().entry(target.to_owned()).or_default().extend(answers);
    }

    pub fn stall(&self, target: &str, stalled: bool) {
        let mut all = self.stalled.lock().unwrap();
        if stalled {
            all.insert(target.to_owned());
        } else {
            all.remove(target);
        }
    }

    pub fn bear(&self, most: u32, within: Duration) {
        *self.rate.lock().unwrap() = (most, within);
    }

    /// What a target was sent, in order.
    pub fn to(&self, target: &str) -> Vec<Message> {
        let sent = self.sent.lock().unwrap();
        sent.iter().filter(|(name, _)| name == target).map(|(_, message)| message.clone()).collect()
    }

    pub fn titles(&self, target: &str) -> Vec<String> {
        self.to(target).into_iter().map(|message| message.title).collect()
    }
}

pub const TARGETS: &str = r#"
[[targets]]
name = "ops"
kind = "slack"
url_secret = "ops-chat"
group_seconds = 0

[[targets]]
name = "qa"
kind = "dingtalk"
url = "https://qa.chat.test/canary-in-an-address"
lang = "zh"
group_seconds = 10
quiet = { from = "22:00", until = "08:00", time_zone = "Asia/Shanghai" }
"#;

pub const ALL_TO_OPS: &str = "[[routes]]\ntargets = [\"ops\"]\n";
pub const ALL_TO_QA: &str = "[[routes]]\ntargets = [\"qa\"]\n";

/// An instance whose messages go to [`Chat`].
pub struct Stage {
    pub app: TestApp,
    pub chat: Arc<Chat>,
}

impl Stage {
    pub async fn set(mut app: TestApp, routes: &str) -> Self {
        let chat = Arc::new(Chat::default());
        app.ctx.post = chat.clone();
        app.apply(&format!("{}{TARGETS}{routes}", crate::common::TWO_APPS)).await;
        Self { app, chat }
    }

    pub fn pass(&self, seconds: u64) {
        self.app.clock.advance(Duration::from_secs(seconds));
    }

    /// A build of web, known by a tag of a channel.
    pub async fn build(&self, n: u64, tag: &str, channel: Option<&str>) -> BuildId {
        let id = listed(&self.app, "web", &digest(n)).await;
        let mut tx = self.app.ctx.store.begin().await.expect("a transaction");
        sqlx::query(
            "INSERT INTO tags (app, name, build_id, channel, moved_at) VALUES ('web', $1, $2, $3, $4)
             ON CONFLICT (app, name) DO UPDATE SET build_id = $2",
        )
        .bind(tag)
        .bind(id.as_str())
        .bind(channel.map(str::to_owned))
        .bind(micros(self.app.ctx.now()))
        .execute(&mut *tx)
        .await
        .expect("a tag");
        tx.commit().await.expect("kept");
        id
    }

    /// Announces that a build is ready.
    pub async fn ready(&self, build: &BuildId) {
        let mut tx = self.app.ctx.store.begin().await.expect("a transaction");
        server::usecases::notifications::build_ready(&self.app.ctx, &mut tx, build).await.expect("announced");
        tx.commit().await.expect("kept");
    }

    /// Announces something about web, by its event alone.
    pub async fn happens(&self, event: EventKind, app: Option<&str>, channels: &[&str]) {
        let news = News {
            app: app.map(str::to_owned),
            channels: channels.iter().map(|channel| (*channel).to_owned()).collect(),
            ..News::new(event, self.app.ctx.now(), What::Build)
        };
        let mut tx = self.app.ctx.store.begin().await.expect("a transaction");
        announce(&self.app.ctx, &mut tx, news).await.expect("announced");
        tx.commit().await.expect("kept");
    }

    /// What the worker does, once and to the end.
    pub async fn work(&self) {
        fan_out_waiting(&self.app.ctx).await.expect("fanned out");
        send_waiting(&self.app.ctx).await.expect("sent");
    }

    pub async fn listed(&self) -> Vec<MessageRow> {
        messages(&self.app.ctx, &Actor::Slipway, MessageFilter::default(), Paging::default()).await.expect("messages").items
    }

    /// The only message there is.
    pub async fn one(&self) -> MessageRow {
        let mut all = self.listed().await;
        assert_eq!(all.len(), 1, "{all:?}");
        all.remove(0)
    }

    /// The events that wait in the outbox.
    pub async fn news(&self) -> Vec<String> {
        sqlx::query_scalar("SELECT event FROM news ORDER BY at, id").fetch_all(self.app.ctx.store.read()).await.expect("news")
    }
}

pub fn later(why: &str) -> Sent {
    Sent::Later { after: None, why: why.to_owned() }
}

pub fn never(why: &str) -> Sent {
    Sent::Never { why: why.to_owned() }
}
