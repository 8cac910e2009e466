//! What became of a delivery.

use crate::Problem;
use crate::problem::Fault;
use serde::{Deserialize, Serialize};

/// Why a request is not believed to come from its hook's sender.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(tag = "unproven", rename_all = "snake_case")]
pub enum Unproven {
    #[error("the header {header} is missing")]
    Missing { header: String },
    #[error("the hook has no secret to compare with")]
    NoSecret,
    #[error("it was made with another secret, or for another body")]
    Wrong,
    /// Seconds by which the sender's time is behind ours; negative when it is ahead.
    #[error("its time is {seconds} s away from ours")]
    Stale { seconds: i64 },
}

/// Why an event of a delivery changed nothing, or less than it might have.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(tag = "reason", rename_all = "snake_case")]
pub enum Reason {
    /// There was nothing in it.
    NoEvents,
    /// A pull, a deletion, a mount …
    NotAPush { action: String },
    /// A push of something else than an image: a layer, a signature …
    NotAnImage { media_type: String },
    /// A signature or an attestation, which hangs on an image.
    Attachment { tag: String },
    /// A push by digest alone. What has no name is no build until a tag comes.
    NoTag { image: String },
    /// A part of the event does not follow its grammar.
    Unusable {
        field: String,
        given: String,
        #[cfg_attr(feature = "openapi", schema(value_type = Object))]
        why: Fault,
    },
    /// No app of the configuration has this image.
    UnknownApp { image: String },
    /// The build is listed, without a channel: none gathers this tag.
    NoChannel { tag: String },
    /// A tag that Slipway itself put there to keep an image.
    OwnTag { tag: String },
    /// The build is listed; the tag has no place in the order of releases.
    NotARelease { tag: String },
    /// The event came late: the tag has moved on since, and stays where it is.
    MovedOn { tag: String },
    /// An event of a kind that says nothing about builds: a ping, a star, a comment …
    NotABuildEvent { event: String },
    /// The request did not prove its sender; nothing of it was believed.
    Refused { why: Unproven },
    /// The body is not of the source's form; nothing of it was understood.
    NotRead {
        #[cfg_attr(feature = "openapi", schema(value_type = Object))]
        why: Fault,
    },
    /// No app of the configuration has this git repository.
    UnknownRepository { repository: String },
    /// A run that says nothing new: it was over already.
    RunOver { run: String },
    /// It could not be processed and was given up.
    GivenUp {
        #[cfg_attr(feature = "openapi", schema(value_type = Object))]
        problem: Problem,
    },
}
