//! Groups, as far as roles come through them.

use http::Method;
use libtest_mimic::Trial;
use serde_json::json;

use super::{management_role, names};
use crate::admin::admin;
use crate::runner::both;

pub fn trials() -> Vec<Trial> {
    [
        both("admin_contract::groups::names_are_given_once_and_letter_case_counts", name_once),
        both("admin_contract::groups::a_groups_roles_are_in_effect_for_its_members", roles),
        both("admin_contract::groups::joining_and_leaving_twice_is_harmless", twice),
    ]
    .into_iter()
    .flatten()
    .collect()
}

async fn name_once() {
    let realm = admin().await.create_realm("contract").await;
    realm.post("/groups", &json!({ "name": "Eng" })).await;
    let again = realm.call(Method::POST, "/groups", Some(&json!({ "name": "Eng" }))).await.expect(409);
    assert_eq!(again.body, json!({ "errorMessage": "Top level group named 'Eng' already exists." }));
    realm.post("/groups", &json!({ "name": "eng" })).await;
}

async fn roles() {
    let realm = admin().await.create_realm("contract").await;
    realm.create_role("scim-managed").await;
    let tag = realm.get("/roles/scim-managed").await;
    let (management, manage_users) = management_role(&realm, "manage-users").await;
    let user = realm.create_user(&json!({ "username": "babs" })).await;
    let group = realm.post("/groups", &json!({ "name": "operators" })).await;
    realm.post(&format!("/groups/{group}/role-mappings/realm"), &json!([tag])).await;
    let of_client = format!("role-mappings/clients/{management}");
    realm.post(&format!("/groups/{group}/{of_client}"), &json!([manage_users])).await;
    realm.put(&format!("/users/{user}/groups/{group}"), &json!({})).await;
    let direct = realm.user_role_names(&user).await;
    assert!(!direct.contains(&"scim-managed".to_owned()), "{direct:?}");
    assert_eq!(realm.get(&format!("/users/{user}/{of_client}")).await, json!([]));
    let effective = realm.get(&format!("/users/{user}/role-mappings/realm/composite")).await;
    assert!(names(&effective).contains(&"scim-managed"), "{effective}");
    let effective = realm.get(&format!("/users/{user}/{of_client}/composite")).await;
    assert_eq!(names(&effective), ["manage-users"]);
    assert_eq!(realm.get("/roles/scim-managed/users").await, json!([]), "direct mappings only");
    realm.delete(&format!("/users/{user}/groups/{group}")).await;
    assert_eq!(realm.get(&format!("/users/{user}/{of_client}/composite")).await, json!([]));
    let answer = realm.call(Method::POST, "/groups/none/role-mappings/realm", Some(&json!([tag]))).await;
    assert_eq!(answer.expect(404).body, json!({ "error": "Could not find group by id" }));
}

async fn twice() {
    let realm = admin().await.create_realm("contract").await;
    let user = realm.create_user(&json!({ "username": "babs" })).await;
    let group = realm.post("/groups", &json!({ "name": "guides" })).await;
    let path = format!("/users/{user}/groups/{group}");
    for (method, members) in [(Method::PUT, 1), (Method::DELETE, 0)] {
        for _ in 0..2 {
            realm.call(method.clone(), &path, None).await.expect(204);
            let groups = realm.get(&format!("/users/{user}/groups")).await;
            assert_eq!(groups.as_array().unwrap().len(), members, "{method}");
        }
    }
    for (path, error) in [
        (format!("/users/{user}/groups/none"), "Group not found"),
        (format!("/users/nobody/groups/{group}"), "User not found"),
    ] {
        let answer = realm.call(Method::PUT, &path, None).await.expect(404);
        assert_eq!(answer.body, json!({ "error": error }));
    }
}
