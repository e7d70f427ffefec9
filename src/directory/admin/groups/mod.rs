//! Groups kept as Keycloak's groups: tag, names, roles, power, members.

mod delete;
mod inspect;
mod members;
mod names;
mod nesting;
mod read;
mod rest;
mod roles;
mod standing;
mod starting;
mod stored;
mod within;
mod write;

use std::collections::{BTreeMap, BTreeSet};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use crate::directory::groups::{CheckGroup, EditGroup, GroupRow, Groups, Members, Membership, WantedGroup};
use crate::directory::{Context, Result};
use crate::scim::Filter;

use self::standing::Judge;
use super::AdminDirectory;

pub(super) use self::inspect::{KnownRole, Protected, parent, roles};
pub(super) use self::rest::AtRest;

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

impl std::fmt::Display for GroupRole {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Realm(role) => write!(f, "realm role \"{role}\""),
            Self::Client { client, role } => write!(f, "role \"{role}\" of the client \"{client}\""),
        }
    }
}

impl Groups for AdminDirectory {
    fn group<'a>(
        &'a self,
        context: &'a Context,
        id: &'a str,
        members: Members,
    ) -> BoxFuture<'a, Result<Option<GroupRow>>> {
        async move { self.session(context).await?.group(id, &members).await }.boxed()
    }

    fn groups<'a>(
        &'a self,
        context: &'a Context,
        filter: Option<&'a Filter>,
        limit: usize,
    ) -> BoxFuture<'a, Result<Vec<GroupRow>>> {
        async move { self.session(context).await?.groups(filter, limit).await }.boxed()
    }

    fn fill<'a>(&'a self, context: &'a Context, rows: &'a mut [GroupRow]) -> BoxFuture<'a, Result<()>> {
        async move { self.session(context).await?.fill(rows).await }.boxed()
    }

    fn create_group<'a>(
        &'a self,
        context: &'a Context,
        wanted: WantedGroup,
    ) -> BoxFuture<'a, Result<GroupRow>> {
        async move { self.session(context).await?.create_group(wanted).await }.boxed()
    }

    fn update_group<'a>(
        &'a self,
        context: &'a Context,
        id: &'a str,
        edit: EditGroup,
        members: Members,
    ) -> BoxFuture<'a, Result<GroupRow>> {
        async move { self.session(context).await?.update_group(id, edit, members).await }.boxed()
    }

    fn delete_group<'a>(
        &'a self,
        context: &'a Context,
        id: &'a str,
        check: CheckGroup,
    ) -> BoxFuture<'a, Result<()>> {
        async move { self.session(context).await?.delete_group(id, check).await }.boxed()
    }

    fn groups_of<'a>(
        &'a self,
        context: &'a Context,
        user: &'a str,
    ) -> BoxFuture<'a, Result<Vec<Membership>>> {
        async move {
            let session = self.session(context).await?;
            session.groups_of(&Judge::new(&session), user).await
        }
        .boxed()
    }
}
