//! IBM Verify validates a connection with `GET /Users`; Cloudflare Access, too, either deletes or deactivates, by a flag.

use libtest_mimic::Trial;
use serde_json::json;

use super::super::stage::{Stage, patch_active, user};
use super::{found, settled_user};
use crate::runner::in_each_tenant;

pub fn trials() -> Vec<Trial> {
    in_each_tenant("ibm_verify::users_are_suspended_restored_and_deprovisioned", life).into()
}

async fn life() {
    let stage = Stage::new("ibm").await;
    assert_eq!(stage.scim.get("/Users").await.json()["totalResults"], 0);
    let body = user("bjensen@example.com", json!({ "externalId": "643002VJ7K", "title": "Guide" }));
    let created = stage.scim.post("/Users", &body).await.expect(201);
    let id = created.id();
    let path = format!("/Users/{id}");
    assert_eq!(stage.scim.get("/Users").await.resources(), [created.json().clone()]);
    for active in [false, false, true, true] {
        let answer = stage.scim.patch(&path, &patch_active(active)).await.expect(200);
        let shown = settled_user(&stage, &answer).await;
        assert_eq!([&shown["active"], &json!(shown["title"] == "Guide")], [active, true]);
        assert_eq!(stage.stored(&id).await["enabled"], active);
    }
    stage.scim.delete(&path).await.expect(204);
    assert_eq!(stage.realm.user(&id).await, None);
    assert_eq!(found(&stage.scim, "externalId eq \"643002VJ7K\"").await, [""; 0]);
    assert_eq!(stage.scim.get("/Users").await.json()["totalResults"], 0);
}
