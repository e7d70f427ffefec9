//! The names that stand in URLs, in logs and in stored values: of realms and of callers.

use std::borrow::Borrow;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, de};

/// Longest realm name that Keycloak can store, in characters.
const REALM_NAME_MAX: usize = 255;
/// Longest caller name, in characters: it prefixes every `externalId` that is stored.
const CALLER_NAME_MAX: usize = 32;

/// Longest name of a token or password, in characters.
const SECRET_NAME_MAX: usize = 64;

/// Why a name is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// Not a realm name that can stand in a URL path as it is.
    #[error(
        "expected a realm name of 1 to {REALM_NAME_MAX} characters from A-Z a-z 0-9 . _ - \
         that is neither \".\" nor \"..\""
    )]
    Realm,
    /// Keycloak's administration realm.
    #[error(
        "the realm \"master\" is not served: its administrators run every realm, so whoever may \
         provision users there could take over the whole Keycloak; expected another realm"
    )]
    Master,
    /// Not an organization's alias or id that can stand in a URL path as it is.
    #[error(
        "expected the alias or the id of an organization, 1 to {REALM_NAME_MAX} characters from A-Z a-z 0-9 . _ - \
         that is neither \".\" nor \"..\""
    )]
    Organization,
    /// Not a caller name.
    #[error(
        "expected a caller name of 1 to {CALLER_NAME_MAX} characters from a-z 0-9 - that starts \
         with a letter or digit"
    )]
    Caller,
    /// Not the name of a token or password.
    #[error("expected a name of 1 to {SECRET_NAME_MAX} characters from A-Z a-z 0-9 . _ -")]
    Secret,
}

/// The name of a Keycloak realm, safe to stand as one segment of a URL path.
///
/// 1 to 255 characters of `A-Z a-z 0-9 . _ -`; never `.`, `..` or `master`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RealmName(String);

impl FromStr for RealmName {
    type Err = NameError;

    fn from_str(name: &str) -> Result<Self, NameError> {
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        if name.is_empty()
            || name.len() > REALM_NAME_MAX
            || !name.chars().all(allowed)
            || matches!(name, "." | "..")
        {
            return Err(NameError::Realm);
        }
        // Some databases under Keycloak compare names without case, so "Master" may reach it too.
        if name.eq_ignore_ascii_case("master") {
            return Err(NameError::Master);
        }
        Ok(Self(name.to_owned()))
    }
}

/// The name by which the configuration, the logs and stored `externalId`s know a SCIM client.
///
/// 1 to 32 characters of `a-z 0-9 -`, the first a letter or digit. It holds no colon, because a
/// colon ends it where it prefixes a stored `externalId`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CallerName(String);

impl FromStr for CallerName {
    type Err = NameError;

    fn from_str(name: &str) -> Result<Self, NameError> {
        let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if name.is_empty()
            || name.len() > CALLER_NAME_MAX
            || name.starts_with('-')
            || !name.chars().all(allowed)
        {
            return Err(NameError::Caller);
        }
        Ok(Self(name.to_owned()))
    }
}

/// By which an organization of a realm is known in the configuration: its alias in Keycloak, or its id.
///
/// 1 to 255 characters of `A-Z a-z 0-9 . _ -`, safe to stand as one segment of a URL path; never `.` or `..`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OrganizationKey(String);

impl FromStr for OrganizationKey {
    type Err = NameError;

    fn from_str(key: &str) -> Result<Self, NameError> {
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        let fits = (1..=REALM_NAME_MAX).contains(&key.len()) && key.chars().all(allowed);
        if !fits || matches!(key, "." | "..") {
            return Err(NameError::Organization);
        }
        Ok(Self(key.to_owned()))
    }
}

/// By which logs know one of several tokens or passwords of a caller: 1 to 64 characters of `A-Z a-z 0-9 . _ -`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SecretName(String);

impl FromStr for SecretName {
    type Err = NameError;

    fn from_str(name: &str) -> Result<Self, NameError> {
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        let fits = (1..=SECRET_NAME_MAX).contains(&name.len()) && name.chars().all(allowed);
        if fits { Ok(Self(name.to_owned())) } else { Err(NameError::Secret) }
    }
}

macro_rules! name {
    ($name:ident) => {
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
            }
        }
    };
}

name!(RealmName);
name!(CallerName);
name!(OrganizationKey);
name!(SecretName);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn realm_names_that_can_stand_in_a_path_are_taken() {
        for name in ["acme", "Acme-2", "a.b_c", "...", "masters", &"r".repeat(255)] {
            assert_eq!(name.parse::<RealmName>().unwrap().to_string(), *name);
        }
    }

    #[test]
    fn realm_names_that_would_reach_another_url_are_refused() {
        for name in ["", ".", "..", "a/b", "a%2Fb", "a b", "ä", "a?b", "a#b", &"r".repeat(256)] {
            assert_eq!(name.parse::<RealmName>(), Err(NameError::Realm), "{name:?}");
        }
        assert_eq!("master".parse::<RealmName>(), Err(NameError::Master));
        assert_eq!("MASTER".parse::<RealmName>(), Err(NameError::Master));
    }

    #[test]
    fn keys_of_organizations_can_stand_in_a_path() {
        for key in ["contoso", "Contoso-2", "a.b_c", "55fe48ac-9aa1-4bfe-98e5-8b956930b038"] {
            assert_eq!(key.parse::<OrganizationKey>().unwrap().to_string(), *key);
        }
        for key in ["", ".", "..", "a/b", "a%2Fb", "a b", "ä", &"r".repeat(256)] {
            assert_eq!(key.parse::<OrganizationKey>(), Err(NameError::Organization), "{key:?}");
        }
    }

    #[test]
    fn caller_names_hold_nothing_that_ends_a_prefix() {
        for name in ["okta", "0", "entra-2", &"a".repeat(32)] {
            assert_eq!(name.parse::<CallerName>().unwrap().to_string(), *name);
        }
        for name in ["", "-a", "Okta", "a:b", "a b", "a_b", "ä", &"a".repeat(33)] {
            assert_eq!(name.parse::<CallerName>(), Err(NameError::Caller), "{name:?}");
        }
    }
}
