//! What a failed call to Keycloak means to a SCIM client.

use std::collections::BTreeMap;

use crate::keycloak::{self, FieldError};
use crate::scim::{Code, Error, ScimType};

use super::storage;

/// Whole seconds after which a dead Keycloak is worth another try.
const RETRY_AFTER: u64 = 5;

/// Translates a failure. `map` is the realm's map from SCIM paths to attributes, so that a refused attribute is named
/// as the client knows it.
pub(super) fn translate(error: &keycloak::Error, map: &BTreeMap<String, String>) -> Error {
    use keycloak::Error as Failure;
    match error {
        Failure::Unreachable { .. } | Failure::Timeout { .. } | Failure::Server { status: 502..=504, .. } => {
            tracing::warn!(%error, "Keycloak can't be reached");
            Error::unavailable(
                Code::KeycloakUnreachable,
                "Keycloak can't be reached at the moment; nothing is lost, repeat the request",
                RETRY_AFTER,
            )
        }
        Failure::TooManyRequests { retry_after, .. } => Error::unavailable(
            Code::KeycloakUnreachable,
            "Keycloak asks to slow down; repeat the request later",
            retry_after.unwrap_or(RETRY_AFTER),
        ),
        Failure::Unauthorized { .. } | Failure::Forbidden { .. } => {
            tracing::error!(%error, "Keycloak refuses the gateway");
            Error::unavailable(
                Code::KeycloakRefused,
                "Keycloak refuses the gateway's own client; its administrator finds the reason in the gateway's log",
                30,
            )
        }
        // Not 404: its users are there, and a client would create them again.
        Failure::NotFound { .. } if error.is_organization_missing() => {
            Error::unavailable(Code::RealmNotReady, "The organization is not there in Keycloak any more", 60)
        }
        Failure::NotFound { .. } => Error::new(
            404,
            Code::NotFound,
            "The resource vanished from Keycloak while the request was carried out",
        ),
        Failure::Conflict { message, .. } => conflict(message),
        Failure::Invalid { fields, message, .. } => match fields.first() {
            Some(field) => invalid(field, map),
            None => {
                tracing::warn!(reason = %message, "Keycloak refuses the content");
                Error::bad(ScimType::InvalidValue, Code::UnacceptableValue, "Keycloak refuses the attributes")
            }
        },
        Failure::Server { .. }
        | Failure::Unexpected { .. }
        | Failure::Decode { .. }
        | Failure::TooLarge { .. } => {
            tracing::error!(%error, "Keycloak failed");
            Error::unavailable(
                Code::KeycloakFailed,
                "Keycloak failed to carry out the request; the gateway's log has the details",
                RETRY_AFTER,
            )
        }
    }
}

fn conflict(message: &str) -> Error {
    let message = message.to_ascii_lowercase();
    if message.contains("already linked") {
        return Error::conflict(
            Code::LinkExists,
            "Somebody else has just linked the user to the identity provider; repeat the request",
        );
    }
    match (message.contains("username"), message.contains("email")) {
        (false, true) => {
            Error::conflict(Code::EmailExists, "Another user in Keycloak has this e-mail address")
        }
        (true, true) => {
            Error::conflict(Code::UserExists, "Another user in Keycloak has this userName or e-mail address")
        }
        _ => Error::conflict(Code::UserExists, "Another user in Keycloak has this userName"),
    }
}

/// An attribute that the realm's user profile refuses.
fn invalid(field: &FieldError, map: &BTreeMap<String, String>) -> Error {
    let path = match field.field.as_str() {
        "username" => "userName",
        "email" => "emails",
        "firstName" => "name.givenName",
        "lastName" => "name.familyName",
        storage::EXTERNAL_ID => "externalId",
        storage::USER_NAME => "userName",
        storage::EMAILS => "emails",
        storage::DOCUMENT => "the user's attributes together",
        other => map.iter().find(|(_, attribute)| *attribute == other).map_or(other, |(path, _)| path),
    };
    let key = field.message.as_str();
    if key.contains("read-only") && path == "userName" {
        return Error::bad(
            ScimType::Mutability,
            Code::ReadOnlyInKeycloak,
            "Keycloak does not let userName be changed: turn on \"Edit username\" in the realm's login settings, or run \
             \"scimgate setup\"",
        );
    }
    if key.contains("read-only") {
        return Error::bad(
            ScimType::Mutability,
            Code::ReadOnlyInKeycloak,
            format!(
                "Keycloak does not let {path} be changed: the directory that the user comes from holds it"
            ),
        );
    }
    if key.contains("required") {
        return Error::bad(
            ScimType::InvalidValue,
            Code::RequiredMissing,
            format!("The realm's user profile in Keycloak requires {path}"),
        );
    }
    if key.contains("length") || key.contains("too-short") || key.contains("too-long") {
        // The limits are numbers of the profile, the refused value is never among them.
        let limits: Vec<&str> = field
            .params
            .iter()
            .skip(1)
            .map(String::as_str)
            .filter(|param| {
                !param.is_empty() && param.len() < 10 && param.bytes().all(|byte| byte.is_ascii_digit())
            })
            .collect();
        let limits = match limits.as_slice() {
            [min, max] => format!(" ({min} to {max} characters)"),
            [max] if key.contains("too-long") => format!(" (at most {max} characters)"),
            _ => String::new(),
        };
        return Error::bad(
            ScimType::InvalidValue,
            Code::ValueTooLong,
            format!(
                "The value of {path} is too long or too short for the realm's user profile in Keycloak{limits}"
            ),
        );
    }
    let detail = match key {
        "error-invalid-email" => {
            format!("The value of {path} that goes to Keycloak is not an e-mail address")
        }
        "error-username-invalid-character" => {
            format!(
                "Keycloak does not take {path} with spaces, quotes or signs such as \\ / , % * < > & $ ! # ? ; : ~ | ^ = and \
                 brackets"
            )
        }
        _ => format!("Keycloak refuses the value of {path}: {key}"),
    };
    Error::bad(ScimType::InvalidValue, Code::UnacceptableValue, detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(field: &str, message: &str, params: &[&str]) -> FieldError {
        FieldError {
            field: field.into(),
            message: message.into(),
            params: params.iter().map(|param| (*param).into()).collect(),
        }
    }

    #[test]
    fn a_refused_attribute_is_named_as_the_client_knows_it() {
        let map = BTreeMap::from([("nickName".to_owned(), "nickname".to_owned())]);
        let told = |error: &FieldError| invalid(error, &map).to_string();
        assert!(
            told(&field("nickname", "error-invalid-length", &["nickname", "0", "2048"])).contains("nickName")
        );
        assert!(
            told(&field("username", "error-invalid-length", &["username", "3", "255"])).contains("3 to 255")
        );
        assert_eq!(
            invalid(&field("username", "error-user-attribute-read-only", &["username"]), &map).scim_type,
            Some(ScimType::Mutability)
        );
    }

    #[test]
    fn a_refused_value_is_not_repeated() {
        let error = invalid(&field("email", "error-invalid-email", &["email", "nope"]), &BTreeMap::new());
        assert!(!error.to_string().contains("nope"), "{error}");
    }

    #[test]
    fn conflicts_name_what_is_taken() {
        assert_eq!(conflict("User exists with same email").code, Code::EmailExists);
        assert_eq!(conflict("User exists with same username").code, Code::UserExists);
        assert_eq!(conflict("User is already linked with provider").code, Code::LinkExists);
    }
}
