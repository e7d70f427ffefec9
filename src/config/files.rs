//! Reads the files of a configuration, and knows afterwards what each of them held.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt;
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use aws_lc_rs::digest::{SHA256, digest};

/// Largest file that is read, in bytes.
pub(super) const LARGEST: u64 = 4 * 1024 * 1024;

/// What files held when they were read, as digests: some hold secrets.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Contents(BTreeMap<PathBuf, Option<Vec<u8>>>);

impl Contents {
    /// The files, absolute or from the working directory; also those that could not be read.
    pub fn paths(&self) -> impl Iterator<Item = &Path> {
        self.0.keys().map(PathBuf::as_path)
    }

    /// What the same files hold now. Waits for the file system.
    #[must_use]
    pub fn now(&self) -> Self {
        let read = |path: &PathBuf| (path.clone(), bytes(path).ok().map(|bytes| digest_of(&bytes)));
        Self(self.0.keys().map(read).collect())
    }

    /// Did this file hold the same in both?
    pub fn have_alike(&self, other: &Self, path: &Path) -> bool {
        self.0.get(path) == other.0.get(path)
    }
}

impl fmt::Debug for Contents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

/// The way to the files while a configuration is read.
#[derive(Default)]
pub(super) struct Files(RefCell<Contents>);

impl Files {
    /// Reads a text, and notes what it held.
    ///
    /// # Errors
    /// The operating system's; and for what is no regular file or is too large.
    pub(super) fn read(&self, path: &Path) -> io::Result<String> {
        let read = bytes(path);
        let held = read.as_ref().ok().map(|bytes| digest_of(bytes));
        self.0.borrow_mut().0.insert(path.to_owned(), held);
        String::from_utf8(read?)
            .map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "it is no text in UTF-8"))
    }

    /// What was read until now.
    pub(super) fn contents(&self) -> Contents {
        self.0.borrow().clone()
    }
}

fn bytes(path: &Path) -> io::Result<Vec<u8>> {
    // A pipe or a device may never end, or never begin.
    if !fs::metadata(path)?.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is no regular file"));
    }
    let mut bytes = Vec::new();
    // One byte more tells that there is too much; what the metadata says may change.
    File::open(path)?.take(LARGEST + 1).read_to_end(&mut bytes)?;
    if u64::try_from(bytes.len()).is_ok_and(|length| length <= LARGEST) {
        Ok(bytes)
    } else {
        Err(io::Error::new(io::ErrorKind::FileTooLarge, format!("it has more than {LARGEST} bytes")))
    }
}

fn digest_of(bytes: &[u8]) -> Vec<u8> {
    digest(&SHA256, bytes).as_ref().to_vec()
}
