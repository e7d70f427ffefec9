//! Why a caller was not recognised: the whole reason for our log, less for whoever asked.

use http::HeaderValue;

/// What RFC 6750 calls a token that is not good enough.
const INVALID_TOKEN: &str = "invalid_token";

/// Why a caller was not recognised. `Display` is for the log: it says all, but no token.
#[derive(Debug, thiserror::Error)]
pub enum AuthError {
    /// There is no `Authorization` header.
    #[error("no Authorization header")]
    Missing,
    /// There is not just one bearer token.
    #[error("unusable Authorization header: {0}")]
    Malformed(#[from] MalformedError),
    /// No caller has this token.
    #[error("no caller of the realm has this bearer token")]
    UnknownToken,
    /// A JWT that is not one of the realm's for one of its callers.
    #[error("the bearer token is no good JWT of the realm: {0}")]
    Jwt(#[from] JwtError),
    /// The realm's keys can't be fetched, so that nothing is known about the token. Means 503.
    #[error("the realm's keys can't be fetched: {0}")]
    JwksUnavailable(#[from] JwksError),
}

/// What is wrong with `Authorization`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MalformedError {
    /// More than one header.
    #[error("there is more than one")]
    SeveralHeaders,
    /// Another scheme, such as Basic.
    #[error("its scheme is not Bearer")]
    NotBearer,
    /// Nothing, blanks or strange characters in the token.
    #[error("it holds no token of visible ASCII characters")]
    NotAToken,
    /// A token that no caller can have.
    #[error("its token is longer than 16 KiB")]
    TooLong,
}

/// What is wrong with a JWT. Those from [`JwtError::Claims`] on are found after its signature was
/// found good, so that the issuer's own client may learn them.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JwtError {
    /// The header is not that of a signed JWT.
    #[error("its header can't be read")]
    Header,
    /// An algorithm that is not asymmetric, or that is not supported.
    #[error("its algorithm is not one of RS256 to RS512, PS256 to PS512, ES256, ES384, EdDSA")]
    Algorithm,
    /// It does not say which key signed it.
    #[error("it has no key id (kid)")]
    NoKeyId,
    /// It wants extensions understood that nobody here does (RFC 7515, section 4.1.11).
    #[error("it has critical header fields (crit), which are not supported")]
    CriticalHeader,
    /// The realm has no such key.
    #[error("the realm has no signing key with its key id")]
    UnknownKey,
    /// The key is for another algorithm.
    #[error("its algorithm is not that of the key with its key id")]
    KeyMismatch,
    /// The signature is wrong.
    #[error("its signature is wrong")]
    Signature,
    /// A claim is missing or of a wrong type.
    #[error("its claims can't be read or lack exp")]
    Claims,
    /// Another issuer.
    #[error("its issuer {0:?} is not the configured one")]
    Issuer(String),
    /// Its time is over.
    #[error("it has expired")]
    Expired,
    /// Its time has not come.
    #[error("it is not valid yet, or it was issued in the future")]
    NotYetValid,
    /// An ID token or the like.
    #[error("its type (typ) is not Bearer")]
    Type,
    /// A person logged in to get it.
    #[error("it belongs to a session (sid), so it was not issued by client credentials")]
    Session,
    /// It is bound to a key whose possession is not checked here (RFC 7800).
    #[error("it is bound to a key (cnf)")]
    Bound,
    /// Not from the client credentials grant, or without its mark.
    #[error("it has no client_id, so it was not issued by client credentials")]
    NoClient,
    /// A client that may not call.
    #[error("its client_id {0:?} is not that of a caller")]
    Client(String),
    /// Issued to one client for another.
    #[error("its authorized party (azp) is not its client_id")]
    AuthorizedParty,
}

/// Why the realm's keys can't be fetched.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JwksError {
    /// No answer, or a broken one.
    #[error("{0}")]
    Http(String),
    /// An answer that is not 200.
    #[error("the answer was {0}")]
    Status(u16),
    /// More than a realm's keys could fill.
    #[error("the answer is longer than 256 KiB or holds more than 100 keys")]
    TooLarge,
    /// Not a JWK set (RFC 7517, section 5).
    #[error("the answer is not a JWK set")]
    NotJwks,
    /// It failed a moment ago and is not tried again yet.
    #[error("the last try failed less than 5 s ago")]
    JustFailed,
}

impl AuthError {
    /// The `WWW-Authenticate` header of the answer (RFC 6750, section 3); none with a 503.
    pub fn www_authenticate(&self) -> Option<HeaderValue> {
        let plain = HeaderValue::from_static("Bearer realm=\"scim\"");
        match self {
            // Who shows no bearer token learns only that one is wanted.
            Self::Missing | Self::Malformed(MalformedError::NotBearer) => Some(plain),
            Self::JwksUnavailable(_) => None,
            Self::Malformed(_) | Self::UnknownToken | Self::Jwt(_) => {
                let challenge = format!(
                    "Bearer realm=\"scim\", error=\"{INVALID_TOKEN}\", error_description=\"{}\"",
                    self.detail()
                );
                Some(HeaderValue::try_from(challenge).unwrap_or(plain))
            }
        }
    }

    /// A sentence for the caller. Whoever could not prove to hold a token of the realm learns
    /// nothing about it: an unknown token, a forged one and one for another realm are told alike.
    pub fn detail(&self) -> &'static str {
        match self {
            Self::Missing => {
                "Authentication is required: send the header Authorization: Bearer TOKEN with the \
                 token of this SCIM client."
            }
            Self::Malformed(error) => error.detail(),
            Self::UnknownToken => UNKNOWN,
            Self::Jwt(error) => error.detail(),
            Self::JwksUnavailable(_) => {
                "The token could not be checked, because the signing keys of the Keycloak realm \
                 could not be fetched. Try again later."
            }
        }
    }
}

/// What whoever proved nothing is told.
const UNKNOWN: &str = "The bearer token is not accepted here. Check that the URL names the right \
                       realm and that the token is the one that was set up for this SCIM client.";

impl MalformedError {
    fn detail(self) -> &'static str {
        match self {
            Self::SeveralHeaders => {
                "The request has more than one Authorization header. Expected a single one with a \
                 bearer token."
            }
            Self::NotBearer => {
                "The Authorization header does not hold a bearer token. Expected Authorization: \
                 Bearer TOKEN."
            }
            Self::NotAToken => {
                "The Authorization header holds no usable token. Expected the word Bearer once, a \
                 blank and one token without blanks."
            }
            Self::TooLong => "The bearer token is longer than 16 KiB.",
        }
    }
}

impl JwtError {
    fn detail(&self) -> &'static str {
        match self {
            Self::Header
            | Self::Algorithm
            | Self::NoKeyId
            | Self::CriticalHeader
            | Self::UnknownKey
            | Self::KeyMismatch
            | Self::Signature => UNKNOWN,
            Self::Claims => "The access token lacks claims that every access token of Keycloak has.",
            Self::Issuer(_) => {
                "The issuer of the access token (claim iss) is not the one that the gateway is \
                 configured with. Compare iss with issuer in the configuration of the realm."
            }
            Self::Expired => "The access token has expired. Get a new one from the token endpoint.",
            Self::NotYetValid => {
                "The access token is not valid yet. Compare the clocks of Keycloak and of the \
                 gateway."
            }
            Self::Type => {
                "The token is not an access token (its claim typ is not Bearer). Send the \
                 access_token that the token endpoint returns."
            }
            Self::Session => {
                "The access token belongs to the session of a person (it has the claim sid). \
                 Expected one that the client got for itself by grant_type=client_credentials."
            }
            Self::Bound => {
                "The access token is bound to a key (claim cnf), which the gateway does not \
                 support. Turn sender-constrained tokens off for this client."
            }
            Self::NoClient => {
                "The access token does not name its client (claim client_id). Expected one that \
                 the client got by grant_type=client_credentials, with lightweight access tokens \
                 turned off."
            }
            Self::Client(_) => {
                "The client of the access token (claim client_id) may not use SCIM in this realm. \
                 Add it to the clients of a caller in the configuration of the gateway."
            }
            Self::AuthorizedParty => {
                "The access token was issued to another client (claim azp) than it names (claim \
                 client_id)."
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_challenge_tells_what_rfc_6750_asks_for() {
        let header = |error: AuthError| {
            let header = error.www_authenticate()?;
            Some(header.to_str().unwrap().to_owned())
        };
        assert_eq!(header(AuthError::Missing).unwrap(), "Bearer realm=\"scim\"");
        assert!(header(AuthError::JwksUnavailable(JwksError::Status(500))).is_none());
        let unknown = header(AuthError::UnknownToken).unwrap();
        assert!(
            unknown.starts_with("Bearer realm=\"scim\", error=\"invalid_token\", error_description=\"The"),
            "{unknown}"
        );
        let forged = header(AuthError::Jwt(JwtError::Signature)).unwrap();
        assert_eq!(unknown, forged);
    }

    #[test]
    fn sentences_fit_into_a_quoted_string() {
        let errors = [
            AuthError::Missing,
            AuthError::UnknownToken,
            AuthError::Malformed(MalformedError::SeveralHeaders),
            AuthError::Malformed(MalformedError::NotBearer),
            AuthError::Malformed(MalformedError::NotAToken),
            AuthError::Malformed(MalformedError::TooLong),
            AuthError::Jwt(JwtError::Claims),
            AuthError::Jwt(JwtError::Issuer("https://secret.example".to_owned())),
            AuthError::Jwt(JwtError::Expired),
            AuthError::Jwt(JwtError::NotYetValid),
            AuthError::Jwt(JwtError::Type),
            AuthError::Jwt(JwtError::Session),
            AuthError::Jwt(JwtError::Bound),
            AuthError::Jwt(JwtError::NoClient),
            AuthError::Jwt(JwtError::Client("x".to_owned())),
            AuthError::Jwt(JwtError::AuthorizedParty),
        ];
        for error in errors {
            let detail = error.detail();
            // RFC 6750, section 3: no quotes, no backslashes, ASCII.
            assert!(detail.chars().all(|c| (' '..='~').contains(&c) && c != '"' && c != '\\'), "{detail}");
            assert!(detail.ends_with('.') && !detail.contains("secret"), "{detail}");
            assert!(error.www_authenticate().is_some());
        }
    }
}
