//! The browser in short words.

use leptos::prelude::{document, window};
use wasm_bindgen::prelude::*;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{Element, Event, EventTarget};

/// Calls back on every such event, as long as the page lives.
pub fn on(target: &EventTarget, event: &str, run: impl FnMut(Event) + 'static) {
    let run = Closure::<dyn FnMut(Event)>::new(run);
    let _ = target.add_event_listener_with_callback(event, run.as_ref().unchecked_ref());
    run.forget();
}

/// As [`on`], before the event reaches what stands on the page.
pub fn on_document(event: &str, run: impl FnMut(Event) + 'static) {
    on(&document(), event, run);
}

/// Calls back once, later.
pub fn after(milliseconds: i32, run: impl FnOnce() + 'static) {
    let run = Closure::once_into_js(run);
    let _ = window().set_timeout_with_callback_and_timeout_and_arguments_0(run.unchecked_ref(), milliseconds);
}

/// Calls back before the next frame is drawn.
pub fn next_frame(run: impl FnOnce() + 'static) {
    let run = Closure::once_into_js(run);
    let _ = window().request_animation_frame(run.unchecked_ref());
}

/// Calls back again and again, as long as the page lives.
pub fn every(milliseconds: i32, run: impl FnMut() + 'static) {
    let run = Closure::<dyn FnMut()>::new(run);
    let _ = window().set_interval_with_callback_and_timeout_and_arguments_0(run.as_ref().unchecked_ref(), milliseconds);
    run.forget();
}

/// Everything on the page that fits the selector.
pub fn all(selector: &str) -> Vec<Element> {
    document().query_selector_all(selector).map(|found| elements(&found)).unwrap_or_default()
}

/// The first on the page that fits the selector.
pub fn one(selector: &str) -> Option<Element> {
    document().query_selector(selector).ok().flatten()
}

/// The elements of a list, at this moment.
pub fn elements(list: &web_sys::NodeList) -> Vec<Element> {
    (0..list.length()).filter_map(|at| list.get(at)?.dyn_into().ok()).collect()
}

/// What the event was about, or the nearest thing around it that fits the selector.
pub fn around(event: &Event, selector: &str) -> Option<Element> {
    event.target()?.dyn_into::<Element>().ok()?.closest(selector).ok().flatten()
}

/// The attribute's text, empty when it is not there.
pub fn attribute(element: &Element, name: &str) -> String {
    element.get_attribute(name).unwrap_or_default()
}

/// Sets the attribute; a page that no longer takes it is no error.
pub fn set(element: &Element, name: &str, value: &str) {
    let _ = element.set_attribute(name, value);
}

/// Writes the text if it is another one.
pub fn write(element: &Element, text: &str) {
    if element.text_content().as_deref() != Some(text) {
        element.set_text_content(Some(text));
    }
}

/// Whether nobody sees the page now.
pub fn hidden() -> bool {
    document().hidden()
}

/// Milliseconds since 1970, by the reader's clock.
pub fn now() -> f64 {
    js_sys::Date::now()
}

/// How long to wait before the next try to reach the server, in milliseconds: longer each
/// time, up to 15 s, and different for each page, for all of them lost it at one moment.
pub fn patience(tries: u32) -> i32 {
    let longest = (250_i32 << tries.min(6)).min(15_000);
    let share = 0.5 + js_sys::Math::random() / 2.0;
    #[expect(clippy::cast_possible_truncation, reason = "at most 15,000")]
    let wait = (f64::from(longest) * share) as i32;
    wait
}

/// Hears one kind of message of a stream.
pub fn hear(stream: &web_sys::EventSource, event: &str, mut run: impl FnMut(String) + 'static) {
    on(stream, event, move |event| {
        let data = event.dyn_ref::<web_sys::MessageEvent>().and_then(|message| message.data().as_string());
        run(data.unwrap_or_default());
    });
}

/// A value of a JavaScript object.
pub fn field(object: &JsValue, name: &str) -> JsValue {
    js_sys::Reflect::get(object, &name.into()).unwrap_or(JsValue::UNDEFINED)
}
