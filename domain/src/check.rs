//! Checks: a one-shot service that judges a release set, by its exit code and by the JUnit report
//! that it may print. What a check says is evidence; verdicts are people's.

use crate::problem::Fault;
use crate::promotion::state_text;
use quick_xml::XmlVersion;
use quick_xml::events::{BytesStart, Event};
use quick_xml::reader::Reader;
use serde::{Deserialize, Serialize};

/// `waiting` → `running` → `passed` or `failed`; `broken` when it could not be carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum CheckState {
    Waiting,
    Running,
    Passed,
    Failed,
    Broken,
}

state_text! {
    CheckState { Waiting = "waiting", Running = "running", Passed = "passed", Failed = "failed", Broken = "broken" }
}

/// What a report says, counted from its cases and not from what it says of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Report {
    pub tests: u32,
    pub failures: u32,
    pub errors: u32,
    pub skipped: u32,
    /// The first of those that did not pass.
    pub failing: Vec<FailingCase>,
}

/// A case that did not pass.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct FailingCase {
    /// Its class or suite; may be empty.
    pub group: String,
    pub name: String,
    /// What it says went wrong; may be empty.
    pub message: String,
}

/// A check prints no more than this that is read.
pub const MOST_REPORT: usize = 4 << 20;
const MOST_CASES: u32 = 100_000;
const MOST_FAILING: usize = 50;
const MOST_DEPTH: usize = 32;
const MOST_NAME: usize = 200;
const MOST_MESSAGE: usize = 500;

/// What a check that ended amounts to.
pub fn outcome(exit_code: i64, report: Option<&Report>) -> CheckState {
    let clean = report.is_none_or(|report| report.failures == 0 && report.errors == 0);
    if exit_code == 0 && clean { CheckState::Passed } else { CheckState::Failed }
}

/// The first JUnit report in what a program printed: it begins with `<testsuites` or `<testsuite`
/// and ends with that element. Whatever stands before and after is not read.
///
/// # Errors
/// [`Fault`] when it begins and is not well-formed, or has more than anyone reads.
pub fn read_report(printed: &str) -> Result<Option<Report>, Fault> {
    let Some(begin) = printed.find("<testsuite") else { return Ok(None) };
    let text = printed.get(begin..).unwrap_or_default();
    if text.len() > MOST_REPORT {
        return Err(Fault::TooBig { most: MOST_REPORT as u64 });
    }
    let mut reader = Reader::from_str(text);
    let mut reading = Reading::default();
    loop {
        let event = reader.read_event().map_err(|_| unreadable("it is not well-formed"))?;
        match event {
            Event::Start(tag) => reading.open(&tag)?,
            Event::Empty(tag) => {
                reading.open(&tag)?;
                reading.close();
            }
            Event::End(_) => reading.close(),
            Event::Text(text) => reading.says(&text.xml10_content()),
            Event::CData(text) => reading.says(&text.xml10_content()),
            Event::DocType(_) => return Err(Fault::Refused { reason: "a document type in a report".to_owned() }),
            Event::Eof => return Err(unreadable("it ends in the middle")),
            Event::Comment(_) | Event::Decl(_) | Event::PI(_) | Event::GeneralRef(_) => {}
        }
        if reading.path.is_empty() {
            return Ok(Some(reading.report));
        }
    }
}

fn unreadable(detail: &str) -> Fault {
    Fault::Unreadable { detail: detail.to_owned() }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Case,
    Failure,
    Error,
    Skipped,
    Other,
}

/// A case that is open, and the worst that was said of it.
#[derive(Default)]
struct Case {
    group: String,
    name: String,
    failed: bool,
    broke: bool,
    skipped: bool,
    message: String,
}

#[derive(Default)]
struct Reading {
    path: Vec<Part>,
    case: Option<Case>,
    report: Report,
}

impl Reading {
    fn open(&mut self, tag: &BytesStart<'_>) -> Result<(), Fault> {
        if self.path.len() >= MOST_DEPTH {
            return Err(Fault::Refused { reason: format!("a report nested more than {MOST_DEPTH} deep") });
        }
        let inside = self.path.last() == Some(&Part::Case);
        let part = match tag.local_name().as_ref() {
            "testcase" if self.case.is_none() => Part::Case,
            "failure" if inside => Part::Failure,
            "error" if inside => Part::Error,
            "skipped" if inside => Part::Skipped,
            _ => Part::Other,
        };
        self.path.push(part);
        if part == Part::Case {
            if self.report.tests >= MOST_CASES {
                return Err(Fault::Refused { reason: format!("a report of more than {MOST_CASES} cases") });
            }
            self.report.tests += 1;
            let (group, name) = (attribute(tag, "classname", MOST_NAME), attribute(tag, "name", MOST_NAME));
            self.case = Some(Case { group, name, ..Case::default() });
        } else if let Some(case) = &mut self.case {
            case.failed |= part == Part::Failure;
            case.broke |= part == Part::Error;
            case.skipped |= part == Part::Skipped;
            if matches!(part, Part::Failure | Part::Error) && case.message.is_empty() {
                case.message = attribute(tag, "message", MOST_MESSAGE);
            }
        }
        Ok(())
    }

    /// What stands inside a failure is its message, where it has no other.
    fn says(&mut self, text: &str) {
        if let (Some(Part::Failure | Part::Error), Some(case)) = (self.path.last(), &mut self.case)
            && case.message.is_empty()
        {
            case.message = clean(text.trim(), MOST_MESSAGE);
        }
    }

    fn close(&mut self) {
        if self.path.pop() != Some(Part::Case) {
            return;
        }
        let Some(case) = self.case.take() else { return };
        let report = &mut self.report;
        match (case.broke, case.failed, case.skipped) {
            (true, ..) => report.errors += 1,
            (_, true, _) => report.failures += 1,
            (.., true) => report.skipped += 1,
            _ => {}
        }
        if (case.broke || case.failed) && report.failing.len() < MOST_FAILING {
            report.failing.push(FailingCase { group: case.group, name: case.name, message: case.message });
        }
    }
}

/// An attribute as text that can be shown; empty when it is not there or cannot be read.
fn attribute(tag: &BytesStart<'_>, name: &str, most: usize) -> String {
    let found = tag.attributes().with_checks(false).flatten().find(|attribute| attribute.key.as_ref() == name);
    let value = found.and_then(|attribute| attribute.normalized_value(XmlVersion::Explicit1_0).ok());
    value.map(|value| clean(&value, most)).unwrap_or_default()
}

/// Without what a terminal would obey, in one line, cut to a readable length.
fn clean(text: &str, most: usize) -> String {
    let mut readable = text.chars().map(|c| if c.is_control() { ' ' } else { c });
    let mut text: String = readable.by_ref().take(most).collect();
    if readable.next().is_some() {
        text.pop();
        text.push('…');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MIXED: &str = r#"running 4 tests
<?xml version="1.0"?>
<testsuites tests="9" failures="0"><testsuite name="shop">
  <testcase classname="cart" name="adds"/>
  <testcase classname="cart" name="pays &amp; ships"><failure message="402 &lt;&gt; 200">trace</failure></testcase>
  <testcase name="mails"><error>no
route</error><system-out><![CDATA[<testcase name="not one"/>]]></system-out></testcase>
  <testcase name="later"><skipped/></testcase>
</testsuite></testsuites>
done, </testsuites> and more"#;

    #[test]
    fn a_report_is_found_in_what_was_printed_and_counted_case_by_case() {
        let report = read_report(MIXED).expect("readable").expect("a report");
        assert_eq!((report.tests, report.failures, report.errors, report.skipped), (4, 1, 1, 1));
        let told: Vec<_> = report.failing.iter().map(|case| (case.name.as_str(), case.message.as_str())).collect();
        assert_eq!(told, [("pays & ships", "402 <> 200"), ("mails", "no route")]);
        assert_eq!(outcome(0, Some(&report)), CheckState::Failed, "whatever the exit code says");
        assert_eq!(read_report("all is well\n"), Ok(None));
        assert_eq!((outcome(0, None), outcome(1, None)), (CheckState::Passed, CheckState::Failed));
        let clean = read_report("<testsuite><testcase name='a'/></testsuite>").expect("readable").expect("a report");
        assert_eq!((outcome(0, Some(&clean)), outcome(2, Some(&clean))), (CheckState::Passed, CheckState::Failed));
    }

    #[test]
    fn what_is_no_report_is_refused_in_a_word() {
        for bad in ["<testsuite>", "<testsuite><testcase></testsuite>", "<testsuites", "<testsuite a='"] {
            assert!(read_report(bad).is_err(), "{bad}");
        }
        let doctype = "<testsuite><!DOCTYPE x [<!ENTITY a \"aaaa\">]>&a;</testsuite>";
        assert!(read_report(doctype).is_err());
        let deep = format!("<testsuite>{}", "<a>".repeat(MOST_DEPTH + 1));
        assert!(matches!(read_report(&deep), Err(Fault::Refused { .. })));
        let long = format!("<testsuite>{}</testsuite>", " ".repeat(MOST_REPORT));
        assert!(matches!(read_report(&long), Err(Fault::TooBig { .. })));
    }

    #[test]
    fn only_the_first_failing_cases_are_kept_and_none_is_long() {
        let case = format!("<testcase name='{}'><failure message='{}'/></testcase>", "n".repeat(999), "m".repeat(9999));
        let report = read_report(&format!("<testsuite>{}</testsuite>", case.repeat(200))).expect("readable").expect("a report");
        assert_eq!((report.failures, report.failing.len()), (200, MOST_FAILING));
        assert!(
            report
                .failing
                .iter()
                .all(|case| case.name.chars().count() <= MOST_NAME && case.message.chars().count() <= MOST_MESSAGE)
        );
    }

    proptest! {
        #[test]
        fn nothing_that_is_printed_breaks_the_reading(printed in "(<testsuite>)?(<[a-z]{1,8}( name='.{0,5}')?/?>|</[a-z]{1,8}>|&[a-z]{0,4};|<!\\[CDATA\\[|\\PC){0,40}(</testsuite>)?") {
            if let Ok(Some(report)) = read_report(&printed) {
                prop_assert!(report.failures + report.errors + report.skipped <= report.tests);
                prop_assert!(report.failing.len() <= MOST_FAILING);
            }
        }
    }
}
