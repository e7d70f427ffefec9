//! The body layer: limits, JSON, then sanitizing. A password is gone from here on.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, EXPECT, IF_MATCH, IF_NONE_MATCH};
use http::request::Parts;
use http::{HeaderName, HeaderValue};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::Incoming;
use serde_json::Value;
use tower::BoxError;

use crate::directory::Context;
use crate::engine::{Conditions, Engine};
use crate::scim::{Code, Error, Object, Policy, ResourceType, ScimType, dropped, sanitize};
use crate::telemetry::Mask;
use crate::{dialects, scim};

use super::access_log::Record;
use super::authenticate::Authenticated;
use super::failure::Failure;
use super::route::{Collection, Operation};
use super::tenants::Tenant;

/// How much of a body that is too large is read on, in bytes.
const DRAIN_BYTES: usize = 16 * 1024 * 1024;
/// And for how long.
const DRAIN_TIME: Duration = Duration::from_secs(2);

/// What is to be done, with the sanitized body where one belongs to it.
#[derive(Debug)]
pub enum Command {
    /// Lists resources; the parameters come from the query or from a search request.
    List(Collection),
    /// Creates one.
    Create(Collection, Object),
    /// Reads one.
    Get(Collection, String),
    /// Replaces one.
    Replace(Collection, String, Object),
    /// Patches one.
    Patch(Collection, String, Object),
    /// Deletes one.
    Delete(Collection, String),
    /// What needs neither body nor directory.
    Plain(Operation),
}

/// A request as the engine's side needs it.
#[derive(Debug)]
pub struct ScimRequest {
    /// Whose realm.
    pub tenant: Arc<Tenant>,
    /// Who asks.
    pub context: Context,
    /// What is to be done.
    pub command: Command,
    /// The query parameters.
    pub parameters: Vec<(String, String)>,
    /// `If-Match` and `If-None-Match`.
    pub conditions: Conditions,
    /// For the log.
    pub record: Record,
}

/// Reads and sanitizes bodies, within the tenant's limit.
///
/// # Errors
/// [`Failure`], with the SCIM error.
pub async fn intake(request: Authenticated) -> Result<ScimRequest, BoxError> {
    Ok(take_in(request).await.map_err(Failure::from)?)
}

async fn take_in(request: Authenticated) -> Result<ScimRequest, Error> {
    let Authenticated { tenant, context, operation, head, body, record } = request;
    let (max_body_bytes, mask) = (tenant.max_body_bytes, tenant.mask);
    let mut parameters: Vec<(String, String)> =
        form_urlencoded::parse(head.uri.query().unwrap_or_default().as_bytes()).into_owned().collect();
    let engine = &tenant.engine;
    let command = match operation {
        Operation::Create(of) => {
            let body = read_object(&head, body, max_body_bytes).await?;
            Command::Create(of, resource(engine, of, body, &record, mask)?)
        }
        Operation::Replace(of, id) => {
            record.resource(&id);
            let body = read_object(&head, body, max_body_bytes).await?;
            Command::Replace(of, id, resource(engine, of, body, &record, mask)?)
        }
        Operation::Patch(of, id) => {
            record.resource(&id);
            let body = read_object(&head, body, max_body_bytes).await?;
            Command::Patch(of, id, patch(engine, of, body, &record)?)
        }
        Operation::Search(of) => {
            parameters = search_parameters(read_object(&head, body, max_body_bytes).await?)?;
            Command::List(of)
        }
        Operation::List(of) => Command::List(of),
        Operation::Get(of, id) => {
            record.resource(&id);
            Command::Get(of, id)
        }
        Operation::Delete(of, id) => {
            record.resource(&id);
            Command::Delete(of, id)
        }
        plain => Command::Plain(plain),
    };
    let header =
        |name: HeaderName| head.headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let conditions = Conditions { if_match: header(IF_MATCH), if_none_match: header(IF_NONE_MATCH) };
    Ok(ScimRequest { tenant, context, command, parameters, conditions, record })
}

/// What the bodies of a collection are sanitized and made plain by.
fn terms(engine: &Engine, of: Collection) -> (&ResourceType, &Policy) {
    match of {
        Collection::Users => (engine.user(), &engine.settings().policy),
        Collection::Groups => (engine.group(), &engine.settings().group_policy),
    }
}

/// The body of a POST or PUT, sanitized and plain.
fn resource(
    engine: &Engine,
    of: Collection,
    mut body: Object,
    record: &Record,
    mask: Mask,
) -> Result<Object, Error> {
    let (resource_type, policy) = terms(engine, of);
    record.dropped(sanitize::resource(&resource_type.core.id, &mut body, policy)?);
    let sent = record.is_watched().then(|| body.clone());
    dialects::resource(resource_type, &mut body);
    if let Some(sent) = sent {
        record.understood(dropped::in_resource(resource_type, &body), dialects::changes(&sent, &body));
    }
    // A group's name is no person's, but may say more than the log should: its id is enough.
    if of == Collection::Users {
        note_user_name(record, &body, mask);
    }
    Ok(body)
}

/// The body of a PATCH, likewise.
fn patch(engine: &Engine, of: Collection, mut body: Object, record: &Record) -> Result<Object, Error> {
    let (resource_type, policy) = terms(engine, of);
    record.dropped(sanitize::patch(&resource_type.core.id, &mut body, policy)?);
    let sent = record.is_watched().then(|| body.clone());
    dialects::patch(resource_type, &mut body);
    if let Some(sent) = sent {
        record.understood(dropped::in_patch(resource_type, &body), dialects::changes(&sent, &body));
    }
    Ok(body)
}

fn note_user_name(record: &Record, body: &Object, mask: Mask) {
    let name =
        body.iter().find(|(key, _)| key.eq_ignore_ascii_case("userName")).and_then(|(_, name)| name.as_str());
    if let Some(name) = name {
        record.user_name(mask.mask(name));
    }
}

/// The body as a JSON object.
async fn read_object(head: &Parts, body: Incoming, limit: usize) -> Result<Object, Error> {
    if let Err(error) = check_media_type(head) {
        drain(head, body).await;
        return Err(error);
    }
    let bytes = read_bytes(head, body, limit).await?;
    let malformed = |detail: String| Error::bad(ScimType::InvalidSyntax, Code::MalformedJson, detail);
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Err(Error::bad(ScimType::InvalidSyntax, Code::MissingBody, "The request needs a JSON body"));
    }
    // serde_json's message names a place and what was expected there, never a value; 128 levels are its bound.
    match serde_json::from_slice(&bytes) {
        Ok(Value::Object(object)) => Ok(object),
        Ok(_) => Err(malformed("The body must be a JSON object".into())),
        Err(error) => Err(malformed(format!("The body is not valid JSON: {error}"))),
    }
}

/// The body's bytes, up to the limit.
pub(super) async fn read_bytes(head: &Parts, mut body: Incoming, limit: usize) -> Result<Bytes, Error> {
    let too_large = || Error::new(413, Code::BodyTooLarge, format!("The body is larger than {limit} bytes"));
    let declared =
        head.headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    if declared.is_some_and(|length| length > limit as u64) {
        drain(head, body).await;
        return Err(too_large());
    }
    match Limited::new(&mut body, limit).collect().await {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => {
            drain(head, body).await;
            Err(too_large())
        }
        Err(_) => Err(Error::new(400, Code::BodyUnreadable, "The body could not be read to its end")),
    }
}

/// Reads on for a while and keeps nothing. A connection that is closed with bytes unread is reset, and a client that is
/// still sending would see that instead of the answer.
async fn drain(head: &Parts, mut body: Incoming) {
    // Who waits for "100 Continue" sends nothing, and must not be asked to.
    if head.headers.contains_key(EXPECT) {
        return;
    }
    let mut left = DRAIN_BYTES;
    let rest = async {
        while let Some(Ok(frame)) = body.frame().await {
            left = left.saturating_sub(frame.data_ref().map_or(0, Bytes::len));
            if left == 0 {
                break;
            }
        }
    };
    // Whoever sends more, or slower, can't be helped.
    let _too_slow = tokio::time::timeout(DRAIN_TIME, rest).await;
}

/// SCIM's own media type, or JSON as Okta's tests and Google send it; UTF-8; not compressed.
fn check_media_type(head: &Parts) -> Result<(), Error> {
    let wrong = |detail: &str| Err(Error::new(415, Code::WrongContentType, detail));
    let text = |value: &HeaderValue| value.to_str().unwrap_or_default().trim().to_ascii_lowercase();
    if head.headers.get(CONTENT_ENCODING).map(text).is_some_and(|encoding| encoding != "identity") {
        return wrong("Compressed bodies are not taken");
    }
    let Some(content_type) = head.headers.get(CONTENT_TYPE).map(text) else { return Ok(()) };
    let mut parts = content_type.split(';').map(str::trim);
    if !matches!(parts.next(), Some("application/scim+json" | "application/json")) {
        return wrong("The Content-Type must be application/scim+json or application/json");
    }
    let charset = parts.find_map(|parameter| parameter.strip_prefix("charset="));
    if charset.is_some_and(|charset| charset.trim_matches('"') != "utf-8") {
        return wrong("The body must be in UTF-8");
    }
    Ok(())
}

/// A search request (RFC 7644 section 3.4.3) says in its body what a GET says in its query.
fn search_parameters(body: Object) -> Result<Vec<(String, String)>, Error> {
    let mut parameters = Vec::new();
    for (key, value) in body {
        let text = match value {
            Value::Null => continue,
            Value::String(text) => text,
            Value::Number(number) => number.to_string(),
            Value::Array(names) if names.iter().all(Value::is_string) => {
                names.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(",")
            }
            _ if key.eq_ignore_ascii_case("schemas") => continue,
            _ => {
                let key = scim::resource::printable(&key);
                let detail = format!("The member {key} of the search request has the wrong type");
                return Err(Error::bad(ScimType::InvalidSyntax, Code::WrongType, detail));
            }
        };
        parameters.push((key, text));
    }
    Ok(parameters)
}
