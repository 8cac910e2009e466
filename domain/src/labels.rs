//! What an image's labels say about where it came from.

use crate::Time;
use std::collections::BTreeMap;

/// Facts of provenance, each absent when the image does not say it or says it unusably.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Provenance {
    /// The commit.
    pub revision: Option<String>,
    /// The repository of the source: a web address or a path.
    pub source: Option<String>,
    pub built_at: Option<Time>,
}

impl Provenance {
    /// Reads `org.opencontainers.image.*`, else the older `org.label-schema.*`. `created` is
    /// the configuration's own time, for images without a label that says it.
    pub fn read(labels: &BTreeMap<String, String>, created: Option<&str>) -> Self {
        let label = |oci: &str, older: &str| {
            let oci = labels.get(&format!("org.opencontainers.image.{oci}")).filter(|value| !value.trim().is_empty());
            oci.or_else(|| labels.get(&format!("org.label-schema.{older}"))).map(String::as_str)
        };
        Self {
            revision: label("revision", "vcs-ref").and_then(|text| usable(text, 128)),
            source: label("source", "vcs-url").and_then(|text| usable(text, 1024)),
            built_at: label("created", "build-date").and_then(time).or_else(|| created.and_then(time)),
        }
    }
}

/// Without blanks or control characters, and not longer than a page can show.
fn usable(text: &str, most: usize) -> Option<String> {
    let text = text.trim();
    let good = !text.is_empty() && text.len() <= most && !text.chars().any(|c| c.is_control() || c.is_whitespace());
    good.then(|| text.to_owned())
}

/// RFC 3339. Builders that want repeatable images write the beginning of the calendar or of
/// 1970, which says nothing.
fn time(text: &str) -> Option<Time> {
    let time = chrono::DateTime::parse_from_rfc3339(text.trim()).ok()?.to_utc();
    (time.timestamp() > 0).then_some(time)
}

/// A link to the commit: `{source}/commit/{revision}`, which GitHub, GitLab and Gitea share.
/// Nothing for what is not a web address or a hexadecimal revision.
pub fn commit_url(source: Option<&str>, revision: Option<&str>) -> Option<String> {
    let (source, revision) = (source?, revision?);
    let rest = source.strip_prefix("https://").or_else(|| source.strip_prefix("http://"))?;
    let base = source.trim_end_matches('/').trim_end_matches(".git");
    let (host, path) = rest.split_once('/')?;
    // Neither credentials nor a query belong into a link that everyone sees.
    let plain = !host.is_empty()
        && !path.trim_end_matches('/').is_empty()
        && source
            .bytes()
            .all(|b| b.is_ascii_graphic() && !matches!(b, b'@' | b'?' | b'#' | b'"' | b'<' | b'>' | b'\\' | b'\'' | b'`'));
    let commit = (7..=64).contains(&revision.len()) && revision.bytes().all(|b| b.is_ascii_hexdigit());
    (plain && commit).then(|| format!("{base}/commit/{revision}"))
}
