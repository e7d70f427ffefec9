//! The user profile of a realm: which attributes users have, who sees and writes them, and what their values must be.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::answer::Answer;
use super::request::Request;
use super::state::{Realm, User};
use super::validation;

pub(super) const USERNAME: &str = "username";
pub(super) const EMAIL: &str = "email";
pub(super) const FIRST_NAME: &str = "firstName";
pub(super) const LAST_NAME: &str = "lastName";

/// What has fields of its own in a user, beside the attributes.
pub(super) const BUILT_IN: [&str; 4] = [USERNAME, EMAIL, FIRST_NAME, LAST_NAME];

/// Whom Admin REST is: the other one is `user`, in the account console.
const ADMINISTRATOR: &str = "admin";

/// The users themselves.
const PERSON: &str = "user";

/// A user profile (Keycloak's `UPConfig`).
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Profile {
    pub attributes: Vec<Declared>,
    #[serde(default)]
    groups: Vec<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    unmanaged_attribute_policy: Option<Policy>,
}

/// What becomes of attributes that the profile does not declare.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum Policy {
    Enabled,
    AdminEdit,
    AdminView,
}

/// A declared attribute (Keycloak's `UPAttribute`).
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Declared {
    pub name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    display_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub validations: Option<Map<String, Value>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    annotations: Option<Map<String, Value>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    required: Option<Required>,
    #[serde(skip_serializing_if = "Option::is_none")]
    permissions: Option<Permissions>,
    #[serde(skip_serializing_if = "Option::is_none")]
    group: Option<String>,
    #[serde(default)]
    pub multivalued: bool,
    #[serde(skip_serializing)]
    selector: Option<Value>,
    #[serde(skip_serializing)]
    default_value: Option<Value>,
}

/// For whom an attribute is required; for everybody where no role is named.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Required {
    #[serde(skip_serializing_if = "Option::is_none")]
    roles: Option<Vec<String>>,
    #[serde(skip_serializing)]
    scopes: Option<Vec<String>>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Permissions {
    #[serde(default)]
    view: Vec<String>,
    #[serde(default)]
    edit: Vec<String>,
}

impl Declared {
    /// Must an administrator give a value?
    pub(super) fn is_required(&self) -> bool {
        self.is_required_of(ADMINISTRATOR)
    }

    fn is_required_of(&self, party: &str) -> bool {
        self.required.as_ref().is_some_and(|required| match required.roles.as_deref() {
            None | Some([]) => true,
            Some(roles) => roles.iter().any(|role| role == party),
        })
    }

    /// What the stand-in does not do for it.
    fn unsupported(&self) -> Option<String> {
        let mut validators = self.validations.iter().flat_map(Map::keys);
        if let Some(unknown) = validators.find(|name| !validation::KNOWN.contains(&name.as_str())) {
            return Some(format!("validator {unknown}"));
        }
        let scopes = self.required.as_ref().and_then(|required| required.scopes.as_ref());
        [("selector", self.selector.is_some()), ("default value", self.default_value.is_some())]
            .into_iter()
            .chain([("required scope", scopes.is_some_and(|scopes| !scopes.is_empty()))])
            .find_map(|(name, is_there)| is_there.then(|| name.to_owned()))
    }

    fn lets(&self, parties: fn(&Permissions) -> &Vec<String>) -> bool {
        self.permissions
            .as_ref()
            .is_some_and(|permissions| parties(permissions).iter().any(|party| party == ADMINISTRATOR))
    }
}

impl Profile {
    /// The profile of a realm.
    pub(super) fn of(realm: &Realm) -> Result<Self, Answer> {
        Self::deserialize(&realm.profile)
            .map_err(|error| Answer::error(500, &format!("the realm's user profile: {error}")))
    }

    pub(super) fn attribute(&self, name: &str) -> Option<&Declared> {
        self.attributes.iter().find(|declared| declared.name == name)
    }

    /// Has the user all that people must give of themselves? Who has not is asked at the next login.
    pub(super) fn is_satisfied_by(&self, user: &User) -> bool {
        self.attributes.iter().filter(|declared| declared.is_required_of(PERSON)).all(|declared| {
            match declared.name.as_str() {
                USERNAME => true,
                EMAIL => user.email.is_some(),
                FIRST_NAME => user.first_name.is_some(),
                LAST_NAME => user.last_name.is_some(),
                name => user.attributes.contains_key(name),
            }
        })
    }

    /// Is what an administrator writes to this attribute kept?
    pub(super) fn is_written(&self, name: &str) -> bool {
        match self.attribute(name) {
            Some(declared) => declared.lets(|permissions| &permissions.edit),
            None => {
                matches!(self.unmanaged_attribute_policy, Some(Policy::Enabled | Policy::AdminEdit))
            }
        }
    }

    /// Does an administrator see this attribute? Who may change it sees it too.
    pub(super) fn is_shown(&self, name: &str) -> bool {
        match self.attribute(name) {
            Some(declared) => {
                declared.lets(|permissions| &permissions.view)
                    || declared.lets(|permissions| &permissions.edit)
            }
            None => self.unmanaged_attribute_policy.is_some(),
        }
    }

    /// Are the values of attributes that are not declared judged?
    pub(super) fn judges_undeclared(&self) -> bool {
        self.unmanaged_attribute_policy.is_some()
    }

    /// Why Keycloak refuses to have this profile.
    fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        for name in [USERNAME, EMAIL] {
            if self.attribute(name).is_none() {
                problems.push(format!("The attribute '{name}' can not be removed"));
            }
        }
        for (at, declared) in self.attributes.iter().enumerate() {
            let name = &declared.name;
            if self.attributes.iter().take(at).any(|other| other.name == *name) {
                problems.push(format!("Attribute configuration already exists with 'name':'{name}'"));
            }
            let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
            if !name.chars().all(is_plain) {
                problems.push(format!(
                    "Invalid attribute name (only letters, numbers and '.' '_' '-' special characters allowed): {name}'"
                ));
            }
        }
        problems
    }
}

/// `GET users/profile`.
pub(super) fn read(realm: &Realm) -> Answer {
    Answer::ok(realm.profile.clone())
}

/// `PUT users/profile`.
pub(super) fn update(realm: &mut Realm, request: &Request) -> Result<Answer, Answer> {
    let profile: Profile = request.representation("UPConfig")?;
    if let Some(name) = profile.attributes.iter().find_map(Declared::unsupported) {
        return Err(Answer::error(501, &format!("the stand-in has no {name} in a user profile")));
    }
    let problems = profile.problems();
    if !problems.is_empty() {
        return Err(Answer::error_message(400, &format!("[{}]", problems.join(", "))));
    }
    realm.profile = serde_json::to_value(&profile)
        .map_err(|error| Answer::error(500, &format!("the realm's user profile: {error}")))?;
    Ok(read(realm))
}

/// The profile of a new realm.
pub(super) fn default_profile() -> Value {
    let permissions = json!({ "view": ["admin", "user"], "edit": ["admin", "user"] });
    json!({
        "attributes": [
            {
                "name": "username",
                "displayName": "${username}",
                "validations": {
                    "length": { "min": 3, "max": 255 },
                    "username-prohibited-characters": {},
                    "up-username-not-idn-homograph": {},
                },
                "permissions": permissions,
                "multivalued": false,
            },
            {
                "name": "email",
                "displayName": "${email}",
                "validations": { "email": {}, "length": { "max": 255 } },
                "required": { "roles": ["user"] },
                "permissions": permissions,
                "multivalued": false,
            },
            {
                "name": "firstName",
                "displayName": "${firstName}",
                "validations": { "length": { "max": 255 }, "person-name-prohibited-characters": {} },
                "required": { "roles": ["user"] },
                "permissions": permissions,
                "multivalued": false,
            },
            {
                "name": "lastName",
                "displayName": "${lastName}",
                "validations": { "length": { "max": 255 }, "person-name-prohibited-characters": {} },
                "required": { "roles": ["user"] },
                "permissions": permissions,
                "multivalued": false,
            },
        ],
        "groups": [{
            "name": "user-metadata",
            "displayHeader": "User metadata",
            "displayDescription": "Attributes, which refer to user metadata",
        }],
    })
}
