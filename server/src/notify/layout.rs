//! How a message reads, in one place for all services: facts, note, commits, what is asked, link.
//! A service's own way of writing is a [`Dialect`]; its bounds are kept by [`fit`].

use super::{Message, Tone};
use domain::notify::{MessageLang, TargetConfig};

/// People who are mentioned in one message; more is a crowd, and services have bounds of their own.
const MOST_MENTIONS: usize = 20;
/// Of one fact's value, one commit's subject, what is asked.
const MOST_VALUE: usize = 300;
const MOST_SUBJECT: usize = 160;
const MOST_AUTHOR: usize = 60;
/// Of a note in a chat. The link leads to the whole.
const MOST_NOTE: usize = 2000;

/// How a service writes.
pub struct Dialect {
    /// One line of a person's text, so that the service shows it as it is.
    pub escape: fn(&str) -> String,
    /// Around text that is escaped already.
    pub bold: fn(&str) -> String,
    /// A label that is escaped already, and an address.
    pub link: fn(&str, &str) -> String,
    /// Whether a commit's digits can be a link, or its address would have to stand beside it.
    pub links: bool,
    /// What ends a line inside a part.
    pub line: &'static str,
    /// Before a fact, a line of a note, a commit.
    pub fact: &'static str,
    pub quote: &'static str,
    pub item: &'static str,
}

/// Text without marks, for mail and for programs that show it raw.
pub const PLAIN: Dialect = Dialect {
    escape: str::to_owned,
    bold: str::to_owned,
    link: |label, address| format!("{label}: {address}"),
    links: false,
    line: "\n",
    fact: "",
    quote: "> ",
    item: "- ",
};

/// As much of a message as fits.
pub struct Shown<'a> {
    message: &'a Message,
    facts: usize,
    commits: usize,
    note: usize,
    ask: bool,
}

/// Builds a message with as much in it as the service takes: `build` answers none for what is too big.
/// Commits go first, then the note gets shorter, then facts go, from the last. The title and the link stay.
///
/// # Errors
/// When the title and the link alone are too big.
pub fn fit<T>(message: &Message, most_commits: usize, build: impl Fn(&Shown<'_>) -> Option<T>) -> Result<T, String> {
    let note = message.note.as_deref().map_or(0, |note| note.chars().count().min(MOST_NOTE));
    let most = message.commits.len().min(most_commits);
    let mut shown = Shown { message, facts: message.facts.len(), commits: most, note, ask: true };
    for commits in (0..=most).rev() {
        shown.commits = commits;
        if let Some(built) = build(&shown) {
            return Ok(built);
        }
    }
    // The longest note that fits, found by halving.
    let (mut fits, mut too_long) = (None, note);
    let mut tried = 0;
    while tried < too_long {
        shown.note = tried;
        match build(&shown) {
            Some(built) => fits = Some((built, tried)),
            None => too_long = tried,
        }
        let least = fits.as_ref().map_or(0, |(_, length)| length + 1);
        tried = if least < too_long { least + (too_long - least) / 2 } else { too_long };
    }
    if let Some((built, _)) = fits {
        return Ok(built);
    }
    shown.note = 0;
    for facts in (0..=message.facts.len()).rev() {
        shown.facts = facts;
        if let Some(built) = build(&shown) {
            return Ok(built);
        }
    }
    shown.ask = false;
    build(&shown).ok_or_else(|| "The title and the link alone are more than the service takes.".to_owned())
}

impl Shown<'_> {
    /// One line, whole.
    pub fn title(&self) -> String {
        clean(&self.message.title)
    }

    /// The title with a mark of how it is meant.
    pub fn marked_title(&self) -> String {
        format!("{}{}", mark(self.message.tone), self.title())
    }

    pub fn facts(&self) -> Vec<(String, String)> {
        let facts = self.message.facts.iter().take(self.facts);
        facts.map(|(label, value)| (cut(&clean(label), MOST_AUTHOR), cut(&clean(value), MOST_VALUE))).collect()
    }

    /// The lines of the note.
    pub fn note(&self) -> Vec<String> {
        let Some(note) = self.message.note.as_deref().filter(|_| self.note > 0) else { return Vec::new() };
        cut(note.trim(), self.note).lines().map(clean).collect()
    }

    /// What is asked, without who is asked.
    pub fn ask(&self) -> Option<String> {
        self.message.ask.as_deref().filter(|_| self.ask).map(|ask| cut(&clean(ask), MOST_VALUE))
    }

    /// Commits that are not shown.
    fn rest(&self) -> usize {
        self.message.commits_total.max(self.message.commits.len()) - self.commits
    }

    /// Label and address of the link.
    pub fn link(&self) -> Option<(String, String)> {
        let (label, address) = self.message.link.as_ref()?;
        Some((clean(label), link_address(address)?))
    }
}

/// The parts of a message in a service's form; what is not there is empty.
pub struct Parts {
    pub facts: String,
    pub note: String,
    pub commits: String,
    /// What is asked, and of whom.
    pub ask: String,
    pub link: String,
}

impl Parts {
    /// Those that are there.
    pub fn each(self) -> Vec<String> {
        [self.facts, self.note, self.commits, self.ask, self.link].into_iter().filter(|part| !part.is_empty()).collect()
    }
}

/// Writes the parts. `people` stand in the service's own form.
pub fn parts(shown: &Shown<'_>, dialect: &Dialect, people: &[String]) -> Parts {
    let words = Words::of(shown.message.lang);
    let fact = |(label, value): (String, String)| {
        let label = (dialect.bold)(&(dialect.escape)(&label));
        format!("{}{label}{}{}", dialect.fact, words.colon, (dialect.escape)(&value))
    };
    let facts: Vec<String> = shown.facts().into_iter().map(fact).collect();
    let note: Vec<String> =
        shown.note().iter().map(|line| format!("{}{}", dialect.quote, (dialect.escape)(line)).trim_end().to_owned()).collect();
    let people = people.join(words.comma);
    let ask = match (shown.ask(), people.is_empty()) {
        (Some(ask), true) => (dialect.escape)(&ask),
        (Some(ask), false) => format!("{}{}{people}", (dialect.escape)(&ask), words.colon),
        (None, _) => people,
    };
    Parts {
        facts: facts.join(dialect.line),
        note: note.join(dialect.line),
        commits: commits(shown, dialect, &words),
        ask,
        link: shown.link().map_or_else(String::new, |(label, address)| (dialect.link)(&(dialect.escape)(&label), &address)),
    }
}

fn commits(shown: &Shown<'_>, dialect: &Dialect, words: &Words) -> String {
    let total = shown.commits + shown.rest();
    if total == 0 {
        return String::new();
    }
    let mut lines = vec![(dialect.bold)(&(words.commits)(total))];
    for commit in shown.message.commits.iter().take(shown.commits) {
        let hash = (dialect.escape)(&cut(&clean(&commit.hash), 12));
        let address = commit.url.as_deref().and_then(link_address).filter(|_| dialect.links);
        let hash = address.map_or(hash.clone(), |address| (dialect.link)(&hash, &address));
        let subject = (dialect.escape)(&cut(&clean(&commit.subject), MOST_SUBJECT));
        let author = (dialect.escape)(&cut(&clean(&commit.author), MOST_AUTHOR));
        let author = if author.is_empty() { author } else { (words.aside)(&author) };
        lines.push(format!("{}{hash} {subject}{author}", dialect.item));
    }
    if shown.rest() > 0 {
        lines.push((words.more)(shown.rest()));
    }
    lines.join(dialect.line)
}

/// The few words that a layout adds.
struct Words {
    colon: &'static str,
    comma: &'static str,
    commits: fn(usize) -> String,
    more: fn(usize) -> String,
    aside: fn(&str) -> String,
}

impl Words {
    fn of(lang: MessageLang) -> Self {
        match lang {
            MessageLang::En => Self {
                colon: ": ",
                comma: ", ",
                commits: |count| format!("Commits ({count})"),
                more: |count| format!("… and {count} more"),
                aside: |author| format!(" ({author})"),
            },
            MessageLang::Zh => Self {
                colon: "：",
                comma: "、",
                commits: |count| format!("提交（{count}）"),
                more: |count| format!("…… 另有 {count} 条"),
                aside: |author| format!("（{author}）"),
            },
        }
    }
}

/// Somebody who is mentioned: the name in Slipway, and the id in the service where one is known.
pub struct Person {
    pub name: String,
    pub id: Option<String>,
}

/// Who is mentioned. An id that is not of the service's form counts as none.
pub fn people(message: &Message, config: &TargetConfig, usable: fn(&str) -> bool) -> Vec<Person> {
    let mut seen: Vec<&str> = Vec::new();
    for name in &message.mention {
        if !seen.contains(&name.as_str()) {
            seen.push(name);
        }
    }
    let id = |name: &str| config.mentions.get(name).filter(|id| usable(id)).cloned();
    seen.into_iter().take(MOST_MENTIONS).map(|name| Person { name: cut(&clean(name), MOST_AUTHOR), id: id(name) }).collect()
}

/// The mentions in a service's form; who has no id there is written by name.
pub fn mentions(people: &[Person], dialect: &Dialect, form: fn(&str) -> String) -> Vec<String> {
    people.iter().map(|person| person.id.as_deref().map_or_else(|| (dialect.escape)(&person.name), form)).collect()
}

/// Whether an id is made of letters, digits, `_`, `-` and `.`, which need no escaping anywhere.
pub fn plain_id(id: &str) -> bool {
    (1..=128).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.'))
}

/// The same, or a phone number with its country: `+852-1234`.
pub fn plain_id_or_phone(id: &str) -> bool {
    plain_id(id.strip_prefix('+').unwrap_or(id))
}

const fn mark(tone: Tone) -> &'static str {
    match tone {
        Tone::Good => "✅ ",
        Tone::Bad => "❌ ",
        Tone::Warn => "⚠️ ",
        Tone::Neutral => "",
    }
}

/// One of four, by how the message is meant: a colour, usually.
pub const fn by_tone<T: Copy>(tone: Tone, good: T, bad: T, warn: T, neutral: T) -> T {
    match tone {
        Tone::Good => good,
        Tone::Bad => bad,
        Tone::Warn => warn,
        Tone::Neutral => neutral,
    }
}

/// One line without what cannot be seen: control characters, and marks that turn the direction of text.
pub fn clean(text: &str) -> String {
    let hidden = |c: &char| matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{61c}');
    text.chars().filter(|c| !hidden(c)).map(|c| if c.is_control() { ' ' } else { c }).collect::<String>().trim().to_owned()
}

/// At most so many characters, the last of them an ellipsis when something was cut.
pub fn cut(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        None => text.to_owned(),
        Some(_) => text.chars().take(most.saturating_sub(1)).chain(['…']).collect(),
    }
}

/// Each of `marks` with a backslash before it.
pub fn backslashed(text: &str, marks: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if marks.contains(c) {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

/// For services whose markdown knows no escape: what would be a mark becomes its full-width twin.
pub fn widened(text: &str) -> String {
    let wide = |(at, c): (usize, char)| match c {
        '<' => '＜',
        '>' => '＞',
        '[' => '［',
        ']' => '］',
        '*' => '＊',
        '`' => '｀',
        '#' if at == 0 => '＃',
        other => other,
    };
    text.chars().enumerate().map(wide).collect()
}

/// An address of the web, so written that no service takes a part of it for a mark.
fn link_address(address: &str) -> Option<String> {
    if !address.starts_with("https://") && !address.starts_with("http://") {
        return None;
    }
    let mut out = String::with_capacity(address.len());
    for c in address.chars() {
        match c {
            ' ' | '(' | ')' | '<' | '>' | '|' | '"' | '\'' | '`' | '\\' | '*' => out.push_str(&format!("%{:02X}", u32::from(c))),
            c if c.is_control() => return None,
            c => out.push(c),
        }
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_turns_or_hides_text_is_left_out() {
        assert_eq!(clean(" a\u{202e}b\nc\td\u{0} "), "ab c d");
        assert_eq!((cut("四个字了", 4), cut("五个字了啊", 4)), ("四个字了".to_owned(), "五个字…".to_owned()));
        assert_eq!(widened("# [a](b) <at> *x* C#"), "＃ ［a］(b) ＜at＞ ＊x＊ C#");
        assert_eq!(link_address("https://x.test/a(b) c|d"), Some("https://x.test/a%28b%29%20c%7Cd".to_owned()));
        assert_eq!((link_address("javascript:alert(1)"), link_address("https://x.test/\n")), (None, None));
    }

    proptest! {
        #[test]
        fn as_much_is_shown_as_fits_and_commits_go_before_the_note(commits in 0usize..40, note in 0usize..3000, room in 60usize..4000) {
            let message = Message {
                id: "msg_1".into(), event: domain::notify::EventKind::Test, lang: MessageLang::En, at: Default::default(),
                tone: Tone::Neutral, title: "t".repeat(10), facts: vec![("a".into(), "b".into())], note: Some("n".repeat(note)),
                commits: (0..commits).map(|_| super::super::CommitLine { hash: "h".into(), subject: "s".into(), author: "a".into(), url: None }).collect(),
                commits_total: commits, ask: None, mention: vec![], link: None, data: Default::default(),
            };
            let text = |shown: &Shown<'_>| format!("{}{}", shown.title(), parts(shown, &PLAIN, &[]).each().join("\n"));
            let (shown_commits, shown_note, length) = fit(&message, 20, |shown| {
                let text = text(shown);
                (text.len() <= room).then_some((shown.commits, shown.note, text.len()))
            }).map_err(TestCaseError::fail)?;
            prop_assert!(length <= room);
            let whole_note = note.min(MOST_NOTE);
            prop_assert!(shown_note == whole_note || shown_commits == 0);
            // One more of what was cut would not have fitted.
            let more = if shown_note < whole_note { Shown { message: &message, facts: 1, commits: 0, note: shown_note + 1, ask: true } }
                else { Shown { message: &message, facts: 1, commits: shown_commits + 1, note: shown_note, ask: true } };
            if shown_note < whole_note || shown_commits < commits.min(20) {
                prop_assert!(text(&more).len() > room || shown_note == 0);
            }
        }
    }
}
