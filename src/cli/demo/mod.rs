//! `scimgate demo`: a gateway to try, with what each request becomes in Keycloak shown as it happens.
//!
//! Only what is behind the gateway is the demo's own: the stand-in, or a Keycloak. `setup` prepares it as it prepares any
//! realm, and the gateway that serves it is the one of `serve`.

mod narrator;
mod prepared;
mod process;

use std::io::{self, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::PathBuf;

use clap::Args;
use secrecy::ExposeSecret;
use tokio::signal::unix::SignalKind;
use tokio_util::sync::CancellationToken;

use crate::config::{self, ConfigErrors, Log, LogFormat, ProcessEnvironment};
use crate::telemetry::{self, TelemetryError};

use super::gateway::{Gateway, GatewayError};
use super::narrate;
use super::serve::{Named, signals};
use super::setup::SetupError;

pub(super) use self::prepared::Prepared;
pub use self::process::ProcessError;

/// Where `serve` listens if nothing else is said, so that what is tried here is typed there.
const LISTEN: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 7644);

/// What ends the demo; SIGHUP is the terminal being closed.
const ENDS: &[Named] = &[
    (SignalKind::terminate(), "SIGTERM"),
    (SignalKind::interrupt(), "SIGINT"),
    (SignalKind::hangup(), "SIGHUP"),
];

/// Tries the gateway: no Keycloak, no configuration, no identity provider needed.
///
/// Prints a base URL, a token and curl commands to paste, and shows for each request the Keycloak calls that it became,
/// what was dropped and why. Ends with Ctrl-C.
#[derive(Debug, Clone, Args)]
pub struct DemoArgs {
    /// A real Keycloak instead of the stand-in: the directory of an unpacked distribution, which is built for
    /// "start-dev", started and ended, or the address of one that runs
    #[arg(long, value_name = "DIR|URL")]
    pub keycloak: Option<String>,

    /// The realm, made if there is none of this name
    #[arg(long, value_name = "NAME", default_value = "scimgate-demo")]
    pub realm: String,

    /// An administrator of the running Keycloak
    #[arg(long, value_name = "USER", default_value = "admin")]
    pub admin_user: String,

    /// The environment variable that holds the administrator's password; without this or --admin-password-file it is
    /// asked for
    #[arg(long, value_name = "VAR", conflicts_with = "admin_password_file", requires = "keycloak")]
    pub admin_password_env: Option<String>,

    /// The file that holds the administrator's password
    #[arg(long, value_name = "FILE", requires = "keycloak")]
    pub admin_password_file: Option<PathBuf>,

    /// Where to listen [default: 127.0.0.1:7644, or a free port where that is taken]
    #[arg(long, value_name = "ADDR")]
    pub listen: Option<SocketAddr>,
}

/// Why there is no demo.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// The stand-in does not come up.
    #[error("the stand-in for Keycloak can't be started: {0}")]
    StandIn(io::Error),
    /// There is no place for the files of the demo.
    #[error("a temporary directory can't be made or used: {0}")]
    Files(io::Error),
    /// `--keycloak` is neither.
    #[error("--keycloak: expected a directory or an address that begins with http:// or https://, found {0}")]
    NoKeycloak(String),
    /// The distribution does not start.
    #[error(transparent)]
    Process(#[from] ProcessError),
    /// The realm can't be prepared.
    #[error(transparent)]
    Setup(#[from] SetupError),
    /// What `setup` wrote is refused.
    #[error("{0}")]
    Config(#[from] ConfigErrors),
    /// The log can't be started.
    #[error(transparent)]
    Telemetry(#[from] TelemetryError),
    /// The address is taken, or not this machine's.
    #[error("--listen {0}: {1}")]
    Listen(SocketAddr, io::Error),
    /// The gateway can't be put together.
    #[error(transparent)]
    Gateway(#[from] GatewayError),
    /// Signals can't be waited for.
    #[error("signals can't be waited for: {0}")]
    Signal(io::Error),
}

/// Runs the demo until SIGTERM, SIGINT, or SIGHUP, which is the terminal being closed.
///
/// # Errors
/// [`DemoError`], before the first request is taken.
pub async fn run(args: DemoArgs) -> Result<(), DemoError> {
    let stop = CancellationToken::new();
    // From here on Ctrl-C ends what is started, too.
    let signals = signals(stop.clone(), ENDS).map_err(DemoError::Signal)?;
    let prepared = tokio::select! {
        prepared = Prepared::new(&args) => prepared?,
        () = stop.cancelled() => return Ok(()),
    };
    let mut config = config::load(&prepared.config, &ProcessEnvironment)?;
    let quiet = Log { format: LogFormat::Text, level: "warn".into(), mask_personal_data: true };
    telemetry::init(&quiet)?;
    config.server.listen = args.listen.unwrap_or_else(free_address);
    config.server.private_listen = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    config.server.public_url = None;
    let (manner, mut events) = narrate::listen();
    let gateway = Gateway::open(config, manner).await.map_err(|error| match error {
        GatewayError::Bind { address, source, .. } => DemoError::Listen(address, source),
        error => error.into(),
    })?;
    // What it took to look at the realm is no request's.
    while events.try_recv().is_ok() {}
    let base_url = gateway.serving.base_urls().into_iter().next().unwrap_or_default();
    say(&narrator::welcome(&prepared.about, &base_url, prepared.token.expose_secret()));
    let narrator = tokio::spawn(narrator::narrate(events));
    gateway.run(stop).await;
    // Nothing is told any more: the gateway, which held the other end, is gone.
    let _ended = narrator.await;
    signals.abort();
    if let Some(remains) = &prepared.remains {
        say(remains);
    }
    Ok(())
}

/// The usual address, or any where somebody else has it.
fn free_address() -> SocketAddr {
    match TcpListener::bind(LISTEN) {
        Ok(_) => LISTEN,
        Err(_) => SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
    }
}

/// The demo's output is for a person, who may have gone.
fn say(text: &str) {
    let mut stdout = io::stdout().lock();
    let _unread = writeln!(stdout, "{text}").and_then(|()| stdout.flush());
}
