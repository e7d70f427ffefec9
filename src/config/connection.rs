//! Checks how Keycloak is reached, and reads the files and secrets that this takes.

use std::path::{Path, PathBuf};

use super::check::{Checker, get};
use super::file::KeycloakLayer;
use super::files::Files;
use super::scalar::{FilePath, Value};
use super::{KeycloakConnection, RealmName, built_in, secret};

impl Checker<'_> {
    /// Folds the built-in values and `layer`, which is folded itself.
    pub(super) fn keycloak(
        &mut self,
        realm: &RealmName,
        layer: &KeycloakLayer,
    ) -> Option<KeycloakConnection> {
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
                let read = secret::from_file(self.files, &self.resolve(&file.get_ref().0));
                self.note(&file.span(), read)
            }
            (None, Some(env)) => {
                let read = self.variable(&env.get_ref().0.0);
                self.note(&env.span(), read)
            }
        };
        let secret = read.map(|read| {
            read.warning.into_iter().for_each(|warning| self.warn(warning));
            read.secret
        });
        let ca_file = self.certificates(&layer.ca_file);
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

    /// A file of certificates that is known to hold some, where one is given.
    pub(super) fn certificates(&mut self, file: &Value<FilePath>) -> Option<PathBuf> {
        let file = file.as_ref()?;
        let path = self.resolve(&file.get_ref().0);
        let checked = certificates(self.files, &path);
        self.note(&file.span(), checked);
        Some(path)
    }
}

/// Checks that a file holds certificates in PEM.
fn certificates(files: &Files, path: &Path) -> Result<(), String> {
    let shown = path.display();
    let text = files.read(path).map_err(|error| format!("cannot read {shown}: {error}"))?;
    if text.contains("-----BEGIN CERTIFICATE-----") {
        Ok(())
    } else {
        Err(format!(
            "expected a file of certificates in PEM (-----BEGIN CERTIFICATE-----), found none in \
             {shown}"
        ))
    }
}
