//! Realms: what is in a new one, and what its making, reading, changing and deleting answer.

use http::Method;
use libtest_mimic::Trial;
use serde_json::{Value, json};

use super::client;
use crate::admin::admin;
use crate::runner::both;

pub fn trials() -> Vec<Trial> {
    [
        both("admin_contract::realms::a_realm_is_made_read_changed_and_deleted", life),
        both("admin_contract::realms::a_name_is_given_once", name_once),
        both("admin_contract::realms::a_put_changes_what_it_names", partial_put),
        both("admin_contract::realms::attributes_that_are_written_replace_all", attributes),
        both("admin_contract::realms::an_unknown_realm_is_404_in_two_wordings", unknown),
        both("admin_contract::realms::the_issuer_follows_the_host_header", issuer),
        both("admin_contract::realms::paths_that_keycloak_does_not_have_are_404", strange_paths),
    ]
    .into_iter()
    .flatten()
    .collect()
}

async fn life() {
    let admin = admin().await;
    let name = format!("contract-{}", uuid::Uuid::new_v4().simple());
    let made = json!({ "realm": name, "enabled": true });
    let answer = admin.call(Method::POST, "", Some(&made)).await.expect(201);
    assert_eq!((answer.created, answer.body), (Some(name.clone()), json!("")));
    let path = format!("/{name}");
    let realm = admin.call(Method::GET, &path, None).await.expect(200).body;
    assert_eq!((&realm["realm"], &realm["enabled"]), (&json!(name), &json!(true)));
    for off in ["registrationEmailAsUsername", "editUsernameAllowed", "duplicateEmailsAllowed"] {
        assert_eq!(realm[off], false, "{off}");
    }
    let default = &realm["defaultRole"];
    assert_eq!(default["name"], format!("default-roles-{name}"));
    assert_eq!((&default["composite"], &default["clientRole"]), (&json!(true), &json!(false)));
    assert_eq!((default["containerId"].as_str(), default["id"].is_string()), (realm["id"].as_str(), true));
    assert_eq!(admin.call(Method::DELETE, &path, None).await.expect(204).body, "");
    admin.call(Method::GET, &path, None).await.expect(404);
    admin.call(Method::DELETE, &path, None).await.expect(404);
}

async fn name_once() {
    let admin = admin().await;
    let realm = admin.create_realm("contract").await;
    let again = json!({ "realm": realm.name(), "enabled": true });
    let answer = admin.call(Method::POST, "", Some(&again)).await.expect(409);
    assert_eq!(answer.body, json!({ "errorMessage": format!("Realm {} already exists", realm.name()) }));
    let nameless = admin.call(Method::POST, "", Some(&json!({ "enabled": true }))).await.expect(400);
    assert_eq!(nameless.body, json!({ "errorMessage": "Realm name cannot be empty" }));
}

async fn partial_put() {
    let realm = admin().await.create_realm_with("contract", json!({ "displayName": "Acme" })).await;
    let mut before = realm.get("").await;
    realm.put("", &json!({ "editUsernameAllowed": true })).await;
    before["editUsernameAllowed"] = json!(true);
    assert_eq!(realm.get("").await, before);
}

async fn attributes() {
    let first = json!({ "scim.authentication.mode": "EXTERNAL", "scim.link.idp": "true" });
    let realm = admin().await.create_realm_with("contract", json!({ "attributes": first })).await;
    // Keycloak has some of its own beside them.
    let ours = async || {
        let read = realm.get("").await;
        let all = read["attributes"].as_object().unwrap().clone();
        Value::from_iter(all.into_iter().filter(|(name, _)| name.starts_with("scim.")))
    };
    assert_eq!(ours().await, first);
    realm.put("", &json!({ "displayName": "Acme" })).await;
    assert_eq!(ours().await, first, "left out they stay");
    let second = json!({ "scim.link.idp": "false" });
    realm.put("", &json!({ "attributes": second })).await;
    assert_eq!(ours().await, second);
}

async fn unknown() {
    let admin = admin().await;
    for (method, path) in [
        (Method::GET, "/nobody"),
        (Method::PUT, "/nobody"),
        (Method::DELETE, "/nobody"),
        (Method::GET, "/nobody/users"),
        (Method::GET, "/nobody/roles/scim-managed"),
    ] {
        let body = (method == Method::PUT).then(|| json!({}));
        let answer = admin.call(method, path, body.as_ref()).await.expect(404);
        assert_eq!(answer.body, json!({ "error": "Realm not found." }), "{path}");
    }
    for path in ["", "/.well-known/openid-configuration", "/protocol/openid-connect/certs"] {
        let url = format!("{}/realms/nobody{path}", admin.url());
        let answer = client().get(&url).send().await.unwrap();
        assert_eq!(answer.status(), 404, "{url}");
        assert_eq!(answer.json::<Value>().await.unwrap(), json!({ "error": "Realm does not exist" }));
    }
}

async fn issuer() {
    let realm = admin().await.create_realm("contract").await;
    let by_name = realm.keycloak().replace("127.0.0.1", "localhost");
    for base in [realm.keycloak(), &by_name] {
        let issuer = format!("{base}/realms/{}", realm.name());
        let url = format!("{issuer}/.well-known/openid-configuration");
        let document: Value = client().get(&url).send().await.unwrap().json().await.unwrap();
        assert_eq!(document["issuer"], issuer);
        assert_eq!(document["token_endpoint"], format!("{issuer}/protocol/openid-connect/token"));
        assert_eq!(document["jwks_uri"], format!("{issuer}/protocol/openid-connect/certs"));
    }
}

async fn strange_paths() {
    let admin = admin().await;
    for path in ["/auth/realms/master/protocol/openid-connect/token", "/scim/v2/Users"] {
        let answer = client().post(format!("{}{path}", admin.url())).send().await.unwrap();
        assert_eq!(answer.status(), 404, "{path}");
    }
}
