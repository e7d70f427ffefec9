//! Who may call: static tokens and the realm's own client credentials are taken, all else is told nothing.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use http::{HeaderMap, Method};
use libtest_mimic::Trial;
use serde_json::{Value, json};

use super::stage::{until, user};
use crate::admin::{Realm, admin};
use crate::gateway::{Auth, Gateway};
use crate::runner::{both, trial};
use crate::scim::{Answer, Scim};

pub fn trials() -> Vec<Trial> {
    let on_both = [
        both("callers::only_the_right_bearer_token_is_taken", token_mode),
        both("callers::an_unknown_realm_is_told_apart_from_nothing", unknown_realm),
        both("callers::client_credentials_provision_a_user", keycloak_mode),
        both("callers::an_expired_token_is_refused", expired),
        both("callers::a_key_rotation_in_the_realm_is_followed", rotation),
    ];
    let mut trials: Vec<Trial> = on_both.into_iter().flatten().collect();
    trials.extend([trial("callers::tokens_of_people_and_strangers_are_refused", refused_tokens)]);
    trials
}

/// A SCIM client with exactly these `Authorization` headers; answers of `GET /Users?count=1`.
async fn ask(base_url: &str, authorization: &[&str]) -> Answer {
    let mut headers = HeaderMap::new();
    for value in authorization {
        headers.append("authorization", value.parse().unwrap());
    }
    Scim::anonymous(base_url).with_headers(headers).get("/Users?count=1").await
}

/// A 401 as RFC 7644 and RFC 6750 have it; gives `WWW-Authenticate`.
#[track_caller]
fn refused(answer: &Answer) -> String {
    answer.scim_error(401, None);
    let challenge = answer.header("www-authenticate").unwrap_or_default().to_owned();
    assert!(challenge.starts_with("Bearer "), "WWW-Authenticate: {answer}");
    challenge
}

async fn token_mode() {
    let realm = admin().await.create_realm("callers").await;
    let gateway = Gateway::start(&realm, Auth::Token).await;
    let base = gateway.base_url();
    let token = gateway.prepared().printed("token").to_owned();
    for good in [format!("Bearer {token}"), format!("bearer {token}")] {
        ask(base, &[&good]).await.expect(200);
    }
    let right = format!("Bearer {token}");
    let basic = "Basic dGVzdDp0ZXN0";
    let longer = format!("Bearer {token}0");
    let shorter = format!("Bearer {}", &token[..token.len() - 1]);
    let twice = format!("Bearer {token} {token}");
    let other_scheme = format!("Token {token}");
    let bad: [&[&str]; 12] = [
        &[],
        &["Bearer wrong"],
        &["non-token"],
        &[&token],
        &["Bearer"],
        &["Bearer "],
        &[basic],
        &[&longer],
        &[&shorter],
        &[&twice],
        &[&right, &right],
        &[&other_scheme],
    ];
    for authorization in bad {
        refused(&ask(base, authorization).await);
    }
    // The token is no query parameter either, and nothing of it is repeated.
    let answer = Scim::anonymous(base).get(&format!("/Users?access_token={token}")).await;
    refused(&answer);
    let log = gateway.log();
    assert!(!log.contains(&token) && !log.contains("dGVzdDp0ZXN0"), "credentials in the log:\n{log}");
}

async fn unknown_realm() {
    let admin = admin().await;
    let (tokens, clients) = (admin.create_realm("callers").await, admin.create_realm("callers").await);
    // A realm that exists in Keycloak and is not served is as unknown as one that doesn't.
    let unserved = admin.create_realm("callers").await;
    for (realm, auth) in [(&tokens, Auth::Token), (&clients, Auth::Keycloak)] {
        let gateway = Gateway::start(realm, auth).await;
        let url = gateway.base_url().trim_end_matches("/scim/v2").trim_end_matches(realm.name()).to_owned();
        for name in [unserved.name(), "nobody", "master"] {
            let forged = "Bearer eyJhbGciOiJub25lIn0.e30.x";
            for authorization in
                [&[][..], &["Bearer wrong"], &["Basic dGVzdDp0ZXN0"], &["Bearer a", "Bearer b"], &[forged]]
            {
                let known = ask(gateway.base_url(), authorization).await;
                let unknown = ask(&format!("{url}{name}/scim/v2"), authorization).await;
                refused(&known);
                assert_eq!(told(&unknown), told(&known), "{auth:?} {name} {authorization:?}");
            }
            // The token endpoint knows the realm no better.
            let form = "grant_type=client_credentials&client_id=nobody&client_secret=x";
            let endpoint = async |name: &str| {
                let client = Scim::anonymous(&format!("{url}{name}/protocol/openid-connect"));
                client.raw(Method::POST, "/token", Some("application/x-www-form-urlencoded"), form).await
            };
            let (known, unknown) = (endpoint(realm.name()).await.expect(401), endpoint(name).await);
            assert_eq!(known.body.as_ref().unwrap()["error"], "invalid_client");
            assert_eq!(told(&unknown), told(&known), "{auth:?} {name}: the token endpoint");
        }
    }
}

/// All of an answer that may tell something.
fn told(answer: &Answer) -> (u16, Vec<(String, String)>, String) {
    let headers = answer.headers.iter().filter(|(name, _)| *name != "date" && *name != "x-request-id");
    let headers = headers.map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()));
    (answer.status, headers.collect(), String::from_utf8(answer.raw.to_vec()).unwrap())
}

/// The claims of a JWT, unverified.
fn claims(token: &str) -> Value {
    part(token, 1)
}

fn part(token: &str, at: usize) -> Value {
    let part = token.split('.').nth(at).unwrap();
    serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
}

/// A token from the forwarded endpoint, with the secret in the form.
async fn token(gateway: &Gateway) -> String {
    let prepared = gateway.prepared();
    let form = [
        ("grant_type", "client_credentials"),
        ("client_id", prepared.printed("client_id")),
        ("client_secret", prepared.printed("client_secret")),
    ];
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let answer = client.post(prepared.printed("token_endpoint")).form(&form).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    let body: Value = answer.json().await.unwrap();
    assert_eq!(body["token_type"], "Bearer");
    body["access_token"].as_str().unwrap().to_owned()
}

async fn keycloak_mode() {
    let realm = admin().await.create_realm("callers").await;
    let prepared = Gateway::setup(&realm, Auth::Keycloak).await;
    // The gateway reaches Keycloak by another name than its clients do.
    let by_name = realm.keycloak().replace("127.0.0.1", "localhost");
    let gateway = prepared
        .set(&["realms", realm.name(), "keycloak", "url"], by_name)
        .set(&["realms", realm.name(), "issuer"], realm.issuer())
        .serve()
        .await;
    let in_form = token(&gateway).await;
    let prepared = gateway.prepared();
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let request = client
        .post(prepared.printed("token_endpoint"))
        .basic_auth(prepared.printed("client_id"), Some(prepared.printed("client_secret")))
        .form(&[("grant_type", "client_credentials")]);
    let answer = request.send().await.unwrap();
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.headers()["cache-control"], "no-store");
    let by_basic: Value = answer.json().await.unwrap();
    let by_basic = by_basic["access_token"].as_str().unwrap();
    for token in [in_form.as_str(), by_basic] {
        assert_eq!(claims(token)["iss"], realm.issuer(), "the issuer is the configured one");
        let scim = Scim::bearer(gateway.base_url(), token);
        let name = format!("babs-{}@contoso.com", if token == by_basic { "basic" } else { "form" });
        let id = scim.post("/Users", &user(&name, json!({}))).await.expect(201).id();
        assert_eq!(scim.list("Users", &format!("userName eq \"{name}\""), "").await.resources().len(), 1);
        scim.delete(&format!("/Users/{id}")).await.expect(204);
    }
    let log = gateway.log();
    let secret = prepared.printed("client_secret");
    assert!(!log.contains(secret) && !log.contains(by_basic), "credentials in the log:\n{log}");
}

/// A client's own token, straight from Keycloak.
async fn of_client(realm: &Realm, id: &str, secret: &str) -> String {
    let form = [("grant_type", "client_credentials"), ("client_id", id), ("client_secret", secret)];
    direct(realm, &form).await.access_token
}

/// Tokens straight from Keycloak, by this form.
async fn direct(realm: &Realm, form: &[(&str, &str)]) -> crate::admin::Tokens {
    realm.admin().tokens(realm.name(), form).await.unwrap_or_else(|refused| panic!("{refused:?}"))
}

async fn refused_tokens() {
    let admin = admin().await;
    let realm = admin.create_realm("callers").await;
    let gateway = Gateway::start(&realm, Auth::Keycloak).await;
    let (client_id, secret) = (
        gateway.prepared().printed("client_id").to_owned(),
        gateway.prepared().printed("client_secret").to_owned(),
    );
    let good = of_client(&realm, &client_id, &secret).await;
    ask(gateway.base_url(), &[&format!("Bearer {good}")]).await.expect(200);

    // A person who signs in with the very same client.
    let uuid = realm.client_uuid(&client_id).await;
    realm
        .put(
            &format!("/clients/{uuid}"),
            &json!({ "clientId": client_id, "directAccessGrantsEnabled": true }),
        )
        .await;
    let person = realm
        .create_user(&json!({
            "username": "jensen", "email": "jensen@contoso.com", "firstName": "Babs", "lastName": "Jensen", "enabled": true,
        }))
        .await;
    realm.set_password(&person, "babs-jensen").await;
    let persons = direct(
        &realm,
        &[
            ("grant_type", "password"),
            ("client_id", &client_id),
            ("client_secret", &secret),
            ("username", "jensen"),
            ("password", "babs-jensen"),
            ("scope", "openid"),
        ],
    )
    .await;
    assert_eq!(claims(&persons.access_token)["azp"], client_id.as_str(), "it is a token of that client");

    // Another client's, and one of a client of that name in another realm.
    let machine_client = |id: &str| json!({ "clientId": id, "secret": "another-secret", "serviceAccountsEnabled": true, "standardFlowEnabled": false });
    realm.post("/clients", &machine_client("another")).await;
    let another = of_client(&realm, "another", "another-secret").await;
    let other_realm = admin.create_realm("callers").await;
    other_realm.post("/clients", &machine_client(&client_id)).await;
    let elsewhere = of_client(&other_realm, &client_id, "another-secret").await;
    let gateways_own = std::fs::read_to_string(
        gateway.prepared().directory().join(format!("{}-keycloak-client-secret", realm.name())),
    )
    .unwrap();
    let gateways_own = of_client(&realm, "scimgate", gateways_own.trim()).await;
    let mut torn = good.clone();
    // A character in the middle of the signature; the last one's low bits may mean nothing.
    let at = torn.len() - 20;
    let changed = if &torn[at..=at] == "A" { "B" } else { "A" };
    torn.replace_range(at..=at, changed);
    let unsigned = {
        let header = BASE64_URL_SAFE_NO_PAD.encode(json!({ "alg": "none", "typ": "JWT" }).to_string());
        format!("{header}.{}.x", good.split('.').nth(1).unwrap())
    };
    for (whose, token) in [
        ("a person's access token", persons.access_token),
        ("a person's ID token", persons.id_token.unwrap()),
        ("a person's refresh token", persons.refresh_token.unwrap()),
        ("another client's token", another),
        ("the gateway's own token", gateways_own),
        ("another realm's token", elsewhere),
        ("a token with another signature", torn),
        ("a token without a signature", unsigned),
        ("garbage", "a.b.c".to_owned()),
        ("the client's secret", secret.clone()),
    ] {
        let answer = ask(gateway.base_url(), &[&format!("Bearer {token}")]).await;
        assert_eq!(answer.status, 401, "{whose}: {answer}");
        refused(&answer);
        assert!(!gateway.log().contains(&token), "{whose} stands in the log");
    }
    ask(gateway.base_url(), &[&format!("Bearer {good}")]).await.expect(200);
}

async fn expired() {
    let realm = admin().await.create_realm("callers").await;
    let gateway = Gateway::start(&realm, Auth::Keycloak).await;
    let client_id = gateway.prepared().printed("client_id").to_owned();
    let uuid = realm.client_uuid(&client_id).await;
    let short = json!({ "clientId": client_id, "attributes": { "access.token.lifespan": "2" } });
    realm.put(&format!("/clients/{uuid}"), &short).await;
    let token = format!("Bearer {}", token(&gateway).await);
    ask(gateway.base_url(), &[&token]).await.expect(200);
    let mut last = None;
    until("the token expires", async || {
        let answer = ask(gateway.base_url(), &[&token]).await;
        let over = answer.status == 401;
        last = Some(answer);
        over
    })
    .await;
    let challenge = refused(&last.unwrap());
    assert!(challenge.contains("invalid_token") && challenge.contains("expired"), "{challenge}");
}

async fn rotation() {
    let realm = admin().await.create_realm("callers").await;
    let gateway = Gateway::start(&realm, Auth::Keycloak).await;
    let old = token(&gateway).await;
    ask(gateway.base_url(), &[&format!("Bearer {old}")]).await.expect(200);
    let id = realm.get("").await["id"].as_str().unwrap().to_owned();
    realm
        .post(
            "/components",
            &json!({
                "name": "newer", "providerId": "ecdsa-generated", "providerType": "org.keycloak.keys.KeyProvider",
                "parentId": id, "config": { "priority": ["200"], "ecdsaEllipticCurveKey": ["P-256"] },
            }),
        )
        .await;
    let new = token(&gateway).await;
    assert_ne!(part(&new, 0)["kid"], part(&old, 0)["kid"], "the realm signs with its new key");
    // Not at once: keys are fetched every 5 s at most, whatever key ids clients make up.
    until("the new key is known", async || {
        ask(gateway.base_url(), &[&format!("Bearer {new}")]).await.status == 200
    })
    .await;
    ask(gateway.base_url(), &[&format!("Bearer {old}")]).await.expect(200);
}
