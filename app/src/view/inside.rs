//! What one sees inside of an environment.

use chrono::{DateTime, Utc};
use domain::happening::Happening;
use domain::log::LogSince;
use domain::usage::Usage;
use serde::{Deserialize, Serialize};

views! {
    /// What is wanted of the logs of an environment.
    #[derive(Default)]
    pub struct LogQuery {
        /// One service; all of them, in the order of time, when absent.
        pub service: Option<String>,
        pub since: LogSince,
        /// A word that lines must hold, without regard to case; at most 200 characters.
        pub q: Option<String>,
        /// The newest of them: 1 to 1000, else 500.
        pub lines: Option<u32>,
    }

    /// Lines of the past, oldest first.
    pub struct LogPage {
        pub lines: Vec<LogLine>,
        /// When something was sought: how many lines hold it, also those that are not given.
        pub found: Option<u64>,
        /// How many lines were looked at.
        pub read: u64,
        /// False when a search ended at its bound, before the end of the log.
        pub whole: bool,
    }

    /// One line, made safe to show.
    pub struct LogLine {
        pub service: String,
        /// When it was written, where the engine said.
        pub at: Option<DateTime<Utc>>,
        /// Whether it was written to the error stream.
        pub err: bool,
        pub text: String,
        /// Which characters are set off, in order; together they are the whole text. Empty when
        /// all of it is plain.
        pub pieces: Vec<LogPiece>,
    }

    /// So many characters of a line, and how they look: `ink-1 bold`.
    pub struct LogPiece {
        pub chars: u32,
        pub look: String,
    }

    /// What the containers of an environment used lately.
    pub struct UsageView {
        pub services: Vec<ServiceUsage>,
        /// False when the engine did not answer.
        pub engine_reachable: bool,
    }

    pub struct ServiceUsage {
        pub service: String,
        /// Whether it is measured: it runs.
        pub measured: bool,
        /// Bytes of memory now, known before the first sample; and the bound.
        pub memory: u64,
        pub memory_limit: u64,
        /// One a second, the oldest first: at most five minutes. They are taken while somebody looks.
        pub samples: Vec<Usage>,
    }

    /// What runs in a container.
    pub struct ServiceProcesses {
        pub service: String,
        /// As the engine's `ps` names its columns; empty when the service does not run.
        pub titles: Vec<String>,
        pub rows: Vec<Vec<String>>,
    }

    /// Something that happened to a container.
    pub struct HappeningView {
        pub at: DateTime<Utc>,
        pub service: String,
        pub what: Happening,
        /// When it ended.
        pub exit_code: Option<i64>,
    }

    /// Where a shell can be opened.
    pub struct ShellView {
        /// The number of the environment.
        pub number: i64,
        pub service: String,
        /// The container's name on the engine, for whoever is there.
        pub container: String,
        pub engine: String,
        pub running: bool,
        /// Whether the reader may open one.
        pub may: bool,
    }

    /// What the engine says about a container, in its own words.
    pub struct InspectView {
        pub service: String,
        /// JSON, indented; only what may be shown, with secrets veiled.
        pub json: String,
    }
}
