//! Where the calls about groups go: to the realm's own groups, or to those of an organization.

use super::client::AdminClient;
use super::error::Error;
use super::representation::{GroupId, OrganizationId, UserId};

/// An endpoint about groups: its path below the realm, and that below the realm of the same thing in an organization.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Endpoint {
    realm: &'static str,
    organization: &'static str,
}

const fn endpoint(realm: &'static str, organization: &'static str) -> Endpoint {
    Endpoint { realm, organization }
}

pub(super) const GROUPS: Endpoint = endpoint("groups", "organizations/{organization}/groups");
pub(super) const GROUP: Endpoint = endpoint("groups/{id}", "organizations/{organization}/groups/{id}");
pub(super) const CHILDREN: Endpoint =
    endpoint("groups/{id}/children", "organizations/{organization}/groups/{id}/children");
pub(super) const MEMBERS: Endpoint =
    endpoint("groups/{id}/members", "organizations/{organization}/groups/{id}/members");
pub(super) const REALM_MAPPINGS: Endpoint = endpoint(
    "groups/{id}/role-mappings/realm",
    "organizations/{organization}/groups/{id}/role-mappings/realm",
);
pub(super) const REALM_ROLES: Endpoint = endpoint(
    "groups/{id}/role-mappings/realm/composite",
    "organizations/{organization}/groups/{id}/role-mappings/realm/composite",
);
pub(super) const CLIENT_MAPPINGS: Endpoint = endpoint(
    "groups/{id}/role-mappings/clients/{client}",
    "organizations/{organization}/groups/{id}/role-mappings/clients/{client}",
);
pub(super) const CLIENT_ROLES: Endpoint = endpoint(
    "groups/{id}/role-mappings/clients/{client}/composite",
    "organizations/{organization}/groups/{id}/role-mappings/clients/{client}/composite",
);
pub(super) const OF_USER: Endpoint =
    endpoint("users/{id}/groups", "organizations/{organization}/members/{id}/groups");
/// The one whose placeholders change their places.
const MEMBERSHIP: Endpoint =
    endpoint("users/{id}/groups/{group}", "organizations/{organization}/groups/{group}/members/{id}");

/// An endpoint, with what stands in its placeholders.
pub(super) struct Address<'a> {
    pub(super) path: &'static str,
    pub(super) values: Vec<&'a str>,
}

impl Endpoint {
    /// The path, in the organization if there is one.
    pub(super) fn path(self, organization: Option<&OrganizationId>) -> &'static str {
        if organization.is_some() { self.organization } else { self.realm }
    }

    fn at<'a>(self, organization: Option<&'a OrganizationId>, values: &[&'a str]) -> Address<'a> {
        let organization_first = organization.map(AsRef::as_ref).into_iter();
        let values = organization_first.chain(values.iter().copied()).collect();
        Address { path: self.path(organization), values }
    }
}

impl AdminClient {
    /// Where this is, for this client.
    pub(super) fn at<'a>(&'a self, endpoint: Endpoint, values: &[&'a str]) -> Address<'a> {
        endpoint.at(self.organization.as_ref(), values)
    }

    /// Where this user's membership in this group is.
    pub(super) fn membership_at<'a>(&'a self, user: &'a UserId, group: &'a GroupId) -> Address<'a> {
        let mut values = [user.as_ref(), group.as_ref()];
        if self.organization.is_some() {
            values.reverse();
        }
        self.at(MEMBERSHIP, &values)
    }
}

/// How Keycloak's refusals begin of what is not there for this caller, all of them 400: a group of another
/// organization, of the realm, or of any organization from the realm's own endpoints, and a user from outside.
const ELSEWHERE: [&str; 5] = [
    "Group does not belong to",
    "Can only move organization groups",
    "Cannot manage organization related group",
    "Cannot access organization related group",
    "User is not member of the organization",
];

/// The error, where it is a refusal of what is elsewhere as what that is to the caller: nothing is there.
pub(super) fn absent(error: Error) -> Error {
    match error {
        Error::Invalid { call, message, .. }
            if ELSEWHERE.iter().any(|beginning| message.starts_with(beginning)) =>
        {
            Error::NotFound { call, message }
        }
        error => error,
    }
}
