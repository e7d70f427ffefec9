//! Looking on while requests are answered: for whoever shows what became of each.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::dialects::Normalised;
use crate::scim::Dropped;

/// One request, after its answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Told {
    /// Goes along with the Keycloak calls that became of it, too.
    pub request_id: String,
    /// The HTTP method.
    pub method: String,
    /// Path and query, as sent.
    pub target: String,
    /// None where the client hung up.
    pub status: Option<u16>,
    /// The stable code of an error.
    pub error: Option<&'static str>,
    /// What of its body went no further.
    pub dropped: Vec<Dropped>,
    /// What of its body was not plain SCIM, and what it was taken for.
    pub normalised: Vec<Normalised>,
    /// Until the answer.
    pub took: Duration,
}

/// Is told of every request once it is answered.
#[derive(Clone)]
pub struct Watcher(Arc<dyn Fn(Told) + Send + Sync>);

impl Watcher {
    /// Tells this function, which must not block.
    pub fn new(tell: impl Fn(Told) + Send + Sync + 'static) -> Self {
        Self(Arc::new(tell))
    }

    pub(super) fn tell(&self, told: Told) {
        (self.0)(told);
    }
}

impl fmt::Debug for Watcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Watcher")
    }
}
