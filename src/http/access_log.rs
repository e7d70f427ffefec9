//! One line in the log for each request, also for one whose client hung up.

use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context as TaskContext, Poll};
use std::time::Instant;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use http::{Request, Response};
use tower::{Layer, Service};
use tower_http::request_id::RequestId;

use crate::config::RealmName;
use crate::directory::Context;

use super::respond::Failed;

/// What the layers learn of a request while it goes down the stack; the log line is made of it.
#[derive(Debug, Clone, Default)]
pub struct Record(Arc<Mutex<Learned>>);

#[derive(Debug, Default)]
struct Learned {
    realm: Option<String>,
    operation: Option<&'static str>,
    context: Option<Context>,
    resource: Option<String>,
    user_name: Option<String>,
    dropped: Vec<String>,
    refused: Option<String>,
}

impl Record {
    fn with(&self, learn: impl FnOnce(&mut Learned)) {
        learn(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// The realm and what is asked of it. A realm that is not served is not named: a stranger may write anything there.
    pub fn operation(&self, realm: Option<&RealmName>, operation: &'static str) {
        self.with(|learned| {
            learned.realm = Some(realm.map_or_else(|| "(not served)".to_owned(), ToString::to_string));
            learned.operation = Some(operation);
        });
    }

    /// Who asks; the calls are counted there.
    pub fn context(&self, context: &Context) {
        self.with(|learned| learned.context = Some(context.clone()));
    }

    /// The id of the resource. What can't be an id may be a name, which has no place in the log.
    pub fn resource(&self, id: &str) {
        let plain = id.len() <= 64 && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        let shown = if plain { id } else { "(not an id)" };
        self.with(|learned| learned.resource = Some(shown.to_owned()));
    }

    /// The user's name, masked as the configuration says.
    pub fn user_name(&self, masked: String) {
        self.with(|learned| learned.user_name = Some(masked));
    }

    /// The names of attributes that went no further.
    pub fn dropped(&self, names: Vec<String>) {
        self.with(|learned| learned.dropped = names);
    }

    /// Why credentials were not accepted.
    pub fn refused(&self, reason: String) {
        self.with(|learned| learned.refused = Some(reason));
    }
}

/// Writes the line.
#[derive(Debug, Clone, Copy)]
pub struct AccessLogLayer;

impl<S> Layer<S> for AccessLogLayer {
    type Service = AccessLog<S>;

    fn layer(&self, inner: S) -> Self::Service {
        AccessLog(inner)
    }
}

/// See [`AccessLogLayer`].
#[derive(Debug, Clone)]
pub struct AccessLog<S>(S);

impl<S, B, A> Service<Request<B>> for AccessLog<S>
where
    S: Service<Request<B>, Response = Response<A>>,
    S::Future: Send + 'static,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = BoxFuture<'static, Result<S::Response, S::Error>>;

    fn poll_ready(&mut self, context: &mut TaskContext<'_>) -> Poll<Result<(), S::Error>> {
        self.0.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        let id = request.extensions().get::<RequestId>();
        let id = id.and_then(|id| id.header_value().to_str().ok()).unwrap_or_default().to_owned();
        let record = Record::default();
        request.extensions_mut().insert(record.clone());
        let mut line = Line {
            id,
            method: request.method().as_str().to_owned(),
            record,
            began: Instant::now(),
            done: false,
        };
        let answer = self.0.call(request);
        async move {
            let answer = answer.await;
            if let Ok(response) = &answer {
                let code = response.extensions().get::<Failed>().map(|failed| failed.0.as_str());
                line.write(Some(response.status().as_u16()), code);
            }
            answer
        }
        .boxed()
    }
}

struct Line {
    id: String,
    method: String,
    record: Record,
    began: Instant,
    done: bool,
}

impl Line {
    fn write(&mut self, status: Option<u16>, error: Option<&'static str>) {
        self.done = true;
        let duration_ms = self.began.elapsed().as_secs_f64() * 1000.0;
        let learned = self.record.0.lock().unwrap_or_else(PoisonError::into_inner);
        let dropped = (!learned.dropped.is_empty()).then(|| learned.dropped.join(","));
        tracing::info!(
            request_id = self.id,
            caller = learned.context.as_ref().map(|context| &*context.caller),
            realm = learned.realm,
            operation = learned.operation,
            method = self.method,
            status,
            error,
            reason = learned.refused,
            resource = learned.resource,
            user_name = learned.user_name,
            dropped,
            keycloak_calls = learned.context.as_ref().map_or(0, Context::calls),
            duration_ms = (duration_ms * 10.0).round() / 10.0,
            "{}",
            if status.is_some() { "request" } else { "request whose client hung up" }
        );
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        if !self.done {
            self.write(None, None);
        }
    }
}
