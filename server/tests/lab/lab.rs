//! Where the lab is, and how to make it do something.
#![allow(dead_code, reason = "not every story needs every address")]

use std::collections::HashMap;
use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;

/// The lab's addresses, as `scripts/lab env` prints them.
pub struct Lab {
    script: PathBuf,
    variables: HashMap<String, String>,
}

/// The lab, or nothing when these stories are not to be told.
pub fn lab() -> Option<&'static Lab> {
    static LAB: OnceLock<Lab> = OnceLock::new();
    if std::env::var("SLIPWAY_TEST_LAB").as_deref() != Ok("1") {
        println!("not told: SLIPWAY_TEST_LAB is not 1");
        return None;
    }
    Some(LAB.get_or_init(Lab::find))
}

impl Lab {
    fn find() -> Self {
        let script = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../scripts/lab"));
        let mut lab = Self { script, variables: HashMap::new() };
        let pair = |line: &str| line.split_once('=').map(|(name, value)| (name.to_owned(), value.replace('\\', "")));
        lab.variables = lab.run(&["env"]).lines().filter_map(pair).collect();
        lab
    }

    /// Runs `scripts/lab` with these arguments and gives back what it printed.
    pub fn run(&self, arguments: &[&str]) -> String {
        self.run_with(&[], arguments)
    }

    /// As [`Lab::run`], with these variables.
    pub fn run_with(&self, variables: &[(&str, &str)], arguments: &[&str]) -> String {
        let output =
            Command::new(&self.script).args(arguments).envs(variables.iter().copied()).output().expect("scripts/lab runs");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "scripts/lab {arguments:?}: {said}");
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    fn get(&self, name: &str) -> &str {
        self.variables.get(name).unwrap_or_else(|| panic!("scripts/lab env does not say {name}"))
    }

    /// `address:port` of the registry that the sample apps are pushed to.
    pub fn registry(&self) -> &str {
        self.get("LAB_REGISTRY")
    }

    /// The first three numbers of the lab's addresses; the host is `.1`.
    pub fn net(&self) -> &str {
        self.get("LAB_NET")
    }

    /// The folder with the lab's certificates and keys.
    pub fn keys(&self) -> PathBuf {
        self.get("LAB_KEYS").into()
    }

    /// The port at which every engine speaks TLS.
    pub fn tls_port(&self) -> &str {
        self.get("LAB_TLS_PORT")
    }

    /// `user@host:port` of the ssh before the engines' sockets.
    pub fn ssh(&self) -> &str {
        self.get("LAB_SSH")
    }

    /// The engine's socket: `test`, `hangzhou`, `us-west` or `hong-kong`.
    pub fn socket(&self, engine: &str) -> PathBuf {
        self.get(&format!("LAB_{}_SOCK", variable(engine))).into()
    }

    /// The address at which the engine's published ports are reached.
    pub fn address(&self, engine: &str) -> &str {
        self.get(&format!("LAB_{}_ADDR", variable(engine)))
    }
}

fn variable(engine: &str) -> String {
    engine.to_uppercase().replace('-', "_")
}
