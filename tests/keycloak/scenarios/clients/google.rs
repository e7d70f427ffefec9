//! Google Workspace's automatic provisioning: plain `application/json`, and the schema URN of a SCIM that is long gone.

use http::Method;
use libtest_mimic::Trial;
use serde_json::{Value, json};

use super::super::stage::Stage;
use super::{as_json, found, settled_user};
use crate::runner::in_each_tenant;
use crate::scim::{LIST, Scim, USER};

pub fn trials() -> Vec<Trial> {
    [
        in_each_tenant("google::probes_answer_lists", probes),
        in_each_tenant("google::a_user_with_an_unknown_schema_is_created_suspended_and_deleted", life),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn google(stage: &Stage) -> Scim {
    stage.scim.with_header("user-agent", "Google-Auto-Provisioning").without_header("accept")
}

async fn probes() {
    let stage = Stage::new("google").await;
    let scim = google(&stage);
    for probe in ["/Users?count=1", "/Users"] {
        let answer = scim.get(probe).await.expect(200);
        let empty = json!({ "schemas": [LIST], "totalResults": 0, "startIndex": 1, "itemsPerPage": 0, "Resources": [] });
        assert_eq!(*answer.json(), empty, "{probe}");
    }
    stage.create("bjensen@example.com").await;
    stage.create("jsmith@example.com").await;
    let one = scim.get("/Users?count=1").await;
    assert_eq!((one.resources().len(), &one.json()["totalResults"]), (1, &json!(2)));
    assert_eq!(scim.get("/Users").await.resources().len(), 2);
}

async fn life() {
    let stage = Stage::new("google").await;
    let scim = google(&stage);
    let mut body = json!({
        "schemas": ["urn:scim:schemas:core:1.0", USER], "userName": "username@example.com",
        "emails": [{ "primary": true, "value": "username@example.com", "type": "work" }],
        "displayName": "User Name", "name": { "givenName": "User", "familyName": "Name" }, "active": true,
    });
    assert_eq!(found(&scim, "userName eq \"username@example.com\"").await, [""; 0]);
    let created = as_json(&scim, Method::POST, "/Users", &body).await.expect(201);
    let user = settled_user(&stage, &created).await;
    for name in ["userName", "emails", "displayName", "name", "active"] {
        assert_eq!(user[name], body[name], "{name}");
    }
    assert_eq!(user["schemas"], json!([USER]), "an unknown schema is not claimed");
    let id = created.id();
    assert_eq!(found(&scim, "userName eq \"username@example.com\"").await, [id.as_str()]);
    as_json(&scim, Method::POST, "/Users", &body).await.scim_error(409, Some("uniqueness"));

    let path = format!("/Users/{id}");
    body["active"] = false.into();
    let suspended = as_json(&scim, Method::PUT, &path, &body).await.expect(200);
    let expected = Value::Bool(false);
    assert_eq!(settled_user(&stage, &suspended).await["active"], expected);
    assert_eq!(stage.stored(&id).await["enabled"], expected);
    scim.delete(&path).await.expect(204);
    assert_eq!(stage.realm.user(&id).await, None);
}
