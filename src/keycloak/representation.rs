//! What Keycloak sends and takes, as types: known fields by name, unknown ones carried along, so
//! that a read-modify-write loses nothing.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};

use super::identity_providers::FederatedIdentity;

/// The id of a user: letters, digits and hyphens only, so that it can stand in a URL and reach no
/// other address than that user's.
///
/// Keycloak's own ids are UUIDs. Ids of custom storage providers (`f:…`) hold colons and don't fit;
/// such users can't be addressed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct UserId(String);

/// The id of a group, of the same letters.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct GroupId(String);

/// The id of an organization, of the same letters. Its alias is none: Keycloak finds nothing by it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct OrganizationId(String);

/// The text is no id: it must be 1 to 255 letters, digits and hyphens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an id has 1 to 255 letters, digits and hyphens, and is no name of an endpoint")]
pub struct InvalidId;

/// Names of endpoints that stand where an id could, as in `users/count` and `organizations/members`.
const ENDPOINTS: [&str; 3] = ["count", "members", "profile"];

fn plain_id(text: &str) -> Result<String, InvalidId> {
    if ENDPOINTS.contains(&text) {
        return Err(InvalidId);
    }
    let plain = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    if plain && (1..=255).contains(&text.len()) { Ok(text.to_owned()) } else { Err(InvalidId) }
}

/// What every id can do.
macro_rules! id {
    ($name:ident) => {
        impl TryFrom<&str> for $name {
            type Error = InvalidId;

            fn try_from(text: &str) -> Result<Self, InvalidId> {
                plain_id(text).map(Self)
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                Self::try_from(text)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                Self::try_from(text.as_str()).map_err(serde::de::Error::custom)
            }
        }

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
    };
}

id!(UserId);
id!(GroupId);
id!(OrganizationId);

/// The fields of a representation that have no name here; they are sent back as they came.
///
/// `credentials` is never among them: it is dropped on the way in and can't be put in, so that no
/// password can reach Keycloak through this client.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Rest(Map<String, Value>);

impl Rest {
    /// The field's value.
    #[must_use]
    pub fn get(&self, field: &str) -> Option<&Value> {
        self.0.get(field)
    }

    /// Takes the field's value out.
    pub(super) fn remove(&mut self, field: &str) -> Option<Value> {
        self.0.remove(field)
    }
}

impl From<Map<String, Value>> for Rest {
    fn from(mut fields: Map<String, Value>) -> Self {
        fields.remove("credentials");
        Self(fields)
    }
}

impl<'de> Deserialize<'de> for Rest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Map::deserialize(deserializer).map(Self::from)
    }
}

/// A user (Keycloak's `UserRepresentation`). `None` is not sent.
///
/// Sending one with `attributes` replaces all attributes of the user and clears an e-mail address
/// or name that is left out. `enabled`, `emailVerified` and `requiredActions` change only where
/// they are present; `notBefore`, `totp` and `access` in the rest are ignored.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UserRepresentation {
    /// The user's id; `None` also where Keycloak's is not a [`UserId`].
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "addressable_id")]
    pub id: Option<UserId>,
    /// The username, which Keycloak holds in lower case.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    /// The e-mail address, which Keycloak holds in lower case. An empty text clears it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// The first name. An empty text clears it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_name: Option<String>,
    /// The last name. An empty text clears it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_name: Option<String>,
    /// Whether the e-mail address is verified; Keycloak keeps it when the address changes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email_verified: Option<bool>,
    /// Whether the user may sign in. Left out of a create it means no.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
    /// The attributes. Keycloak drops those that the user profile doesn't declare, without a word.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attributes: Option<BTreeMap<String, Vec<String>>>,
    /// When the user was created, in milliseconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created_timestamp: Option<i64>,
    /// The id of the directory (LDAP) that the user comes from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub federation_link: Option<String>,
    /// The client whose service account this is; Keycloak seldom fills it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service_account_client_id: Option<String>,
    /// What the user must do at the next sign-in, such as `VERIFY_EMAIL`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub required_actions: Option<Vec<String>>,
    /// The paths of the groups that a new user joins; not looked at in a change.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub groups: Option<Vec<String>>,
    /// The links to identity providers that a new user gets; not looked at in a change, and not in search results.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub federated_identities: Option<Vec<FederatedIdentity>>,
    /// Everything else.
    #[serde(flatten)]
    pub rest: Rest,
}

/// What the username of every service account begins with.
pub const SERVICE_ACCOUNT_PREFIX: &str = "service-account-";

impl UserRepresentation {
    /// Whether this is a client's service account, which is no person. In lists Keycloak tells it
    /// by the username's prefix alone.
    #[must_use]
    pub fn is_service_account(&self) -> bool {
        self.service_account_client_id.is_some()
            || self.username.as_deref().is_some_and(|name| name.starts_with(SERVICE_ACCOUNT_PREFIX))
    }

    /// Leaves out what only lists of an organization's members say. Keycloak refuses a user that is sent with it.
    pub(super) fn forget_membership(&mut self) {
        self.rest.remove("membershipType");
    }
}

fn addressable_id<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<UserId>, D::Error> {
    let text = Option::<String>::deserialize(deserializer)?;
    Ok(text.and_then(|text| UserId::try_from(text.as_str()).ok()))
}

/// A group (Keycloak's `GroupRepresentation`). `None` is not sent.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GroupRepresentation {
    /// The group's id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<GroupId>,
    /// Its name; no two of one parent have the same. At most 255 UTF-16 units.
    #[serde(default)]
    pub name: String,
    /// Its description.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The group that it is below; none at the top level.
    #[serde(skip_serializing)]
    pub parent_id: Option<GroupId>,
    /// How many groups are directly below it; not given with a user's groups.
    #[serde(skip_serializing)]
    pub sub_group_count: Option<u64>,
    /// The attributes, of at most 255 UTF-16 units a value.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attributes: Option<BTreeMap<String, Vec<String>>>,
    /// The names of the realm roles that are mapped to it directly.
    #[serde(default, skip_serializing)]
    pub realm_roles: Vec<String>,
    /// The same for clients' roles, by `clientId`.
    #[serde(default, skip_serializing)]
    pub client_roles: BTreeMap<String, Vec<String>>,
}

impl GroupRepresentation {
    /// Is any role mapped to it directly?
    #[must_use]
    pub fn has_roles(&self) -> bool {
        !self.realm_roles.is_empty() || self.client_roles.values().any(|roles| !roles.is_empty())
    }
}

/// An organization (Keycloak's `OrganizationRepresentation`), as far as it is needed here.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct OrganizationRepresentation {
    /// The organization's id, the one that URLs take.
    pub id: Option<OrganizationId>,
    /// Its name; no two of a realm have the same.
    pub name: String,
    /// Its alias: never changed once it is there, and unique in its realm; letter case counts in both.
    pub alias: String,
    /// Whether it is in service. Admin REST serves a disabled one all the same.
    pub enabled: bool,
    /// Its attributes.
    pub attributes: BTreeMap<String, Vec<String>>,
}

/// A user's membership in an organization.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Membership {
    /// Whether Keycloak takes the user for the organization's own, who came by its identity provider. To end such a
    /// membership is to delete the user. Members that were added by Admin REST are not managed in this sense, also
    /// where they are linked to the organization's identity provider.
    pub managed: bool,
}

/// A realm or client role (Keycloak's `RoleRepresentation`). A role mapping needs id and name.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RoleRepresentation {
    /// The role's id.
    pub id: String,
    /// The role's name; case-sensitive.
    pub name: String,
    /// Whether it brings other roles with it.
    #[serde(default)]
    pub composite: bool,
    /// Whether it belongs to a client rather than to the realm.
    #[serde(default)]
    pub client_role: bool,
    /// The internal id of the realm or client that it belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub container_id: Option<String>,
    /// Everything else.
    #[serde(flatten)]
    pub rest: Rest,
}

/// What a user has granted to a client (an element of `users/{id}/consents`). Clients with offline
/// tokens are among them, whether or not consent was asked for.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ConsentRepresentation {
    /// The client's `clientId`.
    pub client_id: String,
    /// Further grants: `{"client": …, "key": "Offline Token"}` where there is an offline token.
    #[serde(default)]
    pub additional_grants: Vec<Value>,
    /// Everything else.
    #[serde(flatten)]
    pub rest: Rest,
}

impl ConsentRepresentation {
    /// Whether the user has an offline session with this client.
    #[must_use]
    pub fn has_offline_token(&self) -> bool {
        let is_offline = |grant: &Value| grant.get("key").and_then(Value::as_str) == Some("Offline Token");
        self.additional_grants.iter().any(is_offline)
    }
}

/// A realm (Keycloak's `RealmRepresentation`, read with `view-realm`).
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RealmRepresentation {
    /// The internal id; unlike the name it never changes.
    pub id: String,
    /// The realm's name.
    pub realm: String,
    /// Whether the realm is in service; a disabled one issues no tokens.
    pub enabled: bool,
    /// Whether usernames are made from e-mail addresses.
    pub registration_email_as_username: bool,
    /// Whether usernames may change at all, through Admin REST too.
    pub edit_username_allowed: bool,
    /// Whether two users may have one e-mail address.
    pub duplicate_emails_allowed: bool,
    /// The composite role that every new user gets.
    pub default_role: Option<RoleRepresentation>,
    /// The realm's attributes; none where the account may not see them.
    pub attributes: Option<BTreeMap<String, Value>>,
    /// Everything else.
    #[serde(flatten)]
    pub rest: Rest,
}

/// Something that a user can be made to do at the next sign-in (Keycloak's `RequiredActionProviderRepresentation`).
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct RequiredAction {
    /// By which users name it, such as `UPDATE_PROFILE`.
    pub alias: String,
    /// Whether it is asked for; what is switched off is kept on users and passed over.
    #[serde(default)]
    pub enabled: bool,
}

/// The realm's user profile: which attributes users have.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UserProfile {
    /// The declared attributes.
    #[serde(default)]
    pub attributes: Vec<ProfileAttribute>,
    /// What becomes of undeclared attributes: `ENABLED`, `ADMIN_EDIT`, `ADMIN_VIEW`; dropped where
    /// it is unset.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unmanaged_attribute_policy: Option<String>,
    /// Everything else.
    #[serde(flatten)]
    pub rest: Rest,
}

impl UserProfile {
    /// The declaration of an attribute; names are case-sensitive.
    #[must_use]
    pub fn attribute(&self, name: &str) -> Option<&ProfileAttribute> {
        self.attributes.iter().find(|attribute| attribute.name == name)
    }

    /// Whether Keycloak stores an attribute that is not declared when Admin REST writes it; up to
    /// 2048 characters then. Otherwise it drops it and answers success.
    #[must_use]
    pub fn keeps_undeclared(&self) -> bool {
        matches!(self.unmanaged_attribute_policy.as_deref(), Some("ENABLED" | "ADMIN_EDIT"))
    }
}

/// One attribute that a user profile declares.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ProfileAttribute {
    /// The attribute's name.
    pub name: String,
    /// The label in the consoles; one without borrows the message of the same name (`title` shows
    /// as "Authentication").
    #[serde(skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    /// Validators by name, such as `{"length":{"max":255}}`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub validations: Option<Map<String, Value>>,
    /// Free annotations. An attribute without them makes Keycloak's own SCIM preview answer 500.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub annotations: Option<Map<String, Value>>,
    /// For whom it is required; not at all where it is absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub required: Option<Value>,
    /// Who may see and change it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub permissions: Option<ProfilePermissions>,
    /// Whether it may have several values.
    #[serde(default)]
    pub multivalued: bool,
    /// Everything else.
    #[serde(flatten)]
    pub rest: Rest,
}

impl ProfileAttribute {
    /// The longest value that the `length` validator allows, in characters; `None` where it sets
    /// no limit.
    #[must_use]
    pub fn max_length(&self) -> Option<u64> {
        match self.validations.as_ref()?.get("length")?.get("max")? {
            // The console writes what was typed: a text.
            Value::String(text) => text.parse().ok(),
            other => other.as_u64(),
        }
    }
}

/// Who may see and change an attribute: `admin`, `user`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProfilePermissions {
    /// Who may see it.
    #[serde(default)]
    pub view: Vec<String>,
    /// Who may change it.
    #[serde(default)]
    pub edit: Vec<String>,
}

/// A client (Keycloak's `ClientRepresentation`), as far as it is needed here. It never holds the
/// client's secret.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ClientRepresentation {
    /// The internal id, the one that URLs take.
    pub id: String,
    /// The `client_id` of OAuth.
    pub client_id: String,
    /// Whether it is in service.
    pub enabled: bool,
    /// `client-secret`, or another way of authentication.
    pub client_authenticator_type: Option<String>,
    /// Whether it has no secret.
    pub public_client: bool,
    /// Whether it only checks tokens and never gets one.
    pub bearer_only: bool,
    /// Whether it has a service account (the client credentials grant).
    pub service_accounts_enabled: bool,
    /// Whether people sign in by the authorization code flow.
    pub standard_flow_enabled: bool,
    /// Whether people sign in by the implicit flow.
    pub implicit_flow_enabled: bool,
    /// Whether people's passwords are taken directly.
    pub direct_access_grants_enabled: bool,
    /// The protocol: `openid-connect` or `saml`.
    pub protocol: Option<String>,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn user_ids_cannot_leave_their_url_segment() {
        for good in ["6d9b1e2c-7f3a-4b55-9c3e-000000000001", "a", "A-1"] {
            assert_eq!(UserId::try_from(good).unwrap().to_string(), good);
        }
        for bad in ["", ".", "..", "a/b", "a%2fb", "a b", "f:1:babs", "a\\b", "ä", "a?b", "a#b", "a+b", "a\n"]
        {
            assert_eq!(UserId::try_from(bad), Err(InvalidId), "{bad:?}");
        }
        assert!(UserId::try_from("a".repeat(255).as_str()).is_ok());
        assert!(UserId::try_from("a".repeat(256).as_str()).is_err());
    }

    #[test]
    fn unknown_fields_of_a_user_survive() {
        let original = json!({
            "id": "74326c51-d71f-427a-83dc-50862d3799c1", "username": "babs", "emailVerified": false,
            "attributes": {"x": ["1", "2"]}, "enabled": true, "createdTimestamp": 1_795_354_610_978_i64,
            "totp": false, "disableableCredentialTypes": [], "requiredActions": ["VERIFY_EMAIL"],
            "notBefore": 0, "access": {"manage": true}
        });
        let user: UserRepresentation = serde_json::from_value(original.clone()).unwrap();
        assert_eq!(serde_json::to_value(&user).unwrap(), original);
    }

    #[test]
    fn credentials_never_pass() {
        let user: UserRepresentation = serde_json::from_value(json!({
            "username": "babs", "credentials": [{"type": "password", "value": "t1meMa$heen"}]
        }))
        .unwrap();
        assert_eq!(serde_json::to_value(&user).unwrap(), json!({"username": "babs"}));
        let rest = Rest::from(json!({"credentials": [], "groups": ["/a"]}).as_object().unwrap().clone());
        assert_eq!(serde_json::to_value(&rest).unwrap(), json!({"groups": ["/a"]}));
    }

    #[test]
    fn a_user_of_a_storage_provider_has_no_id() {
        let user: UserRepresentation =
            serde_json::from_value(json!({"id": "f:1234:babs", "username": "babs"})).unwrap();
        assert_eq!(user.id, None);
    }

    #[test]
    fn recognises_service_accounts() {
        let named =
            |name: &str| UserRepresentation { username: Some(name.into()), ..UserRepresentation::default() };
        assert!(named("service-account-scimgate").is_service_account());
        assert!(!named("babs").is_service_account());
    }

    #[test]
    fn a_profile_survives_reading_and_writing() {
        let original = json!({"attributes": [
            {"name": "username", "displayName": "${username}",
             "validations": {"length": {"min": 3, "max": 255}, "up-username-not-idn-homograph": {}},
             "permissions": {"view": ["admin", "user"], "edit": ["admin", "user"]}, "multivalued": false,
             "group": "user-metadata", "selector": {"scopes": ["profile"]}},
            {"name": "email", "required": {"roles": ["user"]}, "annotations": {"a": "b"}, "multivalued": false}],
            "groups": [{"name": "user-metadata"}], "unmanagedAttributePolicy": "ADMIN_EDIT"});
        let profile: UserProfile = serde_json::from_value(original.clone()).unwrap();
        assert!(profile.keeps_undeclared());
        assert_eq!(profile.attribute("username").unwrap().max_length(), Some(255));
        assert_eq!(serde_json::to_value(&profile).unwrap(), original);
    }
}
