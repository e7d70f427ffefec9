//! Clients: what a new one is, what a PUT changes, how they are found, and their service accounts.

use http::Method;
use libtest_mimic::Trial;
use serde_json::{Value, json};

use super::{machine, service_account};
use crate::admin::admin;
use crate::runner::both;

pub fn trials() -> Vec<Trial> {
    [
        both("admin_contract::clients::a_new_client_has_keycloaks_defaults", defaults),
        both("admin_contract::clients::a_new_realm_has_its_own_clients", own_clients),
        both("admin_contract::clients::a_client_id_is_given_once", id_once),
        both("admin_contract::clients::a_put_changes_what_it_names", partial_put),
        both("admin_contract::clients::a_client_is_found_by_its_exact_client_id", lookup),
        both("admin_contract::clients::a_confidential_client_has_a_secret", secrets),
        both("admin_contract::clients::a_service_account_comes_and_goes_with_its_setting", accounts),
        both("admin_contract::clients::a_mappers_name_is_given_once", mappers),
        both("admin_contract::clients::a_deleted_client_takes_its_service_account_along", deleted),
    ]
    .into_iter()
    .flatten()
    .collect()
}

async fn defaults() {
    let realm = admin().await.create_realm("contract").await;
    let id = realm.post("/clients", &json!({ "clientId": "App" })).await;
    let client = realm.get(&format!("/clients/{id}")).await;
    for (key, value) in [
        ("id", json!(id)),
        ("clientId", json!("App")),
        ("enabled", json!(true)),
        ("protocol", json!("openid-connect")),
        ("clientAuthenticatorType", json!("client-secret")),
        ("publicClient", json!(false)),
        ("bearerOnly", json!(false)),
        ("standardFlowEnabled", json!(true)),
        ("implicitFlowEnabled", json!(false)),
        ("directAccessGrantsEnabled", json!(false)),
        ("serviceAccountsEnabled", json!(false)),
        ("fullScopeAllowed", json!(true)),
    ] {
        assert_eq!(client[key], value, "{key}");
    }
}

async fn own_clients() {
    let realm = admin().await.create_realm("contract").await;
    let clients = realm.get("/clients").await;
    let ids: Vec<&str> =
        clients.as_array().unwrap().iter().map(|client| client["clientId"].as_str().unwrap()).collect();
    let own =
        ["account", "account-console", "admin-cli", "broker", "realm-management", "security-admin-console"];
    assert_eq!(ids, own, "by clientId");
    let found =
        |id: &str| clients.as_array().unwrap().iter().find(|client| client["clientId"] == id).unwrap();
    assert_eq!(found("realm-management")["bearerOnly"], true);
    let cli = found("admin-cli");
    assert_eq!((&cli["publicClient"], &cli["directAccessGrantsEnabled"]), (&json!(true), &json!(true)));
}

async fn id_once() {
    let realm = admin().await.create_realm("contract").await;
    let app = json!({ "clientId": "app" });
    realm.post("/clients", &app).await;
    let again = realm.call(Method::POST, "/clients", Some(&app)).await.expect(409);
    assert_eq!(again.body, json!({ "errorMessage": "Client app already exists" }));
    for (method, path) in [(Method::GET, "/clients/none"), (Method::PUT, "/clients/none")] {
        let body = (method == Method::PUT).then(|| app.clone());
        let answer = realm.call(method, path, body.as_ref()).await.expect(404);
        assert_eq!(answer.body, json!({ "error": "Could not find client" }));
    }
}

async fn partial_put() {
    let realm = admin().await.create_realm("contract").await;
    let id = machine(&realm, "app", "chosen-by-hand").await;
    let path = format!("/clients/{id}");
    realm.put(&path, &json!({ "clientId": "app", "attributes": { "access.token.lifespan": "7" } })).await;
    let mut before = realm.get(&path).await;
    assert_eq!(before["attributes"]["access.token.lifespan"], "7");
    realm.put(&path, &json!({ "clientId": "app", "name": "App", "directAccessGrantsEnabled": true })).await;
    before["name"] = json!("App");
    before["directAccessGrantsEnabled"] = json!(true);
    let after = realm.get(&path).await;
    for (key, value) in before.as_object().unwrap() {
        assert_eq!(after[key], *value, "{key}");
    }
    // Attributes that are not named stay as well.
    realm.put(&path, &json!({ "attributes": { "client.session.idle.timeout": "60" } })).await;
    let attributes = realm.get(&path).await["attributes"].clone();
    assert_eq!(attributes["access.token.lifespan"], "7");
    assert_eq!(attributes["client.session.idle.timeout"], "60");
}

async fn lookup() {
    let realm = admin().await.create_realm("contract").await;
    for id in ["app", "app-2"] {
        realm.post("/clients", &json!({ "clientId": id })).await;
    }
    let found = async |query: &str| {
        let found = realm.get(&format!("/clients?{query}")).await;
        let found = found.as_array().unwrap().iter();
        found.map(|client| client["clientId"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(found("clientId=app").await, ["app"]);
    assert_eq!(found("clientId=app&max=1").await, ["app"]);
    for none in ["clientId=APP", "clientId=ap", "clientId=none"] {
        assert_eq!(found(none).await, [""; 0], "{none}");
    }
}

async fn secrets() {
    let realm = admin().await.create_realm("contract").await;
    let secret = async |id: &str| realm.get(&format!("/clients/{id}/client-secret")).await;
    let chosen = machine(&realm, "chosen", "chosen-by-hand").await;
    assert_eq!(secret(&chosen).await, json!({ "type": "secret", "value": "chosen-by-hand" }));
    assert_eq!(realm.get(&format!("/clients/{chosen}")).await["secret"], "chosen-by-hand");
    let made = realm.post("/clients", &json!({ "clientId": "made" })).await;
    let made = secret(&made).await["value"].as_str().unwrap().to_owned();
    assert!(made.len() >= 32, "a random one of {} characters", made.len());
    let public = realm.post("/clients", &json!({ "clientId": "public", "publicClient": true })).await;
    assert_eq!(secret(&public).await, json!({ "type": "secret" }));
    assert_eq!(realm.get(&format!("/clients/{public}")).await.get("secret"), None);
}

async fn accounts() {
    let realm = admin().await.create_realm("contract").await;
    let id = realm.post("/clients", &json!({ "clientId": "App" })).await;
    let path = format!("/clients/{id}/service-account-user");
    let none = realm.call(Method::GET, &path, None).await.expect(400);
    assert_eq!(none.body, json!({ "error": "Service account not enabled for the client 'App'" }));
    let unknown = realm.call(Method::GET, "/clients/none/service-account-user", None).await.expect(404);
    assert_eq!(unknown.body, json!({ "error": "Could not find client" }));
    let switch = async |on: bool| {
        realm
            .put(&format!("/clients/{id}"), &json!({ "clientId": "App", "serviceAccountsEnabled": on }))
            .await;
    };
    switch(true).await;
    let account = realm.get(&path).await;
    assert_eq!((&account["username"], &account["enabled"]), (&json!("service-account-app"), &json!(true)));
    let account = account["id"].as_str().unwrap();
    assert_eq!(realm.user_role_names(account).await, [format!("default-roles-{}", realm.name())]);
    // It is a user among the others, but in a list of all.
    assert_eq!(realm.user(account).await.unwrap()["username"], "service-account-app");
    assert_eq!(realm.get("/users").await, json!([]));
    let by_name = realm.get("/users?username=service-account-app&exact=true").await;
    assert_eq!(by_name[0]["id"], account);
    switch(false).await;
    assert_eq!(realm.user(account).await, None, "it went");
    switch(true).await;
    assert_ne!(service_account(&realm, &id).await, account, "another one");
}

async fn mappers() {
    let realm = admin().await.create_realm("contract").await;
    let id = machine(&realm, "app", "s").await;
    let path = format!("/clients/{id}/protocol-mappers/models");
    assert_eq!(realm.get(&path).await, json!([]));
    let mapper = json!({
        "name": "Client ID", "protocol": "openid-connect", "protocolMapper": "oidc-usersessionmodel-note-mapper",
        "config": { "user.session.note": "client_id", "claim.name": "client_id", "access.token.claim": "true" },
    });
    realm.call(Method::POST, &path, Some(&mapper)).await.expect(201);
    let again = realm.call(Method::POST, &path, Some(&mapper)).await.expect(409);
    assert_eq!(again.body, json!({ "errorMessage": "Protocol mapper exists with same name" }));
    for listed in
        [realm.get(&path).await, realm.get(&format!("/clients/{id}")).await["protocolMappers"].clone()]
    {
        let names: Vec<&Value> = listed.as_array().unwrap().iter().map(|mapper| &mapper["name"]).collect();
        assert_eq!(names, ["Client ID"]);
    }
}

async fn deleted() {
    let realm = admin().await.create_realm("contract").await;
    let id = machine(&realm, "app", "s").await;
    let account = service_account(&realm, &id).await;
    realm.delete(&format!("/clients/{id}")).await;
    realm.call(Method::DELETE, &format!("/clients/{id}"), None).await.expect(404);
    assert_eq!(realm.user(&account).await, None);
}
