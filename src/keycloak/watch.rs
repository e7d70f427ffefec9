//! Looking on while calls are made: for whoever shows what a request becomes in Keycloak.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::Method;
use serde_json::Value;
use url::Url;

/// One Admin REST call. Token requests are no such call.
#[derive(Debug, Clone, PartialEq)]
pub struct Made {
    /// The request that it was made for.
    pub request_id: String,
    /// Whether it is made off the answer's path: the client does not wait for it.
    pub after_answer: bool,
    /// The HTTP method.
    pub method: Method,
    /// Its path below the realm, with placeholders, as in `users/{id}/logout`.
    pub path: &'static str,
    /// Where it went.
    pub url: Url,
    /// The JSON body, where it had one. It holds people's names and addresses.
    pub body: Option<Value>,
    /// What came of it.
    pub result: CallResult,
    /// From sending it to having read the answer.
    pub took: Duration,
}

/// What came of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CallResult {
    /// Keycloak answered with this status.
    Answered(u16),
    /// No answer came, for this reason.
    Failed(String),
    /// A dry run: it was not sent, and would succeed.
    Planned,
    /// A dry run: it was not sent, and Keycloak would refuse it with this status.
    Foreseen(u16),
}

/// Is told of every call once it is over.
#[derive(Clone)]
pub struct CallWatcher(Arc<dyn Fn(Made) + Send + Sync>);

impl CallWatcher {
    /// Tells this function, which must not block.
    pub fn new(tell: impl Fn(Made) + Send + Sync + 'static) -> Self {
        Self(Arc::new(tell))
    }

    pub(super) fn tell(&self, made: Made) {
        (self.0)(made);
    }
}

impl fmt::Debug for CallWatcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CallWatcher")
    }
}
