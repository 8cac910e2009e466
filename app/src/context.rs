//! What the server gives the pages and the actions for one request.

use crate::port::Port;
use crate::text::{Lang, Text};
use crate::view::{HookMade, NewSecret, Upload};
use chrono::{DateTime, Utc};
use domain::{Actor, Problem};
use leptos::prelude::use_context;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

/// One request, as the pages see it. Provided by the server with `provide_context`, for
/// page routes and for server functions alike.
#[derive(Clone)]
pub struct UiContext {
    pub port: Arc<dyn Port>,
    /// `None` while nobody is signed in.
    pub actor: Option<Actor>,
    pub lang: Lang,
    pub theme: Theme,
    /// The server's clock when the request came in: relative times are written against it.
    pub now: DateTime<Utc>,
    /// The path and query that were asked for, without `flash`: where preferences lead back to.
    pub here: String,
    /// A refused action, told once: taken out of the session by `?flash=<id>`.
    pub flash: Option<Flash>,
    /// A finished action, told once: taken out of the session by `?flash=<id>`.
    pub notice: Option<Notice>,
    /// Where an action leaves its notice; the server reads it after a server function.
    pub after: After,
    /// The files that came with the form; a server function takes them.
    pub uploads: Uploads,
    pub assets: Arc<Assets>,
    /// The address people use, without a slash at the end: for the hook addresses on Settings.
    pub public_url: Arc<str>,
}

impl UiContext {
    /// The context of this request, if the server provided one. While routes are listed
    /// there is none.
    pub fn current() -> Option<Self> {
        use_context::<Self>()
    }

    /// Who acts, and on what: the first line of every action.
    ///
    /// # Errors
    /// [`Problem::SignedOut`] when nobody is signed in.
    pub fn acting() -> Result<(Arc<dyn Port>, Actor, After), Problem> {
        let context = Self::current().ok_or(Problem::Busy)?;
        let actor = context.actor.ok_or(Problem::SignedOut)?;
        Ok((context.port, actor, context.after))
    }

    pub fn text(&self) -> Text {
        Text(self.lang)
    }
}

/// Light, dark, or as the reader's system says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Theme {
    #[default]
    System,
    Light,
    Dark,
}

impl Theme {
    pub const ALL: [Theme; 3] = [Theme::System, Theme::Light, Theme::Dark];

    /// The word in the cookie and in the preferences form.
    pub const fn as_str(self) -> &'static str {
        match self {
            Theme::System => "system",
            Theme::Light => "light",
            Theme::Dark => "dark",
        }
    }

    /// Reads the cookie or the form; `None` when it is neither of the words.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|theme| theme.as_str() == word)
    }
}

/// Content-hashed addresses from the manifest of the built assets.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Assets {
    /// For example `/assets/slipway.1a2b3c.js`; empty when there is none, then no script is written.
    pub js: String,
    pub wasm: String,
    pub css: String,
    /// The terminal, loaded on the shell's page only.
    pub shell_js: String,
    pub shell_css: String,
}

/// A refused action: which form, what was wrong, and what had been filled in.
#[derive(Clone, Debug)]
pub struct Flash {
    /// The path that the form was posted to, for example `/do/verdicts/record`.
    pub form: String,
    pub problem: Problem,
    /// The fields in the order sent. Never a password: the server drops `password`, `old`, `new`.
    pub fields: Vec<(String, String)>,
    claimed: Arc<AtomicBool>,
}

impl Flash {
    pub fn new(form: impl Into<String>, problem: Problem, fields: Vec<(String, String)>) -> Self {
        Self { form: form.into(), problem, fields, claimed: Arc::default() }
    }

    /// The first value of a field.
    pub fn field(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// Every value of a repeated field (`regions[]`).
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.fields.iter().filter(move |(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// Whether a form on the page shows it; otherwise the page shows it on top.
    pub fn claimed(&self) -> bool {
        self.claimed.load(Ordering::Relaxed)
    }

    pub(crate) fn claim(&self) {
        self.claimed.store(true, Ordering::Relaxed);
    }
}

/// What a finished action has to say, once.
#[derive(Clone, Debug, PartialEq)]
pub enum Notice {
    Done(Done),
    /// The secret of a new token, or what a hook has to show once. Keep it in memory only, for one
    /// reading: it must reach neither the database nor the log.
    Token(NewSecret),
    Hook(HookMade),
}

/// The actions that say that they are done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Done {
    VerdictRecorded,
    VerdictWithdrawn,
    VerdictOverruled,
    SignedOff,
    SignOffWithdrawn,
    SentBack,
    StopAsked,
    Replaced,
    LeaseExtended,
    HandedOver,
    FreezeAsked,
    ThawAsked,
    RestartAsked,
    Approved,
    Started,
    Cancelled,
    SetStarted,
    SetBooked,
    SetUnbooked,
    SetApproved,
    SetCancelled,
    SetRejected,
    Paused,
    Resumed,
    Aborted,
    Rejected,
    Booked,
    Unbooked,
    Exempted,
    Reviewed,
    UserAdded,
    RoleChanged,
    UserDisabled,
    UserEnabled,
    PasswordReset,
    PasswordChanged,
    TokenRevoked,
    HookRevoked,
    DeliveryReplayed,
    SecretSet,
    SecretRemoved,
    RegionSecretSet,
    RegionSecretRemoved,
    SweepAsked,
    TestSent,
    MessageReplayed,
    StackSaved,
    PlanReviewed,
    CanaryWithdrawn,
    CanaryExtended,
}

/// The place where an action leaves its notice.
#[derive(Clone, Debug, Default)]
pub struct After(Arc<Mutex<Option<Notice>>>);

impl After {
    pub fn leave(&self, notice: Notice) {
        if let Ok(mut place) = self.0.lock() {
            *place = Some(notice);
        }
    }

    pub fn take(&self) -> Option<Notice> {
        self.0.lock().ok().and_then(|mut place| place.take())
    }
}

/// Files on their way from a form to the server function that takes them.
#[derive(Clone, Default)]
pub struct Uploads(Arc<Mutex<Vec<Upload>>>);

impl Uploads {
    pub fn of(files: Vec<Upload>) -> Self {
        Self(Arc::new(Mutex::new(files)))
    }

    /// The files that came with this request; taken once.
    pub fn taken() -> Vec<Upload> {
        let uploads = UiContext::current().map(|context| context.uploads).unwrap_or_default();
        uploads.0.lock().map(|mut files| std::mem::take(&mut *files)).unwrap_or_default()
    }
}
