//! Auth0's outbound SCIM: users are known by an `externalId` such as `auth0|64f…`, and every request has 1.5 seconds.

use std::time::{Duration, Instant};

use libtest_mimic::Trial;
use serde_json::{Value, json};

use super::super::stage::{Stage, user, user_names};
use super::{found, settled_user};
use crate::runner::in_each_tenant;
use crate::scim::{Answer, USER};

pub fn trials() -> Vec<Trial> {
    [
        in_each_tenant("auth0::users_are_found_by_an_external_id_with_a_bar_in_it", external_ids),
        in_each_tenant("auth0::a_user_is_created_updated_blocked_and_deleted", life),
        in_each_tenant("auth0::who_is_not_known_by_the_external_id_is_found_by_name", by_name),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// The time after which Auth0 gives up a request.
const LIMIT: Duration = Duration::from_millis(1500);

async fn in_time(request: impl Future<Output = Answer>) -> Answer {
    let began = Instant::now();
    let answer = request.await;
    assert!(began.elapsed() < LIMIT, "Auth0 has given up: {answer}");
    answer
}

fn babs(external_id: &str) -> Value {
    json!({
        "schemas": [USER], "userName": "babs@example.com", "externalId": external_id, "displayName": "Babs Jensen",
        "name": { "givenName": "Barbara", "familyName": "Jensen" },
        "emails": [{ "value": "babs@example.com", "type": "work", "primary": true }], "active": true,
    })
}

async fn external_ids() {
    let stage = Stage::new("auth0").await;
    let ids = [
        "auth0|64f1c0ffee0123456789abcd",
        "auth0|64F1C0FFEE0123456789ABCD",
        "auth0|64f1c0ffee0123456789abc",
        "google-oauth2|103547991597142817347",
        "waad|a-_B|103547991597142817347",
        "64f1c0ffee0123456789abcd",
    ];
    for (at, external_id) in ids.iter().enumerate() {
        stage.create_with(&format!("user-{at}@example.com"), json!({ "externalId": external_id })).await;
    }
    for (at, external_id) in ids.iter().enumerate() {
        let answer = in_time(stage.scim.list("Users", &format!("externalId eq \"{external_id}\""), "")).await;
        assert_eq!(user_names(answer.resources()), [format!("user-{at}@example.com")], "{external_id}");
        assert_eq!(answer.resources()[0]["externalId"], *external_id);
    }
    for nobody in ["auth0|", "auth0", "|64f1c0ffee0123456789abcd", "AUTH0|64f1c0ffee0123456789abcd"] {
        assert_eq!(found(&stage.scim, &format!("externalId eq \"{nobody}\"")).await, [""; 0], "{nobody}");
    }
}

async fn life() {
    let stage = Stage::new("auth0").await;
    let external_id = "auth0|64f1c0ffee0123456789abcd";
    let lookup = format!("externalId eq \"{external_id}\"");
    // user.created
    let created = in_time(stage.scim.post("/Users", &babs(external_id))).await.expect(201);
    let id = settled_user(&stage, &created).await["id"].as_str().unwrap().to_owned();
    // user.updated: looked up, then replaced by what Auth0 has.
    assert_eq!(found(&stage.scim, &lookup).await, [id.as_str()]);
    let path = format!("/Users/{id}");
    let mut body = babs(external_id);
    body["displayName"] = "Barbara Jensen".into();
    body["name"]["familyName"] = "Jensen-Smith".into();
    let updated = in_time(stage.scim.put(&path, &body)).await.expect(200);
    let user = settled_user(&stage, &updated).await;
    assert_eq!([&user["displayName"], &user["name"]["familyName"]], ["Barbara Jensen", "Jensen-Smith"]);
    assert_eq!([&user["id"], &user["externalId"]], [id.as_str(), external_id]);
    assert_eq!(user["emails"], body["emails"]);
    // Blocked, and unblocked.
    for active in [false, true] {
        body["active"] = active.into();
        let answer = in_time(stage.scim.put(&path, &body)).await.expect(200);
        assert_eq!(settled_user(&stage, &answer).await["active"], active);
        assert_eq!(stage.stored(&id).await["enabled"], active);
        assert_eq!(found(&stage.scim, &lookup).await, [id.as_str()], "blocked or not, the user is found");
    }
    // user.deleted: found, then deleted. A retry finds nobody.
    in_time(stage.scim.delete(&path)).await.expect(204);
    assert_eq!(stage.realm.user(&id).await, None);
    assert_eq!(found(&stage.scim, &lookup).await, [""; 0]);
    in_time(stage.scim.delete(&path)).await.scim_error(404, None);
}

/// Somebody whom Auth0 did not create: found by userName, and by the externalId from then on.
async fn by_name() {
    let stage = Stage::new("auth0").await;
    let id = stage.create_with("babs@example.com", json!({ "title": "Guide" })).await;
    let external_id = "google-oauth2|103547991597142817347";
    let lookup = format!("externalId eq \"{external_id}\"");
    assert_eq!(found(&stage.scim, &lookup).await, [""; 0]);
    assert_eq!(found(&stage.scim, "userName eq \"babs@example.com\"").await, [id.as_str()]);
    stage.scim.put(&format!("/Users/{id}"), &babs(external_id)).await.expect(200);
    assert_eq!(found(&stage.scim, &lookup).await, [id.as_str()]);
    // A second identity of the same person must not take the first one's place.
    let second = user("babs@example.com", json!({ "externalId": "auth0|64f1c0ffee0123456789abcd" }));
    stage.scim.post("/Users", &second).await.scim_error(409, Some("uniqueness"));
    assert_eq!(stage.read(&id).await["externalId"], external_id);
}
