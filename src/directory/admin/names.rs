//! Which userNames can be taken, and what an organization learns where one can't.

use crate::directory::{Result, Row, Wanted};
use crate::keycloak::{SERVICE_ACCOUNT_PREFIX, UserId, UserQuery, UserRepresentation};
use crate::scim::{Code, Error, Resource, ResourceType, ScimType};

use super::storage;
use super::tag::{Mark, Standing};
use super::{OrScim, Session};

impl Session {
    /// Looks whether the userName can be taken, where Keycloak does not look itself. `holder` is the user that is to
    /// get it; none for a create.
    ///
    /// # Errors
    /// 400 for a name that Keycloak gives to service accounts: its user would be invisible to SCIM. 409 where Keycloak
    /// makes usernames from e-mail addresses, so that nothing there keeps userNames apart, and another user of the tenant
    /// has it.
    pub(super) async fn check_user_name(
        &self,
        wanted: &Wanted,
        holder: Option<(&UserId, &Row)>,
    ) -> Result<()> {
        let email_rules = self.storage.email_as_username;
        let user = &self.storage.user;
        let email = storage::email(&wanted.resource).map(|email| email.to_lowercase());
        let name = lower_name(user, &wanted.resource);
        let username = if email_rules { email.clone().unwrap_or_default() } else { name.clone() };
        if username.starts_with(SERVICE_ACCOUNT_PREFIX) {
            return Err(Error::bad(
                ScimType::InvalidValue,
                Code::UnacceptableValue,
                format!(
                    "A userName can't begin with {SERVICE_ACCOUNT_PREFIX}: Keycloak's service accounts are named so"
                ),
            ));
        }
        let unchanged = holder.is_some_and(|(_, before)| lower_name(user, &before.resource) == name);
        if !email_rules || unchanged {
            return Ok(());
        }
        let except = holder.map(|(id, _)| id);
        let sent = wanted.resource.text(user, "userName").unwrap_or_default();
        let holders = self.by_sent_name(sent).await?;
        let taken = holders.iter().any(|other| {
            // A create that was cut off may be repeated, with the same e-mail address.
            let repeated = Mark::on(other).is_some() && other.email == email;
            other.id.as_ref() != except
                // What others call their users is none of this tenant's business.
                && self.storage.tenant.has(other)
                && !repeated
                && lower_name(user, &self.storage.read(other, &self.caller).resource) == name
        });
        if taken {
            return Err(Error::conflict(Code::UserExists, "A user with this userName exists already"));
        }
        Ok(())
    }

    /// What to say where Keycloak refuses an organization's user because a name or an address is taken: of its own people
    /// the organization may know which, and by whom. `holder` is the user that was to get it; none for a create.
    pub(super) async fn taken_in_realm(&self, write: &UserRepresentation, holder: Option<&UserId>) -> Error {
        match self.taken_within(write, holder).await {
            Ok(Some(error)) | Err(error) => error,
            Ok(None) => taken_elsewhere(),
        }
    }

    async fn taken_within(
        &self,
        write: &UserRepresentation,
        holder: Option<&UserId>,
    ) -> Result<Option<Error>> {
        let texts = [(&write.username, true), (&write.email, false)];
        for (text, is_name) in texts.into_iter().filter_map(|(text, is_name)| Some((text.clone()?, is_name)))
        {
            let by_name = UserQuery { username: Some(text.clone()), max: 2, ..UserQuery::default() };
            let by_email = UserQuery { email: Some(text), max: 2, ..UserQuery::default() };
            let (named, addressed) =
                tokio::try_join!(self.client.users(&by_name), self.client.users(&by_email)).or_scim(self)?;
            for id in named.into_iter().chain(addressed).filter_map(|user| user.id) {
                if Some(&id) == holder {
                    continue;
                }
                let is_own = match self.observe(&id).await? {
                    // Somebody's create that was cut off, under another userName: it is finished, so that it can be seen.
                    Some((_, Standing::Unfinished)) => self.heal(&id).await?.is_some(),
                    found => found.is_some_and(|(_, standing)| standing.is_managed()),
                };
                if is_own {
                    return Ok(Some(if is_name {
                        Error::conflict(
                            Code::UserExists,
                            format!(
                                "The userName is that of another user, or the user's e-mail address; the user's id is {id}"
                            ),
                        )
                    } else {
                        Error::conflict(Code::EmailExists, "Another user has this e-mail address already")
                    }));
                }
            }
        }
        Ok(None)
    }
}

/// Names and addresses are taken once in a realm. Who has one outside of the organization, and which of the two it is, is
/// none of the organization's business.
pub(super) fn taken_elsewhere() -> Error {
    Error::conflict(
        Code::UserExists,
        "The userName or an e-mail address is taken already, by a user who is not this organization's; an administrator of \
         the realm can make that user a member",
    )
}

fn lower_name(user: &ResourceType, resource: &Resource) -> String {
    resource.text(user, "userName").unwrap_or_default().to_lowercase()
}
