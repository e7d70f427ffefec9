//! Reading groups: by id, by filter, all of them, and those of a user.

use std::collections::HashSet;

use futures_util::{StreamExt, TryStreamExt, stream};

use crate::directory::groups::{GroupRow, Members, Membership};
use crate::directory::{Result, too_many};
use crate::keycloak::{AttributeMatch, GroupId, GroupQuery, GroupRepresentation, UserId};
use crate::scim::Filter;
use crate::scim::filter::{Operand, Operator};
use crate::scim::members::{self, NeededMembers};

use super::super::storage::{EXTERNAL_ID, MANAGED, external_id};
use super::super::{OrScim, Session};
use super::standing::Judge;

/// Of how many groups the members are read at once.
const GROUPS_AT_ONCE: usize = 4;

impl Session {
    /// The group; none where clients may not see it.
    pub(super) async fn visible_group(
        &self,
        judge: &Judge<'_>,
        id: &GroupId,
    ) -> Result<Option<GroupRepresentation>> {
        let Some(group) = self.client.group(id).await.or_scim(self)? else { return Ok(None) };
        Ok(judge.standing(&group).await?.is_visible().then_some(group))
    }

    pub(super) async fn group(&self, id: &str, members: &Members) -> Result<Option<GroupRow>> {
        let Ok(id) = GroupId::try_from(id) else { return Ok(None) };
        let judge = Judge::new(self);
        // First the group, then its members: a change in between moves the version that is told.
        let Some(group) = self.visible_group(&judge, &id).await? else { return Ok(None) };
        self.settle_if_cut_off(&group);
        let mut row = self.group_row(&group);
        row.members = self.read_members(&judge, &group, members).await?;
        Ok(Some(row))
    }

    pub(super) async fn groups(&self, filter: Option<&Filter>, limit: usize) -> Result<Vec<GroupRow>> {
        let judge = Judge::new(self);
        let found = match filter {
            Some(filter) => self.candidate_groups(filter).await?,
            None => self.all_groups().await?,
        };
        judge.know(&found);
        let mut visible = Vec::with_capacity(found.len());
        for group in found {
            if judge.standing(&group).await?.is_visible() {
                visible.push(group);
            }
        }
        let mut rows: Vec<GroupRow> = visible.iter().map(|group| self.group_row(group)).collect();
        match filter.map_or(NeededMembers::None, members::needed) {
            NeededMembers::None => {}
            NeededMembers::These(ids) => {
                let memberships = self.memberships(&judge, &ids).await?;
                for (row, group) in rows.iter_mut().zip(&visible) {
                    row.members = group.id.as_ref().and_then(|id| memberships.get(id).cloned());
                }
            }
            NeededMembers::All if visible.len() > limit => return Err(too_many(visible.len(), limit)),
            NeededMembers::All => self.fill_from(&judge, &mut rows, &visible).await?,
        }
        Ok(rows)
    }

    /// Reads all members of groups that were found visible.
    pub(super) async fn fill(&self, rows: &mut [GroupRow]) -> Result<()> {
        let judge = Judge::new(self);
        let reads: Vec<_> = rows
            .iter()
            .map(|row| async {
                let Ok(id) = GroupId::try_from(row.meta.id.as_str()) else { return Ok(None) };
                // It tells whether there are groups below it, which a row does not.
                match self.client.group(&id).await.or_scim(self)? {
                    Some(group) => self.members(&judge, &group, None).await,
                    None => Ok(None),
                }
            })
            .collect();
        let members: Vec<_> = stream::iter(reads).buffered(GROUPS_AT_ONCE).try_collect().await?;
        for (row, members) in rows.iter_mut().zip(members) {
            row.members = members;
        }
        Ok(())
    }

    async fn fill_from(
        &self,
        judge: &Judge<'_>,
        rows: &mut [GroupRow],
        groups: &[GroupRepresentation],
    ) -> Result<()> {
        let reads: Vec<_> = groups.iter().map(|group| self.members(judge, group, None)).collect();
        let members: Vec<_> = stream::iter(reads).buffered(GROUPS_AT_ONCE).try_collect().await?;
        for (row, members) in rows.iter_mut().zip(members) {
            row.members = members;
        }
        Ok(())
    }

    /// The groups that the user is in, and those that these are in, as far as clients see them.
    pub(super) async fn groups_of(&self, judge: &Judge<'_>, user: &str) -> Result<Vec<Membership>> {
        let Ok(user) = UserId::try_from(user) else { return Ok(Vec::new()) };
        let direct = self.client.user_groups(&user).await.or_scim(self)?.unwrap_or_default();
        let mut memberships = Vec::new();
        let mut seen: HashSet<GroupId> = HashSet::new();
        let mut above = Vec::new();
        for group in &direct {
            let Some(id) = &group.id else { continue };
            if !judge.standing(group).await?.is_visible() || !seen.insert(id.clone()) {
                continue;
            }
            memberships.push(Membership { id: id.to_string(), display: group.name.clone(), direct: true });
            above.push(judge.above(group).await?);
        }
        for groups in above {
            for group in groups {
                let Some(id) = &group.id else { break };
                // Beyond a group that clients don't see, nothing implies a membership that they could see.
                if !judge.standing(&group).await?.is_visible() {
                    break;
                }
                if seen.insert(id.clone()) {
                    let display = group.name.clone();
                    memberships.push(Membership { id: id.to_string(), display, direct: false });
                }
            }
        }
        Ok(memberships)
    }

    /// Every group that clients may see, and perhaps others.
    async fn all_groups(&self) -> Result<Vec<GroupRepresentation>> {
        if self.settings().groups.show_all {
            return self.client.every_group(&GroupQuery::default()).await.or_scim(self);
        }
        self.tagged_groups().await
    }

    /// Every group that has the tag.
    pub(super) async fn tagged_groups(&self) -> Result<Vec<GroupRepresentation>> {
        let attributes = AttributeMatch::new(MANAGED, self.storage.tenant.index()).into_iter().collect();
        let query = GroupQuery { attributes, ..GroupQuery::default() };
        self.client.every_group(&query).await.or_scim(self)
    }

    /// The groups that may match: by the most selective part of the filter that Keycloak can answer.
    async fn candidate_groups(&self, filter: &Filter) -> Result<Vec<GroupRepresentation>> {
        match filter.conjuncts().iter().filter_map(|part| self.key(part)).min() {
            None => self.all_groups().await,
            Some(Key::Id(id)) => {
                let Ok(id) = GroupId::try_from(id.as_str()) else { return Ok(Vec::new()) };
                Ok(self.client.group(&id).await.or_scim(self)?.into_iter().collect())
            }
            Some(Key::ExternalId(id)) => {
                match AttributeMatch::new(EXTERNAL_ID, &external_id(&self.caller, &id)) {
                    Ok(condition) => {
                        let query = GroupQuery { attributes: vec![condition], ..GroupQuery::default() };
                        self.client.every_group(&query).await.or_scim(self)
                    }
                    Err(_) => self.all_groups().await,
                }
            }
            Some(Key::Member(id)) => {
                let Ok(user) = UserId::try_from(id.as_str()) else { return Ok(Vec::new()) };
                match self.client.user_groups(&user).await.or_scim(self)? {
                    // A user's groups come without the number of groups below them.
                    Some(groups) => Ok(groups),
                    None => {
                        let Ok(id) = GroupId::try_from(id.as_str()) else { return Ok(Vec::new()) };
                        let group = self.client.group(&id).await.or_scim(self)?;
                        let Some(parent) = group.and_then(|group| group.parent_id) else {
                            return Ok(Vec::new());
                        };
                        Ok(self.client.group(&parent).await.or_scim(self)?.into_iter().collect())
                    }
                }
            }
            Some(Key::Name(text)) => self.groups_holding(&text).await,
        }
    }

    /// What Keycloak can be asked for, where the part of a filter has such.
    fn key(&self, part: &Filter) -> Option<Key> {
        let (path, operator, text) = match part {
            Filter::Compare(path, operator, Operand::String(text)) => {
                (path.dotted(), *operator, text.clone())
            }
            Filter::Element(path, inner) => match inner.as_ref() {
                Filter::Compare(sub, operator, Operand::String(text)) => {
                    (format!("{}.{}", path.dotted(), sub.dotted()), *operator, text.clone())
                }
                _ => return None,
            },
            _ => return None,
        };
        match (path.as_str(), operator) {
            ("id", Operator::Eq) => Some(Key::Id(text)),
            ("externalId", Operator::Eq) if !text.is_empty() => Some(Key::ExternalId(text)),
            ("members" | "members.value", Operator::Eq) => Some(Key::Member(text)),
            ("displayName", Operator::Eq | Operator::Co | Operator::Sw | Operator::Ew) => {
                Some(Key::Name(text))
            }
            _ => None,
        }
    }
}

/// What groups are looked up by, the most selective first.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Key {
    Id(String),
    ExternalId(String),
    Member(String),
    Name(String),
}
