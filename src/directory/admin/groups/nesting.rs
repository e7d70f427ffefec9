//! Whether groups can be put into a group, or taken out of it, and who may join it: looked at before anything is changed.

use futures_util::{StreamExt, TryStreamExt, stream};

use crate::directory::Result;
use crate::keycloak::{self, GroupId, GroupRepresentation, UserId};
use crate::scim::resource::printable;
use crate::scim::{Code, Error, ScimType};

use super::super::{OrScim, Session};
use super::members::{AT_ONCE, Found, MemberPlan, unknown};
use super::standing::Judge;
use super::stored;

impl Session {
    /// Looks whether the plan's groups can move, and whether its users may join.
    ///
    /// # Errors
    /// 400 for a group that can't be put into this one or taken out of it, 409 where another group has its name there, 403
    /// for a user who must not join.
    pub(super) async fn check_moves(
        &self,
        judge: &Judge<'_>,
        group: Option<&GroupRepresentation>,
        name: &str,
        plan: &MemberPlan,
    ) -> Result<()> {
        // Only a group that the configuration names gets here with power, or comes to it by the name that it gets.
        let power = match (self.listed_power(name), group) {
            _ if plan.added.is_empty() => None,
            (Some(listed), _) => Some(listed.to_owned()),
            (None, Some(group)) => judge.power(group).await?,
            (None, None) => None,
        };
        let own = group.and_then(|group| group.id.as_ref());
        if let (Some(role), Some(group), Some(id)) = (self.listed_power(name), group, own)
            && group.name.to_lowercase() != name.to_lowercase()
            && group.sub_group_count != Some(0)
            && !self.client.subgroups(id).await.or_scim(self)?.is_empty()
        {
            return Err(into_power(role));
        }
        if plan.moves_groups() {
            self.check_coming(judge, group, power.as_deref(), plan).await?;
            let leaving = plan.removed.iter().filter_map(Found::group).map(|(_, child)| child);
            let leaving: Vec<_> =
                leaving.filter(|child| own.is_some() && child.parent_id.as_ref() == own).collect();
            if let Some(foreign) =
                leaving.iter().find(|child| !stored::is_tagged(child, &self.storage.tenant))
            {
                return Err(unmanaged(foreign));
            }
            self.check_way_home(leaving).await?;
        }
        match power {
            Some(_) => self.refuse_joiners_with_power(own, plan).await,
            None => Ok(()),
        }
    }

    /// Looks whether the groups that are to be members can be put into the group.
    async fn check_coming(
        &self,
        judge: &Judge<'_>,
        group: Option<&GroupRepresentation>,
        power: Option<&str>,
        plan: &MemberPlan,
    ) -> Result<()> {
        let above = match group {
            Some(group) => judge.above(group).await?,
            None => Vec::new(),
        };
        let own = group.and_then(|group| group.id.as_ref());
        let mut coming = Vec::new();
        for (id, child) in plan.added.iter().filter_map(Found::group) {
            if own == Some(id) || above.iter().any(|above| above.id.as_ref() == Some(id)) {
                return Err(not_nestable(child, "can't be put into itself or into a group within it"));
            }
            if !stored::is_tagged(child, &self.storage.tenant) {
                return Err(unmanaged(child));
            }
            if child.parent_id.is_some() && child.parent_id.as_ref() != own {
                let parent = judge.above(child).await?.into_iter().next();
                if let Some(parent) = parent.filter(|parent| parent.id != self.facts.group_parent) {
                    let visible = judge.standing(&parent).await?.is_visible();
                    let parent = if visible { printable(&parent.name) } else { "in Keycloak".into() };
                    return Err(not_nestable(
                        child,
                        &format!(
                            "is in another group ({parent}) already, and in Keycloak a group is in one group only; take \
                             it out there first"
                        ),
                    ));
                }
            }
            if let Some(role) = power {
                return Err(into_power(role));
            }
            if child.parent_id.as_ref() != own {
                coming.push(child);
            }
        }
        let Some(own) = own.filter(|_| !coming.is_empty()) else { return Ok(()) };
        let there = self.client.subgroups(own).await.or_scim(self)?;
        match coming.into_iter().find(|child| there.iter().any(|other| other.name == child.name)) {
            Some(child) => Err(name_in_the_way(child)),
            None => Ok(()),
        }
    }

    /// Looks whether these groups can move to where SCIM's groups live, as far as names go.
    ///
    /// # Errors
    /// 409 where Keycloak has another group of the name there.
    pub(super) async fn check_way_home(&self, groups: Vec<&GroupRepresentation>) -> Result<()> {
        for group in groups {
            let namesakes = self.groups_named(&group.name).await?;
            let there = namesakes.iter().filter(|other| other.parent_id == self.facts.group_parent);
            if there.filter(|other| other.id != group.id).any(|other| other.name == group.name) {
                return Err(name_in_the_way(group));
            }
        }
        Ok(())
    }

    /// What it means that a group could not be moved.
    pub(super) fn not_moved(&self, error: keycloak::Error, group: &GroupRepresentation) -> Error {
        match error {
            keycloak::Error::Conflict { .. } => name_in_the_way(group),
            // Who was there a moment ago is gone.
            error @ keycloak::Error::NotFound { .. } if !error.is_realm_missing() => {
                unknown(group.id.as_ref().map_or("", AsRef::as_ref))
            }
            error => self.failed(&error),
        }
    }

    /// Refuses to join somebody who has power to a group that has, or comes to it.
    async fn refuse_joiners_with_power(&self, own: Option<&GroupId>, plan: &MemberPlan) -> Result<()> {
        let checks: Vec<_> = plan
            .added
            .iter()
            .filter_map(Found::user)
            .map(|user| async move {
                match self.power(user).await? {
                    None => Ok(()),
                    // Who is in the group has its power from there; to name them again changes nothing.
                    Some(_) if self.is_in(user, own).await? => Ok(()),
                    Some(role) => Err(Error::new(
                        403,
                        Code::ProtectedGroup,
                        format!(
                            "The user {user} holds administrative power already (role {role}), so joining them to a group \
                             with power is up to Keycloak's administrators"
                        ),
                    )),
                }
            })
            .collect();
        stream::iter(checks).buffered(AT_ONCE).try_collect::<Vec<()>>().await?;
        Ok(())
    }

    /// Is the user in the group itself?
    async fn is_in(&self, user: &UserId, group: Option<&GroupId>) -> Result<bool> {
        let groups = self.client.user_groups(user).await.or_scim(self)?.unwrap_or_default();
        Ok(groups.iter().any(|joined| joined.id.is_some() && joined.id.as_ref() == group))
    }
}

fn not_nestable(group: &GroupRepresentation, reason: &str) -> Error {
    let id = group.id.as_ref().map(ToString::to_string).unwrap_or_default();
    let name = printable(&group.name);
    Error::bad(ScimType::InvalidValue, Code::GroupNotNestable, format!("The group {name} ({id}) {reason}"))
}

/// Nobody gains power by being in a group that is put into another one.
fn into_power(role: &str) -> Error {
    Error::bad(
        ScimType::InvalidValue,
        Code::ProtectedGroup,
        format!(
            "The group has administrative power (role {role}), or would have it, so no group can be in it"
        ),
    )
}

fn unmanaged(group: &GroupRepresentation) -> Error {
    not_nestable(group, "is not managed over SCIM, so it can't be moved")
}

fn name_in_the_way(group: &GroupRepresentation) -> Error {
    Error::conflict(
        Code::GroupExists,
        format!(
            "The group {} can't be moved: another group in Keycloak has its name in the place where it would be",
            printable(&group.name)
        ),
    )
}
