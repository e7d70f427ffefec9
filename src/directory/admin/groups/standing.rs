//! Which groups exist for a client: those below the configured one, managed or shown all the same, and without power.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use crate::directory::Result;
use crate::keycloak::{GroupId, GroupRepresentation};
use crate::scim::{Code, Error};

use super::super::power::{gives_power, is_power};
use super::super::realm::REALM_MANAGEMENT;
use super::super::{OrScim, Session};
use super::stored;

/// Keycloak's own limit is none; a chain of this length is a mistake, and could be a circle.
const MAX_DEPTH: usize = 100;

/// What a group is to a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// Theirs.
    Managed,
    /// Somebody else's, which the configuration shows them.
    Shown,
    /// Somebody else's.
    Foreign,
    /// It carries administrative power and is not named in the configuration: it does not exist for them.
    Powerful,
}

impl Standing {
    pub(super) fn is_visible(self) -> bool {
        matches!(self, Self::Managed | Self::Shown)
    }
}

/// What a group's power hangs on, besides the groups above it: its roles by name. Where it stands, too, since Keycloak tells
/// realm roles from above along with its own.
type Mapped = (Option<GroupId>, Vec<String>, BTreeMap<String, Vec<String>>);

/// Judges groups for one request, and remembers what it looked at.
pub(super) struct Judge<'s> {
    session: &'s Session,
    groups: Mutex<HashMap<GroupId, Option<Arc<GroupRepresentation>>>>,
    /// The role that gives power, by what groups have: many have the same.
    powers: Mutex<HashMap<Mapped, Option<String>>>,
}

impl<'s> Judge<'s> {
    pub(super) fn new(session: &'s Session) -> Self {
        Self { session, groups: Mutex::default(), powers: Mutex::default() }
    }

    /// Takes note of groups, so that they need not be read where they stand above others.
    pub(super) fn know<'g>(&self, groups: impl IntoIterator<Item = &'g GroupRepresentation>) {
        let mut known = self.groups.lock().unwrap_or_else(PoisonError::into_inner);
        for group in groups {
            if let Some(id) = &group.id {
                known.entry(id.clone()).or_insert_with(|| Some(Arc::new(group.clone())));
            }
        }
    }

    /// What the group is to a client.
    pub(super) async fn standing(&self, group: &GroupRepresentation) -> Result<Standing> {
        let settings = &self.session.settings().groups;
        let tagged = stored::is_tagged(group, &self.session.storage.tenant);
        if !tagged && !settings.show_all {
            return Ok(Standing::Foreign);
        }
        let Some(above) = self.chain(group).await? else { return Ok(Standing::Powerful) };
        if let Some(parent) = &self.session.facts.group_parent
            && !above.iter().any(|above| above.id.as_ref() == Some(parent))
        {
            return Ok(Standing::Foreign);
        }
        let privileged = settings.privileged.contains(&group.name.to_lowercase());
        if !privileged && self.power_among(group, &above).await?.is_some() {
            return Ok(Standing::Powerful);
        }
        Ok(if tagged { Standing::Managed } else { Standing::Shown })
    }

    /// The role that gives the group power, its own or one of a group above it; none where there is none.
    pub(super) async fn power(&self, group: &GroupRepresentation) -> Result<Option<String>> {
        let above = self.above(group).await?;
        self.power_among(group, &above).await
    }

    /// Refuses to make a group where it would carry power, or where there is no place for it any more.
    pub(super) async fn check_home(&self) -> Result<()> {
        let Some(id) = &self.session.facts.group_parent else { return Ok(()) };
        let reason = match self.read(id).await? {
            None => "is missing",
            Some(home) if self.power(&home).await?.is_some() => "carries administrative power",
            // Whoever is in a group below would have them, and no configuration lists them.
            Some(home) if home.has_roles() => "carries roles",
            Some(_) => return Ok(()),
        };
        tracing::error!(%id, "the group below which SCIM's groups live (groups.parent) {reason}");
        Err(Error::unavailable(
            Code::RealmNotReady,
            format!("The group in Keycloak below which SCIM's groups live (groups.parent) {reason}"),
            60,
        ))
    }

    /// The group with this id, read once.
    async fn read(&self, id: &GroupId) -> Result<Option<Arc<GroupRepresentation>>> {
        let known = self.groups.lock().unwrap_or_else(PoisonError::into_inner).get(id).cloned();
        if let Some(known) = known {
            return Ok(known);
        }
        let found = self.session.client.group(id).await.or_scim(self.session)?.map(Arc::new);
        self.groups.lock().unwrap_or_else(PoisonError::into_inner).insert(id.clone(), found.clone());
        Ok(found)
    }

    async fn power_among(
        &self,
        group: &GroupRepresentation,
        above: &[Arc<GroupRepresentation>],
    ) -> Result<Option<String>> {
        for group in std::iter::once(group).chain(above.iter().map(Arc::as_ref)) {
            if let Some(role) = self.own_power(group).await? {
                return Ok(Some(role));
            }
        }
        Ok(None)
    }

    /// The groups above it, the nearest first.
    pub(super) async fn above(&self, group: &GroupRepresentation) -> Result<Vec<Arc<GroupRepresentation>>> {
        Ok(self.chain(group).await?.unwrap_or_default())
    }

    /// The same; none where they can't all be seen, so that nobody knows what they give.
    async fn chain(&self, group: &GroupRepresentation) -> Result<Option<Vec<Arc<GroupRepresentation>>>> {
        let mut above: Vec<Arc<GroupRepresentation>> = Vec::new();
        let mut next = group.parent_id.clone();
        while let Some(id) = next.take() {
            let parent = self.read(&id).await?.filter(|_| above.len() < MAX_DEPTH);
            let Some(parent) = parent else { return Ok(None) };
            next.clone_from(&parent.parent_id);
            above.push(parent);
        }
        Ok(Some(above))
    }

    /// The role that gives power among those that are mapped to the group itself, and what they bring.
    async fn own_power(&self, group: &GroupRepresentation) -> Result<Option<String>> {
        // Most groups have no role at all, and need no further look.
        let Some(id) = group.id.as_ref().filter(|_| group.has_roles()) else { return Ok(None) };
        // Told by name alone, also where the account may not look at clients' roles.
        let named = group.client_roles.get(REALM_MANAGEMENT).into_iter().flatten();
        if let Some(role) = named.into_iter().find(|role| gives_power(role)) {
            return Ok(Some(role.clone()));
        }
        let mapped = (group.parent_id.clone(), group.realm_roles.clone(), group.client_roles.clone());
        let known = self.powers.lock().unwrap_or_else(PoisonError::into_inner).get(&mapped).cloned();
        if let Some(known) = known {
            return Ok(known);
        }
        let client = &self.session.client;
        let client_roles = async {
            match &self.session.facts.realm_management {
                Some(realm_management) => client.group_client_roles(id, realm_management).await,
                None => Ok(Vec::new()),
            }
        };
        let power = match tokio::try_join!(client_roles, client.group_realm_roles(id)) {
            Ok((client_roles, realm_roles)) => {
                is_power(&realm_roles, &client_roles, &self.session.settings().protected_roles)
            }
            // It was deleted meanwhile.
            Err(crate::keycloak::Error::NotFound { .. }) => None,
            Err(error) => return Err(self.session.failed(&error)),
        };
        self.powers.lock().unwrap_or_else(PoisonError::into_inner).insert(mapped, power.clone());
        Ok(power)
    }
}
