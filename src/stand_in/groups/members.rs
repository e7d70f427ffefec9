//! Who is in a group, and which groups a user is in.

use serde_json::{Value, json};

use super::super::answer::Answer;
use super::super::profile::Profile;
use super::super::representation::{brief, representation};
use super::super::request::Request;
use super::super::state::{Group, Realm, User};
use super::super::users;
use super::existing;
use super::representation as groups;

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

/// The groups of a user in whose name the search is, by name; all where nothing is searched for.
fn found<'a>(realm: &'a Realm, request: &Request, user: &str) -> Result<Vec<&'a Group>, Answer> {
    let user = realm.users.get(user).ok_or_else(users::not_found)?;
    request.knows(&["search", "first", "max", "briefRepresentation"])?;
    let search = request.given("search").unwrap_or_default().to_lowercase();
    let groups = realm.memberships.groups_of(&user.id).filter_map(|id| realm.groups.get(id));
    let mut groups: Vec<&Group> =
        groups.filter(|group| group.name.to_lowercase().contains(&search)).collect();
    groups.sort_by(|one, other| (&one.name, &one.id).cmp(&(&other.name, &other.id)));
    Ok(groups)
}

/// `GET users/{id}/groups`.
pub(in super::super) fn of_user(realm: &Realm, request: &Request, user: &str) -> Result<Answer, Answer> {
    let is_brief = request.flag("briefRepresentation").unwrap_or(true);
    let page = request.page(found(realm, request, user)?, None)?;
    Ok(Answer::ok(page.into_iter().map(|group| groups::of_user(realm, group, is_brief)).collect::<Value>()))
}

/// `GET users/{id}/groups/count`.
pub(in super::super) fn count_of_user(
    realm: &Realm,
    request: &Request,
    user: &str,
) -> Result<Answer, Answer> {
    Ok(Answer::ok(json!({ "count": found(realm, request, user)?.len() })))
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
