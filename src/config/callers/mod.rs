//! Checks the callers of a tenant: each proves itself in one way, and no proof stands for two.

mod caller;
mod layer;
mod proofs;
pub(super) mod values;

use std::collections::{BTreeMap, BTreeSet};

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use toml::Spanned;
use url::Url;

use super::built_in;
use super::check::{Checker, get, list};
use super::names::{CallerName, SecretName};
use super::scalar::{Line, List};

pub use self::caller::{
    Access, Caller, CallerAuth, External, KeySource, RealmTokens, ResourceName, SecretHash, StaticToken,
};
pub(super) use self::layer::CallerLayer;
#[cfg(test)]
pub(super) use self::layer::SecretLayer;
pub(super) use self::proofs::{Proofs, Tenant};
use self::values::AuthMode;

/// Where an issuer's discovery document is, below the issuer (OpenID Connect Discovery section 4).
const DISCOVERY: &str = "/.well-known/openid-configuration";
/// Where this issuer's discovery document is; none where the issuer is no URL.
pub(super) fn discovery(issuer: &str) -> Option<Url> {
    Url::parse(&format!("{}{DISCOVERY}", issuer.trim_end_matches('/'))).ok()
}

/// Claims that are checked whatever the configuration requires, and where more is said about them.
const OWN_CLAIMS: [(&str, &str); 5] = [
    ("iss", "this is what issuer says; expected another claim"),
    ("aud", "this is what audiences says; expected another claim"),
    ("exp", "this is always checked; expected another claim"),
    ("nbf", "this is always checked; expected another claim"),
    ("iat", "this is always checked; expected another claim"),
];

/// Checks the callers of `tenant`, which it must have if they are `wanted`.
pub(super) fn check(
    checker: &mut Checker<'_>,
    tenant: Tenant<'_>,
    layers: &BTreeMap<CallerName, CallerLayer>,
    proofs: &mut Proofs,
) -> BTreeMap<CallerName, Caller> {
    let mut callers = BTreeMap::new();
    for (name, layer) in layers {
        let table = [tenant.table().as_slice(), &["callers", name.as_ref()]].concat();
        let mut reader =
            Reader { checker: &mut *checker, tenant, table: &table, name, layer, proofs: &mut *proofs };
        if let Some(auth) = reader.auth() {
            let caller = reader.caller(auth);
            callers.insert(name.clone(), caller);
        }
    }
    callers
}

/// Reads one caller.
struct Reader<'r, 'c> {
    checker: &'r mut Checker<'c>,
    tenant: Tenant<'r>,
    /// The caller's table, from the top.
    table: &'r [&'r str],
    name: &'r CallerName,
    layer: &'r CallerLayer,
    proofs: &'r mut Proofs,
}

impl Reader<'_, '_> {
    fn missing(&mut self, key: &str, message: &str) {
        let path = [self.table, &[key]].concat();
        self.checker.missing(&path, message);
    }

    fn caller(&mut self, auth: CallerAuth) -> Caller {
        let layer = self.layer;
        let plain = Caller::unrestricted(self.name.clone(), auth);
        let resources: Option<BTreeSet<_>> = list(&layer.resources).map(BTreeSet::from_iter);
        if resources.as_ref().is_some_and(BTreeSet::is_empty) {
            self.missing("resources", "expected \"User\", \"Group\" or both");
        }
        if layer.networks.as_ref().is_some_and(|list| list.get_ref().is_empty()) {
            self.missing("networks", "expected at least one network; without the key any will do");
        }
        Caller {
            access: get(&layer.access).unwrap_or(plain.access),
            resources: resources.unwrap_or_else(|| plain.resources.clone()),
            networks: list(&layer.networks).unwrap_or_default(),
            rate_limit: get(&layer.rate_limit),
            ..plain
        }
    }

    /// How it proves who it is, where that can be told.
    fn auth(&mut self) -> Option<CallerAuth> {
        let Some(mode) = get(&self.layer.auth) else {
            self.missing(
                "auth",
                "expected auth = \"token\", \"keycloak\", \"external\" or \"basic\", found no such key",
            );
            return None;
        };
        for (key, modes) in self.layer.of_modes() {
            if !modes.contains(&mode) {
                let modes: Vec<String> = modes.iter().map(|mode| format!("{:?}", mode.keyword())).collect();
                let message = format!(
                    "this belongs to auth = {}; expected no such key with auth = {:?}",
                    modes.join(" or "),
                    mode.keyword()
                );
                self.missing(key, &message);
            }
        }
        match mode {
            AuthMode::Token => Some(CallerAuth::Token { tokens: self.tokens() }),
            AuthMode::Basic => self.basic(),
            AuthMode::Keycloak => Some(CallerAuth::Keycloak(self.realm_tokens())),
            AuthMode::External => self.external().map(|external| CallerAuth::External(Box::new(external))),
        }
    }

    fn tokens(&mut self) -> Vec<StaticToken> {
        let layer = self.layer;
        let mut tokens = Vec::new();
        for value in layer.sha256.iter().flat_map(|list| list.get_ref()) {
            let hash = SecretHash::Sha256(value.get_ref().0.0);
            tokens.extend(self.secret(value, None, hash, None));
        }
        for (key, secret) in in_order(&layer.tokens) {
            let Some(name) = self.secret_name(key) else { continue };
            let expires = get(&secret.expires).map(|expiry| expiry.0);
            match (&secret.sha256, &secret.argon2) {
                (Some(_), Some(argon2)) => {
                    self.checker.at(&argon2.span(), "sha256 is given as well; expected one of the two");
                }
                (Some(value), None) => {
                    let hash = SecretHash::Sha256(value.get_ref().0.0);
                    tokens.extend(self.secret(value, Some(name), hash, expires));
                }
                (None, Some(value)) => {
                    let hash = SecretHash::Argon2(value.get_ref().0.0.clone());
                    tokens.extend(self.secret(value, Some(name), hash, expires));
                }
                (None, None) => {
                    let path = [self.table, &["tokens", key.get_ref(), "sha256"]].concat();
                    let other = [self.table, &["tokens", key.get_ref(), "argon2"]].concat();
                    if !self.checker.unreadable(&other) {
                        self.checker.missing(
                            &path,
                            "expected sha256, the SHA-256 of the token, or argon2, its Argon2 hash; found neither",
                        );
                    }
                }
            }
        }
        let none =
            layer.sha256.as_ref().is_none_or(|list| list.get_ref().is_empty()) && layer.tokens.is_empty();
        if none && !self.unreadable("tokens") {
            self.missing(
                "sha256",
                "expected a list of at least one SHA-256 of a token, or a table [….tokens.NAME] with one",
            );
        }
        tokens
    }

    fn basic(&mut self) -> Option<CallerAuth> {
        let layer = self.layer;
        let mut passwords = Vec::new();
        for value in layer.argon2.iter().flat_map(|list| list.get_ref()) {
            let hash = SecretHash::Argon2(value.get_ref().0.0.clone());
            passwords.extend(self.secret(value, None, hash, None));
        }
        for (key, secret) in in_order(&layer.passwords) {
            let Some(name) = self.secret_name(key) else { continue };
            if let Some(value) = &secret.sha256 {
                self.checker.at(
                    &value.span(),
                    "passwords that people choose can be guessed from their SHA-256; expected argon2",
                );
            }
            let Some(value) = &secret.argon2 else {
                if secret.sha256.is_none() {
                    let path = [self.table, &["passwords", key.get_ref(), "argon2"]].concat();
                    self.checker.missing(
                        &path,
                        "expected argon2, the Argon2 hash of the password, found no such key",
                    );
                }
                continue;
            };
            let hash = SecretHash::Argon2(value.get_ref().0.0.clone());
            let expires = get(&secret.expires).map(|expiry| expiry.0);
            passwords.extend(self.secret(value, Some(name), hash, expires));
        }
        let none =
            layer.argon2.as_ref().is_none_or(|list| list.get_ref().is_empty()) && layer.passwords.is_empty();
        if none && !self.unreadable("passwords") {
            self.missing(
                "argon2",
                "expected a list of at least one Argon2 hash of a password, or a table [….passwords.NAME] with one",
            );
        }
        let Some(user) = &layer.user else {
            self.missing("user", "expected the user name that the caller sends, found no such key");
            return None;
        };
        let name = user.get_ref().0.0.clone();
        if let Err(other) = self.proofs.user(&self.tenant, self.name, &name) {
            self.checker.at(
                &user.span(),
                format!(
                    "{other} has this user name already; expected one of its own within the realm, since it tells who calls"
                ),
            );
        }
        Some(CallerAuth::Basic { user: name, passwords })
    }

    /// One token or password; none where another caller has it.
    fn secret<T>(
        &mut self,
        place: &Spanned<T>,
        name: Option<SecretName>,
        hash: SecretHash,
        expires: Option<OffsetDateTime>,
    ) -> Option<StaticToken> {
        if let Err(other) = self.proofs.hash(&self.tenant, self.name, &hash) {
            self.checker.at(
                &place.span(),
                format!(
                    "{other} has this token already; expected a token of its own, since it tells who calls"
                ),
            );
            return None;
        }
        let name = name.map(|name| name.to_string());
        if let Some(expires) = expires.filter(|expires| *expires <= OffsetDateTime::now_utc()) {
            self.checker.warn(format!(
                "{}: what is named {:?} has expired at {}, so that it is not taken any more; take it out",
                self.table.join("."),
                name.as_deref().unwrap_or_default(),
                expires.format(&Rfc3339).unwrap_or_default()
            ));
        }
        Some(StaticToken { name, hash, expires })
    }

    fn secret_name(&mut self, key: &Spanned<String>) -> Option<SecretName> {
        let name = key.get_ref().parse();
        name.map_err(|error: super::NameError| self.checker.at(&key.span(), error.to_string())).ok()
    }

    fn realm_tokens(&mut self) -> RealmTokens {
        let layer = self.layer;
        let mut clients = BTreeSet::new();
        for value in layer.clients.iter().flat_map(|list| list.get_ref()) {
            let client = &value.get_ref().0.0;
            // Some databases under Keycloak find a client without regard to case.
            if client.eq_ignore_ascii_case(self.tenant.own_client) {
                self.checker.at(
                    &value.span(),
                    format!(
                        "{client:?} is the gateway's own client, which may change every user; expected a client of the \
                         identity provider's own"
                    ),
                );
            } else if let Err(other) = self.proofs.client(&self.tenant, self.name, client) {
                self.checker.at(
                    &value.span(),
                    format!(
                        "{other} has this client already; expected a client of its own, since it tells who calls"
                    ),
                );
            } else {
                clients.insert(client.clone());
            }
        }
        let tokens = RealmTokens {
            clients,
            roles: texts(&layer.roles),
            scopes: texts(&layer.scopes),
            audiences: texts(&layer.audiences),
        };
        let no_clients = layer.clients.as_ref().is_none_or(|list| list.get_ref().is_empty());
        if no_clients && tokens.roles.is_empty() {
            if !self.unreadable("roles") {
                self.missing(
                    "clients",
                    "expected a list of at least one client id of the realm, or roles, a list of realm roles that tell \
                     who may call",
                );
            }
        } else if no_clients
            && !self.unreadable("clients")
            && let Some(roles) = &layer.roles
            && let Err(other) = self.proofs.roles(&self.tenant, self.name, &tokens)
        {
            self.checker.at(
                &roles.span(),
                format!(
                    "{other} takes the same tokens, whatever their client; expected clients, or roles of which neither \
                     list holds the other, since they tell who calls"
                ),
            );
        }
        tokens
    }

    fn external(&mut self) -> Option<External> {
        let layer = self.layer;
        let ca_file = self.checker.certificates(&layer.ca_file);
        let required_claims = self.required_claims();
        let audiences = texts(&layer.audiences);
        if audiences.is_empty() {
            self.missing(
                "audiences",
                "expected at least one audience: an issuer's tokens are for many, and those for others must not open \
                 this door",
            );
        }
        let Some(issuer) = &layer.issuer else {
            self.missing("issuer", "expected the issuer of its tokens, their \"iss\", found no such key");
            return None;
        };
        let text = issuer.get_ref().0.0.clone();
        if self.tenant.issuer == Some(&text) {
            self.checker.at(
                &issuer.span(),
                "this is the issuer of the realm itself, whose tokens of people would be taken too; expected auth = \
                 \"keycloak\"",
            );
        }
        let keys = match get(&layer.jwks_uri) {
            Some(url) => KeySource::Jwks(url.0),
            None => KeySource::Discovery(discovery(&text)?),
        };
        let external = External {
            issuer: text,
            audiences,
            keys,
            clients: texts(&layer.clients),
            required_claims,
            clock_skew: get(&layer.clock_skew).map_or(built_in::CLOCK_SKEW, |skew| skew.0),
            ca_file,
            proxy: get(&layer.proxy),
        };
        // What could not be read might have told them apart.
        let unclear = ["audiences", "clients", "required_claims"].iter().any(|key| self.unreadable(key));
        if !unclear && let Err(other) = self.proofs.external(&self.tenant, self.name, &external) {
            self.checker.at(
                &issuer.span(),
                format!(
                    "{other} takes the same tokens of this issuer; expected other audiences, other clients or another \
                     value of a required claim that has but one in a token (such as tid, azp or sub), since they tell who \
                     calls"
                ),
            );
        }
        Some(external)
    }

    fn required_claims(&mut self) -> BTreeMap<String, BTreeSet<String>> {
        let mut claims = BTreeMap::new();
        for (key, values) in in_order(&self.layer.required_claims) {
            let name = key.get_ref();
            if name.is_empty() || name.contains(char::is_control) {
                self.checker.at(&key.span(), "expected the name of a claim as the key");
            } else if let Some((_, reason)) = OWN_CLAIMS.iter().find(|(own, _)| own == name) {
                self.checker.at(&key.span(), *reason);
            } else if values.get_ref().is_empty() {
                self.checker
                    .at(&values.span(), "expected at least one value of which the claim must have one");
            }
            let values = values.get_ref().iter().map(|value| value.get_ref().0.0.clone());
            claims.insert(name.clone(), values.collect());
        }
        claims
    }

    fn unreadable(&self, key: &str) -> bool {
        self.checker.unreadable(&[self.table, &[key]].concat())
    }
}

fn texts(values: &List<Line>) -> BTreeSet<String> {
    list(values).unwrap_or_default().into_iter().map(|line| line.0).collect()
}

/// The tables of a layer in the order in which they stand in the file.
fn in_order<T>(tables: &BTreeMap<Spanned<String>, T>) -> Vec<(&Spanned<String>, &T)> {
    let mut tables: Vec<_> = tables.iter().collect();
    tables.sort_by_key(|(key, _)| key.span().start);
    tables
}
