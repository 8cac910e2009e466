//! What became of a delivery.

use crate::Problem;
use crate::problem::Fault;
use serde::{Deserialize, Serialize};

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
    /// The build is listed; the tag has no place in the order of releases.
    NotARelease { tag: String },
    /// The event came late: the tag has moved on since, and stays where it is.
    MovedOn { tag: String },
    /// It could not be processed and was given up.
    GivenUp {
        #[cfg_attr(feature = "openapi", schema(value_type = Object))]
        problem: Problem,
    },
}
