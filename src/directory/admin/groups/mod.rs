//! Groups kept as Keycloak's groups: tag, names, roles, power, members.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use crate::directory::groups::{CheckGroup, EditGroup, GroupRow, Groups, Members, Membership, WantedGroup};
use crate::directory::{Context, Result};
use crate::scim::{Code, Error, Filter};

use super::AdminDirectory;

/// How a realm's groups are to be kept.
#[derive(Debug, Clone, Default)]
pub struct GroupSettings {
    /// The names on the way to the group below which they live; empty for the top level.
    pub parent: Vec<String>,
    /// Are groups that are not managed shown too?
    pub show_all: bool,
    /// Is a group that is not managed made so where a client creates one of its name?
    pub adopt: bool,
    /// The names, in lower case, of the groups that clients may see and change although they carry power.
    pub privileged: BTreeSet<String>,
    /// The roles that groups carry, by the groups' names in lower case.
    pub roles: BTreeMap<String, BTreeSet<GroupRole>>,
}

/// A role that a group carries by configuration.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum GroupRole {
    /// Of the realm.
    Realm(String),
    /// Of a client.
    Client {
        /// Its `clientId`.
        client: String,
        /// The role's name.
        role: String,
    },
}

fn nope<T>() -> Result<T> {
    Err(Error::new(501, Code::NotImplemented, "groups"))
}

impl Groups for AdminDirectory {
    fn group<'a>(
        &'a self,
        _context: &'a Context,
        _id: &'a str,
        _members: Members,
    ) -> BoxFuture<'a, Result<Option<GroupRow>>> {
        async move { nope() }.boxed()
    }

    fn groups<'a>(
        &'a self,
        _context: &'a Context,
        _filter: Option<&'a Filter>,
        _limit: usize,
    ) -> BoxFuture<'a, Result<Vec<GroupRow>>> {
        async move { Ok(Vec::new()) }.boxed()
    }

    fn fill<'a>(&'a self, _context: &'a Context, _rows: &'a mut [GroupRow]) -> BoxFuture<'a, Result<()>> {
        async move { Ok(()) }.boxed()
    }

    fn create_group<'a>(&'a self, _: &'a Context, _: WantedGroup) -> BoxFuture<'a, Result<GroupRow>> {
        async move { nope() }.boxed()
    }

    fn update_group<'a>(
        &'a self,
        _context: &'a Context,
        _id: &'a str,
        _edit: EditGroup,
        _members: Members,
    ) -> BoxFuture<'a, Result<GroupRow>> {
        async move { nope() }.boxed()
    }

    fn delete_group<'a>(&'a self, _: &'a Context, _: &'a str, _: CheckGroup) -> BoxFuture<'a, Result<()>> {
        async move { nope() }.boxed()
    }

    fn groups_of<'a>(&'a self, _: &'a Context, _: &'a str) -> BoxFuture<'a, Result<Vec<Membership>>> {
        async move { Ok(Vec::new()) }.boxed()
    }
}
