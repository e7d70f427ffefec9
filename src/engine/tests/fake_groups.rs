//! Groups in memory. They do what the port says and no more: all groups are candidates, the last one first, and of their
//! members only those are known that were asked for.

use super::*;
use crate::directory::groups::{CheckGroup, EditGroup, GroupRow, Member, Members, Membership, WantedGroup};
use crate::scim::members::{self, MemberChange, MemberType, NeededMembers};

#[derive(Default)]
pub(super) struct FakeGroups {
    kept: Mutex<Vec<Kept>>,
    /// What was asked of the groups, reads of members among it.
    log: Mutex<Vec<AskedOfGroups>>,
}

#[derive(Clone)]
struct Kept {
    resource: Resource,
    meta: Meta,
    members: Vec<Member>,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum AskedOfGroups {
    /// For a group, with these members.
    Group(Members),
    /// For all that may match.
    Groups,
    /// For all members of so many groups.
    Fill(usize),
    /// A change was carried out, and these members were read along.
    Update(Members),
    /// For the groups of this user.
    GroupsOf(String),
}

impl Kept {
    fn row(&self, wanted: &Members) -> GroupRow {
        let all = || self.members.clone();
        let members = match wanted {
            Members::Unread => None,
            Members::UpTo(most) => (self.members.len() <= *most).then(all),
            Members::These(ids) => Some(all().into_iter().filter(|one| ids.contains(&one.id)).collect()),
            Members::All => Some(all()),
        };
        GroupRow { resource: self.resource.clone(), meta: self.meta.clone(), members }
    }

    /// Becomes what is wanted, one change after the other.
    fn become_wanted(&mut self, wanted: WantedGroup) {
        for change in wanted.members {
            match change {
                MemberChange::Add(named) => named.into_iter().for_each(|named| self.join(named)),
                MemberChange::Remove(ids) => self.members.retain(|member| !ids.contains(&member.id)),
                MemberChange::RemoveMatching(filter) => self.members.retain(|member| {
                    let shown =
                        json!({"value": member.id, "type": member.kind.name(), "display": member.display});
                    !filter.matches(&shown)
                }),
                MemberChange::Replace(named) => {
                    self.members.clear();
                    named.into_iter().for_each(|named| self.join(named));
                }
            }
        }
        self.resource = wanted.resource;
        let revision = self.meta.revision.as_deref().unwrap_or_default().len() + 1;
        self.meta.revision = Some("x".repeat(revision));
    }

    fn join(&mut self, named: members::NamedMember) {
        if self.members.iter().all(|member| member.id != named.value) {
            self.members.push(Member {
                display: format!("Name of {}", named.value),
                kind: named.kind.unwrap_or(MemberType::User),
                id: named.value,
            });
        }
    }
}

impl FakeGroups {
    fn note(&self, asked: AskedOfGroups) {
        self.log.lock().unwrap().push(asked);
    }

    /// What was asked since the last time.
    pub(super) fn asked(&self) -> Vec<AskedOfGroups> {
        std::mem::take(&mut self.log.lock().unwrap())
    }

    fn change<T>(&self, id: &str, change: impl FnOnce(&mut Kept) -> Result<T>) -> Result<T> {
        let mut kept = self.kept.lock().unwrap();
        let found = kept.iter_mut().find(|kept| kept.meta.id == id);
        change(found.ok_or_else(|| Error::not_found(id))?)
    }
}

impl Groups for FakeGroups {
    fn group<'a>(
        &'a self,
        _: &'a Context,
        id: &'a str,
        members: Members,
    ) -> BoxFuture<'a, Result<Option<GroupRow>>> {
        let kept = self.kept.lock().unwrap();
        let row = kept.iter().find(|kept| kept.meta.id == id).map(|kept| kept.row(&members));
        self.note(AskedOfGroups::Group(members));
        async move { Ok(row) }.boxed()
    }

    fn groups<'a>(
        &'a self,
        _: &'a Context,
        filter: Option<&'a Filter>,
        limit: usize,
    ) -> BoxFuture<'a, Result<Vec<GroupRow>>> {
        self.note(AskedOfGroups::Groups);
        let kept = self.kept.lock().unwrap().clone();
        async move {
            let wanted = match filter.map_or(NeededMembers::None, members::needed) {
                NeededMembers::None => Members::Unread,
                NeededMembers::These(ids) => Members::These(ids),
                NeededMembers::All if kept.len() > limit => return Err(too_many(kept.len(), limit)),
                NeededMembers::All => Members::All,
            };
            Ok(kept.iter().rev().map(|kept| kept.row(&wanted)).collect())
        }
        .boxed()
    }

    fn fill<'a>(&'a self, _: &'a Context, rows: &'a mut [GroupRow]) -> BoxFuture<'a, Result<()>> {
        self.note(AskedOfGroups::Fill(rows.len()));
        async move {
            for row in rows {
                row.members = self.change(&row.meta.id, |kept| Ok(Some(kept.members.clone())))?;
            }
            Ok(())
        }
        .boxed()
    }

    fn create_group<'a>(&'a self, _: &'a Context, wanted: WantedGroup) -> BoxFuture<'a, Result<GroupRow>> {
        async move {
            let mut all = self.kept.lock().unwrap();
            let meta = Meta { id: format!("g{}", all.len() + 1), ..meta(0, 0) };
            let mut kept = Kept { resource: Resource::default(), meta, members: Vec::new() };
            kept.become_wanted(wanted);
            all.push(kept.clone());
            Ok(kept.row(&Members::All))
        }
        .boxed()
    }

    fn update_group<'a>(
        &'a self,
        _: &'a Context,
        id: &'a str,
        edit: EditGroup,
        members: Members,
    ) -> BoxFuture<'a, Result<GroupRow>> {
        async move {
            let row = self.change(id, |kept| {
                kept.become_wanted(edit(&kept.row(&Members::Unread))?);
                Ok(kept.row(&members))
            });
            self.note(AskedOfGroups::Update(members));
            row
        }
        .boxed()
    }

    fn delete_group<'a>(
        &'a self,
        _: &'a Context,
        id: &'a str,
        check: CheckGroup,
    ) -> BoxFuture<'a, Result<()>> {
        async move {
            self.change(id, |kept| check(&kept.row(&Members::Unread)))?;
            self.kept.lock().unwrap().retain(|kept| kept.meta.id != id);
            Ok(())
        }
        .boxed()
    }

    fn groups_of<'a>(&'a self, _: &'a Context, user: &'a str) -> BoxFuture<'a, Result<Vec<Membership>>> {
        self.note(AskedOfGroups::GroupsOf(user.to_owned()));
        let kept = self.kept.lock().unwrap();
        let with_user = kept.iter().filter(|kept| kept.members.iter().any(|member| member.id == user));
        let memberships = with_user.map(|kept| Membership {
            id: kept.meta.id.clone(),
            display: kept.resource.text(crate::scim::group::group(), "displayName").unwrap().to_owned(),
            direct: true,
        });
        let memberships: Vec<_> = memberships.collect();
        async move { Ok(memberships) }.boxed()
    }
}
