//! The calls that need an administrator of the realm: making realms, roles, clients, and changing
//! the user profile. Only `setup` uses them.

use http::Method;
use secrecy::SecretString;
use serde::Deserialize;
use serde_json::{Value, json};

use super::client::{AdminClient, Prepared, Repeat};
use super::error::{Call, Error, Result};
use super::representation::{
    ClientRepresentation, RealmRepresentation, RoleRepresentation, UserId, UserProfile, UserRepresentation,
};

const CLIENT_ROLE_MAPPINGS: &str = "users/{id}/role-mappings/clients/{client}";

#[derive(Deserialize)]
struct ClientSecret {
    value: SecretString,
}

impl AdminClient {
    /// The realm's settings; `None` if there is no such realm.
    ///
    /// # Errors
    /// [`Error::NotFound`] when the administrator's own realm is missing, and as every call.
    pub async fn find_realm(&self) -> Result<Option<RealmRepresentation>> {
        match self.realm().await {
            Ok(realm) => Ok(Some(realm)),
            Err(error @ Error::NotFound { .. }) if !error.at_sign_in() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Creates the realm, enabled and with Keycloak's defaults.
    ///
    /// # Errors
    /// [`Error::Forbidden`] when the administrator lacks `create-realm`, and as every call.
    pub async fn create_realm(&self) -> Result<()> {
        let body = json!({"realm": self.realm_name(), "enabled": true});
        let url = self.connection.admin_url();
        let prepared = Prepared::new("admin/realms", Method::POST, url, Some(&body), Repeat::NeverSent)?;
        self.send(&prepared).await.map(drop)
    }

    /// Changes the settings of the realm that `changes` names and no others.
    ///
    /// # Errors
    /// As every call; see [`Error`].
    pub async fn update_realm(&self, changes: &Value) -> Result<()> {
        self.write(Method::PUT, ("", &[]), Some(changes), Repeat::Always).await.map(drop)
    }

    /// Replaces the user profile; it must hold everything that is to stay.
    ///
    /// # Errors
    /// [`Error::Invalid`] when Keycloak refuses a declaration, and as every call.
    pub async fn update_user_profile(&self, profile: &UserProfile) -> Result<()> {
        self.write(Method::PUT, ("users/profile", &[]), Some(profile), Repeat::Always).await.map(drop)
    }

    /// Creates a realm role.
    ///
    /// # Errors
    /// [`Error::Conflict`] when there is one of this name, and as every call.
    pub async fn create_realm_role(&self, name: &str, description: &str) -> Result<()> {
        let body = json!({"name": name, "description": description});
        self.write(Method::POST, ("roles", &[]), Some(&body), Repeat::NeverSent).await.map(drop)
    }

    /// The roles that a composite role brings with it directly.
    ///
    /// # Errors
    /// [`Error::NotFound`], and as every call.
    pub async fn role_composites(&self, role_id: &str) -> Result<Vec<RoleRepresentation>> {
        self.get(("roles-by-id/{id}/composites", &[role_id]), &[]).await
    }

    /// The role of a client.
    ///
    /// # Errors
    /// As every call; see [`Error`].
    pub async fn client_role(&self, client_uuid: &str, name: &str) -> Result<Option<RoleRepresentation>> {
        self.find(("clients/{client}/roles/{name}", &[client_uuid, name])).await
    }

    /// Creates a client from a `ClientRepresentation` in JSON, and gives its internal id.
    ///
    /// # Errors
    /// [`Error::Conflict`] when there is one with this `clientId`, and as every call.
    pub async fn create_client(&self, client: &Value) -> Result<String> {
        let answer = self.write(Method::POST, ("clients", &[]), Some(client), Repeat::NeverSent).await?;
        answer
            .location
            .as_deref()
            .and_then(|location| location.rsplit('/').next())
            .map(str::to_owned)
            .ok_or_else(|| Error::Decode {
                call: Call { method: "POST", path: "clients" },
                detail: "it has no Location header".to_owned(),
            })
    }

    /// The client with this internal id.
    ///
    /// # Errors
    /// [`Error::NotFound`], and as every call.
    pub async fn client(&self, client_uuid: &str) -> Result<ClientRepresentation> {
        self.get(("clients/{client}", &[client_uuid]), &[]).await
    }

    /// Changes what `changes` names of a client, and nothing else.
    ///
    /// # Errors
    /// [`Error::NotFound`], and as every call.
    pub async fn update_client(&self, client_uuid: &str, changes: &Value) -> Result<()> {
        self.write(Method::PUT, ("clients/{client}", &[client_uuid]), Some(changes), Repeat::Always)
            .await
            .map(drop)
    }

    /// The secret of a confidential client.
    ///
    /// # Errors
    /// [`Error::Decode`] when it has none, and as every call.
    pub async fn client_secret(&self, client_uuid: &str) -> Result<SecretString> {
        let answer: ClientSecret = self.get(("clients/{client}/client-secret", &[client_uuid]), &[]).await?;
        Ok(answer.value)
    }

    /// The user that stands for a client in the client credentials grant.
    ///
    /// # Errors
    /// [`Error::NotFound`] or [`Error::Invalid`] when it has no service account, and as every call.
    pub async fn service_account_user(&self, client_uuid: &str) -> Result<UserRepresentation> {
        self.get(("clients/{client}/service-account-user", &[client_uuid]), &[]).await
    }

    /// The roles of one client that are mapped to the user directly.
    ///
    /// # Errors
    /// [`Error::NotFound`], and as every call.
    pub async fn client_role_mappings(
        &self,
        id: &UserId,
        client_uuid: &str,
    ) -> Result<Vec<RoleRepresentation>> {
        self.get((CLIENT_ROLE_MAPPINGS, &[id.as_ref(), client_uuid]), &[]).await
    }

    /// Maps roles of one client to the user.
    ///
    /// # Errors
    /// [`Error::Forbidden`] when the administrator may not give such roles, and as every call.
    pub async fn map_client_roles(
        &self,
        id: &UserId,
        client_uuid: &str,
        roles: &[RoleRepresentation],
    ) -> Result<()> {
        self.write(
            Method::POST,
            (CLIENT_ROLE_MAPPINGS, &[id.as_ref(), client_uuid]),
            Some(roles),
            Repeat::Always,
        )
        .await
        .map(drop)
    }

    /// Gives a client a protocol mapper, from a `ProtocolMapperRepresentation` in JSON.
    ///
    /// # Errors
    /// [`Error::Conflict`] when it has one of this name, and as every call.
    pub async fn add_protocol_mapper(&self, client_uuid: &str, mapper: &Value) -> Result<()> {
        self.write(
            Method::POST,
            ("clients/{client}/protocol-mappers/models", &[client_uuid]),
            Some(mapper),
            Repeat::NeverSent,
        )
        .await
        .map(drop)
    }
}
