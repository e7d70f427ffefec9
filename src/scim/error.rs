//! A failure as an error message (RFC 7644 section 3.12): status, `scimType`, a detail for the administrator and a code.

use std::fmt;

use serde_json::{Value, json};

pub use super::code::{Code, ScimType};

/// The schema URN of an error message.
pub const ERROR_URN: &str = "urn:ietf:params:scim:api:messages:2.0:Error";

/// A failure as a SCIM client sees it.
///
/// The detail names attributes and ids, never the values of personal attributes, so that it may be logged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    /// The HTTP status, 304 or 400 to 599.
    pub status: u16,
    /// The RFC's keyword, where it has one.
    pub scim_type: Option<ScimType>,
    /// The stable code.
    pub code: Code,
    /// What is wrong and what to do, without the code.
    pub detail: String,
    /// Whole seconds after which a repetition makes sense.
    pub retry_after: Option<u64>,
}

impl Error {
    /// An error without `scimType`.
    pub fn new(status: u16, code: Code, detail: impl Into<String>) -> Self {
        Self { status, scim_type: None, code, detail: detail.into(), retry_after: None }
    }

    /// A 400 with its keyword.
    pub fn bad(scim_type: ScimType, code: Code, detail: impl Into<String>) -> Self {
        Self { scim_type: Some(scim_type), ..Self::new(400, code, detail) }
    }

    /// 409 `uniqueness`.
    pub fn conflict(code: Code, detail: impl Into<String>) -> Self {
        Self { scim_type: Some(ScimType::Uniqueness), ..Self::new(409, code, detail) }
    }

    /// 404 for a resource that is not there, or not for this caller: both are said alike.
    pub fn not_found(id: &str) -> Self {
        // An id that came from outside is repeated only if it can't be anything but an id.
        let plain = id.len() <= 64 && id.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
        let which = if plain { format!("Resource {id} not found") } else { "Resource not found".into() };
        Self::new(404, Code::NotFound, which)
    }

    /// 503 with `Retry-After`.
    pub fn unavailable(code: Code, detail: impl Into<String>, retry_after: u64) -> Self {
        Self { retry_after: Some(retry_after), ..Self::new(503, code, detail) }
    }

    /// The error message of RFC 7644 section 3.12.
    pub fn body(&self) -> Value {
        let mut body = json!({ "schemas": [ERROR_URN], "status": self.status.to_string() });
        if let (Some(scim_type), Some(map)) = (self.scim_type, body.as_object_mut()) {
            map.insert("scimType".into(), scim_type.keyword().into());
        }
        if let Some(map) = body.as_object_mut() {
            map.insert("detail".into(), self.to_string().into());
        }
        body
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} [{}]", self.detail.trim_end_matches('.'), self.code.as_str())
    }
}

impl std::error::Error for Error {}
