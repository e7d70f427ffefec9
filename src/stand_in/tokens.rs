//! The token endpoint: who gets which token, and what is refused in OAuth's words.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::AUTHORIZATION;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value, json};

use super::answer::Answer;
use super::profile::Profile;
use super::realms::MASTER;
use super::request::Request;
use super::state::{Client, Realm, User};

/// How long a refresh token lives, in seconds.
const REFRESH_LIFE: i64 = 1800;

/// How long an access token lives where nothing is said, in seconds.
const LIFE: i64 = 60;

/// `{"error": …, "error_description": …}`, as RFC 6749 section 5.2 has it.
pub(super) fn oauth_error(status: u16, error: &str, description: &str) -> Answer {
    Answer { status, location: None, body: Some(json!({ "error": error, "error_description": description })) }
}

/// What a client says of itself, by HTTP Basic or in the form.
struct Credentials {
    client_id: Option<String>,
    secret: Option<SecretString>,
}

impl Credentials {
    fn of(request: &Request, form: &Form) -> Self {
        Self::basic(request).unwrap_or_else(|| Self {
            client_id: form.get("client_id").map(str::to_owned),
            secret: form.get("client_secret").map(Into::into),
        })
    }

    /// RFC 6749 section 2.3.1: both parts are form-encoded.
    fn basic(request: &Request) -> Option<Self> {
        let value = request.headers.get(AUTHORIZATION)?.to_str().ok()?;
        let (scheme, encoded) = value.split_once(' ')?;
        if !scheme.eq_ignore_ascii_case("basic") {
            return None;
        }
        let decoded = String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?;
        let (id, secret) = decoded.split_once(':')?;
        let plain = |part: &str| {
            form_urlencoded::parse(part.replace('=', "%3D").replace('&', "%26").as_bytes())
                .next()
                .map(|(key, _)| key.into_owned())
                .unwrap_or_default()
        };
        Some(Self { client_id: Some(plain(id)), secret: Some(plain(secret).into()) })
    }
}

/// A form's fields; of one that is given twice the first counts.
pub(super) struct Form(Vec<(String, String)>);

impl Form {
    pub(super) fn of(request: &Request) -> Self {
        Self(request.form())
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

/// `POST realms/{realm}/protocol/openid-connect/token`.
pub(super) fn token(realm: &mut Realm, request: &Request) -> Result<Answer, Answer> {
    let form = Form::of(request);
    let credentials = Credentials::of(request, &form);
    let client = client(realm, &credentials)?.clone();
    match form.get("grant_type") {
        None => Err(oauth_error(400, "invalid_request", "Missing form parameter: grant_type")),
        Some("client_credentials") => client_credentials(realm, request, &client, &form),
        Some("password") => password(realm, request, &client, &form),
        Some(grant @ ("refresh_token" | "authorization_code")) => {
            Err(Answer::error(501, &format!("the stand-in has no grant {grant}")))
        }
        Some(_) => Err(oauth_error(400, "unsupported_grant_type", "Unsupported grant_type")),
    }
}

/// `GET realms/{realm}/.well-known/openid-configuration`, as far as somebody looks at it.
pub(super) fn discovery(realm: &Realm, request: &Request) -> Answer {
    let issuer = format!("{}/realms/{}", request.base(), realm.name);
    let endpoint = |name: &str| format!("{issuer}/protocol/openid-connect/{name}");
    Answer::ok(json!({
        "issuer": issuer, "token_endpoint": endpoint("token"), "jwks_uri": endpoint("certs"),
        "end_session_endpoint": endpoint("logout"),
    }))
}

/// The client that asks, if it is who it says.
fn client<'a>(realm: &'a Realm, credentials: &Credentials) -> Result<&'a Client, Answer> {
    let wrong = |error| oauth_error(401, error, "Invalid client or Invalid client credentials");
    let known = credentials.client_id.as_deref().and_then(|id| realm.client(id));
    let client = known.filter(|client| client.is_on("enabled")).ok_or_else(|| wrong("invalid_client"))?;
    if client.is_on("publicClient") {
        return Ok(client);
    }
    let right = match (&client.secret, &credentials.secret) {
        (Some(right), Some(said)) => right.expose_secret() == said.expose_secret(),
        _ => false,
    };
    if right { Ok(client) } else { Err(wrong("unauthorized_client")) }
}

fn client_credentials(
    realm: &Realm,
    request: &Request,
    client: &Client,
    form: &Form,
) -> Result<Answer, Answer> {
    let refused = |why| Err(oauth_error(401, "unauthorized_client", why));
    if client.is_on("publicClient") {
        return refused("Public client not allowed to retrieve service account");
    }
    let account = realm.users.values().find(|user| user.service_account_of.as_ref() == Some(&client.id));
    let Some(account) = account.filter(|_| client.is_on("serviceAccountsEnabled")) else {
        return refused("Client not enabled to retrieve service account");
    };
    let scope = scope(form)?;
    let life = life(realm, client);
    let mut claims = claims(realm, request, "trrtcc", "Bearer", life);
    claims.extend(object(json!({
        "sub": account.id, "azp": client.client_id, "acr": "1", "scope": scope,
        "email_verified": account.email_verified, "preferred_username": account.username,
        "clientHost": "127.0.0.1", "clientAddress": "127.0.0.1", "client_id": client.client_id,
    })));
    claims.extend(access(realm, client, account));
    let token = sign(realm, claims)?;
    Ok(Answer::ok(json!({
        "access_token": token, "expires_in": life, "refresh_expires_in": 0, "token_type": "Bearer",
        "not-before-policy": 0, "scope": scope,
    })))
}

fn password(realm: &mut Realm, request: &Request, client: &Client, form: &Form) -> Result<Answer, Answer> {
    let refused = |status, error, why| Err(oauth_error(status, error, why));
    if !client.is_on("directAccessGrantsEnabled") {
        return refused(400, "unauthorized_client", "Client not allowed for direct access grants");
    }
    let username = form.get("username").unwrap_or_default().to_lowercase();
    let said = form.get("password").unwrap_or_default();
    let by_email = realm.is_on("loginWithEmailAllowed");
    let user = realm
        .users
        .values()
        .find(|user| user.username == username || (by_email && user.email.as_ref() == Some(&username)));
    let right = user.filter(|user| user.password.as_ref().is_some_and(|right| right.expose_secret() == said));
    let Some(user) = right.cloned() else {
        return refused(400, "invalid_grant", "Invalid user credentials");
    };
    if !user.enabled {
        return refused(400, "invalid_grant", "Account disabled");
    }
    // Of the first administrator of `master` nothing is asked.
    let is_complete = realm.name == MASTER || Profile::of(realm)?.is_satisfied_by(&user);
    if !is_complete || !user.required_actions.is_empty() {
        return refused(400, "invalid_grant", "Account is not fully set up");
    }
    let scope = scope(form)?;
    let session = realm.ids.next();
    let life = life(realm, client);
    let mut access_claims = claims(realm, request, "onrtro", "Bearer", life);
    access_claims.extend(object(json!({
        "sub": user.id, "azp": client.client_id, "sid": session, "acr": "1", "scope": scope,
        "email_verified": user.email_verified, "preferred_username": user.username,
    })));
    access_claims.extend(access(realm, client, &user));
    let mut refresh_claims = claims(realm, request, "onrtro", "Refresh", REFRESH_LIFE);
    refresh_claims.extend(object(json!({
        "sub": user.id, "azp": client.client_id, "sid": session, "scope": scope,
    })));
    let (access_token, refresh_token) = (sign(realm, access_claims)?, sign(realm, refresh_claims)?);
    realm.sessions.insert(session.clone(), user.id);
    Ok(Answer::ok(json!({
        "access_token": access_token, "expires_in": life, "refresh_expires_in": REFRESH_LIFE,
        "refresh_token": refresh_token, "token_type": "Bearer", "not-before-policy": 0,
        "session_state": session, "scope": scope,
    })))
}

/// The scopes that are given: those of every client.
fn scope(form: &Form) -> Result<&'static str, Answer> {
    match form.get("scope").unwrap_or_default() {
        "" => Ok("profile email"),
        "openid" => Err(Answer::error(501, "the stand-in has no ID tokens")),
        "offline_access" => Err(Answer::error(501, "the stand-in has no offline tokens")),
        unknown => Err(oauth_error(400, "invalid_scope", &format!("Invalid scopes: {unknown}"))),
    }
}

/// How long an access token lives, in seconds.
fn life(realm: &Realm, client: &Client) -> i64 {
    let of_client = client.settings.get("attributes").and_then(|all| all.get("access.token.lifespan"));
    let of_client = of_client.and_then(Value::as_str).and_then(|text| text.parse().ok());
    let of_realm = || realm.settings.get("accessTokenLifespan").and_then(Value::as_i64);
    of_client.or_else(of_realm).unwrap_or(LIFE)
}

/// The claims that every token has.
fn claims(realm: &Realm, request: &Request, id_prefix: &str, kind: &str, life: i64) -> Map<String, Value> {
    let now = super::now_seconds();
    object(json!({
        "exp": now + life, "iat": now, "jti": format!("{id_prefix}:{}", realm.ids.next()),
        "iss": format!("{}/realms/{}", request.base(), realm.name), "typ": kind,
    }))
}

/// The roles, as tokens show them; a claim that would be empty is left out. A service account's token is for the client
/// `account`, if only a role of that one's is in it.
fn access(realm: &Realm, client: &Client, user: &User) -> Map<String, Value> {
    let mut of_realm = Vec::new();
    let mut of_clients = Map::new();
    for role in realm.roles_through(client, user).iter().filter_map(|id| realm.roles.get(id)) {
        match role.client.as_ref().and_then(|id| realm.clients.get(id)) {
            None => of_realm.push(Value::from(role.name.clone())),
            Some(client) => {
                let entry =
                    of_clients.entry(client.client_id.clone()).or_insert_with(|| json!({ "roles": [] }));
                if let Some(roles) = entry.get_mut("roles").and_then(Value::as_array_mut) {
                    roles.push(role.name.clone().into());
                }
            }
        }
    }
    let mut access = Map::new();
    if user.service_account_of.is_some() && of_clients.contains_key("account") {
        access.insert("aud".to_owned(), "account".into());
    }
    if !of_realm.is_empty() {
        access.insert("realm_access".to_owned(), json!({ "roles": of_realm }));
    }
    if !of_clients.is_empty() {
        access.insert("resource_access".to_owned(), of_clients.into());
    }
    access
}

fn sign(realm: &Realm, claims: Map<String, Value>) -> Result<String, Answer> {
    realm.keys.sign(&claims.into()).ok_or_else(|| Answer::error(500, "the stand-in can't sign"))
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(object) => object,
        _ => Map::new(),
    }
}
