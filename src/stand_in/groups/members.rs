//! Who is in a group, and which groups a user is in.

use serde_json::{Value, json};

use super::super::answer::Answer;
use super::super::organizations;
use super::super::profile::Profile;
use super::super::representation::{brief, representation};
use super::super::request::Request;
use super::super::state::{Group, Realm, User};
use super::super::users;
use super::listing::by_name;
use super::representation as groups;
use super::scope::{Scope, existing};

/// How many members a list has where nothing is said.
const DEFAULT_MEMBERS: usize = 100;

/// `GET groups/{id}/members`: direct ones, service accounts too, by username.
pub(in super::super) fn members(
    realm: &Realm,
    request: &Request,
    scope: Scope<'_>,
    id: &str,
) -> Result<Answer, Answer> {
    existing(realm, scope, id)?;
    request.knows(&["first", "max", "briefRepresentation"])?;
    let profile = Profile::of(realm)?;
    let is_brief = request.flag("briefRepresentation") == Some(true);
    let mut members: Vec<&User> =
        realm.memberships.members_of(id).filter_map(|id| realm.users.get(id)).collect();
    members.sort_unstable_by(|one, other| one.username.cmp(&other.username));
    let page = request.page(members, Some(DEFAULT_MEMBERS))?;
    let shown =
        page.into_iter().map(|user| if is_brief { brief(user) } else { representation(user, &profile) });
    let shown = shown.map(|user| match scope {
        Scope::Realm => Value::from(user),
        Scope::Organization(_) => organizations::as_member(user),
    });
    Ok(Answer::ok(shown.collect::<Value>()))
}

/// The groups that the user is in directly, by name.
fn groups_of<'a>(realm: &'a Realm, scope: Scope<'_>, user: &str) -> Result<Vec<&'a Group>, Answer> {
    let user = match scope {
        Scope::Realm => realm.users.get(user).ok_or_else(users::not_found)?,
        Scope::Organization(id) => organizations::member_of(realm, id, user)?,
    };
    let groups = realm.memberships.groups_of(&user.id).filter_map(|id| realm.groups.get(id));
    Ok(by_name(groups.filter(|group| scope.owns(group)).collect()))
}

/// `GET users/{id}/groups`; a search looks anywhere in their names, without case.
pub(in super::super) fn of_user(
    realm: &Realm,
    request: &Request,
    scope: Scope<'_>,
    user: &str,
) -> Result<Answer, Answer> {
    const KNOWN: [&str; 5] = ["search", "first", "max", "briefRepresentation", "subGroupsCount"];
    let mut groups = groups_of(realm, scope, user)?;
    request.knows(if scope == Scope::Realm { &KNOWN[..4] } else { &KNOWN })?;
    let search = request.given("search").unwrap_or_default().to_lowercase();
    groups.retain(|group| group.name.to_lowercase().contains(&search));
    let is_brief = request.flag("briefRepresentation").unwrap_or(true);
    let page = request.page(groups, None)?;
    Ok(Answer::ok(page.into_iter().map(|group| groups::of_user(realm, group, is_brief)).collect::<Value>()))
}

/// `GET users/{id}/groups/count`: organizations' groups count as well.
pub(in super::super) fn count_of_user(
    realm: &Realm,
    request: &Request,
    user: &str,
) -> Result<Answer, Answer> {
    let user = realm.users.get(user).ok_or_else(users::not_found)?;
    request.knows(&[])?;
    Ok(Answer::ok(json!({ "count": realm.memberships.groups_of(&user.id).count() })))
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
    let found = realm.groups.get(group).ok_or_else(|| Answer::error(404, "Group not found"))?;
    if !Scope::Realm.owns(found) {
        let said = "Cannot access organization related group via non Organization API.";
        return Err(Answer::error_message(400, said));
    }
    if join {
        realm.memberships.join(user, group);
    } else {
        realm.memberships.leave(user, group);
    }
    Ok(Answer::no_content())
}

/// `PUT` and `DELETE organizations/{organization}/groups/{group}/members/{user}`: only members of the organization join,
/// once.
pub(in super::super) fn membership_within(
    realm: &mut Realm,
    organization: &str,
    user: &str,
    group: &str,
    join: bool,
) -> Result<Answer, Answer> {
    existing(realm, Scope::Organization(organization), group)?;
    if !realm.users.contains_key(user) {
        return Err(Answer::error_message(404, "User does not exist"));
    }
    if !join {
        realm.memberships.leave(user, group);
        return Ok(Answer::no_content());
    }
    if organizations::member_of(realm, organization, user).is_err() {
        return Err(Answer::error_message(400, "User is not member of the organization"));
    }
    if realm.memberships.has(user, group) {
        return Err(Answer::error_message(409, "User is already a member of the group"));
    }
    realm.memberships.join(user, group);
    Ok(Answer::no_content())
}
