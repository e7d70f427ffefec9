//! What strangers and odd bodies can make the gateway do: little, and little of it is logged.

use std::time::{Duration, Instant};

use http::Method;
use libtest_mimic::Trial;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use super::stage::{Stage, until, user};
use crate::admin::admin;
use crate::gateway::{Auth, Gateway, Prepared};
use crate::proxy::Proxy;
use crate::runner::both;
use crate::scim::Scim;

pub fn trials() -> Vec<Trial> {
    [
        both("bounds::half_sent_token_requests_do_not_keep_scim_requests_waiting", half_sent),
        both("bounds::a_forwarded_token_request_is_logged_and_counted", token_line),
        both("bounds::very_many_passwords_cost_little_and_are_logged_once", many_passwords),
        both("bounds::a_patch_that_looks_at_too_many_values_is_refused_at_once", too_much_work),
        both("bounds::a_long_realm_name_is_not_logged", long_realm),
    ]
    .into_iter()
    .flatten()
    .collect()
}

const FORM: &str = "application/x-www-form-urlencoded";

/// More than strangers may ever have taken care of at once, in a gateway that takes little more.
async fn half_sent() {
    const SENT: usize = 40;
    const AT_ONCE: usize = 18;
    let change = |_: &str, prepared: Prepared| prepared.set(&["server", "max_concurrent_requests"], 36);
    let stage = Stage::with("bounds", Auth::Token, change).await;
    let id = stage.create("bjensen@example.com").await;
    stage.settled().await;
    let address = stage.scim.base_url().trim_start_matches("http://").split('/').next().unwrap().to_owned();
    let head = format!(
        "POST /realms/none/protocol/openid-connect/token HTTP/1.1\r\nHost: {address}\r\nContent-Type: {FORM}\r\n\
         Content-Length: 100\r\n\r\ng"
    );
    let began = Instant::now();
    let mut open = JoinSet::new();
    for _ in 0..SENT {
        let mut connection = TcpStream::connect(&address).await.unwrap();
        connection.write_all(head.as_bytes()).await.unwrap();
        open.spawn(async move {
            let mut answer = [0; 12];
            connection.read_exact(&mut answer).await.unwrap();
            // Held open, so that nothing ends because the client does.
            (String::from_utf8_lossy(&answer[9..]).into_owned(), began.elapsed(), connection)
        });
    }
    let mut answered = Vec::new();
    for _ in 0..SENT - AT_ONCE {
        answered.push(open.join_next().await.unwrap().unwrap());
    }
    for (status, after, _) in &answered {
        assert!(
            status == "503" && *after < Duration::from_secs(2),
            "beyond the limit: {status} after {after:?}"
        );
    }
    for _ in 0..10 {
        let asked = Instant::now();
        stage.scim.get(&format!("/Users/{id}")).await.expect(200);
        assert!(asked.elapsed() < Duration::from_secs(1), "answered after {:?}", asked.elapsed());
    }
    assert!(began.elapsed() < Duration::from_secs(4), "while they waited: {:?}", began.elapsed());
    for (status, after, _) in open.join_all().await {
        let in_time = after > Duration::from_secs(4) && after < Duration::from_secs(7);
        assert!(status == "408" && in_time, "no more bytes came: {status} after {after:?}");
    }
}

fn json_log(prepared: Prepared) -> Prepared {
    prepared.set(&["log", "format"], "json")
}

/// The log's lines about requests, and each one's length.
fn request_lines(gateway: &Gateway) -> Vec<(Value, usize)> {
    let log = gateway.log();
    let lines = log.lines().filter_map(|line| Some((serde_json::from_str::<Value>(line).ok()?, line.len())));
    lines.filter(|(line, _)| line["message"] == "request").collect()
}

/// The one line of this request.
async fn line_of(gateway: &Gateway, request_id: &str) -> (Value, usize) {
    let own = || request_lines(gateway).into_iter().filter(|(line, _)| line["request_id"] == request_id);
    until("its line is written", async || own().count() > 0).await;
    let mut lines: Vec<_> = own().collect();
    assert_eq!(lines.len(), 1, "{lines:?}");
    lines.remove(0)
}

async fn token_line() {
    let realm = admin().await.create_realm("bounds").await;
    let proxy = Proxy::start(realm.keycloak()).await;
    let prepared = json_log(Gateway::setup(&realm, Auth::Keycloak).await.via(&proxy));
    let gateway = prepared.serve().await;
    let prepared = gateway.prepared();
    let (id, secret) = (prepared.printed("client_id"), prepared.printed("client_secret"));
    let client = Scim::anonymous(prepared.printed("token_endpoint").trim_end_matches("/token"));
    // The gateway's own token was fetched before it was ready.
    proxy.drain();
    let forwarded = || proxy.drain().into_iter().filter(|call| call.is_openid()).collect::<Vec<_>>();
    for (request_id, secret, status) in [("Okta-4711.ok", secret, 200), ("Okta-4711.wrong", "wrong", 401)] {
        let form = format!("grant_type=client_credentials&client_id={id}&client_secret={secret}");
        let with_id = client.with_header("x-request-id", request_id);
        let answer = with_id.raw(Method::POST, "/token", Some(FORM), form).await.expect(status);
        assert_eq!(answer.header("x-request-id"), Some(request_id));
        let forwarded = forwarded();
        assert_eq!(forwarded.len(), 1, "{forwarded:?}");
        assert_eq!(forwarded[0].request_id.as_deref(), Some(request_id), "Keycloak's log can tell it too");
        let (line, _) = line_of(&gateway, request_id).await;
        for (key, value) in [
            ("operation", json!("token")),
            ("realm", json!(realm.name())),
            ("caller", json!("okta")),
            ("status", json!(status)),
            ("keycloak_calls", json!(1)),
        ] {
            assert_eq!(line[key], value, "{key}: {line}");
        }
    }
    // What is not forwarded is nobody's, and costs Keycloak nothing.
    let form = "grant_type=client_credentials&client_id=nobody&client_secret=x";
    client
        .with_header("x-request-id", "Okta-4711.nobody")
        .raw(Method::POST, "/token", Some(FORM), form)
        .await
        .expect(401);
    let (line, _) = line_of(&gateway, "Okta-4711.nobody").await;
    assert_eq!((&line["caller"], &line["keycloak_calls"]), (&Value::Null, &json!(0)), "{line}");
    assert_eq!(forwarded().len(), 0);
}

async fn many_passwords() {
    let stage = Stage::with("bounds", Auth::Token, |_, prepared| json_log(prepared)).await;
    let mut body = user("bjensen@example.com", json!({}));
    for n in 0..20_000 {
        body[format!("{n}:password")] = "x".into();
    }
    assert!(body.to_string().len() > 300_000);
    let scim = stage.scim.with_header("x-request-id", "many-passwords");
    let began = Instant::now();
    let created = scim.post("/Users", &body).await.expect(201);
    assert!(began.elapsed() < Duration::from_secs(5), "answered after {:?}", began.elapsed());
    assert!(!created.json().to_string().contains("password"), "{created}");
    let (line, length) = line_of(&stage.gateway, "many-passwords").await;
    assert_eq!(line["dropped"], "password");
    assert!(length < 2048, "a line of {length} bytes");
    assert!(stage.gateway.log().lines().all(|line| line.len() < 2048), "no other line is longer");
}

async fn too_much_work() {
    let stage = Stage::new("bounds").await;
    let id = stage.create("bjensen@example.com").await;
    stage.settled().await;
    let before = stage.realm.get("/users").await;
    let phones: Vec<Value> = (0..1000).map(|n| json!({ "value": n.to_string(), "type": "work" })).collect();
    let fill = json!({ "op": "add", "path": "phoneNumbers", "value": phones });
    let filter = vec!["value eq \"x\""; 100].join(" or ");
    let look = json!({ "op": "remove", "path": format!("phoneNumbers[{filter}]") });
    let mut filled = vec![fill.clone()];
    filled.extend(vec![look; 300]);
    for operations in [Value::Array(filled), Value::Array(vec![fill; 20])] {
        let began = Instant::now();
        let answer = stage.patch(&id, &operations).await;
        // Without the bound it takes more than half a minute; a busy machine takes its time within it, too.
        assert!(began.elapsed() < Duration::from_secs(12), "answered after {:?}", began.elapsed());
        let detail = answer.scim_error(400, Some("invalidValue"))["detail"].as_str().unwrap().to_owned();
        assert!(detail.ends_with(" [too-much-work]"), "{detail}");
    }
    assert_eq!(stage.realm.get("/users").await, before, "nothing has changed");
}

async fn long_realm() {
    let stage = Stage::with("bounds", Auth::Keycloak, |_, prepared| json_log(prepared)).await;
    let realm = "x".repeat(60_000);
    let host = Scim::anonymous(stage.scim.base_url().split("/realms/").next().unwrap());
    let with_id = |id: &str| host.with_header("x-request-id", id);
    with_id("long-scim").get(&format!("/realms/{realm}/scim/v2/Users")).await.scim_error(401, None);
    let form = "grant_type=client_credentials&client_id=x&client_secret=x";
    let token = format!("/realms/{realm}/protocol/openid-connect/token");
    with_id("long-token").raw(Method::POST, &token, Some(FORM), form).await.expect(401);
    with_id("long-path").get(&format!("/realms/{realm}")).await.scim_error(404, None);
    let mine = stage.scim.with_header("x-request-id", "long-id");
    mine.get(&format!("/Users/{realm}")).await.scim_error(404, None);
    for request_id in ["long-scim", "long-token", "long-path", "long-id"] {
        let (line, length) = line_of(&stage.gateway, request_id).await;
        assert!(length < 2048, "a line of {length} bytes: {line}");
    }
    assert!(!stage.gateway.log().contains("xxxxxxxx"), "no part of it");
}
