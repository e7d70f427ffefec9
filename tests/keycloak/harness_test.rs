//! The harness tested by itself: nothing is left running, missing tools are named, realms and people are made.

use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use http::Method;
use libtest_mimic::Trial;
use nix::sys::signal::Signal;
use serde_json::json;

use crate::admin::{Admin, admin};
use crate::gateway::{with_key, with_url};
use crate::keycloak::{Keycloak, end_stale};
use crate::process::{Group, guarded, members, with_command_line};
use crate::runner::trial;
use crate::tools::{Places, java_version, maven_version};
use crate::{distribution, runner};

pub fn trials() -> Vec<Trial> {
    vec![
        trial("harness::keycloak_starts_and_stops_twice", keycloak_twice),
        trial("harness::what_a_crashed_run_left_is_ended", stale),
        trial("harness::a_group_ends_with_its_forks", forks),
        trial("harness::nothing_outlives_a_success", || outlives("pass", None)),
        trial("harness::nothing_outlives_a_failure", || outlives("fail", None)),
        trial("harness::nothing_outlives_an_interrupt", || outlives("wait", Some(Signal::SIGINT))),
        trial("harness::nothing_outlives_a_termination", || outlives("wait", Some(Signal::SIGTERM))),
        trial("harness::nothing_outlives_a_kill", || outlives("wait", Some(Signal::SIGKILL))),
        trial("harness::a_panic_says_where", panic_says_where),
        trial("harness::missing_tools_are_named", missing_tools),
        trial("harness::versions_are_read", versions),
        trial("harness::an_old_java_first_in_path_is_passed_over", old_java),
        trial("harness::a_configuration_is_changed", configuration),
        trial("harness::realms_people_and_tokens", people),
    ]
}

/// Set for a copy of this binary that a trial starts to see how a harness ends.
const PART: &str = "SCIMGATE_HARNESS_PART";

/// A run with one trial, which starts a process that would outlive it: returns at once unless [`PART`] is set.
pub fn play_a_part() -> Option<ExitCode> {
    let part = std::env::var(PART).ok()?;
    Some(runner::run(vec![trial("a part", move || async move {
        let group = sleepers();
        runner::say(&format!("group {}", group.pid()));
        match part.as_str() {
            "pass" => {}
            "wait" => tokio::time::sleep(Duration::from_secs(100)).await,
            _ => helper_that_panics(&group),
        }
        // As if it sat in a static.
        std::mem::forget(group);
    })]))
}

fn helper_that_panics(group: &Group) {
    assert_eq!(group.pid(), 0, "a failure on purpose");
}

/// A guarded shell with a fork of its own that has detached itself as far as a fork can.
fn sleepers() -> Group {
    let mut command = guarded("sh");
    command.args(["-c", "trap '' HUP INT TERM; (sleep 600 &); sleep 600"]);
    Group::spawn(command).unwrap()
}

async fn keycloak_twice() {
    for _ in 0..2 {
        let keycloak = Keycloak::start(&[]).await.unwrap();
        let group = keycloak.group().unwrap();
        let port = format!("--http-port={}", keycloak.url().rsplit_once(':').unwrap().1);
        assert!(!with_command_line(&port).is_empty());
        Admin::new(keycloak.url()).token().await;
        assert!(keycloak.log().contains("Listening on"));
        keycloak.stop();
        assert_eq!(members(group), [0; 0]);
        assert_eq!(with_command_line(&port), [0; 0]);
        assert_eq!(keycloak.group(), None);
    }
}

async fn stale() {
    let notes = distribution::root().join("running");
    fs::create_dir_all(&notes).unwrap();
    let note = |group: &Group| {
        let path = notes.join(format!("{}.pid", group.pid()));
        fs::write(&path, group.pid().to_string()).unwrap();
        path
    };
    let mut command = guarded("sh");
    let home = format!("-Dkc.home.dir={}/copy/bin/..", distribution::root().display());
    command.args(["-c", "sleep 600; exit", &home]);
    let ours = Group::spawn(command).unwrap();
    let foreign = sleepers();
    let live = sleepers();
    let [of_ours, of_foreign, of_live] = [&ours, &foreign, &live].map(note);
    let lock = File::open(&of_live).unwrap();
    lock.lock().unwrap();
    eventually("the shell has started", || !with_command_line(&home).is_empty()).await;

    end_stale();

    assert_eq!(members(ours.pid()), [0; 0]);
    assert!(!members(foreign.pid()).is_empty(), "not our Keycloak");
    assert!(!members(live.pid()).is_empty(), "its owner lives");
    assert!(!of_ours.exists() && !of_foreign.exists() && of_live.exists());
    fs::remove_file(of_live).unwrap();
}

async fn forks() {
    let mut group = sleepers();
    let pid = group.pid();
    // The shell, its two sleeps, the watcher.
    eventually("all have started", || members(pid).len() >= 4).await;
    group.end();
    assert_eq!(members(pid), [0; 0]);
}

/// Has a copy of this harness start a process, ends the copy in some way, and looks what is left.
async fn outlives(part: &str, signal: Option<Signal>) {
    let (mut copy, directory) = start_part(part);
    let read = || fs::read_to_string(directory.path().join("output")).unwrap();
    let group = || {
        let output = read();
        let line = output.lines().find_map(|line| line.strip_prefix("group "))?;
        line.parse::<i32>().ok()
    };
    eventually("the copy starts its process", || group().is_some()).await;
    let group = group().unwrap();
    if let Some(signal) = signal {
        eventually("it runs", || members(group).len() >= 4).await;
        copy.signal(signal);
    }
    let status = copy.wait(Duration::from_secs(20)).await.expect("it ends");
    let expected = match signal {
        None if part == "pass" => Some(0),
        None => Some(101),
        Some(Signal::SIGKILL) => None,
        Some(signal) => Some(128 + signal as i32),
    };
    assert_eq!(status.code(), expected, "{}", read());
    if signal == Some(Signal::SIGKILL) {
        eventually("the watcher ends the group", || members(group).is_empty()).await;
    }
    assert_eq!(members(group), [0; 0]);
}

fn start_part(part: &str) -> (Group, tempfile::TempDir) {
    let directory = tempfile::tempdir().unwrap();
    let output = File::create(directory.path().join("output")).unwrap();
    let mut command = guarded(std::env::current_exe().unwrap());
    command.env(PART, part).stdout(output.try_clone().unwrap()).stderr(output);
    (Group::spawn(command).unwrap(), directory)
}

async fn panic_says_where() {
    let (mut copy, directory) = start_part("fail");
    copy.wait(Duration::from_secs(20)).await.expect("it ends");
    let output = fs::read_to_string(directory.path().join("output")).unwrap();
    assert!(output.contains("a failure on purpose"), "{output}");
    // The line of the helper, and the line of the test that called it.
    let places = output.matches("tests/keycloak/harness_test.rs:").count();
    assert!(places >= 2, "{output}");
}

async fn missing_tools() {
    let nowhere = Places { java_home: None, path: vec![PathBuf::from("/nonexistent")], jdks: Vec::new() };
    assert_eq!(
        nowhere.java_home().unwrap_err(),
        "These tests need a JDK of 17 or newer: install one \
         (Debian: apt-get install openjdk-17-jdk-headless) or set JAVA_HOME."
    );
    assert_eq!(
        nowhere.maven(Path::new("/nonexistent")).unwrap_err(),
        "These tests need Maven 3.8 or newer, which fetches Keycloak: install it \
         (Debian: apt-get install maven) and have mvn in PATH."
    );
    let bad_home = Places { java_home: Some(PathBuf::from("/nonexistent")), ..nowhere };
    let said = bad_home.java_home().unwrap_err();
    assert!(said.contains("/nonexistent/bin/java is missing"), "{said}");
}

async fn versions() {
    assert_eq!(java_version("openjdk version \"17.0.15\" 2025-04-15"), Some(17));
    assert_eq!(java_version("openjdk version \"25\" 2025-09-16"), Some(25));
    assert_eq!(java_version("java version \"1.8.0_402\""), Some(8));
    assert_eq!(java_version("openjdk version \"26-ea\" 2026-03-17"), Some(26));
    assert_eq!(java_version("no java here"), None);
    assert_eq!(maven_version("Apache Maven 3.8.7\nMaven home: x"), Some((3, 8)));
    assert_eq!(maven_version("\u{1b}[1mApache Maven 4.0.0-rc-4 (bed0f8174)\u{1b}[m"), Some((4, 0)));
    assert_eq!(maven_version("mvn: error"), None);
}

async fn old_java() {
    let directory = tempfile::tempdir().unwrap();
    let program = |path: &str, says: &str| {
        let path = directory.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, format!("#!/bin/sh\necho '{says}' >&2\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    };
    program("11/bin/java", "openjdk version \"11.0.2\"");
    program("11/bin/jar", "");
    program("21-jre/bin/java", "openjdk version \"21.0.1\"");
    program("21/bin/java", "openjdk version \"21.0.1\"");
    program("21/bin/jar", "");
    program("maven/mvn", "Apache Maven 3.6.3 (cecedd3)");
    let home = |name: &str| directory.path().join(name);
    let mut places = Places {
        java_home: None,
        path: vec![home("11/bin"), home("maven")],
        jdks: vec![home("21-jre"), home("21")],
    };
    assert_eq!(places.java_home(), Ok(home("21")));
    places.jdks.pop();
    let said = places.java_home().unwrap_err();
    assert!(said.contains("is Java 11") && said.contains("without jar"), "{said}");
    let said = places.maven(&home("21")).unwrap_err();
    assert!(said.contains("is Maven 3.6"), "{said}");
}

async fn configuration() {
    let config = r#"
version = 1
[realms.acme]
issuer = "http://127.0.0.1:1/realms/acme"
[realms.acme.keycloak] # where it is
url = "http://127.0.0.1:1"
"#;
    let via = with_url(config, "http://127.0.0.1:1", "http://127.0.0.1:2");
    assert_eq!(via, config.replace("url = \"http://127.0.0.1:1\"", "url = \"http://127.0.0.1:2\""));
    let changed = with_key(config, &["realms", "acme", "on_existing"], "adopt".into());
    let changed = with_key(&changed, &["defaults", "sweep_seconds"], 1.into());
    let read: toml::Table = changed.parse().unwrap();
    assert_eq!(read["realms"]["acme"]["on_existing"].as_str(), Some("adopt"));
    assert_eq!(read["realms"]["acme"]["keycloak"]["url"].as_str(), Some("http://127.0.0.1:1"));
    assert_eq!(read["defaults"]["sweep_seconds"].as_integer(), Some(1));
}

async fn people() {
    let admin = admin().await;
    let realm = admin.create_realm("harness").await;
    let keys = realm.get("/keys").await;
    let algorithms: Vec<&str> =
        keys["keys"].as_array().unwrap().iter().map(|key| key["algorithm"].as_str().unwrap()).collect();
    assert!(!algorithms.iter().any(|name| name.starts_with("RS")), "{algorithms:?}");
    realm.create_role("scim-managed").await;
    realm.public_client("people").await;
    let id = realm
        .create_user(&json!({
            "username": "bjensen@example.com", "email": "bjensen@example.com", "enabled": true,
            "firstName": "Barbara", "lastName": "Jensen", "emailVerified": true,
        }))
        .await;
    realm.set_password(&id, "t1meMa$heen").await;
    assert_eq!(realm.user_by_username("BJensen@example.com").await.unwrap()["id"], id);
    assert_eq!(realm.user_by_username("jsmith").await, None);
    assert_eq!(realm.user_credentials(&id).await.len(), 1);

    realm.manage(&id).await;
    let roles = realm.user_role_names(&id).await;
    assert!(roles.contains(&"scim-managed".to_owned()), "{roles:?}");
    realm.unmap_role(&id, "scim-managed").await;
    let roles = realm.user_role_names(&id).await;
    assert!(!roles.contains(&"scim-managed".to_owned()), "{roles:?}");

    let log_in = |scope: &'static str| realm.log_in("people", "bjensen@example.com", "t1meMa$heen", scope);
    let online = log_in("").await.unwrap();
    let offline = log_in("openid offline_access").await.unwrap();
    assert!(offline.id_token.is_some());
    assert_eq!(realm.user_sessions(&id).await.len(), 1);
    assert_eq!(realm.user_offline_sessions(&id, "people").await.len(), 1);
    let [online, offline] = [online, offline].map(|tokens| tokens.refresh_token.unwrap());
    realm.refresh("people", &online).await.unwrap();
    realm.refresh("people", &offline).await.unwrap();
    realm.put(&format!("/users/{id}"), &json!({ "enabled": false })).await;
    let refused = realm.refresh("people", &online).await.unwrap_err();
    assert_eq!(refused.error, "invalid_grant", "{refused:?}");

    let name = realm.name().to_owned();
    drop(realm);
    let began = Instant::now();
    while admin.call(Method::GET, &format!("/{name}"), None).await.status != 404 {
        assert!(began.elapsed() < Duration::from_secs(20), "{name} is deleted");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

pub async fn eventually(what: &str, holds: impl Fn() -> bool) {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < Duration::from_secs(10), "not within 10 s: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
