//! Keeps the plots on the page going: the server sends words and paths, and they are put in their places.

use super::dom;
use leptos::prelude::window;
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use web_sys::{Element, EventSource};

struct Plots {
    source: String,
    stream: RefCell<Option<EventSource>>,
    tries: Cell<u32>,
    over: Cell<bool>,
}

pub fn start() {
    let Some(panel) = dom::one("[data-usage]") else { return };
    let plots = Rc::new(Plots {
        source: dom::attribute(&panel, "data-usage"),
        stream: RefCell::default(),
        tries: Cell::new(0),
        over: Cell::new(false),
    });
    let seen = Rc::clone(&plots);
    // Nothing is measured for a page that nobody sees.
    dom::on_document("visibilitychange", move |_| if dom::hidden() { seen.close() } else { seen.connect() });
    let back = Rc::clone(&plots);
    dom::on(&window(), "pageshow", move |_| back.connect());
    let leaving = Rc::clone(&plots);
    dom::on(&window(), "pagehide", move |_| leaving.close());
    plots.connect();
}

impl Plots {
    fn connect(self: &Rc<Self>) {
        if self.over.get() || dom::hidden() || self.stream.borrow().is_some() {
            return;
        }
        let Ok(stream) = EventSource::new(&self.source) else { return };
        let plots = Rc::clone(self);
        dom::hear(&stream, "usage", move |data| {
            plots.tries.set(0);
            draw(&data);
        });
        let plots = Rc::clone(self);
        dom::hear(&stream, "end", move |_| {
            plots.over.set(true);
            plots.close();
        });
        let plots = Rc::clone(self);
        dom::on(&stream, "error", move |_| plots.lost());
        *self.stream.borrow_mut() = Some(stream);
    }

    fn close(&self) {
        if let Some(stream) = self.stream.borrow_mut().take() {
            stream.close();
        }
    }

    fn lost(self: &Rc<Self>) {
        self.close();
        let tries = self.tries.get();
        self.tries.set(tries.saturating_add(1));
        let plots = Rc::clone(self);
        dom::after(dom::patience(tries), move || plots.connect());
    }
}

/// `[{"p":"web/cpu","t":"12 %","d":"M0 …","e":""}, …]`
fn draw(data: &str) {
    let Ok(told) = js_sys::JSON::parse(data) else { return };
    let places = dom::all("[data-plot]");
    for one in js_sys::Array::from(&told).iter() {
        let text = |name: &str| dom::field(&one, name).as_string().unwrap_or_default();
        let name = text("p");
        let Some(place) = places.iter().find(|place| dom::attribute(place, "data-plot") == name) else { continue };
        if !text("t").is_empty() {
            put(place, ".plot-words", |words| dom::write(words, &text("t")));
        }
        put(place, ".first", |path| dom::set(path, "d", &text("d")));
        put(place, ".second", |path| dom::set(path, "d", &text("e")));
    }
}

fn put(place: &Element, selector: &str, write: impl FnOnce(&Element)) {
    if let Ok(Some(element)) = place.query_selector(selector) {
        write(&element);
    }
}
