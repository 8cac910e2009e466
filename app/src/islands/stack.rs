//! The stack editor: what is typed is checked as it is typed. The server reads the text and writes
//! the answer as a part of the page; here it is put into its place, and its line is marked.

use super::dom;
use leptos::prelude::window;
use leptos::task::spawn_local;
use std::cell::Cell;
use std::rc::Rc;
use wasm_bindgen::JsCast as _;
use wasm_bindgen_futures::JsFuture;
use web_sys::{AbortSignal, Element, HtmlTextAreaElement, RequestInit, Response};

/// So long nothing must be typed before it is checked.
const QUIET: i32 = 350;
/// The longest check, in milliseconds.
const LONGEST: u32 = 10_000;

pub fn start() {
    let turn = Rc::new(Cell::new(0_u32));
    dom::on_document("input", move |event| {
        let Some(area) =
            dom::around(&event, "[data-check] textarea").and_then(|area| area.dyn_into::<HtmlTextAreaElement>().ok())
        else {
            return;
        };
        let now = turn.get().wrapping_add(1);
        turn.set(now);
        let turn = Rc::clone(&turn);
        dom::after(QUIET, move || {
            if turn.get() == now {
                spawn_local(async move { check(area, turn, now).await });
            }
        });
    });
}

/// An answer that comes when more was typed is for nobody.
async fn check(area: HtmlTextAreaElement, turn: Rc<Cell<u32>>, now: u32) {
    let Some(form) = area.closest("[data-check]").ok().flatten() else { return };
    let Some(html) = ask(&dom::attribute(&form, "data-check"), &area.value()).await else { return };
    if turn.get() != now {
        return;
    }
    if let Ok(Some(place)) = form.query_selector("[data-checked]") {
        place.set_inner_html(&html);
        mark(&form, place.query_selector("[data-line]").ok().flatten().as_ref());
    }
}

async fn ask(address: &str, text: &str) -> Option<String> {
    let headers = web_sys::Headers::new().ok()?;
    headers.set("content-type", "text/plain; charset=utf-8").ok()?;
    let request = RequestInit::new();
    request.set_method("POST");
    request.set_headers(&headers);
    request.set_body(&text.into());
    request.set_signal(Some(&AbortSignal::timeout_with_u32(LONGEST)));
    let response = JsFuture::from(window().fetch_with_str_and_init(address, &request)).await.ok()?;
    let response: Response = response.dyn_into().ok()?;
    if !response.ok() || response.redirected() {
        return None;
    }
    JsFuture::from(response.text().ok()?).await.ok()?.as_string()
}

/// Marks the line beside the text that the answer is about, and no other.
fn mark(form: &Element, broken: Option<&Element>) {
    let Ok(Some(numbers)) = form.query_selector(".line-numbers") else { return };
    let all = numbers.text_content().unwrap_or_default();
    let line = broken.map(|broken| dom::attribute(broken, "data-line"));
    let Some(line) = line.filter(|line| !line.is_empty()) else {
        numbers.set_text_content(Some(&all));
        return;
    };
    let number = |text: &str| text.trim() == line;
    let before: String = all.split_inclusive('\n').take_while(|text| !number(text)).collect();
    let after: String = all.split_inclusive('\n').skip_while(|text| !number(text)).skip(1).collect();
    numbers.set_text_content(Some(&before));
    let Ok(mark) = leptos::prelude::document().create_element("mark") else { return };
    mark.set_text_content(Some(&format!("{line}\n")));
    let _ = numbers.append_child(&mark);
    let _ = numbers.append_child(&leptos::prelude::document().create_text_node(&after));
}
