//! What callers may do once they are known: write, use types of resources, call from somewhere, call often.

use http::Method;
use scimgate::scim::Code;
use serde_json::json;

use super::{prepared, refused, sha256, with};
use crate::proxy::Proxy;
use crate::scenarios::stage::{patch_active, user};
use crate::scim::{Answer, Scim};

/// A caller by a token that is its name, with these further keys.
fn caller(table: &str, name: &str, keys: &str) -> String {
    format!("[{table}.{name}]\nauth = \"token\"\nsha256 = [\"{}\"]\n{keys}\n", sha256(name))
}

pub async fn access_and_resources() {
    let (realm, prepared) = prepared(|table| {
        [
            caller(table, "reader", "access = \"read-only\""),
            caller(table, "users", "resources = [\"User\"]"),
            caller(table, "groups", "resources = [\"Group\"]\naccess = \"read-only\""),
        ]
        .concat()
    })
    .await;
    let gateway = prepared.serve().await;
    let okta = gateway.scim().await;
    let id = okta.post("/Users", &user("bjensen", json!({}))).await.expect(201).id();
    let group = json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"], "displayName": "Tour Guides",
    });
    let group = okta.post("/Groups", &group).await.expect(201).id();
    let (one, one_group) = (format!("/Users/{id}"), format!("/Groups/{group}"));
    let as_caller = |name: &str| with(&gateway, &format!("Bearer {name}"));

    // Everything that reads, by every verb that reads.
    let reader = as_caller("reader");
    for path in ["/Users", &one, "/Groups", &one_group, "/Schemas", "/ServiceProviderConfig"] {
        reader.get(path).await.expect(200);
        reader.raw(Method::HEAD, path, None, "").await.expect(200);
    }
    let search = json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"], "count": 1});
    reader.post("/Users/.search", &search).await.expect(200);
    let writes = async |client: &Scim| -> Vec<Answer> {
        let mut answers = Vec::new();
        for (collection, one) in [("/Users", &one), ("/Groups", &one_group)] {
            answers.push(client.post(collection, &user("intruder", json!({}))).await);
            answers.push(client.put(one, &user("intruder", json!({}))).await);
            answers.push(client.patch(one, &patch_active(false)).await);
            answers.push(client.delete(one).await);
        }
        answers
    };
    for answer in writes(&reader).await {
        refused(&answer, 403, Code::ReadOnlyCaller);
    }
    // What has no body is refused as early as what has a wrong one.
    let garbage = reader.raw(Method::POST, "/Users", Some("text/plain"), "garbage").await;
    refused(&garbage, 403, Code::ReadOnlyCaller);

    for (name, open, closed, closed_one) in
        [("users", "/Users", "/Groups", &one_group), ("groups", "/Groups", "/Users", &one)]
    {
        let client = as_caller(name);
        client.get(open).await.expect(200);
        client.get("/ResourceTypes").await.expect(200);
        for path in [closed, closed_one] {
            refused(&client.get(path).await, 403, Code::ResourceNotAllowed);
        }
        refused(&client.post(&format!("{closed}/.search"), &search).await, 403, Code::ResourceNotAllowed);
    }
    refused(&as_caller("users").delete(&one_group).await, 403, Code::ResourceNotAllowed);
    assert!(realm.user_by_username("intruder").await.is_none());
    assert_eq!(okta.get(&one).await.expect(200).json()["active"], true);
    okta.get(&one_group).await.expect(200);
}

pub async fn networks() {
    let callers = |table: &str| {
        [
            caller(table, "here", "networks = [\"127.0.0.0/8\", \"::1/128\"]"),
            caller(table, "away", "networks = [\"203.0.113.0/24\", \"2001:db8::/32\"]"),
        ]
        .concat()
    };
    let (_realm, direct) = prepared(callers).await;
    let direct = direct.serve().await;
    let ask = async |client: &Scim, forwarded: &[&str]| {
        let mut headers = http::HeaderMap::new();
        for value in forwarded {
            headers.append("x-forwarded-for", value.parse().unwrap());
        }
        client.with_headers(headers).get("/Users?count=1").await
    };
    let away = with(&direct, "Bearer away");
    ask(&with(&direct, "Bearer here"), &[]).await.expect(200);
    // Nobody is believed: anybody can write that header.
    for forwarded in [&[][..], &["203.0.113.9"]] {
        refused(&ask(&away, forwarded).await, 403, Code::NetworkNotAllowed);
    }
    assert!(direct.log().contains("it came from 127.0.0.1, which is in none of the caller's networks"));

    let (_other_realm, behind) = prepared(callers).await;
    let behind = behind.set(&["server", "trusted_proxies"], vec!["127.0.0.0/8"]).serve().await;
    let away = with(&behind, "Bearer away");
    for inside in [
        &["203.0.113.9"][..],
        &["198.51.100.1, 203.0.113.9"],
        &["198.51.100.1", "203.0.113.9"],
        &["[2001:db8::7]:443"],
    ] {
        ask(&away, inside).await.expect(200);
    }
    for outside in [&[][..], &["198.51.100.1"], &["203.0.113.9, 198.51.100.1"], &["203.0.113.9, garbage"]] {
        refused(&ask(&away, outside).await, 403, Code::NetworkNotAllowed);
    }
    // Wrong credentials learn nothing of networks.
    let stranger = with(&behind, "Bearer nobody");
    refused(&ask(&stranger, &["198.51.100.1"]).await, 401, Code::Unauthenticated);
}

pub async fn of_each_caller() {
    let (_realm, prepared) = prepared(|table| {
        [caller(table, "slow", "rate_limit = \"3/h\""), caller(table, "quick", "")].concat()
    })
    .await;
    let mut gateway = prepared.serve().await;
    let ask = async |gateway: &crate::gateway::Gateway, name: &str| {
        with(gateway, &format!("Bearer {name}")).get("/Users?count=1").await
    };
    for _ in 0..3 {
        ask(&gateway, "slow").await.expect(200);
    }
    for _ in 0..2 {
        let answer = ask(&gateway, "slow").await;
        refused(&answer, 429, Code::TooManyRequests);
        let seconds: u64 = answer.header("retry-after").unwrap().parse().expect("whole seconds");
        assert!((1100..=1200).contains(&seconds), "{answer}");
    }
    for _ in 0..10 {
        ask(&gateway, "quick").await.expect(200);
    }
    gateway.restart().await;
    ask(&gateway, "slow").await.expect(200);
}

pub async fn of_all() {
    let (realm, prepared) = prepared(|_| String::new()).await;
    let proxy = Proxy::start(realm.keycloak()).await;
    let prepared = prepared.via(&proxy).set(&["realms", realm.name(), "issuer"], realm.issuer());
    let gateway = prepared.set(&["server", "rate_limit"], "10/h").serve().await;
    let okta = gateway.scim().await;
    let before = proxy.calls().len();
    // Strangers count for nobody.
    for _ in 0..15 {
        refused(&with(&gateway, "Bearer wrong").get("/Users").await, 401, Code::Unauthenticated);
    }
    for _ in 0..10 {
        okta.get("/ServiceProviderConfig").await.expect(200);
    }
    let answer = okta.get("/Users").await;
    refused(&answer, 429, Code::TooManyRequests);
    let seconds: u64 = answer.header("retry-after").unwrap().parse().expect("whole seconds");
    assert!((300..=360).contains(&seconds), "{answer}");
    refused(&with(&gateway, "Bearer wrong").get("/Users").await, 401, Code::Unauthenticated);
    let url = gateway.base_url().replace("/scim/v2", "/protocol/openid-connect");
    let form = "grant_type=client_credentials&client_id=a&client_secret=b";
    let token = Scim::anonymous(&url);
    let form_type = Some("application/x-www-form-urlencoded");
    // Those of strangers count for nobody either, and go no further.
    for _ in 0..11 {
        token.raw(Method::POST, "/token", form_type, form).await.expect(401);
    }
    let calls: Vec<String> = proxy.calls()[before..].iter().map(|call| call.line()).collect();
    assert!(calls.iter().all(|call| !call.contains("/token")), "{calls:?}");
    let log = gateway.log();
    let refused = log.lines().filter(|line| line.contains("status=4"));
    assert!(refused.clone().all(|line| line.contains("keycloak_calls=0")), "{log}");
    assert_eq!(refused.count(), 15 + 2 + 11);
}
