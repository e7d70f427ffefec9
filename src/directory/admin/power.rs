//! Administrative power: who holds it can be deactivated by a SCIM client, but not taken over or deleted.

use crate::directory::Result;
use crate::keycloak::UserId;
use crate::scim::{Code, Error};

use super::{OrScim, Session};

/// Keycloak's realm role of administrators.
const ADMIN: &str = "admin";

impl Session {
    /// The role that gives the user power, effective through groups and composites; none where there is none.
    ///
    /// Of realm-management's roles, those that only look (`view-*`, `query-*`) are no power.
    pub(super) async fn power(&self, id: &UserId) -> Result<Option<String>> {
        let client_roles = async {
            match &self.facts.realm_management {
                Some(client) => self.client.effective_client_roles(id, client).await,
                None => Ok(Vec::new()),
            }
        };
        let (client_roles, realm_roles) =
            tokio::try_join!(client_roles, self.client.effective_realm_roles(id)).or_scim(self)?;
        let protected = &self.settings().protected_roles;
        let by_realm =
            realm_roles.into_iter().find(|role| role.name == ADMIN || protected.contains(&role.name));
        let by_client = client_roles
            .into_iter()
            .find(|role| !role.name.starts_with("view-") && !role.name.starts_with("query-"));
        Ok(by_realm.or(by_client).map(|role| role.name))
    }

    /// Refuses what would take over or destroy somebody with power.
    pub(super) async fn refuse_power(&self, id: &UserId, what: &str) -> Result<()> {
        match self.power(id).await? {
            None => Ok(()),
            Some(role) => Err(Error::new(
                403,
                Code::ProtectedUser,
                format!(
                    "The user holds administrative power in Keycloak (role {role}), so {what} is refused; deactivation \
                     is possible, anything else is up to Keycloak's administrators"
                ),
            )),
        }
    }
}
