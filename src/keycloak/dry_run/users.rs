//! Users in a dry run: those that would have been created, and what Keycloak would refuse for others' sake.

use std::sync::{Mutex, PoisonError};

use http::StatusCode;
use serde_json::{Value, json};
use url::Url;

use super::super::error::Result;
use super::super::transport::Answer;
use super::{Object, There, answer, conflict, created, done, found, text};

/// The users that were created, with their made-up ids.
#[derive(Debug, Default)]
pub(super) struct Users(Mutex<Vec<Object>>);

impl Users {
    pub(super) async fn create(&self, there: &There<'_>, user: Object) -> Result<Answer> {
        if let Some(refusal) = refusal(there, &user, None).await? {
            return Ok(refusal);
        }
        let id = uuid::Uuid::new_v4().to_string();
        let location = there.url(&["users", &id]);
        let mut created_users = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        created_users.push(user.into_iter().chain([("id".to_owned(), id.into())]).collect());
        Ok(created(&location))
    }

    pub(super) async fn update(&self, there: &There<'_>, id: &str, user: &Object) -> Result<Answer> {
        let is_new = self.created(id).is_some();
        Ok(refusal(there, user, (!is_new).then_some(id)).await?.unwrap_or_else(done))
    }

    /// The answer to a search for the one with an id, if that was made up.
    pub(super) fn read_back(&self, url: &Url) -> Option<Answer> {
        let asked = url.query_pairs().find(|(key, _)| key == "search")?.1.into_owned();
        Some(found(&[self.created(asked.strip_prefix("id:")?)?]))
    }

    pub(super) fn is_created(&self, id: &str) -> bool {
        self.created(id).is_some()
    }

    fn created(&self, id: &str) -> Option<Object> {
        let created = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        created.iter().find(|user| text(user, "id") == Some(id)).cloned()
    }
}

/// Keycloak's refusal of this user, whose own id is `own` where it exists already.
async fn refusal(there: &There<'_>, user: &Object, own: Option<&str>) -> Result<Option<Answer>> {
    let realm: Object = there.read("", &[], &[]).await?;
    let is_on = |setting: &str, usual: bool| realm.get(setting).and_then(Value::as_bool).unwrap_or(usual);
    let by_email = is_on("loginWithEmailAllowed", true);
    let email_as_username = is_on("registrationEmailAsUsername", false);
    let email = text(user, "email");
    // Where e-mail addresses make usernames, the username that is sent is not looked at.
    let username = if email_as_username { email } else { text(user, "username") };
    if let Some(email) = email.filter(|_| !is_on("duplicateEmailsAllowed", false))
        && (is_others(there, "email", email, own).await?
            || by_email && is_others(there, "username", email, own).await?)
    {
        return Ok(Some(conflict("User exists with same email")));
    }
    let Some(username) = username else { return Ok(None) };
    if is_others(there, "username", username, own).await?
        || by_email && is_others(there, "email", username, own).await?
    {
        return Ok(Some(conflict("User exists with same username")));
    }
    let renames = is_on("editUsernameAllowed", false) || email_as_username;
    if let Some(own) = own.filter(|_| !renames)
        && !holders(there, "username", username).await?.iter().any(|id| id == own)
    {
        let message = json!({
            "field": "username", "errorMessage": "error-user-attribute-read-only", "params": ["username"],
        });
        return Ok(Some(answer(StatusCode::BAD_REQUEST, None, message.to_string())));
    }
    Ok(None)
}

async fn is_others(there: &There<'_>, field: &str, value: &str, own: Option<&str>) -> Result<bool> {
    Ok(holders(there, field, value).await?.iter().any(|id| Some(id.as_str()) != own))
}

/// The ids of those who have this value, compared as Keycloak compares it.
async fn holders(there: &There<'_>, field: &str, value: &str) -> Result<Vec<String>> {
    let found: Vec<Object> =
        there.read("users", &["users"], &[(field, value), ("exact", "true"), ("max", "2")]).await?;
    Ok(found.iter().filter_map(|user| text(user, "id").map(str::to_owned)).collect())
}
