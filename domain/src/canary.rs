//! Canaries: a part of a region runs another build for a while, with an owner and an end.

use crate::Time;
use crate::config::{AppConfig, Config};
use crate::problem::Fault;
use crate::promotion::state_text;
use crate::service::{ServiceIntent, ServicePort};
use chrono::TimeDelta;
use serde::{Deserialize, Serialize};

/// A canary lives for so many hours at least, and in all its life no longer than a week.
pub const LEAST_HOURS: u32 = 1;
pub const MOST_HOURS: u32 = 7 * 24;
pub const DEFAULT_HOURS: u32 = 24;
/// A port label makes hundreds of a port's number, so that none above this makes one.
pub const MOST_LABEL: u32 = 655;

/// Where a canary's tasks run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Shape {
    /// So many of the region's replicas run it instead, on the same port.
    Share,
    /// It runs beside the main service, on a port of its own.
    Beside,
}

/// What is asked for: how much of a region, where, and for how long.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Terms {
    pub shape: Shape,
    pub replicas: u32,
    /// The port label of a canary beside; none where the app publishes no port.
    #[serde(default)]
    pub port_label: Option<u16>,
    pub hours: u32,
}

/// `starting` → `running` → `returning` → `returned`; one that failed to start returns too.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum CanaryState {
    /// Its rollout has begun; the region may be half changed.
    Starting,
    /// Its tasks were verified.
    Running,
    /// It is being removed, and the main service gets its replicas back.
    Returning,
    Returned,
}

impl CanaryState {
    /// Whether a canary may go from here to `next`. What is not listed is refused.
    pub const fn may_become(self, next: Self) -> bool {
        use CanaryState as S;
        matches!((self, next), (S::Starting, S::Running) | (S::Starting | S::Running, S::Returning) | (S::Returning, S::Returned))
    }

    /// Whether something of it may still be in the region.
    pub const fn is_there(self) -> bool {
        !matches!(self, CanaryState::Returned)
    }
}

/// Why a canary returns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum ReturnCause {
    /// Its time was over.
    End,
    /// Somebody withdrew it.
    Withdrawn,
    /// A fail stands on its digest.
    Quarantined,
    /// It never came up, or somebody ended its promotion.
    Failed,
}

state_text! {
    Shape { Share = "share", Beside = "beside" }
    CanaryState { Starting = "starting", Running = "running", Returning = "returning", Returned = "returned" }
    ReturnCause { End = "end", Withdrawn = "withdrawn", Quarantined = "quarantined", Failed = "failed" }
}

impl Terms {
    /// Whether the terms can be kept by this app at all, whatever a region runs: the bounds, and
    /// a port that nothing else of the configuration has.
    ///
    /// # Errors
    /// The field and why it was refused.
    pub fn check(&self, app: &AppConfig, config: &Config) -> Result<(), (&'static str, Fault)> {
        if !(LEAST_HOURS..=MOST_HOURS).contains(&self.hours) {
            return Err(("hours", Fault::OutOfRange { least: i64::from(LEAST_HOURS), most: i64::from(MOST_HOURS) }));
        }
        if self.replicas == 0 {
            return Err(("replicas", Fault::OutOfRange { least: 1, most: i64::from(u32::MAX) }));
        }
        let port = self.port(app).map_err(|why| ("port_label", why))?;
        let taken = |port: ServicePort| {
            let published = |other: &AppConfig| other.production_port().ok().flatten() == Some(port.published);
            self.shape == Shape::Beside && config.apps.iter().any(published)
        };
        if port.is_some_and(taken) { Err(("port_label", Fault::Twice)) } else { Ok(()) }
    }

    /// The port of the canary's tasks: the app's own for a share, else made from its own label.
    ///
    /// # Errors
    /// [`Fault`] when a label is missing, in the way, or makes a number over 65535.
    fn port(&self, app: &AppConfig) -> Result<Option<ServicePort>, Fault> {
        let of = |app: &AppConfig| {
            let published = app.production_port()?;
            Ok(app.service.port.zip(published).map(|(container, published)| ServicePort { container, published }))
        };
        match (self.shape, self.port_label, app.service.port) {
            (Shape::Share, None, _) => of(app),
            (Shape::Beside, label, Some(_)) => of(&AppConfig { port_label: label, ..app.clone() }),
            (Shape::Beside, None, None) => Ok(None),
            (Shape::Share, Some(_), _) | (Shape::Beside, Some(_), None) => {
                Err(Fault::Refused { reason: "it has no port of its own".to_owned() })
            }
        }
    }

    /// What the canary's service runs, made of what the whole region would run of the build.
    /// It never goes back by itself: a canary that fails returns.
    ///
    /// # Errors
    /// [`Fault`] of its port.
    pub fn intent(&self, whole: ServiceIntent, app: &AppConfig) -> Result<ServiceIntent, Fault> {
        let mut update = whole.update.clone();
        update.on_failure = None;
        Ok(ServiceIntent { replicas: self.replicas, port: self.port(app)?, update, canary: true, ..whole })
    }

    /// Whether a region that is to run `main` replicas has room for it in this sense: of a share
    /// something is left to the main service, and no canary is larger than what it is compared with.
    pub fn fits(&self, main: u32) -> bool {
        match self.shape {
            Shape::Share => self.replicas >= 1 && self.replicas < main,
            Shape::Beside => self.replicas >= 1 && self.replicas <= main,
        }
    }

    /// The replicas of the main service while the canary is there.
    pub fn main_replicas(&self, main: u32) -> u32 {
        match self.shape {
            Shape::Share => main.saturating_sub(self.replicas),
            Shape::Beside => main,
        }
    }
}

/// Why a canary has to return now by itself, if it has to. One that starts is ended by its
/// rollout, which asks for the quarantine itself.
pub fn must_return(state: CanaryState, ends_at: Time, quarantined: bool, now: Time) -> Option<ReturnCause> {
    match state {
        CanaryState::Running if quarantined => Some(ReturnCause::Quarantined),
        CanaryState::Running if now >= ends_at => Some(ReturnCause::End),
        _ => None,
    }
}

/// The end of a canary that gets so many hours more.
///
/// # Errors
/// [`Fault::OutOfRange`] with the hours that are left of its longest life.
pub fn extended(started_at: Time, ends_at: Time, hours: u32) -> Result<Time, Fault> {
    let latest = started_at + TimeDelta::hours(i64::from(MOST_HOURS));
    let left = (latest - ends_at).num_hours().max(0);
    if hours < LEAST_HOURS || i64::from(hours) > left {
        return Err(Fault::OutOfRange { least: i64::from(LEAST_HOURS), most: left });
    }
    Ok(ends_at + TimeDelta::hours(i64::from(hours)))
}

/// The main service as a look shows it, beside what it is to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Main {
    /// As it was before the canary, with so many of its tasks running.
    Whole { running: u32, wanted: u32 },
    /// With the replicas that the canary left it.
    Reduced,
    /// Something else: gone, somebody else's, or changed by hand.
    Other,
}

/// What a return does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReturnStep {
    RemoveCanary,
    /// Give the main service its replicas back.
    Refill,
    /// Its tasks are still coming.
    Wait,
    /// The main service is whole, or the canary left it alone.
    Done,
    /// What somebody changed by hand is theirs: it is shown as a drift, and not overwritten.
    LeftAlone,
}

/// What follows from a look at both services; from nothing else, so that after a crash the
/// answer is the same. `late` says that the main service was waited for long enough.
pub fn return_step(canary_is_there: bool, shape: Shape, main: Main, late: bool) -> ReturnStep {
    match (shape, main) {
        _ if canary_is_there => ReturnStep::RemoveCanary,
        (Shape::Beside, _) => ReturnStep::Done,
        (Shape::Share, Main::Reduced) => ReturnStep::Refill,
        (Shape::Share, Main::Whole { running, wanted }) if running < wanted && !late => ReturnStep::Wait,
        (Shape::Share, Main::Whole { .. }) => ReturnStep::Done,
        (Shape::Share, Main::Other) => ReturnStep::LeftAlone,
    }
}

#[cfg(test)]
mod tests;
