//! One line in the log for each request, also for one whose client hung up; a second one, the audit entry, where a known
//! caller asked for a change; and the span that tells of every line in between to which request it belongs.

use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context as TaskContext, Poll};
use std::time::Instant;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use http::{Request, Response};
use tower::{Layer, Service};
use tower_http::request_id::RequestId;
use tracing::field::Empty;
use tracing::{Instrument as _, Span};

use crate::dialects::Normalised;
use crate::directory::Context;
use crate::scim::Dropped;

use super::respond::Failed;
use super::tenants::Tenant;
use super::watch::{Told, Watcher};

/// What the layers learn of a request while it goes down the stack; the log line is made of it.
#[derive(Debug, Clone)]
pub struct Record {
    learned: Arc<Mutex<Learned>>,
    /// Around all that is done for the request.
    span: Span,
    watched: bool,
}

impl Default for Record {
    fn default() -> Self {
        Self { learned: Arc::default(), span: Span::none(), watched: false }
    }
}

#[derive(Debug, Default)]
struct Learned {
    realm: Option<String>,
    organization: Option<String>,
    operation: Option<&'static str>,
    /// Whether it may change something.
    write: bool,
    context: Option<Context>,
    credential: Option<String>,
    resource: Option<String>,
    user_name: Option<String>,
    dropped: Vec<Dropped>,
    passed_over: Vec<Dropped>,
    normalised: Vec<Normalised>,
    refused: Option<String>,
}

impl Record {
    fn with(&self, learn: impl FnOnce(&mut Learned)) {
        learn(&mut self.learned.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// Does somebody look on? Then it is worth finding out what nobody else asks for.
    pub fn is_watched(&self) -> bool {
        self.watched
    }

    /// The tenant and what is asked of it. A realm or organization that is not served is not named: a stranger may write
    /// anything there.
    pub fn operation(&self, tenant: Option<&Tenant>, operation: &'static str) {
        let realm = tenant.map_or_else(|| "(not served)".to_owned(), |tenant| tenant.realm.to_string());
        let organization = tenant.and_then(|tenant| Some(tenant.organization.as_ref()?.to_string()));
        self.span.record("realm", &realm);
        if let Some(organization) = &organization {
            self.span.record("organization", organization);
        }
        self.with(|learned| {
            (learned.realm, learned.organization) = (Some(realm), organization);
            learned.operation = Some(operation);
        });
    }

    /// A known caller asks for a change, which makes an audit entry.
    pub fn write(&self) {
        self.with(|learned| learned.write = true);
    }

    /// Which of the caller's tokens or passwords it was, by the name that it has in the configuration.
    pub fn credential(&self, name: Option<String>) {
        self.with(|learned| learned.credential = name);
    }

    /// Who asks; the calls are counted there.
    pub fn context(&self, context: &Context) {
        self.span.record("caller", &*context.caller);
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

    /// The attributes that went no further, by names that are not the client's own.
    pub fn dropped(&self, dropped: Vec<Dropped>) {
        self.with(|learned| learned.dropped = dropped);
    }

    /// Attributes that are passed over as well, by the client's own names, which have no place in the log; and values
    /// that were made plain.
    pub fn understood(&self, passed_over: Vec<Dropped>, normalised: Vec<Normalised>) {
        self.with(|learned| (learned.passed_over, learned.normalised) = (passed_over, normalised));
    }

    /// Why credentials, or where they came from, were not accepted.
    pub fn refused(&self, reason: String) {
        self.with(|learned| learned.refused = Some(reason));
    }
}

/// Writes the line, and tells whoever looks on.
#[derive(Debug, Clone)]
pub struct AccessLogLayer(pub Option<Watcher>);

impl<S> Layer<S> for AccessLogLayer {
    type Service = AccessLog<S>;

    fn layer(&self, inner: S) -> Self::Service {
        AccessLog { inner, watcher: self.0.clone() }
    }
}

/// See [`AccessLogLayer`].
#[derive(Debug, Clone)]
pub struct AccessLog<S> {
    inner: S,
    watcher: Option<Watcher>,
}

impl<S, B, A> Service<Request<B>> for AccessLog<S>
where
    S: Service<Request<B>, Response = Response<A>>,
    S::Future: Send + 'static,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = BoxFuture<'static, Result<S::Response, S::Error>>;

    fn poll_ready(&mut self, context: &mut TaskContext<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        let id = request.extensions().get::<RequestId>();
        let id = id.and_then(|id| id.header_value().to_str().ok()).unwrap_or_default().to_owned();
        // An error's span, so that no level of the log leaves it out of the lines that there are.
        let span = tracing::error_span!(
            "request",
            request_id = id,
            realm = Empty,
            organization = Empty,
            caller = Empty
        );
        let record = Record { span: span.clone(), watched: self.watcher.is_some(), learned: Arc::default() };
        request.extensions_mut().insert(record.clone());
        let mut line = Line {
            id,
            method: request.method().as_str().to_owned(),
            watched: self.watcher.clone().map(|watcher| (watcher, request.uri().to_string())),
            record,
            began: Instant::now(),
            done: false,
        };
        // The line itself stands outside of the span, whose fields it has.
        let answer = span.in_scope(|| self.inner.call(request)).instrument(span);
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
    /// Who looks on, and what the request asked for.
    watched: Option<(Watcher, String)>,
    record: Record,
    began: Instant,
    done: bool,
}

impl Line {
    fn write(&mut self, status: Option<u16>, error: Option<&'static str>) {
        self.done = true;
        let took = self.began.elapsed();
        let duration_ms = took.as_secs_f64() * 1000.0;
        let mut learned = self.record.learned.lock().unwrap_or_else(PoisonError::into_inner);
        let names: Vec<&str> = learned.dropped.iter().map(|dropped| dropped.name.as_str()).collect();
        let dropped = (!names.is_empty()).then(|| names.join(","));
        tracing::info!(
            request_id = self.id,
            caller = learned.context.as_ref().map(|context| &*context.caller),
            credential = learned.credential,
            realm = learned.realm,
            organization = learned.organization,
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
        if let Some(context) = learned.context.as_ref().filter(|_| learned.write) {
            tracing::info!(
                target: "audit",
                request_id = self.id,
                caller = &*context.caller,
                realm = learned.realm,
                organization = learned.organization,
                operation = learned.operation,
                resource = learned.resource,
                status,
                error,
                // Without an answer nobody knows here: what was begun goes on.
                "{}",
                if status.is_some() { "change" } else { "change whose client hung up" }
            );
        }
        if let Some((watcher, target)) = self.watched.take() {
            let dropped = std::mem::take(&mut learned.dropped);
            let passed_over = std::mem::take(&mut learned.passed_over);
            watcher.tell(Told {
                request_id: self.id.clone(),
                method: self.method.clone(),
                target,
                status,
                error,
                dropped: dropped.into_iter().chain(passed_over).collect(),
                normalised: std::mem::take(&mut learned.normalised),
                took,
            });
        }
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        if !self.done {
            self.write(None, None);
        }
    }
}
