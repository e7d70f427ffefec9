//! Every mode with what it takes and what it must not: 401 for that, never anything else.

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use scimgate::scim::Code;
use serde_json::{Value, json};

use super::issuer::{Issuer, Key, base64, message, now};
use super::{argon2, prepared, refused, sha256, with};

/// A tenant with callers of all modes, several of some.
fn callers(table: &str, issuer: &Issuer, other: &Issuer) -> String {
    format!(
        r#"
[{table}.entra]
auth = "token"
[{table}.entra.tokens.spring]
sha256 = "{spring}"
[{table}.entra.tokens.chosen]
argon2 = "{chosen}"
[{table}.entra.tokens.over]
sha256 = "{over}"
expires = 2020-01-01T00:00:00Z
[{table}.auth0]
auth = "external"
issuer = "{issuer}"
audiences = ["scim"]
clients = ["k9"]
required_claims = {{ tid = ["55fe48ac"] }}
[{table}.contoso]
auth = "external"
issuer = "{other}"
jwks_uri = "{other}keys"
audiences = ["scim"]
[{table}.workforce]
auth = "keycloak"
clients = ["workforce"]
[{table}.legacy]
auth = "basic"
user = "légacy"
argon2 = ["{password}"]
"#,
        spring = sha256("spring-token"),
        chosen = argon2("chosen-token"),
        over = sha256("over-token"),
        issuer = issuer.name(),
        other = other.name(),
        password = argon2("a:pässword:of colons"),
    )
}

fn basic(user: &str, password: &str) -> String {
    format!("Basic {}", BASE64_STANDARD.encode(format!("{user}:{password}")))
}

pub async fn every_mode() {
    let (key, other_key) = (Key::new("k"), Key::new("k"));
    let (issuer, other) = (Issuer::start(&[&key]).await, Issuer::start(&[&other_key]).await);
    let (realm, prepared) = prepared(|table| callers(table, &issuer, &other)).await;
    let gateway = prepared.serve().await;
    let okta = format!("Bearer {}", gateway.prepared().printed("token"));
    let bearer = |token: String| format!("Bearer {token}");
    let changed = |name: &str, value: Value| {
        let mut claims = issuer.claims();
        claims[name] = value;
        claims
    };
    let without = |name: &str| {
        let mut claims = issuer.claims();
        claims.as_object_mut().unwrap().shift_remove(name);
        claims
    };
    let good = [
        okta,
        "Bearer spring-token".into(),
        "Bearer chosen-token".into(),
        bearer(key.token(&issuer.claims())),
        bearer(key.token(&changed("exp", json!(now() - 20)))),
        bearer(other_key.token(&other.claims())),
        bearer(key.sign(&json!({"alg": "ES256", "typ": "application/jwt", "kid": "k"}), &issuer.claims())),
        basic("légacy", "a:pässword:of colons"),
    ];
    for credentials in &good {
        with(&gateway, credentials).get("/Users?count=1").await.expect(200);
    }
    let config = with(&gateway, &good[0]).get("/ServiceProviderConfig").await.expect(200);
    let schemes = &config.json()["authenticationSchemes"];
    assert_eq!([&schemes[0]["type"], &schemes[1]["type"]], ["oauthbearertoken", "httpbasic"]);
    assert_eq!([&schemes[0]["primary"], &schemes[1]["primary"]], [&json!(true), &Value::Null]);
    let description = schemes[0]["description"].as_str().unwrap();
    for kind in ["static token", "the realm issued", "another issuer"] {
        assert!(description.contains(kind), "{description}");
    }

    let jwk = key.jwk();
    let header = |more: Value| {
        let mut header = json!({"alg": "ES256", "typ": "JWT", "kid": "k"});
        header.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        header
    };
    let hs256 = {
        let message = message(&header(json!({"alg": "HS256"})), &issuer.claims());
        let secret = hmac::Key::new(hmac::HMAC_SHA256, jwk.to_string().as_bytes());
        format!("{message}.{}", base64(hmac::sign(&secret, message.as_bytes()).as_ref()))
    };
    let stranger = Key::new("k");
    let of_the_realm = json!({
        "iss": realm.issuer(), "typ": "Bearer", "azp": "workforce", "client_id": "workforce", "exp": now() + 300,
    });
    let bad: Vec<(&str, String)> = vec![
        ("no token of anybody", "Bearer wrong".into()),
        ("an expired token", "Bearer over-token".into()),
        ("a password as a token", "Bearer a:pässword:of colons".into()),
        ("another's user", basic("legacy", "a:pässword:of colons")),
        ("a password cut at its colon", basic("légacy", "a")),
        ("a token as a password", basic("légacy", "spring-token")),
        ("no user", basic("", "")),
        ("no Base64", "Basic %%%".into()),
        ("no colon", format!("Basic {}", BASE64_STANDARD.encode("légacy"))),
        ("expired", bearer(key.token(&changed("exp", json!(now() - 40))))),
        ("not valid yet", bearer(key.token(&changed("nbf", json!(now() + 60))))),
        ("issued in the future", bearer(key.token(&changed("iat", json!(now() + 60))))),
        ("of another issuer", bearer(key.token(&changed("iss", json!("https://evil.example/"))))),
        ("of the other issuer, by this one's key", bearer(key.token(&changed("iss", json!(other.name()))))),
        ("for another audience", bearer(key.token(&changed("aud", json!("other"))))),
        ("for no audience", bearer(key.token(&without("aud")))),
        ("of another client", bearer(key.token(&changed("azp", json!("k10"))))),
        ("of no client", bearer(key.token(&without("azp")))),
        ("of another tenant", bearer(key.token(&changed("tid", json!("other"))))),
        ("without the required claim", bearer(key.token(&without("tid")))),
        ("without an end", bearer(key.token(&without("exp")))),
        ("without an issuer", bearer(key.token(&without("iss")))),
        ("an ID token", bearer(key.token(&changed("nonce", json!("a"))))),
        ("of a person", bearer(key.token(&changed("sid", json!("a"))))),
        ("bound to a key", bearer(key.token(&changed("cnf", json!({"jkt": "a"}))))),
        ("with claims that are none", bearer(key.token(&json!(["iss", issuer.name()])))),
        ("by a stranger's key", bearer(stranger.token(&issuer.claims()))),
        ("by a stranger's key for the realm", bearer(stranger.token(&of_the_realm))),
        ("HS256 with the public key", bearer(hs256)),
        ("alg none", bearer(format!("{}.x", message(&header(json!({"alg": "none"})), &issuer.claims())))),
        (
            "alg none, unsigned",
            bearer(format!("{}.", message(&header(json!({"alg": "none"})), &issuer.claims()))),
        ),
        ("unsigned", bearer(format!("{}.", message(&header(json!({})), &issuer.claims())))),
        (
            "half signed",
            bearer(key.token(&issuer.claims())[..].rsplit_once('.').unwrap().0.to_owned() + ".AAAA"),
        ),
        ("another algorithm", bearer(key.sign(&header(json!({"alg": "RS256"})), &issuer.claims()))),
        ("an unknown algorithm", bearer(key.sign(&header(json!({"alg": "ES256K"})), &issuer.claims()))),
        (
            "a path as key id",
            bearer(stranger.sign(&header(json!({"kid": "../../../dev/null"})), &issuer.claims())),
        ),
        ("SQL as key id", bearer(stranger.sign(&header(json!({"kid": "k' OR '1'='1"})), &issuer.claims()))),
        ("a long key id", bearer(stranger.sign(&header(json!({"kid": "k".repeat(8000)})), &issuer.claims()))),
        ("a number as key id", bearer(stranger.sign(&header(json!({"kid": 1})), &issuer.claims()))),
        (
            "its own key within",
            bearer(stranger.sign(&header(json!({"jwk": stranger.jwk()})), &issuer.claims())),
        ),
        (
            "its own keys elsewhere",
            bearer(
                stranger.sign(&header(json!({"jku": format!("{}evil", issuer.name())})), &issuer.claims()),
            ),
        ),
        (
            "a critical header",
            bearer(key.sign(&header(json!({"crit": ["b64"], "b64": false})), &issuer.claims())),
        ),
        ("a logout token", bearer(key.sign(&header(json!({"typ": "logout+jwt"})), &issuer.claims()))),
        ("huge", bearer("x".repeat(64 * 1024))),
        ("huge claims", bearer(key.token(&changed("x", json!("x".repeat(20_000)))))),
        (
            "a nest of arrays",
            bearer(format!(
                "{}.{}.x",
                base64(b"{\"alg\":\"ES256\",\"kid\":\"k\"}"),
                base64("[".repeat(9000).as_bytes())
            )),
        ),
        ("garbage", "Bearer a.b.c".into()),
        ("dots", "Bearer ..".into()),
    ];
    for (what, credentials) in &bad {
        // A letter outside of ASCII is no token; hyper's client would not send it as text.
        let Ok(value) = http::HeaderValue::from_bytes(credentials.as_bytes()) else { panic!("{what}") };
        let mut headers = http::HeaderMap::new();
        headers.insert("authorization", value);
        let client = crate::scim::Scim::anonymous(gateway.base_url()).with_headers(headers);
        let answer = client.get("/Users?count=1").await;
        assert_eq!(answer.status, 401, "{what}: {answer}");
        refused(&answer, 401, Code::Unauthenticated);
        let challenges: Vec<_> = answer.headers.get_all("www-authenticate").iter().collect();
        assert_eq!(challenges.len(), 2, "{what}: {answer}");
    }
    for credentials in &good {
        with(&gateway, credentials).get("/Users?count=1").await.expect(200);
    }
    // Nobody made the gateway ask for anything that the configuration or the issuer itself does not name.
    let allowed = ["/.well-known/openid-configuration", "/keys"];
    let asked = [issuer.asked(), other.asked()].concat();
    assert!(asked.iter().all(|path| allowed.contains(&path.as_str())), "{asked:?}");
    let log = gateway.log();
    for secret in ["spring-token", "chosen-token", "over-token", "of colons"] {
        assert!(!log.contains(secret), "{secret} stands in the log");
    }
    assert!(log.contains("credential=\"chosen\""), "the log names the token by its name:\n{log}");
}
