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
    /// There is not just one set of credentials.
    #[error("unusable Authorization header: {0}")]
    Malformed(#[from] MalformedError),
    /// No caller has this token.
    #[error("no caller of the tenant has this bearer token")]
    UnknownToken,
    /// No caller has this user and password.
    #[error("no caller of the tenant has this user and password")]
    WrongPassword,
    /// A static token or password whose time is over.
    #[error("the {} of the caller {caller} has expired", describe(.name))]
    ExpiredSecret {
        /// Whose it is.
        caller: String,
        /// What the configuration calls it.
        name: Option<String>,
    },
    /// A JWT that is not a good one for a caller of the tenant.
    #[error("the bearer token is no good JWT of a caller: {0}")]
    Jwt(#[from] JwtError),
    /// So many unknown secrets wait to be verified that this one was not looked at. Means 503.
    #[error("too many unknown tokens or passwords wait to be verified; this one was not looked at")]
    Busy,
    /// The realm's keys can't be fetched, so that nothing is known about the token. Means 503.
    #[error("the realm's keys can't be fetched: {0}")]
    JwksUnavailable(JwksError),
    /// The same of another issuer's keys. Means 503, too.
    #[error("the keys of the issuer {issuer} can't be fetched: {error}")]
    IssuerUnavailable {
        /// The issuer, as configured.
        issuer: String,
        /// Why.
        error: JwksError,
    },
}

fn describe(name: &Option<String>) -> String {
    name.as_ref().map_or_else(|| "secret".to_owned(), |name| format!("secret named {name}"))
}

/// What is wrong with `Authorization`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MalformedError {
    /// More than one header.
    #[error("there is more than one")]
    SeveralHeaders,
    /// Another scheme, such as Digest.
    #[error("its scheme is neither Bearer nor Basic")]
    OtherScheme,
    /// What is no user and password in Base64 (RFC 7617).
    #[error("it holds no user and password, with a colon between them, in Base64")]
    NotBasic,
    /// Nothing, blanks or strange characters in the token.
    #[error("it holds no token of visible ASCII characters")]
    NotAToken,
    /// Credentials that no caller can have.
    #[error("its credentials are longer than 16 KiB")]
    TooLong,
}

/// What is wrong with a JWT; for the log, all but [`JwtError::Expired`]. Those from [`JwtError::Claims`] on are found after
/// its signature was found good.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JwtError {
    /// The header is not that of a signed JWT.
    #[error("its header can't be read")]
    Header,
    /// An algorithm that is not asymmetric, or that is not supported.
    #[error("its algorithm is not one of RS256 to RS512, PS256 to PS512, ES256, ES384, EdDSA")]
    Algorithm,
    /// It is declared as something else than an access token.
    #[error("its header declares another type (typ) than JWT or at+jwt")]
    HeaderType,
    /// It does not say which key signed it, and that can't be told otherwise.
    #[error("it has no key id (kid), and the issuer has not just one key of its algorithm")]
    NoKeyId,
    /// It names no issuer that is configured.
    #[error("it names no configured issuer")]
    UnknownIssuer,
    /// It wants extensions understood that nobody here does (RFC 7515, section 4.1.11).
    #[error("it has critical header fields (crit), which are not supported")]
    CriticalHeader,
    /// The issuer has no such key.
    #[error("the issuer has no signing key with its key id")]
    UnknownKey,
    /// The key is for another algorithm.
    #[error("its algorithm is not that of the key with its key id")]
    KeyMismatch,
    /// The signature is wrong.
    #[error("its signature is wrong")]
    Signature,
    /// A claim is missing or of a wrong type.
    #[error("its claims can't be read, or lack iss or exp")]
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
    #[error("its type (typ) is not that of an access token")]
    Type,
    /// An ID token, as a claim tells that only such have.
    #[error("it has the claim {0}, so it is an ID token")]
    IdToken(&'static str),
    /// The gateway's own client, which calls Keycloak and nobody else.
    #[error("its client is the gateway's own")]
    OwnClient,
    /// A person logged in to get it.
    #[error("it belongs to a session (sid), so it was not issued by client credentials")]
    Session,
    /// It is bound to a key whose possession is not checked here (RFC 7800).
    #[error("it is bound to a key (cnf)")]
    Bound,
    /// Not from the client credentials grant, or without its mark.
    #[error("it does not name its client, so it was not issued by client credentials")]
    NoClient,
    /// A client that may not call.
    #[error("its client {0:?} is not that of a caller")]
    Client(String),
    /// Issued to one client for another.
    #[error("its claims name different clients (azp, appid, client_id)")]
    AuthorizedParty,
    /// A realm role that the caller needs is missing.
    #[error("it lacks the realm role {0:?}")]
    Role(String),
    /// A scope that the caller needs is missing.
    #[error("it lacks the scope {0:?}")]
    Scope(String),
    /// For somebody else.
    #[error("its audience (aud) is none of the configured ones")]
    Audience,
    /// A claim that the caller needs is missing or has another value.
    #[error("its claim {0:?} has none of the required values")]
    Claim(String),
}

/// Why an issuer's keys can't be fetched.
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
    /// Not a discovery document (OpenID Connect Discovery section 3).
    #[error("the answer is no discovery document with issuer and jwks_uri")]
    NotDiscovery,
    /// The discovery document of another issuer.
    #[error("the discovery document is of another issuer than the configured one")]
    OtherIssuer,
    /// Keys that anybody on the way could exchange, or that are not the issuer's to name.
    #[error("the discovery document's jwks_uri is not https")]
    UnsafeKeys,
    /// It failed a moment ago and is not tried again yet.
    #[error("the last try failed less than 5 s ago")]
    JustFailed,
    /// The answer takes longer than anybody waits for it.
    #[error("no answer so far")]
    Slow,
    /// So many wait for the answer that this one was not let to.
    #[error("no answer so far, and too many requests wait for it")]
    Crowded,
}

impl AuthError {
    /// Whether it says nothing about the credentials, and the same request may succeed later.
    pub fn is_passing(&self) -> bool {
        matches!(self, Self::JwksUnavailable(_) | Self::IssuerUnavailable { .. } | Self::Busy)
    }

    /// The `WWW-Authenticate` headers of the answer (RFC 6750 section 3, RFC 7617 section 2); none with a 503.
    ///
    /// Both schemes are named everywhere: which of them a tenant takes would tell which tenants there are.
    pub fn www_authenticate(&self) -> Vec<HeaderValue> {
        let basic = HeaderValue::from_static("Basic realm=\"scim\", charset=\"UTF-8\"");
        let plain = HeaderValue::from_static("Bearer realm=\"scim\"");
        let bearer = match self {
            Self::JwksUnavailable(_) | Self::IssuerUnavailable { .. } | Self::Busy => return Vec::new(),
            // Who shows no bearer token learns only that one is wanted.
            Self::Missing
            | Self::WrongPassword
            | Self::Malformed(MalformedError::OtherScheme | MalformedError::NotBasic) => plain,
            Self::Malformed(_) | Self::UnknownToken | Self::ExpiredSecret { .. } | Self::Jwt(_) => {
                let challenge = format!(
                    "Bearer realm=\"scim\", error=\"{INVALID_TOKEN}\", error_description=\"{}\"",
                    self.detail()
                );
                HeaderValue::try_from(challenge).unwrap_or(plain)
            }
        };
        vec![bearer, basic]
    }

    /// A sentence for the caller. Whoever could not prove to hold credentials of the tenant learns nothing about it: an
    /// unknown token, a forged one, one for another realm and one that an issuer did sign are told alike. For whoever
    /// can get a token of an issuer could otherwise try at which tenants something else is wrong with it. That a token has
    /// expired is told, as RFC 6750 asks for: all the rest of it is right, so that its client is a caller.
    pub fn detail(&self) -> &'static str {
        match self {
            Self::Missing => {
                "Authentication is required: send the header Authorization: Bearer TOKEN with the \
                 token of this SCIM client."
            }
            Self::Malformed(error) => error.detail(),
            Self::Jwt(JwtError::Expired) => {
                "The access token has expired. Fetch a new one from the issuer's token endpoint."
            }
            Self::UnknownToken | Self::Jwt(_) => UNKNOWN,
            Self::WrongPassword => {
                "The user and password are not accepted here. Check that the URL names the right \
                 realm and that they are those that were set up for this SCIM client. The log of the \
                 gateway says why."
            }
            Self::ExpiredSecret { .. } => {
                "The token or password was right, but its time is over. Type the new one, or have \
                 its expiry moved in the configuration of the gateway."
            }
            Self::Busy => {
                "The gateway is verifying too many unknown tokens or passwords at the moment. Repeat \
                 the request."
            }
            Self::JwksUnavailable(_) => {
                "The token could not be checked, because the signing keys of the Keycloak realm \
                 could not be fetched. Try again later."
            }
            Self::IssuerUnavailable { .. } => {
                "The token could not be checked, because the signing keys of its issuer could not be \
                 fetched. Try again later."
            }
        }
    }
}

/// What whoever proved nothing is told.
const UNKNOWN: &str = "The bearer token is not accepted here. Check that the URL names the right \
                       realm and that the token is the one that was set up for this SCIM client. The log of \
                       the gateway says why.";

impl MalformedError {
    fn detail(self) -> &'static str {
        match self {
            Self::SeveralHeaders => {
                "The request has more than one Authorization header. Expected a single one with a \
                 bearer token."
            }
            Self::OtherScheme => {
                "The Authorization header does not hold a bearer token. Expected Authorization: \
                 Bearer TOKEN."
            }
            Self::NotBasic => {
                "The Authorization header holds no usable user and password. Expected the word Basic, \
                 a blank, and user:password in Base64."
            }
            Self::NotAToken => {
                "The Authorization header holds no usable token. Expected the word Bearer once, a \
                 blank and one token without blanks."
            }
            Self::TooLong => "The credentials are longer than 16 KiB.",
        }
    }
}

impl JwtError {
    /// Whether it was found in a token whose signature is right, so that it says more than that of another issuer.
    pub(super) fn is_of_holder(&self) -> bool {
        !matches!(
            self,
            Self::Header
                | Self::Algorithm
                | Self::NoKeyId
                | Self::CriticalHeader
                | Self::HeaderType
                | Self::UnknownIssuer
                | Self::UnknownKey
                | Self::KeyMismatch
                | Self::Signature
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_challenge_tells_what_the_rfcs_ask_for() {
        let headers = |error: AuthError| {
            let headers = error.www_authenticate();
            headers.iter().map(|header| header.to_str().unwrap().to_owned()).collect::<Vec<_>>()
        };
        let basic = "Basic realm=\"scim\", charset=\"UTF-8\"";
        for error in [
            AuthError::Missing,
            AuthError::WrongPassword,
            AuthError::Malformed(MalformedError::OtherScheme),
            AuthError::Malformed(MalformedError::NotBasic),
        ] {
            assert_eq!(headers(error), ["Bearer realm=\"scim\"", basic]);
        }
        let issuer = "https://login.example.com/".to_owned();
        let error = JwksError::Status(500);
        for unavailable in [
            AuthError::JwksUnavailable(error.clone()),
            AuthError::IssuerUnavailable { issuer, error },
            AuthError::Busy,
        ] {
            assert!(headers(unavailable).is_empty());
        }
        let unknown = headers(AuthError::UnknownToken);
        assert!(
            unknown[0].starts_with("Bearer realm=\"scim\", error=\"invalid_token\", error_description=\"The"),
            "{unknown:?}"
        );
        assert_eq!(unknown[1], basic);
        assert_eq!(headers(AuthError::Jwt(JwtError::Signature)), unknown);
    }

    #[test]
    fn sentences_fit_into_a_quoted_string() {
        let text = || "secret".to_owned();
        let mut errors = vec![
            AuthError::Missing,
            AuthError::UnknownToken,
            AuthError::WrongPassword,
            AuthError::ExpiredSecret { caller: text(), name: Some(text()) },
        ];
        for malformed in [
            MalformedError::SeveralHeaders,
            MalformedError::OtherScheme,
            MalformedError::NotBasic,
            MalformedError::NotAToken,
            MalformedError::TooLong,
        ] {
            errors.push(malformed.into());
        }
        for jwt in [
            JwtError::UnknownIssuer,
            JwtError::Claims,
            JwtError::Issuer(text()),
            JwtError::Expired,
            JwtError::NotYetValid,
            JwtError::Type,
            JwtError::IdToken("nonce"),
            JwtError::OwnClient,
            JwtError::Session,
            JwtError::Bound,
            JwtError::NoClient,
            JwtError::Client(text()),
            JwtError::AuthorizedParty,
            JwtError::Role(text()),
            JwtError::Scope(text()),
            JwtError::Audience,
            JwtError::Claim(text()),
        ] {
            errors.push(jwt.into());
        }
        for error in errors {
            let detail = error.detail();
            // RFC 6750, section 3: no quotes, no backslashes, ASCII.
            assert!(detail.chars().all(|c| (' '..='~').contains(&c) && c != '"' && c != '\\'), "{detail}");
            assert!(detail.ends_with('.') && !detail.contains("secret"), "{detail}");
            assert_eq!(error.www_authenticate().len(), 2);
        }
    }
}
