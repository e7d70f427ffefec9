//! Reading managed users: by id, by filter, and page by page.

use std::collections::HashSet;

use futures_util::future::try_join_all;
use futures_util::{StreamExt, TryStreamExt, stream};

use crate::directory::{Page, Result, Row, Visit, too_many};
use crate::keycloak::{AttributeMatch, MAX_PAGE, UserId, UserQuery, UserRepresentation};
use crate::scim::members::{self, NeededMembers};
use crate::scim::{Code, Error, Filter, ScimType};

use super::push_down::{self, Key, Narrowing, Plan};
use super::roster::Members;
use super::storage::{self, EMAILS, EXTERNAL_ID, HASH, USER_NAME};
use super::tag::{Seen, Standing};
use super::{OrScim, Session};

/// How many users of one key, such as an e-mail address, a lookup asks for at once.
const LOOKUP_PAGE: u32 = 100;
/// How many users a walk asks for at once.
const WALK_PAGE: u32 = 500;
/// How many lookups of one filter run at once.
const LOOKUPS_AT_ONCE: usize = 4;
/// How many users' groups may be read, with a call for each of them, to judge a filter.
const MOST_MEMBERSHIPS: usize = 1000;

impl Session {
    pub(super) async fn get(&self, id: &str) -> Result<Option<Row>> {
        // An id that could not stand in a URL can't be one of Keycloak's.
        let Ok(id) = UserId::try_from(id) else { return Ok(None) };
        let Some((user, standing)) = self.observe(&id).await? else { return Ok(None) };
        self.settle(user, standing).await
    }

    /// The user and its standing; none where there is no such user. Two calls at once, three for an organization's.
    pub(super) async fn observe(&self, id: &UserId) -> Result<Option<(UserRepresentation, Standing)>> {
        let user = async { self.client.user(id).await.or_scim(self) };
        let (user, seen) = tokio::try_join!(user, self.seen(id))?;
        match user {
            Some(user) => {
                let standing = self.judged(&user, &seen).await?;
                Ok(Some((user, standing)))
            }
            None => Ok(None),
        }
    }

    /// The standing of a user that was just read.
    pub(super) async fn standing(&self, user: &UserRepresentation) -> Result<Standing> {
        let Some(id) = &user.id else { return Ok(Standing::Foreign) };
        let seen = self.seen(id).await?;
        self.judged(user, &seen).await
    }

    /// The user's roles, and whether it is a member of the organization; at once.
    async fn seen(&self, id: &UserId) -> Result<Seen> {
        let member = async {
            match self.storage.tenant.id() {
                Some(organization) => Ok(self.client.organization_member(organization, id).await?.is_some()),
                None => Ok(false),
            }
        };
        let (roles, member) = tokio::try_join!(self.client.realm_role_mappings(id), member).or_scim(self)?;
        Ok(Seen { roles, member })
    }

    async fn judged(&self, user: &UserRepresentation, seen: &Seen) -> Result<Standing> {
        let standing = Standing::of(user, seen, &self.facts.role.id, &self.storage.tenant);
        // Whose attributes were wiped may be an organization's, which finds them by their membership.
        if let (Standing::Given, None, Some(id)) = (standing, self.storage.tenant.id(), &user.id)
            && self.directory.0.realm.has_organizations()
        {
            let organizations = self.client.organizations_of(id).await.or_scim(self)?;
            if organizations
                .iter()
                .filter_map(|found| found.id.as_ref())
                .any(|id| self.directory.0.realm.serves(id))
            {
                return Ok(Standing::Foreign);
            }
        }
        Ok(standing)
    }

    /// The row of a user that is managed, or can be made so by finishing a create that was cut off.
    async fn settle(&self, user: UserRepresentation, standing: Standing) -> Result<Option<Row>> {
        match standing {
            Standing::Managed => Ok(Some(self.storage.read(&user, &self.caller))),
            Standing::Given => {
                self.heal_later(&user);
                Ok(Some(self.storage.read(&user, &self.caller)))
            }
            Standing::Unfinished => {
                let Some(id) = &user.id else { return Ok(None) };
                let healed = self.heal(id).await?;
                Ok(healed.map(|user| self.storage.read(&user, &self.caller)))
            }
            Standing::Taken => {
                self.heal_later(&user);
                Ok(None)
            }
            Standing::Foreign => Ok(None),
        }
    }

    /// Gives every managed user that may match the filter, each once, with the groups that the filter needs to know.
    pub(super) async fn candidates(
        &self,
        filter: &Filter,
        limit: usize,
        visit: &mut Visit<'_>,
    ) -> Result<()> {
        let plan = push_down::plan(filter, &self.storage);
        match members::needed_groups(filter) {
            NeededMembers::None => self.find(&plan, Vec::new(), limit, visit).await,
            // Who is in these groups is known by reading their members, however many the candidates are.
            NeededMembers::These(ids) if !plan.is_lookups() => {
                let mut insiders = self.insiders(&ids, &plan.groups, limit).await?;
                let rows = std::mem::take(&mut insiders.rows);
                self.find(&plan, rows, limit, &mut |row| visit(insiders.tell(row))).await
            }
            NeededMembers::These(_) | NeededMembers::All => {
                let most = limit.min(MOST_MEMBERSHIPS);
                let mut candidates = Vec::new();
                let found = async {
                    let ids = plan.groups.iter().cloned().collect();
                    let insiders = self.insiders(&ids, &plan.groups, most).await?;
                    self.find(&plan, insiders.rows, most, &mut |row| candidates.push(row)).await
                };
                found.await.map_err(|error| match error.code {
                    Code::ScanLimit if most < limit => too_many_memberships(),
                    _ => error,
                })?;
                self.with_groups(candidates).await?.into_iter().for_each(visit);
                Ok(())
            }
        }
    }

    /// Gives those whom the plan finds, each once; `insiders` are those that are in its groups, at most as many as the
    /// limit.
    async fn find(&self, plan: &Plan, insiders: Vec<Row>, limit: usize, visit: &mut Visit<'_>) -> Result<()> {
        let mut given = Given { visit, ids: HashSet::new() };
        insiders.into_iter().for_each(|row| given.give(row));
        // Collected first: a stream that borrows in its closure makes futures that can't be sent to another task.
        let lookups: Vec<_> = plan.lookups.iter().map(|key| self.lookup(key, limit)).collect();
        let mut lookups = stream::iter(lookups).buffered(LOOKUPS_AT_ONCE);
        while let Some(rows) = lookups.try_next().await? {
            rows.into_iter().for_each(|row| given.give(row));
            if given.ids.len() > limit {
                return Err(too_many(given.ids.len(), limit));
            }
        }
        let mut looked_at = given.ids.len();
        for scan in &plan.scans {
            let found = self.walk(scan, limit - looked_at, &mut given).await?;
            looked_at += found;
            if looked_at <= limit {
                continue;
            }
            // Among those found there may be many that are not managed: the roster may be shorter.
            let managed = if scan.is_everybody() {
                found
            } else {
                self.walk(&Narrowing::default(), limit, &mut given).await?
            };
            return if managed > limit { Err(too_many(managed, limit)) } else { Ok(()) };
        }
        Ok(())
    }

    /// Gives the managed users that the conditions find, page by page, and says how many users they find; gives none
    /// where these are more than the limit. It trusts the index, and the memberships of an organization.
    async fn walk(&self, scan: &Narrowing, limit: usize, given: &mut Given<'_, '_>) -> Result<usize> {
        let query = UserQuery { max: WALK_PAGE, ..scan.query(self.storage.tenant.index()) };
        let (mut page, total) =
            tokio::try_join!(self.client.users(&query), self.client.count_users(&query)).or_scim(self)?;
        let total = usize::try_from(total).unwrap_or(usize::MAX);
        if total > limit {
            return Ok(total);
        }
        let mut members = Members::default();
        let mut first = 0;
        loop {
            let listed = self.listed(page, &mut members).await?;
            listed.iter().for_each(|user| given.give(self.storage.read(user, &self.caller)));
            first += WALK_PAGE as usize;
            if first >= total {
                return Ok(total);
            }
            page = self.client.users(&from(&query, first)).await.or_scim(self)?;
        }
    }

    /// All managed users that may match the key: one query by the key alone, then the tag of what comes back.
    async fn lookup(&self, key: &Key, limit: usize) -> Result<Vec<Row>> {
        let users = match key {
            Key::Id(id) => return Ok(self.get(id).await?.into_iter().collect()),
            Key::UserName(name) if self.storage.email_as_username => self.by_sent_name(name).await?,
            Key::UserName(name) => {
                let query = UserQuery { username: Some(name.clone()), ..UserQuery::default() };
                self.every(&query, limit).await?
            }
            Key::ExternalId(value) => {
                let stored = storage::external_id(&self.caller, value);
                self.by_attribute(EXTERNAL_ID, &stored, &stored, limit).await?
            }
            Key::Email(email) => {
                // Keycloak's own e-mail may have been changed there; the index knows the further ones.
                let query = UserQuery { email: Some(email.clone()), ..UserQuery::default() };
                let lower = email.to_lowercase();
                let (live, indexed) = tokio::try_join!(
                    self.every(&query, limit),
                    self.by_attribute(EMAILS, email, &lower, limit)
                )?;
                united(live, indexed)
            }
        };
        let mut rows = Vec::new();
        let mut users = users.into_iter();
        loop {
            let some: Vec<_> = users.by_ref().take(LOOKUP_PAGE as usize).collect();
            if some.is_empty() {
                return Ok(rows);
            }
            let judged = some.into_iter().map(|user| async move {
                let standing = self.standing(&user).await?;
                self.settle(user, standing).await
            });
            rows.extend(try_join_all(judged).await?.into_iter().flatten());
        }
    }

    /// The users that may show this userName where Keycloak makes usernames from e-mail addresses: by what a client sent,
    /// and by the username, which those show that were tagged by hand and never had another.
    pub(super) async fn by_sent_name(&self, name: &str) -> Result<Vec<UserRepresentation>> {
        let query = UserQuery { username: Some(name.into()), ..UserQuery::default() };
        let lower = name.to_lowercase();
        // userNames are kept apart, so there are few.
        let (live, sent) = tokio::try_join!(
            self.every(&query, usize::MAX),
            self.by_attribute(USER_NAME, name, &lower, usize::MAX)
        )?;
        Ok(united(live, sent))
    }

    async fn by_attribute(
        &self,
        name: &str,
        value: &str,
        hashed: &str,
        limit: usize,
    ) -> Result<Vec<UserRepresentation>> {
        let by = |name: &str, value: &str| {
            let condition = AttributeMatch::new(name, value).ok()?;
            Some(UserQuery { attributes: vec![condition], ..UserQuery::default() })
        };
        let by_hash = storage::needs_hash(name, value).then(|| by(HASH, &storage::lookup_hash(name, hashed)));
        let (by_value, by_hash) = (by(name, value), by_hash.flatten());
        let (by_value, by_hash) = tokio::try_join!(
            self.every_of(by_value.as_ref(), limit),
            self.every_of(by_hash.as_ref(), limit)
        )?;
        Ok(united(by_value, by_hash))
    }

    /// As [`Session::every`]; nobody where there is nothing to ask for.
    async fn every_of(&self, query: Option<&UserQuery>, limit: usize) -> Result<Vec<UserRepresentation>> {
        match query {
            Some(query) => self.every(query, limit).await,
            None => Ok(Vec::new()),
        }
    }

    /// All users that a query by a key finds; mostly one. Not counted first: a key may be longer than Keycloak can count.
    async fn every(&self, query: &UserQuery, limit: usize) -> Result<Vec<UserRepresentation>> {
        let query = UserQuery { max: LOOKUP_PAGE, ..query.clone() };
        let mut users = self.client.users(&query).await.or_scim(self)?;
        let mut first = LOOKUP_PAGE as usize;
        while users.len() == first {
            users.extend(self.client.users(&from(&query, first)).await.or_scim(self)?);
            if users.len() > limit {
                return Err(too_many(users.len(), limit));
            }
            first += LOOKUP_PAGE as usize;
        }
        Ok(users)
    }

    /// A window of the roster: lists trust the index. Of an organization's, who is no member any more is left out, and only
    /// counted until the index is healed.
    pub(super) async fn page(&self, first: usize, count: usize) -> Result<Page> {
        let query = self.roster(first, count);
        let rows = async {
            // A page of nothing is asked for its total alone.
            if count == 0 { Ok(Vec::new()) } else { self.client.users(&query).await.or_scim(self) }
        };
        let total = async { self.client.count_users(&query).await.or_scim(self) };
        let (users, total, mut members) = tokio::try_join!(rows, total, self.members_near(first, count))?;
        let listed = self.listed(users, &mut members).await?;
        let rows = listed.iter().map(|user| self.storage.read(user, &self.caller)).collect();
        Ok(Page { rows, total: usize::try_from(total).unwrap_or(usize::MAX) })
    }

    /// The managed users from `first` on, ordered by username.
    pub(super) fn roster(&self, first: usize, count: usize) -> UserQuery {
        let max = u32::try_from(count).unwrap_or(MAX_PAGE).min(MAX_PAGE);
        from(&UserQuery { max, ..Narrowing::default().query(self.storage.tenant.index()) }, first)
    }
}

/// Gives each user once, whichever query found it: a user who moves between two pages is found by both.
struct Given<'a, 'v> {
    visit: &'a mut Visit<'v>,
    ids: HashSet<String>,
}

impl Given<'_, '_> {
    fn give(&mut self, row: Row) {
        if self.ids.insert(row.meta.id.clone()) {
            (self.visit)(row);
        }
    }
}

fn too_many_memberships() -> Error {
    Error::bad(
        ScimType::TooMany,
        Code::ScanLimit,
        format!(
            "The filter would read the groups of more than {MOST_MEMBERSHIPS} users, which are the most; name the group \
             by groups.value eq, or add an eq on userName, externalId, emails.value or id"
        ),
    )
}

/// The same query from this user on.
fn from(query: &UserQuery, first: usize) -> UserQuery {
    UserQuery { first: Some(u32::try_from(first).unwrap_or(u32::MAX).min(i32::MAX as u32)), ..query.clone() }
}

/// Both, each user once, by username.
fn united(mut users: Vec<UserRepresentation>, others: Vec<UserRepresentation>) -> Vec<UserRepresentation> {
    users.extend(others);
    users.sort_by(|a, b| (&a.username, &a.id).cmp(&(&b.username, &b.id)));
    users.dedup_by(|a, b| a.id == b.id);
    users
}
