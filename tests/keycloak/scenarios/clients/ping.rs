//! PingFederate and PingOne: filters in odd letter cases, users that are created disabled, two ways to take somebody away.

use libtest_mimic::Trial;
use serde_json::{Value, json};

use super::super::stage::Stage;
use super::{found, settled_user};
use crate::runner::in_each_tenant;
use crate::scim::USER;

pub fn trials() -> Vec<Trial> {
    [
        in_each_tenant("ping::lookups_by_either_unique_identifier_find_the_user", lookups),
        in_each_tenant("ping::a_filter_on_an_attribute_that_is_none_is_400", wrong_filter),
        in_each_tenant("ping::a_disabled_user_is_provisioned_enabled_disabled_and_removed", disabled),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn babs() -> Value {
    json!({
        "schemas": [USER], "userName": "bjensen", "active": true, "displayName": "Babs Jensen",
        "name": { "givenName": "Barbara", "familyName": "Jensen" },
        "emails": [{ "type": "work", "value": "bjensen@example.com", "primary": true }],
        "phoneNumbers": [{ "type": "work", "value": "555-555-8377" }],
    })
}

async fn lookups() {
    let stage = Stage::new("ping").await;
    let id = stage.scim.post("/Users", &babs()).await.expect(201).id();
    stage.create("jsmith@example.com").await;
    for filter in [
        r#"userName eq "bjensen""#,
        r#"username Eq "bjensen""#,
        r#"USERNAME EQ "BJensen""#,
        r#"emails eq "bjensen@example.com""#,
        r#"Emails Eq "BJensen@Example.com""#,
        r#"emails.value eq "bjensen@example.com""#,
    ] {
        assert_eq!(found(&stage.scim, filter).await, [id.as_str()], "{filter}");
    }
    for filter in [r#"username Eq "jensen""#, r#"emails eq "jensen@example.com""#, r#"emails eq "work""#] {
        assert_eq!(found(&stage.scim, filter).await, [""; 0], "{filter}");
    }
}

/// PingOne's own example of an expression names `email`: an error must say so. An empty list would read as "create the user",
/// and a full one as "this is the user".
async fn wrong_filter() {
    let stage = Stage::new("ping").await;
    stage.scim.post("/Users", &babs()).await.expect(201);
    for filter in [r#"email Co "bjensen@example.com""#, r#"email eq "bjensen@example.com""#] {
        let answer = stage.scim.list("Users", filter, "").await;
        let detail = answer.scim_error(400, Some("invalidFilter"))["detail"].as_str().unwrap().to_owned();
        assert!(detail.contains("position 1"), "{answer}");
    }
}

async fn disabled() {
    let stage = Stage::new("ping").await;
    let mut body = babs();
    body["active"] = false.into();
    let created = stage.scim.post("/Users", &body).await.expect(201);
    let id = created.id();
    assert_eq!(settled_user(&stage, &created).await["active"], false);
    assert_eq!(stage.stored(&id).await["enabled"], false, "provisioned, but nobody can sign in");
    assert!(stage.is_tagged(&id).await);
    let path = format!("/Users/{id}");
    // Enabled, then disabled, as the action for removed users has it by default.
    for active in [true, false] {
        body["active"] = active.into();
        let answer = stage.scim.put(&path, &body).await.expect(200);
        assert_eq!(settled_user(&stage, &answer).await["active"], active);
        assert_eq!(stage.stored(&id).await["enabled"], active);
        assert_eq!(answer.json()["phoneNumbers"], body["phoneNumbers"], "nothing else changes");
    }
    assert_eq!(found(&stage.scim, "userName eq \"bjensen\"").await, [id.as_str()]);
    stage.scim.delete(&path).await.expect(204);
    assert_eq!(stage.realm.user(&id).await, None);
}
