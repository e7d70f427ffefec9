//! The HTTP client towards Keycloak and the one way an answer is read: whole, within a bound.

use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::Bytes;
use http::header::{LOCATION, RETRY_AFTER};
use http::{HeaderMap, HeaderName, StatusCode};
use reqwest::{Certificate, Client, ClientBuilder, Proxy, RequestBuilder, redirect};
use url::Url;

use super::error::{Call, Error, Result};

/// The largest answer that is read, in bytes: 1,000 users with 30 KB each.
pub(super) const MAX_ANSWER: usize = 32 * 1024 * 1024;

/// Idle connections are closed before a server or a firewall in between drops them silently.
const POOL_IDLE: Duration = Duration::from_secs(30);

/// Why the HTTP client could not be built.
#[derive(Debug, thiserror::Error)]
pub enum HttpClientError {
    /// The file of CA certificates can't be read.
    #[error("the CA certificates in {} can't be read: {source}", .path.display())]
    CaFile {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file holds no usable certificate.
    #[error("{} holds no CA certificate in PEM form that can be used", .path.display())]
    CaCertificate {
        /// The file.
        path: PathBuf,
        /// What the TLS library says, where it says anything.
        source: Option<reqwest::Error>,
    },
    /// The proxy's URL can't be used.
    #[error("the proxy's URL can't be used; it must be http:// or https:// with a host")]
    Proxy(#[source] reqwest::Error),
    /// The TLS library refuses the configuration.
    #[error("the HTTP client can't be set up: {0}")]
    Build(#[source] reqwest::Error),
}

/// Builds the HTTP client that all connections share: it follows no redirect, uses no proxy of the
/// system's, and trusts the system's certificate authorities and those in `ca_file` (PEM).
///
/// `timeout` bounds one call from sending to the last byte of its answer.
///
/// # Errors
/// When `ca_file` can't be read or holds no certificate, or the proxy's URL is unusable.
pub fn http_client(
    connect_timeout: Duration,
    timeout: Duration,
    ca_file: Option<&Path>,
    proxy: Option<&Url>,
) -> std::result::Result<Client, HttpClientError> {
    let proxy = proxy.map(|url| Proxy::all(url.clone())).transpose().map_err(HttpClientError::Proxy)?;
    let builder = || {
        let builder = Client::builder()
            .user_agent(concat!("scimgate/", env!("CARGO_PKG_VERSION")))
            .redirect(redirect::Policy::none())
            .no_proxy()
            .connect_timeout(connect_timeout)
            .timeout(timeout)
            .pool_idle_timeout(POOL_IDLE);
        match proxy.clone() {
            Some(proxy) => builder.proxy(proxy),
            None => builder,
        }
    };
    match ca_file {
        Some(path) => {
            let certificates = read_certificates(path)?;
            builder().tls_certs_merge(certificates).build().map_err(HttpClientError::Build)
        }
        None => build_without_ca_file(builder),
    }
}

/// A machine without any CA certificates (a bare container) must still reach a Keycloak over http.
fn build_without_ca_file(
    builder: impl Fn() -> ClientBuilder,
) -> std::result::Result<Client, HttpClientError> {
    builder().build().or_else(|error| {
        let client = builder()
            .tls_certs_only([])
            .build()
            .map_err(HttpClientError::Build)?;
        tracing::warn!(
            %error,
            "the system has no usable CA certificates: https to Keycloak will fail until a CA file is configured"
        );
        Ok(client)
    })
}

fn read_certificates(path: &Path) -> std::result::Result<Vec<Certificate>, HttpClientError> {
    let pem =
        std::fs::read(path).map_err(|source| HttpClientError::CaFile { path: path.to_owned(), source })?;
    let unusable = |source| HttpClientError::CaCertificate { path: path.to_owned(), source };
    let certificates = Certificate::from_pem_bundle(&pem).map_err(|source| unusable(Some(source)))?;
    if certificates.is_empty() {
        return Err(unusable(None));
    }
    Ok(certificates)
}

/// An answer, whole.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) location: Option<String>,
    pub(super) retry_after: Option<u64>,
    pub(super) body: Bytes,
}

/// Sends a request once and reads its answer whole.
pub(super) async fn send(call: Call, request: RequestBuilder) -> Result<Answer> {
    let mut response = request.send().await.map_err(|error| Error::transport(call, error))?;
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| Error::transport(call, error))? {
        if body.len() + chunk.len() > MAX_ANSWER {
            return Err(Error::TooLarge { call, limit: MAX_ANSWER });
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Answer {
        status: response.status(),
        location: text(response.headers(), &LOCATION).map(str::to_owned),
        retry_after: text(response.headers(), &RETRY_AFTER).and_then(|value| value.parse().ok()),
        body: body.into(),
    })
}

fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn builds_with_and_without_a_proxy() {
        let proxy = Url::parse("http://127.0.0.1:3128").unwrap();
        assert!(http_client(SECOND, SECOND, None, None).is_ok());
        assert!(http_client(SECOND, SECOND, None, Some(&proxy)).is_ok());
    }

    #[test]
    fn names_the_ca_file_that_cannot_be_used() {
        let folder = tempfile::tempdir().unwrap();
        let missing = folder.path().join("missing.pem");
        let error = http_client(SECOND, SECOND, Some(&missing), None).unwrap_err();
        assert!(error.to_string().contains("missing.pem"), "{error}");
        let empty = folder.path().join("empty.pem");
        std::fs::write(&empty, "no certificate here").unwrap();
        let error = http_client(SECOND, SECOND, Some(&empty), None).unwrap_err();
        assert!(matches!(error, HttpClientError::CaCertificate { .. }));
    }
}
