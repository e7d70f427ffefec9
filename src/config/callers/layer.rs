//! The tables of callers as they are written, in which every key may be absent.

use std::collections::BTreeMap;

use ipnet::IpNet;
use serde::Deserialize;
use toml::Spanned;
use url::Url;

use crate::config::scalar::{Checked, FilePath, Line, List, Period, Value};
use crate::config::{Access, RateLimit, ResourceName};

use super::values::{AuthMode, Expiry, ForeignIssuer, KeysUrl, PasswordHash, TokenHash, UserId};

/// Largest difference between two clocks that is forgiven, in milliseconds.
const MAX_SKEW: u64 = 5 * 60 * 1000;

/// Lists by a name of the administrator's choosing.
pub(super) type Claims = BTreeMap<Spanned<String>, Spanned<Vec<Spanned<Checked<Line>>>>>;

/// `[realms.NAME.callers.NAME]`
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table")]
pub(in crate::config) struct CallerLayer {
    pub(super) auth: Value<AuthMode>,
    pub(super) access: Value<Access>,
    pub(super) resources: List<ResourceName>,
    pub(super) networks: List<IpNet>,
    pub(super) rate_limit: Value<RateLimit>,
    pub(super) sha256: List<TokenHash>,
    #[serde(default)]
    pub(super) tokens: BTreeMap<Spanned<String>, SecretLayer>,
    pub(super) clients: List<Line>,
    pub(super) roles: List<Line>,
    pub(super) scopes: List<Line>,
    pub(super) audiences: List<Line>,
    pub(super) issuer: Value<ForeignIssuer>,
    pub(super) jwks_uri: Value<KeysUrl>,
    #[serde(default)]
    pub(super) required_claims: Claims,
    pub(super) clock_skew: Value<Period<0, MAX_SKEW>>,
    pub(super) ca_file: Value<FilePath>,
    pub(super) proxy: Value<Url>,
    pub(super) user: Value<UserId>,
    pub(super) argon2: List<PasswordHash>,
    #[serde(default)]
    pub(super) passwords: BTreeMap<Spanned<String>, SecretLayer>,
}

/// `[realms.NAME.callers.NAME.tokens.NAME]`, and the same of passwords.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table")]
pub(in crate::config) struct SecretLayer {
    pub(super) sha256: Value<TokenHash>,
    pub(super) argon2: Value<PasswordHash>,
    pub(super) expires: Value<Expiry>,
}

impl CallerLayer {
    /// The keys that are there and belong to some modes only, each with these modes.
    pub(super) fn of_modes(&self) -> impl Iterator<Item = (&'static str, &'static [AuthMode])> {
        use AuthMode::{Basic, External, Keycloak, Token};
        let keys: [(&str, bool, &[AuthMode]); 15] = [
            ("sha256", self.sha256.is_some(), &[Token]),
            ("tokens", !self.tokens.is_empty(), &[Token]),
            ("clients", self.clients.is_some(), &[Keycloak, External]),
            ("roles", self.roles.is_some(), &[Keycloak]),
            ("scopes", self.scopes.is_some(), &[Keycloak]),
            ("audiences", self.audiences.is_some(), &[Keycloak, External]),
            ("issuer", self.issuer.is_some(), &[External]),
            ("jwks_uri", self.jwks_uri.is_some(), &[External]),
            ("required_claims", !self.required_claims.is_empty(), &[External]),
            ("clock_skew", self.clock_skew.is_some(), &[External]),
            ("ca_file", self.ca_file.is_some(), &[External]),
            ("proxy", self.proxy.is_some(), &[External]),
            ("user", self.user.is_some(), &[Basic]),
            ("argon2", self.argon2.is_some(), &[Basic]),
            ("passwords", !self.passwords.is_empty(), &[Basic]),
        ];
        keys.into_iter().filter(|(_, there, _)| *there).map(|(key, _, modes)| (key, modes))
    }
}
