//! What most scenarios begin with: a realm, a gateway that serves it, its SCIM client, and people on both sides.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::admin::{Realm, admin};
use crate::gateway::{Auth, Gateway, Prepared};
use crate::scim::{Answer, PATCH, Scim, USER};

/// How long a condition may take to come true.
const PATIENCE: Duration = Duration::from_secs(20);

/// A realm of its own for one trial, with a gateway before it.
#[derive(Debug)]
pub struct Stage {
    /// Ended before its realm goes.
    pub gateway: Gateway,
    pub scim: Scim,
    pub realm: Realm,
}

impl Stage {
    /// With a static token.
    pub async fn new(name: &str) -> Self {
        Self::with(name, Auth::Token, |_, prepared| prepared).await
    }

    /// With a configuration that is changed before the gateway serves; the function gets the realm's name.
    pub async fn with(name: &str, auth: Auth, change: impl FnOnce(&str, Prepared) -> Prepared) -> Self {
        let realm = admin().await.create_realm(name).await;
        let prepared = change(realm.name(), Gateway::setup(&realm, auth).await);
        let gateway = prepared.serve().await;
        let scim = gateway.scim().await;
        Self { gateway, scim, realm }
    }

    /// Creates a person over SCIM, with all that Keycloak wants for a login; gives the id.
    pub async fn create(&self, user_name: &str) -> String {
        self.scim.post("/Users", &person(user_name)).await.expect(201).id()
    }

    /// Creates a user with just these attributes; gives the id.
    pub async fn create_with(&self, user_name: &str, attributes: Value) -> String {
        self.scim.post("/Users", &user(user_name, attributes)).await.expect(201).id()
    }

    /// PATCHes the user with these operations.
    pub async fn patch(&self, id: &str, operations: &Value) -> Answer {
        self.scim.patch(&format!("/Users/{id}"), &patch(operations)).await
    }

    /// The user as a client reads it.
    pub async fn read(&self, id: &str) -> Value {
        self.scim.get(&format!("/Users/{id}")).await.expect(200).json().clone()
    }

    /// Waits until no create has its mark any more, which goes after the answer.
    pub async fn settled(&self) {
        let marked = async || self.realm.get("/users?max=1000").await.to_string().contains("scim.pending");
        until("the marks of creates go", async || !marked().await).await;
    }

    /// Deactivates or reactivates as Okta's catalogue apps do.
    pub async fn set_active(&self, id: &str, active: bool) {
        let answer = self.scim.patch(&format!("/Users/{id}"), &patch_active(active)).await.expect(200);
        assert_eq!(answer.json()["active"], active, "{answer}");
    }

    /// The user as Keycloak has it.
    pub async fn stored(&self, id: &str) -> Value {
        match self.realm.user(id).await {
            Some(user) => user,
            None => panic!("Keycloak has no user {id}"),
        }
    }

    /// Is the tag mapped to the user directly?
    pub async fn is_tagged(&self, id: &str) -> bool {
        self.realm.user_role_names(id).await.contains(&"scim-managed".to_owned())
    }

    /// The userNames that a list shows, in its order.
    pub async fn listed(&self) -> Vec<String> {
        let answer = self.scim.get("/Users?startIndex=1&count=100").await;
        user_names(answer.resources())
    }

    /// The ids that a lookup by userName finds.
    pub async fn looked_up(&self, user_name: &str) -> Vec<String> {
        let filter = format!("userName eq \"{user_name}\"");
        let answer = self.scim.list("Users", &filter, "&startIndex=1&count=100").await;
        answer.resources().iter().map(|user| user["id"].as_str().unwrap().to_owned()).collect()
    }
}

/// The userNames of listed users, in their order.
pub fn user_names(resources: &[Value]) -> Vec<String> {
    resources.iter().map(|user| user["userName"].as_str().unwrap().to_owned()).collect()
}

/// A User with just these attributes.
pub fn user(user_name: &str, attributes: Value) -> Value {
    let mut user = json!({ "schemas": [USER], "userName": user_name });
    let Value::Object(attributes) = attributes else { panic!("no object of attributes: {attributes}") };
    for (name, value) in attributes {
        user[name] = value;
    }
    user
}

/// A resource without what the server alone decides.
pub fn written(resource: &Value) -> Value {
    let mut resource = resource.clone();
    let members = resource.as_object_mut().expect("a resource");
    members.shift_remove("id");
    members.shift_remove("meta");
    resource
}

/// A create request without password.
pub fn person(user_name: &str) -> Value {
    let email =
        if user_name.contains('@') { user_name.to_owned() } else { format!("{user_name}@example.com") };
    json!({
        "schemas": [USER], "userName": user_name, "active": true,
        "name": { "givenName": "Barbara", "familyName": "Jensen" },
        "emails": [{ "primary": true, "value": email, "type": "work" }],
    })
}

/// A user as an administrator makes one by hand.
pub fn by_hand(username: &str) -> Value {
    json!({
        "username": username, "email": format!("{username}@example.com"), "enabled": true, "emailVerified": true,
        "firstName": "Jane", "lastName": "Doe",
    })
}

/// Okta's PATCH that deactivates or reactivates.
pub fn patch_active(active: bool) -> Value {
    patch(&json!([{ "op": "replace", "value": { "active": active } }]))
}

/// A PATCH of these operations.
pub fn patch(operations: &Value) -> Value {
    json!({ "schemas": [PATCH], "Operations": operations })
}

/// Waits until the condition holds.
pub async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let began = Instant::now();
    while !holds().await {
        assert!(began.elapsed() < PATIENCE, "not within {PATIENCE:?}: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
