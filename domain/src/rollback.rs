//! The way back: which digest a rollback of a region goes to.

use crate::Digest;
use crate::promotion::PromotionKind;

/// One rollout of an app that has ended in a region, as far as the way back goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Past {
    pub kind: PromotionKind,
    pub digest: Digest,
    /// Verified or, if not, failed.
    pub verified: bool,
}

/// The digest that "roll back" offers, from the rollouts that ended in the region, oldest
/// first, and from what it is seen to run now, if it was looked at since the last of them.
///
/// What was verified lies in a pile: a promotion puts its digest on top, a rollback takes off
/// what lies above the one it went to. So pressing the button again goes one further back, and
/// never forward to what somebody has just left. The last rollout decides:
///
/// - **Verified:** the digest under the top. If the region runs something else than the top by
///   now, somebody changed it by hand, and the way back is the top.
/// - **A promotion that failed:** the top, though the record says that it runs there: the
///   region may be half done, and this makes it whole. If the very digest that failed lies on
///   top, because it was promoted a second time, it is the one under it: going to what has
///   just failed would be no way back.
/// - **A rollback that failed:** its digest again. That it was not reached says nothing against
///   it, and the one on top is what the operator wants to leave.
pub fn way_back<'a>(past: &'a [Past], runs: Option<&Digest>) -> Option<&'a Digest> {
    let pile = pile(past);
    let last = past.last()?;
    let top = pile.last().copied();
    let under = || pile.iter().rev().copied().find(|digest| Some(*digest) != top);
    match (last.kind, last.verified) {
        (kind, false) if kind.goes_back() => Some(&last.digest),
        (_, false) if top == Some(&last.digest) => under(),
        (_, false) => top,
        (_, true) if runs.is_some_and(|runs| Some(runs) != top) => top,
        (_, true) => under(),
    }
}

/// Where "roll back" will lead once `digest` was promoted there and verified.
pub fn back_after(past: &[Past], digest: &Digest) -> Option<Digest> {
    let then = Past { kind: PromotionKind::Promotion, digest: digest.clone(), verified: true };
    let past: Vec<Past> = past.iter().cloned().chain([then]).collect();
    way_back(&past, None).cloned()
}

/// The digest that was verified there last: what the record says that runs.
pub fn last_verified(past: &[Past]) -> Option<&Digest> {
    past.iter().rev().find(|rollout| rollout.verified).map(|rollout| &rollout.digest)
}

/// Whether a rollback may go to `digest`: it is the one that is offered, or it still lies in
/// the pile. What was rolled back from comes back only by a promotion of its own.
pub fn may_go_back_to(past: &[Past], runs: Option<&Digest>, digest: &Digest) -> bool {
    way_back(past, runs) == Some(digest) || pile(past).contains(&digest)
}

/// What was verified and not rolled back from since, the newest last.
fn pile(past: &[Past]) -> Vec<&Digest> {
    let mut pile: Vec<&Digest> = Vec::new();
    for rollout in past.iter().filter(|rollout| rollout.verified) {
        if rollout.kind.goes_back()
            && let Some(place) = pile.iter().rposition(|digest| **digest == rollout.digest)
        {
            pile.truncate(place + 1);
        } else if pile.last() != Some(&&rollout.digest) {
            pile.push(&rollout.digest);
        }
    }
    pile
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn digest(letter: char) -> Digest {
        let digit = char::from_digit(u32::from(letter.to_ascii_uppercase()) - u32::from('A') + 10, 16).expect("A to F");
        format!("sha256:{}", digit.to_string().repeat(64)).parse().expect("a digest")
    }

    /// `A` was promoted and verified, `a` promoted and failed; with `<` before it, rolled back to.
    fn past(story: &str) -> Vec<Past> {
        let mut kind = PromotionKind::Promotion;
        let mut past = Vec::new();
        for letter in story.chars() {
            if letter == '<' {
                kind = PromotionKind::Rollback;
                continue;
            }
            past.push(Past { kind, digest: digest(letter), verified: letter.is_ascii_uppercase() });
            kind = PromotionKind::Promotion;
        }
        past
    }

    fn back(story: &str, runs: Option<char>) -> Option<char> {
        let (past, runs) = (past(story), runs.map(digest));
        let found = way_back(&past, runs.as_ref())?;
        ('A'..='F').find(|letter| digest(*letter) == *found)
    }

    #[test]
    fn back_is_what_was_verified_before() {
        assert_eq!(back("", None), None);
        assert_eq!(back("A", None), None);
        assert_eq!(back("AB", None), Some('A'));
        assert_eq!(back("AB", Some('B')), Some('A'));
        assert_eq!(back("AABB", None), Some('A'), "a digest verified twice is one");
        assert_eq!(back("ABA", None), Some('B'), "promoted again is forward");
    }

    #[test]
    fn pressing_again_goes_further_back_and_never_to_what_was_left() {
        assert_eq!(back("ABC", None), Some('B'));
        assert_eq!(back("ABC<B", None), Some('A'));
        assert_eq!(back("ABC<B<A", None), None);
        assert_eq!(back("AB<A", None), None, "not forward to what was rolled back from");
        assert_eq!(back("AB<AC", None), Some('A'));
    }

    #[test]
    fn after_a_failed_promotion_back_is_what_the_record_says_runs() {
        assert_eq!(back("Ab", None), Some('A'));
        assert_eq!(back("Ab", Some('B')), Some('A'), "half done");
        assert_eq!(back("Ab", Some('A')), Some('A'), "never reached: it is verified again");
        assert_eq!(back("ABcd", None), Some('B'));
        assert_eq!(back("a", None), None, "there was never anything");
    }

    #[test]
    fn what_failed_when_promoted_again_is_no_way_back() {
        assert_eq!(back("ABb", None), Some('A'));
        assert_eq!(back("Aa", None), None);
    }

    #[test]
    fn a_failed_rollback_is_tried_again() {
        assert_eq!(back("AB<a", None), Some('A'));
        assert_eq!(back("AB<a<a", Some('B')), Some('A'));
        assert_eq!(back("AB<a<A", None), None);
        assert_eq!(back("Ab<a", None), Some('A'));
    }

    #[test]
    fn what_somebody_changed_by_hand_is_undone_to_the_record() {
        assert_eq!(back("AB", Some('F')), Some('B'));
        assert_eq!(back("A", Some('F')), Some('A'));
        assert_eq!(back("AB<A", Some('B')), Some('A'));
    }

    #[test]
    fn back_after_a_promotion_is_what_runs_before_it() {
        let after = |story: &str, next: char| back_after(&past(story), &digest(next));
        assert_eq!(after("", 'A'), None);
        assert_eq!(after("A", 'B'), Some(digest('A')));
        assert_eq!(after("AB", 'B'), Some(digest('A')), "verified once more");
        assert_eq!(after("AB<A", 'C'), Some(digest('A')));
        assert_eq!(after("Ab", 'C'), Some(digest('A')));
        assert_eq!(last_verified(&past("AB<Ac")), Some(&digest('A')));
    }

    #[test]
    fn a_chosen_digest_must_still_lie_in_the_pile() {
        let may = |story: &str, to: char| may_go_back_to(&past(story), None, &digest(to));
        assert!(may("ABC", 'A') && may("ABC", 'B') && may("ABC", 'C'));
        assert!(!may("ABC", 'D') && !may("AB<A", 'B') && !may("Ab", 'B') && !may("", 'A'));
        assert!(may("AB<a", 'A'));
    }

    proptest! {
        #[test]
        fn back_leads_only_to_what_was_verified_there(story in "(<?[A-Ca-c]){0,12}") {
            let past = past(&story);
            // A rollback only ever goes where the button led.
            let honest = (0..past.len()).all(|at| {
                past[at].kind == PromotionKind::Promotion || may_go_back_to(&past[..at], None, &past[at].digest)
            });
            if let (true, Some(to)) = (honest, way_back(&past, None)) {
                prop_assert!(past.iter().any(|rollout| rollout.verified && rollout.digest == *to));
                prop_assert!(may_go_back_to(&past, None, to));
            }
        }

        #[test]
        fn pressing_until_it_ends_visits_nothing_twice(story in "[A-D]{0,8}") {
            let mut past = past(&story);
            let mut visited = Vec::new();
            while let Some(to) = way_back(&past, None).cloned() {
                prop_assert!(past.len() < 40, "it never ends");
                visited.push(to.clone());
                past.push(Past { kind: PromotionKind::Rollback, digest: to, verified: true });
            }
            prop_assert!(visited.len() <= story.len());
        }
    }
}
