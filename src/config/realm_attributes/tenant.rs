//! Reads the attributes of one tenant, each held to what the file would be held to.

use std::collections::BTreeMap;

use serde::de::value::Error as ValueError;

use crate::config::built_in;
use crate::config::callers::discovery;
use crate::config::callers::values::{CheapHash, ForeignIssuer, KeysUrl};
use crate::config::explain::{Effective, shown_url, unsaid};
use crate::config::provisioning::Alias;
use crate::config::scalar::{Checked, Found, Line, Scalar};
use crate::config::{
    Caller, CallerAuth, CallerName, External, IdentityProviderLink, KeySource, LinkedValue, Realm,
    RealmTokens, SecretHash, StaticToken,
};

use super::Said;

/// `KEYCLOAK` or `EXTERNAL`.
const MODE: &str = "scim.authentication.mode";
const ISSUER: &str = "scim.external.issuer";
const AUDIENCE: &str = "scim.external.audience";
const JWKS_URI: &str = "scim.external.jwks.uri";
/// An Argon2 hash in PHC string format.
const SHARED_SECRET: &str = "scim.external.shared.secret";
/// `true` or `false`.
const LINK: &str = "scim.link.idp";
const ALIAS: &str = "scim.identity.provider.alias";
/// `true` or `false`.
const EMAIL_AS_USERNAME: &str = "scim.email.as.username";
/// The key that it overrides.
pub(super) const EMAIL_AS_USERNAME_KEY: &str = "email_as_username";

/// The realm role that a client's service account must have where the mode is `KEYCLOAK`.
const ACCESS_ROLE: &str = "scim-access";
/// The caller that the attributes speak of.
pub(super) const CALLER: &str = "realm-attributes";

/// Lays a tenant's attributes over its configuration, all but the caller that they speak of, which is given: whether it may
/// call depends on all the others.
pub(super) fn lay_over(
    tenant: &mut Realm,
    attributes: &BTreeMap<String, String>,
    said: &mut Said,
) -> Option<Caller> {
    let kind = kind(tenant);
    let mut over = Overrides { attributes, kind, said };
    if let Some(email) = over.flag(EMAIL_AS_USERNAME) {
        tenant.email_as_username = email;
        over.says(EMAIL_AS_USERNAME_KEY, email.to_string(), EMAIL_AS_USERNAME);
    }
    over.link(tenant);
    over.caller(tenant)
}

/// Notes that the caller of the tenant's attributes may not call.
pub(super) fn refuse_caller(tenant: &Realm, said: &mut Said, reason: &str) {
    said.overrides.retain(|over| !over.key.starts_with("callers."));
    said.problems.push(passed_over(kind(tenant), MODE, reason));
}

fn kind(tenant: &Realm) -> &'static str {
    if tenant.organization.is_some() { "organization attribute" } else { "realm attribute" }
}

fn passed_over(kind: &str, name: &str, problem: &str) -> String {
    format!("the {kind} {name} is passed over: {problem}")
}

struct Overrides<'a> {
    attributes: &'a BTreeMap<String, String>,
    kind: &'static str,
    said: &'a mut Said,
}

impl Overrides<'_> {
    /// The attribute's text; an empty one says nothing.
    fn text(&self, name: &str) -> Option<&str> {
        self.attributes.get(name).map(|text| text.trim()).filter(|text| !text.is_empty())
    }

    fn flag(&mut self, name: &str) -> Option<bool> {
        let text = self.text(name)?.to_ascii_lowercase();
        let flag = text.parse().ok();
        if flag.is_none() {
            self.problem(name, "expected true or false");
        }
        flag
    }

    /// A value that a file could have as well.
    fn value<T: Scalar>(&mut self, name: &str) -> Option<T> {
        let text = self.text(name)?.to_owned();
        let read: Result<Checked<T>, ValueError> = Checked::read(&Found::Text(&text));
        read.map_err(|error| self.problem(name, &error.to_string())).ok().map(|value| value.0)
    }

    fn problem(&mut self, name: &str, problem: &str) {
        self.said.problems.push(passed_over(self.kind, name, problem));
    }

    fn says(&mut self, key: &str, value: String, attribute: &str) {
        let origin = format!("{} {attribute}", self.kind);
        self.said.overrides.push(Effective { key: key.to_owned(), value, origin });
    }

    fn link(&mut self, realm: &mut Realm) {
        let wanted = self.flag(LINK);
        if wanted == Some(false) {
            realm.identity_provider = None;
            self.says("identity_provider.alias", "\"\"".into(), LINK);
            return;
        }
        let Some(alias) = self.value::<Alias>(ALIAS).and_then(|alias| alias.0) else {
            if wanted == Some(true) && realm.identity_provider.is_none() {
                self.problem(LINK, &format!("expected {ALIAS} as well"));
            }
            return;
        };
        // The alias alone says who the provider is, and not that users are to be linked.
        if wanted == Some(true) || realm.identity_provider.is_some() {
            let user_id = realm
                .identity_provider
                .take()
                .map_or(LinkedValue::ExternalId, |link: IdentityProviderLink| link.user_id);
            self.says("identity_provider.alias", format!("{alias:?}"), ALIAS);
            realm.identity_provider = Some(IdentityProviderLink { alias, user_id });
        }
    }

    fn caller(&mut self, realm: &Realm) -> Option<Caller> {
        let mode = self.text(MODE)?.to_ascii_uppercase();
        let auth = match mode.as_str() {
            "KEYCLOAK" if realm.organization.is_some() => {
                self.problem(
                    MODE,
                    "expected EXTERNAL: a role of the realm does not tell the organizations' clients apart",
                );
                return None;
            }
            "KEYCLOAK" => {
                self.says_caller("auth", "\"keycloak\"", MODE);
                self.says_caller("roles", &format!("[{ACCESS_ROLE:?}]"), MODE);
                let roles = [ACCESS_ROLE.to_owned()].into();
                CallerAuth::Keycloak(RealmTokens { roles, ..RealmTokens::default() })
            }
            "EXTERNAL" if self.text(SHARED_SECRET).is_some() => {
                let hash = self.value::<CheapHash>(SHARED_SECRET)?;
                self.says_caller("auth", "\"token\"", MODE);
                self.says_caller("argon2", "(set)", SHARED_SECRET);
                let hash = SecretHash::Argon2(hash.0);
                CallerAuth::Token { tokens: vec![StaticToken { name: None, hash, expires: None }] }
            }
            "EXTERNAL" => CallerAuth::External(Box::new(self.external(realm)?)),
            _ => {
                self.problem(MODE, "expected KEYCLOAK or EXTERNAL");
                return None;
            }
        };
        let name = CALLER.parse::<CallerName>().ok()?;
        if realm.callers.contains_key(&name) {
            let reason = format!("the configuration has a caller named {CALLER} itself");
            refuse_caller(realm, self.said, &reason);
            return None;
        }
        let table = ["callers".to_owned(), CALLER.to_owned()];
        let known = self.said.overrides.iter().map(|over| over.key.clone()).collect::<Vec<_>>();
        let is_said = |key: &str| known.contains(&format!("callers.{CALLER}.{key}"));
        self.said.overrides.extend(unsaid(&table, &auth, is_said));
        Some(Caller::unrestricted(name, auth))
    }

    fn external(&mut self, realm: &Realm) -> Option<External> {
        let issuer = self.value::<ForeignIssuer>(ISSUER);
        let audience = self.value::<Line>(AUDIENCE);
        let keys = match self.text(JWKS_URI).is_some() {
            true => Some(KeySource::Jwks(self.value::<KeysUrl>(JWKS_URI)?.0)),
            false => None,
        };
        let (Some(issuer), Some(Line(audience))) = (issuer, audience) else {
            self.problem(MODE, &format!("EXTERNAL needs {ISSUER} and {AUDIENCE}, or {SHARED_SECRET}"));
            return None;
        };
        let issuer = issuer.0;
        if issuer == realm.issuer {
            self.problem(ISSUER, "this is the realm itself, whose tokens of people would be taken too");
            return None;
        }
        let keys = match keys {
            Some(keys) => keys,
            None => KeySource::Discovery(discovery(&issuer)?),
        };
        self.says_caller("auth", "\"external\"", MODE);
        self.says_caller("issuer", &format!("{issuer:?}"), ISSUER);
        self.says_caller("audiences", &format!("[{audience:?}]"), AUDIENCE);
        if let KeySource::Jwks(url) = &keys {
            self.says_caller("jwks_uri", &format!("{:?}", shown_url(url.as_str())), JWKS_URI);
        }
        Some(External {
            issuer,
            audiences: [audience].into(),
            keys,
            clients: [].into(),
            required_claims: BTreeMap::new(),
            clock_skew: built_in::CLOCK_SKEW,
            ca_file: None,
            proxy: None,
        })
    }

    fn says_caller(&mut self, key: &str, value: &str, attribute: &str) {
        self.says(&format!("callers.{CALLER}.{key}"), value.to_owned(), attribute);
    }
}
