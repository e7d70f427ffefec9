//! The token endpoint: which claims a token has, what is refused and how, and which tokens Admin REST takes.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use http::Method;
use libtest_mimic::Trial;
use serde_json::{Value, json};

use super::{call_with, client, machine, service_account};
use crate::admin::{Realm, Refused, Tokens, admin};
use crate::keycloak::{ADMIN_PASSWORD, ADMIN_USER};
use crate::runner::both;
use crate::scenarios::stage::until;

pub fn trials() -> Vec<Trial> {
    [
        both("admin_contract::tokens::a_clients_token_names_the_client_and_no_session", claims_of_client),
        both("admin_contract::tokens::without_full_scope_no_role_is_good_for_anything", without_full_scope),
        both("admin_contract::tokens::the_secret_may_come_by_basic_or_in_the_form", basic),
        both("admin_contract::tokens::a_person_gets_a_session_and_a_refresh_token", claims_of_person),
        both("admin_contract::tokens::a_key_of_the_set_signs", key_set),
        both("admin_contract::tokens::a_newer_key_signs_and_the_older_one_stays_good", rotation),
        both("admin_contract::tokens::the_client_sets_how_long_its_tokens_live", life),
        both("admin_contract::tokens::refusals_are_in_oauths_words", refusals),
        both("admin_contract::tokens::who_is_not_fully_set_up_gets_no_token", not_set_up),
        both("admin_contract::tokens::admin_rest_takes_good_tokens_only", bearer),
        both("admin_contract::tokens::an_expired_token_is_void", expired),
        both("admin_contract::tokens::a_disabled_clients_token_is_void", disabled_client),
        both("admin_contract::tokens::a_token_is_good_at_its_issuers_address_only", other_address),
    ]
    .into_iter()
    .flatten()
    .collect()
}

const SECRET: &str = "s3cret-of-the-trial";
const PASSWORD: &str = "babs-jensen";

async fn by_secret(realm: &Realm, client_id: &str, secret: &str) -> Result<Tokens, Refused> {
    let form = [("grant_type", "client_credentials"), ("client_id", client_id), ("client_secret", secret)];
    realm.admin().tokens(realm.name(), &form).await
}

async fn by_password(realm: &Realm, username: &str, password: &str) -> Result<Tokens, Refused> {
    realm.log_in("admin-cli", username, password, "").await
}

/// A person who can sign in.
async fn person(realm: &Realm) -> String {
    let person = json!({
        "username": "babs", "email": "babs@example.com", "firstName": "Barbara", "lastName": "Jensen",
        "enabled": true,
    });
    let id = realm.create_user(&person).await;
    realm.set_password(&id, PASSWORD).await;
    id
}

/// The access token lives so many seconds; a second may end while Keycloak answers.
#[track_caller]
fn assert_lives(tokens: &Tokens, seconds: i64) {
    let claims = claims(&tokens.access_token);
    let lives = claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap();
    for said in [lives, i64::try_from(tokens.expires_in).unwrap()] {
        assert!((seconds - 2..=seconds).contains(&said), "{said} of {seconds}");
    }
}

fn part(token: &str, at: usize) -> Value {
    let part = token.split('.').nth(at).unwrap();
    serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
}

fn claims(token: &str) -> Value {
    part(token, 1)
}

async fn claims_of_client() {
    let realm = admin().await.create_realm("contract").await;
    let account = {
        let id = machine(&realm, "app", SECRET).await;
        service_account(&realm, &id).await
    };
    let tokens = by_secret(&realm, "app", SECRET).await.unwrap();
    assert_lives(&tokens, 300);
    assert_eq!(tokens.refresh_token, None);
    let claims = claims(&tokens.access_token);
    for (claim, value) in [
        ("iss", json!(realm.issuer())),
        ("aud", json!("account")),
        ("sub", json!(account)),
        ("typ", json!("Bearer")),
        ("azp", json!("app")),
        ("client_id", json!("app")),
        ("preferred_username", json!("service-account-app")),
    ] {
        assert_eq!(claims[claim], value, "{claim}");
    }
    let mut scopes: Vec<&str> = claims["scope"].as_str().unwrap().split(' ').collect();
    scopes.sort_unstable();
    assert_eq!(scopes, ["email", "profile"]);
    for absent in ["sid", "session_state", "cnf", "nbf"] {
        assert_eq!(claims.get(absent), None, "{absent}");
    }
    assert!(claims["jti"].is_string());
}

/// Neither what its account may do, nor where: the roles are there, and the client can't use them.
async fn without_full_scope() {
    let realm = admin().await.create_realm("contract").await;
    let id = machine(&realm, "app", SECRET).await;
    let account = service_account(&realm, &id).await;
    let (management, role) = super::management_role(&realm, "view-realm").await;
    realm.post(&format!("/users/{account}/role-mappings/clients/{management}"), &json!([role])).await;
    for full in [true, false] {
        realm.put(&format!("/clients/{id}"), &json!({ "clientId": "app", "fullScopeAllowed": full })).await;
        let token = by_secret(&realm, "app", SECRET).await.unwrap().access_token;
        let claims = claims(&token);
        for claim in ["aud", "realm_access", "resource_access"] {
            assert_eq!(claims.get(claim).is_some(), full, "{claim} of {claims}");
        }
        let (status, seen) = call_with(&realm, Some(&format!("Bearer {token}")), Method::GET, "", None).await;
        assert_eq!(status, if full { 200 } else { 403 }, "{seen}");
    }
}

async fn basic() {
    let realm = admin().await.create_realm("contract").await;
    machine(&realm, "app", "a secret: 100%+").await;
    let url = format!("{}/protocol/openid-connect/token", realm.issuer());
    let form = [("grant_type", "client_credentials")];
    // RFC 6749 section 2.3.1: both are form-encoded before.
    let answer =
        client().post(&url).basic_auth("app", Some("a+secret%3A+100%25%2B")).form(&form).send().await;
    let answer = answer.unwrap();
    assert_eq!(answer.status(), 200);
    let body: Value = answer.json().await.unwrap();
    assert_eq!(body["token_type"], "Bearer");
    assert_eq!(claims(body["access_token"].as_str().unwrap())["client_id"], "app");
    let wrong = client().post(&url).basic_auth("app", Some("wrong")).form(&form).send().await.unwrap();
    assert_eq!(wrong.status(), 401);
    assert_eq!(wrong.json::<Value>().await.unwrap()["error"], "unauthorized_client");
}

async fn claims_of_person() {
    let admin = admin().await;
    let form = [
        ("grant_type", "password"),
        ("client_id", "admin-cli"),
        ("username", ADMIN_USER),
        ("password", ADMIN_PASSWORD),
    ];
    let tokens = admin.tokens("master", &form).await.unwrap();
    assert_lives(&tokens, 60);
    assert!(tokens.refresh_token.is_some());
    let claims = claims(&tokens.access_token);
    assert_eq!(claims["iss"], format!("{}/realms/master", admin.url()));
    assert_eq!((&claims["azp"], &claims["typ"]), (&json!("admin-cli"), &json!("Bearer")));
    assert!(claims["sid"].is_string());
    assert_eq!(claims.get("client_id"), None);
}

async fn key_ids(realm: &Realm) -> Vec<String> {
    let url = format!("{}/protocol/openid-connect/certs", realm.issuer());
    let set: Value = client().get(&url).send().await.unwrap().json().await.unwrap();
    let keys = set["keys"].as_array().unwrap().iter();
    keys.filter(|key| key["use"] == "sig")
        .map(|key| {
            assert_eq!(
                (&key["kty"], &key["alg"], &key["crv"]),
                (&json!("EC"), &json!("ES256"), &json!("P-256"))
            );
            assert!(key["x"].is_string() && key["y"].is_string());
            key["kid"].as_str().unwrap().to_owned()
        })
        .collect()
}

async fn key_set() {
    let realm = admin().await.create_realm("contract").await;
    machine(&realm, "app", SECRET).await;
    let token = by_secret(&realm, "app", SECRET).await.unwrap().access_token;
    let header = part(&token, 0);
    assert_eq!((&header["alg"], &header["typ"]), (&json!("ES256"), &json!("JWT")));
    assert_eq!(key_ids(&realm).await, [header["kid"].as_str().unwrap()]);
}

async fn rotation() {
    let realm = admin().await.create_realm("contract").await;
    let id = machine(&realm, "app", SECRET).await;
    empower(&realm, &id, "view-realm").await;
    let old = by_secret(&realm, "app", SECRET).await.unwrap().access_token;
    let parent = realm.get("").await["id"].clone();
    let newer = json!({
        "name": "newer", "providerId": "ecdsa-generated", "providerType": "org.keycloak.keys.KeyProvider",
        "parentId": parent, "config": { "priority": ["200"], "ecdsaEllipticCurveKey": ["P-256"] },
    });
    realm.post("/components", &newer).await;
    let new = by_secret(&realm, "app", SECRET).await.unwrap().access_token;
    let [old_key, new_key] = [&old, &new].map(|token| part(token, 0)["kid"].as_str().unwrap().to_owned());
    assert_ne!(old_key, new_key);
    let mut expected = [old_key, new_key];
    expected.sort();
    let mut ids = key_ids(&realm).await;
    ids.sort();
    assert_eq!(ids, expected);
    for token in [old, new] {
        assert_eq!(call_with(&realm, Some(&format!("Bearer {token}")), Method::GET, "", None).await.0, 200);
    }
}

async fn empower(realm: &Realm, client: &str, role: &str) {
    let account = service_account(realm, client).await;
    let (management, role) = super::management_role(realm, role).await;
    realm.post(&format!("/users/{account}/role-mappings/clients/{management}"), &json!([role])).await;
}

async fn life() {
    let realm = admin().await.create_realm_with("contract", json!({ "accessTokenLifespan": 120 })).await;
    let id = machine(&realm, "app", SECRET).await;
    assert_lives(&by_secret(&realm, "app", SECRET).await.unwrap(), 120);
    let short = json!({ "clientId": "app", "attributes": { "access.token.lifespan": "7" } });
    realm.put(&format!("/clients/{id}"), &short).await;
    assert_lives(&by_secret(&realm, "app", SECRET).await.unwrap(), 7);
}

async fn refusals() {
    let realm = admin().await.create_realm("contract").await;
    let id = machine(&realm, "app", SECRET).await;
    let plain = json!({ "clientId": "plain", "secret": SECRET });
    realm.post("/clients", &plain).await;
    let person = person(&realm).await;
    let ask = async |form: &[(&str, &str)]| {
        let refused = realm.admin().tokens(realm.name(), form).await.expect_err("a refusal");
        (refused.status, refused.error, refused.description)
    };
    let told =
        |status: u16, error: &str, description: &str| (status, error.to_owned(), description.to_owned());
    let wrong_client = "Invalid client or Invalid client credentials";
    let machine = [("grant_type", "client_credentials"), ("client_id", "app")];
    let with = |client: &'static str, secret: &'static str| {
        [("grant_type", "client_credentials"), ("client_id", client), ("client_secret", secret)]
    };
    assert_eq!(ask(&with("app", "wrong")).await, told(401, "unauthorized_client", wrong_client));
    assert_eq!(ask(&machine).await, told(401, "unauthorized_client", wrong_client));
    assert_eq!(ask(&with("nobody", "x")).await, told(401, "invalid_client", wrong_client));
    assert_eq!(ask(&[("grant_type", "client_credentials")]).await, told(401, "invalid_client", wrong_client));
    assert_eq!(
        ask(&with("plain", SECRET)).await,
        told(401, "unauthorized_client", "Client not enabled to retrieve service account")
    );
    assert_eq!(
        ask(&[("grant_type", "client_credentials"), ("client_id", "admin-cli")]).await,
        told(401, "unauthorized_client", "Public client not allowed to retrieve service account")
    );
    assert_eq!(
        ask(&[("client_id", "admin-cli")]).await,
        told(400, "invalid_request", "Missing form parameter: grant_type")
    );
    assert_eq!(
        ask(&[("grant_type", "magic"), ("client_id", "admin-cli")]).await,
        told(400, "unsupported_grant_type", "Unsupported grant_type")
    );
    assert_eq!(
        ask(&[
            ("scope", "zork"),
            ("grant_type", "client_credentials"),
            ("client_id", "app"),
            ("client_secret", SECRET)
        ])
        .await,
        told(400, "invalid_scope", "Invalid scopes: zork")
    );
    let sign_in = |username: &'static str, password: &'static str| {
        [
            ("grant_type", "password"),
            ("client_id", "admin-cli"),
            ("username", username),
            ("password", password),
        ]
    };
    let wrong_person = told(400, "invalid_grant", "Invalid user credentials");
    for form in [sign_in("babs", "wrong"), sign_in("nobody", PASSWORD)] {
        assert_eq!(ask(&form).await, wrong_person, "{form:?}");
    }
    realm.put(&format!("/users/{person}"), &json!({ "enabled": false })).await;
    assert_eq!(ask(&sign_in("babs", PASSWORD)).await, told(400, "invalid_grant", "Account disabled"));
    realm.put(&format!("/clients/{id}"), &json!({ "clientId": "app", "enabled": false })).await;
    assert_eq!(ask(&with("app", SECRET)).await, told(401, "invalid_client", wrong_client));
    let nowhere = realm.admin().tokens("nobody", &machine).await.expect_err("a refusal");
    assert_eq!((nowhere.status, nowhere.error.as_str()), (404, "Realm does not exist"));
}

async fn not_set_up() {
    let realm = admin().await.create_realm("contract").await;
    let id = realm.create_user(&json!({ "username": "babs", "enabled": true })).await;
    realm.set_password(&id, PASSWORD).await;
    let refused = by_password(&realm, "babs", PASSWORD).await.unwrap_err();
    let told = (refused.status, refused.error.as_str(), refused.description.as_str());
    assert_eq!(told, (400, "invalid_grant", "Account is not fully set up"));
    let whole = json!({ "email": "babs@example.com", "firstName": "Barbara", "lastName": "Jensen" });
    realm.put(&format!("/users/{id}"), &whole).await;
    by_password(&realm, "babs", PASSWORD).await.unwrap();
    // And by e-mail address.
    by_password(&realm, "babs@example.com", PASSWORD).await.unwrap();
    // What people must give of themselves, the user profile says.
    let mut profile = realm.get("/users/profile").await;
    for attribute in profile["attributes"].as_array_mut().unwrap() {
        attribute.as_object_mut().unwrap().shift_remove("required");
    }
    realm.put("/users/profile", &profile).await;
    let id = realm.create_user(&json!({ "username": "jensen", "enabled": true })).await;
    realm.set_password(&id, PASSWORD).await;
    by_password(&realm, "jensen", PASSWORD).await.unwrap();
    realm.put(&format!("/users/{id}"), &json!({ "requiredActions": ["UPDATE_PASSWORD"] })).await;
    let refused = by_password(&realm, "jensen", PASSWORD).await.unwrap_err();
    assert_eq!(refused.description, "Account is not fully set up");
}

async fn bearer() {
    let realm = admin().await.create_realm("contract").await;
    let id = machine(&realm, "app", SECRET).await;
    empower(&realm, &id, "view-realm").await;
    person(&realm).await;
    let good = by_secret(&realm, "app", SECRET).await.unwrap().access_token;
    let status = async |authorization: Option<&str>| {
        let (status, body) = call_with(&realm, authorization, Method::GET, "", None).await;
        if status == 401 {
            assert_eq!(body, json!({ "error": "HTTP 401 Unauthorized" }));
        }
        status
    };
    assert_eq!(status(Some(&format!("Bearer {good}"))).await, 200);
    assert_eq!(status(Some(&format!("bearer {good}"))).await, 200);
    let mut torn = good.clone();
    // A character in the middle of the signature; the last one's low bits may mean nothing.
    let at = torn.len() - 20;
    let changed = if &torn[at..=at] == "A" { "B" } else { "A" };
    torn.replace_range(at..=at, changed);
    let refresh = by_password(&realm, "babs", PASSWORD).await.unwrap().refresh_token.unwrap();
    for bad in ["Bearer nonsense", "Bearer a.b.c", "Bearer ", &format!("Basic {good}")] {
        assert_eq!(status(Some(bad)).await, 401, "{bad}");
    }
    assert_eq!(status(Some(&format!("Bearer {torn}"))).await, 401, "another signature");
    assert_eq!(status(Some(&format!("Bearer {refresh}"))).await, 401, "a refresh token");
    assert_eq!(status(None).await, 401, "no token");
    // Also before it is said that there is no such realm.
    let url = format!("{}/admin/realms/nobody", realm.keycloak());
    assert_eq!(client().get(url).send().await.unwrap().status(), 401);
}

async fn expired() {
    let realm = admin().await.create_realm("contract").await;
    let id = machine(&realm, "app", SECRET).await;
    empower(&realm, &id, "view-realm").await;
    let short = json!({ "clientId": "app", "attributes": { "access.token.lifespan": "2" } });
    realm.put(&format!("/clients/{id}"), &short).await;
    let token = by_secret(&realm, "app", SECRET).await.unwrap().access_token;
    let status = async || call_with(&realm, Some(&format!("Bearer {token}")), Method::GET, "", None).await.0;
    assert_eq!(status().await, 200);
    until("the token expires", async || status().await == 401).await;
}

async fn disabled_client() {
    let realm = admin().await.create_realm("contract").await;
    let id = machine(&realm, "app", SECRET).await;
    empower(&realm, &id, "view-realm").await;
    let token = by_secret(&realm, "app", SECRET).await.unwrap().access_token;
    let status = async || call_with(&realm, Some(&format!("Bearer {token}")), Method::GET, "", None).await.0;
    assert_eq!(status().await, 200);
    realm.put(&format!("/clients/{id}"), &json!({ "clientId": "app", "enabled": false })).await;
    assert_eq!(status().await, 401);
}

async fn other_address() {
    let realm = admin().await.create_realm("contract").await;
    let id = machine(&realm, "app", SECRET).await;
    empower(&realm, &id, "view-realm").await;
    let token = by_secret(&realm, "app", SECRET).await.unwrap().access_token;
    for (address, status) in
        [(realm.keycloak().to_owned(), 200), (realm.keycloak().replace("127.0.0.1", "localhost"), 401)]
    {
        let url = format!("{address}/admin/realms/{}", realm.name());
        let answer = client().get(&url).bearer_auth(&token).send().await.unwrap();
        assert_eq!(answer.status(), status, "{url}");
    }
}
