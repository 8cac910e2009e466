//! Channels: named rules over an app's tags.

use crate::image::Tag;
use serde::{Deserialize, Serialize};

/// What kind of tags a channel gathers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum ChannelKind {
    /// The tag moves with a branch (`dev`, `test`, `latest`).
    Branch,
    /// Each tag is a release and should not move (`release-v*`).
    Release,
}

/// A named rule over tags of an app.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Channel {
    /// Shown on pages and used in filters: `dev`, `release-v*`.
    pub name: String,
    pub kind: ChannelKind,
    /// A tag, or a prefix followed by one `*`.
    pub tags: String,
}

impl Channel {
    /// Whether `tag` belongs to this channel.
    pub fn matches(&self, tag: &Tag) -> bool {
        match self.tags.strip_suffix('*') {
            Some(prefix) => tag.as_str().starts_with(prefix),
            None => tag.as_str() == self.tags,
        }
    }
}

/// The first channel, in configured order, that `tag` belongs to.
pub fn channel_of<'a>(channels: &'a [Channel], tag: &Tag) -> Option<&'a Channel> {
    channels.iter().find(|channel| channel.matches(tag))
}
