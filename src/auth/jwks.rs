//! The signing keys of an issuer: fetched when needed, once for all who wait, and not too often.
//!
//! Only URLs that the configuration names are fetched, and the one that a configured issuer's discovery document names.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyAlgorithm, KeyOperations, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey};
use serde::Deserialize;
use tokio::sync::{OwnedMutexGuard, Semaphore};
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
/// Most requests that wait for a fetch which another one began. Anybody can make up key ids, so that while an issuer
/// hangs strangers could fill all places for requests with waiting; and all clients of an issuer may come with its new
/// key at once, and none of them should be sent away. So there are many places, and far fewer than there are for
/// requests.
const WAITING_MAX: usize = 64;
/// How long a fetch is waited for where keys are at hand: an issuer that is well has answered long before, and with one
/// that hangs a token under an unknown key is not worth more. Without any keys nobody is let in before the fetch ends,
/// and it is waited for to its end.
const PATIENCE: Duration = Duration::from_secs(3);

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

pub(super) type Keys = Vec<Arc<SigningKey>>;

/// Which key a token asks for.
#[derive(Clone, Copy)]
pub(super) struct Wanted<'a> {
    /// Its id; none where the token does not say.
    pub(super) id: Option<&'a str>,
    /// The algorithm of its signature.
    pub(super) algorithm: Algorithm,
}

impl Wanted<'_> {
    /// The keys of that id that fit, or one that doesn't if none does; without an id the one key that fits, if it is the
    /// only one.
    fn among(&self, keys: &Keys) -> Keys {
        let fitting = keys.iter().filter(|key| key.fits(self.algorithm));
        let Some(id) = self.id else {
            let fitting: Keys = fitting.cloned().collect();
            return if fitting.len() == 1 { fitting } else { Keys::new() };
        };
        let is_named = |key: &&Arc<SigningKey>| key.id.as_deref() == Some(id);
        let named: Keys = fitting.filter(is_named).cloned().collect();
        if named.is_empty() { keys.iter().find(is_named).cloned().into_iter().collect() } else { named }
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
    /// All keys that may still be used; none where there are none at hand.
    fn usable(&self, now: u64) -> Option<&Arc<Keys>> {
        self.keys.as_ref().filter(|_| within(self.fetched, now, STALE_SECONDS))
    }

    fn keys(&self, wanted: Wanted<'_>, now: u64) -> Keys {
        self.usable(now).map(|keys| wanted.among(keys)).unwrap_or_default()
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
    /// Places to wait for that.
    places: Semaphore,
}

/// What a look at the keys at hand tells.
enum Look {
    /// The keys, or that there are none: as good an answer as there is.
    Done(Keys),
    /// Only a fetch tells; meanwhile old keys would do, if there are any.
    Fetch(Keys),
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
            places: Semaphore::new(WAITING_MAX),
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

    /// The keys that may have signed a token; none if the issuer has no such key.
    ///
    /// # Errors
    /// If the issuer can't be asked, or not in time, and the keys at hand don't tell.
    pub(super) async fn keys(&self, wanted: Wanted<'_>) -> Result<Keys, JwksError> {
        let old = match self.0.look(wanted) {
            Look::Done(keys) => return Ok(keys),
            Look::Failed => return Err(JwksError::JustFailed),
            Look::Fetch(old) => old,
        };
        let turn = match Arc::clone(&self.0.fetching).try_lock_owned() {
            Ok(turn) => turn,
            // Somebody else fetches; nobody has to wait who can go on with the old key.
            Err(_) if !old.is_empty() => return Ok(old),
            Err(_) => self.after_others().await?,
        };
        match self.0.look(wanted) {
            Look::Done(keys) => return Ok(keys),
            Look::Failed => return Err(JwksError::JustFailed),
            Look::Fetch(_) => {}
        }
        match self.fetch(turn).await {
            Err(JwksError::Slow) if !old.is_empty() => return Ok(old),
            fetched => fetched?,
        }
        let now = (self.0.clock)();
        let state = self.0.state();
        let keys = state.keys(wanted, now);
        match &state.failure {
            Some(failure) if keys.is_empty() => Err(failure.clone()),
            _ => Ok(keys),
        }
    }

    /// The same after a fetch, where the last one is not too recent: where the issuer has another key by now without an
    /// id, or under the old one's, nothing but a wrong signature tells.
    ///
    /// # Errors
    /// If the issuer has not answered in time. One that can't be asked has no other keys than those at hand.
    pub(super) async fn renewed(&self, wanted: Wanted<'_>) -> Result<Keys, JwksError> {
        if !self.0.tried_just_now() {
            let turn = match Arc::clone(&self.0.fetching).try_lock_owned() {
                Ok(turn) => turn,
                Err(_) => self.after_others().await?,
            };
            if !self.0.tried_just_now() {
                self.fetch(turn).await?;
            }
        }
        Ok(self.0.state().keys(wanted, (self.0.clock)()))
    }

    /// Waits until the fetch is over that somebody else began.
    async fn after_others(&self) -> Result<OwnedMutexGuard<()>, JwksError> {
        let _place = self.0.places.try_acquire().map_err(|_| JwksError::Crowded)?;
        let turn = Arc::clone(&self.0.fetching).lock_owned();
        tokio::time::timeout(self.0.patience(), turn).await.map_err(|_| JwksError::Slow)
    }

    /// In a task of its own, so that a caller who hangs up, or has waited long enough, doesn't end it for others.
    async fn fetch(&self, turn: OwnedMutexGuard<()>) -> Result<(), JwksError> {
        let patience = self.0.patience();
        let inner = Arc::clone(&self.0);
        let fetch = async move {
            let _turn = turn;
            inner.refresh().await;
        };
        let fetch = tokio::spawn(fetch.in_current_span());
        let fetched = tokio::time::timeout(patience, fetch).await.map_err(|_| JwksError::Slow)?;
        fetched.map_err(|_| JwksError::Http("the fetch was cut short".to_owned()))
    }
}

impl Inner {
    fn tried_just_now(&self) -> bool {
        let now = (self.clock)();
        self.state().tried.is_some_and(|tried| within(tried, now, FLOOR_SECONDS))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing that holds it can panic half-way; and a stale state is still a state.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn look(&self, wanted: Wanted<'_>) -> Look {
        let now = (self.clock)();
        let state = self.state();
        let keys = state.keys(wanted, now);
        if !keys.is_empty() && within(state.fetched, now, FRESH_SECONDS) {
            return Look::Done(keys);
        }
        if !state.tried.is_some_and(|tried| within(tried, now, FLOOR_SECONDS)) {
            return Look::Fetch(keys);
        }
        if keys.is_empty() && state.failure.is_some() { Look::Failed } else { Look::Done(keys) }
    }

    /// How long a fetch is waited for.
    fn patience(&self) -> Duration {
        // Without keys a little longer than it may take, so that its own reason is told.
        let at_hand = self.state().usable((self.clock)()).is_some();
        if at_hand { PATIENCE } else { FETCH_TIMEOUT + PATIENCE }
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
                tracing::warn!(url = %shown(self.source.url()), %failure, "can't fetch the issuer's keys");
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
                tracing::warn!(url = %shown(url), %failure, "can't read the discovery document; the keys are looked for where they were");
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

/// A URL as it may stand in the log: what is in a query may be a key to it.
fn shown(url: &Url) -> Url {
    let mut shown = url.clone();
    shown.set_query(None);
    shown
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_log_shows_no_query_of_a_url() {
        let url: Url = "https://login.example.com/keys?appid=6731&key=secret".parse().unwrap();
        assert_eq!(shown(&url).as_str(), "https://login.example.com/keys");
    }
}
