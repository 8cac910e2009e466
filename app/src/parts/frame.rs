//! The rail, the head of the page, and what an action had to say.

use super::{Body, Icon, Reader, Section, alert, escape, icon};
use crate::context::{Done, Notice, Theme, UiContext};
use crate::islands::{Live, Manners};
use crate::text::{Lang, Text};
use crate::view::Counts;
use crate::view::HookMade;
use leptos::prelude::*;
use leptos_meta::Title;

/// A page in the rail's frame.
pub fn frame(r: &Reader, counts: Option<Counts>, body: Body) -> AnyView {
    let t = r.t;
    let title = format!("{} · {}", body.title, t.slipway());
    let live = (!body.topics.is_empty()).then(|| live(t));
    let crumb = body.crumb.map(|(href, word)| view! { <p class="crumb"><a href=href>{word}</a></p> });
    // A form on the page that knows the problem has claimed it by now.
    let problem = r.ctx.flash.as_ref().filter(|flash| !flash.claimed()).map(|flash| alert(t, &flash.problem));
    let notice = r.ctx.notice.as_ref().map(|notice| say(&r.ctx, notice));
    view! {
        <Title text=escape(&title)/>
        <a class="skip" href="#main">{t.skip()}</a>
        <div class="shell">
            {rail(r, counts, body.section)}
            <main id="main" tabindex="-1" data-topics=body.topics data-now=r.now().timestamp_millis()>
                <div class="head">
                    <div class="head-title">
                        {crumb}
                        <div class="head-line"><h1>{body.title}</h1>{body.beside}</div>
                    </div>
                    <div class="act">{live}{body.act}</div>
                </div>
                {problem}
                {notice}
                {body.content}
            </main>
        </div>
        <Manners/>
    }
    .into_any()
}

/// A page without the rail: sign-in, set-up.
pub fn plain(ctx: &UiContext, title: &str, content: AnyView) -> AnyView {
    let t = ctx.text();
    let title = format!("{title} · {}", t.slipway());
    let notice = ctx.notice.as_ref().map(|notice| say(ctx, notice));
    view! {
        <Title text=escape(&title)/>
        <main id="main" class="gatehouse">
            <div class="gatehouse-card">
                <p class="brand">{mark()}<span>{t.slipway()}</span></p>
                {notice}
                {content}
            </div>
            <div class="gatehouse-foot">{preferences(ctx)}</div>
        </main>
        <Manners/>
    }
    .into_any()
}

fn live(t: Text) -> AnyView {
    view! {
        <span
            id="live"
            class="live"
            data-live-word=t.live()
            data-again-word=t.reconnecting()
            data-out-word=t.signed_out_word()
            role="status"
        >
            <i></i>
            <span id="live-word">{t.connecting()}</span>
        </span>
        <Live/>
    }
    .into_any()
}

/// The mark: a slipway and its cradles.
pub fn mark() -> impl IntoView {
    view! {
        <svg class="mark" viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="2.2" stroke-linecap="round" aria-hidden="true">
            <path d="M3 19.500 21 8.500M6.500 17v-3.500M11.500 14v-3.500M16.500 11V7.500"></path>
        </svg>
    }
}

fn rail(r: &Reader, counts: Option<Counts>, section: Section) -> AnyView {
    let t = r.t;
    let promotions = counts.as_ref().map_or(0, |counts| counts.promotions);
    let environments = counts.as_ref().map_or(0, |counts| counts.environments);
    let mine = counts.as_ref().map_or(0, |counts| counts.waiting);
    let mine = (mine > 0).then(|| {
        view! { <span class="count wait" title=t.waiting_count(mine)>{mine}</span> }
    });
    let waiting = (promotions > 0).then(|| {
        view! { <span class="count wait" title=t.waiting_count(promotions)>{promotions}</span> }
    });
    let running = (environments > 0).then(|| {
        view! { <span class="count" title=t.running_count(environments)>{environments}</span> }
    });
    let name = r.actor.person().map(|person| person.name.clone()).unwrap_or_default();
    let role = r.actor.person().map(|person| t.role(person.role)).unwrap_or_default();
    view! {
        <header class="rail">
            <a class="brand" href="/builds">{mark()}<span>{t.slipway()}</span></a>
            <nav class="rail-nav" aria-label=t.main_nav() data-live="rail">
                {link("/waiting", Icon::Empty, t.nav_waiting(), section == Section::Waiting, mine.into_any())}
                {link("/builds", Icon::Builds, t.nav_builds(), section == Section::Builds, ().into_any())}
                {link("/environments", Icon::Environments, t.nav_environments(), section == Section::Environments, running.into_any())}
                {link("/promotions", Icon::Promotions, t.nav_promotions(), section == Section::Promotions, waiting.into_any())}
                {link("/regions", Icon::Regions, t.nav_regions(), section == Section::Regions, ().into_any())}
                {link("/activity", Icon::Activity, t.nav_activity(), section == Section::Activity, ().into_any())}
                {link("/settings", Icon::Settings, t.nav_settings(), section == Section::Settings, ().into_any())}
            </nav>
            <div class="me">
                <a class="me-who" href="/account" aria-current=(section == Section::Account).then_some("page") title=t.account_of(&name)>
                    {icon(Icon::Person)}
                    <span class="t"><b>{name.clone()}</b><span class="quiet">{role}</span></span>
                </a>
                <div class="me-more">
                    {preferences(&r.ctx)}
                    {sign_out(t)}
                </div>
            </div>
        </header>
    }
    .into_any()
}

fn link(href: &'static str, which: Icon, word: &'static str, here: bool, count: AnyView) -> AnyView {
    view! {
        <a href=href aria-current=here.then_some("page")>{icon(which)}<span class="t">{word}</span>{count}</a>
    }
    .into_any()
}

pub fn sign_out(t: Text) -> AnyView {
    view! { <form method="post" action="/logout"><button class="btn small quiet-btn">{t.sign_out()}</button></form> }.into_any()
}

/// Language and theme: buttons of a plain form, kept in cookies by the server.
pub fn preferences(ctx: &UiContext) -> AnyView {
    let t = ctx.text();
    let langs = Lang::ALL
        .into_iter()
        .map(|lang| {
            view! {
                <button name="lang" value=lang.as_str() lang=lang.as_str() aria-pressed=if lang == ctx.lang { "true" } else { "false" }>
                    {lang.own_name()}
                </button>
            }
        })
        .collect_view();
    let themes = Theme::ALL
        .into_iter()
        .map(|theme| {
            let word = match theme {
                Theme::System => t.theme_system(),
                Theme::Light => t.theme_light(),
                Theme::Dark => t.theme_dark(),
            };
            view! {
                <button name="theme" value=theme.as_str() aria-pressed=if theme == ctx.theme { "true" } else { "false" }>{word}</button>
            }
        })
        .collect_view();
    let (here, here_too) = (ctx.here.clone(), ctx.here.clone());
    view! {
        <form method="post" action="/preferences">
            <input type="hidden" name="next" value=here/>
            <div class="seg" role="group" aria-label=t.language()>{langs}</div>
        </form>
        <form method="post" action="/preferences">
            <input type="hidden" name="next" value=here_too/>
            <div class="seg" role="group" aria-label=t.theme()>{themes}</div>
        </form>
    }
    .into_any()
}

/// What a finished action had to say.
fn say(ctx: &UiContext, notice: &Notice) -> AnyView {
    let t = ctx.text();
    match notice {
        Notice::Done(done) => {
            view! { <p class="note ok" role="status">{icon(Icon::Check)}<span>{done_text(t, *done)}</span></p> }.into_any()
        }
        Notice::Token(made) => secret(t, t.token_made(&made.name), vec![(t.token_use(), made.secret.clone())], None),
        Notice::Hook(made) => hook(t, made),
    }
}

/// A new hook, its new secret, or its address once more.
fn hook(t: Text, made: &HookMade) -> AnyView {
    let title = if made.key.is_some() { t.hook_made(&made.name) } else { t.hook_rotated(&made.name) };
    let address = made.url.clone().map(|url| (t.hook_use(), url));
    let own = made.secret.clone().map(|secret| (t.hook_secret_use(), secret));
    secret(t, title, address.into_iter().chain(own).collect(), made.snippet.clone())
}

/// What is shown now and not again: each with what it is for, and what to paste.
fn secret(t: Text, title: String, secrets: Vec<(&'static str, String)>, snippet: Option<String>) -> AnyView {
    let each = secrets
        .into_iter()
        .map(|(how, secret)| {
            let copy = secret.clone();
            view! {
                <p>{how}</p>
                <p class="row">
                    <code class="secret-text">{secret}</code>
                    <button type="button" class="btn small js" data-copy=copy data-copied=t.copied()>{t.copy()}</button>
                </p>
            }
        })
        .collect_view();
    let snippet = snippet.map(|text| {
        let copy = text.clone();
        view! {
            <p>{t.hook_paste()}</p>
            <pre class="file" tabindex="0">{text}</pre>
            <p><button type="button" class="btn small js" data-copy=copy data-copied=t.copied()>{t.copy()}</button></p>
        }
    });
    view! {
        <div class="note ok secret" role="status">
            {icon(Icon::Lock)}
            <div><b>{title}</b><p>{t.secret_once()}</p>{each}{snippet}</div>
        </div>
    }
    .into_any()
}

const fn done_text(t: Text, done: Done) -> &'static str {
    match done {
        Done::VerdictRecorded => t.done_verdict_recorded(),
        Done::VerdictWithdrawn => t.done_verdict_withdrawn(),
        Done::VerdictOverruled => t.done_verdict_overruled(),
        Done::SignedOff => t.done_signed_off(),
        Done::SignOffWithdrawn => t.done_sign_off_withdrawn(),
        Done::SentBack => t.done_sent_back(),
        Done::StopAsked => t.done_stop(),
        Done::Replaced => t.done_replaced(),
        Done::LeaseExtended => t.done_extended(),
        Done::HandedOver => t.done_handed_over(),
        Done::FreezeAsked => t.done_freeze(),
        Done::ThawAsked => t.done_thaw(),
        Done::RestartAsked => t.done_restart(),
        Done::Approved => t.done_approved(),
        Done::Started => t.done_started(),
        Done::Cancelled => t.done_cancelled(),
        Done::SetStarted => t.done_set_started(),
        Done::SetBooked => t.done_set_booked(),
        Done::SetUnbooked => t.done_set_unbooked(),
        Done::SetApproved => t.done_set_approved(),
        Done::SetCancelled => t.done_set_cancelled(),
        Done::SetRejected => t.done_set_rejected(),
        Done::Paused => t.done_paused(),
        Done::Resumed => t.done_resumed(),
        Done::Aborted => t.done_aborted(),
        Done::Rejected => t.done_rejected(),
        Done::Booked => t.done_booked(),
        Done::Unbooked => t.done_unbooked(),
        Done::Exempted => t.done_exempted(),
        Done::Reviewed => t.done_reviewed(),
        Done::UserAdded => t.done_user_added(),
        Done::RoleChanged => t.done_role(),
        Done::UserDisabled => t.done_disabled(),
        Done::UserEnabled => t.done_enabled(),
        Done::PasswordReset => t.done_reset(),
        Done::PasswordChanged => t.done_password(),
        Done::TokenRevoked => t.done_token_revoked(),
        Done::HookRevoked => t.done_hook_revoked(),
        Done::DeliveryReplayed => t.done_replayed(),
        Done::SecretSet => t.done_secret_set(),
        Done::SecretRemoved => t.done_secret_removed(),
        Done::RegionSecretSet => t.done_region_secret_set(),
        Done::RegionSecretRemoved => t.done_region_secret_removed(),
        Done::SweepAsked => t.done_sweep(),
        Done::TestSent => t.done_test_sent(),
        Done::MessageReplayed => t.done_message_replayed(),
        Done::StackSaved => t.done_stack_saved(),
        Done::PlanReviewed => t.done_plan_reviewed(),
        Done::CanaryWithdrawn => t.done_canary_withdrawn(),
        Done::CanaryExtended => t.done_canary_extended(),
    }
}
