//! Ending a user's sessions for good.

use futures_util::future::try_join_all;

use crate::directory::Result;
use crate::keycloak::UserId;

use super::{OrScim, Session};

impl Session {
    /// Ends all sessions, offline ones too.
    ///
    /// Logging out ends online sessions and sets `notBefore`, but that has a grain of one second: an offline token
    /// issued in the same second would live on. So the offline sessions themselves are revoked; Keycloak lists their
    /// clients among the user's consents.
    pub(super) async fn end_sessions(&self, id: &UserId) -> Result<()> {
        let (_, consents) =
            tokio::try_join!(self.client.logout(id), self.client.consents(id)).or_scim(self)?;
        let offline = consents.iter().filter(|consent| consent.has_offline_token());
        try_join_all(offline.map(|consent| self.client.revoke_consent(id, &consent.client_id)))
            .await
            .or_scim(self)?;
        Ok(())
    }
}
