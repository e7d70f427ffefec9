//! The gateway, put together from its rooms: what `serve` runs, and `demo` and `explain` look on at.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::config::{Config, Server};
use crate::directory::admin::NotReady;
use crate::http::Watcher;
use crate::http::health::Health;
use crate::http::server::{self, Limits};
use crate::keycloak::{CallWatcher, HttpClientError};

use super::serving::Serving;

/// Why there is no gateway.
#[derive(Debug, thiserror::Error)]
pub enum GatewayError {
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
    /// Keycloak did not answer in the time that there is while a new configuration waits.
    #[error("{tenant}: Keycloak does not answer")]
    Silent {
        /// The realm, and the organization's key after a slash.
        tenant: String,
    },
    /// Keycloak can be reached as before, and not as the new configuration says.
    #[error("{tenant}: Keycloak answers where it was, and not by the new url, proxy or ca_file: {source}")]
    CutOff {
        /// The realm, and the organization's key after a slash.
        tenant: String,
        /// The reason.
        source: Box<GatewayError>,
    },
    /// The client for Keycloak can't be built.
    #[error(transparent)]
    HttpClient(#[from] HttpClientError),
}

/// Who looks on, and whether anything may be changed.
#[derive(Debug, Default)]
pub(super) struct Manner {
    /// Is told of each request.
    pub requests: Option<Watcher>,
    /// Is told of each call of Admin REST.
    pub calls: Option<CallWatcher>,
    /// Nothing is written to Keycloak.
    pub dry_run: bool,
}

/// A gateway whose listeners are bound and whose realms were looked at.
pub(super) struct Gateway {
    server: Server,
    requests: Option<Watcher>,
    listener: TcpListener,
    private_listener: TcpListener,
    /// Where SCIM clients come in.
    pub address: SocketAddr,
    /// Where health and readiness are asked for.
    pub private_address: SocketAddr,
    /// What is served; may be exchanged while it runs.
    pub serving: Arc<Serving>,
}

impl Gateway {
    /// Binds, and looks at each realm.
    ///
    /// # Errors
    /// [`GatewayError`]. A Keycloak that can't be reached is none: it may come up later.
    pub(super) async fn open(config: Config, manner: Manner) -> Result<Self, GatewayError> {
        let server = config.server.clone();
        let listener = bind("server.listen", server.listen).await?;
        let private_listener = bind("server.private_listen", server.private_listen).await?;
        let bound = |listener: &TcpListener, configured| listener.local_addr().unwrap_or(configured);
        let address = bound(&listener, server.listen);
        let private_address = bound(&private_listener, server.private_listen);
        let requests = manner.requests.clone();
        let serving = Arc::new(Serving::open(config, manner, format!("http://{address}")).await?);
        Ok(Self { server, requests, listener, private_listener, address, private_address, serving })
    }

    /// Serves until `stop`, then finishes what was begun.
    pub(super) async fn run(self, stop: CancellationToken) {
        let Self { server, serving, .. } = self;
        let limits = Limits {
            max_connections: server.max_connections,
            header_timeout: server.header_timeout,
            drain_timeout: server.drain_timeout,
        };
        // The private listener answers until the last request is done, so that draining can be watched.
        let ended = CancellationToken::new();
        let health = Health { readiness: serving.readiness(), metrics: serving.metrics.clone() };
        let health = server::serve(self.private_listener, health, limits, ended.clone());
        let private = tokio::spawn(health);
        let following = Arc::clone(&serving);
        let end = serving.stop.clone();
        serving.keepers.spawn(async move { following.follow_attributes(end).await });
        let stack = crate::http::stack(&serving.tenants, &server, self.requests);
        server::serve(self.listener, stack, limits, stop).await;
        serving.stop.cancel();
        serving.tasks.close();
        serving.keepers.close();
        // Plans of writes go on after their requests; each has a deadline of its own.
        let finished = async { tokio::join!(serving.tasks.wait(), serving.keepers.wait()) };
        if tokio::time::timeout(server.drain_timeout, finished).await.is_err() {
            tracing::warn!(
                "plans of writes were cut off; they are completed when their requests are repeated"
            );
        }
        ended.cancel();
        let _ended = private.await;
    }
}

async fn bind(key: &'static str, address: SocketAddr) -> Result<TcpListener, GatewayError> {
    TcpListener::bind(address).await.map_err(|source| GatewayError::Bind { key, address, source })
}
