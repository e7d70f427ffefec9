//! Deleting a group, and what the deletion of a user means to groups.

use futures_util::{StreamExt, stream};
use time::OffsetDateTime;

use crate::directory::Result;
use crate::directory::groups::CheckGroup;
use crate::keycloak::{self, GroupId, GroupRepresentation, UserId};
use crate::scim::{Code, Error};

use super::super::{OrScim, Session};
use super::standing::{Judge, Standing};
use super::stored;

/// How many groups are told of a departure at once.
const NOTES_AT_ONCE: usize = 8;

impl Session {
    pub(super) async fn delete_group(self, id: &str, check: CheckGroup) -> Result<()> {
        let Ok(id) = GroupId::try_from(id) else { return Err(Error::not_found(id)) };
        let _lock = self.directory.0.realm.locks().lock(format!("id {id}")).await;
        let judge = Judge::new(&self);
        let Some(stored) = self.visible_group(&judge, &id).await? else {
            return Err(Error::not_found(id.as_ref()));
        };
        check(&self.group_row(&stored))?;
        if !stored::is_tagged(&stored, &self.storage.tenant) {
            return Err(Error::new(
                403,
                Code::UnmanagedGroup,
                "The group was made in Keycloak and is not managed over SCIM, so it can only be deleted there",
            ));
        }
        if stored.sub_group_count != Some(0) {
            let _tree = self.directory.0.realm.locks().lock("group tree".into()).await;
            self.empty_of_groups(&judge, &id).await?;
        }
        match self.client.delete_group(&id).await {
            // Gone is what was asked for: a repeated try may find it so.
            Err(error @ keycloak::Error::NotFound { .. }) if !error.is_realm_missing() => {}
            done => done.or_scim(&self)?,
        }
        let around = judge.above(&stored).await?.into_iter().next();
        self.note_departure(around.iter().map(AsRef::as_ref)).await;
        Ok(())
    }

    /// Moves the groups within the group out of it, before Keycloak would delete them along with it.
    async fn empty_of_groups(&self, judge: &Judge<'_>, id: &GroupId) -> Result<()> {
        let subgroups = self.client.subgroups(id).await.or_scim(self)?;
        for subgroup in &subgroups {
            if judge.standing(subgroup).await? != Standing::Managed {
                return Err(Error::new(
                    409,
                    Code::UnmanagedSubgroups,
                    "There is a group below this one that is not managed over SCIM; Keycloak would delete it too",
                ));
            }
        }
        self.check_way_home(subgroups.iter().collect()).await?;
        for subgroup in &subgroups {
            let Some(child) = &subgroup.id else { continue };
            let moved = self.client.move_group(child, &subgroup.name, self.facts.group_parent.as_ref()).await;
            moved.map_err(|error| self.not_moved(error, subgroup))?;
        }
        Ok(())
    }

    /// Moves on the versions of the groups that somebody, or a group, who was just deleted was in.
    pub(in super::super) async fn note_departure(
        &self,
        groups: impl IntoIterator<Item = &GroupRepresentation>,
    ) {
        let groups = groups.into_iter().filter(|group| stored::is_tagged(group, &self.storage.tenant));
        let noted = groups.filter_map(|group| group.id.clone());
        let noted = noted.map(|id| async move {
            let _lock = self.directory.0.realm.locks().lock(format!("id {id}")).await;
            let Some(stored) = self.client.group(&id).await.or_scim(self)? else { return Ok(()) };
            let mut write = GroupRepresentation {
                name: stored.name.clone(),
                description: stored.description.clone(),
                attributes: stored.attributes.clone(),
                ..GroupRepresentation::default()
            };
            stored::changed(&mut write, OffsetDateTime::now_utc(), stored::is_moving(&stored));
            self.client.update_group(&id, &write).await.or_scim(self)
        });
        let noted: Vec<_> = noted.collect();
        let noted: Vec<Result<()>> = stream::iter(noted).buffer_unordered(NOTES_AT_ONCE).collect().await;
        for error in noted.into_iter().filter_map(Result::err) {
            tracing::warn!(%error, "a group keeps the version that it had before a member was created or deleted");
        }
    }

    /// Takes the user out of those of the groups that are managed, and gives these.
    pub(in super::super) async fn leave_groups(
        &self,
        user: &UserId,
        groups: Vec<GroupRepresentation>,
    ) -> Result<Vec<GroupRepresentation>> {
        let managed: Vec<GroupRepresentation> =
            groups.into_iter().filter(|group| stored::is_tagged(group, &self.storage.tenant)).collect();
        for id in managed.iter().filter_map(|group| group.id.as_ref()) {
            match self.client.leave_group(user, id).await {
                Err(error @ keycloak::Error::NotFound { .. }) if !error.is_realm_missing() => {}
                done => done.or_scim(self)?,
            }
        }
        Ok(managed)
    }

    /// The groups of a user who is about to be deleted.
    pub(in super::super) async fn groups_left(&self, user: &UserId) -> Result<Vec<GroupRepresentation>> {
        Ok(self.client.user_groups(user).await.or_scim(self)?.unwrap_or_default())
    }
}
