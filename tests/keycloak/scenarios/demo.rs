//! `scimgate demo`: what it prints can be pasted, and what becomes of it is shown.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use libtest_mimic::Trial;
use nix::sys::signal::Signal;

use super::stage::until;
use crate::admin::admin;
use crate::distribution::Distribution;
use crate::gateway::scimgate;
use crate::keycloak::{self, ADMIN_PASSWORD, ADMIN_USER};
use crate::process::{Group, guarded, run_to_end};
use crate::runner::trial;

const PASSWORD_VARIABLE: &str = "SCIMGATE_DEMO_ADMIN_PASSWORD";
const START_LIMIT: Duration = Duration::from_secs(240);
const END_LIMIT: Duration = Duration::from_secs(30);

pub fn trials() -> Vec<Trial> {
    vec![
        trial("demo::what_it_prints_can_be_pasted", on_the_stand_in),
        trial("demo::nothing_is_left_however_it_ends", however_it_ends),
        trial("demo::on_a_running_keycloak", on_a_running_keycloak),
        trial("demo::on_an_unpacked_distribution", on_a_distribution),
        trial("demo::a_killed_one_leaves_no_keycloak", killed),
        trial("demo::a_place_that_is_no_keycloak_is_refused", refusals),
    ]
}

/// A free port, as the usual one may be somebody's.
const ANYWHERE: [&str; 2] = ["--listen", "127.0.0.1:0"];

/// A running demo.
struct Demo {
    group: Group,
    directory: tempfile::TempDir,
}

impl Demo {
    async fn start(arguments: &[&str]) -> Self {
        Self::start_with(arguments, &[]).await
    }

    async fn start_with(arguments: &[&str], environment: &[(&str, &str)]) -> Self {
        let mut demo = Self::spawn(arguments, environment);
        let began = Instant::now();
        while !demo.output().contains("Ctrl-C ends the demo.") {
            assert!(demo.group.exited().is_none(), "the demo ended:\n{}", demo.output());
            assert!(began.elapsed() < START_LIMIT, "the demo does not begin:\n{}", demo.output());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        demo
    }

    fn spawn(arguments: &[&str], environment: &[(&str, &str)]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        fs::create_dir(directory.path().join("temporary")).unwrap();
        let output = fs::File::create(directory.path().join("output")).unwrap();
        let mut command = scimgate(directory.path());
        command
            .arg("demo")
            .args(arguments)
            .env("TMPDIR", directory.path().join("temporary"))
            .env(PASSWORD_VARIABLE, ADMIN_PASSWORD)
            .envs(environment.iter().copied())
            .stdout(output.try_clone().unwrap())
            .stderr(output);
        Self { group: Group::spawn(command).unwrap(), directory }
    }

    fn output(&self) -> String {
        fs::read_to_string(self.directory.path().join("output")).unwrap_or_default()
    }

    /// What came after the greeting.
    fn told(&self) -> String {
        let output = self.output();
        output.split_once("Ctrl-C ends the demo.").map(|(_, told)| told.to_owned()).unwrap_or_default()
    }

    /// Pastes the commands into a shell, and gives what it showed.
    fn paste(&self) -> String {
        let output = self.output();
        let (greeting, _) = output.split_once("Ctrl-C ends the demo.").unwrap();
        let (_, commands) =
            greeting.split_once("Paste these").and_then(|(_, rest)| rest.split_once('\n')).unwrap();
        let mut shell = guarded("bash");
        shell.args(["-c", commands]).current_dir(self.directory.path());
        let (_, shown) = run_to_end(shell, &self.directory.path().join("shell")).expect("bash, with curl");
        shown
    }

    /// Ctrl-C; gives all output.
    async fn end(self) -> String {
        self.end_by(Signal::SIGINT).await
    }

    /// Ends it, and sees that nothing of it is left behind.
    async fn end_by(mut self, signal: Signal) -> String {
        self.group.signal(signal);
        let status = self.group.wait(END_LIMIT).await;
        assert!(status.is_some_and(|status| status.success()), "{status:?}\n{}", self.output());
        assert_eq!(self.files(), Vec::<PathBuf>::new(), "secrets are left behind");
        self.output()
    }

    /// What it keeps in its temporary directory, that directory first.
    fn files(&self) -> Vec<PathBuf> {
        let mut found = Vec::new();
        let mut open = vec![self.directory.path().join("temporary")];
        while let Some(directory) = open.pop() {
            for entry in fs::read_dir(directory).unwrap() {
                let path = entry.unwrap().path();
                found.push(path.clone());
                if path.is_dir() {
                    open.push(path);
                }
            }
        }
        found
    }
}

/// The lives of a user and a group, pasted, and what the demo says of them.
async fn live_a_life(demo: &Demo) {
    let shown = demo.paste();
    for expected in [
        "HTTP/1.1 201 Created",
        "HTTP/1.1 200 OK",
        "\"displayName\":\"Tour Guides\",\"members\":[{",
        "\"active\":false",
        "HTTP/1.1 204 No Content",
    ] {
        assert!(shown.contains(expected), "no {expected:?} in\n{shown}\n{}", demo.output());
    }
    until("the last request is told", async || demo.told().contains("DELETE groups/")).await;
    let told = demo.told();
    let mut rest = told.as_str();
    for expected in [
        "POST /realms/", // the create …
        "-> 201 Created",
        "dropped     password: a password never goes further",
        "POST users -> 201",
        "\"username\":\"babs@example.com\"",
        "/role-mappings/realm -> 204",
        "GET /realms/", // … the lookup …
        "GET users?username=babs@example.com&exact=true",
        "POST /realms/", // … the push of a group …
        "/Groups -> 201 Created",
        "GET groups?search=Tour Guides",
        "POST groups -> 201",
        "# create the group",
        "\"name\":\"Tour Guides\"",
        "# put the user into the group",
        "PATCH /realms/", // … a member who leaves …
        "DELETE users/",
        "# take the user out of the group",
        "PATCH /realms/", // … the deactivation …
        "PUT users/",
        "\"enabled\":false",
        "/logout -> 204",
        "DELETE /realms/", // … and the end.
        "DELETE users/",
        "DELETE groups/",
    ] {
        let at = rest.find(expected).unwrap_or_else(|| panic!("no {expected:?} in its place in\n{told}"));
        rest = &rest[at..];
    }
    assert!(told.contains("after the answer"), "{told}");
    assert!(!told.contains("1mz050nq"), "the password is told:\n{told}");
}

async fn on_the_stand_in() {
    let demo = Demo::start(&ANYWHERE).await;
    let output = demo.output();
    assert!(output.contains("Base URL: http://127.0.0.1:"), "{output}");
    assert!(output.contains("\n  Authorization: Bearer "), "{output}");
    live_a_life(&demo).await;
    let files = demo.files();
    let mode = |path: &PathBuf| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&files[0]), 0o700, "nobody else may look into {files:?}");
    let secrets: Vec<&PathBuf> = files.iter().filter(|path| path.ends_with("administrator")).collect();
    assert_eq!(secrets.into_iter().map(mode).collect::<Vec<_>>(), [0o600]);
    demo.end().await;
}

async fn however_it_ends() {
    for signal in [Signal::SIGTERM, Signal::SIGHUP] {
        Demo::start(&ANYWHERE).await.end_by(signal).await;
    }
}

async fn on_a_running_keycloak() {
    let realm = admin().await.create_realm("demo").await;
    let arguments = [
        "--keycloak",
        realm.keycloak(),
        "--realm",
        realm.name(),
        "--admin-user",
        ADMIN_USER,
        "--admin-password-env",
        PASSWORD_VARIABLE,
        ANYWHERE[0],
        ANYWHERE[1],
    ];
    let demo = Demo::start(&arguments).await;
    live_a_life(&demo).await;
    let output = demo.end().await;
    assert!(output.contains("Changed for the demo:\n"), "{output}");
    assert!(output.contains("realm role scim-managed"), "{output}");
    assert!(output.contains(&format!("The realm {} stays", realm.name())), "{output}");
}

/// A demo that starts the tests' own distribution, and the address of that Keycloak.
async fn with_a_keycloak_of_its_own() -> (Demo, String) {
    // Fetched and unpacked, and built by its first start.
    keycloak::shared().await;
    let found = tokio::task::spawn_blocking(|| Distribution::obtain(&[])).await.unwrap().unwrap();
    let java = [("JAVA_HOME", found.java_home.to_str().unwrap())];
    let demo =
        Demo::start_with(&["--keycloak", found.home.to_str().unwrap(), ANYWHERE[0], ANYWHERE[1]], &java)
            .await;
    let output = demo.output();
    let (_, port) = output.split_once("(http://127.0.0.1:").unwrap();
    let address = format!("127.0.0.1:{}", port.split('/').next().unwrap());
    std::net::TcpStream::connect(&address).expect("its Keycloak listens");
    (demo, address)
}

async fn on_a_distribution() {
    let (demo, address) = with_a_keycloak_of_its_own().await;
    live_a_life(&demo).await;
    let began = Instant::now();
    demo.end().await;
    assert!(std::net::TcpStream::connect(&address).is_err(), "its Keycloak ended with it");
    // Where it must be killed it takes ten seconds.
    assert!(began.elapsed() < Duration::from_secs(9), "it took {:?} to end", began.elapsed());
}

async fn killed() {
    let (demo, address) = with_a_keycloak_of_its_own().await;
    drop(demo);
    until("its Keycloak ends", async || std::net::TcpStream::connect(&address).is_err()).await;
}

async fn refusals() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let mut demo = Demo::spawn(&["--listen", &taken.local_addr().unwrap().to_string()], &[]);
    let status = demo.group.wait(END_LIMIT).await.expect("it ends");
    assert!(!status.success() && demo.output().contains("--listen 127.0.0.1:"), "{}", demo.output());
    for (place, expected) in [
        ("/nowhere/keycloak", "expected a directory or an address"),
        ("ftp://k", "expected a directory or an address"),
        (Path::new(env!("CARGO_MANIFEST_DIR")).join("src").to_str().unwrap(), "it has no bin/kc.sh"),
    ] {
        let mut demo = Demo::spawn(&["--keycloak", place], &[]);
        let status = demo.group.wait(END_LIMIT).await.expect("it ends");
        assert!(!status.success() && demo.output().contains(expected), "{}", demo.output());
    }
}
