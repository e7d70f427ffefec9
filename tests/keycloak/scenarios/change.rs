//! The changes whose plans are cut off: what each needs, asks for, and must have done in the end.

use http::Method;
use serde_json::{Value, json};

use super::stage::{Stage, patch_active, person, until};

const CLIENT: &str = "people";
const PASSWORD: &str = "t1meMa$heen";

/// A change of one user, whose name is the round's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// A create with a password, as Okta sends it.
    Create,
    /// A PATCH of `active: false` on somebody with sessions.
    Deactivate,
    /// A PUT that changes much, the e-mail address too.
    Replace,
    /// A PATCH of `active: true` on somebody who has sessions from a time when an administrator let them in.
    Reactivate,
    /// A DELETE.
    Delete,
}

impl Change {
    /// What the realm needs.
    pub async fn set_up(stage: &Stage) {
        stage.realm.public_client(CLIENT).await;
    }

    /// Makes the user that the change needs; gives its id, nothing for a create.
    pub async fn prepare(self, stage: &Stage, name: &str) -> String {
        if self == Self::Create {
            return String::new();
        }
        let id = stage.create(name).await;
        until("the create is over", async || Self::Create.is_there(stage, name).await).await;
        match self {
            Self::Deactivate => log_in(stage, name, &id).await,
            Self::Reactivate => {
                stage.set_active(&id, false).await;
                enable(stage, &id, true).await;
                log_in(stage, name, &id).await;
                enable(stage, &id, false).await;
            }
            _ => {}
        }
        id
    }

    /// The request.
    pub fn request(self, id: &str, name: &str) -> (Method, String, Value) {
        let path = format!("/Users/{id}");
        let mut body = person(name);
        match self {
            Self::Create => {
                body["title"] = "Tour Guide".into();
                body["password"] = "1mz050nq".into();
                (Method::POST, "/Users".into(), body)
            }
            Self::Deactivate => (Method::PATCH, path, patch_active(false)),
            Self::Replace => {
                body["name"]["familyName"] = "Smith".into();
                body["emails"][0]["value"] = format!("{name}.smith@example.com").into();
                body["externalId"] = name.into();
                (Method::PUT, path, body)
            }
            Self::Reactivate => (Method::PATCH, path, patch_active(true)),
            Self::Delete => (Method::DELETE, path, json!({})),
        }
    }

    /// The status of a success.
    pub fn status(self) -> u16 {
        match self {
            Self::Create => 201,
            Self::Delete => 204,
            _ => 200,
        }
    }

    /// Does Keycloak hold all of the user, and role and index, and no mark?
    pub async fn is_there(self, stage: &Stage, name: &str) -> bool {
        let Some(user) = stage.realm.user_by_username(name).await else { return false };
        let attributes = &user["attributes"];
        attributes["scim.managed"] == json!([stage.realm.index()])
            && attributes["scim.userName"] == json!([name])
            && attributes.get("scim.pending").is_none()
            && stage.is_tagged(user["id"].as_str().unwrap()).await
    }

    /// Has Keycloak all that the change asked for?
    pub async fn is_complete(self, stage: &Stage, name: &str) -> bool {
        if self == Self::Delete {
            return stage.realm.user_by_username(name).await.is_none();
        }
        if !self.is_there(stage, name).await {
            return false;
        }
        let user = stage.realm.user_by_username(name).await.unwrap();
        let id = user["id"].as_str().unwrap();
        let attributes = &user["attributes"];
        match self {
            Self::Create => {
                user["enabled"] == true
                    && user["email"] == format!("{name}@example.com")
                    && [&user["firstName"], &user["lastName"]] == ["Barbara", "Jensen"]
                    && attributes["title"] == json!(["Tour Guide"])
                    && stage.realm.user_credentials(id).await.is_empty()
            }
            Self::Deactivate => {
                user["enabled"] == false
                    && attributes["scim.active"] == json!(["false"])
                    && !Self::has_sessions(stage, id).await
            }
            Self::Replace => {
                user["lastName"] == "Smith"
                    && user["email"] == format!("{name}.smith@example.com")
                    && attributes["scim.externalId"] == json!([format!("okta:{name}")])
            }
            Self::Reactivate => {
                user["enabled"] == true
                    && attributes["scim.active"] == json!(["true"])
                    && !Self::has_sessions(stage, id).await
            }
            Self::Delete => false,
        }
    }

    /// Has the user any session, online or offline?
    pub async fn has_sessions(stage: &Stage, id: &str) -> bool {
        !stage.realm.user_sessions(id).await.is_empty()
            || !stage.realm.user_offline_sessions(id, CLIENT).await.is_empty()
    }
}

/// Begins sessions of both kinds.
async fn log_in(stage: &Stage, name: &str, id: &str) {
    stage.realm.set_password(id, PASSWORD).await;
    for scope in ["", "offline_access"] {
        stage.realm.log_in(CLIENT, name, PASSWORD, scope).await.expect("a login");
    }
    assert!(Change::has_sessions(stage, id).await);
}

async fn enable(stage: &Stage, id: &str, enabled: bool) {
    let mut user = stage.stored(id).await;
    user["enabled"] = enabled.into();
    stage.realm.put(&format!("/users/{id}"), &user).await;
}
