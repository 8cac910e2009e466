//! Channels: named rules over an app's tags.

use crate::image::Tag;
use crate::keep;
use crate::rollout::waves::WaveStart;
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
    /// The git branch that is built as this channel's tag, where it has another name: `latest` is
    /// often built from `master`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub branch: Option<String>,
    /// An environment that always runs the newest build of this channel.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub launch: Option<ChannelLaunch>,
    /// A promotion that is drafted by itself when a new release comes. For channels of releases.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub draft: Option<ChannelDraft>,
}

/// What is drafted by itself for the newest release of a channel. It is approved as any other; a
/// newer release takes the place of a draft that is still open.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default, deny_unknown_fields)]
pub struct ChannelDraft {
    /// Region names, in the order of the rollout.
    pub to: Vec<String>,
    /// Where later waves begin, and what they wait for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub waves: Vec<WaveStart>,
    /// Whether it also starts by itself, once every gate is green. Else people start it.
    #[serde(skip_serializing_if = "is_false")]
    pub start: bool,
}

/// What is launched by itself for the newest build of a channel. One environment is kept for it, and
/// each new build is put in the place of the one before.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default, deny_unknown_fields)]
pub struct ChannelLaunch {
    /// The app's own when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stack: Option<String>,
    /// From each new build on; default 24.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lease_hours: Option<u32>,
    /// A region whose variables the services get.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub preset: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub engine: Option<String>,
    /// A service of the stack that runs once everything else is up, and ends: its exit code, and the
    /// JUnit report that it may print, are evidence on the build's page. Launches that do not ask for
    /// it leave it out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub check: Option<String>,
    /// The environment is stopped when the check has ended.
    #[serde(skip_serializing_if = "is_false")]
    pub stop: bool,
}

const DEFAULT_LAUNCH_HOURS: u32 = 24;

impl ChannelLaunch {
    pub fn lease_hours(&self) -> u32 {
        self.lease_hours.unwrap_or(DEFAULT_LAUNCH_HOURS)
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_false(value: &bool) -> bool {
    !*value
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

/// The first channel, in configured order, that `tag` belongs to. Slipway's own tags belong to none: they
/// only keep what is there.
pub fn channel_of<'a>(channels: &'a [Channel], tag: &Tag) -> Option<&'a Channel> {
    channels.iter().find(|channel| !keep::is_ours(tag) && channel.matches(tag))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn channel(tags: &str) -> Channel {
        Channel {
            name: tags.to_owned(),
            kind: ChannelKind::Branch,
            tags: tags.to_owned(),
            branch: None,
            launch: None,
            draft: None,
        }
    }

    fn tag(text: &str) -> Tag {
        text.parse().expect("a tag")
    }

    #[test]
    fn a_tag_belongs_to_the_first_channel_that_takes_it() {
        let channels = ["dev", "release-v5*", "release-v*"].map(channel);
        let name = |text: &str| channel_of(&channels, &tag(text)).map(|channel| channel.name.as_str());
        assert_eq!(name("dev"), Some("dev"));
        assert_eq!(name("release-v5.12.05.02"), Some("release-v5*"));
        assert_eq!(name("release-v6.01.01.01"), Some("release-v*"));
        assert_eq!((name("dev2"), name("dever"), name("latest"), name("release-")), (None, None, None, None));
        assert_eq!(channel_of(&[], &tag("dev")), None);
    }

    proptest! {
        #[test]
        fn a_star_takes_every_tag_with_its_beginning(text in "[a-z0-9_][a-z0-9._-]{0,20}", at in 0_usize..21) {
            let prefix: String = text.chars().take(at).collect();
            let starred = channel(&format!("{prefix}*"));
            prop_assert!(starred.matches(&tag(&text)));
            prop_assert_eq!(channel(&prefix).matches(&tag(&text)), prefix == text);
        }
    }
}
