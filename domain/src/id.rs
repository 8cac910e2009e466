//! Typed identifiers: opaque text, so that one kind cannot stand where another is meant.

use serde::{Deserialize, Serialize};
use std::fmt;

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
        #[serde(transparent)]
        pub struct $name(pub String);

        impl $name {
            /// The identifier as it stands in URLs and in the database.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl From<String> for $name {
            fn from(text: String) -> Self {
                Self(text)
            }
        }
    )+};
}

ids!(
    /// A user.
    UserId,
    /// An API token (not its secret).
    TokenId,
    /// One hook (not its key).
    HookId,
    /// One received webhook request.
    DeliveryId,
    /// A CI run that was told of.
    RunId,
    /// One image digest of an app.
    BuildId,
    /// A running instance of a stack.
    EnvironmentId,
    /// One recorded judgement.
    VerdictId,
    /// One product acceptance.
    SignOffId,
    /// One time that product sent a build back.
    SendBackId,
    /// One file beside a verdict.
    EvidenceId,
    /// A request to run a digest in regions.
    PromotionId,
    /// One region's part of a promotion.
    RolloutId,
    /// One row of the audit record.
    AuditId,
    /// One message to one notification target.
    MessageId,
);
