//! Running the gateway: what it refuses to start with, a Keycloak that is down, slow clients, and the end.

use std::time::{Duration, Instant};

use http::Method;
use libtest_mimic::Trial;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::stage::{Stage, patch, until, user};
use crate::admin::{Realm, admin};
use crate::gateway::{Auth, Finished, Gateway, Prepared};
use crate::proxy::{Point, Proxy};
use crate::runner::both;
use crate::scim::{Answer, Scim};

pub fn trials() -> Vec<Trial> {
    [
        both("operation::a_bad_configuration_is_refused_with_line_and_key", bad_configuration),
        both("operation::a_realm_that_is_not_set_up_is_refused", not_set_up),
        both("operation::keycloak_down_is_503_until_it_is_back", keycloak_down),
        both("operation::it_starts_without_keycloak_and_becomes_ready", starts_alone),
        both("operation::health_is_on_the_private_listener_alone", health),
        both("operation::sigterm_finishes_what_has_begun", drains),
        both("operation::requests_beyond_the_limit_are_told_to_come_back", overload),
        both("operation::a_client_that_sends_no_headers_is_let_go", slow_headers),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// It ended at once, unsuccessfully, and said these things.
#[track_caller]
fn refused(served: Result<Gateway, Finished>, says: &[&str]) {
    let Err(finished) = served else { panic!("it serves") };
    assert_eq!(finished.status.code(), Some(1), "{}", finished.stderr);
    for said in says {
        assert!(finished.stderr.contains(said), "not {said:?} but:\n{}", finished.stderr);
    }
    assert!(!finished.stderr.contains("panicked"), "{}", finished.stderr);
}

async fn bad_configuration() {
    let realm = admin().await.create_realm("operation").await;
    let prepared = async || Gateway::setup(&realm, Auth::Token).await;
    let name = realm.name();
    let line_of = |prepared: &Prepared, key: &str| {
        let config = std::fs::read_to_string(prepared.config()).unwrap();
        1 + config
            .lines()
            .position(|line| line.starts_with(key))
            .unwrap_or_else(|| panic!("no {key} in\n{config}"))
    };
    // A misspelt key and a value that can't be used, each at its line, both at once.
    let bad = prepared().await.rewrite(|config| {
        let url = config.lines().find(|line| line.starts_with("url =")).unwrap().to_owned();
        config.replace(&url, "url = \"keycloak.example.com\"\nconnect_timeuot = \"5s\"")
    });
    let (first, second) = (line_of(&bad, "url ="), line_of(&bad, "connect_timeuot"));
    let places = [
        format!("config.toml:{first}: realms.{name}.keycloak.url: "),
        format!("config.toml:{second}: realms.{name}.keycloak.connect_timeuot: "),
    ];
    refused(bad.try_serve().await, &[&places[0], &places[1]]);
    // A secret that is not there.
    let bad = prepared().await;
    let line = line_of(&bad, "client_secret_file");
    std::fs::remove_file(bad.directory().join(format!("{name}-keycloak-client-secret"))).unwrap();
    refused(
        bad.try_serve().await,
        &[&format!("config.toml:{line}: realms.{name}.keycloak.client_secret_file: ")],
    );
    // A secret from the environment: not there, and there.
    let from_environment = async || {
        let line_by_line = |line: &str| match line.split_once('=') {
            Some((key, _)) if key.trim() == "client_secret_file" => {
                "client_secret_env = \"GATE\"\n".to_owned()
            }
            _ => format!("{line}\n"),
        };
        prepared().await.rewrite(|config| config.lines().map(line_by_line).collect())
    };
    let not_set = "keycloak.client_secret_env: the environment variable that is named here is not set";
    refused(from_environment().await.try_serve().await, &["config.toml:", not_set]);
    let secret =
        std::fs::read_to_string(prepared().await.directory().join(format!("{name}-keycloak-client-secret")));
    from_environment().await.env("GATE", secret.unwrap().trim()).serve().await;
    // A caller whom nobody could be, at the end of the file.
    let caller = format!("[realms.{name}.callers.entra]\nauth = \"token\"\nsha256 = []");
    let bad = prepared().await.append(&caller);
    let line = line_of(&bad, "sha256 = []");
    refused(bad.try_serve().await, &[&format!("config.toml:{line}: realms.{name}.callers.entra.sha256: ")]);
    // The realm whose administrators run all realms.
    let bad = prepared().await.rewrite(|config| config.replace(&format!("[realms.{name}"), "[realms.master"));
    refused(bad.try_serve().await, &["config.toml:", "realms.master"]);
    // An address that is taken.
    let serving = prepared().await.serve().await;
    let address = serving.base_url().trim_start_matches("http://").split('/').next().unwrap().to_owned();
    let bad = prepared().await.set(&["server", "listen"], address.clone());
    refused(bad.try_serve().await, &["server.listen", &address]);
}

async fn not_set_up() {
    let realm = admin().await.create_realm("operation").await;
    let prepared = Gateway::setup(&realm, Auth::Token).await;
    let whole = realm.get("/users/profile").await;
    let mut profile = whole.clone();
    profile["attributes"]
        .as_array_mut()
        .unwrap()
        .retain(|attribute| !["scim.document", "department"].contains(&attribute["name"].as_str().unwrap()));
    realm.put("/users/profile", &profile).await;
    let mends = format!("scimgate setup --keycloak URL --realm {}", realm.name());
    refused(prepared.try_serve().await, &["does not declare department, scim.document", &mends]);
    realm.put("/users/profile", &whole).await;
    let prepared = Gateway::setup(&realm, Auth::Token).await;
    realm.delete("/roles/scim-managed").await;
    refused(prepared.try_serve().await, &["the realm role \"scim-managed\" is missing", &mends]);
    // The command that it names does mend it.
    Gateway::setup(&realm, Auth::Token).await.serve().await;
}

/// 503 as Okta understands it: a SCIM error and whole seconds.
#[track_caller]
fn come_back(answer: &Answer) {
    answer.scim_error(503, None);
    let seconds: u64 =
        answer.header("retry-after").unwrap_or("none").parse().expect("Retry-After in seconds");
    assert!((1..=120).contains(&seconds), "{answer}");
}

async fn behind_proxy(realm: &Realm) -> (Proxy, Prepared) {
    let proxy = Proxy::start(realm.keycloak()).await;
    let prepared = Gateway::setup(realm, Auth::Token).await.via(&proxy);
    (proxy, prepared)
}

async fn keycloak_down() {
    let realm = admin().await.create_realm("operation").await;
    let (proxy, prepared) = behind_proxy(&realm).await;
    let gateway = prepared.serve().await;
    let scim = gateway.scim().await;
    let id = scim.post("/Users", &user("babs@example.com", json!({}))).await.expect(201).id();
    let one = format!("/Users/{id}");
    let off = patch(&json!([{ "op": "replace", "path": "active", "value": false }]));
    let new = user("new@example.com", json!({}));
    for down in ["unreachable", "503", "500", "no JSON", "429"] {
        let rule = proxy.on(|_, path| path.starts_with("/admin/")).always();
        match down {
            "unreachable" => rule.drop_connection(Point::BeforeKeycloak),
            "503" => rule.answer_with(503, &[("content-type", "text/html")], "<html>down</html>"),
            "500" => rule.answer(500, &json!({ "error": "unknown_error" })),
            "429" => rule.answer_with(429, &[("retry-after", "7")], ""),
            _ => rule.answer_with(200, &[("content-type", "text/html")], "<html>a proxy's page</html>"),
        }
        // What needs nothing of Keycloak goes on.
        scim.get("/Schemas").await.expect(200);
        for answer in [
            scim.get("/Users?startIndex=1&count=2").await,
            scim.list("Users", r#"userName eq "babs@example.com""#, "").await,
            scim.get(&one).await,
            scim.patch(&one, &off).await,
            scim.put(&one, &new).await,
            scim.post("/Users", &new).await,
            scim.delete(&one).await,
        ] {
            come_back(&answer);
            assert!(!answer.json().to_string().contains("html"), "{down}: {answer}");
            if down == "429" {
                assert_eq!(answer.header("retry-after"), Some("7"), "{answer}");
            }
        }
        assert_eq!(private(&gateway, "/livez").await.0, 200, "{down}");
        proxy.clear_rules();
        until("it works again", async || scim.get(&one).await.status == 200).await;
    }
    assert_eq!(realm.user(&id).await.unwrap()["enabled"], true, "nothing was changed");
    assert_eq!(realm.user_by_username("new@example.com").await, None);
    assert!(!gateway.log().contains("panicked"), "{}", gateway.log());
}

async fn private(gateway: &Gateway, path: &str) -> (u16, String) {
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let answer = client.get(format!("{}{path}", gateway.private_url())).send().await.unwrap();
    (answer.status().as_u16(), answer.text().await.unwrap())
}

async fn starts_alone() {
    let realm = admin().await.create_realm("operation").await;
    let (proxy, prepared) = behind_proxy(&realm).await;
    let prepared = prepared.set(&["realms", realm.name(), "sweep_interval"], "1s");
    let config: toml::Table = std::fs::read_to_string(prepared.config()).unwrap().parse().unwrap();
    let address = config["server"]["private_listen"].as_str().unwrap().to_owned();
    let scim = Scim::bearer(prepared.printed("base_url"), prepared.printed("token"));
    proxy.on(|_, _| true).always().drop_connection(Point::BeforeKeycloak);
    let meanwhile = async {
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let get = async |path: &str| {
            let answer = client.get(format!("http://{address}{path}")).send().await.ok()?;
            Some((answer.status().as_u16(), answer.text().await.ok()?))
        };
        until("it lives", async || get("/livez").await == Some((200, "ok\n".to_owned()))).await;
        let (status, text) = get("/readyz").await.unwrap();
        assert_eq!((status, text), (503, format!("not ready: {}\n", realm.name())));
        come_back(&scim.get("/Users?startIndex=1&count=2").await);
        come_back(&scim.post("/Users", &user("babs@example.com", json!({}))).await);
        assert_eq!(get("/readyz").await.unwrap().0, 503);
        proxy.clear_rules();
    };
    let (gateway, ()) = tokio::join!(prepared.serve(), meanwhile);
    assert_eq!(private(&gateway, "/readyz").await, (200, "ok\n".to_owned()));
    scim.post("/Users", &user("babs@example.com", json!({}))).await.expect(201);
}

async fn health() {
    let stage = Stage::new("operation").await;
    for path in ["/livez", "/readyz"] {
        assert_eq!(private(&stage.gateway, path).await, (200, "ok\n".to_owned()), "{path}");
    }
    let public = stage.scim.base_url().split("/realms/").next().unwrap().to_owned();
    let [public, inside] = [&public, &stage.gateway.private_url()].map(|url| Scim::anonymous(url));
    for path in ["/livez", "/readyz", "/metrics"] {
        public.get(path).await.scim_error(404, None);
    }
    let scim = format!("/realms/{}/scim/v2/Users", stage.realm.name());
    inside.get(&scim).await.expect(404);
}

async fn drains() {
    let realm = admin().await.create_realm("operation").await;
    let (proxy, prepared) = behind_proxy(&realm).await;
    let mut gateway = prepared.serve().await;
    let scim = gateway.scim().await;
    let mut list_held = proxy.on(|_, path| path.contains("/users/count")).hold(Point::AfterKeycloak);
    let list = {
        let scim = scim.clone();
        tokio::spawn(async move { scim.get("/Users?startIndex=1&count=2").await })
    };
    list_held.reached().await;
    let mut create_held = proxy
        .on(|method, path| method == Method::POST && path.ends_with("/users"))
        .hold(Point::BeforeKeycloak);
    let create = {
        let scim = scim.clone();
        tokio::spawn(async move { scim.post("/Users", &user("babs@example.com", json!({}))).await })
    };
    create_held.reached().await;
    gateway.begin_to_terminate();
    let address = scim.base_url().trim_start_matches("http://").split('/').next().unwrap().to_owned();
    until("no new connections", async || TcpStream::connect(&address).await.is_err()).await;
    assert!(!create.is_finished() && !list.is_finished(), "open requests wait for Keycloak");
    create_held.release();
    let id = create.await.unwrap().expect(201).id();
    until("what goes on after the answer is finished too", async || {
        realm.user(&id).await.unwrap()["attributes"].get("scim.pending").is_none()
    })
    .await;
    assert!(realm.user_role_names(&id).await.contains(&"scim-managed".to_owned()));
    list_held.release();
    assert_eq!(list.await.unwrap().resources().len(), 0, "it was asked before there was anybody");
    assert_eq!(gateway.ended().await.code(), Some(0));
    gateway.restart().await;
    scim.get(&format!("/Users/{id}")).await.expect(200);
}

async fn overload() {
    let realm = admin().await.create_realm("operation").await;
    let (proxy, prepared) = behind_proxy(&realm).await;
    let gateway = prepared.set(&["server", "max_concurrent_requests"], 1).serve().await;
    let scim = gateway.scim().await;
    let mut held = proxy.on(|_, path| path.contains("/users?")).hold(Point::BeforeKeycloak);
    let first = {
        let scim = scim.clone();
        tokio::spawn(async move { scim.get("/Users?startIndex=1&count=2").await })
    };
    held.reached().await;
    come_back(&scim.get("/Schemas").await);
    held.release();
    first.await.unwrap().expect(200);
    scim.get("/Schemas").await.expect(200);
}

async fn slow_headers() {
    let realm = admin().await.create_realm("operation").await;
    let gateway =
        Gateway::setup(&realm, Auth::Token).await.set(&["server", "header_timeout"], "500ms").serve().await;
    let address = gateway.base_url().trim_start_matches("http://").split('/').next().unwrap().to_owned();
    for sent in
        ["GET /realms/acme/scim/v2/Users HTTP/1.1\r\nHost: example.com\r\nAccept: appl", "GET /rea", "P", ""]
    {
        let mut connection = TcpStream::connect(&address).await.unwrap();
        connection.write_all(sent.as_bytes()).await.unwrap();
        let began = Instant::now();
        let mut answer = Vec::new();
        let read = tokio::time::timeout(Duration::from_secs(10), connection.read_to_end(&mut answer)).await;
        assert!(read.is_ok(), "still open 10 s after {sent:?}");
        let time = began.elapsed();
        assert!(
            time >= Duration::from_millis(400) && time < Duration::from_secs(5),
            "{sent:?}: closed after {time:?}"
        );
    }
    // Who is only slow between two requests is not hurt.
    let scim = gateway.scim().await;
    scim.get("/Schemas").await.expect(200);
    scim.get("/Schemas").await.expect(200);
}
