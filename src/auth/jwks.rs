//! The signing keys of a realm: fetched when needed, once for all who wait, and not too often.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyAlgorithm, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey};
use serde::Deserialize;
use url::Url;

use super::Clock;
use super::error::JwksError;

/// How long keys are used without asking again, in seconds.
const FRESH_SECONDS: u64 = 600;
/// Shortest time between two fetches, in seconds: whoever makes up key ids can't make us hammer
/// Keycloak.
const FLOOR_SECONDS: u64 = 5;
/// Largest answer, in bytes.
const MAX_BYTES: usize = 256 * 1024;
/// Most keys in an answer.
const MAX_KEYS: usize = 100;
/// How long a fetch may take, whatever the HTTP client allows.
const FETCH_TIMEOUT: Duration = Duration::from_secs(10);

/// A key that signs tokens.
pub(super) struct SigningKey {
    /// What it verifies with.
    pub(super) decoding: DecodingKey,
    /// The algorithms that fit its type.
    family: &'static [Algorithm],
    /// The algorithm that it is for, if it says so.
    algorithm: Option<KeyAlgorithm>,
}

impl SigningKey {
    /// Reads a key that has an id and signs (`use` is `sig`); others are none of our business.
    fn from_jwk(jwk: &Jwk) -> Option<(String, Self)> {
        let id = jwk.common.key_id.clone()?;
        if jwk.common.public_key_use != Some(PublicKeyUse::Signature) {
            return None;
        }
        let family: &[Algorithm] = match &jwk.algorithm {
            AlgorithmParameters::RSA(_) => &[
                Algorithm::RS256,
                Algorithm::RS384,
                Algorithm::RS512,
                Algorithm::PS256,
                Algorithm::PS384,
                Algorithm::PS512,
            ],
            AlgorithmParameters::EllipticCurve(key) => match key.curve {
                EllipticCurve::P256 => &[Algorithm::ES256],
                EllipticCurve::P384 => &[Algorithm::ES384],
                _ => return None,
            },
            AlgorithmParameters::OctetKeyPair(key) if key.curve == EllipticCurve::Ed25519 => {
                &[Algorithm::EdDSA]
            }
            // A symmetric key in a public set is no key; other types are not known.
            _ => return None,
        };
        let key =
            Self { decoding: DecodingKey::from_jwk(jwk).ok()?, family, algorithm: jwk.common.key_algorithm };
        Some((id, key))
    }

    /// Whether tokens of this algorithm may be signed with it.
    pub(super) fn fits(&self, algorithm: Algorithm) -> bool {
        self.family.contains(&algorithm)
            && self.algorithm.is_none_or(|own| own == KeyAlgorithm::from(algorithm))
    }
}

type Keys = HashMap<String, Arc<SigningKey>>;

/// What is known of a realm's keys.
#[derive(Default)]
struct State {
    keys: Option<Arc<Keys>>,
    /// When `keys` were fetched.
    fetched: u64,
    /// When the last fetch ended: whoever comes while one is under way waits for it.
    tried: Option<u64>,
    /// Why the last fetch brought nothing.
    failure: Option<JwksError>,
}

/// The signing keys of one realm.
#[derive(Clone)]
pub(super) struct Jwks(Arc<Inner>);

struct Inner {
    http: reqwest::Client,
    url: Url,
    clock: Clock,
    state: Mutex<State>,
    /// Held while keys are fetched.
    fetching: Arc<tokio::sync::Mutex<()>>,
}

/// What a look at the keys at hand tells.
enum Look {
    /// The key, or that there is none: as good an answer as there is.
    Done(Option<Arc<SigningKey>>),
    /// Only a fetch tells; meanwhile an old key would do.
    Fetch(Option<Arc<SigningKey>>),
    /// Only a fetch would tell, but the last one failed a moment ago.
    Failed,
}

impl Jwks {
    pub(super) fn new(http: reqwest::Client, url: Url, clock: Clock) -> Self {
        Self(Arc::new(Inner {
            http,
            url,
            clock,
            state: Mutex::new(State::default()),
            fetching: Arc::default(),
        }))
    }

    /// The key with this id; none if the realm has no such key.
    ///
    /// # Errors
    /// If the realm can't be asked and the keys at hand don't tell.
    pub(super) async fn key(&self, id: &str) -> Result<Option<Arc<SigningKey>>, JwksError> {
        let old = match self.0.look(id) {
            Look::Done(key) => return Ok(key),
            Look::Failed => return Err(JwksError::JustFailed),
            Look::Fetch(old) => old,
        };
        let fetching = &self.0.fetching;
        let turn = match (Arc::clone(fetching).try_lock_owned(), old) {
            (Ok(turn), _) => turn,
            // Somebody else fetches; nobody has to wait who can go on with the old key.
            (Err(_), Some(old)) => return Ok(Some(old)),
            (Err(_), None) => Arc::clone(fetching).lock_owned().await,
        };
        match self.0.look(id) {
            Look::Done(key) => return Ok(key),
            Look::Failed => return Err(JwksError::JustFailed),
            Look::Fetch(_) => {}
        }
        // In a task of its own, so that a caller who hangs up doesn't end it for all who wait.
        let inner = Arc::clone(&self.0);
        let fetch = tokio::spawn(async move {
            let _turn = turn;
            inner.refresh().await;
        });
        if fetch.await.is_err() {
            return Err(JwksError::Http("the fetch was cut short".to_owned()));
        }
        let state = self.0.state();
        let key = state.keys.as_ref().and_then(|keys| keys.get(id).cloned());
        match (&key, &state.failure) {
            (None, Some(failure)) => Err(failure.clone()),
            _ => Ok(key),
        }
    }
}

impl Inner {
    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing that holds it can panic half-way; and a stale state is still a state.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn look(&self, id: &str) -> Look {
        let now = (self.clock)();
        // A clock that was set back makes things old, rather than young for ever.
        let within = |since: u64, limit| now.checked_sub(since).is_some_and(|age| age < limit);
        let state = self.state();
        let key = state.keys.as_ref().and_then(|keys| keys.get(id).cloned());
        if key.is_some() && within(state.fetched, FRESH_SECONDS) {
            return Look::Done(key);
        }
        if !state.tried.is_some_and(|tried| within(tried, FLOOR_SECONDS)) {
            return Look::Fetch(key);
        }
        match (&key, &state.failure) {
            (None, Some(_)) => Look::Failed,
            _ => Look::Done(key),
        }
    }

    async fn refresh(&self) {
        let fetched = tokio::time::timeout(FETCH_TIMEOUT, self.fetch())
            .await
            .unwrap_or_else(|_| Err(JwksError::Http("no answer within 10 s".to_owned())));
        let now = (self.clock)();
        let mut state = self.state();
        state.tried = Some(now);
        match fetched {
            Ok(keys) => {
                state.keys = Some(Arc::new(keys));
                state.fetched = now;
                state.failure = None;
            }
            Err(failure) => {
                tracing::warn!(url = %self.url, %failure, "can't fetch the realm's keys");
                state.failure = Some(failure);
            }
        }
    }

    async fn fetch(&self) -> Result<Keys, JwksError> {
        let request = self.http.get(self.url.clone());
        let mut response = request.send().await.map_err(|error| http_error(&error))?;
        if response.status() != reqwest::StatusCode::OK {
            return Err(JwksError::Status(response.status().as_u16()));
        }
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| http_error(&error))? {
            if body.len().saturating_add(chunk.len()) > MAX_BYTES {
                return Err(JwksError::TooLarge);
            }
            body.extend_from_slice(&chunk);
        }
        parse(&body)
    }
}

/// What went wrong, with its causes, without the URL, which the log line has already.
fn http_error(error: &reqwest::Error) -> JwksError {
    let mut text = if error.is_timeout() {
        "no answer in time".to_owned()
    } else if error.is_connect() {
        "no connection".to_owned()
    } else {
        "no complete answer".to_owned()
    };
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    JwksError::Http(text)
}

fn parse(body: &[u8]) -> Result<Keys, JwksError> {
    /// Keys one by one, so that one of an unknown kind doesn't cost the others.
    #[derive(Deserialize)]
    struct Set {
        keys: Vec<serde_json::Value>,
    }
    let set: Set = serde_json::from_slice(body).map_err(|_| JwksError::NotJwks)?;
    if set.keys.len() > MAX_KEYS {
        return Err(JwksError::TooLarge);
    }
    let keys = set.keys.into_iter().filter_map(|value| {
        let jwk: Jwk = serde_json::from_value(value).ok()?;
        let (id, key) = SigningKey::from_jwk(&jwk)?;
        Some((id, Arc::new(key)))
    });
    Ok(keys.collect())
}
