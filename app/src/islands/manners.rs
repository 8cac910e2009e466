//! Small manners of every page. All of it hangs on listeners of the document and on
//! attributes, so that what is refreshed behaves as what stood there before.

use super::dom;
use crate::text::{Lang, Text};
use leptos::prelude::{document, window};
use leptos::task::spawn_local;
use std::cell::Cell;
use wasm_bindgen::{JsCast as _, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{Element, Event, HtmlButtonElement, HtmlElement, HtmlFormElement, HtmlInputElement, KeyboardEvent};

/// How long a copied thing says so.
const SAID: i32 = 1400;
/// After so long a form that led nowhere may be sent again.
const SENT: i32 = 15_000;
/// A reader's clock that is off by less is taken for right: pages need time to arrive.
const OFF: f64 = 5000.0;

thread_local! {
    /// How far the server's clock is ahead of the reader's.
    static AHEAD: Cell<f64> = const { Cell::new(0.0) };
}

pub fn start() {
    settle(dom::one("#main").as_ref());
    dom::every(1000, || {
        if !dom::hidden() {
            tick();
        }
    });
    dom::on_document("visibilitychange", |_| tick());
    dom::on_document("click", |event| copy(&event));
    dom::on_document("input", |event| {
        if dom::around(&event, "[data-guard]").is_some() {
            guard();
        }
    });
    dom::on_document("change", |event| {
        if let Some(form) = dom::around(&event, "[data-send]").and_then(|field| field.closest("form").ok().flatten()) {
            let _ = form.dyn_into::<HtmlFormElement>().map(|form| form.request_submit());
        }
    });
    dom::on_document("submit", |event| once(&event));
    dom::on_document("keydown", |event| search(&event));
    // A page that comes back from the browser's memory was not sent.
    dom::on(&window(), "pageshow", |_| dom::all("form[data-sent]").iter().for_each(free));
}

/// Puts in order what was written anew, `main` being the newest that the server wrote.
pub fn settle(main: Option<&Element>) {
    if let Some(server) = main.and_then(|main| main.get_attribute("data-now")?.parse::<f64>().ok()) {
        let ahead = server - dom::now();
        AHEAD.set(if ahead.abs() < OFF { 0.0 } else { ahead });
    }
    tick();
    guard();
}

// ---- Times ---------------------------------------------------------------------------------

fn tick() {
    let lang = document().document_element().and_then(|root| Lang::from_word(&dom::attribute(&root, "lang"))).unwrap_or_default();
    let now = dom::now() + AHEAD.get();
    for time in dom::all("time[data-t]") {
        let kind = dom::attribute(&time, "data-t");
        if kind == "clock" {
            dom::write(&time, &clock(&dom::attribute(&time, "data-zone"), lang, now));
            continue;
        }
        let at = js_sys::Date::parse(&dom::attribute(&time, "datetime"));
        if at.is_nan() {
            continue;
        }
        dom::write(&time, &words(Text(lang), &kind, now - at));
        if dom::attribute(&time, "title").ends_with("UTC") {
            dom::set(&time, "title", &exact(at));
        }
    }
}

#[expect(clippy::cast_possible_truncation, reason = "a cast of a float keeps within the integer's bounds")]
fn words(text: Text, kind: &str, milliseconds: f64) -> String {
    let seconds = (milliseconds / 1000.0).floor() as i64;
    match kind {
        "age" => text.span(seconds),
        "elapsed" => text.elapsed(milliseconds as i64),
        _ => text.relative(seconds),
    }
}

/// "2026-11-24 10:04:12 +08:00": the moment in the reader's own zone.
fn exact(at: f64) -> String {
    let date = js_sys::Date::new(&JsValue::from_f64(at));
    #[expect(clippy::cast_possible_truncation, reason = "minutes of a day")]
    let zone = -date.get_timezone_offset() as i32;
    format!(
        "{}-{:02}-{:02} {:02}:{:02}:{:02} {}{:02}:{:02}",
        date.get_full_year(),
        date.get_month() + 1,
        date.get_date(),
        date.get_hours(),
        date.get_minutes(),
        date.get_seconds(),
        if zone < 0 { '-' } else { '+' },
        zone.abs() / 60,
        zone.abs() % 60
    )
}

/// "10:04" in a zone; the zone's own name where the browser does not know it.
fn clock(zone: &str, lang: Lang, now: f64) -> String {
    let options = js_sys::Object::new();
    for (name, value) in [("timeZone", zone), ("hour", "2-digit"), ("minute", "2-digit"), ("hourCycle", "h23")] {
        let _ = js_sys::Reflect::set(&options, &name.into(), &value.into());
    }
    // An unknown zone makes the call throw, so it is made where that can be caught.
    let date = js_sys::Date::new(&JsValue::from_f64(now));
    let format = dom::field(&date, "toLocaleTimeString").dyn_into::<js_sys::Function>();
    let told = format.and_then(|format| format.call2(&date, &lang.as_str().into(), &options));
    told.ok().and_then(|told| told.as_string()).unwrap_or_else(|| zone.to_owned())
}

// ---- Copying -------------------------------------------------------------------------------

fn copy(event: &Event) {
    let Some(button) = dom::around(event, "[data-copy]") else { return };
    let text = dom::attribute(&button, "data-copy");
    spawn_local(async move {
        if copied(&text).await {
            said(&button);
        }
    });
}

/// The clipboard is there for safe addresses only; on others an old way works.
async fn copied(text: &str) -> bool {
    if window().is_secure_context() {
        return JsFuture::from(window().navigator().clipboard().write_text(text)).await.is_ok();
    }
    old_way(text).unwrap_or(false)
}

fn old_way(text: &str) -> Option<bool> {
    let document = document();
    let area = document.create_element("textarea").ok()?.dyn_into::<web_sys::HtmlTextAreaElement>().ok()?;
    let body = document.body()?;
    area.set_value(text);
    body.append_child(&area).ok()?;
    area.select();
    let done = document.dyn_ref::<web_sys::HtmlDocument>()?.exec_command("copy");
    area.remove();
    done.ok()
}

/// Says "Copied" on the button for a moment, without moving what stands beside it.
fn said(button: &Element) {
    let Some(button) = button.dyn_ref::<HtmlElement>().cloned() else { return };
    if button.has_attribute("data-done") {
        return;
    }
    let before = button.text_content().unwrap_or_default();
    let plain = button.first_element_child().is_none();
    if plain {
        let _ = button.style().set_property("min-width", &format!("{}px", button.offset_width()));
        button.set_text_content(Some(&dom::attribute(&button, "data-copied")));
    }
    dom::set(&button, "data-done", "");
    dom::after(SAID, move || {
        let _ = button.remove_attribute("data-done");
        if plain {
            button.set_text_content(Some(&before));
            let _ = button.remove_attribute("style");
        }
    });
}

// ---- Forms ---------------------------------------------------------------------------------

/// A guarded button is held until the expected word stands in the field beside it. The server
/// asks again: this only spares a round.
fn guard() {
    for field in dom::all("input[data-guard]") {
        let Some(input) = field.dyn_ref::<HtmlInputElement>() else { continue };
        let Some(form) = input.form() else { continue };
        let Ok(Some(button)) = form.query_selector("button[data-guarded]") else { continue };
        let Some(button) = button.dyn_ref::<HtmlButtonElement>() else { continue };
        let held = button.get_attribute("data-guarded").as_deref() == Some("held");
        let fits = input.value().trim() == dom::attribute(&field, "data-guard");
        // What the server itself has greyed is not ours to free.
        if (fits && held) || (!fits && !button.disabled()) {
            button.set_disabled(!fits);
            dom::set(button, "data-guarded", if fits { "" } else { "held" });
        }
    }
}

/// A form is sent once: a second click while the first is under way does nothing.
fn once(event: &Event) {
    let Some(form) = dom::around(event, "form") else { return };
    if event.default_prevented() || form.has_attribute("target") {
        return;
    }
    if form.has_attribute("data-sent") {
        event.prevent_default();
        return;
    }
    dom::set(&form, "data-sent", "");
    dom::after(SENT, move || free(&form));
}

fn free(form: &Element) {
    let _ = form.remove_attribute("data-sent");
}

/// `/` leads to the search box, from anywhere but a field.
fn search(event: &Event) {
    let Some(key) = event.dyn_ref::<KeyboardEvent>() else { return };
    let plain = !key.ctrl_key() && !key.meta_key() && !key.alt_key();
    if key.key() != "/" || !plain || dom::around(event, "input,textarea,select,[contenteditable]").is_some() {
        return;
    }
    if let Some(Ok(box_)) = dom::one("[data-search]").map(wasm_bindgen::JsCast::dyn_into::<HtmlInputElement>) {
        event.prevent_default();
        let _ = box_.focus();
        box_.select();
    }
}
