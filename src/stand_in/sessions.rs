//! Sessions that a password grant began, and their end; and the consents that nobody has given.

use serde_json::{Value, json};

use super::answer::Answer;
use super::request::Request;
use super::state::Realm;
use super::tokens::{Form, oauth_error};
use super::users;

/// `POST realms/{realm}/protocol/openid-connect/logout` with a refresh token. Ending a session twice is no error.
pub(super) fn log_out_by_token(realm: &mut Realm, request: &Request) -> Result<Answer, Answer> {
    let form = Form::of(request);
    let Some(token) = form.get("refresh_token") else {
        return Err(Answer::error(501, "the stand-in logs out by refresh token only"));
    };
    let claims =
        realm.keys.verify(token).filter(|claims| claims.get("typ").is_some_and(|typ| typ == "Refresh"));
    let session = claims.as_ref().and_then(|claims| claims.get("sid")).and_then(Value::as_str);
    let Some(session) = session else {
        return Err(oauth_error(400, "invalid_grant", "Invalid refresh token"));
    };
    realm.sessions.remove(session);
    Ok(Answer::no_content())
}

/// `POST users/{id}/logout`: ends all sessions of the user, and voids the tokens of before.
pub(super) fn log_out(realm: &mut Realm, id: &str) -> Result<Answer, Answer> {
    let user = realm.users.get_mut(id).ok_or_else(users::not_found)?;
    user.not_before = super::now_seconds();
    realm.sessions.retain(|_, of| of != id);
    Ok(Answer::no_content())
}

/// `GET users/{id}/sessions`.
pub(super) fn list(realm: &Realm, id: &str) -> Result<Answer, Answer> {
    existing(realm, id)?;
    let of_user = realm.sessions.iter().filter(|(_, of)| *of == id);
    Ok(Answer::ok(of_user.map(|(session, of)| json!({ "id": session, "userId": of })).collect::<Vec<_>>()))
}

/// `GET users/{id}/consents`: there are no offline tokens and no clients that ask for consent.
pub(super) fn consents(realm: &Realm, id: &str) -> Result<Answer, Answer> {
    existing(realm, id)?;
    Ok(Answer::ok(json!([])))
}

/// `DELETE users/{id}/consents/{client}`.
pub(super) fn revoke(realm: &Realm, id: &str, client: &str) -> Result<Answer, Answer> {
    existing(realm, id)?;
    let what = if realm.client(client).is_some() { "Consent nor offline token" } else { "Client" };
    Err(Answer::error(404, &format!("{what} not found")))
}

fn existing(realm: &Realm, id: &str) -> Result<(), Answer> {
    if realm.users.contains_key(id) { Ok(()) } else { Err(users::not_found()) }
}
