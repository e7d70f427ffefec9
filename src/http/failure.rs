//! Failures of every layer, typed: one rescue turns them into answers.

use http::header::{ALLOW, WWW_AUTHENTICATE};
use http::{HeaderValue, Response};

use crate::auth::AuthError;
use crate::scim::{Code, Error};

use super::respond::{self, Body};
use super::route::RouteError;

/// Why a request was not carried out.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Failure {
    /// SCIM's own.
    #[error(transparent)]
    Scim(#[from] Error),
    /// No credentials, or none that are accepted.
    #[error("not authenticated")]
    Unauthenticated {
        /// The `WWW-Authenticate` headers.
        challenges: Vec<HeaderValue>,
        /// What the caller may know of the reason.
        detail: &'static str,
    },
    /// No such path, or not with this method.
    #[error("no such route")]
    Route(RouteError),
}

impl From<&AuthError> for Failure {
    fn from(error: &AuthError) -> Self {
        match error {
            AuthError::JwksUnavailable(_) => {
                Self::Scim(Error::unavailable(Code::KeycloakUnreachable, error.detail(), 5))
            }
            AuthError::IssuerUnavailable { .. } => {
                Self::Scim(Error::unavailable(Code::IssuerUnreachable, error.detail(), 5))
            }
            // Whoever is refused here was not looked at; nothing is wrong with the credentials.
            AuthError::Busy => Self::Scim(Error::unavailable(Code::Overloaded, error.detail(), 1)),
            AuthError::Missing
            | AuthError::Malformed(_)
            | AuthError::UnknownToken
            | AuthError::WrongPassword
            | AuthError::ExpiredSecret { .. }
            | AuthError::Jwt(_) => {
                Self::Unauthenticated { challenges: error.www_authenticate(), detail: error.detail() }
            }
        }
    }
}

impl Failure {
    /// The answer.
    pub fn answer(&self) -> Response<Body> {
        match self {
            Self::Scim(error) => respond::error(error),
            Self::Unauthenticated { challenges, detail } => {
                let mut response = respond::error(&Error::new(401, Code::Unauthenticated, *detail));
                for challenge in challenges {
                    response.headers_mut().append(WWW_AUTHENTICATE, challenge.clone());
                }
                response
            }
            Self::Route(RouteError::Unknown) => respond::error(&Error::new(
                404,
                Code::UnknownEndpoint,
                "Nothing is served at this path; SCIM is at /realms/{realm}/scim/v2",
            )),
            Self::Route(RouteError::Method { allow }) => {
                let detail = format!("This path takes {allow}");
                let mut response = respond::error(&Error::new(405, Code::MethodNotAllowed, detail));
                response.headers_mut().insert(ALLOW, HeaderValue::from_static(allow));
                response
            }
        }
    }
}
