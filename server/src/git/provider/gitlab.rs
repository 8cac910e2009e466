//! GitLab.

use super::{Api, ApiError, Provider, State, Status, count, newest_first, short, time};
use async_trait::async_trait;
use domain::commits::{Commit, Range};
use serde::Deserialize;
use serde_json::{Value, json};

pub struct GitLab;

const MOST_DESCRIPTION: usize = 255;

#[derive(Deserialize)]
struct Comparison {
    commits: Vec<Entry>,
    #[serde(default)]
    compare_timeout: bool,
}

#[derive(Deserialize)]
struct Entry {
    id: String,
    #[serde(default)]
    title: String,
    #[serde(default)]
    author_name: String,
    committed_date: Option<String>,
    created_at: Option<String>,
    #[serde(default)]
    parent_ids: Vec<String>,
}

/// The newest commit that two have in common.
#[derive(Deserialize)]
struct Common {
    #[serde(rename = "id")]
    _id: String,
}

impl Entry {
    fn read(&self) -> Option<Commit> {
        let at = self.committed_date.as_deref().or(self.created_at.as_deref()).and_then(time)?;
        Commit::read(&self.id, &self.author_name, at, &self.title, self.parent_ids.iter().map(String::as_str))
    }
}

impl GitLab {
    async fn side(api: &Api<'_>, base: &str, head: &str) -> Result<Vec<Commit>, ApiError> {
        let query = [("from", base), ("to", head), ("straight", "false")];
        let found: Comparison = api.get(&["projects", api.remote.path(), "repository", "compare"], &query).await?;
        if found.compare_timeout {
            return Err(ApiError::Untold);
        }
        let listed = found.commits.len();
        let list: Vec<Commit> = found.commits.iter().filter_map(Entry::read).collect();
        if list.len() == listed { Ok(newest_first(list, head)) } else { Err(ApiError::Untold) }
    }
}

#[async_trait]
impl Provider for GitLab {
    fn usual(&self, host: &str) -> String {
        format!("https://{host}/api/v4")
    }

    fn token(&self, token: &str) -> (&'static str, String) {
        ("private-token", token.to_owned())
    }

    async fn compare(&self, api: &Api<'_>, base: &str, head: &str) -> Result<Range, ApiError> {
        // Of two without a common past a comparison says nothing; this is 404 for them.
        let both = [("refs[]", base), ("refs[]", head)];
        let _: Common = api.get(&["projects", api.remote.path(), "repository", "merge_base"], &both).await?;
        let (ahead, behind) = (Self::side(api, base, head).await?, Self::side(api, head, base).await?);
        let (ahead_total, behind_total) = (count(&ahead), count(&behind));
        Ok(Range::between(ahead, ahead_total, behind, behind_total))
    }

    fn status(&self, path: &str, status: &Status) -> (Vec<String>, Value) {
        let state = match status.state {
            State::Pending => "pending",
            State::Success => "success",
            State::Failure => "failed",
        };
        let body = json!({
            "state": state,
            "name": status.context,
            "target_url": status.url,
            "description": short(&status.description, MOST_DESCRIPTION),
        });
        (["projects", path, "statuses", &status.commit].map(str::to_owned).to_vec(), body)
    }

    /// The same state a second time is refused as a step that there is not.
    fn stands(&self, status: u16, body: &str) -> bool {
        status == 400 && body.contains("Cannot transition status")
    }
}
