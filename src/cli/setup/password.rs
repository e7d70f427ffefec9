//! Where the administrator's password comes from.

use std::path::PathBuf;

use secrecy::SecretString;

use super::SetupArgs;

/// Why there is no password.
#[derive(Debug, thiserror::Error)]
pub enum PasswordError {
    /// The environment variable is not set, or not text.
    #[error("the environment variable {variable} (--admin-password-env) is not set")]
    NoVariable {
        /// Its name.
        variable: String,
    },
    /// The file can't be read.
    #[error("the password in {} (--admin-password-file) can't be read: {source}", .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// There is nobody to ask.
    #[error(
        "the password can't be asked for ({source}): give it with --admin-password-env or --admin-password-file"
    )]
    Ask {
        /// Why.
        source: std::io::Error,
    },
    /// It is empty.
    #[error("the administrator's password is empty")]
    Empty,
}

/// The administrator's password, from where the arguments say, or from the terminal.
pub(super) fn read(args: &SetupArgs) -> Result<SecretString, PasswordError> {
    let password = if let Some(variable) = &args.admin_password_env {
        std::env::var(variable).map_err(|_| PasswordError::NoVariable { variable: variable.clone() })?
    } else if let Some(path) = &args.admin_password_file {
        let content = std::fs::read_to_string(path)
            .map_err(|source| PasswordError::File { path: path.clone(), source })?;
        // A password may end in a space; the line's end is the editor's.
        content.trim_end_matches(['\r', '\n']).to_owned()
    } else {
        let prompt = format!("Password of {}: ", args.admin_user);
        rpassword::prompt_password(prompt).map_err(|source| PasswordError::Ask { source })?
    };
    if password.is_empty() {
        return Err(PasswordError::Empty);
    }
    Ok(password.into())
}
