//! Passwords of people, by which they sign in to `admin-cli` and the like.

use serde::Deserialize;
use serde_json::json;

use super::answer::Answer;
use super::request::Request;
use super::state::Realm;
use super::users;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Written {
    #[serde(rename = "type")]
    kind: String,
    value: secrecy::SecretString,
    #[serde(default)]
    temporary: bool,
}

/// `PUT users/{id}/reset-password`.
pub(super) fn reset_password(realm: &mut Realm, request: &Request, id: &str) -> Result<Answer, Answer> {
    let user = realm.users.get_mut(id).ok_or_else(users::not_found)?;
    match serde_json::from_slice(&request.body) {
        Ok(Written { kind, value, temporary: false }) if kind == "password" => user.password = Some(value),
        _ => return Err(Answer::error(501, "the stand-in has no credentials but lasting passwords")),
    }
    Ok(Answer::no_content())
}

/// `GET users/{id}/credentials`.
pub(super) fn list(realm: &Realm, id: &str) -> Result<Answer, Answer> {
    let user = realm.users.get(id).ok_or_else(users::not_found)?;
    let password =
        user.password.as_ref().map(|_| json!({ "id": format!("{id}-password"), "type": "password" }));
    Ok(Answer::ok(password.into_iter().collect::<Vec<_>>()))
}
