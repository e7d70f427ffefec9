//! The environment: secrets that a file names, and values that override those of the file for the whole instance.

use std::collections::{BTreeMap, BTreeSet};
use std::env::VarError;

use toml::de::DeValue;

use super::error::Problem;
use super::keys::{self, Key, Kind, Place};

/// The environment variables that a configuration may name.
pub trait Environment {
    /// The value of the variable `name`.
    ///
    /// # Errors
    /// `NotPresent` if it is not set, `NotUnicode` if its value is not text.
    fn var(&self, name: &str) -> Result<String, VarError>;

    /// The names of all variables that are set.
    fn names(&self) -> BTreeSet<String>;
}

/// The environment of this process.
#[derive(Clone, Copy, Debug, Default)]
pub struct ProcessEnvironment;

impl Environment for ProcessEnvironment {
    fn var(&self, name: &str) -> Result<String, VarError> {
        std::env::var(name)
    }

    fn names(&self) -> BTreeSet<String> {
        // A name that is not text is none that anything here would ask for.
        std::env::vars_os().filter_map(|(name, _)| name.into_string().ok()).collect()
    }
}

/// An environment that holds just these variables.
impl Environment for BTreeMap<String, String> {
    fn var(&self, name: &str) -> Result<String, VarError> {
        self.get(name).cloned().ok_or(VarError::NotPresent)
    }

    fn names(&self) -> BTreeSet<String> {
        self.keys().cloned().collect()
    }
}

/// What the names of variables begin with that override the keys of a table.
const TABLES: [(&str, &[Key]); 3] =
    [("server", keys::SERVER), ("log", keys::LOG), ("defaults", keys::TENANT)];
const PREFIX: &str = "SCIMGATE_";

/// The keys that a variable overrides, each with its path and the variable's name.
pub(super) fn overridable() -> Vec<(Vec<&'static str>, &'static Key, String)> {
    let of = |(table, keys): (&'static str, &'static [Key])| {
        let flat = keys::flat(keys).into_iter();
        let flat = flat.filter(move |(_, key)| table != "defaults" || Place::Defaults.takes(key.levels));
        flat.map(move |(path, key)| {
            let path = [&[table], path.as_slice()].concat();
            let name = format!("{PREFIX}{}", path.join("_").to_ascii_uppercase());
            (path, key, name)
        })
    };
    TABLES.into_iter().flat_map(of).collect()
}

/// A value of the environment that overrides that of the file.
pub(super) struct Override {
    /// The key, with the names on the way to it.
    pub(super) path: Vec<&'static str>,
    /// The variable.
    pub(super) name: String,
    kind: Kind,
    text: String,
}

impl Override {
    /// What it means. What is no value of the key's kind stays text, which the key's own check refuses.
    pub(super) fn value(&self) -> DeValue<'_> {
        value(&self.kind, &self.text)
    }
}

/// The values that override those of the file; those that are no text are told.
pub(super) fn overrides(env: &dyn Environment) -> (Vec<Override>, Vec<Problem>) {
    let (mut found, mut problems) = (Vec::new(), Vec::new());
    for (path, key, name) in overridable() {
        match env.var(&name) {
            Ok(text) => found.push(Override { path, name, kind: key.kind, text }),
            Err(VarError::NotPresent) => {}
            Err(VarError::NotUnicode(_)) => {
                let message = "expected text in UTF-8, found something else".to_owned();
                problems.push(Problem::Variable { name, message });
            }
        }
    }
    (found, problems)
}

/// The table whose keys no variable overrides, though one might think so.
const REALMS: &str = "SCIMGATE_REALMS_";

/// The variables that look as if they overrode a key, and override none; but for those that `named` are for secrets.
pub(super) fn unknown(env: &dyn Environment, named: &BTreeSet<&str>) -> Vec<Problem> {
    let known: BTreeSet<String> = overridable().into_iter().map(|(_, _, name)| name).collect();
    let prefixes = TABLES.map(|(table, _)| format!("{PREFIX}{}_", table.to_ascii_uppercase()));
    let names = env.names().into_iter().filter(|name| {
        (name.starts_with(REALMS) || prefixes.iter().any(|prefix| name.starts_with(prefix)))
            && !known.contains(name)
            && !named.contains(name.as_str())
            && !is_service_link(env, name)
    });
    names
        .map(|name| {
            let message = if name.starts_with(REALMS) {
                "this overrides no key; what one realm says stands in the file, and variables override only keys of \
                 [server], [log] and [defaults]"
                    .to_owned()
            } else {
                format!(
                    "this overrides no key; expected SCIMGATE_ and the path of a scalar or list of [server], [log] or \
                     [defaults] in capitals, such as {}",
                    nearest(&name, &known)
                )
            };
            Problem::Variable { name, message }
        })
        .collect()
}

/// Whether Kubernetes tells by this variable where a Service is that happens to be called `scimgate-server`,
/// `scimgate-log-shipper` or the like.
fn is_service_link(env: &dyn Environment, name: &str) -> bool {
    const PROTOCOLS: [&str; 3] = ["TCP", "UDP", "SCTP"];
    let address = || {
        let is = |value: &str| ["tcp://", "udp://", "sctp://"].iter().any(|scheme| value.starts_with(scheme));
        env.var(name).is_ok_and(|value| is(&value))
    };
    // As in NAME_PORT_7644_TCP_ADDR; a Service's own name may have PORT in it too.
    let of_port = || {
        name.match_indices("_PORT_").any(|(at, found)| {
            let rest = name.get(at + found.len()..).unwrap_or_default();
            let (port, rest) = rest.split_once('_').unwrap_or((rest, ""));
            let (protocol, what) = rest.split_once('_').map_or((rest, None), |(of, what)| (of, Some(what)));
            !port.is_empty()
                && port.chars().all(|c| c.is_ascii_digit())
                && PROTOCOLS.contains(&protocol)
                && what.is_none_or(|what| ["PROTO", "PORT", "ADDR"].contains(&what))
        })
    };
    name.ends_with("_SERVICE_HOST")
        || name.ends_with("_SERVICE_PORT")
        || name.contains("_SERVICE_PORT_")
        || of_port()
        || (name.ends_with("_PORT") && address())
}

/// The name that shares the longest beginning with one that is none.
fn nearest<'k>(name: &str, known: &'k BTreeSet<String>) -> &'k str {
    let shared = |other: &str| name.bytes().zip(other.bytes()).take_while(|(a, b)| a == b).count();
    known.iter().max_by_key(|other| shared(other)).map_or("", String::as_str)
}

fn value<'t>(kind: &Kind, text: &'t str) -> DeValue<'t> {
    let plain = DeValue::String(text.into());
    match kind {
        Kind::Flag => match text {
            "true" => DeValue::Boolean(true),
            "false" => DeValue::Boolean(false),
            _ => plain,
        },
        Kind::Whole(..) => {
            let number = DeValue::parse(text).map(toml::Spanned::into_inner);
            number.ok().filter(DeValue::is_integer).unwrap_or(plain)
        }
        Kind::List(element) => {
            let elements = text.split(',').map(str::trim).filter(|element| !element.is_empty());
            let elements = elements.map(|text| toml::Spanned::new(0..0, value(element, text)));
            DeValue::Array(elements.collect())
        }
        _ => plain,
    }
}
