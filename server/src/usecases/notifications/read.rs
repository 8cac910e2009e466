//! What an admin sees and does: targets, routes, the history, replay, a test message.

use super::news::{News, What, announce};
use crate::ctx::{Ctx, Entry};
use crate::hub::Topic;
use crate::store::notifications as rows;
use crate::store::{Cursor, internal, missing, page_of, page_size, plausible};
use app::view::{MessageFilter, MessageRow, NotificationsView, Page, Paging, TargetView};
use domain::id::MessageId;
use domain::notify::EventKind;
use domain::problem::Noun;
use domain::{Action, Actor, Problem};

/// Every target, without its address, and every route.
///
/// # Errors
/// [`Problem::Forbidden`].
pub async fn targets(ctx: &Ctx, actor: &Actor) -> Result<NotificationsView, Problem> {
    actor.require(Action::ManageNotifications)?;
    let mut states = ctx.store.target_states().await?;
    let applied = ctx.config();
    let targets = applied.config.targets.iter().map(|target| {
        let state = states.remove(&target.name).unwrap_or_default();
        TargetView {
            name: target.name.clone(),
            kind: target.kind,
            lang: target.lang,
            quiet: target.quiet.clone(),
            sent_at: state.sent_at,
            failed_at: state.failed_at,
            why: state.why,
            waiting: state.waiting,
            dead: state.dead,
        }
    });
    Ok(NotificationsView { targets: targets.collect(), routes: applied.config.routes.clone() })
}

/// What was sent, waits, or was given up, the newest first.
///
/// # Errors
/// [`Problem::Forbidden`], [`Problem::Invalid`] for the cursor.
pub async fn messages(ctx: &Ctx, actor: &Actor, filter: MessageFilter, paging: Paging) -> Result<Page<MessageRow>, Problem> {
    actor.require(Action::ManageNotifications)?;
    let (before, size) = (Cursor::parse(paging.cursor.as_deref())?, page_size(paging.limit));
    let named = |name: String| Some(name.trim().to_owned()).filter(|name| !name.is_empty());
    let target = filter.target.and_then(named);
    // No target has another name, and PostgreSQL cannot compare every text.
    if target.as_deref().is_some_and(|name| !domain::config::valid_name(name)) {
        return Ok(Page { items: Vec::new(), next: None });
    }
    let rows = ctx.store.messages(&MessageFilter { target, ..filter }, &before, size + 1).await?;
    Ok(page_of(rows, size, |row| Cursor::text(row.created_at, row.id.as_str())))
}

/// Sends a message to one target, whatever the routes say. How it went stands in the history.
///
/// # Errors
/// [`Problem::Forbidden`], [`Problem::NotFound`].
pub async fn send_test_message(ctx: &Ctx, actor: &Actor, target: &str) -> Result<(), Problem> {
    actor.require(Action::ManageNotifications)?;
    ctx.reload_config().await?;
    if ctx.config().config.target(target).is_none() {
        return Err(missing(Noun::Target, target));
    }
    let mut tx = ctx.store.begin().await?;
    let news = News::new(EventKind::Test, ctx.now(), What::Test);
    announce(ctx, &mut tx, News { to: Some(target.to_owned()), by: Some(actor.label()), ..news }).await?;
    let entry = Entry { action: "notification.tested", subject_kind: "target", subject: target, ..Entry::default() };
    ctx.audit(&mut tx, actor, entry).await?;
    tx.commit().await.map_err(internal)?;
    ctx.work.notifications.notify_one();
    ctx.hub.tell(Topic::Activity, None);
    Ok(())
}

/// Tries a message again that was given up, under the id that it had.
///
/// # Errors
/// [`Problem::Forbidden`], [`Problem::NotFound`], [`Problem::Finished`] when it was not given up.
pub async fn replay_message(ctx: &Ctx, actor: &Actor, id: &MessageId) -> Result<(), Problem> {
    actor.require(Action::ManageNotifications)?;
    let found = if plausible(id.as_str()) { ctx.store.message(id).await? } else { None };
    let message = found.ok_or_else(|| missing(Noun::Message, id.as_str()))?;
    let mut tx = ctx.store.begin().await?;
    if !rows::replay(&mut tx, id, ctx.now()).await? {
        return Err(Problem::Finished { state: message.state.as_str().to_owned() });
    }
    let detail = format!("to {}: {} {}", message.target, message.event.as_str(), message.subject);
    let (action, subject) = ("notification.replayed", id.as_str());
    let entry = Entry { action, subject_kind: "message", subject, app: message.app.as_deref(), detail: detail.trim().to_owned() };
    ctx.audit(&mut tx, actor, entry).await?;
    tx.commit().await.map_err(internal)?;
    ctx.work.messages.notify_one();
    ctx.hub.tell(Topic::Notifications, None);
    ctx.hub.tell(Topic::Activity, None);
    Ok(())
}
