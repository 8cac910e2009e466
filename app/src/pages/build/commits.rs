//! What a build brings: commits since the build before it, and since what each region runs.

use crate::parts::{Icon, Reader, Tone, chip, outside, panel, region_title, when};
use crate::text::Text;
use crate::view::{BuildCommits, CommitView, RangeState, RangeView};
use domain::commits::{Segment, Trouble};
use leptos::prelude::*;

/// Commits that stand open; the others of a list fold away.
const OPEN: usize = 10;

pub(super) fn panel_of(r: &Reader, news: &BuildCommits) -> AnyView {
    panel(r.t.commits(), (), content(r, news))
}

/// The commits since the build before, and since what each region runs.
pub(in crate::pages) fn content(r: &Reader, news: &BuildCommits) -> AnyView {
    let t = r.t;
    let previous = match &news.since_previous {
        Some(range) => {
            let about = news.channel.as_deref().map(|channel| t.commits_channel(channel));
            view! { <div class="range">{head(t, range, about)}{told(r, range)}</div> }.into_any()
        }
        None => view! { <p class="quiet pad">{t.commits_first()}</p> }.into_any(),
    };
    let regions = news
        .since_regions
        .iter()
        .map(|region| {
            let title = t.commits_in_region(&region_title(t, &region.region));
            let range = &region.range;
            view! {
                <details class="range fold">
                    <summary>{title}" · "{counts(t, range)}</summary>
                    {head(t, range, None)}
                    {told(r, range)}
                </details>
            }
        })
        .collect_view();
    let regions = (!news.since_regions.is_empty()).then(|| {
        view! { <div class="part"><p class="label">{t.commits_regions()}</p>{regions}</div> }
    });
    view! { {previous}{regions} }.into_any()
}

/// With what it is compared, and how the two stand.
fn head(t: Text, range: &RangeView, about: Option<String>) -> AnyView {
    let since = match &range.since {
        Some(since) => {
            let (href, name) = (format!("/builds/{}", since.id), since.name.clone());
            view! { <a class="name" href=href>{name}</a> }.into_any()
        }
        None => view! { <span>{t.commits_unknown_build()}</span> }.into_any(),
    };
    view! {
        <p class="since">
            <span class="quiet">{t.commits_since()}</span>
            {since}
            {about.map(|about| view! { <span class="quiet grow">{about}</span> })}
            {state_chip(t, range)}
        </p>
    }
    .into_any()
}

/// How many commits stand between the two, or why nobody knows.
pub(in crate::pages) fn counts(t: Text, range: &RangeView) -> String {
    match range.state {
        RangeState::Ahead => t.commits_new(range.ahead_total),
        RangeState::Behind => t.commits_lacking(range.behind_total),
        RangeState::Diverged => format!("{} · {}", t.commits_new(range.ahead_total), t.commits_lacking(range.behind_total)),
        state => word(t, state).to_owned(),
    }
}

fn word(t: Text, state: RangeState) -> &'static str {
    match state {
        RangeState::Waiting => t.range_waiting(),
        RangeState::Ahead | RangeState::Same => t.range_same(),
        RangeState::Behind => t.range_behind(),
        RangeState::Diverged => t.range_diverged(),
        RangeState::Unrelated => t.range_unrelated(),
        RangeState::BaseMissing | RangeState::HeadMissing | RangeState::BothMissing => t.range_missing(),
        RangeState::NoCommit => t.range_no_commit(),
        RangeState::NoRepository => t.range_no_repository(),
        RangeState::Failed => t.range_failed(),
    }
}

fn state_chip(t: Text, range: &RangeView) -> AnyView {
    let (tone, which) = match range.state {
        RangeState::Ahead | RangeState::Same => (Tone::Ok, Icon::Check),
        RangeState::Waiting => (Tone::Info, Icon::Turning),
        RangeState::NoCommit | RangeState::NoRepository => (Tone::Idle, Icon::Minus),
        _ => (Tone::Wait, Icon::Alert),
    };
    let words = if range.state == RangeState::Ahead { counts(t, range) } else { word(t, range.state).to_owned() };
    chip(tone, which, words)
}

/// What the reader should know of the state, and the commits.
fn told(r: &Reader, range: &RangeView) -> AnyView {
    let t = r.t;
    let why = why(t, range).map(|why| view! { <p class="hint">{why}</p> });
    let behind = (!range.behind.is_empty()).then(|| {
        view! {
            <details class="fold">
                <summary>{t.commits_only_there(range.behind_total)}</summary>
                {list(r, &range.behind)}
                {cut(t, range.behind.len(), range.behind_total)}
            </details>
        }
    });
    let (open, rest) = range.ahead.split_at(range.ahead.len().min(OPEN));
    let more = (!rest.is_empty()).then(|| {
        view! { <details class="fold"><summary>{t.commits_more(rest.len())}</summary>{list(r, rest)}</details> }
    });
    let open = (!open.is_empty()).then(|| list(r, open));
    view! { {why}{open}{more}{cut(t, range.ahead.len(), range.ahead_total)}{behind} }.into_any()
}

fn why(t: Text, range: &RangeView) -> Option<String> {
    let words = match range.state {
        RangeState::Ahead => return None,
        RangeState::Waiting => t.range_waiting_why(),
        RangeState::Same => t.range_same_why(),
        RangeState::Behind => t.range_behind_why(),
        RangeState::Diverged => t.range_diverged_why(),
        RangeState::Unrelated => t.range_unrelated_why(),
        RangeState::BaseMissing => t.range_base_missing_why(),
        RangeState::HeadMissing => t.range_head_missing_why(),
        RangeState::BothMissing => t.range_both_missing_why(),
        RangeState::NoCommit => t.range_no_commit_why(),
        RangeState::NoRepository => t.range_no_repository_why(),
        RangeState::Failed => {
            let trouble = range.trouble.map(|trouble| trouble_words(t, trouble)).unwrap_or_default();
            return Some(format!("{trouble} {}", t.range_again()).trim_start().to_owned());
        }
    };
    Some(words.to_owned())
}

fn trouble_words(t: Text, trouble: Trouble) -> &'static str {
    match trouble {
        Trouble::Address => t.trouble_address(),
        Trouble::Away => t.trouble_away(),
        Trouble::Refused => t.trouble_refused(),
        Trouble::Secret => t.trouble_secret(),
        Trouble::HostKey => t.trouble_host_key(),
        Trouble::TooBig => t.trouble_too_big(),
        Trouble::NoGit => t.trouble_no_git(),
        Trouble::Unreadable => t.trouble_unreadable(),
    }
}

fn cut(t: Text, shown: usize, total: u32) -> Option<AnyView> {
    let all = usize::try_from(total).unwrap_or(usize::MAX);
    (shown < all).then(|| view! { <p class="hint">{t.commits_cut(shown, total)}</p> }.into_any())
}

fn list(r: &Reader, commits: &[CommitView]) -> AnyView {
    let items = commits.iter().map(|commit| item(r, commit)).collect_view();
    view! { <ul class="lines">{items}</ul> }.into_any()
}

fn item(r: &Reader, commit: &CommitView) -> AnyView {
    let short: String = commit.hash.chars().take(7).collect();
    let title = commit.hash.clone();
    let hash = match &commit.url {
        Some(url) => view! { <code title=title>{outside(url, short)}</code> }.into_any(),
        None => view! { <code title=title>{short}</code> }.into_any(),
    };
    let subject = commit
        .subject
        .iter()
        .map(|piece| match piece {
            Segment::Text(text) => view! { {text.clone()} }.into_any(),
            Segment::Link { text, url } => outside(url, text.clone()),
        })
        .collect_view();
    let author = commit.author.clone();
    view! {
        <li class="line-item commit" class:merge=commit.merge>
            {hash}
            <span class="subject">{subject}</span>
            <span class="quiet">{author}" · "{when(r, commit.at)}</span>
        </li>
    }
    .into_any()
}
