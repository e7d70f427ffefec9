//! The calls about roles: who has which, giving and taking them.

use http::Method;

use super::client::{AdminClient, Repeat};
use super::error::{Error, Result};
use super::query::MAX_PAGE;
use super::representation::{RoleRepresentation, UserId, UserRepresentation};

const MAPPINGS: &str = "users/{id}/role-mappings/realm";

impl AdminClient {
    /// The realm roles that are mapped to the user directly; `None` if there is no such user.
    ///
    /// # Errors
    /// As every call; see [`Error`].
    pub async fn realm_role_mappings(&self, id: &UserId) -> Result<Option<Vec<RoleRepresentation>>> {
        self.find((MAPPINGS, &[id.as_ref()])).await
    }

    /// The realm roles that the user has in effect: through groups and composites too.
    ///
    /// # Errors
    /// [`Error::NotFound`], and as every call.
    pub async fn effective_realm_roles(&self, id: &UserId) -> Result<Vec<RoleRepresentation>> {
        self.get(("users/{id}/role-mappings/realm/composite", &[id.as_ref()]), &[]).await
    }

    /// The roles of one client that the user has in effect: through groups and composites too.
    /// `client_uuid` is the client's internal id; see [`client_uuid`](Self::client_uuid).
    ///
    /// # Errors
    /// [`Error::Forbidden`] without `view-clients`, [`Error::NotFound`] when there is no such user or client, and as every call.
    pub async fn effective_client_roles(
        &self,
        id: &UserId,
        client_uuid: &str,
    ) -> Result<Vec<RoleRepresentation>> {
        self.get(("users/{id}/role-mappings/clients/{client}/composite", &[id.as_ref(), client_uuid]), &[])
            .await
    }

    /// Maps a realm role to the user; does nothing where it is mapped already.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such user or role, and as every call.
    pub async fn map_realm_role(&self, id: &UserId, role: &RoleRepresentation) -> Result<()> {
        let mapped = self
            .write(Method::POST, (MAPPINGS, &[id.as_ref()]), Some(std::slice::from_ref(role)), Repeat::Always)
            .await;
        match mapped {
            Ok(_) => Ok(()),
            Err(error @ Error::Invalid { .. }) => {
                // Of identical mappings at once, some answer 400 "Could not add user role
                // mappings!" although the role is mapped then. Look again.
                let now = self.realm_role_mappings(id).await?.unwrap_or_default();
                if now.iter().any(|mapped| mapped.id == role.id) { Ok(()) } else { Err(error) }
            }
            Err(error) => Err(error),
        }
    }

    /// Takes a directly mapped realm role from the user; does nothing where it is not mapped.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such user or role, and as every call.
    pub async fn unmap_realm_role(&self, id: &UserId, role: &RoleRepresentation) -> Result<()> {
        self.write(
            Method::DELETE,
            (MAPPINGS, &[id.as_ref()]),
            Some(std::slice::from_ref(role)),
            Repeat::Always,
        )
        .await
        .map(drop)
    }

    /// The realm role of this name; needs `view-realm`.
    ///
    /// # Errors
    /// As every call; see [`Error`].
    pub async fn realm_role(&self, name: &str) -> Result<Option<RoleRepresentation>> {
        self.find(("roles/{name}", &[name])).await
    }

    /// A page of the users to whom the realm role is mapped directly, attributes included, at most
    /// [`MAX_PAGE`]. Its cost grows with `first`: 34 s a page at 100,000 users.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such role, and as every call.
    pub async fn role_users(&self, name: &str, first: u32, max: u32) -> Result<Vec<UserRepresentation>> {
        let window = [
            ("first", first.to_string()),
            ("max", max.min(MAX_PAGE).to_string()),
            ("briefRepresentation", "false".to_owned()),
        ];
        self.get(("roles/{name}/users", &[name]), &window).await
    }
}
