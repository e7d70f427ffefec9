//! Signed JWTs, whoever issued them: what can be said before the signature is verified, and the verified claims.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, Header, Validation, decode, decode_header};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::error::{JwksError, JwtError};
use super::jwks::{Jwks, Keys, SigningKey, Wanted};

/// How much of a claim the log shows, in characters.
const SHOWN: usize = 200;

/// Whether a token has the three parts of a signed JWT.
pub(super) fn looks_like_one(token: &str) -> bool {
    let mut parts = token.split('.');
    let mut part = || parts.next().is_some_and(|part| !part.is_empty());
    part() && part() && part() && parts.next().is_none()
}

/// Why a JWT is not taken.
#[derive(Debug)]
pub(super) enum Refused {
    /// For what it says.
    Jwt(JwtError),
    /// The issuer's keys can't be fetched.
    Keys(JwksError),
}

impl From<JwtError> for Refused {
    fn from(error: JwtError) -> Self {
        Self::Jwt(error)
    }
}

impl Refused {
    /// How far the token came: of several refusals that of the greatest number says most.
    pub(super) fn rank(&self) -> u8 {
        match self {
            Self::Jwt(error) if error.is_of_holder() => 2,
            Self::Keys(_) => 1,
            Self::Jwt(_) => 0,
        }
    }
}

/// A token whose header may be that of a JWT of some issuer; nobody knows yet who signed it.
pub(super) struct Unverified<'a> {
    token: &'a str,
    header: Header,
    /// Whom it names as its issuer: enough to choose among the configured ones, and for nothing else.
    pub(super) issuer: Option<String>,
}

impl<'a> Unverified<'a> {
    /// Reads the header, of which `jku`, `jwk`, `x5u` and the like are never looked at: keys come from the
    /// configured issuer alone.
    pub(super) fn read(token: &'a str) -> Result<Self, JwtError> {
        let header = decode_header(token).map_err(|_| JwtError::Header)?;
        if !asymmetric(header.alg) {
            return Err(JwtError::Algorithm);
        }
        if header.crit.is_some() {
            return Err(JwtError::CriticalHeader);
        }
        // Tokens for other purposes say so (RFC 8725 section 3.11), as logout tokens do; ID tokens don't.
        if header.typ.as_deref().is_some_and(|typ| !is_access_token_type(typ)) {
            return Err(JwtError::HeaderType);
        }
        Ok(Self { token, header, issuer: named_issuer(token) })
    }

    /// The claims, if a key of this issuer signed them.
    pub(super) async fn verified(&self, keys: &Jwks) -> Result<Claims, Refused> {
        let algorithm = self.header.alg;
        let wanted = Wanted { id: self.header.kid.as_deref(), algorithm };
        let known = keys.keys(wanted).await.map_err(Refused::Keys)?;
        match self.verified_by_one_of(&known) {
            // The issuer may have another key by now, without an id or under the old one's.
            Err(JwtError::Signature | JwtError::KeyMismatch) => {
                let renewed = keys.renewed(wanted).await.map_err(Refused::Keys)?;
                Ok(self.verified_by_one_of(&renewed)?)
            }
            verified => Ok(verified?),
        }
    }

    /// The claims, if one of these keys signed them.
    fn verified_by_one_of(&self, keys: &Keys) -> Result<Claims, JwtError> {
        let mut refused = if self.header.kid.is_some() { JwtError::UnknownKey } else { JwtError::NoKeyId };
        for key in keys {
            match self.verified_by(key) {
                Err(error @ (JwtError::Signature | JwtError::KeyMismatch)) => refused = error,
                verified => return verified,
            }
        }
        Err(refused)
    }

    /// The claims, if this key signed them.
    fn verified_by(&self, key: &SigningKey) -> Result<Claims, JwtError> {
        let algorithm = self.header.alg;
        if !key.fits(algorithm) {
            return Err(JwtError::KeyMismatch);
        }
        // The library verifies the signature only: its own checks of time read their own clock, and its check of the
        // issuer would take a list as well.
        let mut validation = Validation::new(algorithm);
        validation.required_spec_claims.clear();
        validation.validate_exp = false;
        validation.validate_nbf = false;
        validation.validate_aud = false;
        let data =
            decode::<Map<String, Value>>(self.token, &key.decoding, &validation).map_err(
                |error| match error.kind() {
                    jsonwebtoken::errors::ErrorKind::Json(_) => JwtError::Claims,
                    _ => JwtError::Signature,
                },
            )?;
        Ok(Claims(data.claims))
    }
}

/// The `iss` of a token, unverified.
fn named_issuer(token: &str) -> Option<String> {
    #[derive(Deserialize)]
    struct Named {
        iss: String,
    }
    let payload = BASE64_URL_SAFE_NO_PAD.decode(token.split('.').nth(1)?).ok()?;
    serde_json::from_slice::<Named>(&payload).ok().map(|named| named.iss)
}

fn is_access_token_type(typ: &str) -> bool {
    // RFC 7515 section 4.1.9: it is a media type, whose "application/" may be left out.
    const MEDIA: &str = "application/";
    let is_media = typ.get(..MEDIA.len()).is_some_and(|start| start.eq_ignore_ascii_case(MEDIA));
    let short = if is_media { typ.get(MEDIA.len()..).unwrap_or_default() } else { typ };
    ["JWT", "at+jwt"].iter().any(|known| known.eq_ignore_ascii_case(short))
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

/// The claims of a token whose signature is right.
pub(super) struct Claims(Map<String, Value>);

impl Claims {
    /// Whether there is such a claim, be it null.
    pub(super) fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// A claim; null counts as none.
    pub(super) fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name).filter(|value| !value.is_null())
    }

    /// A claim that must be text where it is there.
    pub(super) fn text(&self, name: &str) -> Result<Option<&str>, JwtError> {
        self.get(name).map(|value| value.as_str().ok_or(JwtError::Claims)).transpose()
    }

    /// A claim that is text, or a list of texts, of which what is no text counts for nothing.
    pub(super) fn texts(&self, name: &str) -> Vec<&str> {
        texts(self.get(name))
    }

    /// A point in time (RFC 7519 section 2, NumericDate), in whole seconds since 1970.
    fn time(&self, name: &str) -> Result<Option<u64>, JwtError> {
        let seconds = |value: &Value| {
            let fraction = || value.as_f64().filter(|seconds| *seconds >= 0.0).map(|seconds| seconds as u64);
            value.as_u64().or_else(fraction).ok_or(JwtError::Claims)
        };
        self.get(name).map(seconds).transpose()
    }

    /// Whether it is this issuer's.
    pub(super) fn check_issuer(&self, issuer: &str) -> Result<(), JwtError> {
        let named = self.text("iss")?.ok_or(JwtError::Claims)?;
        if named == issuer { Ok(()) } else { Err(JwtError::Issuer(shown(named))) }
    }

    /// Whether now is its time. An issuer's clock may be ahead of ours by `ahead` seconds, and behind it by `behind`.
    /// To be asked last, since whoever is told that a token has expired learns that all the rest is right.
    pub(super) fn check_time(&self, now: u64, ahead: u64, behind: u64) -> Result<(), JwtError> {
        let expires = self.time("exp")?.ok_or(JwtError::Claims)?;
        let (begins, issued) = (self.time("nbf")?, self.time("iat")?);
        if expires.saturating_add(behind) <= now {
            return Err(JwtError::Expired);
        }
        let latest = now.saturating_add(ahead);
        if begins.is_some_and(|time| time > latest) || issued.is_some_and(|time| time > latest) {
            return Err(JwtError::NotYetValid);
        }
        Ok(())
    }

    /// Whether it is a client's own, and whoever shows it may use it.
    pub(super) fn check_holder(&self) -> Result<(), JwtError> {
        // A person's access token of the same client has all the rest right. `session_state` is what Keycloak called
        // the session before.
        if self.has("sid") || self.has("session_state") {
            return Err(JwtError::Session);
        }
        // RFC 7800: bound to a key, whose possession nobody checks here.
        if self.has("cnf") {
            return Err(JwtError::Bound);
        }
        Ok(())
    }
}

/// The texts in a value that is one or a list.
pub(super) fn texts(value: Option<&Value>) -> Vec<&str> {
    match value {
        Some(Value::String(text)) => vec![text],
        Some(Value::Array(list)) => list.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}

/// A claim as it may stand in the log.
pub(super) fn shown(claim: &str) -> String {
    claim.chars().take(SHOWN).collect()
}
