//! The one place where failures become answers.

use std::convert::Infallible;
use std::task::{Context, Poll};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use http::Response;
use tower::load_shed::error::Overloaded;
use tower::timeout::error::Elapsed;
use tower::{BoxError, Layer, Service};

use crate::scim::{Code, Error};

use super::failure::Failure;
use super::respond::{self, Body};

/// Makes any failure of the layers below a SCIM error.
#[derive(Debug, Clone, Copy)]
pub struct RescueLayer;

impl<S> Layer<S> for RescueLayer {
    type Service = Rescue<S>;

    fn layer(&self, inner: S) -> Self::Service {
        Rescue(inner)
    }
}

/// See [`RescueLayer`].
#[derive(Debug, Clone)]
pub struct Rescue<S>(S);

impl<S, R> Service<R> for Rescue<S>
where
    S: Service<R, Response = Response<Body>, Error = BoxError>,
    S::Future: Send + 'static,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        // Load shedding makes what is below always ready; an error here would only come again from the call.
        self.0.poll_ready(context).map(|_| Ok(()))
    }

    fn call(&mut self, request: R) -> Self::Future {
        let answer = self.0.call(request);
        async move { Ok(answer.await.unwrap_or_else(|error| answer_to(&error))) }.boxed()
    }
}

fn answer_to(error: &BoxError) -> Response<Body> {
    if let Some(failure) = error.downcast_ref::<Failure>() {
        return failure.answer();
    }
    let error = if error.is::<Overloaded>() {
        Error::unavailable(Code::Overloaded, "The gateway has too many requests at once; repeat this one", 1)
    } else if error.is::<Elapsed>() {
        Error::unavailable(
            Code::TimedOut,
            "The request took too long; repeat it: what was begun is carried out to its end",
            5,
        )
    } else {
        tracing::error!(%error, "an unexpected failure");
        internal()
    };
    respond::error(&error)
}

/// The answer to a defect.
pub fn internal() -> Error {
    Error::new(500, Code::Internal, "The gateway failed; its log has the details")
}
