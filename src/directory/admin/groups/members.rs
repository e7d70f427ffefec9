//! Who is in a group: read page by page, checked before anything is changed, joined and taken out a few at a time.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use futures_util::{StreamExt, TryStreamExt, stream};
use serde_json::{Value, json};

use crate::directory::Result;
use crate::directory::groups::{Member, Members};
use crate::keycloak::{self, GroupId, GroupRepresentation, MAX_PAGE, UserId, UserQuery, UserRepresentation};
use crate::scim::members::{self, MemberChange, MemberType, NamedMember};
use crate::scim::resource::printable;
use crate::scim::{Code, Error, ScimType};

use super::super::tag::Standing as UserStanding;
use super::super::tenant::Tenant;
use super::super::{OrScim, Session};
use super::standing::Judge;
use super::stored;

/// How many calls for single members run at once.
pub(super) const AT_ONCE: usize = 8;
/// From more names on, a group's members are read before those who are named are looked at one by one.
const MANY: usize = 100;
/// How many members are read at first where a group may be too large to be shown.
const FEW: u32 = 25;
/// How many pages of members are read at once.
const PAGES_AT_ONCE: u32 = 4;

/// Somebody who was named, and is there.
#[derive(Debug, Clone)]
pub(super) enum Found {
    /// A managed user.
    User(UserId, String),
    /// A group that clients may see.
    Group(GroupId, GroupRepresentation),
}

impl Found {
    fn member(&self) -> Member {
        let (id, kind, display) = match self {
            Self::User(id, name) => (id.to_string(), MemberType::User, name.clone()),
            Self::Group(id, group) => (id.to_string(), MemberType::Group, group.name.clone()),
        };
        Member { id, kind, display }
    }
}

/// What is to be done to a group's members; all of it may be done again without harm.
#[derive(Debug, Default)]
pub(super) struct MemberPlan {
    /// Who is to be a member, perhaps being one already.
    pub(super) added: Vec<Found>,
    /// Who is to be none, perhaps being none already.
    pub(super) removed: Vec<Found>,
    /// The members before, where they had to be read.
    before: Option<Vec<Member>>,
}

impl MemberPlan {
    pub(super) fn is_empty(&self) -> bool {
        self.added.is_empty() && self.removed.is_empty()
    }

    /// Does it move groups?
    pub(super) fn moves_groups(&self) -> bool {
        self.added.iter().chain(&self.removed).any(|found| matches!(found, Found::Group(..)))
    }

    /// The members afterwards, where they are known without being read again.
    pub(super) fn after(&self) -> Option<Vec<Member>> {
        let gone: HashSet<String> = self.removed.iter().map(|found| found.member().id).collect();
        let mut after: BTreeMap<String, Member> = BTreeMap::new();
        let stay = self.before.as_ref()?.iter().filter(|member| !gone.contains(&member.id)).cloned();
        for member in stay.chain(self.added.iter().map(Found::member)) {
            after.insert(member.id.clone(), member);
        }
        Some(sorted(after.into_values().collect()))
    }
}

impl Session {
    /// Finds out what the changes come to, and whether all who are named can be members. Changes nothing.
    ///
    /// `group` is none for a group that is just being created; `name` is the one that it will have.
    ///
    /// # Errors
    /// 400 naming a member who is not there or not managed, or a group that can't be put into this one.
    pub(super) async fn plan_members(
        &self,
        judge: &Judge<'_>,
        group: Option<&GroupRepresentation>,
        name: &str,
        changes: &[MemberChange],
    ) -> Result<MemberPlan> {
        if changes.is_empty() {
            return Ok(MemberPlan::default());
        }
        let net = members::net(changes);
        // Where very many are named, most of them may be members already, as after a request that was cut off.
        let must_know = net.as_ref().is_none_or(|net| !net.keeps_others || net.added.len() > MANY);
        let before = match group {
            Some(group) if must_know => self.members(judge, group, None).await?,
            Some(_) => None,
            None => Some(Vec::new()),
        };
        let net = match (net, &before) {
            (Some(net), _) => net,
            (None, before) => {
                let known: Vec<Value> = before.iter().flatten().map(rendered).collect();
                members::net_among(changes, &known)
            }
        };
        let there: HashSet<&str> = before.iter().flatten().map(|member| member.id.as_str()).collect();
        let added = net.added.iter().filter(|named| !there.contains(named.value.as_str()));
        let added = self.named(judge, added.cloned().collect()).await?;
        let removed: BTreeSet<String> = if net.keeps_others {
            net.removed
        } else {
            let stay: HashSet<&str> = net.added.iter().map(|named| named.value.as_str()).collect();
            let leave = there.iter().filter(|id| !stay.contains(*id));
            leave.map(|id| (*id).to_owned()).collect()
        };
        let removed = match &before {
            // They were read, so they are known to be members whom clients see.
            Some(before) => {
                self.known(judge, before.iter().filter(|member| removed.contains(&member.id))).await?
            }
            None => self.removable(judge, removed).await?,
        };
        // Whoever tells all members without such a group does not mean it: no client can have put it there.
        let removed = removed
            .into_iter()
            .filter(|found| net.keeps_others || !found.is_foreign(&self.storage.tenant))
            .collect();
        let plan = MemberPlan { added, removed, before };
        self.check_moves(judge, group, name, &plan).await?;
        Ok(plan)
    }

    /// Takes out and joins. A part of it may be done when it fails; repeating it does the rest.
    pub(super) async fn move_members(&self, id: &GroupId, plan: &MemberPlan) -> Result<()> {
        let home = self.facts.group_parent.as_ref();
        for found in &plan.removed {
            if let Found::Group(child, group) = found
                && group.parent_id.as_ref() == Some(id)
            {
                let moved = self.client.move_group(child, &group.name, home).await;
                moved.map_err(|error| self.not_moved(error, group))?;
            }
        }
        for found in &plan.added {
            if let Found::Group(child, group) = found
                && group.parent_id.as_ref() != Some(id)
            {
                let moved = self.client.move_group(child, &group.name, Some(id)).await;
                moved.map_err(|error| self.not_moved(error, group))?;
            }
        }
        let leaving: Vec<_> =
            plan.removed.iter().filter_map(Found::user).map(|user| self.leave(user, id)).collect();
        stream::iter(leaving).buffer_unordered(AT_ONCE).try_collect::<Vec<()>>().await?;
        let joining: Vec<_> =
            plan.added.iter().filter_map(Found::user).map(|user| self.join(user, id)).collect();
        stream::iter(joining).buffer_unordered(AT_ONCE).try_collect::<Vec<()>>().await?;
        Ok(())
    }

    async fn join(&self, user: &UserId, group: &GroupId) -> Result<()> {
        match self.client.join_group(user, group).await {
            Err(error @ keycloak::Error::NotFound { .. }) if !error.is_realm_missing() => {
                // Which of the two has vanished?
                match self.client.user(user).await.or_scim(self)? {
                    Some(_) => Err(Error::not_found(group.as_ref())),
                    None => Err(unknown(user.as_ref())),
                }
            }
            done => done.or_scim(self),
        }
    }

    async fn leave(&self, user: &UserId, group: &GroupId) -> Result<()> {
        match self.client.leave_group(user, group).await {
            // Who is gone is in no group.
            Err(error @ keycloak::Error::NotFound { .. }) if !error.is_realm_missing() => Ok(()),
            done => done.or_scim(self),
        }
    }

    /// All members that clients see, by name; none where there are more than `most` of any kind.
    pub(super) async fn members(
        &self,
        judge: &Judge<'_>,
        group: &GroupRepresentation,
        most: Option<usize>,
    ) -> Result<Option<Vec<Member>>> {
        let Some(id) = &group.id else { return Ok(Some(Vec::new())) };
        let (users, subgroups) = tokio::try_join!(self.users_in(id, most), self.subgroups_in(judge, group))?;
        let Some(mut members) = users else { return Ok(None) };
        members.extend(subgroups);
        if most.is_some_and(|most| members.len() > most) {
            return Ok(None);
        }
        Ok(Some(sorted(members)))
    }

    /// The managed users in the group itself.
    async fn users_in(&self, id: &GroupId, most: Option<usize>) -> Result<Option<Vec<Member>>> {
        let mut members = Vec::new();
        let mut keep = |users: &[UserRepresentation]| {
            let managed =
                users.iter().filter(|user| self.storage.tenant.has(user) && !user.is_service_account());
            members.extend(managed.filter_map(|user| Some(self.found_user(user)?.member())));
        };
        let first_page = if most.is_some() { FEW } else { MAX_PAGE };
        // Whole users are dear: one look at the place beyond the most tells of a large group all that is asked.
        let beyond = async {
            match most.and_then(|most| u32::try_from(most).ok()) {
                Some(most) => Ok(!self.client.group_members(id, most, 1).await?.is_empty()),
                None => Ok(false),
            }
        };
        let first = self.client.group_members(id, 0, first_page);
        let (users, beyond) = tokio::try_join!(first, beyond).or_scim(self)?;
        if beyond {
            return Ok(None);
        }
        keep(&users);
        let mut read = users.len();
        let mut full = read == first_page as usize;
        while full {
            // Keycloak can't say how many there are, so the last ones may be asked for in vain.
            let at = u32::try_from(read).unwrap_or(u32::MAX);
            // Where there is a limit, one page holds what is left below it.
            let at_once = if most.is_some_and(|most| most <= MAX_PAGE as usize) { 1 } else { PAGES_AT_ONCE };
            let pages = (0..at_once).map(|page| at.saturating_add(page * MAX_PAGE));
            let pages: Vec<_> = pages.map(|first| self.client.group_members(id, first, MAX_PAGE)).collect();
            let pages = futures_util::future::try_join_all(pages).await.or_scim(self)?;
            for page in &pages {
                keep(page);
                read += page.len();
            }
            full = pages.last().is_some_and(|page| page.len() == MAX_PAGE as usize);
        }
        // Who joins or leaves meanwhile moves others from page to page.
        let mut seen = HashSet::new();
        members.retain(|member| seen.insert(member.id.clone()));
        Ok(Some(members))
    }

    async fn subgroups_in(&self, judge: &Judge<'_>, group: &GroupRepresentation) -> Result<Vec<Member>> {
        let Some(id) = group.id.as_ref().filter(|_| group.sub_group_count != Some(0)) else {
            return Ok(Vec::new());
        };
        let mut members = Vec::new();
        judge.know([group]);
        for subgroup in self.client.subgroups(id).await.or_scim(self)? {
            if let (true, Some(id)) = (judge.standing(&subgroup).await?.is_visible(), subgroup.id.clone()) {
                members.push(Found::Group(id, subgroup).member());
            }
        }
        Ok(members)
    }

    /// Those of the named ones that are members of each of the groups, without reading who else is.
    pub(super) async fn memberships(
        &self,
        judge: &Judge<'_>,
        ids: &BTreeSet<String>,
    ) -> Result<HashMap<GroupId, Vec<Member>>> {
        let mut memberships: HashMap<GroupId, Vec<Member>> = HashMap::new();
        let found = self.removable(judge, ids.clone()).await?;
        let reads: Vec<_> = found
            .iter()
            .map(|found| async {
                Ok::<Vec<GroupId>, Error>(match found {
                    Found::User(id, _) => {
                        let groups = self.client.user_groups(id).await.or_scim(self)?.unwrap_or_default();
                        groups.into_iter().filter_map(|group| group.id).collect()
                    }
                    Found::Group(_, group) => group.parent_id.clone().into_iter().collect(),
                })
            })
            .collect();
        let groups: Vec<Vec<GroupId>> = stream::iter(reads).buffered(AT_ONCE).try_collect().await?;
        for (found, groups) in found.iter().zip(groups) {
            for group in groups {
                memberships.entry(group).or_default().push(found.member());
            }
        }
        Ok(memberships)
    }

    /// The members that an answer or a filter needs.
    pub(super) async fn read_members(
        &self,
        judge: &Judge<'_>,
        group: &GroupRepresentation,
        wanted: &Members,
    ) -> Result<Option<Vec<Member>>> {
        match wanted {
            Members::Unread => Ok(None),
            Members::All => self.members(judge, group, None).await,
            Members::UpTo(most) => self.members(judge, group, Some(*most)).await,
            Members::These(ids) => {
                let mut memberships = self.memberships(judge, ids).await?;
                Ok(Some(group.id.as_ref().and_then(|id| memberships.remove(id)).unwrap_or_default()))
            }
        }
    }

    /// Those who are named, each of whom must be a managed user or a group that clients see.
    ///
    /// # Errors
    /// 400 naming the first who is neither.
    async fn named(&self, judge: &Judge<'_>, named: Vec<NamedMember>) -> Result<Vec<Found>> {
        let users = self.users_by_id(named.iter().map(|named| named.value.as_str())).await?;
        let checks: Vec<_> = named
            .iter()
            .map(|named| async {
                let user = users.get(named.value.as_str());
                let found = match (user, named.kind) {
                    (Some(user), None | Some(MemberType::User)) => self.managed_user(user).await?,
                    (None, None | Some(MemberType::Group)) => self.managed_group(judge, &named.value).await?,
                    _ => None,
                };
                found.ok_or_else(|| unknown(&named.value))
            })
            .collect();
        stream::iter(checks).buffered(AT_ONCE).try_collect().await
    }

    /// Those of these ids who are managed users or groups that clients see: nobody else's membership is touched.
    async fn removable(&self, judge: &Judge<'_>, ids: BTreeSet<String>) -> Result<Vec<Found>> {
        let users = self.users_by_id(ids.iter().map(String::as_str)).await?;
        let checks: Vec<_> = ids
            .iter()
            .map(|id| async {
                match users.get(id.as_str()) {
                    Some(user) if self.storage.tenant.has(user) && !user.is_service_account() => {
                        Ok(self.found_user(user))
                    }
                    Some(user) => self.managed_user(user).await,
                    None => self.managed_group(judge, id).await,
                }
            })
            .collect();
        let found: Vec<Option<Found>> = stream::iter(checks).buffered(AT_ONCE).try_collect().await?;
        Ok(found.into_iter().flatten().collect())
    }

    /// Members who were just read, as what they are.
    async fn known(&self, judge: &Judge<'_>, members: impl Iterator<Item = &Member>) -> Result<Vec<Found>> {
        let mut found = Vec::new();
        for member in members {
            found.extend(match member.kind {
                MemberType::User => UserId::try_from(member.id.as_str())
                    .ok()
                    .map(|id| Found::User(id, member.display.clone())),
                MemberType::Group => self.managed_group(judge, &member.id).await?,
            });
        }
        Ok(found)
    }

    /// The users with these ids, managed or not.
    async fn users_by_id(
        &self,
        ids: impl Iterator<Item = &str>,
    ) -> Result<HashMap<String, UserRepresentation>> {
        let ids: Vec<UserId> = ids.filter_map(|id| UserId::try_from(id).ok()).collect();
        if ids.is_empty() {
            return Ok(HashMap::new());
        }
        let users = self.client.users(&UserQuery { ids, ..UserQuery::default() }).await.or_scim(self)?;
        Ok(users.into_iter().filter_map(|user| Some((user.id.as_ref()?.to_string(), user))).collect())
    }

    /// The user, if it is managed by what its role says.
    async fn managed_user(&self, user: &UserRepresentation) -> Result<Option<Found>> {
        let Some(id) = user.id.as_ref().filter(|_| !user.is_service_account()) else { return Ok(None) };
        match self.standing(user).await? {
            UserStanding::Managed => Ok(self.found_user(user)),
            UserStanding::Given => {
                self.heal_later(user);
                Ok(self.found_user(user))
            }
            UserStanding::Unfinished => {
                let healed = self.heal(id).await?;
                Ok(healed.and_then(|user| self.found_user(&user)))
            }
            UserStanding::Taken | UserStanding::Foreign => Ok(None),
        }
    }

    fn found_user(&self, user: &UserRepresentation) -> Option<Found> {
        let row = self.storage.read(user, &self.caller);
        let text = |path| row.resource.text(&self.storage.user, path).filter(|text| !text.trim().is_empty());
        let name = text("displayName").or_else(|| text("userName")).unwrap_or_default().to_owned();
        Some(Found::User(user.id.clone()?, name))
    }

    /// The group with this id, if clients may see it.
    async fn managed_group(&self, judge: &Judge<'_>, id: &str) -> Result<Option<Found>> {
        let Ok(id) = GroupId::try_from(id) else { return Ok(None) };
        let Some(group) = self.client.group(&id).await.or_scim(self)? else { return Ok(None) };
        Ok(judge.standing(&group).await?.is_visible().then_some(Found::Group(id, group)))
    }
}

impl Found {
    pub(super) fn user(&self) -> Option<&UserId> {
        match self {
            Self::User(id, _) => Some(id),
            Self::Group(..) => None,
        }
    }

    pub(super) fn group(&self) -> Option<(&GroupId, &GroupRepresentation)> {
        match self {
            Self::User(..) => None,
            Self::Group(id, group) => Some((id, group)),
        }
    }

    /// Is it a group that is shown to clients, and not theirs?
    fn is_foreign(&self, tenant: &Tenant) -> bool {
        self.group().is_some_and(|(_, group)| !stored::is_tagged(group, tenant))
    }
}

/// A member as a client reads it, as far as filters look at it.
fn rendered(member: &Member) -> Value {
    json!({ "value": member.id, "display": member.display, "type": member.kind.name() })
}

fn sorted(mut members: Vec<Member>) -> Vec<Member> {
    members.sort_by_cached_key(|member| (member.kind, member.display.to_lowercase(), member.id.clone()));
    members
}

pub(super) fn unknown(id: &str) -> Error {
    Error::bad(
        ScimType::InvalidValue,
        Code::UnknownMember,
        format!("The member {} is no managed user and no managed group here", printable(id)),
    )
}
