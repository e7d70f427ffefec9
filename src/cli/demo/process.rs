//! A Keycloak from an unpacked distribution, started on a loopback port and ended with everything it forked.

use std::fs::{self, File};
use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use secrecy::{ExposeSecret, SecretString};

/// A first start builds, and takes some 40 s on two busy cores.
const START_LIMIT: Duration = Duration::from_secs(300);

/// How long it may take to end by itself.
const END_LIMIT: Duration = Duration::from_secs(10);

/// Becomes the program, and leaves a watcher in its process group that ends the group when the pipe from us ends: so that
/// nothing is left where this process is killed. It is forked twice, so as to be no child of the program.
const GUARD: &str = r#"
exec 3<&0 </dev/null
( ( trap '' HUP INT TERM; while read -r _ <&3; do :; done; kill -KILL 0 ) >/dev/null 2>&1 & )
exec "$@" 3<&-
"#;

/// How the names of variables begin that would change what is started.
const FOR_OTHERS: [&str; 5] = ["KC_", "KEYCLOAK_", "QUARKUS_", "JAVA_OPTS", "JAVA_ADD_OPENS"];

/// Why the distribution does not serve.
#[derive(Debug, thiserror::Error)]
pub enum ProcessError {
    /// The directory holds none.
    #[error("{}: no Keycloak distribution: it has no bin/kc.sh", .0.display())]
    NoDistribution(PathBuf),
    /// It can't be started.
    #[error("Keycloak can't be started: {0}")]
    Start(io::Error),
    /// It ended before it served.
    #[error("Keycloak ended ({status}) instead of serving. It printed at last:\n{output}")]
    Ended {
        /// Its exit status.
        status: std::process::ExitStatus,
        /// The end of its output.
        output: String,
    },
    /// It takes too long.
    #[error("Keycloak does not serve after {START_LIMIT:?}. It printed at last:\n{0}")]
    Slow(String),
}

/// A running Keycloak, its data in memory. Ended, with its process group, when dropped.
#[derive(Debug)]
pub(super) struct KeycloakProcess {
    child: Child,
    url: String,
}

impl KeycloakProcess {
    /// Starts it and waits until it serves. Its output goes to a file in `files`.
    pub(super) async fn start(
        home: &Path,
        files: &Path,
        administrator: &str,
        password: &SecretString,
    ) -> Result<Self, ProcessError> {
        let script = home.join("bin/kc.sh");
        if !script.is_file() {
            return Err(ProcessError::NoDistribution(home.to_owned()));
        }
        // kc.sh goes its own ways from here.
        let script = script.canonicalize().map_err(ProcessError::Start)?;
        let log = files.join("keycloak.log");
        let output = File::create(&log).map_err(ProcessError::Start)?;
        let port = free_port().map_err(ProcessError::Start)?;
        let mut command = Command::new("sh");
        // What the shell sets for a Keycloak of its own, or for Java, is not for this one.
        for (name, _) in std::env::vars_os() {
            if FOR_OTHERS.iter().any(|prefix| name.to_string_lossy().starts_with(prefix)) {
                command.env_remove(name);
            }
        }
        let child = command
            .args(["-c", GUARD, "guard"])
            .arg(&script)
            .args(["start-dev", "--db=dev-mem", "--cache=local", "--http-host=127.0.0.1"])
            .arg(format!("--http-port={port}"))
            .env("KC_BOOTSTRAP_ADMIN_USERNAME", administrator)
            .env("KC_BOOTSTRAP_ADMIN_PASSWORD", password.expose_secret())
            // Nothing is ever written to it.
            .stdin(Stdio::piped())
            .stdout(output.try_clone().map_err(ProcessError::Start)?)
            .stderr(output)
            // kc.sh forks java on some starts: only the group ends all of it. Ctrl-C does not reach it either.
            .process_group(0)
            .spawn()
            .map_err(ProcessError::Start)?;
        let mut process = Self { child, url: format!("http://127.0.0.1:{port}") };
        process.wait_until_it_serves(&log).await?;
        Ok(process)
    }

    /// `http://127.0.0.1:PORT`, without a slash at the end.
    pub(super) fn url(&self) -> String {
        self.url.clone()
    }

    async fn wait_until_it_serves(&mut self, log: &Path) -> Result<(), ProcessError> {
        let failed = |error: reqwest::Error| ProcessError::Start(io::Error::other(error));
        let client =
            reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(5)).build().map_err(failed)?;
        let began = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().map_err(ProcessError::Start)? {
                return Err(ProcessError::Ended { status, output: tail(log) });
            }
            let asked = client.get(format!("{}/realms/master", self.url)).send().await;
            if asked.is_ok_and(|answer| answer.status().is_success()) {
                return Ok(());
            }
            if began.elapsed() > START_LIMIT {
                return Err(ProcessError::Slow(tail(log)));
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}

impl Drop for KeycloakProcess {
    fn drop(&mut self) {
        let Ok(group) = i32::try_from(self.child.id()).map(Pid::from_raw) else { return };
        // An error is a group that is gone already.
        let _gone = killpg(group, Signal::SIGTERM);
        let began = Instant::now();
        while self.child.try_wait().is_ok_and(|ended| ended.is_none()) && began.elapsed() < END_LIMIT {
            std::thread::sleep(Duration::from_millis(20));
        }
        // The watcher, and a java that kc.sh may have left.
        let _gone = killpg(group, Signal::SIGKILL);
        let _reaped = self.child.wait();
    }
}

fn free_port() -> io::Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}

fn tail(log: &Path) -> String {
    let text = fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = text.lines().rev().take(15).collect();
    lines.into_iter().rev().collect::<Vec<_>>().join("\n")
}
