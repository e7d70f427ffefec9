//! Which settings of realms and clients are honoured: of all others the stand-in has only those of a new one.

use serde_json::{Map, Value};

use super::answer::Answer;

/// Settings of a realm that do here what they do in Keycloak, and such as change nothing but what is shown.
const OF_REALMS: [&str; 12] = [
    "accessTokenLifespan",
    "adminEventsDetailsEnabled",
    "adminEventsEnabled",
    "attributes",
    "displayName",
    "displayNameHtml",
    "editUsernameAllowed",
    "eventsEnabled",
    "eventsListeners",
    "loginWithEmailAllowed",
    "organizationsEnabled",
    "registrationEmailAsUsername",
];

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
        OF_REALMS.contains(&key) || BESIDE.contains(&key) || (key == SIGNATURE.0 && value == SIGNATURE.1)
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
