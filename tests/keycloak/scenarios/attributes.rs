//! What administrators of a realm set in Keycloak over the file: it adds callers, and takes nothing from those of others.

use libtest_mimic::Trial;
use serde_json::{Value, json};

use super::auth::argon2;
use super::stage::{person, until};
use crate::admin::{Realm, admin};
use crate::gateway::{Auth, Gateway, Prepared, run};
use crate::runner::both;
use crate::scim::Scim;

pub fn trials() -> Vec<Trial> {
    [
        both("attributes::one_token_never_opens_two_tenants", two_tenants),
        both("attributes::a_caller_of_the_file_keeps_its_bounds", bounds),
        both("attributes::what_can_not_be_used_is_told_when_it_is_set", told),
    ]
    .into_iter()
    .flatten()
    .collect()
}

const MODE: &str = "scim.authentication.mode";
const SECRET: &str = "scim.external.shared.secret";
const EMAIL: &str = "scim.email.as.username";

/// A realm with the organizations `one` and `two`, all three of which are to be asked for their attributes.
async fn prepared() -> (Realm, [String; 2], Prepared) {
    let realm = admin().await.create_realm("attributes").await;
    realm.put("", &json!({ "organizationsEnabled": true })).await;
    let one = realm.create_organization("one").await;
    let two = realm.create_organization("two").await;
    let mut prepared = Gateway::setup_with(&realm, Auth::Token, &["--organization", "one"]).await;
    let name = realm.name();
    prepared = prepared.set(&["realms", name, "realm_attributes"], true);
    for key in ["one", "two"] {
        prepared = prepared.set(&["realms", name, "organizations", key, "realm_attributes"], true);
    }
    (realm, [one, two], prepared)
}

async fn set(realm: &Realm, attributes: &[(&str, &str)]) {
    let attributes: Value = attributes.iter().map(|(name, value)| (*name, *value)).collect();
    realm.put("", &json!({ "realm": realm.name(), "attributes": attributes })).await;
}

async fn set_of_organization(realm: &Realm, id: &str, attributes: &[(&str, &str)]) {
    let path = format!("/organizations/{id}");
    let mut organization = realm.get(&path).await;
    organization["attributes"] = attributes.iter().map(|(name, value)| (*name, json!([value]))).collect();
    realm.put(&path, &organization).await;
}

/// A client of the realm, or of an organization.
fn client(gateway: &Gateway, organization: &str, token: &str) -> Scim {
    let base = gateway.base_url().trim_end_matches("/organizations/one");
    let base = match organization {
        "" => base.to_owned(),
        key => format!("{base}/organizations/{key}"),
    };
    Scim::bearer(&base, token)
}

/// What `config explain` says of the realm, or of an organization.
async fn explained(gateway: &Gateway, realm: &Realm, organization: &str) -> String {
    let mut arguments = vec!["config", "explain", "--config", "config.toml", "--realm", realm.name()];
    if !organization.is_empty() {
        arguments.extend(["--organization", organization]);
    }
    run(&gateway.prepared().directory(), &arguments, &[]).await.ok().stdout
}

async fn two_tenants() {
    let (realm, [one, two], prepared) = prepared().await;
    let (shared, own) = ("a-secret-of-two-tenants", "a-secret-of-one-tenant");
    let hash = argon2(shared);
    let same = [(MODE, "EXTERNAL"), (SECRET, hash.as_str())];
    set(&realm, &same).await;
    set_of_organization(&realm, &one, &same).await;
    set_of_organization(&realm, &two, &[(MODE, "EXTERNAL"), (SECRET, &argon2(own))]).await;
    let gateway = prepared.serve().await;
    for organization in ["", "one", "two"] {
        client(&gateway, organization, shared).get("/Users").await.expect(401);
    }
    client(&gateway, "two", own).get("/Users").await.expect(200);
    client(&gateway, "one", own).get("/Users").await.expect(401);
    // The file's own caller of the organization stays.
    gateway.scim().await.get("/Users").await.expect(200);
    let log = gateway.log();
    let passed_over = "attribute scim.authentication.mode is passed over: the caller realm-attributes of the";
    assert_eq!(log.matches(passed_over).count(), 2, "{log}");
    for organization in ["", "one"] {
        let told = explained(&gateway, &realm, organization).await;
        assert!(told.contains(passed_over) && !told.contains("callers.realm-attributes"), "{told}");
    }
    let told = explained(&gateway, &realm, "two").await;
    assert!(told.contains("callers.realm-attributes.access = ") && !told.contains("passed over"), "{told}");
}

async fn bounds() {
    let (realm, _, prepared) = prepared().await;
    let hash = argon2("a-secret-of-the-file");
    let table = format!(
        "[realms.{}.callers.reader]\nauth = \"token\"\naccess = \"read-only\"\ntokens.chosen.argon2 = \"{hash}\"",
        realm.name()
    );
    set(&realm, &[(MODE, "EXTERNAL"), (SECRET, &hash)]).await;
    let gateway = prepared.append(&table).serve().await;
    let reader = client(&gateway, "", "a-secret-of-the-file");
    reader.get("/Users").await.expect(200);
    reader.post("/Users", &person("babs")).await.expect(403);
    let log = gateway.log();
    assert!(log.contains("the caller reader can be proved by the same tokens"), "{log}");
}

async fn told() {
    let (realm, [one, _], prepared) = prepared().await;
    let mut gateway = prepared.serve().await;
    let costly = argon2("secret").replace("m=8,t=1,p=1", "m=1048576,t=20,p=1");
    let bad = [
        (MODE, "EXTERNAL"),
        (SECRET, &costly),
        ("scim.link.idp", "true"),
        ("scim.identity.provider.alias", ".."),
    ];
    set(&realm, &bad).await;
    set_of_organization(&realm, &one, &[(EMAIL, "perhaps")]).await;
    // Whoever waits is told as well; this is sooner.
    gateway.hang_up();
    let told = [
        "the realm attribute scim.external.shared.secret is passed over: to check this hash costs too much",
        "the realm attribute scim.identity.provider.alias is passed over: expected the alias",
        "organization one: the organization attribute scim.email.as.username is passed over: expected true or false",
    ];
    until("all is told", async || told.iter().all(|told| gateway.log().contains(told))).await;
    let scim = gateway.scim().await;
    scim.post("/Users", &person("babs")).await.expect(201);
    // Something else is set meanwhile, so that it is certain that all was looked at again.
    for of_realm in ["true", "false"] {
        let before = exchanges(&gateway);
        set(&realm, &[&bad[..], &[(EMAIL, of_realm)]].concat()).await;
        gateway.hang_up();
        until("it is looked at again", async || exchanges(&gateway) > before).await;
    }
    let log = gateway.log();
    assert!(told.iter().all(|told| log.matches(told).count() == 1), "each is told once: {log}");
    assert!(!log.contains("argon2id"), "{log}");
    // What comes back is told again.
    let before = exchanges(&gateway);
    set_of_organization(&realm, &one, &[(EMAIL, "true")]).await;
    gateway.hang_up();
    until("it is mended", async || exchanges(&gateway) > before).await;
    set_of_organization(&realm, &one, &[(EMAIL, "perhaps")]).await;
    gateway.hang_up();
    until("it is told again", async || gateway.log().matches(told[2]).count() == 2).await;
}

/// How often attributes have changed what is served.
fn exchanges(gateway: &Gateway) -> usize {
    gateway.log().matches("attributes of realms have changed, and are in force").count()
}
