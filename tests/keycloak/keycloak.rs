//! A real Keycloak, started on a free loopback port and ended with everything it forked.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use nix::unistd::Pid;
use tokio::sync::OnceCell;

use crate::distribution::{Distribution, VERSION, because, root};
use crate::ports;
use crate::process::{Group, command_line, end_group, guarded, members};
use crate::runner::say;

pub const ADMIN_USER: &str = "admin";
pub const ADMIN_PASSWORD: &str = "admin-of-the-tests";

/// A first start builds and takes some 40 s on two busy cores.
const START_LIMIT: Duration = Duration::from_secs(240);

static SHARED: OnceCell<Result<Keycloak, String>> = OnceCell::const_new();

/// The Keycloak that all tests share, started by the first that asks. Tests are apart by realm.
pub async fn shared() -> &'static Keycloak {
    // A failed start is kept too: the next test would only wait for the same failure.
    match SHARED.get_or_init(|| Keycloak::start(&[])).await {
        Ok(keycloak) => keycloak,
        Err(error) => panic!("{error}"),
    }
}

/// Ends the shared Keycloak, if one was started: a static is never dropped.
pub fn stop_shared() {
    if let Some(Ok(keycloak)) = SHARED.get() {
        keycloak.stop();
    }
}

/// A running Keycloak, its data in memory. Ended when dropped.
#[derive(Debug)]
pub struct Keycloak {
    url: String,
    log: PathBuf,
    running: Mutex<Option<Running>>,
}

#[derive(Debug)]
struct Running {
    group: Group,
    _note: Note,
}

impl Keycloak {
    /// Starts Keycloak with these features switched on, as on a developer's machine, and waits until it serves.
    pub async fn start(features: &'static [&'static str]) -> Result<Self, String> {
        // Unpacking, hashing and waiting for locks block.
        tokio::task::spawn_blocking(move || start(features))
            .await
            .map_err(|error| format!("starting Keycloak: {error}"))?
    }

    /// `http://127.0.0.1:PORT`, without a slash at the end.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// What it printed so far.
    pub fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// The id of its process group, while it runs.
    pub fn group(&self) -> Option<i32> {
        Some(self.running.lock().unwrap().as_ref()?.group.pid())
    }

    /// Ends it and waits until no process of it is left.
    pub fn stop(&self) {
        // Killed: what it has is in memory, there is nothing to save.
        drop(self.running.lock().unwrap().take());
    }
}

/// Who runs, for a later run to end what a crashed one left: a file with the process group's id, locked by its owner.
#[derive(Debug)]
struct Note {
    path: PathBuf,
    _locked: File,
}

impl Note {
    fn write(group: i32) -> Result<Self, String> {
        let directory = notes();
        fs::create_dir_all(&directory).map_err(because(&directory, "create"))?;
        // Complete and locked before anybody sees it under a name that is looked at.
        let hidden = directory.join(format!("{group}.new"));
        let path = directory.join(format!("{group}.pid"));
        let mut file = File::create(&hidden).map_err(because(&hidden, "create"))?;
        file.lock().map_err(because(&hidden, "lock"))?;
        write!(file, "{group}").map_err(because(&hidden, "write"))?;
        fs::rename(&hidden, &path).map_err(because(&path, "write"))?;
        Ok(Self { path, _locked: file })
    }
}

impl Drop for Note {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}

fn notes() -> PathBuf {
    root().join("running")
}

/// Ends each Keycloak whose test run is gone. Its process id may be somebody else's by now, so only a group that runs
/// our own copy is touched.
pub fn end_stale() {
    let Ok(entries) = fs::read_dir(notes()) else {
        return;
    };
    for path in entries.filter_map(|entry| Some(entry.ok()?.path())) {
        if path.extension().is_none_or(|extension| extension != "pid") {
            continue;
        }
        let Ok(file) = File::open(&path) else {
            continue;
        };
        if file.try_lock().is_err() {
            // Its owner lives.
            continue;
        }
        let group = fs::read_to_string(&path).unwrap_or_default();
        if let Ok(group) = group.trim().parse::<i32>()
            && group > 1
            && members(group).into_iter().any(is_ours)
        {
            say(&format!("ending process group {group}, a Keycloak that an earlier test run left"));
            end_group(Pid::from_raw(group));
        }
        let _ = fs::remove_file(&path);
    }
}

fn is_ours(pid: i32) -> bool {
    // kc.sh resolves links before it tells Java.
    let root = root().canonicalize().unwrap_or_else(|_| root());
    command_line(pid).contains(&format!("-Dkc.home.dir={}/", root.display()))
}

fn start(features: &[&str]) -> Result<Keycloak, String> {
    let mut distribution = Distribution::obtain(features)?;
    end_stale();
    let began = Instant::now();
    if distribution.is_new() {
        say("starting Keycloak for the first time, which takes about a minute");
    }
    let mut tries = 3;
    loop {
        let port = ports::free();
        match start_on(port, &distribution, features) {
            Ok(keycloak) => {
                distribution.has_served()?;
                say(&format!(
                    "Keycloak {VERSION} serves {} after {:.1?}; its log: {}",
                    keycloak.url,
                    began.elapsed(),
                    keycloak.log.display()
                ));
                return Ok(keycloak);
            }
            Err(NotStarted::PortTaken) if tries > 0 => tries -= 1,
            Err(NotStarted::PortTaken) => return Err(format!("port {port} and others are taken")),
            Err(NotStarted::Other(error)) => return Err(error),
        }
    }
}

enum NotStarted {
    PortTaken,
    Other(String),
}

fn start_on(port: u16, distribution: &Distribution, features: &[&str]) -> Result<Keycloak, NotStarted> {
    let (log, output) = new_log().map_err(NotStarted::Other)?;
    let home = &distribution.home;
    let mut command = guarded("sh");
    command
        .arg(home.join("bin/kc.sh"))
        .args(["start-dev", "--db=dev-mem", "--cache=local"])
        .args(["--http-host=127.0.0.1", &format!("--http-port={port}")]);
    if !features.is_empty() {
        command.arg(format!("--features={}", features.join(",")));
    }
    // Whatever the developer's shell sets for a Keycloak of theirs, or for Java, is not for this one.
    for (name, _) in std::env::vars_os() {
        let name = name.to_string_lossy().into_owned();
        let meant_for_others =
            ["KC_", "KEYCLOAK_", "QUARKUS_", "JAVA_", "DEBUG"].iter().any(|prefix| name.starts_with(prefix));
        if meant_for_others
            || matches!(name.as_str(), "JAVA" | "JDK_JAVA_OPTIONS" | "PRINT_ENV" | "CONFIG_ARGS")
        {
            command.env_remove(name);
        }
    }
    command
        .env("JAVA_HOME", &distribution.java_home)
        .env("JAVA_OPTS_KC_HEAP", "-Xms128m -Xmx768m")
        // The second compiler earns back what it costs long after these tests are over: without it the start takes
        // three quarters of the time.
        .env("JAVA_OPTS_APPEND", "-XX:TieredStopAtLevel=1")
        .env("KC_BOOTSTRAP_ADMIN_USERNAME", ADMIN_USER)
        .env("KC_BOOTSTRAP_ADMIN_PASSWORD", ADMIN_PASSWORD)
        .current_dir(home)
        .stdout(output.try_clone().map_err(|error| NotStarted::Other(error.to_string()))?)
        .stderr(output);
    let group =
        Group::spawn(command).map_err(|error| NotStarted::Other(format!("can't start Keycloak: {error}")))?;
    let note = Note::write(group.pid()).map_err(NotStarted::Other)?;
    let keycloak = Keycloak {
        url: format!("http://127.0.0.1:{port}"),
        log,
        running: Mutex::new(Some(Running { group, _note: note })),
    };
    wait_until_it_serves(&keycloak)?;
    Ok(keycloak)
}

fn wait_until_it_serves(keycloak: &Keycloak) -> Result<(), NotStarted> {
    let began = Instant::now();
    let address = keycloak.url.trim_start_matches("http://");
    loop {
        let exited = keycloak.running.lock().unwrap().as_mut().and_then(|running| running.group.exited());
        if let Some(status) = exited {
            let log = keycloak.log();
            if log.contains("Address already in use") || log.contains("already bound") {
                return Err(NotStarted::PortTaken);
            }
            return Err(NotStarted::Other(format!(
                "Keycloak ended ({status}) instead of serving. The end of {}:\n{}",
                keycloak.log.display(),
                tail(&log)
            )));
        }
        if answers_200(address, "/realms/master") {
            return Ok(());
        }
        if began.elapsed() > START_LIMIT {
            return Err(NotStarted::Other(format!(
                "Keycloak did not serve within {START_LIMIT:?}. The end of {}:\n{}",
                keycloak.log.display(),
                tail(&keycloak.log())
            )));
        }
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// Asks by hand, since this runs outside the runtime.
fn answers_200(address: &str, path: &str) -> bool {
    use std::io::Read;
    let ask = || -> std::io::Result<bool> {
        let mut stream = std::net::TcpStream::connect(address)?;
        stream.set_read_timeout(Some(Duration::from_secs(10)))?;
        write!(stream, "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n")?;
        let mut status = [0; 12];
        stream.read_exact(&mut status)?;
        Ok(status == *b"HTTP/1.1 200")
    };
    ask().unwrap_or(false)
}

/// A new log file; of the older ones the last ten are kept.
fn new_log() -> Result<(PathBuf, File), String> {
    static NUMBER: AtomicU32 = AtomicU32::new(1);
    let directory = root().join("logs");
    fs::create_dir_all(&directory).map_err(because(&directory, "create"))?;
    let mut old: Vec<_> = fs::read_dir(&directory)
        .map_err(because(&directory, "read"))?
        .filter_map(|entry| {
            let entry = entry.ok()?;
            Some((entry.metadata().ok()?.modified().ok()?, entry.path()))
        })
        .collect();
    old.sort();
    for (_, path) in old.iter().rev().skip(10) {
        let _ = fs::remove_file(path);
    }
    let name = format!("{}-{}.log", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
    let path = directory.join(name);
    let file = append(&path)?;
    Ok((path, file))
}

/// Opens a file for output that several processes may write one after another.
pub fn append(path: &Path) -> Result<File, String> {
    File::options().create(true).append(true).open(path).map_err(because(path, "open"))
}

/// The last lines of a log, for a message.
pub fn tail(log: &str) -> String {
    let lines: Vec<&str> = log.lines().collect();
    lines[lines.len().saturating_sub(40)..].join("\n")
}
