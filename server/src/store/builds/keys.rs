//! One page of keys: which builds a filter finds, in order, each by an index that has the
//! order already. A page costs the same with a thousand builds and with a million.

use crate::clock::{from_micros, micros};
use crate::store::{Cursor, Store, internal};
use domain::id::BuildId;
use domain::{Problem, Time};
use sqlx::Row;
use sqlx::any::AnyRow;

/// Apps, or tags, that a search by the beginning of their name goes through one by one.
const MOST_NAMES: usize = 20;

/// What a list of builds is narrowed to. Without a search, a channel or a tag lists the newest
/// moves first; everything else lists the builds that were seen last.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Narrow<'a> {
    pub app: Option<&'a str>,
    pub channel: Option<&'a str>,
    pub tag: Option<&'a str>,
    /// The beginning of an app, tag, commit or digest.
    pub q: Option<&'a str>,
}

/// A build's place in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    pub at: Time,
    /// What orders builds of one time: the build, or the move.
    pub place: String,
    pub build: BuildId,
}

/// The part of a list that is asked for.
#[derive(Clone, Copy)]
struct Part<'a> {
    before: &'a Cursor,
    most: i64,
}

impl Store {
    /// The keys of one page, after `before` in the list.
    ///
    /// # Errors
    /// [`Problem::Internal`].
    pub async fn build_keys(&self, narrow: &Narrow<'_>, before: &Cursor, most: i64) -> Result<Vec<Key>, Problem> {
        let part = Part { before, most };
        let question = match narrow.q {
            Some(q) => searched(narrow, &self.ways(narrow, q).await?, part),
            None if narrow.channel.is_some() || narrow.tag.is_some() => moved(narrow, part),
            None => seen(narrow, part),
        };
        let asked = sqlx::query(sqlx::AssertSqlSafe(question.sql));
        let asked = question.values.into_iter().fold(asked, |asked, value| match value {
            Value::Text(text) => asked.bind(text),
            Value::Number(number) => asked.bind(number),
        });
        let rows = asked.fetch_all(self.read()).await.map_err(internal)?;
        rows.iter().map(key).collect::<Result<_, sqlx::Error>>().map_err(internal)
    }

    /// The ways in which a search can find something.
    async fn ways(&self, narrow: &Narrow<'_>, q: &str) -> Result<Vec<Way>, Problem> {
        let apps = match narrow.app {
            Some(only) if only.starts_with(q) => vec![only.to_owned()],
            Some(_) => Vec::new(),
            None => self.names_beginning(Column::App, q).await?,
        };
        let tags = self.names_beginning(Column::Tag, q).await?;
        let mut ways = vec![Way::Beginning(Column::Revision, q.to_owned())];
        ways.extend(digest_beginning(q).map(|digest| Way::Beginning(Column::Digest, digest)));
        for (column, names) in [(Column::App, apps), (Column::Tag, tags)] {
            if names.len() > MOST_NAMES {
                ways.push(Way::Beginning(column, q.to_owned()));
            } else {
                ways.extend(names.into_iter().map(|name| Way::Name(column, name)));
            }
        }
        Ok(ways)
    }

    /// The apps or tags that begin so: one look at the index for each.
    async fn names_beginning(&self, column: Column, q: &str) -> Result<Vec<String>, Problem> {
        let (table, column) = (if matches!(column, Column::Tag) { "tag_moves" } else { "builds" }, column.as_str());
        let sql = format!(
            "WITH RECURSIVE names (name) AS (
                 SELECT MIN({column}) FROM {table} b WHERE {column} >= $1 AND {column} < $2
                 UNION ALL
                 SELECT (SELECT MIN({column}) FROM {table} b WHERE {column} > names.name AND {column} < $2)
                 FROM names WHERE names.name IS NOT NULL
             )
             SELECT name FROM names WHERE name IS NOT NULL LIMIT $3"
        );
        let names = sqlx::query_scalar(sqlx::AssertSqlSafe(sql)).bind(q).bind(after_all(q));
        let names = names.bind(i64::try_from(MOST_NAMES + 1).unwrap_or(i64::MAX));
        names.fetch_all(self.read()).await.map_err(internal)
    }
}

fn key(row: &AnyRow) -> Result<Key, sqlx::Error> {
    Ok(Key { at: from_micros(row.try_get("at")?), place: row.try_get("place")?, build: BuildId(row.try_get("build_id")?) })
}

/// Greater than every text that begins so, byte by byte.
fn after_all(q: &str) -> String {
    format!("{q}{}", char::MAX)
}

/// The beginning of digests that is meant, with or without `sha256:`; none for what no digest
/// begins with.
fn digest_beginning(q: &str) -> Option<String> {
    let hex = q.strip_prefix("sha256:").unwrap_or(q);
    let good = !hex.is_empty() && hex.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    good.then(|| format!("sha256:{hex}"))
}

// ---- The statements ------------------------------------------------------------------------

/// A statement that grows, with its values.
#[derive(Default)]
struct Question {
    sql: String,
    values: Vec<Value>,
}

enum Value {
    Text(String),
    Number(i64),
}

impl Question {
    fn new(sql: &str) -> Self {
        Self { sql: sql.to_owned(), values: Vec::new() }
    }

    fn add(mut self, sql: &str) -> Self {
        self.sql.push_str(sql);
        self
    }

    fn value(mut self, value: Value) -> Self {
        self.values.push(value);
        let place = format!("${}", self.values.len());
        self.add(&place)
    }

    fn text(self, value: &str) -> Self {
        self.value(Value::Text(value.to_owned()))
    }

    /// The condition and its value, when there is one.
    fn given(self, condition: &str, value: Option<&str>) -> Self {
        match value {
            Some(value) => self.add(condition).text(value),
            None => self,
        }
    }

    /// The row value lies after the cursor's place in the list, which is in falling order.
    fn below(self, row: &str, before: &Cursor) -> Self {
        let at = Value::Number(micros(before.at));
        self.add(row).add(" < (").value(at).add(", ").text(&before.id).add(")")
    }

    fn ordered(self, order: &str, most: i64) -> Self {
        self.add(" ORDER BY ").add(order).add(" LIMIT ").value(Value::Number(most))
    }
}

/// The builds that were seen last.
fn seen(narrow: &Narrow<'_>, part: Part<'_>) -> Question {
    Question::new("SELECT b.seen_at AS at, b.id AS place, b.id AS build_id FROM builds b WHERE ")
        .below("(b.seen_at, b.id)", part.before)
        .given(" AND b.app = ", narrow.app)
        .ordered("b.seen_at DESC, b.id DESC", part.most)
}

/// By channel or tag: every build once, at its newest move there.
fn moved(narrow: &Narrow<'_>, part: Part<'_>) -> Question {
    Question::new("SELECT m.moved_at AS at, m.id AS place, m.build_id FROM tag_moves m WHERE ")
        .below("(m.moved_at, m.id)", part.before)
        .given(" AND m.app = ", narrow.app)
        .given(" AND m.channel = ", narrow.channel)
        .given(" AND m.tag = ", narrow.tag)
        .add(" AND NOT EXISTS (SELECT 1 FROM tag_moves n WHERE n.build_id = m.build_id")
        .add(" AND (n.moved_at, n.id) > (m.moved_at, m.id)")
        // Expressions, so that the few moves of the build are looked at, not all of the channel.
        .given(" AND (n.channel || '') = ", narrow.channel)
        .given(" AND (n.tag || '') = ", narrow.tag)
        .add(")")
        .ordered("m.moved_at DESC, m.id DESC", part.most)
}

/// One way in which a search finds builds.
enum Way {
    /// All builds of this app, or that this tag was on.
    Name(Column, String),
    Beginning(Column, String),
}

#[derive(Clone, Copy)]
enum Column {
    App,
    Revision,
    Digest,
    Tag,
}

/// Each way finds at most one page; the page is the newest of all that they find.
fn searched(narrow: &Narrow<'_>, ways: &[Way], part: Part<'_>) -> Question {
    let mut question = Question::new("SELECT DISTINCT at, place, place AS build_id FROM (");
    for (number, way) in ways.iter().enumerate() {
        let joint = if number == 0 { "" } else { " UNION ALL " };
        question = question.add(joint).add("SELECT at, place FROM (");
        question = way.ask(question, narrow, part).add(&format!(") AS way{number}"));
    }
    question.add(") AS found").ordered("at DESC, place DESC", part.most)
}

impl Way {
    fn ask(&self, question: Question, narrow: &Narrow<'_>, part: Part<'_>) -> Question {
        const BUILDS: &str = "SELECT b.seen_at AS at, b.id AS place FROM builds b WHERE ";
        const MOVES: &str = "SELECT DISTINCT b.build_seen_at AS at, b.build_id AS place FROM tag_moves b WHERE ";
        let (Way::Name(column, text) | Way::Beginning(column, text)) = self;
        let (from, row, id) = match column {
            Column::Tag => (MOVES, "(b.build_seen_at, b.build_id)", "b.build_id"),
            _ => (BUILDS, "(b.seen_at, b.id)", "b.id"),
        };
        let column = column.as_str();
        let question = question.add(from).below(row, part.before);
        let question = match self {
            Way::Name(..) => question.add(&format!(" AND {column} = ")).text(text),
            Way::Beginning(..) => {
                let question = question.add(&format!(" AND {column} >= ")).text(text);
                question.add(&format!(" AND {column} < ")).text(&after_all(text))
            }
        };
        // An expression, so that no index on the app is chosen over the one that finds.
        let question = question.given(" AND (b.app || '') = ", narrow.app);
        filtered(question, narrow, id).ordered("at DESC, place DESC", part.most)
    }
}

impl Column {
    const fn as_str(self) -> &'static str {
        match self {
            Column::App => "b.app",
            Column::Revision => "b.revision",
            Column::Digest => "b.digest",
            Column::Tag => "b.tag",
        }
    }
}

/// A search within a channel or a tag: the build has been there.
fn filtered(question: Question, narrow: &Narrow<'_>, id: &str) -> Question {
    if narrow.channel.is_none() && narrow.tag.is_none() {
        return question;
    }
    question
        .add(&format!(" AND EXISTS (SELECT 1 FROM tag_moves f WHERE f.build_id = {id}"))
        .given(" AND (f.channel || '') = ", narrow.channel)
        .given(" AND (f.tag || '') = ", narrow.tag)
        .add(")")
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::Time;

    fn texts(plan: &[AnyRow]) -> Vec<String> {
        plan.iter().map(|row| row.try_get("detail").unwrap()).collect()
    }

    async fn plan(store: &Store, question: Question) -> Vec<String> {
        let asked = sqlx::query(sqlx::AssertSqlSafe(format!("EXPLAIN QUERY PLAN {}", question.sql)));
        let asked = question.values.into_iter().fold(asked, |asked, value| match value {
            Value::Text(text) => asked.bind(text),
            Value::Number(number) => asked.bind(number),
        });
        texts(&asked.fetch_all(store.read()).await.unwrap())
    }

    fn narrows() -> Vec<Narrow<'static>> {
        let mut all = Vec::new();
        for app in [None, Some("web")] {
            for channel in [None, Some("dev")] {
                for tag in [None, Some("dev")] {
                    all.push(Narrow { app, channel, tag, q: None });
                    all.push(Narrow { app, channel, tag, q: Some("de") });
                }
            }
        }
        all
    }

    #[tokio::test]
    async fn every_list_is_found_by_an_index_and_never_by_reading_a_table() {
        let folder = std::env::temp_dir().join(format!("slipway-plans-{}", std::process::id()));
        let store = Store::open(&format!("sqlite://{}/slipway.db", folder.display())).await.unwrap();
        let before = Cursor { at: Time::default(), id: "a".to_owned() };
        let part = Part { before: &before, most: 51 };
        for narrow in narrows() {
            let ways = [
                Way::Name(Column::App, "web".to_owned()),
                Way::Name(Column::Tag, "dev".to_owned()),
                Way::Beginning(Column::Revision, "de".to_owned()),
                Way::Beginning(Column::Digest, "sha256:de".to_owned()),
                Way::Beginning(Column::Tag, "de".to_owned()),
            ];
            let question = match narrow.q {
                Some(_) => searched(&narrow, &ways, part),
                None if narrow.channel.is_some() || narrow.tag.is_some() => moved(&narrow, part),
                None => seen(&narrow, part),
            };
            let plan = plan(&store, question).await;
            let scans = plan.iter().filter(|line| line.starts_with("SCAN ") && !line.contains("way") && !line.contains("found"));
            assert_eq!(scans.count(), 0, "{narrow:?}: {plan:#?}");
            let sorts = plan.iter().filter(|line| line.contains("TEMP B-TREE")).count();
            // A search sorts what three of its ways found, and at last one page of each way.
            assert!(sorts <= if narrow.q.is_some() { 6 } else { 0 }, "{narrow:?}: {plan:#?}");
        }
        store.close().await;
        std::fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn a_digest_is_found_with_and_without_its_algorithm() {
        assert_eq!(digest_beginning("0a1b"), Some("sha256:0a1b".to_owned()));
        assert_eq!(digest_beginning("sha256:0a1b"), Some("sha256:0a1b".to_owned()));
        for other in ["dev", "SHA256:0a", "sha256:", "0A", ""] {
            assert_eq!(digest_beginning(other), None, "{other}");
        }
    }
}
