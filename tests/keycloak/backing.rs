//! What a trial runs on: the real Keycloak, or the stand-in that is held to it.

use scimgate::stand_in::{Administrator, StandIn};
use tokio::sync::OnceCell;

use crate::keycloak::{ADMIN_PASSWORD, ADMIN_USER};

/// What takes the Admin REST calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backing {
    Keycloak,
    StandIn,
}

tokio::task_local! {
    static BACKING: Backing;
}

/// Runs a test on this backing.
pub async fn on<T>(backing: Backing, test: impl Future<Output = T>) -> T {
    BACKING.scope(backing, test).await
}

/// The backing of the trial that asks; the real one where nothing was said. A spawned task does not know it.
pub fn current() -> Backing {
    BACKING.try_get().unwrap_or(Backing::Keycloak)
}

/// The stand-in that all trials share; they are apart by realm.
pub async fn stand_in() -> &'static StandIn {
    static SHARED: OnceCell<StandIn> = OnceCell::const_new();
    SHARED.get_or_init(|| async { start_stand_in().await }).await
}

/// A stand-in of one's own, for faults and latency.
pub async fn start_stand_in() -> StandIn {
    let administrator = Administrator { username: ADMIN_USER.to_owned(), password: ADMIN_PASSWORD.into() };
    StandIn::start(administrator).await.expect("a loopback port")
}
