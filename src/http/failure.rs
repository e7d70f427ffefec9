//! Failures of every layer, typed: one rescue turns them into answers.

use http::header::{ALLOW, WWW_AUTHENTICATE};
use http::{HeaderValue, Response};

use crate::scim::{Code, Error};

use super::respond::{self, Body};
use super::route::RouteError;

/// Why a request was not carried out.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Failure {
    /// SCIM's own.
    #[error(transparent)]
    Scim(#[from] Error),
    /// No credentials, or none that are accepted; alike for every reason, so that nothing leaks.
    #[error("not authenticated")]
    Unauthenticated {
        /// The challenge.
        challenge: HeaderValue,
        /// Were there any?
        given: bool,
    },
    /// No such path, or not with this method.
    #[error("no such route")]
    Route(RouteError),
}

impl Failure {
    /// The answer.
    pub fn answer(&self) -> Response<Body> {
        match self {
            Self::Scim(error) => respond::error(error),
            Self::Unauthenticated { challenge, given } => {
                let detail = if *given {
                    "The credentials are not accepted; the gateway's log says why"
                } else {
                    "The request needs an Authorization header with a bearer token"
                };
                let mut response = respond::error(&Error::new(401, Code::Unauthenticated, detail));
                response.headers_mut().insert(WWW_AUTHENTICATE, challenge.clone());
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
