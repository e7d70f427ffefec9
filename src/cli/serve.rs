//! `scimgate serve`: puts the rooms together, serves, and drains on SIGTERM.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use futures_util::future::try_join_all;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use url::Url;

use crate::auth::Authenticator;
use crate::config::{
    self, CallerAuth, CallerName, Config, ConfigErrors, ProcessEnvironment, Realm, UnknownAttributes,
};
use crate::directory::admin::{self, AdminDirectory, NotReady};
use crate::engine::{self, Engine};
use crate::http::health::{Health, Readiness};
use crate::http::server::{self, Limits};
use crate::http::{Tenant, Tenants, TokenEndpoint};
use crate::keycloak::{self, Connection, HttpClientError};
use crate::scim::Policy;
use crate::scim::list::PageSizes;
use crate::telemetry::{self, Mask, TelemetryError};

/// Why `serve` does not start.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The configuration is refused.
    #[error("{0}")]
    Config(#[from] ConfigErrors),
    /// The log can't be started.
    #[error(transparent)]
    Telemetry(#[from] TelemetryError),
    /// A listener can't be bound.
    #[error("{key} = \"{address}\": {source}")]
    Bind {
        /// The key of the configuration.
        key: &'static str,
        /// Its value.
        address: SocketAddr,
        /// The reason.
        source: io::Error,
    },
    /// A realm can't be served safely.
    #[error(transparent)]
    Realm(#[from] NotReady),
    /// The client for Keycloak can't be built.
    #[error(transparent)]
    HttpClient(#[from] HttpClientError),
    /// Signals can't be waited for.
    #[error("signals can't be waited for: {0}")]
    Signal(io::Error),
}

/// Serves until SIGTERM or SIGINT.
///
/// # Errors
/// [`ServeError`], before the first request is taken.
pub async fn run(path: &Path) -> Result<(), ServeError> {
    let config = config::load(path, &ProcessEnvironment)?;
    telemetry::init(&config.log)?;
    for warning in &config.warnings {
        tracing::warn!("{warning}");
    }
    let server = &config.server;
    let listener = bind("server.listen", server.listen).await?;
    let private_listener = bind("server.private_listen", server.private_listen).await?;
    let bound = |listener: &TcpListener, configured| listener.local_addr().unwrap_or(configured);
    let address = bound(&listener, server.listen);
    let private_address = bound(&private_listener, server.private_listen);
    let public_url = server
        .public_url
        .as_ref()
        .map_or_else(|| format!("http://{address}"), |url| url.as_str().trim_end_matches('/').to_owned());

    let tasks = TaskTracker::new();
    let stop = CancellationToken::new();
    let realms = open(&config, &public_url, &tasks)?;
    try_join_all(realms.iter().map(|(_, directory)| first_look(directory))).await?;
    let keepers = TaskTracker::new();
    let directories: Vec<AdminDirectory> = realms.iter().map(|(_, directory)| directory.clone()).collect();
    for directory in directories.iter().cloned() {
        keepers.spawn(directory.keep(stop.clone()));
    }
    let tenants = realms.into_iter().map(|(tenant, _)| tenant).collect();
    let tenants = Arc::new(Tenants::new(tenants, Mask(config.log.mask_personal_data), server));
    let limits = Limits {
        max_connections: server.max_connections,
        header_timeout: server.header_timeout,
        drain_timeout: server.drain_timeout,
    };
    let readiness: Readiness = Arc::new(move || {
        let missing: Vec<String> =
            directories.iter().filter(|directory| !directory.is_ready()).map(AdminDirectory::realm).collect();
        if missing.is_empty() { Ok(()) } else { Err(missing) }
    });
    let signals = signals(stop.clone())?;
    announce(&format!("listening on http://{address}, private listener on http://{private_address}"));
    for realm in config.realms.keys() {
        announce(&format!("base URL {public_url}/realms/{realm}/scim/v2"));
    }
    // The private listener answers until the last request is done, so that draining can be watched.
    let ended = CancellationToken::new();
    let private = tokio::spawn(server::serve(private_listener, Health(readiness), limits, ended.clone()));
    server::serve(listener, crate::http::stack(&tenants, server), limits, stop).await;
    tasks.close();
    keepers.close();
    // Plans of writes go on after their requests; each has a deadline of its own.
    if tokio::time::timeout(server.drain_timeout, async { tokio::join!(tasks.wait(), keepers.wait()) })
        .await
        .is_err()
    {
        tracing::warn!("plans of writes were cut off; they are completed when their requests are repeated");
    }
    ended.cancel();
    let _ended = private.await;
    signals.abort();
    tracing::info!("stopped");
    Ok(())
}

/// Where it listens is this command's output, for people and scripts. Nobody may be reading.
fn announce(line: &str) {
    let mut stdout = io::stdout().lock();
    let _unread = writeln!(stdout, "{line}").and_then(|()| stdout.flush());
}

async fn bind(key: &'static str, address: SocketAddr) -> Result<TcpListener, ServeError> {
    TcpListener::bind(address).await.map_err(|source| ServeError::Bind { key, address, source })
}

/// A realm that is set up wrongly is refused at start; a Keycloak that is down may come up later.
async fn first_look(directory: &AdminDirectory) -> Result<(), ServeError> {
    match directory.inspect().await {
        Ok(()) => Ok(()),
        Err(error) if error.is_final() => Err(error.into()),
        Err(error) => {
            tracing::warn!(realm = directory.realm(), %error, "not ready yet; it is tried again until it is");
            Ok(())
        }
    }
}

/// Tells all to stop at SIGTERM or SIGINT.
fn signals(stop: CancellationToken) -> Result<tokio::task::JoinHandle<()>, ServeError> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate()).map_err(ServeError::Signal)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(ServeError::Signal)?;
    Ok(tokio::spawn(async move {
        let name = tokio::select! {
            _ = terminate.recv() => "SIGTERM",
            _ = interrupt.recv() => "SIGINT",
        };
        tracing::info!(signal = name, "draining: no new connections, open requests are finished");
        stop.cancel();
    }))
}

/// Each realm's rooms, put together.
fn open(
    config: &Config,
    public_url: &str,
    tasks: &TaskTracker,
) -> Result<Vec<(Tenant, AdminDirectory)>, ServeError> {
    config.realms.values().map(|realm| open_realm(realm, public_url, tasks)).collect()
}

fn open_realm(
    realm: &Realm,
    public_url: &str,
    tasks: &TaskTracker,
) -> Result<(Tenant, AdminDirectory), ServeError> {
    let way = &realm.keycloak;
    let http =
        keycloak::http_client(way.connect_timeout, way.timeout, way.ca_file.as_deref(), way.proxy.as_ref())?;
    let connection = Connection::new(
        way.url.clone(),
        realm.name.as_ref(),
        &way.client_id,
        way.client_secret.clone(),
        http.clone(),
    );
    let directory = AdminDirectory::new(Arc::new(connection), directory_settings(realm), tasks.clone());
    let engine = Engine::new(Arc::new(directory.clone()), engine_settings(realm, public_url), tasks.clone());
    let protocol = |name| way.endpoint(&["realms", realm.name.as_ref(), "protocol", "openid-connect", name]);
    let tenant = Tenant {
        realm: realm.name.clone(),
        authenticator: Authenticator::new(realm, http.clone(), protocol("certs")),
        engine,
        token_endpoint: token_endpoint(realm, http, protocol("token")),
    };
    Ok((tenant, directory))
}

/// The forwarded token endpoint, where a caller may have use for it.
fn token_endpoint(realm: &Realm, http: reqwest::Client, url: Url) -> Option<TokenEndpoint> {
    let clients: BTreeMap<String, CallerName> = realm
        .callers
        .values()
        .flat_map(|caller| match &caller.auth {
            CallerAuth::Keycloak { clients } => {
                clients.iter().map(|client| (client.clone(), caller.name.clone())).collect()
            }
            CallerAuth::Token { .. } => Vec::new(),
        })
        .collect();
    let wanted = realm.forward_token_endpoint && !clients.is_empty();
    wanted.then(|| TokenEndpoint::new(http, url, &realm.issuer, clients))
}

fn directory_settings(realm: &Realm) -> admin::Settings {
    admin::Settings {
        tag_role: realm.tag_role.clone(),
        protected_roles: realm.protected_roles.clone(),
        attribute_map: realm.attribute_map.clone(),
        trust_email: realm.trust_email,
        reactivate_local: realm.reactivate_local,
        sweep_interval: realm.sweep_interval,
    }
}

fn engine_settings(realm: &Realm, public_url: &str) -> engine::Settings {
    engine::Settings {
        policy: Policy {
            refuse_unknown: realm.unknown_attributes == UnknownAttributes::Refuse,
            ignored: realm.ignored_attributes.clone(),
            refused: realm.refused_attributes.clone(),
        },
        sizes: PageSizes { default: realm.default_page_size, max: realm.max_page_size },
        scan_limit: realm.scan_limit,
        plan_timeout: realm.plan_timeout,
        base: format!("{public_url}/realms/{}/scim/v2", realm.name),
    }
}
