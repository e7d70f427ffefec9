//! Who is in a group, and which groups a user is in.

use serde_json::{Value, json};

use super::super::answer::Answer;
use super::super::profile::Profile;
use super::super::representation::{brief, representation};
use super::super::request::Request;
use super::super::state::{Group, Realm, User};
use super::super::users;
use super::listing::by_name;
use super::{existing, representation as groups};

/// How many members a list has where nothing is said.
const DEFAULT_MEMBERS: usize = 100;

/// `GET groups/{id}/members`: direct ones, service accounts too, by username.
pub(in super::super) fn members(realm: &Realm, request: &Request, id: &str) -> Result<Answer, Answer> {
    existing(realm, id)?;
    request.knows(&["first", "max", "briefRepresentation"])?;
    let profile = Profile::of(realm)?;
    let is_brief = request.flag("briefRepresentation") == Some(true);
    let mut members: Vec<&User> =
        realm.memberships.members_of(id).filter_map(|id| realm.users.get(id)).collect();
    members.sort_unstable_by(|one, other| one.username.cmp(&other.username));
    let page = request.page(members, Some(DEFAULT_MEMBERS))?;
    let shown =
        page.into_iter().map(|user| if is_brief { brief(user) } else { representation(user, &profile) });
    Ok(Answer::ok(shown.map(Value::from).collect::<Value>()))
}

/// The groups that the user is in directly, by name.
fn groups_of<'a>(realm: &'a Realm, user: &str) -> Result<Vec<&'a Group>, Answer> {
    let user = realm.users.get(user).ok_or_else(users::not_found)?;
    let groups = realm.memberships.groups_of(&user.id).filter_map(|id| realm.groups.get(id));
    Ok(by_name(groups.collect()))
}

/// `GET users/{id}/groups`; a search looks anywhere in their names, without case.
pub(in super::super) fn of_user(realm: &Realm, request: &Request, user: &str) -> Result<Answer, Answer> {
    let mut groups = groups_of(realm, user)?;
    request.knows(&["search", "first", "max", "briefRepresentation"])?;
    let search = request.given("search").unwrap_or_default().to_lowercase();
    groups.retain(|group| group.name.to_lowercase().contains(&search));
    let is_brief = request.flag("briefRepresentation").unwrap_or(true);
    let page = request.page(groups, None)?;
    Ok(Answer::ok(page.into_iter().map(|group| groups::of_user(realm, group, is_brief)).collect::<Value>()))
}

/// `GET users/{id}/groups/count`.
pub(in super::super) fn count_of_user(
    realm: &Realm,
    request: &Request,
    user: &str,
) -> Result<Answer, Answer> {
    let groups = groups_of(realm, user)?;
    request.knows(&[])?;
    Ok(Answer::ok(json!({ "count": groups.len() })))
}

/// `PUT` and `DELETE users/{id}/groups/{group}`: again without harm.
pub(in super::super) fn membership(
    realm: &mut Realm,
    user: &str,
    group: &str,
    join: bool,
) -> Result<Answer, Answer> {
    if !realm.users.contains_key(user) {
        return Err(users::not_found());
    }
    if !realm.groups.contains_key(group) {
        return Err(Answer::error(404, "Group not found"));
    }
    if join {
        realm.memberships.join(user, group);
    } else {
        realm.memberships.leave(user, group);
    }
    Ok(Answer::no_content())
}
