//! `scimgate serve`: serves what the configuration says, and drains on SIGTERM.

use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::select_all;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::config::{self, ConfigErrors, ProcessEnvironment};
use crate::telemetry::{self, TelemetryError};

use super::gateway::{Gateway, GatewayError, Manner};
use super::reload;

/// Why `serve` does not start.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The configuration is refused.
    #[error("{0}")]
    Config(#[from] ConfigErrors),
    /// The log can't be started.
    #[error(transparent)]
    Telemetry(#[from] TelemetryError),
    /// The gateway can't be put together.
    #[error(transparent)]
    Gateway(#[from] GatewayError),
    /// Signals can't be waited for.
    #[error("signals can't be waited for: {0}")]
    Signal(io::Error),
}

/// Serves until SIGTERM or SIGINT.
///
/// # Errors
/// [`ServeError`], before the first request is taken.
pub async fn run(path: &Path) -> Result<(), ServeError> {
    // Before anything else: it ends a process that does not wait for it.
    let hangup = signal(SignalKind::hangup()).map_err(ServeError::Signal)?;
    let config = config::load(path, &ProcessEnvironment)?;
    telemetry::init(&config.log)?;
    for warning in &config.warnings {
        tracing::warn!("{warning}");
    }
    let files = config.files().clone();
    let gateway = Gateway::open(config, Manner::default()).await?;
    let stop = CancellationToken::new();
    let signals = signals(stop.clone(), ENDS).map_err(ServeError::Signal)?;
    announce(&format!(
        "listening on http://{}, private listener on http://{}",
        gateway.address, gateway.private_address
    ));
    for url in gateway.serving.base_urls() {
        announce(&format!("base URL {url}"));
    }
    let serving = Arc::clone(&gateway.serving);
    let reading = reload::keep_reading(path.to_owned(), files, hangup, serving, stop.clone());
    gateway.run(stop).await;
    signals.abort();
    reading.abort();
    tracing::info!("stopped");
    Ok(())
}

/// Where it listens is this command's output, for people and scripts. Nobody may be reading.
fn announce(line: &str) {
    let mut stdout = io::stdout().lock();
    let _unread = writeln!(stdout, "{line}").and_then(|()| stdout.flush());
}

/// A signal and its name.
pub(super) type Named = (SignalKind, &'static str);

/// What ends `serve`.
const ENDS: &[Named] = &[(SignalKind::terminate(), "SIGTERM"), (SignalKind::interrupt(), "SIGINT")];

/// Tells all to stop at one of these signals.
pub(super) fn signals(
    stop: CancellationToken,
    ends: &'static [Named],
) -> io::Result<tokio::task::JoinHandle<()>> {
    let mut waiting = ends.iter().map(|(kind, _)| signal(*kind)).collect::<io::Result<Vec<_>>>()?;
    Ok(tokio::spawn(async move {
        let (_, which, _) = select_all(waiting.iter_mut().map(|signal| signal.recv().boxed())).await;
        let name = ends.get(which).map(|(_, name)| name);
        tracing::info!(signal = name, "draining: no new connections, open requests are finished");
        stop.cancel();
    }))
}
