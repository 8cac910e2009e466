//! GitHub, and GitHub Enterprise.

use super::{Api, ApiError, Provider, Status, newest_first, parts, short, time};
use async_trait::async_trait;
use domain::commits::{Commit, MOST_COMMITS, Range};
use serde::Deserialize;
use serde_json::{Value, json};

pub struct GitHub;

/// Commits on one page of a comparison.
const PAGE: u32 = 100;
const MOST_DESCRIPTION: usize = 140;

#[derive(Deserialize)]
struct Comparison {
    status: String,
    #[serde(default)]
    ahead_by: u32,
    #[serde(default)]
    behind_by: u32,
    #[serde(default)]
    commits: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    sha: String,
    commit: Inner,
    #[serde(default)]
    parents: Vec<Parent>,
}

#[derive(Deserialize)]
struct Inner {
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
        let date = |who: &Option<Who>| who.as_ref().and_then(|who| who.date.as_deref()).and_then(time);
        let at = date(&self.commit.committer).or_else(|| date(&self.commit.author))?;
        let author = self.commit.author.as_ref().map(|who| who.name.as_str()).unwrap_or_default();
        Commit::read(&self.sha, author, at, &self.commit.message, self.parents.iter().map(|parent| parent.sha.as_str()))
    }
}

impl GitHub {
    async fn page(api: &Api<'_>, base: &str, head: &str, page: u32) -> Result<Comparison, ApiError> {
        let span = format!("{base}...{head}");
        let path = parts(&["repos"], api.remote.path(), &["compare", &span]);
        api.get(&path, &[("per_page", &PAGE.to_string()), ("page", &page.to_string())]).await
    }

    /// One side of a comparison, its newest commits. They are listed from the oldest on, so of
    /// many the last pages are read.
    async fn side(api: &Api<'_>, base: &str, head: &str, first: Comparison) -> Result<Vec<Commit>, ApiError> {
        let pages = first.ahead_by.div_ceil(PAGE);
        let mut entries = Vec::new();
        if pages <= 1 {
            entries = first.commits;
        } else {
            for page in [pages - 1, pages] {
                entries.extend(Self::page(api, base, head, page).await?.commits);
            }
        }
        let mut list = newest_first(entries.iter().filter_map(Entry::read).collect(), head);
        list.truncate(MOST_COMMITS);
        Ok(list)
    }
}

#[async_trait]
impl Provider for GitHub {
    fn usual(&self, host: &str) -> String {
        if host == "github.com" { "https://api.github.com".to_owned() } else { format!("https://{host}/api/v3") }
    }

    fn token(&self, token: &str) -> (&'static str, String) {
        ("authorization", format!("Bearer {token}"))
    }

    async fn compare(&self, api: &Api<'_>, base: &str, head: &str) -> Result<Range, ApiError> {
        let first = Self::page(api, base, head, 1).await?;
        let (ahead_total, behind_total) = (first.ahead_by, first.behind_by);
        let fits = match first.status.as_str() {
            "identical" => (ahead_total, behind_total) == (0, 0),
            "ahead" => ahead_total > 0 && behind_total == 0,
            "behind" => ahead_total == 0 && behind_total > 0,
            "diverged" => ahead_total > 0 && behind_total > 0,
            _ => false,
        };
        if !fits {
            return Err(ApiError::Untold);
        }
        let ahead = Self::side(api, base, head, first).await?;
        let behind = if behind_total > 0 {
            let back = Self::page(api, head, base, 1).await?;
            Self::side(api, head, base, back).await?
        } else {
            Vec::new()
        };
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
