//! The realm's token endpoint, forwarded for client credentials of clients that may be callers, so that a SCIM client
//! needs to reach one host only. Its errors are OAuth's (RFC 6749 section 5.2), because OAuth clients read them.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use http::header::{AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, HOST, RETRY_AFTER, WWW_AUTHENTICATE};
use http::request::Parts;
use http::{HeaderValue, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use percent_encoding::percent_decode_str;
use serde_json::json;
use tokio::sync::Semaphore;
use tower_http::request_id::RequestId;
use url::Url;

use crate::config::CallerName;
use crate::directory::Context;

use super::access_log::Record;
use super::intake::read_bytes;
use super::limits::TooMany;
use super::respond::Body;
use super::tenants::Tenants;

/// A token request is small.
const LIMIT: usize = 64 * 1024;
/// How long a client may take to send it: nobody was authenticated yet.
const READ_TIME: Duration = Duration::from_secs(5);
/// The parameters that go through; any other is left behind.
const FORWARDED: &[&str] =
    &["grant_type", "client_id", "client_secret", "scope", "client_assertion", "client_assertion_type"];

/// How many token requests there may be at once, over all realms: nobody was authenticated yet, so they must not use up
/// what SCIM requests need. Beyond it they are answered 503 at once.
#[derive(Debug)]
pub struct TokenLimits {
    /// Being read.
    reading: Semaphore,
    /// Waiting for Keycloak; those of known clients only.
    forwarding: Semaphore,
}

impl TokenLimits {
    /// Half of all requests may be token requests that are read, and a quarter such as are forwarded.
    pub fn of(max_concurrent_requests: usize) -> Self {
        let share = |parts: usize| Semaphore::new((max_concurrent_requests / parts).max(1));
        Self { reading: share(2), forwarding: share(4) }
    }
}

/// Which clients may ask for tokens.
#[derive(Debug, Clone)]
pub struct TokenClients {
    /// Those that callers name.
    pub named: BTreeMap<String, CallerName>,
    /// A caller that is known by roles and names no client: which client has them only Keycloak tells.
    pub by_role: Option<CallerName>,
    /// The gateway's own client, which is no caller's, whatever roles it has.
    pub own: String,
}

impl TokenClients {
    fn caller(&self, client: &str) -> Option<&CallerName> {
        let named = || self.named.get(client).or(self.by_role.as_ref());
        if client.eq_ignore_ascii_case(&self.own) { None } else { named() }
    }
}

/// Where token requests go, and for whom.
#[derive(Debug, Clone)]
pub struct TokenEndpoint {
    http: reqwest::Client,
    url: Url,
    issuer: Option<Url>,
    clients: TokenClients,
}

impl TokenEndpoint {
    /// Forwards to `url` for these clients. `issuer` is what the tokens must name as theirs.
    pub fn new(http: reqwest::Client, url: Url, issuer: &str, clients: TokenClients) -> Self {
        // Keycloak makes the issuer from the host it is called by, unless its host name is fixed. Where the gateway
        // reaches it by another name than the issuer's, it says the issuer's.
        let issuer = Url::parse(issuer).ok().filter(|issuer| issuer.origin() != url.origin());
        Self { http, url, issuer, clients }
    }

    async fn forward(
        &self,
        context: &Context,
        authorization: Option<&HeaderValue>,
        form: &[(&str, &str)],
    ) -> Response<Body> {
        let request = self.http.post(self.url.clone()).header("x-request-id", &*context.request_id);
        let mut request = request.form(form);
        context.calls.fetch_add(1, Ordering::Relaxed);
        if let Some(authorization) = authorization {
            request = request.header(AUTHORIZATION, authorization);
        }
        if let Some((issuer, host)) =
            self.issuer.as_ref().and_then(|issuer| Some((issuer, authority(issuer)?)))
        {
            request = request
                .header(HOST, &host)
                .header("x-forwarded-host", &host)
                .header("x-forwarded-proto", issuer.scheme());
        }
        let unavailable = |error: reqwest::Error| {
            tracing::warn!(error = %error.without_url(), "the token endpoint can't be reached");
            oauth_error(
                StatusCode::SERVICE_UNAVAILABLE,
                "temporarily_unavailable",
                "Keycloak can't be reached at the moment",
            )
        };
        let answer = match request.send().await {
            Ok(answer) => answer,
            Err(error) => return unavailable(error),
        };
        let status = answer.status();
        let content_type = answer.headers().get(CONTENT_TYPE).cloned();
        match answer.bytes().await {
            Ok(body) => respond(status, content_type, body),
            Err(error) => unavailable(error),
        }
    }
}

fn authority(url: &Url) -> Option<String> {
    let host = url.host_str()?;
    Some(url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}")))
}

/// Answers a token request; `endpoint` is none where the realm is not served or does not forward.
///
/// Such a realm is answered as an unknown client of a served one is, after the same steps.
pub async fn answer(
    endpoint: Option<&TokenEndpoint>,
    tenants: &Tenants,
    head: &Parts,
    body: Incoming,
    record: &Record,
) -> Response<Body> {
    let limits = &tenants.token_limits;
    match checked(endpoint, limits, head, body).await {
        Ok(Checked { endpoint, client, caller, form }) => {
            let Ok(_permit) = limits.forwarding.try_acquire() else {
                return refused(Refusal::Busy, record);
            };
            // Only what would reach Keycloak counts, and for its client alone.
            if let Err(TooMany(seconds)) = tenants.instance.check_token(endpoint.url.as_str(), &client) {
                return refused(Refusal::TooMany(seconds), record);
            }
            let id = head.extensions.get::<RequestId>().and_then(|id| id.header_value().to_str().ok());
            let context = Context::new(id.unwrap_or_default(), caller.as_ref());
            record.context(&context);
            let form: Vec<(&str, &str)> =
                form.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
            endpoint.forward(&context, head.headers.get(AUTHORIZATION), &form).await
        }
        Err(refusal) => refused(refusal, record),
    }
}

fn refused(refusal: Refusal, record: &Record) -> Response<Body> {
    record.refused(format!("{refusal:?}"));
    refusal.answer()
}

/// Why a token request goes no further.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Refusal {
    Busy,
    TooMany(u64),
    Slow,
    TooLarge,
    NotForm,
    Twice,
    GrantType,
    Client,
    TwoClients,
}

impl Refusal {
    fn answer(self) -> Response<Body> {
        let (status, error, description) = match self {
            Self::Busy => (
                StatusCode::SERVICE_UNAVAILABLE,
                "temporarily_unavailable",
                "Too many token requests at once; repeat this one",
            ),
            Self::TooMany(_) => (
                StatusCode::TOO_MANY_REQUESTS,
                "temporarily_unavailable",
                "The client has sent more token requests than it may; repeat this one later",
            ),
            Self::Slow => {
                (StatusCode::REQUEST_TIMEOUT, "invalid_request", "The request did not arrive in time")
            }
            Self::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "invalid_request", "The request is too large"),
            Self::NotForm => (
                StatusCode::BAD_REQUEST,
                "invalid_request",
                "The body must be application/x-www-form-urlencoded",
            ),
            Self::Twice => (StatusCode::BAD_REQUEST, "invalid_request", "A parameter is given twice"),
            Self::GrantType => (
                StatusCode::BAD_REQUEST,
                "unsupported_grant_type",
                "Here only grant_type=client_credentials is taken",
            ),
            Self::Client => (
                StatusCode::UNAUTHORIZED,
                "invalid_client",
                "The client is unknown here, or may not get tokens through this gateway",
            ),
            Self::TwoClients => (
                StatusCode::BAD_REQUEST,
                "invalid_request",
                "The Authorization header and client_id name different clients",
            ),
        };
        let mut answer = oauth_error(status, error, description);
        if let Self::TooMany(seconds) = self {
            answer.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        answer
    }
}

/// A token request that may go on.
struct Checked<'e> {
    endpoint: &'e TokenEndpoint,
    client: String,
    caller: &'e CallerName,
    form: Vec<(String, String)>,
}

async fn checked<'e>(
    endpoint: Option<&'e TokenEndpoint>,
    limits: &TokenLimits,
    head: &Parts,
    body: Incoming,
) -> Result<Checked<'e>, Refusal> {
    let permit = limits.reading.try_acquire().map_err(|_| Refusal::Busy)?;
    let read = tokio::time::timeout(READ_TIME, read_bytes(head, body, LIMIT)).await;
    let bytes = read.map_err(|_| Refusal::Slow)?.map_err(|_| Refusal::TooLarge)?;
    drop(permit);
    let form = read_form(head.headers.get(CONTENT_TYPE), &bytes)?;
    let client = client_of(head.headers.get(AUTHORIZATION), &form)?;
    let endpoint = endpoint.ok_or(Refusal::Client)?;
    let caller = endpoint.clients.caller(&client).ok_or(Refusal::Client)?;
    Ok(Checked { endpoint, client, caller, form })
}

/// The parameters that go through, each once.
fn read_form(content_type: Option<&HeaderValue>, bytes: &Bytes) -> Result<Vec<(String, String)>, Refusal> {
    let content_type =
        content_type.and_then(|value| value.to_str().ok()).unwrap_or_default().to_ascii_lowercase();
    if content_type.split(';').next().map(str::trim) != Some("application/x-www-form-urlencoded") {
        return Err(Refusal::NotForm);
    }
    let mut form: Vec<(String, String)> = Vec::new();
    for (name, value) in form_urlencoded::parse(bytes).into_owned() {
        if form.iter().any(|(known, _)| *known == name) {
            return Err(Refusal::Twice);
        }
        if FORWARDED.contains(&name.as_str()) {
            form.push((name, value));
        }
    }
    match form.iter().find(|(name, _)| name == "grant_type") {
        Some((_, grant)) if grant == "client_credentials" => Ok(form),
        _ => Err(Refusal::GrantType),
    }
}

/// The client that asks, by Basic authentication or by `client_id`; by both only if they agree.
fn client_of(authorization: Option<&HeaderValue>, form: &[(String, String)]) -> Result<String, Refusal> {
    let named = form.iter().find(|(name, _)| name == "client_id").map(|(_, client)| client.clone());
    let Some(authorization) = authorization else { return named.ok_or(Refusal::Client) };
    let basic = basic_user(authorization).ok_or(Refusal::Client)?;
    match named {
        Some(named) if named != basic => Err(Refusal::TwoClients),
        _ => Ok(basic),
    }
}

/// The user of an HTTP Basic header; form-encoded, as RFC 6749 section 2.3.1 has it.
fn basic_user(authorization: &HeaderValue) -> Option<String> {
    let (scheme, credentials) = authorization.to_str().ok()?.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let decoded = String::from_utf8(BASE64_STANDARD.decode(credentials.trim()).ok()?).ok()?;
    let (user, _) = decoded.split_once(':')?;
    Some(percent_decode_str(&user.replace('+', " ")).decode_utf8().ok()?.into_owned())
}

fn oauth_error(status: StatusCode, error: &str, description: &str) -> Response<Body> {
    let body = json!({ "error": error, "error_description": description }).to_string();
    let mut response = respond(status, Some(HeaderValue::from_static("application/json")), body.into());
    if status == StatusCode::SERVICE_UNAVAILABLE {
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("5"));
    }
    if status == StatusCode::UNAUTHORIZED {
        response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Basic realm=\"token\""));
    }
    response
}

fn respond(status: StatusCode, content_type: Option<HeaderValue>, body: Bytes) -> Response<Body> {
    let mut response = Response::new(Full::new(body));
    *response.status_mut() = status;
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Some(content_type) = content_type {
        response.headers_mut().insert(CONTENT_TYPE, content_type);
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(body: &str) -> Result<Vec<(String, String)>, Refusal> {
        let content_type = HeaderValue::from_static("application/x-www-form-urlencoded; charset=UTF-8");
        read_form(Some(&content_type), &Bytes::from(body.to_owned()))
    }

    #[test]
    fn only_client_credentials_go_through_and_only_their_parameters() {
        let form_of =
            form("grant_type=client_credentials&client_id=a&client_secret=s%26&audience=x&username=u")
                .unwrap();
        let names: Vec<_> = form_of.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["grant_type", "client_id", "client_secret"]);
        for body in
            ["grant_type=password&username=u&password=p&client_id=a", "client_id=a", "", "grant_type="]
        {
            assert_eq!(form(body), Err(Refusal::GrantType), "{body}");
        }
        assert_eq!(form("grant_type=client_credentials&grant_type=password"), Err(Refusal::Twice));
        assert_eq!(read_form(None, &Bytes::new()), Err(Refusal::NotForm));
    }

    #[test]
    fn the_client_is_named_once_or_twice_alike() {
        let basic =
            |text: &str| HeaderValue::from_str(&format!("Basic {}", BASE64_STANDARD.encode(text))).unwrap();
        let named = |id: &str| vec![("client_id".to_owned(), id.to_owned())];
        assert_eq!(client_of(None, &named("a")), Ok("a".into()));
        assert_eq!(client_of(Some(&basic("scim%2Dokta:s:x")), &[]), Ok("scim-okta".into()));
        assert_eq!(client_of(Some(&basic("a:s")), &named("a")), Ok("a".into()));
        assert_eq!(client_of(Some(&basic("a:s")), &named("b")), Err(Refusal::TwoClients));
        assert_eq!(client_of(None, &[]), Err(Refusal::Client));
        assert_eq!(client_of(Some(&HeaderValue::from_static("Bearer x")), &named("a")), Err(Refusal::Client));
    }
}
