//! What becomes of identical calls at the same time.

use futures_util::future::join_all;
use http::Method;
use libtest_mimic::Trial;
use serde_json::json;

use crate::admin::admin;
use crate::runner::both;

pub fn trials() -> Vec<Trial> {
    [
        both("admin_contract::races::of_identical_creates_one_wins", creates),
        both("admin_contract::races::identical_role_mappings_end_mapped", mappings),
        both("admin_contract::races::identical_joins_end_joined", joins),
        both("admin_contract::races::identical_leaves_end_left", leaves),
    ]
    .into_iter()
    .flatten()
    .collect()
}

const AT_ONCE: usize = 8;

async fn creates() {
    let realm = admin().await.create_realm("contract").await;
    let user = json!({ "username": "babs", "email": "babs@example.com", "enabled": true });
    let group = json!({ "name": "guides" });
    let parent = realm.post("/groups", &json!({ "name": "parent" })).await;
    let children = format!("/groups/{parent}/children");
    for (path, body) in [("/users", &user), ("/groups", &group), (&children, &group)] {
        let answers = join_all((0..AT_ONCE).map(|_| realm.call(Method::POST, path, Some(body)))).await;
        let mut statuses: Vec<u16> = answers.iter().map(|answer| answer.status.as_u16()).collect();
        statuses.sort_unstable();
        let mut expected = vec![409; AT_ONCE];
        expected[0] = 201;
        assert_eq!(statuses, expected, "{path}");
    }
    assert_eq!(realm.get("/users/count").await, 1);
    assert_eq!(realm.get("/groups/count").await, json!({ "count": 3 }));
}

async fn mappings() {
    let realm = admin().await.create_realm("contract").await;
    realm.create_role("scim-managed").await;
    let role = json!([realm.get("/roles/scim-managed").await]);
    let id = realm.create_user(&json!({ "username": "babs" })).await;
    let path = format!("/users/{id}/role-mappings/realm");
    let answers = join_all((0..AT_ONCE).map(|_| realm.call(Method::POST, &path, Some(&role)))).await;
    for answer in answers {
        // Some may be told that it could not be done; it is, all the same.
        match answer.status.as_u16() {
            204 => {}
            400 => assert_eq!(answer.body["error_description"], "Could not add user role mappings!"),
            status => panic!("{status}: {}", answer.body),
        }
    }
    let tags = realm.user_role_names(&id).await.into_iter().filter(|name| name == "scim-managed").count();
    assert_eq!(tags, 1);
}

async fn joins() {
    let realm = admin().await.create_realm("contract").await;
    let group = realm.post("/groups", &json!({ "name": "guides" })).await;
    for name in ["babs", "carol", "dora"] {
        let id = realm.create_user(&json!({ "username": name })).await;
        let path = format!("/users/{id}/groups/{group}");
        let answers = join_all((0..AT_ONCE).map(|_| realm.call(Method::PUT, &path, None))).await;
        for answer in answers {
            // Some may be told of a conflict; the user is in, all the same, and once.
            match answer.status.as_u16() {
                204 => {}
                409 => assert_eq!(answer.body["error_description"], "Duplicate resource error"),
                status => panic!("{status}: {}", answer.body),
            }
        }
        assert_eq!(realm.get(&format!("/users/{id}/groups/count")).await, json!({ "count": 1 }));
    }
    let members = realm.get(&format!("/groups/{group}/members")).await;
    assert_eq!(members.as_array().unwrap().len(), 3);
}

async fn leaves() {
    let realm = admin().await.create_realm("contract").await;
    let group = realm.post("/groups", &json!({ "name": "guides" })).await;
    let id = realm.create_user(&json!({ "username": "babs" })).await;
    let path = format!("/users/{id}/groups/{group}");
    realm.put(&path, &json!({})).await;
    let answers = join_all((0..AT_ONCE).map(|_| realm.call(Method::DELETE, &path, None))).await;
    assert!(answers.iter().all(|answer| answer.status == 204), "{answers:?}");
    assert_eq!(realm.get(&format!("/groups/{group}/members")).await, json!([]));
}
