//! Release sets: the builds that run together in an environment, and how each came to be chosen.

use crate::id::BuildId;
use crate::problem::Fault;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// Which build of an app somebody wants beside the build under test.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum BuildChoice {
    /// The newest good one of a channel, by the channel's name.
    Channel(String),
    /// Exactly this one, by its id.
    Build(BuildId),
}

impl BuildChoice {
    /// Reads `channel:dev` or `build:0a1b…`, as forms send them.
    ///
    /// # Errors
    /// [`Fault::Unreadable`] for anything else.
    pub fn from_word(word: &str) -> Result<Self, Fault> {
        match word.split_once(':') {
            Some(("channel", name)) if !name.is_empty() => Ok(BuildChoice::Channel(name.to_owned())),
            Some(("build", id)) if !id.is_empty() => Ok(BuildChoice::Build(BuildId(id.to_owned()))),
            _ => Err(Fault::Unreadable { detail: "write channel:NAME or build:ID".to_owned() }),
        }
    }

    /// The word that [`BuildChoice::from_word`] reads.
    pub fn word(&self) -> String {
        match self {
            BuildChoice::Channel(name) => format!("channel:{name}"),
            BuildChoice::Build(id) => format!("build:{id}"),
        }
    }
}

/// How a build came into a release set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Chosen {
    /// The set was made for it.
    UnderTest,
    /// The newest good one, because nothing else was asked for.
    Newest,
    /// The newest good one of this channel.
    NewestOf(String),
    /// Somebody named exactly this one.
    Exact,
}

impl fmt::Display for Chosen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Chosen::UnderTest => f.write_str("under-test"),
            Chosen::Newest => f.write_str("newest"),
            Chosen::NewestOf(channel) => write!(f, "channel:{channel}"),
            Chosen::Exact => f.write_str("exact"),
        }
    }
}

impl FromStr for Chosen {
    type Err = Fault;

    fn from_str(text: &str) -> Result<Self, Fault> {
        match (text, text.strip_prefix("channel:")) {
            ("under-test", _) => Ok(Chosen::UnderTest),
            ("newest", _) => Ok(Chosen::Newest),
            ("exact", _) => Ok(Chosen::Exact),
            (_, Some(channel)) => Ok(Chosen::NewestOf(channel.to_owned())),
            _ => Err(Fault::Unreadable { detail: text.to_owned() }),
        }
    }
}

impl TryFrom<String> for Chosen {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse().map_err(|why: Fault| why.to_string())
    }
}

impl From<Chosen> for String {
    fn from(chosen: Chosen) -> Self {
        chosen.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_choice_that_is_no_choice_is_refused() {
        for bad in ["", "dev", "channel:", "build:", "newest", "tag:dev"] {
            assert!(BuildChoice::from_word(bad).is_err(), "{bad:?}");
        }
        let json = serde_json::to_string(&BuildChoice::Channel("dev".to_owned())).expect("json");
        assert_eq!(json, r#"{"channel":"dev"}"#);
    }

    proptest! {
        #[test]
        fn what_was_written_is_read_again(name in "[a-z0-9:*._-]{1,30}") {
            for choice in [BuildChoice::Channel(name.clone()), BuildChoice::Build(BuildId(name.clone()))] {
                prop_assert_eq!(BuildChoice::from_word(&choice.word()), Ok(choice));
            }
            for chosen in [Chosen::UnderTest, Chosen::Newest, Chosen::Exact, Chosen::NewestOf(name)] {
                prop_assert_eq!(chosen.to_string().parse(), Ok(chosen));
            }
        }
    }
}
