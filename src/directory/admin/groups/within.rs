//! Filters on `User.groups`: who is in a group or in a group within it, and which groups users are in.

use std::collections::{BTreeSet, HashMap};

use futures_util::future::try_join_all;
use futures_util::{StreamExt, TryStreamExt, stream};

use crate::directory::groups::Membership;
use crate::directory::{Result, Row, too_many};
use crate::keycloak::{self, GroupId, GroupRepresentation, MAX_PAGE, UserRepresentation};

use super::super::{OrScim, Session};
use super::standing::Judge;

/// How many pages of members are read at once.
const PAGES_AT_ONCE: u32 = 4;
/// How many users' groups are asked for at once.
const USERS_AT_ONCE: usize = 8;

/// Managed users who are in some groups, or in groups within them. It trusts the index.
#[derive(Debug, Default)]
pub(in super::super) struct Insiders {
    /// Those who are in a group whose members were wanted; one who is in several of them, several times.
    pub rows: Vec<Row>,
    /// Which of all these groups the users are in, by the users' ids.
    memberships: HashMap<String, Vec<Membership>>,
}

impl Insiders {
    /// The row of a user, who may be in none, with what is known of their groups.
    pub(in super::super) fn tell(&self, row: Row) -> Row {
        Row { groups: Some(self.memberships.get(&row.meta.id).cloned().unwrap_or_default()), ..row }
    }
}

impl Session {
    /// Who is in the groups with these ids, and the rows of those who are in one of the `wanted` ones. Groups that clients
    /// don't see have nobody in them.
    ///
    /// # Errors
    /// 400 `tooMany` where these are more users than `limit`.
    pub(in super::super) async fn insiders(
        &self,
        ids: &BTreeSet<String>,
        wanted: &[String],
        limit: usize,
    ) -> Result<Insiders> {
        let judge = Judge::new(self);
        let mut insiders = Insiders::default();
        for id in ids {
            let Ok(group_id) = GroupId::try_from(id.as_str()) else { continue };
            // Its first members beside the group itself: most groups have no more.
            let (group, members) =
                tokio::try_join!(self.visible_group(&judge, &group_id), self.members_from(&group_id, 0))?;
            let Some(group) = group else { continue };
            let mut membership = Membership { id: id.clone(), display: group.name.clone(), direct: true };
            let is_wanted = wanted.contains(id);
            self.note(&group_id, members, &membership, is_wanted, limit, &mut insiders).await?;
            membership.direct = false;
            for below in self.groups_within(&judge, group).await? {
                let members = self.members_from(&below, 0).await?;
                self.note(&below, members, &membership, is_wanted, limit, &mut insiders).await?;
            }
        }
        Ok(insiders)
    }

    /// Notes all managed members of a group, of whom the first ones are known.
    async fn note(
        &self,
        group: &GroupId,
        first: Vec<UserRepresentation>,
        membership: &Membership,
        is_wanted: bool,
        limit: usize,
        insiders: &mut Insiders,
    ) -> Result<()> {
        let mut read = first.len();
        let mut pages = vec![first];
        loop {
            let is_end = pages.last().is_none_or(|page| page.len() < MAX_PAGE as usize);
            for user in pages
                .iter()
                .flatten()
                .filter(|user| self.storage.tenant.has(user) && !user.is_service_account())
            {
                let Some(id) = &user.id else { continue };
                let known = insiders.memberships.entry(id.to_string()).or_default();
                // Who is in the group itself was noted before those in groups within it.
                if known.iter().all(|known| known.id != membership.id) {
                    known.push(membership.clone());
                    insiders.rows.extend(is_wanted.then(|| self.storage.read(user, &self.caller)));
                }
            }
            if insiders.memberships.len() > limit {
                return Err(too_many(insiders.memberships.len(), limit));
            }
            if is_end {
                return Ok(());
            }
            // Keycloak can't say how many there are, so the last ones may be asked for in vain.
            let at = u32::try_from(read).unwrap_or(u32::MAX);
            let more = (0..PAGES_AT_ONCE).map(|page| at.saturating_add(page * MAX_PAGE));
            pages = try_join_all(more.map(|first| self.members_from(group, first))).await?;
            read += pages.iter().map(Vec::len).sum::<usize>();
        }
    }

    /// A page of members; none where the group is gone.
    async fn members_from(&self, group: &GroupId, first: u32) -> Result<Vec<UserRepresentation>> {
        match self.client.group_members(group, first, MAX_PAGE).await {
            Err(error @ keycloak::Error::NotFound { .. }) if !error.is_realm_missing() => Ok(Vec::new()),
            members => members.or_scim(self),
        }
    }

    /// The groups within the group, on all levels, as far as clients see them: beyond one that they don't see, nothing
    /// implies a membership.
    async fn groups_within(&self, judge: &Judge<'_>, group: GroupRepresentation) -> Result<Vec<GroupId>> {
        let mut within = Vec::new();
        let mut open = vec![group];
        while let Some(group) = open.pop() {
            let Some(id) = group.id.as_ref().filter(|_| group.sub_group_count != Some(0)) else { continue };
            judge.know([&group]);
            for below in self.client.subgroups(id).await.or_scim(self)? {
                if judge.standing(&below).await?.is_visible() {
                    within.extend(below.id.clone());
                    open.push(below);
                }
            }
        }
        Ok(within)
    }

    /// The rows with all groups of their users: a call for each of them.
    pub(in super::super) async fn with_groups(&self, rows: Vec<Row>) -> Result<Vec<Row>> {
        let judge = &Judge::new(self);
        // Collected first: a stream that borrows in its closure makes futures that can't be sent to another task.
        let reads: Vec<_> = rows
            .into_iter()
            .map(|row| async move {
                let groups = self.groups_of(judge, &row.meta.id).await?;
                Ok(Row { groups: Some(groups), ..row })
            })
            .collect();
        stream::iter(reads).buffered(USERS_AT_ONCE).try_collect().await
    }
}
