//! Which settings of realms and clients are honoured: of all others the stand-in has only those of a new one.

use serde_json::{Map, Value};

use super::answer::Answer;

/// Settings of a realm that do here what they do in Keycloak, and such as change nothing but what is shown.
const OF_REALMS: [&str; 11] = [
    "accessTokenLifespan",
    "adminEventsDetailsEnabled",
    "adminEventsEnabled",
    "displayName",
    "displayNameHtml",
    "editUsernameAllowed",
    "eventsEnabled",
    "eventsListeners",
    "loginWithEmailAllowed",
    "organizationsEnabled",
    "registrationEmailAsUsername",
];

/// What the names of a realm's attributes begin with that mean nothing to Keycloak.
const OTHERS_ATTRIBUTES: &str = "scim.";

/// What all keys are made for here, whatever a realm prefers.
const SIGNATURE: (&str, &str) = ("defaultSignatureAlgorithm", "ES256");

/// What names a realm, or is seen to where it is made.
const BESIDE: [&str; 4] = ["id", "realm", "components", "defaultRole"];

/// Settings of a client that change which tokens it gets, or what they are good for, and do nothing here. What has to do
/// with its pages is not among them, since there are none.
const NOT_OF_CLIENTS: [&str; 7] = [
    "authenticationFlowBindingOverrides",
    "bearerOnly",
    "clientAuthenticatorType",
    "consentRequired",
    "notBefore",
    "protocol",
    "surrogateAuthRequired",
];

/// Whether a realm can have what was sent; `new` is what a new one has.
///
/// # Errors
/// 501, naming the first setting that is not honoured.
pub(super) fn check_realm(sent: &Map<String, Value>, new: &Map<String, Value>) -> Result<(), Answer> {
    let honoured = |key: &str, value: &Value| {
        let is_others = |attributes: &Map<String, Value>| {
            attributes.keys().all(|name| name.starts_with(OTHERS_ATTRIBUTES))
        };
        OF_REALMS.contains(&key)
            || BESIDE.contains(&key)
            || (key == SIGNATURE.0 && value == SIGNATURE.1)
            || (key == "attributes" && value.as_object().is_some_and(is_others))
    };
    refuse("realm", sent, new, |key, value| !honoured(key, value))
}

/// Whether a client can have what was sent; `new` is what a new one has.
///
/// # Errors
/// 501, naming the first setting that is not honoured.
pub(super) fn check_client(sent: &Map<String, Value>, new: &Map<String, Value>) -> Result<(), Answer> {
    refuse("client", sent, new, |key, _| NOT_OF_CLIENTS.contains(&key))
}

fn refuse(
    of: &str,
    sent: &Map<String, Value>,
    new: &Map<String, Value>,
    is_lacking: impl Fn(&str, &Value) -> bool,
) -> Result<(), Answer> {
    let lacking = |(key, value): &(&String, &Value)| {
        !value.is_null() && new.get(*key) != Some(*value) && is_lacking(key, value)
    };
    match sent.iter().find(lacking) {
        Some((key, value)) => {
            Err(Answer::error(501, &format!("the stand-in has no {of} with {key}: {value}")))
        }
        None => Ok(()),
    }
}
