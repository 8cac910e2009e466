//! What the sources share in reading. Every field may have any type; what is passed on is checked
//! and bounded here, once.

use super::{Event, Fact, Push, Told};
use chrono::{DateTime, NaiveDateTime, TimeDelta};
use domain::delivery::Reason;
use domain::problem::Fault;
use domain::repo::RepoName;
use domain::{Digest, ImageName, Tag, Time};
use serde_json::Value;
use sha2::Digest as _;

/// Of what a sender wrote, as much as a reader needs to find it again.
const MOST_QUOTED: usize = 120;
/// Of a message, its first line up to here.
const MOST_LINE: usize = 200;
/// Branches, git tags and the ids of senders.
const MOST_WORD: usize = 200;
const MOST_URL: usize = 2000;
const MOST_KEY: usize = 400;
/// The last second of the year 9999.
const LATEST: i64 = 253_402_300_799;

// ---- The body ------------------------------------------------------------------------------

/// A body as JSON; what it should have looked like otherwise.
pub fn json(body: &[u8], form: &str) -> Result<Value, Fault> {
    serde_json::from_slice(body).map_err(|error| unreadable(error.line(), error.column(), form))
}

/// The same, for a body that must have these objects or texts.
pub fn shaped(body: &[u8], form: &str, fits: impl Fn(&Value) -> bool) -> Result<Value, Fault> {
    let value = json(body, form)?;
    if fits(&value) { Ok(value) } else { Err(other_form(form)) }
}

pub fn unreadable(line: usize, column: usize, form: &str) -> Fault {
    Fault::Unreadable { detail: format!("line {line}, column {column} does not fit; expected {form}") }
}

pub fn other_form(form: &str) -> Fault {
    Fault::Unreadable { detail: format!("it is of another form; expected {form}") }
}

/// A part, by its JSON pointer; null where there is none.
pub fn at<'a>(value: &'a Value, pointer: &str) -> &'a Value {
    static NOTHING: Value = Value::Null;
    value.pointer(pointer).unwrap_or(&NOTHING)
}

/// Whether all these parts are texts.
pub fn texts(value: &Value, pointers: &[&str]) -> bool {
    pointers.iter().all(|pointer| at(value, pointer).is_string())
}

/// Whether all these parts are objects.
pub fn objects(value: &Value, pointers: &[&str]) -> bool {
    pointers.iter().all(|pointer| at(value, pointer).is_object())
}

// ---- Single fields -------------------------------------------------------------------------

/// A text that has to be there.
pub fn text<'a>(field: &str, value: &'a Value) -> Result<&'a str, Reason> {
    match value {
        Value::String(text) => Ok(text),
        Value::Null => Err(unusable(field, "", Fault::Missing)),
        other => Err(unusable(field, &other.to_string(), Fault::Unreadable { detail: "expected a text".to_owned() })),
    }
}

/// The name of a branch, a tag, an id: none where it is empty, too long or holds control characters.
pub fn word(value: &Value) -> Option<&str> {
    plain(value.as_str()?)
}

/// The same, of a text.
pub fn plain(text: &str) -> Option<&str> {
    let text = text.trim();
    (!text.is_empty() && text.len() <= MOST_WORD && !text.contains(char::is_control)).then_some(text)
}

/// The first of several places that says something.
pub fn first<'a>(value: &'a Value, pointers: &[&str]) -> Option<&'a str> {
    pointers.iter().find_map(|pointer| word(at(value, pointer)))
}

/// The first of several places that has a line of text.
pub fn first_line(value: &Value, pointers: &[&str]) -> Option<String> {
    pointers.iter().find_map(|pointer| line(at(value, pointer)))
}

/// The first of several places that has a time.
pub fn first_time(value: &Value, pointers: &[&str]) -> Option<Time> {
    pointers.iter().find_map(|pointer| time(at(value, pointer)))
}

/// A part of the name of a host: a region, an account.
pub fn label<'a>(field: &str, value: &'a Value) -> Result<&'a str, Reason> {
    let given = text(field, value)?;
    let good = !given.is_empty() && given.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    let why = || Fault::Unreadable { detail: "expected small letters, digits and -".to_owned() };
    if good { Ok(given) } else { Err(unusable(field, given, why())) }
}

/// A number, or a text of digits, as it goes into a name.
pub fn number(value: &Value) -> Option<u64> {
    value.as_u64().or_else(|| value.as_str()?.parse().ok())
}

/// The first line of a text, cleaned and bounded; none when it says nothing.
pub fn line(value: &Value) -> Option<String> {
    let first = value.as_str()?.trim_start().lines().next()?;
    let line = clean(first.trim_end(), MOST_LINE);
    (!line.is_empty()).then_some(line)
}

/// An address that may stand in a link.
pub fn url(value: &Value) -> Option<String> {
    let text = value.as_str()?.trim();
    let scheme =
        ["https://", "http://"].iter().any(|scheme| text.get(..scheme.len()).is_some_and(|s| s.eq_ignore_ascii_case(scheme)));
    let clean = !text.contains(|c: char| c.is_control() || c.is_whitespace());
    (scheme && clean && text.len() <= MOST_URL).then(|| text.to_owned())
}

/// A commit in small letters. Zeros mean that there is none.
pub fn commit(value: &Value) -> Option<String> {
    let text = value.as_str()?.trim();
    let hex = (7..=64).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_hexdigit());
    (hex && text.bytes().any(|b| b != b'0')).then(|| text.to_ascii_lowercase())
}

/// The branch or the tag of a git reference. One of another kind, such as that of a pull request, is neither.
pub fn branch_and_tag(reference: &str) -> (Option<String>, Option<String>) {
    let after = |prefix| reference.strip_prefix(prefix).and_then(plain).map(str::to_owned);
    (after("refs/heads/"), after("refs/tags/"))
}

/// The first place that names a git repository.
pub fn repository(value: &Value, pointers: &[&str]) -> Result<RepoName, Reason> {
    let named = pointers.iter().find_map(|pointer| RepoName::parse(at(value, pointer).as_str()?));
    named.ok_or_else(|| {
        let given = pointers.iter().find_map(|pointer| at(value, pointer).as_str()).unwrap_or_default();
        let why = if given.is_empty() { Fault::Missing } else { Fault::Unreadable { detail: "no git repository".to_owned() } };
        unusable("repository", given, why)
    })
}

/// A status that is none of those a sender is known to say.
pub fn unknown_status(value: &Value, choices: &str) -> Reason {
    match value {
        Value::Null => unusable("status", "", Fault::Missing),
        Value::String(text) => unusable("status", text, Fault::NotOneOf { choices: choices.to_owned() }),
        other => unusable("status", &other.to_string(), Fault::NotOneOf { choices: choices.to_owned() }),
    }
}

/// A time in any form but the naive one: RFC 3339, Unix seconds, `2016-08-12 15:23:28 UTC`.
/// Senders without a clock write the year 1 or 1970: that is none.
pub fn time(value: &Value) -> Option<Time> {
    let time = match value {
        Value::Number(seconds) => unix(seconds)?,
        Value::String(text) => written(text.trim())?,
        _ => return None,
    };
    bounded(time)
}

fn unix(seconds: &serde_json::Number) -> Option<Time> {
    match seconds.as_i64() {
        Some(whole) => DateTime::from_timestamp(whole, 0),
        // Old senders write a fraction of a second, as Python does.
        None => TimeDelta::try_milliseconds((seconds.as_f64()? * 1000.0) as i64)
            .and_then(|since| DateTime::UNIX_EPOCH.checked_add_signed(since)),
    }
}

fn written(text: &str) -> Option<Time> {
    if let Ok(time) = DateTime::parse_from_rfc3339(text) {
        return Some(time.to_utc());
    }
    let (naive, zone) = text.rsplit_once(' ')?;
    match zone {
        "UTC" => Some(NaiveDateTime::parse_from_str(naive, "%Y-%m-%d %H:%M:%S").ok()?.and_utc()),
        _ => DateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S %z").ok().map(|time| time.to_utc()),
    }
}

fn bounded(time: Time) -> Option<Time> {
    (1..=LATEST).contains(&time.timestamp()).then_some(time)
}

/// `2016-11-29 12:25:46`, by the clocks of Beijing.
pub fn beijing_time(value: &Value) -> Option<Time> {
    let naive = NaiveDateTime::parse_from_str(value.as_str()?.trim(), "%Y-%m-%d %H:%M:%S").ok()?;
    bounded(naive.checked_sub_signed(TimeDelta::hours(8))?.and_utc())
}

// ---- Images --------------------------------------------------------------------------------

/// A push of a repository at one of several hosts, with what is said of its tag and digest. A digest
/// that is not said is asked for later; one that is no digest makes the push unusable.
pub fn push(images: Vec<ImageName>, tag: &Value, digest: &Value) -> Result<Push, Reason> {
    let tag = match tag {
        Value::Null => "",
        said => text("tag", said)?,
    };
    // Some senders write the digest where a push has no tag.
    if tag.is_empty() || tag.starts_with("sha256:") {
        return Err(Reason::NoTag { image: images.first().map_or_else(String::new, ToString::to_string) });
    }
    if is_attachment(tag) {
        return Err(Reason::Attachment { tag: quoted(tag) });
    }
    let tag: Tag = tag.parse().map_err(|why| unusable("tag", tag, why))?;
    let digest = match digest {
        Value::Null => None,
        said => match text("digest", said)? {
            "" => None,
            digest => Some(digest.parse::<Digest>().map_err(|why| unusable("digest", digest, why))?),
        },
    };
    Ok(Push { images, tag, digest })
}

/// `sha256-…`, `sha256-….sig`: how signatures and attestations are hung on an image.
fn is_attachment(tag: &str) -> bool {
    let hex = tag.strip_prefix("sha256-").and_then(|rest| rest.get(..64));
    hex.is_some_and(|hex| hex.bytes().all(|b| b.is_ascii_hexdigit()))
}

/// A repository under each host that it may be known by, the likeliest first. Some senders write
/// names in capitals that no registry takes.
pub fn images<'a>(hosts: impl IntoIterator<Item = &'a str>, repository: &str) -> Result<Vec<ImageName>, Reason> {
    let repository = repository.to_lowercase();
    let mut images: Vec<ImageName> = Vec::new();
    let mut first_fault = None;
    for host in hosts.into_iter().filter(|host| !host.is_empty()).flat_map(spellings) {
        match ImageName::new(&host.to_lowercase(), &repository) {
            Ok(image) if !images.contains(&image) => images.push(image),
            Ok(_) => {}
            Err(why) => first_fault = first_fault.or(Some(unusable("image", &format!("{host}/{repository}"), why))),
        }
    }
    if images.is_empty() {
        return Err(first_fault.unwrap_or_else(|| unusable("host", "", Fault::Missing)));
    }
    Ok(images)
}

/// The host as it stands, and without the port that is understood anyway.
fn spellings(host: &str) -> impl Iterator<Item = &str> {
    let short = host.strip_suffix(":443").or_else(|| host.strip_suffix(":80"));
    std::iter::once(host).chain(short)
}

/// The host of an http address.
pub fn host_of(url: &str) -> Option<&str> {
    let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"))?;
    rest.split('/').next()
}

/// `host/repository:tag` or `host/repository@digest`, taken apart at its last mark.
pub fn reference(text: &str) -> (&str, &str) {
    let name = text.rfind('/').map_or(0, |slash| slash + 1);
    let mark = text.get(name..).and_then(|last| last.find(['@', ':'])).map(|mark| name + mark);
    match mark {
        Some(mark) => (text.get(..mark).unwrap_or_default(), text.get(mark + 1..).unwrap_or_default()),
        None => (text, ""),
    }
}

// ---- Events --------------------------------------------------------------------------------

/// The key of an event out of what makes it that event. What is too long or cannot be printed is
/// told apart by its hash.
pub fn key(parts: &[&str]) -> String {
    let key = parts.join(" ");
    if key.len() <= MOST_KEY && key.bytes().all(|b| b.is_ascii_graphic() || b == b' ') && !key.trim().is_empty() {
        return key;
    }
    format!("sha256:{}", hex::encode(sha2::Sha256::digest(key)))
}

/// The same, out of parts of a body that may have any type.
pub fn key_of(kind: &str, parts: &[&Value]) -> String {
    let told = |part: &&Value| part.as_str().map_or_else(|| part.to_string(), str::to_owned);
    let parts: Vec<String> = std::iter::once(kind.to_owned()).chain(parts.iter().map(told)).collect();
    key(&parts.iter().map(String::as_str).collect::<Vec<_>>())
}

/// The key of a body whose sender gives its events no name, but says in it when they happened.
pub fn body_key(body: &[u8]) -> String {
    format!("body:{}", hex::encode(sha2::Sha256::digest(body)))
}

/// When a request was heard, for senders that say neither a time nor an id: without it, a tag that
/// comes back to an earlier image would be taken for an old story.
pub fn heard(told: &Told<'_>) -> String {
    told.received_at.timestamp_micros().to_string()
}

pub fn event(key: String, at: Option<Time>, push: Result<Push, Reason>) -> Event {
    Event { key, at, fact: push.map(Fact::Push) }
}

/// An event that says nothing about builds.
pub fn not_a_build(key: String, at: Option<Time>, event: &str) -> Event {
    Event { key, at, fact: Err(Reason::NotABuildEvent { event: quoted(event) }) }
}

pub fn unusable(field: &str, given: &str, why: Fault) -> Reason {
    Reason::Unusable { field: field.to_owned(), given: quoted(given), why }
}

pub fn quoted(text: &str) -> String {
    clean(text, MOST_QUOTED)
}

fn clean(text: &str, most: usize) -> String {
    let clean = |c: char| if c.is_control() { '\u{fffd}' } else { c };
    text.chars().take(most).map(clean).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn times_come_in_many_forms() {
        let at = |text: &str| Some(text.parse::<Time>().expect("a time"));
        assert_eq!(time(&json!(1_417_566_161)), at("2014-12-03T00:22:41Z"));
        assert_eq!(time(&json!(1_417_566_161.5)), at("2014-12-03T00:22:41.5Z"));
        assert_eq!(time(&json!("2016-08-12 15:23:28 UTC")), at("2016-08-12T15:23:28Z"));
        assert_eq!(time(&json!("2016-08-12 15:23:28 +0800")), at("2016-08-12T07:23:28Z"));
        assert_eq!(time(&json!("2025-03-19T16:19:36.993+08:00")), at("2025-03-19T08:19:36.993Z"));
        assert_eq!(beijing_time(&json!("2016-11-29 00:25:46")), at("2016-11-28T16:25:46Z"));
        for none in [
            json!(0),
            json!(-5),
            json!(i64::MAX),
            json!(1e300),
            json!("0001-01-01T00:00:00Z"),
            json!("2016-08-12 15:23:28"),
            json!("é UTC"),
            json!(""),
            json!([]),
            json!(null),
        ] {
            assert_eq!(time(&none), None, "{none}");
        }
        assert_eq!(beijing_time(&json!("1970-01-01 00:00:00")), None);
    }

    #[test]
    fn what_is_passed_on_is_clean_and_short() {
        assert_eq!(line(&json!("\n first\u{7}\u{1b}[31m line \nsecond")), Some("first\u{fffd}\u{fffd}[31m line".into()));
        assert_eq!(line(&json!("é".repeat(300))).map(|line| line.chars().count()), Some(200));
        assert_eq!((line(&json!(" \n")), line(&json!(5))), (None, None));
        for bad in ["javascript:alert(1)", "ftp://x.test/", "https://x.test/a b", "https://x.test/\n1", "//x.test", ""] {
            assert_eq!(url(&json!(bad)), None, "{bad}");
        }
        assert_eq!(url(&json!("HTTPS://x.test/1")), Some("HTTPS://x.test/1".into()));
        assert_eq!(url(&json!(format!("https://x.test/{}", "a".repeat(MOST_URL)))), None);
        assert_eq!(commit(&json!("ABCDEF0")), Some("abcdef0".into()));
        for bad in ["abc", "0000000000000000000000000000000000000000", "master", &"a".repeat(65), ""] {
            assert_eq!(commit(&json!(bad)), None, "{bad}");
        }
        assert_eq!((word(&json!(" dev ")), word(&json!("")), word(&json!("a\u{0}"))), (Some("dev"), None, None));
    }

    #[test]
    fn a_key_can_always_be_printed_and_kept() {
        assert_eq!(key(&["drone", "acme/web", "42"]), "drone acme/web 42");
        for parts in [["é", "x"], ["\n", "x"], ["", ""], [&"x".repeat(500), "y"]] {
            assert_eq!(key(&parts).len(), 71, "{parts:?}");
        }
        assert_ne!(key(&["é", "1"]), key(&["é", "2"]));
    }

    #[test]
    fn a_reference_is_taken_apart_at_its_last_mark() {
        assert_eq!(reference("h.test:5000/a/b:dev"), ("h.test:5000/a/b", "dev"));
        assert_eq!(reference("h.test:5000/a/b"), ("h.test:5000/a/b", ""));
        assert_eq!(reference("h.test/a@sha256:00"), ("h.test/a", "sha256:00"));
        assert_eq!(reference("h.test/a:1@sha256:00"), ("h.test/a", "1@sha256:00"));
        assert_eq!((reference(""), reference(":"), reference("é/ü:")), (("", ""), ("", ""), ("é/ü", "")));
    }

    #[test]
    fn names_in_capitals_are_lowered_and_hosts_tried_in_order() {
        let names = |hosts: &[&str], repository| {
            images(hosts.iter().copied(), repository).map(|found| found.iter().map(ToString::to_string).collect::<Vec<_>>())
        };
        assert_eq!(
            names(&["", "R.test:443", "r.test"], "Team/Web"),
            Ok(vec!["r.test:443/team/web".into(), "r.test/team/web".into()])
        );
        assert!(matches!(names(&[], "a"), Err(Reason::Unusable { field, .. }) if field == "host"));
        assert!(matches!(names(&["r.test"], "<a>"), Err(Reason::Unusable { field, .. }) if field == "image"));
    }
}
