//! When the realm's keys are fetched, and what happens while they can't be.

use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use serde_json::{Value, json};

use super::super::{AuthError, JwksError, JwtError};
use super::{House, NOW, Pair, claims};

/// A token that is good for a day under a key with this id.
fn token(pair: &Pair, kid: &str) -> String {
    let mut claims = claims();
    claims["exp"] = json!(NOW + 86_400);
    pair.token(&json!({"alg": "ES256", "typ": "JWT", "kid": kid}), &claims)
}

fn set(keys: &[Value]) -> String {
    json!({ "keys": keys }).to_string()
}

#[tokio::test]
async fn keys_are_fetched_when_needed_and_kept_for_ten_minutes() {
    let pair = Pair::p256();
    let house = House::with_keys(&[pair.jwk("k", "ES256")]).await;
    let token = token(&pair, "k");
    assert_eq!(house.server.requests(), 0);
    for _ in 0..3 {
        house.ask(&token).await.unwrap();
    }
    house.pass(599);
    house.ask(&token).await.unwrap();
    assert_eq!(house.server.requests(), 1);
    house.pass(1);
    house.ask(&token).await.unwrap();
    assert_eq!(house.server.requests(), 2);
}

#[tokio::test]
async fn all_who_wait_share_one_fetch() {
    let pair = Pair::p256();
    let house = House::with_keys(&[pair.jwk("k", "ES256")]).await;
    house.server.takes(Duration::from_millis(200));
    let token = token(&pair, "k");
    let answers = futures_util::future::join_all((0..50).map(|_| house.ask(&token))).await;
    assert!(answers.iter().all(Result::is_ok));
    assert_eq!(house.server.requests(), 1);
}

#[tokio::test]
async fn clients_that_come_at_once_with_a_new_key_all_get_in() {
    let (old, new) = (Pair::p256(), Pair::p256());
    let house = House::with_keys(&[old.jwk("old", "ES256")]).await;
    house.ask(&token(&old, "old")).await.unwrap();
    house.pass(5);
    house.server.answers(200, set(&[new.jwk("new", "ES256")]));
    house.server.takes(Duration::from_millis(200));
    let token = token(&new, "new");
    let answers = futures_util::future::join_all((0..60).map(|_| house.ask(&token))).await;
    assert!(answers.iter().all(Result::is_ok), "{answers:?}");
    assert_eq!(house.server.requests(), 2);
}

#[tokio::test]
async fn an_issuer_that_hangs_holds_few_who_come_with_unknown_keys_and_not_for_long() {
    let (pair, other) = (Pair::p256(), Pair::p256());
    let house = House::with_keys(&[pair.jwk("k", "ES256")]).await;
    let good = token(&pair, "k");
    house.ask(&good).await.unwrap();
    house.pass(5);
    house.server.takes(Duration::from_secs(3600));
    // Half of them made up an id, half of them a signature under the id that is known.
    let forged: Vec<String> =
        (0..200)
            .map(|number| {
                if number % 2 == 0 { token(&other, &format!("forged-{number}")) } else { token(&other, "k") }
            })
            .collect();
    let mut asked: FuturesUnordered<_> = forged.iter().map(|token| house.ask(token)).collect();
    // The first one fetches, 64 wait for it.
    for _ in 0..200 - 65 {
        match asked.next().await {
            Some(Err(AuthError::JwksUnavailable(JwksError::Crowded))) => {}
            answer => panic!("{answer:?}"),
        }
    }
    house.ask(&good).await.unwrap();
    while let Some(answer) = asked.next().await {
        assert!(matches!(answer, Err(AuthError::JwksUnavailable(JwksError::Slow))), "{answer:?}");
    }
    house.ask(&good).await.unwrap();
    assert_eq!(house.server.requests(), 2);
}

#[tokio::test]
async fn a_new_key_under_the_old_ones_id_is_found_by_its_signature() {
    let (old, new, rsa) = (Pair::p256(), Pair::p256(), Pair::rsa());
    let house = House::with_keys(&[old.jwk("k", "ES256")]).await;
    house.ask(&token(&old, "k")).await.unwrap();
    house.server.answers(200, set(&[new.jwk("k", "ES256")]));
    // No sooner than five seconds after the last fetch, however many come.
    for _ in 0..3 {
        let answer = house.ask(&token(&new, "k")).await;
        assert!(matches!(answer, Err(AuthError::Jwt(JwtError::Signature))), "{answer:?}");
    }
    assert_eq!(house.server.requests(), 1);
    house.pass(5);
    house.ask(&token(&new, "k")).await.unwrap();
    assert!(matches!(house.ask(&token(&old, "k")).await, Err(AuthError::Jwt(JwtError::Signature))));
    assert_eq!(house.server.requests(), 2);
    // Of another type.
    house.server.answers(200, set(&[rsa.jwk("k", "RS256")]));
    house.pass(5);
    house.ask(&rsa.token(&json!({"alg": "RS256", "typ": "JWT", "kid": "k"}), &claims())).await.unwrap();
    assert_eq!(house.server.requests(), 3);
}

#[tokio::test]
async fn every_key_of_an_id_is_tried() {
    let (one, two, other) = (Pair::p256(), Pair::p256(), Pair::p256());
    let keys = [one.jwk("k", "ES256"), Pair::rsa().jwk("k", "RS256"), two.jwk("k", "ES256")];
    let house = House::with_keys(&keys).await;
    for pair in [&one, &two] {
        house.ask(&token(pair, "k")).await.unwrap();
    }
    assert!(matches!(house.ask(&token(&other, "k")).await, Err(AuthError::Jwt(JwtError::Signature))));
    assert_eq!(house.server.requests(), 1);
}

#[tokio::test]
async fn a_caller_who_hangs_up_does_not_end_the_fetch_for_others() {
    let pair = Pair::p256();
    let house = House::with_keys(&[pair.jwk("k", "ES256")]).await;
    house.server.takes(Duration::from_millis(200));
    let token = token(&pair, "k");
    let hasty = tokio::time::timeout(Duration::from_millis(50), house.ask(&token));
    assert!(hasty.await.is_err());
    house.ask(&token).await.unwrap();
    assert_eq!(house.server.requests(), 1);
}

#[tokio::test]
async fn an_unknown_key_id_refreshes_but_not_more_than_every_five_seconds() {
    let (old, new) = (Pair::p256(), Pair::p256());
    let house = House::with_keys(&[old.jwk("old", "ES256")]).await;
    house.ask(&token(&old, "old")).await.unwrap();
    // The realm rotates its keys.
    let keys = [old.jwk("old", "ES256"), new.jwk("new", "ES256")];
    house.server.answers(200, set(&keys));
    house.pass(5);
    house.ask(&token(&new, "new")).await.unwrap();
    assert_eq!(house.server.requests(), 2);
    // Somebody makes key ids up.
    for seconds in 0..20 {
        let forged = token(&new, &format!("forged-{seconds}"));
        let answer = house.ask(&forged).await;
        assert!(matches!(answer, Err(AuthError::Jwt(JwtError::UnknownKey))));
        house.ask(&token(&old, "old")).await.unwrap();
        house.pass(1);
    }
    assert_eq!(house.server.requests(), 5);
}

#[tokio::test]
async fn old_keys_serve_while_the_realm_does_not_answer() {
    let pair = Pair::p256();
    let house = House::with_keys(&[pair.jwk("k", "ES256")]).await;
    let good = token(&pair, "k");
    house.ask(&good).await.unwrap();
    house.server.answers(503, "down");
    house.pass(700);
    for _ in 0..3 {
        house.ask(&good).await.unwrap();
    }
    assert_eq!(house.server.requests(), 2);
    // Whether another key exists by now can't be told.
    let answer = house.ask(&token(&pair, "other")).await;
    assert!(matches!(answer, Err(AuthError::JwksUnavailable(JwksError::JustFailed))));
    house.pass(5);
    let answer = house.ask(&token(&pair, "other")).await;
    assert!(matches!(answer, Err(AuthError::JwksUnavailable(JwksError::Status(503)))));
    // It answers again.
    house.server.answers(200, set(&[pair.jwk("other", "ES256")]));
    house.pass(5);
    house.ask(&token(&pair, "other")).await.unwrap();
    let answer = house.ask(&good).await;
    assert!(matches!(answer, Err(AuthError::Jwt(JwtError::UnknownKey))));
}

#[tokio::test]
async fn nobody_waits_for_a_slow_realm_who_can_go_on_with_an_old_key() {
    let pair = Pair::p256();
    let house = House::with_keys(&[pair.jwk("k", "ES256")]).await;
    let good = token(&pair, "k");
    house.ask(&good).await.unwrap();
    house.server.takes(Duration::from_millis(500));
    house.pass(700);
    let slow = house.ask(&good);
    let quick = async {
        tokio::time::sleep(Duration::from_millis(50)).await;
        let asked = tokio::time::timeout(Duration::from_millis(200), house.ask(&good));
        asked.await.expect("this should not wait").unwrap();
    };
    let (slow, ()) = tokio::join!(slow, quick);
    slow.unwrap();
    assert_eq!(house.server.requests(), 2);
}

#[tokio::test]
async fn an_answer_that_is_no_key_set_says_nothing_about_the_token() {
    let pair = Pair::p256();
    let house = House::with_keys(&[]).await;
    let token = token(&pair, "k");
    let many: Vec<Value> = (0..101).map(|id| pair.jwk(&id.to_string(), "ES256")).collect();
    for (status, body, reason) in [
        (404, "{}".to_owned(), JwksError::Status(404)),
        (302, "{}".to_owned(), JwksError::Status(302)),
        (200, "<html>".to_owned(), JwksError::NotJwks),
        (200, "{}".to_owned(), JwksError::NotJwks),
        (200, set(&many), JwksError::TooLarge),
        (200, " ".repeat(256 * 1024 + 1), JwksError::TooLarge),
    ] {
        house.server.answers(status, body);
        match house.ask(&token).await {
            Err(AuthError::JwksUnavailable(found)) => assert_eq!(found, reason),
            answer => panic!("{answer:?}, not {reason}"),
        }
        house.pass(5);
    }
}

#[tokio::test]
async fn keys_that_do_not_sign_are_none_and_do_not_cost_the_others() {
    let pair = Pair::p256();
    let with = |name: &str, value: Value| {
        let mut jwk = pair.jwk("k", "ES256");
        jwk[name] = value;
        jwk
    };
    let without = |name: &str| {
        let mut jwk = pair.jwk("k", "ES256");
        jwk.as_object_mut().unwrap().shift_remove(name);
        jwk
    };
    let good = token(&pair, "k");
    for (key, taken) in [
        (pair.jwk("k", "ES256"), true),
        (without("alg"), true),
        (with("use", json!("enc")), false),
        (without("use"), true),
        (with("key_ops", json!(["verify"])), true),
        (with("key_ops", json!(["sign"])), false),
        (without("kid"), false),
        (with("alg", json!("ES384")), false),
        (with("alg", json!("RSA-OAEP")), false),
        (with("crv", json!("P-384")), false),
        (with("crv", json!("secp256k1")), false),
        (with("kty", json!("oct")), false),
        (json!({"kty": "oct", "k": "AAAA", "kid": "k", "alg": "ES256", "use": "sig"}), false),
        (json!("key"), false),
    ] {
        let other = Pair::p256().jwk("z", "ES256");
        let house = House::with_keys(&[json!(null), key.clone(), other]).await;
        assert_eq!(house.ask(&good).await.is_ok(), taken, "{key}");
    }
}
