//! Watching what was started: until it is healthy, until a job has ended, and once more at the end.

use super::{Launch, Stop, failed, failed_with};
use crate::engine::containers::{Health, Host, Look};
use crate::usecases::environments::plan::PlannedService;
use crate::usecases::environments::read::Published;
use domain::Problem;
use std::time::Duration;
use tokio::sync::broadcast;
use tokio::time::Instant;

/// The shortest and the longest wait for a health check; its own times lie between.
const LEAST_HEALTH: Duration = Duration::from_secs(120);
const MOST_HEALTH: Duration = Duration::from_secs(900);
/// How often a health check is looked at when no event comes.
const LOOK: Duration = Duration::from_millis(500);
/// Lines of a log that stand with a failed step.
const LAST_LINES: u32 = 20;

impl Launch<'_> {
    /// Until its health check passes, or as long as that may take.
    pub(super) async fn until_healthy(&self, planned: &PlannedService, container: &str) -> Result<(), Stop> {
        let name = planned.service.name.as_str();
        let bound = health_bound(planned);
        let end = Instant::now() + bound;
        let mut events = self.job.events.subscribe();
        loop {
            let look = self.look(planned, container, "health").await?;
            match look.health {
                // What has ended well will not be checked any more.
                _ if look.exit_code.is_some() => return Ok(()),
                None | Some(Health::Healthy) => return Ok(()),
                Some(Health::Starting) if Instant::now() < end => {}
                Some(Health::Starting | Health::Unhealthy) => {
                    let problem = Problem::ServiceUnhealthy { service: name.to_owned(), seconds: bound.as_secs() };
                    let told = look.health_output.unwrap_or_default();
                    let detail = join(told, last_lines(&self.host, container).await);
                    return Err(failed_with("health", name, problem, detail));
                }
            }
            self.something_happens(&mut events).await?;
        }
    }

    /// Until a job has ended well. One that ends badly is found by the look.
    pub(super) async fn until_done(&self, planned: &PlannedService, container: &str) -> Result<(), Stop> {
        let name = planned.service.name.as_str();
        let end = Instant::now() + MOST_HEALTH;
        let mut events = self.job.events.subscribe();
        while self.look(planned, container, "finish").await?.exit_code.is_none() {
            if Instant::now() >= end {
                let problem = Problem::ServiceUnfinished { service: name.to_owned(), seconds: MOST_HEALTH.as_secs() };
                return Err(failed_with("finish", name, problem, last_lines(&self.host, container).await));
            }
            self.something_happens(&mut events).await?;
        }
        Ok(())
    }

    /// Until an event of this environment, or some time.
    async fn something_happens(&self, events: &mut broadcast::Receiver<String>) -> Result<(), Stop> {
        let something = async { while events.recv().await.is_ok_and(|id| id != self.place.environment) {} };
        self.unless_halted(tokio::time::timeout(LOOK, something)).await?.ok();
        Ok(())
    }

    /// A container that must be there and must not have failed.
    async fn look(&self, planned: &PlannedService, container: &str, step: &'static str) -> Result<Look, Stop> {
        let name = planned.service.name.as_str();
        let look = self.host.look(container).await.map_err(|problem| failed(step, name, problem))?;
        let Some(look) = look else {
            return Err(failed(step, name, Problem::ServicesGone { services: name.to_owned() }));
        };
        match ended(planned, &look) {
            None => Ok(look),
            Some(problem) => {
                let lines = last_lines(&self.host, container).await;
                Err(failed_with(step, name, problem, lines))
            }
        }
    }

    /// At the end every container is looked at once more: which ports it got, and whether it
    /// still runs.
    pub(super) async fn look_at_all(&self) -> Result<Vec<Published>, Stop> {
        let found = self.host.containers(Some(&self.place.environment)).await;
        let found = found.map_err(|problem| failed("network", &self.place.name(), problem))?;
        let looks = self.plan.lasting().map(|planned| {
            let name = planned.service.name.as_str();
            let container = found.iter().find(|container| container.service == name);
            async move {
                let gone = || failed("start", name, Problem::ServicesGone { services: name.to_owned() });
                let look = self.look(planned, &container.ok_or_else(gone)?.id, "start").await?;
                let wanted = look.ports.into_iter().filter(|(port, _)| planned.service.ports.contains(port));
                let published = |(container_port, host_port)| Published { service: name.to_owned(), container_port, host_port };
                Ok(wanted.map(published).collect::<Vec<_>>())
            }
        });
        Ok(futures::future::try_join_all(looks).await?.concat())
    }
}

/// What is wrong with a container that has ended; nothing when it runs or ended well.
pub(in crate::usecases::environments) fn ended(planned: &PlannedService, look: &Look) -> Option<Problem> {
    let exit_code = look.exit_code.filter(|code| *code != 0)?;
    let service = planned.service.name.clone();
    if look.out_of_memory {
        return Some(Problem::OutOfMemory { service, mebibytes: planned.service.memory_mib });
    }
    Some(Problem::ServiceEnded { service, exit_code })
}

/// The end of a container's log; nothing when it cannot be read.
pub(in crate::usecases::environments) async fn last_lines(host: &Host, container: &str) -> Option<String> {
    let lines = host.tail(container, LAST_LINES).await.ok()?;
    (!lines.is_empty()).then(|| lines.join("\n"))
}

fn join(first: String, then: Option<String>) -> Option<String> {
    let parts: Vec<String> = [Some(first).filter(|text| !text.is_empty()), then].into_iter().flatten().collect();
    (!parts.is_empty()).then(|| parts.join("\n"))
}

/// How long a service may take to become healthy.
pub(in crate::usecases::environments) fn health_bound(planned: &PlannedService) -> Duration {
    let check = planned.service.health.as_ref();
    let own = check.map_or(0, |check| {
        let tries = (check.interval_ms.saturating_add(check.timeout_ms)).saturating_mul(u64::from(check.retries) + 1);
        check.start_period_ms.saturating_add(tries)
    });
    Duration::from_millis(own).clamp(LEAST_HEALTH, MOST_HEALTH)
}
