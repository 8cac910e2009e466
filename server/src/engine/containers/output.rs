//! What a program printed, whole and up to a bound, for who reads it as data.

use super::Host;
use bollard::container::LogOutput;
use bollard::query_parameters::LogsOptions;
use domain::Problem;
use futures::StreamExt as _;

/// Standard output of a container that has ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Printed {
    pub bytes: Vec<u8>,
    /// There was more than was read.
    pub cut: bool,
}

impl Host {
    /// What a container printed to standard output, at most `most` bytes from its beginning.
    ///
    /// # Errors
    /// As [`Host::containers`].
    pub async fn printed(&self, container: &str, most: usize) -> Result<Printed, Problem> {
        let options = LogsOptions { stdout: true, tail: "all".to_owned(), ..Default::default() };
        let mut told = std::pin::pin!(self.docker().logs(container, Some(options)));
        let mut printed = Printed::default();
        let reading = async {
            while let Some(frame) = told.next().await {
                let (LogOutput::StdOut { message } | LogOutput::Console { message }) = frame? else { continue };
                let room = most.saturating_sub(printed.bytes.len());
                printed.bytes.extend_from_slice(message.get(..room).unwrap_or(&message));
                if message.len() > room {
                    printed.cut = true;
                    break;
                }
            }
            Ok(())
        };
        self.call(reading).await.map_err(|cause| self.problem(&cause))?;
        Ok(printed)
    }
}
