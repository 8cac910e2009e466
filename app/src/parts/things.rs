//! Times, digests, links and sizes as every page writes them.

use super::{Icon, Reader, icon};
use crate::text::{Lang, Text};
use crate::view::{BuildRow, EnvironmentBuild, RegionRef, TagView};
use chrono::{DateTime, SecondsFormat, Utc};
use domain::{ChannelKind, Digest};
use leptos::prelude::*;

fn time_tag(at: DateTime<Utc>, kind: &'static str, words: String) -> AnyView {
    let exact = at.format("%Y-%m-%d %H:%M:%S UTC").to_string();
    let iso = at.to_rfc3339_opts(SecondsFormat::Millis, true);
    view! { <time datetime=iso data-t=kind title=exact>{words}</time> }.into_any()
}

/// "4 min ago" or "in 3 h", the exact time in the title; scripts put it in the reader's zone.
pub fn when(r: &Reader, at: DateTime<Utc>) -> AnyView {
    time_tag(at, "ago", r.t.relative((r.now() - at).num_seconds()))
}

/// "4 min", for table columns whose header says the rest.
pub fn age(r: &Reader, at: DateTime<Utc>) -> AnyView {
    time_tag(at, "age", r.t.span((r.now() - at).num_seconds()))
}

/// How long something ran, or has been running; a running one ticks.
pub fn lasted(r: &Reader, from: Option<DateTime<Utc>>, to: Option<DateTime<Utc>>) -> AnyView {
    match (from, to) {
        (Some(from), Some(to)) => view! { <span class="quiet">{r.t.elapsed((to - from).num_milliseconds())}</span> }.into_any(),
        (Some(from), None) => time_tag(from, "elapsed", r.t.elapsed((r.now() - from).num_milliseconds())),
        _ => ().into_any(),
    }
}

/// Twelve characters that copy as the whole.
pub fn digest(t: Text, digest: &Digest) -> AnyView {
    let (whole, short) = (digest.to_string(), digest.short().to_owned());
    view! {
        <button type="button" class="digest" data-copy=whole.clone() data-copied=t.copied() title=whole aria-label=format!("{}: {short}", t.copy_digest())>
            {short.clone()}
        </button>
    }
    .into_any()
}

/// Twelve characters, where a button would be one too many.
pub fn short_digest(digest: &Digest) -> AnyView {
    let (whole, short) = (digest.to_string(), digest.short().to_owned());
    view! { <code title=whole>{short}</code> }.into_any()
}

/// A tag; a release stands out from a branch.
pub fn tag_word(tag: &TagView) -> AnyView {
    let release = tag.kind == Some(ChannelKind::Release);
    let name = tag.name.clone();
    view! { <span class="tag" class:release=release class:past=!tag.current>{name}</span> }.into_any()
}

/// What people call a build: its release tag, else its newest tag, else the short digest.
pub fn release_first(build: &BuildRow) -> String {
    best_tag(&build.tags).map_or_else(|| build.digest.short().to_owned(), |tag| tag.name.clone())
}

fn best_tag(tags: &[TagView]) -> Option<&TagView> {
    tags.iter().find(|tag| tag.current && tag.kind == Some(ChannelKind::Release)).or_else(|| tags.first())
}

/// The link to a build, by the name that people call it.
pub fn build_link(build: &BuildRow) -> AnyView {
    let href = format!("/builds/{}", build.id);
    let name = best_tag(&build.tags).map_or_else(|| short_digest(&build.digest), tag_word);
    view! { <a class="name" href=href>{name}</a> }.into_any()
}

/// How many other tags the build has, with their names in the title.
pub fn more_tags(t: Text, build: &BuildRow) -> AnyView {
    let best = best_tag(&build.tags).map(|tag| tag.name.as_str());
    let others: Vec<&str> = build.tags.iter().map(|tag| tag.name.as_str()).filter(|name| Some(*name) != best).collect();
    if others.is_empty() {
        return ().into_any();
    }
    let title = format!("{}: {}", t.tags(), others.join(", "));
    let count = format!("+{}", others.len());
    view! { <span class="more-tags" title=title aria-label=t.more_tags(others.len())>{count}</span> }.into_any()
}

/// The commit, seven characters long, with a link where the source is known.
pub fn commit(t: Text, build: &BuildRow) -> AnyView {
    let Some(revision) = &build.revision else {
        let why = if build.described { t.not_said() } else { t.reading_note() };
        return view! { <span class="quiet" title=why>{t.dash()}</span> }.into_any();
    };
    let short: String = revision.chars().take(7).collect();
    let title = revision.clone();
    match &build.commit_url {
        Some(url) => view! { <code title=title>{outside(url, short)}</code> }.into_any(),
        None => view! { <code title=title>{short}</code> }.into_any(),
    }
}

/// A long word of data, cut where there is no room, whole in the title.
pub fn cut(text: &str) -> AnyView {
    let (title, text) = (text.to_owned(), text.to_owned());
    view! { <code class="cut" title=title>{text}</code> }.into_any()
}

/// An image as people say it: the last part of its name, and its tag or short digest. The
/// whole stands in the title.
pub fn image_word(image: &str) -> AnyView {
    let last = image.rsplit('/').next().unwrap_or(image);
    let short = match last.split_once("@sha256:") {
        Some((name, hex)) => format!("{name}@{}", hex.chars().take(12).collect::<String>()),
        None => last.to_owned(),
    };
    let title = image.to_owned();
    view! { <code title=title>{short}</code> }.into_any()
}

/// The builds of an environment: app and tag, the one under test in bold.
pub fn environment_builds(t: Text, builds: &[EnvironmentBuild]) -> AnyView {
    let items = builds
        .iter()
        .map(|build| {
            let href = format!("/builds/{}", build.build);
            let name = build.tag.clone().unwrap_or_else(|| build.digest.short().to_owned());
            let app = build.app.clone();
            let title = build.under_test.then(|| t.under_test());
            view! {
                <span class="pair" class:tested=build.under_test title=title>
                    <b>{app}</b>
                    <a href=href><code>{name}</code></a>
                </span>
            }
        })
        .collect_view();
    view! { <span class="pairs">{items}</span> }.into_any()
}

/// A region's title in the reader's language.
pub fn region_title(t: Text, region: &RegionRef) -> String {
    let title = match t.0 {
        Lang::En => &region.title_en,
        Lang::Zh => &region.title_zh,
    };
    if title.is_empty() { region.name.clone() } else { title.clone() }
}

/// A link out of Slipway, only when it is an ordinary web address.
pub fn outside(url: &str, words: impl Into<String>) -> AnyView {
    let words = words.into();
    match web_address(url) {
        Some(url) => view! { <a class="out" href=url target="_blank" rel="noopener noreferrer">{words}{icon(Icon::Outside)}</a> }
            .into_any(),
        None => view! { <span>{words}</span> }.into_any(),
    }
}

/// The address, when its scheme is http or https and nothing in it could be read otherwise.
pub fn web_address(url: &str) -> Option<String> {
    let scheme_ok = ["http://", "https://"]
        .iter()
        .any(|scheme| url.get(..scheme.len()).is_some_and(|head| head.eq_ignore_ascii_case(scheme)));
    (scheme_ok && !url.chars().any(|c| c.is_control() || c.is_whitespace())).then(|| url.to_owned())
}

/// Bytes in megabytes, one decimal.
pub fn megabytes(t: Text, bytes: i64) -> String {
    let tenths = bytes.max(0) / 100_000;
    t.bytes_mb(format!("{}.{}", tenths / 10, tenths % 10))
}

/// Percent-encodes a value for a query or a path segment.
pub fn encode(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => out.push(char::from(byte)),
            _ => {
                out.push('%');
                for half in [byte >> 4, byte & 15] {
                    out.push(char::from_digit(u32::from(half), 16).unwrap_or('0').to_ascii_uppercase());
                }
            }
        }
    }
    out
}

/// A path with its query; pairs without a value are left out.
pub fn path_with(path: &str, pairs: &[(&str, Option<&str>)]) -> String {
    let query: Vec<String> = pairs
        .iter()
        .filter_map(|(name, value)| value.filter(|value| !value.is_empty()).map(|value| format!("{name}={}", encode(value))))
        .collect();
    if query.is_empty() { path.to_owned() } else { format!("{path}?{}", query.join("&")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_web_addresses_become_links() {
        assert!(web_address("https://git.example.com/a?b=c").is_some());
        assert!(web_address("HTTP://example.com").is_some());
        for bad in ["javascript:alert(1)", "data:text/html,x", "//example.com", "", "https://a b", " https://a", "http"] {
            assert!(web_address(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn queries_are_encoded() {
        assert_eq!(path_with("/builds", &[("q", Some("a b&c")), ("app", None), ("tag", Some(""))]), "/builds?q=a%20b%26c");
        assert_eq!(encode("é"), "%C3%A9");
    }
}
