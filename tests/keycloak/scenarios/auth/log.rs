//! The caller's name in every line of the log that belongs to its request, and the audit entries of its changes.

use scimgate::scim::Code;
use serde_json::{Value, json};

use super::{prepared, refused, sha256, with};
use crate::proxy::Proxy;
use crate::scenarios::stage::user;

/// The lines of a JSON log that hold for a predicate.
fn lines(log: &str, holds: impl Fn(&Value) -> bool) -> Vec<Value> {
    let lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    lines.filter(|line| holds(line)).collect()
}

pub async fn of_requests() {
    let (realm, prepared) = prepared(|table| {
        format!(
            "[{table}.reader]\nauth = \"token\"\nsha256 = [\"{}\"]\naccess = \"read-only\"\n",
            sha256("reader")
        )
    })
    .await;
    let proxy = Proxy::start(realm.keycloak()).await;
    let prepared = prepared.via(&proxy).set(&["realms", realm.name(), "issuer"], realm.issuer());
    let gateway = prepared.set(&["log", "format"], "json").serve().await;
    let (okta, reader) = (gateway.scim().await, with(&gateway, "Bearer reader"));
    let id = okta.post("/Users", &user("bjensen@contoso.com", json!({}))).await.expect(201).id();
    let one = format!("/Users/{id}");
    okta.get(&one).await.expect(200);
    refused(&reader.delete(&one).await, 403, Code::ReadOnlyCaller);
    okta.delete("/Users/not@an.id").await.expect(404);
    with(&gateway, "Bearer wrong").delete(&one).await.expect(401);
    okta.delete(&one).await.expect(204);

    let audit = lines(&gateway.log(), |line| line["target"] == "audit");
    let told: Vec<Value> = audit
        .iter()
        .map(|line| {
            json!([line["caller"], line["operation"], line["resource"], line["status"], line["error"]])
        })
        .collect();
    // Every change that a known caller asked for, and nothing else.
    assert_eq!(
        told,
        [
            json!(["okta", "users.create", id, 201, null]),
            json!(["reader", "users.delete", id, 403, "read-only-caller"]),
            json!(["okta", "users.delete", "(not an id)", 404, "not-found"]),
            json!(["okta", "users.delete", id, 204, null]),
        ]
    );
    for line in &audit {
        assert_eq!(line["realm"], realm.name());
        assert!(line["request_id"].as_str().is_some_and(|id| id.len() == 36), "{line}");
        assert!(!line.to_string().contains("bjensen") && !line.to_string().contains("an.id"), "{line}");
    }

    // A line from deeper rooms.
    proxy.on(|_, path| path.contains("/users")).always().answer(500, &json!({"error": "unknown_error"}));
    let failed = reader.with_header("x-request-id", "told-apart").get("/Users?count=1").await;
    assert!(failed.status >= 500, "{failed}");
    let deep = lines(&gateway.log(), |line| {
        line["target"].as_str().is_some_and(|target| target.starts_with("scimgate::directory"))
            && line["span"]["request_id"] == "told-apart"
    });
    assert!(!deep.is_empty(), "no line of the failure:\n{}", gateway.log());
    for line in deep {
        assert_eq!(line["span"]["caller"], "reader", "{line}");
        assert_eq!(line["span"]["realm"], realm.name(), "{line}");
    }
}
