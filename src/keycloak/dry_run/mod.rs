//! A dry run: calls that read are made, calls that write are not, and what they would have written is read back.

mod groups;
mod organizations;
mod users;

use bytes::Bytes;
use http::{Method, StatusCode};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};
use url::Url;

use super::connection::Connection;
use super::endpoint::Endpoint;
use super::error::{Call, Error, Result};
use super::representation::OrganizationId;
use super::transport::{self, Answer};

use self::groups::Groups;
use self::organizations::Members;
use self::users::Users;

/// A representation, with all that Keycloak or the gateway wrote into it.
type Object = Map<String, Value>;

/// What the paths of all that is an organization's begin with.
const IN_ORGANIZATION: &str = "organizations/{organization}/";

/// What would be there by now, had the calls of this run been made.
#[derive(Debug, Default)]
pub(super) struct DryRun {
    users: Users,
    groups: Groups,
    members: Members,
}

/// A call, as far as a dry run must know it.
pub(super) struct Asked<'a> {
    pub method: &'a Method,
    /// The path's template.
    pub path: &'static str,
    pub url: &'a Url,
    pub body: Option<&'a [u8]>,
    /// The organization whose groups are meant, as [`AdminClient::within`](super::client::AdminClient::within) has it.
    pub organization: Option<&'a OrganizationId>,
}

/// An answer in Keycloak's place.
pub(super) struct Instead {
    pub answer: Answer,
    /// Does it hold what Keycloak answered to the call?
    pub was_sent: bool,
}

impl DryRun {
    /// The answer in Keycloak's place; none where the call reads what is really there.
    ///
    /// # Errors
    /// When Keycloak can't be asked what there is.
    pub(super) async fn answer(
        &self,
        connection: &Connection,
        token: &str,
        asked: Asked<'_>,
    ) -> Result<Option<Instead>> {
        let there = There { connection, token, realm: asked.realm(), organization: asked.organization };
        let values = asked.values();
        let (users, groups, members) = (&self.users, &self.groups, &self.members);
        // An organization's groups are under its own address, and else like the realm's.
        let path = match (asked.organization, asked.path.strip_prefix(IN_ORGANIZATION)) {
            (Some(_), Some(path)) if path.starts_with("groups") => path,
            _ => asked.path,
        };
        let values = if path == asked.path { values.as_slice() } else { values.get(1..).unwrap_or_default() };
        let value = |at: usize| values.get(at).copied().unwrap_or_default();
        let planned = match (asked.method.as_str(), path) {
            ("GET", "users") => return Ok(users.read_back(asked.url).map(not_sent)),
            ("GET", "groups/{id}") => return groups.read_back(&there, value(0)).await,
            ("GET", "groups/{id}/children") => return groups.children(&there, &asked, value(0)).await,
            ("GET", "groups/{id}/members") => return groups.members(&there, &asked, value(0)).await,
            ("GET", organizations::MEMBER) => return Ok(members.read_back(value(0), value(1)).map(not_sent)),
            ("GET", organizations::OF_USER) => return members.of_user(&there, value(0), users).await,
            ("GET", _) => return Ok(None),
            ("POST", "users") => users.create(&there, asked.written()?).await?,
            ("PUT", "users/{id}") => users.update(&there, value(0), &asked.written()?).await?,
            ("POST", "groups") => groups.create(&there, None, asked.written()?).await?,
            ("POST", "groups/{id}/children") => {
                groups.create(&there, Some(value(0)), asked.written()?).await?
            }
            ("PUT", "groups/{id}") => groups.update(&there, value(0), asked.written()?).await?,
            (method @ ("PUT" | "DELETE"), "users/{id}/groups/{group}") => {
                groups.note_member(value(1), value(0), method == "PUT");
                done()
            }
            (method @ ("PUT" | "DELETE"), "groups/{group}/members/{id}") => {
                groups.note_member(value(0), value(1), method == "PUT");
                done()
            }
            ("POST", organizations::MEMBERS) => members.add(value(0), &asked.written::<String>()?),
            ("DELETE", organizations::MEMBER) => members.remove(value(0), value(1)),
            _ => done(),
        };
        Ok(Some(not_sent(planned)))
    }
}

impl Asked<'_> {
    /// What stands in the URL for the placeholders of the path.
    fn values(&self) -> Vec<&str> {
        let segments: Vec<&str> = self.url.path_segments().into_iter().flatten().collect();
        let names: Vec<&str> = self.path.split('/').collect();
        let own = segments.iter().skip(segments.len().saturating_sub(names.len()));
        names.iter().zip(own).filter(|(name, _)| name.starts_with('{')).map(|(_, value)| *value).collect()
    }

    /// The realm's own URL.
    fn realm(&self) -> Url {
        let mut url = self.url.clone();
        url.set_query(None);
        if let Ok(mut segments) = url.path_segments_mut() {
            for _ in self.path.split('/') {
                segments.pop();
            }
        }
        url
    }

    /// The window of a list: how many are passed over, and how many are given.
    fn window(&self) -> (usize, usize) {
        let number = |name: &str| {
            let (_, value) = self.url.query_pairs().find(|(key, _)| key == name)?;
            value.parse::<usize>().ok()
        };
        (number("first").unwrap_or(0), number("max").unwrap_or(usize::MAX))
    }

    fn written<T: DeserializeOwned>(&self) -> Result<T> {
        let call = Call { method: "POST", path: self.path };
        serde_json::from_slice(self.body.unwrap_or_default()).map_err(|error| Error::decode(call, &error))
    }
}

/// What is really there: read by calls that are none of the request's.
struct There<'a> {
    connection: &'a Connection,
    token: &'a str,
    realm: Url,
    organization: Option<&'a OrganizationId>,
}

impl There<'_> {
    /// Reads what stands at an endpoint about groups, or about this one.
    async fn read_groups<T: DeserializeOwned>(
        &self,
        endpoint: Endpoint,
        group: &str,
        query: &[(&str, &str)],
    ) -> Result<T> {
        let path = endpoint.path(self.organization);
        let filled = path.split('/').map(|segment| match segment {
            "{organization}" => self.organization.map(AsRef::as_ref).unwrap_or_default(),
            "{id}" => group,
            segment => segment,
        });
        let segments: Vec<&str> = filled.collect();
        self.read(path, &segments, query).await
    }

    /// Reads what stands at these segments below the realm.
    async fn read<T: DeserializeOwned>(
        &self,
        path: &'static str,
        segments: &[&str],
        query: &[(&str, &str)],
    ) -> Result<T> {
        let call = Call { method: "GET", path };
        let mut url = self.url(segments);
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        let answer = transport::send(call, self.connection.http.get(url).bearer_auth(self.token)).await?;
        if !answer.status.is_success() {
            let account = self.connection.account();
            return Err(Error::from_status(call, &account, answer.status, answer.retry_after, &answer.body));
        }
        serde_json::from_slice(&answer.body).map_err(|error| Error::decode(call, &error))
    }

    /// The URL of these segments below the realm.
    fn url(&self, segments: &[&str]) -> Url {
        let mut url = self.realm.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.extend(segments);
        }
        url
    }
}

fn text<'o>(object: &'o Object, name: &str) -> Option<&'o str> {
    object.get(name).and_then(Value::as_str).filter(|text| !text.is_empty())
}

fn not_sent(answer: Answer) -> Instead {
    Instead { answer, was_sent: false }
}

fn done() -> Answer {
    answer(StatusCode::NO_CONTENT, None, String::new())
}

fn created(url: &Url) -> Answer {
    answer(StatusCode::CREATED, Some(url.to_string()), String::new())
}

fn found(body: &impl serde::Serialize) -> Answer {
    answer(StatusCode::OK, None, json!(body).to_string())
}

fn conflict(message: &str) -> Answer {
    answer(StatusCode::CONFLICT, None, json!({ "errorMessage": message }).to_string())
}

fn answer(status: StatusCode, location: Option<String>, body: String) -> Answer {
    Answer { status, location, retry_after: None, body: Bytes::from(body) }
}
