//! The walk-through that articles about the extension take: anonymous discovery, one person's life, what a list shows.

use libtest_mimic::Trial;
use serde_json::{Value, json};

use super::stage::{Stage, by_hand, patch_active, person, user_names};
use crate::runner::both;
use crate::scim::Scim;

pub fn trials() -> Vec<Trial> {
    [
        both("walkthrough::discovery_needs_a_token", anonymous),
        both("walkthrough::a_person_comes_and_goes", life),
        both("walkthrough::a_list_shows_tagged_users_only", list),
    ]
    .into_iter()
    .flatten()
    .collect()
}

async fn anonymous() {
    let stage = Stage::new("walk").await;
    let answer = Scim::anonymous(stage.gateway.base_url()).get("/ServiceProviderConfig").await;
    answer.scim_error(401, None);
    assert!(
        answer.header("www-authenticate").is_some_and(|challenge| challenge.starts_with("Bearer")),
        "{answer}"
    );
    stage.scim.get("/ServiceProviderConfig").await.expect(200);
}

async fn life() {
    let stage = Stage::new("walk").await;
    let created = stage.scim.post("/Users", &person("jane.doe")).await.expect(201);
    assert_eq!(created.json()["userName"], "jane.doe");
    let path = format!("/Users/{}", created.id());

    let read = stage.scim.get(&path).await.expect(200);
    assert_eq!(read.json(), created.json());

    let patched = stage.scim.patch(&path, &patch_active(false)).await.expect(200);
    assert_eq!(patched.json()["id"], created.json()["id"]);
    assert_eq!(patched.json()["userName"], "jane.doe");
    assert_eq!(patched.json()["active"], false);
    assert_eq!(stage.stored(&created.id()).await["enabled"], false);

    let deleted = stage.scim.delete(&path).await.expect(204);
    assert!(deleted.raw.is_empty(), "{deleted}");
    assert_eq!(stage.realm.user(&created.id()).await, None);
    stage.scim.get(&path).await.scim_error(404, None);
    stage.scim.delete(&path).await.scim_error(404, None);
}

async fn list() {
    let stage = Stage::new("walk").await;
    for name in ["alice", "zoe"] {
        stage.realm.create_user(&by_hand(name)).await;
    }
    stage.create("jane.doe").await;
    stage.create("john.doe").await;
    let all = stage.realm.get("/users").await;
    assert_eq!(all.as_array().map(Vec::len), Some(4), "untagged ones are there: {all}");
    for path in ["/Users", "/Users?startIndex=1&count=10"] {
        let answer = stage.scim.get(path).await;
        assert_eq!(user_names(answer.resources()), ["jane.doe", "john.doe"]);
        assert_eq!(answer.json()["totalResults"], 2, "the untagged are not counted either");
    }
    let none = stage.scim.list("Users", "userName eq \"alice\"", "").await;
    assert_eq!((none.resources(), &none.json()["totalResults"]), (&[] as &[Value], &json!(0)));
}
