//! Values of the configuration, checked as they are read: each type says in words what it expects.

use std::fmt;
use std::marker::PhantomData;
use std::net::SocketAddr;
use std::time::Duration;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Error, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use toml::Spanned;
use toml::value::Datetime;
use tracing_subscriber::EnvFilter;
use url::Url;

use super::{LogFormat, OnExisting, UnknownAttributes};

/// A key that may be absent, with the place of its value in the file.
pub(super) type Value<T> = Option<Spanned<Checked<T>>>;
/// A list that may be absent, with the place of each element.
pub(super) type List<T> = Option<Spanned<Vec<Spanned<Checked<T>>>>>;

/// No wait of the gateway is longer, in milliseconds: it keeps sums of times far from overflow.
const LONGEST: u64 = 24 * 60 * 60 * 1000;
/// How much of an unusable value a message shows, in characters.
const SHOWN: usize = 80;

/// A value that deserializes through [`Scalar`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Checked<T>(pub(super) T);

/// A type that one TOML value is read into.
pub(super) trait Scalar: Sized {
    /// Whether the value may be a secret that was put here by mistake, so that no message shows it.
    const SECRET: bool = false;

    /// What can stand here, as the end of a sentence that starts with "expected".
    fn expected() -> String;

    /// Reads what was found.
    ///
    /// # Errors
    /// `Unexpected` where [`Scalar::expected`] tells all, `Because` with a sentence of its own.
    fn read(found: &Found<'_>) -> Result<Self, Refusal>;
}

/// What stands in the file.
pub(super) enum Found<'a> {
    Text(&'a str),
    Whole(i64),
    Flag(bool),
    Date(Datetime),
    Other(&'static str),
}

impl Found<'_> {
    pub(super) fn text(&self) -> Result<&str, Refusal> {
        match self {
            Self::Text(text) => Ok(text),
            _ => Err(Refusal::Unexpected),
        }
    }
}

impl fmt::Display for Found<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => {
                let shown: String = text.chars().take(SHOWN).collect();
                let rest = if shown.len() < text.len() { "…" } else { "" };
                write!(f, "{shown:?}{rest}")
            }
            Self::Whole(number) => write!(f, "{number}"),
            Self::Flag(flag) => write!(f, "{flag}"),
            Self::Date(date) => write!(f, "{date}"),
            Self::Other(kind) => f.write_str(kind),
        }
    }
}

/// Why a value is refused.
pub(super) enum Refusal {
    Unexpected,
    Because(String),
}

impl<'de, T: Scalar> Deserialize<'de> for Checked<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ScalarVisitor(PhantomData))
    }
}

impl<T: Scalar> Checked<T> {
    /// Reads what was found.
    ///
    /// # Errors
    /// A sentence that says what was expected.
    pub(super) fn read<E: Error>(found: &Found<'_>) -> Result<Self, E> {
        T::read(found).map(Self).map_err(|refusal| {
            E::custom(match refusal {
                Refusal::Because(reason) => reason,
                Refusal::Unexpected if T::SECRET => format!("expected {}", T::expected()),
                Refusal::Unexpected => format!("expected {}, found {found}", T::expected()),
            })
        })
    }
}

struct ScalarVisitor<T>(PhantomData<T>);

impl<'de, T: Scalar> Visitor<'de> for ScalarVisitor<T> {
    type Value = Checked<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&T::expected())
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Checked<T>, E> {
        Checked::read(&Found::Text(text))
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Checked<T>, E> {
        Checked::read(&Found::Whole(number))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Checked<T>, E> {
        match i64::try_from(number) {
            Ok(number) => self.visit_i64(number),
            Err(_) => Checked::read(&Found::Other("a number that is too large")),
        }
    }

    fn visit_bool<E: Error>(self, flag: bool) -> Result<Checked<T>, E> {
        Checked::read(&Found::Flag(flag))
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<Checked<T>, E> {
        Checked::read(&Found::Other("a number with a fraction"))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, _: A) -> Result<Checked<T>, A::Error> {
        Checked::read(&Found::Other("a list"))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Checked<T>, A::Error> {
        // A date comes as a table that only its own type knows how to read.
        let date = Datetime::deserialize(MapAccessDeserializer::new(map));
        Checked::read(&date.map_or(Found::Other("a table"), Found::Date))
    }
}

impl Scalar for bool {
    fn expected() -> String {
        "true or false".to_owned()
    }

    fn read(found: &Found<'_>) -> Result<Self, Refusal> {
        match found {
            Found::Flag(flag) => Ok(*flag),
            _ => Err(Refusal::Unexpected),
        }
    }
}

/// A whole number within bounds, both included.
#[derive(Clone, Copy, Debug)]
pub(super) struct Whole<const MIN: usize, const MAX: usize>(pub(super) usize);

impl<const MIN: usize, const MAX: usize> Scalar for Whole<MIN, MAX> {
    fn expected() -> String {
        if MIN == MAX { format!("the number {MIN}") } else { format!("a whole number from {MIN} to {MAX}") }
    }

    fn read(found: &Found<'_>) -> Result<Self, Refusal> {
        match found {
            Found::Whole(number) => usize::try_from(*number)
                .ok()
                .filter(|number| (MIN..=MAX).contains(number))
                .map(Self)
                .ok_or(Refusal::Unexpected),
            _ => Err(Refusal::Unexpected),
        }
    }
}

/// A length of time between so many milliseconds, both included, written as in `"30s"`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Period<const MIN_MS: u64, const MAX_MS: u64 = LONGEST>(pub(super) Duration);

impl<const MIN_MS: u64, const MAX_MS: u64> Scalar for Period<MIN_MS, MAX_MS> {
    fn expected() -> String {
        let least = humantime::format_duration(Duration::from_millis(MIN_MS));
        let most = match MAX_MS {
            LONGEST => "24h".to_owned(),
            most => humantime::format_duration(Duration::from_millis(most)).to_string(),
        };
        format!("a duration from {least} to {most} such as \"500ms\", \"30s\" or \"2m\"")
    }

    fn read(found: &Found<'_>) -> Result<Self, Refusal> {
        humantime::parse_duration(found.text()?)
            .ok()
            .filter(|period| (Duration::from_millis(MIN_MS)..=Duration::from_millis(MAX_MS)).contains(period))
            .map(Self)
            .ok_or(Refusal::Unexpected)
    }
}

impl Scalar for SocketAddr {
    fn expected() -> String {
        "an IP address and a port such as \"127.0.0.1:7644\"".to_owned()
    }

    fn read(found: &Found<'_>) -> Result<Self, Refusal> {
        found.text()?.parse().map_err(|_| Refusal::Unexpected)
    }
}

/// An absolute http(s) URL without query, fragment or credentials; no slash at its path's end.
impl Scalar for Url {
    fn expected() -> String {
        "an absolute http(s) URL".to_owned()
    }

    fn read(found: &Found<'_>) -> Result<Self, Refusal> {
        let text = found.text()?;
        // The URL standard mends "http:sso" and drops blanks; a configuration is better refused.
        let absolute = text.split_once("://").is_some_and(|(scheme, _)| {
            scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https")
        });
        if !absolute || text.contains(|c: char| c.is_whitespace() || c.is_control()) {
            return Err(Refusal::Unexpected);
        }
        let mut url = Self::parse(text).map_err(|_| Refusal::Unexpected)?;
        if !url.username().is_empty() || url.password().is_some() {
            // The message does not repeat the URL, since it holds a password.
            return Err(Refusal::Because(
                "expected a URL without user name and password: nothing secret stands in this file"
                    .to_owned(),
            ));
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(Refusal::Because(format!(
                "expected a URL without ?query and #fragment, found {found}"
            )));
        }
        let path = url.path().trim_end_matches('/').to_owned();
        url.set_path(&path);
        Ok(url)
    }
}

/// An issuer as it stands in a token: compared as text, so kept as it was written.
#[derive(Clone, Debug)]
pub(super) struct Issuer(pub(super) String);

impl Scalar for Issuer {
    fn expected() -> String {
        Url::expected()
    }

    fn read(found: &Found<'_>) -> Result<Self, Refusal> {
        Url::read(found)?;
        let text = found.text()?;
        if text.ends_with('/') {
            return Err(Refusal::Because(format!(
                "expected a URL that does not end in a slash, because Keycloak's issuers don't \
                 and they are compared as text, found {found}"
            )));
        }
        Ok(Self(text.to_owned()))
    }
}

/// A line of text: not empty, at most 255 characters, no control characters, no blanks around it.
#[derive(Clone, Debug)]
pub(super) struct Line(pub(super) String);

impl Scalar for Line {
    fn expected() -> String {
        "a text of 1 to 255 characters without line breaks or blanks around it".to_owned()
    }

    fn read(found: &Found<'_>) -> Result<Self, Refusal> {
        let text = found.text()?;
        let length = text.chars().count();
        if (1..=255).contains(&length) && text.trim().len() == text.len() && !text.contains(char::is_control)
        {
            Ok(Self(text.to_owned()))
        } else {
            Err(Refusal::Unexpected)
        }
    }
}

/// A path in the file system; relative ones start at the configuration file's folder.
#[derive(Clone, Debug)]
pub(super) struct FilePath(pub(super) String);

impl Scalar for FilePath {
    fn expected() -> String {
        "the path of a file".to_owned()
    }

    fn read(found: &Found<'_>) -> Result<Self, Refusal> {
        let text = found.text()?;
        if text.is_empty() || text.contains('\0') {
            return Err(Refusal::Unexpected);
        }
        Ok(Self(text.to_owned()))
    }
}

/// The name of an environment variable.
#[derive(Clone, Debug)]
pub(super) struct VariableName(pub(super) String);

impl Scalar for VariableName {
    const SECRET: bool = true;

    fn expected() -> String {
        "the name of an environment variable (letters, digits and _, no digit first)".to_owned()
    }

    fn read(found: &Found<'_>) -> Result<Self, Refusal> {
        let text = found.text()?;
        let legal = |c: char| c.is_ascii_alphanumeric() || c == '_';
        if text.is_empty() || text.starts_with(|c: char| c.is_ascii_digit()) || !text.chars().all(legal) {
            return Err(Refusal::Unexpected);
        }
        Ok(Self(text.to_owned()))
    }
}

/// Directives of tracing's `EnvFilter`.
#[derive(Clone, Debug)]
pub(super) struct Level(pub(super) String);

impl Scalar for Level {
    fn expected() -> String {
        "off, error, warn, info, debug or trace, or such as \"info,scimgate=debug\"".to_owned()
    }

    fn read(found: &Found<'_>) -> Result<Self, Refusal> {
        let text = found.text()?;
        // A bare word that is no level would be taken for a module's name and log all of it, so
        // that a misspelt "inof" would print everything.
        let misspelt = |directive: &str| {
            !directive.contains(['=', '[', '}'])
                && !["off", "error", "warn", "info", "debug", "trace"]
                    .iter()
                    .any(|level| directive.trim().eq_ignore_ascii_case(level))
        };
        if text.split(',').any(misspelt) || EnvFilter::builder().parse(text).is_err() {
            return Err(Refusal::Unexpected);
        }
        Ok(Self(text.to_owned()))
    }
}

impl Scalar for LogFormat {
    fn expected() -> String {
        "\"text\" or \"json\"".to_owned()
    }

    fn read(found: &Found<'_>) -> Result<Self, Refusal> {
        match found.text()? {
            "text" => Ok(Self::Text),
            "json" => Ok(Self::Json),
            _ => Err(Refusal::Unexpected),
        }
    }
}

impl Scalar for OnExisting {
    fn expected() -> String {
        "\"reject\"".to_owned()
    }

    fn read(found: &Found<'_>) -> Result<Self, Refusal> {
        match found.text()? {
            "reject" => Ok(Self::Reject),
            "adopt" => Err(Refusal::Because(
                "\"adopt\" is not supported: whoever first made the account would keep their \
                 credentials for a person whom the identity provider now vouches for; expected \
                 \"reject\""
                    .to_owned(),
            )),
            _ => Err(Refusal::Unexpected),
        }
    }
}

impl Scalar for UnknownAttributes {
    fn expected() -> String {
        "\"ignore\" or \"refuse\"".to_owned()
    }

    fn read(found: &Found<'_>) -> Result<Self, Refusal> {
        match found.text()? {
            "ignore" => Ok(Self::Ignore),
            "refuse" => Ok(Self::Refuse),
            _ => Err(Refusal::Unexpected),
        }
    }
}
