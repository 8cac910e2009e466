//! Follows the log that stands on the page. A line becomes a text node, never HTML.

use super::dom;
use leptos::prelude::{document, window};
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;
use wasm_bindgen::JsValue;
use web_sys::{Element, EventSource, Node};

/// So many lines stand on the page, and so many wait for the next frame.
const MOST: usize = 5000;
/// So close to the end counts as at the end, in pixels.
const NEAR: i32 = 24;
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
    drawing: Cell<bool>,
    /// The reader follows the end.
    follows: Cell<bool>,
    /// What the note under the log says, where the server's own words no longer fit.
    said: RefCell<Option<String>>,
    over: Cell<bool>,
}

/// One line, and how it is set off.
struct Line {
    text: String,
    class: &'static str,
}

pub fn start() {
    FOLLOWED.set(Some(None));
    dom::on_document("click", |event| {
        if let Some(tail) = followed().filter(|_| dom::around(&event, "[data-follow]").is_some()) {
            tail.follow(!tail.follows.get());
            tail.to_end();
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
    if let Some(tail) = &before {
        if now.as_ref().is_some_and(|log| *log == tail.log && dom::attribute(log, "data-log") == tail.source) {
            tail.follow(tail.follows.get());
            tail.repeat();
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

    /// `[{"s":"out","t":"text"}, …]`
    fn lines(self: &Rc<Self>, data: &str) {
        let Ok(lines) = js_sys::JSON::parse(data) else { return };
        for line in js_sys::Array::from(&lines).iter() {
            let class = if dom::field(&line, "s") == "err" { "err" } else { "" };
            self.wait(Line { text: dom::field(&line, "t").as_string().unwrap_or_default(), class });
        }
        self.draw_soon();
    }

    /// `{"n":12}`: so many lines were left out, for the reader was too slow for them.
    fn gap(self: &Rc<Self>, data: &str) {
        let count = js_sys::JSON::parse(data).map(|gap| dom::field(&gap, "n")).ok().and_then(|n| JsValue::as_f64(&n));
        let text = dom::attribute(&self.log, "data-gap").replace("{n}", &count.unwrap_or_default().to_string());
        self.wait(Line { text, class: "gap" });
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
        if self.begins.replace(false) {
            self.log.set_text_content(None);
        }
        let fragment = document().create_document_fragment();
        for line in self.waiting.borrow_mut().drain(..) {
            if let Some(node) = node(&line) {
                let _ = fragment.append_child(&node);
            }
        }
        let _ = self.log.append_child(&fragment);
        let most = u32::try_from(MOST).unwrap_or(u32::MAX);
        while self.log.child_nodes().length() > most {
            let Some(first) = self.log.first_child() else { break };
            let _ = self.log.remove_child(&first);
        }
        self.to_end();
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

fn node(line: &Line) -> Option<Node> {
    let text = format!("{}\n", line.text);
    if line.class.is_empty() {
        return Some(document().create_text_node(&text).into());
    }
    let span = document().create_element("span").ok()?;
    span.set_class_name(line.class);
    span.set_text_content(Some(&text));
    Some(span.into())
}
