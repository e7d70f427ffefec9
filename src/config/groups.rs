//! How the groups of a realm are kept: which of them clients see, and which roles they carry.

mod fold;
mod layer;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::built_in;

pub(super) use fold::{SpecialRoles, check_layer, fold};
#[cfg(test)]
pub(super) use layer::ClientRoleLayer;
pub(super) use layer::{GroupPath, GroupsLayer};

/// How a realm's groups are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Groups {
    /// The names on the way to the group below which SCIM groups live; empty for the top level.
    pub parent: Vec<String>,
    /// Which groups clients see.
    pub visible: VisibleGroups,
    /// What a write does with a group that somebody else made.
    pub on_existing: OnExistingGroup,
    /// Groups that clients may see, join people to and change although they carry administrative power: their names, in
    /// lower case.
    pub privileged: BTreeSet<String>,
    /// Most members of a group that the answer to a PATCH shows; with more, that answer has no body. 0 to 10000.
    pub patch_response_members: usize,
    /// What pushed groups carry, by the group's name in lower case.
    pub roles: BTreeMap<String, GroupRoles>,
}

impl Default for Groups {
    /// What holds where no file says anything.
    fn default() -> Self {
        Self {
            parent: Vec::new(),
            visible: VisibleGroups::Managed,
            on_existing: OnExistingGroup::Reject,
            privileged: BTreeSet::new(),
            patch_response_members: built_in::PATCH_RESPONSE_MEMBERS,
            roles: BTreeMap::new(),
        }
    }
}

/// The roles that a pushed group carries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupRoles {
    /// The group's name as the configuration spells it.
    pub name: String,
    /// What its members gain; empty where it carries nothing by configuration.
    pub roles: BTreeSet<GroupRole>,
}

/// A role of Keycloak, by name. Its `Display` is for administrators: `developer`, `editor of client billing`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum GroupRole {
    /// A role of the realm.
    Realm(String),
    /// A role of a client.
    Client {
        /// The client's id as administrators see it, not its UUID.
        client: String,
        /// The role's name.
        role: String,
    },
}

impl fmt::Display for GroupRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Realm(role) => f.write_str(role),
            Self::Client { client, role } => write!(f, "{role} of client {client}"),
        }
    }
}

/// Which of the groups below the parent clients see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VisibleGroups {
    /// Those that are managed over SCIM.
    Managed,
    /// All; those that are not managed can only be read.
    All,
}

/// What a write does with a group that exists in Keycloak and is not managed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnExistingGroup {
    /// 409: the group stays as it is.
    Reject,
    /// It becomes managed, unless it carries a role that the configuration does not list for it.
    Adopt,
}
