//! A dry run: calls that read are made, calls that write are not, and what they would have written is read back.

use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use http::{Method, StatusCode};
use serde_json::{Map, Value, json};
use url::Url;

use super::connection::Connection;
use super::error::{Call, Error, Result};
use super::transport::{self, Answer};

const SEARCH: Call = Call { method: "GET", path: "users" };

/// What would be there by now, had the calls of this run been made.
#[derive(Debug, Default)]
pub(super) struct DryRun {
    /// `UserRepresentation`s that were created, with their made-up ids.
    created: Mutex<Vec<Map<String, Value>>>,
}

impl DryRun {
    /// The answer in Keycloak's place; none where the call reads what is really there.
    ///
    /// # Errors
    /// When Keycloak can't be asked whether a user's name is free.
    pub(super) async fn answer(
        &self,
        connection: &Connection,
        token: &str,
        (method, path, url): (&Method, &str, &Url),
        body: Option<&[u8]>,
    ) -> Result<Option<Answer>> {
        if *method == Method::GET {
            return Ok(self.read_back(url));
        }
        if *method != Method::POST || path != "users" {
            return Ok(Some(answer(StatusCode::NO_CONTENT, None, String::new())));
        }
        let user: Map<String, Value> = serde_json::from_slice(body.unwrap_or_default())
            .map_err(|error| Error::decode(SEARCH, &error))?;
        // The one refusal that hangs on others' data, and that a client would meet.
        for field in ["username", "email"] {
            if let Some(Value::String(value)) = user.get(field)
                && is_taken(connection, token, url, (field, value)).await?
            {
                let message = json!({ "errorMessage": format!("User exists with same {field}") });
                return Ok(Some(answer(StatusCode::CONFLICT, None, message.to_string())));
            }
        }
        let id = uuid::Uuid::new_v4().to_string();
        let mut created = self.created.lock().unwrap_or_else(PoisonError::into_inner);
        let location = format!("{url}/{id}");
        created.push(user.into_iter().chain([("id".to_owned(), id.into())]).collect());
        Ok(Some(answer(StatusCode::CREATED, Some(location), String::new())))
    }

    fn read_back(&self, url: &Url) -> Option<Answer> {
        let asked = url.query_pairs().find(|(key, _)| key == "search")?.1.into_owned();
        let id = asked.strip_prefix("id:")?;
        let created = self.created.lock().unwrap_or_else(PoisonError::into_inner);
        let user = created.iter().find(|user| user.get("id").is_some_and(|known| known == id))?;
        Some(answer(StatusCode::OK, None, json!([user]).to_string()))
    }
}

/// Whether somebody has this username or e-mail address. It is no call of the request's, so it is not counted.
async fn is_taken(
    connection: &Connection,
    token: &str,
    users: &Url,
    (field, value): (&str, &str),
) -> Result<bool> {
    let query = [(field, value), ("exact", "true"), ("max", "1")];
    let request = connection.http.get(users.clone()).query(&query).bearer_auth(token);
    let found = transport::send(SEARCH, request).await?;
    Ok(serde_json::from_slice::<Vec<Value>>(&found.body).is_ok_and(|found| !found.is_empty()))
}

fn answer(status: StatusCode, location: Option<String>, body: String) -> Answer {
    Answer { status, location, retry_after: None, body: Bytes::from(body) }
}
