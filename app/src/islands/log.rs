//! Follows the log that stands on the page. What a line says becomes text nodes, never HTML.

use super::dom;
use crate::segments::segments;
use leptos::prelude::{document, window};
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;
use wasm_bindgen::{JsCast as _, JsValue};
use web_sys::{Element, EventSource, HtmlInputElement, Node};

/// So many lines stand on the page, and so many wait for the next frame.
const MOST: usize = 5000;
/// So close to the end counts as at the end, in pixels.
const NEAR: i32 = 24;
/// Service names have so many colours.
const COLOURS: u32 = 6;
/// A log that nobody has seen for so long gives its stream back.
const AWAY: i32 = 10_000;

thread_local! {
    /// The log that is followed. A page without the island follows none.
    static FOLLOWED: RefCell<Option<Option<Rc<Tail>>>> = const { RefCell::new(None) };
}

struct Tail {
    log: Element,
    source: String,
    stream: RefCell<Option<EventSource>>,
    tries: Cell<u32>,
    /// The stream begins with the last lines again: what stands here is replaced by them.
    begins: Cell<bool>,
    waiting: RefCell<VecDeque<Line>>,
    /// What was drawn, to be drawn anew when the filter changes.
    kept: RefCell<VecDeque<Line>>,
    /// What the reader types: only lines that hold it are drawn.
    filter: RefCell<String>,
    /// The names of the services whose logs come together; empty for one alone.
    names: Vec<String>,
    times: bool,
    /// What the server searched for; its hits stand on the page and stay.
    sought: String,
    drawing: Cell<bool>,
    /// The reader follows the end.
    follows: Cell<bool>,
    /// What the note under the log says, where the server's own words no longer fit.
    said: RefCell<Option<String>>,
    over: Cell<bool>,
    /// Which services ran, as the page says it, when the log was last begun.
    runs: RefCell<String>,
}

/// One line, and how it is set off.
struct Line {
    text: String,
    class: &'static str,
    /// Which of several services wrote it.
    place: Option<u32>,
    /// Milliseconds since 1970.
    at: Option<f64>,
    pieces: Vec<(u32, String)>,
}

pub fn start() {
    FOLLOWED.set(Some(None));
    dom::on_document("click", |event| {
        if let Some(tail) = followed().filter(|_| dom::around(&event, "[data-follow]").is_some()) {
            tail.follow(!tail.follows.get());
            tail.to_end();
        }
    });
    dom::on_document("input", |event| {
        let field = dom::around(&event, "[data-log-filter]").and_then(|field| field.dyn_into::<HtmlInputElement>().ok());
        if let (Some(field), Some(tail)) = (field, followed()) {
            tail.filter(field.value().trim());
        }
    });
    let turn = Rc::new(Cell::new(0_u32));
    dom::on_document("visibilitychange", move |_| seen(&turn));
    dom::on(&window(), "pageshow", |_| {
        if let Some(tail) = followed() {
            tail.connect();
        }
    });
    dom::on(&window(), "pagehide", |_| {
        if let Some(tail) = followed() {
            tail.close();
        }
    });
    settle();
}

/// Follows the log that stands on the page now; it may have come, gone or changed in a refresh.
pub fn settle() {
    let Some(before) = FOLLOWED.with_borrow(Clone::clone) else { return };
    let now = dom::one("[data-log]");
    dom::all(".log time.at").iter().for_each(localise);
    if let Some(tail) = &before {
        if now.as_ref().is_some_and(|log| *log == tail.log && dom::attribute(log, "data-log") == tail.source) {
            tail.follow(tail.follows.get());
            tail.repeat();
            tail.resume();
            return;
        }
        tail.over.set(true);
        tail.close();
    }
    let tail = now.map(Tail::of);
    FOLLOWED.set(Some(tail.clone()));
    if let Some(tail) = tail {
        let scrolled = Rc::clone(&tail);
        dom::on(&tail.log, "scroll", move |_| scrolled.follow(scrolled.at_end()));
        tail.to_end();
        tail.connect();
    }
}

fn followed() -> Option<Rc<Tail>> {
    FOLLOWED.with_borrow(Clone::clone).flatten()
}

/// The page was hidden or is seen again; `turn` tells an old timer that it is too late.
fn seen(turn: &Rc<Cell<u32>>) {
    let now = turn.get().wrapping_add(1);
    turn.set(now);
    if !dom::hidden() {
        if let Some(tail) = followed() {
            tail.connect();
        }
        return;
    }
    let turn = Rc::clone(turn);
    dom::after(AWAY, move || {
        if let Some(tail) = followed().filter(|_| turn.get() == now) {
            tail.close();
        }
    });
}

impl Tail {
    fn of(log: Element) -> Rc<Self> {
        Rc::new(Self {
            source: dom::attribute(&log, "data-log"),
            names: dom::attribute(&log, "data-names").lines().map(ToOwned::to_owned).collect(),
            times: log.has_attribute("data-times"),
            sought: dom::attribute(&log, "data-sought"),
            runs: RefCell::new(dom::attribute(&log, "data-runs")),
            kept: RefCell::default(),
            filter: RefCell::default(),
            log,
            stream: RefCell::default(),
            tries: Cell::new(0),
            begins: Cell::new(true),
            waiting: RefCell::default(),
            drawing: Cell::new(false),
            follows: Cell::new(true),
            said: RefCell::default(),
            over: Cell::new(false),
        })
    }

    fn connect(self: &Rc<Self>) {
        if self.over.get() || dom::hidden() || self.stream.borrow().is_some() {
            return;
        }
        let Ok(stream) = EventSource::new(&self.source) else { return };
        self.begins.set(true);
        let tail = Rc::clone(self);
        dom::on(&stream, "open", move |_| {
            tail.tries.set(0);
            tail.say("");
        });
        let tail = Rc::clone(self);
        dom::hear(&stream, "line", move |data| tail.lines(&data));
        let tail = Rc::clone(self);
        dom::hear(&stream, "gap", move |data| tail.gap(&data));
        let tail = Rc::clone(self);
        dom::hear(&stream, "end", move |_| tail.end());
        let tail = Rc::clone(self);
        dom::on(&stream, "error", move |_| tail.lost());
        *self.stream.borrow_mut() = Some(stream);
    }

    /// What had ended and runs again writes more.
    fn resume(self: &Rc<Self>) {
        let runs = dom::attribute(&self.log, "data-runs");
        if self.runs.replace(runs.clone()) != runs && self.over.replace(false) {
            self.connect();
        }
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
        if tries > 0 {
            self.say(&dom::attribute(&self.log, "data-away"));
        }
        let tail = Rc::clone(self);
        dom::after(dom::patience(tries), move || tail.connect());
    }

    fn end(&self) {
        self.over.set(true);
        self.close();
        self.say(&dom::attribute(&self.log, "data-end"));
    }

    /// Says how it stands in the note under the log; nothing to say leaves what stands there,
    /// or puts an empty note in the place of our own words.
    fn say(&self, words: &str) {
        let unsaid = self.said.borrow().is_none();
        if words.is_empty() && unsaid {
            return;
        }
        *self.said.borrow_mut() = Some(words.to_owned());
        self.repeat();
    }

    fn repeat(&self) {
        if let (Some(words), Some(note)) = (self.said.borrow().as_deref(), dom::one("#log .log-note")) {
            dom::write(&note, words);
        }
    }

    /// `[{"i":0,"s":"out","t":"text","c":[[3,"ink-1"]],"at":1764900252000}, …]`
    fn lines(self: &Rc<Self>, data: &str) {
        let Ok(lines) = js_sys::JSON::parse(data) else { return };
        for line in js_sys::Array::from(&lines).iter() {
            self.wait(Line {
                text: dom::field(&line, "t").as_string().unwrap_or_default(),
                class: if dom::field(&line, "s") == "err" { "l err" } else { "l" },
                place: number(&dom::field(&line, "i")),
                at: dom::field(&line, "at").as_f64(),
                pieces: pieces(&dom::field(&line, "c")),
            });
        }
        self.draw_soon();
    }

    /// `{"n":12}`: so many lines were left out, for the reader was too slow for them.
    fn gap(self: &Rc<Self>, data: &str) {
        let count = js_sys::JSON::parse(data).map(|gap| dom::field(&gap, "n")).ok().and_then(|n| JsValue::as_f64(&n));
        let text = dom::attribute(&self.log, "data-gap").replace("{n}", &count.unwrap_or_default().to_string());
        self.wait(Line { text, class: "gap", place: None, at: None, pieces: Vec::new() });
        self.draw_soon();
    }

    fn wait(&self, line: Line) {
        let mut waiting = self.waiting.borrow_mut();
        if waiting.len() == MOST {
            waiting.pop_front();
        }
        waiting.push_back(line);
    }

    /// All that came since the last frame is drawn at once.
    fn draw_soon(self: &Rc<Self>) {
        if self.drawing.replace(true) {
            return;
        }
        let tail = Rc::clone(self);
        dom::next_frame(move || {
            tail.drawing.set(false);
            tail.draw();
        });
    }

    fn draw(&self) {
        if self.begins.replace(false) && self.sought.is_empty() {
            self.log.set_text_content(None);
            self.kept.borrow_mut().clear();
        }
        let fragment = document().create_document_fragment();
        for line in self.waiting.borrow_mut().drain(..) {
            if let Some(node) = self.node(&line) {
                let _ = fragment.append_child(&node);
            }
            let mut kept = self.kept.borrow_mut();
            if kept.len() == MOST {
                kept.pop_front();
            }
            kept.push_back(line);
        }
        let _ = self.log.append_child(&fragment);
        let most = u32::try_from(MOST).unwrap_or(u32::MAX);
        while self.log.child_nodes().length() > most {
            let Some(first) = self.log.first_child() else { break };
            let _ = self.log.remove_child(&first);
        }
        self.to_end();
    }

    /// Draws anew what was followed so far, only what holds the words. Hits of the server stay.
    fn filter(&self, words: &str) {
        if !self.sought.is_empty() || self.kept.borrow().is_empty() || *self.filter.borrow() == words {
            return;
        }
        words.clone_into(&mut self.filter.borrow_mut());
        let fragment = document().create_document_fragment();
        for line in self.kept.borrow().iter() {
            if let Some(node) = self.node(line) {
                let _ = fragment.append_child(&node);
            }
        }
        self.log.set_text_content(None);
        let _ = self.log.append_child(&fragment);
        self.to_end();
    }

    /// The line as it is drawn; none when it does not hold what is wanted.
    fn node(&self, line: &Line) -> Option<Node> {
        let filter = self.filter.borrow();
        let wanted = if self.sought.is_empty() { filter.as_str() } else { self.sought.as_str() };
        if line.class != "gap" && !domain::log::holds(&line.text, wanted) {
            return None;
        }
        let row = document().create_element("span").ok()?;
        row.set_class_name(line.class);
        if let Some(at) = line.at.filter(|_| self.times) {
            let time = document().create_element("time").ok()?;
            time.set_class_name("at");
            time.set_text_content(Some(&clock(at)));
            let _ = row.append_child(&time);
        }
        if let Some((place, name)) = line.place.and_then(|place| Some((place, self.names.get(place as usize)?))) {
            let _ = row.append_child(&coloured("span", &format!("who s{}", place % COLOURS), &format!("{name} "))?);
        }
        for part in segments(&line.text, &line.pieces, wanted) {
            let node = match (part.hit, part.look) {
                (true, look) => coloured("mark", look, part.text)?,
                (false, "") => document().create_text_node(part.text).into(),
                (false, look) => coloured("span", look, part.text)?,
            };
            let _ = row.append_child(&node);
        }
        let _ = row.append_child(&document().create_text_node("\n"));
        Some(row.into())
    }

    fn at_end(&self) -> bool {
        self.log.scroll_height() - self.log.scroll_top() - self.log.client_height() < NEAR
    }

    fn to_end(&self) {
        if self.follows.get() {
            self.log.set_scroll_top(self.log.scroll_height());
        }
    }

    fn follow(&self, follows: bool) {
        self.follows.set(follows);
        if let Some(button) = dom::one("[data-follow]") {
            dom::set(&button, "aria-pressed", if follows { "true" } else { "false" });
        }
    }
}

fn coloured(name: &str, class: &str, text: &str) -> Option<Node> {
    let element = document().create_element(name).ok()?;
    element.set_class_name(class);
    element.set_text_content(Some(text));
    Some(element.into())
}

/// A place in a short list, or the length of a line.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "small numbers that the server counted")]
fn number(value: &JsValue) -> Option<u32> {
    value.as_f64().map(|number| number as u32)
}

/// `[[3,"ink-1"], …]`
fn pieces(value: &JsValue) -> Vec<(u32, String)> {
    if !js_sys::Array::is_array(value) {
        return Vec::new();
    }
    let piece = |pair: JsValue| {
        let pair = js_sys::Array::from(&pair);
        Some((number(&pair.get(0))?, pair.get(1).as_string()?))
    };
    js_sys::Array::from(value).iter().filter_map(piece).collect()
}

/// "10:04:12.345 " in the reader's own zone.
fn clock(at: f64) -> String {
    let date = js_sys::Date::new(&JsValue::from_f64(at));
    format!("{:02}:{:02}:{:02}.{:03} ", date.get_hours(), date.get_minutes(), date.get_seconds(), date.get_milliseconds())
}

/// What the server wrote in UTC, in the reader's own zone.
fn localise(time: &Element) {
    let at = js_sys::Date::parse(&dom::attribute(time, "datetime"));
    if !at.is_nan() {
        dom::write(time, &clock(at));
    }
}
