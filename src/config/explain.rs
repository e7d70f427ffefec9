//! Every effective value of a tenant, with the place that says it.

mod effective;
mod render;

use std::fmt;
use std::ops::Range;
use std::path::Path;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::document::{self, Document, Origin};
use super::environment::{self, Environment};
use super::files::Files;
use super::keys::{self, Key, Kind, Organization, SERVER, TENANT, Without};
use super::{CallerAuth, Config, ConfigErrors, OrganizationKey, Realm, RealmName};

use self::render::{hidden, rendered};

pub(super) use self::render::shown_url;

/// Most characters of a line before its origin that others are aligned to.
const WIDEST: usize = 72;

/// Why nothing can be explained.
#[derive(Debug, thiserror::Error)]
pub enum ExplainError {
    /// The file itself is refused.
    #[error(transparent)]
    Config(#[from] ConfigErrors),
    /// The file has no such realm.
    #[error("the configuration has no realm {realm}; it has {known}")]
    Realm {
        /// The realm that was asked for.
        realm: RealmName,
        /// Those that it has, separated by commas.
        known: String,
    },
    /// The realm has no such organization.
    #[error("the realm {realm} has no organization {organization} in the configuration; it has {known}")]
    Organization {
        /// The realm.
        realm: RealmName,
        /// The organization that was asked for.
        organization: OrganizationKey,
        /// Those that it has, separated by commas.
        known: String,
    },
}

/// A key, what it is and what says so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Effective {
    /// The key, with the tables around it below the tenant's own, such as `keycloak.url`.
    pub key: String,
    /// Its value as TOML writes it; `(set)` for a secret, and words in parentheses where there is none.
    pub value: String,
    /// What says so, such as `config.toml:12 ([defaults])` or `built-in`.
    pub origin: String,
}

/// What holds for a tenant, in the order of the reference. Its `Display` is one line for each key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// The keys, each once.
    pub values: Vec<Effective>,
}

impl Explanation {
    /// Lays values over these that come from elsewhere, such as from attributes of the realm in Keycloak. A key that is
    /// there is replaced, another one added.
    pub fn lay_over(&mut self, overrides: impl IntoIterator<Item = Effective>) {
        for over in overrides {
            match self.values.iter_mut().find(|known| known.key == over.key) {
                Some(known) => *known = over,
                None => self.values.push(over),
            }
        }
    }
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let said = |value: &Effective| format!("{} = {}", value.key, value.value);
        let lines: Vec<(String, &str)> =
            self.values.iter().map(|value| (said(value), value.origin.as_str())).collect();
        let widths = lines.iter().map(|(said, _)| said.chars().count());
        let width = widths.filter(|width| *width <= WIDEST).max().unwrap_or_default();
        lines.iter().try_for_each(|(said, origin)| writeln!(f, "{said:width$}  {origin}"))
    }
}

/// What holds for a realm, or an organization of it, by the file at `path`.
///
/// # Errors
/// [`ExplainError`]: a file that is refused explains nothing.
pub fn explain_file(
    path: &Path,
    env: &dyn Environment,
    realm: &RealmName,
    organization: Option<&OrganizationKey>,
) -> Result<Explanation, ExplainError> {
    explain(&super::source(path, &Files::default())?, path, env, realm, organization)
}

/// What holds for a realm, or an organization of it, by `source`, the text of the file at `path`.
///
/// # Errors
/// [`ExplainError`]: a file that is refused explains nothing.
pub fn explain(
    source: &str,
    path: &Path,
    env: &dyn Environment,
    realm: &RealmName,
    organization: Option<&OrganizationKey>,
) -> Result<Explanation, ExplainError> {
    let (overrides, problems) = environment::overrides(env);
    let mut document = super::open(source).map_err(|problems| ConfigErrors::new(path, problems))?;
    document.lay_over(&overrides);
    let (config, mapped) = super::check(&document, path, env, &Files::default(), problems)?;
    let tenant = tenant(&config, realm, organization)?;
    let mut table = vec!["realms".to_owned(), realm.to_string()];
    if let Some(key) = organization {
        table.extend(["organizations".to_owned(), key.to_string()]);
    }
    let mapped = mapped.get(&table).cloned().unwrap_or_default();
    let explainer = Explainer { document: &document, path, config: &config, tenant, table, mapped: &mapped };
    Ok(Explanation { values: explainer.values() })
}

fn tenant<'c>(
    config: &'c Config,
    realm: &RealmName,
    organization: Option<&OrganizationKey>,
) -> Result<&'c Realm, ExplainError> {
    let found = config
        .realms
        .get(realm)
        .ok_or_else(|| ExplainError::Realm { realm: realm.clone(), known: names(config.realms.keys()) })?;
    let Some(organization) = organization else { return Ok(found) };
    let known = || names(found.organizations.keys());
    found.organizations.get(organization).map(AsRef::as_ref).ok_or_else(|| ExplainError::Organization {
        realm: realm.clone(),
        organization: organization.clone(),
        known: known(),
    })
}

fn names(names: impl Iterator<Item = impl ToString>) -> String {
    let names: Vec<String> = names.map(|name| name.to_string()).collect();
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}

/// Looks for what says what.
struct Explainer<'e, 'd> {
    document: &'e Document<'d>,
    path: &'e Path,
    config: &'e Config,
    tenant: &'e Realm,
    /// The names on the way to the tenant's table.
    table: Vec<String>,
    /// Where what the tenant maps was said.
    mapped: &'e std::collections::BTreeMap<String, Range<usize>>,
}

/// A key and a value as they stand in a table.
type Entry<'t, 'd> = (&'t Spanned<std::borrow::Cow<'d, str>>, &'t Spanned<DeValue<'d>>);

impl<'d> Explainer<'_, 'd> {
    fn values(&self) -> Vec<Effective> {
        let mut values = Vec::new();
        let server = effective::server(&self.config.server);
        let log = effective::log(&self.config.log);
        for (name, keys, known) in [("server", SERVER, server), ("log", keys::LOG, log)] {
            for (path, key) in keys::flat(keys) {
                let below = path.join(".");
                let value = known.iter().find(|(known, _)| *known == below).map(|(_, value)| value.clone());
                let Some(value) = value.or_else(|| otherwise(key)) else { continue };
                let table = [name.to_owned()];
                let origin = self.said(&[&table], &path).map(|entry| self.place(entry));
                values.push(Effective {
                    key: format!("{name}.{below}"),
                    value,
                    origin: origin.unwrap_or_else(|| BUILT_IN.to_owned()),
                });
            }
        }
        self.tenants(TENANT, &[], &effective::tenant(self.tenant), &mut values);
        values
    }

    /// The keys of a tenant below `path`.
    fn tenants(
        &self,
        keys: &'static [Key],
        path: &[&'static str],
        known: &[(&'static str, String)],
        values: &mut Vec<Effective>,
    ) {
        for key in keys {
            let path = [path, &[key.name]].concat();
            match (key.name, &key.kind) {
                ("attributes", _) => self.attributes(values),
                ("schemas", _) => self.schemas(values),
                ("roles", _) => self.roles(key, &path, values),
                ("callers", _) => self.callers(values),
                (_, Kind::Table(keys)) => self.tenants(keys, &path, known, values),
                _ => values.extend(self.flat(key, &path, known)),
            }
        }
    }

    /// A key with one value or a list.
    fn flat(&self, key: &Key, path: &[&'static str], known: &[(&'static str, String)]) -> Option<Effective> {
        let name = path.join(".");
        let tables = self.layers(key);
        let said = self.said(&tables.iter().map(Vec::as_slice).collect::<Vec<_>>(), path);
        if name.starts_with("keycloak.client_secret_") {
            // Whoever writes the secret itself in place of a name should not see it here.
            let entry = said?;
            return Some(Effective { key: name, value: hidden(), origin: self.place(entry) });
        }
        let value = match said {
            // They are compared without case, but shown as they were written.
            Some((_, value)) if name == "groups.privileged" => Some(rendered(value.get_ref())),
            _ => known.iter().find(|(known, _)| *known == name).map(|(_, value)| value.clone()),
        };
        // An organization's groups have no place in the realm.
        let nowhere = self.tenant.organization.is_some() && key.levels.organization == Organization::Never;
        let value = value.or_else(|| otherwise(key).filter(|_| !nowhere))?;
        let origin = match (said, key.without) {
            (Some(entry), _) if rendered(entry.1.get_ref()) == value || name != "ignored_attributes" => {
                self.place(entry)
            }
            (Some(entry), _) => format!("{}, and built-in", self.place(entry)),
            (None, Without::Value(default)) if default != value && name == "default_page_size" => {
                format!("{BUILT_IN}, at most max_page_size")
            }
            (None, Without::Else(words)) if name == "issuer" => format!("{BUILT_IN}: {words}"),
            (None, _) => BUILT_IN.to_owned(),
        };
        Some(Effective { key: name, value, origin })
    }

    /// The tables in which the tenant's value of a key may stand, highest first.
    fn layers(&self, key: &Key) -> Vec<Vec<String>> {
        let defaults = key.levels.defaults.then(|| vec!["defaults".to_owned()]);
        let realm = self.table.iter().take(2).cloned().collect::<Vec<_>>();
        if self.tenant.organization.is_none() {
            return [Some(realm), defaults].into_iter().flatten().collect();
        }
        let own = Some(self.table.clone());
        let layers = match key.levels.organization {
            Organization::Folds => [own, Some(realm), defaults],
            Organization::Takes => [None, Some(realm), defaults],
            Organization::Own => [own, None, None],
            Organization::Never => [None, None, None],
        };
        layers.into_iter().flatten().collect()
    }

    /// The entry at `path` in the first of these tables that has it.
    fn said<'t>(&'t self, tables: &[&[String]], path: &[&str]) -> Option<Entry<'t, 'd>> {
        tables.iter().find_map(|table| {
            let names: Vec<&str> = table.iter().map(String::as_str).chain(path.iter().copied()).collect();
            let (last, tables) = names.split_last()?;
            self.table_at(tables)?.get_key_value(*last)
        })
    }

    fn table_at(&self, path: &[&str]) -> Option<&DeTable<'d>> {
        path.iter().try_fold(self.document.tree(), |table, name| table.get(*name)?.get_ref().as_table())
    }

    /// The place of a key, as in `config.toml:12 ([defaults])`.
    fn place(&self, (key, _): Entry<'_, 'd>) -> String {
        self.place_of(&key.span())
    }

    fn place_of(&self, span: &Range<usize>) -> String {
        match self.document.origin(span.start) {
            Origin::Variable(name) => format!("environment {name}"),
            Origin::Line(line) => {
                let mut path = document::find(self.document.tree(), span).unwrap_or_default();
                path.pop();
                format!("{}:{line} ([{}])", self.path.display(), document::display(&path))
            }
        }
    }

    fn attributes(&self, values: &mut Vec<Effective>) {
        for (path, attribute) in &self.tenant.attribute_map {
            let place = self.mapped.get(path).map(|span| self.place_of(span));
            values.push(Effective {
                key: document::display(&["attributes".to_owned(), path.clone()]),
                value: rendered(&DeValue::String(attribute.as_str().into())),
                origin: place.unwrap_or_else(|| BUILT_IN.to_owned()),
            });
        }
    }

    /// The tenant's own schemas, each as a whole from the highest layer that has it.
    fn schemas(&self, values: &mut Vec<Effective>) {
        let layers =
            [self.table.as_slice(), self.table.get(..2).unwrap_or_default(), &["defaults".to_owned()]];
        for extension in &self.tenant.user.extensions {
            let found = layers.iter().find_map(|table| {
                let names: Vec<&str> = table.iter().map(String::as_str).chain(["schemas"]).collect();
                let named =
                    |(key, _): &Entry<'_, 'd>| key.get_ref().eq_ignore_ascii_case(&extension.schema.id);
                self.table_at(&names)?.iter().find(named)
            });
            if let Some((key, value)) = found {
                let path = ["schemas".to_owned(), key.get_ref().to_string()];
                self.leaves(&path, (key, value), &|_| false, values);
            }
        }
    }

    fn roles(&self, key: &Key, path: &[&'static str], values: &mut Vec<Effective>) {
        for carried in self.tenant.groups.roles.values() {
            let folded = carried.name.to_lowercase();
            let found = self.layers(key).into_iter().find_map(|table| {
                let names: Vec<&str> = table.iter().map(String::as_str).chain(path.iter().copied()).collect();
                self.table_at(&names)?.iter().find(|(key, _)| key.get_ref().to_lowercase() == folded)
            });
            if let Some((key, value)) = found {
                let name = path.iter().map(|name| (*name).to_owned()).chain([key.get_ref().to_string()]);
                values.push(Effective {
                    key: document::display(&name.collect::<Vec<_>>()),
                    value: rendered(value.get_ref()),
                    origin: self.place((key, value)),
                });
            }
        }
    }

    /// The tenant's callers, with what holds for them where they say nothing.
    fn callers(&self, values: &mut Vec<Effective>) {
        let secret = |path: &[String]| keys::hides(keys::CALLER, path);
        for name in self.tenant.callers.keys() {
            let names: Vec<&str> =
                self.table.iter().map(String::as_str).chain(["callers", name.as_ref()]).collect();
            let Some(table) = self.table_at(&names) else { continue };
            let path = ["callers".to_owned(), name.to_string()];
            for entry in table {
                let path = [path.as_slice(), &[entry.0.get_ref().to_string()]].concat();
                self.leaves(&path, entry, &|path| secret(path.get(2..).unwrap_or_default()), values);
            }
            if let Some(caller) = self.tenant.callers.get(name) {
                values.extend(unsaid(&path, &caller.auth, |key| table.get(key).is_some()));
            }
        }
    }

    /// An entry, or the entries of the tables in it.
    fn leaves(
        &self,
        path: &[String],
        (key, value): Entry<'_, 'd>,
        is_secret: &dyn Fn(&[String]) -> bool,
        values: &mut Vec<Effective>,
    ) {
        if let DeValue::Table(table) = value.get_ref() {
            for entry in table {
                let path = [path, &[entry.0.get_ref().to_string()]].concat();
                self.leaves(&path, entry, is_secret, values);
            }
            return;
        }
        let shown = match value.get_ref() {
            _ if is_secret(path) => hidden(),
            DeValue::String(url) if path.last().is_some_and(|key| key == "jwks_uri") => {
                render::text(&shown_url(url))
            }
            other => rendered(other),
        };
        let origin = self.place((key, value));
        values.push(Effective { key: document::display(path), value: shown, origin });
    }
}

/// The origin of what no file says.
const BUILT_IN: &str = "built-in";
/// The keys of a caller that mean something whatever its mode.
const OF_EVERY_CALLER: [&str; 4] = ["access", "resources", "networks", "rate_limit"];

/// The keys that mean something to a caller of this kind, and have a meaning where nothing is said.
fn of_kind(auth: &CallerAuth) -> &'static [&'static str] {
    match auth {
        CallerAuth::Token { .. } | CallerAuth::Basic { .. } => &[],
        CallerAuth::Keycloak(_) => &["clients", "roles", "scopes", "audiences"],
        CallerAuth::External(_) => {
            &["clients", "jwks_uri", "required_claims", "clock_skew", "ca_file", "proxy"]
        }
    }
}

/// What holds for the caller in the table `path` where nothing is said, key by key.
pub(super) fn unsaid(path: &[String], auth: &CallerAuth, is_said: impl Fn(&str) -> bool) -> Vec<Effective> {
    let belongs = |key: &&Key| OF_EVERY_CALLER.contains(&key.name) || of_kind(auth).contains(&key.name);
    let keys = keys::CALLER.iter().filter(belongs).filter(|key| !is_said(key.name));
    let effective = |key: &Key| {
        let value = match key.without {
            Without::Value(default) => Some(default.to_owned()),
            _ => otherwise(key),
        };
        let key = document::display(&[path, &[key.name.to_owned()]].concat());
        value.map(|value| Effective { key, value, origin: BUILT_IN.to_owned() })
    };
    keys.filter_map(effective).collect()
}

/// What holds without a key, where that is no value of its own.
fn otherwise(key: &Key) -> Option<String> {
    match key.without {
        Without::Else(words) => Some(format!("({words})")),
        Without::Value(_) | Without::Required => None,
    }
}
