//! The access token that a connection holds: fetched once under concurrency, renewed before it
//! expires, dropped when Keycloak no longer takes it.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::error::{Error, Result};

/// How long a token without `expires_in` is taken to live, in seconds.
const ASSUMED_LIFE: u64 = 60;

/// A token is renewed when less than a quarter of its life is left, or less than this; whichever
/// is shorter, so that a token that lives 8 seconds is not renewed at every call.
const RENEW_BEFORE: Duration = Duration::from_secs(10);

/// An access token of Keycloak's.
pub(super) struct Token {
    access: SecretString,
    refresh: Option<SecretString>,
    renew_at: Instant,
    expires_at: Instant,
}

/// What the token endpoint answers (RFC 6749, section 5.1).
#[derive(Deserialize)]
pub(super) struct TokenResponse {
    access_token: SecretString,
    refresh_token: Option<SecretString>,
    expires_in: Option<u64>,
}

impl Token {
    /// The token of an answer to a request that was sent at `asked`. Life counts from there on
    /// this machine's clock, so that a wrong clock does no harm.
    pub(super) fn new(response: TokenResponse, asked: Instant) -> Self {
        let life = Duration::from_secs(response.expires_in.unwrap_or(ASSUMED_LIFE));
        let margin = (life / 4).min(RENEW_BEFORE);
        Self {
            access: response.access_token,
            refresh: response.refresh_token,
            renew_at: asked + (life - margin),
            expires_at: asked + life,
        }
    }

    /// The token as it goes into the `Authorization` header.
    pub(super) fn expose(&self) -> &str {
        self.access.expose_secret()
    }

    /// The refresh token, which a password grant brings; it names the session to end.
    pub(super) fn refresh(&self) -> Option<&SecretString> {
        self.refresh.as_ref()
    }

    /// The token's claims, unverified: it came from Keycloak itself. `None` if it is no JWT.
    pub(super) fn claims(&self) -> Option<Map<String, Value>> {
        let payload = self.expose().split('.').nth(1)?;
        let bytes = URL_SAFE_NO_PAD.decode(payload).ok()?;
        serde_json::from_slice(&bytes).ok()
    }

    fn is_fresh(&self) -> bool {
        Instant::now() < self.renew_at
    }

    fn is_alive(&self) -> bool {
        Instant::now() < self.expires_at
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Token").finish_non_exhaustive()
    }
}

/// One token for all requests of a connection.
#[derive(Default)]
pub(super) struct TokenCache {
    current: Mutex<Option<Arc<Token>>>,
    /// Held while a token is fetched; remembers when the last fetch failed, and how.
    flight: tokio::sync::Mutex<Option<(Instant, Error)>>,
}

impl TokenCache {
    /// The current token, or the one that `fetch` gets.
    ///
    /// However many ask at once, one of them fetches. Those who waited for a fetch that failed
    /// share its error instead of trying one after the other. While the old token still lives,
    /// nobody waits for its renewal, and a renewal that fails does no harm yet.
    pub(super) async fn get<F, Fut>(&self, fetch: F) -> Result<Arc<Token>>
    where
        F: FnOnce() -> Fut,
        Fut: Future<Output = Result<Token>>,
    {
        let asked = Instant::now();
        let living = self.peek().filter(|token| token.is_alive());
        let mut flight = match living {
            Some(token) if token.is_fresh() => return Ok(token),
            Some(token) => match self.flight.try_lock() {
                Ok(flight) => flight,
                Err(_) => return Ok(token),
            },
            None => self.flight.lock().await,
        };
        // Somebody may have been faster.
        let living = self.peek().filter(|token| token.is_alive());
        if let Some(token) = living.as_ref().filter(|token| token.is_fresh()) {
            return Ok(Arc::clone(token));
        }
        if let Some((failed_at, error)) = flight.as_ref()
            && *failed_at >= asked
        {
            return Err(error.clone());
        }
        match fetch().await {
            Ok(token) => {
                let token = Arc::new(token);
                self.set(Some(Arc::clone(&token)));
                Ok(token)
            }
            Err(error) => match living {
                Some(token) => {
                    tracing::warn!(%error, "the token for Keycloak could not be renewed yet");
                    Ok(token)
                }
                None => {
                    *flight = Some((Instant::now(), error.clone()));
                    Err(error)
                }
            },
        }
    }

    /// Forgets a token that Keycloak refused, unless another one has taken its place already.
    pub(super) fn forget(&self, refused: &Arc<Token>) {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        if current.as_ref().is_some_and(|token| Arc::ptr_eq(token, refused)) {
            *current = None;
        }
    }

    /// The token held at this moment, if there is one, however old.
    pub(super) fn peek(&self) -> Option<Arc<Token>> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set(&self, token: Option<Arc<Token>>) {
        *self.current.lock().unwrap_or_else(PoisonError::into_inner) = token;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use futures_util::future::join_all;

    use super::*;
    use crate::keycloak::Call;

    fn token(life: u64) -> Token {
        let response =
            TokenResponse { access_token: "a.b.c".into(), refresh_token: None, expires_in: Some(life) };
        Token::new(response, Instant::now())
    }

    fn failure() -> Error {
        Error::Timeout { call: Call { method: "POST", path: "token" } }
    }

    #[tokio::test]
    async fn many_callers_fetch_once() {
        let cache = TokenCache::default();
        let fetched = AtomicU32::new(0);
        let callers = (0..50).map(|_| {
            cache.get(|| async {
                fetched.fetch_add(1, Ordering::Relaxed);
                tokio::time::sleep(Duration::from_millis(20)).await;
                Ok(token(300))
            })
        });
        assert!(join_all(callers).await.iter().all(Result::is_ok));
        assert_eq!(fetched.load(Ordering::Relaxed), 1);
    }

    #[tokio::test]
    async fn those_who_waited_share_a_failure_and_the_next_tries_again() {
        let cache = TokenCache::default();
        let fetched = AtomicU32::new(0);
        let fail = || async {
            fetched.fetch_add(1, Ordering::Relaxed);
            tokio::time::sleep(Duration::from_millis(20)).await;
            Err(failure())
        };
        let answers = join_all((0..50).map(|_| cache.get(fail))).await;
        assert!(answers.iter().all(Result::is_err));
        assert_eq!(fetched.load(Ordering::Relaxed), 1);
        assert!(cache.get(|| async { Ok(token(300)) }).await.is_ok());
    }

    #[tokio::test]
    async fn a_caller_that_gives_up_leaves_the_fetch_to_the_next() {
        let cache = TokenCache::default();
        let abandoned = cache.get(|| async {
            tokio::time::sleep(Duration::from_secs(60)).await;
            Ok(token(300))
        });
        assert!(tokio::time::timeout(Duration::from_millis(10), abandoned).await.is_err());
        assert!(cache.get(|| async { Ok(token(300)) }).await.is_ok());
    }

    #[tokio::test]
    async fn an_aging_token_serves_while_its_renewal_fails_or_runs() {
        let cache = TokenCache::default();
        let mut aging = token(300);
        aging.renew_at = Instant::now();
        cache.set(Some(Arc::new(aging)));
        assert!(cache.get(|| async { Err(failure()) }).await.is_ok());
        let (renewed, meanwhile) = tokio::join!(
            cache.get(|| async {
                tokio::time::sleep(Duration::from_millis(20)).await;
                Ok(token(300))
            }),
            cache.get(|| async { panic!("nobody else fetches") })
        );
        assert!(renewed.unwrap().is_fresh());
        assert!(!meanwhile.unwrap().is_fresh());
    }

    #[tokio::test]
    async fn a_dead_token_is_not_used() {
        let cache = TokenCache::default();
        cache.set(Some(Arc::new(token(0))));
        assert!(cache.get(|| async { Err(failure()) }).await.is_err());
    }

    #[tokio::test]
    async fn forgets_only_the_refused_token() {
        let cache = TokenCache::default();
        let old = cache.get(|| async { Ok(token(300)) }).await.unwrap();
        cache.forget(&old);
        let new = cache.get(|| async { Ok(token(300)) }).await.unwrap();
        cache.forget(&old);
        assert!(Arc::ptr_eq(&cache.peek().unwrap(), &new));
    }

    #[test]
    fn renews_late_in_a_tokens_life() {
        let left = |life| {
            let token = token(life);
            token.expires_at - token.renew_at
        };
        assert_eq!(left(300), Duration::from_secs(10));
        assert_eq!(left(8), Duration::from_secs(2));
    }

    #[test]
    fn shows_no_token() {
        assert_eq!(format!("{:?}", token(1)), "Token { .. }");
    }
}
