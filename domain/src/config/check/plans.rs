//! Whether contingency plans, and replicas of single apps, name what is there.

use super::{Checked, at, demand, environment, names, printable, range};
use crate::Digest;
use crate::config::Config;
use crate::drift::MOST_REPLICAS;
use crate::image::Tag;
use crate::plan::{Act, PlanConfig};
use crate::problem::{Fault, Noun};

const MOST_TITLE: usize = 120;

impl Config {
    pub(super) fn check_plans(&self) -> Checked {
        names("plans", self.plans.iter().map(|plan| plan.name.as_str()))?;
        self.plans.iter().try_for_each(|plan| self.check_plan(plan))
    }

    fn check_plan(&self, plan: &PlanConfig) -> Checked {
        let place = |field: &str| format!("plans.{}.{field}", plan.name);
        let unknown = |what, name: &str| Fault::Unknown { what, name: name.to_owned() };
        demand(printable(&plan.title, MOST_TITLE), || place("title"), || Fault::TooLong { most: MOST_TITLE as u64 })?;
        demand(self.app(&plan.app).is_some(), || place("app"), || unknown(Noun::App, &plan.app))?;
        demand(!plan.regions.is_empty(), || place("regions"), || Fault::Missing)?;
        for (at, name) in plan.regions.iter().enumerate() {
            demand(self.region(name).is_some(), || place("regions"), || unknown(Noun::Region, name))?;
            let twice = plan.regions.iter().take(at).any(|other| other == name);
            demand(!twice, || place("regions"), || Fault::Twice)?;
        }
        match plan.act().map_err(|why| at(place("scale"), why))? {
            Act::Scale(replicas) => range(Some(replicas), 1, MOST_REPLICAS, || place("scale")),
            Act::Set(variables) => environment(variables, || place("set")),
            Act::Switch(build) => {
                let good = build.parse::<Tag>().is_ok() || build.parse::<Digest>().is_ok();
                demand(good, || place("switch"), || Fault::BadTag)
            }
        }
    }

    pub(super) fn check_replicas(&self) -> Checked {
        for region in &self.regions {
            for (app, replicas) in &region.replicas_of {
                let place = || format!("regions.{}.replicas_of.{app}", region.name);
                demand(self.app(app).is_some(), place, || Fault::Unknown { what: Noun::App, name: app.clone() })?;
                range(Some(*replicas), 1, MOST_REPLICAS, place)?;
            }
        }
        Ok(())
    }
}
