//! The calls about organizations: which there are, and who is a member. They need `manage-organizations`, reading alone
//! `view-organizations`; in a realm without organizations all of them answer 404
//! ([`Error::is_organization_missing`]).

use http::Method;
use serde::Deserialize;

use super::client::{AdminClient, At, Repeat};
use super::error::{Error, Result};
use super::query::MAX_PAGE;
use super::representation::{
    Membership, OrganizationId, OrganizationRepresentation, UserId, UserRepresentation,
};

const MEMBERS: &str = "organizations/{organization}/members";
const MEMBER: &str = "organizations/{organization}/members/{id}";

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Member {
    #[serde(default)]
    membership_type: String,
}

impl AdminClient {
    /// All organizations of the realm, by name, attributes included (`GET organizations`). To find one by its alias, look
    /// through them: Keycloak searches names and domains alone.
    ///
    /// # Errors
    /// [`Error::Forbidden`] without `view-organizations`, and as every call.
    pub async fn organizations(&self) -> Result<Vec<OrganizationRepresentation>> {
        self.every_page(("organizations", &[]), &[]).await
    }

    /// The organization with this id (`GET organizations/{organization}`); `None` if there is none.
    ///
    /// # Errors
    /// [`Error::NotFound`] where the realm has no organizations, [`Error::Forbidden`] without `view-organizations`, and as
    /// every call.
    pub async fn organization(&self, id: &OrganizationId) -> Result<Option<OrganizationRepresentation>> {
        match self.find(("organizations/{organization}", &[id.as_ref()])).await {
            Err(error) if error.is_no_organization() => Ok(None),
            found => found,
        }
    }

    /// Makes the user a member (`POST organizations/{organization}/members`), one that Keycloak does not count as the
    /// organization's own; does nothing where they are one.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such user or organization, [`Error::Forbidden`] without
    /// `manage-organizations`, and as every call.
    pub async fn add_organization_member(&self, organization: &OrganizationId, user: &UserId) -> Result<()> {
        let at: At<'_> = (MEMBERS, &[organization.as_ref()]);
        match self.write(Method::POST, at, Some(user.as_ref()), Repeat::Always).await {
            Ok(_) => Ok(()),
            Err(error @ Error::Conflict { .. }) => {
                self.organization_member(organization, user).await?.map(drop).ok_or(error)
            }
            Err(error) => Err(error),
        }
    }

    /// Ends the user's membership, and with it those in the organization's groups
    /// (`DELETE organizations/{organization}/members/{id}`); does nothing where they are no member. A
    /// [managed](Membership::managed) member is deleted by Keycloak.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such organization, [`Error::Forbidden`] without `manage-organizations`, and as
    /// every call.
    pub async fn remove_organization_member(
        &self,
        organization: &OrganizationId,
        user: &UserId,
    ) -> Result<()> {
        let at: At<'_> = (MEMBER, &[organization.as_ref(), user.as_ref()]);
        match self.remove(at).await {
            Err(error) if error.is_realm_missing() || error.is_organization_missing() => Err(error),
            Err(Error::NotFound { .. }) => Ok(()),
            removed => removed,
        }
    }

    /// The user's membership (`GET organizations/{organization}/members/{id}`); `None` where they are no member, or
    /// nobody has this id.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such organization, [`Error::Forbidden`] without `view-organizations`, and as
    /// every call.
    pub async fn organization_member(
        &self,
        organization: &OrganizationId,
        user: &UserId,
    ) -> Result<Option<Membership>> {
        let member: Option<Member> = self.find((MEMBER, &[organization.as_ref(), user.as_ref()])).await?;
        Ok(member.map(|member| Membership { managed: member.membership_type != "UNMANAGED" }))
    }

    /// A page of the organization's members (`GET organizations/{organization}/members`), by username, without their
    /// attributes, at most [`MAX_PAGE`]; service accounts too, where somebody added one.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such organization, [`Error::Forbidden`] without `view-organizations`, and as
    /// every call.
    pub async fn organization_members(
        &self,
        organization: &OrganizationId,
        first: u32,
        max: u32,
    ) -> Result<Vec<UserRepresentation>> {
        let at: At<'_> = (MEMBERS, &[organization.as_ref()]);
        let page = [
            ("first", first.to_string()),
            ("max", max.min(MAX_PAGE).to_string()),
            ("briefRepresentation", "true".to_owned()),
        ];
        let mut members: Vec<UserRepresentation> = self.get(at, &page).await?;
        members.iter_mut().for_each(UserRepresentation::forget_membership);
        Ok(members)
    }

    /// The organizations that the user is a member of (`GET organizations/members/{id}/organizations`), in no particular
    /// order, attributes included; none too where nobody has this id.
    ///
    /// # Errors
    /// [`Error::NotFound`] where the realm has no organizations, [`Error::Forbidden`] without `view-organizations`, and as
    /// every call.
    pub async fn organizations_of(&self, user: &UserId) -> Result<Vec<OrganizationRepresentation>> {
        let at: At<'_> = ("organizations/members/{id}/organizations", &[user.as_ref()]);
        let query = [("briefRepresentation", "false".to_owned())];
        match self.get(at, &query).await {
            Err(error) if error.is_realm_missing() || error.is_organization_missing() => Err(error),
            Err(Error::NotFound { .. }) => Ok(Vec::new()),
            found => found,
        }
    }
}

#[cfg(test)]
mod tests;
