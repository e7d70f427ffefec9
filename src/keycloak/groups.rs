//! The calls about groups: read, search, create, change, move, delete, and who is in them.

use std::collections::HashSet;

use http::Method;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::client::{AdminClient, At, Repeat};
use super::error::{Call, Error, Result};
use super::query::{GroupQuery, MAX_PAGE};
use super::representation::{GroupId, GroupRepresentation, RoleRepresentation, UserId, UserRepresentation};

const MEMBERSHIP: &str = "users/{id}/groups/{group}";
const REALM_MAPPINGS: &str = "groups/{id}/role-mappings/realm";
const CLIENT_MAPPINGS: &str = "groups/{id}/role-mappings/clients/{client}";

impl AdminClient {
    /// The group with this id, with its attributes and the roles that are mapped to it directly; `None` if there is
    /// none.
    ///
    /// # Errors
    /// As every call; see [`Error`].
    pub async fn group(&self, id: &GroupId) -> Result<Option<GroupRepresentation>> {
        let found: Option<GroupRepresentation> = match self.find(("groups/{id}", &[id.as_ref()])).await {
            // A group of an organization, which these calls don't reach.
            Err(Error::Invalid { .. }) => None,
            found => found?,
        };
        Ok(found.filter(|group| group.id.as_ref() == Some(id)))
    }

    /// All groups that the query finds, on every level, by name, as [`group`](Self::group) gives them; read page by page.
    /// One that has an attribute's value twice is given twice by Keycloak, and once here.
    ///
    /// # Errors
    /// As every call; see [`Error`].
    pub async fn every_group(&self, query: &GroupQuery) -> Result<Vec<GroupRepresentation>> {
        let mut groups: Vec<GroupRepresentation> =
            self.every_page(("groups", &[]), &query.conditions()).await?;
        let mut seen = HashSet::new();
        groups.retain(|group| group.id.as_ref().is_none_or(|id| seen.insert(id.clone())));
        Ok(groups)
    }

    /// All pages of a list, one after the other.
    async fn every_page<T: DeserializeOwned>(
        &self,
        at: At<'_>,
        conditions: &[(&'static str, String)],
    ) -> Result<Vec<T>> {
        let mut all = Vec::new();
        loop {
            let first = u32::try_from(all.len()).unwrap_or(u32::MAX);
            let query = [conditions, &window(first, MAX_PAGE)].concat();
            let page: Vec<T> = self.get(at, &query).await?;
            let is_last = page.len() < MAX_PAGE as usize;
            all.extend(page);
            if is_last {
                return Ok(all);
            }
        }
    }

    /// All groups directly below a group, by name.
    ///
    /// # Errors
    /// [`Error::NotFound`], and as every call.
    pub async fn subgroups(&self, id: &GroupId) -> Result<Vec<GroupRepresentation>> {
        self.every_page(("groups/{id}/children", &[id.as_ref()]), &[]).await
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
    /// call. Names and values of more than 255 UTF-16 units are answered 500.
    pub async fn create_group(
        &self,
        below: Option<&GroupId>,
        group: &GroupRepresentation,
    ) -> Result<GroupId> {
        let answer = match below {
            None => self.write(Method::POST, ("groups", &[]), Some(group), Repeat::NeverSent).await?,
            Some(above) => {
                let at: At<'_> = ("groups/{id}/children", &[above.as_ref()]);
                self.write(Method::POST, at, Some(group), Repeat::NeverSent).await?
            }
        };
        answer
            .location
            .as_deref()
            .and_then(|location| location.rsplit('/').next())
            .and_then(|id| GroupId::try_from(id).ok())
            .ok_or_else(|| Error::Decode {
                call: Call { method: "POST", path: "groups" },
                detail: "its Location header holds no group id".to_owned(),
            })
    }

    /// Changes a group. The name must be there; a description that is left out is cleared; attributes that are left out
    /// stay, and where they are there they replace all.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Conflict`] when a sibling has the name, and as every call.
    pub async fn update_group(&self, id: &GroupId, group: &GroupRepresentation) -> Result<()> {
        self.write(Method::PUT, ("groups/{id}", &[id.as_ref()]), Some(group), Repeat::Always).await.map(drop)
    }

    /// Moves a group below another one, or to the top level; its name stays. Keycloak must not be asked to move a group
    /// below one of its own descendants: it answers 500.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Conflict`] when a sibling there has the name, and as every call.
    pub async fn move_group(&self, id: &GroupId, name: &str, below: Option<&GroupId>) -> Result<()> {
        let mut body = Map::new();
        body.insert("id".into(), Value::from(id.as_ref()));
        body.insert("name".into(), Value::from(name));
        match below {
            None => self.write(Method::POST, ("groups", &[]), Some(&body), Repeat::Always).await.map(drop),
            Some(above) => {
                let at: At<'_> = ("groups/{id}/children", &[above.as_ref()]);
                self.write(Method::POST, at, Some(&body), Repeat::Always).await.map(drop)
            }
        }
    }

    /// Deletes a group and all groups below it; its members stay.
    ///
    /// # Errors
    /// [`Error::NotFound`], and as every call.
    pub async fn delete_group(&self, id: &GroupId) -> Result<()> {
        self.remove(("groups/{id}", &[id.as_ref()])).await
    }

    /// A page of those who are in the group itself, by username, attributes included, at most [`MAX_PAGE`]; service
    /// accounts too. Keycloak can't count them.
    ///
    /// # Errors
    /// [`Error::NotFound`], and as every call.
    pub async fn group_members(&self, id: &GroupId, first: u32, max: u32) -> Result<Vec<UserRepresentation>> {
        self.get(("groups/{id}/members", &[id.as_ref()]), &window(first, max.min(MAX_PAGE))).await
    }

    /// The groups that the user is in directly, by name, with attributes and roles; `None` if there is no such user.
    ///
    /// # Errors
    /// As every call; see [`Error`].
    pub async fn user_groups(&self, id: &UserId) -> Result<Option<Vec<GroupRepresentation>>> {
        match self.every_page(("users/{id}/groups", &[id.as_ref()]), &[]).await {
            Err(error) if error.is_realm_missing() => Err(error),
            Err(Error::NotFound { .. }) => Ok(None),
            groups => groups.map(Some),
        }
    }

    /// Joins the user to the group; does nothing where they are in it.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such user or group, and as every call.
    pub async fn join_group(&self, user: &UserId, group: &GroupId) -> Result<()> {
        let values = [user.as_ref(), group.as_ref()];
        match self.write::<()>(Method::PUT, (MEMBERSHIP, &values), None, Repeat::Always).await {
            Ok(_) => Ok(()),
            // Of two identical joins at once, one may find that the other was faster.
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
        let values = [user.as_ref(), group.as_ref()];
        self.write::<()>(Method::DELETE, (MEMBERSHIP, &values), None, Repeat::Always).await.map(drop)
    }

    /// The realm roles of the group itself, those that its composite roles bring included; what it has from the groups
    /// above it is not among them.
    ///
    /// # Errors
    /// [`Error::NotFound`], and as every call.
    pub async fn group_realm_roles(&self, id: &GroupId) -> Result<Vec<RoleRepresentation>> {
        self.get(("groups/{id}/role-mappings/realm/composite", &[id.as_ref()]), &[]).await
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
        let at: At<'_> =
            ("groups/{id}/role-mappings/clients/{client}/composite", &[id.as_ref(), client_uuid]);
        self.get(at, &[]).await
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
        let written = match client_uuid {
            None => self.write(method, (REALM_MAPPINGS, &[id.as_ref()]), Some(roles), Repeat::Always).await,
            Some(client) => {
                let values = [id.as_ref(), client];
                self.write(method, (CLIENT_MAPPINGS, &values), Some(roles), Repeat::Always).await
            }
        };
        written.map(drop)
    }
}

/// The window of a list, and the form of its answer.
fn window(first: u32, max: u32) -> [(&'static str, String); 3] {
    [("first", first.to_string()), ("max", max.to_string()), ("briefRepresentation", "false".to_owned())]
}
