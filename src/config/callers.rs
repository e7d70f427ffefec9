//! Checks the callers of a realm: each proves itself in one way, and no proof stands for two.

use std::collections::BTreeMap;

use super::check::Checker;
use super::file::CallerFile;
use super::scalar::AuthMode;
use super::{Caller, CallerAuth, CallerName, RealmName, RealmTokens, StaticToken};

/// Checks the callers of `realm`, whose gateway itself is Keycloak's client `own_client`.
pub(super) fn check(
    checker: &mut Checker<'_>,
    realm: &RealmName,
    layers: &BTreeMap<CallerName, CallerFile>,
    own_client: &str,
) -> BTreeMap<CallerName, Caller> {
    let mut callers = BTreeMap::new();
    let mut hashes = BTreeMap::new();
    let mut clients = BTreeMap::new();
    if layers.is_empty() {
        checker.missing(
            &["realms", realm.as_ref(), "callers"],
            "expected at least one table [realms.NAME.callers.CALLER], found none",
        );
    }
    for (name, layer) in layers {
        let path = |key| ["realms", realm.as_ref(), "callers", name.as_ref(), key];
        let Some(mode) = super::check::get(&layer.auth) else {
            checker.missing(
                &path("auth"),
                "expected auth = \"token\" or auth = \"keycloak\", found no such key",
            );
            continue;
        };
        let auth = match mode {
            AuthMode::Token => {
                if let Some(clients) = &layer.clients {
                    checker
                        .at(&clients.span(), "clients belong to auth = \"keycloak\"; expected sha256 alone");
                }
                let mut sha256 = Vec::new();
                for value in layer.sha256.iter().flat_map(|list| list.get_ref()) {
                    let hash = value.get_ref().0.0;
                    match hashes.insert(hash, name) {
                        Some(other) => checker.at(
                            &value.span(),
                            format!(
                                "the caller {other} has this token already; expected a token of \
                                 its own, since it tells who calls"
                            ),
                        ),
                        None => sha256.push(hash),
                    }
                }
                if layer.sha256.as_ref().is_none_or(|list| list.get_ref().is_empty()) {
                    checker.missing(&path("sha256"), "expected a list of at least one SHA-256 of a token");
                }
                let tokens = sha256.into_iter().map(StaticToken::random);
                CallerAuth::Token { tokens: tokens.collect() }
            }
            AuthMode::Keycloak => {
                if let Some(sha256) = &layer.sha256 {
                    checker.at(&sha256.span(), "sha256 belongs to auth = \"token\"; expected clients alone");
                }
                for value in layer.clients.iter().flat_map(|list| list.get_ref()) {
                    let client = &value.get_ref().0.0;
                    if client == own_client {
                        checker.at(
                            &value.span(),
                            format!(
                                "{client:?} is the gateway's own client, which may change every \
                                 user; expected a client of the identity provider's own"
                            ),
                        );
                    } else if let Some(other) = clients.insert(client.clone(), name) {
                        checker.at(
                            &value.span(),
                            format!(
                                "the caller {other} has this client already; expected a client \
                                 of its own, since it tells who calls"
                            ),
                        );
                    }
                }
                if layer.clients.as_ref().is_none_or(|list| list.get_ref().is_empty()) {
                    checker
                        .missing(&path("clients"), "expected a list of at least one client id of the realm");
                }
                let own = clients.iter().filter(|(_, caller)| **caller == name);
                let clients = own.map(|(client, _)| client.clone()).collect();
                CallerAuth::Keycloak(RealmTokens { clients, ..RealmTokens::default() })
            }
        };
        let caller = Caller::unrestricted(name.clone(), auth);
        callers.insert(name.clone(), caller);
    }
    callers
}
