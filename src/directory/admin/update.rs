//! Changing and deleting a user: read and role at once, then the plan, one change at a time.

use crate::directory::{Check, Edit, Result, Row, Wanted};
use crate::keycloak::{self, FieldError, UserId, UserRepresentation};
use crate::scim::{Code, Error};

use super::plan::{self, Plan, Step};
use super::storage::{ACTIVE, HASH, LAST_MODIFIED, MANAGED, PENDING, values};
use super::tag::Standing;
use super::{OrScim, Session};

impl Session {
    pub(super) async fn update(self, id: &str, edit: Edit) -> Result<Row> {
        let Ok(id) = UserId::try_from(id) else { return Err(Error::not_found(id)) };
        let _lock = self.directory.0.realm.locks().lock(format!("id {id}")).await;
        let stored = self.managed(&id).await?;
        let before = self.storage.read(&stored, &self.caller);
        let wanted = self.judge_activity(&stored, &before, edit(&before)?)?;
        if let Some(organization) = self.shared(&id, &stored).await? {
            return self.update_shared(&organization, &id, &stored, &before, &wanted).await;
        }
        match self.apply(&id, &stored, &before, &wanted).await {
            Err(error) if wanted.active == Some(false) && !wanted.all_or_nothing && is_refusal(&error) => {
                self.let_go(&id, &stored, error).await
            }
            done => done,
        }
    }

    async fn apply(
        &self,
        id: &UserId,
        stored: &UserRepresentation,
        before: &Row,
        wanted: &Wanted,
    ) -> Result<Row> {
        if let Some(refusal) = &wanted.refusal {
            return Err(refusal.clone());
        }
        self.check_user_name(wanted, Some((id, before))).await?;
        let _reserved = self.reserve_unique(wanted, Some((id, before))).await?;
        let plan = plan::update(stored, before, wanted, self.rules())?;
        self.linked((id, stored), before, wanted, plan).await
    }

    pub(super) async fn delete(self, id: &str, check: Check) -> Result<()> {
        let Ok(id) = UserId::try_from(id) else { return Err(Error::not_found(id)) };
        let lock = self.directory.0.realm.locks().lock(format!("id {id}")).await;
        let (stored, power, groups) =
            tokio::join!(self.managed(&id), self.refuse_power(&id, "its deletion"), self.groups_left(&id));
        let stored = stored?;
        check(&self.storage.read(&stored, &self.caller))?;
        self.refuse_anothers_deletion(&stored)?;
        let groups = groups?;
        if let Some(organization) = self.shared(&id, &stored).await? {
            // With the membership in the organization that in its groups ends.
            self.let_out(&organization, &id, &stored).await?;
            drop(lock);
            self.note_departure(&groups).await;
            return Ok(());
        }
        power?;
        if stored.federation_link.is_some() {
            // The directory's next sync would bring a deleted user back, enabled.
            // First: without the tag nobody would find the user again to take them out.
            let left = self.leave_groups(&id, groups).await?;
            self.withdraw(&id, &stored).await?;
            drop(lock);
            self.note_departure(&left).await;
            return Ok(());
        }
        let deleted = match self.client.delete_user(&id).await {
            // Somebody joined the user to a group in that very moment.
            Err(keycloak::Error::Conflict { .. }) => self.client.delete_user(&id).await,
            deleted => deleted,
        };
        match deleted {
            // Gone is what was asked for: a repeated try may find it so.
            Err(keycloak::Error::NotFound { .. }) => {}
            done => done.or_scim(&self)?,
        }
        // Whoever changes a group may wait for a user's lock, and not the other way round.
        drop(lock);
        self.note_departure(&groups).await;
        Ok(())
    }

    /// The user, if it is managed; a create that was cut off is finished first. The caller holds the user's lock.
    async fn managed(&self, id: &UserId) -> Result<UserRepresentation> {
        match self.observe(id).await? {
            Some((user, standing)) if standing.is_managed() => Ok(user),
            Some((user, Standing::Unfinished)) => {
                // The mark goes with the write that follows.
                self.take_in(id).await?;
                Ok(user)
            }
            _ => Err(Error::not_found(id.as_ref())),
        }
    }

    /// Carries out a plan. The caller holds the user's lock.
    pub(super) async fn run(&self, id: &UserId, stored: &UserRepresentation, plan: Plan) -> Result<Row> {
        if let Some(attribute) = plan.forbidden_to_power {
            self.refuse_power(id, &format!("a change of {attribute}")).await?;
        }
        let mut after = plan.after;
        for step in plan.steps {
            match step {
                Step::EndSessions => self.end_sessions(id).await?,
                Step::Write(write) => match self.client.update_user(id, &write).await {
                    Ok(()) => {}
                    Err(keycloak::Error::Invalid { fields, .. })
                        if write.enabled == Some(false)
                            && !fields.iter().any(|field| is_changed(field, stored, &write)) =>
                    {
                        after = self.disable(id, stored, *write, fields).await?;
                    }
                    Err(keycloak::Error::Conflict { .. }) if self.storage.tenant.id().is_some() => {
                        return Err(self.taken_in_realm(&write, Some(id)).await);
                    }
                    Err(error) => return Err(self.failed(&error)),
                },
            }
        }
        after.id = Some(id.clone());
        Ok(self.storage.read(&after, &self.caller))
    }

    /// Takes a directory's user out of SCIM: disabled, without sessions, without tag.
    async fn withdraw(&self, id: &UserId, stored: &UserRepresentation) -> Result<()> {
        self.disable(id, stored, UserRepresentation::default(), Vec::new()).await?;
        self.end_sessions(id).await?;
        self.client.unmap_realm_role(id, &self.facts.role).await.or_scim(self)
    }
}

/// Was it the content that was refused, so that something else may be taken?
fn is_refusal(error: &Error) -> bool {
    // Where the deactivation itself failed, nothing else is left to try.
    matches!(error.status, 400 | 403 | 409) && error.code != Code::NotDeactivated
}

/// Is the refused attribute one that this write changes?
fn is_changed(field: &FieldError, stored: &UserRepresentation, write: &UserRepresentation) -> bool {
    let differ = |a: &Option<String>, b: &Option<String>| {
        a.as_deref().unwrap_or_default().to_lowercase() != b.as_deref().unwrap_or_default().to_lowercase()
    };
    match field.field.as_str() {
        "username" => differ(&stored.username, &write.username),
        "email" => differ(&stored.email, &write.email),
        "firstName" => differ(&stored.first_name, &write.first_name),
        "lastName" => differ(&stored.last_name, &write.last_name),
        // Bookkeeping moves with every write: that is not what the client said.
        MANAGED | PENDING | ACTIVE | LAST_MODIFIED | HASH => false,
        name => values(stored, name) != values(write, name),
    }
}
