//! Contingency plans: a change of one app in a region that was thought out and read beforehand,
//! so that it takes one guarded button when it is needed, and one to return.

use crate::id::UserId;
use crate::problem::Fault;
use crate::service::ServiceIntent;
use crate::{Digest, Problem};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A plan as it is configured. It does exactly one thing: `scale`, `set` or `switch`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct PlanConfig {
    pub name: String,
    /// What it is for, in the words of those who press it.
    pub title: String,
    pub app: String,
    /// Where it may be used; in one region at a time.
    pub regions: Vec<String>,
    /// So many replicas.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scale: Option<u32>,
    /// Environment variables over those that the service has. Whoever reads the plan sees their
    /// values: no secret belongs here.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub set: BTreeMap<String, String>,
    /// A build that was verified in the region before: a tag, or a digest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub switch: Option<String>,
}

/// The one thing that a plan does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Act<'a> {
    Scale(u32),
    Set(&'a BTreeMap<String, String>),
    Switch(&'a str),
}

impl PlanConfig {
    /// What it does.
    ///
    /// # Errors
    /// [`Fault`] when it says nothing, or more than one thing.
    pub fn act(&self) -> Result<Act<'_>, Fault> {
        match (self.scale, self.set.is_empty(), self.switch.as_deref()) {
            (Some(replicas), true, None) => Ok(Act::Scale(replicas)),
            (None, false, None) => Ok(Act::Set(&self.set)),
            (None, true, Some(build)) => Ok(Act::Switch(build)),
            (None, true, None) => Err(Fault::Missing),
            _ => Err(Fault::Refused { reason: "a plan does one thing: scale, set or switch".to_owned() }),
        }
    }
}

impl Act<'_> {
    /// What the region is to run under the plan, made from what it was to run before. `build` is
    /// what a switch leads to.
    pub fn applied(&self, before: &ServiceIntent, build: Option<&Digest>) -> ServiceIntent {
        let mut intent = before.clone();
        match self {
            Act::Scale(replicas) => intent.replicas = *replicas,
            Act::Set(variables) => intent.env.extend((*variables).clone()),
            Act::Switch(_) => {
                if let Some(digest) = build {
                    let name = before.image.rsplit_once('@').map_or(before.image.as_str(), |(name, _)| name);
                    intent.image = format!("{name}@{digest}");
                    intent.digest = digest.clone();
                }
            }
        }
        intent
    }
}

/// That somebody has read a plan as it is now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Review {
    pub by: UserId,
    /// Whether the reader is an active lead at this moment.
    pub still_lead: bool,
}

/// Whether `presser` may use a plan with these reviews: another lead has read it.
///
/// # Errors
/// [`Problem::PlanUnread`].
pub fn may_run(plan: &str, reviews: &[Review], presser: &UserId) -> Result<(), Problem> {
    let read = reviews.iter().any(|review| review.still_lead && review.by != *presser);
    if read { Ok(()) } else { Err(Problem::PlanUnread { plan: plan.to_owned() }) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn digest(letter: char) -> Digest {
        format!("sha256:{}", letter.to_string().repeat(64)).parse().expect("a digest")
    }

    fn intent() -> ServiceIntent {
        serde_json::from_value(serde_json::json!({
            "app": "web", "region": "here", "image": format!("registry.test:5000/web@{}", digest('a')), "digest": digest('a'),
            "env": { "MODE": "live", "LIMIT": "10" }, "command": [], "health": [], "port": null, "replicas": 2,
            "read_only": true, "memory_mib": 64, "soak_seconds": 5, "deadline_seconds": 60,
            "secrets": [{ "name": "db-password", "version": 2 }],
        }))
        .expect("an intent")
    }

    fn set(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn a_plan_does_exactly_one_thing() {
        let plan = |scale, set, switch: Option<&str>| PlanConfig {
            scale,
            set,
            switch: switch.map(str::to_owned),
            ..PlanConfig::default()
        };
        let (none, some) = (BTreeMap::new(), set(&[("A", "b")]));
        assert_eq!(plan(Some(3), none.clone(), None).act(), Ok(Act::Scale(3)));
        assert_eq!(plan(None, some.clone(), None).act(), Ok(Act::Set(&some)));
        assert_eq!(plan(None, none.clone(), Some("v1")).act(), Ok(Act::Switch("v1")));
        assert_eq!(plan(None, none.clone(), None).act(), Err(Fault::Missing));
        for two in [plan(Some(3), some.clone(), None), plan(None, some, Some("v1")), plan(Some(3), none, Some("v1"))] {
            assert!(matches!(two.act(), Err(Fault::Refused { .. })), "{two:?}");
        }
    }

    #[test]
    fn a_plan_changes_what_it_says_and_nothing_else() {
        let before = intent();
        assert_eq!(Act::Scale(9).applied(&before, None), ServiceIntent { replicas: 9, ..before.clone() });
        let variables = set(&[("LIMIT", "1")]);
        let env = set(&[("MODE", "live"), ("LIMIT", "1")]);
        assert_eq!(Act::Set(&variables).applied(&before, None), ServiceIntent { env, ..before.clone() });
        let image = format!("registry.test:5000/web@{}", digest('b'));
        let switched = ServiceIntent { image, digest: digest('b'), ..before.clone() };
        assert_eq!(Act::Switch("v1").applied(&before, Some(&digest('b'))), switched);
    }

    proptest! {
        #[test]
        fn nobody_uses_a_plan_that_only_they_have_read(reviews in prop::collection::vec(("[a-c]", any::<bool>()), 0..5), presser in "[a-c]") {
            let reviews: Vec<Review> =
                reviews.into_iter().map(|(by, still_lead)| Review { by: UserId(by), still_lead }).collect();
            let presser = UserId(presser);
            let allowed = may_run("flood", &reviews, &presser).is_ok();
            let others = reviews.iter().filter(|review| review.still_lead && review.by != presser).count();
            prop_assert_eq!(allowed, others > 0);
            let own: Vec<Review> = reviews.into_iter().filter(|review| review.by == presser).collect();
            prop_assert!(may_run("flood", &own, &presser).is_err());
        }
    }
}
