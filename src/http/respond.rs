//! Answers: SCIM messages with their headers.

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, HeaderName, LOCATION, RETRY_AFTER};
use http::{HeaderValue, Response, StatusCode};
use http_body_util::Full;
use serde_json::Value;

use crate::engine::{Outcome, version};
use crate::scim::{Code, Error};

/// What answers are made of before they leave the stack.
pub type Body = Full<Bytes>;

/// SCIM's media type (RFC 7644 section 3.1).
const SCIM_JSON: HeaderValue = HeaderValue::from_static("application/scim+json");

/// Stands in a response's extensions, so that the log can name it.
#[derive(Debug, Clone, Copy)]
pub struct Failed(pub Code);

/// A SCIM message.
pub fn message(status: StatusCode, body: &Value) -> Response<Body> {
    let mut response = Response::new(Full::from(body.to_string()));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, SCIM_JSON);
    // People's data has no place in a cache between here and the client.
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// An error message (RFC 7644 section 3.12).
pub fn error(error: &Error) -> Response<Body> {
    let status = StatusCode::from_u16(error.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = message(status, &error.body());
    if let Some(seconds) = error.retry_after {
        response.headers_mut().insert(RETRY_AFTER, seconds.into());
    }
    response.extensions_mut().insert(Failed(error.code));
    response
}

/// The answer to a request that was carried out.
pub fn outcome(outcome: &Outcome) -> Response<Body> {
    match outcome {
        Outcome::Created { whole, shown } => {
            let mut response = message(StatusCode::CREATED, shown);
            let location = whole.pointer("/meta/location").and_then(Value::as_str).unwrap_or_default();
            set(&mut response, LOCATION, location);
            set(&mut response, ETAG, version(whole));
            response
        }
        Outcome::Found { whole, shown } => {
            let mut response = message(StatusCode::OK, shown);
            set(&mut response, ETAG, version(whole));
            response
        }
        Outcome::NotModified { version } => {
            let mut response = empty(StatusCode::NOT_MODIFIED);
            set(&mut response, ETAG, version);
            response
        }
        Outcome::Done { version } => {
            let mut response = empty(StatusCode::NO_CONTENT);
            set(&mut response, ETAG, version);
            response
        }
        Outcome::Listed(list) => message(StatusCode::OK, list),
        Outcome::Deleted => empty(StatusCode::NO_CONTENT),
    }
}

/// An answer without body.
fn empty(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(Full::default());
    *response.status_mut() = status;
    response
}

fn set(response: &mut Response<Body>, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(name, value);
    }
}
