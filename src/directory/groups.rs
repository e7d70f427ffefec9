//! The port to where groups live. Only groups that clients may see exist for it.

use std::collections::BTreeSet;

use futures_util::future::BoxFuture;

use crate::scim::members::{MemberChange, MemberType};
use crate::scim::render::Meta;
use crate::scim::{Filter, Resource};

use super::{Context, Result};

/// A group.
#[derive(Debug, Clone)]
pub struct GroupRow {
    /// What clients write, without the members.
    pub resource: Resource,
    /// What the server knows besides. The version moves with the members, whether they are known here or not.
    pub meta: Meta,
    /// The members that were asked for; none where there are more than were.
    pub members: Option<Vec<Member>>,
}

/// A member of a group: a managed user, or a group within it that clients may see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// The id.
    pub id: String,
    /// What it is.
    pub kind: MemberType,
    /// Its name, for people.
    pub display: String,
}

/// A group that a user is in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Membership {
    /// The group's id.
    pub id: String,
    /// Its name.
    pub display: String,
    /// Is the user in the group itself, rather than in one within it?
    pub direct: bool,
}

/// Which members to read along with a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Members {
    /// None of them: costs nothing, whatever the group's size.
    Unread,
    /// All, if there are at most so many; otherwise none.
    UpTo(usize),
    /// Those of these ids that are members.
    These(BTreeSet<String>),
    /// All.
    All,
}

/// What a client wants of a group.
#[derive(Debug, Clone)]
pub struct WantedGroup {
    /// All attributes but the members, as they shall be.
    pub resource: Resource,
    /// What shall become of the members, one change after the other.
    pub members: Vec<MemberChange>,
}

/// Computes what is wanted from what is there; runs while nobody else changes the group.
pub type EditGroup = Box<dyn FnOnce(&GroupRow) -> Result<WantedGroup> + Send>;

/// Looks at what is there before it is deleted.
pub type CheckGroup = Box<dyn FnOnce(&GroupRow) -> Result<()> + Send>;

/// Where groups are kept.
pub trait Groups: Send + Sync {
    /// The group with this id, if clients may see it.
    fn group<'a>(
        &'a self,
        context: &'a Context,
        id: &'a str,
        members: Members,
    ) -> BoxFuture<'a, Result<Option<GroupRow>>>;

    /// Every group that may match the filter (all, without one), each once, in any order: a superset, to be judged again.
    /// Their members are known as far as the filter needs them.
    ///
    /// Where the members of more than `limit` groups would have to be read to judge the filter, it fails with
    /// [`super::too_many`].
    fn groups<'a>(
        &'a self,
        context: &'a Context,
        filter: Option<&'a Filter>,
        limit: usize,
    ) -> BoxFuture<'a, Result<Vec<GroupRow>>>;

    /// Reads all members of the groups.
    fn fill<'a>(&'a self, context: &'a Context, rows: &'a mut [GroupRow]) -> BoxFuture<'a, Result<()>>;

    /// Creates a group and joins its members; knows them afterwards. To be run to its end, whoever still waits for it.
    fn create_group<'a>(
        &'a self,
        context: &'a Context,
        wanted: WantedGroup,
    ) -> BoxFuture<'a, Result<GroupRow>>;

    /// Changes a group, one change at a time, and reads those members along. To be run to its end.
    fn update_group<'a>(
        &'a self,
        context: &'a Context,
        id: &'a str,
        edit: EditGroup,
        members: Members,
    ) -> BoxFuture<'a, Result<GroupRow>>;

    /// Deletes a group; its members stay. To be run to its end.
    fn delete_group<'a>(
        &'a self,
        context: &'a Context,
        id: &'a str,
        check: CheckGroup,
    ) -> BoxFuture<'a, Result<()>>;

    /// The groups that the user is in and that clients may see: its own, and those that these are in.
    fn groups_of<'a>(&'a self, context: &'a Context, user: &'a str)
    -> BoxFuture<'a, Result<Vec<Membership>>>;
}
