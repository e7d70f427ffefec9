//! The calls about the realm itself: its settings, its user profile, its clients, its issuer.

use http::Method;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::client::{AdminClient, Prepared, Repeat, decode};
use super::error::{Call, Error, Result};
use super::representation::{ClientRepresentation, RealmRepresentation, RequiredAction, UserProfile};

const DISCOVERY: Call = Call { method: "GET", path: ".well-known/openid-configuration" };

#[derive(Deserialize)]
struct Discovery {
    issuer: String,
}

impl AdminClient {
    /// The realm's settings; needs `view-realm`, or else most of them are missing.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such realm, and as every call.
    pub async fn realm(&self) -> Result<RealmRepresentation> {
        self.get(("", &[]), &[]).await
    }

    /// The realm's user profile; `manage-users` may read it.
    ///
    /// # Errors
    /// As every call; see [`Error`].
    pub async fn user_profile(&self) -> Result<UserProfile> {
        self.get(("users/profile", &[]), &[]).await
    }

    /// What the realm can make users do at their next sign-in; needs `view-realm`.
    ///
    /// # Errors
    /// [`Error::Forbidden`], and as every call.
    pub async fn required_actions(&self) -> Result<Vec<RequiredAction>> {
        self.get(("authentication/required-actions", &[]), &[]).await
    }

    /// The internal id of a client. `None` also when our account may not see clients (it needs
    /// `view-clients`).
    ///
    /// # Errors
    /// As every call; see [`Error`].
    pub async fn client_uuid(&self, client_id: &str) -> Result<Option<String>> {
        match self.find_client(client_id).await {
            Ok(client) => Ok(client.map(|client| client.id)),
            Err(Error::Forbidden { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The client with this `client_id`.
    ///
    /// # Errors
    /// [`Error::Forbidden`] without `view-clients`, and as every call.
    pub async fn find_client(&self, client_id: &str) -> Result<Option<ClientRepresentation>> {
        let query = [("clientId", client_id.to_owned()), ("max", "1".to_owned())];
        let found: Vec<ClientRepresentation> = self.get(("clients", &[]), &query).await?;
        Ok(found.into_iter().find(|client| client.client_id == client_id))
    }

    /// The claims of the access token that our account holds, unverified: it came from Keycloak
    /// itself.
    ///
    /// # Errors
    /// [`Error::Unauthorized`] when Keycloak refuses our credentials, and as every call.
    pub async fn token_claims(&self) -> Result<Map<String, Value>> {
        self.connection.token().await?.claims().ok_or_else(|| Error::Decode {
            call: Call::TOKEN,
            detail: "the access token is no JWT".to_owned(),
        })
    }

    /// The issuer that the realm's discovery document names.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such realm, and as every call.
    pub async fn discovered_issuer(&self) -> Result<String> {
        let url = self.connection.discovery_url();
        let prepared = Prepared::new::<()>(DISCOVERY.path, Method::GET, url, None, Repeat::Always)?;
        let answer = self.send(&prepared).await?;
        decode::<Discovery>(DISCOVERY, &answer).map(|document| document.issuer)
    }
}
