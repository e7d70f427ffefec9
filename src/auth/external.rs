//! Access tokens of other issuers: OpenID providers, or another realm of Keycloak.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::Value;

use crate::config::{Caller, CallerAuth, External, KeySource, Realm};

use super::Clock;
use super::error::JwtError;
use super::jwks::{Jwks, Source};
use super::jwt::{Claims, Refused, Unverified, shown};

/// The claims in which issuers name the client that a token was issued to: OpenID Connect and Keycloak, Entra ID's
/// first version, RFC 9068.
const PARTY_CLAIMS: [&str; 3] = ["azp", "appid", "client_id"];

/// What only ID tokens have (OpenID Connect Core sections 2 and 3.3.2.11): they are told apart by nothing else at
/// issuers that don't say what a token is, and their audience is the application.
const ID_TOKEN_CLAIMS: [&str; 3] = ["nonce", "at_hash", "c_hash"];

/// A caller of another issuer.
struct Party {
    caller: Arc<Caller>,
    takes: External,
    keys: Jwks,
}

/// Verifies the tokens of all other issuers of a tenant.
pub(super) struct ExternalIssuers {
    parties: Vec<Party>,
    clock: Clock,
}

impl ExternalIssuers {
    /// `http` makes the client that reaches an issuer.
    pub(super) fn new<E>(
        realm: &Realm,
        http: impl Fn(&External) -> Result<reqwest::Client, E>,
        clock: &Clock,
    ) -> Result<Self, E> {
        let mut parties: Vec<Party> = Vec::new();
        for caller in realm.callers.values() {
            let CallerAuth::External(takes) = &caller.auth else { continue };
            let keys = match parties.iter().find(|party| same_way(&party.takes, takes)) {
                Some(party) => party.keys.clone(),
                None => Jwks::new(http(takes)?, source(takes), Clock::clone(clock)),
            };
            parties.push(Party { caller: Arc::new(caller.clone()), takes: (**takes).clone(), keys });
        }
        Ok(Self { parties, clock: Clock::clone(clock) })
    }

    /// Whether there are any.
    pub(super) fn is_empty(&self) -> bool {
        self.parties.is_empty()
    }

    /// Whether this is one of them.
    pub(super) fn know(&self, issuer: &str) -> bool {
        self.parties.iter().any(|party| party.takes.issuer == issuer)
    }

    /// Takes over the keys that were known before a reload.
    pub(super) fn inherit(&self, previous: &Self) {
        for party in &self.parties {
            for old in previous.parties.iter().filter(|old| old.takes.issuer == party.takes.issuer) {
                party.keys.inherit(&old.keys);
            }
        }
    }

    /// The first caller that takes a token of this issuer.
    pub(super) async fn caller(&self, token: &Unverified<'_>, issuer: &str) -> Result<Arc<Caller>, Refused> {
        let mut refused = Refused::Jwt(JwtError::UnknownIssuer);
        for party in self.parties.iter().filter(|party| party.takes.issuer == issuer) {
            match party.take(token, (self.clock)()).await {
                Ok(()) => return Ok(Arc::clone(&party.caller)),
                Err(error) if error.rank() >= refused.rank() => refused = error,
                Err(_) => {}
            }
        }
        Err(refused)
    }
}

impl Party {
    async fn take(&self, token: &Unverified<'_>, now: u64) -> Result<(), Refused> {
        let claims = token.verified(&self.keys).await?;
        Ok(check(&self.takes, &claims, now)?)
    }
}

/// Whether the keys of two callers are the same, fetched in the same way.
fn same_way(one: &External, other: &External) -> bool {
    source(one) == source(other) && one.ca_file == other.ca_file && one.proxy == other.proxy
}

fn source(external: &External) -> Source {
    match &external.keys {
        KeySource::Jwks(url) => Source::Keys(url.clone()),
        KeySource::Discovery(url) => Source::Discovery { url: url.clone(), issuer: external.issuer.clone() },
    }
}

fn check(takes: &External, claims: &Claims, now: u64) -> Result<(), JwtError> {
    // Rounded up: times are compared in whole seconds, and what is configured must not come to nothing.
    let skew = takes.clock_skew.as_secs().saturating_add(u64::from(takes.clock_skew.subsec_nanos() > 0));
    claims.check_issuer(&takes.issuer)?;
    // Keycloak's ID and refresh tokens say what they are in a claim; other issuers may mean something else by it.
    if matches!(claims.get("typ").and_then(Value::as_str), Some("ID" | "Refresh" | "Offline" | "Logout")) {
        return Err(JwtError::Type);
    }
    if let Some(name) = ID_TOKEN_CLAIMS.into_iter().find(|name| claims.has(name)) {
        return Err(JwtError::IdToken(name));
    }
    claims.check_holder()?;
    if !claims.texts("aud").iter().any(|audience| takes.audiences.contains(*audience)) {
        return Err(JwtError::Audience);
    }
    if !takes.clients.is_empty() {
        check_party(&takes.clients, claims)?;
    }
    let lacking = takes.required_claims.iter().find(|(name, values)| !has_one(claims.get(name), values));
    lacking.map_or(Ok(()), |(name, _)| Err(JwtError::Claim(name.clone())))?;
    claims.check_time(now, skew, skew)
}

/// All claims that name the client must name the same one, and that must be allowed.
fn check_party(allowed: &BTreeSet<String>, claims: &Claims) -> Result<(), JwtError> {
    let mut named: Option<&str> = None;
    for name in PARTY_CLAIMS {
        let Some(client) = claims.text(name)? else { continue };
        if named.is_some_and(|other| other != client) {
            return Err(JwtError::AuthorizedParty);
        }
        named = Some(client);
    }
    let client = named.ok_or(JwtError::NoClient)?;
    if allowed.contains(client) { Ok(()) } else { Err(JwtError::Client(shown(client))) }
}

/// Whether a claim, or one element of it, is one of these values; numbers and booleans as JSON writes them.
fn has_one(claim: Option<&Value>, values: &BTreeSet<String>) -> bool {
    let is = |value: &Value| match value {
        Value::String(text) => values.contains(text),
        Value::Number(_) | Value::Bool(_) => values.contains(&value.to_string()),
        _ => false,
    };
    match claim {
        Some(Value::Array(list)) => list.iter().any(is),
        Some(value) => is(value),
        None => false,
    }
}
