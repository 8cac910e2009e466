//! What happens to the containers of an environment, as its timeline tells it.

use crate::promotion::state_text;
use serde::{Deserialize, Serialize};

/// One kind of thing that can happen to a container.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Happening {
    Started,
    /// With an exit code.
    Ended,
    /// It wanted more memory than it may have.
    OutOfMemory,
    Restarted,
    Healthy,
    Unhealthy,
    Paused,
    Resumed,
    Removed,
}

state_text! {
    Happening {
        Started = "started", Ended = "ended", OutOfMemory = "out_of_memory", Restarted = "restarted", Healthy = "healthy",
        Unhealthy = "unhealthy", Paused = "paused", Resumed = "resumed", Removed = "removed",
    }
}

impl Happening {
    /// What the engine calls it; none for what the timeline leaves out.
    pub fn of_action(action: &str) -> Option<Self> {
        Some(match action.trim() {
            "start" => Happening::Started,
            "die" => Happening::Ended,
            "oom" => Happening::OutOfMemory,
            "restart" => Happening::Restarted,
            "pause" => Happening::Paused,
            "unpause" => Happening::Resumed,
            "destroy" => Happening::Removed,
            "health_status: healthy" => Happening::Healthy,
            "health_status: unhealthy" => Happening::Unhealthy,
            _ => return None,
        })
    }

    /// Whether somebody should look at it.
    pub fn is_bad(self, exit_code: Option<i64>) -> bool {
        match self {
            Happening::OutOfMemory | Happening::Unhealthy => true,
            Happening::Ended => exit_code.is_some_and(|code| code != 0),
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_engine_s_words_are_understood_and_the_rest_left_out() {
        assert_eq!(Happening::of_action("die"), Some(Happening::Ended));
        assert_eq!(Happening::of_action("health_status: unhealthy"), Some(Happening::Unhealthy));
        for other in ["exec_start: sh", "attach", "health_status: starting", "", "kill"] {
            assert_eq!(Happening::of_action(other), None, "{other}");
        }
        assert!(Happening::Ended.is_bad(Some(137)) && !Happening::Ended.is_bad(Some(0)) && !Happening::Started.is_bad(None));
    }
}
