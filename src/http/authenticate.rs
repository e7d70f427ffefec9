//! The authentication layer: from credentials to a caller. Nothing of the body was read before it.

use std::sync::Arc;
use std::task::{Context as TaskContext, Poll};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use http::header::AUTHORIZATION;
use http::request::Parts;
use http::{HeaderValue, Response};
use hyper::body::Incoming;
use tower::{Layer, Service, ServiceExt};
use tower_http::request_id::RequestId;

use crate::auth::AuthError;
use crate::directory::Context;
use crate::scim::{Code, Error};

use super::access_log::Record;
use super::dispatch::Routed;
use super::failure::Failure;
use super::respond::Body;
use super::route::Operation;
use super::tenants::Tenant;

/// A request of a known caller.
#[derive(Debug)]
pub struct Authenticated {
    /// Whose realm.
    pub tenant: Arc<Tenant>,
    /// Who asks.
    pub context: Context,
    /// What is asked.
    pub operation: Operation,
    /// The request's head.
    pub head: Parts,
    /// Its body, not read yet.
    pub body: Incoming,
    /// For the log.
    pub record: Record,
}

/// Authenticates.
#[derive(Debug, Clone, Copy)]
pub struct AuthenticateLayer;

impl<S> Layer<S> for AuthenticateLayer {
    type Service = Authenticate<S>;

    fn layer(&self, inner: S) -> Self::Service {
        Authenticate(inner)
    }
}

/// See [`AuthenticateLayer`].
#[derive(Debug, Clone)]
pub struct Authenticate<S>(S);

impl<S> Service<Routed> for Authenticate<S>
where
    S: Service<Authenticated, Response = Response<Body>, Error = Failure> + Clone + Send + 'static,
    S::Future: Send,
{
    type Response = Response<Body>;
    type Error = Failure;
    type Future = BoxFuture<'static, Result<Response<Body>, Failure>>;

    fn poll_ready(&mut self, _: &mut TaskContext<'_>) -> Poll<Result<(), Failure>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Routed) -> Self::Future {
        let inner = self.0.clone();
        async move { inner.oneshot(authenticate(request).await?).await }.boxed()
    }
}

async fn authenticate(request: Routed) -> Result<Authenticated, Failure> {
    let Routed { tenant, operation, head, body, record } = request;
    let given: Vec<HeaderValue> = head.headers.get_all(AUTHORIZATION).iter().cloned().collect();
    let Some(tenant) = tenant else {
        // As for a wrong token: which realms are served is nobody's business.
        record.refused("the realm is not served".into());
        return Err(refused(!given.is_empty()));
    };
    let caller = match tenant.authenticator.authenticate(&given).await {
        Ok(caller) => caller,
        Err(error @ AuthError::JwksUnavailable(_)) => {
            record.refused(error.to_string());
            tracing::warn!(realm = %tenant.realm, %error, "tokens can't be verified");
            return Err(Failure::Scim(Error::unavailable(
                Code::KeycloakUnreachable,
                "The realm's keys can't be fetched from Keycloak at the moment; repeat the request",
                5,
            )));
        }
        Err(error) => {
            record.refused(error.to_string());
            return Err(refused(!given.is_empty()));
        }
    };
    let id = head.extensions.get::<RequestId>().and_then(|id| id.header_value().to_str().ok()).unwrap_or_default();
    let context = Context::new(id, caller.as_ref());
    record.context(&context);
    Ok(Authenticated { tenant, context, operation, head, body, record })
}

fn refused(given: bool) -> Failure {
    let challenge = if given {
        HeaderValue::from_static("Bearer realm=\"scim\", error=\"invalid_token\"")
    } else {
        HeaderValue::from_static("Bearer realm=\"scim\"")
    };
    Failure::Unauthenticated { challenge, given }
}
