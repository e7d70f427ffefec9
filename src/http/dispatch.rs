//! The routing layer: from a path to a tenant and what is asked of it.

use std::sync::Arc;
use std::task::{Context, Poll};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use http::request::Parts;
use http::{Request, Response};
use hyper::body::Incoming;
use tower::{BoxError, Layer, Service, ServiceExt};

use super::access_log::Record;
use super::failure::Failure;
use super::respond::Body;
use super::route::{Operation, Route};
use super::tenants::{Tenant, Tenants};
use super::token_endpoint;

/// A request whose path and method are known, and its tenant; none where the realm is not served, which the next layer
/// answers as it answers wrong credentials.
#[derive(Debug)]
pub struct Routed {
    /// Held for the whole request, so that nothing tears it.
    pub tenant: Option<Arc<Tenant>>,
    /// What is asked.
    pub operation: Operation,
    /// The request's head.
    pub head: Parts,
    /// Its body, not read yet.
    pub body: Incoming,
    /// For the log.
    pub record: Record,
}

/// Routes.
#[derive(Debug, Clone)]
pub struct DispatchLayer(pub Arc<Tenants>);

impl<S> Layer<S> for DispatchLayer {
    type Service = Dispatch<S>;

    fn layer(&self, inner: S) -> Self::Service {
        Dispatch { tenants: Arc::clone(&self.0), inner }
    }
}

/// See [`DispatchLayer`].
#[derive(Debug, Clone)]
pub struct Dispatch<S> {
    tenants: Arc<Tenants>,
    inner: S,
}

impl<S> Service<Request<Incoming>> for Dispatch<S>
where
    S: Service<Routed, Response = Response<Body>, Error = BoxError> + Clone + Send + 'static,
    S::Future: Send,
{
    type Response = Response<Body>;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<Response<Body>, BoxError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Incoming>) -> Self::Future {
        let (head, body) = request.into_parts();
        let record = head.extensions.get::<Record>().cloned().unwrap_or_default();
        let inner = self.inner.clone();
        let tenants = Arc::clone(&self.tenants);
        async move {
            match Route::parse(&head.method, head.uri.path()).map_err(Failure::Route)? {
                Route::Token { realm } => {
                    let tenant = tenants.get(&realm, None);
                    record.operation(tenant.as_deref(), "token");
                    let endpoint = tenant.as_ref().and_then(|tenant| tenant.token_endpoint.as_ref());
                    Ok(token_endpoint::answer(endpoint, &tenants, &head, body, &record).await)
                }
                Route::Scim { realm, organization, operation } => {
                    let tenant = tenants.get(&realm, organization.as_deref());
                    record.operation(tenant.as_deref(), operation.name());
                    inner.oneshot(Routed { tenant, operation, head, body, record }).await
                }
            }
        }
        .boxed()
    }
}
