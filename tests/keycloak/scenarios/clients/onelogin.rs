//! OneLogin: the body comes from a template that an administrator writes, so that anything may stand in it.

use libtest_mimic::Trial;
use serde_json::{Value, json};

use super::super::stage::{Stage, written};
use super::{found, settled_user};
use crate::runner::in_each_tenant;
use crate::scim::{ENTERPRISE, USER};

pub fn trials() -> Vec<Trial> {
    [
        in_each_tenant("onelogin::attributes_that_nobody_knows_do_no_harm", template),
        in_each_tenant("onelogin::what_the_template_leaves_empty_is_cleared", empty),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// A template with attributes of its own at every level, and a schema that is not served.
fn filled() -> Value {
    json!({
        "schemas": [USER, ENTERPRISE, "urn:scim:schemas:extension:custom:1.0"],
        "userName": "babs@example.com", "externalId": "55501", "active": true, "displayName": "Babs Jensen",
        "name": { "givenName": "Barbara", "familyName": "Jensen", "shown": "Babs" },
        "emails": [{ "value": "babs@example.com", "type": "work", "primary": true, "verified": "yes" }],
        "phoneNumbers": [{ "value": "555-555-8377", "type": "work" }],
        "title": "Tour Guide", "department": "Tour Operations", "samaccountname": "bjensen",
        "customAttributes": { "a": [1, null] },
        ENTERPRISE: { "employeeNumber": "701984", "location": "Hollywood" },
        "urn:scim:schemas:extension:custom:1.0": { "badge": 17 },
        "groups": [{ "value": "e9e30dba-f08f-4109-8486-d5c6a331660a", "display": "Tour Guides" }],
    })
}

fn kept() -> Value {
    json!({
        "schemas": [USER, ENTERPRISE],
        "userName": "babs@example.com", "externalId": "55501", "active": true, "displayName": "Babs Jensen",
        "name": { "givenName": "Barbara", "familyName": "Jensen" },
        "emails": [{ "value": "babs@example.com", "type": "work", "primary": true }],
        "phoneNumbers": [{ "value": "555-555-8377", "type": "work" }],
        "title": "Tour Guide",
        ENTERPRISE: { "employeeNumber": "701984", "department": "Tour Operations" },
    })
}

async fn template() {
    let stage = Stage::new("onelogin").await;
    // "Refresh entitlements" lists groups before anything else.
    assert_eq!(stage.scim.get("/Groups").await.resources(), [] as [Value; 0]);
    assert_eq!(found(&stage.scim, "userName eq \"babs@example.com\"").await, [""; 0]);
    let created = stage.scim.post("/Users", &filled()).await.expect(201);
    let id = created.id();
    assert_eq!(written(&settled_user(&stage, &created).await), kept());
    assert_eq!(found(&stage.scim, "userName eq \"babs@example.com\"").await, [id.as_str()]);
    let groups = stage.realm.get(&format!("/users/{id}/groups")).await;
    assert_eq!(groups, json!([]), "a user's groups are not written through the user");
    let attributes = stage.stored(&id).await["attributes"].to_string();
    for unknown in ["samaccountname", "customAttributes", "badge", "Hollywood", "verified", "shown"] {
        assert!(!attributes.contains(unknown), "{unknown} is kept: {attributes}");
    }

    let mut body = filled();
    body["title"] = "Chief Guide".into();
    let put = stage.scim.put(&format!("/Users/{id}"), &body).await.expect(200);
    let mut expected = kept();
    expected["title"] = "Chief Guide".into();
    assert_eq!(written(&settled_user(&stage, &put).await), expected);
    let operations =
        json!([{ "op": "replace", "value": { "title": "Guide", "samaccountname": "babs", "active": true } }]);
    let patched = stage.patch(&id, &operations).await.expect(200);
    expected["title"] = "Guide".into();
    assert_eq!(written(&settled_user(&stage, &patched).await), expected);
}

/// null, "", [] and {} all say that there is nothing.
async fn empty() {
    let stage = Stage::new("onelogin").await;
    let created = stage.scim.post("/Users", &filled()).await.expect(201);
    let id = created.id();
    let emptied = json!({
        "schemas": [USER, ENTERPRISE], "userName": "babs@example.com", "externalId": "55501", "active": true,
        "name": { "givenName": "Barbara", "familyName": "Jensen", "middleName": null },
        "emails": [{ "value": "babs@example.com", "type": "work", "primary": true, "display": null }],
        "displayName": null, "title": "", "phoneNumbers": [], "addresses": [{}], "ims": null, "photos": [null],
        "roles": [{ "value": null, "primary": null }], "department": null,
        ENTERPRISE: { "employeeNumber": null, "manager": {}, "costCenter": "" },
    });
    let put = stage.scim.put(&format!("/Users/{id}"), &emptied).await.expect(200);
    let expected = json!({
        "schemas": [USER], "userName": "babs@example.com", "externalId": "55501", "active": true,
        "name": { "givenName": "Barbara", "familyName": "Jensen" },
        "emails": [{ "value": "babs@example.com", "type": "work", "primary": true }],
    });
    assert_eq!(written(&settled_user(&stage, &put).await), expected);
    let attributes = stage.stored(&id).await["attributes"].clone();
    for name in
        ["displayName", "title", "phoneNumber", "department", "employeeNumber", "costCenter", "manager"]
    {
        assert_eq!(attributes.get(name), None, "{name}");
    }
    // The same once more is no change.
    let again = stage.scim.put(&format!("/Users/{id}"), &emptied).await.expect(200);
    assert_eq!(again.json(), put.json());
}
