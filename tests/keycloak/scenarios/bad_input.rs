//! Requests to the wrong address, for what is taken or has changed: a 4xx that says why, and nothing in Keycloak changes.

use bytes::Bytes;
use http::Method;
use libtest_mimic::Trial;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::stage::{Stage, patch, user};
use crate::admin::{Realm, admin};
use crate::gateway::{Auth, Gateway};
use crate::proxy::Proxy;
use crate::runner::both;
use crate::scim::{Answer, Scim};

pub fn trials() -> Vec<Trial> {
    [
        both("bad_input::ids_reach_no_other_admin_url", ids),
        both("bad_input::what_is_taken_is_409", taken),
        both("bad_input::an_unknown_id_is_404_and_creates_nothing", unknown),
        both("bad_input::a_stale_version_is_412", stale),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// A realm with people in it, who must be as before after whatever a trial sends.
pub struct Unharmed {
    pub stage: Stage,
    /// The managed user that requests are aimed at.
    pub victim: String,
    before: Value,
}

impl Unharmed {
    pub async fn new() -> Self {
        Self::of(Stage::new("bad").await).await
    }

    async fn of(stage: Stage) -> Self {
        stage
            .realm
            .create_user(&json!({ "username": "unmanaged@example.com", "email": "unmanaged@example.com", "enabled": true }))
            .await;
        let victim = stage
            .create_with(
                "bjensen@example.com",
                json!({
                    "externalId": "701984", "title": "Guide", "name": { "givenName": "Barbara", "familyName": "Jensen" },
                    "emails": [
                        { "value": "bjensen@example.com", "type": "work", "primary": true },
                        { "value": "babs@example.com", "type": "home" },
                    ],
                }),
            )
            .await;
        stage
            .create_with("jsmith@example.com", json!({ "emails": [{ "value": "jsmith@example.com" }] }))
            .await;
        let before = {
            stage.settled().await;
            people(&stage.realm).await
        };
        Self { stage, victim, before }
    }

    /// The request is refused so: in plain words, with a code, without an echo of what was sent.
    pub async fn refuses(
        &self,
        method: Method,
        path: &str,
        content_type: Option<&str>,
        body: impl Into<Bytes>,
        status: u16,
        scim_type: Option<&str>,
    ) -> Answer {
        let body = body.into();
        let said = String::from_utf8_lossy(&body[..body.len().min(300)]).into_owned();
        let answer = self.stage.scim.raw(method, path, content_type, body).await;
        assert_eq!(answer.status, status, "to {said}\n{answer}");
        assert_eq!(answer.body.as_ref().unwrap()["scimType"].as_str(), scim_type, "to {said}\n{answer}");
        let error = answer.scim_error(status, scim_type);
        let detail = error["detail"].as_str().unwrap();
        assert!(detail.len() < 500 && detail.contains(' '), "no plain sentence: {answer}");
        assert!(detail.ends_with(']') && detail.contains(" ["), "no code at its end: {answer}");
        answer
    }

    /// The status of a request that no HTTP library would send.
    pub async fn raw_status(&self, method: &str, path: &str, headers: &str, body: &str) -> String {
        let url = url::Url::parse(self.stage.scim.base_url()).unwrap();
        let address = format!("127.0.0.1:{}", url.port().unwrap());
        let token = self.stage.gateway.prepared().printed("token");
        let request = format!(
            "{method} {}{path} HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {token}\r\n{headers}\r\n\
             Connection: close\r\n\r\n{body}",
            url.path()
        );
        let (mut from, mut to) = TcpStream::connect(&address).await.unwrap().into_split();
        // The gateway need not read on once it knows.
        tokio::spawn(async move { to.write_all(request.as_bytes()).await });
        let mut answer = [0; 12];
        from.read_exact(&mut answer).await.unwrap();
        String::from_utf8_lossy(&answer[9..]).into_owned()
    }

    /// People are as before, and nothing panicked.
    pub async fn check(&self) {
        let after = people(&self.stage.realm).await;
        assert_eq!(after, self.before, "people are as before");
        assert_no_panic(&self.stage.gateway);
    }
}

fn assert_no_panic(gateway: &Gateway) {
    let log = gateway.log();
    for sign in ["panicked", "RUST_BACKTRACE", " ERROR "] {
        assert!(!log.contains(sign), "{sign} in the log:\n{log}");
    }
}

/// Everybody with all that Keycloak knows of them, and the profile.
async fn people(realm: &Realm) -> Value {
    json!({
        "users": realm.get("/users?max=1000").await,
        "managed": realm.get("/roles/scim-managed/users").await,
        "profile": realm.get("/users/profile").await,
    })
}

async fn ids() {
    let realm = admin().await.create_realm("bad").await;
    let proxy = Proxy::start(realm.keycloak()).await;
    let gateway = Gateway::setup(&realm, Auth::Token).await.via(&proxy).serve().await;
    let scim: Scim = gateway.scim().await;
    let stage = Unharmed::of(Stage { gateway, scim, realm }).await;
    let (id, people) = (stage.victim.clone(), stage.before["users"].as_array().unwrap().clone());
    let other = people.iter().find(|user| user["username"] == "unmanaged@example.com").unwrap()["id"]
        .as_str()
        .unwrap();
    proxy.drain();
    let put = Bytes::from(user("moved@example.com", json!({})).to_string());
    let active =
        Bytes::from(patch(&json!([{ "op": "replace", "path": "active", "value": false }])).to_string());
    for id in odd_ids(&id, other) {
        let path = format!("/Users/{id}");
        for (method, body) in [
            (Method::GET, Bytes::new()),
            (Method::PUT, put.clone()),
            (Method::PATCH, active.clone()),
            (Method::DELETE, Bytes::new()),
        ] {
            stage.refuses(method, &path, Some("application/scim+json"), body, 404, None).await;
        }
    }
    let users = format!("/admin/realms/{}/users", stage.stage.realm.name());
    let plain = |id: &str| !id.is_empty() && id.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
    for call in proxy.drain().iter().filter(|call| !call.is_openid()) {
        let path = call.path.strip_prefix(&users).unwrap_or_default();
        let asked = path.strip_prefix("?search=id%3A").and_then(|rest| rest.split('&').next());
        let below = |of: &str| path.strip_prefix('/')?.split_once(of).map(|(id, _)| id);
        let asked = asked.or_else(|| below("/role-mappings/")).or_else(|| below("/groups?"));
        assert!(call.method == Method::GET && asked.is_some_and(plain), "reached Keycloak: {}", call.line());
    }
    stage.check().await;
}

/// Segments of a path that are none of Keycloak's ids, or not one that this client may use, and would lead elsewhere if they
/// were put into a URL as they are.
pub fn odd_ids(id: &str, other: &str) -> Vec<String> {
    vec![
        "..%2fprofile".to_owned(),
        "count".to_owned(),
        "profile".to_owned(),
        "%2e%2e".to_owned(),
        "..".to_owned(),
        ".".to_owned(),
        "%2e".to_owned(),
        "../Groups".to_owned(),
        "..%2f..%2fclients".to_owned(),
        "..%5cprofile".to_owned(),
        "%2fprofile".to_owned(),
        format!("{id}%2flogout"),
        format!("{id}/logout"),
        format!("{id}/role-mappings/realm"),
        format!("{id}%3fx=1"),
        format!("{id}%23x"),
        format!("{id};x"),
        format!("{id}%00"),
        format!("{id}%20{other}"),
        format!("{other}%20{id}"),
        format!("{id}+{other}"),
        format!("{id},{other}"),
        format!("id:{id}"),
        format!("{id}%0a"),
        format!("%20{id}"),
        format!("..%2fusers%2f{id}"),
        id[..35].to_owned(),
        other.to_owned(),
        "%ff".to_owned(),
        "%25".to_owned(),
        "*".to_owned(),
        "%2a".to_owned(),
        "%252e%252e%252fprofile".to_owned(),
        "a".repeat(3000),
        "%e2%80%8b".to_owned(),
    ]
}

async fn taken() {
    let stage = Unharmed::new().await;
    let one = format!("/Users/{}", stage.victim);
    let emails = |email: &str| json!({ "emails": [{ "value": email, "type": "work", "primary": true }] });
    let mut bodies = Vec::new();
    for (name, attributes) in [
        // By somebody who is managed, and by somebody who isn't; in another letter case.
        ("JSmith@Example.com", json!({})),
        ("Unmanaged@Example.com", json!({})),
        ("fresh@example.com", emails("JSmith@Example.com")),
        ("fresh@example.com", emails("unmanaged@example.com")),
        ("jsmith@example.com", emails("unmanaged@example.com")),
    ] {
        bodies.push((Method::POST, "/Users", user(name, attributes.clone())));
        bodies.push((Method::PUT, &*one, user(name, attributes.clone())));
        let mut value = attributes;
        value["userName"] = json!(name);
        bodies.push((Method::PATCH, &*one, patch(&json!([{ "op": "replace", "value": value }]))));
    }
    let email =
        json!([{ "op": "Replace", "path": "emails[type eq \"work\"].value", "value": "jsmith@example.com" }]);
    bodies.push((Method::PATCH, &*one, patch(&email)));
    for (method, path, body) in bodies {
        let answer = stage
            .refuses(method, path, Some("application/scim+json"), body.to_string(), 409, Some("uniqueness"))
            .await;
        assert!(
            !answer.json().to_string().to_lowercase().contains("@example.com"),
            "no address in it: {answer}"
        );
    }
    stage.check().await;
}

async fn unknown() {
    let stage = Unharmed::new().await;
    let unmanaged = stage.stage.realm.user_by_username("unmanaged@example.com").await.unwrap()["id"].clone();
    for id in [
        "00000000-0000-0000-0000-000000000000",
        "010101001010101011001010101011",
        unmanaged.as_str().unwrap(),
    ] {
        let path = format!("/Users/{id}");
        let put = user("created@example.com", json!({})).to_string();
        let operation = patch(&json!([{ "op": "replace", "path": "active", "value": false }])).to_string();
        for (method, body) in [
            (Method::GET, String::new()),
            (Method::PUT, put),
            (Method::PATCH, operation),
            (Method::DELETE, String::new()),
        ] {
            let answer = stage.refuses(method, &path, Some("application/scim+json"), body, 404, None).await;
            assert!(answer.json()["detail"].as_str().unwrap().contains(id), "{answer}");
        }
    }
    stage.check().await;
}

async fn stale() {
    let stage = Unharmed::new().await;
    let path = format!("/Users/{}", stage.victim);
    let whole = user("bjensen@example.com", json!({ "title": "Chief" })).to_string();
    let title = patch(&json!([{ "op": "replace", "path": "title", "value": "Chief" }])).to_string();
    for version in ["W/\"stale\"", "\"x\", W/\"y\"", "stale", ""] {
        let client = stage.stage.scim.with_header("if-match", version);
        for (method, body) in
            [(Method::PUT, whole.clone()), (Method::PATCH, title.clone()), (Method::DELETE, String::new())]
        {
            let answer = client.raw(method, &path, Some("application/scim+json"), body).await;
            assert_eq!(answer.status, 412, "If-Match: {version}: {answer}");
            answer.scim_error(412, None);
        }
    }
    stage.check().await;
}
