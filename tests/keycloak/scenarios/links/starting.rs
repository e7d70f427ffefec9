//! What new users start with: required actions, a verified address, groups.

use libtest_mimic::Trial;
use scimgate::scim::Code;
use serde_json::{Value, json};

use super::refused;
use crate::admin::{Realm, admin};
use crate::gateway::{Auth, Gateway, Prepared};
use crate::runner::both;
use crate::scenarios::stage::{Stage, person};

pub fn trials() -> Vec<Trial> {
    [
        both("on_create::a_new_user_starts_with_what_is_configured", started),
        both("on_create::nobody_starts_in_a_group_with_power", power),
        both("on_create::a_group_that_has_vanished_stops_creates", vanished),
        both("on_create::what_the_realm_lacks_is_refused_at_start", lacking),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// A realm with the groups `/Staff` and `/Staff/Guides`.
async fn realm() -> Realm {
    let realm = admin().await.create_realm("on-create").await;
    let staff = realm.post("/groups", &json!({ "name": "Staff" })).await;
    realm.post(&format!("/groups/{staff}/children"), &json!({ "name": "Guides" })).await;
    realm
}

/// A gateway that does not serve yet, with this table.
async fn prepared(realm: &Realm, on_create: &str) -> Prepared {
    let table = format!("[realms.{}.on_create]\n{on_create}\n", realm.name());
    Gateway::setup(realm, Auth::Token).await.append(&table)
}

async fn stage(realm: Realm, on_create: &str) -> Stage {
    let gateway = prepared(&realm, on_create).await.serve().await;
    let scim = gateway.scim().await;
    Stage { gateway, scim, realm }
}

async fn groups_of(stage: &Stage, id: &str) -> Vec<String> {
    let groups = stage.realm.get(&format!("/users/{id}/groups")).await;
    let mut paths: Vec<String> =
        groups.as_array().unwrap().iter().map(|group| group["path"].as_str().unwrap().to_owned()).collect();
    paths.sort();
    paths
}

async fn started() {
    let on_create = "required_actions = [\"UPDATE_PROFILE\", \"CONFIGURE_TOTP\"]\nemail_verified = true\n\
                     groups = [\"/Staff\", \"/Staff/Guides\"]";
    let realm = realm().await;
    // One of the groups is shown to clients, who are told of its new member.
    let guides = realm.get("/group-by-path/Staff/Guides").await;
    let path = format!("/groups/{}", guides["id"].as_str().unwrap());
    realm.put(&path, &json!({ "name": "Guides", "attributes": { "scim.managed": ["realm"] } })).await;
    let stage = stage(realm, on_create).await;
    let group = format!("/Groups/{}", guides["id"].as_str().unwrap());
    let version = async || stage.scim.get(&group).await.expect(200).json()["meta"]["version"].clone();
    let before = version().await;
    let id = stage.create("babs").await;
    assert_ne!(version().await, before);
    let stored = stage.stored(&id).await;
    let mut actions = stored["requiredActions"].as_array().unwrap().clone();
    actions.sort_by_key(Value::to_string);
    assert_eq!(actions, ["CONFIGURE_TOTP", "UPDATE_PROFILE"]);
    assert_eq!(stored["emailVerified"], true);
    assert_eq!(groups_of(&stage, &id).await, ["/Staff", "/Staff/Guides"]);
    // Once: whoever has done it is not asked again, who has left does not come back, another address is another.
    stage.settled().await;
    stage.realm.put(&format!("/users/{id}"), &json!({ "requiredActions": [] })).await;
    let staff = stage.realm.get("/group-by-path/Staff").await;
    stage.realm.delete(&format!("/users/{id}/groups/{}", staff["id"].as_str().unwrap())).await;
    let mut body = person("babs");
    body["emails"][0]["value"] = "b.jensen@example.com".into();
    stage.scim.put(&format!("/Users/{id}"), &body).await.expect(200);
    let stored = stage.stored(&id).await;
    assert_eq!(stored["requiredActions"], json!([]));
    assert_eq!((&stored["email"], &stored["emailVerified"]), (&json!("b.jensen@example.com"), &json!(false)));
    assert_eq!(groups_of(&stage, &id).await, ["/Staff/Guides"]);
}

async fn power() {
    // By itself, and by the group above it.
    for (powerful, joined) in
        [("Staff", "/Staff"), ("Staff", "/Staff/Guides"), ("Staff/Guides", "/Staff/Guides")]
    {
        let stage = stage(realm().await, &format!("groups = [\"{joined}\"]")).await;
        stage.create("babs").await;
        let management = stage.realm.client_uuid("realm-management").await;
        let role = stage.realm.get(&format!("/clients/{management}/roles/manage-users")).await;
        let group = stage.realm.get(&format!("/group-by-path/{powerful}")).await;
        let path = format!("/groups/{}/role-mappings/clients/{management}", group["id"].as_str().unwrap());
        stage.realm.post(&path, &json!([role])).await;
        let answer = stage.scim.post("/Users", &person("jane")).await;
        let detail = refused(&answer, 503, Code::RealmNotReady);
        assert!(detail.contains(joined) && detail.contains("on_create.groups"), "{detail}");
        assert_eq!(stage.realm.user_by_username("jane").await, None);
    }
}

async fn vanished() {
    let stage = stage(realm().await, "groups = [\"/Staff/Guides\"]").await;
    let guides = stage.realm.get("/group-by-path/Staff/Guides").await;
    stage.realm.delete(&format!("/groups/{}", guides["id"].as_str().unwrap())).await;
    let detail = refused(&stage.scim.post("/Users", &person("babs")).await, 503, Code::RealmNotReady);
    assert!(detail.contains("/Staff/Guides") && detail.contains("is missing"), "{detail}");
    assert_eq!(stage.realm.user_by_username("babs").await, None);
}

async fn lacking() {
    for (on_create, told) in [
        ("groups = [\"/Staff/guides\"]", "the group /Staff/guides (on_create.groups) is missing"),
        ("required_actions = [\"NONE\"]", "the required action NONE (on_create.required_actions) is unknown"),
        (
            "required_actions = [\"TERMS_AND_CONDITIONS\"]",
            "TERMS_AND_CONDITIONS (on_create.required_actions) is switched off",
        ),
    ] {
        let realm = realm().await;
        let ended = prepared(&realm, on_create).await.try_serve().await;
        let said = ended.err().map(|ended| ended.stderr).unwrap_or_default();
        assert!(said.contains(told), "{told}: {said}");
    }
}
