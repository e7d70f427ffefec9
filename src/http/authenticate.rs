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

use crate::auth::{self, AuthError};
use crate::directory::Context;

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
    let refuse = |error: &AuthError| {
        record.refused(error.to_string());
        Failure::from(error)
    };
    let Some(tenant) = tenant else { return Err(refuse(&auth::refuse(&given))) };
    let caller = tenant.authenticator.authenticate(&given).await.map_err(|error| refuse(&error))?;
    let id =
        head.extensions.get::<RequestId>().and_then(|id| id.header_value().to_str().ok()).unwrap_or_default();
    let context = Context::new(id, caller.as_ref());
    record.context(&context);
    Ok(Authenticated { tenant, context, operation, head, body, record })
}
