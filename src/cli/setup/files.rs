//! The directory that `setup` writes into: secrets for the owner's eyes only, every file whole or
//! not at all.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use secrecy::{ExposeSecret, SecretString};

use super::SetupError;

/// The directory with config.toml and the secrets beside it.
#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
}

impl Folder {
    /// Opens the directory, making it (mode 0700) if there is none, and tries whether it can be
    /// written to: better now than after Keycloak was changed.
    pub(super) fn open(path: &Path) -> Result<Self, SetupError> {
        let failed = |source| SetupError::Folder { path: path.to_owned(), source };
        if !path.exists() {
            make(path).map_err(failed)?;
        }
        tempfile::Builder::new().prefix(".scimgate-").tempfile_in(path).map_err(failed)?;
        Ok(Self { path: path.to_owned() })
    }

    /// The path of a file in it.
    pub(super) fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// The content of a file; `None` if there is none.
    pub(super) fn read(&self, name: &str) -> Result<Option<String>, SetupError> {
        match std::fs::read_to_string(self.file(name)) {
            Ok(content) => Ok(Some(content)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(self.failed(name, source)),
        }
    }

    /// The secret that a file holds, without the line's end; `None` if there is no file.
    pub(super) fn read_secret(&self, name: &str) -> Result<Option<SecretString>, SetupError> {
        let Some(content) = self.read(name)? else {
            return Ok(None);
        };
        let secret = content.trim_end();
        if secret.is_empty() {
            return Err(SetupError::EmptySecret { path: self.file(name) });
        }
        Ok(Some(secret.into()))
    }

    /// Writes the secret to a file if it does not hold it already; gives whether it wrote.
    pub(super) fn write_secret(&self, name: &str, secret: &SecretString) -> Result<bool, SetupError> {
        let held = self.read(name)?;
        if held.is_some_and(|held| held.trim_end() == secret.expose_secret()) {
            return Ok(false);
        }
        self.write(name, secret.expose_secret())?;
        Ok(true)
    }

    /// Writes a file by way of a temporary one in the same directory, which has mode 0600 from its
    /// first byte on. A file that is there already keeps its mode.
    pub(super) fn write(&self, name: &str, content: &str) -> Result<(), SetupError> {
        let target = self.file(name);
        let write = || -> io::Result<()> {
            let mut file = tempfile::Builder::new().prefix(".scimgate-").tempfile_in(&self.path)?;
            file.write_all(content.as_bytes())?;
            if let Ok(existing) = std::fs::metadata(&target) {
                file.as_file().set_permissions(existing.permissions())?;
            }
            file.as_file().sync_all()?;
            file.persist(&target).map_err(|error| error.error)?;
            Ok(())
        };
        write().map_err(|source| self.failed(name, source))
    }

    /// Whether every user of this machine may read the file.
    pub(super) fn is_open_to_others(&self, name: &str) -> bool {
        std::fs::metadata(self.file(name)).is_ok_and(|metadata| open_to_others(&metadata))
    }

    fn failed(&self, name: &str, source: io::Error) -> SetupError {
        SetupError::File { path: self.file(name), source }
    }
}

#[cfg(unix)]
fn make(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(path)
}

#[cfg(not(unix))]
fn make(path: &Path) -> io::Result<()> {
    std::fs::create_dir_all(path)
}

#[cfg(unix)]
fn open_to_others(metadata: &std::fs::Metadata) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    metadata.permissions().mode() & 0o007 != 0
}

#[cfg(not(unix))]
fn open_to_others(_: &std::fs::Metadata) -> bool {
    false
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::fs::Permissions;
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn mode(path: &Path) -> u32 {
        let metadata = std::fs::metadata(path).unwrap();
        metadata.permissions().mode() & 0o777
    }

    #[test]
    fn makes_a_private_directory_with_private_files() {
        let outer = tempfile::tempdir().unwrap();
        let path = outer.path().join("a/b");
        let folder = Folder::open(&path).unwrap();
        assert_eq!(mode(&path), 0o700);
        assert!(folder.write_secret("s", &"x".into()).unwrap());
        assert_eq!(mode(&folder.file("s")), 0o600);
        assert!(!folder.write_secret("s", &"x".into()).unwrap());
        assert!(folder.write_secret("s", &"y".into()).unwrap());
        let left: Vec<_> = std::fs::read_dir(&path).unwrap().collect();
        assert_eq!(left.len(), 1, "no temporary file is left: {left:?}");
    }

    #[test]
    fn a_secret_may_end_in_a_newline_but_not_be_empty() {
        let outer = tempfile::tempdir().unwrap();
        let folder = Folder::open(outer.path()).unwrap();
        std::fs::write(folder.file("s"), "x\n").unwrap();
        assert!(!folder.write_secret("s", &"x".into()).unwrap());
        assert_eq!(folder.read_secret("s").unwrap().unwrap().expose_secret(), "x");
        std::fs::write(folder.file("s"), "\n").unwrap();
        assert!(folder.read_secret("s").is_err());
        assert!(folder.read_secret("none").unwrap().is_none());
    }

    #[test]
    fn a_rewritten_file_keeps_its_mode_and_open_ones_are_noticed() {
        let outer = tempfile::tempdir().unwrap();
        let folder = Folder::open(outer.path()).unwrap();
        std::fs::write(folder.file("c"), "1").unwrap();
        std::fs::set_permissions(folder.file("c"), Permissions::from_mode(0o640)).unwrap();
        assert!(!folder.is_open_to_others("c"));
        folder.write("c", "2").unwrap();
        assert_eq!(mode(&folder.file("c")), 0o640);
        std::fs::set_permissions(folder.file("c"), Permissions::from_mode(0o644)).unwrap();
        assert!(folder.is_open_to_others("c"));
    }

    #[test]
    fn says_which_path_cannot_be_written() {
        let outer = tempfile::tempdir().unwrap();
        let file = outer.path().join("file");
        std::fs::write(&file, "").unwrap();
        let error = Folder::open(&file).unwrap_err();
        assert!(error.to_string().contains("file"), "{error}");
    }
}
