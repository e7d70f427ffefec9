//! The private listener: is the process alive, is it ready to serve, and what does it measure?

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Request, Response, StatusCode};
use http_body_util::Full;
use tower::Service;

use crate::telemetry::{Metrics, TenantReady};

/// Tells of each tenant whether it was found ready.
pub type Readiness = Arc<dyn Fn() -> Vec<TenantReady> + Send + Sync>;

/// Answers `/livez`, `/readyz` and `/metrics`.
#[derive(Clone)]
pub struct Health {
    /// For `/readyz`.
    pub readiness: Readiness,
    /// For `/metrics`.
    pub metrics: Metrics,
}

const TEXT: &str = "text/plain; charset=utf-8";
/// What Prometheus reads.
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

impl<B> Service<Request<B>> for Health {
    type Response = Response<Full<Bytes>>;
    type Error = Infallible;
    type Future = Ready<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let (status, content_type, text) = match request.uri().path() {
            "/livez" => (StatusCode::OK, TEXT, "ok\n".to_owned()),
            "/readyz" => {
                let (status, text) = readyz(&(self.readiness)());
                (status, TEXT, text)
            }
            "/metrics" => (StatusCode::OK, OPEN_METRICS, self.metrics.text(&(self.readiness)())),
            _ => (StatusCode::NOT_FOUND, TEXT, "here are /livez, /readyz and /metrics\n".to_owned()),
        };
        let mut response = Response::new(Full::from(text));
        *response.status_mut() = status;
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        ready(Ok(response))
    }
}

/// Realms decide. What is wrong with an organization is wrong for its own clients, and all others would lose every instance
/// of this program at once.
fn readyz(tenants: &[TenantReady]) -> (StatusCode, String) {
    let missing: Vec<String> = tenants
        .iter()
        .filter(|tenant| !tenant.ready)
        .map(|tenant| match &tenant.organization {
            Some(organization) => format!("{}/{organization}", tenant.realm),
            None => tenant.realm.clone(),
        })
        .collect();
    let named =
        if missing.is_empty() { String::new() } else { format!("not ready: {}\n", missing.join(", ")) };
    if tenants.iter().all(|tenant| tenant.ready || tenant.organization.is_some()) {
        (StatusCode::OK, format!("ok\n{named}"))
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, named)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn realms_decide_and_organizations_are_named() {
        let tenant = |realm: &str, organization: Option<&str>, ready| TenantReady {
            realm: realm.into(),
            organization: organization.map(ToOwned::to_owned),
            ready,
        };
        let told = |acme, contoso, globex| {
            readyz(&[
                tenant("acme", None, acme),
                tenant("acme", Some("contoso"), contoso),
                tenant("globex", None, globex),
            ])
        };
        let (ok, not) = (StatusCode::OK, StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(told(true, true, true), (ok, "ok\n".to_owned()));
        assert_eq!(told(true, false, true), (ok, "ok\nnot ready: acme/contoso\n".to_owned()));
        assert_eq!(told(true, true, false), (not, "not ready: globex\n".to_owned()));
        assert_eq!(told(false, false, true), (not, "not ready: acme, acme/contoso\n".to_owned()));
    }
}
