//! Users' links to an identity provider, by which single sign-on finds who was provisioned.
//!
//! A link says as whom somebody may sign in, so nobody else's is ever doubled, and nobody with power gets another one.
//! After any write of a user, the link is what the user's value says; a write that was cut off before it is made good by
//! the next one.

use tokio::sync::OwnedMutexGuard;

use crate::directory::{Result, Row, Wanted};
use crate::keycloak::{FederatedIdentity, MAX_LINKED_ID, UserId, UserRepresentation};
use crate::scim::{Code, Error, Resource, ResourceType, ScimType};

use super::realm::Facts;
use super::shared;
use super::storage;
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
        write.federated_identities = Some(vec![self.identity(link, value, wanted)]);
        Ok(Some(reserved))
    }

    /// Carries out the write of a user, and sees that the link is what the user's value says. The caller holds the user's
    /// lock.
    ///
    /// Where the client changes the value, what speaks against the link is an error, and nothing is written. Where it does
    /// not, the link may be missing, since the user may be older than the configuration; that is made good where nothing
    /// speaks against it, and stands in the way of no other change.
    ///
    /// # Errors
    /// As [`Session::link_new`], 403 for a user with administrative power, and what the write says.
    pub(super) async fn linked(
        &self,
        (id, stored): (&UserId, &UserRepresentation),
        before: &Row,
        wanted: &Wanted,
        write: impl Future<Output = Result<Row>>,
    ) -> Result<Row> {
        let Some(link) =
            self.settings().identity_provider.as_ref().filter(|link| self.may_link(link, stored))
        else {
            return write.await;
        };
        let value = |resource| link.user_id.of(&self.storage.user, resource);
        let (was, shall) = (value(&before.resource), value(&wanted.resource));
        if was == shall {
            return match shall {
                // A leaver needs no link, and must not wait for one.
                Some(value) if wanted.active != Some(false) => {
                    tokio::join!(write, self.heal_link(link, (id, stored), value, wanted)).0
                }
                _ => write.await,
            };
        }
        let reserved = match &shall {
            Some(value) => Some(self.reserve_link(link, value, wanted, Some(id)).await?),
            None => None,
        };
        let there = self.link_there(link, id).await?;
        let there = there.filter(|there| !self.is_another_callers(link, stored, there));
        let is_due = match (&there, &shall) {
            (Some(there), Some(shall)) => there.user_id != *shall,
            // One that nobody here made stays.
            (Some(there), None) => Some(&there.user_id) == was.as_ref(),
            (None, shall) => shall.is_some(),
        };
        if !is_due {
            return write.await;
        }
        self.refuse_power(id, "a change of the link to the identity provider").await?;
        let Some(shall) = shall else {
            // First: once the value is gone, nobody would know that the link was made of it.
            self.client.unlink_identity(id, &link.alias).await.or_scim(self)?;
            return write.await;
        };
        let row = write.await?;
        self.move_link(link, id, there.is_some(), shall, wanted).await?;
        drop(reserved);
        Ok(row)
    }

    /// May this caller's values decide about the link? An `externalId` is one caller's alone: of a user that another
    /// caller made, that one's counts.
    fn may_link(&self, link: &IdentityProviderLink, stored: &UserRepresentation) -> bool {
        link.user_id != LinkedValue::ExternalId || self.owner(stored) != shared::Owner::Another
    }

    /// Was the link made of another caller's `externalId`?
    fn is_another_callers(
        &self,
        link: &IdentityProviderLink,
        stored: &UserRepresentation,
        there: &FederatedIdentity,
    ) -> bool {
        let tenant = &self.storage.tenant;
        let callers = self.settings().callers.iter().map(|caller| tenant.qualified(caller));
        let mut others = callers.filter(|caller| **caller != *self.caller);
        let external_ids = storage::values(stored, storage::EXTERNAL_ID);
        link.user_id == LinkedValue::ExternalId
            && others.any(|caller| external_ids.contains(&storage::external_id(&caller, &there.user_id)))
    }

    /// Makes good a link that is not what the user's value says, where nothing speaks against it.
    async fn heal_link(
        &self,
        link: &IdentityProviderLink,
        (id, stored): (&UserId, &UserRepresentation),
        value: String,
        wanted: &Wanted,
    ) {
        let healed = async {
            let there = self.link_there(link, id).await?;
            let stays = there
                .as_ref()
                .is_some_and(|there| there.user_id == value || self.is_another_callers(link, stored, there));
            if stays || self.facts.identity_provider == Some(false) || self.power(id).await?.is_some() {
                return Ok(());
            }
            let _reserved = self.reserve_link(link, &value, wanted, Some(id)).await?;
            self.move_link(link, id, there.is_some(), value, wanted).await
        };
        if let Err(error) = healed.await {
            let error: Error = error;
            tracing::warn!(%id, %error, "the user is not linked to the identity provider; the next change tries again");
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
