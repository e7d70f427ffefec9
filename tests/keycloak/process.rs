//! Child processes that never outlive the tests: each in a group of its own, ended by group, even after a SIGKILL of the tests.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::Pid;

/// Becomes the program (so the child's pid, exit status and signals are the program's) and leaves a watcher in its group,
/// which reads a pipe from the tests. Nothing is ever written to that pipe: it ends when the tests do, in whatever way, and
/// then the watcher ends the group. It is forked twice so as to be no child of the program.
const GUARD: &str = r#"
exec 3<&0 </dev/null
( ( trap '' HUP INT TERM; while read -r _ <&3; do :; done; kill -KILL 0 ) >/dev/null 2>&1 & )
exec "$@" 3<&-
"#;

/// The groups alive now, for those who must end all of them without owning any.
static GROUPS: Mutex<BTreeSet<i32>> = Mutex::new(BTreeSet::new());

/// A command that runs `program` under guard; add arguments, environment and output to it, then give it to [`Group::spawn`].
pub fn guarded(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new("sh");
    command.arg("-c").arg(GUARD).arg("guard").arg(program);
    command
}

/// Runs a command made by [`guarded`] to its end; `log` takes what it writes. Blocks.
pub fn run_to_end(mut command: Command, log: &Path) -> io::Result<(ExitStatus, String)> {
    let output = fs::File::create(log)?;
    command.stdout(output.try_clone()?).stderr(output);
    let mut group = Group::spawn(command)?;
    let status = group.child.wait()?;
    let said = fs::read(log)?;
    Ok((status, String::from_utf8_lossy(&said).into_owned()))
}

/// A guarded program with everything it forks. Ended, by group, when dropped.
#[derive(Debug)]
pub struct Group {
    child: Child,
    /// Held open for the watcher.
    _pipe: Option<ChildStdin>,
    pgid: Pid,
    ended: bool,
}

impl Group {
    /// Starts a command made by [`guarded`].
    pub fn spawn(mut command: Command) -> io::Result<Self> {
        // The lock spans start and entry, so that a signal can't fall between the two.
        let mut groups = GROUPS.lock().unwrap();
        let mut child = command.stdin(Stdio::piped()).process_group(0).spawn()?;
        let pgid = i32::try_from(child.id()).unwrap();
        groups.insert(pgid);
        Ok(Self { _pipe: child.stdin.take(), child, pgid: Pid::from_raw(pgid), ended: false })
    }

    /// The program's process id, which is its group's id as well.
    pub fn pid(&self) -> i32 {
        self.pgid.as_raw()
    }

    /// Sends a signal to the program alone; harmless when it has exited.
    pub fn signal(&mut self, signal: Signal) {
        // While `try_wait` has not reaped the child, its pid can't be somebody else's.
        if self.exited().is_none() {
            let _ = kill(self.pgid, signal);
        }
    }

    /// The program's exit status, if it has exited.
    pub fn exited(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().expect("the child is ours")
    }

    /// Waits for the program to exit by itself.
    pub async fn wait(&mut self, limit: Duration) -> Option<ExitStatus> {
        let start = Instant::now();
        loop {
            let exited = self.exited();
            if exited.is_some() || start.elapsed() > limit {
                return exited;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Kills the whole group and waits until none of it is left.
    pub fn end(&mut self) {
        if self.ended {
            return;
        }
        self.ended = true;
        end_group(self.pgid);
        GROUPS.lock().unwrap().remove(&self.pgid.as_raw());
        // Reaped last: until then the group's id can't be given to another process.
        let _ = self.child.wait();
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.end();
    }
}

/// Ends every group of this process, for the end of the run and for signals.
pub fn end_all() {
    let groups = GROUPS.lock().unwrap();
    for &pgid in groups.iter() {
        end_group(Pid::from_raw(pgid));
    }
}

/// Kills a group and waits until none of it is left.
pub fn end_group(pgid: Pid) {
    let start = Instant::now();
    // Repeated, since a member may be forking while the signal goes round.
    while !members(pgid.as_raw()).is_empty() && start.elapsed() < Duration::from_secs(10) {
        let _ = killpg(pgid, Signal::SIGKILL);
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// The running processes of a group, zombies left out: who reaps an orphan is the machine's business.
pub fn members(pgid: i32) -> Vec<i32> {
    all().into_iter().filter(|&pid| group_of(pid) == Some(pgid)).collect()
}

/// The running processes whose command line contains `text`.
pub fn with_command_line(text: &str) -> Vec<i32> {
    all().into_iter().filter(|&pid| command_line(pid).contains(text)).collect()
}

/// A process' arguments, separated by spaces; empty when there is no such process.
pub fn command_line(pid: i32) -> String {
    let bytes = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    String::from_utf8_lossy(&bytes).replace('\0', " ")
}

fn all() -> Vec<i32> {
    fs::read_dir("/proc")
        .expect("/proc: these tests need Linux")
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .collect()
}

/// `pid (name) state ppid pgrp …`; the name may hold anything, even parentheses.
fn group_of(pid: i32) -> Option<i32> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
    let state = fields.next()?;
    let pgrp = fields.nth(1)?.parse().ok()?;
    (!matches!(state, "Z" | "X")).then_some(pgrp)
}
