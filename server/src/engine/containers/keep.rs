//! Stopping and restarting containers that stay.

use super::Host;
use crate::engine::is_missing;
use bollard::errors::Error;
use bollard::query_parameters::{RestartContainerOptions, StartContainerOptions, StopContainerOptions};
use domain::Problem;

/// Seconds that a service gets to end by itself before it is killed.
const GRACE: i32 = 5;

/// What became of a start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Started {
    Yes,
    /// A port that it is to be published on is taken by something else; which one, where the engine says so.
    PortTaken(Option<u16>),
}

impl Host {
    /// Starts a container, and tells when the machine does not have its port free.
    ///
    /// # Errors
    /// As [`Host::containers`].
    pub async fn start_published(&self, container: &str) -> Result<Started, Problem> {
        match self.call(self.docker().start_container(container, None::<StartContainerOptions>)).await {
            Ok(()) => Ok(Started::Yes),
            Err(Error::DockerResponseServerError { message, .. }) if says_taken(&message) => {
                Ok(Started::PortTaken(port_in(&message)))
            }
            Err(cause) => Err(self.problem(&cause)),
        }
    }

    /// Stops a container and keeps it. One that is stopped or gone is left alone.
    ///
    /// # Errors
    /// As [`Host::containers`].
    pub async fn stop(&self, container: &str) -> Result<(), Problem> {
        let options = StopContainerOptions { t: Some(GRACE), signal: None };
        match self.call(self.docker().stop_container(container, Some(options))).await {
            Err(cause) if !is_missing(&cause) => Err(self.problem(&cause)),
            _ => Ok(()),
        }
    }

    /// Ends a container and starts it again: the same specification, the same volumes.
    ///
    /// # Errors
    /// As [`Host::containers`].
    pub async fn restart(&self, container: &str) -> Result<(), Problem> {
        let options = RestartContainerOptions { t: Some(GRACE), signal: None };
        self.call(self.docker().restart_container(container, Some(options))).await.map_err(|cause| self.problem(&cause))
    }
}

fn says_taken(message: &str) -> bool {
    ["port is already allocated", "address already in use"].iter().any(|said| message.contains(said))
}

/// `Bind for 0.0.0.0:8080 failed …`, `listen tcp4 0.0.0.0:8080: bind: …`: the number behind the first
/// address that is one.
fn port_in(message: &str) -> Option<u16> {
    let words = message.split([' ', ',']);
    words.filter_map(|word| word.trim_end_matches(':').rsplit_once(':')).find_map(|(_, port)| port.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_port_that_is_taken_is_read_from_what_engines_say() {
        let said = [
            "driver failed programming external connectivity on endpoint slw-1-e1-web (0f): Bind for 0.0.0.0:8080 failed: port is already allocated",
            "driver failed programming external connectivity on endpoint x (0f): Error starting userland proxy: listen tcp4 0.0.0.0:8080: bind: address already in use",
            "failed to bind host port for 0.0.0.0:8080:172.18.0.2:80/tcp: address already in use",
        ];
        assert!(said.iter().all(|message| says_taken(message)));
        let found: Vec<Option<u16>> = said.iter().map(|message| port_in(message)).collect();
        assert_eq!(found[..2], [Some(8080), Some(8080)]);
        assert_eq!(found[2], None, "what cannot be read is not guessed");
        assert!(!says_taken("no space left on device"));
    }
}
