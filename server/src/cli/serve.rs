//! `slipway serve`: opens, listens, works, and stops in order.

use crate::ctx::{Ctx, Settings};
use crate::store::{OpenError, Store};
use crate::{http, usecases};
use axum::serve::ListenerExt as _;
use domain::Problem;
use std::fs::{File, TryLockError};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long open requests and work may take to end.
const GRACE: Duration = Duration::from_secs(10);

/// Why the server does not run.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    #[error("cannot open the database: {0}")]
    Open(#[from] OpenError),
    #[error(transparent)]
    Problem(#[from] Problem),
    #[error("another slipway serves this database ({0} is locked)")]
    Locked(PathBuf),
    #[error("cannot lock {path}: {source}")]
    Lock { path: PathBuf, source: std::io::Error },
    #[error("cannot listen at {address}: {source}")]
    Listen { address: String, source: std::io::Error },
    #[error("serving ended: {0}")]
    Ended(#[source] std::io::Error),
}

/// Serves until a signal says stop.
pub async fn serve(settings: Settings) -> Result<(), ServeError> {
    http::health::count();
    // Kept until the end: a second instance on one SQLite file would do all work twice.
    let _lock = lock(&settings.database_url)?;
    let store = Store::open(&settings.database_url).await?;
    let ctx = Ctx::new(settings, store).await?;
    if !ctx.store.has_users().await? {
        print_setup_code(&ctx);
    }
    let address = ctx.settings.listen.clone();
    let listener = tokio::net::TcpListener::bind(&address).await.map_err(|source| ServeError::Listen { address, source })?;
    // Small messages leave when they are written: a stream's reader waits for each.
    let listener = listener.tap_io(|stream| {
        stream.set_nodelay(true).ok();
    });
    let router = http::outside(&ctx).router;
    usecases::start_workers(&ctx);
    tracing::info!(listen = %ctx.settings.listen, public = %ctx.settings.public_url, "slipway serves");
    let stop = ctx.work.stop.clone();
    let service = router.into_make_service_with_connect_info::<SocketAddr>();
    let serving = axum::serve(listener, service).with_graceful_shutdown(async move { stop.cancelled().await });
    let serving = tokio::spawn(serving.into_future());
    stop_signal().await;
    tracing::info!("stopping");
    ctx.work.stop.cancel();
    ctx.work.tasks.close();
    let ended = tokio::time::timeout(GRACE, async {
        let served = serving.await;
        ctx.work.tasks.wait().await;
        served
    })
    .await;
    ctx.store.close().await;
    match ended {
        Ok(Ok(served)) => served.map_err(ServeError::Ended),
        // Work that does not end in time is resumed at the next start.
        _ => Ok(()),
    }
}

fn print_setup_code(ctx: &Ctx) {
    let code = ctx.new_secret();
    ctx.setup.arm(code.clone());
    tracing::warn!("nobody can sign in yet: make the first admin at {}/setup with this code: {code}", ctx.settings.public_url);
}

/// Takes the lock beside a SQLite file; PostgreSQL needs none.
fn lock(database_url: &str) -> Result<Option<File>, ServeError> {
    let Some(path) = crate::store::sqlite_path(database_url) else { return Ok(None) };
    let path = Path::new(&path).with_extension("lock");
    let failed = |source| ServeError::Lock { path: path.clone(), source };
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(failed)?;
    }
    let file = File::options().create(true).write(true).truncate(false).open(&path).map_err(failed)?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => Err(ServeError::Locked(path)),
        Err(TryLockError::Error(source)) => Err(ServeError::Lock { path, source }),
    }
}

async fn stop_signal() {
    let interrupt = tokio::signal::ctrl_c();
    #[cfg(unix)]
    let terminate = async {
        match tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
            Ok(mut signal) => {
                signal.recv().await;
            }
            Err(_) => std::future::pending().await,
        }
    };
    #[cfg(not(unix))]
    let terminate = std::future::pending::<()>();
    tokio::select! {
        _ = interrupt => {}
        () = terminate => {}
    }
}
