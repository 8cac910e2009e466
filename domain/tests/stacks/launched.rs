//! Variables: what a launch fills in, and what it cannot.

use super::{read, refusal, web};
use domain::Problem;
use domain::problem::Fault;
use domain::stack::{Stack, Variable};
use proptest::prelude::*;
use std::collections::BTreeMap;

fn values(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn filled(compose: &str, pairs: &[(&str, &str)]) -> Stack {
    Stack::filled(compose, |_| true, &values(pairs)).unwrap_or_else(|problem| panic!("{problem}\n{compose}"))
}

const GREETING: &str = "services:
  web:
    image: registry.test/team/web:${TAG:-dev}
    command: [serve, '--title=${TITLE}', 'cost: 5$$']
    environment:
      TITLE: ${TITLE}
      PLACE: ${PLACE-here}
      KEY: ${KEY:?ask the team}
      BOTH: ${TITLE}/${PLACE:-there}
    mem_limit: ${MEMORY:-64m}
    read_only: ${READ_ONLY:-true}
";

#[test]
fn the_variables_of_a_file_are_listed_with_defaults_and_lines() {
    let stack = read(GREETING);
    let words =
        |variable: &Variable| (variable.name.clone(), variable.default.clone(), variable.required, variable.lines.clone());
    let all: Vec<_> = stack.variables.iter().map(words).collect();
    let some = |text: &str| Some(text.to_owned());
    let row = |name: &str, default, required, lines: &[u64]| (name.to_owned(), default, required, lines.to_vec());
    assert_eq!(
        all,
        [
            row("TAG", some("dev"), false, &[3]),
            row("TITLE", None, true, &[4, 6, 9]),
            row("PLACE", some("here"), false, &[7, 9]),
            row("KEY", None, true, &[8]),
            row("MEMORY", some("64m"), false, &[10]),
            row("READ_ONLY", some("true"), false, &[11]),
        ]
    );
    assert_eq!(stack.variables[3].message.as_deref(), Some("ask the team"));
    let web = &stack.services[0];
    assert_eq!(web.environment["TITLE"], "${TITLE}", "what only a launch knows stands as it is written");
    assert_eq!((web.environment["BOTH"].as_str(), web.memory_mib, web.read_only), ("${TITLE}/there", 64, true));
    assert_eq!(web.command[2], "cost: 5$");
}

#[test]
fn a_launch_fills_them_in() {
    let stack = filled(GREETING, &[("TITLE", "a $5 ${shop}"), ("KEY", "k"), ("PLACE", ""), ("MEMORY", "128m"), ("OTHER", "x")]);
    let web = &stack.services[0];
    assert_eq!(web.environment["TITLE"], "a $5 ${shop}", "a value is not filled in again");
    assert_eq!(web.environment["PLACE"], "", "given, and empty");
    assert_eq!(web.environment["BOTH"], "a $5 ${shop}/there", "with a colon, empty counts as not given");
    assert_eq!((web.command[1].as_str(), web.memory_mib), ("--title=a $5 ${shop}", 128));
    let missing = |pairs: &[(&str, &str)]| Stack::filled(GREETING, |_| true, &values(pairs));
    let needed = |reason: &str| Err(Problem::invalid("variables", Fault::Refused { reason: reason.to_owned() }));
    assert_eq!(missing(&[("KEY", "k")]), needed("TITLE is needed"));
    assert_eq!(missing(&[("TITLE", ""), ("KEY", "")]), needed("KEY is needed: ask the team"));
}

#[test]
fn what_a_launch_gives_is_checked_like_what_is_written() {
    let bad = Stack::filled(GREETING, |_| true, &values(&[("TITLE", ""), ("KEY", "k"), ("MEMORY", "1000g")]));
    assert!(matches!(bad, Err(Problem::Stack { line: 10, .. })), "{bad:?}");
    let image = Stack::filled(GREETING, |_| true, &values(&[("TITLE", ""), ("KEY", "k"), ("TAG", "a b")]));
    assert!(matches!(image, Err(Problem::Stack { line: 3, .. })), "{image:?}");
    let volume = web("volumes: ['${V:-data}:/data']\nvolumes: { data: }");
    let host = Stack::filled(&volume, |_| true, &values(&[("V", "/etc")]));
    assert!(matches!(host, Err(Problem::Stack { .. })), "{host:?}");
    let build = Stack::filled(&web("environment: { A: '${A}' }"), |_| true, &values(&[("A", "${BUILD_WEB}")])).expect("text");
    assert_eq!(build.services[0].environment["A"], "${BUILD_WEB}", "a value is never a build");
    let zero = Stack::filled(&web("environment: { A: '${A}' }"), |_| true, &values(&[("A", "\0")]));
    assert!(matches!(zero, Err(Problem::Stack { .. })));
}

#[test]
fn what_is_no_variable_is_refused_where_it_stands() {
    for (line, shown) in [
        ("command: echo $HOME", "$HOME"),
        ("command: [echo, '${HOME']", "${HOME"),
        ("environment: { A: '${BUILD_WEB}' }", "${BUILD_WEB}"),
        ("environment: { A: 'x${BUILD_WEB}' }", "${BUILD_WEB}"),
        ("environment: ['A=${SECRET:+x}']", "${SECRET:+x}"),
        ("environment: ['A=${SECRET:-${OTHER}}']", "${SECRET:-${OTHER}"),
        ("healthcheck: { test: 'test ${1}' }", "${1}"),
        ("tmpfs: ${}", "${}"),
        ("mem_limit: ${A:}", "${A:}"),
    ] {
        let (at, _, why) = refusal(&web(line));
        let Fault::Refused { reason } = why else { panic!("{why}") };
        assert!(at == 4 && reason.contains(&format!("the placeholder {shown}")), "{line}: {reason}");
    }
    for image in
        ["${BUILD_web}", "${BUILD_WEB:-x}", "$BUILD_WEB", "${BUILD_}", "${WEB}", "${BUILD_A__}x", "a.b/c:${TAG}", "${BUILD_1A}"]
    {
        let (line, key, why) = refusal(&format!("services:\n  web:\n    image: {image}\n"));
        assert_eq!((line, key.as_str()), (3, "services.web.image"));
        assert!(matches!(why, Fault::Refused { .. }), "{image}: {why}");
    }
    let dollars = read(&web("environment: { A: 'a$$b$$$$c' }"));
    assert_eq!(dollars.services[0].environment["A"], "a$b$$c");
    let open = refusal(&web("mem_limit: ${MEMORY}"));
    assert!(open.2.to_string().contains("a variable without a default"), "{}", open.2);
    let many: String = (0..101).map(|n| format!("${{V{n}:-}}")).collect();
    assert!(refusal(&web(&format!("environment: {{ A: '{many}' }}"))).2.to_string().contains("more than 100 variables"));
    assert_eq!(read(&web("x-note: costs 5$ a month")).variables, [], "what is for no one is not filled in");
}

#[test]
fn a_file_that_multiplies_a_value_is_refused() {
    let compose = web(&format!("environment: {{ A: '{}', B: '{}' }}", "${V:-}".repeat(500), "${V:-}".repeat(500)));
    let big = "x".repeat(30_000);
    let refused = Stack::filled(&compose, |_| true, &values(&[("V", big.as_str())]));
    assert!(matches!(refused, Err(Problem::Stack { line: 4, .. })));
}

proptest! {
    #[test]
    fn what_is_given_is_what_arrives(value in "[ -~é中\n\t]{0,40}", default in "[ -#%-|~]{0,20}") {
        let compose = format!("services:\n  web:\n    image: ${{BUILD_WEB}}\n    environment:\n      A: \"${{A}}\"\n      B: '${{B-{}}}'\n", default.replace('\'', "''"));
        let stack = filled(&compose, &[("A", value.as_str())]);
        let environment = &stack.services[0].environment;
        prop_assert_eq!((&environment["A"], &environment["B"]), (&value, &default));
    }
}
