//! The calls about identity providers, and about users' links to them: who is whom there.

use http::Method;
use serde::{Deserialize, Serialize};

use super::client::{AdminClient, Repeat};
use super::error::{Error, Result};
use super::representation::{UserId, UserRepresentation};

const LINK: &str = "users/{id}/federated-identity/{provider}";

/// The longest id of a user at an identity provider that Keycloak can hold, in characters.
pub const MAX_LINKED_ID: usize = 255;

/// A user's link to an identity provider (Keycloak's `FederatedIdentityRepresentation`): as whom the user signs in
/// there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FederatedIdentity {
    /// The identity provider's alias.
    pub identity_provider: String,
    /// The user's id there, which brokered sign-in compares exactly.
    #[serde(default)]
    pub user_id: String,
    /// The user's name there, for people to read.
    #[serde(default)]
    pub user_name: String,
}

/// An identity provider of the realm, as far as it is needed here: never its settings, which hold secrets.
#[derive(Debug, Clone, Deserialize)]
struct Provider {
    alias: String,
}

impl AdminClient {
    /// Whether the realm has an identity provider of this alias, whose letter case counts. `None` where our account may
    /// not see identity providers (it needs `view-identity-providers`).
    ///
    /// # Errors
    /// As every call; see [`Error`].
    pub async fn has_identity_provider(&self, alias: &str) -> Result<Option<bool>> {
        match self.find::<Provider>(("identity-provider/instances/{provider}", &[alias])).await {
            Ok(found) => Ok(Some(found.is_some_and(|found| found.alias == alias))),
            Err(Error::Forbidden { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The user's links to identity providers that the realm has.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such user, and as every call.
    pub async fn federated_identities(&self, id: &UserId) -> Result<Vec<FederatedIdentity>> {
        self.get(("users/{id}/federated-identity", &[id.as_ref()]), &[]).await
    }

    /// The users, at most two, who have this id at the identity provider. Nobody has none, or a longer one than Keycloak
    /// can hold; it is not asked for those, since it would pass over an empty one and answer everybody.
    ///
    /// # Errors
    /// As every call; see [`Error`].
    pub async fn users_linked(&self, alias: &str, user_id: &str) -> Result<Vec<UserRepresentation>> {
        if user_id.is_empty() || user_id.contains('\0') || user_id.chars().count() > MAX_LINKED_ID {
            return Ok(Vec::new());
        }
        let pairs = [
            ("idpAlias", alias.to_owned()),
            ("idpUserId", user_id.to_owned()),
            ("max", "2".to_owned()),
            ("briefRepresentation", "false".to_owned()),
        ];
        self.get(("users", &[]), &pairs).await
    }

    /// Links the user to an identity provider. Keycloak asks neither whether it has that identity provider nor whether
    /// somebody else is linked so: look first.
    ///
    /// # Errors
    /// [`Error::Conflict`] when the user has another link to it, [`Error::NotFound`] when there is no such user, and as
    /// every call.
    pub async fn link_identity(&self, id: &UserId, identity: &FederatedIdentity) -> Result<()> {
        let provider = identity.identity_provider.as_str();
        let at = (LINK, &[id.as_ref(), provider][..]);
        match self.write(Method::POST, at, Some(identity), Repeat::Always).await {
            Ok(_) => Ok(()),
            Err(error @ Error::Conflict { .. }) => {
                // The try before may have got lost on its way back only.
                let links = self.federated_identities(id).await?;
                let is_linked = links
                    .iter()
                    .any(|link| link.identity_provider == provider && link.user_id == identity.user_id);
                if is_linked { Ok(()) } else { Err(error) }
            }
            Err(error) => Err(error),
        }
    }

    /// Takes the user's link to an identity provider away; does nothing where there is none.
    ///
    /// # Errors
    /// As every call; see [`Error`].
    pub async fn unlink_identity(&self, id: &UserId, alias: &str) -> Result<()> {
        match self.remove((LINK, &[id.as_ref(), alias])).await {
            Err(error) if error.is_realm_missing() => Err(error),
            Err(Error::NotFound { .. }) => Ok(()),
            done => done,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use super::super::test_server::TestServer;
    use super::super::{Connection, http_client};
    use super::*;

    fn client(server: &TestServer) -> AdminClient {
        let second = Duration::from_secs(1);
        let http = http_client(second, second, None, None).unwrap();
        let connection = Connection::new(server.url.clone(), "acme", "scimgate", "s3cret".into(), http);
        Arc::new(connection).for_request("request-1")
    }

    fn babs() -> (UserId, FederatedIdentity) {
        let identity = FederatedIdentity {
            identity_provider: "okta".into(),
            user_id: "00u1".into(),
            user_name: "babs".into(),
        };
        (UserId::try_from("74326c51").unwrap(), identity)
    }

    #[tokio::test]
    async fn whoever_may_not_look_does_not_know() {
        let server = TestServer::start().await;
        let client = client(&server);
        server
            .reply(200, r#"{"alias":"okta","config":{"clientSecret":"x"}}"#)
            .reply(404, r#"{"error":"HTTP 404 Not Found"}"#)
            .reply(403, r#"{"error":"HTTP 403 Forbidden"}"#);
        let mut known = Vec::new();
        for _ in 0..3 {
            known.push(client.has_identity_provider("okta").await.unwrap());
        }
        assert_eq!(known, [Some(true), Some(false), None]);
    }

    #[tokio::test]
    async fn no_value_is_asked_for_that_keycloak_would_pass_over() {
        let server = TestServer::start().await;
        let client = client(&server);
        for nobody in ["", "a\0b", &"x".repeat(256)] {
            assert!(client.users_linked("okta", nobody).await.unwrap().is_empty());
        }
        assert_eq!(client.calls(), 0);
        server.reply(200, "[]");
        client.users_linked("okta", "a&b").await.unwrap();
        let line =
            "GET /admin/realms/acme/users?idpAlias=okta&idpUserId=a%26b&max=2&briefRepresentation=false";
        assert_eq!(server.lines(), [line]);
    }

    #[tokio::test]
    async fn a_link_that_is_there_already_is_success_if_it_is_the_wanted_one() {
        let server = TestServer::start().await;
        let client = client(&server);
        let (id, identity) = babs();
        let refused = r#"{"errorMessage":"User is already linked with provider"}"#;
        server.reply(409, refused).reply(200, r#"[{"identityProvider":"okta","userId":"00u1"}]"#);
        client.link_identity(&id, &identity).await.unwrap();
        let sent = r#"{"identityProvider":"okta","userId":"00u1","userName":"babs"}"#;
        assert_eq!(server.seen()[0].body, sent);
        for other in [
            r#"[{"identityProvider":"okta","userId":"00u2"}]"#,
            r#"[{"identityProvider":"x","userId":"00u1"}]"#,
        ] {
            server.reply(409, refused).reply(200, other);
            let error = client.link_identity(&id, &identity).await.unwrap_err();
            assert!(matches!(error, Error::Conflict { .. }), "{error:?}");
        }
    }

    #[tokio::test]
    async fn a_link_that_is_gone_need_not_be_taken_away() {
        let server = TestServer::start().await;
        let client = client(&server);
        let (id, _) = babs();
        server.reply(404, r#"{"error":"Link not found"}"#);
        client.unlink_identity(&id, "okta").await.unwrap();
        server.reply(404, r#"{"error":"Realm not found."}"#);
        assert!(client.unlink_identity(&id, "okta").await.is_err());
    }
}
