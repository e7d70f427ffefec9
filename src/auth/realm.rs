//! Access tokens that the realm issued to a client for that client's own credentials.

use std::collections::BTreeSet;
use std::sync::Arc;

use url::Url;

use crate::config::{Caller, CallerAuth, Realm, RealmTokens};

use super::Clock;
use super::error::JwtError;
use super::jwks::{Jwks, Source};
use super::jwt::{Claims, Refused, Unverified, shown, texts};

/// How far Keycloak's clock may be ahead of ours, in seconds. Expiry knows no such grace.
const MAX_AHEAD_SECONDS: u64 = 10;

/// Verifies the tokens of the realm itself.
pub(super) struct RealmIssuer {
    pub(super) issuer: String,
    /// The gateway's own client.
    own_client: String,
    callers: Vec<(Arc<Caller>, RealmTokens)>,
    pub(super) keys: Jwks,
    clock: Clock,
}

impl RealmIssuer {
    /// None if no caller authenticates by tokens of the realm.
    pub(super) fn new(realm: &Realm, http: reqwest::Client, jwks_url: Url, clock: &Clock) -> Option<Self> {
        let callers: Vec<_> = realm
            .callers
            .values()
            .filter_map(|caller| match &caller.auth {
                CallerAuth::Keycloak(tokens) => Some((Arc::new(caller.clone()), tokens.clone())),
                _ => None,
            })
            .collect();
        (!callers.is_empty()).then(|| Self {
            issuer: realm.issuer.clone(),
            own_client: realm.keycloak.client_id.clone(),
            callers,
            keys: Jwks::new(http, Source::Keys(jwks_url), Clock::clone(clock)),
            clock: Clock::clone(clock),
        })
    }

    /// The caller to whose client the realm issued this token.
    pub(super) async fn caller(&self, token: &Unverified<'_>) -> Result<Arc<Caller>, Refused> {
        let claims = token.verified(&self.keys).await?;
        Ok(Arc::clone(self.check(&claims)?))
    }

    fn check(&self, claims: &Claims) -> Result<&Arc<Caller>, JwtError> {
        let (client, party) = (claims.text("client_id")?, claims.text("azp")?);
        let typ = claims.text("typ")?;
        claims.check_issuer(&self.issuer)?;
        if typ != Some("Bearer") {
            return Err(JwtError::Type);
        }
        claims.check_holder()?;
        let client = client.ok_or(JwtError::NoClient)?;
        if party.is_some_and(|party| party != client) {
            return Err(JwtError::AuthorizedParty);
        }
        // Whoever holds its secret may do all in Keycloak already; but it is nobody's SCIM client, whatever role it has.
        if client.eq_ignore_ascii_case(&self.own_client) {
            return Err(JwtError::OwnClient);
        }
        let caller = self.caller_of(client, claims)?;
        claims.check_time((self.clock)(), MAX_AHEAD_SECONDS, 0)?;
        Ok(caller)
    }

    /// Who names the client comes before who takes any client with the right roles.
    fn caller_of(&self, client: &str, claims: &Claims) -> Result<&Arc<Caller>, JwtError> {
        let (naming, open): (Vec<_>, Vec<_>) = self
            .callers
            .iter()
            .filter(|(_, tokens)| tokens.clients.is_empty() || tokens.clients.contains(client))
            .partition(|(_, tokens)| !tokens.clients.is_empty());
        let mut refused = JwtError::Client(shown(client));
        for (at, (caller, tokens)) in naming.into_iter().chain(open).enumerate() {
            match lacks(tokens, claims) {
                None => return Ok(caller),
                // What the caller that names the client wants says more than what all others want.
                Some(lack) if at == 0 => refused = lack,
                Some(_) => {}
            }
        }
        Err(refused)
    }
}

/// What a token lacks for such a caller.
fn lacks(wanted: &RealmTokens, claims: &Claims) -> Option<JwtError> {
    // Without either, whoever can get any token of the realm would be let in.
    if wanted.clients.is_empty() && wanted.roles.is_empty() {
        return Some(JwtError::Role("(none configured)".to_owned()));
    }
    let missing = |wanted: &BTreeSet<String>, has: &[&str]| {
        wanted.iter().find(|name| !has.contains(&name.as_str())).cloned()
    };
    let roles = texts(claims.get("realm_access").and_then(|access| access.get("roles")));
    if let Some(role) = missing(&wanted.roles, &roles) {
        return Some(JwtError::Role(role));
    }
    let scopes: Vec<&str> = claims.texts("scope").into_iter().flat_map(|scope| scope.split(' ')).collect();
    if let Some(scope) = missing(&wanted.scopes, &scopes) {
        return Some(JwtError::Scope(scope));
    }
    let audience = claims.texts("aud").iter().any(|audience| wanted.audiences.contains(*audience));
    (!wanted.audiences.is_empty() && !audience).then_some(JwtError::Audience)
}
