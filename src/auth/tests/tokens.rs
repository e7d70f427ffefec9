//! Which tokens are taken, and why the others are not.

use serde_json::{Value, json};

use super::super::{AuthError, JwtError};
use super::{House, ISSUER, NOW, Pair, claims};

#[tokio::test]
async fn static_tokens_tell_their_caller_without_any_fetch() {
    let house = House::with_keys(&[]).await;
    for (token, caller) in [("one", "alpha"), ("two", "alpha"), ("three", "beta")] {
        assert_eq!(house.ask(token).await.unwrap(), caller);
    }
    for token in ["four", "One", "onee", "on", "a.b", "a.b.c.d", "..", "a..c", ".a.b"] {
        let answer = house.ask(token).await;
        assert!(matches!(answer, Err(AuthError::UnknownToken)), "{token}");
    }
    assert_eq!(house.server.requests(), 0);
}

#[tokio::test]
async fn tokens_of_every_asymmetric_algorithm_are_taken_for_their_own_key() {
    let pairs = [
        ("RS256", Pair::rsa()),
        ("RS384", Pair::rsa()),
        ("RS512", Pair::rsa()),
        ("PS256", Pair::rsa()),
        ("PS384", Pair::rsa()),
        ("PS512", Pair::rsa()),
        ("ES256", Pair::p256()),
        ("ES384", Pair::p384()),
        ("EdDSA", Pair::ed25519()),
    ];
    let jwks: Vec<Value> = pairs.iter().map(|(alg, pair)| pair.jwk(alg, alg)).collect();
    let house = House::with_keys(&jwks).await;
    for (alg, pair) in &pairs {
        let header = json!({"alg": alg, "typ": "JWT", "kid": alg});
        let answer = house.ask(&pair.token(&header, &claims())).await;
        assert_eq!(answer.unwrap(), "okta", "{alg}");
        // The same signature under the id of another key.
        let other = if *alg == "RS256" { "PS256" } else { "RS256" };
        let header = json!({"alg": alg, "typ": "JWT", "kid": other});
        let answer = house.ask(&pair.token(&header, &claims())).await;
        assert!(matches!(answer, Err(AuthError::Jwt(JwtError::KeyMismatch))), "{alg}");
    }
    assert_eq!(house.server.requests(), 1);
}

#[tokio::test]
async fn a_token_is_taken_only_if_each_of_its_claims_is_right() {
    let pair = Pair::p256();
    let house = House::with_keys(&[pair.jwk("k", "ES256")]).await;
    let header = json!({"alg": "ES256", "typ": "JWT", "kid": "k"});
    let with = |name: &str, value: Value| {
        let mut claims = claims();
        claims[name] = value;
        claims
    };
    let without = |name: &str| {
        let mut claims = claims();
        claims.as_object_mut().unwrap().shift_remove(name);
        claims
    };
    let mut second_client = with("client_id", json!("okta-scim-2"));
    second_client["azp"] = json!("okta-scim-2");
    for good in [
        claims(),
        second_client,
        with("exp", json!(NOW + 1)),
        with("iat", json!(NOW + 10)),
        with("nbf", json!(NOW + 10)),
        with("nbf", json!(0)),
        without("iat"),
        without("azp"),
        without("aud"),
    ] {
        let answer = house.ask(&pair.token(&header, &good)).await;
        assert_eq!(answer.unwrap(), "okta", "{good}");
    }
    let client = |id: &str| JwtError::Client(id.to_owned());
    let issuer = |issuer: &str| JwtError::Issuer(issuer.to_owned());
    let mut stranger = with("client_id", json!("stranger"));
    stranger["azp"] = json!("stranger");
    let mut nobody = without("client_id");
    nobody.as_object_mut().unwrap().shift_remove("azp");
    for (bad, reason) in [
        (with("exp", json!(NOW)), JwtError::Expired),
        (with("exp", json!(0)), JwtError::Expired),
        (without("exp"), JwtError::Claims),
        (with("exp", json!("soon")), JwtError::Claims),
        (with("exp", json!(-1)), JwtError::Claims),
        (with("exp", Value::Null), JwtError::Claims),
        (with("nbf", json!(NOW + 11)), JwtError::NotYetValid),
        (with("nbf", json!("now")), JwtError::Claims),
        (with("iat", json!(NOW + 11)), JwtError::NotYetValid),
        (
            with("iss", json!("http://127.0.0.1:8080/realms/beta")),
            issuer("http://127.0.0.1:8080/realms/beta"),
        ),
        (with("iss", json!(format!("{ISSUER}/"))), issuer(&format!("{ISSUER}/"))),
        (with("iss", json!([ISSUER])), JwtError::Claims),
        (without("iss"), JwtError::Claims),
        (with("typ", json!("ID")), JwtError::Type),
        (with("typ", json!("Refresh")), JwtError::Type),
        (with("typ", json!("bearer")), JwtError::Type),
        (without("typ"), JwtError::Type),
        (with("sid", json!("a")), JwtError::Session),
        (with("sid", Value::Null), JwtError::Session),
        (with("session_state", json!("a")), JwtError::Session),
        (with("cnf", json!({"x5t#S256": "a"})), JwtError::Bound),
        (stranger, client("stranger")),
        (nobody, JwtError::NoClient),
        (without("client_id"), JwtError::NoClient),
        (with("client_id", json!("okta-scim-2")), JwtError::AuthorizedParty),
        (with("azp", json!("stranger")), JwtError::AuthorizedParty),
        (with("client_id", json!(["okta-scim"])), JwtError::Claims),
        (json!([]), JwtError::Claims),
    ] {
        match house.ask(&pair.token(&header, &bad)).await {
            Err(AuthError::Jwt(found)) => assert_eq!(found, reason, "{bad}"),
            answer => panic!("{answer:?} for {bad}"),
        }
    }
    assert_eq!(house.server.requests(), 1);
}

#[tokio::test]
async fn a_realm_without_such_callers_never_asks_for_keys() {
    let config = super::CONFIG.split("[realms.acme.callers.okta]").next().unwrap();
    let mut house = House::with_keys(&[]).await;
    house.reload(&super::realm(config));
    let header = json!({"alg": "ES256", "typ": "JWT", "kid": "k"});
    let answer = house.ask(&Pair::p256().token(&header, &claims())).await;
    assert!(matches!(answer, Err(AuthError::UnknownToken)));
    assert_eq!(house.server.requests(), 0);
}
