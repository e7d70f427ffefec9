//! Users' links to an identity provider, by which single sign-on finds who was provisioned.
//!
//! A link says as whom somebody may sign in, so nobody else's is ever doubled, and nobody with power gets another one.
//! Who made which link is remembered with the user: only a change of the value by who may choose it moves the link, and
//! only its maker's tenant takes it away. A move that was cut off is made good by the next write.

use tokio::sync::OwnedMutexGuard;

use crate::directory::{Result, Row, Wanted};
use crate::keycloak::{FederatedIdentity, MAX_LINKED_ID, UserId, UserRepresentation};
use crate::scim::{Code, Error, Resource, ResourceType, ScimType};

use super::plan::{Plan, Step, whole};
use super::realm::Facts;
use super::shared::{self, Shared};
use super::storage::{self, Made};
use super::{OrScim, Session};

/// The identity provider that users are linked to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdentityProviderLink {
    /// Its alias in Keycloak.
    pub alias: String,
    /// Which value of a user is its id there.
    pub user_id: LinkedValue,
}

/// Which value of a user is its id at the identity provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LinkedValue {
    /// The caller's `externalId`.
    ExternalId,
    /// `userName`, as the client sent it.
    UserName,
    /// The e-mail address that Keycloak gets.
    Email,
    /// The text at the path of another attribute.
    Attribute(String),
}

impl LinkedValue {
    /// The value that a user has; none where it is empty.
    fn of(&self, user: &ResourceType, resource: &Resource) -> Option<String> {
        let text = |path: &str| resource.text(user, path).map(str::to_owned);
        let value = match self {
            Self::ExternalId => text("externalId"),
            Self::UserName => text("userName"),
            Self::Email => storage::email(resource),
            Self::Attribute(path) => text(path),
        };
        value.filter(|value| !value.is_empty())
    }
}

impl std::fmt::Display for LinkedValue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::ExternalId => "externalId",
            Self::UserName => "userName",
            Self::Email => "emails",
            Self::Attribute(path) => path,
        })
    }
}

/// Tells the gateway's log what is wrong with the link that the configuration asks for.
pub(super) fn warn(realm: &str, link: &IdentityProviderLink, facts: &Facts) {
    let alias = &link.alias;
    match facts.identity_provider {
        Some(true) => {}
        Some(false) => tracing::warn!(
            realm,
            alias,
            "the realm has no identity provider of this alias (identity_provider.alias): users who would be linked to it \
             are refused; create it in Keycloak, or mend the alias, whose letter case counts"
        ),
        None => tracing::warn!(
            realm,
            alias,
            "the gateway's account may not see identity providers, so it can't tell whether there is one of this alias \
             (identity_provider.alias): give it realm-management's role view-identity-providers, as \"scimgate setup \
             --idp\" does"
        ),
    }
}

/// What is remembered of the user's link.
fn made(stored: &UserRepresentation, link: &IdentityProviderLink) -> Option<Made> {
    let links = storage::links_made(stored);
    links.into_iter().find(|(alias, _)| *alias == link.alias).map(|(_, made)| made)
}

fn not_linked(id: &UserId, error: &Error) {
    tracing::warn!(%id, %error, "the user is not linked to the identity provider; the next change tries again");
}

impl Session {
    /// Puts the link into what a create sends. While the result lives, nobody else takes the value.
    ///
    /// # Errors
    /// 409 where another user has the link; 400 where the realm has no such identity provider, and for a value that can't
    /// be one.
    pub(super) async fn link_new(
        &self,
        wanted: &Wanted,
        write: &mut UserRepresentation,
    ) -> Result<Option<OwnedMutexGuard<()>>> {
        let Some(link) = &self.settings().identity_provider else { return Ok(None) };
        let Some(value) = link.user_id.of(&self.storage.user, &wanted.resource) else { return Ok(None) };
        let reserved = self.reserve_link(link, &value, wanted, None).await?;
        let made = Made { by: self.caller.to_string(), value: value.clone() };
        self.storage.note_link(write.attributes.get_or_insert_default(), &link.alias, Some(&made))?;
        write.federated_identities = Some(vec![self.identity(link, value, wanted)]);
        Ok(Some(reserved))
    }

    /// Carries out the plan for a user, and sees that the link is what the user's value says. The caller holds the user's
    /// lock.
    ///
    /// Where the client changes the value, what speaks against the link is an error, and nothing is written. Where it does
    /// not, the link is at most made good: the one that is remembered, or, of a user who is older than the configuration, a
    /// missing one; that stands in the way of no other change.
    ///
    /// # Errors
    /// As [`Session::link_new`], 403 for a user with administrative power, and what the plan's steps say.
    pub(super) async fn linked(
        &self,
        (id, stored): (&UserId, &UserRepresentation),
        before: &Row,
        wanted: &Wanted,
        mut plan: Plan,
    ) -> Result<Row> {
        let Some(link) =
            self.settings().identity_provider.as_ref().filter(|link| self.may_link(link, stored))
        else {
            return self.run(id, stored, plan).await;
        };
        let value = |resource| link.user_id.of(&self.storage.user, resource);
        let (was, shall) = (value(&before.resource), value(&wanted.resource));
        let made = made(stored, link);
        // Made of an `externalId` that went with the caller whose unfinished create is finished now.
        let is_stale = link.user_id == LinkedValue::ExternalId
            && made
                .as_ref()
                .is_some_and(|made| *made.by == *self.caller && Some(&made.value) != shall.as_ref());
        if was == shall && !is_stale {
            return match (made, shall) {
                // A leaver needs no link, and must not wait for one.
                _ if wanted.active == Some(false) => self.run(id, stored, plan).await,
                // By somebody else's change the value may be another one meanwhile, which is nobody's who may choose.
                (Some(made), _) => {
                    tokio::join!(
                        self.run(id, stored, plan),
                        self.heal_link(link, (id, stored), &made, wanted)
                    )
                    .0
                }
                (None, Some(value)) if self.is_ones_own(link, wanted) => {
                    self.link_older(link, (id, stored), value, wanted, plan).await
                }
                _ => self.run(id, stored, plan).await,
            };
        }
        let reserved = match &shall {
            Some(value) => Some(self.reserve_link(link, value, wanted, Some(id)).await?),
            None => None,
        };
        let there = self.link_there(link, id).await?;
        if there.as_ref().is_some_and(|there| self.is_anothers(link, stored, there)) {
            return self.run(id, stored, plan).await;
        }
        let is_due = match (&there, &shall) {
            (Some(there), Some(shall)) => there.user_id != *shall,
            // One that nobody here made stays.
            (Some(there), None) => {
                Some(&there.user_id) == made.as_ref().map(|made| &made.value).or(was.as_ref())
            }
            (None, shall) => shall.is_some(),
        };
        if is_due {
            self.refuse_power(id, "a change of the link to the identity provider").await?;
        }
        let own = shall.clone().map(|value| Made { by: self.caller.to_string(), value });
        self.remember(&mut plan, stored, link, own.as_ref())?;
        let Some(shall) = shall.filter(|_| is_due) else {
            if is_due {
                // First: once the value is gone, nobody would know that the link was made of it.
                self.client.unlink_identity(id, &link.alias).await.or_scim(self)?;
            }
            return self.run(id, stored, plan).await;
        };
        let row = self.run(id, stored, plan).await?;
        self.move_link(link, id, there.is_some(), shall, wanted).await?;
        drop(reserved);
        Ok(row)
    }

    /// Takes the links away that the tenant's callers made, before an organization lets the user go, or when it has lost
    /// them: its identity provider is not to sign in as somebody else's user.
    pub(super) async fn unlink_own(&self, id: &UserId, stored: &UserRepresentation) -> Result<()> {
        let tenant = &self.storage.tenant;
        if tenant.id().is_none() {
            return Ok(());
        }
        self.unlink_made(id, stored, |made| tenant.has_caller(&made.by)).await?;
        let Some(link) = &self.settings().identity_provider else { return Ok(()) };
        // Nobody remembers who made a link that is older than that memory.
        let is_shared = tenant.is_shared(stored) && link.user_id != LinkedValue::ExternalId;
        if is_shared || made(stored, link).is_some() {
            return Ok(());
        }
        let row = self.storage.read(stored, &self.caller);
        let Some(value) = link.user_id.of(&self.storage.user, &row.resource) else { return Ok(()) };
        match self.link_there(link, id).await? {
            Some(there) if there.user_id == value && !self.is_known_elsewhere(stored, &value) => {
                self.client.unlink_identity(id, &link.alias).await.or_scim(self)
            }
            _ => Ok(()),
        }
    }

    /// Takes those of the links away that the gateway made and that these words are about, unless somebody has made
    /// others of them.
    pub(super) async fn unlink_made(
        &self,
        id: &UserId,
        stored: &UserRepresentation,
        is_meant: impl Fn(&Made) -> bool,
    ) -> Result<()> {
        let mut links = storage::links_made(stored);
        links.retain(|(_, made)| is_meant(made));
        if links.is_empty() {
            return Ok(());
        }
        let there = self.client.federated_identities(id).await.or_scim(self)?;
        for (alias, made) in links {
            let is_there =
                |link: &FederatedIdentity| link.identity_provider == alias && link.user_id == made.value;
            if there.iter().any(is_there) {
                self.client.unlink_identity(id, &alias).await.or_scim(self)?;
            }
        }
        Ok(())
    }

    /// Puts into the plan's write who made the link; there may be no other reason to write.
    fn remember(
        &self,
        plan: &mut Plan,
        stored: &UserRepresentation,
        link: &IdentityProviderLink,
        made: Option<&Made>,
    ) -> Result<()> {
        let mut alone = whole(stored);
        let write = plan.steps.iter_mut().find_map(|step| match step {
            Step::Write(write) => Some(write),
            Step::EndSessions => None,
        });
        if let Some(write) = write {
            let attributes = write.attributes.get_or_insert_default();
            return self.storage.note_link(attributes, &link.alias, made);
        }
        self.storage.note_link(alone.attributes.get_or_insert_default(), &link.alias, made)?;
        if alone.attributes.clone().unwrap_or_default() != stored.attributes.clone().unwrap_or_default() {
            plan.steps.insert(0, Step::Write(Box::new(alone)));
        }
        Ok(())
    }

    /// May this caller's values decide about the link? It says as whom somebody may sign in, so of a user that another
    /// caller made, that one's values count, where callers are kept apart; an `externalId` is one caller's alone in any
    /// case.
    fn may_link(&self, link: &IdentityProviderLink, stored: &UserRepresentation) -> bool {
        let together = self.settings().shared == Shared::LastWins && link.user_id != LinkedValue::ExternalId;
        together || self.owner(stored) != shared::Owner::Another
    }

    /// Is the value certainly the caller's, who does not change it now: nobody else could write it, or the request is a
    /// whole user?
    fn is_ones_own(&self, link: &IdentityProviderLink, wanted: &Wanted) -> bool {
        link.user_id == LinkedValue::ExternalId || self.settings().callers.len() < 2 || !wanted.all_or_nothing
    }

    /// Is the link none that this caller may move: another tenant's, or made of another caller's `externalId`?
    fn is_anothers(
        &self,
        link: &IdentityProviderLink,
        stored: &UserRepresentation,
        there: &FederatedIdentity,
    ) -> bool {
        let tenant = &self.storage.tenant;
        let callers = self.settings().callers.iter().map(|caller| tenant.qualified(caller));
        let mut others = callers.filter(|caller| **caller != *self.caller);
        if let Some(made) = made(stored, link).filter(|made| made.value == there.user_id) {
            return !tenant.has_caller(&made.by)
                || link.user_id == LinkedValue::ExternalId && others.any(|caller| caller == made.by);
        }
        let external_ids = storage::values(stored, storage::EXTERNAL_ID);
        let is_another_callers = link.user_id == LinkedValue::ExternalId
            && others.any(|caller| external_ids.contains(&storage::external_id(&caller, &there.user_id)));
        is_another_callers || self.is_known_elsewhere(stored, &there.user_id)
    }

    /// Is it another tenant's `externalId` of the user?
    fn is_known_elsewhere(&self, stored: &UserRepresentation, value: &str) -> bool {
        let callers = storage::values(stored, storage::EXTERNAL_ID)
            .iter()
            .filter_map(|known| known.strip_suffix(value)?.strip_suffix(':'));
        callers.into_iter().any(|caller| !self.storage.tenant.has_caller(caller))
    }

    /// Links a user whose link nobody remembers, and who has none, with the value that it has; then it is remembered.
    async fn link_older(
        &self,
        link: &IdentityProviderLink,
        (id, stored): (&UserId, &UserRepresentation),
        value: String,
        wanted: &Wanted,
        mut plan: Plan,
    ) -> Result<Row> {
        let own = Made { by: self.caller.to_string(), value: value.clone() };
        let free = async {
            if self.facts.identity_provider == Some(false) {
                return Ok(None);
            }
            match self.link_there(link, id).await? {
                None if self.power(id).await?.is_none() => {
                    self.reserve_link(link, &value, wanted, Some(id)).await.map(Some)
                }
                _ => Ok(None),
            }
        };
        let reserved = match free.await {
            Ok(Some(reserved)) => reserved,
            Ok(None) => return self.run(id, stored, plan).await,
            Err(error) => {
                not_linked(id, &error);
                return self.run(id, stored, plan).await;
            }
        };
        self.remember(&mut plan, stored, link, Some(&own))?;
        let row = self.run(id, stored, plan).await?;
        if let Err(error) = self.move_link(link, id, false, value, wanted).await {
            not_linked(id, &error);
        }
        drop(reserved);
        Ok(row)
    }

    /// Makes good a link that is not the remembered one, where nothing speaks against it.
    async fn heal_link(
        &self,
        link: &IdentityProviderLink,
        (id, stored): (&UserId, &UserRepresentation),
        made: &Made,
        wanted: &Wanted,
    ) {
        if !self.storage.tenant.has_caller(&made.by) {
            return;
        }
        let healed = async {
            let there = self.link_there(link, id).await?;
            let stays = there
                .as_ref()
                .is_some_and(|there| there.user_id == made.value || self.is_anothers(link, stored, there));
            if stays || self.facts.identity_provider == Some(false) || self.power(id).await?.is_some() {
                return Ok(());
            }
            let _reserved = self.reserve_link(link, &made.value, wanted, Some(id)).await?;
            self.move_link(link, id, there.is_some(), made.value.clone(), wanted).await
        };
        if let Err(error) = healed.await {
            not_linked(id, &error);
        }
    }

    /// The user's link to the identity provider.
    async fn link_there(
        &self,
        link: &IdentityProviderLink,
        id: &UserId,
    ) -> Result<Option<FederatedIdentity>> {
        let links = self.client.federated_identities(id).await.or_scim(self)?;
        Ok(links.into_iter().find(|there| there.identity_provider == link.alias))
    }

    /// Links the user, whose lock the caller holds, with the value that the caller has reserved.
    async fn move_link(
        &self,
        link: &IdentityProviderLink,
        id: &UserId,
        is_linked: bool,
        value: String,
        wanted: &Wanted,
    ) -> Result<()> {
        if is_linked {
            self.client.unlink_identity(id, &link.alias).await.or_scim(self)?;
        }
        let identity = self.identity(link, value, wanted);
        self.client.link_identity(id, &identity).await.or_scim(self)
    }

    fn identity(&self, link: &IdentityProviderLink, value: String, wanted: &Wanted) -> FederatedIdentity {
        let name = wanted.resource.text(&self.storage.user, "userName").unwrap_or_default();
        FederatedIdentity {
            identity_provider: link.alias.clone(),
            user_id: value,
            // For people to read; Keycloak has no room for a longer one.
            user_name: name.chars().take(MAX_LINKED_ID).collect(),
        }
    }

    /// Looks whether a user can be linked with this value, and keeps others from taking it meanwhile. `holder` is the user
    /// that is to get it, whose lock the caller holds; none for a create.
    async fn reserve_link(
        &self,
        link: &IdentityProviderLink,
        value: &str,
        wanted: &Wanted,
        holder: Option<&UserId>,
    ) -> Result<OwnedMutexGuard<()>> {
        let path = &link.user_id;
        if value.contains('\0') {
            return Err(Error::bad(
                ScimType::InvalidValue,
                Code::UnacceptableValue,
                format!("The value of {path} holds a NUL, and can be nobody's id at the identity provider"),
            ));
        }
        // As databases count, and as Java does.
        if value.encode_utf16().count() > MAX_LINKED_ID {
            return Err(Error::bad(
                ScimType::InvalidValue,
                Code::ValueTooLong,
                format!(
                    "The value of {path} is longer than the {MAX_LINKED_ID} characters that an id at the identity \
                     provider can have in Keycloak"
                ),
            ));
        }
        self.check_identity_provider(link).await?;
        let lock = self.directory.0.realm.locks().lock(format!("value link {} {value}", link.alias)).await;
        let found = self.client.users_linked(&link.alias, value).await.or_scim(self)?;
        let taken = found.iter().any(|other| match holder {
            Some(holder) => other.id.as_ref() != Some(holder),
            None => !self.is_earlier_try(other, wanted),
        });
        if taken {
            return Err(Error::conflict(
                Code::LinkExists,
                format!(
                    "Another user in Keycloak is linked to the identity provider with this value of {path}, so one of \
                     them could not sign in"
                ),
            ));
        }
        Ok(lock)
    }

    /// Keycloak itself takes links to identity providers that it does not have.
    async fn check_identity_provider(&self, link: &IdentityProviderLink) -> Result<()> {
        // What was seen last may be old: it may have been created since.
        let is_missing = self.facts.identity_provider == Some(false)
            && self.client.has_identity_provider(&link.alias).await.or_scim(self)? == Some(false);
        if !is_missing {
            return Ok(());
        }
        tracing::error!(alias = link.alias, "the realm has no identity provider of this alias");
        Err(Error::bad(
            ScimType::InvalidValue,
            Code::UnknownIdentityProvider,
            "Users are to be linked to an identity provider that Keycloak does not have: create it there, or mend \
             identity_provider.alias in the gateway's configuration",
        ))
    }
}
