//! The tag: only users with the realm role exist for clients, whoever gave or took it, and drift heals.

use libtest_mimic::Trial;
use serde_json::{Value, json};

use super::stage::{Stage, by_hand, patch, patch_active, person, until};
use crate::admin::{Realm, admin};
use crate::gateway::{Auth, Gateway, Prepared};
use crate::runner::both;

const TAG: &str = "scim-managed";

pub fn trials() -> Vec<Trial> {
    [
        both("tag::an_untagged_user_is_not_read", untagged_read),
        both("tag::an_untagged_user_is_not_changed", untagged_write),
        both("tag::on_existing_reject_leaves_the_user_alone", reject),
        both("tag::a_role_given_by_hand_counts_at_once", given_at_once),
        both("tag::a_role_given_by_hand_is_listed_after_a_sweep", given_listed),
        both("tag::a_role_taken_by_hand_counts_at_once", taken_at_once),
        both("tag::a_role_taken_by_hand_leaves_lists_after_a_sweep", taken_listed),
        both("tag::a_read_heals_wiped_attributes", wiped_contact),
        both("tag::a_write_heals_wiped_attributes", wiped_write),
        both("tag::a_sweep_heals_wiped_attributes", wiped_sweep),
        both("tag::a_role_by_group_does_not_count", by_group),
        both("tag::an_index_alone_does_not_count", index_alone),
        both("tag::service_accounts_never_appear", service_accounts),
        both("tag::serve_refuses_a_missing_role", missing_role),
        both("tag::serve_refuses_a_composite_role", composite_role),
        both("tag::serve_refuses_a_default_role", default_role),
        both("tag::a_role_within_a_default_role_does_not_count", within_default),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// Sweeps every second, and says so in its log.
fn sweeping(realm: &str, prepared: Prepared) -> Prepared {
    prepared.set(&["realms", realm, "sweep_interval"], "1s").set(&["log", "level"], "info,scimgate=debug")
}

/// Does not sweep again within a trial: what heals then, heals on contact.
fn not_sweeping(realm: &str, prepared: Prepared) -> Prepared {
    prepared.set(&["realms", realm, "sweep_interval"], "1h").set(&["log", "level"], "info,scimgate=debug")
}

/// How many sweeps are done.
fn sweeps(gateway: &Gateway) -> usize {
    gateway.log().matches(" swept").count()
}

/// Waits until a sweep is done that began after now: the second one, since one may be under way.
async fn swept(gateway: &Gateway) {
    let before = sweeps(gateway);
    until("the gateway sweeps", async || sweeps(gateway) >= before + 2).await;
}

/// A stage whose only sweep is over.
async fn without_sweeps() -> Stage {
    let stage = Stage::with("tag", Auth::Token, not_sweeping).await;
    until("the first sweep is done", async || {
        sweeps(&stage.gateway) == 1 + usize::from(stage.realm.organization().is_some())
    })
    .await;
    stage
}

async fn untagged_read() {
    let stage = without_sweeps().await;
    let id = stage.realm.create_user(&by_hand("alice")).await;
    stage.scim.get(&format!("/Users/{id}")).await.scim_error(404, None);
    for filter in [
        "userName eq \"alice\"".to_owned(),
        format!("id eq \"{id}\""),
        "emails.value eq \"alice@example.com\"".to_owned(),
        "emails[type eq \"work\"].value eq \"alice@example.com\"".to_owned(),
    ] {
        let answer = stage.scim.list("Users", &filter, "").await;
        assert_eq!(answer.resources(), [] as [Value; 0], "{filter}");
    }
    assert_eq!(stage.listed().await, [""; 0]);
}

async fn untagged_write() {
    let stage = without_sweeps().await;
    let id = stage.realm.create_user(&by_hand("alice")).await;
    let before = stage.stored(&id).await;
    let path = format!("/Users/{id}");
    stage.scim.put(&path, &person("alice")).await.scim_error(404, None);
    stage.scim.patch(&path, &patch_active(false)).await.scim_error(404, None);
    let renaming = patch(&json!([{ "op": "replace", "path": "name.givenName", "value": "Alice" }]));
    stage.scim.patch(&path, &renaming).await.scim_error(404, None);
    stage.scim.delete(&path).await.scim_error(404, None);
    assert_eq!(stage.stored(&id).await, before);
    assert!(!stage.is_tagged(&id).await);
}

async fn reject() {
    let stage = without_sweeps().await;
    let id = stage.realm.create_user(&by_hand("alice")).await;
    let before = stage.stored(&id).await;
    assert_eq!(stage.looked_up("alice").await, [""; 0]);
    for body in [person("alice"), person("ALICE")] {
        let answer = stage.scim.post("/Users", &body).await;
        let detail = answer.scim_error(409, Some("uniqueness"))["detail"].as_str().unwrap().to_owned();
        assert!(detail.contains("on_existing = \"reject\""), "names the setting: {detail}");
    }
    // By e-mail alone: another name, the same address.
    let mut body = person("bjensen");
    body["emails"][0]["value"] = "alice@example.com".into();
    stage.scim.post("/Users", &body).await.scim_error(409, Some("uniqueness"));
    assert_eq!(stage.stored(&id).await, before);
    assert!(!stage.is_tagged(&id).await);
    assert_eq!(stage.realm.get("/users/count").await, 1);
}

async fn given_at_once() {
    let stage = without_sweeps().await;
    let id = stage.realm.create_user(&by_hand("alice")).await;
    stage.realm.map_role(&id, TAG).await;
    assert_eq!(stage.looked_up("alice").await, std::slice::from_ref(&id));
    let user = stage.scim.get(&format!("/Users/{id}")).await.expect(200);
    assert_eq!(user.json()["userName"], "alice");
    assert_eq!(user.json()["name"], json!({ "givenName": "Jane", "familyName": "Doe" }));
    assert_eq!(user.json()["emails"][0]["value"], "alice@example.com");
    stage.set_active(&id, false).await;
    assert_eq!(stage.stored(&id).await["enabled"], false);
    stage.scim.delete(&format!("/Users/{id}")).await.expect(204);
    assert_eq!(stage.realm.user(&id).await, None);
}

async fn given_listed() {
    let stage = Stage::with("tag", Auth::Token, sweeping).await;
    let id = stage.realm.create_user(&by_hand("alice")).await;
    stage.create("bob").await;
    stage.realm.map_role(&id, TAG).await;
    until("a list shows her", async || stage.listed().await == ["alice", "bob"]).await;
    assert_eq!(stage.stored(&id).await["attributes"]["scim.managed"], json!(["realm"]));
}

async fn taken_at_once() {
    let stage = without_sweeps().await;
    let id = stage.create("bob").await;
    settled(&stage.realm, &id).await;
    stage.realm.unmap_role(&id, TAG).await;
    stage.scim.get(&format!("/Users/{id}")).await.scim_error(404, None);
    assert_eq!(stage.looked_up("bob").await, [""; 0]);
    stage.scim.patch(&format!("/Users/{id}"), &patch_active(false)).await.scim_error(404, None);
    stage.scim.put(&format!("/Users/{id}"), &person("bob")).await.scim_error(404, None);
    stage.scim.delete(&format!("/Users/{id}")).await.scim_error(404, None);
    assert_eq!(stage.stored(&id).await["enabled"], true);
    assert!(!stage.is_tagged(&id).await, "nobody gives it back");
}

async fn taken_listed() {
    let stage = Stage::with("tag", Auth::Token, sweeping).await;
    let id = stage.create("bob").await;
    stage.create("carol").await;
    settled(&stage.realm, &id).await;
    stage.realm.unmap_role(&id, TAG).await;
    until("lists lose him", async || stage.listed().await == ["carol"]).await;
    assert_eq!(stage.stored(&id).await["attributes"].get("scim.managed"), None);
    assert!(!stage.is_tagged(&id).await);
    // Given again, he is back.
    stage.realm.map_role(&id, TAG).await;
    until("lists have him again", async || stage.listed().await == ["bob", "carol"]).await;
}

/// Waits until the mark of the create is gone: with it, a missing role means a create that is to be finished.
async fn settled(realm: &Realm, id: &str) {
    until("the mark of the create goes", async || {
        realm.user(id).await.is_some_and(|user| user["attributes"].get("scim.pending").is_none())
    })
    .await;
}

/// What any other admin client's partial write does.
async fn wipe(stage: &Stage, id: &str) {
    settled(&stage.realm, id).await;
    let mut user = stage.stored(id).await;
    user["attributes"] = json!({});
    stage.realm.put(&format!("/users/{id}"), &user).await;
    let wiped = stage.stored(id).await;
    assert_eq!(wiped.get("attributes"), None, "{wiped}");
}

async fn index_is_back(stage: &Stage, id: &str) {
    until("the index is back", async || {
        stage.stored(id).await["attributes"]["scim.managed"] == json!(["realm"])
    })
    .await;
    assert_eq!(stage.listed().await, ["bob"]);
}

async fn wiped_contact() {
    let stage = without_sweeps().await;
    let id = stage.create("bob").await;
    wipe(&stage, &id).await;
    let user = stage.scim.get(&format!("/Users/{id}")).await.expect(200);
    assert_eq!(user.json()["userName"], "bob");
    index_is_back(&stage, &id).await;
}

async fn wiped_write() {
    let stage = without_sweeps().await;
    let id = stage.create("bob").await;
    wipe(&stage, &id).await;
    let title = patch(&json!([{ "op": "add", "path": "title", "value": "Tour Guide" }]));
    stage.scim.patch(&format!("/Users/{id}"), &title).await.expect(200);
    // Nothing to wait for: index and change are one write.
    let stored = stage.stored(&id).await;
    assert_eq!(stored["attributes"]["scim.managed"], json!(["realm"]));
    assert_eq!(stored["attributes"]["title"], json!(["Tour Guide"]));
    assert_eq!(stored["firstName"], "Barbara", "the rest stays");
}

async fn wiped_sweep() {
    let stage = Stage::with("tag", Auth::Token, sweeping).await;
    let id = stage.create("bob").await;
    wipe(&stage, &id).await;
    index_is_back(&stage, &id).await;
}

async fn by_group() {
    let stage = Stage::with("tag", Auth::Token, sweeping).await;
    let group = stage.realm.post("/groups", &json!({ "name": "tagged" })).await;
    let role = stage.realm.get(&format!("/roles/{TAG}")).await;
    stage.realm.post(&format!("/groups/{group}/role-mappings/realm"), &json!([role])).await;
    let id = stage.realm.create_user(&by_hand("alice")).await;
    stage.realm.put(&format!("/users/{id}/groups/{group}"), &json!({})).await;
    let effective = stage.realm.get(&format!("/users/{id}/role-mappings/realm/composite")).await;
    assert!(effective.to_string().contains(TAG), "she has it in effect: {effective}");
    stage.scim.get(&format!("/Users/{id}")).await.scim_error(404, None);
    assert_eq!(stage.looked_up("alice").await, [""; 0]);
    stage.scim.delete(&format!("/Users/{id}")).await.scim_error(404, None);
    swept(&stage.gateway).await;
    assert_eq!(stage.listed().await, [""; 0]);
}

/// Whoever may edit attributes, but not map roles, can't bring a user under SCIM.
async fn index_alone() {
    let stage = Stage::with("tag", Auth::Token, sweeping).await;
    let mut user = by_hand("alice");
    user["attributes"] = json!({ "scim.managed": ["realm"] });
    let id = stage.realm.create_user(&user).await;
    stage.scim.get(&format!("/Users/{id}")).await.scim_error(404, None);
    stage.scim.delete(&format!("/Users/{id}")).await.scim_error(404, None);
    until("lists lose her", async || stage.listed().await.is_empty()).await;
    assert!(!stage.is_tagged(&id).await);
}

async fn service_accounts() {
    let stage = Stage::with("tag", Auth::Token, sweeping).await;
    let client = json!({ "clientId": "batch", "serviceAccountsEnabled": true, "publicClient": false });
    stage.realm.post("/clients", &client).await;
    for client in ["batch", "scimgate"] {
        let uuid = stage.realm.client_uuid(client).await;
        let account = stage.realm.get(&format!("/clients/{uuid}/service-account-user")).await;
        let id = account["id"].as_str().unwrap();
        stage.realm.map_role(id, TAG).await;
        stage.scim.get(&format!("/Users/{id}")).await.scim_error(404, None);
        stage.scim.patch(&format!("/Users/{id}"), &patch_active(false)).await.scim_error(404, None);
        stage.scim.delete(&format!("/Users/{id}")).await.scim_error(404, None);
        assert_eq!(stage.looked_up(&format!("service-account-{client}")).await, [""; 0]);
        let by_id = stage.scim.list("Users", &format!("id eq \"{id}\""), "").await;
        assert_eq!(by_id.resources(), [] as [Value; 0]);
    }
    swept(&stage.gateway).await;
    let list = stage.scim.get("/Users").await;
    assert_eq!((list.resources(), &list.json()["totalResults"]), (&[][..], &json!(0)));
}

/// What `serve` says when it refuses a realm that was set up and then changed.
async fn refused(change: impl AsyncFnOnce(&Realm)) -> String {
    let realm = admin().await.create_realm("tag").await;
    let prepared = Gateway::setup(&realm, Auth::Token).await;
    change(&realm).await;
    let ended = prepared.try_serve().await.expect_err("it refuses to serve");
    assert_eq!(ended.status.code(), Some(1), "{}", ended.stderr);
    assert!(ended.stderr.contains(realm.name()), "names the realm: {}", ended.stderr);
    ended.stderr
}

async fn missing_role() {
    let said = refused(async |realm| realm.delete(&format!("/roles/{TAG}")).await).await;
    assert!(said.contains("the realm role \"scim-managed\" is missing"), "{said}");
    assert!(said.contains("scimgate setup"), "says what mends it: {said}");
}

async fn composite_role() {
    let said = refused(async |realm| {
        realm.create_role("extra").await;
        let extra = realm.get("/roles/extra").await;
        realm.post(&format!("/roles/{TAG}/composites"), &json!([extra])).await;
    })
    .await;
    assert!(said.contains("the realm role \"scim-managed\" is composite"), "{said}");
}

async fn default_role() {
    let said = refused(async |realm| {
        let tag = realm.get(&format!("/roles/{TAG}")).await;
        let default = format!("default-roles-{}", realm.name());
        realm.post(&format!("/roles/{default}/composites"), &json!([tag])).await;
    })
    .await;
    assert!(said.contains("the realm role \"scim-managed\" is a default role"), "{said}");
}

/// The default role contains a role that contains the tag: nobody has it directly, so nobody is managed by it.
async fn within_default() {
    let realm = admin().await.create_realm("tag").await;
    let prepared = Gateway::setup(&realm, Auth::Token).await;
    realm.create_role("staff").await;
    let tag = realm.get(&format!("/roles/{TAG}")).await;
    realm.post("/roles/staff/composites", &json!([tag])).await;
    let staff = realm.get("/roles/staff").await;
    realm.post(&format!("/roles/default-roles-{}/composites", realm.name()), &json!([staff])).await;
    let gateway = prepared.serve().await;
    let id = realm.create_user(&by_hand("alice")).await;
    gateway.scim().await.get(&format!("/Users/{id}")).await.scim_error(404, None);
}
