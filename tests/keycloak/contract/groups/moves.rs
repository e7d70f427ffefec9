//! Moving groups: below another, and back to the top level.

use http::Method;
use libtest_mimic::Trial;
use serde_json::{Value, json};

use super::{below, failure, missing_name, not_found, paths, read, realm, sibling, top};
use crate::admin::{AdminAnswer, Realm};
use crate::runner::both;

pub fn trials() -> Vec<Trial> {
    let name = |name: &str| format!("admin_contract::groups::{name}");
    [
        both(&name("a_group_moves_below_another_with_all_below_it_and_nothing_else_changes"), down_and_up),
        both(&name("a_move_to_where_a_group_is_does_nothing"), nowhere),
        both(&name("a_move_below_itself_does_nothing"), into_itself),
        both(&name("a_move_below_a_descendant_fails"), into_descendant),
        both(&name("a_move_to_where_its_name_is_taken_is_refused_in_the_name_that_was_sent"), taken),
        both(&name("a_move_needs_a_name_and_groups_that_exist"), refused),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// Moves a group below another, or to the top level, saying this of its name.
async fn relocate(realm: &Realm, id: &str, parent: Option<&str>, name: &str) -> AdminAnswer {
    let path = parent.map_or("/groups".to_owned(), |parent| format!("/groups/{parent}/children"));
    realm.call(Method::POST, &path, Some(&json!({ "id": id, "name": name }))).await
}

async fn every_path(realm: &Realm) -> Vec<String> {
    let mut paths = paths(realm, "/groups?search=%20&populateHierarchy=false").await;
    paths.sort();
    paths
}

async fn down_and_up() {
    let realm = realm().await;
    let eng = top(&realm, "Eng").await;
    let group = json!({ "name": "Ops", "description": "Some", "attributes": { "a": ["1"] } });
    let ops = realm.post("/groups", &group).await;
    below(&realm, &ops, "Deep").await;
    let user = realm.create_user(&json!({ "username": "babs" })).await;
    realm.put(&format!("/users/{user}/groups/{ops}"), &json!({})).await;
    let at_top = read(&realm, &ops).await;
    let mut moved = at_top.clone();
    moved["path"] = json!("/Eng/Ops");
    moved["parentId"] = json!(eng);
    for (parent, now, deep) in [(Some(eng.as_str()), moved, "/Eng/Ops/Deep"), (None, at_top, "/Ops/Deep")] {
        // What else is sent of the group is not looked at.
        let path = parent.map_or("/groups".to_owned(), |parent| format!("/groups/{parent}/children"));
        let body =
            json!({ "id": ops, "name": "Renamed", "description": "Other", "attributes": { "b": ["2"] } });
        let answer = realm.call(Method::POST, &path, Some(&body)).await.expect(204);
        assert_eq!((&answer.body, answer.created), (&json!(""), None));
        assert_eq!(read(&realm, &ops).await, now);
        assert!(every_path(&realm).await.contains(&deep.to_owned()), "{deep}");
        assert_eq!(realm.get(&format!("/groups/{ops}/members")).await[0]["username"], "babs");
    }
    assert_eq!(read(&realm, &eng).await["subGroupCount"], 0);
}

async fn nowhere() {
    let realm = realm().await;
    let eng = top(&realm, "Eng").await;
    let sub = below(&realm, &eng, "Sub").await;
    relocate(&realm, &eng, None, "Eng").await.expect(204);
    relocate(&realm, &sub, Some(&eng), "Sub").await.expect(204);
    assert_eq!(every_path(&realm).await, ["/Eng", "/Eng/Sub"]);
}

async fn into_itself() {
    let realm = realm().await;
    let eng = top(&realm, "Eng").await;
    let sub = below(&realm, &eng, "Sub").await;
    for id in [&eng, &sub] {
        relocate(&realm, id, Some(id), "any").await.expect(204);
    }
    assert_eq!(every_path(&realm).await, ["/Eng", "/Eng/Sub"]);
}

async fn into_descendant() {
    let realm = realm().await;
    let eng = top(&realm, "Eng").await;
    let sub = below(&realm, &eng, "Sub").await;
    let deep = below(&realm, &sub, "Deep").await;
    for parent in [&sub, &deep] {
        assert_eq!(relocate(&realm, &eng, Some(parent), "Eng").await.expect(500).body, failure());
    }
    assert_eq!(every_path(&realm).await, ["/Eng", "/Eng/Sub", "/Eng/Sub/Deep"], "nothing came of it");
}

async fn taken() {
    let realm = realm().await;
    let (eng, ops) = (top(&realm, "Eng").await, top(&realm, "Ops").await);
    let sub = below(&realm, &eng, "Ops").await;
    let other = below(&realm, &eng, "ops").await;
    assert_eq!(relocate(&realm, &ops, Some(&eng), "Ops").await.expect(409).body, sibling("Ops"));
    assert_eq!(relocate(&realm, &ops, Some(&eng), "Free").await.expect(409).body, sibling("Free"));
    let answer = relocate(&realm, &sub, None, "Free").await.expect(409);
    assert_eq!(answer.body, json!({ "errorMessage": "Top level group named 'Free' already exists." }));
    // It is the group's own name that counts, letter case included, not the one that is sent.
    relocate(&realm, &other, None, "Ops").await.expect(204);
    assert_eq!(every_path(&realm).await, ["/Eng", "/Eng/Ops", "/Ops", "/ops"]);
}

async fn refused() {
    let realm = realm().await;
    let (eng, ops) = (top(&realm, "Eng").await, top(&realm, "Ops").await);
    for parent in [None, Some(eng.as_str())] {
        let answer = relocate(&realm, "none", parent, "Ops").await.expect(404);
        assert_eq!(answer.body, json!({ "error": "Could not find child by id" }));
        assert_eq!(relocate(&realm, &ops, parent, " ").await.expect(400).body, missing_name());
        let path = parent.map_or("/groups".to_owned(), |parent| format!("/groups/{parent}/children"));
        let answer = realm.call(Method::POST, &path, Some(&json!({ "id": ops, "name": Value::Null }))).await;
        assert_eq!(answer.expect(400).body, missing_name());
    }
    assert_eq!(relocate(&realm, &ops, Some("none"), "Ops").await.expect(404).body, not_found());
}
