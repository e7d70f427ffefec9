//! SCIM errors (RFC 7644 section 3.12): status, `scimType`, a detail for the administrator and a stable code.

use std::fmt;

use serde_json::{Value, json};

/// The schema URN of an error message.
pub const ERROR_URN: &str = "urn:ietf:params:scim:api:messages:2.0:Error";

/// The `scimType` keywords of RFC 7644 table 9.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScimType {
    /// The filter is malformed or compares what can't be compared.
    InvalidFilter,
    /// The query would have to look at more resources than the server is willing to.
    TooMany,
    /// A value that must be unique is taken.
    Uniqueness,
    /// The attribute can't be changed in the way that was asked.
    Mutability,
    /// The message's structure is wrong.
    InvalidSyntax,
    /// A PATCH path is malformed or names no known attribute.
    InvalidPath,
    /// A PATCH path selects nothing to operate on.
    NoTarget,
    /// A value is missing, of the wrong type, or not acceptable.
    InvalidValue,
}

impl ScimType {
    /// The keyword as it stands in the error message.
    pub fn keyword(self) -> &'static str {
        match self {
            Self::InvalidFilter => "invalidFilter",
            Self::TooMany => "tooMany",
            Self::Uniqueness => "uniqueness",
            Self::Mutability => "mutability",
            Self::InvalidSyntax => "invalidSyntax",
            Self::InvalidPath => "invalidPath",
            Self::NoTarget => "noTarget",
            Self::InvalidValue => "invalidValue",
        }
    }
}

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $text:literal,)+) => {
        /// Stable codes: every `detail` ends in one, in brackets. A code, once published, keeps its meaning.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Code { $($(#[$doc])* $name,)+ }
        impl Code {
            /// All codes, in the order of their definition.
            pub const ALL: &[Self] = &[$(Self::$name,)+];
            /// The code as it stands at the end of a `detail`.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)+ }
            }
        }
    };
}

codes! {
    /// The body is not JSON.
    MalformedJson = "malformed-json",
    /// The body is JSON, but not the message that was expected.
    WrongMessage = "wrong-message",
    /// The request has no body where it needs one.
    MissingBody = "missing-body",
    /// The `Content-Type` is not one of SCIM's.
    WrongContentType = "wrong-content-type",
    /// The body is larger than the configuration allows.
    BodyTooLarge = "body-too-large",
    /// The body stopped arriving.
    BodyUnreadable = "body-unreadable",
    /// A value has the wrong JSON type.
    WrongType = "wrong-type",
    /// A required attribute is missing or empty.
    RequiredMissing = "required-missing",
    /// A value is not acceptable.
    UnacceptableValue = "unacceptable-value",
    /// A value, or all values together, are longer than can be stored.
    ValueTooLong = "value-too-long",
    /// A PATCH that would take too long.
    TooMuchWork = "too-much-work",
    /// An attribute that no served schema has, where the configuration refuses such.
    UnknownAttribute = "unknown-attribute",
    /// An attribute that the configuration refuses.
    RefusedAttribute = "refused-attribute",
    /// The attribute can't be changed by a client.
    ReadOnlyAttribute = "read-only-attribute",
    /// Keycloak does not let this attribute be changed.
    ReadOnlyInKeycloak = "read-only-in-keycloak",
    /// A PATCH path that can't be read.
    MalformedPath = "malformed-path",
    /// A PATCH operation without the target it needs.
    MissingTarget = "missing-target",
    /// A filter that can't be read.
    MalformedFilter = "malformed-filter",
    /// A filter on an attribute that can't be filtered by.
    UnfilterableAttribute = "unfilterable-attribute",
    /// A filter that would need a look at too many resources.
    ScanLimit = "scan-limit",
    /// A query parameter that can't be read.
    BadQuery = "bad-query",
    /// No such resource for this caller.
    NotFound = "not-found",
    /// No such path.
    UnknownEndpoint = "unknown-endpoint",
    /// The path does not take this method.
    MethodNotAllowed = "method-not-allowed",
    /// A part of SCIM that is not served.
    NotImplemented = "not-implemented",
    /// The userName is taken by a user that this gateway does not manage.
    UnmanagedUserExists = "unmanaged-user-exists",
    /// The userName or e-mail is taken by another managed user.
    UserExists = "user-exists",
    /// The e-mail is taken by another user.
    EmailExists = "email-exists",
    /// `If-Match` names another version.
    VersionMismatch = "version-mismatch",
    /// Keycloak refuses that the user be disabled.
    NotDeactivated = "not-deactivated",
    /// The user has administrative power in Keycloak.
    ProtectedUser = "protected-user",
    /// The stored document was written by a newer version.
    UnknownFormat = "unknown-format",
    /// No credentials, or wrong ones.
    Unauthenticated = "unauthenticated",
    /// Keycloak can't be reached.
    KeycloakUnreachable = "keycloak-unreachable",
    /// Keycloak refuses the gateway's own credentials or permissions.
    KeycloakRefused = "keycloak-refused",
    /// Keycloak answered in an unexpected way.
    KeycloakFailed = "keycloak-failed",
    /// The realm is not set up for the gateway.
    RealmNotReady = "realm-not-ready",
    /// Too much at once.
    Overloaded = "overloaded",
    /// The request took too long.
    TimedOut = "timed-out",
    /// A defect of the gateway.
    Internal = "internal",
}

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
