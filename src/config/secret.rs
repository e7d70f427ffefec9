//! Reads secrets from files and from the environment; no message holds what they say.

use std::env::VarError;
use std::fs;
use std::path::Path;

use secrecy::SecretString;

use super::environment::Environment;
use super::files::Files;

/// Largest file that is taken for a secret, in bytes.
const LARGEST: u64 = 64 * 1024;

/// A secret, and what the administrator should know about where it came from.
#[derive(Debug)]
pub(super) struct Read {
    pub(super) secret: SecretString,
    pub(super) warning: Option<String>,
}

/// Reads a secret from a file; the line break at its end is not part of it.
///
/// # Errors
/// A sentence that says why there is no secret.
pub(super) fn from_file(files: &Files, path: &Path) -> Result<Read, String> {
    let shown = path.display();
    // Before anything else, so that it is noted whatever becomes of it.
    let text = files.read(path);
    let metadata = fs::metadata(path).map_err(|error| format!("cannot read {shown}: {error}"))?;
    if !metadata.is_file() || metadata.len() > LARGEST {
        return Err(format!(
            "expected a file of at most {LARGEST} bytes that holds the secret alone, found {shown}"
        ));
    }
    let text = text.map_err(|error| format!("cannot read {shown}: {error}"))?;
    let secret = check(text).map_err(|problem| format!("the secret in {shown} {problem}"))?;
    let warning = open_to_others(&metadata)
        .then(|| format!("{shown} can be read by other users of this machine: run chmod 600 on it"));
    Ok(Read { secret, warning })
}

/// Reads a secret from an environment variable.
///
/// # Errors
/// A sentence that says why there is no secret. It does not name the variable, for the case that
/// the secret itself was written where the name belongs; file, line and key tell which it is.
pub(super) fn from_environment(env: &dyn Environment, name: &str) -> Result<Read, String> {
    let text = env.var(name).map_err(|error| match error {
        VarError::NotPresent => {
            "the environment variable that is named here is not set; set it to the secret of \
             Keycloak's client"
                .to_owned()
        }
        VarError::NotUnicode(_) => {
            "the environment variable that is named here holds no text in UTF-8".to_owned()
        }
    })?;
    let secret =
        check(text).map_err(|problem| format!("the secret in the environment variable {problem}"))?;
    Ok(Read { secret, warning: None })
}

fn check(text: String) -> Result<SecretString, &'static str> {
    let mut text = text;
    // Editors and `echo` end a file with a line break, of either kind.
    text.truncate(text.trim_end_matches(['\r', '\n']).len());
    if text.is_empty() {
        Err("is empty")
    } else if text.contains(char::is_control) {
        Err("holds line breaks or control characters: expected one line of text")
    } else {
        Ok(SecretString::from(text))
    }
}

#[cfg(unix)]
fn open_to_others(metadata: &fs::Metadata) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    metadata.permissions().mode() & 0o044 != 0
}

#[cfg(not(unix))]
fn open_to_others(_: &fs::Metadata) -> bool {
    false
}
