//! The stand-in's own: what goes wrong on purpose, as a client sees it, and that nothing is stood in for by accident.

use std::time::{Duration, Instant};

use http::Method;
use libtest_mimic::Trial;
use scimgate::stand_in::StandIn;
use scimgate::stand_in::faults::{Fault, When};
use serde_json::{Value, json};

use super::client;
use crate::admin::{Admin, Realm};
use crate::backing::{self, Backing, start_stand_in};
use crate::runner::trial;
use crate::scenarios::stage::until;

pub fn trials() -> Vec<Trial> {
    vec![
        alone("stand_in::faults::a_status_comes_in_place_of_the_effect", status),
        alone("stand_in::faults::a_delay_comes_before_the_answer", delay),
        alone("stand_in::faults::what_is_delayed_happens_also_where_nobody_waits", late_effect),
        alone("stand_in::faults::a_delay_after_the_effect_delays_the_answer_alone", late_answer),
        alone("stand_in::faults::a_reset_before_leaves_no_effect", reset_before),
        alone("stand_in::faults::a_reset_after_leaves_its_effect", reset_after),
        alone("stand_in::faults::a_body_is_cut_short", truncate),
        alone("stand_in::faults::a_fault_meets_what_it_is_meant_for", aimed),
        alone("stand_in::faults::of_two_faults_the_older_comes_first", oldest_first),
        alone("stand_in::latency_slows_every_answer", latency),
        alone("stand_in::what_it_lacks_is_501_and_named", lacking),
        alone("stand_in::a_setting_of_a_realm_that_it_does_not_honour_is_501_and_named", realm_settings),
        alone("stand_in::a_setting_of_a_client_that_it_does_not_honour_is_501_and_named", client_settings),
        alone("stand_in::the_same_requests_have_the_same_answers", deterministic),
        alone("stand_in::it_closes_when_dropped", dropped),
    ]
}

/// A trial with a stand-in of its own.
fn alone<F, Fut>(name: &str, test: F) -> Trial
where
    F: Fn() -> Fut + Send + 'static,
    Fut: Future<Output = ()>,
{
    trial(name, move || backing::on(Backing::StandIn, test()))
}

/// A stand-in of one's own, with a realm in it.
async fn stage() -> (StandIn, Realm) {
    let stand_in = start_stand_in().await;
    let admin = Admin::new(&stand_in.url());
    let made = json!({ "realm": "acme", "enabled": true });
    admin.call(Method::POST, "", Some(&made)).await.expect(201);
    let realm = admin.realm("acme");
    (stand_in, realm)
}

/// Creates a user, on a connection of its own.
async fn create(realm: &Realm, username: &str) -> reqwest::Result<(u16, String)> {
    let url = format!("{}/admin/realms/{}/users", realm.keycloak(), realm.name());
    let request = client().post(url).bearer_auth(realm.admin().token().await);
    let answer = request.json(&json!({ "username": username })).send().await?;
    let status = answer.status().as_u16();
    Ok((status, answer.text().await?))
}

/// Reads the realm, on a connection of its own.
async fn read(realm: &Realm) -> reqwest::Result<(u16, String)> {
    let url = format!("{}/admin/realms/{}", realm.keycloak(), realm.name());
    let answer = client().get(url).bearer_auth(realm.admin().token().await).send().await?;
    let status = answer.status().as_u16();
    Ok((status, answer.text().await?))
}

async fn users(realm: &Realm) -> u64 {
    realm.get("/users/count").await.as_u64().unwrap()
}

async fn status() {
    let (stand_in, realm) = stage().await;
    let body = r#"{"error":"unknown_error"}"#;
    stand_in.faults().add(When::next().method(Method::POST), Fault::Status(503, body.to_owned()));
    assert_eq!(create(&realm, "babs").await.unwrap(), (503, body.to_owned()));
    assert_eq!(users(&realm).await, 0);
    assert_eq!(create(&realm, "babs").await.unwrap().0, 201, "only once");
    // The tests' own calls are no second try here, as they are on the real one.
    stand_in.faults().add(When::next().method(Method::POST), Fault::Status(500, body.to_owned()));
    realm.call(Method::POST, "/users", Some(&json!({ "username": "jane" }))).await.expect(500);
}

async fn delay() {
    let (stand_in, realm) = stage().await;
    let long = Duration::from_millis(300);
    realm.admin().token().await;
    stand_in.faults().add(When::next(), Fault::DelayBefore(long));
    let began = Instant::now();
    assert_eq!(create(&realm, "babs").await.unwrap().0, 201);
    assert!(began.elapsed() >= long, "{:?}", began.elapsed());
    assert_eq!(users(&realm).await, 1);
}

/// Creates a user, and hangs up long before the answer comes.
async fn create_impatiently(realm: &Realm, username: &str) {
    realm.admin().token().await;
    let impatient = tokio::time::timeout(Duration::from_millis(1500), create(realm, username)).await;
    assert!(impatient.is_err(), "{impatient:?}");
}

async fn late_effect() {
    let (stand_in, realm) = stage().await;
    let when = When::next().method(Method::POST).path("/users");
    stand_in.faults().add(when, Fault::DelayBefore(Duration::from_secs(3)));
    create_impatiently(&realm, "babs").await;
    assert_eq!(users(&realm).await, 0, "not yet");
    until("the user comes", async || users(&realm).await == 1).await;
}

async fn late_answer() {
    let (stand_in, realm) = stage().await;
    let long = Duration::from_secs(3);
    stand_in.faults().add(When::next().method(Method::POST).path("/users").times(2), Fault::DelayAfter(long));
    create_impatiently(&realm, "babs").await;
    let began = Instant::now();
    let (answer, at_once) = tokio::join!(create(&realm, "jane"), async {
        until("both users are there", async || users(&realm).await == 2).await;
        began.elapsed()
    });
    assert_eq!(answer.unwrap().0, 201);
    assert!(at_once < long && began.elapsed() >= long, "{at_once:?}, {:?}", began.elapsed());
}

async fn reset_before() {
    let (stand_in, realm) = stage().await;
    stand_in.faults().add(When::next().path("/users"), Fault::ResetBefore);
    assert_reset(&create(&realm, "babs").await.unwrap_err());
    assert_eq!(users(&realm).await, 0);
}

async fn reset_after() {
    let (stand_in, realm) = stage().await;
    stand_in.faults().add(When::next().path("/users"), Fault::ResetAfter);
    assert_reset(&create(&realm, "babs").await.unwrap_err());
    assert_eq!(users(&realm).await, 1);
}

/// The connection was reset, and not just closed.
#[track_caller]
fn assert_reset(error: &reqwest::Error) {
    let mut cause: Option<&dyn std::error::Error> = Some(error);
    while let Some(error) = cause {
        if let Some(error) = error.downcast_ref::<std::io::Error>()
            && error.kind() == std::io::ErrorKind::ConnectionReset
        {
            return;
        }
        cause = error.source();
    }
    panic!("no reset: {error:?}");
}

async fn truncate() {
    let (stand_in, realm) = stage().await;
    let whole = read(&realm).await.unwrap().1;
    for (method, made) in [(Method::GET, 0), (Method::POST, 1)] {
        stand_in.faults().add(When::next().method(method.clone()).path("/acme"), Fault::Truncate);
        let error = if method == Method::GET { read(&realm).await } else { create(&realm, "babs").await };
        let error = error.expect_err("less than was promised");
        assert!(error.is_body() || error.is_decode(), "{method}: {error:?}");
        assert_eq!(users(&realm).await, made, "{method}");
    }
    assert_eq!(read(&realm).await.unwrap().1, whole, "only once");
}

async fn aimed() {
    let (stand_in, realm) = stage().await;
    let when = When::next().method(Method::POST).path("/acme/users").after(1).times(2);
    stand_in.faults().add(when, Fault::Status(500, "{}".to_owned()));
    assert_eq!(read(&realm).await.unwrap().0, 200, "another path and method");
    realm.get("/users").await;
    let mut statuses = Vec::new();
    for name in ["anna", "berta", "carla", "dora"] {
        statuses.push(create(&realm, name).await.unwrap().0);
    }
    assert_eq!(statuses, [201, 500, 500, 201]);
    stand_in.faults().add(When::next().times(usize::MAX), Fault::Status(500, "{}".to_owned()));
    for _ in 0..5 {
        assert_eq!(read(&realm).await.unwrap().0, 500);
    }
    stand_in.faults().clear();
    assert_eq!(read(&realm).await.unwrap().0, 200);
}

async fn oldest_first() {
    let (stand_in, realm) = stage().await;
    for status in [500, 502] {
        stand_in.faults().add(When::next().path("/acme"), Fault::Status(status, String::new()));
    }
    let mut statuses = Vec::new();
    for _ in 0..3 {
        statuses.push(read(&realm).await.unwrap().0);
    }
    assert_eq!(statuses, [500, 502, 200]);
}

async fn latency() {
    let (stand_in, realm) = stage().await;
    let slow = Duration::from_millis(100);
    stand_in.set_latency(slow);
    for _ in 0..2 {
        let began = Instant::now();
        read(&realm).await.unwrap();
        assert!(began.elapsed() >= slow, "{:?}", began.elapsed());
    }
    // Many at once don't wait for each other.
    let began = Instant::now();
    futures_util::future::join_all((0..20).map(|_| realm.get(""))).await;
    assert!(began.elapsed() < slow * 10, "{:?}", began.elapsed());
}

async fn lacking() {
    let (stand_in, realm) = stage().await;
    let answer = realm.call(Method::GET, "/attack-detection/brute-force/users", None).await.expect(501);
    let said = "the stand-in has no GET /admin/realms/acme/attack-detection/brute-force/users";
    assert_eq!(answer.body, json!({ "error": said }));
    let url = format!("{}/realms/acme/account", stand_in.url());
    let answer = client().post(url).send().await.unwrap();
    assert_eq!(answer.status(), 501);
    let body: Value = answer.json().await.unwrap();
    assert_eq!(body, json!({ "error": "the stand-in has no POST /realms/acme/account" }));
}

async fn realm_settings() {
    let (_stand_in, realm) = stage().await;
    let before = realm.get("").await;
    for (key, value) in [
        ("enabled", json!(false)),
        ("duplicateEmailsAllowed", json!(true)),
        ("bruteForceProtected", json!(true)),
        ("verifyEmail", json!(true)),
        ("adminPermissionsEnabled", json!(true)),
        ("internationalizationEnabled", json!(true)),
        ("sslRequired", json!("all")),
        ("notBefore", json!(1)),
        ("ssoSessionIdleTimeout", json!(1)),
        ("defaultSignatureAlgorithm", json!("ES384")),
        ("attributes", json!({ "frontendUrl": "https://id.example.com" })),
    ] {
        let said = json!({ "error": format!("the stand-in has no realm with {key}: {value}") });
        let mut made = json!({ "realm": "contoso", "enabled": true });
        made[key] = value.clone();
        let admin = realm.admin();
        assert_eq!(admin.call(Method::POST, "", Some(&made)).await.expect(501).body, said);
        admin.call(Method::GET, "/contoso", None).await.expect(404);
        let changes = json!({ "editUsernameAllowed": true, key: value });
        assert_eq!(realm.call(Method::PUT, "", Some(&changes)).await.expect(501).body, said);
    }
    let unsaid = realm.admin().call(Method::POST, "", Some(&json!({ "realm": "contoso" }))).await;
    assert_eq!(
        unsaid.expect(501).body["error"],
        "the stand-in has no realm with enabled: false",
        "as Keycloak's"
    );
    assert_eq!(realm.get("").await, before, "all or nothing");
    // What is so already may be said.
    realm.put("", &before).await;
    assert_eq!(realm.get("").await, before);
}

async fn client_settings() {
    let (_stand_in, realm) = stage().await;
    let id = realm.post("/clients", &json!({ "clientId": "app" })).await;
    let path = format!("/clients/{id}");
    let before = realm.get(&path).await;
    for (key, value) in [
        ("consentRequired", json!(true)),
        ("bearerOnly", json!(true)),
        ("clientAuthenticatorType", json!("client-jwt")),
        ("protocol", json!("saml")),
        ("notBefore", json!(1)),
    ] {
        let said = json!({ "error": format!("the stand-in has no client with {key}: {value}") });
        let mut made = json!({ "clientId": "other" });
        made[key] = value.clone();
        assert_eq!(realm.call(Method::POST, "/clients", Some(&made)).await.expect(501).body, said);
        assert_eq!(realm.get("/clients?clientId=other").await, json!([]));
        let changes = json!({ "clientId": "app", "name": "App", key: value });
        assert_eq!(realm.call(Method::PUT, &path, Some(&changes)).await.expect(501).body, said);
    }
    assert_eq!(realm.get(&path).await, before, "all or nothing");
    for id in [id, realm.client_uuid("realm-management").await] {
        // What is so already may be said.
        let path = format!("/clients/{id}");
        let before = realm.get(&path).await;
        realm.put(&path, &before).await;
        assert_eq!(realm.get(&path).await, before);
    }
}

async fn deterministic() {
    let mut seen = Vec::new();
    for _ in 0..2 {
        let (_stand_in, realm) = stage().await;
        let id = realm.create_user(&json!({ "username": "babs", "createdTimestamp": 1 })).await;
        let role = realm.get("").await["defaultRole"].clone();
        seen.push((realm.user(&id).await, role));
    }
    assert_eq!(seen[0], seen[1]);
}

async fn dropped() {
    let (stand_in, realm) = stage().await;
    drop(stand_in);
    // The task ends at its next turn.
    until("nobody answers", async || read_without_token(&realm).await.is_err()).await;
}

async fn read_without_token(realm: &Realm) -> reqwest::Result<reqwest::Response> {
    client().get(format!("{}/realms/acme", realm.keycloak())).send().await
}
