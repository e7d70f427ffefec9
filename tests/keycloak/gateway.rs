//! The real `scimgate` binary: set up for a realm of the test, served on free ports, signalled, killed, restarted.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use serde_json::Value;
use tempfile::TempDir;

use crate::admin::{ORGANIZATION, Realm};
use crate::keycloak::{ADMIN_PASSWORD, ADMIN_USER, append, tail};
use crate::ports;
use crate::process::{Group, guarded};
use crate::proxy::Proxy;
use crate::runner::say;
use crate::scim::Scim;

const START_LIMIT: Duration = Duration::from_secs(30);
const END_LIMIT: Duration = Duration::from_secs(40);
const COMMAND_LIMIT: Duration = Duration::from_secs(60);
const PASSWORD_VARIABLE: &str = "SCIMGATE_TEST_ADMIN_PASSWORD";

/// How the caller `okta` proves who it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Auth {
    /// A static bearer token.
    Token,
    /// Client credentials of the realm.
    Keycloak,
}

impl Auth {
    fn name(self) -> &'static str {
        match self {
            Self::Token => "token",
            Self::Keycloak => "keycloak",
        }
    }
}

/// A finished `scimgate` command.
#[derive(Debug)]
pub struct Finished {
    pub status: ExitStatus,
    pub stdout: String,
    pub stderr: String,
}

impl Finished {
    /// Itself, if the command succeeded.
    #[track_caller]
    pub fn ok(self) -> Self {
        assert!(
            self.status.success(),
            "scimgate ended with {}\n{}\n{}",
            self.status,
            self.stdout,
            self.stderr
        );
        self
    }
}

/// Runs a `scimgate` command to its end, in this directory, with these further environment variables.
pub async fn run(directory: &Path, arguments: &[&str], environment: &[(&str, &str)]) -> Finished {
    let outputs = [".stdout", ".stderr"].map(|name| directory.join(name));
    let [stdout, stderr] = outputs.each_ref().map(|path| fs::File::create(path).expect("an output file"));
    let mut command = scimgate(directory);
    command.args(arguments).envs(environment.iter().copied()).stdout(stdout).stderr(stderr);
    let mut group = Group::spawn(command).expect("the scimgate binary");
    let status = group.wait(COMMAND_LIMIT).await;
    let [stdout, stderr] = outputs.map(|path| fs::read_to_string(path).unwrap_or_default());
    match status {
        Some(status) => Finished { status, stdout, stderr },
        None => panic!("scimgate {arguments:?} runs for more than {COMMAND_LIMIT:?}\n{stdout}\n{stderr}"),
    }
}

pub fn scimgate(directory: &Path) -> std::process::Command {
    let mut command = guarded(env!("CARGO_BIN_EXE_scimgate"));
    command.current_dir(directory);
    // What a developer sets for a gateway of theirs is not for this one.
    for (name, _) in std::env::vars_os() {
        let name = name.to_string_lossy().into_owned();
        if name.starts_with("SCIMGATE_") || name == "RUST_LOG" {
            command.env_remove(name);
        }
    }
    command
}

/// A gateway that `scimgate setup` has prepared and that does not serve yet: the time to change its configuration.
#[derive(Debug)]
pub struct Prepared {
    directory: TempDir,
    private: String,
    environment: Vec<(String, String)>,
    keycloak: String,
    /// What `setup --json` printed.
    pub json: Value,
}

impl Prepared {
    /// The directory that `setup` wrote to.
    pub fn directory(&self) -> PathBuf {
        self.directory.path().join("out")
    }

    /// `config.toml`.
    pub fn config(&self) -> PathBuf {
        self.directory().join("config.toml")
    }

    /// Puts the proxy between gateway and Keycloak.
    ///
    /// Only the `url` of the realm's Keycloak changes. A configured `issuer` stays: see [`crate::proxy`] for what that
    /// means to tokens.
    pub fn via(self, proxy: &Proxy) -> Self {
        let keycloak = self.keycloak.clone();
        self.rewrite(|config| with_url(&config, &keycloak, &proxy.url()))
    }

    /// Adds lines at the end of the configuration: whole tables, so that it does not matter what stands before.
    pub fn append(self, toml: &str) -> Self {
        self.rewrite(|config| format!("{config}\n{toml}\n"))
    }

    /// Sets one key, named from the top: `set(&["realms", "acme", "on_existing"], "adopt")`. Comments are lost.
    pub fn set(self, path: &[&str], value: impl Into<toml::Value>) -> Self {
        let value = value.into();
        self.rewrite(|config| with_key(&config, path, value))
    }

    /// Changes the configuration's text.
    pub fn rewrite(self, change: impl FnOnce(String) -> String) -> Self {
        let path = self.config();
        let config = fs::read_to_string(&path).expect("setup writes config.toml");
        fs::write(&path, change(config)).expect("a configuration to write");
        self
    }

    /// Serves with this environment variable.
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// A value that `setup --json` printed.
    #[track_caller]
    pub fn printed(&self, key: &str) -> &str {
        match self.json[key].as_str() {
            Some(value) => value,
            None => panic!("setup --json prints no {key}: {}", self.json),
        }
    }

    /// Runs `scimgate serve` and waits until it is ready; fails the test with its log if it ends instead.
    pub async fn serve(self) -> Gateway {
        match self.try_serve().await {
            Ok(gateway) => gateway,
            Err(ended) => panic!("scimgate ended ({}) instead of serving:\n{}", ended.status, ended.stderr),
        }
    }

    /// Runs `scimgate serve`; gives its end and its output (as `stderr`) if it refuses to serve.
    pub async fn try_serve(self) -> Result<Gateway, Finished> {
        self.until("readyz").await
    }

    /// Runs `scimgate serve` and waits until it serves, though some of its tenants may not be ready.
    pub async fn serve_in_part(self) -> Gateway {
        match self.until("livez").await {
            Ok(gateway) => gateway,
            Err(ended) => panic!("scimgate ended ({}) instead of serving:\n{}", ended.status, ended.stderr),
        }
    }

    async fn until(self, check: &str) -> Result<Gateway, Finished> {
        let log = self.directory.path().join("gateway.log");
        let group = start(&self, &log, check).await?;
        Ok(Gateway { prepared: self, log, group: Some(group) })
    }
}

/// The configuration with another URL of the realm's Keycloak.
pub fn with_url(config: &str, from: &str, to: &str) -> String {
    let mut changed = 0;
    let lines: Vec<String> = config
        .lines()
        .map(|line| {
            let key = line.split('=').next().unwrap_or_default().trim();
            if key == "url" && line.contains(from) {
                changed += 1;
                line.replace(from, to)
            } else {
                line.to_owned()
            }
        })
        .collect();
    assert_eq!(changed, 1, "one line `url = \"{from}\"` in\n{config}");
    lines.join("\n") + "\n"
}

/// The configuration with one key set, tables made as needed.
pub fn with_key(config: &str, path: &[&str], value: toml::Value) -> String {
    let mut root: toml::Table = config.parse().expect("setup writes TOML");
    let (key, tables) = path.split_last().expect("a path");
    let mut table = &mut root;
    for name in tables {
        table =
            table.entry(*name).or_insert_with(|| toml::Table::new().into()).as_table_mut().expect("a table");
    }
    table.insert((*key).to_owned(), value);
    root.to_string()
}

async fn start(prepared: &Prepared, log: &Path, check: &str) -> Result<Group, Finished> {
    let output = append(log).expect("a log file");
    let before = fs::metadata(log).map_or(0, |metadata| metadata.len());
    let mut command = scimgate(prepared.directory.path());
    command
        .arg("serve")
        .arg("--config")
        .arg(prepared.config())
        .envs(prepared.environment.iter().map(|(name, value)| (name, value)))
        .stdout(output.try_clone().expect("a log file"))
        .stderr(output);
    let mut group = Group::spawn(command).expect("the scimgate binary");
    let ready = format!("http://{}/{check}", prepared.private);
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let began = Instant::now();
    loop {
        if let Some(status) = group.exited() {
            let said = fs::read(log).unwrap_or_default();
            let from = usize::try_from(before).unwrap_or_default().min(said.len());
            return Err(Finished {
                status,
                stdout: String::new(),
                stderr: String::from_utf8_lossy(&said[from..]).into_owned(),
            });
        }
        let asked = client.get(&ready).timeout(Duration::from_secs(5)).send().await;
        let answer = match asked {
            Ok(answer) if answer.status() == 200 => return Ok(group),
            Ok(answer) => format!("answers {}", answer.status()),
            Err(error) => format!("gives {error}"),
        };
        assert!(
            began.elapsed() < START_LIMIT,
            "scimgate is not ready after {START_LIMIT:?}: {ready} {answer}. Its log ends:\n{}",
            tail(&fs::read_to_string(log).unwrap_or_default())
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// A running gateway. Killed when dropped; a failing test prints the end of its log.
#[derive(Debug)]
pub struct Gateway {
    prepared: Prepared,
    log: PathBuf,
    group: Option<Group>,
}

impl Gateway {
    /// Runs `scimgate setup` for this realm, with the caller `okta`.
    pub async fn setup(realm: &Realm, auth: Auth) -> Prepared {
        Self::setup_with(realm, auth, &[]).await
    }

    /// Runs `scimgate setup` with these further options.
    pub async fn setup_with(realm: &Realm, auth: Auth, options: &[&str]) -> Prepared {
        let directory = tempfile::Builder::new().prefix("scimgate-").tempdir().expect("a directory");
        let listen = format!("127.0.0.1:{}", ports::free());
        let private = format!("127.0.0.1:{}", ports::free());
        let public_url = format!("http://{listen}");
        let mut arguments = vec![
            "setup",
            "--keycloak",
            realm.keycloak(),
            "--realm",
            realm.name(),
            "--admin-user",
            ADMIN_USER,
            "--admin-password-env",
            PASSWORD_VARIABLE,
            "--caller",
            "okta",
            "--auth",
            auth.name(),
            "--out",
            "out",
            "--listen",
            &listen,
            "--private-listen",
            &private,
            "--public-url",
            &public_url,
            "--json",
        ];
        arguments.extend(options);
        if realm.organization().is_some() {
            arguments.extend(["--organization", ORGANIZATION]);
        }
        let finished = run(directory.path(), &arguments, &[(PASSWORD_VARIABLE, ADMIN_PASSWORD)]).await.ok();
        let json = serde_json::from_str(&finished.stdout).unwrap_or_else(|error| {
            panic!("setup --json prints no JSON ({error}):\n{}\n{}", finished.stdout, finished.stderr)
        });
        Prepared { directory, private, environment: Vec::new(), keycloak: realm.keycloak().to_owned(), json }
    }

    /// `setup` and `serve` in one.
    pub async fn start(realm: &Realm, auth: Auth) -> Self {
        Self::setup(realm, auth).await.serve().await
    }

    /// As it is typed into Okta.
    pub fn base_url(&self) -> &str {
        self.prepared.printed("base_url")
    }

    /// What `setup` prepared.
    pub fn prepared(&self) -> &Prepared {
        &self.prepared
    }

    /// `http://HOST:PORT` of health and readiness.
    pub fn private_url(&self) -> String {
        format!("http://{}", self.prepared.private)
    }

    /// A SCIM client with the caller's credentials: its token, or one from the token endpoint, good for a while.
    pub async fn scim(&self) -> Scim {
        if let Some(token) = self.prepared.json["token"].as_str() {
            return Scim::bearer(self.base_url(), token);
        }
        let endpoint = self.prepared.printed("token_endpoint");
        let form = [
            ("grant_type", "client_credentials"),
            ("client_id", self.prepared.printed("client_id")),
            ("client_secret", self.prepared.printed("client_secret")),
        ];
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let answer = client.post(endpoint).form(&form).send().await;
        let answer = answer.unwrap_or_else(|error| panic!("POST {endpoint}: {error:?}"));
        let status = answer.status();
        let body: Value = answer.json().await.unwrap_or_default();
        match body["access_token"].as_str() {
            Some(token) => Scim::bearer(self.base_url(), token),
            None => panic!("POST {endpoint} answered {status}: {body}"),
        }
    }

    /// All that it printed, through restarts.
    pub fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Sends SIGTERM without waiting for anything.
    pub fn begin_to_terminate(&mut self) {
        self.running().signal(Signal::SIGTERM);
    }

    /// Sends SIGHUP without waiting for anything.
    pub fn hang_up(&mut self) {
        self.running().signal(Signal::SIGHUP);
    }

    /// Sends SIGTERM and waits for its end.
    pub async fn terminate(&mut self) -> ExitStatus {
        self.begin_to_terminate();
        self.ended().await
    }

    /// Waits for its end.
    pub async fn ended(&mut self) -> ExitStatus {
        let status = self.running().wait(END_LIMIT).await;
        match status {
            Some(status) => {
                self.group = None;
                status
            }
            None => panic!("scimgate still runs after {END_LIMIT:?}"),
        }
    }

    /// Kills it at once, as a crash does.
    pub fn kill(&mut self) {
        self.group = None;
    }

    /// Serves again, with the same configuration and addresses, after `terminate` or `kill` or neither.
    pub async fn restart(&mut self) {
        if self.group.is_some() {
            self.terminate().await;
        }
        match start(&self.prepared, &self.log, "readyz").await {
            Ok(group) => self.group = Some(group),
            Err(ended) => {
                panic!("scimgate ended ({}) instead of serving again:\n{}", ended.status, ended.stderr)
            }
        }
    }

    #[track_caller]
    fn running(&mut self) -> &mut Group {
        self.group.as_mut().expect("scimgate runs")
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        self.kill();
        if std::thread::panicking() {
            say(&format!("the gateway of {} printed at last:\n{}", self.base_url(), tail(&self.log())));
        }
    }
}
