//! Which userNames can be taken.

use crate::directory::{Result, Row, Wanted};
use crate::keycloak::{SERVICE_ACCOUNT_PREFIX, UserId};
use crate::scim::{Code, Error, Resource, ResourceType, ScimType};

use super::Session;
use super::storage;
use super::tag::Mark;

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
}

fn lower_name(user: &ResourceType, resource: &Resource) -> String {
    resource.text(user, "userName").unwrap_or_default().to_lowercase()
}
