//! The tower stack: a request's whole way, in one place.

use std::convert::Infallible;
use std::sync::Arc;

use http::header::AUTHORIZATION;
use http::{HeaderValue, Request, Response};
use hyper::body::{Body as HttpBody, Incoming};
use tower::filter::{AsyncFilterLayer, FilterLayer};
use tower::limit::ConcurrencyLimitLayer;
use tower::load_shed::LoadShedLayer;
use tower::timeout::TimeoutLayer;
use tower::{BoxError, Service, ServiceBuilder};
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::request_id::{MakeRequestId, PropagateRequestIdLayer, RequestId, SetRequestIdLayer};
use tower_http::sensitive_headers::SetSensitiveRequestHeadersLayer;

use crate::config::Server;

use super::access_log::AccessLogLayer;
use super::authenticate::authenticate;
use super::dispatch::DispatchLayer;
use super::handle::handle;
use super::intake::intake;
use super::permit::permit;
use super::rescue::{RescueLayer, internal};
use super::respond;
use super::tenants::Tenants;
use super::watch::Watcher;

const X_REQUEST_ID: &str = "x-request-id";
/// The longest request id that is taken over from a client.
const MAX_REQUEST_ID: usize = 64;

/// The service that answers SCIM requests. It never fails: every failure is an answer. The watcher, if there is one, is
/// told of each request.
pub fn stack(
    tenants: &Arc<Tenants>,
    server: &Server,
    watcher: Option<Watcher>,
) -> impl Service<
    Request<Incoming>,
    Response = Response<impl HttpBody<Data = bytes::Bytes, Error = BoxError> + Send + 'static + use<>>,
    Error = Infallible,
    Future: Send,
>
+ Clone
+ Send
+ 'static
+ use<> {
    ServiceBuilder::new()
        // First of all, so that every line and every call to Keycloak carries the id; a client's own is kept if sane.
        // Whoever looks on tells requests apart by it, so then it must be our own.
        .map_request(drop_request_id_if(if watcher.is_some() { |_| true } else { is_odd }))
        .layer(SetRequestIdLayer::x_request_id(NewRequestId))
        .layer(PropagateRequestIdLayer::x_request_id())
        // Before anything could print the headers.
        .layer(SetSensitiveRequestHeadersLayer::new([AUTHORIZATION]))
        // Outside of all that may answer, so that no answer goes unlogged.
        .layer(AccessLogLayer(watcher))
        // A defect below costs one request, not the process.
        .layer(CatchPanicLayer::custom(|_| respond::error(&internal())))
        // Inside of the log, outside of all that fails: from here up there are only answers.
        .layer(RescueLayer)
        // Shed, then limit: beyond the limit a request is refused at once instead of waiting in a queue.
        .layer(LoadShedLayer::new())
        .layer(ConcurrencyLimitLayer::new(server.max_concurrent_requests))
        // Inside of the limit: what waits for its turn does not use up its time.
        .layer(TimeoutLayer::new(server.request_timeout))
        // 404 and 405 cost no credentials' check; the tenant is chosen for all that follows.
        .layer(DispatchLayer(Arc::clone(tenants)))
        // Before a byte of the body is read.
        .layer(AsyncFilterLayer::new(authenticate(tenants)))
        // Only of a known caller can be said from where, how often and to what it may call; still nothing was read. What
        // strangers send counts for nobody: they could keep the callers out.
        .layer(FilterLayer::new(permit(tenants)))
        // Size, media type, JSON; then the password and what the realm ignores are gone.
        .layer(AsyncFilterLayer::new(intake))
        .service_fn(handle)
}

#[derive(Debug, Clone, Copy)]
struct NewRequestId;

impl MakeRequestId for NewRequestId {
    fn make_request_id<B>(&mut self, _: &Request<B>) -> Option<RequestId> {
        let id = uuid::Uuid::now_v7().to_string();
        HeaderValue::from_str(&id).ok().map(RequestId::new)
    }
}

fn drop_request_id_if(
    unwanted: fn(&HeaderValue) -> bool,
) -> impl Fn(Request<Incoming>) -> Request<Incoming> + Clone {
    move |mut request| {
        if request.headers().get(X_REQUEST_ID).is_some_and(unwanted) {
            request.headers_mut().remove(X_REQUEST_ID);
        }
        request
    }
}

/// A client's request id goes into logs and on to Keycloak, so it must be short and plain.
fn is_odd(id: &HeaderValue) -> bool {
    let id = id.as_bytes();
    let plain = id.iter().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(byte));
    id.is_empty() || id.len() > MAX_REQUEST_ID || !plain
}
