//! An answer, in the shapes that Keycloak's have.

use serde_json::{Value, json};

/// One answer.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Answer {
    pub status: u16,
    pub location: Option<String>,
    /// None is an empty body.
    pub body: Option<Value>,
}

impl Answer {
    /// 200 with this body.
    pub(super) fn ok(body: impl Into<Value>) -> Self {
        Self { status: 200, location: None, body: Some(body.into()) }
    }

    /// 204.
    pub(super) fn no_content() -> Self {
        Self { status: 204, location: None, body: None }
    }

    /// 201 with `Location` and an empty body.
    pub(super) fn created(location: String) -> Self {
        Self { status: 201, location: Some(location), body: None }
    }

    /// `{"error": …}`.
    pub(super) fn error(status: u16, error: &str) -> Self {
        Self { status, location: None, body: Some(json!({ "error": error })) }
    }

    /// `{"errorMessage": …}`, as conflicts have it.
    pub(super) fn error_message(status: u16, message: &str) -> Self {
        Self { status, location: None, body: Some(json!({ "errorMessage": message })) }
    }
}
