//! What is measured: a real Keycloak with its SCIM preview switched on, a realm with a gateway, and a realm for the preview.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use reqwest::Method;
use scimgate::config::{self, Config, ProcessEnvironment, Realm};
use scimgate::keycloak::Connection;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::distribution::Distribution;
use crate::ports;
use crate::process::{Group, guarded};
use crate::ways::http_client;

const REALM: &str = "side-by-side";
/// The preview's own: it takes longer, the more attributes a realm's user profile declares, and the gateway declares many.
const PREVIEW_REALM: &str = "preview";
const ADMIN: &str = "admin";
const PASSWORD: &str = "admin-of-the-measurement";
const PASSWORD_VARIABLE: &str = "SIDE_BY_SIDE_ADMIN_PASSWORD";
/// A first start builds.
const START_LIMIT: Duration = Duration::from_secs(240);

/// All that runs. Ended, by process group, when dropped, and also when this program is killed.
#[derive(Debug)]
pub struct House {
    // The gateway goes before Keycloak, and both before their files.
    _gateway: Group,
    _keycloak: Group,
    _directory: TempDir,
    keycloak: String,
    base_url: String,
    token: String,
    preview_secret: String,
    config: Config,
}

impl House {
    /// Starts everything.
    pub async fn start() -> Self {
        let directory = tempfile::Builder::new().prefix("side-by-side-").tempdir().expect("a directory");
        let (keycloak, keycloak_url) = start_keycloak(directory.path()).await;
        let listen = format!("127.0.0.1:{}", ports::free());
        let private = format!("127.0.0.1:{}", ports::free());
        let setup = set_up(directory.path(), &keycloak_url, &listen, &private).await;
        let path = directory.path().join("gateway/config.toml");
        let config = config::load(&path, &ProcessEnvironment).expect("setup writes a good configuration");
        let mut command = own("serve");
        command.arg("--config").arg(&path);
        let gateway =
            start(command, &directory.path().join("gateway.log"), &format!("http://{private}/readyz")).await;
        let text = |key: &str| setup[key].as_str().unwrap_or_else(|| panic!("no {key}")).to_owned();
        Self {
            _gateway: gateway,
            _keycloak: keycloak,
            _directory: directory,
            keycloak: keycloak_url,
            base_url: text("base_url"),
            token: text("token"),
            preview_secret: uuid::Uuid::new_v4().to_string(),
            config,
        }
    }

    /// The gateway's base URL, and its caller's token.
    pub fn gateway(&self) -> (String, String) {
        (self.base_url.clone(), self.token.clone())
    }

    /// The realm as the gateway's configuration has it.
    pub fn realm(&self) -> &Realm {
        self.config.realms.values().next().expect("a realm")
    }

    /// Makes a realm as Keycloak makes them, and opens its SCIM preview to a client; gives the base URL, and a token that lasts.
    pub async fn preview(&self) -> (String, String) {
        let admin = Admin::sign_in(&self.keycloak).await;
        let audience = format!("{}/realms/{PREVIEW_REALM}/scim/v2", self.keycloak);
        let realm = json!({
            "realm": PREVIEW_REALM, "enabled": true, "scimApiEnabled": true, "accessTokenLifespan": 36_000,
        });
        admin.call(Method::POST, "", &realm).await;
        let admin = admin.of(PREVIEW_REALM);
        let secret = self.preview_secret.clone();
        let mapper = json!({
            "name": "scim", "protocol": "openid-connect", "protocolMapper": "oidc-audience-mapper",
            "config": { "included.custom.audience": audience, "access.token.claim": "true" },
        });
        let client = json!({
            "clientId": "preview", "secret": secret, "publicClient": false, "serviceAccountsEnabled": true,
            "standardFlowEnabled": false, "protocolMappers": [mapper],
        });
        admin.call(Method::POST, "/clients", &client).await;
        let id = admin.id("/clients?clientId=preview").await;
        let account = admin.get(&format!("/clients/{id}/service-account-user")).await;
        let account = account["id"].as_str().expect("a service account");
        let management = admin.id("/clients?clientId=realm-management").await;
        let role = admin.get(&format!("/clients/{management}/roles/manage-users")).await;
        let mappings = format!("/users/{account}/role-mappings/clients/{management}");
        admin.call(Method::POST, &mappings, &json!([role])).await;
        let form =
            [("grant_type", "client_credentials"), ("client_id", "preview"), ("client_secret", &secret)];
        (audience, token(&self.keycloak, PREVIEW_REALM, &form).await)
    }

    /// The account of the preview's client, for Admin REST; once the preview was opened.
    pub fn preview_account(&self) -> Connection {
        let url = self.keycloak.parse().expect("a URL");
        Connection::new(url, PREVIEW_REALM, "preview", self.preview_secret.clone().into(), http_client())
    }
}

/// An administrator of Keycloak.
struct Admin {
    http: reqwest::Client,
    url: String,
    token: String,
}

impl Admin {
    async fn sign_in(keycloak: &str) -> Self {
        let form = [
            ("grant_type", "password"),
            ("client_id", "admin-cli"),
            ("username", ADMIN),
            ("password", PASSWORD),
        ];
        let token = token(keycloak, "master", &form).await;
        Self { http: client(), url: format!("{keycloak}/admin/realms"), token }
    }

    /// The same for one realm.
    fn of(self, realm: &str) -> Self {
        Self { url: format!("{}/{realm}", self.url), ..self }
    }

    async fn call(&self, method: Method, path: &str, body: &Value) {
        let request = self.http.request(method, format!("{}{path}", self.url)).bearer_auth(&self.token);
        let answer = request.json(body).send().await.expect("Keycloak answers");
        let status = answer.status();
        assert!(status.is_success(), "{path}: {status}: {}", answer.text().await.unwrap_or_default());
    }

    async fn get(&self, path: &str) -> Value {
        let request = self.http.get(format!("{}{path}", self.url)).bearer_auth(&self.token);
        let answer = request.send().await.expect("Keycloak answers");
        assert!(answer.status().is_success(), "{path}: {}", answer.status());
        answer.json().await.expect("JSON")
    }

    /// The id of the first that a search finds.
    async fn id(&self, path: &str) -> String {
        self.get(path).await[0]["id"].as_str().expect("an id").to_owned()
    }
}

async fn token(keycloak: &str, realm: &str, form: &[(&str, &str)]) -> String {
    let url = format!("{keycloak}/realms/{realm}/protocol/openid-connect/token");
    let answer = client().post(url).form(form).send().await.expect("Keycloak answers");
    let answer: Value = answer.json().await.expect("JSON");
    answer["access_token"].as_str().unwrap_or_else(|| panic!("no token: {answer}")).to_owned()
}

fn client() -> reqwest::Client {
    reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(60)).build().expect("an HTTP client")
}

/// As in production, but for its database, which is in memory: with both of Java's compilers, unlike the tests' Keycloak.
async fn start_keycloak(directory: &Path) -> (Group, String) {
    let features = ["scim-api"];
    let obtained = tokio::task::spawn_blocking(move || Distribution::obtain(&features)).await;
    let mut distribution = obtained.expect("not cancelled").unwrap_or_else(|error| panic!("{error}"));
    let port = ports::free();
    let mut command = guarded("sh");
    command
        .arg(distribution.home.join("bin/kc.sh"))
        .args(["start-dev", "--db=dev-mem", "--cache=local", "--features=scim-api"])
        .args(["--http-host=127.0.0.1", &format!("--http-port={port}")]);
    // Whatever the developer's shell sets for a Keycloak of theirs, or for Java, is not for this one.
    for (name, _) in std::env::vars_os() {
        let name = name.to_string_lossy().into_owned();
        if ["KC_", "KEYCLOAK_", "QUARKUS_", "JAVA", "JDK_", "DEBUG"]
            .iter()
            .any(|prefix| name.starts_with(prefix))
        {
            command.env_remove(name);
        }
    }
    command
        .env("JAVA_HOME", &distribution.java_home)
        .env("JAVA_OPTS_KC_HEAP", "-Xms512m -Xmx1g")
        .env("KC_BOOTSTRAP_ADMIN_USERNAME", ADMIN)
        .env("KC_BOOTSTRAP_ADMIN_PASSWORD", PASSWORD)
        .current_dir(&distribution.home);
    let url = format!("http://127.0.0.1:{port}");
    eprintln!("starting Keycloak{}", if distribution.is_new() { ", for the first time" } else { "" });
    let group = start(command, &directory.join("keycloak.log"), &format!("{url}/realms/master")).await;
    distribution.has_served().unwrap_or_else(|error| panic!("{error}"));
    (group, url)
}

/// Runs `scimgate setup`; gives what it prints.
async fn set_up(directory: &Path, keycloak: &str, listen: &str, private: &str) -> Value {
    let output = directory.join("setup.json");
    let mut command = own("setup");
    command
        .args(["--keycloak", keycloak, "--realm", REALM, "--create-realm", "--admin-user", ADMIN])
        .args(["--admin-password-env", PASSWORD_VARIABLE, "--caller", "okta", "--auth", "token", "--json"])
        .args(["--listen", listen, "--private-listen", private, "--public-url", &format!("http://{listen}")])
        .arg("--out")
        .arg(directory.join("gateway"))
        .env(PASSWORD_VARIABLE, PASSWORD)
        .stdout(File::create(&output).expect("a file"))
        .stderr(File::create(directory.join("setup.log")).expect("a file"));
    let mut group = Group::spawn(command).expect("this program");
    let status = group.wait(Duration::from_secs(60)).await.expect("setup comes to its end");
    assert!(status.success(), "setup failed:\n{}", tail(&directory.join("setup.log")));
    serde_json::from_str(&fs::read_to_string(output).expect("its output")).expect("JSON")
}

/// A command of scimgate's, carried out by this program.
fn own(command: &str) -> Command {
    let mut own = guarded(std::env::current_exe().expect("this program's path"));
    own.arg(command);
    own
}

/// Starts a server and waits until this URL answers 200.
async fn start(mut command: Command, log: &PathBuf, ready: &str) -> Group {
    let output = File::create(log).expect("a log");
    command.stdout(output.try_clone().expect("a log")).stderr(output);
    let mut group = Group::spawn(command).expect("a program");
    let (http, began) = (client(), Instant::now());
    loop {
        if let Some(status) = group.exited() {
            panic!("it ended ({status}) instead of serving:\n{}", tail(log));
        }
        if let Ok(answer) = http.get(ready).timeout(Duration::from_secs(10)).send().await
            && answer.status() == 200
        {
            return group;
        }
        assert!(began.elapsed() < START_LIMIT, "{ready} is not there after {START_LIMIT:?}:\n{}", tail(log));
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

fn tail(log: &Path) -> String {
    let text = fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(30)..].join("\n")
}
