//! Reads, checks and explains the configuration; knows no HTTP.
//!
//! A file is read in layers, the built-in values, `[defaults]`, `[realms.NAME]` and
//! `[realms.NAME.organizations.KEY]`: scalars and lists of a higher layer replace those below, maps
//! are merged. Secrets and callers belong to one realm, or one organization of it, and never come
//! from a layer below. `config.toml` at the top of the repository is the reference of every key.

mod attributes;
mod built_in;
mod callers;
mod check;
mod connection;
mod document;
mod environment;
mod error;
mod explain;
mod file;
mod files;
mod groups;
mod json_schema;
mod keys;
mod names;
mod provisioning;
mod rate;
mod realm_attributes;
mod scalar;
mod schemas;
mod secret;
mod tenant;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use ipnet::IpNet;
use secrecy::{ExposeSecret as _, SecretString};
use url::Url;

use crate::scim::ResourceType;

use self::files::Files;

pub use callers::{
    Access, Caller, CallerAuth, External, KeySource, RealmTokens, ResourceName, SecretHash, StaticToken,
};
pub use environment::{Environment, ProcessEnvironment};
pub use error::{ConfigErrors, Problem};
pub use explain::{Effective, ExplainError, Explanation, explain, explain_file};
pub use files::Contents;
pub use groups::{GroupRole, GroupRoles, Groups, OnExistingGroup, VisibleGroups};
pub use json_schema::json_schema;
pub use names::{CallerName, NameError, OrganizationKey, RealmName, SecretName};
pub use provisioning::{IdentityProviderLink, LinkedValue, OnCreate, Shared};
pub use rate::RateLimit;
pub use realm_attributes::{Overridden, RealmAttributes, override_with};

/// A checked configuration. Two are equal if the gateway would behave the same.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// The listeners and their limits.
    pub server: Server,
    /// The log.
    pub log: Log,
    /// The realms that are served; at least one.
    pub realms: BTreeMap<RealmName, Arc<Realm>>,
    /// What works but should be mended, in sentences for the administrator.
    pub warnings: Vec<String>,
    files: Contents,
}

impl Config {
    /// What it was read from: the configuration file, secrets and certificates.
    pub fn files(&self) -> &Contents {
        &self.files
    }
}

/// The listeners and their limits.
#[derive(Clone, Debug, PartialEq)]
pub struct Server {
    /// Where SCIM clients come in; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Where health and readiness are asked for; not for the outside.
    pub private_listen: SocketAddr,
    /// What clients see as the base of all URLs, without query, fragment or slash at its end;
    /// none means `http://` and the bound address of `listen`.
    pub public_url: Option<Url>,
    /// Largest request body, in bytes.
    pub max_body_bytes: usize,
    /// How long a request may take until its answer.
    pub request_timeout: Duration,
    /// How long a client may take to send a request's headers.
    pub header_timeout: Duration,
    /// How long requests may go on after the signal to end.
    pub drain_timeout: Duration,
    /// Most connections at once.
    pub max_connections: usize,
    /// Most requests at once.
    pub max_concurrent_requests: usize,
    /// Most SCIM requests of all callers together; none for no limit.
    pub rate_limit: Option<RateLimit>,
    /// Proxies in front, whose `X-Forwarded-For` tells where a request comes from.
    pub trusted_proxies: Vec<IpNet>,
}

/// The log.
#[derive(Clone, Debug, PartialEq)]
pub struct Log {
    /// How a line is written.
    pub format: LogFormat,
    /// What is logged: directives of tracing's `EnvFilter`.
    pub level: String,
    /// Whether names and e-mail addresses are masked.
    pub mask_personal_data: bool,
}

/// How a line of the log is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// A tenant: a Keycloak realm that is served, or one of its organizations, which takes from the realm what it does not
/// say itself.
#[derive(Clone, Debug, PartialEq)]
pub struct Realm {
    /// The realm's name in Keycloak and in the URL.
    pub name: RealmName,
    /// The organization; none for the realm itself.
    pub organization: Option<OrganizationKey>,
    /// The realm's organizations that are served; none within an organization.
    pub organizations: BTreeMap<OrganizationKey, Arc<Realm>>,
    /// What its tokens hold as `iss`, compared as text.
    pub issuer: String,
    /// The realm role that managed users carry.
    pub tag_role: String,
    /// What a create does with a user whom somebody else made.
    pub on_existing: OnExisting,
    /// How often what administrators changed by hand is looked for.
    pub sweep_interval: Duration,
    /// Resources on a page where the client doesn't say; at most `max_page_size`.
    pub default_page_size: usize,
    /// Most resources on a page; 1 to 1000.
    pub max_page_size: usize,
    /// Most users looked at for one list.
    pub scan_limit: usize,
    /// Whether an e-mail address that a client wrote counts as verified.
    pub trust_email: bool,
    /// Whether `active: true` undoes a block that was set in Keycloak.
    pub reactivate_local: bool,
    /// What happens to attributes that no schema knows.
    pub unknown_attributes: UnknownAttributes,
    /// SCIM attributes that are accepted and dropped; with `password` unless that is refused. The
    /// core schema's URN is taken off; they are matched without case.
    pub ignored_attributes: Vec<String>,
    /// SCIM attributes that make a request fail; as `ignored_attributes`.
    pub refused_attributes: Vec<String>,
    /// Realm roles that mean administrative power besides Keycloak's own.
    pub protected_roles: Vec<String>,
    /// The User resource type, with the realm's own schemas.
    pub user: Arc<ResourceType>,
    /// From SCIM path to Keycloak user attribute; paths are matched without case, spelt as in RFC
    /// 7643 where they are built in.
    pub attribute_map: BTreeMap<String, String>,
    /// How groups are kept.
    pub groups: Groups,
    /// Whether the realm's token endpoint is forwarded.
    pub forward_token_endpoint: bool,
    /// How long a plan of writes may take, whoever still waits for it.
    pub plan_timeout: Duration,
    /// How Keycloak is reached.
    pub keycloak: KeycloakConnection,
    /// Who may call; at least one, unless the realm's attributes in Keycloak or organizations may say who.
    pub callers: BTreeMap<CallerName, Caller>,
    /// What a caller may do to a user whom another caller of the tenant made.
    pub shared: Shared,
    /// Whether Keycloak's usernames are made from e-mail addresses, whatever `userName` a client sends.
    pub email_as_username: bool,
    /// Whether the file says `email_as_username` of this organization itself; else what attributes say of its realm holds.
    pub says_email_as_username: bool,
    /// The identity provider that users are linked to; none where they are not.
    pub identity_provider: Option<IdentityProviderLink>,
    /// What users get once, when they are created.
    pub on_create: OnCreate,
    /// Whether attributes of the realm (or the organization) in Keycloak override this configuration.
    pub realm_attributes: bool,
}

/// What a realm keeps of its users, and where.
#[derive(Clone, Debug, PartialEq)]
pub struct UserAttributes {
    /// The User resource type, with the realm's own schemas.
    pub user: Arc<ResourceType>,
    /// From SCIM path to Keycloak user attribute, as in [`Realm`].
    pub attribute_map: BTreeMap<String, String>,
}

/// What a create does with a user whom somebody else made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnExisting {
    /// 409: the user stays as it is.
    Reject,
}

/// What happens to attributes that no schema knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnknownAttributes {
    /// They are dropped.
    Ignore,
    /// They make the request fail.
    Refuse,
}

/// How Keycloak is reached, and as whom.
#[derive(Clone, Debug)]
pub struct KeycloakConnection {
    /// Keycloak's base, as in `https://sso.example.com/auth`: without query or fragment, no slash
    /// at the end of a path.
    pub url: Url,
    /// The gateway's own client in the realm.
    pub client_id: String,
    /// That client's secret.
    pub client_secret: SecretString,
    /// Certificates, in PEM, of further authorities that Keycloak's certificate may come from.
    pub ca_file: Option<PathBuf>,
    /// The HTTP proxy on the way to Keycloak.
    pub proxy: Option<Url>,
    /// How long a connection may take to be made.
    pub connect_timeout: Duration,
    /// How long one call may take.
    pub timeout: Duration,
}

impl PartialEq for KeycloakConnection {
    fn eq(&self, other: &Self) -> bool {
        let parts = |one: &Self| {
            let times = (one.connect_timeout, one.timeout);
            (one.url.clone(), one.client_id.clone(), one.ca_file.clone(), one.proxy.clone(), times)
        };
        // Both secrets are this program's own, so that how long this takes tells nobody anything.
        parts(self) == parts(other)
            && self.client_secret.expose_secret() == other.client_secret.expose_secret()
    }
}

impl KeycloakConnection {
    /// The URL of `segments` under Keycloak's base; what is no plain character in a segment is
    /// percent-encoded.
    pub fn endpoint(&self, segments: &[&str]) -> Url {
        let mut url = self.url.clone();
        // Only URLs without a host, such as `mailto:`, have no segments; the check lets none in.
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(segments);
        }
        url
    }
}

/// From SCIM path to Keycloak user attribute, where no file says anything.
pub fn built_in_attribute_map() -> BTreeMap<String, String> {
    attributes::DEFAULT_MAP.iter().map(|(path, name)| ((*path).to_owned(), (*name).to_owned())).collect()
}

/// Reads and checks the file at `path`; `env` holds the variables that it may name.
///
/// # Errors
/// Everything that is wrong with the file, each with its line and key.
pub fn load(path: &Path, env: &dyn Environment) -> Result<Config, ConfigErrors> {
    let files = Files::default();
    let parsed = source(path, &files).and_then(|text| parse_with(&text, path, env, &files));
    parsed.map_err(|errors| errors.after(files.contents()))
}

fn source(path: &Path, files: &Files) -> Result<String, ConfigErrors> {
    files.read(path).map_err(|source| ConfigErrors::new(path, vec![Problem::Unreadable { source }]))
}

/// Checks `source` as the text of the file at `path`, from whose folder relative paths start.
///
/// # Errors
/// As [`load`].
pub fn parse(source: &str, path: &Path, env: &dyn Environment) -> Result<Config, ConfigErrors> {
    parse_with(source, path, env, &Files::default())
}

fn parse_with(
    source: &str,
    path: &Path,
    env: &dyn Environment,
    files: &Files,
) -> Result<Config, ConfigErrors> {
    let (overrides, problems) = environment::overrides(env);
    let mut document = open(source).map_err(|problems| ConfigErrors::new(path, problems))?;
    document.lay_over(&overrides);
    check(&document, path, env, files, problems).map(|(config, _)| config)
}

/// Checks a file with what the environment lays over it.
fn check(
    document: &document::Document<'_>,
    path: &Path,
    env: &dyn Environment,
    files: &Files,
    mut problems: Vec<Problem>,
) -> Result<(Config, tenant::MappedAt), ConfigErrors> {
    let (file, unread) = document.read();
    let named = file.realms.values().filter_map(|realm| realm.keycloak.client_secret_env.as_ref());
    let named = named.map(|value| value.get_ref().0.0.as_str()).collect();
    problems.extend(environment::unknown(env, &named));
    let folder = path.parent().unwrap_or(Path::new(""));
    let checked = check::Checker::new(document, folder, env, files, unread).check(&file);
    match checked {
        Ok(checked) if problems.is_empty() => Ok(checked),
        Ok(_) => Err(ConfigErrors::new(path, problems)),
        Err(further) => {
            problems.extend(further);
            Err(ConfigErrors::new(path, problems))
        }
    }
}

/// What `source`, the text of the file at `path`, says about the users of a realm, which need not be in it. Nothing else
/// of it is checked, and no secret is read.
///
/// # Errors
/// Everything that is wrong with schemas and attributes, each with its line and key.
pub fn user_attributes(source: &str, path: &Path, realm: &RealmName) -> Result<UserAttributes, ConfigErrors> {
    tenants_user_attributes(source, path, realm).map(|(realm, _)| realm)
}

/// As [`user_attributes`], with what each organization of the realm says in the order of their keys: all of them need the
/// Keycloak attributes that they map in the realm's one user profile.
///
/// # Errors
/// As [`user_attributes`].
pub fn tenants_user_attributes(
    source: &str,
    path: &Path,
    realm: &RealmName,
) -> Result<(UserAttributes, Vec<UserAttributes>), ConfigErrors> {
    let refuse = |problems| ConfigErrors::new(path, problems);
    let document = open(source).map_err(refuse)?;
    let (file, problems) = document.read();
    let (nothing, files) = (BTreeMap::new(), Files::default());
    let checker = check::Checker::new(&document, Path::new(""), &nothing, &files, problems);
    checker.user_attributes(&file, realm).map_err(refuse)
}

fn open(source: &str) -> Result<document::Document<'_>, Vec<Problem>> {
    let document = document::Document::parse(source)?;
    if let Some((span, version)) = document.version()
        && version != file::VERSION.to_string()
    {
        // Every other problem may just be the other version's way.
        let message = format!("this program reads version {} of the format, found {version}", file::VERSION);
        return Err(vec![document.at(&span, message)]);
    }
    Ok(document)
}
