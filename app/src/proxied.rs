//! The one page that a proxied host has of its own: why the app is not shown. It stands alone, because
//! nothing of the main site is served there.

use crate::text::{Lang, Text};
use domain::id::EnvironmentId;
use domain::problem::Noun;
use domain::{Action, Problem};
use http::StatusCode;
use leptos::prelude::*;

/// Why a proxied host shows no app.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shut {
    SignedOut,
    Forbidden,
    /// The host is under the domain and no environment's.
    Misdirected,
    /// No such environment, or it publishes no such port.
    Nothing,
    Ended {
        id: EnvironmentId,
        number: i64,
    },
    Starting {
        id: EnvironmentId,
        number: i64,
    },
    /// Its containers are stopped and kept.
    Frozen {
        id: EnvironmentId,
        number: i64,
    },
    /// The engine does not answer.
    Away {
        id: EnvironmentId,
        engine: String,
    },
    /// The service does not take connections.
    Silent {
        id: EnvironmentId,
        service: String,
    },
    Slow {
        id: EnvironmentId,
        service: String,
    },
    Busy,
    /// A ticket that was used, is too old, or is another's.
    Ticket,
    Broken {
        reference: String,
    },
}

impl From<Problem> for Shut {
    fn from(problem: Problem) -> Self {
        match problem {
            Problem::SignedOut => Self::SignedOut,
            Problem::Forbidden { .. } => Self::Forbidden,
            Problem::Internal { reference } => Self::Broken { reference },
            Problem::Busy => Self::Busy,
            _ => Self::Nothing,
        }
    }
}

impl Shut {
    pub const fn status(&self) -> StatusCode {
        match self {
            Self::SignedOut => StatusCode::UNAUTHORIZED,
            Self::Forbidden | Self::Ticket => StatusCode::FORBIDDEN,
            Self::Misdirected => StatusCode::MISDIRECTED_REQUEST,
            Self::Nothing => StatusCode::NOT_FOUND,
            Self::Ended { .. } => StatusCode::GONE,
            Self::Starting { .. } | Self::Frozen { .. } | Self::Away { .. } | Self::Busy => StatusCode::SERVICE_UNAVAILABLE,
            Self::Silent { .. } => StatusCode::BAD_GATEWAY,
            Self::Slow { .. } => StatusCode::GATEWAY_TIMEOUT,
            Self::Broken { .. } => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// Whether it passes by itself, soon.
    pub const fn passes(&self) -> bool {
        matches!(self, Self::Starting { .. })
    }

    /// The same for programs.
    pub fn problem(&self) -> Problem {
        match self {
            Self::SignedOut | Self::Ticket => Problem::SignedOut,
            Self::Forbidden => Problem::Forbidden { action: Action::OpenEnvironment },
            Self::Misdirected => Problem::not_found(Noun::Page, "/"),
            Self::Nothing => Problem::not_found(Noun::Service, "at this address"),
            Self::Ended { .. } => Problem::Finished { state: "stopped".to_owned() },
            Self::Frozen { .. } => Problem::Finished { state: "frozen".to_owned() },
            Self::Starting { .. } | Self::Busy => Problem::Busy,
            Self::Away { engine, .. } => Problem::Unreachable { what: Noun::Engine, name: engine.clone() },
            Self::Silent { service, .. } | Self::Slow { service, .. } => {
                Problem::Unreachable { what: Noun::Service, name: service.clone() }
            }
            Self::Broken { reference } => Problem::Internal { reference: reference.clone() },
        }
    }

    fn words(&self, t: Text) -> (String, String) {
        let (happened, to_do) = match self {
            Self::SignedOut => (t.px_signed_out().to_owned(), t.px_signed_out_do()),
            Self::Forbidden => (t.px_forbidden().to_owned(), t.px_forbidden_do()),
            Self::Misdirected => (t.px_misdirected().to_owned(), t.px_misdirected_do()),
            Self::Nothing => (t.px_nothing().to_owned(), t.px_nothing_do()),
            Self::Ended { number, .. } => (t.px_ended(*number), t.px_ended_do()),
            Self::Starting { number, .. } => (t.px_starting(*number), t.px_starting_do()),
            Self::Frozen { number, .. } => (t.px_frozen(*number), t.px_frozen_do()),
            Self::Away { engine, .. } => (t.px_away(engine), t.px_away_do()),
            Self::Silent { service, .. } => (t.px_silent(service), t.px_silent_do()),
            Self::Slow { service, .. } => (t.px_slow(service), t.px_slow_do()),
            Self::Busy => (t.px_busy().to_owned(), t.px_busy_do()),
            Self::Ticket => (t.px_ticket().to_owned(), t.px_ticket_do()),
            Self::Broken { reference } => return (t.px_broken().to_owned(), t.px_broken_do(reference)),
        };
        (happened, to_do.to_owned())
    }

    /// Where to go on: the address and its words.
    fn way(&self, t: Text, main: &str) -> (String, &'static str) {
        match self {
            Self::Ended { id, .. }
            | Self::Starting { id, .. }
            | Self::Frozen { id, .. }
            | Self::Away { id, .. }
            | Self::Silent { id, .. }
            | Self::Slow { id, .. } => (format!("{main}/environments/{id}"), t.px_to_environment()),
            Self::SignedOut | Self::Ticket => ("/".to_owned(), t.px_open()),
            _ => (format!("{main}/environments"), t.px_to_environments()),
        }
    }
}

/// All of its style: nothing else is loaded. The colours are those of the main site.
const STYLE: &str = "\
:root{color-scheme:light dark;--bg:light-dark(#f5f6f7,#0d1317);--panel:light-dark(#fff,#141c22);--line:light-dark(#e3e7ea,#253139);\
--ink:light-dark(#13202a,#e6edf1);--ink-2:light-dark(#43525d,#b0bcc5);--accent:light-dark(#0b6b83,#52b9d2);--on:light-dark(#fff,#04222a)}\
body{margin:0;min-height:100vh;display:grid;place-items:center;background:var(--bg);color:var(--ink);\
font:15px/1.5 system-ui,-apple-system,\"Segoe UI\",Roboto,\"Noto Sans\",\"PingFang SC\",\"Noto Sans CJK SC\",\"Microsoft YaHei\",sans-serif}\
main{box-sizing:border-box;width:min(480px,calc(100vw - 32px));padding:28px;background:var(--panel);border:1px solid var(--line);border-radius:6px}\
b{display:flex;gap:8px;align-items:center;color:var(--accent);letter-spacing:.01em}h1{margin:20px 0 6px;font-size:20px;line-height:1.3}\
p{margin:0 0 20px;color:var(--ink-2)}a{display:inline-block;padding:8px 14px;border-radius:6px;background:var(--accent);color:var(--on);\
font-weight:600;text-decoration:none}a:focus-visible{outline:2px solid var(--accent);outline-offset:2px}\
svg{width:20px;height:20px;stroke:currentColor;stroke-width:2.6;stroke-linecap:round;fill:none}";

/// The page, for a reader of this language; `main` is the address of the main site.
pub fn document(lang: Lang, shut: &Shut, main: &str) -> String {
    let t = Text(lang);
    let (happened, to_do) = shut.words(t);
    let (href, way) = shut.way(t, main);
    let again = shut.passes().then(|| view! { <meta http-equiv="refresh" content="2"/> });
    let owner = Owner::new_root(None);
    let page = owner.with(|| {
        view! {
            <!DOCTYPE html>
            <html lang=lang.as_str()>
                <head>
                    <meta charset="utf-8"/>
                    <meta name="viewport" content="width=device-width, initial-scale=1"/>
                    {again}
                    <title>{happened.clone()}" · Slipway"</title>
                    <style>{STYLE}</style>
                </head>
                <body>
                    <main>
                        <b>
                            <svg viewBox="0 0 24 24" aria-hidden="true"><path d="M3 19.5 21 8.5M6.5 17v-3.5M11.5 14v-3.5M16.5 11V7.5"/></svg>
                            "Slipway"
                        </b>
                        <h1>{happened}</h1>
                        <p>{to_do}</p>
                        <a href=href>{way}</a>
                    </main>
                </body>
            </html>
        }
        .to_html()
    });
    owner.cleanup();
    page
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_says_what_happened_and_leads_on_in_both_languages() {
        let id = EnvironmentId("abc".to_owned());
        let ended = document(Lang::En, &Shut::Ended { id: id.clone(), number: 12 }, "https://slipway.test");
        assert!(ended.contains("E-12 has ended") && ended.contains("href=\"https://slipway.test/environments/abc\""), "{ended}");
        let starting = document(Lang::Zh, &Shut::Starting { id: id.clone(), number: 3 }, "https://slipway.test");
        assert!(starting.contains("E-3 正在启动") && starting.contains("http-equiv=\"refresh\""), "{starting}");
        let silent = document(Lang::En, &Shut::Silent { id, service: "<b>".to_owned() }, "https://slipway.test");
        assert!(!silent.contains("<b> does") && !silent.contains("refresh") && !silent.contains("<script"), "{silent}");
    }
}
