//! A server of our own over a fresh database, with one app and one hook.

use crate::Done;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant, SystemTime};

const CONFIG: &str = r#"
[[registries]]
host = "127.0.0.1:1"
insecure = true

[[apps]]
name = "web"
image = "127.0.0.1:1/team/web"
channels = [
    { name = "dev", kind = "branch", tags = "dev" },
    { name = "release-v*", kind = "release", tags = "release-v*" },
]
"#;

/// Goes away with everything in it.
pub struct Desk {
    pub folder: PathBuf,
    pub address: String,
    /// The hook's path and the key that its messages are signed with.
    pub path: String,
    pub key: Vec<u8>,
    program: String,
    serving: Option<Child>,
}

impl Drop for Desk {
    fn drop(&mut self) {
        self.kill();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

impl Desk {
    pub async fn open() -> Done<Self> {
        let parent = std::env::var_os("SLIPWAY_BENCH_FOLDER").map_or_else(std::env::temp_dir, PathBuf::from);
        let folder = parent.join(format!("slipway-bench-{}", std::process::id()));
        std::fs::create_dir_all(&folder)?;
        let free = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let program = std::env::var("SLIPWAY_BIN").map_err(|_| "SLIPWAY_BIN is not set")?;
        let (path, key) = (String::new(), Vec::new());
        let mut desk = Self { folder, address: free.to_string(), path, key, program, serving: None };
        let file = desk.folder.join("bench.toml");
        std::fs::write(&file, CONFIG)?;
        desk.run(&["apply", &file.display().to_string()])?;
        let made = desk.run(&["hook", "add", "--name", "bench", "--source", "generic"])?;
        let mut lines = made.lines();
        let url = lines.next().unwrap_or_default();
        desk.path = url.split_once(&desk.address).ok_or("no address of a hook")?.1.to_owned();
        let secret = lines.next().and_then(|line| line.strip_prefix("secret whsec_")).ok_or("no secret")?;
        desk.key = base64::Engine::decode(&base64::engine::general_purpose::STANDARD, secret)?;
        desk.start().await?;
        Ok(desk)
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command.args(arguments);
        command.env("SLIPWAY_DATABASE_URL", format!("sqlite://{}", self.database().display()));
        command.env("SLIPWAY_LISTEN", &self.address).env("SLIPWAY_LOG", "error");
        command
    }

    pub fn database(&self) -> PathBuf {
        self.folder.join("slipway.db")
    }

    fn run(&self, arguments: &[&str]) -> Done<String> {
        let output = self.command(arguments).output()?;
        if !output.status.success() {
            return Err(format!("slipway {arguments:?}: {}", String::from_utf8_lossy(&output.stderr)).into());
        }
        Ok(String::from_utf8(output.stdout)?)
    }

    /// Starts the server and waits until it listens.
    pub async fn start(&mut self) -> Done {
        let log = std::fs::File::options().create(true).append(true).open(self.folder.join("log"))?;
        let serving = self.command(&["serve"]).stdout(Stdio::null()).stderr(log).spawn()?;
        self.serving = Some(serving);
        let end = Instant::now() + Duration::from_secs(30);
        while tokio::net::TcpStream::connect(&self.address).await.is_err() {
            if Instant::now() > end {
                return Err(format!("it did not start: {}", std::fs::read_to_string(self.folder.join("log"))?).into());
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        Ok(())
    }

    /// As an accident does it: nothing is finished, nothing is said.
    pub fn kill(&mut self) {
        if let Some(mut serving) = self.serving.take() {
            let _ = serving.kill();
            let _ = serving.wait();
        }
    }
}

/// Seconds since 1970.
pub fn seconds() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
