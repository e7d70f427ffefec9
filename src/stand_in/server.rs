//! The loopback server: reads a request, lets faults have it, carries it out, answers.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use http::{HeaderValue, Response, StatusCode, header};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full, Limited, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use super::Shared;
use super::answer::Answer;
use super::faults::Fault;
use super::request::Request;
use super::routes;

/// The largest body that is read, in bytes.
const MAX_BODY: usize = 16 * 1024 * 1024;

type Body = BoxBody<Bytes, io::Error>;

/// Serves until its task is aborted, which closes all connections.
pub(super) async fn serve(listener: TcpListener, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(connection(stream, Arc::clone(&shared)));
                }
                Err(error) => {
                    tracing::debug!(%error, "the stand-in can't accept a connection");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            },
            Some(_ended) = connections.join_next() => {}
        }
    }
}

async fn connection(stream: TcpStream, shared: Arc<Shared>) {
    let _unimportant = stream.set_nodelay(true);
    // A second handle, to make a reset of the close.
    let handle = stream.as_fd().try_clone_to_owned().ok().map(Arc::new);
    let service = service_fn(move |request| answer(request, Arc::clone(&shared), handle.clone()));
    if let Err(error) = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await {
        tracing::debug!(%error, "a connection of the stand-in ended early");
    }
}

async fn answer(
    request: http::Request<Incoming>,
    shared: Arc<Shared>,
    handle: Option<Arc<OwnedFd>>,
) -> io::Result<Response<Body>> {
    let (head, body) = request.into_parts();
    let body = Limited::new(body, MAX_BODY).collect().await.map_err(io::Error::other)?.to_bytes();
    let fault = shared.faults.meets(&head.method, head.uri.path_and_query().map_or("", |path| path.as_str()));
    let request = Request::new(head.method, &head.uri, head.headers, body);
    let latency = *shared.latency.lock().unwrap_or_else(PoisonError::into_inner);
    if !latency.is_zero() {
        tokio::time::sleep(latency).await;
    }
    let carry_out = move || {
        let mut world = shared.world.lock().unwrap_or_else(PoisonError::into_inner);
        routes::route(&mut world, &request)
    };
    match fault {
        None => render(carry_out()),
        Some(Fault::Status(status, body)) => {
            let body = Full::new(Bytes::from(body)).map_err(|never| match never {}).boxed();
            response(status, None, body)
        }
        Some(Fault::DelayBefore(delay)) => {
            // In a task of its own, since this one ends when the client hangs up, and Keycloak goes on all the same.
            let late = tokio::spawn(async move {
                tokio::time::sleep(delay).await;
                carry_out()
            });
            render(late.await.map_err(io::Error::other)?)
        }
        Some(Fault::DelayAfter(delay)) => {
            let answer = carry_out();
            tokio::time::sleep(delay).await;
            render(answer)
        }
        Some(Fault::ResetBefore) => Err(reset(handle)),
        Some(Fault::ResetAfter) => {
            carry_out();
            Err(reset(handle))
        }
        Some(Fault::Truncate) => truncated(carry_out()),
    }
}

/// Lets the close that follows throw away what is under way, as a crashed host's does.
fn reset(handle: Option<Arc<OwnedFd>>) -> io::Error {
    if let Some(handle) = handle {
        let _unimportant = socket2::SockRef::from(&handle).set_linger(Some(Duration::ZERO));
    }
    io::Error::from(io::ErrorKind::ConnectionReset)
}

fn render(answer: Answer) -> io::Result<Response<Body>> {
    let body = answer.body.as_ref().map(ToString::to_string).unwrap_or_default();
    let body = Full::new(Bytes::from(body)).map_err(|never| match never {}).boxed();
    response(answer.status, answer.location.as_deref(), body)
}

fn truncated(answer: Answer) -> io::Result<Response<Body>> {
    let whole = answer.body.as_ref().map(ToString::to_string).unwrap_or_default();
    // Also an empty answer promises something that does not come.
    let promised = whole.len().max(2);
    let half = Bytes::from(whole).slice(..promised / 2 - usize::from(promised == 2));
    let half = stream::once(async { Ok(Frame::data(half)) });
    let end = stream::once(async {
        // The half is sent while the rest is waited for.
        tokio::task::yield_now().await;
        Err(io::Error::from(io::ErrorKind::ConnectionAborted))
    });
    let body = BodyExt::boxed(StreamBody::new(half.chain(end)));
    let mut response = response(answer.status, answer.location.as_deref(), body)?;
    response.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from(promised));
    Ok(response)
}

fn response(status: u16, location: Option<&str>, body: Body) -> io::Result<Response<Body>> {
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::from_u16(status).map_err(io::Error::other)?;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    if let Some(location) = location {
        headers.insert(header::LOCATION, HeaderValue::from_str(location).map_err(io::Error::other)?);
    }
    Ok(response)
}
