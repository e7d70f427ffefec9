//! Folds the layers of a file into a configuration and checks what no single key can tell.

use std::collections::BTreeMap;
use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use toml::Spanned;

use crate::scim::user::user_with;

use super::attributes::{self, MapLayer, ScimPath};
use super::document::Document;
use super::environment::Environment;
use super::error::Problem;
use super::file::{ConfigFile, KeycloakLayer, LogLayer, RealmLayer, ServerLayer};
use super::groups::{self, SpecialRoles};
use super::scalar::{FilePath, List, Value};
use super::schemas::{self, Schemas};
use super::{
    Config, KeycloakConnection, Log, LogFormat, OnCreate, OnExisting, Realm, RealmName, Server, Shared,
    UnknownAttributes, UserAttributes, built_in, callers, secret,
};

/// The value of a key, where there is one.
pub(super) fn get<T: Clone>(value: &Value<T>) -> Option<T> {
    value.as_ref().map(|value| value.get_ref().0.clone())
}

/// The values of a list, where there is one.
pub(super) fn list<T: Clone>(list: &List<T>) -> Option<Vec<T>> {
    let list = list.as_ref()?.get_ref();
    Some(list.iter().map(|value| value.get_ref().0.clone()).collect())
}

/// What is gathered while a file is checked.
pub(super) struct Checker<'a> {
    document: &'a Document<'a>,
    /// The folder from which the file's relative paths start.
    folder: &'a Path,
    env: &'a dyn Environment,
    /// Paths that could not be read, so that they are not called missing as well.
    unread: Vec<Vec<String>>,
    problems: Vec<Problem>,
    warnings: Vec<String>,
}

impl<'a> Checker<'a> {
    pub(super) fn new(
        document: &'a Document<'a>,
        folder: &'a Path,
        env: &'a dyn Environment,
        unread: Vec<(Vec<String>, Problem)>,
    ) -> Self {
        let (unread, problems) = unread.into_iter().unzip();
        Self { document, folder, env, unread, problems, warnings: Vec::new() }
    }

    /// Checks a whole file.
    ///
    /// # Errors
    /// Every problem of the file, those found before included.
    pub(super) fn check(mut self, file: &ConfigFile) -> Result<Config, Vec<Problem>> {
        if file.version.is_none() {
            self.missing(&["version"], "expected version = 1, found no such key");
        }
        let server = self.server(&file.server);
        let log = log(&file.log);
        self.defaults(&file.defaults);
        let shared = self.shared(&file.defaults);
        groups::check_layer(&mut self, &["defaults"], &file.defaults.groups);
        if file.realms.is_empty() {
            self.missing(&["realms"], "expected at least one table [realms.NAME]");
        }
        let mut realms = BTreeMap::new();
        for (name, layer) in &file.realms {
            if let Some(realm) = self.realm(name, layer, &file.defaults, &shared) {
                realms.insert(name.clone(), Arc::new(realm));
            }
        }
        self.issuers_differ(&file.realms, &realms);
        if self.problems.is_empty() {
            Ok(Config { server, log, realms, warnings: self.warnings })
        } else {
            Err(self.problems)
        }
    }

    /// Notes what is wrong with the key or value at `span`.
    pub(super) fn at(&mut self, span: &Range<usize>, message: impl Into<String>) {
        self.problems.push(self.document.at(span, message.into()));
    }

    /// How many problems there are so far.
    pub(super) fn count(&self) -> usize {
        self.problems.len()
    }

    /// Notes what works but should be mended.
    pub(super) fn warn(&mut self, warning: String) {
        self.warnings.push(warning);
    }

    /// Notes a key that is not there, unless it is only not there because it could not be read.
    pub(super) fn missing(&mut self, path: &[&str], message: &str) {
        if self.unreadable(path) {
            return;
        }
        let path: Vec<String> = path.iter().map(|name| (*name).to_owned()).collect();
        let problem = self.document.missing(&path, message.to_owned());
        self.problems.push(problem);
    }

    /// Whether the key, something around it or something in it could not be read.
    pub(super) fn unreadable(&self, path: &[&str]) -> bool {
        let same = |unread: &Vec<String>| unread.iter().zip(path).all(|(a, b)| a == b);
        self.unread.iter().any(same)
    }

    fn server(&mut self, layer: &ServerLayer) -> Server {
        let listen = get(&layer.listen).unwrap_or(built_in::LISTEN);
        let private_listen = get(&layer.private_listen).unwrap_or(built_in::PRIVATE_LISTEN);
        if listen == private_listen && listen.port() != 0 {
            // One of the two is in the file, since the built-in ones differ.
            let value = layer.private_listen.as_ref().or(layer.listen.as_ref());
            if let Some(value) = value {
                self.at(
                    &value.span(),
                    format!(
                        "listen and private_listen are both {listen}; expected two addresses, \
                         because what is private must not be reached from outside"
                    ),
                );
            }
        }
        Server {
            listen,
            private_listen,
            public_url: get(&layer.public_url),
            max_body_bytes: get(&layer.max_body_bytes).map_or(built_in::MAX_BODY_BYTES, |n| n.0),
            request_timeout: get(&layer.request_timeout).map_or(built_in::REQUEST_TIMEOUT, |p| p.0),
            header_timeout: get(&layer.header_timeout).map_or(built_in::HEADER_TIMEOUT, |p| p.0),
            drain_timeout: get(&layer.drain_timeout).map_or(built_in::DRAIN_TIMEOUT, |p| p.0),
            max_connections: get(&layer.max_connections).map_or(built_in::MAX_CONNECTIONS, |n| n.0),
            max_concurrent_requests: get(&layer.max_concurrent_requests)
                .map_or(built_in::MAX_CONCURRENT_REQUESTS, |n| n.0),
            rate_limit: None,
            trusted_proxies: Vec::new(),
        }
    }

    /// What belongs to one realm alone can't be a default for all.
    fn defaults(&mut self, layer: &RealmLayer) {
        if let Some(issuer) = &layer.issuer {
            self.at(
                &issuer.span(),
                "an issuer belongs to one realm: with one for all, a token of one realm would be \
                 taken in another; expected it in [realms.NAME]",
            );
        }
        let secrets = [
            layer.keycloak.client_secret_file.as_ref().map(Spanned::span),
            layer.keycloak.client_secret_env.as_ref().map(Spanned::span),
        ];
        for span in secrets.into_iter().flatten() {
            self.at(
                &span,
                "a secret belongs to one realm and is never a default; expected it in \
                 [realms.NAME.keycloak]",
            );
        }
        if !layer.callers.is_empty() {
            let problem = self.document.missing(
                &["defaults".to_owned(), "callers".to_owned()],
                "callers belong to one realm and are never a default; expected them in \
                 [realms.NAME.callers.CALLER]"
                    .to_owned(),
            );
            self.problems.push(problem);
        }
    }

    /// Checks the schemas of `[defaults]`, and what it maps.
    fn shared(&mut self, defaults: &RealmLayer) -> Schemas {
        let shared = Schemas::check(self, &["defaults"], &defaults.schemas);
        schemas::apart(self, [&shared, &Schemas::default()]);
        let user = user_with(shared.extensions().collect());
        let layer = MapLayer { schemas: &shared, attributes: &defaults.attributes, realm: None };
        attributes::check_keys(self, &user, &layer, shared.flawed());
        shared
    }

    /// The User resource type of a realm, and which of its attributes go to which of Keycloak's.
    fn user(
        &mut self,
        name: &RealmName,
        layer: &RealmLayer,
        defaults: &RealmLayer,
        shared: &Schemas,
    ) -> UserAttributes {
        let own = Schemas::check(self, &["realms", name.as_ref()], &layer.schemas);
        let shared = shared.under(&own);
        schemas::apart(self, [&shared, &own]);
        let user = user_with(shared.extensions().chain(own.extensions()).collect());
        let flawed = shared.flawed() || own.flawed();
        let layers = [
            MapLayer { schemas: &shared, attributes: &defaults.attributes, realm: None },
            MapLayer { schemas: &own, attributes: &layer.attributes, realm: Some(name.as_ref()) },
        ];
        let [_, upper] = &layers;
        attributes::check_keys(self, &user, upper, flawed);
        let attribute_map = attributes::fold(self, &user, &layers);
        UserAttributes { user: Arc::new(user), attribute_map }
    }

    /// What the file says about the users of a realm, be the realm in it or not; every other problem of the file is left
    /// alone.
    ///
    /// # Errors
    /// Every problem with schemas and attributes, those found before included.
    pub(super) fn user_attributes(
        mut self,
        file: &ConfigFile,
        name: &RealmName,
    ) -> Result<UserAttributes, Vec<Problem>> {
        let tables = [["defaults"].as_slice(), &["realms", name.as_ref()]];
        let paths = tables
            .into_iter()
            .flat_map(|table| ["schemas", "attributes"].map(|key| [table, &[key]].concat()));
        let paths: Vec<_> = paths.collect();
        let concerns =
            |unread: &Vec<String>| paths.iter().any(|path| unread.iter().zip(path).all(|(a, b)| a == b));
        let mut unread = self.unread.iter();
        self.problems.retain(|_| unread.next().is_some_and(concerns));
        let shared = self.shared(&file.defaults);
        let nothing = RealmLayer::default();
        let layer = file.realms.get(name).unwrap_or(&nothing);
        let attributes = self.user(name, layer, &file.defaults, &shared);
        if self.problems.is_empty() { Ok(attributes) } else { Err(self.problems) }
    }

    fn realm(
        &mut self,
        name: &RealmName,
        layer: &RealmLayer,
        defaults: &RealmLayer,
        shared: &Schemas,
    ) -> Option<Realm> {
        let UserAttributes { user, attribute_map } = self.user(name, layer, defaults, shared);
        groups::check_layer(self, &["realms", name.as_ref()], &layer.groups);
        let layer = layer.clone().over(defaults);
        let tag_role = get(&layer.tag_role).map_or(built_in::TAG_ROLE.to_owned(), |role| role.0);
        let protected_roles: Vec<String> =
            list(&layer.protected_roles).unwrap_or_default().into_iter().map(|role| role.0).collect();
        let special = SpecialRoles { tag: &tag_role, protected: &protected_roles };
        let groups = groups::fold(self, name.as_ref(), &layer.groups, &defaults.groups, &special);
        let (ignored_attributes, refused_attributes) = self.dropped_attributes(&layer);
        let (default_page_size, max_page_size, scan_limit) = self.sizes(&layer);
        let keycloak = self.keycloak(name, &layer.keycloak);
        let own_client = get(&layer.keycloak.client_id);
        let own_client = own_client.as_ref().map_or(built_in::CLIENT_ID, |id| &id.0);
        let callers = callers::check(self, name, &layer.callers, own_client);
        let keycloak = keycloak?;
        let issuer = get(&layer.issuer)
            .map_or_else(|| String::from(keycloak.endpoint(&["realms", name.as_ref()])), |issuer| issuer.0);
        Some(Realm {
            name: name.clone(),
            issuer,
            tag_role,
            on_existing: get(&layer.on_existing).unwrap_or(OnExisting::Reject),
            sweep_interval: get(&layer.sweep_interval).map_or(built_in::SWEEP_INTERVAL, |p| p.0),
            default_page_size,
            max_page_size,
            scan_limit,
            trust_email: get(&layer.trust_email).unwrap_or(built_in::TRUST_EMAIL),
            reactivate_local: get(&layer.reactivate_local).unwrap_or(built_in::REACTIVATE_LOCAL),
            unknown_attributes: get(&layer.unknown_attributes).unwrap_or(UnknownAttributes::Ignore),
            ignored_attributes,
            refused_attributes,
            protected_roles,
            user,
            attribute_map,
            groups,
            forward_token_endpoint: get(&layer.forward_token_endpoint)
                .unwrap_or(built_in::FORWARD_TOKEN_ENDPOINT),
            plan_timeout: get(&layer.plan_timeout).map_or(built_in::PLAN_TIMEOUT, |p| p.0),
            keycloak,
            callers,
            organization: None,
            organizations: BTreeMap::new(),
            shared: Shared::Refuse,
            email_as_username: false,
            identity_provider: None,
            on_create: OnCreate::default(),
            realm_attributes: false,
        })
    }

    fn sizes(&mut self, layer: &RealmLayer) -> (usize, usize, usize) {
        let max_page_size = get(&layer.max_page_size).map_or(built_in::MAX_PAGE_SIZE, |n| n.0);
        let default_page_size =
            // A realm that only lowers its maximum means the usual page to shrink with it.
            get(&layer.default_page_size).map_or(built_in::DEFAULT_PAGE_SIZE.min(max_page_size), |n| n.0);
        let scan_limit = get(&layer.scan_limit).map_or(built_in::SCAN_LIMIT, |n| n.0);
        if let Some(value) = &layer.default_page_size
            && default_page_size > max_page_size
        {
            self.at(
                &value.span(),
                format!(
                    "expected at most max_page_size, which is {max_page_size}, \
                     found {default_page_size}"
                ),
            );
        }
        if let Some(value) = &layer.scan_limit
            && scan_limit < max_page_size
        {
            self.at(
                &value.span(),
                format!("expected at least max_page_size, which is {max_page_size}, found {scan_limit}"),
            );
        }
        (default_page_size, max_page_size, scan_limit)
    }

    /// Ignored and refused attributes, without repetitions.
    fn dropped_attributes(&mut self, layer: &RealmLayer) -> (Vec<String>, Vec<String>) {
        let mut lists = [&layer.ignored_attributes, &layer.refused_attributes].map(|list| {
            let mut kept: Vec<ScimPath> = Vec::new();
            for value in list.iter().flat_map(|list| list.get_ref()) {
                let path = &value.get_ref().0;
                if let Some(reason) = path.indispensable() {
                    self.at(&value.span(), reason);
                } else if !kept.iter().any(|other| other.is(&path.0)) {
                    kept.push(path.clone());
                }
            }
            kept
        });
        let [ignored, refused] = &mut lists;
        for value in layer.refused_attributes.iter().flat_map(|list| list.get_ref()) {
            let path = &value.get_ref().0;
            if ignored.iter().any(|other| other.is(&path.0)) {
                self.at(
                    &value.span(),
                    format!("{:?} is in ignored_attributes as well; expected it in one of the two", path.0),
                );
            }
        }
        let password = |path: &ScimPath| path.is(built_in::IGNORED_ATTRIBUTE);
        if !ignored.iter().any(password) && !refused.iter().any(password) {
            ignored.push(ScimPath(built_in::IGNORED_ATTRIBUTE.to_owned()));
        }
        let [ignored, refused] = lists;
        let names = |paths: Vec<ScimPath>| paths.into_iter().map(|path| path.0).collect();
        (names(ignored), names(refused))
    }

    fn keycloak(&mut self, realm: &RealmName, layer: &KeycloakLayer) -> Option<KeycloakConnection> {
        let path = |key| ["realms", realm.as_ref(), "keycloak", key];
        if layer.url.is_none() {
            self.missing(
                &path("url"),
                "expected Keycloak's base URL such as \"http://127.0.0.1:8080\", found no such key",
            );
        }
        let read = match (&layer.client_secret_file, &layer.client_secret_env) {
            (Some(_), Some(env)) => {
                self.at(&env.span(), "client_secret_file is given as well; expected one of the two");
                None
            }
            (None, None) if self.unreadable(&path("client_secret_env")) => None,
            (None, None) => {
                self.missing(
                    &path("client_secret_file"),
                    "expected client_secret_file, a file that holds the client's secret, or \
                     client_secret_env, an environment variable that does; found neither",
                );
                None
            }
            (Some(file), None) => {
                let read = secret::from_file(&self.resolve(&file.get_ref().0));
                self.note(&file.span(), read)
            }
            (None, Some(env)) => {
                let read = secret::from_environment(self.env, &env.get_ref().0.0);
                self.note(&env.span(), read)
            }
        };
        let secret = read.map(|read| {
            self.warnings.extend(read.warning);
            read.secret
        });
        let ca_file = layer.ca_file.as_ref().map(|file| {
            let path = self.resolve(&file.get_ref().0);
            let checked = certificates(&path);
            self.note(&file.span(), checked);
            path
        });
        let connect_timeout = get(&layer.connect_timeout).map_or(built_in::CONNECT_TIMEOUT, |p| p.0);
        let timeout = get(&layer.timeout).map_or(built_in::CALL_TIMEOUT, |p| p.0);
        Some(KeycloakConnection {
            url: get(&layer.url)?,
            client_id: get(&layer.client_id).map_or(built_in::CLIENT_ID.to_owned(), |id| id.0),
            client_secret: secret?,
            ca_file,
            proxy: get(&layer.proxy),
            connect_timeout,
            timeout,
        })
    }

    /// Notes an error at `span`; the value otherwise.
    fn note<T>(&mut self, span: &Range<usize>, result: Result<T, String>) -> Option<T> {
        result.map_err(|message| self.at(span, message)).ok()
    }

    fn resolve(&self, file: &FilePath) -> PathBuf {
        self.folder.join(&file.0)
    }

    /// A token says its realm by its issuer alone, so no two realms may share one.
    fn issuers_differ(
        &mut self,
        layers: &BTreeMap<RealmName, RealmLayer>,
        realms: &BTreeMap<RealmName, Arc<Realm>>,
    ) {
        for (name, layer) in layers {
            let (Some(issuer), Some(realm)) = (&layer.issuer, realms.get(name)) else {
                continue;
            };
            let other =
                realms.values().find(|other| other.name != realm.name && other.issuer == realm.issuer);
            if let Some(other) = other {
                self.at(
                    &issuer.span(),
                    format!(
                        "the realm {} has the same issuer; expected that of this realm's tokens",
                        other.name
                    ),
                );
            }
        }
    }
}

fn log(layer: &LogLayer) -> Log {
    Log {
        format: get(&layer.format).unwrap_or(LogFormat::Text),
        level: get(&layer.level).map_or(built_in::LOG_LEVEL.to_owned(), |level| level.0),
        mask_personal_data: get(&layer.mask_personal_data).unwrap_or(built_in::MASK_PERSONAL_DATA),
    }
}

/// Checks that a file holds certificates in PEM.
fn certificates(path: &Path) -> Result<(), String> {
    let shown = path.display();
    let text = fs::read_to_string(path).map_err(|error| format!("cannot read {shown}: {error}"))?;
    if text.contains("-----BEGIN CERTIFICATE-----") {
        Ok(())
    } else {
        Err(format!(
            "expected a file of certificates in PEM (-----BEGIN CERTIFICATE-----), found none in \
             {shown}"
        ))
    }
}
