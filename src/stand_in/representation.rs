//! Keycloak's `UserRepresentation`: read as it is written to Admin REST, and shown as Admin REST shows it.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::{Map, Value, json};

use super::answer::Answer;
use super::identity_providers;
use super::profile::{BUILT_IN, EMAIL, FIRST_NAME, LAST_NAME, Profile, USERNAME};
use super::state::User;

/// A user as a client writes one; null is as good as absent. What Keycloak takes and ignores is here by name, so that
/// everything else is refused.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(super) struct Written {
    username: Option<String>,
    email: Option<String>,
    first_name: Option<String>,
    last_name: Option<String>,
    pub email_verified: Option<bool>,
    pub enabled: Option<bool>,
    pub created_timestamp: Option<i64>,
    pub required_actions: Option<Vec<String>>,
    pub attributes: Option<BTreeMap<String, Option<Values>>>,
    credentials: Option<Vec<Value>>,
    /// Paths; not looked at in a change.
    pub groups: Option<Vec<String>>,
    /// Not looked at in a change.
    pub federated_identities: Option<Vec<identity_providers::Written>>,
    federation_link: Option<Value>,
    #[serde(rename = "id")]
    _id: IgnoredAny,
    #[serde(rename = "self")]
    _self: IgnoredAny,
    #[serde(rename = "origin")]
    _origin: IgnoredAny,
    #[serde(rename = "totp")]
    _totp: IgnoredAny,
    #[serde(rename = "access")]
    _access: IgnoredAny,
    #[serde(rename = "notBefore")]
    _not_before: IgnoredAny,
    #[serde(rename = "realmRoles")]
    _realm_roles: IgnoredAny,
    #[serde(rename = "clientRoles")]
    _client_roles: IgnoredAny,
    #[serde(rename = "clientConsents")]
    _client_consents: IgnoredAny,
    #[serde(rename = "serviceAccountClientId")]
    _service_account_client_id: IgnoredAny,
    #[serde(rename = "disableableCredentialTypes")]
    _disableable_credential_types: IgnoredAny,
    #[serde(rename = "userProfileMetadata")]
    _user_profile_metadata: IgnoredAny,
}

/// The values of an attribute. A single text is as good as a list of it.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum Values {
    One(String),
    Many(Vec<Option<String>>),
}

impl Written {
    /// Refuses what a real Keycloak would carry out and the stand-in does not.
    pub(super) fn check_supported(&self) -> Result<(), Answer> {
        let some = |list: &Option<Vec<Value>>| list.as_ref().is_some_and(|list| !list.is_empty());
        for (name, is_there) in
            [("credentials", some(&self.credentials)), ("federationLink", self.federation_link.is_some())]
        {
            if is_there {
                return Err(Answer::error(501, &format!("the stand-in takes no user with {name}")));
            }
        }
        Ok(())
    }

    /// Everything that the user profile judges, as it was written. Username and e-mail address count only in
    /// their own fields, names also among the attributes.
    pub(super) fn values(&self) -> BTreeMap<String, Vec<String>> {
        let mut values = BTreeMap::new();
        for (name, written) in self.attributes.iter().flatten() {
            let texts = match written {
                Some(Values::One(text)) => vec![text.clone()],
                Some(Values::Many(texts)) => texts.iter().flatten().cloned().collect(),
                None => Vec::new(),
            };
            if ![USERNAME, EMAIL].contains(&name.as_str()) {
                values.insert(name.clone(), texts);
            }
        }
        let fields = [&self.username, &self.email, &self.first_name, &self.last_name];
        for (name, field) in BUILT_IN.iter().zip(fields) {
            values.extend(field.clone().map(|text| ((*name).to_owned(), vec![text])));
        }
        values
    }
}

/// The user as a client sees it, without `access`: attributes that the profile does not show are left out.
pub(super) fn representation(user: &User, profile: &Profile) -> Map<String, Value> {
    let mut shown = brief(user);
    let attributes: Map<String, Value> = user
        .attributes
        .iter()
        .filter(|(name, _)| profile.is_shown(name))
        .map(|(name, values)| (name.clone(), json!(values)))
        .collect();
    if !attributes.is_empty() {
        shown.insert("attributes".to_owned(), attributes.into());
    }
    for (name, value) in [
        ("totp", json!(false)),
        ("disableableCredentialTypes", json!([])),
        ("requiredActions", json!(user.required_actions)),
        ("notBefore", json!(user.not_before)),
    ] {
        shown.insert(name.to_owned(), value);
    }
    shown
}

/// What `briefRepresentation=true` leaves of it, without `access`.
pub(super) fn brief(user: &User) -> Map<String, Value> {
    let mut shown = Map::new();
    shown.insert("id".to_owned(), json!(user.id));
    shown.insert(USERNAME.to_owned(), json!(user.username));
    for (name, value) in [(FIRST_NAME, &user.first_name), (LAST_NAME, &user.last_name), (EMAIL, &user.email)]
    {
        shown.extend(value.iter().map(|value| (name.to_owned(), json!(value))));
    }
    shown.insert("emailVerified".to_owned(), json!(user.email_verified));
    shown.insert("enabled".to_owned(), json!(user.enabled));
    shown.insert("createdTimestamp".to_owned(), json!(user.created));
    shown
}
