//! The inbox: what was delivered, what became of it, and having it processed once more.

use crate::ctx::{Ctx, Entry};
use crate::hub::Topic;
use crate::intake::Headers;
use crate::store::inbox::Whole;
use crate::store::intake as rows;
use crate::store::{Cursor, internal, missing, page_of, page_size, plausible};
use app::view::{DeliveryFilter, DeliveryRow, DeliveryView, Page, Paging};
use domain::id::DeliveryId;
use domain::problem::{Fault, Noun};
use domain::{Action, Actor, Problem};
use serde_json::Value;

/// Of a body, so many bytes are shown.
const MOST_SHOWN: usize = 64 * 1024;
const STATES: [&str; 6] = ["stored", "done", "ignored", "failed", "duplicate", "refused"];
/// A field of this name holds something that opens a door.
const SECRET_NAMES: [&str; 10] =
    ["password", "passwd", "secret", "token", "authorization", "api_key", "apikey", "private_key", "credential", "callback_url"];
const MASK: &str = "••••••••";

/// What was delivered, the newest first.
///
/// # Errors
/// [`Problem::Forbidden`], [`Problem::Invalid`] for the cursor or the state.
pub async fn deliveries(ctx: &Ctx, actor: &Actor, filter: DeliveryFilter, paging: Paging) -> Result<Page<DeliveryRow>, Problem> {
    actor.require(Action::SeeDeliveries)?;
    let part = |part: Option<String>| part.filter(|text| !text.is_empty());
    let filter = DeliveryFilter { hook: part(filter.hook), state: part(filter.state) };
    if filter.state.as_deref().is_some_and(|state| !STATES.contains(&state)) {
        return Err(Problem::invalid("state", Fault::NotOneOf { choices: STATES.join(", ") }));
    }
    if filter.hook.as_deref().is_some_and(|hook| !plausible(hook)) {
        return Ok(Page { items: Vec::new(), next: None });
    }
    let (before, size) = (Cursor::parse(paging.cursor.as_deref())?, page_size(paging.limit));
    let rows = ctx.store.deliveries(&filter, &before, size + 1).await?;
    Ok(page_of(rows, size, |row| Cursor::text(row.received_at, row.id.as_str())))
}

/// One delivery with its body, in which whatever opens a door is masked.
///
/// # Errors
/// [`Problem::Forbidden`], [`Problem::NotFound`].
pub async fn delivery(ctx: &Ctx, actor: &Actor, id: &DeliveryId) -> Result<DeliveryView, Problem> {
    actor.require(Action::SeeDeliveries)?;
    let Whole { row, headers, body, length, repeats, attempts } = find(ctx, id).await?;
    let may_replay = actor.may(Action::ManageHooks) && can_replay(&row.state);
    let cut = i64::try_from(body.len().min(MOST_SHOWN)).unwrap_or(i64::MAX) < length;
    let body = readable(body.get(..MOST_SHOWN).unwrap_or(&body));
    Ok(DeliveryView { headers: Headers::from_json(&headers).pairs(), body, length, cut, repeats, attempts, may_replay, row })
}

/// Has a delivery processed once more, as when an app was configured only after its push came.
/// What it changed before is found as it is, and nothing is there twice.
///
/// # Errors
/// [`Problem::Forbidden`]; [`Problem::NotFound`]; [`Problem::Finished`] for one that waits already,
/// repeats another or was refused.
pub async fn replay(ctx: &Ctx, actor: &Actor, id: &DeliveryId) -> Result<(), Problem> {
    actor.require(Action::ManageHooks)?;
    let found = find(ctx, id).await?;
    let mut tx = ctx.store.begin().await?;
    if !rows::replay_delivery(&mut tx, id, ctx.now()).await? {
        return Err(Problem::Finished { state: found.row.state });
    }
    let entry = Entry { action: "delivery.replayed", subject_kind: "delivery", subject: id.as_str(), ..Entry::default() };
    ctx.audit(&mut tx, actor, entry).await?;
    tx.commit().await.map_err(internal)?;
    ctx.work.deliveries.notify_one();
    ctx.hub.tell(Topic::Deliveries, id.0.clone());
    ctx.hub.tell(Topic::Activity, None);
    Ok(())
}

fn can_replay(state: &str) -> bool {
    matches!(state, "done" | "ignored" | "failed")
}

async fn find(ctx: &Ctx, id: &DeliveryId) -> Result<Whole, Problem> {
    let found = if plausible(id.as_str()) { ctx.store.delivery(id).await? } else { None };
    found.ok_or_else(|| missing(Noun::Delivery, id.as_str()))
}

/// JSON with its fields on lines, anything else as text; without control characters.
fn readable(body: &[u8]) -> String {
    if let Ok(mut value) = serde_json::from_slice::<Value>(body) {
        mask(&mut value);
        return serde_json::to_string_pretty(&value).unwrap_or_default();
    }
    let text = String::from_utf8_lossy(body);
    // A form, as GitHub sends one: masked where its field names say so.
    let field = |part: &str| match part.split_once('=') {
        Some((name, _)) if is_secret(name) => format!("{name}={MASK}"),
        _ => part.to_owned(),
    };
    let text = if text.contains('\n') { text.into_owned() } else { text.split('&').map(field).collect::<Vec<_>>().join("&") };
    text.chars().map(|c| if c.is_control() && !matches!(c, '\n' | '\t') { '\u{fffd}' } else { c }).collect()
}

fn is_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    SECRET_NAMES.iter().any(|word| name.contains(word))
}

fn mask(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                if is_secret(name) && !value.is_null() {
                    *value = Value::String(MASK.to_owned());
                } else {
                    mask(value);
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(mask),
        Value::String(text) => {
            if let Some(bare) = without_userinfo(text) {
                *text = bare;
            }
        }
        _ => {}
    }
}

/// An address with a user and a password in it, without them.
fn without_userinfo(text: &str) -> Option<String> {
    let (scheme, rest) = text.split_once("://")?;
    let authority = rest.split(['/', '?', '#']).next()?;
    let (_, host) = authority.rsplit_once('@')?;
    Some(format!("{scheme}://{MASK}@{host}{}", rest.get(authority.len()..)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_opens_a_door_is_masked_wherever_it_stands() {
        let body = br#"{"push_data":{"tag":"dev"},"Password":"p1","a":[{"access_token":"t1","n":null}],
            "clone":"https://ada:p2@git.example.com/x?y","callback_url":"https://hub/c1","secret":{"deep":"s1"}}"#;
        let shown = readable(body);
        for hidden in ["p1", "t1", "p2", "c1", "s1"] {
            assert!(!shown.contains(hidden), "{shown}");
        }
        assert!(shown.contains("\"tag\": \"dev\"") && shown.contains("@git.example.com/x?y"), "{shown}");
        assert_eq!(readable(b"token=abc&payload=1\x1b"), format!("token={MASK}&payload=1\u{fffd}"));
        assert_eq!(readable(&[0xff, b'a']), "\u{fffd}a");
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_make_it_panic(body: Vec<u8>) {
            let shown = readable(&body);
            proptest::prop_assert!(shown.chars().all(|c| !c.is_control() || matches!(c, '\n' | '\t')) || serde_json::from_slice::<Value>(&body).is_ok());
        }
    }
}
