//! What can go wrong in a call to Keycloak, and how Keycloak's own error bodies are read.
//!
//! An error says which call failed by its method and path template, never by ids or query values:
//! those are personal. Of a response body only Keycloak's `errorMessage`, `error`,
//! `error_description` and `field` are kept.

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;

use http::StatusCode;
use serde::Deserialize;
use serde_json::Value;

/// What Keycloak says where no organization has an id.
const NO_ORGANIZATION: &str = "Organization not found.";

/// A result of the Keycloak client.
pub type Result<T> = std::result::Result<T, Error>;

/// Which call failed: the method and the path template, such as `GET users/{id}`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Call {
    /// The HTTP method.
    pub method: &'static str,
    /// The path below the realm, with placeholders instead of values.
    pub path: &'static str,
}

impl Call {
    /// The token request that comes before a call.
    pub(super) const TOKEN: Self = Self { method: "POST", path: "protocol/openid-connect/token" };
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.method, self.path)
    }
}

/// One attribute that the realm's user profile refuses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldError {
    /// The attribute, such as `email`.
    pub field: String,
    /// Keycloak's message key, such as `error-invalid-email`.
    pub message: String,
    /// The message's parameters: the attribute's name first, then limits or the refused value.
    /// Mind that a refused value is personal.
    pub params: Vec<String>,
}

/// Why a call to Keycloak failed.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    /// No connection, or it broke before the whole answer was there.
    #[error("Keycloak can't be reached ({call}): {}", chain(.source.as_ref()))]
    Unreachable {
        /// The call.
        call: Call,
        /// Whether the request may have reached Keycloak; if not, nothing happened there.
        maybe_sent: bool,
        /// What the HTTP client says, without the URL.
        source: Arc<reqwest::Error>,
    },
    /// No answer within the client's timeout; the call may have been carried out all the same.
    #[error("Keycloak did not answer in time ({call})")]
    Timeout {
        /// The call.
        call: Call,
    },
    /// Keycloak refuses our own credentials.
    #[error("Keycloak refuses the credentials of {account} ({call}): {reason}")]
    Unauthorized {
        /// The call: the token request, or one that refused a token fetched a moment ago.
        call: Call,
        /// Whose credentials: `client scimgate`, `administrator admin`.
        account: String,
        /// Keycloak's reason.
        reason: String,
    },
    /// Our account lacks a role.
    #[error("{account} may not do this in Keycloak ({call}): {reason}")]
    Forbidden {
        /// The call.
        call: Call,
        /// Whose roles don't suffice: `client scimgate`, `administrator admin`.
        account: String,
        /// Keycloak's reason.
        reason: String,
    },
    /// There is no such thing.
    #[error("Keycloak finds nothing there ({call}): {message}")]
    NotFound {
        /// The call.
        call: Call,
        /// What is missing, in Keycloak's words, such as `User not found`.
        message: String,
    },
    /// Something with this name exists already.
    #[error("Keycloak reports a conflict ({call}): {message}")]
    Conflict {
        /// The call.
        call: Call,
        /// Keycloak's words, such as `User exists with same username`.
        message: String,
    },
    /// Keycloak refuses the content (400).
    #[error("Keycloak refuses the content ({call}): {message}")]
    Invalid {
        /// The call.
        call: Call,
        /// The attributes that the user profile refuses; empty where it is about something else.
        fields: Vec<FieldError>,
        /// What is wrong: Keycloak's message, or one `field: message` for each refused field.
        message: String,
    },
    /// Too many requests (429), from Keycloak or what stands in front of it.
    #[error("Keycloak asks to slow down ({call})")]
    TooManyRequests {
        /// The call.
        call: Call,
        /// After how many seconds to come back, where the answer said it in seconds.
        retry_after: Option<u64>,
    },
    /// Keycloak, or what stands in front of it, failed (5xx).
    #[error("Keycloak failed with status {status} ({call})")]
    Server {
        /// The call.
        call: Call,
        /// The status.
        status: u16,
    },
    /// A status that this call never has; a redirect, say, because the URL is not Keycloak's.
    #[error("Keycloak answered {call} with status {status}, which is not expected there")]
    Unexpected {
        /// The call.
        call: Call,
        /// The status.
        status: u16,
    },
    /// A success whose content is not what it should be.
    #[error("Keycloak's answer to {call} can't be read: {detail}")]
    Decode {
        /// The call.
        call: Call,
        /// What is wrong with it, without any of its content.
        detail: String,
    },
    /// The answer is larger than this client reads.
    #[error("Keycloak's answer to {call} is larger than {limit} bytes")]
    TooLarge {
        /// The call.
        call: Call,
        /// The limit, in bytes.
        limit: usize,
    },
}

impl Error {
    /// The call that failed.
    #[must_use]
    pub fn call(&self) -> Call {
        match self {
            Self::Unreachable { call, .. }
            | Self::Timeout { call }
            | Self::Unauthorized { call, .. }
            | Self::Forbidden { call, .. }
            | Self::NotFound { call, .. }
            | Self::Conflict { call, .. }
            | Self::Invalid { call, .. }
            | Self::TooManyRequests { call, .. }
            | Self::Server { call, .. }
            | Self::Unexpected { call, .. }
            | Self::Decode { call, .. }
            | Self::TooLarge { call, .. } => *call,
        }
    }

    /// Whether the token request failed, before the call itself was made.
    #[must_use]
    pub fn at_sign_in(&self) -> bool {
        self.call() == Call::TOKEN
    }

    /// Whether the realm itself is missing: ours, or the one that should have issued our token.
    #[must_use]
    pub fn is_realm_missing(&self) -> bool {
        match self {
            Self::NotFound { message, .. } => self.at_sign_in() || message == "Realm not found.",
            _ => false,
        }
    }

    /// Whether the organization itself is missing, or the realm has none because they are switched off there.
    #[must_use]
    pub fn is_organization_missing(&self) -> bool {
        const WORDS: [&str; 2] = [NO_ORGANIZATION, "Organizations not enabled for this realm."];
        matches!(self, Self::NotFound { message, .. } if WORDS.contains(&message.as_str()))
    }

    /// Whether no organization has the id that was asked for.
    pub(super) fn is_no_organization(&self) -> bool {
        matches!(self, Self::NotFound { message, .. } if message == NO_ORGANIZATION)
    }

    /// Whether it is certain that Keycloak never saw the call itself, so that even a create may
    /// be sent again: there was no connection, or not even a token for it.
    #[must_use]
    pub fn never_sent(&self) -> bool {
        self.at_sign_in() || matches!(self, Self::Unreachable { maybe_sent: false, .. })
    }

    /// Whether the same call may succeed in a moment: no connection, 502, 503 or 504.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Unreachable { .. } | Self::Server { status: 502..=504, .. })
    }

    pub(super) fn transport(call: Call, error: reqwest::Error) -> Self {
        let error = error.without_url();
        // A connect timeout counts as unreachable: nothing was sent.
        if error.is_timeout() && !error.is_connect() {
            return Self::Timeout { call };
        }
        Self::Unreachable { call, maybe_sent: !error.is_connect(), source: Arc::new(error) }
    }

    pub(super) fn decode(call: Call, error: &serde_json::Error) -> Self {
        // serde_json's own text quotes the value it stumbled over.
        let detail =
            format!("{:?} error at line {}, column {}", error.classify(), error.line(), error.column());
        Self::Decode { call, detail }
    }

    /// The error that an answer with a status of 300 or more stands for.
    pub(super) fn from_status(
        call: Call,
        account: &str,
        status: StatusCode,
        retry_after: Option<u64>,
        body: &[u8],
    ) -> Self {
        let body = Body::read(body);
        let account = account.to_owned();
        match status.as_u16() {
            400 => {
                let (fields, message) = body.invalid();
                Self::Invalid { call, fields, message }
            }
            401 => Self::Unauthorized { call, account, reason: body.message("no reason given") },
            403 => Self::Forbidden { call, account, reason: body.message("no reason given") },
            404 => Self::NotFound { call, message: body.message("no reason given") },
            409 => Self::Conflict { call, message: body.message("no reason given") },
            429 => Self::TooManyRequests { call, retry_after },
            status @ 500..=599 => Self::Server { call, status },
            status => Self::Unexpected { call, status },
        }
    }
}

/// Keycloak's error bodies, all forms in one: `errorMessage` from the Admin API, `error` from its
/// framework, `error` with `error_description` from OAuth, `field`/`errors` from the user profile.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Body {
    error_message: Option<String>,
    error: Option<String>,
    #[serde(rename = "error_description")]
    error_description: Option<String>,
    field: Option<String>,
    params: Vec<Value>,
    errors: Vec<FieldBody>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct FieldBody {
    field: Option<String>,
    error_message: Option<String>,
    params: Vec<Value>,
}

impl Body {
    /// Reads a body; anything that is not one of Keycloak's (a proxy's HTML page, say) is empty.
    fn read(body: &[u8]) -> Self {
        serde_json::from_slice(body).unwrap_or_default()
    }

    fn message(self, otherwise: &str) -> String {
        self.error_message.or(self.error_description).or(self.error).unwrap_or_else(|| otherwise.to_owned())
    }

    fn invalid(mut self) -> (Vec<FieldError>, String) {
        let mut found = std::mem::take(&mut self.errors);
        if found.is_empty()
            && let Some(field) = self.field.take()
        {
            found.push(FieldBody {
                field: Some(field),
                error_message: self.error_message.take(),
                params: std::mem::take(&mut self.params),
            });
        }
        let fields: Vec<FieldError> = found.into_iter().map(FieldError::from).collect();
        let message = if fields.is_empty() {
            self.message("no reason given")
        } else {
            let each: Vec<String> =
                fields.iter().map(|error| format!("{}: {}", error.field, error.message)).collect();
            each.join("; ")
        };
        (fields, message)
    }
}

impl From<FieldBody> for FieldError {
    fn from(body: FieldBody) -> Self {
        Self {
            field: body.field.unwrap_or_default(),
            message: body.error_message.unwrap_or_default(),
            params: body
                .params
                .into_iter()
                .map(|param| match param {
                    Value::String(text) => text,
                    // Limits come as numbers: {"params":["scim.document",0,65000]}.
                    other => other.to_string(),
                })
                .collect(),
        }
    }
}

/// An error and what caused it, each said once.
fn chain(error: &dyn StdError) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        source = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const CALL: Call = Call { method: "POST", path: "users" };

    fn read(status: u16, body: &str) -> Error {
        let status = StatusCode::from_u16(status).unwrap();
        Error::from_status(CALL, "client scimgate", status, None, body.as_bytes())
    }

    #[test]
    fn reads_one_refused_field() {
        let error =
            read(400, r#"{"field":"email","errorMessage":"error-invalid-email","params":["email","nope"]}"#);
        let Error::Invalid { fields, message, .. } = &error else { panic!("{error:?}") };
        assert_eq!(
            fields,
            &[FieldError {
                field: "email".into(),
                message: "error-invalid-email".into(),
                params: vec!["email".into(), "nope".into()],
            }]
        );
        assert_eq!(message, "email: error-invalid-email");
        assert!(!error.to_string().contains("nope"), "the value is personal: {error}");
    }

    #[test]
    fn reads_several_refused_fields_with_numbers_among_the_params() {
        let error = read(
            400,
            r#"{"errors":[{"field":"username","errorMessage":"error-invalid-length","params":["username",3,255]},
                {"field":"email","errorMessage":"error-user-attribute-required","params":["email"]}]}"#,
        );
        let Error::Invalid { fields, message, .. } = error else { panic!("{error:?}") };
        assert_eq!(fields.len(), 2);
        assert_eq!(fields[0].params, ["username", "3", "255"]);
        assert_eq!(message, "username: error-invalid-length; email: error-user-attribute-required");
    }

    #[test]
    fn reads_a_refusal_that_is_not_about_a_field() {
        let error = read(400, r#"{"errorMessage":"Could not add user role mappings!"}"#);
        let Error::Invalid { fields, message, .. } = error else { panic!("{error:?}") };
        assert!(fields.is_empty());
        assert_eq!(message, "Could not add user role mappings!");
    }

    #[test]
    fn tells_the_statuses_apart() {
        assert!(
            matches!(read(401, r#"{"error":"unauthorized_client","error_description":"Invalid client or Invalid client credentials"}"#),
            Error::Unauthorized { account, reason, .. } if account == "client scimgate" && reason == "Invalid client or Invalid client credentials")
        );
        assert!(matches!(read(403, r#"{"error":"HTTP 403 Forbidden"}"#), Error::Forbidden { .. }));
        assert!(matches!(read(404, r#"{"error":"User not found"}"#),
            Error::NotFound { message, .. } if message == "User not found"));
        assert!(matches!(read(409, r#"{"errorMessage":"User exists with same email"}"#),
            Error::Conflict { message, .. } if message == "User exists with same email"));
        assert!(matches!(read(503, "<html>"), Error::Server { status: 503, .. }));
        assert!(matches!(read(302, ""), Error::Unexpected { status: 302, .. }));
    }

    #[test]
    fn keeps_no_body_that_is_not_keycloaks() {
        assert_eq!(
            read(404, "<html>secret</html>").to_string(),
            "Keycloak finds nothing there (POST users): no reason given"
        );
    }

    #[test]
    fn decoding_errors_quote_nothing() {
        let error = serde_json::from_str::<u64>(r#""babs@example.com""#).unwrap_err();
        assert!(!Error::decode(CALL, &error).to_string().contains("babs"));
    }

    #[test]
    fn tells_a_missing_realm_from_a_missing_thing() {
        assert!(read(404, r#"{"error":"Realm not found."}"#).is_realm_missing());
        assert!(!read(404, r#"{"error":"User not found"}"#).is_realm_missing());
        let body = br#"{"error":"Realm does not exist"}"#;
        let error = Error::from_status(Call::TOKEN, "client x", StatusCode::NOT_FOUND, None, body);
        assert!(error.at_sign_in() && error.is_realm_missing() && error.never_sent());
    }
}
