//! Creating and changing groups: first everything is checked, then Keycloak's group is written, then members
//! move, and what was begun can be repeated to its end.

use time::OffsetDateTime;
use tokio::sync::OwnedMutexGuard;

use crate::directory::Result;
use crate::directory::groups::{EditGroup, GroupRow, Member, Members, WantedGroup};
use crate::keycloak::{self, GroupId, GroupRepresentation};
use crate::scim::members::MemberChange;
use crate::scim::{Code, Error};

use super::super::{OrScim, Session};
use super::members::MemberPlan;
use super::names::{Taken, exists, group_name, refused_name};
use super::standing::Judge;
use super::stored;

impl Session {
    pub(super) async fn create_group(self, wanted: WantedGroup) -> Result<GroupRow> {
        let judge = Judge::new(&self);
        let mut write = stored::write(
            &GroupRepresentation::default(),
            &wanted.resource,
            &self.caller,
            &self.storage.tenant,
        )?;
        let name = write.name.clone();
        // Two creates of one name: the second one sees what became of the first.
        let name_lock = self.directory.0.realm.locks().lock(group_name(&name)).await;
        let namesakes = self.groups_named(&name).await?;
        if let Some(taken) = self.taken(&judge, &namesakes, &name, None).await? {
            drop(name_lock);
            return self.create_group_over(taken, &wanted).await;
        }
        judge.check_home().await?;
        let plan = self.plan_members(&judge, None, &name, &wanted.members).await?;
        let now = OffsetDateTime::now_utc();
        let more = !plan.is_empty() || self.lists_roles(&name);
        stored::changed(&mut write, now, !plan.is_empty());
        stored::born(&mut write, now);
        if more {
            stored::begun(&mut write, now);
        }
        let created = self.client.create_group(self.facts.group_parent.as_ref(), &write).await;
        let id = match created {
            Ok(id) => id,
            Err(error) => match self.created_group_after_all(&error, &write).await {
                Some(id) => id,
                None => return Err(self.not_written(error)),
            },
        };
        // From here on Keycloak itself keeps the name, and whoever looks for it finds the group.
        drop(name_lock);
        let stored = GroupRepresentation {
            id: Some(id.clone()),
            parent_id: self.facts.group_parent.clone(),
            sub_group_count: Some(0),
            ..write
        };
        if more {
            // The group's lock comes before that of the tree, as everywhere: groups are looked at again under it.
            let lock = self.directory.0.realm.locks().lock(format!("id {id}")).await;
            let (plan, _tree) = match plan.moves_groups() {
                false => (plan, None),
                true => self.plan_moves(&judge, Some(&stored), &name, &wanted.members).await?,
            };
            self.give_checked_roles(&id, &stored, &name).await?;
            self.move_members(&id, &plan).await?;
            self.directory.0.realm.at_rest().note(&stored);
            // Groups are among them by now.
            let after = GroupRepresentation { sub_group_count: None, ..stored.clone() };
            let members = self.members_after(&Judge::new(&self), &after, &plan, &Members::All).await?;
            let row = self.row(&stored, members);
            drop(judge);
            self.settle_later(id, lock);
            return Ok(row);
        }
        Ok(self.row(&stored, Some(Vec::new())))
    }

    /// After a failure that leaves open whether the group was created: looks, and knows its own revision.
    async fn created_group_after_all(
        &self,
        error: &keycloak::Error,
        write: &GroupRepresentation,
    ) -> Option<GroupId> {
        use keycloak::Error as Failure;
        let open =
            matches!(error, Failure::Unreachable { .. } | Failure::Timeout { .. } | Failure::Server { .. });
        if !open || error.never_sent() {
            return None;
        }
        let found = self.groups_named(&write.name).await.ok()?;
        found.into_iter().find(|group| group.attributes == write.attributes)?.id
    }

    /// A group has the name already. One whose create was cut off is gone on with; one that is somebody else's is taken
    /// over where the configuration says so.
    async fn create_group_over(&self, taken: Taken, wanted: &WantedGroup) -> Result<GroupRow> {
        let group = match taken {
            Taken::Refused(error) => return Err(error),
            Taken::Unfinished(group) | Taken::Adoptable(group) => group,
        };
        let Some(id) = group.id.clone() else { return Err(exists(None)) };
        let lock = self.directory.0.realm.locks().lock(format!("id {id}")).await;
        // Whoever held the lock may have finished it.
        let judge = Judge::new(self);
        let now = self.client.group(&id).await.or_scim(self)?;
        let Some(stored) = now else {
            return Err(Error::new(
                409,
                Code::GroupExists,
                "The group is being deleted in Keycloak; repeat the request",
            ));
        };
        if stored::is_tagged(&stored, &self.storage.tenant) && !stored::is_unfinished(&stored) {
            return Err(exists(Some(&id)));
        }
        let mut write = stored::write(&stored, &wanted.resource, &self.caller, &self.storage.tenant)?;
        if !stored::is_tagged(&stored, &self.storage.tenant) {
            self.refuse_unlisted_roles(&judge, &stored, &write.name).await?;
        }
        let (plan, _tree) = self.plan_moves(&judge, Some(&stored), &write.name, &wanted.members).await?;
        let now = OffsetDateTime::now_utc();
        stored::changed(&mut write, now, true);
        // Also one that is taken over is unfinished until all is done.
        stored::begun(&mut write, now);
        let row = self.carry_out(&id, &stored, write, &plan, Members::All).await?;
        self.settle_later(id, lock);
        Ok(row)
    }

    pub(super) async fn update_group(self, id: &str, edit: EditGroup, members: Members) -> Result<GroupRow> {
        let Ok(id) = GroupId::try_from(id) else { return Err(Error::not_found(id)) };
        let lock = self.directory.0.realm.locks().lock(format!("id {id}")).await;
        let judge = Judge::new(&self);
        let Some(stored) = self.visible_group(&judge, &id).await? else {
            return Err(Error::not_found(id.as_ref()));
        };
        let before = self.group_row(&stored);
        let wanted = edit(&before)?;
        let mut write = stored::write(&stored, &wanted.resource, &self.caller, &self.storage.tenant)?;
        if !stored::is_tagged(&stored, &self.storage.tenant) {
            if !self.settings().groups.adopt {
                return Err(Error::new(
                    403,
                    Code::UnmanagedGroup,
                    "The group was made in Keycloak and is not managed over SCIM (groups.on_existing = \"reject\"), so it \
                     can only be read",
                ));
            }
            self.refuse_unlisted_roles(&judge, &stored, &write.name).await?;
        }
        let renamed = write.name != stored.name;
        let _name_lock = match renamed {
            false => None,
            true => {
                let name_lock = self.directory.0.realm.locks().lock(group_name(&write.name)).await;
                let namesakes = self.groups_named(&write.name).await?;
                match self.taken(&judge, &namesakes, &write.name, Some(&id)).await? {
                    None => Some(name_lock),
                    Some(Taken::Refused(error)) => return Err(error),
                    Some(Taken::Unfinished(group) | Taken::Adoptable(group)) => {
                        return Err(refused_name(&group, &self.storage.tenant));
                    }
                }
            }
        };
        let (plan, _tree) = self.plan_moves(&judge, Some(&stored), &write.name, &wanted.members).await?;
        let same = write.attributes.as_ref() == Some(&stored.attributes.clone().unwrap_or_default());
        let untouched = same && !renamed && plan.is_empty() && self.has_its_roles(&stored);
        if untouched && stored::settled(&stored, true).is_none() {
            let mut row = before;
            row.members = self.members_after(&judge, &stored, &plan, &members).await?;
            return Ok(row);
        }
        stored::changed(
            &mut write,
            OffsetDateTime::now_utc(),
            !plan.is_empty() || stored::is_moving(&stored),
        );
        let row = self.carry_out(&id, &stored, write, &plan, members).await?;
        drop(judge);
        self.settle_later(id, lock);
        Ok(row)
    }

    /// Writes the group, gives it its roles and moves its members. The caller holds the group's lock, and settles it
    /// afterwards.
    async fn carry_out(
        &self,
        id: &GroupId,
        stored: &GroupRepresentation,
        write: GroupRepresentation,
        plan: &MemberPlan,
        members: Members,
    ) -> Result<GroupRow> {
        self.take_roles(id, stored, &write.name).await?;
        if let Err(error) = self.client.update_group(id, &write).await {
            // It keeps its name, and so what that carries.
            let bare = GroupRepresentation { name: stored.name.clone(), ..GroupRepresentation::default() };
            if let Err(error) = self.give_roles(id, &bare, &stored.name).await {
                tracing::warn!(%error, %id, "the sweep will give the group the roles of its name");
            }
            return Err(self.not_written(error));
        }
        self.give_checked_roles(id, stored, &write.name).await?;
        self.move_members(id, plan).await?;
        let after = GroupRepresentation {
            id: Some(id.clone()),
            parent_id: stored.parent_id.clone(),
            sub_group_count: if plan.moves_groups() { None } else { stored.sub_group_count },
            ..write
        };
        self.directory.0.realm.at_rest().note(&after);
        let members = self.members_after(&Judge::new(self), &after, plan, &members).await?;
        Ok(self.row(&after, members))
    }

    /// The members after a change that an answer needs: read only where they are not known from it.
    async fn members_after(
        &self,
        judge: &Judge<'_>,
        after: &GroupRepresentation,
        plan: &MemberPlan,
        wanted: &Members,
    ) -> Result<Option<Vec<Member>>> {
        match (plan.after(), wanted) {
            (_, Members::Unread) => Ok(None),
            (Some(known), Members::UpTo(most)) => Ok(Some(known).filter(|known| known.len() <= *most)),
            (Some(known), Members::All | Members::These(_)) => Ok(Some(known)),
            (None, wanted) => self.read_members(judge, after, wanted).await,
        }
    }

    /// The group as it will be once it is settled.
    fn row(&self, stored: &GroupRepresentation, members: Option<Vec<Member>>) -> GroupRow {
        let settled = stored::settled(stored, true)
            .map(|settled| GroupRepresentation { id: stored.id.clone(), ..settled });
        GroupRow { members, ..stored::read(settled.as_ref().unwrap_or(stored), &self.caller, true) }
    }

    /// As [`Session::plan_members`]; where groups would move, nobody else moves any until the guard is dropped, so that
    /// two moves never make a circle.
    async fn plan_moves(
        &self,
        judge: &Judge<'_>,
        group: Option<&GroupRepresentation>,
        name: &str,
        changes: &[MemberChange],
    ) -> Result<(MemberPlan, Option<OwnedMutexGuard<()>>)> {
        let plan = self.plan_members(judge, group, name, changes).await?;
        if !plan.moves_groups() {
            return Ok((plan, None));
        }
        let tree = self.directory.0.realm.locks().lock("group tree".into()).await;
        // What was seen before the lock may have moved since.
        let judge = Judge::new(self);
        let group = match group.and_then(|group| group.id.as_ref()) {
            Some(id) => self.client.group(id).await.or_scim(self)?,
            None => None,
        };
        Ok((self.plan_members(&judge, group.as_ref(), name, changes).await?, Some(tree)))
    }

    fn not_written(&self, error: keycloak::Error) -> Error {
        match error {
            keycloak::Error::Conflict { .. } => Error::conflict(
                Code::GroupExists,
                "Another group in the same place of Keycloak has this displayName",
            ),
            error => self.failed(&error),
        }
    }
}
