//! Names that would hide a user, profiles in which people could forge the index, realms that make usernames from e-mail
//! addresses, values that no query can hold.

use libtest_mimic::Trial;
use serde_json::{Value, json};

use super::stage::{Stage, by_hand, person, until, user};
use crate::admin::{Realm, admin};
use crate::gateway::{Auth, Gateway};
use crate::runner::both;
use crate::scim::Answer;

pub fn trials() -> Vec<Trial> {
    [
        both("hardening::names_of_service_accounts_are_refused", service_account_names),
        both("hardening::an_index_that_people_may_edit_is_refused_and_mended", forgeable),
        both("hardening::an_index_that_is_not_declared_is_refused_and_mended", undeclared),
        both("hardening::a_user_name_is_found_where_emails_make_usernames", sent_name),
        both("hardening::who_was_tagged_by_hand_is_found_where_emails_make_usernames", tagged_by_hand),
        both("hardening::an_email_changes_where_emails_make_usernames", changed_email),
        both("hardening::a_user_name_changes_where_emails_make_usernames", changed_name),
        both("hardening::a_user_name_is_given_once_where_emails_make_usernames", given_once),
        both("hardening::an_external_id_that_no_query_can_hold_is_found", external_ids),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn emails(address: &str) -> Value {
    json!([{ "value": address, "type": "work", "primary": true }])
}

fn replace(path: &str, value: Value) -> Value {
    json!([{ "op": "replace", "path": path, "value": value }])
}

async fn service_account_names() {
    let stage = Stage::new("hardening").await;
    let id = stage.create("bjensen@example.com").await;
    stage.settled().await;
    let path = format!("/Users/{id}");
    let before = stage.realm.get("/users").await;
    let resource = stage.read(&id).await;
    let refused = |answer: &Answer| {
        let detail = answer.scim_error(400, Some("invalidValue"))["detail"].as_str().unwrap().to_owned();
        assert!(detail.contains("userName") && detail.contains("service-account-"), "{detail}");
    };
    for name in
        ["service-account-okta", "Service-Account-Okta", "SERVICE-ACCOUNT-", "service-account-a@example.com"]
    {
        let address = "okta@example.com";
        refused(&stage.scim.post("/Users", &user(name, json!({ "emails": emails(address) }))).await);
        refused(&stage.scim.post("/Users", &user(name, json!({}))).await);
        refused(&stage.patch(&id, &replace("userName", json!(name))).await);
        refused(
            &stage
                .patch(&id, &json!([{ "op": "replace", "value": { "userName": name, "title": "x" } }]))
                .await,
        );
        let mut renamed = resource.clone();
        renamed["userName"] = name.into();
        refused(&stage.scim.put(&path, &renamed).await);
    }
    assert_eq!(stage.realm.get("/users").await, before, "nothing has changed");
    // Elsewhere in a name it means nothing.
    stage.create("my-service-account-okta").await;
}

/// Runs `setup` once more; gives what it changed.
async fn mended(realm: &Realm) -> (Gateway, Vec<String>) {
    let prepared = Gateway::setup(realm, Auth::Token).await;
    let changed = prepared.json["changed"].as_array().unwrap().iter();
    let changed = changed.map(|change| change.as_str().unwrap().to_owned());
    // The rest is about files.
    let changed = changed.filter(|change| !change.starts_with("out/")).collect();
    (prepared.serve().await, changed)
}

/// `serve` refuses the realm as its user profile is now; gives what it says.
async fn refusal(realm: &Realm, change: impl FnOnce(&mut Value)) -> String {
    let prepared = Gateway::setup(realm, Auth::Token).await;
    let mut profile = realm.get("/users/profile").await;
    change(&mut profile);
    realm.put("/users/profile", &profile).await;
    let ended = prepared.try_serve().await.expect_err("it refuses to serve");
    assert_eq!(ended.status.code(), Some(1), "{}", ended.stderr);
    assert!(ended.stderr.contains("scimgate setup"), "says what mends it: {}", ended.stderr);
    ended.stderr
}

async fn forgeable() {
    let realm = admin().await.create_realm("hardening").await;
    let edit = |profile: &mut Value| {
        let mut attributes = profile["attributes"].as_array_mut().unwrap().iter_mut();
        let index = attributes.find(|attribute| attribute["name"] == "scim.managed").unwrap();
        index["permissions"] = json!({ "view": ["admin", "user"], "edit": ["admin", "user"] });
    };
    let said = refusal(&realm, edit).await;
    assert!(said.contains("\"scim.managed\" may be edited by others than administrators"), "{said}");
    let (gateway, changed) = mended(&realm).await;
    assert_eq!(changed, ["user profile: mended scim.managed, which the gateway keeps for itself"]);
    let profile = realm.get("/users/profile").await;
    let attributes = profile["attributes"].as_array().unwrap();
    let index = attributes.iter().find(|attribute| attribute["name"] == "scim.managed").unwrap();
    assert_eq!(index["permissions"], json!({ "view": ["admin"], "edit": ["admin"] }));
    gateway.scim().await.post("/Users", &person("bjensen")).await.expect(201);
}

/// Where people may write attributes that nobody declared, they could tag themselves.
async fn undeclared() {
    let realm = admin().await.create_realm("hardening").await;
    let open = |profile: &mut Value| {
        profile["unmanagedAttributePolicy"] = "ENABLED".into();
        let attributes = profile["attributes"].as_array_mut().unwrap();
        attributes.retain(|attribute| attribute["name"] != "scim.managed" && attribute["name"] != "title");
    };
    let said = refusal(&realm, open).await;
    assert!(said.contains("the user profile does not declare scim.managed"), "{said}");
    assert!(!said.contains("title"), "what is nobody's secret may be written so: {said}");
    let (gateway, changed) = mended(&realm).await;
    assert!(changed.contains(&"user profile: declared scim.managed".to_owned()), "{changed:?}");
    assert_eq!(
        realm.get("/users/profile").await["unmanagedAttributePolicy"],
        "ENABLED",
        "not ours to change"
    );
    gateway.scim().await.post("/Users", &person("bjensen")).await.expect(201);
}

/// A realm in which Keycloak makes usernames from e-mail addresses.
async fn email_realm() -> Stage {
    let fields = json!({ "registrationEmailAsUsername": true });
    let realm = admin().await.create_realm_with("hardening", fields).await;
    let gateway = Gateway::start(&realm, Auth::Token).await;
    let scim = gateway.scim().await;
    Stage { gateway, scim, realm }
}

/// Creates somebody whose userName is `BJensen` and whose username is their address; gives the id.
async fn bjensen(stage: &Stage) -> String {
    let body = user("BJensen", json!({ "emails": emails("Babs.Jensen@example.com") }));
    let created = stage.scim.post("/Users", &body).await.expect(201);
    assert_eq!(created.json()["userName"], "BJensen");
    stage.settled().await;
    created.id()
}

/// The username that Keycloak keeps.
async fn username(stage: &Stage, id: &str) -> String {
    stage.stored(id).await["username"].as_str().unwrap().to_owned()
}

async fn sent_name() {
    let stage = email_realm().await;
    let id = bjensen(&stage).await;
    assert_eq!(username(&stage, &id).await, "babs.jensen@example.com", "Keycloak's rule");
    assert_eq!(stage.read(&id).await["userName"], "BJensen");
    for name in ["BJensen", "bjensen", "BJENSEN"] {
        assert_eq!(stage.looked_up(name).await, [&*id], "{name}");
    }
    for name in ["babs.jensen@example.com", "jensen"] {
        assert_eq!(stage.looked_up(name).await, [""; 0], "{name} is no userName");
    }
    // Keycloak would call this user a service account's.
    let hidden = user("okta", json!({ "emails": emails("Service-Account-Okta@example.com") }));
    stage.scim.post("/Users", &hidden).await.scim_error(400, Some("invalidValue"));
}

/// Who was tagged by hand has no userName but the username.
async fn tagged_by_hand() {
    let stage = email_realm().await;
    let jane = stage.realm.create_user(&by_hand("jane.doe")).await;
    assert_eq!(stage.looked_up("jane.doe@example.com").await, [""; 0]);
    stage.realm.manage(&jane).await;
    for name in ["jane.doe@example.com", "Jane.Doe@Example.com"] {
        assert_eq!(stage.looked_up(name).await, [&*jane], "{name}");
    }
    assert_eq!(stage.read(&jane).await["userName"], "jane.doe@example.com");
    // Nobody else gets it.
    let indexed =
        async || stage.stored(&jane).await["attributes"]["scim.managed"] == json!([stage.realm.index()]);
    until("the lookup's healing is over", indexed).await;
    let other = user("Jane.Doe@example.com", json!({ "emails": emails("jd@example.com") }));
    stage.scim.post("/Users", &other).await.scim_error(409, Some("uniqueness"));
    let id = bjensen(&stage).await;
    let answer = stage.patch(&id, &replace("userName", json!("JANE.doe@example.com"))).await;
    answer.scim_error(409, Some("uniqueness"));
    assert_eq!(stage.read(&id).await["userName"], "BJensen");
}

async fn changed_email() {
    let stage = email_realm().await;
    let id = bjensen(&stage).await;
    let work = "emails[type eq \"work\"].value";
    let changed = stage.patch(&id, &replace(work, json!("Babs@example.com"))).await.expect(200);
    assert_eq!(changed.json()["userName"], "BJensen");
    assert_eq!(changed.json()["emails"][0]["value"], "Babs@example.com");
    assert_eq!(stage.stored(&id).await["email"], "babs@example.com");
    assert_eq!(username(&stage, &id).await, "babs@example.com", "Keycloak's rule");
    assert_eq!(stage.looked_up("bjensen").await, [&*id]);
    let found = stage.scim.list("Users", "emails.value eq \"babs@example.com\"", "").await;
    assert_eq!(found.resources().len(), 1);
}

async fn changed_name() {
    let stage = email_realm().await;
    let id = bjensen(&stage).await;
    let mut renamed = stage.read(&id).await;
    renamed["userName"] = "Babs.J".into();
    let path = format!("/Users/{id}");
    assert_eq!(stage.scim.put(&path, &renamed).await.expect(200).json()["userName"], "Babs.J");
    assert_eq!(username(&stage, &id).await, "babs.jensen@example.com", "the address has not changed");
    assert_eq!(stage.looked_up("BABS.J").await, [&*id]);
    assert_eq!(stage.looked_up("bjensen").await, [""; 0]);
    // In another letter case it is still theirs.
    let patched = stage.patch(&id, &replace("userName", json!("babs.j"))).await.expect(200);
    assert_eq!(patched.json()["userName"], "babs.j");
}

/// Keycloak keeps only e-mail addresses apart there.
async fn given_once() {
    let stage = email_realm().await;
    for n in 0..10 {
        let body = |name: String, address: String| user(&name, json!({ "emails": emails(&address) }));
        let first =
            stage.scim.post("/Users", &body(format!("babs{n}"), format!("babs{n}@example.com"))).await;
        let second =
            stage.scim.post("/Users", &body(format!("Babs{n}"), format!("other{n}@example.com"))).await;
        let id = first.expect(201).id();
        second.scim_error(409, Some("uniqueness"));
        assert_eq!(stage.looked_up(&format!("babs{n}")).await, [id]);
        assert_eq!(stage.realm.user_by_username(&format!("other{n}@example.com")).await, None);
    }
}

async fn external_ids() {
    let stage = Stage::new("hardening").await;
    let long = "ü".repeat(2000);
    let mut other = long.clone();
    other.replace_range(3998.., "ö");
    let values = [&*long, &other, r"okta\701984", r#"a "quoted" \ name"#, r"ends in \"];
    let mut ids = Vec::new();
    for (n, value) in values.iter().enumerate() {
        let body = user(&format!("user{n}@example.com"), json!({ "externalId": value }));
        let created = stage.scim.post("/Users", &body).await.expect(201);
        assert_eq!(created.json()["externalId"], *value);
        ids.push(created.id());
    }
    let found = async |value: &str| {
        let filter = format!("externalId eq {}", json!(value));
        let answer = stage.scim.list("Users", &filter, "&startIndex=1&count=100").await;
        answer.resources().iter().map(|user| user["id"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    for (value, id) in values.iter().zip(&ids) {
        assert_eq!(found(value).await, [&**id], "{value}");
    }
    for nobodys in [&long[2..], &long.to_uppercase(), r"OKTA\701984", r"okta\\701984", "okta701984"] {
        assert_eq!(found(nobodys).await, [""; 0], "{nobodys}");
    }
}
