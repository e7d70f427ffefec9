//! The calls that end what a user has open: sessions, and offline tokens, which a logout leaves.

use http::Method;

use super::client::{AdminClient, Repeat};
use super::error::{Error, Result};
use super::representation::{ConsentRepresentation, UserId};

impl AdminClient {
    /// Ends all sessions of the user, so that their refresh tokens die.
    ///
    /// # Errors
    /// [`Error::NotFound`], and as every call.
    pub async fn logout(&self, id: &UserId) -> Result<()> {
        self.write::<()>(Method::POST, ("users/{id}/logout", &[id.as_ref()]), None, Repeat::Always)
            .await
            .map(drop)
    }

    /// The clients to which the user consented or that hold an offline token of theirs.
    ///
    /// # Errors
    /// [`Error::NotFound`], and as every call.
    pub async fn consents(&self, id: &UserId) -> Result<Vec<ConsentRepresentation>> {
        self.get(("users/{id}/consents", &[id.as_ref()]), &[]).await
    }

    /// Revokes a client's consent and offline tokens; does nothing where there are none.
    /// `client_id` is the `client_id` of OAuth, which may hold slashes.
    ///
    /// # Errors
    /// As every call; see [`Error`].
    pub async fn revoke_consent(&self, id: &UserId, client_id: &str) -> Result<()> {
        let revoked = self.remove(("users/{id}/consents/{client}", &[id.as_ref(), client_id])).await;
        match revoked {
            Err(Error::NotFound { .. }) => Ok(()),
            other => other,
        }
    }
}
