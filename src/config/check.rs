//! Folds the layers of a file into a configuration and checks what no single key can tell.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};

use ipnet::IpNet;
use toml::Spanned;

use super::document::Document;
use super::environment::Environment;
use super::error::Problem;
use super::file::{ConfigFile, LogLayer, RealmLayer, ServerLayer};
use super::files::Files;
use super::scalar::{FilePath, List, Value};
use super::tenant::MappedAt;
use super::{Config, Log, LogFormat, Server, built_in, groups, secret};

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
    /// The way to the files that the configuration names.
    pub(super) files: &'a Files,
    /// Where what tenants map was said.
    mapped: MappedAt,
}

impl<'a> Checker<'a> {
    pub(super) fn new(
        document: &'a Document<'a>,
        folder: &'a Path,
        env: &'a dyn Environment,
        files: &'a Files,
        unread: Vec<(Vec<String>, Problem)>,
    ) -> Self {
        let (unread, problems) = unread.into_iter().unzip();
        Self { document, folder, env, unread, problems, warnings: Vec::new(), files, mapped: MappedAt::new() }
    }

    /// Checks a whole file.
    ///
    /// # Errors
    /// Every problem of the file, those found before included.
    pub(super) fn check(mut self, file: &ConfigFile) -> Result<(Config, MappedAt), Vec<Problem>> {
        if file.version.is_none() {
            self.missing(&["version"], "expected version = 1, found no such key");
        }
        let server = self.server(&file.server);
        let log = log(&file.log);
        self.defaults(&file.defaults);
        groups::check_layer(&mut self, &["defaults"], &file.defaults.groups);
        if file.realms.is_empty() {
            self.missing(&["realms"], "expected at least one table [realms.NAME]");
        }
        let realms = self.realms(file);
        let files = self.files.contents();
        let warnings = std::mem::take(&mut self.warnings);
        let mapped = std::mem::take(&mut self.mapped);
        self.done((Config { server, log, realms, warnings, files }, mapped))
    }

    /// What was made of the file, if there is nothing wrong with it.
    ///
    /// # Errors
    /// Every problem.
    pub(super) fn done<T>(self, made: T) -> Result<T, Vec<Problem>> {
        if self.problems.is_empty() { Ok(made) } else { Err(self.problems) }
    }

    /// Forgets the problems of reading the file that are not about one of these paths.
    pub(super) fn forget_all_but(&mut self, paths: &[Vec<&str>]) {
        let concerns =
            |unread: &Vec<String>| paths.iter().any(|path| unread.iter().zip(path).all(|(a, b)| a == b));
        let mut unread = self.unread.iter();
        self.problems.retain(|_| unread.next().is_some_and(concerns));
    }

    /// Notes where what the tenant of this table maps was said.
    pub(super) fn maps(&mut self, table: &[&str], places: BTreeMap<String, Range<usize>>) {
        let table = table.iter().map(|name| (*name).to_owned()).collect();
        self.mapped.insert(table, places);
    }

    /// A secret that an environment variable holds.
    ///
    /// # Errors
    /// As [`secret::from_environment`].
    pub(super) fn variable(&self, name: &str) -> Result<secret::Read, String> {
        secret::from_environment(self.env, name)
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
            rate_limit: get(&layer.rate_limit),
            trusted_proxies: self.trusted_proxies(layer),
        }
    }

    /// Whoever is trusted can claim to be anywhere.
    fn trusted_proxies(&mut self, layer: &ServerLayer) -> Vec<IpNet> {
        for value in layer.trusted_proxies.iter().flat_map(|list| list.get_ref()) {
            if is_nowhere(&value.get_ref().0) {
                self.at(
                    &value.span(),
                    "this trusts everybody to tell where requests come from; expected the networks of your own proxies, \
                     of /8 or longer (IPv6: /16)",
                );
            }
        }
        list(&layer.trusted_proxies).unwrap_or_default()
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
        if !layer.organizations.is_empty() {
            self.missing(
                &["defaults", "organizations"],
                "organizations belong to one realm; expected them in [realms.NAME.organizations.KEY]",
            );
        }
    }

    /// Notes an error at `span`; the value otherwise.
    pub(super) fn note<T>(&mut self, span: &Range<usize>, result: Result<T, String>) -> Option<T> {
        result.map_err(|message| self.at(span, message)).ok()
    }

    /// Where a path of the file leads.
    pub(super) fn resolve(&self, file: &FilePath) -> PathBuf {
        self.folder.join(&file.0)
    }
}

/// Whether a network is so large that strangers are in it, unless it is one for private use.
fn is_nowhere(network: &IpNet) -> bool {
    match network {
        IpNet::V4(network) => network.prefix_len() < 8,
        // fc00::/7 (RFC 4193)
        IpNet::V6(network) => {
            let is_private = network.prefix_len() >= 7 && network.network().is_unique_local();
            network.prefix_len() < 16 && !is_private
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
