//! Whose users and groups a directory keeps: those of a realm, or of one of its organizations.

use std::sync::Arc;

use crate::keycloak::{OrganizationId, UserRepresentation};

use super::storage::{MANAGED, values};

/// A tenant, as it stands in the index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tenant {
    organization: Option<OrganizationId>,
    index: Arc<str>,
}

/// What stands before the id of an organization in the index.
const ORGANIZATION: &str = "org:";
/// The realm itself, in the index.
const REALM: &str = "realm";

impl Default for Tenant {
    fn default() -> Self {
        Self::realm()
    }
}

impl Tenant {
    /// The realm itself.
    pub fn realm() -> Self {
        Self { organization: None, index: REALM.into() }
    }

    /// One of its organizations.
    pub fn organization(id: OrganizationId) -> Self {
        Self { index: format!("{ORGANIZATION}{id}").into(), organization: Some(id) }
    }

    /// The organization; none for the realm itself.
    pub fn id(&self) -> Option<&OrganizationId> {
        self.organization.as_ref()
    }

    /// Its value among those of [`MANAGED`].
    pub fn index(&self) -> &str {
        &self.index
    }

    /// By which a caller's values are stored: those of an organization start with its id, so that no tenant reads
    /// another's.
    pub(super) fn qualified(&self, caller: &str) -> String {
        match &self.organization {
            None => caller.to_owned(),
            Some(id) => format!("{id}:{caller}"),
        }
    }

    /// Is it one of this tenant's callers, by the name by which its values are stored?
    pub(super) fn has_caller(&self, qualified: &str) -> bool {
        match &self.organization {
            None => !qualified.contains(':'),
            Some(id) => qualified.strip_prefix(id.as_ref()).is_some_and(|rest| rest.starts_with(':')),
        }
    }

    /// Is the user on this tenant's index? Compared exactly, though Keycloak searches without case.
    pub(super) fn has(&self, user: &UserRepresentation) -> bool {
        self.is_among(values(user, MANAGED))
    }

    pub(super) fn is_among(&self, tenants: &[String]) -> bool {
        tenants.iter().any(|tenant| **tenant == *self.index)
    }

    /// Is the user on the index of another tenant?
    pub(super) fn is_shared(&self, user: &UserRepresentation) -> bool {
        values(user, MANAGED).iter().any(|tenant| is_tenant(tenant) && **tenant != *self.index)
    }
}

/// Is the user on any tenant's index?
pub(super) fn has_any(user: &UserRepresentation) -> bool {
    values(user, MANAGED).iter().any(|tenant| is_tenant(tenant))
}

/// The ids of the organizations on whose index the user is.
pub(super) fn organizations_of(user: &UserRepresentation) -> impl Iterator<Item = &str> {
    values(user, MANAGED).iter().filter_map(|tenant| organization(tenant))
}

/// The id of the organization that a value of the index stands for.
pub(super) fn organization(tenant: &str) -> Option<&str> {
    tenant.strip_prefix(ORGANIZATION)
}

/// The id of the organization one of whose callers it is, by the name by which its values are stored; none for the realm's.
pub(super) fn organization_of(qualified: &str) -> Option<&str> {
    qualified.split_once(':').map(|(id, _)| id)
}

/// Is it a value of the index?
pub(super) fn is_tenant(tenant: &str) -> bool {
    tenant == REALM || tenant.starts_with(ORGANIZATION)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(tenants: &[&str]) -> UserRepresentation {
        let tenants = tenants.iter().map(|tenant| (*tenant).to_owned()).collect();
        let attributes = Some([(MANAGED.to_owned(), tenants)].into());
        UserRepresentation { attributes, ..UserRepresentation::default() }
    }

    #[test]
    fn a_tenant_knows_its_own_index_and_others() {
        let contoso = Tenant::organization(OrganizationId::try_from("c-1").unwrap());
        assert_eq!((contoso.index(), Tenant::realm().index()), ("org:c-1", "realm"));
        let both = user(&["org:c-1", "realm"]);
        for tenant in [&contoso, &Tenant::realm()] {
            assert!(tenant.has(&both) && tenant.is_shared(&both));
        }
        assert!(!contoso.is_shared(&user(&["org:c-1"])) && !contoso.has(&user(&["realm"])));
        assert!(contoso.is_shared(&user(&["realm"])) && !contoso.has(&user(&["ORG:c-1"])));
        assert!(!has_any(&user(&[])) && !has_any(&user(&["REALM", "x"])) && has_any(&user(&["org:c-2"])));
        assert_eq!(contoso.qualified("okta"), "c-1:okta");
        assert_eq!(Tenant::realm().qualified("okta"), "okta");
        assert!(
            contoso.has_caller("c-1:okta") && !contoso.has_caller("okta") && !contoso.has_caller("c-12:okta")
        );
        assert!(Tenant::realm().has_caller("okta") && !Tenant::realm().has_caller("c-1:okta"));
        assert_eq!((organization_of("c-1:okta"), organization_of("okta")), (Some("c-1"), None));
    }
}
