//! `scimgate token`: makes a token for a caller, or the hash of a password, with the lines for the configuration.

use std::io::{self, BufRead, IsTerminal as _, Write};
use std::time::Duration;

use argon2::{Argon2, PasswordHasher as _};
use clap::Args;
use secrecy::{ExposeSecret as _, SecretString};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::setup::{SetupError, token};

/// Shortest password whose hash is made, in characters: over HTTP anybody may guess.
const MIN_PASSWORD: usize = 12;

/// What is made, and how it is named.
#[derive(Debug, Args)]
pub struct TokenArgs {
    /// A name for it, which the log tells: several tokens of a caller can then be told apart.
    #[arg(long, value_name = "NAME", value_parser = secret_name)]
    name: Option<String>,
    /// How long it is taken from now on, as in 90d.
    #[arg(long, value_name = "DURATION", requires = "name", value_parser = lifetime)]
    expires: Option<Duration>,
    /// Make the hash of a password, which is asked for or read from standard input.
    #[arg(long)]
    password: bool,
}

/// Why there are no lines.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// No token could be made.
    #[error(transparent)]
    Token(#[from] SetupError),
    /// The password can't be read.
    #[error("the password can't be read: {0}")]
    Read(#[source] io::Error),
    /// The two passwords differ.
    #[error("the passwords differ; nothing was made")]
    Differ,
    /// Too short.
    #[error("the password has fewer than {MIN_PASSWORD} characters; anybody may guess it over HTTP")]
    Short,
    /// It can't be hashed.
    #[error("the password can't be hashed: {0}")]
    Hash(argon2::password_hash::Error),
    /// Its end is after all dates.
    #[error("--expires is too far away")]
    TooLate,
    /// The lines can't be written.
    #[error("the lines can't be written: {0}")]
    Write(#[source] io::Error),
}

/// Makes what is asked for and writes it to `out`; `password` asks for the password.
///
/// # Errors
/// [`TokenError`].
pub fn run(
    args: &TokenArgs,
    password: impl FnOnce() -> Result<SecretString, TokenError>,
    out: &mut dyn Write,
) -> Result<(), TokenError> {
    let expires = args.expires.map(end).transpose()?;
    let text = if args.password {
        let hash = hash(&password()?)?;
        lines(args.name.as_deref(), "passwords", "argon2", &hash, expires.as_deref())
    } else {
        let token = token::new()?;
        let lines = lines(args.name.as_deref(), "tokens", "sha256", &token::hash(&token), expires.as_deref());
        format!(
            "The token, for the identity provider; it is shown once and kept nowhere:\n\n{}\n\n{lines}",
            token.expose_secret()
        )
    };
    out.write_all(text.as_bytes()).map_err(TokenError::Write)
}

/// What goes into the configuration.
fn lines(name: Option<&str>, table: &str, key: &str, hash: &str, expires: Option<&str>) -> String {
    let Some(name) = name else {
        return format!("In the caller's table of config.toml:\n\n{key} = [\"{hash}\"]\n");
    };
    // A dot in a bare key would begin a table within it.
    let name = if name.contains('.') { format!("\"{name}\"") } else { name.to_owned() };
    let expires = expires.map(|expires| format!("expires = {expires}\n")).unwrap_or_default();
    format!(
        "In config.toml, with the names of your realm and caller:\n\n\
         [realms.REALM.callers.CALLER.{table}.{name}]\n{key} = \"{hash}\"\n{expires}"
    )
}

/// Asks for a password twice where somebody types it, else reads a line of standard input.
///
/// # Errors
/// [`TokenError`].
pub fn ask() -> Result<SecretString, TokenError> {
    if !io::stdin().is_terminal() {
        return line(&mut io::stdin().lock());
    }
    let ask = |prompt| rpassword::prompt_password(prompt).map(SecretString::from).map_err(TokenError::Read);
    let (first, second) = (ask("Password: ")?, ask("Once more: ")?);
    if first.expose_secret() == second.expose_secret() { Ok(first) } else { Err(TokenError::Differ) }
}

fn line(input: &mut dyn BufRead) -> Result<SecretString, TokenError> {
    let mut line = String::new();
    input.read_line(&mut line).map_err(TokenError::Read)?;
    // A password may end in a space; the line's end is the editor's.
    Ok(line.trim_end_matches(['\r', '\n']).to_owned().into())
}

/// Argon2id with OWASP's parameters, the library's default.
fn hash(password: &SecretString) -> Result<String, TokenError> {
    if password.expose_secret().chars().count() < MIN_PASSWORD {
        return Err(TokenError::Short);
    }
    let hash = Argon2::default().hash_password(password.expose_secret().as_bytes());
    Ok(hash.map_err(TokenError::Hash)?.to_string())
}

/// When something ends that is made now, in whole seconds.
fn end(lifetime: Duration) -> Result<String, TokenError> {
    let lifetime = time::Duration::try_from(lifetime).map_err(|_| TokenError::TooLate)?;
    let end = OffsetDateTime::now_utc().checked_add(lifetime).ok_or(TokenError::TooLate)?;
    end.replace_nanosecond(0).ok().and_then(|end| end.format(&Rfc3339).ok()).ok_or(TokenError::TooLate)
}

fn secret_name(name: &str) -> Result<String, crate::config::NameError> {
    name.parse::<crate::config::SecretName>().map(|name| name.to_string())
}

fn lifetime(text: &str) -> Result<Duration, String> {
    match humantime::parse_duration(text) {
        Ok(lifetime) if !lifetime.is_zero() => Ok(lifetime),
        _ => Err("expected a time such as 90d or 12h".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use argon2::PasswordVerifier as _;
    use argon2::password_hash::phc::PasswordHash;
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        args: TokenArgs,
    }

    fn made(arguments: &[&str], input: &str) -> Result<String, String> {
        let line =
            Line::try_parse_from([&["token"], arguments].concat()).map_err(|error| error.to_string())?;
        let mut out = Vec::new();
        run(&line.args, || super::line(&mut input.as_bytes()), &mut out)
            .map_err(|error| error.to_string())?;
        Ok(String::from_utf8(out).unwrap())
    }

    /// The lines of the configuration, read.
    fn read(made: &str, from: &str) -> toml::Table {
        made[made.find(from).unwrap()..].parse().unwrap()
    }

    #[test]
    fn a_token_comes_with_the_hash_that_the_configuration_takes() {
        let made = made(&[], "").unwrap();
        let token = made.lines().nth(2).unwrap();
        assert_eq!(token.len(), 43);
        let hash = token::hash(&token.into());
        assert_eq!(read(&made, "sha256 =")["sha256"][0].as_str(), Some(hash.as_str()));
        assert_eq!(made.matches(token).count(), 1, "it is shown once");
    }

    #[test]
    fn a_name_and_an_end_make_a_table_of_their_own() {
        let made = made(&["--name", "autumn.2026", "--expires", "90d"], "").unwrap();
        let table = read(&made, "[realms");
        let token = &table["realms"]["REALM"]["callers"]["CALLER"]["tokens"]["autumn.2026"];
        assert_eq!(token["sha256"].as_str().unwrap().len(), 64);
        let end = token["expires"].as_datetime().unwrap().to_string();
        let left = OffsetDateTime::parse(&end, &Rfc3339).unwrap() - OffsetDateTime::now_utc();
        assert!((89..=90).contains(&left.whole_days()), "{end}");
    }

    #[test]
    fn a_password_is_never_shown_but_as_its_hash() {
        let password = "correct horse battery ";
        let made = made(&["--password", "--name", "winter"], &format!("{password}\r\nmore\n")).unwrap();
        assert!(!made.contains("horse"));
        let table = read(&made, "[realms");
        let hash =
            table["realms"]["REALM"]["callers"]["CALLER"]["passwords"]["winter"]["argon2"].as_str().unwrap();
        let hash = PasswordHash::new(hash).unwrap();
        assert!(Argon2::default().verify_password(password.as_bytes(), &hash).is_ok());
        assert!(Argon2::default().verify_password(password.trim().as_bytes(), &hash).is_err());
    }

    #[test]
    fn what_nobody_should_use_is_not_made() {
        for (arguments, input) in [
            (&["--password"][..], ""),
            (&["--password"], "elevenchars\n"),
            (&["--name", "a b"], ""),
            (&["--name", ""], ""),
            (&["--expires", "90d"], ""),
            (&["--name", "a", "--expires", "0s"], ""),
            (&["--name", "a", "--expires", "soon"], ""),
            (&["--name", "a", "--expires", "20000y"], ""),
        ] {
            assert!(made(arguments, input).is_err(), "{arguments:?}");
        }
    }
}
