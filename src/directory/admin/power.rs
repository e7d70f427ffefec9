//! Administrative power: who holds it can be deactivated by a SCIM client, but not taken over or deleted.

use crate::directory::Result;
use crate::keycloak::{RoleRepresentation, UserId};
use crate::scim::{Code, Error};

use super::{OrScim, Session};

/// Keycloak's realm role of administrators.
pub(super) const ADMIN: &str = "admin";

/// The role that gives power among effective ones: realm roles, and realm-management's. Of the latter, those that only
/// look (`view-*`, `query-*`) are no power.
pub(super) fn is_power(
    realm_roles: &[RoleRepresentation],
    client_roles: &[RoleRepresentation],
    protected: &[String],
) -> Option<String> {
    let by_realm = realm_roles.iter().find(|role| role.name == ADMIN || protected.contains(&role.name));
    let by_client = || client_roles.iter().find(|role| gives_power(&role.name));
    by_realm.or_else(by_client).map(|role| role.name.clone())
}

/// Is it a role of realm-management that does more than look?
pub(super) fn gives_power(client_role: &str) -> bool {
    !client_role.starts_with("view-") && !client_role.starts_with("query-")
}

impl Session {
    /// The role that gives the user power, effective through groups and composites; none where there is none.
    pub(super) async fn power(&self, id: &UserId) -> Result<Option<String>> {
        let client_roles = async {
            match &self.facts.realm_management {
                Some(client) => self.client.effective_client_roles(id, client).await,
                None => Ok(Vec::new()),
            }
        };
        let (client_roles, realm_roles) =
            tokio::try_join!(client_roles, self.client.effective_realm_roles(id)).or_scim(self)?;
        Ok(is_power(&realm_roles, &client_roles, &self.settings().protected_roles))
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
