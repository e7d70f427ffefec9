//! What a known caller may do: from where, how often, whether it may write, and to which resources.

use std::net::IpAddr;
use std::sync::Arc;

use http::request::Parts;
use tower::BoxError;

use crate::config::{Access, Caller, ResourceName};
use crate::scim::{Code, Error};

use super::access_log::Record;
use super::authenticate::{Authenticated, Known};
use super::failure::Failure;
use super::limits::TooMany;
use super::route::{Collection, Operation};
use super::server::Peer;
use super::source;
use super::tenants::Tenants;

/// Lets a caller do what it may.
pub fn permit(tenants: &Arc<Tenants>) -> impl Fn(Known) -> Result<Authenticated, BoxError> + Clone + use<> {
    let tenants = Arc::clone(tenants);
    move |known| {
        let Known { caller, request } = known;
        let address = address(&request.head, &tenants);
        check(&caller, &request, address).map_err(Failure::from)?;
        tenants.instance.check().map_err(|too_many| {
            let detail = "The gateway takes no more requests at the moment; repeat this one later";
            Failure::from(too_many_requests(too_many, detail))
        })?;
        Ok(request)
    }
}

/// What the log needs to know of a request of a known caller, be it refused or not.
pub fn note(operation: &Operation, record: &Record) {
    if is_write(operation) {
        record.write();
    }
    if let Operation::Get(_, id)
    | Operation::Replace(_, id)
    | Operation::Patch(_, id)
    | Operation::Delete(_, id) = operation
    {
        record.resource(id);
    }
}

fn address(head: &Parts, tenants: &Tenants) -> Option<IpAddr> {
    let peer = head.extensions.get::<Peer>()?.0.ip();
    source::address(peer, &head.headers, &tenants.instance.trusted_proxies())
}

fn check(caller: &Caller, request: &Authenticated, address: Option<IpAddr>) -> Result<(), Error> {
    let Authenticated { tenant, operation, record, .. } = request;
    let inside = |address: IpAddr| caller.networks.iter().any(|network| network.contains(&address));
    if !caller.networks.is_empty() && !address.is_some_and(inside) {
        let from = address.map_or_else(|| "an unknown address".to_owned(), |address| address.to_string());
        record.refused(format!("it came from {from}, which is in none of the caller's networks"));
        return Err(Error::new(
            403,
            Code::NetworkNotAllowed,
            "This SCIM client may not call from the network that the request came from",
        ));
    }
    tenant.limits.check(&caller.name).map_err(|too_many| {
        let detail = "This SCIM client has sent more requests than it may; repeat this one later";
        too_many_requests(too_many, detail)
    })?;
    if caller.access == Access::ReadOnly && is_write(operation) {
        return Err(Error::new(403, Code::ReadOnlyCaller, "This SCIM client may read, but not write"));
    }
    if let Some(resource) = resource(operation)
        && !caller.resources.contains(&resource)
    {
        let path = match resource {
            ResourceName::User => "/Users",
            ResourceName::Group => "/Groups",
        };
        let detail = format!("This SCIM client may not use {path}");
        return Err(Error::new(403, Code::ResourceNotAllowed, detail));
    }
    Ok(())
}

fn too_many_requests(too_many: TooMany, detail: &str) -> Error {
    Error { retry_after: Some(too_many.0), ..Error::new(429, Code::TooManyRequests, detail) }
}

/// Whether it may change something.
fn is_write(operation: &Operation) -> bool {
    match operation {
        Operation::Create(_) | Operation::Replace(..) | Operation::Patch(..) | Operation::Delete(..) => true,
        Operation::List(_)
        | Operation::Search(_)
        | Operation::Get(..)
        | Operation::ServiceProviderConfig
        | Operation::ResourceTypes
        | Operation::ResourceType(_)
        | Operation::Schemas
        | Operation::Schema(_)
        | Operation::NotServed(_) => false,
    }
}

/// The type of resources that it is about; none for discovery, which is open to all.
fn resource(operation: &Operation) -> Option<ResourceName> {
    match operation {
        Operation::List(of)
        | Operation::Search(of)
        | Operation::Create(of)
        | Operation::Get(of, _)
        | Operation::Replace(of, _)
        | Operation::Patch(of, _)
        | Operation::Delete(of, _) => Some(match of {
            Collection::Users => ResourceName::User,
            Collection::Groups => ResourceName::Group,
        }),
        Operation::ServiceProviderConfig
        | Operation::ResourceTypes
        | Operation::ResourceType(_)
        | Operation::Schemas
        | Operation::Schema(_)
        | Operation::NotServed(_) => None,
    }
}
