//! What is different between two texts, line by line.

use serde::{Deserialize, Serialize};

/// Lines that are compared with each other; beyond, what is between the first and the last
/// difference counts as replaced.
const MOST: usize = 2000;

/// One line of the two texts together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(tag = "kind", content = "line", rename_all = "snake_case")]
pub enum DiffLine {
    Same(String),
    Gone(String),
    New(String),
}

/// How `old` becomes `new`.
pub fn lines(old: &str, new: &str) -> Vec<DiffLine> {
    let (old, new): (Vec<&str>, Vec<&str>) = (old.lines().collect(), new.lines().collect());
    let same = |pair: &(&&str, &&str)| pair.0 == pair.1;
    let head = old.iter().zip(&new).take_while(same).count();
    let (old_rest, new_rest) = (old.get(head..).unwrap_or_default(), new.get(head..).unwrap_or_default());
    let tail = old_rest.iter().rev().zip(new_rest.iter().rev()).take_while(same).count();
    let middle = |rest: &[&str]| -> Vec<String> {
        rest.iter().take(rest.len().saturating_sub(tail)).map(|line| (*line).to_owned()).collect()
    };
    let kept = |line: &&str| DiffLine::Same((*line).to_owned());
    let mut all: Vec<DiffLine> = old.iter().take(head).map(kept).collect();
    all.extend(between(middle(old_rest), middle(new_rest)));
    all.extend(old.iter().skip(old.len().saturating_sub(tail)).map(kept));
    all
}

/// The longest common subsequence decides which lines stay.
fn between(old: Vec<String>, new: Vec<String>) -> Vec<DiffLine> {
    if old.len() > MOST || new.len() > MOST {
        return old.into_iter().map(DiffLine::Gone).chain(new.into_iter().map(DiffLine::New)).collect();
    }
    let width = new.len() + 1;
    // How long the longest is from here to the ends; one row more than there are lines.
    let mut longest = vec![0_u16; (old.len() + 1) * width];
    let at = |longest: &[u16], i: usize, j: usize| longest.get(i * width + j).copied().unwrap_or_default();
    for i in (0..old.len()).rev() {
        for j in (0..new.len()).rev() {
            let value = if old.get(i) == new.get(j) {
                at(&longest, i + 1, j + 1) + 1
            } else {
                at(&longest, i + 1, j).max(at(&longest, i, j + 1))
            };
            if let Some(cell) = longest.get_mut(i * width + j) {
                *cell = value;
            }
        }
    }
    let (mut i, mut j, mut all) = (0, 0, Vec::new());
    let (mut old, mut new) = (old.into_iter().peekable(), new.into_iter().peekable());
    loop {
        match (old.peek(), new.peek()) {
            (Some(a), Some(b)) if a == b => {
                new.next();
                all.extend(old.next().map(DiffLine::Same));
                (i, j) = (i + 1, j + 1);
            }
            (Some(_), Some(_)) if at(&longest, i + 1, j) < at(&longest, i, j + 1) => {
                all.extend(new.next().map(DiffLine::New));
                j += 1;
            }
            (Some(_), _) => {
                all.extend(old.next().map(DiffLine::Gone));
                i += 1;
            }
            (None, Some(_)) => {
                all.extend(new.next().map(DiffLine::New));
                j += 1;
            }
            (None, None) => return all,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn side(all: &[DiffLine], is_old: bool) -> Vec<String> {
        let of = |line: &DiffLine| match line {
            DiffLine::Same(line) => Some(line.clone()),
            DiffLine::Gone(line) => is_old.then(|| line.clone()),
            DiffLine::New(line) => (!is_old).then(|| line.clone()),
        };
        all.iter().filter_map(of).collect()
    }

    #[test]
    fn a_line_that_was_changed_is_gone_and_new() {
        let all = lines("a\nb\nc\n", "a\nx\nc\nd\n");
        let word = |line: &str| line.to_owned();
        let wanted = [
            DiffLine::Same(word("a")),
            DiffLine::Gone(word("b")),
            DiffLine::New(word("x")),
            DiffLine::Same(word("c")),
            DiffLine::New(word("d")),
        ];
        assert_eq!(all, wanted);
        assert!(lines("", "").is_empty());
    }

    proptest! {
        #[test]
        fn both_texts_are_in_it_whole(old in "([a-c]\n){0,12}", new in "([a-c]\n){0,12}") {
            let all = lines(&old, &new);
            prop_assert_eq!(side(&all, true), old.lines().map(str::to_owned).collect::<Vec<_>>());
            prop_assert_eq!(side(&all, false), new.lines().map(str::to_owned).collect::<Vec<_>>());
            if old == new {
                prop_assert!(all.iter().all(|line| matches!(line, DiffLine::Same(_))));
            }
        }
    }

    #[test]
    fn long_texts_take_no_longer_than_they_may() {
        let long = |word: &str| (0..10_000).map(|n| format!("{word}{n}\n")).collect::<String>();
        assert_eq!(lines(&long("a"), &long("b")).len(), 20_000);
    }
}
