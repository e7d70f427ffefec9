//! Whose groups a request is about, the realm's or an organization's, and where Keycloak answers differently for it.

use serde_json::json;

use super::super::answer::Answer;
use super::super::state::{Group, Realm};
use super::not_found;
use super::representation::failure;

/// Whose groups are meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Scope<'a> {
    Realm,
    /// The organization with this id, which is there.
    Organization(&'a str),
}

impl Scope<'_> {
    /// Whether the group is one of these.
    pub(super) fn owns(self, group: &Group) -> bool {
        match self {
            Self::Realm => group.organization.is_none(),
            Self::Organization(id) => group.organization.as_deref() == Some(id),
        }
    }

    /// Whether lists name the group: all but the hidden one of an organization.
    pub(super) fn lists(self, group: &Group) -> bool {
        self.owns(group) && (self == Self::Realm || group.parent.is_some())
    }

    /// The id of the group that the top level is below; none in a realm.
    pub(super) fn root(self, realm: &Realm) -> Option<&str> {
        match self {
            Self::Realm => None,
            Self::Organization(id) => realm.organizations.get(id).map(|found| found.root.as_str()),
        }
    }

    /// The answer to a creation or a move where a group at the top level, or below `parent`, has the name.
    pub(super) fn taken(self, name: &str, parent: Option<&str>) -> Answer {
        let message = match (self, parent) {
            (Self::Realm, None) => format!("Top level group named '{name}' already exists."),
            (Self::Realm, Some(_)) => format!("Sibling group named '{name}' already exists."),
            (Self::Organization(_), None) => "Group with the given name already exists.".to_owned(),
            (Self::Organization(_), Some(_)) => "Sibling group with the given name already exists".to_owned(),
        };
        Answer::error_message(409, &message)
    }

    /// The answer to a PUT where a sibling has the name.
    pub(super) fn renamed_to_taken(self, name: &str) -> Answer {
        match self {
            Self::Realm => {
                Answer::error_message(409, &format!("Sibling group named '{name}' already exists."))
            }
            Self::Organization(_) => {
                let body = json!({ "error": "conflict", "error_description": "Duplicate resource error" });
                Answer { status: 409, location: None, body: Some(body) }
            }
        }
    }

    /// The answer to what the database refuses: names that are too long in a creation, and moves into a group's own
    /// descendants.
    pub(super) fn refused_by_database(self) -> Answer {
        match self {
            Self::Realm => failure(),
            Self::Organization(_) => Answer::error_message(400, "Database operation failed"),
        }
    }

    /// The answer to a move of a group that is not one of these.
    pub(super) fn foreign(self, group: &Group, to_top: bool) -> Answer {
        match (self, &group.organization) {
            (Self::Realm, _) if to_top => of_organization(),
            (Self::Realm, _) => Answer::error(400, "unknown_error"),
            (Self::Organization(_), None) => Answer::error_message(400, "Can only move organization groups"),
            (Self::Organization(_), Some(_)) => {
                Answer::error_message(400, "Group does not belong to this organization")
            }
        }
    }
}

/// The answer about a group of an organization where only the realm's are served.
fn of_organization() -> Answer {
    Answer::error_message(400, "Cannot manage organization related group via non Organization API.")
}

/// The group with this id, one of these.
///
/// # Errors
/// 404 where there is none, 400 where it is somebody else's.
pub(in super::super) fn existing<'a>(
    realm: &'a Realm,
    scope: Scope<'_>,
    id: &str,
) -> Result<&'a Group, Answer> {
    let found = realm.groups.get(id);
    match scope {
        Scope::Realm => found
            .ok_or_else(not_found)
            .and_then(|group| if scope.owns(group) { Ok(group) } else { Err(of_organization()) }),
        Scope::Organization(_) => {
            let group = found.ok_or_else(|| Answer::error_message(404, "Group does not exist"))?;
            if scope.owns(group) {
                Ok(group)
            } else {
                Err(Answer::error_message(400, "Group does not belong to the organization"))
            }
        }
    }
}
