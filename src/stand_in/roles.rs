//! Roles of the realm and of clients: the endpoints that make, read and delete them, and what they bring with them.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::answer::Answer;
use super::request::Request;
use super::state::{Realm, Role};

/// What is encoded in a segment of a path.
const IN_A_SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A `RoleRepresentation` as far as it is written or names a role.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Written {
    pub id: Option<String>,
    pub name: Option<String>,
    description: Option<String>,
}

impl Written {
    /// The roles that a body lists.
    ///
    /// # Errors
    /// Keycloak's 400 where it is no such list.
    pub(super) fn list(request: &Request) -> Result<Vec<Self>, Answer> {
        serde_json::from_slice(&request.body).map_err(|_| {
            let body = json!({ "error": "unknown_error", "error_description": "Cannot parse the JSON" });
            Answer { status: 400, location: None, body: Some(body) }
        })
    }
}

impl Realm {
    /// The `RoleRepresentation` as lists have it.
    pub(super) fn role_representation(&self, role: &Role) -> Value {
        let mut shown = Map::new();
        shown.insert("id".to_owned(), role.id.clone().into());
        shown.insert("name".to_owned(), role.name.clone().into());
        shown.extend(role.description.clone().map(|text| ("description".to_owned(), text.into())));
        shown.insert("composite".to_owned(), (!role.composites.is_empty()).into());
        shown.insert("clientRole".to_owned(), role.client.is_some().into());
        shown.insert("containerId".to_owned(), role.client.as_ref().unwrap_or(&self.id).clone().into());
        shown.into()
    }

    fn whole_representation(&self, role: &Role) -> Value {
        let mut shown = self.role_representation(role);
        if let Some(shown) = shown.as_object_mut() {
            shown.insert("attributes".to_owned(), json!({}));
        }
        shown
    }

    /// These roles, by name.
    pub(super) fn role_list<'a>(&self, roles: impl Iterator<Item = &'a Role>) -> Value {
        let mut roles: Vec<&Role> = roles.collect();
        roles.sort_by(|one, other| one.name.cmp(&other.name));
        roles.into_iter().map(|role| self.role_representation(role)).collect()
    }
}

fn not_found() -> Answer {
    Answer::error(404, "Could not find role")
}

fn named<'a>(realm: &'a Realm, name: &str) -> Result<&'a Role, Answer> {
    realm.realm_role(name).ok_or_else(not_found)
}

/// `GET roles`.
pub(super) fn list(realm: &Realm, request: &Request) -> Result<Answer, Answer> {
    if ["search", "first", "max"].iter().any(|name| request.parameter(name).is_some()) {
        return Err(Answer::error(501, "the stand-in lists all roles only"));
    }
    let mut roles: Vec<&Role> = realm.roles.values().filter(|role| role.client.is_none()).collect();
    roles.sort_by(|one, other| one.name.cmp(&other.name));
    let whole = request.parameter("briefRepresentation") == Some("false");
    let shown = |role| if whole { realm.whole_representation(role) } else { realm.role_representation(role) };
    Ok(Answer::ok(roles.into_iter().map(shown).collect::<Vec<_>>()))
}

/// `POST roles`.
pub(super) fn create(realm: &mut Realm, request: &Request) -> Result<Answer, Answer> {
    let written: Written = request.representation("RoleRepresentation")?;
    let name = written.name.ok_or_else(|| Answer::error(400, "role has no name"))?;
    if realm.realm_role(&name).is_some() {
        return Err(Answer::error_message(409, &format!("Role with name {name} already exists")));
    }
    let encoded = utf8_percent_encode(&name, IN_A_SEGMENT);
    let location = format!("{}/admin/realms/{}/roles/{encoded}", request.base(), realm.name);
    realm.add_role(&name, written.description, None);
    Ok(Answer::created(location))
}

/// `GET roles/{name}`.
pub(super) fn read(realm: &Realm, name: &str) -> Result<Answer, Answer> {
    Ok(Answer::ok(realm.whole_representation(named(realm, name)?)))
}

/// `GET clients/{client}/roles/{name}`.
pub(super) fn read_of_client(realm: &Realm, client: &str, name: &str) -> Result<Answer, Answer> {
    super::clients::with_id(realm, client)?;
    let role = realm.client_role(client, name).ok_or_else(not_found)?;
    Ok(Answer::ok(realm.whole_representation(role)))
}

/// `DELETE roles/{name}`: nobody has it any more.
pub(super) fn delete(realm: &mut Realm, name: &str) -> Result<Answer, Answer> {
    let id = named(realm, name)?.id.clone();
    if realm.default_role().is_some_and(|default| default.id == id) {
        return Err(Answer::error_message(
            400,
            &format!("{name} is default role of the realm and cannot be removed."),
        ));
    }
    realm.roles.remove(&id);
    for role in realm.roles.values_mut() {
        role.composites.remove(&id);
    }
    for user in realm.users.values_mut() {
        user.roles.remove(&id);
    }
    for group in realm.groups.values_mut() {
        group.roles.remove(&id);
    }
    Ok(Answer::no_content())
}

/// `GET roles/{name}/composites`.
pub(super) fn composites(realm: &Realm, name: &str) -> Result<Answer, Answer> {
    Ok(parts(realm, named(realm, name)?))
}

/// `GET roles-by-id/{id}/composites`.
pub(super) fn composites_by_id(realm: &Realm, id: &str) -> Result<Answer, Answer> {
    let role = realm.roles.get(id).ok_or_else(|| Answer::error(404, "Could not find role with id"))?;
    Ok(parts(realm, role))
}

fn parts(realm: &Realm, role: &Role) -> Answer {
    Answer::ok(realm.role_list(role.composites.iter().filter_map(|id| realm.roles.get(id))))
}

/// `POST` and `DELETE roles/{name}/composites`: by id alone, and again without harm.
pub(super) fn change_composites(
    realm: &mut Realm,
    request: &Request,
    name: &str,
    add: bool,
) -> Result<Answer, Answer> {
    let id = named(realm, name)?.id.clone();
    let mut parts = Vec::new();
    for written in Written::list(request)? {
        let known = written.id.filter(|id| realm.roles.contains_key(id));
        parts.push(known.ok_or_else(|| Answer::error(404, "Could not find composite role"))?);
    }
    let role = realm.roles.get_mut(&id).ok_or_else(not_found)?;
    for part in parts {
        if add {
            role.composites.insert(part);
        } else {
            role.composites.remove(&part);
        }
    }
    Ok(Answer::no_content())
}

/// The ids of the users to whom the role is mapped directly, by username, as `GET roles/{name}/users` pages them.
pub(super) fn holders(realm: &Realm, request: &Request, name: &str) -> Result<Vec<String>, Answer> {
    let id = &named(realm, name)?.id;
    let mut users: Vec<_> = realm.users.values().filter(|user| user.roles.contains(id)).collect();
    users.sort_by(|one, other| one.username.cmp(&other.username));
    let number = |name: &str| request.parameter(name).and_then(|text| text.parse::<usize>().ok());
    let page = users.into_iter().skip(number("first").unwrap_or(0)).take(number("max").unwrap_or(100));
    Ok(page.map(|user| user.id.clone()).collect())
}
