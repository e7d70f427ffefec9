//! Groups at the top level, as far as roles come through them, and who is in them.

use serde::Deserialize;
use serde_json::{Value, json};

use super::answer::Answer;
use super::request::Request;
use super::state::{Group, Realm};
use super::users;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    name: String,
}

/// The answer about a group that does not exist.
pub(super) fn not_found() -> Answer {
    Answer::error(404, "Could not find group by id")
}

/// `POST groups`. Names are given once, in every letter case anew.
pub(super) fn create(realm: &mut Realm, request: &Request) -> Result<Answer, Answer> {
    let Written { name } = serde_json::from_slice(&request.body)
        .map_err(|_| Answer::error(501, "the stand-in makes groups of a name alone"))?;
    if realm.groups.values().any(|group| group.name == name) {
        return Err(Answer::error_message(409, &format!("Top level group named '{name}' already exists.")));
    }
    let id = realm.ids.next();
    let location = format!("{}/admin/realms/{}/groups/{id}", request.base(), realm.name);
    realm.groups.insert(id.clone(), Group { id, name, ..Group::default() });
    Ok(Answer::created(location))
}

/// `GET users/{id}/groups`.
pub(super) fn of_user(realm: &Realm, user: &str) -> Result<Answer, Answer> {
    let user = realm.users.get(user).ok_or_else(users::not_found)?;
    let mut groups: Vec<&Group> = user.groups.iter().filter_map(|id| realm.groups.get(id)).collect();
    groups.sort_by(|one, other| one.name.cmp(&other.name));
    let shown = |group: &Group| json!({ "id": group.id, "name": group.name, "path": format!("/{}", group.name), "subGroups": [] });
    Ok(Answer::ok(groups.into_iter().map(shown).collect::<Value>()))
}

/// `PUT` and `DELETE users/{id}/groups/{group}`: again without harm.
pub(super) fn membership(realm: &mut Realm, user: &str, group: &str, join: bool) -> Result<Answer, Answer> {
    let user = realm.users.get_mut(user).ok_or_else(users::not_found)?;
    if !realm.groups.contains_key(group) {
        return Err(Answer::error(404, "Group not found"));
    }
    if join {
        user.groups.insert(group.to_owned());
    } else {
        user.groups.remove(group);
    }
    Ok(Answer::no_content())
}
