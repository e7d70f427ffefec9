//! Reads the bearer token out of a request's `Authorization` headers.

use http::HeaderValue;

use super::error::{AuthError, MalformedError};

/// Longest token that is looked at, in bytes. Keycloak's are 1 to 4 KiB.
pub(super) const MAX_TOKEN_BYTES: usize = 16 * 1024;

/// The one bearer token of a request.
///
/// # Errors
/// `Missing` without any header, `Malformed` if there is not just one bearer token.
pub(super) fn token(authorization: &[HeaderValue]) -> Result<&str, AuthError> {
    let header = match authorization {
        [] => return Err(AuthError::Missing),
        [header] => header,
        // Two proxies that disagree about which one counts are an old way past a guard.
        _ => return Err(AuthError::Malformed(MalformedError::SeveralHeaders)),
    };
    let text =
        header.to_str().map_err(|_| AuthError::Malformed(MalformedError::NotAToken))?.trim_matches(' ');
    let (scheme, token) = text.split_once(' ').unwrap_or((text, ""));
    if !scheme.eq_ignore_ascii_case("Bearer") {
        return Err(AuthError::Malformed(MalformedError::NotBearer));
    }
    let token = token.trim_start_matches(' ');
    if token.len() > MAX_TOKEN_BYTES {
        return Err(AuthError::Malformed(MalformedError::TooLong));
    }
    // Wider than RFC 6750's b64token, because only its hash tells whether a static token is right.
    if token.is_empty() || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(AuthError::Malformed(MalformedError::NotAToken));
    }
    Ok(token)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(headers: &[&'static str]) -> Result<String, MalformedError> {
        let headers: Vec<_> = headers.iter().map(|header| HeaderValue::from_static(header)).collect();
        match token(&headers) {
            Ok(token) => Ok(token.to_owned()),
            Err(AuthError::Malformed(error)) => Err(error),
            Err(error) => panic!("{error}"),
        }
    }

    #[test]
    fn the_scheme_is_read_without_case_and_blanks_are_passed_over() {
        for header in ["Bearer abc", "bearer abc", "BEARER   abc", " bEaReR abc "] {
            assert_eq!(read(&[header]).unwrap(), "abc", "{header:?}");
        }
    }

    #[test]
    fn anything_but_one_bearer_token_is_refused() {
        assert!(matches!(token(&[]), Err(AuthError::Missing)));
        for (headers, error) in [
            (vec!["Bearer a", "Bearer a"], MalformedError::SeveralHeaders),
            (vec!["Bearer a", "Basic YTpi"], MalformedError::SeveralHeaders),
            (vec!["Basic YTpi"], MalformedError::NotBearer),
            (vec!["abc"], MalformedError::NotBearer),
            (vec![""], MalformedError::NotBearer),
            (vec!["Bearerabc"], MalformedError::NotBearer),
            (vec!["Bearer"], MalformedError::NotAToken),
            (vec!["Bearer "], MalformedError::NotAToken),
            (vec!["Bearer a b"], MalformedError::NotAToken),
            (vec!["Bearer Bearer a"], MalformedError::NotAToken),
            (vec!["Bearer a\tb"], MalformedError::NotAToken),
        ] {
            assert_eq!(read(&headers), Err(error), "{headers:?}");
        }
        let bytes = HeaderValue::from_bytes(b"Bearer \xff\xfe").unwrap();
        assert!(matches!(token(&[bytes]), Err(AuthError::Malformed(MalformedError::NotAToken))));
        let long = |length| HeaderValue::try_from(format!("Bearer {}", "a".repeat(length))).unwrap();
        assert!(token(&[long(MAX_TOKEN_BYTES)]).is_ok());
        assert!(matches!(
            token(&[long(MAX_TOKEN_BYTES + 1)]),
            Err(AuthError::Malformed(MalformedError::TooLong))
        ));
    }
}
