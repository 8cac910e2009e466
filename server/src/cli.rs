//! The command line: the same use cases, acted by Slipway itself on its own machine.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command line prints")]

pub mod backup;
mod serve;

use crate::ctx::{Ctx, Settings};
use crate::store::Store;
use crate::usecases::{hooks, intake, people, secrets, settings, tokens};
use app::view::NewHook;
use clap::{Args, Parser, Subcommand};
use domain::problem::{Fault, Noun};
use domain::{Actor, Problem, Role};
use std::io::Read as _;
use std::path::PathBuf;
use std::process::ExitCode;

/// More than a secret may hold, so that too much is refused and not cut.
const MOST_SECRET: u64 = 1 << 20;

/// A delivery dashboard for teams that ship Docker images.
#[derive(Parser)]
#[command(name = "slipway", version)]
struct Cli {
    #[command(flatten)]
    settings: SettingsArgs,
    #[command(subcommand)]
    command: Command,
}

#[derive(Args)]
struct SettingsArgs {
    /// Where everything is kept: sqlite://PATH or postgres://…
    #[arg(long, global = true, env = "SLIPWAY_DATABASE_URL", default_value = "sqlite://data/slipway.db", hide_env_values = true)]
    database_url: String,
    /// The address to listen at.
    #[arg(long, global = true, env = "SLIPWAY_LISTEN", default_value = "127.0.0.1:3000")]
    listen: String,
    /// The address that people use; default http://LISTEN.
    #[arg(long, global = true, env = "SLIPWAY_PUBLIC_URL")]
    public_url: Option<String>,
    /// A file with the key for secrets at rest.
    #[arg(long, global = true, env = "SLIPWAY_SECRET_KEY_FILE")]
    secret_key_file: Option<PathBuf>,
}

#[derive(Subcommand)]
enum Command {
    /// Runs the server.
    Serve,
    /// Takes in a configuration; what the file does not name stays.
    Apply {
        file: PathBuf,
        /// Drop what the file does not name.
        #[arg(long)]
        prune: bool,
    },
    /// Prints the configuration as TOML, without secrets.
    Export,
    /// Users: who may sign in.
    #[command(subcommand)]
    User(UserCommand),
    /// API tokens.
    #[command(subcommand)]
    Token(TokenCommand),
    /// Hooks: where builders call.
    #[command(subcommand)]
    Hook(HookCommand),
    /// Secrets: what Slipway speaks to registries, git servers and chats with.
    #[command(subcommand)]
    Secret(SecretCommand),
    /// Has all tags of an app read from its registry by the server, as for a new app.
    Sweep { app: String },
    /// Asks the server at the listening address whether it is ready: for health checks.
    Ready,
    /// Says whether configuration, database, engines, regions and registries are in order.
    Check,
    /// Writes one consistent copy of the database, also while serving.
    Backup { file: PathBuf },
    /// Puts a copy in the database's place.
    Restore {
        file: PathBuf,
        /// Replace a database that is not empty.
        #[arg(long)]
        force: bool,
    },
}

#[derive(Subcommand)]
enum UserCommand {
    /// Adds a user; the password is read from standard input.
    Add {
        #[arg(long)]
        name: String,
        #[arg(long)]
        role: String,
    },
    /// Lists users.
    List,
    /// Changes a user's role and ends their sessions.
    Role {
        #[arg(long)]
        name: String,
        #[arg(long)]
        role: String,
    },
    /// Puts a user out of use and ends their sessions.
    Disable {
        #[arg(long)]
        name: String,
    },
    /// Puts a user back in use.
    Enable {
        #[arg(long)]
        name: String,
    },
    /// Gives a user the password that is read from standard input.
    Password {
        #[arg(long)]
        name: String,
    },
}

#[derive(Subcommand)]
enum TokenCommand {
    /// Makes a token that acts for a user; its secret is printed once.
    Add {
        /// The user it acts for.
        #[arg(long)]
        user: String,
        #[arg(long)]
        name: String,
        /// `viewer`, or the user's own role.
        #[arg(long, default_value = "viewer")]
        role: String,
    },
    /// Lists tokens.
    List,
}

#[derive(Subcommand)]
enum HookCommand {
    /// Makes a hook; its address is printed, and its secret where it has one.
    Add {
        #[arg(long)]
        name: String,
        /// Who calls: `distribution`, `github`, `drone` …; a word that is unknown has them all named.
        #[arg(long)]
        source: String,
        /// The registry's host, for sources that do not say it.
        #[arg(long)]
        registry: Option<String>,
    },
}

#[derive(Subcommand)]
enum SecretCommand {
    /// Sets a secret; what it holds is read from standard input.
    Set { name: String },
    /// Lists the names of secrets and what uses each.
    List,
    /// Forgets a secret.
    Remove { name: String },
}

/// Why a command did not do its work.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error(transparent)]
    Problem(#[from] Problem),
    #[error("cannot open the database: {0}")]
    Open(#[from] crate::store::OpenError),
    #[error("{file}: {source}")]
    File { file: PathBuf, source: std::io::Error },
    #[error("{0}")]
    Backup(#[from] backup::BackupError),
    #[error("{0}")]
    Serve(#[from] serve::ServeError),
    #[error("not ready: {0}")]
    NotReady(String),
    #[error("something is not in order")]
    NotInOrder,
}

/// Says to git why there is no ssh.
pub fn no_ssh(failure: &std::io::Error) -> ExitCode {
    eprintln!("slipway: ssh cannot be started: {failure}");
    ExitCode::FAILURE
}

/// Reads the arguments and does what they say.
pub async fn run() -> ExitCode {
    let cli = Cli::parse();
    start_log(matches!(cli.command, Command::Serve));
    match dispatch(cli).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("slipway: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn start_log(serving: bool) {
    let filter = std::env::var("SLIPWAY_LOG").unwrap_or_else(|_| if serving { "info" } else { "warn" }.to_owned());
    let filter = tracing_subscriber::EnvFilter::try_new(filter).unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("info"));
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    if std::env::var("SLIPWAY_LOG_FORMAT").is_ok_and(|format| format == "json") {
        log.json().init();
    } else {
        log.init();
    }
}

async fn dispatch(cli: Cli) -> Result<(), Failure> {
    let settings = cli.settings.read();
    match cli.command {
        Command::Backup { file } => {
            println!("{}", backup::backup(&settings.database_url, &file).await?);
            return Ok(());
        }
        Command::Restore { file, force } => {
            println!("{}", backup::restore(&settings.database_url, &file, force).await?);
            return Ok(());
        }
        Command::Serve => return Ok(serve::serve(settings).await?),
        Command::Ready => return ready(&settings.listen).await,
        _ => {}
    }
    let store = Store::open(&settings.database_url).await?;
    let ctx = Ctx::new(settings, store).await?;
    match cli.command {
        Command::Apply { file, prune } => {
            let text = std::fs::read_to_string(&file).map_err(|source| Failure::File { file, source })?;
            let applied = settings::apply(&ctx, &Actor::Slipway, &text, prune).await?;
            println!("configuration {}: {}", applied.version, applied.changes);
        }
        Command::Export => print!("{}", settings::export(&ctx, &Actor::Slipway).await?),
        Command::User(command) => user(&ctx, command).await?,
        Command::Token(command) => token(&ctx, command).await?,
        Command::Hook(HookCommand::Add { name, source, registry }) => {
            let new = NewHook { name, source, registry, secret: None };
            let hook = hooks::add_hook(&ctx, &Actor::Slipway, new).await?;
            println!("{}", hook.url.unwrap_or_default());
            if let Some(secret) = hook.secret {
                println!("secret {secret}");
            }
        }
        Command::Secret(command) => secret(&ctx, command).await?,
        Command::Sweep { app } => intake::ask_sweep(&ctx, &Actor::Slipway, &app).await?,
        Command::Check => check(&ctx).await?,
        Command::Serve | Command::Ready | Command::Backup { .. } | Command::Restore { .. } => {}
    }
    Ok(())
}

impl SettingsArgs {
    fn read(self) -> Settings {
        let public_url = self.public_url.unwrap_or_else(|| format!("http://{}", self.listen));
        Settings {
            database_url: self.database_url,
            listen: self.listen,
            public_url: public_url.trim_end_matches('/').to_owned(),
            secret_key_file: self.secret_key_file,
        }
    }
}

async fn user(ctx: &Ctx, command: UserCommand) -> Result<(), Failure> {
    let by = &Actor::Slipway;
    match command {
        UserCommand::Add { name, role } => {
            let role: Role = role.parse()?;
            people::add_user(ctx, by, name.clone(), role, password_from_input()?).await?;
            println!("{name} may sign in as {role}");
        }
        UserCommand::List => {
            for user in people::list_users(ctx, by).await? {
                println!("{}\t{}\t{}", user.name, user.role, if user.disabled { "disabled" } else { "enabled" });
            }
        }
        UserCommand::Role { name, role } => people::change_role(ctx, by, &id_of(ctx, &name).await?, role.parse()?).await?,
        UserCommand::Disable { name } => people::set_disabled(ctx, by, &id_of(ctx, &name).await?, true).await?,
        UserCommand::Enable { name } => people::set_disabled(ctx, by, &id_of(ctx, &name).await?, false).await?,
        UserCommand::Password { name } => {
            let id = id_of(ctx, &name).await?;
            people::reset_password(ctx, by, &id, password_from_input()?).await?;
        }
    }
    Ok(())
}

async fn token(ctx: &Ctx, command: TokenCommand) -> Result<(), Failure> {
    match command {
        TokenCommand::Add { user, name, role } => {
            println!("{}", tokens::add_token(ctx, &Actor::Slipway, name, user, role.parse()?).await?.secret);
        }
        TokenCommand::List => {
            for token in tokens::list_tokens(ctx, &Actor::Slipway).await? {
                let state = if token.revoked_at.is_some() { "revoked" } else { "in use" };
                println!("{}\t{}\t{}\t{state}", token.name, token.owner_name, token.role);
            }
        }
    }
    Ok(())
}

async fn id_of(ctx: &Ctx, name: &str) -> Result<domain::id::UserId, Problem> {
    let user = ctx.store.user_by_name(name).await?;
    user.map(|user| user.person.id).ok_or_else(|| Problem::not_found(Noun::User, name))
}

/// One line of standard input; a password never stands in an argument.
fn password_from_input() -> Result<String, Problem> {
    let mut text = String::new();
    let read = std::io::stdin().take(4096).read_to_string(&mut text);
    let unreadable = |_| Problem::invalid("password", Fault::Unreadable { detail: "standard input is not text".to_owned() });
    read.map_err(unreadable)?;
    Ok(text.lines().next().unwrap_or_default().to_owned())
}

/// Asks `/readyz` of the server on this machine. A wildcard address is reached by loopback.
async fn ready(listen: &str) -> Result<(), Failure> {
    let port = listen.rsplit_once(':').map_or(listen, |(_, port)| port);
    let near = match listen.parse::<std::net::SocketAddr>() {
        Ok(address) if !address.ip().is_unspecified() => listen.to_owned(),
        Ok(address) if address.is_ipv4() => format!("127.0.0.1:{port}"),
        Ok(_) => format!("[::1]:{port}"),
        Err(_) => listen.to_owned(),
    };
    let not_ready = |cause: reqwest::Error| Failure::NotReady(cause.without_url().to_string());
    let client = reqwest::Client::builder().no_proxy().timeout(std::time::Duration::from_secs(2)).build().map_err(not_ready)?;
    let answer = client.get(format!("http://{near}/readyz")).send().await.map_err(not_ready)?;
    if answer.status().is_success() { Ok(()) } else { Err(Failure::NotReady(answer.status().to_string())) }
}

async fn secret(ctx: &Ctx, command: SecretCommand) -> Result<(), Failure> {
    match command {
        SecretCommand::Set { name } => {
            let mut value = String::new();
            let failed = |source| Failure::File { file: PathBuf::from("standard input"), source };
            std::io::stdin().take(MOST_SECRET).read_to_string(&mut value).map_err(failed)?;
            // A line break at the end is the shell's; inside a key it belongs to the key.
            let value = if value.trim_end().contains('\n') { value.as_str() } else { value.trim_end_matches(['\r', '\n']) };
            secrets::set(ctx, &Actor::Slipway, &name, value).await?;
            println!("{name} is set");
        }
        SecretCommand::List => {
            for secret in secrets::list(ctx, &Actor::Slipway).await? {
                println!("{}\t{}\t{}", secret.name, secret.changed_at.to_rfc3339(), secret.used_by.join(", "));
            }
        }
        SecretCommand::Remove { name } => secrets::remove(ctx, &Actor::Slipway, &name).await?,
    }
    Ok(())
}

async fn check(ctx: &Ctx) -> Result<(), Failure> {
    let lines = settings::check(ctx, &Actor::Slipway).await?;
    for line in &lines {
        match &line.found {
            Ok(found) => println!("ok    {}: {found}", line.subject),
            Err(problem) => println!("wrong {}: {problem}", line.subject),
        }
    }
    if lines.iter().all(|line| line.found.is_ok()) { Ok(()) } else { Err(Failure::NotInOrder) }
}
