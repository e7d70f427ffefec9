//! The tests' own way to Keycloak, past the gateway: they prepare realms with it and look at what really came of a request.

use std::sync::Arc;
use std::time::{Duration, Instant};

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::sync::{Mutex, OnceCell};

use crate::backing::{self, Backing};
use crate::keycloak::{self, ADMIN_PASSWORD, ADMIN_USER};
use crate::runner::say;
use crate::tenant::{self, Tenant};

/// The alias of the organization that trials call for.
pub const ORGANIZATION: &str = "contoso";

/// An administrator of the whole Keycloak.
#[derive(Clone, Debug)]
pub struct Admin {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    url: String,
    client: reqwest::Client,
    token: Mutex<Option<(String, Instant)>>,
}

/// The administrator of the trial's [`Backing`], which is started if it doesn't run yet.
pub async fn admin() -> Admin {
    static KEYCLOAK: OnceCell<Admin> = OnceCell::const_new();
    static STAND_IN: OnceCell<Admin> = OnceCell::const_new();
    match backing::current() {
        Backing::Keycloak => {
            KEYCLOAK.get_or_init(|| async { Admin::new(keycloak::shared().await.url()) }).await.clone()
        }
        Backing::StandIn => {
            STAND_IN.get_or_init(|| async { Admin::new(&backing::stand_in().await.url()) }).await.clone()
        }
    }
}

impl Admin {
    /// Of the Keycloak at this URL.
    pub fn new(url: &str) -> Self {
        let client = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(Duration::from_secs(60))
            .build()
            .expect("an HTTP client");
        Self { inner: Arc::new(Inner { url: url.to_owned(), client, token: Mutex::new(None) }) }
    }

    /// Keycloak's URL, without a slash at the end.
    pub fn url(&self) -> &str {
        &self.inner.url
    }

    /// An access token for Admin REST, good for at least ten seconds more.
    pub async fn token(&self) -> String {
        let mut cached = self.inner.token.lock().await;
        if let Some((token, until)) = cached.as_ref()
            && Instant::now() < *until
        {
            return token.clone();
        }
        let asked = Instant::now();
        let answer = self
            .tokens(
                "master",
                &[
                    ("grant_type", "password"),
                    ("client_id", "admin-cli"),
                    ("username", ADMIN_USER),
                    ("password", ADMIN_PASSWORD),
                ],
            )
            .await
            .unwrap_or_else(|refused| panic!("no token for the administrator: {refused:?}"));
        let lives = Duration::from_secs(answer.expires_in.saturating_sub(10));
        *cached = Some((answer.access_token.clone(), asked + lives));
        answer.access_token
    }

    /// Asks a realm's token endpoint with this form.
    pub async fn tokens(&self, realm: &str, form: &[(&str, &str)]) -> Result<Tokens, Refused> {
        let url = format!("{}/realms/{realm}/protocol/openid-connect/token", self.inner.url);
        let answer = self.inner.client.post(&url).form(form).send().await;
        let answer = answer.unwrap_or_else(|error| panic!("POST {url}: {error:?}"));
        let status = answer.status().as_u16();
        let body: Value = answer.json().await.unwrap_or_default();
        let text = |key: &str| body[key].as_str().map(str::to_owned);
        match text("access_token") {
            Some(access_token) => Ok(Tokens {
                access_token,
                refresh_token: text("refresh_token"),
                id_token: text("id_token"),
                expires_in: body["expires_in"].as_u64().unwrap_or_default(),
            }),
            None => Err(Refused {
                status,
                error: text("error").unwrap_or_default(),
                description: text("error_description").unwrap_or_default(),
            }),
        }
    }

    /// Calls `/admin/realms{path}`; gives status, `Location`'s last segment and body.
    pub async fn call(&self, method: Method, path: &str, body: Option<&Value>) -> AdminAnswer {
        let call = async || {
            let answer = self.try_call(method.clone(), path, body).await;
            answer.unwrap_or_else(|error| panic!("{method} {path}: {error:?}"))
        };
        let mut answer = call().await;
        // Making or deleting a realm changes the administrator's roles, and of two calls that look at such a role for the
        // first time, one may find its cache half filled (a NullPointerException in Keycloak's DefaultLazyLoader).
        // That is before anything was done. On the stand-in a 500 is always meant.
        for _ in 0..3 {
            let is_failure = answer.status == StatusCode::INTERNAL_SERVER_ERROR;
            if !is_failure || backing::current() != Backing::Keycloak {
                break;
            }
            say(&format!("{method} {path} is called again after a 500 of Keycloak's: {}", answer.body));
            tokio::time::sleep(Duration::from_millis(50)).await;
            answer = call().await;
        }
        answer
    }

    async fn try_call(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<AdminAnswer, reqwest::Error> {
        let url = format!("{}/admin/realms{path}", self.inner.url);
        let token = self.token().await;
        let mut request = self.inner.client.request(method.clone(), &url);
        request = request.bearer_auth(token);
        if let Some(body) = body {
            request = request.json(body);
        }
        let answer = request.send().await?;
        let status = answer.status();
        let created = answer
            .headers()
            .get("location")
            .and_then(|location| Some(location.to_str().ok()?.rsplit_once('/')?.1.to_owned()));
        let text = answer.text().await.unwrap_or_default();
        Ok(AdminAnswer {
            call: format!("{method} {url}"),
            status,
            created,
            body: serde_json::from_str(&text).unwrap_or(Value::String(text)),
        })
    }

    /// A new realm, whose name is the stem and something unique; no `_` in it, since Okta refuses that in a base URL.
    /// Its keys are ES256: RSA keys cost most of a realm's making.
    pub async fn create_realm(&self, stem: &str) -> Realm {
        self.create_realm_with(stem, json!({})).await
    }

    /// A new realm with these further fields of Keycloak's RealmRepresentation.
    pub async fn create_realm_with(&self, stem: &str, fields: Value) -> Realm {
        assert!(!stem.contains('_'), "no _ in a realm's name: {stem}");
        let unique = uuid::Uuid::new_v4().simple().to_string();
        let name = format!("{stem}-{}", &unique[..8]);
        let key = |provider: &str, config: Value| json!({ "name": provider, "providerId": provider, "config": config });
        let mut realm = json!({
            "realm": name,
            "enabled": true,
            "defaultSignatureAlgorithm": "ES256",
            "components": { "org.keycloak.keys.KeyProvider": [
                key("ecdsa-generated", json!({ "priority": ["100"], "ecdsaEllipticCurveKey": ["P-256"] })),
                key("hmac-generated", json!({ "priority": ["100"], "algorithm": ["HS512"] })),
                key("aes-generated", json!({ "priority": ["100"] })),
            ] },
        });
        for (field, value) in fields.as_object().expect("an object of fields") {
            realm[field] = value.clone();
        }
        self.call(Method::POST, "", Some(&realm)).await.expect(201);
        let mut realm = Realm { admin: self.clone(), name, delete: true, organization: None };
        if tenant::current() == Tenant::Organization {
            realm.put("", &json!({ "organizationsEnabled": true })).await;
            realm.organization = Some(realm.create_organization(ORGANIZATION).await);
        }
        realm
    }

    /// A realm that somebody else made and removes.
    pub fn realm(&self, name: &str) -> Realm {
        Realm { admin: self.clone(), name: name.to_owned(), delete: false, organization: None }
    }
}

/// What Admin REST answered.
#[derive(Clone, Debug)]
pub struct AdminAnswer {
    call: String,
    pub status: StatusCode,
    /// The id in `Location`, after a creation.
    pub created: Option<String>,
    /// JSON, or a string where it is none.
    pub body: Value,
}

impl AdminAnswer {
    /// Itself, if it has this status.
    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status.as_u16(), status, "{} answered {}: {}", self.call, self.status, self.body);
        self
    }

    /// Itself, if it is a success.
    #[track_caller]
    pub fn ok(self) -> Self {
        assert!(self.status.is_success(), "{} answered {}: {}", self.call, self.status, self.body);
        self
    }
}

/// What a token endpoint gave.
#[derive(Clone, Debug)]
pub struct Tokens {
    pub access_token: String,
    pub refresh_token: Option<String>,
    pub id_token: Option<String>,
    /// The access token's life in seconds.
    pub expires_in: u64,
}

/// What a token endpoint refused, in OAuth's words.
#[derive(Clone, Debug)]
pub struct Refused {
    pub status: u16,
    pub error: String,
    pub description: String,
}

/// One realm. A created one is deleted when this is dropped.
#[derive(Debug)]
pub struct Realm {
    admin: Admin,
    name: String,
    delete: bool,
    /// The id of the organization that the trial's callers call for.
    organization: Option<String>,
}

impl Realm {
    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn admin(&self) -> &Admin {
        &self.admin
    }

    /// The id of [`ORGANIZATION`], where the trial's callers call for it.
    pub fn organization(&self) -> Option<&str> {
        self.organization.as_deref()
    }

    /// How the users and groups of the trial's tenant are marked.
    pub fn index(&self) -> String {
        self.organization.as_ref().map_or("realm".to_owned(), |id| format!("org:{id}"))
    }

    /// By which the values of the caller `okta` are kept.
    pub fn okta(&self) -> String {
        self.organization.as_ref().map_or("okta".to_owned(), |id| format!("{id}:okta"))
    }

    /// Keycloak's URL, without a slash at the end.
    pub fn keycloak(&self) -> &str {
        self.admin.url()
    }

    /// `{Keycloak}/realms/{name}`, the issuer of its tokens.
    pub fn issuer(&self) -> String {
        format!("{}/realms/{}", self.admin.url(), self.name)
    }

    /// Calls `/admin/realms/{name}{path}`, whatever the answer.
    pub async fn call(&self, method: Method, path: &str, body: Option<&Value>) -> AdminAnswer {
        let path = format!("/{}{path}", self.name);
        self.admin.call(method, &path, body).await
    }

    /// GET beneath the realm (`/users?…`, or nothing for the realm itself); must succeed.
    pub async fn get(&self, path: &str) -> Value {
        self.call(Method::GET, path, None).await.ok().body
    }

    /// POST; must succeed. Gives the id of what was created (empty where Keycloak names none).
    pub async fn post(&self, path: &str, body: &Value) -> String {
        let answer = self.call(Method::POST, path, Some(body)).await.ok();
        answer.created.unwrap_or_default()
    }

    /// PUT; must succeed.
    pub async fn put(&self, path: &str, body: &Value) {
        self.call(Method::PUT, path, Some(body)).await.ok();
    }

    /// DELETE; must succeed.
    pub async fn delete(&self, path: &str) {
        self.call(Method::DELETE, path, None).await.ok();
    }

    /// Creates a user from Keycloak's UserRepresentation; gives its id.
    pub async fn create_user(&self, user: &Value) -> String {
        self.post("/users", user).await
    }

    /// The user as Keycloak has it, `None` when there is none.
    pub async fn user(&self, id: &str) -> Option<Value> {
        let answer = self.call(Method::GET, &format!("/users/{id}"), None).await;
        (answer.status != StatusCode::NOT_FOUND).then(|| answer.ok().body)
    }

    /// The user with exactly this username (Keycloak keeps them in lower case).
    pub async fn user_by_username(&self, username: &str) -> Option<Value> {
        let query = form_urlencoded::Serializer::new(String::new())
            .append_pair("username", &username.to_lowercase())
            .append_pair("exact", "true")
            .finish();
        let found = self.get(&format!("/users?{query}")).await;
        let id = found[0]["id"].as_str()?;
        self.user(id).await
    }

    /// Names of the realm roles that are mapped to the user directly.
    pub async fn user_role_names(&self, id: &str) -> Vec<String> {
        let roles = self.get(&format!("/users/{id}/role-mappings/realm")).await;
        let roles = roles.as_array().cloned().unwrap_or_default();
        let mut names: Vec<String> =
            roles.iter().filter_map(|role| role["name"].as_str().map(str::to_owned)).collect();
        names.sort();
        names
    }

    /// The user's credentials: passwords and the like, without their secrets.
    pub async fn user_credentials(&self, id: &str) -> Vec<Value> {
        let credentials = self.get(&format!("/users/{id}/credentials")).await;
        credentials.as_array().cloned().unwrap_or_default()
    }

    /// The user's sessions, offline ones not among them.
    pub async fn user_sessions(&self, id: &str) -> Vec<Value> {
        let sessions = self.get(&format!("/users/{id}/sessions")).await;
        sessions.as_array().cloned().unwrap_or_default()
    }

    /// The user's offline sessions with the client of this `clientId`.
    pub async fn user_offline_sessions(&self, id: &str, client_id: &str) -> Vec<Value> {
        let client = self.client_uuid(client_id).await;
        let sessions = self.get(&format!("/users/{id}/offline-sessions/{client}")).await;
        sessions.as_array().cloned().unwrap_or_default()
    }

    /// Keycloak's id of the client that calls itself `client_id`.
    pub async fn client_uuid(&self, client_id: &str) -> String {
        let found = self.get(&format!("/clients?clientId={client_id}")).await;
        match found[0]["id"].as_str() {
            Some(id) => id.to_owned(),
            None => panic!("no client {client_id} in {}", self.name),
        }
    }

    /// Creates an organization with this name, which is its alias too; gives its id. The realm needs
    /// `organizationsEnabled`.
    pub async fn create_organization(&self, name: &str) -> String {
        self.post("/organizations", &json!({ "name": name })).await
    }

    /// Makes the user a member of the organization.
    pub async fn add_member(&self, organization: &str, user: &str) {
        self.post(&format!("/organizations/{organization}/members"), &json!(user)).await;
    }

    /// Ends the user's membership.
    pub async fn remove_member(&self, organization: &str, user: &str) {
        self.delete(&format!("/organizations/{organization}/members/{user}")).await;
    }

    /// The organization's members, by username.
    pub async fn member_names(&self, organization: &str) -> Vec<String> {
        let members = self.get(&format!("/organizations/{organization}/members?max=1000")).await;
        let members = members.as_array().cloned().unwrap_or_default();
        members.iter().filter_map(|member| member["username"].as_str().map(str::to_owned)).collect()
    }

    /// Creates a realm role.
    pub async fn create_role(&self, name: &str) {
        self.post("/roles", &json!({ "name": name })).await;
    }

    /// Makes the user one of the trial's tenant, as an administrator does by hand.
    pub async fn manage(&self, user: &str) {
        if let Some(organization) = &self.organization {
            self.add_member(organization, user).await;
        }
        self.map_role(user, "scim-managed").await;
    }

    /// Maps a realm role to the user, as an administrator does by hand.
    pub async fn map_role(&self, user: &str, role: &str) {
        self.role_mapping(Method::POST, user, role).await;
    }

    /// Takes a realm role from the user.
    pub async fn unmap_role(&self, user: &str, role: &str) {
        self.role_mapping(Method::DELETE, user, role).await;
    }

    async fn role_mapping(&self, method: Method, user: &str, role: &str) {
        let role = self.get(&format!("/roles/{role}")).await;
        let path = format!("/users/{user}/role-mappings/realm");
        self.call(method, &path, Some(&json!([role]))).await.ok();
    }

    /// Gives the user a password that need not be changed.
    pub async fn set_password(&self, user: &str, password: &str) {
        self.put(
            &format!("/users/{user}/reset-password"),
            &json!({ "type": "password", "value": password, "temporary": false }),
        )
        .await;
    }

    /// A public client that people log in to with their password ([`Realm::log_in`]).
    pub async fn public_client(&self, client_id: &str) {
        self.post(
            "/clients",
            &json!({
                "clientId": client_id, "publicClient": true,
                "directAccessGrantsEnabled": true, "standardFlowEnabled": false,
            }),
        )
        .await;
    }

    /// Logs a person in by the password grant; `scope` may be empty, or `offline_access`, or `openid`.
    ///
    /// Keycloak refuses who has no e-mail, first or last name ("Account is not fully set up").
    pub async fn log_in(
        &self,
        client_id: &str,
        username: &str,
        password: &str,
        scope: &str,
    ) -> Result<Tokens, Refused> {
        let mut form = vec![
            ("grant_type", "password"),
            ("client_id", client_id),
            ("username", username),
            ("password", password),
        ];
        if !scope.is_empty() {
            form.push(("scope", scope));
        }
        self.admin.tokens(&self.name, &form).await
    }

    /// Uses a refresh token (an offline one too).
    pub async fn refresh(&self, client_id: &str, refresh_token: &str) -> Result<Tokens, Refused> {
        let form =
            [("grant_type", "refresh_token"), ("client_id", client_id), ("refresh_token", refresh_token)];
        self.admin.tokens(&self.name, &form).await
    }
}

impl Drop for Realm {
    fn drop(&mut self) {
        if !self.delete {
            return;
        }
        let admin = self.admin.clone();
        let path = format!("/{}", self.name);
        // Not waited for: it only keeps the shared Keycloak small. At the end of the run all of it goes at once.
        crate::runner::runtime().spawn(async move {
            // An error is the end of the run, which stops Keycloak.
            match admin.try_call(Method::DELETE, &path, None).await {
                Ok(answer) if !answer.status.is_success() => {
                    say(&format!("realm {path} was not deleted: {answer:?}"));
                }
                _ => {}
            }
        });
    }
}
