//! Test plans: the checklist of an app, and what a tester found at each of its items.
//!
//! A verdict keeps the items as they were, so that what was tested can be read when the plan is
//! long another.

use crate::problem::{Fault, Noun};
use crate::verdict::VerdictKind;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Items of one plan; more would be clicked through unread.
pub const MOST_ITEMS: usize = 60;
/// Characters of an item's text.
pub const MOST_ITEM: usize = 200;

/// One thing to look at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct ChecklistItem {
    /// What it is called in forms and in REST: `login`.
    pub id: String,
    pub text: String,
}

/// What was found at an item.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum ItemResult {
    Pass,
    Fail,
    /// Could not be looked at.
    Blocked,
    #[default]
    NotDone,
}

impl ItemResult {
    pub const ALL: [ItemResult; 4] = [ItemResult::NotDone, ItemResult::Pass, ItemResult::Fail, ItemResult::Blocked];

    pub const fn as_str(self) -> &'static str {
        match self {
            ItemResult::Pass => "pass",
            ItemResult::Fail => "fail",
            ItemResult::Blocked => "blocked",
            ItemResult::NotDone => "not_done",
        }
    }
}

/// An item as it was, with what was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct JudgedItem {
    pub id: String,
    pub text: String,
    pub result: ItemResult,
}

/// A plan as it was, with what was found at each item.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct JudgedPlan {
    /// [`version`] of the items.
    pub version: String,
    pub items: Vec<JudgedItem>,
}

/// The version of a plan: 16 digits that differ when an id, a text or the order does. It tells
/// plans apart and guards against nobody; the items themselves are kept with each verdict.
pub fn version(items: &[ChecklistItem]) -> String {
    const FNV_OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
    const FNV_PRIME: u64 = 0x0000_0100_0000_01b3;
    // A byte that no text has ends each part, so that none runs into the next.
    let parts = items.iter().flat_map(|item| [item.id.as_bytes(), &[0xff], item.text.as_bytes(), &[0xff]]);
    let hash = parts.flatten().fold(FNV_OFFSET, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(FNV_PRIME));
    format!("{hash:016x}")
}

/// What is wrong with a plan, if something is: the item's id or place, and why.
///
/// # Errors
/// [`Fault`] at the first item that cannot be one.
pub fn check(items: &[ChecklistItem]) -> Result<(), (String, Fault)> {
    if items.len() > MOST_ITEMS {
        return Err((String::new(), Fault::Refused { reason: format!("more than {MOST_ITEMS} items") }));
    }
    let mut seen = BTreeSet::new();
    for item in items {
        let at = |why| Err((item.id.chars().take(40).collect(), why));
        if !crate::config::valid_name(&item.id) {
            return at(Fault::BadName);
        }
        if !seen.insert(&item.id) {
            return at(Fault::Twice);
        }
        if item.text.trim().is_empty() {
            return at(Fault::Missing);
        }
        if item.text.chars().count() > MOST_ITEM || item.text.chars().any(char::is_control) {
            return at(Fault::TooLong { most: MOST_ITEM as u64 });
        }
    }
    Ok(())
}

/// Puts what was found beside the items; what nothing was said about was not done. None for an
/// app without a plan.
///
/// # Errors
/// [`Fault::Unknown`] for an item that the plan has not.
pub fn judge(items: &[ChecklistItem], found: &BTreeMap<String, ItemResult>) -> Result<Option<JudgedPlan>, Fault> {
    if let Some(unknown) = found.keys().find(|id| items.iter().all(|item| item.id != **id)) {
        return Err(Fault::Unknown { what: Noun::Item, name: unknown.chars().take(40).collect() });
    }
    if items.is_empty() {
        return Ok(None);
    }
    let item = |item: &ChecklistItem| JudgedItem {
        result: found.get(&item.id).copied().unwrap_or_default(),
        id: item.id.clone(),
        text: item.text.clone(),
    };
    Ok(Some(JudgedPlan { version: version(items), items: items.iter().map(item).collect() }))
}

impl JudgedPlan {
    /// How many items ended so.
    pub fn count(&self, result: ItemResult) -> usize {
        self.items.iter().filter(|item| item.result == result).count()
    }

    /// Whether a verdict of this kind can be given on what was found: where an item failed, only
    /// a fail can; and a pass over items that were not looked at says why in its note.
    ///
    /// # Errors
    /// [`Fault`] with the field of the form that it is about.
    pub fn allows(&self, kind: VerdictKind, note: &str) -> Result<(), (&'static str, Fault)> {
        let failed = self.items.iter().find(|item| item.result == ItemResult::Fail);
        if let Some(failed) = failed.filter(|_| kind != VerdictKind::Fail) {
            let reason = format!("the item {} failed, so the verdict is a fail", failed.id);
            return Err(("kind", Fault::Refused { reason }));
        }
        let all_done = self.count(ItemResult::Pass) == self.items.len();
        if kind == VerdictKind::Pass && !all_done && note.trim().is_empty() {
            return Err(("note", Fault::Missing));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn items(texts: &[(String, String)]) -> Vec<ChecklistItem> {
        texts.iter().map(|(id, text)| ChecklistItem { id: id.clone(), text: text.clone() }).collect()
    }

    fn plan() -> Vec<ChecklistItem> {
        items(&[("login", "Sign in"), ("share", "Share a tour")].map(|(id, text)| (id.to_owned(), text.to_owned())))
    }

    fn found(of: &[(&str, ItemResult)]) -> BTreeMap<String, ItemResult> {
        of.iter().map(|(id, result)| ((*id).to_owned(), *result)).collect()
    }

    fn any_result() -> impl Strategy<Value = ItemResult> {
        prop::sample::select(ItemResult::ALL.to_vec())
    }

    #[test]
    fn what_nothing_was_said_about_was_not_done() {
        let judged = judge(&plan(), &found(&[("share", ItemResult::Pass)])).expect("judged").expect("a plan");
        assert_eq!(judged.items.iter().map(|item| item.result).collect::<Vec<_>>(), [ItemResult::NotDone, ItemResult::Pass]);
        assert_eq!(judge(&[], &BTreeMap::new()), Ok(None));
        let unknown = judge(&plan(), &found(&[("logout", ItemResult::Pass)]));
        assert!(matches!(unknown, Err(Fault::Unknown { .. })), "{unknown:?}");
    }

    #[test]
    fn a_plan_says_what_is_wrong_with_it() {
        let with = |id: &str, text: &str| [plan(), items(&[(id.to_owned(), text.to_owned())])].concat();
        assert_eq!(check(&plan()), Ok(()));
        assert_eq!(check(&with("login", "Again")), Err(("login".to_owned(), Fault::Twice)));
        assert_eq!(check(&with("Login", "x")), Err(("Login".to_owned(), Fault::BadName)));
        assert_eq!(check(&with("x", " ")), Err(("x".to_owned(), Fault::Missing)));
        assert!(check(&with("x", "a\nb")).is_err() && check(&with("x", &"试".repeat(MOST_ITEM + 1))).is_err());
        let many: Vec<_> = (0..=MOST_ITEMS).map(|n| (format!("i{n}"), "x".to_owned())).collect();
        assert!(check(&items(&many)).is_err());
    }

    #[test]
    fn what_runs_together_is_another_plan() {
        let one = |id: &str, text: &str| version(&items(&[(id.to_owned(), text.to_owned())]));
        assert_ne!(one("ab", "c"), one("a", "bc"));
        assert_ne!(version(&plan()), version(&plan().into_iter().rev().collect::<Vec<_>>()), "the order is part of it");
        assert_eq!(one("a", "b").len(), 16);
    }

    proptest! {
        #[test]
        fn a_pass_never_stands_over_a_failed_item_nor_silently_over_what_was_not_done(
            results in prop::collection::vec(any_result(), 1..12),
            kind in prop::sample::select(vec![VerdictKind::Pass, VerdictKind::Fail, VerdictKind::Blocked]),
            note in prop_oneof![Just(""), Just("  "), Just("the phone was away")],
        ) {
            let plan: Vec<_> = (0..results.len()).map(|n| (format!("i{n}"), format!("Item {n}"))).collect();
            let given = results.iter().enumerate().map(|(n, result)| (format!("i{n}"), *result)).collect();
            let judged = judge(&items(&plan), &given).expect("known items").expect("a plan");
            let allowed = judged.allows(kind, note).is_ok();
            let failed = results.contains(&ItemResult::Fail);
            let whole = results.iter().all(|result| *result == ItemResult::Pass);
            prop_assert_eq!(allowed, match kind {
                VerdictKind::Fail => true,
                VerdictKind::Blocked => !failed,
                VerdictKind::Pass => !failed && (whole || !note.trim().is_empty()),
            });
        }

        #[test]
        fn plans_with_other_words_have_other_versions(a in prop::collection::vec(("[a-z]{1,3}", ".{0,4}"), 0..4), b in prop::collection::vec(("[a-z]{1,3}", ".{0,4}"), 0..4)) {
            prop_assert_eq!(version(&items(&a)) == version(&items(&b)), a == b);
        }
    }
}
