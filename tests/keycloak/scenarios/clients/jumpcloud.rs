//! JumpCloud: when it is switched on it creates a user of its own, updates and deletes it, and it repeats itself.

use libtest_mimic::Trial;
use serde_json::{Value, json};

use super::super::stage::Stage;
use super::{found, settled_user};
use crate::runner::in_each_tenant;
use crate::scim::USER;

pub fn trials() -> Vec<Trial> {
    [
        in_each_tenant("jumpcloud::the_test_user_comes_changes_and_goes_each_time", test_user),
        in_each_tenant("jumpcloud::the_test_user_is_deactivated_where_it_can_not_be_deleted", deactivated),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn test_body() -> Value {
    json!({
        "schemas": [USER], "userName": "testuser@example.com", "externalId": "62f1a0b3c4d5e6f708192a3b", "active": true,
        "name": { "givenName": "Test", "familyName": "User" }, "displayName": "Test User",
        "emails": [{ "value": "testuser@example.com", "type": "work", "primary": true }],
    })
}

async fn test_user() {
    let stage = Stage::new("jumpcloud").await;
    let bystander = stage.create("bjensen@example.com").await;
    let before = stage.read(&bystander).await;
    let mut ids = Vec::new();
    // Activated, switched off, activated again: the second run must not meet what is left of the first.
    for _ in 0..2 {
        assert_eq!(found(&stage.scim, "userName eq \"testuser@example.com\"").await, [""; 0]);
        let created = stage.scim.post("/Users", &test_body()).await.expect(201);
        settled_user(&stage, &created).await;
        let path = format!("/Users/{}", created.id());
        let mut body = test_body();
        body["name"]["givenName"] = "Updated".into();
        let put = stage.scim.put(&path, &body).await.expect(200);
        assert_eq!(settled_user(&stage, &put).await["name"]["givenName"], "Updated");
        let operations = json!([
            { "op": "replace", "path": "name.familyName", "value": "Person" },
            { "op": "replace", "value": { "active": false } },
        ]);
        let patched = stage.patch(&created.id(), &operations).await.expect(200);
        assert_eq!(
            settled_user(&stage, &patched).await["name"],
            json!({ "givenName": "Updated", "familyName": "Person" })
        );
        assert_eq!(stage.stored(&created.id()).await["enabled"], false);
        stage.scim.delete(&path).await.expect(204);
        stage.scim.delete(&path).await.scim_error(404, None);
        assert_eq!(stage.realm.user_by_username("testuser@example.com").await, None);
        ids.push(created.id());
    }
    assert_ne!(ids[0], ids[1]);
    assert_eq!(stage.listed().await, ["bjensen@example.com"]);
    assert_eq!(stage.read(&bystander).await, before);
}

async fn deactivated() {
    let stage = Stage::new("jumpcloud").await;
    let id = stage.scim.post("/Users", &test_body()).await.expect(201).id();
    let mut body = test_body();
    body["active"] = false.into();
    let first = stage.scim.put(&format!("/Users/{id}"), &body).await.expect(200);
    let second = stage.scim.put(&format!("/Users/{id}"), &body).await.expect(200);
    assert_eq!(second.json(), first.json(), "the same once more is no change");
    assert_eq!(stage.stored(&id).await["enabled"], false);
    // The next activation finds the user and takes it up again.
    stage.scim.post("/Users", &test_body()).await.scim_error(409, Some("uniqueness"));
    assert_eq!(stage.looked_up("testuser@example.com").await, [id.as_str()]);
    let put = stage.scim.put(&format!("/Users/{id}"), &test_body()).await.expect(200);
    assert_eq!(settled_user(&stage, &put).await["active"], true);
    assert_eq!(stage.stored(&id).await["enabled"], true);
}
