//! What most scenarios begin with: a realm of their own, its gateway, and a client with the caller's credentials.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::admin::{Realm, admin};
use crate::gateway::{Auth, Gateway};
use crate::scim::{Answer, PATCH, Scim, USER};

/// A realm and the gateway that serves it.
pub struct Stage {
    // Dropped before the realm that it serves.
    pub gateway: Gateway,
    pub scim: Scim,
    pub realm: Realm,
}

impl Stage {
    /// With a static token.
    pub async fn new(stem: &str) -> Self {
        let realm = admin().await.create_realm(stem).await;
        let gateway = Gateway::start(&realm, Auth::Token).await;
        let scim = gateway.scim().await;
        Self { gateway, scim, realm }
    }

    /// Creates a user with this userName and these further attributes; gives its id.
    pub async fn create(&self, user_name: &str, attributes: Value) -> String {
        self.scim.post("/Users", &user(user_name, attributes)).await.expect(201).id()
    }

    /// PATCHes with these operations.
    pub async fn patch(&self, id: &str, operations: Value) -> Answer {
        self.scim.patch(&format!("/Users/{id}"), &patch(operations)).await
    }

    /// Waits until no create has its mark any more, which goes after the answer.
    pub async fn settled(&self) {
        let marked = async || self.realm.get("/users?max=1000").await.to_string().contains("scim.pending");
        eventually("the marks of creates go", async || !marked().await).await;
    }

    /// The user as a client reads it.
    pub async fn read(&self, id: &str) -> Value {
        self.scim.get(&format!("/Users/{id}")).await.expect(200).json().clone()
    }
}

/// A User with these further attributes.
pub fn user(user_name: &str, attributes: Value) -> Value {
    let mut user = json!({ "schemas": [USER], "userName": user_name });
    let Value::Object(attributes) = attributes else { panic!("no object of attributes: {attributes}") };
    for (name, value) in attributes {
        user[name] = value;
    }
    user
}

/// A PATCH with these operations.
pub fn patch(operations: Value) -> Value {
    let mut patch = json!({ "schemas": [PATCH] });
    patch["Operations"] = operations;
    patch
}

/// A resource without what the server alone decides.
pub fn written(resource: &Value) -> Value {
    let mut resource = resource.clone();
    let members = resource.as_object_mut().expect("a resource");
    members.remove("id");
    members.remove("meta");
    resource
}

/// Asks again and again until it is so; fails the test if it is not within 20 s.
pub async fn eventually(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let began = Instant::now();
    while !holds().await {
        assert!(began.elapsed() < Duration::from_secs(20), "not within 20 s: {what}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
