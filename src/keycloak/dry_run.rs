//! A dry run: calls that read are made, calls that write are not, and what they would have written is read back.

use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use http::{Method, StatusCode};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};
use url::Url;

use super::connection::Connection;
use super::error::{Call, Error, Result};
use super::transport::{self, Answer};

const REALM: Call = Call { method: "GET", path: "" };
const SEARCH: Call = Call { method: "GET", path: "users" };

type User = Map<String, Value>;

/// What would be there by now, had the calls of this run been made.
#[derive(Debug, Default)]
pub(super) struct DryRun {
    /// `UserRepresentation`s that were created, with their made-up ids.
    created: Mutex<Vec<User>>,
}

/// A call, as far as a dry run must know it.
pub(super) struct Asked<'a> {
    pub method: &'a Method,
    /// The path's template.
    pub path: &'static str,
    pub url: &'a Url,
    pub body: Option<&'a [u8]>,
}

impl DryRun {
    /// The answer in Keycloak's place; none where the call reads what is really there.
    ///
    /// # Errors
    /// When Keycloak can't be asked whether a user's names are free.
    pub(super) async fn answer(
        &self,
        connection: &Connection,
        token: &str,
        asked: Asked<'_>,
    ) -> Result<Option<Answer>> {
        let written = || {
            let user = serde_json::from_slice::<User>(asked.body.unwrap_or_default());
            user.map_err(|error| Error::decode(SEARCH, &error))
        };
        let own = asked.url.path_segments().and_then(|mut segments| segments.next_back()).unwrap_or_default();
        match (asked.method.as_str(), asked.path) {
            ("GET", _) => Ok(self.read_back(asked.url)),
            ("POST", "users") => {
                let user = written()?;
                let foresight = Foresight { connection, token, users: asked.url.clone() };
                if let Some(refusal) = foresight.refusal(&user, None).await? {
                    return Ok(Some(refusal));
                }
                let id = uuid::Uuid::new_v4().to_string();
                let location = format!("{}/{id}", asked.url);
                let mut created = self.created.lock().unwrap_or_else(PoisonError::into_inner);
                created.push(user.into_iter().chain([("id".to_owned(), id.into())]).collect());
                Ok(Some(answer(StatusCode::CREATED, Some(location), String::new())))
            }
            ("PUT", "users/{id}") => {
                let mut users = asked.url.clone();
                if let Ok(mut segments) = users.path_segments_mut() {
                    segments.pop();
                }
                let foresight = Foresight { connection, token, users };
                let is_new = self.is_created(own);
                let refusal = foresight.refusal(&written()?, (!is_new).then_some(own)).await?;
                Ok(Some(refusal.unwrap_or_else(done)))
            }
            _ => Ok(Some(done())),
        }
    }

    fn is_created(&self, id: &str) -> bool {
        let created = self.created.lock().unwrap_or_else(PoisonError::into_inner);
        created.iter().any(|user| user.get("id").is_some_and(|known| known == id))
    }

    fn read_back(&self, url: &Url) -> Option<Answer> {
        let asked = url.query_pairs().find(|(key, _)| key == "search")?.1.into_owned();
        let id = asked.strip_prefix("id:")?;
        let created = self.created.lock().unwrap_or_else(PoisonError::into_inner);
        let user = created.iter().find(|user| user.get("id").is_some_and(|known| known == id))?;
        Some(answer(StatusCode::OK, None, json!([user]).to_string()))
    }
}

/// What a client would be refused for others' sake: Keycloak is asked, by calls that are none of the request's.
struct Foresight<'a> {
    connection: &'a Connection,
    token: &'a str,
    /// `admin/realms/{realm}/users`.
    users: Url,
}

impl Foresight<'_> {
    /// Keycloak's refusal of this user, whose own id is `own` where it exists already.
    async fn refusal(&self, user: &User, own: Option<&str>) -> Result<Option<Answer>> {
        let text = |name: &str| user.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
        let realm = self.realm().await?;
        let is_on = |setting: &str, usual: bool| realm.get(setting).and_then(Value::as_bool).unwrap_or(usual);
        let by_email = is_on("loginWithEmailAllowed", true);
        let email_as_username = is_on("registrationEmailAsUsername", false);
        let email = text("email");
        // Where e-mail addresses make usernames, the username that is sent is not looked at.
        let username = if email_as_username { email } else { text("username") };
        if let Some(email) = email.filter(|_| !is_on("duplicateEmailsAllowed", false))
            && (self.is_others("email", email, own).await?
                || by_email && self.is_others("username", email, own).await?)
        {
            return Ok(Some(conflict("email")));
        }
        let Some(username) = username else { return Ok(None) };
        if self.is_others("username", username, own).await?
            || by_email && self.is_others("email", username, own).await?
        {
            return Ok(Some(conflict("username")));
        }
        let renames = is_on("editUsernameAllowed", false) || email_as_username;
        if !renames && own.is_some() && !self.holds("username", username, own).await? {
            let message = json!({
                "field": "username", "errorMessage": "error-user-attribute-read-only", "params": ["username"],
            });
            return Ok(Some(answer(StatusCode::BAD_REQUEST, None, message.to_string())));
        }
        Ok(None)
    }

    async fn is_others(&self, field: &str, value: &str, own: Option<&str>) -> Result<bool> {
        Ok(self.holders(field, value).await?.iter().any(|id| Some(id.as_str()) != own))
    }

    async fn holds(&self, field: &str, value: &str, own: Option<&str>) -> Result<bool> {
        Ok(self.holders(field, value).await?.iter().any(|id| Some(id.as_str()) == own))
    }

    /// The ids of those who have this value, compared as Keycloak compares it.
    async fn holders(&self, field: &str, value: &str) -> Result<Vec<String>> {
        let mut url = self.users.clone();
        url.query_pairs_mut().extend_pairs([(field, value), ("exact", "true"), ("max", "2")]);
        let found: Vec<User> = self.read(SEARCH, url).await?;
        Ok(found.iter().filter_map(|user| user.get("id")?.as_str().map(str::to_owned)).collect())
    }

    async fn realm(&self) -> Result<Map<String, Value>> {
        let mut url = self.users.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop();
        }
        self.read(REALM, url).await
    }

    async fn read<T: DeserializeOwned>(&self, call: Call, url: Url) -> Result<T> {
        let answer = transport::send(call, self.connection.http.get(url).bearer_auth(self.token)).await?;
        if !answer.status.is_success() {
            let account = self.connection.account();
            return Err(Error::from_status(call, &account, answer.status, answer.retry_after, &answer.body));
        }
        serde_json::from_slice(&answer.body).map_err(|error| Error::decode(call, &error))
    }
}

fn conflict(field: &str) -> Answer {
    let message = json!({ "errorMessage": format!("User exists with same {field}") });
    answer(StatusCode::CONFLICT, None, message.to_string())
}

fn done() -> Answer {
    answer(StatusCode::NO_CONTENT, None, String::new())
}

fn answer(status: StatusCode, location: Option<String>, body: String) -> Answer {
    Answer { status, location, retry_after: None, body: Bytes::from(body) }
}
