//! Which endpoint beneath `organizations` a request reaches, and what one must hold for it.

use serde_json::json;

use super::super::answer::Answer;
use super::super::authorize::Power;
use super::super::groups::{self, Scope};
use super::super::mappings::Holder;
use super::super::organizations;
use super::super::request::Request;
use super::super::state::Realm;
use super::{AnyOf, CHANGE_USERS, SEE_USERS, lacking, role_mappings};

const ASK: AnyOf = &["query-organizations", "view-organizations", "manage-organizations", "manage-realm"];
const SEE: AnyOf = &["view-organizations", "manage-organizations", "manage-realm"];
const CHANGE: AnyOf = &["manage-organizations", "manage-realm"];

/// Beneath `admin/realms/{realm}/organizations`.
pub(super) fn route(
    realm: &mut Realm,
    request: &Request,
    power: &Power,
    rest: &[&str],
) -> Result<Answer, Answer> {
    power.need(ASK)?;
    if !realm.is_on("organizationsEnabled") {
        return Err(Answer::error_message(404, "Organizations not enabled for this realm."));
    }
    match (request.method.as_str(), rest) {
        // Who may only ask is shown none.
        ("GET", []) if !power.any(SEE) => Ok(Answer::ok(json!([]))),
        ("GET", []) => organizations::list(realm, request),
        ("POST", []) => {
            power.need(CHANGE)?;
            organizations::create(realm, request)
        }
        ("GET", ["members", user, "organizations"]) => {
            may_do_with_members(power, request)?;
            organizations::of_user(realm, request, user)
        }
        (_, [id, rest @ ..]) => {
            organizations::existing(realm, id)?;
            power.need(if request.method == "GET" { SEE } else { CHANGE })?;
            of_organization(realm, request, power, id, rest)
        }
        _ => Err(lacking(request)),
    }
}

/// Beneath an organization that is there.
fn of_organization(
    realm: &mut Realm,
    request: &Request,
    power: &Power,
    id: &str,
    rest: &[&str],
) -> Result<Answer, Answer> {
    if matches!(rest, ["members", ..] | ["groups", _, "members", ..]) {
        may_do_with_members(power, request)?;
    }
    let scope = Scope::Organization(id);
    match (request.method.as_str(), rest) {
        ("GET", []) => organizations::read(realm, id),
        ("PUT", []) => organizations::update(realm, request, id),
        ("DELETE", []) => organizations::delete(realm, id),
        ("GET", ["members"]) => organizations::members(realm, request, id),
        ("POST", ["members"]) => organizations::add_member(realm, request, id),
        ("GET", ["members", "count"]) => organizations::count_members(realm, request, id),
        ("GET", ["members", user]) => organizations::member(realm, id, user),
        ("DELETE", ["members", user]) => organizations::remove_member(realm, id, user),
        ("GET", ["members", user, "groups"]) => groups::of_user(realm, request, scope, user),
        ("GET", ["groups"]) => groups::list(realm, request, scope, true),
        ("POST", ["groups"]) => groups::create(realm, request, scope, None),
        ("GET", ["groups", group]) => groups::read(realm, request, scope, group, true),
        ("PUT", ["groups", group]) => groups::update(realm, request, scope, group),
        ("DELETE", ["groups", group]) => groups::delete(realm, scope, group),
        ("GET", ["groups", group, "children"]) => groups::children(realm, request, scope, group, true),
        ("POST", ["groups", group, "children"]) => groups::create(realm, request, scope, Some(group)),
        ("GET", ["groups", group, "members"]) => groups::members(realm, request, scope, group),
        ("PUT", ["groups", group, "members", user]) => {
            groups::membership_within(realm, id, user, group, true)
        }
        ("DELETE", ["groups", group, "members", user]) => {
            groups::membership_within(realm, id, user, group, false)
        }
        (_, ["groups", group, "role-mappings", rest @ ..]) => {
            role_mappings(realm, request, power, Holder::Group(scope, group), rest)
        }
        _ => Err(lacking(request)),
    }
}

/// Who is in an organization or in its groups is also a matter of users.
fn may_do_with_members(power: &Power, request: &Request) -> Result<(), Answer> {
    if request.method == "GET" {
        power.need(SEE)?;
        power.need(SEE_USERS)
    } else {
        power.need(CHANGE)?;
        power.need(CHANGE_USERS)
    }
}

/// Whether one may see or change the roles of an organization's group, where one may do so with the organization.
pub(super) fn may_map(power: &Power, request: &Request) -> Result<(), Answer> {
    if request.method == "GET" { Ok(()) } else { power.need(CHANGE_USERS) }
}
