//! Reads the credentials out of a request's `Authorization` headers: a bearer token, or user and password.

use std::fmt;

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use http::HeaderValue;

use super::error::{AuthError, MalformedError};

/// Longest credentials that are looked at, in bytes. Keycloak's tokens are 1 to 4 KiB.
pub(super) const MAX_BYTES: usize = 16 * 1024;

/// Base64, whether or not the client pads it.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// What a request shows of its sender.
pub(super) enum Credentials<'a> {
    /// A bearer token (RFC 6750 section 2.1).
    Bearer(&'a str),
    /// User and password (RFC 7617). Bytes, because only the hash tells whether they are right.
    Basic {
        /// All before the first colon.
        user: Vec<u8>,
        /// All after it, further colons too.
        password: Vec<u8>,
    },
}

impl fmt::Debug for Credentials<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Bearer(_) => "Bearer(…)",
            Self::Basic { .. } => "Basic(…)",
        })
    }
}

/// The one set of credentials of a request.
///
/// # Errors
/// `Missing` without any header, `Malformed` if there are not just one bearer token or one user and password.
pub(super) fn read(authorization: &[HeaderValue]) -> Result<Credentials<'_>, AuthError> {
    let header = match authorization {
        [] => return Err(AuthError::Missing),
        [header] => header,
        // Two proxies that disagree about which one counts are an old way past a guard.
        _ => return Err(MalformedError::SeveralHeaders.into()),
    };
    let text = header.to_str().map_err(|_| MalformedError::NotAToken)?.trim_matches(' ');
    let (scheme, credentials) = text.split_once(' ').unwrap_or((text, ""));
    let credentials = credentials.trim_start_matches(' ');
    let bearer = scheme.eq_ignore_ascii_case("Bearer");
    if !bearer && !scheme.eq_ignore_ascii_case("Basic") {
        return Err(MalformedError::OtherScheme.into());
    }
    if credentials.len() > MAX_BYTES {
        return Err(MalformedError::TooLong.into());
    }
    if !bearer {
        return basic(credentials).ok_or_else(|| MalformedError::NotBasic.into());
    }
    // Wider than RFC 6750's b64token, because only its hash tells whether a static token is right.
    if credentials.is_empty() || !credentials.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(MalformedError::NotAToken.into());
    }
    Ok(Credentials::Bearer(credentials))
}

fn basic(credentials: &str) -> Option<Credentials<'static>> {
    let mut user = BASE64.decode(credentials).ok()?;
    let colon = user.iter().position(|byte| *byte == b':')?;
    let password = user.split_off(colon).into_iter().skip(1).collect();
    Some(Credentials::Basic { user, password })
}

#[cfg(test)]
mod tests {
    use base64::prelude::{BASE64_STANDARD, BASE64_STANDARD_NO_PAD};

    use super::*;

    fn one(header: &str) -> Result<(Option<Vec<u8>>, Vec<u8>), MalformedError> {
        several(&[header])
    }

    fn several(headers: &[&str]) -> Result<(Option<Vec<u8>>, Vec<u8>), MalformedError> {
        let headers: Vec<_> = headers.iter().map(|header| HeaderValue::from_str(header).unwrap()).collect();
        match read(&headers) {
            Ok(Credentials::Bearer(token)) => Ok((None, token.as_bytes().to_vec())),
            Ok(Credentials::Basic { user, password }) => Ok((Some(user), password)),
            Err(AuthError::Malformed(error)) => Err(error),
            Err(error) => panic!("{error}"),
        }
    }

    #[test]
    fn the_scheme_is_read_without_case_and_blanks_are_passed_over() {
        for header in ["Bearer abc", "bearer abc", "BEARER   abc", " bEaReR abc "] {
            assert_eq!(one(header).unwrap(), (None, b"abc".to_vec()), "{header:?}");
        }
        for header in ["Basic YTpi", "basic YTpi", " BASIC   YTpi "] {
            assert_eq!(one(header).unwrap(), (Some(b"a".to_vec()), b"b".to_vec()), "{header:?}");
        }
    }

    #[test]
    fn user_and_password_are_told_apart_by_the_first_colon() {
        for (text, user, password) in [
            ("okta:secret", "okta", "secret"),
            ("okta:se:cret:", "okta", "se:cret:"),
            ("okta:", "okta", ""),
            (":secret", "", "secret"),
            ("bäbs:pässwörd", "bäbs", "pässwörd"),
        ] {
            for encoded in [BASE64_STANDARD.encode(text), BASE64_STANDARD_NO_PAD.encode(text)] {
                let expected = (Some(user.as_bytes().to_vec()), password.as_bytes().to_vec());
                assert_eq!(one(&format!("Basic {encoded}")).unwrap(), expected, "{text}");
            }
        }
    }

    #[test]
    fn anything_but_one_set_of_credentials_is_refused() {
        assert!(matches!(read(&[]), Err(AuthError::Missing)));
        for (headers, error) in [
            (vec!["Bearer a", "Bearer a"], MalformedError::SeveralHeaders),
            (vec!["Bearer a", "Basic YTpi"], MalformedError::SeveralHeaders),
            (vec!["Digest YTpi"], MalformedError::OtherScheme),
            (vec!["abc"], MalformedError::OtherScheme),
            (vec![""], MalformedError::OtherScheme),
            (vec!["Bearerabc"], MalformedError::OtherScheme),
            (vec!["Bearer"], MalformedError::NotAToken),
            (vec!["Bearer "], MalformedError::NotAToken),
            (vec!["Bearer a b"], MalformedError::NotAToken),
            (vec!["Bearer Bearer a"], MalformedError::NotAToken),
            (vec!["Bearer a\tb"], MalformedError::NotAToken),
            (vec!["Basic"], MalformedError::NotBasic),
            (vec!["Basic !"], MalformedError::NotBasic),
            // Without a colon.
            (vec!["Basic YWI="], MalformedError::NotBasic),
            (vec!["Basic YTpi YTpi"], MalformedError::NotBasic),
        ] {
            assert_eq!(several(&headers), Err(error), "{headers:?}");
        }
        let bytes = HeaderValue::from_bytes(b"Bearer \xff\xfe").unwrap();
        assert!(matches!(read(&[bytes]), Err(AuthError::Malformed(MalformedError::NotAToken))));
        for scheme in ["Bearer", "Basic"] {
            let long = format!("{scheme} {}", "a".repeat(MAX_BYTES + 1));
            assert_eq!(one(&long), Err(MalformedError::TooLong));
        }
        assert!(one(&format!("Bearer {}", "a".repeat(MAX_BYTES))).is_ok());
    }
}
