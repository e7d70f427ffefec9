//! The roles that a group carries by configuration: given with its name, taken when it is renamed.

use std::collections::BTreeMap;

use crate::directory::Result;
use crate::keycloak::{self, GroupId, GroupRepresentation, RoleRepresentation};
use crate::scim::{Code, Error};

use super::super::{OrScim, Session};
use super::inspect::KnownRole;
use super::standing::{Judge, Standing};

impl KnownRole {
    /// Is it mapped to the group directly?
    fn is_mapped(&self, group: &GroupRepresentation) -> bool {
        let names = match &self.client {
            None => Some(&group.realm_roles),
            Some(client) => group.client_roles.get(&client.client_id),
        };
        names.is_some_and(|names| names.contains(&self.role.name))
    }

    fn is_same(&self, other: &Self) -> bool {
        self.role.id == other.role.id
    }
}

/// Roles by the internal id of the client that they belong to.
type ByClient = BTreeMap<Option<String>, Vec<RoleRepresentation>>;

fn by_client<'r>(roles: impl Iterator<Item = &'r KnownRole>) -> ByClient {
    let mut sorted = ByClient::new();
    for known in roles {
        let client = known.client.as_ref().map(|client| client.uuid.clone());
        sorted.entry(client).or_default().push(known.role.clone());
    }
    sorted
}

impl Session {
    /// The roles that a group of this name carries.
    fn listed_roles(&self, name: &str) -> &[KnownRole] {
        self.facts.group_roles.get(&name.to_lowercase()).map_or(&[], Vec::as_slice)
    }

    /// The role that gives power among those that a group of this name carries by configuration.
    pub(super) fn listed_power(&self, name: &str) -> Option<&str> {
        self.listed_roles(name).iter().find_map(|role| role.power.as_deref())
    }

    /// Does a group of the name carry any role by configuration?
    pub(super) fn lists_roles(&self, name: &str) -> bool {
        !self.listed_roles(name).is_empty()
    }

    /// Gives the group the roles that its name carries.
    pub(super) async fn give_roles(
        &self,
        id: &GroupId,
        before: &GroupRepresentation,
        name: &str,
    ) -> Result<()> {
        let due = self.listed_roles(name).iter().filter(|role| !role.is_mapped(before));
        for (client, roles) in by_client(due) {
            let mapped = self.client.map_group_roles(id, client.as_deref(), &roles).await;
            mapped.map_err(|error| self.not_given(error))?;
        }
        Ok(())
    }

    /// Gives the group the roles that its name carries, and looks whether they are what they were when the realm was looked
    /// at: a role may have come to bring others with it.
    ///
    /// # Errors
    /// 503 where it carries power now that nobody granted; the roles are taken back.
    pub(super) async fn give_checked_roles(
        &self,
        id: &GroupId,
        before: &GroupRepresentation,
        name: &str,
    ) -> Result<()> {
        let due: Vec<&KnownRole> =
            self.listed_roles(name).iter().filter(|role| !role.is_mapped(before)).collect();
        if due.is_empty() {
            return Ok(());
        }
        self.give_roles(id, before, name).await?;
        let Some(group) = self.client.group(id).await.or_scim(self)? else { return Ok(()) };
        let power = Judge::new(self).power(&group).await?;
        let privileged = self.settings().groups.privileged.contains(&name.to_lowercase());
        let Some(power) = power.filter(|_| !privileged) else { return Ok(()) };
        for (client, roles) in by_client(due.into_iter()) {
            self.client.unmap_group_roles(id, client.as_deref(), &roles).await.or_scim(self)?;
        }
        tracing::error!(group = name, role = power, "a role of groups.roles gives administrative power");
        Err(Error::unavailable(
            Code::RealmNotReady,
            format!(
                "A role that the group would carry (groups.roles) gives administrative power by now: {power}"
            ),
            60,
        ))
    }

    fn not_given(&self, error: keycloak::Error) -> Error {
        match error {
            keycloak::Error::NotFound { .. } if !error.is_realm_missing() => Error::unavailable(
                Code::RealmNotReady,
                "A role that the group would carry (groups.roles) is missing in Keycloak",
                60,
            ),
            keycloak::Error::Forbidden { .. } => Error::unavailable(
                Code::RealmNotReady,
                "Keycloak does not let the gateway's account give a role that the group would carry (groups.roles); map it \
                 to the group there",
                60,
            ),
            error => self.failed(&error),
        }
    }

    /// Takes from a group the roles that it carries by the name that it has, and would not by its new one. Roles that an
    /// administrator mapped stay. To be done before it is renamed: afterwards nobody would know.
    pub(super) async fn take_roles(
        &self,
        id: &GroupId,
        before: &GroupRepresentation,
        name: &str,
    ) -> Result<()> {
        let wanted = self.listed_roles(name);
        let stale = self
            .listed_roles(&before.name)
            .iter()
            .filter(|role| role.is_mapped(before) && !wanted.iter().any(|wanted| wanted.is_same(role)));
        for (client, roles) in by_client(stale) {
            self.client.unmap_group_roles(id, client.as_deref(), &roles).await.or_scim(self)?;
        }
        Ok(())
    }

    /// Does the group have the roles that its name carries?
    pub(super) fn has_its_roles(&self, group: &GroupRepresentation) -> bool {
        self.listed_roles(&group.name).iter().all(|role| role.is_mapped(group))
    }

    /// Refuses a group that carries, by itself or from above, a role that the configuration does not list for the name.
    pub(super) async fn refuse_unlisted_roles(
        &self,
        judge: &Judge<'_>,
        group: &GroupRepresentation,
        name: &str,
    ) -> Result<()> {
        let above = judge.above(group).await?;
        let listed = self.listed_roles(name);
        for group in std::iter::once(group).chain(above.iter().map(AsRef::as_ref)) {
            let is_listed = |client: Option<&str>, role: &str| {
                listed.iter().any(|known| {
                    known.role.name == role
                        && known.client.as_ref().map(|client| client.client_id.as_str()) == client
                })
            };
            let realm_roles = group.realm_roles.iter().map(|role| (None, role));
            let client_roles = group.client_roles.iter();
            let client_roles = client_roles
                .flat_map(|(client, roles)| roles.iter().map(move |role| (Some(client.as_str()), role)));
            if let Some((_, role)) =
                realm_roles.chain(client_roles).find(|(client, role)| !is_listed(*client, role))
            {
                return Err(Error::new(
                    409,
                    Code::GroupHasRoles,
                    format!(
                        "The group exists in Keycloak and is not taken over, because it carries the role {role}, which \
                         the configuration does not list for it (groups.roles)"
                    ),
                ));
            }
        }
        Ok(())
    }

    /// Brings groups to rest whose change was cut off, and gives all managed groups that the configuration names the roles
    /// that they carry: it may have come to name them after they were made. Returns how many it gave any.
    pub(in super::super) async fn sweep_groups(&self) -> Result<usize> {
        let mut given = 0;
        let groups = self.tagged_groups().await?;
        self.settle_those_cut_off(&groups);
        let judge = Judge::new(self);
        judge.know(&groups);
        for (name, roles) in self.facts.group_roles.iter().filter(|(_, roles)| !roles.is_empty()) {
            for group in groups.iter().filter(|group| group.name.to_lowercase() == *name) {
                let Some(id) = &group.id else { continue };
                let due = roles.iter().any(|role| !role.is_mapped(group));
                if due && judge.standing(group).await? == Standing::Managed {
                    let _lock = self.directory.0.realm.locks().lock(format!("id {id}")).await;
                    // It may have been renamed since it was listed.
                    let now = self.client.group(id).await.or_scim(self)?;
                    if let Some(group) = now.filter(|group| group.name.to_lowercase() == *name) {
                        self.give_roles(id, &group, &group.name).await?;
                        given += 1;
                    }
                }
            }
        }
        Ok(given)
    }
}
