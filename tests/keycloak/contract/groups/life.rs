//! Creating, reading, changing and deleting groups.

use http::Method;
use libtest_mimic::Trial;
use serde_json::{Value, json};

use super::{below, failure, missing_name, not_found, paths, read, realm, sibling, top};
use crate::admin::Realm;
use crate::runner::both;

pub fn trials() -> Vec<Trial> {
    let name = |name: &str| format!("admin_contract::groups::{name}");
    [
        both(&name("names_are_given_once_and_letter_case_counts"), name_once),
        both(&name("a_group_shows_its_place_attributes_and_direct_roles"), whole),
        both(&name("a_creation_below_another_answers_with_the_group"), created_below),
        both(&name("what_is_not_written_in_a_creation_is_ignored"), ignored),
        both(&name("a_group_is_born_with_attributes_at_every_level"), attributes),
        both(&name("names_may_hold_slashes_and_blanks_and_keep_them"), odd_names),
        both(&name("a_group_without_a_name_is_refused"), nameless),
        both(&name("what_is_longer_than_255_units_fails"), too_long),
        both(&name("an_unknown_field_is_refused"), unknown_field),
        both(&name("a_put_clears_an_omitted_description"), put_description),
        both(&name("a_put_keeps_omitted_attributes_and_replaces_written_ones"), put_attributes),
        both(&name("a_put_back_of_what_was_read_changes_nothing"), round_trip),
        both(&name("a_put_renames_to_what_no_sibling_has"), rename),
        both(&name("a_deleted_group_takes_those_below_it_along"), deleted),
        both(&name("a_group_that_does_not_exist_is_404"), unknown),
    ]
    .into_iter()
    .flatten()
    .collect()
}

async fn name_once() {
    let realm = realm().await;
    let parent = top(&realm, "Eng").await;
    let create = async |path: &str| realm.call(Method::POST, path, Some(&json!({ "name": "Eng" }))).await;
    let again = create("/groups").await.expect(409);
    assert_eq!(again.body, json!({ "errorMessage": "Top level group named 'Eng' already exists." }));
    top(&realm, "eng").await;
    // Each level has names of its own.
    let children = format!("/groups/{parent}/children");
    create(&children).await.expect(201);
    assert_eq!(create(&children).await.expect(409).body, sibling("Eng"));
    below(&realm, &parent, "eng").await;
    assert_eq!(realm.get("/groups/count").await, json!({ "count": 4 }));
}

async fn whole() {
    let realm = realm().await;
    let group =
        json!({ "name": "Eng", "description": "Engineers", "attributes": { "a": ["1", "2"], "b": ["3"] } });
    let made = realm.call(Method::POST, "/groups", Some(&group)).await.expect(201);
    assert_eq!(made.body, "", "a creation at the top level answers with Location alone");
    let eng = made.created.unwrap();
    let sub = below(&realm, &eng, "Sub").await;
    let access = json!({
        "view": true, "viewMembers": true, "manageMembers": true, "manage": true, "manageMembership": true,
    });
    let expected = json!({
        "id": eng, "name": "Eng", "description": "Engineers", "path": "/Eng", "subGroupCount": 1, "subGroups": [],
        "attributes": { "a": ["1", "2"], "b": ["3"] }, "realmRoles": [], "clientRoles": {}, "access": access,
    });
    assert_eq!(realm.get(&format!("/groups/{eng}")).await, expected);
    realm.create_role("guide").await;
    let role = realm.get("/roles/guide").await;
    realm.post(&format!("/groups/{sub}/role-mappings/realm"), &json!([role])).await;
    let (management, view) = super::super::management_role(&realm, "view-users").await;
    realm.post(&format!("/groups/{sub}/role-mappings/clients/{management}"), &json!([view])).await;
    let below_it = json!({
        "id": sub, "name": "Sub", "path": "/Eng/Sub", "parentId": eng, "subGroupCount": 0, "subGroups": [],
        "attributes": {}, "realmRoles": ["guide"], "clientRoles": { "realm-management": ["view-users"] },
        "access": access,
    });
    assert_eq!(realm.get(&format!("/groups/{sub}")).await, below_it);
    // A list says the same, unless it is brief.
    let all = "search=%20&populateHierarchy=false";
    let list = realm.get(&format!("/groups?{all}&briefRepresentation=false")).await;
    assert_eq!(list, json!([expected, below_it]));
    let mut brief = [expected, below_it];
    for group in &mut brief {
        for detail in ["attributes", "realmRoles", "clientRoles"] {
            group.as_object_mut().unwrap().shift_remove(detail);
        }
    }
    assert_eq!(realm.get(&format!("/groups?{all}")).await, json!(brief));
    assert_eq!(realm.get(&format!("/groups?{all}&briefRepresentation=true")).await, json!(brief));
}

async fn created_below() {
    let realm = realm().await;
    let eng = top(&realm, "Eng").await;
    let group = json!({ "name": "Sub", "description": "Some", "attributes": { "a": ["1"] } });
    let made = realm.call(Method::POST, &format!("/groups/{eng}/children"), Some(&group)).await.expect(201);
    let id = made.created.unwrap();
    let mut expected = realm.get(&format!("/groups/{id}")).await;
    assert_eq!(expected["parentId"], eng.as_str());
    expected.as_object_mut().unwrap().shift_remove("subGroupCount");
    assert_eq!(made.body, expected);
}

async fn ignored() {
    let realm = realm().await;
    let eng = top(&realm, "Eng").await;
    let group = json!({
        "name": "Other", "path": "/elsewhere", "parentId": eng, "subGroupCount": 7, "subGroups": [{ "name": "Sub" }],
        "realmRoles": ["offline_access"], "clientRoles": { "realm-management": ["realm-admin"] },
        "access": { "manage": false }, "description": null, "attributes": null,
    });
    let id = realm.post("/groups", &group).await;
    let expected = json!({
        "name": "Other", "path": "/Other", "subGroupCount": 0, "subGroups": [], "attributes": {}, "realmRoles": [],
        "clientRoles": {},
    });
    assert_eq!(read(&realm, &id).await, expected);
}

async fn attributes() {
    let realm = realm().await;
    // Values stay as they are: in their order, blank ones and repeated ones too. What has none is not kept.
    let attributes = json!({ "a": ["2", "1", "2"], "b": ["", " "], "c": [], "d:e f": ["x"] });
    let kept = json!({ "a": ["2", "1", "2"], "b": ["", " "], "d:e f": ["x"] });
    let eng = realm.post("/groups", &json!({ "name": "Eng", "attributes": attributes })).await;
    let children = format!("/groups/{eng}/children");
    let sub = realm.post(&children, &json!({ "name": "Sub", "attributes": attributes })).await;
    for id in [eng, sub] {
        assert_eq!(read(&realm, &id).await["attributes"], kept);
    }
}

async fn odd_names() {
    let realm = realm().await;
    for name in [" padded ", "a/b", "/", "x'y\"z", "50%_*", "Ünï", "nul\0"] {
        let id = top(&realm, name).await;
        let group = read(&realm, &id).await;
        assert_eq!((&group["name"], &group["path"]), (&json!(name), &json!(format!("/{name}"))));
    }
}

async fn nameless() {
    let realm = realm().await;
    let eng = top(&realm, "Eng").await;
    for group in [json!({}), json!({ "name": null }), json!({ "name": "" }), json!({ "name": " \t" })] {
        for (method, path) in [
            (Method::POST, "/groups".to_owned()),
            (Method::POST, format!("/groups/{eng}/children")),
            (Method::PUT, format!("/groups/{eng}")),
        ] {
            let answer = realm.call(method, &path, Some(&group)).await.expect(400);
            assert_eq!(answer.body, missing_name(), "{path} {group}");
        }
    }
    assert_eq!(paths(&realm, "/groups?search=%20&populateHierarchy=false").await, ["/Eng"]);
}

async fn too_long() {
    let realm = realm().await;
    let group = |length: usize| {
        let text = "x".repeat(length);
        // Of letters outside the basic plane each counts twice.
        let wide = "\u{1f600}".repeat(length / 2) + &"x".repeat(length % 2);
        [
            json!({ "name": text }),
            json!({ "name": wide }),
            json!({ "name": "name", "description": text }),
            json!({ "name": "name", "attributes": { "a": [text] } }),
            json!({ "name": "name", "attributes": { "a": ["short", wide] } }),
            json!({ "name": "name", "attributes": { text: ["value"] } }),
        ]
    };
    let eng = top(&realm, "Eng").await;
    let one = below(&realm, &eng, "one").await;
    let places = [
        (Method::POST, "/groups".to_owned()),
        (Method::POST, format!("/groups/{eng}/children")),
        (Method::PUT, format!("/groups/{one}")),
    ];
    let before = realm.get("/groups?search=%20&populateHierarchy=false&briefRepresentation=false").await;
    for (method, path) in &places {
        for group in group(256) {
            let answer = realm.call(method.clone(), path, Some(&group)).await.expect(500);
            assert_eq!(answer.body, failure(), "{method} {path} {group}");
        }
    }
    let after = realm.get("/groups?search=%20&populateHierarchy=false&briefRepresentation=false").await;
    assert_eq!(after, before, "nothing came of it");
    for (method, path) in &places {
        for group in group(255) {
            let answer = realm.call(method.clone(), path, Some(&group)).await.ok();
            let id = answer.created.unwrap_or_else(|| one.clone());
            assert_eq!(read(&realm, &id).await["name"], group["name"]);
            if *method == Method::POST {
                realm.delete(&format!("/groups/{id}")).await;
            }
        }
    }
}

async fn unknown_field() {
    let realm = realm().await;
    let group = json!({ "name": "Eng", "members": [] });
    let answer = realm.call(Method::POST, "/groups", Some(&group)).await.expect(400);
    let said = answer.body["error"].as_str().unwrap();
    let expected =
        "Invalid json representation for GroupRepresentation. Unrecognized field \"members\" at line 1";
    assert!(said.starts_with(expected), "{said}");
    for not_a_group in [json!([]), json!("Eng"), json!({ "name": "Eng", "attributes": { "a": "1" } })] {
        let answer = realm.call(Method::POST, "/groups", Some(&not_a_group)).await.expect(400);
        let expected = json!({ "error": "unknown_error", "error_description": "Cannot parse the JSON" });
        assert_eq!(answer.body, expected, "{not_a_group}");
    }
}

/// A group with a description and attributes.
async fn described(realm: &Realm) -> String {
    let group = json!({ "name": "Eng", "description": "Some", "attributes": { "a": ["1"], "b": ["2"] } });
    realm.post("/groups", &group).await
}

/// Writes to the group; gives its description and its attributes then.
async fn after_put(realm: &Realm, id: &str, written: Value) -> (Value, Value) {
    let answer = realm.call(Method::PUT, &format!("/groups/{id}"), Some(&written)).await.expect(204);
    assert_eq!(answer.body, "");
    let group = read(realm, id).await;
    (group["description"].clone(), group["attributes"].clone())
}

async fn put_description() {
    let realm = realm().await;
    let id = described(&realm).await;
    for (written, description) in [
        (json!({ "name": "Eng", "description": "Other" }), json!("Other")),
        (json!({ "name": "Eng" }), Value::Null),
        (json!({ "name": "Eng", "description": "" }), json!("")),
        (json!({ "name": "Eng", "description": null }), Value::Null),
    ] {
        assert_eq!(after_put(&realm, &id, written.clone()).await.0, description, "{written}");
    }
}

async fn put_attributes() {
    let realm = realm().await;
    let id = described(&realm).await;
    for (written, attributes) in [
        (json!({ "name": "Eng" }), json!({ "a": ["1"], "b": ["2"] })),
        (json!({ "name": "Eng", "attributes": null }), json!({ "a": ["1"], "b": ["2"] })),
        (json!({ "name": "Eng", "attributes": { "b": ["4", "3"] } }), json!({ "b": ["4", "3"] })),
        (json!({ "name": "Eng", "attributes": { "c": ["5"], "b": [] } }), json!({ "c": ["5"] })),
        (json!({ "name": "Eng", "attributes": {} }), json!({})),
    ] {
        assert_eq!(after_put(&realm, &id, written.clone()).await.1, attributes, "{written}");
    }
}

async fn round_trip() {
    let realm = realm().await;
    let id = described(&realm).await;
    below(&realm, &id, "Sub").await;
    let path = format!("/groups/{id}");
    let group = realm.get(&path).await;
    realm.put(&path, &group).await;
    assert_eq!(realm.get(&path).await, group);
    // What a group has from elsewhere is not changed here, and not refused.
    let mut other = group.clone();
    for (field, value) in [("path", json!("/x")), ("parentId", json!("x")), ("realmRoles", json!(["x"]))] {
        other[field] = value;
    }
    realm.put(&path, &other).await;
    assert_eq!(realm.get(&path).await, group);
    other["id"] = json!("another");
    let answer = realm.call(Method::PUT, &path, Some(&other)).await.expect(400);
    assert_eq!(answer.body, json!({ "errorMessage": "Invalid group id" }));
}

async fn rename() {
    let realm = realm().await;
    let eng = top(&realm, "Eng").await;
    let sub = below(&realm, &eng, "Sub").await;
    for name in ["Other", "ENG"] {
        top(&realm, name).await;
        below(&realm, &eng, name).await;
    }
    for id in [&eng, &sub] {
        // Whatever the level, these are called siblings.
        let answer =
            realm.call(Method::PUT, &format!("/groups/{id}"), Some(&json!({ "name": "Other" }))).await;
        assert_eq!(answer.expect(409).body, sibling("Other"));
    }
    let rename =
        async |id: &str, name: &str| realm.put(&format!("/groups/{id}"), &json!({ "name": name })).await;
    // The names of another level are free, and so are other letter cases.
    rename(&sub, "Eng").await;
    rename(&eng, "other").await;
    let group = read(&realm, &sub).await;
    assert_eq!((&group["name"], &group["path"]), (&json!("Eng"), &json!("/other/Eng")));
}

async fn deleted() {
    let realm = realm().await;
    let eng = top(&realm, "Eng").await;
    let sub = below(&realm, &eng, "Sub").await;
    let deep = below(&realm, &sub, "Deep").await;
    let other = top(&realm, "Other").await;
    let user = realm.create_user(&json!({ "username": "babs" })).await;
    for group in [&deep, &other] {
        realm.put(&format!("/users/{user}/groups/{group}"), &json!({})).await;
    }
    let answer = realm.call(Method::DELETE, &format!("/groups/{eng}"), None).await.expect(204);
    assert_eq!(answer.body, "");
    for gone in [&eng, &sub, &deep] {
        let answer = realm.call(Method::GET, &format!("/groups/{gone}"), None).await.expect(404);
        assert_eq!(answer.body, not_found());
    }
    assert_eq!(
        paths(&realm, &format!("/users/{user}/groups")).await,
        ["/Other"],
        "the member is still there"
    );
    assert_eq!(realm.get("/groups/count").await, json!({ "count": 1 }));
    // The name is free again, and who was in it is not in the new one.
    let anew = top(&realm, "Eng").await;
    assert_eq!(realm.get(&format!("/groups/{anew}/members")).await, json!([]));
}

async fn unknown() {
    let realm = realm().await;
    let group = json!({ "name": "Eng" });
    for (method, path, body) in [
        (Method::GET, "/groups/none", None),
        (Method::PUT, "/groups/none", Some(&group)),
        (Method::PUT, "/groups/none", Some(&json!({}))),
        (Method::DELETE, "/groups/none", None),
        (Method::GET, "/groups/none/children", None),
        (Method::POST, "/groups/none/children", Some(&group)),
        (Method::GET, "/groups/none/members", None),
        (Method::GET, "/groups/none/role-mappings", None),
        (Method::GET, "/groups/none/role-mappings/realm", None),
        (Method::GET, "/groups/none/role-mappings/realm/composite", None),
    ] {
        let answer = realm.call(method.clone(), path, body).await.expect(404);
        assert_eq!(answer.body, not_found(), "{method} {path}");
    }
}
