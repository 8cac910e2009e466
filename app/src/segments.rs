//! A line of a log cut where its look changes and where what is sought begins and ends. Pages and
//! islands draw from the same cuts.

use domain::log::hits;

/// Characters of one look.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segment<'a> {
    pub text: &'a str,
    /// The words of the style sheet; empty for a plain one.
    pub look: &'a str,
    /// Whether it is what was sought.
    pub hit: bool,
}

/// Cuts `text`. `pieces` says how many characters have which look; what it does not cover is plain.
pub fn segments<'a>(text: &'a str, pieces: &'a [(u32, String)], sought: &str) -> Vec<Segment<'a>> {
    let hits = hits(text, sought);
    let mut ends: Vec<usize> = hits.iter().flat_map(|hit| [hit.start, hit.end]).collect();
    let mut looks: Vec<(usize, &str)> = Vec::with_capacity(pieces.len());
    let mut chars = text.char_indices().map(|(at, c)| at + c.len_utf8());
    for (count, look) in pieces {
        let Some(end) = usize::try_from(*count).ok().and_then(|count| chars.nth(count.checked_sub(1)?)) else { continue };
        looks.push((end, look));
        ends.push(end);
    }
    ends.push(text.len());
    ends.sort_unstable();
    ends.dedup();
    let mut cut = Vec::with_capacity(ends.len());
    let mut from = 0;
    for end in ends {
        let Some(text) = text.get(from..end).filter(|text| !text.is_empty()) else { continue };
        let look = looks.iter().find(|(until, _)| end <= *until).map_or("", |(_, look)| look);
        let hit = hits.iter().any(|hit| hit.start <= from && end <= hit.end);
        cut.push(Segment { text, look, hit });
        from = end;
    }
    cut
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(text: &str, pieces: &[(u32, &str)], sought: &str) -> Vec<(String, String, bool)> {
        let pieces: Vec<(u32, String)> = pieces.iter().map(|(count, look)| (*count, (*look).to_owned())).collect();
        let owned = |part: &Segment<'_>| (part.text.to_owned(), part.look.to_owned(), part.hit);
        segments(text, &pieces, sought).iter().map(owned).collect()
    }

    fn part(text: &str, look: &str, hit: bool) -> (String, String, bool) {
        (text.to_owned(), look.to_owned(), hit)
    }

    #[test]
    fn a_line_is_cut_where_its_look_changes_and_where_the_sought_stands() {
        assert_eq!(cut("plain", &[], ""), [part("plain", "", false)]);
        assert_eq!(
            cut("a red b", &[(2, ""), (3, "ink-1"), (2, "")], "ed b"),
            [part("a ", "", false), part("r", "ink-1", false), part("ed", "ink-1", true), part(" b", "", true),]
        );
        assert_eq!(
            cut("构建 ok", &[(2, "bold")], "建 O"),
            [part("构", "bold", false), part("建", "bold", true), part(" o", "", true), part("k", "", false)]
        );
        assert!(cut("", &[(3, "bold")], "x").is_empty());
        assert_eq!(cut("ab", &[(0, "bold"), (99, "dim")], ""), [part("ab", "", false)], "a piece that is not there");
    }
}
