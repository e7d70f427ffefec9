//! Healing drift between role and index: on contact, and by a sweep.

use std::collections::{BTreeSet, HashSet};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use time::OffsetDateTime;
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;

use crate::directory::{Context, Result};
use crate::keycloak::{self, MAX_PAGE, UserId, UserRepresentation};

use super::plan::whole;
use super::storage::{self, MANAGED, Made, PENDING};
use super::tag::{Mark, Standing};
use super::tenant;
use super::{AdminDirectory, OrScim, Session};

/// A sweep rests so many times as long as it took: where a role has very many users, listing them is slow.
const REST: u32 = 20;
/// How soon a realm that was never found ready is looked at again.
const NOT_READY_REST: Duration = Duration::from_secs(2);
/// A mark younger than this may belong to a create that is still going on.
const YOUNG: time::Duration = time::Duration::seconds(10);

impl Session {
    /// Heals one user: gives the missing role of an unfinished create, the index that is due, takes the one that must go,
    /// and a mark. Returns the user if it is managed. Takes the user's lock, so it waits for a create that goes on.
    pub(super) async fn heal(&self, id: &UserId) -> Result<Option<UserRepresentation>> {
        let _lock = self.directory.0.realm.locks().lock(format!("id {id}")).await;
        let Some((mut user, standing)) = self.observe(id).await? else { return Ok(None) };
        let mut write = whole(&user);
        let tenant = &self.storage.tenant;
        let attributes = write.attributes.get_or_insert_default();
        if standing == Standing::Taken {
            self.unlink_own(id, &user).await?;
            self.storage.forget(attributes);
            self.give_up_role(id, attributes).await?;
        }
        let mut tenants = attributes.remove(MANAGED).unwrap_or_default();
        tenants.retain(|known| known != tenant.index());
        match standing {
            Standing::Foreign => return Ok(None),
            Standing::Taken => {}
            Standing::Managed | Standing::Given => tenants.push(tenant.index().into()),
            Standing::Unfinished => {
                self.take_in(id).await?;
                tenants.push(tenant.index().into());
            }
        }
        if !tenants.is_empty() {
            attributes.insert(MANAGED.into(), tenants);
        }
        attributes.remove(PENDING);
        if standing != Standing::Taken
            && let Some(settled) = self.storage.settled_attributes(&write)
        {
            write.attributes = Some(settled);
        }
        if write.attributes != user.attributes {
            let attributes = write.attributes.clone();
            let written = if standing == Standing::Taken {
                self.write_left(id, &user, write).await
            } else {
                self.client.update_user(id, &write).await
            };
            match written {
                // A directory's user may be read-only: then the role alone manages it.
                Err(keycloak::Error::Invalid { .. }) if user.federation_link.is_some() => {}
                done => done.or_scim(self)?,
            }
            user.attributes = attributes;
        }
        Ok((standing != Standing::Taken).then_some(user))
    }

    /// Heals one user off the answer's path.
    pub(super) fn heal_later(&self, user: &UserRepresentation) {
        let Some(id) = user.id.clone() else { return };
        let directory = self.directory.clone();
        let context = Context::new("heal", std::sync::Arc::clone(&self.caller));
        self.directory.0.tasks.spawn(
            async move {
                let healed = async { directory.session(&context).await?.heal(&id).await }.await;
                if let Err(error) = healed {
                    tracing::warn!(%error, %id, "the sweep will try to heal the user again");
                }
            }
            .in_current_span(),
        );
    }

    /// Compares role and index of all users and heals what differs. Returns how many users it healed.
    async fn sweep(&self) -> Result<usize> {
        let mut due: BTreeSet<UserId> = BTreeSet::new();
        let mut tagged: HashSet<UserId> = HashSet::new();
        let young = OffsetDateTime::now_utc() - YOUNG;
        let mut orphans: Vec<UserRepresentation> = Vec::new();
        let members = match self.storage.tenant.id() {
            Some(organization) => Some(self.member_ids(organization).await?),
            None => None,
        };
        let mut first = 0;
        loop {
            let users = self.client.role_users(&self.facts.role.name, first, MAX_PAGE).await.or_scim(self)?;
            for user in users.iter().filter(|user| !user.is_service_account()) {
                let Some(id) = &user.id else { continue };
                if members.as_ref().is_some_and(|members| !members.contains(id)) {
                    continue;
                }
                // Who has the role for the sake of an organization is none of the realm's.
                if members.is_none() && tenant::organizations_of(user).next().is_some() {
                    orphans.push(user.clone());
                }
                let missing = match members {
                    Some(_) => !self.storage.tenant.has(user),
                    None => !tenant::has_any(user),
                };
                if missing || self.storage.tenant.has(user) && is_stale(user, young) {
                    due.insert(id.clone());
                }
                tagged.insert(id.clone());
            }
            if users.len() < MAX_PAGE as usize {
                break;
            }
            first += MAX_PAGE;
        }
        let mut first = 0;
        loop {
            let users = self.client.users(&self.roster(first, MAX_PAGE as usize)).await.or_scim(self)?;
            let listed =
                users.iter().filter(|user| self.storage.tenant.has(user) && !user.is_service_account());
            for user in listed {
                let unsettled = !self.storage.settled && self.storage.settled_attributes(user).is_some();
                if let Some(id) = user.id.as_ref().filter(|_| unsettled) {
                    due.insert(id.clone());
                }
                let marked = Mark::on(user).is_some();
                if let Some(id) = user.id.as_ref().filter(|id| !tagged.contains(id))
                    && (!marked || is_stale(user, young))
                {
                    due.insert(id.clone());
                }
            }
            if users.len() < MAX_PAGE as usize {
                break;
            }
            first += MAX_PAGE as usize;
        }
        let orphans = match self.storage.tenant.id() {
            None => self.free_orphans(orphans).await?,
            Some(_) => 0,
        };
        // Each is looked at again before anything is written: the lists above are minutes old in a large realm.
        let mut healed = 0;
        for id in &due {
            match self.heal(id).await {
                Ok(_) => healed += 1,
                Err(error) => tracing::warn!(%error, %id, "the next sweep will try to heal the user again"),
            }
        }
        // From now on everybody who is written is written so.
        if healed == due.len() {
            self.directory.0.settled.store(true, Ordering::Release);
        }
        Ok(healed + orphans)
    }

    /// Takes the index of organizations that Keycloak has no more from those who have it, and the role from those who
    /// belong to no tenant then: nobody could see or change them, and nobody else could have their names. Returns how many
    /// they were.
    async fn free_orphans(&self, users: Vec<UserRepresentation>) -> Result<usize> {
        if users.is_empty() {
            return Ok(0);
        }
        let organizations = match self.client.organizations().await {
            Ok(organizations) => organizations,
            // Without the right to see them nothing can be said.
            Err(keycloak::Error::Forbidden { .. }) => return Ok(0),
            Err(keycloak::Error::NotFound { .. }) => return Ok(0),
            found => found.or_scim(self)?,
        };
        let known: HashSet<&str> =
            organizations.iter().filter_map(|found| found.id.as_ref()).map(AsRef::as_ref).collect();
        let mut freed = 0;
        for user in users {
            let is_dead = |id: &str| !known.contains(id);
            let Some(id) = user.id.as_ref().filter(|_| tenant::organizations_of(&user).any(is_dead)) else {
                continue;
            };
            match self.free_orphan(id, is_dead).await {
                Ok(()) => freed += 1,
                Err(error) => tracing::warn!(%error, %id, "the next sweep will try to free the user again"),
            }
        }
        Ok(freed)
    }

    /// The same for one user, with the links that callers of those organizations made.
    async fn free_orphan(&self, id: &UserId, is_dead: impl Fn(&str) -> bool) -> Result<()> {
        let _lock = self.directory.0.realm.locks().lock(format!("id {id}")).await;
        let Some(stored) = self.client.user(id).await.or_scim(self)? else { return Ok(()) };
        let is_deads = |made: &Made| tenant::organization_of(&made.by).is_some_and(&is_dead);
        self.unlink_made(id, &stored, is_deads).await?;
        let mut write = whole(&stored);
        let attributes = write.attributes.get_or_insert_default();
        let tenants = attributes.get_mut(MANAGED).map(std::mem::take).unwrap_or_default();
        let alive = |tenant: &String| tenant::organization(tenant).is_none_or(|id| !is_dead(id));
        let left: Vec<String> = tenants.into_iter().filter(alive).collect();
        if !left.iter().any(|tenant| tenant::is_tenant(tenant)) && !self.is_due_elsewhere(id).await? {
            self.client.unmap_realm_role(id, &self.facts.role).await.or_scim(self)?;
        }
        attributes.insert(MANAGED.into(), left);
        storage::forget_links(attributes, is_deads);
        attributes.retain(|_, values| !values.is_empty());
        self.write_left(id, &stored, write).await.or_scim(self)
    }
}

/// Has the user a mark of a create that can't be going on any more?
fn is_stale(user: &UserRepresentation, young: OffsetDateTime) -> bool {
    Mark::on(user).is_some_and(|mark| i128::from(mark.began) * 1_000_000 < young.unix_timestamp_nanos())
}

impl AdminDirectory {
    async fn sweep_once(&self, realm: &str) {
        let context = Context::new("sweep", "");
        let swept = async {
            let session = self.session(&context).await?;
            Ok::<_, crate::scim::Error>(session.sweep().await? + session.sweep_groups().await?)
        }
        .await;
        match swept {
            Ok(0) => tracing::debug!(realm, calls = context.calls(), "swept; nothing to heal"),
            Ok(healed) => {
                tracing::info!(realm, healed, calls = context.calls(), "swept and healed users and groups");
            }
            Err(error) => tracing::warn!(realm, %error, "the sweep failed and will be repeated"),
        }
    }

    /// Looks at the realm and sweeps it, again and again, until it is told to stop.
    ///
    /// It also finds a realm ready that was not when the gateway started, and learns of changed settings.
    pub async fn keep(self, stop: CancellationToken) {
        let realm = self.name();
        loop {
            let rest = match self.inspect().await {
                Ok(()) => {
                    let began = Instant::now();
                    // A sweep that is cut off is done again by the next process.
                    tokio::select! {
                        () = stop.cancelled() => return,
                        () = self.sweep_once(&realm) => {}
                    }
                    self.0.settings.sweep_interval.max(began.elapsed().saturating_mul(REST))
                }
                Err(error) => {
                    tracing::warn!(realm, %error, "the realm can't be looked at");
                    if self.is_ready() { self.0.settings.sweep_interval } else { NOT_READY_REST }
                }
            };
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(rest) => {}
            }
        }
    }
}
