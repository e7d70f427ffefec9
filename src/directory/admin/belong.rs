//! Belonging to a tenant: what makes a user its own, who shares a user, and how one is let go without touching the others.

use time::OffsetDateTime;

use crate::directory::{Result, Row, Wanted};
use crate::keycloak::{self, OrganizationId, UserId, UserRepresentation};
use crate::scim::{Code, Error, date_time};

use super::plan::whole;
use super::storage::{Attributes, LAST_MODIFIED, MANAGED};
use super::tenant::{self, Tenant};
use super::{OrScim, Session};

impl Session {
    /// Makes the user the tenant's: the role, and membership where the tenant is an organization. May be done again
    /// without harm.
    pub(super) async fn take_in(&self, id: &UserId) -> Result<()> {
        let member = async {
            match self.storage.tenant.id() {
                Some(organization) => self.client.add_organization_member(organization, id).await,
                None => Ok(()),
            }
        };
        let role = self.client.map_realm_role(id, &self.facts.role);
        tokio::try_join!(role, member).or_scim(self)?;
        Ok(())
    }

    /// The organization's id, where somebody else has a part in the user, so that the tenant must not change or delete
    /// them: another tenant, or another organization of the realm, be it served or not. The realm itself may do
    /// everything with its own users.
    pub(super) async fn shared(
        &self,
        id: &UserId,
        user: &UserRepresentation,
    ) -> Result<Option<OrganizationId>> {
        let Some(own) = self.storage.tenant.id() else { return Ok(None) };
        let mut shared = Tenant::realm().has(user);
        if !shared {
            // Not by the index: that of an organization which is gone, or which was left, may still be there.
            let organizations = self.client.organizations_of(id).await.or_scim(self)?;
            shared = organizations.iter().any(|organization| organization.id.as_ref() != Some(own));
        }
        Ok(shared.then(|| own.clone()))
    }

    /// Carries out what a client wants of a user that is shared: the membership can be taken away, and the caller's
    /// `externalId` is its own. The caller holds the user's lock.
    ///
    /// # Errors
    /// 403 for every other change.
    pub(super) async fn update_shared(
        &self,
        organization: &OrganizationId,
        id: &UserId,
        stored: &UserRepresentation,
        before: &Row,
        wanted: &Wanted,
    ) -> Result<Row> {
        let user = &self.storage.user;
        let mut seen = wanted.resource.clone();
        seen.set_text(user, "externalId", before.resource.text(user, "externalId"));
        if wanted.active == Some(false) {
            seen.set_flag("active", before.resource.flag("active"));
            // A leaver must not stay because of what else the request says, unless it is all or nothing.
            if wanted.all_or_nothing && seen != before.resource {
                return Err(read_only());
            }
            self.let_out(organization, id, stored).await?;
            let mut row = before.clone();
            row.resource.set_flag("active", Some(false));
            return Ok(row);
        }
        if let Some(refusal) = &wanted.refusal {
            return Err(refusal.clone());
        }
        if seen != before.resource {
            return Err(read_only());
        }
        let mut write = whole(stored);
        let own = wanted.resource.text(user, "externalId");
        self.storage.set_external_id(&mut write, own, &self.caller)?;
        if !self.storage.tenant.has(stored) {
            let tenants = write.attributes.get_or_insert_default().entry(MANAGED.into()).or_default();
            tenants.push(self.storage.tenant.index().to_owned());
        }
        if write.attributes == stored.attributes {
            return Ok(before.clone());
        }
        if before.resource.text(user, "externalId") != own {
            let now = date_time::write(OffsetDateTime::now_utc());
            write.attributes.get_or_insert_default().insert(LAST_MODIFIED.into(), vec![now]);
        }
        self.client.update_user(id, &write).await.or_scim(self)?;
        let after = UserRepresentation { attributes: write.attributes, ..stored.clone() };
        Ok(self.storage.read(&after, &self.caller))
    }

    /// Takes the membership away, and what the organization kept with the user, and ends the sessions: its identity
    /// provider may have opened them. May be done again without harm.
    ///
    /// # Errors
    /// 403 where the organization's own identity provider brought the user: Keycloak would delete the user.
    pub(super) async fn let_out(
        &self,
        organization: &OrganizationId,
        id: &UserId,
        stored: &UserRepresentation,
    ) -> Result<()> {
        let membership = self.client.organization_member(organization, id).await.or_scim(self)?;
        if membership.is_some_and(|membership| membership.managed) {
            return Err(Error::new(
                403,
                Code::OtherTenant,
                "The user belongs to another tenant too, and is a managed member of this organization, whom Keycloak \
                 would delete with the membership; an administrator of Keycloak must decide",
            ));
        }
        self.unlink_own(id, stored).await?;
        match self.client.remove_organization_member(organization, id).await {
            Err(error @ keycloak::Error::NotFound { .. }) if !error.is_realm_missing() => {}
            done => done.or_scim(self)?,
        }
        let mut write = whole(stored);
        let attributes = write.attributes.get_or_insert_default();
        self.storage.forget(attributes);
        // Each is tried, whatever becomes of the other: who is no member any more is nobody to whom the client comes back.
        let (ended, given_up) = tokio::join!(self.end_sessions(id), self.give_up_role(id, attributes));
        given_up?;
        if write.attributes != stored.attributes
            && let Err(error) = self.write_left(id, stored, write).await
        {
            if !matches!(error, keycloak::Error::Invalid { .. }) {
                return Err(self.failed(&error));
            }
            // Nobody sees the user by the index alone.
            tracing::warn!(%id, %error, "the user has left; the sweep will try to take the index away");
        }
        ended
    }
}

impl Session {
    /// Takes the role from a user whom no tenant has any more: the role alone would make them the realm's, which nobody
    /// meant who let them out of an organization.
    pub(super) async fn give_up_role(&self, id: &UserId, attributes: &Attributes) -> Result<()> {
        let tenants = attributes.get(MANAGED).map(Vec::as_slice).unwrap_or_default();
        if self.storage.tenant.id().is_none()
            || tenants.iter().any(|tenant| tenant::is_tenant(tenant))
            || self.is_due_elsewhere(id).await?
        {
            return Ok(());
        }
        self.client.unmap_realm_role(id, &self.facts.role).await.or_scim(self)
    }

    /// Is the user a member of another organization that is served, whose index may only be due?
    pub(super) async fn is_due_elsewhere(&self, id: &UserId) -> Result<bool> {
        let organizations = self.client.organizations_of(id).await.or_scim(self)?;
        let mut ids = organizations.iter().filter_map(|organization| organization.id.as_ref());
        let own = self.storage.tenant.id();
        Ok(ids.any(|id| Some(id) != own && self.directory.0.realm.serves(id)))
    }
}

fn read_only() -> Error {
    Error::new(
        403,
        Code::OtherTenant,
        "The user belongs to another tenant too, so that this organization can only read them, keep its own externalId, and \
         end the membership (active = false, or DELETE)",
    )
}
