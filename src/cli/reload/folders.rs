//! The folders whose changes may be changes of the configuration's files: where they lie, and where links on the way to
//! them lie.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Component, Path, PathBuf};

use notify::{RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::mpsc;

/// As many links as Linux follows.
const MOST_LINKS: usize = 40;

/// Device and inode: another folder of the same name is not watched yet.
type Identity = Option<(u64, u64)>;

/// The folders that are watched.
pub(super) struct Folders {
    watcher: Option<RecommendedWatcher>,
    watched: BTreeMap<PathBuf, Identity>,
    /// Those that can't be, of which the log knows.
    unwatched: BTreeSet<PathBuf>,
}

impl Folders {
    /// None at first. `tell` is told of changes.
    pub(super) fn new(tell: mpsc::Sender<()>) -> Self {
        let watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
            if event.is_ok_and(|event| !event.kind.is_access()) {
                let _told_already = tell.try_send(());
            }
        });
        let watcher = watcher.map_err(|error| untold(&error)).ok();
        Self { watcher, watched: BTreeMap::new(), unwatched: BTreeSet::new() }
    }

    /// Watches the folders on the way to these files, and no others. Waits for the file system.
    pub(super) fn watch<'p>(&mut self, files: impl Iterator<Item = &'p Path>) {
        let Some(watcher) = &mut self.watcher else { return };
        let wanted: BTreeMap<PathBuf, Identity> = files
            .flat_map(on_the_way)
            .map(|folder| {
                let identity = identity(&folder);
                (folder, identity)
            })
            .collect();
        for (folder, known) in &self.watched {
            if wanted.get(folder) != Some(known) {
                let _gone = watcher.unwatch(folder);
            }
        }
        self.watched.clear();
        for (folder, identity) in wanted {
            // Also those that are watched already: a folder that was made again may have its predecessor's inode.
            match watcher.watch(&folder, RecursiveMode::NonRecursive) {
                Ok(()) => {
                    self.unwatched.remove(&folder);
                    self.watched.insert(folder, identity);
                }
                Err(error) => {
                    if self.unwatched.insert(folder) {
                        untold(&error);
                    }
                }
            }
        }
    }
}

fn identity(folder: &Path) -> Identity {
    let metadata = fs::metadata(folder).ok()?;
    Some((metadata.dev(), metadata.ino()))
}

/// The folder of the file, and that of each link that leads to it. Where the way breaks off, the last folder that is there.
fn on_the_way(file: &Path) -> BTreeSet<PathBuf> {
    let mut found = BTreeSet::new();
    let Ok(absolute) = std::path::absolute(file) else { return found };
    let mut at = PathBuf::from("/");
    let mut ahead = parts(&absolute);
    let mut links = 0;
    while let Some(part) = ahead.pop() {
        if part == ".." {
            at.pop();
            continue;
        }
        let next = at.join(part);
        match fs::symlink_metadata(&next) {
            Ok(metadata) if metadata.is_symlink() && links < MOST_LINKS => {
                links += 1;
                found.insert(at.clone());
                let Ok(target) = fs::read_link(&next) else { return found };
                if target.is_absolute() {
                    at = PathBuf::from("/");
                }
                ahead.extend(parts(&target));
            }
            Ok(metadata) if metadata.is_dir() => at = next,
            Ok(_) | Err(_) => {
                found.insert(at);
                return found;
            }
        }
    }
    found
}

/// The names of a path, the last one first.
fn parts(path: &Path) -> Vec<OsString> {
    let names = path.components().rev().filter_map(|part| match part {
        Component::Normal(name) => Some(name.to_owned()),
        Component::ParentDir => Some("..".into()),
        _ => None,
    });
    names.collect()
}

fn untold(error: &notify::Error) {
    tracing::warn!(%error, "not every change of the configuration's files is told; they are compared from time to time");
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn every_folder_that_can_turn_a_path_to_another_file_is_on_the_way() {
        let folder = tempfile::tempdir().unwrap();
        let top = fs::canonicalize(folder.path()).unwrap();
        let at = |path: &str| top.join(path);
        for made in ["v1/config", "elsewhere/deep", "real"] {
            fs::create_dir_all(at(made)).unwrap();
        }
        fs::write(at("v1/config/config.toml"), "").unwrap();
        symlink("../../elsewhere/deep/secret", at("v1/config/acme.secret")).unwrap();
        symlink(at("real/secret"), at("elsewhere/deep/secret")).unwrap();
        fs::write(at("real/secret"), "").unwrap();
        symlink("v1", at("current")).unwrap();
        let found = |path: &str| on_the_way(&at(path)).into_iter().collect::<Vec<_>>();
        assert_eq!(found("v1/config/config.toml"), [at("v1/config")]);
        assert_eq!(found("current/config/config.toml"), [top.clone(), at("v1/config")]);
        assert_eq!(
            found("current/config/acme.secret"),
            [top.clone(), at("elsewhere/deep"), at("real"), at("v1/config")]
        );
        assert_eq!(found("v1/nothing/here/config.toml"), [at("v1")]);
        assert_eq!(found("v1/config/none.toml"), [at("v1/config")]);
        symlink("loop", at("loop")).unwrap();
        assert_eq!(found("loop/config.toml"), std::slice::from_ref(&top));
    }

    #[tokio::test]
    async fn another_folder_of_the_same_name_is_watched_and_the_old_one_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let at = |path: &str| folder.path().join(path);
        fs::create_dir(at("conf")).unwrap();
        let config = at("conf/config.toml");
        fs::write(&config, "").unwrap();
        let (tell, mut changes) = mpsc::channel(1);
        let mut folders = Folders::new(tell);
        folders.watch([config.as_path()].into_iter());
        for way in ["renamed", "removed"] {
            if way == "renamed" {
                fs::rename(at("conf"), at("old")).unwrap();
            } else {
                fs::remove_dir_all(at("conf")).unwrap();
            }
            // What is there is told until it is gone, and then where it was.
            changes.recv().await.unwrap();
            folders.watch([config.as_path()].into_iter());
            fs::create_dir(at("conf")).unwrap();
            fs::write(&config, "").unwrap();
            changes.recv().await.unwrap();
            folders.watch([config.as_path()].into_iter());
            // The watcher has a thread of its own: nothing of before may be under way.
            while tokio::time::timeout(std::time::Duration::from_millis(300), changes.recv()).await.is_ok() {}
            folders.watch([config.as_path()].into_iter());
            fs::write(&config, way).unwrap();
            assert_eq!(changes.recv().await, Some(()), "{way}");
        }
    }
}
