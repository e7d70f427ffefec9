//! Memberships of organizations in a dry run: those that would have begun or ended.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use http::StatusCode;
use serde_json::json;

use super::super::error::Result;
use super::super::transport::Answer;
use super::users::Users;
use super::{Instead, Object, There, answer, done, found, not_sent, text};

pub(super) const MEMBERS: &str = "organizations/{organization}/members";
pub(super) const MEMBER: &str = "organizations/{organization}/members/{id}";
pub(super) const OF_USER: &str = "organizations/members/{id}/organizations";

/// Whether users are members now: by the organization's id, and the user's.
#[derive(Debug, Default)]
pub(super) struct Members(Mutex<BTreeMap<String, BTreeMap<String, bool>>>);

impl Members {
    fn changes(&self) -> MutexGuard<'_, BTreeMap<String, BTreeMap<String, bool>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note(&self, organization: &str, user: &str, is_member: bool) {
        self.changes().entry(organization.to_owned()).or_default().insert(user.to_owned(), is_member);
    }

    /// The user, by id, joins.
    pub(super) fn add(&self, organization: &str, user: &str) -> Answer {
        self.note(organization, user, true);
        answer(StatusCode::CREATED, None, String::new())
    }

    pub(super) fn remove(&self, organization: &str, user: &str) -> Answer {
        self.note(organization, user, false);
        done()
    }

    /// The answer to a read of the user's membership; none where that is as it was.
    pub(super) fn read_back(&self, organization: &str, user: &str) -> Option<Answer> {
        let is_member = *self.changes().get(organization)?.get(user)?;
        Some(if is_member {
            found(&json!({ "id": user, "membershipType": "UNMANAGED" }))
        } else {
            answer(StatusCode::NOT_FOUND, None, json!({ "error": "HTTP 404 Not Found" }).to_string())
        })
    }

    /// Whether the user is in organizations now, by their ids.
    fn changed(&self, user: &str) -> BTreeMap<String, bool> {
        let changes = self.changes();
        changes.iter().filter_map(|(id, members)| Some((id.clone(), *members.get(user)?))).collect()
    }

    /// The answer to a read of the user's organizations; none where these are as they were.
    pub(super) async fn of_user(
        &self,
        there: &There<'_>,
        user: &str,
        users: &Users,
    ) -> Result<Option<Instead>> {
        let changed = self.changed(user);
        let is_new = users.is_created(user);
        if changed.is_empty() && !is_new {
            return Ok(None);
        }
        let mut organizations: Vec<Object> = if is_new {
            Vec::new()
        } else {
            let query = [("briefRepresentation", "false")];
            there.read(OF_USER, &["organizations", "members", user, "organizations"], &query).await?
        };
        organizations
            .retain(|organization| text(organization, "id").is_none_or(|id| !changed.contains_key(id)));
        for (id, _) in changed.iter().filter(|(_, is_member)| **is_member) {
            let path = "organizations/{organization}";
            organizations.push(there.read(path, &["organizations", id], &[]).await?);
        }
        let answer = found(&organizations);
        Ok(Some(if is_new { not_sent(answer) } else { Instead { answer, was_sent: true } }))
    }
}
