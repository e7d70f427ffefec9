//! When a group's members have come to rest: noted in Keycloak off the answer's path, and known here until then.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::OwnedMutexGuard;
use tracing::Instrument as _;

use crate::directory::Result;
use crate::directory::groups::GroupRow;
use crate::keycloak::{GroupId, GroupRepresentation};

use super::super::{OrScim, Session};
use super::stored;

/// The revisions of groups whose members have come to rest, until that is noted in Keycloak, off the answer's path: who reads
/// right after an answer must be told the same version.
#[derive(Debug, Default)]
pub(in super::super) struct AtRest(Mutex<VecDeque<Rested>>);

#[derive(Debug)]
struct Rested {
    revision: String,
    /// Could it not be noted in Keycloak?
    is_due: bool,
}

/// So many are known, the latest: each change of a group has a revision of its own, so that none is ever wrong.
const REVISIONS_MAX: usize = 4096;

impl AtRest {
    pub(super) fn note(&self, group: &GroupRepresentation) {
        let Some(revision) = stored::moving_to(group).map(str::to_owned) else { return };
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.truncate(REVISIONS_MAX - 1);
        known.push_front(Rested { revision, is_due: false });
    }

    fn has(&self, group: &GroupRepresentation) -> bool {
        self.with(group, |_| ()).is_some()
    }

    /// Is it at rest, and could that not be noted?
    fn is_due(&self, group: &GroupRepresentation) -> bool {
        self.with(group, |rested| rested.is_due).unwrap_or(false)
    }

    fn set_due(&self, group: &GroupRepresentation) {
        self.with(group, |rested| rested.is_due = true);
    }

    fn with<T>(&self, group: &GroupRepresentation, act: impl FnOnce(&mut Rested) -> T) -> Option<T> {
        let revision = stored::moving_to(group)?;
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.iter_mut().find(|rested| rested.revision == revision).map(act)
    }
}

impl Session {
    /// Notes that all is done, off the answer's path. Until then nobody else changes the group.
    pub(super) fn settle_later(&self, id: GroupId, lock: OwnedMutexGuard<()>) {
        let aftermath = self.after_answer();
        self.directory.0.tasks.spawn(
            async move {
            if let Err(error) = aftermath.settle_group(&id, true).await {
                tracing::warn!(%error, %id, "the group counts as being changed until it is looked at again");
            }
            drop(lock);
        }
            .in_current_span(),
        );
    }

    /// Brings a group to rest whose change was cut off: as long as it counts as being changed, no version of it is told
    /// that a client could name in `If-Match`.
    pub(super) fn settle_if_cut_off(&self, group: &GroupRepresentation) {
        let Some(id) = group.id.clone().filter(|_| stored::is_moving(group)) else { return };
        let at_rest = &self.directory.0.realm.at_rest();
        let is_due = at_rest.is_due(group);
        // One whose create goes on just now is not to be told at rest before it is.
        if !is_due && (at_rest.has(group) || stored::is_just_begun(group)) {
            return;
        }
        let aftermath = self.after_answer();
        self.directory.0.tasks.spawn(
            async move {
            // Whoever is changing it now holds the lock, and leaves nothing to be done.
            let _lock = aftermath.directory.0.realm.locks().lock(format!("id {id}")).await;
            if let Err(error) = aftermath.settle_group(&id, is_due).await {
                tracing::warn!(%error, %id, "the group counts as being changed until it is looked at again");
            }
        }
            .in_current_span(),
        );
    }

    fn after_answer(&self) -> Self {
        Self {
            directory: self.directory.clone(),
            client: self.client.clone().after_answer(),
            facts: Arc::clone(&self.facts),
            storage: self.storage.clone(),
            caller: Arc::clone(&self.caller),
        }
    }

    async fn settle_group(&self, id: &GroupId, finished: bool) -> Result<()> {
        let Some(stored) = self.client.group(id).await.or_scim(self)? else { return Ok(()) };
        if let Some(settled) = stored::settled(&stored, finished) {
            let written = self.client.update_group(id, &settled).await;
            if written.is_err() {
                // The next look at it, or the sweep, tries again.
                self.directory.0.realm.at_rest().set_due(&stored);
            }
            written.or_scim(self)?;
        }
        Ok(())
    }

    /// Brings all groups to rest whose change was cut off.
    pub(super) fn settle_those_cut_off(&self, groups: &[GroupRepresentation]) {
        groups.iter().for_each(|group| self.settle_if_cut_off(group));
    }

    /// The group as the caller sees it, without members.
    pub(super) fn group_row(&self, group: &GroupRepresentation) -> GroupRow {
        stored::read(group, &self.caller, self.directory.0.realm.at_rest().has(group))
    }
}
