//! The signing keys of an issuer: fetched when needed, once for all who wait, and not too often.
//!
//! Only URLs that the configuration names are fetched, and the one that a configured issuer's discovery document names.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyAlgorithm, KeyOperations, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey};
use serde::Deserialize;
use tracing::Instrument as _;
use url::Url;

use super::Clock;
use super::discovery;
use super::error::JwksError;

/// How long keys are used without asking again, in seconds.
const FRESH_SECONDS: u64 = 600;
/// How long keys are used while the issuer can't be asked, in seconds: a day. Longer, and a key that was withdrawn
/// because somebody stole it would serve for as long as the thief keeps us from the issuer.
const STALE_SECONDS: u64 = 24 * 60 * 60;
/// Shortest time between two fetches, in seconds: whoever makes up key ids can't make us hammer
/// the issuer.
const FLOOR_SECONDS: u64 = 5;
/// Largest answer, in bytes.
const MAX_BYTES: usize = 256 * 1024;
/// Most keys in an answer.
const MAX_KEYS: usize = 100;
/// How long a fetch may take, whatever the HTTP client allows.
const FETCH_TIMEOUT: Duration = Duration::from_secs(10);

/// A key that signs tokens.
pub(super) struct SigningKey {
    /// Its id, if it has one.
    id: Option<String>,
    /// What it verifies with.
    pub(super) decoding: DecodingKey,
    /// The algorithms that fit its type.
    family: &'static [Algorithm],
    /// The algorithm that it is for, if it says so.
    algorithm: Option<KeyAlgorithm>,
}

impl SigningKey {
    /// Reads a key that signs, or does not say what it is for (RFC 7517 section 4.2); others are none of our business.
    fn from_jwk(jwk: &Jwk) -> Option<Self> {
        if jwk.common.public_key_use.as_ref().is_some_and(|is| *is != PublicKeyUse::Signature) {
            return None;
        }
        if jwk.common.key_operations.as_ref().is_some_and(|all| !all.contains(&KeyOperations::Verify)) {
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
        let id = jwk.common.key_id.clone();
        let algorithm = jwk.common.key_algorithm;
        Some(Self { id, decoding: DecodingKey::from_jwk(jwk).ok()?, family, algorithm })
    }

    /// Whether tokens of this algorithm may be signed with it.
    pub(super) fn fits(&self, algorithm: Algorithm) -> bool {
        self.family.contains(&algorithm)
            && self.algorithm.is_none_or(|own| own == KeyAlgorithm::from(algorithm))
    }
}

type Keys = Vec<Arc<SigningKey>>;

/// Which key a token asks for.
#[derive(Clone, Copy)]
pub(super) struct Wanted<'a> {
    /// Its id; none where the token does not say.
    pub(super) id: Option<&'a str>,
    /// The algorithm of its signature.
    pub(super) algorithm: Algorithm,
}

impl Wanted<'_> {
    /// The key of that id, one that fits if there is such; without an id the one key that fits, if it is the only one.
    fn among(&self, keys: &Keys) -> Option<Arc<SigningKey>> {
        let fits = |key: &&Arc<SigningKey>| key.fits(self.algorithm);
        let Some(id) = self.id else {
            let mut fitting = keys.iter().filter(fits);
            return fitting.next().filter(|_| fitting.next().is_none()).cloned();
        };
        let named = || keys.iter().filter(|key| key.id.as_deref() == Some(id));
        named().find(fits).or_else(|| named().next()).cloned()
    }
}

/// Where keys come from.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Source {
    /// A JWK set.
    Keys(Url),
    /// A discovery document that says where.
    Discovery {
        /// Its URL.
        url: Url,
        /// The issuer that it must be of.
        issuer: String,
    },
}

impl Source {
    fn url(&self) -> &Url {
        match self {
            Self::Keys(url) | Self::Discovery { url, .. } => url,
        }
    }
}

/// What is known of an issuer's keys.
#[derive(Clone, Default)]
struct State {
    keys: Option<Arc<Keys>>,
    /// When `keys` were fetched.
    fetched: u64,
    /// Where the discovery document says that the keys are, and when it said so.
    location: Option<(Url, u64)>,
    /// When the last fetch ended: whoever comes while one is under way waits for it.
    tried: Option<u64>,
    /// Why the last fetch brought nothing.
    failure: Option<JwksError>,
}

impl State {
    fn key(&self, wanted: Wanted<'_>, now: u64) -> Option<Arc<SigningKey>> {
        let keys = self.keys.as_ref().filter(|_| within(self.fetched, now, STALE_SECONDS))?;
        wanted.among(keys)
    }
}

/// A clock that was set back makes things old, rather than young for ever.
fn within(since: u64, now: u64, limit: u64) -> bool {
    now.checked_sub(since).is_some_and(|age| age < limit)
}

/// The signing keys of one issuer.
#[derive(Clone)]
pub(super) struct Jwks(Arc<Inner>);

struct Inner {
    http: reqwest::Client,
    source: Source,
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
    pub(super) fn new(http: reqwest::Client, source: Source, clock: Clock) -> Self {
        Self(Arc::new(Inner {
            http,
            source,
            clock,
            state: Mutex::new(State::default()),
            fetching: Arc::default(),
        }))
    }

    /// Takes over what is known of the same keys, so that a reload while the issuer is down costs nobody anything.
    pub(super) fn inherit(&self, previous: &Self) {
        if self.0.source == previous.0.source && !Arc::ptr_eq(&self.0, &previous.0) {
            let known = previous.0.state().clone();
            // The way to the issuer may be another one now, so what failed may not fail again.
            *self.0.state() = State { tried: None, failure: None, ..known };
        }
    }

    /// The key that a token asks for; none if the issuer has no such key.
    ///
    /// # Errors
    /// If the issuer can't be asked and the keys at hand don't tell.
    pub(super) async fn key(&self, wanted: Wanted<'_>) -> Result<Option<Arc<SigningKey>>, JwksError> {
        let old = match self.0.look(wanted) {
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
        match self.0.look(wanted) {
            Look::Done(key) => return Ok(key),
            Look::Failed => return Err(JwksError::JustFailed),
            Look::Fetch(_) => {}
        }
        // In a task of its own, so that a caller who hangs up doesn't end it for all who wait.
        let inner = Arc::clone(&self.0);
        let fetch = async move {
            let _turn = turn;
            inner.refresh().await;
        };
        let fetch = tokio::spawn(fetch.in_current_span());
        if fetch.await.is_err() {
            return Err(JwksError::Http("the fetch was cut short".to_owned()));
        }
        let now = (self.0.clock)();
        let state = self.0.state();
        let key = state.key(wanted, now);
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

    fn look(&self, wanted: Wanted<'_>) -> Look {
        let now = (self.clock)();
        let state = self.state();
        let key = state.key(wanted, now);
        if key.is_some() && within(state.fetched, now, FRESH_SECONDS) {
            return Look::Done(key);
        }
        if !state.tried.is_some_and(|tried| within(tried, now, FLOOR_SECONDS)) {
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
                tracing::warn!(url = %self.source.url(), %failure, "can't fetch the issuer's keys");
                state.failure = Some(failure);
            }
        }
    }

    async fn fetch(&self) -> Result<Keys, JwksError> {
        let Source::Discovery { url, issuer } = &self.source else {
            return parse(&self.get(self.source.url().clone()).await?);
        };
        let location = self.location(url, issuer).await?;
        let keys = async { parse(&self.get(location).await?) }.await;
        if keys.is_err() {
            // They may have moved: the next try asks where they are.
            self.state().location = None;
        }
        keys
    }

    /// Where the issuer says that its keys are.
    async fn location(&self, url: &Url, issuer: &str) -> Result<Url, JwksError> {
        let (known, now) = (self.state().location.clone(), (self.clock)());
        if let Some((location, since)) = &known
            && within(*since, now, FRESH_SECONDS)
        {
            return Ok(location.clone());
        }
        let asked = async { discovery::keys_url(&self.get(url.clone()).await?, issuer, url) }.await;
        match (asked, known) {
            (Ok(location), _) => {
                self.state().location = Some((location.clone(), now));
                Ok(location)
            }
            (Err(failure), Some((location, since))) if within(since, now, STALE_SECONDS) => {
                tracing::warn!(%url, %failure, "can't read the discovery document; the keys are looked for where they were");
                Ok(location)
            }
            (Err(failure), _) => Err(failure),
        }
    }

    /// What is at a URL, up to [`MAX_BYTES`].
    async fn get(&self, url: Url) -> Result<Vec<u8>, JwksError> {
        let mut response = self.http.get(url).send().await.map_err(|error| http_error(&error))?;
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
        Ok(body)
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
        SigningKey::from_jwk(&jwk).map(Arc::new)
    });
    Ok(keys.collect())
}
