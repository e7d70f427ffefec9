//! The private listener: is the process alive, and is it ready to serve?

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Request, Response, StatusCode};
use http_body_util::Full;
use tower::Service;

/// Tells whether all realms were found ready, or names those that were not.
pub type Readiness = Arc<dyn Fn() -> Result<(), Vec<String>> + Send + Sync>;

/// Answers `/livez` and `/readyz`.
#[derive(Clone)]
pub struct Health(pub Readiness);

impl<B> Service<Request<B>> for Health {
    type Response = Response<Full<Bytes>>;
    type Error = Infallible;
    type Future = Ready<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let (status, text) = match request.uri().path() {
            "/livez" => (StatusCode::OK, "ok\n".to_owned()),
            "/readyz" => match (self.0)() {
                Ok(()) => (StatusCode::OK, "ok\n".to_owned()),
                Err(realms) => {
                    (StatusCode::SERVICE_UNAVAILABLE, format!("not ready: {}\n", realms.join(", ")))
                }
            },
            _ => (StatusCode::NOT_FOUND, "here are /livez and /readyz\n".to_owned()),
        };
        let mut response = Response::new(Full::from(text));
        *response.status_mut() = status;
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
        ready(Ok(response))
    }
}
