//! Tokens that nobody entitled to issued: they are refused, whatever they say, and learn nothing.

use aws_lc_rs::hmac;
use serde_json::json;

use super::super::{AuthError, JwtError};
use super::{House, NOW, Pair, base64, claims, message};

#[tokio::test]
async fn a_forged_token_is_refused_before_its_claims_are_read() {
    let pair = Pair::p256();
    let jwk = pair.jwk("k", "ES256");
    let rsa = Pair::rsa();
    let house = House::with_keys(&[jwk.clone(), rsa.jwk("r", "RS256")]).await;
    let es256 = json!({"alg": "ES256", "typ": "JWT", "kid": "k"});
    let good = pair.token(&es256, &claims());
    house.ask(&good).await.unwrap();

    // Another key under the same id, a signature cut short, missing, or of another message.
    let (signed, signature) = good.rsplit_once('.').unwrap();
    let (head, body) = signed.split_once('.').unwrap();
    let other_claims = base64(claims().to_string().replace("okta-scim", "okta-scim-2").as_bytes());
    for forged in [
        Pair::p256().token(&es256, &claims()),
        format!("{signed}.{}", &signature[..40]),
        format!("{signed}.AAAA"),
        format!("{signed}.!"),
        format!("{head}.{other_claims}.{signature}"),
        format!("{head}.{body}x.{signature}"),
    ] {
        let answer = house.ask(&forged).await;
        assert!(matches!(answer, Err(AuthError::Jwt(JwtError::Signature))), "{answer:?} for {forged}");
    }

    // HMAC with what everybody can read as its secret, and no signature at all.
    let hs256 = json!({"alg": "HS256", "typ": "JWT", "kid": "k"});
    let signed = message(&hs256, &claims());
    for secret in [jwk["x"].as_str().unwrap().to_owned(), jwk.to_string()] {
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
        let tag = hmac::sign(&key, signed.as_bytes());
        let answer = house.ask(&format!("{signed}.{}", base64(tag.as_ref()))).await;
        assert!(matches!(answer, Err(AuthError::Jwt(JwtError::Algorithm))));
    }
    for (header, reason) in [
        (json!({"alg": "none", "kid": "k"}), JwtError::Header),
        (json!({"alg": "None", "kid": "k"}), JwtError::Header),
        (json!({"alg": "ES512", "kid": "k"}), JwtError::Header),
        (json!({"kid": "k"}), JwtError::Header),
        (json!({"alg": "ES256", "kid": 1}), JwtError::Header),
        // Two keys, of which one fits: but it didn't sign this.
        (json!({"alg": "ES256"}), JwtError::Signature),
        (json!({"alg": "EdDSA"}), JwtError::NoKeyId),
        (json!({"alg": "ES256", "kid": "k", "typ": "logout+jwt"}), JwtError::HeaderType),
        (json!({"alg": "ES256", "kid": "k", "typ": "dpop+jwt"}), JwtError::HeaderType),
        (json!({"alg": "ES256", "kid": "k", "crit": ["b64"]}), JwtError::CriticalHeader),
        (json!({"alg": "RS256", "kid": "k"}), JwtError::KeyMismatch),
        (json!({"alg": "ES384", "kid": "k"}), JwtError::KeyMismatch),
        (json!({"alg": "PS256", "kid": "r"}), JwtError::KeyMismatch),
    ] {
        let forged = format!("{}.AAAA", message(&header, &claims()));
        match house.ask(&forged).await {
            Err(AuthError::Jwt(found)) => assert_eq!(found, reason, "{header}"),
            answer => panic!("{answer:?} for {header}"),
        }
    }
    assert_eq!(house.server.requests(), 1);
}

#[tokio::test]
async fn garbage_is_refused_alike_and_fetches_nothing() {
    let house = House::with_keys(&[]).await;
    house.server.answers(500, "down");
    let unknown = AuthError::UnknownToken;
    let header = base64(br#"{"alg":"HS256","kid":"k"}"#);
    for garbage in [
        "a.b.c".to_owned(),
        "eyJ.eyJ.sig".to_owned(),
        format!("{header}.e30.AAAA"),
        format!("{}.e30.AAAA", base64(b"[]")),
        format!("{}.e30.AAAA", base64(b"\xff\xfe")),
        format!("{}.e30.AAAA", base64(br#"{"alg":"ES256","crit":["b64"]}"#)),
        format!("{}.{}.c", "a".repeat(8000), "b".repeat(8000)),
        "x".repeat(16 * 1024),
    ] {
        let error = house.ask(&garbage).await.unwrap_err();
        assert_eq!(error.www_authenticate(), unknown.www_authenticate(), "{garbage}");
        assert_eq!(error.detail(), unknown.detail());
    }
    let error = house.ask(&"x".repeat(16 * 1024 + 1)).await.unwrap_err();
    assert!(matches!(error, AuthError::Malformed(_)));
    assert_eq!(house.server.requests(), 0);
}

#[tokio::test]
async fn what_a_token_says_about_its_key_only_chooses_among_the_issuers() {
    let (pair, own) = (Pair::p256(), Pair::p256());
    let house = House::with_keys(&[pair.jwk("k", "ES256")]).await;
    let evil = house.server.url("/evil");
    let ever = {
        let mut claims = claims();
        claims["exp"] = json!(NOW + 86_400);
        claims
    };
    let own_jwk = own.jwk("k", "ES256");
    house.server.answers_at("/evil", 200, json!({ "keys": [own_jwk] }).to_string());
    let good = pair.token(&json!({"alg": "ES256", "kid": "k", "jku": evil, "x5u": evil}), &ever);
    house.ask(&good).await.expect("what is not looked at does no harm");
    for more in [
        json!({"jku": evil}),
        json!({"x5u": evil}),
        json!({"jwk": own_jwk}),
        json!({"x5c": ["MIIB"]}),
        json!({"jku": "http://169.254.169.254/latest/meta-data"}),
        json!({"jwk": "nonsense"}),
        json!({"x5t": 1}),
    ] {
        for kid in ["k", "other"] {
            let mut header = json!({"alg": "ES256", "typ": "JWT", "kid": kid});
            header.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            let answer = house.ask(&own.token(&header, &ever)).await;
            assert!(matches!(answer, Err(AuthError::Jwt(_))), "{answer:?} for {header}");
            house.pass(5);
        }
    }
    assert!(house.server.paths.lock().unwrap().iter().all(|path| path == "/certs"));
}

#[tokio::test]
async fn key_ids_are_compared_and_nothing_else() {
    let pair = Pair::p256();
    let house = House::with_keys(&[pair.jwk("k", "ES256")]).await;
    for kid in [
        "../../../../dev/null",
        "/proc/self/environ",
        "k' OR '1'='1",
        "k' UNION SELECT 'key'; --",
        "k\u{0}",
        "K",
        "",
        "*",
        "http://127.0.0.1:9/keys",
        &"k".repeat(8000),
    ] {
        let token = pair.token(&json!({"alg": "ES256", "kid": kid}), &claims());
        let error = house.ask(&token).await.unwrap_err();
        assert!(matches!(error, AuthError::Jwt(JwtError::UnknownKey)), "{error} for {kid:?}");
        assert!(!error.to_string().contains("SELECT"), "a stranger writes into the log");
        house.pass(5);
    }
}
