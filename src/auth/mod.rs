//! Recognises the caller of a request: static bearer tokens and realm-issued JWTs.
//!
//! Static tokens are asked first, since they cost one hash. What they don't know and what looks
//! like a JWT is then held against the realm's own keys, where the realm has such callers.

mod bearer;
mod error;
mod jwks;
mod jwt;
#[cfg(test)]
mod tests;
mod tokens;

use std::fmt;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use http::HeaderValue;
use url::Url;

use crate::config::{CallerName, Realm};

pub use error::{AuthError, JwksError, JwtError, MalformedError};

/// What the caller of a realm that is not served is told: exactly what a wrong token is told elsewhere, so that nobody
/// learns which realms there are.
pub fn refuse(authorization: &[HeaderValue]) -> AuthError {
    bearer::token(authorization).err().unwrap_or(AuthError::UnknownToken)
}

/// Tells what time it is, in seconds since 1970; tests have one of their own.
type Clock = Arc<dyn Fn() -> u64 + Send + Sync>;

/// Recognises the callers of one realm.
pub struct Authenticator {
    realm: String,
    tokens: tokens::StaticTokens,
    jwt: Option<jwt::JwtVerifier>,
}

impl Authenticator {
    /// Recognises the callers of `realm`; the realm's keys are fetched from `jwks_url` by `http`
    /// when a first token asks for them, and only if a caller authenticates by tokens of the realm.
    pub fn new(realm: &Realm, http: reqwest::Client, jwks_url: Url) -> Self {
        Self::with_clock(realm, http, jwks_url, Arc::new(system_time))
    }

    fn with_clock(realm: &Realm, http: reqwest::Client, jwks_url: Url, clock: Clock) -> Self {
        install_crypto();
        Self {
            realm: realm.name.to_string(),
            tokens: tokens::StaticTokens::new(realm),
            jwt: jwt::JwtVerifier::new(realm, http, jwks_url, clock),
        }
    }

    /// Tells who sent a request, from all its `Authorization` headers (RFC 6750, section 2.1).
    ///
    /// # Errors
    /// Whoever can't be recognised is refused with 401; [`AuthError::JwksUnavailable`] alone says
    /// nothing about the caller and means 503.
    pub async fn authenticate(&self, authorization: &[HeaderValue]) -> Result<CallerName, AuthError> {
        let token = bearer::token(authorization)?;
        if let Some(caller) = self.tokens.caller(token) {
            return Ok(caller.clone());
        }
        match &self.jwt {
            Some(jwt) if jwt::looks_like_one(token) => jwt.caller(token).await,
            _ => Err(AuthError::UnknownToken),
        }
    }
}

impl fmt::Debug for Authenticator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authenticator").field("realm", &self.realm).finish_non_exhaustive()
    }
}

/// Makes aws-lc the cryptography of all JWTs of this process; further calls change nothing.
///
/// The library would guess it from its cargo features, and panic on the first token if another
/// crate of the build turned a second one on.
pub fn install_crypto() {
    // An error says that somebody installed one before, which is what we want.
    let _ = jsonwebtoken::crypto::aws_lc::DEFAULT_PROVIDER.install_default();
}

fn system_time() -> u64 {
    // A clock before 1970 makes every token "not yet valid" rather than anything valid.
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
