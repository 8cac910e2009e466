//! A stack that an app keeps in its own repository, as it was at a build's commit.

use super::host::Host;
use crate::ctx::Ctx;
use crate::git::Found;
use domain::Problem;
use domain::commits::is_revision;
use domain::config::AppConfig;
use domain::problem::{Fault, Noun};
use domain::stack::MOST_BYTES;
use std::time::Duration;

/// A launch waits no longer; a repository that is new here is read meanwhile.
const PATIENCE: Duration = Duration::from_secs(60);

/// The file's text.
///
/// # Errors
/// [`Problem::Invalid`] when the build says no commit or the commit has no such file,
/// [`Problem::Unreachable`] when the repository cannot be read.
pub async fn stack_file(ctx: &Ctx, app: &AppConfig, path: &str, revision: Option<&str>) -> Result<String, Problem> {
    let refused = |reason: String| Problem::invalid("stack", Fault::Refused { reason });
    let git = app.git.as_deref().unwrap_or_default();
    let away = || Problem::Unreachable { what: Noun::Repository, name: app.name.clone() };
    let Some(revision) = revision.filter(|revision| is_revision(revision)) else {
        return Err(refused(format!("{path} is kept with the commits, and the build does not say which is its own")));
    };
    let read = async { Host::of(ctx, git).await?.file(revision, path, MOST_BYTES).await };
    let found = tokio::time::timeout(PATIENCE, read).await.map_err(|_| away())?;
    let found = found.map_err(|problem| {
        tracing::warn!(app = %app.name, %problem, "the stack of a build could not be read");
        away()
    })?;
    let short: String = revision.chars().take(12).collect();
    match found {
        Found::File(bytes) => String::from_utf8(bytes).map_err(|_| refused(format!("{path} is no text"))),
        Found::Nothing => Err(refused(format!("{path} is not there at commit {short}"))),
        Found::NoFile => Err(refused(format!("{path} is no plain file at commit {short}"))),
        Found::TooBig => Err(Problem::invalid("stack", Fault::TooBig { most: MOST_BYTES as u64 })),
    }
}
