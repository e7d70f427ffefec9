//! An embedded stand-in for Keycloak: the part of its Admin REST, token and JWKS endpoints that the gateway uses.
//!
//! It keeps everything in memory and listens on loopback only, for the demo, for fast tests and for faults that a real
//! Keycloak can't be asked for. It is no Keycloak: it does what `admin_contract` (in `tests/keycloak/contract/`) holds
//! against both, and answers 501, naming the endpoint, to all else. Ids count up and every request is carried out alone,
//! so the same requests have the same answers.

mod answer;
mod authorize;
mod clients;
mod conditions;
mod credentials;
pub mod faults;
mod groups;
mod identity_providers;
mod keys;
mod mappings;
mod memberships;
mod organizations;
mod profile;
mod realms;
mod representation;
mod request;
mod required_actions;
mod roles;
mod routes;
mod search;
mod server;
mod sessions;
mod settings;
mod state;
mod tokens;
mod users;
mod validation;

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use self::faults::Faults;
use self::state::World;

pub use self::state::Administrator;

/// A running stand-in. Closed, with all connections, when dropped.
#[derive(Debug)]
pub struct StandIn {
    address: SocketAddr,
    shared: Arc<Shared>,
    server: JoinHandle<()>,
}

/// What all connections have in common.
#[derive(Debug)]
struct Shared {
    world: Mutex<World>,
    faults: Faults,
    latency: Mutex<Duration>,
}

impl StandIn {
    /// Starts one on a free loopback port, with the realm `master` and this administrator in it.
    ///
    /// # Errors
    /// When there is no port, or no randomness for keys.
    pub async fn start(administrator: Administrator) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            world: Mutex::new(World::new(administrator)?),
            faults: Faults::default(),
            latency: Mutex::default(),
        });
        let server = tokio::spawn(server::serve(listener, Arc::clone(&shared)));
        Ok(Self { address, shared, server })
    }

    /// `http://127.0.0.1:PORT`, without a slash at the end.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What goes wrong.
    #[must_use]
    pub fn faults(&self) -> &Faults {
        &self.shared.faults
    }

    /// How long every answer takes from now on, at the least.
    pub fn set_latency(&self, latency: Duration) {
        *self.shared.latency.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = latency;
    }
}

impl Drop for StandIn {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// Milliseconds since 1970.
fn now_millis() -> i64 {
    let since_1970 = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since_1970.as_millis()).unwrap_or(i64::MAX)
}

/// Seconds since 1970.
fn now_seconds() -> i64 {
    now_millis() / 1000
}
