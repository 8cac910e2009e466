//! A shell inside a container, with a terminal. What runs in it ends with it.

use super::Host;
use bollard::container::LogOutput;
use bollard::errors::Error;
use bollard::exec::{ResizeExecOptions, StartExecOptions, StartExecResults};
use bollard::models::ExecConfig;
use bytes::Bytes;
use domain::Problem;
use domain::problem::Fault;
use futures::StreamExt as _;
use std::pin::Pin;
use std::time::Duration;
use tokio::io::{AsyncWrite, AsyncWriteExt as _};

/// The variable by which everything that was begun in a shell is found again.
const MARK: &str = "SLIPWAY_SHELL";
/// The better of the two that images have.
const BEGIN: &str = "[ -x /bin/bash ] && exec /bin/bash; exec /bin/sh";
/// Ends what carries the mark: politely, then not. The mark stands in the second argument, so that this
/// does not end itself.
const END: &str = r#"for sign in HUP KILL; do for p in /proc/[0-9]*; do if grep -qs "SLIPWAY_SHELL=$1" "$p/environ"; then kill -$sign "${p#/proc/}"; fi; done; done"#;
/// One write of keys, and one try to end what is left.
const WRITE: Duration = Duration::from_secs(5);

type Output = Pin<Box<dyn futures::Stream<Item = Result<LogOutput, Error>> + Send>>;

/// An open shell.
pub struct Shell {
    host: Host,
    container: String,
    exec: String,
    mark: String,
    output: Output,
    input: Pin<Box<dyn AsyncWrite + Send>>,
}

/// What came of the shell's process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ShellEnd {
    pub exit_code: Option<i64>,
}

impl Host {
    /// Opens a shell in a running container, as the container's own user and with its own bounds.
    /// `mark` is a word that nothing else carries.
    ///
    /// # Errors
    /// As [`Host::containers`]; [`Problem::EngineRefused`] also when the container does not run or has
    /// no shell.
    pub async fn open_shell(&self, container: &str, mark: &str, columns: u16, rows: u16) -> Result<Shell, Problem> {
        let told = |cause: Error| self.problem(&cause);
        let config = ExecConfig {
            attach_stdin: Some(true),
            attach_stdout: Some(true),
            attach_stderr: Some(true),
            tty: Some(true),
            privileged: Some(false),
            env: Some(vec!["TERM=xterm-256color".to_owned(), format!("{MARK}={mark}")]),
            cmd: Some(["/bin/sh", "-c", BEGIN].map(str::to_owned).to_vec()),
            ..Default::default()
        };
        let exec = self.call(self.docker.create_exec(container, config)).await.map_err(told)?.id;
        let options = StartExecOptions { detach: false, tty: true, output_capacity: None };
        let started = self.call(self.docker.start_exec(&exec, Some(options))).await.map_err(told)?;
        let StartExecResults::Attached { output, input } = started else {
            return Err(Problem::EngineRefused { why: Fault::Unreadable { detail: "its answer".to_owned() } });
        };
        let mut shell = Shell { host: self.clone(), container: container.to_owned(), exec, mark: mark.to_owned(), output, input };
        shell.resize(columns, rows).await;
        Ok(shell)
    }
}

impl Shell {
    /// What the shell writes next; none when it has ended. May be dropped while it waits.
    pub async fn read(&mut self) -> Option<Bytes> {
        match self.output.next().await? {
            Ok(output) => Some(output.into_bytes()),
            Err(cause) => {
                tracing::debug!(%cause, "a shell broke off");
                None
            }
        }
    }

    /// Keys for the shell; false when it takes none any more.
    pub async fn write(&mut self, keys: &[u8]) -> bool {
        let written = tokio::time::timeout(WRITE, async {
            self.input.write_all(keys).await?;
            self.input.flush().await
        });
        matches!(written.await, Ok(Ok(())))
    }

    /// Makes the terminal another size; an engine that does not take it leaves it as it was.
    pub async fn resize(&mut self, columns: u16, rows: u16) {
        let size = ResizeExecOptions { width: columns.clamp(2, 1000), height: rows.clamp(2, 1000) };
        if let Err(cause) = self.host.call(self.host.docker.resize_exec(&self.exec, size)).await {
            tracing::debug!(%cause, "a terminal kept its size");
        }
    }

    /// Ends the shell with everything that was begun in it, and says how it ended.
    pub async fn close(mut self) -> ShellEnd {
        let _ = self.input.shutdown().await;
        let ended = tokio::time::timeout(WRITE, self.end()).await;
        if ended.is_err() {
            tracing::warn!(container = %self.container, "what was left of a shell could not be ended in time");
        }
        let told = self.host.call(self.host.docker.inspect_exec(&self.exec)).await.ok();
        ShellEnd { exit_code: told.and_then(|told| told.exit_code) }
    }

    async fn end(&mut self) {
        let running = self.host.docker.inspect_exec(&self.exec).await.is_ok_and(|told| told.running == Some(true));
        if !running {
            return;
        }
        let config = ExecConfig {
            cmd: Some(vec!["/bin/sh".to_owned(), "-c".to_owned(), END.to_owned(), "end".to_owned(), self.mark.clone()]),
            ..Default::default()
        };
        let Ok(made) = self.host.docker.create_exec(&self.container, config).await else { return };
        let options = StartExecOptions { detach: true, ..Default::default() };
        let _ = self.host.docker.start_exec(&made.id, Some(options)).await;
    }
}
