//! SailPoint's SCIM 2.0 connector: it refuses a server whose discovery is not valid, and reads everybody, page by page.

use libtest_mimic::Trial;
use serde_json::{Value, json};

use super::super::stage::{Stage, by_hand, user_names};
use super::settled_user;
use crate::runner::in_each_tenant;
use crate::scim::{ENTERPRISE, USER};

pub fn trials() -> Vec<Trial> {
    [
        in_each_tenant("sailpoint::discovery_describes_the_users_that_are_served", discovery),
        in_each_tenant("sailpoint::a_full_aggregation_reads_everybody_once", aggregation),
        in_each_tenant("sailpoint::both_ways_to_update_come_to_the_same", updates),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// What discovery names must be there, and a user must show nothing that it does not describe.
async fn discovery() {
    let stage = Stage::new("sailpoint").await;
    stage.scim.get("/ServiceProviderConfig").await.expect(200);
    let types = stage.scim.get("/ResourceTypes").await;
    let of_user = types.resources().iter().find(|kind| kind["id"] == "User").unwrap();
    assert_eq!(stage.scim.get("/ResourceTypes/User").await.expect(200).json(), of_user);
    let schemas = stage.scim.get("/Schemas").await;
    let described = |id: &str| {
        let schema = schemas.resources().iter().find(|schema| schema["id"] == id);
        let attributes =
            schema.unwrap_or_else(|| panic!("no schema {id}"))["attributes"].as_array().unwrap().clone();
        attributes.iter().map(|attribute| attribute["name"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(of_user["schema"], USER);
    let core = described(USER);
    let enterprise = described(ENTERPRISE);
    let id = stage
        .create_with(
            "bjensen@example.com",
            json!({ "displayName": "Babs", ENTERPRISE: { "division": "Theme Park" } }),
        )
        .await;
    let shown = stage.read(&id).await;
    let common = ["schemas", "id", "externalId", "meta", ENTERPRISE];
    for name in shown.as_object().unwrap().keys().filter(|name| !common.contains(&name.as_str())) {
        assert!(core.contains(name), "{name} is not described");
    }
    for name in shown[ENTERPRISE].as_object().unwrap().keys() {
        assert!(enterprise.contains(name), "{name} is not described");
    }
}

async fn aggregation() {
    let stage = Stage::new("sailpoint").await;
    let mut expected: Vec<String> = (0..11).map(|number| format!("user-{number:02}@example.com")).collect();
    for name in &expected {
        stage.create_with(name, json!({})).await;
    }
    stage.realm.create_user(&by_hand("user-05-by-hand")).await;
    let mut seen = Vec::new();
    let mut start = 1;
    loop {
        let page = stage.scim.get(&format!("/Users?startIndex={start}&count=4")).await;
        assert_eq!([&page.json()["totalResults"], &page.json()["startIndex"]], [11, start]);
        if page.resources().is_empty() {
            break;
        }
        seen.extend(user_names(page.resources()));
        start += page.resources().len();
    }
    seen.sort();
    expected.sort();
    assert_eq!(seen, expected, "everybody once, and nobody who is not managed");
}

/// `usePatch` on and off.
async fn updates() {
    let stage = Stage::new("sailpoint").await;
    let attributes = json!({
        "title": "Guide", "name": { "givenName": "Barbara", "familyName": "Jensen" },
        "emails": [{ "value": "bjensen@example.com", "type": "work", "primary": true }],
    });
    let mut ends: Vec<Value> = Vec::new();
    for use_patch in [true, false] {
        let id = stage.create_with("bjensen@example.com", attributes.clone()).await;
        let answer = if use_patch {
            let operations = json!([
                { "op": "replace", "path": "title", "value": "Chief" },
                { "op": "replace", "path": format!("{ENTERPRISE}:department"), "value": "Tour Operations" },
                { "op": "replace", "path": "active", "value": false },
            ]);
            stage.patch(&id, &operations).await.expect(200)
        } else {
            let mut body = stage.read(&id).await;
            body["title"] = "Chief".into();
            body[ENTERPRISE] = json!({ "department": "Tour Operations" });
            body["active"] = false.into();
            stage.scim.put(&format!("/Users/{id}"), &body).await.expect(200)
        };
        let mut end = settled_user(&stage, &answer).await;
        for own in ["id", "meta"] {
            end.as_object_mut().unwrap().remove(own);
        }
        ends.push(end);
        assert_eq!(stage.stored(&id).await["enabled"], false);
        stage.scim.delete(&format!("/Users/{id}")).await.expect(204);
    }
    assert_eq!(ends[0], ends[1]);
    assert_eq!(ends[0]["emails"], attributes["emails"]);
}
