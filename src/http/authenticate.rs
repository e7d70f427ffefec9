//! The authentication layer: from credentials to a caller. Nothing of the body was read before it.

use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

use futures_util::future::{BoxFuture, FutureExt as _};
use http::HeaderValue;
use http::header::AUTHORIZATION;
use http::request::Parts;
use hyper::body::Incoming;
use tower::BoxError;
use tower_http::request_id::RequestId;

use crate::auth::{self, AuthError, Recognised};
use crate::config::Caller;
use crate::directory::Context;

use super::access_log::Record;
use super::dispatch::Routed;
use super::failure::Failure;
use super::permit;
use super::route::Operation;
use super::tenants::{Tenant, Tenants};

/// A request of a known caller, who may do what is asked.
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

/// A request of a known caller, of whom nobody knows yet whether it may do what is asked.
#[derive(Debug)]
pub struct Known {
    /// The caller.
    pub caller: Arc<Caller>,
    /// The request.
    pub request: Authenticated,
}

/// From credentials to a caller.
///
/// # Errors
/// [`Failure`]: 401 for everything that is not accepted, 503 where an issuer's keys can't be fetched, or too many
/// guesses are under way.
pub fn authenticate(
    tenants: &Arc<Tenants>,
) -> impl Fn(Routed) -> BoxFuture<'static, Result<Known, BoxError>> + Clone + use<> {
    let tenants = Arc::clone(tenants);
    move |request| {
        let tenants = Arc::clone(&tenants);
        async move { known(&tenants, request).await }.boxed()
    }
}

async fn known(tenants: &Tenants, request: Routed) -> Result<Known, BoxError> {
    let Routed { tenant, operation, head, body, record } = request;
    let given: Vec<HeaderValue> = head.headers.get_all(AUTHORIZATION).iter().cloned().collect();
    let refuse = |tenant: Option<&Tenant>, error: AuthError| {
        record.refused(error.to_string());
        // Of organizations nobody learns more than of one that is not served; the log says the rest.
        let untold = tenant.is_some_and(|tenant| tenant.organization.is_some()) && !error.is_passing();
        BoxError::from(Failure::from(&if untold { auth::refuse(&given) } else { error }))
    };
    let Some(tenant) = tenant else { return Err(refuse(None, auth::refuse(&given))) };
    let known = recognised(tenants, &tenant, &given).await.map_err(|error| refuse(Some(&tenant), error))?;
    let id =
        head.extensions.get::<RequestId>().and_then(|id| id.header_value().to_str().ok()).unwrap_or_default();
    let context = Context::new(id, known.caller.name.as_ref());
    record.context(&context);
    record.credential(known.credential);
    // The audit entry must be there whatever becomes of the request from here on.
    permit::note(&operation, &record);
    let request = Authenticated { tenant, context, operation, head, body, record };
    Ok(Known { caller: known.caller, request })
}

/// Who asks. Whom a token tells at once needs no place; what waits, for an issuer's keys or for a slow hash, is nobody's
/// yet, and may not take all places from those who are known.
async fn recognised(
    tenants: &Tenants,
    tenant: &Tenant,
    given: &[HeaderValue],
) -> Result<Recognised, AuthError> {
    let mut recognised = pin!(tenant.authenticator.authenticate(given));
    if let Poll::Ready(recognised) = futures_util::poll!(recognised.as_mut()) {
        return recognised;
    }
    let _place = tenants.unproven.try_acquire().map_err(|_| AuthError::Busy)?;
    recognised.await
}
