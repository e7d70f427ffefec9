//! Clients: the endpoints that make, read and change them, their secrets, service accounts and mappers.

use aws_lc_rs::rand;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value, json};

use super::answer::Answer;
use super::request::Request;
use super::settings;
use super::state::{Client, Realm, User};

/// The client scopes that every client has.
const SCOPES: [&str; 6] = ["web-origins", "acr", "profile", "roles", "basic", "email"];

/// The scope that clients with a service account have besides: it brings the claim `client_id`.
const SERVICE_ACCOUNT_SCOPE: &str = "service_account";

/// The fields of a client that says nothing of them.
pub(super) fn default_settings() -> Map<String, Value> {
    let settings = json!({
        "surrogateAuthRequired": false, "enabled": true, "alwaysDisplayInConsole": false,
        "clientAuthenticatorType": "client-secret", "redirectUris": [], "webOrigins": [], "notBefore": 0,
        "bearerOnly": false, "consentRequired": false, "standardFlowEnabled": true, "implicitFlowEnabled": false,
        "directAccessGrantsEnabled": false, "serviceAccountsEnabled": false, "publicClient": false,
        "frontchannelLogout": false, "protocol": "openid-connect", "attributes": {},
        "authenticationFlowBindingOverrides": {}, "fullScopeAllowed": true, "nodeReRegistrationTimeout": -1,
        "defaultClientScopes": SCOPES,
    });
    settings.as_object().cloned().unwrap_or_default()
}

/// The client with this id.
///
/// # Errors
/// Keycloak's 404.
pub(super) fn with_id<'a>(realm: &'a Realm, id: &str) -> Result<&'a Client, Answer> {
    realm.clients.get(id).ok_or_else(not_found)
}

fn not_found() -> Answer {
    Answer::error(404, "Could not find client")
}

fn representation(client: &Client) -> Value {
    let mut shown = Map::new();
    shown.insert("id".to_owned(), client.id.clone().into());
    shown.insert("clientId".to_owned(), client.client_id.clone().into());
    shown.extend(client.settings.clone());
    if let Some(secret) = client.secret.as_ref().filter(|_| has_secret(client)) {
        shown.insert("secret".to_owned(), secret.expose_secret().into());
    }
    if !client.mappers.is_empty() {
        shown.insert("protocolMappers".to_owned(), client.mappers.clone().into());
    }
    shown.insert("access".to_owned(), json!({ "view": true, "configure": true, "manage": true }));
    shown.into()
}

fn has_secret(client: &Client) -> bool {
    !client.is_on("publicClient") && !client.is_on("bearerOnly")
}

/// `GET clients`, by `clientId` in its exact letters.
pub(super) fn list(realm: &Realm, request: &Request) -> Result<Answer, Answer> {
    if ["search", "q", "viewableOnly"].iter().any(|name| request.parameter(name).is_some()) {
        return Err(Answer::error(501, "the stand-in finds clients by clientId only"));
    }
    let wanted = request.parameter("clientId");
    let mut clients: Vec<&Client> =
        realm.clients.values().filter(|client| wanted.is_none_or(|id| id == client.client_id)).collect();
    clients.sort_by(|one, other| one.client_id.cmp(&other.client_id));
    let number = |name: &str| request.parameter(name).and_then(|text| text.parse::<usize>().ok());
    let page =
        clients.into_iter().skip(number("first").unwrap_or(0)).take(number("max").unwrap_or(usize::MAX));
    Ok(Answer::ok(page.map(representation).collect::<Vec<_>>()))
}

/// `GET clients/{client}`.
pub(super) fn read(realm: &Realm, id: &str) -> Result<Answer, Answer> {
    Ok(Answer::ok(representation(with_id(realm, id)?)))
}

/// `POST clients`.
pub(super) fn create(realm: &mut Realm, request: &Request) -> Result<Answer, Answer> {
    let sent = object(request)?;
    let id = realm.ids.next();
    let client_id = sent.get("clientId").and_then(Value::as_str).unwrap_or(&id).to_owned();
    if realm.client(&client_id).is_some() {
        return Err(Answer::error_message(409, &format!("Client {client_id} already exists")));
    }
    settings::check_client(&sent, &default_settings())?;
    let mut client = Client { id: id.clone(), client_id, settings: default_settings(), ..Client::default() };
    write(&mut client, sent);
    if client.secret.is_none() && has_secret(&client) {
        client.secret = Some(new_secret()?);
    }
    realm.clients.insert(id.clone(), client);
    settle_service_account(realm, &id);
    Ok(Answer::created(format!("{}/admin/realms/{}/clients/{id}", request.base(), realm.name)))
}

/// `PUT clients/{client}`: changes what it names.
pub(super) fn update(realm: &mut Realm, request: &Request, id: &str) -> Result<Answer, Answer> {
    with_id(realm, id)?;
    let sent = object(request)?;
    let wanted = sent.get("clientId").and_then(Value::as_str);
    if let Some(holder) = wanted.and_then(|wanted| realm.client(wanted))
        && holder.id != id
    {
        let body = json!({ "error": "conflict", "error_description": "Duplicate resource error" });
        return Err(Answer { status: 409, location: None, body: Some(body) });
    }
    if let Some(client) = realm.clients.get_mut(id) {
        // What Keycloak's own clients are by birth, they stay.
        let mut new = default_settings();
        new.insert("bearerOnly".to_owned(), client.is_on("bearerOnly").into());
        settings::check_client(&sent, &new)?;
        write(client, sent);
    }
    settle_service_account(realm, id);
    Ok(Answer::no_content())
}

/// `DELETE clients/{client}`: its service account and its roles go as well.
pub(super) fn delete(realm: &mut Realm, id: &str) -> Result<Answer, Answer> {
    realm.clients.remove(id).ok_or_else(not_found)?;
    remove_service_account(realm, id);
    realm.roles.retain(|_, role| role.client.as_deref() != Some(id));
    Ok(Answer::no_content())
}

fn object(request: &Request) -> Result<Map<String, Value>, Answer> {
    match request.json()? {
        Value::Object(sent) => Ok(sent),
        _ => Err(Answer::error(400, "unable to read contents from stream")),
    }
}

fn write(client: &mut Client, sent: Map<String, Value>) {
    for (key, value) in sent {
        match (key.as_str(), value) {
            (_, Value::Null) | ("id" | "access", _) => {}
            ("clientId", Value::String(id)) => client.client_id = id,
            ("secret", Value::String(secret)) => client.secret = Some(secret.into()),
            ("protocolMappers", Value::Array(mappers)) => client.mappers = mappers,
            ("attributes", Value::Object(sent)) => {
                // Attributes add to those that are there.
                let kept = client.settings.entry("attributes").or_insert_with(|| json!({}));
                if let Some(kept) = kept.as_object_mut() {
                    kept.extend(sent);
                }
            }
            (_, value) => {
                client.settings.insert(key, value);
            }
        }
    }
}

/// A service account comes and goes with the setting.
fn settle_service_account(realm: &mut Realm, id: &str) {
    let Some(client) = realm.clients.get_mut(id) else {
        return;
    };
    if client.is_on("serviceAccountsEnabled") {
        if let Some(scopes) = client.settings.get_mut("defaultClientScopes").and_then(Value::as_array_mut)
            && !scopes.iter().any(|scope| scope == SERVICE_ACCOUNT_SCOPE)
        {
            scopes.push(SERVICE_ACCOUNT_SCOPE.into());
        }
        let username = format!("service-account-{}", client.client_id.to_lowercase());
        if service_account(realm, id).is_none() {
            let mut user = realm.person(username);
            user.service_account_of = Some(id.to_owned());
            realm.users.insert(user.id.clone(), user);
        }
    } else {
        remove_service_account(realm, id);
    }
}

fn remove_service_account(realm: &mut Realm, id: &str) {
    if let Some(account) = service_account(realm, id).map(|user| user.id.clone()) {
        realm.remove_user(&account);
    }
}

/// The user that stands for the client with this id.
pub(super) fn service_account<'a>(realm: &'a Realm, id: &str) -> Option<&'a User> {
    realm.users.values().find(|user| user.service_account_of.as_deref() == Some(id))
}

/// The id of the user that stands for the client.
///
/// # Errors
/// Keycloak's answers where there is none.
pub(super) fn service_account_id(realm: &Realm, id: &str) -> Result<String, Answer> {
    let client = with_id(realm, id)?;
    let account = service_account(realm, id).map(|user| user.id.clone());
    account.ok_or_else(|| {
        let none = format!("Service account not enabled for the client '{}'", client.client_id);
        Answer::error(400, &none)
    })
}

/// `GET clients/{client}/client-secret`.
pub(super) fn secret(realm: &Realm, id: &str) -> Result<Answer, Answer> {
    let client = with_id(realm, id)?;
    let secret = client.secret.as_ref().filter(|_| has_secret(client));
    Ok(Answer::ok(match secret {
        Some(secret) => json!({ "type": "secret", "value": secret.expose_secret() }),
        None => json!({ "type": "secret" }),
    }))
}

fn new_secret() -> Result<SecretString, Answer> {
    let mut bits = [0_u8; 24];
    rand::fill(&mut bits).map_err(|_| Answer::error(500, "the stand-in has no randomness"))?;
    Ok(URL_SAFE_NO_PAD.encode(bits).into())
}

/// `GET clients/{client}/protocol-mappers/models`.
pub(super) fn mappers(realm: &Realm, id: &str) -> Result<Answer, Answer> {
    Ok(Answer::ok(with_id(realm, id)?.mappers.clone()))
}

/// `POST clients/{client}/protocol-mappers/models`. What a mapper does to tokens is not stood in for.
pub(super) fn add_mapper(realm: &mut Realm, request: &Request, id: &str) -> Result<Answer, Answer> {
    with_id(realm, id)?;
    let mut mapper = object(request)?;
    let mapper_id = realm.ids.next();
    let location = format!(
        "{}/admin/realms/{}/clients/{id}/protocol-mappers/models/{mapper_id}",
        request.base(),
        realm.name
    );
    let client = realm.clients.get_mut(id).ok_or_else(not_found)?;
    if client.mappers.iter().any(|other| other.get("name") == mapper.get("name")) {
        return Err(Answer::error_message(409, "Protocol mapper exists with same name"));
    }
    mapper.insert("id".to_owned(), mapper_id.into());
    client.mappers.push(mapper.into());
    Ok(Answer::created(location))
}
