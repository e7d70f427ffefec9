//! `admin_contract`: what the gateway relies on in Keycloak, one trial for each fact, in Admin REST straight to the real
//! Keycloak and to the stand-in. The stand-in grows only with a trial here.

mod clients;
mod errors;
mod faults;
mod groups;
mod identity_providers;
mod organizations;
mod permissions;
mod profile;
mod races;
mod realms;
mod roles;
mod search;
mod sessions;
mod tokens;
mod users;

use http::Method;
use libtest_mimic::Trial;
use serde_json::{Value, json};

use crate::admin::Realm;

pub fn trials() -> Vec<Trial> {
    let mut trials = Vec::new();
    trials.extend(realms::trials());
    trials.extend(roles::trials());
    trials.extend(groups::trials());
    trials.extend(identity_providers::trials());
    trials.extend(organizations::trials());
    trials.extend(clients::trials());
    trials.extend(tokens::trials());
    trials.extend(permissions::trials());
    trials.extend(sessions::trials());
    trials.extend(users::trials());
    trials.extend(races::trials());
    trials.extend(faults::trials());
    trials.extend(search::trials());
    trials.extend(profile::trials());
    trials.extend(errors::trials());
    trials
}

/// A client that carries no token, for what everybody may ask and for requests of one's own making.
fn client() -> reqwest::Client {
    reqwest::Client::builder().no_proxy().build().expect("an HTTP client")
}

/// Calls Admin REST beneath the realm with this `Authorization` header, or none; gives status and body.
async fn call_with(
    realm: &Realm,
    authorization: Option<&str>,
    method: Method,
    path: &str,
    body: Option<&Value>,
) -> (u16, Value) {
    let url = format!("{}/admin/realms/{}{path}", realm.keycloak(), realm.name());
    let mut request = client().request(method, &url);
    if let Some(authorization) = authorization {
        request = request.header("authorization", authorization);
    }
    if let Some(body) = body {
        request = request.json(body);
    }
    let answer = request.send().await.unwrap_or_else(|error| panic!("{url}: {error:?}"));
    let status = answer.status().as_u16();
    let text = answer.text().await.unwrap_or_default();
    (status, serde_json::from_str(&text).unwrap_or(Value::String(text)))
}

/// A confidential client with a service account and this secret; gives the client's id.
async fn machine(realm: &Realm, client_id: &str, secret: &str) -> String {
    let client = json!({
        "clientId": client_id, "secret": secret, "serviceAccountsEnabled": true, "standardFlowEnabled": false,
    });
    realm.post("/clients", &client).await
}

/// The id of the user that stands for the client with this id.
async fn service_account(realm: &Realm, client: &str) -> String {
    let account = realm.get(&format!("/clients/{client}/service-account-user")).await;
    account["id"].as_str().expect("a service account").to_owned()
}

/// A role of `realm-management`, with that client's id.
async fn management_role(realm: &Realm, name: &str) -> (String, Value) {
    let management = realm.client_uuid("realm-management").await;
    let role = realm.get(&format!("/clients/{management}/roles/{name}")).await;
    (management, role)
}

/// The names in a list of representations, sorted.
#[track_caller]
fn names(list: &Value) -> Vec<&str> {
    let list = list.as_array().unwrap_or_else(|| panic!("no list: {list}"));
    let mut names: Vec<&str> = list.iter().map(|one| one["name"].as_str().expect("a name")).collect();
    names.sort_unstable();
    names
}
