//! A thin client of Keycloak's Admin REST API; knows no SCIM.
//!
//! One [`Connection`] per realm holds the address, the service account and its token;
//! [`Connection::for_request`] makes the cheap [`AdminClient`] that one request uses. The calls are
//! grouped by what they are about: [`users`], [`groups`], [`organizations`], [`roles`], [`identity_providers`],
//! [`realm`], [`sessions`], and [`administration`] for what only a realm's administrator may do.

pub mod administration;
mod client;
mod connection;
mod dry_run;
mod endpoint;
mod error;
pub mod groups;
pub mod identity_providers;
pub mod organizations;
mod query;
pub mod realm;
mod representation;
pub mod roles;
pub mod sessions;
#[cfg(test)]
mod test_server;
mod token;
mod transport;
pub mod users;
mod watch;

pub use client::AdminClient;
pub use connection::Connection;
pub use error::{Call, Error, FieldError, Result};
pub use identity_providers::{FederatedIdentity, MAX_LINKED_ID};
pub use query::{AttributeMatch, GroupQuery, InexpressibleAttribute, MAX_PAGE, UserQuery};
pub use representation::{
    ClientRepresentation, ConsentRepresentation, GroupId, GroupRepresentation, InvalidId, Membership,
    OrganizationId, OrganizationRepresentation, ProfileAttribute, ProfilePermissions, RealmRepresentation,
    RequiredAction, Rest, RoleRepresentation, SERVICE_ACCOUNT_PREFIX, UserId, UserProfile,
    UserRepresentation,
};
pub use transport::{HttpClientError, http_client};
pub use watch::{CallResult, CallWatcher, Made};
