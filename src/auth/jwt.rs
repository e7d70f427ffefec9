//! Access tokens that the realm issued to a client for that client's own credentials.

use std::collections::HashMap;

use jsonwebtoken::{Algorithm, Validation, decode, decode_header};
use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny};
use url::Url;

use super::Clock;
use super::error::{AuthError, JwtError};
use super::jwks::Jwks;
use crate::config::{CallerAuth, CallerName, Realm};

/// How far Keycloak's clock may be ahead of ours, in seconds. Expiry knows no such grace.
const MAX_AHEAD_SECONDS: u64 = 10;
/// How much of a claim the log shows, in characters.
const SHOWN: usize = 200;

/// What is asked of a token's claims. Whatever else stands in it, such as `aud`, does not matter:
/// Keycloak's default audience is the realm's account console.
#[derive(Deserialize)]
struct Claims {
    iss: String,
    exp: u64,
    nbf: Option<u64>,
    iat: Option<u64>,
    typ: Option<String>,
    client_id: Option<String>,
    azp: Option<String>,
    /// Whether the token belongs to somebody's session.
    #[serde(default, deserialize_with = "present")]
    sid: bool,
    /// The same, as Keycloak called it before.
    #[serde(default, deserialize_with = "present")]
    session_state: bool,
    /// Whether it is bound to a key (RFC 7800).
    #[serde(default, deserialize_with = "present")]
    cnf: bool,
}

fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    IgnoredAny::deserialize(deserializer).map(|_| true)
}

/// Whether a token has the three parts of a signed JWT.
pub(super) fn looks_like_one(token: &str) -> bool {
    let mut parts = token.split('.');
    let mut part = || parts.next().is_some_and(|part| !part.is_empty());
    part() && part() && part() && parts.next().is_none()
}

/// Verifies the tokens of one realm.
pub(super) struct JwtVerifier {
    issuer: String,
    callers: HashMap<String, CallerName>,
    keys: Jwks,
    clock: Clock,
}

impl JwtVerifier {
    /// None if no caller of the realm authenticates by tokens of the realm.
    pub(super) fn new(realm: &Realm, http: reqwest::Client, jwks_url: Url, clock: Clock) -> Option<Self> {
        let callers: HashMap<_, _> = realm
            .callers
            .values()
            .flat_map(|caller| {
                let clients = match &caller.auth {
                    CallerAuth::Keycloak(tokens) => Some(&tokens.clients),
                    _ => None,
                };
                let clients = clients.into_iter().flatten();
                clients.map(|client| (client.clone(), caller.name.clone()))
            })
            .collect();
        (!callers.is_empty()).then(|| Self {
            issuer: realm.issuer.clone(),
            callers,
            keys: Jwks::new(http, jwks_url, Clock::clone(&clock)),
            clock,
        })
    }

    /// The caller to whose client the realm issued this token.
    pub(super) async fn caller(&self, token: &str) -> Result<CallerName, AuthError> {
        let claims = self.verified(token).await?;
        Ok(self.check(claims)?.clone())
    }

    /// The claims of a token that a key of the realm signed.
    async fn verified(&self, token: &str) -> Result<Claims, AuthError> {
        // Nothing is fetched before the header is one that the realm itself could have written.
        let header = decode_header(token).map_err(|_| JwtError::Header)?;
        if !asymmetric(header.alg) {
            return Err(JwtError::Algorithm.into());
        }
        if header.crit.is_some() {
            return Err(JwtError::CriticalHeader.into());
        }
        let id = header.kid.ok_or(JwtError::NoKeyId)?;
        let key = self.keys.key(&id).await?.ok_or(JwtError::UnknownKey)?;
        if !key.fits(header.alg) {
            return Err(JwtError::KeyMismatch.into());
        }
        // The library verifies the signature only: its own checks of time read their own clock and
        // allow for leeway, and its check of the issuer would take a list as well.
        let mut validation = Validation::new(header.alg);
        validation.required_spec_claims.clear();
        validation.validate_exp = false;
        validation.validate_nbf = false;
        validation.validate_aud = false;
        let data =
            decode::<Claims>(token, &key.decoding, &validation).map_err(|error| match error.kind() {
                jsonwebtoken::errors::ErrorKind::Json(_) => JwtError::Claims,
                _ => JwtError::Signature,
            })?;
        Ok(data.claims)
    }

    fn check(&self, claims: Claims) -> Result<&CallerName, JwtError> {
        let now = (self.clock)();
        let latest = now.saturating_add(MAX_AHEAD_SECONDS);
        if claims.iss != self.issuer {
            return Err(JwtError::Issuer(shown(&claims.iss)));
        }
        if claims.exp <= now {
            return Err(JwtError::Expired);
        }
        if claims.nbf.is_some_and(|nbf| nbf > latest) || claims.iat.is_some_and(|iat| iat > latest) {
            return Err(JwtError::NotYetValid);
        }
        if claims.typ.as_deref() != Some("Bearer") {
            return Err(JwtError::Type);
        }
        // A person's access token of the same client has all the rest right.
        if claims.sid || claims.session_state {
            return Err(JwtError::Session);
        }
        if claims.cnf {
            return Err(JwtError::Bound);
        }
        let client = claims.client_id.ok_or(JwtError::NoClient)?;
        if claims.azp.is_some_and(|azp| azp != client) {
            return Err(JwtError::AuthorizedParty);
        }
        self.callers.get(&client).ok_or_else(|| JwtError::Client(shown(&client)))
    }
}

/// Whether a public key verifies this algorithm: with HMAC, whoever can verify can sign.
fn asymmetric(algorithm: Algorithm) -> bool {
    matches!(
        algorithm,
        Algorithm::RS256
            | Algorithm::RS384
            | Algorithm::RS512
            | Algorithm::PS256
            | Algorithm::PS384
            | Algorithm::PS512
            | Algorithm::ES256
            | Algorithm::ES384
            | Algorithm::EdDSA
    )
}

fn shown(claim: &str) -> String {
    claim.chars().take(SHOWN).collect()
}
