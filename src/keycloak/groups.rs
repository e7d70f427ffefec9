//! The calls about groups: read, search, create, change, move, delete, and who is in them. The groups are the realm's,
//! or those of the organization that the client is [within](AdminClient::within).

use std::collections::HashSet;

use futures_util::{StreamExt, TryStreamExt, stream};
use http::Method;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::client::{AdminClient, Repeat, window};
use super::endpoint::{
    Address, CHILDREN, CLIENT_MAPPINGS, CLIENT_ROLES, GROUP, GROUPS, MEMBERS, OF_USER, REALM_MAPPINGS,
    REALM_ROLES, absent,
};
use super::error::{Call, Error, Result};
use super::query::{GroupQuery, MAX_PAGE};
use super::representation::{GroupId, GroupRepresentation, RoleRepresentation, UserId, UserRepresentation};
use super::transport::Answer;

/// How many groups of a list are read at once, where the list does not say enough of them.
const READS_AT_ONCE: usize = 4;

/// A group, and where Keycloak says that it is.
#[derive(Deserialize)]
struct Placed {
    #[serde(default)]
    path: String,
    #[serde(flatten)]
    group: GroupRepresentation,
}

impl Placed {
    /// The group as one of its organization. There those at the top level are below a hidden group, without which the
    /// organization is broken; nobody gets to see that one, the only one without a group above it.
    fn in_organization(self) -> Option<GroupRepresentation> {
        let Self { path, mut group } = self;
        group.parent_id.as_ref()?;
        // A slash in a name may have been written with a tilde before it, if this Keycloak was told to.
        let is_top =
            path.strip_prefix('/').is_some_and(|name| name == group.name || name == escaped(&group.name));
        if is_top {
            group.parent_id = None;
        }
        Some(group)
    }
}

fn escaped(name: &str) -> String {
    name.replace('/', "~/")
}

impl AdminClient {
    async fn read<T: DeserializeOwned>(
        &self,
        Address { path, values }: Address<'_>,
        query: &[(&'static str, String)],
    ) -> Result<T> {
        self.get((path, &values), query).await.map_err(absent)
    }

    async fn change<T: Serialize + ?Sized + Sync>(
        &self,
        method: Method,
        Address { path, values }: Address<'_>,
        body: Option<&T>,
        repeat: Repeat,
    ) -> Result<Answer> {
        self.write(method, (path, &values), body, repeat).await.map_err(absent)
    }

    /// The groups of a whole list.
    async fn listed(
        &self,
        Address { path, values }: Address<'_>,
        mut query: Vec<(&'static str, String)>,
    ) -> Result<Vec<GroupRepresentation>> {
        query.extend(self.with_count());
        let groups: Vec<Placed> = self.every_page((path, &values), &query).await.map_err(absent)?;
        Ok(groups.into_iter().filter_map(|group| self.placed(group)).collect())
    }

    /// The group as it is to callers; none where it is to be hidden.
    fn placed(&self, found: Placed) -> Option<GroupRepresentation> {
        if self.organization.is_some() { found.in_organization() } else { Some(found.group) }
    }

    /// An organization's groups are counted only when asked.
    fn with_count(&self) -> Option<(&'static str, String)> {
        self.organization.as_ref().map(|_| ("subGroupsCount", "true".to_owned()))
    }

    /// The group with this id, with its attributes and the roles that are mapped to it directly; `None` if there is
    /// none, or not here.
    ///
    /// # Errors
    /// As every call; see [`Error`].
    pub async fn group(&self, id: &GroupId) -> Result<Option<GroupRepresentation>> {
        let query: Vec<_> = self.with_count().into_iter().collect();
        match self.read::<Placed>(self.at(GROUP, &[id.as_ref()]), &query).await {
            Ok(found) => Ok(self.placed(found).filter(|group| group.id.as_ref() == Some(id))),
            Err(error) if error.is_realm_missing() || error.is_organization_missing() => Err(error),
            Err(Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// All groups that the query finds, on every level, by name, as [`group`](Self::group) gives them; read page by page.
    /// One that has an attribute's value twice is given twice by Keycloak, and once here.
    ///
    /// # Errors
    /// As every call; see [`Error`].
    pub async fn every_group(&self, query: &GroupQuery) -> Result<Vec<GroupRepresentation>> {
        let conditions =
            if self.organization.is_some() { query.in_organization() } else { query.conditions() };
        let mut groups = self.listed(self.at(GROUPS, &[]), conditions).await?;
        let mut seen = HashSet::new();
        groups.retain(|group| {
            query.holds_attributes(group) && group.id.as_ref().is_none_or(|id| seen.insert(id.clone()))
        });
        Ok(groups)
    }

    /// All groups directly below a group, by name, as [`group`](Self::group) gives them.
    ///
    /// # Errors
    /// [`Error::NotFound`], and as every call.
    pub async fn subgroups(&self, id: &GroupId) -> Result<Vec<GroupRepresentation>> {
        let children = self.listed(self.at(CHILDREN, &[id.as_ref()]), Vec::new()).await?;
        if self.organization.is_none() {
            return Ok(children);
        }
        // This list of Keycloak's never has attributes.
        let ids: Vec<GroupId> = children.into_iter().filter_map(|group| group.id).collect();
        let reads: Vec<_> = ids.iter().map(|id| self.group(id)).collect();
        let read: Vec<Option<GroupRepresentation>> =
            stream::iter(reads).buffered(READS_AT_ONCE).try_collect().await?;
        Ok(read.into_iter().flatten().collect())
    }

    /// The group at a path, by the names on the way to it.
    ///
    /// # Errors
    /// As every call; see [`Error`].
    pub async fn group_by_path(&self, names: &[String]) -> Result<Option<GroupRepresentation>> {
        let mut at: Option<GroupRepresentation> = None;
        // Step by step: a path can't tell a slash in a name from one between names.
        for name in names {
            let groups = match &at {
                None => {
                    let search = Some(name.clone());
                    self.every_group(&GroupQuery { search, ..GroupQuery::default() }).await?
                }
                Some(GroupRepresentation { id: Some(id), .. }) => self.subgroups(id).await?,
                Some(_) => return Ok(None),
            };
            let above = at.and_then(|group| group.id);
            at = groups.into_iter().find(|group| group.name == *name && group.parent_id == above);
            if at.is_none() {
                return Ok(None);
            }
        }
        Ok(at)
    }

    /// Creates a group, at the top level or below another one, and gives the id that Keycloak chose.
    ///
    /// # Errors
    /// [`Error::Conflict`] when a sibling has the name, [`Error::NotFound`] without the group above it, and as every
    /// call. Names and values of more than 255 UTF-16 units are answered 500, in an organization some 400.
    /// There a group below another one takes two calls; between them it has nothing but its name.
    pub async fn create_group(
        &self,
        below: Option<&GroupId>,
        group: &GroupRepresentation,
    ) -> Result<GroupId> {
        let at = self.place(below);
        let path = at.path;
        let answer = self.change(Method::POST, at, Some(group), Repeat::NeverSent).await?;
        let id = answer
            .location
            .as_deref()
            .and_then(|location| location.rsplit('/').next())
            .and_then(|id| GroupId::try_from(id).ok())
            .ok_or_else(|| Error::Decode {
                call: Call { method: "POST", path },
                detail: "its Location header holds no group id".to_owned(),
            })?;
        let is_bare = self.organization.is_some() && below.is_some();
        if is_bare && (group.attributes.is_some() || group.description.is_some()) {
            self.complete(&id, group).await?;
        }
        Ok(id)
    }

    /// Writes what Keycloak passes over when a group is created below another one of an organization: all but its name.
    /// Where that fails the group goes again, so that none is left that nobody would know for theirs.
    async fn complete(&self, id: &GroupId, group: &GroupRepresentation) -> Result<()> {
        let Err(failed) = self.update_group(id, group).await else { return Ok(()) };
        if let Err(error) = self.delete_group(id).await {
            tracing::warn!(%id, %error, "a group stays without its attributes: it could neither be completed nor deleted");
        }
        Err(failed)
    }

    /// The list of groups in this place.
    fn place<'a>(&'a self, below: Option<&'a GroupId>) -> Address<'a> {
        match below {
            None => self.at(GROUPS, &[]),
            Some(above) => self.at(CHILDREN, &[above.as_ref()]),
        }
    }

    /// Changes a group. The name must be there; a description that is left out is cleared; attributes that are left out
    /// stay, and where they are there they replace all.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Conflict`] when a sibling has the name, and as every call.
    pub async fn update_group(&self, id: &GroupId, group: &GroupRepresentation) -> Result<()> {
        self.change(Method::PUT, self.at(GROUP, &[id.as_ref()]), Some(group), Repeat::Always).await.map(drop)
    }

    /// Moves a group below another one, or to the top level; its name stays. Keycloak must not be asked to move a group
    /// below one of its own descendants: it answers 500, in an
    /// organization 400.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Conflict`] when a sibling there has the name, and as every call.
    pub async fn move_group(&self, id: &GroupId, name: &str, below: Option<&GroupId>) -> Result<()> {
        let mut body = Map::new();
        body.insert("id".into(), Value::from(id.as_ref()));
        body.insert("name".into(), Value::from(name));
        self.change(Method::POST, self.place(below), Some(&body), Repeat::Always).await.map(drop)
    }

    /// Deletes a group and all groups below it; its members stay.
    ///
    /// # Errors
    /// [`Error::NotFound`], and as every call.
    pub async fn delete_group(&self, id: &GroupId) -> Result<()> {
        let Address { path, values } = self.at(GROUP, &[id.as_ref()]);
        self.remove((path, &values)).await.map_err(absent)
    }

    /// A page of those who are in the group itself, by username, attributes included, at most [`MAX_PAGE`]; service
    /// accounts too. Keycloak can't count them.
    ///
    /// # Errors
    /// [`Error::NotFound`], and as every call.
    pub async fn group_members(&self, id: &GroupId, first: u32, max: u32) -> Result<Vec<UserRepresentation>> {
        let window = window(first, max.min(MAX_PAGE));
        let mut members: Vec<UserRepresentation> =
            self.read(self.at(MEMBERS, &[id.as_ref()]), &window).await?;
        members.iter_mut().for_each(UserRepresentation::forget_membership);
        Ok(members)
    }

    /// The groups that the user is in directly, by name, with attributes and roles; `None` if there is no such user, or
    /// none in the organization.
    ///
    /// # Errors
    /// As every call; see [`Error`].
    pub async fn user_groups(&self, id: &UserId) -> Result<Option<Vec<GroupRepresentation>>> {
        match self.listed(self.at(OF_USER, &[id.as_ref()]), Vec::new()).await {
            Err(error) if error.is_realm_missing() || error.is_organization_missing() => Err(error),
            Err(Error::NotFound { .. }) => Ok(None),
            groups => groups.map(Some),
        }
    }

    /// Joins the user to the group; does nothing where they are in it.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such user or group, or the user is not in the organization, and as every
    /// call.
    pub async fn join_group(&self, user: &UserId, group: &GroupId) -> Result<()> {
        let at = self.membership_at(user, group);
        match self.change::<()>(Method::PUT, at, None, Repeat::Always).await {
            Ok(_) => Ok(()),
            // Who is in a group of an organization may not join it again; and of two identical joins at once, one may
            // find that the other was faster.
            Err(error @ Error::Conflict { .. }) => {
                let groups = self.user_groups(user).await?.unwrap_or_default();
                if groups.iter().any(|joined| joined.id.as_ref() == Some(group)) {
                    Ok(())
                } else {
                    Err(error)
                }
            }
            Err(error) => Err(error),
        }
    }

    /// Takes the user out of the group; does nothing where they are not in it.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such user or group, and as every call.
    pub async fn leave_group(&self, user: &UserId, group: &GroupId) -> Result<()> {
        let at = self.membership_at(user, group);
        self.change::<()>(Method::DELETE, at, None, Repeat::Always).await.map(drop)
    }

    /// The realm roles of the group itself, those that its composite roles bring included; what it has from the groups
    /// above it is not among them.
    ///
    /// # Errors
    /// [`Error::NotFound`], and as every call.
    pub async fn group_realm_roles(&self, id: &GroupId) -> Result<Vec<RoleRepresentation>> {
        self.read(self.at(REALM_ROLES, &[id.as_ref()]), &[]).await
    }

    /// The same for the roles of one client. `client_uuid` is the client's internal id.
    ///
    /// # Errors
    /// [`Error::Forbidden`] without `view-clients`, [`Error::NotFound`] when there is no such group or client, and as
    /// every call.
    pub async fn group_client_roles(
        &self,
        id: &GroupId,
        client_uuid: &str,
    ) -> Result<Vec<RoleRepresentation>> {
        self.read(self.at(CLIENT_ROLES, &[id.as_ref(), client_uuid]), &[]).await
    }

    /// Maps roles to the group, of the realm or of one client; does nothing for those that it has.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such group or role, and as every call.
    pub async fn map_group_roles(
        &self,
        id: &GroupId,
        client_uuid: Option<&str>,
        roles: &[RoleRepresentation],
    ) -> Result<()> {
        self.change_group_roles(Method::POST, id, client_uuid, roles).await
    }

    /// Takes directly mapped roles from the group, of the realm or of one client; does nothing for those that it lacks.
    ///
    /// # Errors
    /// As [`map_group_roles`](Self::map_group_roles).
    pub async fn unmap_group_roles(
        &self,
        id: &GroupId,
        client_uuid: Option<&str>,
        roles: &[RoleRepresentation],
    ) -> Result<()> {
        self.change_group_roles(Method::DELETE, id, client_uuid, roles).await
    }

    async fn change_group_roles(
        &self,
        method: Method,
        id: &GroupId,
        client_uuid: Option<&str>,
        roles: &[RoleRepresentation],
    ) -> Result<()> {
        let at = match client_uuid {
            None => self.at(REALM_MAPPINGS, &[id.as_ref()]),
            Some(client) => self.at(CLIENT_MAPPINGS, &[id.as_ref(), client]),
        };
        self.change(method, at, Some(roles), Repeat::Always).await.map(drop)
    }
}
