//! CyberArk Identity: the list of requests that it demands of a SCIM server.

use libtest_mimic::Trial;
use serde_json::json;

use super::super::stage::{Stage, user};
use super::{found, settled_user};
use crate::runner::in_each_tenant;
use crate::scim::{ENTERPRISE, USER};

pub fn trials() -> Vec<Trial> {
    in_each_tenant("cyberark::every_request_that_it_demands_is_answered", demands).into()
}

async fn demands() {
    let stage = Stage::new("cyberark").await;
    let scim = &stage.scim;
    let config = scim.get("/ServiceProviderConfig").await.expect(200);
    assert_eq!([&config.json()["filter"]["supported"], &config.json()["patch"]["supported"]], [true, true]);
    let of_user = scim.get("/ResourceTypes/User").await.expect(200).json().clone();
    assert_eq!([&of_user["endpoint"], &of_user["schema"]], ["/Users", USER]);
    let extensions =
        of_user["schemaExtensions"].as_array().unwrap().iter().map(|extension| &extension["schema"]);
    for id in extensions.chain([&of_user["schema"]]) {
        let schema = scim.get(&format!("/Schemas/{}", id.as_str().unwrap())).await.expect(200);
        assert_eq!(schema.json()["id"], *id);
    }
    scim.get("/Groups").await.expect(200);

    assert_eq!(scim.get("/Users?count=1").await.resources().len(), 0);
    assert_eq!(found(scim, "userName eq \"bjensen@example.com\"").await, [""; 0]);
    let body = user(
        "bjensen@example.com",
        json!({ "active": true, ENTERPRISE: { "department": "Tour Operations" } }),
    );
    let created = scim.post("/Users", &body).await.expect(201);
    let shown = settled_user(&stage, &created).await;
    assert_eq!(found(scim, "userName eq \"bjensen@example.com\"").await, [created.id()]);
    assert_eq!(scim.get("/Users?count=1").await.resources(), std::slice::from_ref(&shown));
    let mut replaced = shown;
    replaced[ENTERPRISE]["department"] = "Park Operations".into();
    let put = scim.put(&format!("/Users/{}", created.id()), &replaced).await.expect(200);
    assert_eq!(settled_user(&stage, &put).await[ENTERPRISE], json!({ "department": "Park Operations" }));
}
