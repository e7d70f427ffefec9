//! Who has which role: the role mappings of users and of groups, direct and effective.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::answer::Answer;
use super::groups::Scope;
use super::request::Request;
use super::roles::Written;
use super::state::{Realm, Role};
use super::{groups, users};

/// Who has roles, by id.
#[derive(Debug, Clone, Copy)]
pub(super) enum Holder<'a> {
    User(&'a str),
    Group(Scope<'a>, &'a str),
}

/// Whose roles are meant.
#[derive(Debug, Clone, Copy)]
pub(super) enum Of<'a> {
    Realm,
    /// The client with this id.
    Client(&'a str),
}

impl Of<'_> {
    fn owns(self, role: &Role) -> bool {
        match self {
            Self::Realm => role.client.is_none(),
            Self::Client(id) => role.client.as_deref() == Some(id),
        }
    }

    fn check(self, realm: &Realm) -> Result<(), Answer> {
        match self {
            Self::Client(id) if !realm.clients.contains_key(id) => {
                Err(Answer::error(404, "Client not found"))
            }
            _ => Ok(()),
        }
    }
}

fn direct<'a>(realm: &'a Realm, holder: Holder<'_>) -> Result<&'a BTreeSet<String>, Answer> {
    match holder {
        Holder::User(id) => realm.users.get(id).map(|user| &user.roles).ok_or_else(users::not_found),
        Holder::Group(scope, id) => groups::existing(realm, scope, id).map(|group| &group.roles),
    }
}

fn shown(realm: &Realm, ids: &BTreeSet<String>, of: Of<'_>) -> Value {
    realm.role_list(ids.iter().filter_map(|id| realm.roles.get(id)).filter(|role| of.owns(role)))
}

/// `GET …/role-mappings`, of all kinds.
pub(super) fn all(realm: &Realm, holder: Holder<'_>) -> Result<Answer, Answer> {
    let ids = direct(realm, holder)?;
    let mut of_clients = Map::new();
    for client in realm.clients.values() {
        let mappings = shown(realm, ids, Of::Client(&client.id));
        if mappings.as_array().is_some_and(|mappings| !mappings.is_empty()) {
            let entry = json!({ "id": client.id, "client": client.client_id, "mappings": mappings });
            of_clients.insert(client.client_id.clone(), entry);
        }
    }
    let mut all = Map::new();
    let of_realm = shown(realm, ids, Of::Realm);
    if of_realm.as_array().is_some_and(|mappings| !mappings.is_empty()) {
        all.insert("realmMappings".to_owned(), of_realm);
    }
    if !of_clients.is_empty() {
        all.insert("clientMappings".to_owned(), of_clients.into());
    }
    Ok(Answer::ok(all))
}

/// `GET …/role-mappings/realm` and `…/clients/{client}`: direct ones.
pub(super) fn list(realm: &Realm, holder: Holder<'_>, of: Of<'_>) -> Result<Answer, Answer> {
    let ids = direct(realm, holder)?;
    of.check(realm)?;
    Ok(Answer::ok(shown(realm, ids, of)))
}

/// `GET …/role-mappings/…/composite`: those in effect, by composites too, and for a user by groups.
///
/// A group has the realm roles of those it is below among its own, and not their client roles, though its members have.
pub(super) fn effective(realm: &Realm, holder: Holder<'_>, of: Of<'_>) -> Result<Answer, Answer> {
    let own = direct(realm, holder)?;
    of.check(realm)?;
    let roles = match (holder, of) {
        (Holder::User(id), _) => realm.effective_roles(realm.users.get(id).ok_or_else(users::not_found)?),
        (Holder::Group(_, id), Of::Realm) => {
            realm.with_parts(realm.with_ancestors(id).flat_map(|group| &group.roles))
        }
        (Holder::Group(..), Of::Client(_)) => realm.with_parts(own),
    };
    Ok(Answer::ok(shown(realm, &roles, of)))
}

/// `POST` and `DELETE …/role-mappings/…`: roles by id and name, and again without harm.
pub(super) fn change(
    realm: &mut Realm,
    request: &Request,
    holder: Holder<'_>,
    of: Of<'_>,
    add: bool,
) -> Result<Answer, Answer> {
    direct(realm, holder)?;
    of.check(realm)?;
    let mut ids = Vec::new();
    for written in Written::list(request)? {
        let role = written.id.as_ref().and_then(|id| realm.roles.get(id));
        let role = role.filter(|role| of.owns(role) && written.name.as_deref() == Some(&role.name));
        ids.push(role.ok_or_else(|| Answer::error(404, "Role not found"))?.id.clone());
    }
    let Some(held) = (match holder {
        Holder::User(id) => realm.users.get_mut(id).map(|user| &mut user.roles),
        Holder::Group(_, id) => realm.groups.get_mut(id).map(|group| &mut group.roles),
    }) else {
        return Ok(Answer::no_content());
    };
    for id in ids {
        if add {
            held.insert(id);
        } else {
            held.remove(&id);
        }
    }
    Ok(Answer::no_content())
}
