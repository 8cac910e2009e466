//! What `git log -z` prints, read.

use domain::commits::{Commit, MOST_COMMITS};

/// Hash, parents, time, author and subject, a line each; a zero byte ends a commit. None of
/// them can hold a line's end or a zero byte: git cuts headers and subjects at them.
pub const FORMAT: &str = "--format=%H%n%P%n%ct%n%an%n%s";

/// The commits, as many as are kept. What was cut off in the middle is read as far as it goes.
pub fn read(out: &[u8]) -> Vec<Commit> {
    out.split(|byte| *byte == 0).filter_map(one).take(MOST_COMMITS).collect()
}

fn one(record: &[u8]) -> Option<Commit> {
    let text = String::from_utf8_lossy(record);
    let mut lines = text.splitn(5, '\n');
    let mut line = || lines.next();
    let (hash, parents, at, author, subject) = (line()?, line()?, line()?, line()?, line()?);
    let at = chrono::DateTime::from_timestamp(at.trim().parse().ok()?, 0)?;
    Commit::read(hash.trim(), author, at, subject, parents.split(' '))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const A: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
    const B: &str = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";

    #[test]
    fn commits_are_read_with_their_parents() {
        let out = format!("{A}\n{B} {B}\n1790000000\nWu Mei\nMerge: sell boats\0{B}\n\n1780000000\nAlice\n\0");
        let found = read(out.as_bytes());
        assert_eq!(found.len(), 2);
        assert_eq!((found[0].author.as_str(), found[0].subject.as_str()), ("Wu Mei", "Merge: sell boats"));
        assert_eq!(found[0].parents, [B, B]);
        assert_eq!(found[0].at.timestamp(), 1_790_000_000);
        assert!(found[1].parents.is_empty() && found[1].subject.is_empty());
    }

    #[test]
    fn what_is_no_commit_is_passed_over() {
        let good = format!("{A}\n\n1790000000\na\ns");
        for bad in ["", "x", "a\nb\nc\nd\ne", &format!("{A}\n\nlate\na\ns"), &format!("{A}\n\n99999999999999999\na\ns")] {
            assert_eq!(read(format!("{bad}\0{good}\0").as_bytes()).len(), 1, "{bad:?}");
        }
        // Cut in the middle of a subject: what is there is shown.
        assert_eq!(read(format!("{A}\n\n1790000000\na\nhalf a sub").as_bytes())[0].subject, "half a sub");
        assert_eq!(read(format!("{A}\n\n1790000000\na").as_bytes()).len(), 0);
        assert_eq!(read(good.as_bytes()).len(), 1);
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            prop_assert!(read(&bytes).len() <= MOST_COMMITS);
        }
    }
}
