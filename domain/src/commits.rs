//! Commits between two builds: how two points of a history stand to each other, and what
//! stands between them. What people and builders wrote is cleaned here, once, before anyone
//! shows it.

mod issues;

pub use issues::{Segment, segments};

use crate::Time;
use serde::{Deserialize, Serialize};

/// Commits kept of one side of a range; the totals say how many there are.
pub const MOST_COMMITS: usize = 100;
/// Characters kept of a subject.
pub const MOST_SUBJECT: usize = 200;
/// Characters kept of an author's name.
pub const MOST_AUTHOR: usize = 80;
/// Parents kept of one commit.
pub const MOST_PARENTS: usize = 8;

/// One commit, clean enough to be shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Commit {
    /// All digits, in lower case.
    pub hash: String,
    pub author: String,
    /// When it was committed.
    pub at: Time,
    pub subject: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parents: Vec<String>,
}

impl Commit {
    /// A commit out of what a host or a program says; none when its hash is none.
    pub fn read<'a>(
        hash: &str,
        author: &str,
        at: Time,
        subject: &str,
        parents: impl IntoIterator<Item = &'a str>,
    ) -> Option<Self> {
        let whole = |hash: &str| is_whole(hash).then(|| hash.to_ascii_lowercase());
        Some(Self {
            hash: whole(hash)?,
            author: clean(author, MOST_AUTHOR),
            at,
            // Providers send whole messages: the subject is the first line.
            subject: clean(subject.trim_start().lines().next().unwrap_or_default(), MOST_SUBJECT),
            parents: parents.into_iter().filter_map(whole).take(MOST_PARENTS).collect(),
        })
    }
}

/// How the head stands to the base.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Relation {
    /// The head has everything of the base, and more.
    Ahead,
    /// They are one commit.
    Same,
    /// The base has everything of the head, and more.
    Behind,
    /// Each has what the other has not: a branch was left, or its history was rewritten.
    Diverged,
    /// They share no commit at all.
    Unrelated,
    /// The repository does not have one of them, or neither.
    Missing { which: End },
}

/// One end of a range, or both.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum End {
    Base,
    Head,
    Both,
}

/// What stands between two commits, the newest first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Range {
    pub relation: Relation,
    /// In the head and not in the base; at most [`MOST_COMMITS`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ahead: Vec<Commit>,
    pub ahead_total: u32,
    /// In the base and not in the head; at most [`MOST_COMMITS`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub behind: Vec<Commit>,
    pub behind_total: u32,
}

impl Range {
    /// A range whose lists are not filled.
    pub fn bare(relation: Relation) -> Self {
        Self { relation, ahead: Vec::new(), ahead_total: 0, behind: Vec::new(), behind_total: 0 }
    }

    /// A range of two commits with a common past. Lists are cut, and totals are never less
    /// than what is listed.
    pub fn between(ahead: Vec<Commit>, ahead_total: u32, behind: Vec<Commit>, behind_total: u32) -> Self {
        let cut = |mut list: Vec<Commit>| {
            list.truncate(MOST_COMMITS);
            list
        };
        let least = |list: &[Commit]| u32::try_from(list.len()).unwrap_or(u32::MAX);
        let (ahead, behind) = (cut(ahead), cut(behind));
        let (ahead_total, behind_total) = (ahead_total.max(least(&ahead)), behind_total.max(least(&behind)));
        let relation = match (ahead_total, behind_total) {
            (0, 0) => Relation::Same,
            (_, 0) => Relation::Ahead,
            (0, _) => Relation::Behind,
            _ => Relation::Diverged,
        };
        Self { relation, ahead, ahead_total, behind, behind_total }
    }
}

/// Why a history could not be read; told in the reader's language.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Trouble {
    /// The configured address is none that is read.
    Address,
    /// The host did not answer, or not in time.
    Away,
    /// The host wants credentials, or other ones.
    Refused,
    /// A secret that the configuration names is not there or cannot be opened.
    Secret,
    /// The host's own ssh keys are not configured, or it showed others.
    HostKey,
    /// The repository is larger than Slipway keeps.
    TooBig,
    /// The program `git` is not there.
    NoGit,
    /// What was read makes no sense.
    Unreadable,
}

/// Whether a text can name a commit: 7 to 64 hexadecimal digits.
pub fn is_revision(text: &str) -> bool {
    (7..=64).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_hexdigit())
}

/// Whether a text is a commit's whole name, of SHA-1 or SHA-256.
pub fn is_whole(text: &str) -> bool {
    matches!(text.len(), 40 | 64) && text.bytes().all(|b| b.is_ascii_hexdigit())
}

/// A text on one line, without control characters and without the marks that turn the
/// direction of writing (with which a text can show something else than it is), cut to `most`
/// characters.
pub fn clean(text: &str, most: usize) -> String {
    let turning = |c: char| matches!(c, '\u{200e}' | '\u{200f}' | '\u{061c}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let hidden = |c: char| turning(c) || matches!(c, '\u{200b}' | '\u{feff}' | '\u{2028}' | '\u{2029}');
    let mut out = String::new();
    let mut count = 0;
    let mut blank = false;
    for c in text.chars() {
        if c.is_whitespace() {
            blank = count > 0;
            continue;
        }
        if c.is_control() || hidden(c) {
            continue;
        }
        if count + usize::from(blank) >= most {
            out.push('…');
            return out;
        }
        if blank {
            out.push(' ');
            count += 1;
            blank = false;
        }
        out.push(c);
        count += 1;
    }
    out
}

/// The web address of a repository, from whatever it is cloned by: `git@host:team/web.git` is
/// read at `https://host/team/web`. Nothing for what no browser reads.
pub fn web_address(git: &str) -> Option<String> {
    let git = git.trim();
    let without_user = |authority: &str| authority.rsplit('@').next().unwrap_or(authority).to_owned();
    let without_port = |host: &str| host.split(':').next().unwrap_or(host).to_owned();
    let (scheme, host, path) = match git.split_once("://") {
        Some((scheme @ ("https" | "http"), rest)) => {
            let (authority, path) = rest.split_once('/')?;
            (scheme, without_user(authority), path)
        }
        Some(("ssh", rest)) => {
            let (authority, path) = rest.split_once('/')?;
            ("https", without_port(&without_user(authority)), path)
        }
        Some(_) => return None,
        None => {
            let (authority, path) = git.split_once(':').filter(|(authority, _)| !authority.contains('/'))?;
            ("https", without_user(authority), path)
        }
    };
    let path = path.trim_matches('/');
    let path = path.strip_suffix(".git").unwrap_or(path);
    let plain = |text: &str, more: &str| {
        !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || "-._~".contains(c) || more.contains(c))
    };
    (plain(&host, ":[]") && plain(path, "/+")).then(|| format!("{scheme}://{host}/{path}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at() -> Time {
        "2026-11-24T02:00:00Z".parse().expect("a time")
    }

    fn commits(count: usize) -> Vec<Commit> {
        let one = |n: usize| Commit::read(&format!("{n:040x}"), "a", at(), "s", []).expect("a commit");
        (0..count).map(one).collect()
    }

    #[test]
    fn what_each_side_has_says_how_they_stand() {
        let stand = |ahead, behind| Range::between(commits(ahead), 0, commits(behind), 0).relation;
        assert_eq!(stand(0, 0), Relation::Same);
        assert_eq!(stand(2, 0), Relation::Ahead);
        assert_eq!(stand(0, 1), Relation::Behind);
        assert_eq!(stand(1, 1), Relation::Diverged);
        let many = Range::between(commits(250), 250, Vec::new(), 0);
        assert_eq!((many.ahead.len(), many.ahead_total), (MOST_COMMITS, 250));
        // A total that was told too small does not hide what is listed.
        assert_eq!(Range::between(commits(3), 1, Vec::new(), 0).ahead_total, 3);
    }

    #[test]
    fn a_range_comes_back_from_the_database_as_it_was() {
        for relation in [Relation::Ahead, Relation::Unrelated, Relation::Missing { which: End::Base }] {
            let range = Range { relation, ..Range::between(commits(2), 2, commits(1), 7) };
            let text = serde_json::to_string(&range).expect("written");
            assert_eq!(serde_json::from_str::<Range>(&text).expect("read"), range);
        }
    }

    #[test]
    fn a_subject_is_one_clean_line() {
        let subject = |text: &str| Commit::read(&"a".repeat(40), text, at(), text, []).expect("a commit").subject;
        assert_eq!(subject("fix: a\tb \u{7}\u{1b}[31mred\r"), "fix: a b [31mred");
        assert_eq!(subject("\n first\nsecond"), "first");
        // What would read backwards is put straight, and nothing is hidden between letters.
        assert_eq!(subject("a\u{202e}b\u{200b}c\u{feff}"), "abc");
        assert_eq!(subject(&"x".repeat(10_000)).chars().count(), MOST_SUBJECT + 1);
        assert_eq!(subject("<script>alert(1)</script>"), "<script>alert(1)</script>");
        assert!(Commit::read("--upload-pack=touch", "a", at(), "s", []).is_none());
        assert!(Commit::read("abc1234", "a", at(), "s", []).is_none(), "a whole hash only");
    }

    #[test]
    fn a_clone_address_has_a_web_address() {
        for (git, wanted) in [
            ("https://git.example.com:8443/Team/web.git", Some("https://git.example.com:8443/Team/web")),
            ("https://user:token@git.example.com/web/", Some("https://git.example.com/web")),
            ("http://git.lan/web", Some("http://git.lan/web")),
            ("git@github.com:Acme/web.git", Some("https://github.com/Acme/web")),
            ("ssh://git@git.example.com:2222/team/web.git", Some("https://git.example.com/team/web")),
            ("file:///srv/git/web", None),
            ("/srv/git/web", None),
            ("ext::sh -c id", None),
            ("javascript:alert(1)", None),
            ("https://git.example.com/a\"onclick=x", None),
            ("https://git.example.com", None),
            ("", None),
        ] {
            assert_eq!(web_address(git).as_deref(), wanted, "{git}");
        }
    }

    #[test]
    fn only_hexadecimal_digits_name_a_commit() {
        for good in ["abc1234", "ABCDEF0", &"0".repeat(64)] {
            assert!(is_revision(good), "{good}");
        }
        for bad in ["", "abc123", "HEAD", "-abc1234", "abc1234^", "dev", &"0".repeat(65), "abc 1234"] {
            assert!(!is_revision(bad), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn whatever_somebody_wrote_is_short_and_on_one_line(text in any::<String>(), most in 1_usize..300) {
            let cleaned = clean(&text, most);
            prop_assert!(cleaned.chars().count() <= most + 1);
            prop_assert!(!cleaned.chars().any(char::is_control));
            prop_assert!(!cleaned.starts_with(' ') && !cleaned.ends_with(' '));
            prop_assert_eq!(clean(&cleaned, most + 1), cleaned.clone());
        }

        #[test]
        fn no_web_address_leaves_the_web(git in "(https?://|ssh://|git@)?[ -~]{0,40}") {
            if let Some(address) = web_address(&git) {
                prop_assert!(address.starts_with("https://") || address.starts_with("http://"));
                prop_assert!(!address.contains(['"', '\'', '<', '>', ' ', '@', '?', '#']));
            }
        }

        #[test]
        fn a_range_never_says_less_than_it_shows(ahead in 0_usize..150, behind in 0_usize..150, a in 0_u32..200, b in 0_u32..200) {
            let range = Range::between(commits(ahead), a, commits(behind), b);
            prop_assert!(range.ahead.len() <= MOST_COMMITS && range.behind.len() <= MOST_COMMITS);
            prop_assert!(range.ahead_total as usize >= range.ahead.len());
            prop_assert!(range.behind_total as usize >= range.behind.len());
        }
    }
}
