//! Who is managed: the role is the authority, the index comes along for free, the mark tells a crashed create.

use crate::keycloak::{RoleRepresentation, UserRepresentation};

use super::storage::{PENDING, has_index, value};

/// What role, index and mark say together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// Role and index: managed.
    Managed,
    /// Role without index: an administrator gave the role, or somebody wiped the attributes. Managed; the index is due.
    Given,
    /// Index and mark without role: a create that is not finished. The role is due.
    Unfinished,
    /// Index without role or mark: an administrator took the role. Not managed; the index must go.
    Taken,
    /// Neither.
    Foreign,
}

impl Standing {
    /// Judges a user by its direct role mappings; none where they could not be found.
    pub(super) fn of(user: &UserRepresentation, mappings: Option<&[RoleRepresentation]>, tag: &str) -> Self {
        if user.is_service_account() {
            return Self::Foreign;
        }
        let role = mappings.unwrap_or_default().iter().any(|role| role.id == tag);
        let marked = value(user, PENDING).is_some();
        match (role, has_index(user)) {
            (true, true) => Self::Managed,
            (true, false) => Self::Given,
            (false, true) if marked => Self::Unfinished,
            (false, true) => Self::Taken,
            (false, false) => Self::Foreign,
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

    fn roles(id: &str) -> Vec<RoleRepresentation> {
        serde_json::from_value(serde_json::json!([{"id": id, "name": "scim-managed"}])).unwrap()
    }

    #[test]
    fn role_index_and_mark_make_the_standing() {
        let tagged = roles("tag");
        let standing = |attributes: &[(&str, &str)], role: bool| {
            Standing::of(&user(attributes), Some(if role { &tagged } else { &[] }), "tag")
        };
        let index = (MANAGED, "realm");
        assert_eq!(standing(&[index], true), Standing::Managed);
        assert_eq!(standing(&[], true), Standing::Given);
        assert_eq!(standing(&[index, (PENDING, "1-x")], false), Standing::Unfinished);
        assert_eq!(standing(&[index], false), Standing::Taken);
        assert_eq!(standing(&[], false), Standing::Foreign);
        // Keycloak's search compares without case; the index is compared exactly.
        assert_eq!(standing(&[(MANAGED, "REALM")], false), Standing::Foreign);
        assert_eq!(standing(&[(MANAGED, "org:1")], true), Standing::Given);
    }

    #[test]
    fn a_service_account_is_never_managed() {
        let mut account = user(&[(MANAGED, "realm")]);
        account.username = Some("service-account-scimgate".into());
        assert_eq!(Standing::of(&account, Some(&roles("tag")), "tag"), Standing::Foreign);
    }

    #[test]
    fn a_mark_comes_back_as_it_was_stored() {
        let mark = Mark::new(1_700_000_000_000);
        assert_eq!(Mark::on(&user(&[(PENDING, &mark.stored())])), Some(mark));
        assert_eq!(Mark::on(&user(&[(PENDING, "garbage")])).unwrap().began, 0);
    }
}
