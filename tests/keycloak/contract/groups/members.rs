//! Joining and leaving groups, who is in one, and which ones somebody is in.

use http::Method;
use libtest_mimic::Trial;
use serde_json::{Value, json};

use super::super::{machine, service_account};
use super::{below, paths, realm, top};
use crate::admin::Realm;
use crate::runner::both;

pub fn trials() -> Vec<Trial> {
    let name = |name: &str| format!("admin_contract::groups::{name}");
    [
        both(&name("joining_and_leaving_twice_is_harmless"), twice),
        both(&name("joining_needs_a_user_and_a_group_that_exist"), unknown),
        both(&name("members_are_direct_by_username_service_accounts_too"), members),
        both(&name("members_have_their_attributes_unless_the_list_is_brief"), shown),
        both(&name("a_list_of_members_has_a_window_and_a_hundred_where_nothing_is_said"), window),
        both(&name("a_users_groups_are_direct_of_every_level_by_name"), groups),
        both(&name("a_users_groups_are_searched_by_a_part_of_the_name"), search_groups),
        both(&name("a_renamed_member_moves_in_the_list"), renamed),
        both(&name("a_deleted_user_is_in_no_group"), deleted),
    ]
    .into_iter()
    .flatten()
    .collect()
}

async fn user(realm: &Realm, name: &str) -> String {
    realm.create_user(&json!({ "username": name })).await
}

async fn join(realm: &Realm, user: &str, group: &str) {
    realm.call(Method::PUT, &format!("/users/{user}/groups/{group}"), None).await.expect(204);
}

/// The usernames of the group's members, as `query` lists them.
async fn usernames(realm: &Realm, group: &str, query: &str) -> Vec<String> {
    let members = realm.get(&format!("/groups/{group}/members{query}")).await;
    members.as_array().unwrap().iter().map(|user| user["username"].as_str().unwrap().to_owned()).collect()
}

async fn twice() {
    let realm = realm().await;
    let (user, group) = (user(&realm, "babs").await, top(&realm, "guides").await);
    let path = format!("/users/{user}/groups/{group}");
    for (method, expected) in [(Method::PUT, &["/guides"][..]), (Method::DELETE, &[])] {
        for _ in 0..2 {
            let answer = realm.call(method.clone(), &path, None).await.expect(204);
            assert_eq!(answer.body, "");
            assert_eq!(paths(&realm, &format!("/users/{user}/groups")).await, expected, "{method}");
            assert_eq!(usernames(&realm, &group, "").await.len(), expected.len(), "{method}");
        }
    }
}

async fn unknown() {
    let realm = realm().await;
    let (user, group) = (user(&realm, "babs").await, top(&realm, "guides").await);
    for method in [Method::PUT, Method::DELETE] {
        for (path, error) in [
            (format!("/users/{user}/groups/none"), "Group not found"),
            (format!("/users/nobody/groups/{group}"), "User not found"),
            ("/users/nobody/groups/none".to_owned(), "User not found"),
        ] {
            let answer = realm.call(method.clone(), &path, None).await.expect(404);
            assert_eq!(answer.body, json!({ "error": error }), "{method} {path}");
        }
    }
    for path in ["/users/nobody/groups", "/users/nobody/groups/count"] {
        let answer = realm.call(Method::GET, path, None).await.expect(404);
        assert_eq!(answer.body, json!({ "error": "User not found" }), "{path}");
    }
}

async fn members() {
    let realm = realm().await;
    let group = top(&realm, "guides").await;
    let sub = below(&realm, &group, "sub").await;
    for name in ["dora", "alice", "Carol"] {
        join(&realm, &user(&realm, name).await, &group).await;
    }
    join(&realm, &user(&realm, "bob").await, &sub).await;
    let client = machine(&realm, "app", "s3cret").await;
    join(&realm, &service_account(&realm, &client).await, &group).await;
    let expected = ["alice", "carol", "dora", "service-account-app"];
    assert_eq!(usernames(&realm, &group, "").await, expected);
    assert_eq!(usernames(&realm, &sub, "").await, ["bob"]);
    realm.delete(&format!("/clients/{client}")).await;
    assert_eq!(usernames(&realm, &group, "").await, expected[..3], "it went with its client");
}

async fn shown() {
    let realm = realm().await;
    let mut profile = realm.get("/users/profile").await;
    profile["unmanagedAttributePolicy"] = json!("ENABLED");
    realm.put("/users/profile", &profile).await;
    let group = top(&realm, "guides").await;
    let babs = json!({
        "username": "babs", "email": "babs@example.com", "firstName": "Barbara", "enabled": true,
        "attributes": { "scim.managed": ["realm"] },
    });
    let babs = realm.create_user(&babs).await;
    join(&realm, &babs, &group).await;
    let path = format!("/groups/{group}/members");
    let mut expected = realm.get(&format!("/users/{babs}")).await;
    let fields = expected.as_object_mut().unwrap();
    fields.shift_remove("access");
    assert!(fields.contains_key("attributes"));
    assert_eq!(realm.get(&path).await, json!([expected]));
    assert_eq!(realm.get(&format!("{path}?briefRepresentation=false")).await, json!([expected]));
    let fields = expected.as_object_mut().unwrap();
    for detail in ["attributes", "totp", "disableableCredentialTypes", "requiredActions", "notBefore"] {
        fields.shift_remove(detail);
    }
    assert_eq!(realm.get(&format!("{path}?briefRepresentation=true")).await, json!([expected]));
}

async fn window() {
    let realm = realm().await;
    let group = top(&realm, "guides").await;
    let names: Vec<String> = (0..103).map(|number| format!("user-{number:03}")).collect();
    for name in names.iter().rev() {
        join(&realm, &user(&realm, name).await, &group).await;
    }
    for (query, expected) in [
        ("", &names[..100]),
        ("?briefRepresentation=true", &names[..100]),
        ("?first=0&max=2", &names[..2]),
        ("?first=101&max=5", &names[101..]),
        ("?first=101", &names[101..]),
        ("?first=103&max=5", &[]),
        ("?max=0", &[]),
        ("?max=1000", &names),
        ("?first=-1&max=-1", &names),
    ] {
        assert_eq!(usernames(&realm, &group, query).await, expected, "{query}");
    }
}

async fn groups() {
    let realm = realm().await;
    let babs = user(&realm, "babs").await;
    assert_eq!(realm.get(&format!("/users/{babs}/groups")).await, json!([]));
    let group = json!({ "name": "Eng", "description": "Some", "attributes": { "a": ["1"] } });
    let eng = realm.post("/groups", &group).await;
    let sub = below(&realm, &eng, "Sub").await;
    let deep = below(&realm, &sub, "Deep").await;
    for group in [&sub, &eng] {
        join(&realm, &babs, group).await;
    }
    let other = top(&realm, "alpha").await;
    join(&realm, &babs, &other).await;
    join(&realm, &user(&realm, "other").await, &deep).await;
    let expected = [&eng, &sub, &other].map(|id| format!("/groups/{id}"));
    let mut whole = Vec::new();
    for path in expected {
        let mut group = realm.get(&path).await;
        for absent in ["access", "subGroupCount"] {
            group.as_object_mut().unwrap().shift_remove(absent);
        }
        whole.push(group);
    }
    let path = format!("/users/{babs}/groups");
    assert_eq!(realm.get(&format!("{path}?briefRepresentation=false")).await, json!(whole));
    assert_eq!(
        realm.get(&format!("{path}?first=1&max=1&briefRepresentation=false")).await,
        json!([whole[1]])
    );
    for group in &mut whole {
        for detail in ["attributes", "realmRoles", "clientRoles"] {
            group.as_object_mut().unwrap().shift_remove(detail);
        }
    }
    for query in ["", "?briefRepresentation=true", "?first=-1&max=-1"] {
        assert_eq!(realm.get(&format!("{path}{query}")).await, json!(whole), "{query}");
    }
    assert_eq!(realm.get(&format!("{path}?first=2")).await, json!(whole[2..]));
    assert_eq!(realm.get(&format!("{path}?max=0")).await, json!([]));
    assert_eq!(realm.get(&format!("{path}/count")).await, json!({ "count": 3 }));
}

async fn search_groups() {
    let realm = realm().await;
    let babs = user(&realm, "babs").await;
    let eng = top(&realm, "Eng").await;
    for group in [&eng, &below(&realm, &eng, "Sub").await, &top(&realm, "100%").await] {
        join(&realm, &babs, group).await;
    }
    top(&realm, "Engines").await;
    let path = format!("/users/{babs}/groups");
    for (search, found) in [
        ("EN", &["/Eng"][..]),
        ("sub", &["/Eng/Sub"]),
        ("", &["/100%", "/Eng", "/Eng/Sub"]),
        ("%25", &["/100%"]),
        ("*", &[]),
        ("_", &[]),
        ("Engines", &[]),
    ] {
        assert_eq!(paths(&realm, &format!("{path}?search={search}")).await, found, "{search}");
    }
}

async fn renamed() {
    let realm = realm().await;
    realm.put("", &json!({ "editUsernameAllowed": true })).await;
    let group = top(&realm, "guides").await;
    let [babs, _] = [user(&realm, "babs").await, user(&realm, "carol").await];
    for name in ["babs", "carol"] {
        let id = realm.user_by_username(name).await.unwrap()["id"].as_str().unwrap().to_owned();
        join(&realm, &id, &group).await;
    }
    realm.put(&format!("/users/{babs}"), &json!({ "username": "zoe" })).await;
    assert_eq!(usernames(&realm, &group, "").await, ["carol", "zoe"]);
}

async fn deleted() {
    let realm = realm().await;
    let (group, other) = (top(&realm, "guides").await, top(&realm, "others").await);
    let [babs, carol] = [user(&realm, "babs").await, user(&realm, "carol").await];
    for group in [&group, &other] {
        join(&realm, &babs, group).await;
        join(&realm, &carol, group).await;
    }
    realm.delete(&format!("/users/{babs}")).await;
    for group in [&group, &other] {
        assert_eq!(usernames(&realm, group, "").await, ["carol"]);
        assert_eq!(usernames(&realm, group, "?first=1").await, [""; 0]);
    }
    // Nobody gets back what another had under the same name.
    let anew = user(&realm, "babs").await;
    assert_eq!(realm.get(&format!("/users/{anew}/groups")).await, Value::Array(Vec::new()));
}
