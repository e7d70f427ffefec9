//! What an authenticator takes over from the one before a reload, and what it must not.

use argon2::{Algorithm, Argon2, Params, PasswordHasher as _, Version};
use serde_json::json;

use super::super::AuthError;
use super::{CONFIG, House, Pair, claims, realm, realm_with};
use crate::config::{CallerAuth, SecretHash, StaticToken};

#[tokio::test]
async fn keys_outlive_a_reload_while_the_issuer_is_down() {
    let pair = Pair::p256();
    let mut house = House::with_keys(&[pair.jwk("k", "ES256")]).await;
    let token = pair.token(&json!({"alg": "ES256", "kid": "k"}), &claims());
    house.ask(&token).await.unwrap();
    house.server.answers(503, "down");
    house.reload(&realm(CONFIG));
    house.ask(&token).await.unwrap();
    assert_eq!(house.server.requests(), 1);
    // A caller that was taken away is gone at once.
    house.reload(&realm_with(Vec::new()));
    assert!(matches!(house.ask(&token).await, Err(AuthError::UnknownToken)));
}

#[tokio::test]
async fn what_was_found_right_outlives_a_reload_only_where_it_is_still_configured() {
    // Dear enough that it would be missed.
    let hash = |secret: &str| {
        let params = Params::new(2048, 1, 1, None).unwrap();
        let hasher = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        SecretHash::Argon2(hasher.hash_password(secret.as_bytes()).unwrap().to_string())
    };
    let (good, other) = (hash("good"), hash("other"));
    let tenant = |caller: &str, hash: &SecretHash| {
        let tokens = vec![StaticToken { name: None, hash: hash.clone(), expires: None }];
        realm_with(vec![(caller, CallerAuth::Token { tokens })])
    };
    let mut house = House::of(&[], |_| tenant("okta", &good)).await;
    let time = async |house: &House| {
        let began = std::time::Instant::now();
        let answer = house.ask("good").await;
        (answer.ok(), began.elapsed())
    };
    let (caller, first) = time(&house).await;
    assert_eq!(caller.as_deref(), Some("okta"));
    house.reload(&tenant("renamed", &good));
    let (caller, second) = time(&house).await;
    assert_eq!(caller.as_deref(), Some("renamed"));
    assert!(second < first / 2, "{second:?} after {first:?}: it was hashed again");
    house.reload(&tenant("okta", &other));
    assert!(matches!(house.ask("good").await, Err(AuthError::UnknownToken)));
    // And not back again through the door of the one in between.
    house.reload(&tenant("okta", &good));
    assert_eq!(house.ask("good").await.unwrap(), "okta");
}
