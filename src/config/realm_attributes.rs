//! What a realm's administrators set in Keycloak as attributes of the realm, or of an organization, over the configuration.
//!
//! The keys are those of an extension that lives inside Keycloak, so that a realm that was set up for it keeps working.

use std::collections::BTreeMap;

use serde::de::value::Error as ValueError;
use url::Url;

use super::built_in;
use super::callers::discovery;
use super::callers::values::{ForeignIssuer, KeysUrl, PasswordHash};
use super::explain::Effective;
use super::scalar::{Checked, Found, Line, Scalar};
use super::{
    Caller, CallerAuth, CallerName, External, IdentityProviderLink, KeySource, LinkedValue, Realm,
    RealmTokens, SecretHash, StaticToken,
};

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

/// The realm role that a client's service account must have where the mode is `KEYCLOAK`.
const ACCESS_ROLE: &str = "scim-access";
/// The caller that the attributes speak of.
const CALLER: &str = "realm-attributes";

/// A tenant's configuration with what its attributes say.
#[derive(Clone, Debug)]
pub struct Overridden {
    /// As it holds.
    pub realm: Realm,
    /// What was overridden.
    pub overrides: Vec<Effective>,
    /// Attributes that say nothing usable, and are passed over.
    pub problems: Vec<String>,
}

/// Lays a tenant's attributes in Keycloak over its configuration. Callers that the file names stay; the attributes add
/// one, named `realm-attributes`. Attributes that can't be used are told and passed over.
pub fn override_with(realm: &Realm, attributes: &BTreeMap<String, String>) -> Overridden {
    let mut over = Overrides {
        attributes,
        kind: if realm.organization.is_some() { "organization attribute" } else { "realm attribute" },
        overrides: Vec::new(),
        problems: Vec::new(),
    };
    let mut realm = realm.clone();
    if let Some(email) = over.flag(EMAIL_AS_USERNAME) {
        realm.email_as_username = email;
        over.says("email_as_username", email.to_string(), EMAIL_AS_USERNAME);
    }
    over.link(&mut realm);
    over.caller(&mut realm);
    Overridden { realm, overrides: over.overrides, problems: over.problems }
}

struct Overrides<'a> {
    attributes: &'a BTreeMap<String, String>,
    kind: &'static str,
    overrides: Vec<Effective>,
    problems: Vec<String>,
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
        self.problems.push(format!("the {} {name} is passed over: {problem}", self.kind));
    }

    fn says(&mut self, key: &str, value: String, attribute: &str) {
        let origin = format!("{} {attribute}", self.kind);
        self.overrides.push(Effective { key: key.to_owned(), value, origin });
    }

    fn link(&mut self, realm: &mut Realm) {
        let wanted = self.flag(LINK);
        if wanted == Some(false) {
            realm.identity_provider = None;
            self.says("identity_provider.alias", "\"\"".into(), LINK);
            return;
        }
        let Some(Line(alias)) = self.value::<Line>(ALIAS) else {
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

    fn caller(&mut self, realm: &mut Realm) {
        let Some(mode) = self.text(MODE).map(str::to_ascii_uppercase) else { return };
        let auth = match mode.as_str() {
            "KEYCLOAK" if realm.organization.is_some() => {
                return self.problem(
                    MODE,
                    "expected EXTERNAL: a role of the realm does not tell the organizations' clients apart",
                );
            }
            "KEYCLOAK" => {
                self.says_caller("auth", "\"keycloak\"", MODE);
                self.says_caller("roles", &format!("[{ACCESS_ROLE:?}]"), MODE);
                let roles = [ACCESS_ROLE.to_owned()].into();
                CallerAuth::Keycloak(RealmTokens { roles, ..RealmTokens::default() })
            }
            "EXTERNAL" if self.text(SHARED_SECRET).is_some() => {
                let Some(hash) = self.value::<PasswordHash>(SHARED_SECRET) else { return };
                self.says_caller("auth", "\"token\"", MODE);
                self.says_caller("argon2", "(set)", SHARED_SECRET);
                let hash = SecretHash::Argon2(hash.0);
                CallerAuth::Token { tokens: vec![StaticToken { name: None, hash, expires: None }] }
            }
            "EXTERNAL" => match self.external(realm) {
                Some(external) => CallerAuth::External(Box::new(external)),
                None => return,
            },
            _ => return self.problem(MODE, "expected KEYCLOAK or EXTERNAL"),
        };
        let Ok(name) = CALLER.parse::<CallerName>() else { return };
        if realm.callers.contains_key(&name) {
            self.overrides.retain(|over| !over.key.starts_with("callers."));
            return self.problem(MODE, &format!("the configuration has a caller named {CALLER} itself"));
        }
        realm.callers.insert(name.clone(), Caller::unrestricted(name, auth));
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
            self.says_caller("jwks_uri", &format!("{:?}", Url::as_str(url)), JWKS_URI);
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

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::Arc;

    use super::*;
    use crate::config::parse;

    const SECRET: &str =
        "$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHRzb21lc2FsdA$c29tZWhhc2hzb21laGFzaHNvbWVoYXNoc29tZWg";

    fn realm(more: &str) -> Arc<Realm> {
        let source = format!(
            "version = 1\n[realms.acme]\nrealm_attributes = true\n{more}\n[realms.acme.keycloak]\nurl = \
             \"http://127.0.0.1:8080\"\nclient_secret_env = \"SECRET\"\n"
        );
        let env = BTreeMap::from([("SECRET".to_owned(), "s".to_owned())]);
        let config = parse(&source, Path::new("config.toml"), &env).unwrap();
        Arc::clone(config.realms.values().next().unwrap())
    }

    fn overridden(more: &str, attributes: &[(&str, &str)]) -> Overridden {
        let attributes = attributes.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
        override_with(&realm(more), &attributes)
    }

    fn caller(overridden: &Overridden) -> &CallerAuth {
        &overridden.realm.callers[CALLER].auth
    }

    #[test]
    fn without_attributes_all_stays() {
        let over = overridden("", &[("scim.other", "x"), (MODE, " ")]);
        assert_eq!(over.realm, *realm(""));
        assert!(over.overrides.is_empty() && over.problems.is_empty());
    }

    #[test]
    fn each_mode_makes_its_caller() {
        let over = overridden("", &[(MODE, "keycloak")]);
        let CallerAuth::Keycloak(tokens) = caller(&over) else { panic!("{over:?}") };
        assert!(tokens.clients.is_empty() && tokens.roles.contains("scim-access"));

        let external = [(MODE, "EXTERNAL"), (ISSUER, "https://issuer.example.com/"), (AUDIENCE, "scim")];
        let over = overridden("", &external);
        let CallerAuth::External(found) = caller(&over) else { panic!("{over:?}") };
        assert_eq!((found.issuer.as_str(), found.audiences.len()), ("https://issuer.example.com/", 1));
        let KeySource::Discovery(url) = &found.keys else { panic!("{found:?}") };
        assert_eq!(url.as_str(), "https://issuer.example.com/.well-known/openid-configuration");
        let keys = [&external[..], &[(JWKS_URI, "https://issuer.example.com/keys")]].concat();
        let over = overridden("", &keys);
        assert!(
            matches!(caller(&over), CallerAuth::External(found) if matches!(found.keys, KeySource::Jwks(_)))
        );
        let origins: Vec<&str> = over.overrides.iter().map(|over| over.origin.as_str()).collect();
        assert!(origins.contains(&"realm attribute scim.external.jwks.uri"), "{origins:?}");

        let over = overridden("", &[(MODE, "EXTERNAL"), (SHARED_SECRET, SECRET)]);
        assert!(matches!(caller(&over), CallerAuth::Token { tokens } if tokens.len() == 1));
        assert!(!format!("{over:?}").contains("c29tZWhhc2g"), "hashes are shown to nobody");
    }

    #[test]
    fn what_can_not_be_used_is_told_and_passed_over() {
        for (attributes, told) in [
            (vec![(MODE, "BASIC")], "expected KEYCLOAK or EXTERNAL"),
            (vec![(MODE, "EXTERNAL")], "EXTERNAL needs"),
            (vec![(MODE, "EXTERNAL"), (ISSUER, "https://i.example.com")], "EXTERNAL needs"),
            (
                vec![(MODE, "EXTERNAL"), (ISSUER, "http://i.example.com"), (AUDIENCE, "a")],
                "scim.external.issuer is passed over: expected an https URL",
            ),
            (vec![(MODE, "EXTERNAL"), (SHARED_SECRET, "plain")], "expected an Argon2 hash"),
            (vec![(EMAIL_AS_USERNAME, "yes")], "expected true or false"),
            (
                vec![
                    (MODE, "EXTERNAL"),
                    (ISSUER, "http://127.0.0.1:8080/realms/acme"),
                    (AUDIENCE, "account"),
                ],
                "this is the realm itself",
            ),
            (vec![(LINK, "true")], "expected scim.identity.provider.alias"),
        ] {
            let over = overridden("", &attributes);
            let problems = over.problems.join("; ");
            assert!(problems.contains(told), "{attributes:?}: {problems}");
            assert!(!problems.contains("plain"), "{problems}");
            assert_eq!(over.realm, *realm(""), "{attributes:?}");
        }
    }

    #[test]
    fn an_organization_is_told_apart_by_more_than_a_role_of_the_realm() {
        let organization =
            Realm { organization: Some("contoso".parse().unwrap()), ..Realm::clone(&realm("")) };
        let over = override_with(&organization, &BTreeMap::from([(MODE.to_owned(), "KEYCLOAK".to_owned())]));
        assert!(
            over.realm.callers.is_empty() && over.problems.join("").contains("organization attribute"),
            "{over:?}"
        );
    }

    #[test]
    fn links_and_usernames_are_overridden() {
        let over = overridden("", &[(LINK, "true"), (ALIAS, "okta"), (EMAIL_AS_USERNAME, "TRUE")]);
        assert!(over.realm.email_as_username);
        let link = IdentityProviderLink { alias: "okta".into(), user_id: LinkedValue::ExternalId };
        assert_eq!(over.realm.identity_provider, Some(link));
        // An alias alone does not say that users are to be linked.
        assert_eq!(overridden("", &[(ALIAS, "okta")]).realm.identity_provider, None);
        let configured = "[realms.acme.identity_provider]\nalias = \"old\"\nuser_id = \"userName\"";
        let over = overridden(configured, &[(ALIAS, "new")]);
        let link = IdentityProviderLink { alias: "new".into(), user_id: LinkedValue::UserName };
        assert_eq!(over.realm.identity_provider, Some(link));
        assert_eq!(overridden(configured, &[(LINK, "false")]).realm.identity_provider, None);
    }
}
