//! Identity providers, and users' links to them. Nobody signs in through one here.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};

use super::answer::Answer;
use super::groups;
use super::request::Request;
use super::state::{Realm, User};
use super::users;

/// The kinds of identity providers that can be made; others would need settings.
const KINDS: [&str; 3] = ["keycloak-oidc", "oidc", "saml"];

/// The longest id and name of a user at an identity provider, in characters.
const LONGEST: usize = 255;

/// An identity provider.
#[derive(Debug, Clone)]
pub(super) struct IdentityProvider {
    id: String,
    kind: String,
    enabled: bool,
}

/// As whom a user signs in at an identity provider.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Identity {
    user_id: Option<String>,
    user_name: Option<String>,
}

/// A user's links, by the aliases of the identity providers, which need not exist.
pub(super) type Identities = BTreeMap<String, Identity>;

/// A link as a client writes one; null is as good as absent.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(super) struct Written {
    identity_provider: Option<String>,
    user_id: Option<String>,
    user_name: Option<String>,
}

impl Written {
    fn identity(self) -> Identity {
        Identity { user_id: self.user_id, user_name: self.user_name }
    }
}

impl Identity {
    fn fits(&self) -> bool {
        let fits = |text: &Option<String>| text.as_ref().is_none_or(|text| text.chars().count() <= LONGEST);
        fits(&self.user_id) && fits(&self.user_name)
    }
}

/// The links that a new user is given.
///
/// # Errors
/// Keycloak's answers to two links to one identity provider, and to one that is too long.
pub(super) fn given(written: Vec<Written>) -> Result<Identities, Answer> {
    let mut identities = Identities::new();
    for mut link in written {
        let Some(alias) = link.identity_provider.take() else {
            return Err(Answer::error(501, "the stand-in takes no link without identityProvider"));
        };
        let identity = link.identity();
        if !identity.fits() {
            return Err(Answer::error_message(400, "Could not create user"));
        }
        if identities.insert(alias, identity).is_some() {
            return Err(Answer::error_message(409, "User exists with same username or email"));
        }
    }
    Ok(identities)
}

/// The user's links to identity providers that the realm has.
pub(super) fn shown(realm: &Realm, user: &User) -> Vec<Value> {
    let known = user.identities.iter().filter(|(alias, _)| realm.identity_providers.contains_key(*alias));
    let shown = known.map(|(alias, identity)| {
        let mut shown = json!({ "identityProvider": alias });
        for (name, value) in [("userId", &identity.user_id), ("userName", &identity.user_name)] {
            if let (Some(value), Some(shown)) = (value, shown.as_object_mut()) {
                shown.insert(name.to_owned(), value.clone().into());
            }
        }
        shown
    });
    shown.collect()
}

/// Whether the user has a link to this identity provider, and where an id is given, as that one.
pub(super) fn is_linked(user: &User, alias: &str, user_id: Option<&str>) -> bool {
    user.identities
        .get(alias)
        .is_some_and(|identity| user_id.is_none_or(|user_id| identity.user_id.as_deref() == Some(user_id)))
}

/// `GET users/{id}/federated-identity`.
pub(super) fn of_user(realm: &Realm, id: &str) -> Result<Answer, Answer> {
    let user = realm.users.get(id).ok_or_else(users::not_found)?;
    Ok(Answer::ok(shown(realm, user)))
}

/// `POST users/{id}/federated-identity/{alias}`: the alias in the body is not looked at.
pub(super) fn link(realm: &mut Realm, request: &Request, id: &str, alias: &str) -> Result<Answer, Answer> {
    let user = realm.users.get_mut(id).ok_or_else(users::not_found)?;
    let written: Written = request.representation("FederatedIdentityRepresentation")?;
    if user.identities.contains_key(alias) && realm.identity_providers.contains_key(alias) {
        return Err(Answer::error_message(409, "User is already linked with provider"));
    }
    let identity = written.identity();
    if !identity.fits() {
        return Err(groups::failure());
    }
    user.identities.insert(alias.to_owned(), identity);
    Ok(Answer::no_content())
}

/// `DELETE users/{id}/federated-identity/{alias}`.
pub(super) fn unlink(realm: &mut Realm, id: &str, alias: &str) -> Result<Answer, Answer> {
    let user = realm.users.get_mut(id).ok_or_else(users::not_found)?;
    match user.identities.remove(alias) {
        Some(_) => Ok(Answer::no_content()),
        None => Err(Answer::error(404, "Link not found")),
    }
}

/// `POST identity-provider/instances`.
pub(super) fn create(realm: &mut Realm, request: &Request) -> Result<Answer, Answer> {
    let sent = request.json()?;
    let text = |name: &str| sent.get(name).and_then(Value::as_str).map(str::to_owned);
    let Some(alias) = text("alias").filter(|alias| !alias.is_empty()) else {
        return Err(Answer::error(501, "the stand-in has no identity provider without alias"));
    };
    if realm.identity_providers.contains_key(&alias) {
        let said = format!("Identity Provider {alias} already exists");
        return Err(Answer::error_message(409, &said));
    }
    let Some(kind) = text("providerId").filter(|kind| KINDS.contains(&kind.as_str())) else {
        let said = format!("the stand-in has no identity providers but {}", KINDS.join(", "));
        return Err(Answer::error(501, &said));
    };
    let enabled = sent.get("enabled").and_then(Value::as_bool).unwrap_or(true);
    let made = IdentityProvider { id: realm.ids.next(), kind, enabled };
    let location =
        format!("{}/admin/realms/{}/identity-provider/instances/{alias}", request.base(), realm.name);
    realm.identity_providers.insert(alias, made);
    Ok(Answer::created(location))
}

/// `GET identity-provider/instances/{alias}`.
pub(super) fn read(realm: &Realm, alias: &str) -> Result<Answer, Answer> {
    let found = realm.identity_providers.get(alias).ok_or_else(nowhere)?;
    Ok(Answer::ok(json!({
        "alias": alias, "internalId": found.id, "providerId": found.kind, "enabled": found.enabled, "config": {},
    })))
}

/// `DELETE identity-provider/instances/{alias}`: all links to it go as well.
pub(super) fn delete(realm: &mut Realm, alias: &str) -> Result<Answer, Answer> {
    realm.identity_providers.remove(alias).ok_or_else(nowhere)?;
    for user in realm.users.values_mut() {
        user.identities.remove(alias);
    }
    Ok(Answer::no_content())
}

fn nowhere() -> Answer {
    Answer::error(404, "HTTP 404 Not Found")
}
