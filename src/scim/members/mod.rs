//! The members of a group, and what a request does to them (RFC 7643 section 4.2, RFC 7644 section 3.5.2), without knowing
//! who is in the group: it may be very many.

mod named;
mod needed;
mod net;
mod patch;
mod roll;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use super::{Filter, Patch};

pub use named::{MAX_MEMBERS, take};
pub use needed::{needed, needed_groups};
pub use net::{net, net_among};

/// What a member is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MemberType {
    /// A user.
    User,
    /// A group within the group.
    Group,
}

impl MemberType {
    /// The name of the resource type.
    pub fn name(self) -> &'static str {
        match self {
            Self::User => "User",
            Self::Group => "Group",
        }
    }
}

/// A member as a client names it. Its `$ref` and `display` say nothing about which one is meant.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NamedMember {
    /// The id.
    pub value: String,
    /// What the client says that it is.
    pub kind: Option<MemberType>,
}

/// One change to a group's members.
#[derive(Debug, Clone, PartialEq)]
pub enum MemberChange {
    /// These are members too.
    Add(Vec<NamedMember>),
    /// Those with these ids are none any more.
    Remove(Vec<String>),
    /// Those that the value filter selects are none any more.
    RemoveMatching(Filter),
    /// These alone are members.
    Replace(Vec<NamedMember>),
}

/// What changes to a group's members come to: the members are those that were there, if others are kept and without those
/// removed, and those added.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NetChange {
    /// Do members stay that are not named?
    pub keeps_others: bool,
    /// Who is to be a member, each once; none of them is removed.
    pub added: Vec<NamedMember>,
    /// Ids of who is to be none; empty where no others are kept.
    pub removed: BTreeSet<String>,
}

/// Which members of a group, or which groups of a user, must be known to judge a filter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NeededMembers {
    /// None: the filter does not speak of them.
    None,
    /// Whether these ids are among them.
    These(BTreeSet<String>),
    /// All.
    All,
}

/// A PATCH of a group: what it does to the members, apart from what it does to all else.
#[derive(Debug)]
pub struct GroupPatch {
    /// The operations on other attributes; none where there are no such.
    pub attributes: Option<Patch>,
    /// Those on members, in the order of the request.
    pub members: Vec<MemberChange>,
}
