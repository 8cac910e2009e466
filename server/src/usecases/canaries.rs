//! Canaries: a part of a region runs another build for a while.
//!
//! A canary begins as a promotion: the same gates, the same start, the same worker (`rollouts`). From
//! its start on it has an owner and an end, and one of the same app is in a region at most; while it
//! is there, a gate keeps everything else of the app out. This module looks after it until it has
//! returned: at its end, when a fail quarantines its digest, when its rollout failed, or when a lead
//! withdraws it. Returning only takes back what the canary did: its own service is removed, and the
//! main service gets the replicas back that it had. What somebody changed by hand stays theirs.

mod come_back;
mod tend;
mod view;

pub use come_back::work;
pub use tend::{extend_canary, withdraw_canary};
pub(crate) use view::{asked_view, canary_view};
