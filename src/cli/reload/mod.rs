//! Reading the configuration again: on SIGHUP, and when one of its files changes.

mod folders;
mod worker;

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::signal::unix::Signal;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::sync::CancellationToken;

use crate::config::{self, Contents, ProcessEnvironment};
use crate::telemetry::Reloaded;

use self::folders::Folders;
use self::worker::Worker;
use super::serving::{Change, Serving};

/// How long nothing may have changed before the files are read: whoever writes them may not be done.
const QUIET: Duration = Duration::from_millis(250);
/// How long changes may go on before the files are read all the same.
const LONGEST: Duration = Duration::from_secs(3);
/// How often the files are compared although nobody told of a change: not every file system tells.
const COMPARE_EVERY: Duration = Duration::from_secs(10);
/// How soon a refused configuration is tried again, since what it lacked may lie elsewhere, in Keycloak for one.
const TRY_AGAIN: Duration = Duration::from_secs(15);

/// Reads the configuration at `path` again when `hangup` asks for it, or when a file does not hold any more what `seen`
/// says, until `stop`.
pub(super) fn keep_reading(
    path: PathBuf,
    seen: Contents,
    hangup: Signal,
    serving: Arc<Serving>,
    stop: CancellationToken,
) -> JoinHandle<()> {
    tokio::spawn(async move {
        tokio::select! {
            () = stop.cancelled() => {}
            () = Reader::new(path, seen, serving).run(hangup) => {}
        }
    })
}

struct Reader {
    path: PathBuf,
    /// What the files held that were read last, whether they were taken or refused.
    seen: Contents,
    /// The last refusal, unless a configuration was taken since.
    refused: Option<Refusal>,
    worker: Worker,
    /// Is the file system known not to answer?
    hangs: bool,
    folders: Arc<Mutex<Folders>>,
    changes: mpsc::Receiver<()>,
    serving: Arc<Serving>,
}

struct Refusal {
    reason: String,
    at: Instant,
}

/// What makes the files be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Why {
    Asked,
    Changed,
    /// What was refused may be fine by now.
    TriedAgain,
}

impl Why {
    fn text(self) -> &'static str {
        match self {
            Self::Asked => "SIGHUP",
            Self::Changed => "its files changed",
            Self::TriedAgain => "it is tried again",
        }
    }
}

impl Reader {
    fn new(path: PathBuf, seen: Contents, serving: Arc<Serving>) -> Self {
        // One is enough to say that something has changed.
        let (tell, changes) = mpsc::channel(1);
        let folders = Arc::new(Mutex::new(Folders::new(tell)));
        Self { path, seen, refused: None, worker: Worker::new(), hangs: false, folders, changes, serving }
    }

    async fn run(mut self, mut hangup: Signal) {
        let (mut asked, mut quiet) = (false, false);
        loop {
            // First of all, and after each reading: the files may have changed while the last ones were put in force.
            let changed = self.have_changed().await;
            let refusal = self.refused.as_ref();
            let why = if asked {
                Some(Why::Asked)
            } else if changed {
                Some(Why::Changed)
            } else {
                refusal.filter(|refusal| refusal.at.elapsed() >= TRY_AGAIN).map(|_| Why::TriedAgain)
            };
            let was_quiet = std::mem::take(&mut quiet);
            if let Some(why) = why {
                if why == Why::Changed && !was_quiet {
                    self.quiet().await;
                }
                asked = false;
                self.read(why).await;
                continue;
            }
            let rest = self.rest();
            tokio::select! {
                signal = hangup.recv() => asked = signal.is_some(),
                Some(()) = self.changes.recv() => {
                    self.quiet().await;
                    quiet = true;
                }
                () = sleep(rest) => {}
            }
        }
    }

    /// How long nothing is done unless somebody asks for it.
    fn rest(&self) -> Duration {
        let due = self.refused.as_ref().map(|refusal| TRY_AGAIN.saturating_sub(refusal.at.elapsed()));
        due.map_or(COMPARE_EVERY, |due| due.min(COMPARE_EVERY))
    }

    /// Compares the files with what was read, after making sure that their next change is told.
    async fn have_changed(&mut self) -> bool {
        let (seen, folders) = (self.seen.clone(), Arc::clone(&self.folders));
        let compared = self.worker.run(move || {
            folders.lock().unwrap_or_else(PoisonError::into_inner).watch(seen.paths());
            seen.now() != seen
        });
        let compared = compared.await;
        self.answered(compared).unwrap_or(false)
    }

    async fn read(&mut self, why: Why) {
        let path = self.path.clone();
        let loaded = self.worker.run(move || config::load(&path, &ProcessEnvironment)).await;
        let Some(loaded) = self.answered(loaded) else { return };
        let (files, done) = match loaded {
            Ok(config) => {
                for warning in config.warnings.iter().filter(|_| why != Why::TriedAgain) {
                    tracing::warn!("{warning}");
                }
                (config.files().clone(), self.serving.exchange(config).await.map_err(|e| e.to_string()))
            }
            Err(errors) => (errors.files().clone(), Err(errors.to_string())),
        };
        // What was read, and not what is there by now: that may be newer already.
        self.seen = files;
        match done {
            Ok(change) => self.taken(why, &change),
            Err(reason) => self.refuse(why, reason),
        }
    }

    fn taken(&mut self, why: Why, change: &Change) {
        self.refused = None;
        let (file, why) = (self.path.display().to_string(), why.text());
        let realms = change.realms.join(", ");
        tracing::info!(file, why, realms, "the configuration is in force");
        if !change.at_restart.is_empty() {
            let keys = change.at_restart.join(", ");
            tracing::warn!(keys, "these keys have changed, which takes effect at the next start");
        }
        self.serving.metrics.reloaded(Reloaded::Applied);
    }

    fn refuse(&mut self, why: Why, reason: String) {
        let known = self.refused.as_ref().is_some_and(|refusal| refusal.reason == reason);
        if !(known && why == Why::TriedAgain) {
            let (file, why) = (self.path.display().to_string(), why.text());
            // A line for each problem.
            for line in reason.lines() {
                tracing::error!(file, why, "the configuration is refused, the old one stays: {line}");
            }
            self.serving.metrics.reloaded(Reloaded::Refused);
        }
        self.refused = Some(Refusal { reason, at: Instant::now() });
    }

    /// Tells where the file system does not answer, and where it does again.
    fn answered<T>(&mut self, answer: Option<T>) -> Option<T> {
        let (file, hung) = (self.path.display().to_string(), self.hangs);
        self.hangs = answer.is_none();
        match (hung, self.hangs) {
            (false, true) => {
                tracing::error!(
                    file,
                    "the file system does not answer; the configuration can't be read again"
                );
            }
            (true, false) => tracing::info!(file, "the file system answers again"),
            _ => {}
        }
        answer
    }

    /// Waits until changes have ended.
    async fn quiet(&mut self) {
        let end = Instant::now() + LONGEST;
        loop {
            let rest = (Instant::now() + QUIET).min(end);
            tokio::select! {
                () = sleep_until(rest) => return,
                Some(()) = self.changes.recv() => {
                    if Instant::now() >= end {
                        return;
                    }
                }
            }
        }
    }
}
