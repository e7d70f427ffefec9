//! The three ways through a user's life, each with a connection pool of its own.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use reqwest::Method;
use scimgate::keycloak::{
    self, AdminClient, Connection, RoleRepresentation, UserId, UserQuery, UserRepresentation,
};
use serde_json::{Value, json};

use crate::house::House;
use crate::table::Times;

pub const PATCH: &str = "urn:ietf:params:scim:api:messages:2.0:PatchOp";
const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";

/// Whose life.
#[derive(Debug)]
pub struct Person {
    name: String,
}

impl Person {
    pub fn new(way: &str, n: u32) -> Self {
        Self { name: format!("{way}-{n}@example.com") }
    }
}

pub fn http_client() -> reqwest::Client {
    keycloak::http_client(Duration::from_secs(5), Duration::from_secs(120), None, None).expect("a client")
}

/// A SCIM server: the gateway, or Keycloak's preview.
#[derive(Debug)]
pub struct Scim {
    base: String,
    token: String,
    http: reqwest::Client,
    /// Does it take (and drop) what Okta always sends?
    password: bool,
}

impl Scim {
    /// The gateway.
    pub fn gateway(house: &House) -> Self {
        let (base, token) = house.gateway();
        Self { base, token, http: http_client(), password: true }
    }

    /// The preview. It gets no password: it would echo it.
    pub async fn preview(house: &House) -> Self {
        let (base, token) = house.preview().await;
        Self { base, token, http: http_client(), password: false }
    }

    pub async fn life(&self, person: &Person, times: &mut Times) {
        let name = &person.name;
        let lookup = format!("/Users?filter=userName+eq+%22{}%22", name.replace('@', "%40"));
        times.take("lookup, nobody", self.found(&lookup, 0)).await;
        let mut body = json!({
            "schemas": [USER], "userName": name, "externalId": name, "active": true,
            "name": {"givenName": "Babs", "familyName": "Jensen"},
            "emails": [{"value": name, "type": "work", "primary": true}],
        });
        if self.password {
            body["password"] = "1mz050nq".into();
        }
        let Some(created) = times.take("create", self.send(Method::POST, "/Users", Some(body))).await else {
            return;
        };
        let path = format!("/Users/{}", created["id"].as_str().expect("an id"));
        times.take("get", self.send(Method::GET, &path, None)).await;
        times.take("lookup, found", self.found(&lookup, 1)).await;
        let patch = |attribute: &str, value: Value| {
            let operation = json!({"op": "replace", "path": attribute, "value": value});
            Some(json!({"schemas": [PATCH], "Operations": [operation]}))
        };
        let rename = patch("name.givenName", "Barbara".into());
        times.take("update", self.changed(&path, rename, "/name/givenName", "Barbara".into())).await;
        let deactivate = patch("active", false.into());
        times.take("deactivate", self.changed(&path, deactivate, "/active", false.into())).await;
        let reactivate = patch("active", true.into());
        times.take("reactivate", self.changed(&path, reactivate, "/active", true.into())).await;
        times.take("delete", self.send(Method::DELETE, &path, None)).await;
    }

    /// A lookup that must find so many.
    pub async fn found(&self, path: &str, count: u64) -> Result<(), String> {
        let list = self.send(Method::GET, path, None).await?;
        if list["totalResults"] == count { Ok(()) } else { Err(format!("finds {}", list["totalResults"])) }
    }

    /// A PATCH whose answer must show this value at this place.
    async fn changed(
        &self,
        path: &str,
        patch: Option<Value>,
        pointer: &str,
        value: Value,
    ) -> Result<(), String> {
        let after = self.send(Method::PATCH, path, patch).await?;
        match after.pointer(pointer) {
            Some(found) if *found == value => Ok(()),
            found => Err(format!("answers 200 with {found:?} at {pointer}")),
        }
    }

    pub async fn send(&self, method: Method, path: &str, body: Option<Value>) -> Result<Value, String> {
        let mut request = self.http.request(method, format!("{}{path}", self.base)).bearer_auth(&self.token);
        if let Some(body) = body {
            request = request.header("content-type", "application/scim+json").body(body.to_string());
        }
        let answer = request.send().await.map_err(|error| error.to_string())?;
        let status = answer.status();
        let body = answer.bytes().await.map_err(|error| error.to_string())?;
        let body: Value = serde_json::from_slice(&body).unwrap_or_default();
        if status.is_success() {
            return Ok(body);
        }
        Err(format!("{}: {}", status.as_u16(), body["detail"].as_str().unwrap_or("no detail")))
    }
}

/// The same life by hand.
#[derive(Debug)]
pub struct Bare {
    pub client: AdminClient,
    pub role: RoleRepresentation,
}

impl Bare {
    /// As the gateway's own client.
    pub async fn new(house: &House) -> Self {
        let realm = house.realm();
        let way = &realm.keycloak;
        let secret = way.client_secret.clone();
        let name = realm.name.as_ref();
        let connection = Connection::new(way.url.clone(), name, &way.client_id, secret, http_client());
        let client = Arc::new(connection).for_request("side-by-side");
        let role = client.realm_role(&realm.tag_role).await.expect("Keycloak").expect("the tag role");
        Self { client, role }
    }

    pub async fn life(&self, person: &Person, times: &mut Times) {
        times.take("lookup, nobody", self.found(person, 0)).await;
        let Some(id) = times.take("create", self.create(person)).await else { return };
        times.take("get", told(self.client.user(&id))).await;
        times.take("lookup, found", self.found(person, 1)).await;
        times.take("update", self.write(person, &id, "Barbara", true)).await;
        let deactivate = async {
            self.write(person, &id, "Barbara", false).await?;
            told(self.client.logout(&id)).await
        };
        times.take("deactivate", deactivate).await;
        times.take("reactivate", self.write(person, &id, "Barbara", true)).await;
        times.take("delete", told(self.client.delete_user(&id))).await;
    }

    async fn create(&self, person: &Person) -> Result<UserId, String> {
        let id = told(self.client.create_user(&user(person, "Babs", true))).await?;
        told(self.client.map_realm_role(&id, &self.role)).await?;
        Ok(id)
    }

    /// Reads, then writes: what a user has besides must survive.
    async fn write(&self, person: &Person, id: &UserId, first: &str, enabled: bool) -> Result<(), String> {
        told(self.client.user(id)).await?;
        told(self.client.update_user(id, &user(person, first, enabled))).await
    }

    async fn found(&self, person: &Person, count: usize) -> Result<(), String> {
        let query = UserQuery { username: Some(person.name.clone()), ..UserQuery::default() };
        let found = told(self.client.users(&query)).await?.len();
        if found == count { Ok(()) } else { Err(format!("finds {found}")) }
    }
}

fn user(person: &Person, first: &str, enabled: bool) -> UserRepresentation {
    UserRepresentation {
        username: Some(person.name.clone()),
        email: Some(person.name.clone()),
        first_name: Some(first.into()),
        last_name: Some("Jensen".into()),
        enabled: Some(enabled),
        attributes: Some(BTreeMap::from([("displayName".into(), vec!["Babs".into()])])),
        ..UserRepresentation::default()
    }
}

pub async fn told<T>(call: impl Future<Output = keycloak::Result<T>>) -> Result<T, String> {
    call.await.map_err(|error| error.to_string())
}
