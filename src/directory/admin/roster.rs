//! Whom an organization's lists may show: the index that they trust lags behind the memberships, which decide.

use std::collections::HashSet;

use futures_util::future::try_join_all;

use crate::directory::Result;
use crate::keycloak::{MAX_PAGE, OrganizationId, UserId, UserRepresentation};

use super::{OrScim, Session};

/// So many users are looked at one by one, rather than all members be listed.
const FEW: usize = 10;
/// By how many users a window of the members may lie beside that of the roster: members who are not managed are in the
/// one alone, and who has left in the other.
const SHIFT: u32 = 100;

/// The members that are known so far, while one request lists users.
#[derive(Debug, Default)]
pub(super) struct Members {
    ids: HashSet<UserId>,
    /// Are these all of them?
    complete: bool,
}

impl Session {
    /// The members about where the window of the roster is; both are ordered by username.
    pub(super) async fn members_near(&self, first: usize, count: usize) -> Result<Members> {
        let Some(organization) = self.storage.tenant.id().filter(|_| count > 0) else {
            return Ok(Members::default());
        };
        let first = u32::try_from(first).unwrap_or(u32::MAX);
        let count = u32::try_from(count).unwrap_or(MAX_PAGE);
        let max = count.saturating_add(2 * SHIFT).min(MAX_PAGE);
        let from = first.saturating_sub(SHIFT);
        let page = self.client.organization_members(organization, from, max).await.or_scim(self)?;
        let complete = from == 0 && page.len() < max as usize;
        Ok(Members { ids: page.into_iter().filter_map(|user| user.id).collect(), complete })
    }

    /// Those of the users that the index has and that are members still: with one call for each of a few users who are not
    /// known to be, else with one for each thousand members.
    pub(super) async fn listed(
        &self,
        mut users: Vec<UserRepresentation>,
        members: &mut Members,
    ) -> Result<Vec<UserRepresentation>> {
        users.retain(|user| self.storage.tenant.has(user) && !user.is_service_account());
        let Some(organization) = self.storage.tenant.id() else { return Ok(users) };
        if !members.complete {
            let ids = users.iter().filter_map(|user| user.id.clone());
            let unknown: Vec<UserId> = ids.filter(|id| !members.ids.contains(id)).collect();
            if unknown.len() > FEW {
                *members = Members { ids: self.member_ids(organization).await?, complete: true };
            } else {
                let asked = unknown.iter().map(|id| self.client.organization_member(organization, id));
                let found = try_join_all(asked).await.or_scim(self)?;
                let still = unknown.iter().zip(found).filter(|(_, found)| found.is_some());
                members.ids.extend(still.map(|(id, _)| id.clone()));
            }
        }
        users.retain(|user| user.id.as_ref().is_some_and(|id| members.ids.contains(id)));
        Ok(users)
    }

    /// Everybody who is a member of the organization.
    pub(super) async fn member_ids(&self, organization: &OrganizationId) -> Result<HashSet<UserId>> {
        let mut ids = HashSet::new();
        let mut first = 0;
        loop {
            let page = self.client.organization_members(organization, first, MAX_PAGE).await.or_scim(self)?;
            let is_last = page.len() < MAX_PAGE as usize;
            ids.extend(page.into_iter().filter_map(|user| user.id));
            if is_last {
                return Ok(ids);
            }
            first += MAX_PAGE;
        }
    }
}
