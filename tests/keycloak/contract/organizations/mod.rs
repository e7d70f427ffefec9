//! Organizations: what they are, who is a member, their groups, and who may do what with them.

mod groups;
mod life;
mod members;
mod others;
mod permissions;

use http::Method;
use libtest_mimic::Trial;
use serde_json::{Value, json};

use crate::admin::{Realm, admin};

pub fn trials() -> Vec<Trial> {
    let mut trials = Vec::new();
    trials.extend(life::trials());
    trials.extend(members::trials());
    trials.extend(groups::trials());
    trials.extend(others::trials());
    trials.extend(permissions::trials());
    trials
}

/// A realm with organizations switched on.
async fn realm() -> Realm {
    admin().await.create_realm_with("contract", json!({ "organizationsEnabled": true })).await
}

/// Creates a member and gives their id.
async fn member(realm: &Realm, organization: &str, username: &str) -> String {
    let id = realm.create_user(&json!({ "username": username, "enabled": true })).await;
    realm.add_member(organization, &id).await;
    id
}

/// Creates a group at the organization's top level and gives its id.
async fn top(realm: &Realm, organization: &str, name: &str) -> String {
    realm.post(&format!("/organizations/{organization}/groups"), &json!({ "name": name })).await
}

/// Creates a group below another and gives its id.
async fn below(realm: &Realm, organization: &str, parent: &str, name: &str) -> String {
    let path = format!("/organizations/{organization}/groups/{parent}/children");
    realm.post(&path, &json!({ "name": name })).await
}

/// What Keycloak says to this call, with the status.
async fn said(realm: &Realm, method: Method, path: &str, body: Option<&Value>) -> (u16, Value) {
    let answer = realm.call(method, path, body).await;
    (answer.status.as_u16(), answer.body)
}

/// An answer with this message.
fn message(status: u16, message: &str) -> (u16, Value) {
    (status, json!({ "errorMessage": message }))
}

fn plain_404() -> (u16, Value) {
    (404, json!({ "error": "HTTP 404 Not Found" }))
}

/// The texts at this key in a list, in its order.
#[track_caller]
fn each<'v>(list: &'v Value, key: &str) -> Vec<&'v str> {
    let list = list.as_array().unwrap_or_else(|| panic!("no list: {list}"));
    list.iter().map(|one| one[key].as_str().unwrap_or_default()).collect()
}
