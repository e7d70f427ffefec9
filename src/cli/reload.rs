//! Reading the configuration again: on SIGHUP, and when one of its files changes.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use notify::{RecommendedWatcher, RecursiveMode, Watcher};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use crate::config::{self, ProcessEnvironment};
use crate::telemetry::Reloaded;

use super::serving::Serving;

/// How long nothing may have changed before the files are read: whoever writes them may not be done.
const QUIET: Duration = Duration::from_millis(250);
/// How long changes may go on before the files are read all the same.
const LONGEST: Duration = Duration::from_secs(3);

/// Reads the configuration at `path` again when it is asked to, or when one of `files` changes, until `stop`.
///
/// # Errors
/// Where SIGHUP can't be waited for. Files that can't be watched are told in the log: SIGHUP is enough.
pub(super) fn keep_reading(
    path: PathBuf,
    files: Vec<PathBuf>,
    serving: Arc<Serving>,
    stop: CancellationToken,
) -> io::Result<JoinHandle<()>> {
    let hangup = signal(SignalKind::hangup())?;
    let reader = Reader { seen: contents(&files), watched: Watched::new(), path, files, serving };
    Ok(tokio::spawn(async move {
        tokio::select! {
            () = stop.cancelled() => {}
            () = reader.run(hangup) => {}
        }
    }))
}

/// What files hold; none where they can't be read.
type Contents = BTreeMap<PathBuf, Option<Vec<u8>>>;

struct Reader {
    path: PathBuf,
    files: Vec<PathBuf>,
    /// What they held when they were read last.
    seen: Contents,
    watched: Watched,
    serving: Arc<Serving>,
}

impl Reader {
    async fn run(mut self, mut hangup: Signal) {
        loop {
            self.watched.watch(&self.files);
            let asked = tokio::select! {
                signal = hangup.recv() => signal.is_some(),
                () = self.watched.changed() => {
                    self.watched.quiet().await;
                    false
                }
            };
            let found = contents(&self.files);
            // Folders tell of more than their files' contents.
            if !asked && found == self.seen {
                continue;
            }
            self.seen = found;
            self.read(if asked { "SIGHUP" } else { "its files changed" }).await;
        }
    }

    async fn read(&mut self, why: &str) {
        let file = self.path.display().to_string();
        let refused = |error: &dyn std::error::Error| {
            self.serving.metrics.reloaded(Reloaded::Refused);
            // A line for each problem.
            for line in error.to_string().lines() {
                tracing::error!(file, why, "the configuration is refused, the old one stays: {line}");
            }
        };
        let config = match config::load(&self.path, &ProcessEnvironment) {
            Ok(config) => config,
            Err(error) => return refused(&error),
        };
        for warning in &config.warnings {
            tracing::warn!("{warning}");
        }
        let files = config.files().to_vec();
        match self.serving.exchange(config).await {
            Ok(change) => {
                self.serving.metrics.reloaded(Reloaded::Applied);
                let realms = change.realms.join(", ");
                tracing::info!(file, why, realms, "the configuration is in force");
                if !change.at_restart.is_empty() {
                    let keys = change.at_restart.join(", ");
                    tracing::warn!(keys, "these keys have changed, which takes effect at the next start");
                }
                // A file that is new to it has been read just now.
                self.seen = contents(&files);
                self.files = files;
            }
            Err(error) => refused(&error),
        }
    }
}

fn contents(files: &[PathBuf]) -> Contents {
    files.iter().map(|file| (file.clone(), fs::read(file).ok())).collect()
}

/// The folders of the files: a file may be replaced, and a mounted one is a link that is exchanged with its folder.
struct Watched {
    watcher: Option<RecommendedWatcher>,
    folders: BTreeSet<PathBuf>,
    changes: mpsc::Receiver<()>,
}

impl Watched {
    fn new() -> Self {
        // One is enough to say that something has changed.
        let (tell, changes) = mpsc::channel(1);
        let watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
            if event.is_ok_and(|event| !event.kind.is_access()) {
                let _told_already = tell.try_send(());
            }
        });
        let watcher = watcher.map_err(|error| untold(&error)).ok();
        Self { watcher, folders: BTreeSet::new(), changes }
    }

    fn watch(&mut self, files: &[PathBuf]) {
        let Some(watcher) = &mut self.watcher else { return };
        // Also where a link leads.
        let folders: BTreeSet<PathBuf> = files
            .iter()
            .flat_map(|file| [Some(file.clone()), fs::canonicalize(file).ok()])
            .filter_map(|file| folder(&file?))
            .collect();
        for gone in self.folders.difference(&folders) {
            let _gone = watcher.unwatch(gone);
        }
        let mut watched: BTreeSet<PathBuf> = self.folders.intersection(&folders).cloned().collect();
        for new in folders.difference(&self.folders) {
            match watcher.watch(new, RecursiveMode::NonRecursive) {
                Ok(()) => {
                    watched.insert(new.clone());
                }
                Err(error) => untold(&error),
            }
        }
        self.folders = watched;
    }

    /// Waits for a change; for ever where nothing is watched.
    async fn changed(&mut self) {
        if self.changes.recv().await.is_none() {
            std::future::pending::<()>().await;
        }
    }

    /// Waits until changes have ended.
    async fn quiet(&mut self) {
        let end = Instant::now() + LONGEST;
        loop {
            let rest = (Instant::now() + QUIET).min(end);
            tokio::select! {
                () = sleep_until(rest) => return,
                change = self.changes.recv() => {
                    if change.is_none() || Instant::now() >= end {
                        return;
                    }
                }
            }
        }
    }
}

fn folder(file: &Path) -> Option<PathBuf> {
    let folder = file.parent()?;
    Some(if folder.as_os_str().is_empty() { PathBuf::from(".") } else { folder.to_owned() })
}

fn untold(error: &notify::Error) {
    tracing::warn!(%error, "changes of the configuration's files can't be watched; SIGHUP makes it be read again");
}
