//! An app's repository and its host, as they are configured now.

use crate::ctx::{Ctx, secret_hash};
use crate::git::provider::{Api, ApiError};
use crate::git::{Access, Found, GitError, Remote, Scheme, Way};
use crate::notify::guard::Refused;
use crate::outside::Outside;
use crate::trust::Trust;
use crate::usecases::secrets;
use domain::commits::{Range, Trouble};
use domain::config::{Config, GitHostConfig};
use secrecy::SecretString;

/// What the configuration says about the host of an address.
pub fn of<'a>(config: &'a Config, git: &str) -> Option<&'a GitHostConfig> {
    let remote = Remote::parse(git).ok()?;
    host(config, &remote)
}

fn host<'a>(config: &'a Config, remote: &Remote) -> Option<&'a GitHostConfig> {
    config.git_host(remote.host()).or_else(|| config.git_host(remote.bare_host()))
}

/// Stands for an address in the database: another address is another repository.
pub fn mark(git: &str) -> String {
    secret_hash(git)
}

/// A repository, its host, and the host's token, opened.
pub struct Host<'a> {
    ctx: &'a Ctx,
    remote: Remote,
    config: Option<GitHostConfig>,
    token: Option<SecretString>,
}

impl<'a> Host<'a> {
    /// The repository that an address names.
    ///
    /// # Errors
    /// [`GitError`] when the address is none that is read, or the token cannot be opened.
    pub async fn of(ctx: &'a Ctx, git: &str) -> Result<Self, GitError> {
        let remote = Remote::parse(git)?;
        let config = host(&ctx.config().config, &remote).cloned();
        let token = match config.as_ref().and_then(|config| config.token_secret.as_deref()) {
            Some(name) => Some(secret(ctx, name).await?),
            None => None,
        };
        Ok(Self { ctx, remote, config, token })
    }

    /// The host's API; none where it has none or there is no token.
    ///
    /// # Errors
    /// [`ApiError`] when the configured address of the API is none.
    pub fn api(&self) -> Result<Option<Api<'_>>, ApiError> {
        match (&self.config, &self.token) {
            (Some(config), Some(token)) => Api::of(self.outside(), config, &self.remote, token),
            _ => Ok(None),
        }
    }

    /// What stands between two commits: by the API where there is one, else by git.
    ///
    /// # Errors
    /// [`GitError`].
    pub async fn range(&self, base: &str, head: &str) -> Result<Range, GitError> {
        let told = match self.api() {
            Ok(Some(api)) => Some(api.compare(base, head).await),
            Ok(None) => None,
            Err(problem) => Some(Err(problem)),
        };
        match told {
            Some(Ok(range)) => return Ok(range),
            Some(Err(problem)) => {
                tracing::info!(repository = %self.remote.path(), %problem, "the host's API does not tell; git is asked");
            }
            None => {}
        }
        self.ctx.git.range(&self.remote, &self.way().await?, base, head).await
    }

    fn outside(&self) -> Outside {
        self.ctx.outside.under(&self.ctx.config().config.outgoing)
    }

    /// Where the host was found, and whom it is believed by. What is on this machine's disk is not looked up.
    async fn way(&self) -> Result<Way, GitError> {
        let trust = Trust::of(&self.ctx.config().config.outgoing);
        let access = self.access().await?;
        let Some((host, port)) = self.remote.place() else { return Ok(Way { access, addresses: Vec::new(), trust }) };
        let pinned = self.outside().pin(host, port).await.map_err(|refused| {
            let trouble = if matches!(refused, Refused::Forbidden { .. }) { Trouble::Address } else { Trouble::Away };
            GitError::new(trouble, refused.to_string())
        })?;
        let addresses = pinned.addresses.iter().map(std::net::SocketAddr::ip).collect();
        Ok(Way { access, addresses, trust })
    }

    /// One file as it was at a commit.
    ///
    /// # Errors
    /// [`GitError`].
    pub async fn file(&self, commit: &str, path: &str, most: usize) -> Result<Found, GitError> {
        self.ctx.git.file(&self.remote, &self.way().await?, commit, path, most).await
    }

    async fn access(&self) -> Result<Access, GitError> {
        let Some(config) = &self.config else { return Ok(Access::Anyone) };
        match self.remote.scheme() {
            Scheme::File => Ok(Access::Anyone),
            Scheme::Https | Scheme::Http => Ok(match &self.token {
                Some(token) => {
                    let user = config.user.clone().unwrap_or_else(|| "git".to_owned());
                    Access::Password { user, password: token.clone() }
                }
                None => Access::Anyone,
            }),
            Scheme::Ssh => match &config.ssh_key_secret {
                Some(name) => Ok(Access::Key {
                    key: secret(self.ctx, name).await?,
                    known_hosts: config.ssh_known_hosts.clone().unwrap_or_default(),
                }),
                None => Err(GitError::new(Trouble::Refused, "ssh needs ssh_key_secret for this host")),
            },
        }
    }
}

async fn secret(ctx: &Ctx, name: &str) -> Result<SecretString, GitError> {
    secrets::open(ctx, name).await.map_err(|problem| GitError::new(Trouble::Secret, problem.to_string()))
}

/// Removes clones of repositories that no app has any more.
pub async fn forget_clones(ctx: &Ctx) {
    let applied = ctx.config();
    let remotes: Vec<Remote> = applied.config.apps.iter().filter_map(|app| Remote::parse(app.git.as_deref()?).ok()).collect();
    if let Err(cause) = ctx.git.keep_only(&remotes).await {
        tracing::warn!(%cause, "old clones could not be removed");
    }
}
