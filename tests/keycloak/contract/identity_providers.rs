//! Identity providers and users' links to them; what new users are given besides: groups and required actions.

use http::Method;
use libtest_mimic::Trial;
use serde_json::{Value, json};

use super::permissions::holder;
use super::{call_with, names};
use crate::admin::{Realm, admin};
use crate::runner::both;

pub fn trials() -> Vec<Trial> {
    let name = |name: &str| format!("admin_contract::identity_providers::{name}");
    [
        both(&name("one_is_found_by_its_alias"), found),
        both(&name("each_call_needs_its_role"), permissions),
        both(&name("a_create_stores_links_in_the_same_call"), created),
        both(&name("a_create_refuses_two_links_to_one_and_ids_that_are_too_long"), refused),
        both(&name("a_link_is_added_and_taken_away"), changed),
        both(&name("a_second_holder_is_taken_without_a_word"), second_holder),
        both(&name("holders_are_found_by_the_exact_id"), searched),
        both(&name("a_change_of_the_user_leaves_links_alone"), kept),
        both(&name("links_go_with_their_identity_provider"), gone),
        both(&name("a_create_joins_groups_by_their_paths"), joined),
        both(&name("the_registered_required_actions_are_told"), actions),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// A realm with the identity provider `okta`.
async fn realm() -> Realm {
    let realm = admin().await.create_realm("contract").await;
    realm.post("/identity-provider/instances", &json!({ "alias": "okta", "providerId": "oidc" })).await;
    realm
}

fn identity(user_id: &str) -> Value {
    json!({ "identityProvider": "okta", "userId": user_id, "userName": format!("{user_id}@okta") })
}

/// Creates a user with this link to `okta`.
async fn linked(realm: &Realm, username: &str, user_id: &str) -> String {
    realm.create_user(&json!({ "username": username, "federatedIdentities": [identity(user_id)] })).await
}

async fn links(realm: &Realm, id: &str) -> Value {
    realm.get(&format!("/users/{id}/federated-identity")).await
}

/// The usernames that a search with this query finds.
async fn search(realm: &Realm, query: &[(&str, &str)]) -> Vec<String> {
    let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(query).finish();
    let found = realm.get(&format!("/users?{query}")).await;
    let found = found.as_array().unwrap().iter();
    found.map(|user| user["username"].as_str().unwrap().to_owned()).collect()
}

async fn found() {
    let realm = realm().await;
    let path = "/identity-provider/instances";
    let okta = realm.get(&format!("{path}/okta")).await;
    assert_eq!((&okta["alias"], &okta["providerId"]), (&json!("okta"), &json!("oidc")));
    for alias in ["OKTA", "none"] {
        let answer = realm.call(Method::GET, &format!("{path}/{alias}"), None).await.expect(404);
        assert_eq!(answer.body, json!({ "error": "HTTP 404 Not Found" }), "{alias}");
    }
    let again = json!({ "alias": "okta", "providerId": "saml" });
    let answer = realm.call(Method::POST, path, Some(&again)).await.expect(409);
    assert_eq!(answer.body, json!({ "errorMessage": "Identity Provider okta already exists" }));
}

async fn permissions() {
    let realm = realm().await;
    let id = linked(&realm, "babs", "00u1").await;
    let link = format!("/users/{id}/federated-identity");
    let provider = "/identity-provider/instances/okta";
    let missing = "/identity-provider/instances/none";
    let actions = "/authentication/required-actions";
    for (role, expected) in [
        ("manage-users", [403, 403, 403, 200, 200]),
        ("view-users", [403, 403, 200, 200, 200]),
        ("query-users", [403, 403, 200, 403, 200]),
        ("view-realm", [403, 403, 200, 403, 403]),
        ("manage-realm", [403, 403, 200, 403, 403]),
        ("view-clients", [403, 403, 403, 403, 403]),
        ("view-identity-providers", [200, 404, 403, 403, 403]),
        ("manage-identity-providers", [200, 404, 403, 403, 403]),
    ] {
        let authorization = holder(&realm, role, &[role]).await;
        let mut statuses = Vec::new();
        for path in [provider, missing, actions, &link, "/users?idpAlias=okta&idpUserId=00u1"] {
            statuses.push(call_with(&realm, Some(&authorization), Method::GET, path, None).await.0);
        }
        assert_eq!(statuses, expected, "{role}");
        let may_change = role == "manage-users";
        let path = format!("{link}/okta");
        for (method, body, status) in
            [(Method::DELETE, None, 204), (Method::POST, Some(identity("00u1")), 204)]
        {
            let (found, _) = call_with(&realm, Some(&authorization), method, &path, body.as_ref()).await;
            assert_eq!(found, if may_change { status } else { 403 }, "{role}");
        }
    }
    // Who manages users alone links them in the creating call too.
    let authorization = holder(&realm, "creator", &["manage-users"]).await;
    let body = json!({ "username": "jane", "federatedIdentities": [identity("00u2")] });
    let (status, said) = call_with(&realm, Some(&authorization), Method::POST, "/users", Some(&body)).await;
    assert_eq!(status, 201, "{said}");
    assert_eq!(search(&realm, &[("idpAlias", "okta"), ("idpUserId", "00u2")]).await, ["jane"]);
}

async fn created() {
    let realm = realm().await;
    let id = linked(&realm, "babs", "00u1").await;
    assert_eq!(links(&realm, &id).await, json!([identity("00u1")]));
    assert_eq!(realm.user(&id).await.unwrap()["federatedIdentities"], json!([identity("00u1")]));
    let by_id = realm.get(&format!("/users?search=id:{id}&briefRepresentation=false")).await;
    assert_eq!(by_id[0].get("federatedIdentities"), None, "a search shows none");
    // Nobody looks whether there is such an identity provider; a link to none is not shown.
    let nowhere = json!({ "identityProvider": "none", "userId": "1", "userName": "1" });
    let id = realm.create_user(&json!({ "username": "jane", "federatedIdentities": [nowhere] })).await;
    assert_eq!(links(&realm, &id).await, json!([]));
}

async fn refused() {
    let realm = realm().await;
    for (link, status, said) in [
        (json!([identity("1"), identity("2")]), 409, "User exists with same username or email"),
        (json!([{ "identityProvider": "okta", "userId": "x".repeat(256) }]), 400, "Could not create user"),
    ] {
        let body = json!({ "username": "babs", "federatedIdentities": link });
        let answer = realm.call(Method::POST, "/users", Some(&body)).await.expect(status);
        assert_eq!(answer.body, json!({ "errorMessage": said }));
        assert_eq!(realm.user_by_username("babs").await, None);
    }
    let longest = "x".repeat(255);
    let link = json!([{ "identityProvider": "okta", "userId": longest, "userName": "x" }]);
    realm.create_user(&json!({ "username": "babs", "federatedIdentities": link })).await;
    assert_eq!(search(&realm, &[("idpAlias", "okta"), ("idpUserId", &longest)]).await, ["babs"]);
}

async fn changed() {
    let realm = realm().await;
    let id = realm.create_user(&json!({ "username": "babs" })).await;
    let path = format!("/users/{id}/federated-identity");
    let call = async |method: Method, alias: &str, body: Option<Value>, status: u16| {
        realm.call(method, &format!("{path}/{alias}"), body.as_ref()).await.expect(status).body
    };
    call(Method::POST, "okta", Some(json!({ "userId": "00u1", "userName": "00u1@okta" })), 204).await;
    assert_eq!(links(&realm, &id).await, json!([identity("00u1")]));
    for again in ["00u1", "00u2"] {
        let said = call(Method::POST, "okta", Some(identity(again)), 409).await;
        assert_eq!(said, json!({ "errorMessage": "User is already linked with provider" }));
    }
    call(Method::DELETE, "okta", None, 204).await;
    assert_eq!(call(Method::DELETE, "okta", None, 404).await, json!({ "error": "Link not found" }));
    assert_eq!(links(&realm, &id).await, json!([]));
    // The alias in the URL counts, and nobody looks whether there is such an identity provider.
    call(Method::POST, "okta", Some(json!({ "identityProvider": "x", "userId": "00u3" })), 204).await;
    assert_eq!(links(&realm, &id).await, json!([{ "identityProvider": "okta", "userId": "00u3" }]));
    call(Method::POST, "none", Some(json!({ "userId": "1", "userName": "1" })), 204).await;
    call(Method::DELETE, "none", None, 204).await;
    let unknown = json!({ "error": "User not found" });
    let nobody = "/users/nobody/federated-identity";
    assert_eq!(realm.call(Method::GET, nobody, None).await.expect(404).body, unknown);
    let answer = realm.call(Method::POST, &format!("{nobody}/okta"), Some(&identity("1"))).await;
    assert_eq!(answer.expect(404).body, unknown);
}

async fn second_holder() {
    let realm = realm().await;
    linked(&realm, "babs", "00u1").await;
    linked(&realm, "jane", "00u1").await;
    let third = realm.create_user(&json!({ "username": "third" })).await;
    realm.post(&format!("/users/{third}/federated-identity/okta"), &identity("00u1")).await;
    let holders = search(&realm, &[("idpAlias", "okta"), ("idpUserId", "00u1")]).await;
    assert_eq!(holders, ["babs", "jane", "third"]);
}

async fn searched() {
    let realm = realm().await;
    let odd = "Ä %_*\\\"&x";
    for (username, user_id) in [("babs", "00uAb"), ("jane", odd), ("john", "")] {
        linked(&realm, username, user_id).await;
    }
    realm.create_user(&json!({ "username": "unlinked" })).await;
    for (user_id, holders) in [
        ("00uAb", &["babs"][..]),
        ("00uab", &[]),
        ("00u", &[]),
        ("%", &[]),
        ("*", &[]),
        (odd, &["jane"]),
        // As good as none.
        ("", &["babs", "jane", "john"]),
    ] {
        let found = search(&realm, &[("idpAlias", "okta"), ("idpUserId", user_id)]).await;
        assert_eq!(found, holders, "{user_id:?}");
    }
    assert_eq!(search(&realm, &[("idpAlias", "OKTA"), ("idpUserId", "00uAb")]).await, [""; 0]);
    let both = [("idpAlias", "okta"), ("idpUserId", "00uAb"), ("username", "jane")];
    assert_eq!(search(&realm, &both).await, [""; 0], "all conditions hold together");
    assert_eq!(realm.get("/users/count?idpAlias=okta&idpUserId=00uAb").await, json!(1));
    assert_eq!(search(&realm, &[("idpAlias", "okta"), ("max", "2")]).await, ["babs", "jane"]);
}

async fn kept() {
    let realm = realm().await;
    let id = linked(&realm, "babs", "00u1").await;
    for written in [
        json!({ "federatedIdentities": [identity("00u2")] }),
        json!({ "federatedIdentities": [] }),
        json!({ "username": "babs", "attributes": {}, "enabled": true }),
    ] {
        realm.put(&format!("/users/{id}"), &written).await;
        assert_eq!(links(&realm, &id).await, json!([identity("00u1")]), "{written}");
    }
}

async fn gone() {
    let realm = realm().await;
    let id = linked(&realm, "babs", "00u1").await;
    realm.delete("/identity-provider/instances/okta").await;
    assert_eq!(links(&realm, &id).await, json!([]));
    let answer = realm.call(Method::DELETE, "/identity-provider/instances/okta", None).await.expect(404);
    assert_eq!(answer.body, json!({ "error": "HTTP 404 Not Found" }));
    realm.post("/identity-provider/instances", &json!({ "alias": "okta", "providerId": "oidc" })).await;
    assert_eq!(links(&realm, &id).await, json!([]));
}

async fn joined() {
    let realm = admin().await.create_realm("contract").await;
    let staff = realm.post("/groups", &json!({ "name": "Staff" })).await;
    realm.post(&format!("/groups/{staff}/children"), &json!({ "name": "Sub" })).await;
    for (number, (paths, groups)) in [
        (&["/Staff"][..], &["Staff"][..]),
        (&["Staff/"], &["Staff"]),
        (&["/Staff/Sub", "/Staff"], &["Staff", "Sub"]),
        (&["/Staff", "/Staff"], &["Staff"]),
    ]
    .into_iter()
    .enumerate()
    {
        let id = realm.create_user(&json!({ "username": format!("user-{number}"), "groups": paths })).await;
        assert_eq!(names(&realm.get(&format!("/users/{id}/groups")).await), groups, "{paths:?}");
    }
    for paths in [["/staff", "/Staff"], ["/Staff", "/None"], ["/Staff/None", "/Staff"], ["", "/Staff"]] {
        let body = json!({ "username": "babs", "groups": paths });
        let answer = realm.call(Method::POST, "/users", Some(&body)).await.expect(500);
        assert_eq!(answer.body["error"], "unknown_error", "{paths:?}");
        assert_eq!(realm.user_by_username("babs").await, None, "{paths:?}");
    }
}

async fn actions() {
    let realm = admin().await.create_realm("contract").await;
    let listed = realm.get("/authentication/required-actions").await;
    let enabled = |alias: &str| {
        let mut listed = listed.as_array().unwrap().iter();
        listed.find(|action| action["alias"] == alias).map(|action| action["enabled"].clone())
    };
    assert_eq!(enabled("UPDATE_PROFILE"), Some(json!(true)));
    assert_eq!(enabled("TERMS_AND_CONDITIONS"), Some(json!(false)));
    assert_eq!(enabled("NONE"), None);
    // A user gets what is registered, also where it is switched off.
    let wanted = json!(["TERMS_AND_CONDITIONS", "NONE", "webauthn-register"]);
    let id = realm.create_user(&json!({ "username": "babs", "requiredActions": wanted })).await;
    let kept = realm.user(&id).await.unwrap()["requiredActions"].clone();
    assert_eq!(kept, json!(["TERMS_AND_CONDITIONS", "webauthn-register"]));
}
