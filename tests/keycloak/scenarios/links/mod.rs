//! Users who are linked to an identity provider, so that single sign-on finds them; and what new users start with.

mod interrupted;
mod others;
mod starting;
mod values;

use http::Method;
use libtest_mimic::Trial;
use scimgate::scim::Code;
use serde_json::{Value, json};

use super::stage::{Stage, person};
use crate::admin::{Realm, admin};
use crate::gateway::{Auth, Gateway, Prepared};
use crate::scim::{Answer, Scim};

pub fn trials() -> Vec<Trial> {
    let trials = [values::trials(), others::trials(), interrupted::trials(), starting::trials()];
    trials.into_iter().flatten().collect()
}

/// A realm with the identity provider `okta`.
async fn realm() -> Realm {
    let realm = admin().await.create_realm("links").await;
    add_provider(&realm, "okta").await;
    realm
}

async fn add_provider(realm: &Realm, alias: &str) {
    realm.post("/identity-provider/instances", &json!({ "alias": alias, "providerId": "oidc" })).await;
}

/// A gateway for such a realm, as `setup --idp okta` prepares it, after a change of its configuration; the function gets
/// the realm's name.
async fn stage_with(change: impl FnOnce(&str, Prepared) -> Prepared) -> Stage {
    let realm = realm().await;
    let prepared = Gateway::setup_with(&realm, Auth::Token, &["--idp", "okta"]).await;
    let gateway = change(realm.name(), prepared).serve().await;
    let scim = gateway.scim().await;
    Stage { gateway, scim, realm }
}

async fn stage() -> Stage {
    stage_with(|_, prepared| prepared).await
}

/// A create request of somebody whom the client knows by this id.
fn known(user_name: &str, external_id: &str) -> Value {
    let mut body = person(user_name);
    body["externalId"] = external_id.into();
    body
}

/// Creates somebody whom the client knows by this id; gives Keycloak's id.
async fn create(scim: &Scim, user_name: &str, external_id: &str) -> String {
    scim.post("/Users", &known(user_name, external_id)).await.expect(201).id()
}

/// The user's id at the identity provider `okta`.
async fn linked(realm: &Realm, id: &str) -> Option<String> {
    let links = realm.get(&format!("/users/{id}/federated-identity")).await;
    let mut links = links.as_array().unwrap().iter();
    links
        .find(|link| link["identityProvider"] == "okta")
        .map(|link| link["userId"].as_str().unwrap().to_owned())
}

/// Links the user past the gateway, in place of another link.
async fn link_by_hand(realm: &Realm, id: &str, user_id: &str) {
    let path = format!("/users/{id}/federated-identity/okta");
    realm.call(Method::DELETE, &path, None).await;
    realm.post(&path, &json!({ "userId": user_id, "userName": user_id })).await;
}

/// The error's detail, if it has this status and code.
#[track_caller]
fn refused(answer: &Answer, status: u16, code: Code) -> String {
    assert_eq!((answer.status, answer.code()), (status, Some(code)), "{answer}");
    answer.json()["detail"].as_str().unwrap().to_owned()
}
