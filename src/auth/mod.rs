//! Recognises the caller of a request: by a static token, by user and password, or by a JWT of the realm or of another
//! issuer.
//!
//! Static secrets with a quick hash are asked first. What they don't know and what is a JWT is then held against the
//! keys of the issuer that it names, if that is a configured one; anything else against the slow hashes.

mod argon;
mod credentials;
mod discovery;
mod error;
mod external;
mod jwks;
mod jwt;
mod realm;
mod secrets;
#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use http::HeaderValue;
use url::Url;

use crate::config::{Caller, External, Realm};

use self::argon::Share;
use self::credentials::Credentials;
use self::external::ExternalIssuers;
use self::jwt::{Refused, Unverified};
use self::realm::RealmIssuer;
use self::secrets::{Secret, Secrets};

pub use error::{AuthError, JwksError, JwtError, MalformedError};

/// What the caller of a tenant that is not served is told: exactly what wrong credentials are told elsewhere, so that
/// nobody learns which tenants there are.
pub fn refuse(authorization: &[HeaderValue]) -> AuthError {
    match credentials::read(authorization) {
        Ok(Credentials::Bearer(_)) => AuthError::UnknownToken,
        Ok(Credentials::Basic { .. }) => AuthError::WrongPassword,
        Err(error) => error,
    }
}

/// Tells what time it is, in seconds since 1970; tests have one of their own.
type Clock = Arc<dyn Fn() -> u64 + Send + Sync>;

/// Who sent a request.
#[derive(Clone, Debug)]
pub struct Recognised {
    /// The caller, as it is configured.
    pub caller: Arc<Caller>,
    /// What the configuration calls the token or password that proved it; none where it has no name, and for JWTs.
    pub credential: Option<String>,
}

/// A way to prove who one is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proof {
    /// A static bearer token.
    StaticToken,
    /// An access token of the realm.
    RealmToken,
    /// An access token of another issuer.
    IssuerToken,
    /// User and password.
    Password,
}

/// Recognises the callers of one tenant.
pub struct Authenticator {
    tenant: String,
    tokens: Secrets,
    passwords: Secrets,
    realm: Option<RealmIssuer>,
    external: ExternalIssuers,
    clock: Clock,
}

impl Authenticator {
    /// Recognises the callers of `tenant`. The realm's keys are fetched from `jwks_url` by `http`, those of another
    /// issuer by the client that `issuer_http` makes for it; each when a first token asks for them, and only if a
    /// caller authenticates by such tokens. A client must follow no redirects.
    ///
    /// # Errors
    /// What `issuer_http` says.
    pub fn new<E>(
        tenant: &Realm,
        http: reqwest::Client,
        jwks_url: Url,
        issuer_http: impl Fn(&External) -> Result<reqwest::Client, E>,
    ) -> Result<Self, E> {
        Self::with_clock(tenant, http, jwks_url, issuer_http, Arc::new(system_time))
    }

    fn with_clock<E>(
        tenant: &Realm,
        http: reqwest::Client,
        jwks_url: Url,
        issuer_http: impl Fn(&External) -> Result<reqwest::Client, E>,
        clock: Clock,
    ) -> Result<Self, E> {
        install_crypto();
        let share = Share::new();
        Ok(Self {
            tenant: tenant.name.to_string(),
            tokens: Secrets::tokens(tenant, &share),
            passwords: Secrets::passwords(tenant, &share),
            realm: RealmIssuer::new(tenant, http, jwks_url, &clock),
            external: ExternalIssuers::new(tenant, issuer_http, &clock)?,
            clock,
        })
    }

    /// Takes over from the same tenant's authenticator before a reload what took time to learn: issuers' keys, and
    /// which secrets were found right. Nothing is believed longer for it.
    #[must_use]
    pub fn after(self, previous: &Self) -> Self {
        self.tokens.inherit(&previous.tokens);
        self.passwords.inherit(&previous.passwords);
        self.external.inherit(&previous.external);
        if let (Some(realm), Some(previous)) = (&self.realm, &previous.realm) {
            realm.keys.inherit(&previous.keys);
        }
        self
    }

    /// How callers of the tenant may prove who they are.
    pub fn proofs(&self) -> Vec<Proof> {
        let all = [
            (!self.tokens.is_empty(), Proof::StaticToken),
            (self.realm.is_some(), Proof::RealmToken),
            (!self.external.is_empty(), Proof::IssuerToken),
            (!self.passwords.is_empty(), Proof::Password),
        ];
        all.into_iter().filter_map(|(taken, proof)| taken.then_some(proof)).collect()
    }

    /// Tells who sent a request, from all its `Authorization` headers.
    ///
    /// # Errors
    /// Whoever can't be recognised is refused with 401; [`AuthError::JwksUnavailable`],
    /// [`AuthError::IssuerUnavailable`] and [`AuthError::Busy`] alone say nothing about the caller and mean 503.
    pub async fn authenticate(&self, authorization: &[HeaderValue]) -> Result<Recognised, AuthError> {
        match credentials::read(authorization)? {
            Credentials::Bearer(token) => self.bearer(token).await,
            Credentials::Basic { user, password } => {
                let found = self.find(&self.passwords, Some(&user), &password).await?;
                self.by(found.ok_or(AuthError::WrongPassword)?)
            }
        }
    }

    async fn bearer(&self, token: &str) -> Result<Recognised, AuthError> {
        if let Some(secret) = self.tokens.quick(None, token.as_bytes(), (self.clock)()) {
            return self.by(secret);
        }
        let mut unknown = AuthError::UnknownToken;
        if (self.realm.is_some() || !self.external.is_empty()) && jwt::looks_like_one(token) {
            match Unverified::read(token) {
                // Guessing by JWTs is not worth a slow hash: whoever writes a token down writes no JWT.
                Ok(token) => return self.jwt(&token).await,
                Err(error) => unknown = error.into(),
            }
        }
        let found = self.tokens.slow(None, token.as_bytes(), (self.clock)()).await;
        self.by(found.map_err(|_| AuthError::Busy)?.ok_or(unknown)?)
    }

    async fn find(
        &self,
        secrets: &Secrets,
        user: Option<&[u8]>,
        secret: &[u8],
    ) -> Result<Option<Secret>, AuthError> {
        let now = (self.clock)();
        match secrets.quick(user, secret, now) {
            Some(found) => Ok(Some(found)),
            None => secrets.slow(user, secret, now).await.map_err(|_| AuthError::Busy),
        }
    }

    fn by(&self, secret: Secret) -> Result<Recognised, AuthError> {
        if secret.is_live((self.clock)()) {
            return Ok(Recognised { caller: secret.caller, credential: secret.name });
        }
        Err(AuthError::ExpiredSecret { caller: secret.caller.name.to_string(), name: secret.name })
    }

    /// The issuer that a token names only chooses among the configured ones; what none of them is named by may be the
    /// realm's under a name that it should not have, which is worth telling if its keys say so.
    async fn jwt(&self, token: &Unverified<'_>) -> Result<Recognised, AuthError> {
        let recognised = |caller| Recognised { caller, credential: None };
        let mut refused = None;
        if let Some(issuer) = token.issuer.as_deref().filter(|issuer| self.external.know(issuer)) {
            match self.external.caller(token, issuer).await {
                Ok(caller) => return Ok(recognised(caller)),
                Err(error) => refused = Some((error, Some(issuer))),
            }
        }
        let realm = self.realm.as_ref();
        let of_realm = |realm: &&RealmIssuer| {
            refused.is_none() || token.issuer.as_deref() == Some(realm.issuer.as_str())
        };
        if let Some(realm) = realm.filter(of_realm) {
            match realm.caller(token).await {
                Ok(caller) => return Ok(recognised(caller)),
                Err(error) if refused.as_ref().is_some_and(|(other, _)| other.rank() > error.rank()) => {}
                Err(error) => refused = Some((error, None)),
            }
        }
        Err(match refused {
            None => JwtError::UnknownIssuer.into(),
            Some((Refused::Jwt(error), _)) => error.into(),
            Some((Refused::Keys(error), None)) => AuthError::JwksUnavailable(error),
            Some((Refused::Keys(error), Some(issuer))) => {
                AuthError::IssuerUnavailable { issuer: issuer.to_owned(), error }
            }
        })
    }
}

impl fmt::Debug for Authenticator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authenticator").field("tenant", &self.tenant).finish_non_exhaustive()
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
