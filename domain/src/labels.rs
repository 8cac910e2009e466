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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(labels: &[(&str, &str)], created: Option<&str>) -> Provenance {
        Provenance::read(&labels.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect(), created)
    }

    #[test]
    fn an_image_says_where_it_came_from() {
        let labels = [
            ("org.opencontainers.image.revision", "0a1b2c3d"),
            ("org.opencontainers.image.source", "https://git.example.com/team/web.git"),
            ("org.opencontainers.image.created", "2026-12-05T10:00:00+08:00"),
            ("org.label-schema.vcs-ref", "older"),
        ];
        let found = read(&labels, None);
        assert_eq!(found.revision.as_deref(), Some("0a1b2c3d"));
        assert_eq!(found.built_at.map(|at| at.to_rfc3339()).as_deref(), Some("2026-12-05T02:00:00+00:00"));
        let link = commit_url(found.source.as_deref(), found.revision.as_deref());
        assert_eq!(link.as_deref(), Some("https://git.example.com/team/web/commit/0a1b2c3d"));
    }

    #[test]
    fn older_labels_and_the_images_own_time_fill_the_gaps() {
        let older = [
            ("org.label-schema.vcs-ref", "abc1234"),
            ("org.label-schema.vcs-url", "/srv/git/web"),
            ("org.opencontainers.image.revision", " "),
        ];
        let found = read(&older, Some("2026-12-05T02:00:00.5Z"));
        assert_eq!((found.revision.as_deref(), found.source.as_deref()), (Some("abc1234"), Some("/srv/git/web")));
        assert!(found.built_at.is_some());
        for nothing in ["0001-01-01T00:00:00Z", "1970-01-01T00:00:00Z", "yesterday", ""] {
            assert_eq!(read(&[("org.opencontainers.image.created", nothing)], Some(nothing)), Provenance::default());
        }
    }

    #[test]
    fn a_label_that_cannot_be_shown_says_nothing() {
        for bad in ["", "  ", "a b", "a\nb", "a\u{7}b", &"x".repeat(2000)] {
            let labels = [("org.opencontainers.image.revision", bad), ("org.opencontainers.image.source", bad)];
            assert_eq!(read(&labels, None), Provenance::default(), "{bad:?}");
        }
    }

    #[test]
    fn only_a_web_address_and_a_commit_make_a_link() {
        let commit = "0a1b2c3d4e5f60718293a4b5c6d7e8f901234567";
        let link = |source: &str, revision: &str| commit_url(Some(source), Some(revision));
        assert_eq!(link("http://git.example.com/web/", commit), Some(format!("http://git.example.com/web/commit/{commit}")));
        for source in [
            "javascript:alert(1)//a/b",
            "https://",
            "https://git.example.com",
            "https://git.example.com/",
            "https:///web",
            "https://user:secret@git.example.com/web",
            "https://git.example.com/web?x=1",
            "https://git.example.com/web#x",
            "https://git.example.com/\"onmouseover=x",
            "https://git.example.com/<script>",
            "git@example.com:team/web",
            "/srv/git/web",
            "ftp://git.example.com/web",
            "https:\\\\evil/web",
            "https://git.example.com/we b",
        ] {
            assert_eq!(link(source, commit), None, "{source}");
        }
        for revision in ["", "dev", "0a1b2c", "../../x", &"a".repeat(65), "0a1b2c3g"] {
            assert_eq!(link("https://git.example.com/web", revision), None, "{revision}");
        }
        assert_eq!((commit_url(None, Some(commit)), commit_url(Some("https://a.b/c"), None)), (None, None));
    }

    proptest! {
        #[test]
        fn no_link_leaves_the_web_or_breaks_out_of_its_attribute(source in "(https?://)?[ -~]{0,40}", revision in "[0-9a-f]{7,40}") {
            if let Some(link) = commit_url(Some(&source), Some(&revision)) {
                prop_assert!(link.starts_with("https://") || link.starts_with("http://"));
                prop_assert!(!link.contains(['"', '\'', '<', '>', ' ', '@']));
            }
        }
    }
}
