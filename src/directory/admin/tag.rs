//! Who is managed: the role is the authority, the index comes along for free, the mark tells a crashed create.

use crate::keycloak::{RoleRepresentation, UserRepresentation};

use super::storage::{PENDING, value};
use super::tenant::{self, Tenant};

/// What role, index and mark say together, and membership where the tenant is an organization.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// Role and index: managed.
    Managed,
    /// Role without index: an administrator gave the role, or made somebody who has it a member of the organization, or
    /// somebody wiped the attributes. Managed; the index is due.
    Given,
    /// Index and mark without role or membership: a create that is not finished. Both are due.
    Unfinished,
    /// Index without role or membership, and no mark: an administrator took it. Not managed; the index must go.
    Taken,
    /// Neither.
    Foreign,
}

/// What is known of a user besides its representation.
#[derive(Debug, Clone, Default)]
pub(super) struct Seen {
    /// Direct role mappings; none where they could not be found.
    pub roles: Option<Vec<RoleRepresentation>>,
    /// Is the user a member of the organization? Without meaning where the tenant is the realm.
    pub member: bool,
}

impl Standing {
    /// Judges a user.
    pub(super) fn of(user: &UserRepresentation, seen: &Seen, tag: &str, tenant: &Tenant) -> Self {
        if user.is_service_account() {
            return Self::Foreign;
        }
        let role = seen.roles.iter().flatten().any(|role| role.id == tag);
        let marked = value(user, PENDING).is_some();
        let belongs = match tenant.id() {
            Some(_) => role && seen.member,
            None => role,
        };
        // Somebody who has the role for the sake of an organization is none of the realm's.
        let given = tenant.id().is_some() || !tenant::has_any(user);
        match (belongs, tenant.has(user)) {
            (true, true) => Self::Managed,
            (true, false) if given => Self::Given,
            (false, true) if marked => Self::Unfinished,
            (false, true) => Self::Taken,
            (_, false) => Self::Foreign,
        }
    }

    /// May a client see it?
    pub(super) fn is_managed(self) -> bool {
        matches!(self, Self::Managed | Self::Given)
    }
}

/// The mark of a create: when it began, and which one it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Mark {
    /// Milliseconds since 1970.
    pub began: i64,
    id: String,
}

impl Mark {
    /// A mark of its own for a create that begins now.
    pub(super) fn new(now_millis: i64) -> Self {
        Self { began: now_millis, id: uuid::Uuid::new_v4().simple().to_string() }
    }

    /// The mark on a user.
    pub(super) fn on(user: &UserRepresentation) -> Option<Self> {
        let text = value(user, PENDING)?;
        let (began, id) = text.split_once('-').unwrap_or((text, ""));
        // What can't be read is a mark all the same, of long ago.
        Some(Self { began: began.parse().unwrap_or(0), id: id.into() })
    }

    /// The stored form.
    pub(super) fn stored(&self) -> String {
        format!("{}-{}", self.began, self.id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::directory::admin::storage::MANAGED;

    fn user(attributes: &[(&str, &str)]) -> UserRepresentation {
        let attributes = attributes.iter().map(|(name, value)| ((*name).into(), vec![(*value).into()]));
        UserRepresentation { attributes: Some(attributes.collect()), ..UserRepresentation::default() }
    }

    fn seen(role: bool, member: bool) -> Seen {
        let tag = serde_json::from_value(serde_json::json!([{"id": "tag", "name": "scim-managed"}])).unwrap();
        Seen { roles: Some(if role { tag } else { Vec::new() }), member }
    }

    #[test]
    fn role_index_and_mark_make_the_standing() {
        let standing = |attributes: &[(&str, &str)], role: bool| {
            Standing::of(&user(attributes), &seen(role, false), "tag", &Tenant::realm())
        };
        let index = (MANAGED, "realm");
        assert_eq!(standing(&[index], true), Standing::Managed);
        assert_eq!(standing(&[], true), Standing::Given);
        assert_eq!(standing(&[index, (PENDING, "1-x")], false), Standing::Unfinished);
        assert_eq!(standing(&[index], false), Standing::Taken);
        assert_eq!(standing(&[], false), Standing::Foreign);
        // Keycloak's search compares without case; the index is compared exactly.
        assert_eq!(standing(&[(MANAGED, "REALM")], false), Standing::Foreign);
        // The role is there for the sake of the organization.
        assert_eq!(standing(&[(MANAGED, "org:1")], true), Standing::Foreign);
    }

    #[test]
    fn an_organization_asks_for_membership_too() {
        let tenant = Tenant::organization(crate::keycloak::OrganizationId::try_from("1").unwrap());
        let standing = |attributes: &[(&str, &str)], role: bool, member: bool| {
            Standing::of(&user(attributes), &seen(role, member), "tag", &tenant)
        };
        let index = (MANAGED, "org:1");
        let mark = (PENDING, "1-x");
        assert_eq!(standing(&[index], true, true), Standing::Managed);
        for tenants in [&[][..], &[(MANAGED, "realm")], &[(MANAGED, "org:2")]] {
            assert_eq!(standing(tenants, true, true), Standing::Given, "{tenants:?}");
            assert_eq!(standing(tenants, true, false), Standing::Foreign, "{tenants:?}");
            assert_eq!(standing(tenants, false, true), Standing::Foreign, "{tenants:?}");
        }
        for (role, member) in [(true, false), (false, true), (false, false)] {
            assert_eq!(standing(&[index, mark], role, member), Standing::Unfinished);
            assert_eq!(standing(&[index], role, member), Standing::Taken);
        }
    }

    #[test]
    fn a_service_account_is_never_managed() {
        let mut account = user(&[(MANAGED, "realm")]);
        account.username = Some("service-account-scimgate".into());
        let standing = Standing::of(&account, &seen(true, true), "tag", &Tenant::realm());
        assert_eq!(standing, Standing::Foreign);
    }

    #[test]
    fn a_mark_comes_back_as_it_was_stored() {
        let mark = Mark::new(1_700_000_000_000);
        assert_eq!(Mark::on(&user(&[(PENDING, &mark.stored())])), Some(mark));
        assert_eq!(Mark::on(&user(&[(PENDING, "garbage")])).unwrap().began, 0);
    }
}
