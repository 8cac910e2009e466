//! Keeps an open page true. A hint says "look again"; the page is then read anew from its
//! own address, with its reader's own rights, and what differs is taken over.

use super::{dom, log, manners, morph};
use leptos::prelude::{document, window};
use leptos::task::spawn_local;
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use wasm_bindgen::JsCast as _;
use wasm_bindgen_futures::JsFuture;
use web_sys::{AbortSignal, Document, Element, EventSource, RequestInit, RequestRedirect, Response, ResponseType};

/// Hints of one change come together: this long is waited for more of them.
const TOGETHER: f64 = 3.0;
/// However many hints come, so many looks may follow each other closely …
const AT_ONCE: f64 = 3.0;
/// … and then one in so many milliseconds: one thing that happens is often told in two or three hints, and
/// whoever waits for the last of them should not wait for this.
const APART: f64 = 250.0;
/// A look that takes longer is given up.
const LONGEST: u32 = 15_000;
/// A page that nobody has seen for so long gives its stream back: browsers open only six to
/// one server, and each costs the server a place.
const AWAY: i32 = 10_000;

struct Live {
    topics: String,
    stream: RefCell<Option<EventSource>>,
    /// Failed tries to open the stream, one after the other.
    tries: Cell<u32>,
    /// A hint came that no look has answered.
    stale: Cell<bool>,
    /// A look is planned, or under way.
    planned: Cell<bool>,
    looking: Cell<bool>,
    /// Looks that may be made now, and when they were last counted.
    left: Cell<f64>,
    counted: Cell<f64>,
    /// Grows each time the page is hidden or shown, so that an old timer knows.
    turn: Cell<u32>,
    /// The reader was signed out: nothing is asked any more.
    over: Cell<bool>,
}

/// What came of a look.
enum Looked {
    Page(Document),
    SignedOut,
    Away,
}

pub fn start() {
    let Some(main) = dom::one("main[data-topics]") else { return };
    let live = Rc::new(Live {
        topics: dom::attribute(&main, "data-topics"),
        stream: RefCell::default(),
        tries: Cell::new(0),
        stale: Cell::new(false),
        planned: Cell::new(false),
        looking: Cell::new(false),
        left: Cell::new(AT_ONCE),
        counted: Cell::new(0.0),
        turn: Cell::new(0),
        over: Cell::new(false),
    });
    for event in ["pageshow", "online"] {
        let live = Rc::clone(&live);
        dom::on(&window(), event, move |_| live.connect());
    }
    let leaving = Rc::clone(&live);
    dom::on(&window(), "pagehide", move |_| leaving.close());
    let seen = Rc::clone(&live);
    dom::on_document("visibilitychange", move |_| seen.seen());
    live.connect();
}

impl Live {
    /// Opens the stream, unless it is open or nobody would see what it says.
    fn connect(self: &Rc<Self>) {
        if self.over.get() || dom::hidden() || self.stream.borrow().is_some() {
            return;
        }
        let Ok(stream) = EventSource::new(&format!("/events?topics={}", self.topics)) else { return };
        let opened = Rc::new(Cell::new(false));
        let (live, open) = (Rc::clone(self), Rc::clone(&opened));
        dom::hear(&stream, "hello", move |_| {
            open.set(true);
            live.tries.set(0);
            say("on", "data-live-word");
            // What happened between the page's reading and this moment had no listener.
            live.hint();
        });
        for event in ["message", "resync"] {
            let live = Rc::clone(self);
            dom::hear(&stream, event, move |_| live.hint());
        }
        let live = Rc::clone(self);
        dom::on(&stream, "error", move |_| live.lost(opened.get()));
        *self.stream.borrow_mut() = Some(stream);
    }

    fn close(&self) {
        if let Some(stream) = self.stream.borrow_mut().take() {
            stream.close();
        }
    }

    /// The stream broke, or did not open: then the page itself tells whether that is because
    /// the reader was signed out.
    fn lost(self: &Rc<Self>, opened: bool) {
        self.close();
        say("again", "data-again-word");
        if !opened {
            self.hint();
        }
        let tries = self.tries.get();
        self.tries.set(tries.saturating_add(1));
        let live = Rc::clone(self);
        dom::after(dom::patience(tries), move || live.connect());
    }

    /// The page was hidden or is seen again.
    fn seen(self: &Rc<Self>) {
        let turn = self.turn.get().wrapping_add(1);
        self.turn.set(turn);
        if dom::hidden() {
            let live = Rc::clone(self);
            dom::after(AWAY, move || {
                if live.turn.get() == turn {
                    live.close();
                }
            });
        } else {
            self.connect();
            if self.stale.get() {
                self.hint();
            }
        }
    }

    /// Something changed. Looks soon, or when the page is seen again.
    fn hint(self: &Rc<Self>) {
        self.stale.set(true);
        if self.planned.get() || self.looking.get() || self.over.get() || dom::hidden() {
            return;
        }
        self.planned.set(true);
        let wait = ((1.0 - self.count()) * APART).clamp(TOGETHER, APART);
        let live = Rc::clone(self);
        #[expect(clippy::cast_possible_truncation, reason = "between two small constants")]
        dom::after(wait as i32, move || {
            live.planned.set(false);
            live.look();
        });
    }

    /// The looks that may be made now: one more with each `APART`.
    fn count(&self) -> f64 {
        let now = dom::now();
        let left = (self.left.get() + (now - self.counted.replace(now)) / APART).min(AT_ONCE);
        self.left.set(left);
        left
    }

    fn look(self: &Rc<Self>) {
        self.stale.set(false);
        self.looking.set(true);
        self.left.set(self.count() - 1.0);
        let live = Rc::clone(self);
        spawn_local(async move {
            match read().await {
                Looked::Page(page) => take_over(&page),
                Looked::SignedOut => live.end(),
                Looked::Away => {}
            }
            live.looking.set(false);
            if live.stale.get() {
                live.hint();
            }
        });
    }

    fn end(&self) {
        self.over.set(true);
        self.close();
        say("out", "data-out-word");
    }
}

/// Says how it stands, beside the page's title, in the word that the server wrote there.
fn say(state: &str, word: &str) {
    let (Some(live), Some(text)) = (dom::one("#live"), dom::one("#live-word")) else { return };
    dom::set(&live, "data-state", state);
    dom::write(&text, &dom::attribute(&live, word));
}

/// Reads the page from its own address.
async fn read() -> Looked {
    let Some(request) = request() else { return Looked::Away };
    let Ok(response) = JsFuture::from(window().fetch_with_str_and_init(&address(), &request)).await else { return Looked::Away };
    let Ok(response) = response.dyn_into::<Response>() else { return Looked::Away };
    // Pages lead elsewhere only for those who must sign in first.
    if response.type_() == ResponseType::Opaqueredirect || response.status() == 401 {
        return Looked::SignedOut;
    }
    let Ok(text) = response.text() else { return Looked::Away };
    let Ok(text) = JsFuture::from(text).await else { return Looked::Away };
    let parsed = web_sys::DomParser::new()
        .and_then(|parser| parser.parse_from_string(&text.as_string().unwrap_or_default(), web_sys::SupportedType::TextHtml));
    match parsed {
        Ok(page) if response.ok() => Looked::Page(page),
        _ => Looked::Away,
    }
}

fn request() -> Option<RequestInit> {
    let headers = web_sys::Headers::new().ok()?;
    headers.set("accept", "text/html").ok()?;
    headers.set("x-slipway-live", "1").ok()?;
    let request = RequestInit::new();
    request.set_headers(&headers);
    request.set_redirect(RequestRedirect::Manual);
    request.set_signal(Some(&AbortSignal::timeout_with_u32(LONGEST)));
    Some(request)
}

/// The page's path and query, without the message that is told only once.
fn address() -> String {
    let location = window().location();
    let path = location.pathname().unwrap_or_default();
    let query = location.search().unwrap_or_default();
    let kept: Vec<&str> = query.trim_start_matches('?').split('&').filter(|pair| !pair.starts_with("flash=")).collect();
    format!("{path}?{}", kept.join("&"))
}

/// Takes over what differs in the parts that both have.
fn take_over(page: &Document) {
    if newer_release(page) && !dom::all("form").iter().any(morph::in_use) {
        let _ = window().location().reload();
        return;
    }
    document().set_title(&page.title());
    let Ok(parts) = page.query_selector_all("[data-live]") else { return };
    for part in dom::elements(&parts) {
        let within = part.parent_element().and_then(|parent| parent.closest("[data-live]").ok().flatten());
        if within.is_none()
            && let Some(ours) = dom::one(&format!("[data-live=\"{}\"]", dom::attribute(&part, "data-live")))
        {
            morph::morph(&ours, &part);
        }
    }
    manners::settle(page.get_element_by_id("main").as_ref());
    log::settle();
}

/// Whether the server runs another release by now: its pages ask for other styles.
fn newer_release(page: &Document) -> bool {
    const STYLES: &str = "link[rel=stylesheet]";
    let theirs: Option<Element> = page.query_selector(STYLES).ok().flatten();
    match (dom::one(STYLES), theirs) {
        (Some(ours), Some(theirs)) => dom::attribute(&ours, "href") != dom::attribute(&theirs, "href"),
        _ => false,
    }
}
