//! Reading managed users: by id, by key, and page by page.

use futures_util::future::try_join_all;

use crate::directory::{Key, Page, Result, Row};
use crate::keycloak::{AttributeMatch, MAX_PAGE, UserId, UserQuery, UserRepresentation};

use super::storage::{self, EMAILS, EXTERNAL_ID, HASH, MANAGED, REALM_TENANT, USER_NAME};
use super::tag::Standing;
use super::{OrScim, Session};

/// How many users may share a key, such as an e-mail address, before a lookup stops counting.
const LOOKUP_MAX: u32 = 100;

impl Session {
    pub(super) async fn get(&self, id: &str) -> Result<Option<Row>> {
        // An id that could not stand in a URL can't be one of Keycloak's.
        let Ok(id) = UserId::try_from(id) else { return Ok(None) };
        let Some((user, standing)) = self.observe(&id).await? else { return Ok(None) };
        self.settle(user, standing).await
    }

    /// The user and its standing; none where there is no such user. Two calls at once.
    pub(super) async fn observe(&self, id: &UserId) -> Result<Option<(UserRepresentation, Standing)>> {
        let (user, mappings) =
            tokio::try_join!(self.client.user(id), self.client.realm_role_mappings(id)).or_scim(self)?;
        Ok(user.map(|user| {
            let standing = Standing::of(&user, mappings.as_deref(), &self.facts.role.id);
            (user, standing)
        }))
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

    /// All managed users that may match the key: one query by the key alone, then the tag of what comes back.
    pub(super) async fn lookup(&self, key: &Key) -> Result<Vec<Row>> {
        let users = match key {
            Key::Id(id) => return Ok(self.get(id).await?.into_iter().collect()),
            Key::UserName(name) if self.storage.email_as_username => self.by_sent_name(name).await?,
            Key::UserName(name) => {
                let query =
                    UserQuery { username: Some(name.clone()), max: LOOKUP_MAX, ..UserQuery::default() };
                self.client.users(&query).await.or_scim(self)?
            }
            Key::ExternalId(value) => {
                let stored = storage::external_id(&self.caller, value);
                self.by_attribute(EXTERNAL_ID, &stored, &stored).await?
            }
            Key::Email(email) => {
                // Keycloak's own e-mail may have been changed there; the index knows the further ones.
                let query = UserQuery { email: Some(email.clone()), max: LOOKUP_MAX, ..UserQuery::default() };
                let live = async { self.client.users(&query).await.or_scim(self) };
                let lower = email.to_lowercase();
                let (live, indexed) = tokio::try_join!(live, self.by_attribute(EMAILS, email, &lower))?;
                united(live, indexed)
            }
        };
        let rows = users.into_iter().map(|user| async move {
            let Some(id) = &user.id else { return Ok(None) };
            let mappings = self.client.realm_role_mappings(id).await.or_scim(self)?;
            let standing = Standing::of(&user, mappings.as_deref(), &self.facts.role.id);
            self.settle(user, standing).await
        });
        Ok(try_join_all(rows).await?.into_iter().flatten().collect())
    }

    /// The users that may show this userName where Keycloak makes usernames from e-mail addresses: by what a client sent,
    /// and by the username, which those show that were tagged by hand and never had another.
    pub(super) async fn by_sent_name(&self, name: &str) -> Result<Vec<UserRepresentation>> {
        let query = UserQuery { username: Some(name.into()), max: LOOKUP_MAX, ..UserQuery::default() };
        let live = async { self.client.users(&query).await.or_scim(self) };
        let lower = name.to_lowercase();
        let (live, sent) = tokio::try_join!(live, self.by_attribute(USER_NAME, name, &lower))?;
        Ok(united(live, sent))
    }

    async fn by_attribute(&self, name: &str, value: &str, hashed: &str) -> Result<Vec<UserRepresentation>> {
        let condition = AttributeMatch::new(name, value)
            .or_else(|_| AttributeMatch::new(HASH, &storage::lookup_hash(name, hashed)));
        // Neither the value nor a hash of it can be asked for: then nobody has it.
        let Ok(condition) = condition else { return Ok(Vec::new()) };
        let query = UserQuery { attributes: vec![condition], max: LOOKUP_MAX, ..UserQuery::default() };
        self.client.users(&query).await.or_scim(self)
    }

    /// A window of the roster: lists trust the index.
    pub(super) async fn page(&self, first: usize, count: usize) -> Result<Page> {
        let query = self.roster(first, count);
        let rows = async {
            // A page of nothing is asked for its total alone.
            if count == 0 { Ok(Vec::new()) } else { self.client.users(&query).await }
        };
        let (users, total) = tokio::try_join!(rows, self.client.count_users(&query)).or_scim(self)?;
        let rows = users.iter().filter(|user| storage::has_index(user) && !user.is_service_account());
        Ok(Page {
            rows: rows.map(|user| self.storage.read(user, &self.caller)).collect(),
            total: usize::try_from(total).unwrap_or(usize::MAX),
        })
    }

    /// The managed users from `first` on, ordered by username.
    pub(super) fn roster(&self, first: usize, count: usize) -> UserQuery {
        UserQuery {
            attributes: AttributeMatch::new(MANAGED, REALM_TENANT).into_iter().collect(),
            first: Some(u32::try_from(first).unwrap_or(u32::MAX).min(i32::MAX as u32)),
            max: u32::try_from(count).unwrap_or(MAX_PAGE).min(MAX_PAGE),
            ..UserQuery::default()
        }
    }
}

/// Both, each user once, by username.
fn united(mut users: Vec<UserRepresentation>, others: Vec<UserRepresentation>) -> Vec<UserRepresentation> {
    users.extend(others);
    users.sort_by(|a, b| (&a.username, &a.id).cmp(&(&b.username, &b.id)));
    users.dedup_by(|a, b| a.id == b.id);
    users
}
