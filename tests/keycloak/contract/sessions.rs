//! What ends a session, and what the gateway asks of users who have none.

use std::time::Duration;

use http::Method;
use libtest_mimic::Trial;
use serde_json::json;

use super::{call_with, client};
use crate::admin::{Realm, Tokens, admin};
use crate::runner::both;

pub fn trials() -> Vec<Trial> {
    [
        both("admin_contract::sessions::a_refresh_token_ends_its_session", by_token),
        both("admin_contract::sessions::a_logout_ends_all_sessions", by_administrator),
        both("admin_contract::sessions::a_logout_voids_the_tokens_of_before", voids),
        both("admin_contract::sessions::who_has_no_session_has_no_consent_either", none),
    ]
    .into_iter()
    .flatten()
    .collect()
}

const SECRET: &str = "a-secret-for-the-tests";

/// A person with a password, who may see the realm.
async fn viewer(realm: &Realm) -> String {
    let person = json!({
        "username": "babs", "email": "babs@example.com", "firstName": "Barbara", "lastName": "Jensen",
        "enabled": true,
    });
    let id = realm.create_user(&person).await;
    realm.set_password(&id, "babs-jensen").await;
    let (management, role) = super::management_role(realm, "view-realm").await;
    realm.post(&format!("/users/{id}/role-mappings/clients/{management}"), &json!([role])).await;
    id
}

async fn sign_in(realm: &Realm) -> Tokens {
    realm.log_in("admin-cli", "babs", "babs-jensen", "").await.unwrap()
}

async fn status(realm: &Realm, tokens: &Tokens) -> u16 {
    call_with(realm, Some(&format!("Bearer {}", tokens.access_token)), Method::GET, "", None).await.0
}

async fn by_token() {
    let realm = admin().await.create_realm("contract").await;
    let id = viewer(&realm).await;
    let (one, other) = (sign_in(&realm).await, sign_in(&realm).await);
    assert_eq!(realm.user_sessions(&id).await.len(), 2);
    let url = format!("{}/protocol/openid-connect/logout", realm.issuer());
    let refresh = one.refresh_token.clone().unwrap();
    let form = [("client_id", "admin-cli"), ("refresh_token", refresh.as_str())];
    // Twice is as good as once.
    for _ in 0..2 {
        assert_eq!(client().post(&url).form(&form).send().await.unwrap().status(), 204);
    }
    assert_eq!(realm.user_sessions(&id).await.len(), 1);
    assert_eq!((status(&realm, &one).await, status(&realm, &other).await), (401, 200));
    let form = [("client_id", "admin-cli"), ("refresh_token", "nonsense")];
    let refused = client().post(&url).form(&form).send().await.unwrap();
    assert_eq!(refused.status(), 400);
    let body: serde_json::Value = refused.json().await.unwrap();
    assert_eq!(body, json!({ "error": "invalid_grant", "error_description": "Invalid refresh token" }));
}

async fn by_administrator() {
    let realm = admin().await.create_realm("contract").await;
    let id = viewer(&realm).await;
    let tokens = [sign_in(&realm).await, sign_in(&realm).await];
    let path = format!("/users/{id}/logout");
    let answer = realm.call(Method::POST, &path, None).await.expect(204);
    assert_eq!(answer.body, "");
    assert_eq!(realm.user_sessions(&id).await.len(), 0);
    for tokens in &tokens {
        assert_eq!(status(&realm, tokens).await, 401);
    }
    assert!(realm.user(&id).await.unwrap()["notBefore"].as_i64().unwrap() > 0);
}

/// Also such as belong to no session.
async fn voids() {
    let realm = admin().await.create_realm("contract").await;
    let account = super::service_account(&realm, &super::machine(&realm, "app", SECRET).await).await;
    let (management, role) = super::management_role(&realm, "view-realm").await;
    realm.post(&format!("/users/{account}/role-mappings/clients/{management}"), &json!([role])).await;
    let form = [("grant_type", "client_credentials"), ("client_id", "app"), ("client_secret", SECRET)];
    let token = async || realm.admin().tokens(realm.name(), &form).await.unwrap();
    let before = token().await;
    assert_eq!(status(&realm, &before).await, 200);
    // It is told in whole seconds.
    tokio::time::sleep(Duration::from_millis(1100)).await;
    realm.call(Method::POST, &format!("/users/{account}/logout"), None).await.expect(204);
    assert_eq!((status(&realm, &before).await, status(&realm, &token().await).await), (401, 200));
}

async fn none() {
    let realm = admin().await.create_realm("contract").await;
    let id = realm.create_user(&json!({ "username": "babs", "enabled": true })).await;
    realm.call(Method::POST, &format!("/users/{id}/logout"), None).await.expect(204);
    assert_eq!(realm.get(&format!("/users/{id}/consents")).await, json!([]));
    assert_eq!(realm.get(&format!("/users/{id}/sessions")).await, json!([]));
    for (method, path, error) in [
        (Method::DELETE, format!("/users/{id}/consents/admin-cli"), "Consent nor offline token not found"),
        (Method::DELETE, format!("/users/{id}/consents/nobody"), "Client not found"),
        (Method::POST, "/users/nobody/logout".to_owned(), "User not found"),
        (Method::GET, "/users/nobody/consents".to_owned(), "User not found"),
    ] {
        let answer = realm.call(method, &path, None).await.expect(404);
        assert_eq!(answer.body, json!({ "error": error }), "{path}");
    }
}
