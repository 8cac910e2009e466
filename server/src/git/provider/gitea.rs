//! Gitea, and Forgejo, which speaks the same.

use super::{Api, ApiError, Provider, Status, newest_first, parts, short, time};
use async_trait::async_trait;
use domain::commits::{Commit, Range};
use serde::Deserialize;
use serde_json::{Value, json};

pub struct Gitea;

const MOST_DESCRIPTION: usize = 255;

#[derive(Deserialize)]
struct Comparison {
    #[serde(default)]
    total_commits: u32,
    #[serde(default)]
    commits: Option<Vec<Entry>>,
}

#[derive(Deserialize)]
struct Entry {
    sha: String,
    created: Option<String>,
    commit: Inner,
    #[serde(default)]
    parents: Option<Vec<Parent>>,
}

#[derive(Deserialize)]
struct Inner {
    #[serde(default)]
    message: String,
    author: Option<Who>,
    committer: Option<Who>,
}

#[derive(Deserialize)]
struct Who {
    #[serde(default)]
    name: String,
    date: Option<String>,
}

#[derive(Deserialize)]
struct Parent {
    sha: String,
}

impl Entry {
    fn read(&self) -> Option<Commit> {
        let date = self.commit.committer.as_ref().and_then(|who| who.date.as_deref());
        let at = date.or(self.created.as_deref()).and_then(time)?;
        let author = self.commit.author.as_ref().map(|who| who.name.as_str()).unwrap_or_default();
        let parents = self.parents.iter().flatten().map(|parent| parent.sha.as_str());
        Commit::read(&self.sha, author, at, &self.commit.message, parents)
    }
}

impl Gitea {
    async fn side(api: &Api<'_>, base: &str, head: &str) -> Result<(Vec<Commit>, u32), ApiError> {
        let span = format!("{base}...{head}");
        let found: Comparison = api.get(&parts(&["repos"], api.remote.path(), &["compare", &span]), &[]).await?;
        let commits = found.commits.unwrap_or_default().iter().filter_map(Entry::read).collect();
        Ok((newest_first(commits, head), found.total_commits))
    }
}

#[async_trait]
impl Provider for Gitea {
    fn usual(&self, host: &str) -> String {
        format!("https://{host}/api/v1")
    }

    fn token(&self, token: &str) -> (&'static str, String) {
        ("authorization", format!("token {token}"))
    }

    async fn compare(&self, api: &Api<'_>, base: &str, head: &str) -> Result<Range, ApiError> {
        let ((ahead, ahead_total), (behind, behind_total)) =
            (Self::side(api, base, head).await?, Self::side(api, head, base).await?);
        // Two that left each other and two that never met look alike here.
        if ahead_total > 0 && behind_total > 0 {
            return Err(ApiError::Untold);
        }
        Ok(Range::between(ahead, ahead_total, behind, behind_total))
    }

    fn status(&self, path: &str, status: &Status) -> (Vec<String>, Value) {
        let path = parts(&["repos"], path, &["statuses", &status.commit]).into_iter().map(str::to_owned).collect();
        let body = json!({
            "state": status.state.as_str(),
            "target_url": status.url,
            "description": short(&status.description, MOST_DESCRIPTION),
            "context": status.context,
        });
        (path, body)
    }
}
