//! `scimgate setup` for users who are linked to an identity provider, and for an organization.

use std::fs;

use http::Method;
use libtest_mimic::Trial;
use serde_json::{Value, json};

use super::{directory, files, refused, setup, state};
use crate::admin::{Realm, admin};
use crate::gateway::Finished;
use crate::runner::both;

pub fn trials() -> Vec<Trial> {
    [
        both("setup::users_are_linked_to_an_identity_provider_that_is_there", identity_provider),
        both("setup::a_value_that_nobody_could_be_linked_by_is_refused", linked_value),
        both("setup::an_organization_gets_a_caller_of_its_own", organization),
        both("setup::organizations_are_turned_on_only_on_request", organizations_off),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// The roles of realm-management that the gateway's service account has.
async fn gateway_roles(realm: &Realm) -> Vec<String> {
    let management = realm.client_uuid("realm-management").await;
    let uuid = realm.client_uuid("scimgate").await;
    let account = realm.get(&format!("/clients/{uuid}/service-account-user")).await;
    let account = account["id"].as_str().unwrap();
    let roles = realm.get(&format!("/users/{account}/role-mappings/clients/{management}")).await;
    let roles = roles.as_array().unwrap().iter();
    let mut names: Vec<String> = roles.map(|role| role["name"].as_str().unwrap().to_owned()).collect();
    names.sort();
    names
}

fn changed(finished: &Finished) -> Value {
    serde_json::from_str::<Value>(&finished.stdout).unwrap()["changed"].clone()
}

async fn identity_provider() {
    let realm = admin().await.create_realm("setup").await;
    let directory = directory();
    let run = async |options: &[&str]| {
        setup(directory.path(), realm.keycloak(), realm.name(), &[&["--json"], options].concat()).await
    };
    // Nothing is touched where there is none.
    let before = state(&realm).await;
    refused(
        &run(&["--idp", "okta"]).await,
        directory.path(),
        "no identity provider with the alias okta (--idp)",
    );
    assert_eq!(state(&realm).await, before);
    realm.post("/identity-provider/instances", &json!({ "alias": "okta", "providerId": "oidc" })).await;
    refused(&run(&["--idp", "Okta"]).await, directory.path(), "letter case counts");

    let first = run(&["--idp", "okta"]).await.ok();
    let expected = ["manage-users", "view-clients", "view-identity-providers", "view-realm"];
    assert_eq!(gateway_roles(&realm).await, expected);
    let added = format!("identity provider okta of realm {}", realm.name());
    assert!(changed(&first).to_string().contains(&added), "{}", first.stdout);
    let config = directory.path().join("out/config.toml");
    let text = fs::read_to_string(&config).unwrap();
    let table: toml::Table = text.parse().unwrap();
    let link = &table["realms"][realm.name()]["identity_provider"];
    assert_eq!((link["alias"].as_str(), link["user_id"].as_str()), (Some("okta"), Some("externalId")));
    assert_eq!(changed(&run(&["--idp", "okta"]).await.ok()), json!([]));
    let otherwise = run(&["--idp", "okta", "--idp-user-id", "userName"]).await;
    assert!(
        !otherwise.status.success() && otherwise.stderr.contains("identity_provider.user_id"),
        "{otherwise:?}"
    );
    assert_eq!(fs::read_to_string(&config).unwrap(), text);
}

async fn linked_value() {
    let realm = admin().await.create_realm("setup").await;
    realm.post("/identity-provider/instances", &json!({ "alias": "okta", "providerId": "oidc" })).await;
    for (value, why) in [
        ("password", "passwords are dropped"),
        ("active", "this is no text"),
        ("phoneNumbers", "this attribute has several values"),
        ("shoeSize", "no served schema has this attribute"),
        ("a b", "expected \"externalId\""),
    ] {
        let directory = directory();
        let options = ["--idp", "okta", "--idp-user-id", value];
        let finished = setup(directory.path(), realm.keycloak(), realm.name(), &options).await;
        refused(&finished, directory.path(), "--idp-user-id: ");
        assert!(finished.stderr.contains(why), "{value}: {}", finished.stderr);
    }
    assert_eq!(realm.call(Method::GET, "/roles/scim-managed", None).await.status, 404, "nothing was touched");
    let directory = directory();
    let options = ["--idp", "okta", "--idp-user-id", "nickName"];
    setup(directory.path(), realm.keycloak(), realm.name(), &options).await.ok();
    let text = fs::read_to_string(directory.path().join("out/config.toml")).unwrap();
    assert!(text.contains("user_id = \"nickName\""), "{text}");
}

/// Makes an organization; gives its id.
async fn add_organization(realm: &Realm, alias: &str) -> String {
    let domain = format!("{alias}.example.com");
    let organization = json!({ "name": alias, "alias": alias, "domains": [{ "name": domain }] });
    realm.post("/organizations", &organization).await
}

async fn organization() {
    for auth in ["token", "keycloak"] {
        let realm = admin().await.create_realm("setup").await;
        realm.put("", &json!({ "organizationsEnabled": true })).await;
        let id = add_organization(&realm, "contoso").await;
        let before = realm.get(&format!("/organizations/{id}")).await;
        let directory = directory();
        let run = async |organization: &str| {
            let options = ["--json", "--auth", auth, "--caller", "entra", "--organization", organization];
            setup(directory.path(), realm.keycloak(), realm.name(), &options).await
        };
        refused(
            &run("fabrikam").await,
            directory.path(),
            "no organization with the alias or the id fabrikam",
        );

        let first = run("contoso").await.ok();
        let printed: Value = serde_json::from_str(&first.stdout).unwrap();
        let path = format!("/realms/{}/scim/v2/organizations/contoso", realm.name());
        assert!(printed["base_url"].as_str().unwrap().ends_with(&path), "{printed}");
        assert_eq!(printed["organization"], "contoso");
        let expected = ["manage-organizations", "manage-users", "view-clients", "view-realm"];
        assert_eq!(gateway_roles(&realm).await, expected);
        let out = directory.path().join("out");
        let kept = if auth == "token" { "token" } else { "client-secret" };
        assert!(files(&out).contains_key(&format!("{}-contoso-entra-{kept}", realm.name())));
        let table: toml::Table = fs::read_to_string(out.join("config.toml")).unwrap().parse().unwrap();
        let tenant = &table["realms"][realm.name()];
        let caller = &tenant["organizations"]["contoso"]["callers"]["entra"];
        assert_eq!(caller["auth"].as_str(), Some(auth));
        assert!(tenant.get("callers").is_none(), "the realm itself gets no caller: {tenant}");
        assert_eq!(realm.get(&format!("/organizations/{id}")).await, before);
        assert_eq!(changed(&run("contoso").await.ok()), json!([]));

        // The realm's own caller, beside it.
        let options = ["--json", "--auth", auth];
        setup(directory.path(), realm.keycloak(), realm.name(), &options).await.ok();
        let table: toml::Table = fs::read_to_string(out.join("config.toml")).unwrap().parse().unwrap();
        let tenant = &table["realms"][realm.name()];
        assert!(tenant["callers"].get("okta").is_some(), "{tenant}");
        assert!(tenant["organizations"]["contoso"]["callers"].get("entra").is_some(), "{tenant}");
    }
}

async fn organizations_off() {
    let realm = admin().await.create_realm("setup").await;
    let directory = directory();
    let run = async |options: &[&str]| {
        let options = [&["--json", "--organization", "contoso"], options].concat();
        setup(directory.path(), realm.keycloak(), realm.name(), &options).await
    };
    refused(&run(&[]).await, directory.path(), "let setup do so with --enable-organizations");
    assert_eq!(realm.get("").await["organizationsEnabled"], false);
    refused(
        &run(&["--enable-organizations"]).await,
        directory.path(),
        "no organization with the alias or the id contoso",
    );
    assert_eq!(realm.get("").await["organizationsEnabled"], false, "a command that fails leaves them off");
    realm.put("", &json!({ "organizationsEnabled": true })).await;
    let id = add_organization(&realm, "contoso").await;
    realm.put("", &json!({ "organizationsEnabled": false })).await;
    run(&["--enable-organizations"]).await.ok();
    assert_eq!(realm.get("").await["organizationsEnabled"], true);
    // By its id too.
    let options = ["--json", "--organization", &id];
    let by_id = setup(directory.path(), realm.keycloak(), realm.name(), &options).await.ok();
    let printed: Value = serde_json::from_str(&by_id.stdout).unwrap();
    assert!(printed["base_url"].as_str().unwrap().ends_with(&format!("/organizations/{id}")), "{printed}");
}
