//! Where an issuer says that its keys are (OpenID Connect Discovery 1.0, RFC 8414), and whether that may be believed.

use serde::Deserialize;
use url::{Host, Url};

use super::error::JwksError;

#[derive(Deserialize)]
struct Document {
    issuer: String,
    jwks_uri: Url,
}

/// The `jwks_uri` of the discovery document that was found at `url`.
///
/// # Errors
/// If it is not that of `issuer`, or names keys that could be exchanged on their way.
pub(super) fn keys_url(document: &[u8], issuer: &str, url: &Url) -> Result<Url, JwksError> {
    let document: Document = serde_json::from_slice(document).map_err(|_| JwksError::NotDiscovery)?;
    if document.issuer != issuer {
        return Err(JwksError::OtherIssuer);
    }
    let keys = document.jwks_uri;
    // An issuer elsewhere must not make the gateway call what listens on its own machine only.
    let safe = keys.scheme() == "https" || (is_loopback_http(&keys) && is_loopback_http(url));
    if safe { Ok(keys) } else { Err(JwksError::UnsafeKeys) }
}

fn is_loopback_http(url: &Url) -> bool {
    let loopback = match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    };
    url.scheme() == "http" && loopback
}

#[cfg(test)]
mod tests {
    use super::*;

    const ISSUER: &str = "https://login.example.com/";

    fn keys(at: &str, issuer: &str, jwks_uri: &str) -> Result<String, JwksError> {
        let document = serde_json::json!({ "issuer": issuer, "jwks_uri": jwks_uri, "scopes_supported": [] });
        let url: Url = at.parse().unwrap();
        keys_url(document.to_string().as_bytes(), ISSUER, &url).map(|url| url.to_string())
    }

    #[test]
    fn only_the_issuers_own_document_tells_where_keys_are() {
        let at = "https://login.example.com/.well-known/openid-configuration";
        let found = keys(at, ISSUER, "https://keys.example.com/jwks");
        assert_eq!(found.as_deref(), Ok("https://keys.example.com/jwks"));
        for other in ["https://login.example.com", "https://login.example.com//", "https://evil.example/", ""]
        {
            assert_eq!(
                keys(at, other, "https://keys.example.com/jwks"),
                Err(JwksError::OtherIssuer),
                "{other}"
            );
        }
        for broken in ["", "[]", "{}", "<html>", r#"{"issuer":"https://login.example.com/"}"#] {
            let url = at.parse().unwrap();
            assert_eq!(keys_url(broken.as_bytes(), ISSUER, &url), Err(JwksError::NotDiscovery), "{broken}");
        }
        assert_eq!(keys(at, ISSUER, "jwks"), Err(JwksError::NotDiscovery));
    }

    #[test]
    fn keys_come_over_tls_or_stay_on_this_machine() {
        let outside = "https://login.example.com/.well-known/openid-configuration";
        let here = "http://127.0.0.1:8080/.well-known/openid-configuration";
        for unsafe_url in [
            "http://login.example.com/jwks",
            "http://127.0.0.1.example.com/jwks",
            "http://10.0.0.1/jwks",
            "file:///etc/passwd",
            "data:application/json,{}",
        ] {
            for at in [outside, here] {
                assert_eq!(keys(at, ISSUER, unsafe_url), Err(JwksError::UnsafeKeys), "{unsafe_url}");
            }
        }
        for local in ["http://127.0.0.1:8080/jwks", "http://localhost/jwks", "http://[::1]:1/jwks"] {
            assert!(keys(here, ISSUER, local).is_ok(), "{local}");
            assert_eq!(keys(outside, ISSUER, local), Err(JwksError::UnsafeKeys), "{local}");
        }
    }
}
