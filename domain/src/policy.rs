//! Policies: what people have to decide before an app may go to a region.
//!
//! Whatever a policy does not say is the default. Where several fit, the strictest of each
//! counts: the most approvals of each role, a sign-off when any asks for one, the longest
//! soak, the shortest life of an approval, and break-glass only when all allow it. A region
//! that no policy fits is under the default, and so a promotion to more regions is never
//! easier than one to fewer.

use crate::{Problem, Role};
use chrono::TimeDelta;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Hours for which an approval counts, unless configured.
pub const DEFAULT_EXPIRE_HOURS: u32 = 72;
/// An open promotion is of no use to anybody after so many days.
pub const MOST_OPEN_DAYS: i64 = 14;

/// What people have to decide, as it is configured.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default, deny_unknown_fields)]
pub struct PolicyConfig {
    pub name: String,
    /// The apps that it is for; all when empty.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub apps: Vec<String>,
    /// The regions that it is for; all when empty.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub regions: Vec<String>,
    /// How many of which role approve. Default one lead.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub approvals: Option<Vec<ApprovalRule>>,
    /// Whether a product manager signs off. Default true.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sign_off: Option<bool>,
    /// Minutes since the first pass that stands. Default 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub soak_in_test_minutes: Option<u32>,
    /// Hours after which an approval no longer counts. Default 72.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub approvals_expire_hours: Option<u32>,
    /// Whether a lead may break the glass. Default false.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub break_glass: Option<bool>,
}

/// So many people of one role.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct ApprovalRule {
    pub role: Role,
    pub count: u32,
}

/// What counts for one promotion: every policy that fits, taken together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Policy {
    /// The names of the policies that fit, in the configuration's order; none for the default alone.
    pub named: Vec<String>,
    /// One entry a role, in the order of roles.
    pub approvals: Vec<ApprovalRule>,
    pub sign_off: bool,
    pub soak_in_test_minutes: u32,
    pub approvals_expire_hours: u32,
    pub break_glass: bool,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            named: Vec::new(),
            approvals: vec![ApprovalRule { role: Role::Lead, count: 1 }],
            sign_off: true,
            soak_in_test_minutes: 0,
            approvals_expire_hours: DEFAULT_EXPIRE_HOURS,
            break_glass: false,
        }
    }
}

/// Whether a list of names takes this one in; an empty list takes all.
pub(crate) fn covers(names: &[String], name: &str) -> bool {
    names.is_empty() || names.iter().any(|known| known == name)
}

impl PolicyConfig {
    pub fn fits(&self, app: &str, region: &str) -> bool {
        covers(&self.apps, app) && covers(&self.regions, region)
    }

    /// The policy alone, with the defaults for what it does not say.
    fn whole(&self) -> Policy {
        let unsaid = Policy::default();
        Policy {
            named: vec![self.name.clone()],
            approvals: self.approvals.clone().unwrap_or(unsaid.approvals),
            sign_off: self.sign_off.unwrap_or(unsaid.sign_off),
            soak_in_test_minutes: self.soak_in_test_minutes.unwrap_or(unsaid.soak_in_test_minutes),
            approvals_expire_hours: self.approvals_expire_hours.unwrap_or(unsaid.approvals_expire_hours),
            break_glass: self.break_glass.unwrap_or(unsaid.break_glass),
        }
    }
}

impl Policy {
    /// What counts for an app in these regions: the strictest of all that fit any of them.
    pub fn of<S: AsRef<str>>(policies: &[PolicyConfig], app: &str, regions: &[S]) -> Self {
        let fits = |policy: &&PolicyConfig| regions.iter().any(|region| policy.fits(app, region.as_ref()));
        let bare = |region: &S| !policies.iter().any(|policy| policy.fits(app, region.as_ref()));
        let fitting = policies.iter().filter(fits).map(PolicyConfig::whole);
        let default = (regions.is_empty() || regions.iter().any(bare)).then(Policy::default);
        fitting.chain(default).reduce(Self::strictest).unwrap_or_default()
    }

    /// Both at once.
    fn strictest(mut self, other: Self) -> Self {
        let mut asked: BTreeMap<Role, u32> = BTreeMap::new();
        for rule in self.approvals.iter().chain(&other.approvals) {
            let most = asked.entry(rule.role).or_default();
            *most = rule.count.max(*most);
        }
        self.named.extend(other.named);
        Self {
            named: self.named,
            approvals: asked.into_iter().map(|(role, count)| ApprovalRule { role, count }).collect(),
            sign_off: self.sign_off || other.sign_off,
            soak_in_test_minutes: self.soak_in_test_minutes.max(other.soak_in_test_minutes),
            approvals_expire_hours: self.approvals_expire_hours.min(other.approvals_expire_hours),
            break_glass: self.break_glass && other.break_glass,
        }
    }

    /// What an approval remembers of the policy under which it was given. Names do not belong to it:
    /// the same rules under another name are the same.
    pub fn fingerprint(&self) -> String {
        let approvals: Vec<String> = self.approvals.iter().map(|rule| format!("{}:{}", rule.role, rule.count)).collect();
        format!(
            "approvals={} sign_off={} soak={} expire={} break_glass={}",
            approvals.join(","),
            self.sign_off,
            self.soak_in_test_minutes,
            self.approvals_expire_hours,
            self.break_glass
        )
    }

    /// Whether it asks for approvals of this role.
    pub fn asks(&self, role: Role) -> bool {
        self.approvals.iter().any(|rule| rule.role == role && rule.count > 0)
    }

    pub fn soak(&self) -> TimeDelta {
        TimeDelta::minutes(self.soak_in_test_minutes.into())
    }

    /// How long an approval counts.
    pub fn approvals_last(&self) -> TimeDelta {
        TimeDelta::hours(self.approvals_expire_hours.into())
    }

    /// Whether the glass may be broken.
    ///
    /// # Errors
    /// [`Problem::GlassNotAllowed`].
    pub fn require_glass(&self) -> Result<(), Problem> {
        if self.break_glass { Ok(()) } else { Err(Problem::GlassNotAllowed) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    fn lead(count: u32) -> Option<Vec<ApprovalRule>> {
        Some(vec![ApprovalRule { role: Role::Lead, count }])
    }

    #[test]
    fn without_policies_one_lead_approves_and_a_product_manager_signs_off() {
        let policy = Policy::of(&[], "web", &["hangzhou"]);
        assert_eq!(policy, Policy::default());
        // Rows of approvals that were given before there were policies hold this text.
        assert_eq!(policy.fingerprint(), "approvals=lead:1 sign_off=true soak=0 expire=72 break_glass=false");
        assert_eq!(policy.require_glass(), Err(Problem::GlassNotAllowed));
    }

    #[test]
    fn the_strictest_of_each_counts_and_a_bare_region_is_under_the_default() {
        let product = ApprovalRule { role: Role::Product, count: 1 };
        let easy = PolicyConfig {
            name: "easy".to_owned(),
            regions: names(&["hangzhou"]),
            approvals: Some(vec![product]),
            sign_off: Some(false),
            approvals_expire_hours: Some(100),
            break_glass: Some(true),
            ..PolicyConfig::default()
        };
        let pay = PolicyConfig {
            name: "pay".to_owned(),
            apps: names(&["pay"]),
            approvals: lead(2),
            sign_off: Some(false),
            soak_in_test_minutes: Some(60),
            break_glass: Some(true),
            ..PolicyConfig::default()
        };
        let policies = [easy, pay];
        let alone = Policy::of(&policies, "web", &["hangzhou"]);
        assert_eq!((alone.approvals.as_slice(), alone.sign_off, alone.break_glass), ([product].as_slice(), false, true));
        let both = Policy::of(&policies, "pay", &["hangzhou"]);
        assert_eq!(both.fingerprint(), "approvals=product:1,lead:2 sign_off=false soak=60 expire=72 break_glass=true");
        assert_eq!(both.named, ["easy", "pay"]);
        let wider = Policy::of(&policies, "web", &["hangzhou", "us-west"]);
        assert_eq!(wider.fingerprint(), "approvals=product:1,lead:1 sign_off=true soak=0 expire=72 break_glass=false");
    }

    prop_compose! {
        fn some_policy()(
            apps in prop::sample::subsequence(vec!["web", "pay"], 0..=2),
            regions in prop::sample::subsequence(vec!["a", "b", "c"], 0..=3),
            approvals in prop::option::of((0_usize..3, 1_u32..4)),
            sign_off: Option<bool>,
            soak in prop::option::of(0_u32..90),
            expire in prop::option::of(1_u32..90),
            break_glass: Option<bool>,
        ) -> PolicyConfig {
            let rule = |(role, count): (usize, u32)| vec![ApprovalRule { role: [Role::Tester, Role::Product, Role::Lead][role], count }];
            PolicyConfig {
                name: "p".to_owned(), apps: names(&apps), regions: names(&regions), approvals: approvals.map(rule), sign_off,
                soak_in_test_minutes: soak, approvals_expire_hours: expire, break_glass,
            }
        }
    }

    /// Whether everything that `less` asks, `more` asks too.
    fn at_least(more: &Policy, less: &Policy) -> bool {
        let asked = |rule: &ApprovalRule| more.approvals.iter().any(|other| other.role == rule.role && other.count >= rule.count);
        less.approvals.iter().all(asked)
            && (more.sign_off || !less.sign_off)
            && more.soak_in_test_minutes >= less.soak_in_test_minutes
            && more.approvals_expire_hours <= less.approvals_expire_hours
            && (less.break_glass || !more.break_glass)
    }

    proptest! {
        #[test]
        fn more_regions_and_more_policies_never_make_it_easier(
            policies in prop::collection::vec(some_policy(), 0..5),
            regions in prop::sample::subsequence(vec!["a", "b", "c"], 1..=3),
        ) {
            let all = Policy::of(&policies, "web", &regions);
            for region in &regions {
                prop_assert!(at_least(&all, &Policy::of(&policies, "web", &[region])));
            }
            for policy in policies.iter().filter(|policy| regions.iter().any(|region| policy.fits("web", region))) {
                prop_assert!(at_least(&all, &policy.whole()));
            }
            prop_assert!(all.approvals.iter().any(|rule| rule.count > 0), "somebody else always approves");
            let mut turned = policies.clone();
            turned.reverse();
            prop_assert_eq!(Policy::of(&turned, "web", &regions).fingerprint(), all.fingerprint());
        }
    }
}
