//! Which endpoint a request reaches. One that is not here answers 501, so that nothing is stood in for by accident.

mod organizations;

use serde_json::json;

use super::answer::Answer;
use super::authorize::{self, Power};
use super::groups::Scope;
use super::mappings::{self, Holder, Of};
use super::request::Request;
use super::state::{Realm, World};
use super::{
    clients, credentials, groups, identity_providers, profile, realms, required_actions, roles, search,
    sessions, tokens, users,
};

/// Carries out a request.
pub(super) fn route(world: &mut World, request: &Request) -> Answer {
    let segments: Vec<&str> = request.segments.iter().map(String::as_str).collect();
    let answer = match segments.as_slice() {
        ["realms", name, rest @ ..] => public(world, request, name, rest),
        ["admin", "realms", rest @ ..] => administration(world, request, rest),
        ["admin" | "health" | "metrics" | "resources", ..] => Err(lacking(request)),
        _ => Err(Answer::error(404, "Unable to find matching target resource method")),
    };
    answer.unwrap_or_else(|refusal| refusal)
}

fn lacking(request: &Request) -> Answer {
    Answer::error(501, &format!("the stand-in has no {} /{}", request.method, request.segments.join("/")))
}

/// What everybody may ask.
fn public(world: &mut World, request: &Request, name: &str, rest: &[&str]) -> Result<Answer, Answer> {
    let realm = world.realms.get_mut(name).ok_or_else(|| Answer::error(404, "Realm does not exist"))?;
    match (request.method.as_str(), rest) {
        ("GET", []) => Ok(Answer::ok(json!({ "realm": realm.name }))),
        ("GET", [".well-known", "openid-configuration"]) => Ok(tokens::discovery(realm, request)),
        ("GET", ["protocol", "openid-connect", "certs"]) => Ok(Answer::ok(realm.keys.jwks())),
        ("POST", ["protocol", "openid-connect", "token"]) => tokens::token(realm, request),
        ("POST", ["protocol", "openid-connect", "logout"]) => sessions::log_out_by_token(realm, request),
        _ => Err(lacking(request)),
    }
}

fn administration(world: &mut World, request: &Request, rest: &[&str]) -> Result<Answer, Answer> {
    let caller = authorize::caller(world, request)?;
    let method = request.method.as_str();
    let (name, rest) = match (method, rest) {
        ("POST", []) => {
            caller.need_all()?;
            return realms::create(world, request);
        }
        (_, []) => return Err(lacking(request)),
        (_, [name, rest @ ..]) => (*name, rest),
    };
    let power = caller.power_over(name);
    let realm = world.realms.get_mut(name).ok_or_else(|| Answer::error(404, "Realm not found."))?;
    if (method, rest) == ("DELETE", &[]) {
        power.need(&["manage-realm"])?;
        world.realms.remove(name);
        return Ok(Answer::no_content());
    }
    of_realm(realm, request, &power, rest)
}

/// Roles of `realm-management` of which one suffices.
type AnyOf = &'static [&'static str];

const SEE_REALM: AnyOf = &["view-realm", "manage-realm"];
const CHANGE_REALM: AnyOf = &["manage-realm"];
const SEE_USERS: AnyOf = &["view-users", "manage-users"];
const CHANGE_USERS: AnyOf = &["manage-users"];
const SEE_CLIENTS: AnyOf = &["view-clients", "manage-clients"];
const CHANGE_CLIENTS: AnyOf = &["manage-clients"];

/// Beneath `admin/realms/{realm}`.
fn of_realm(realm: &mut Realm, request: &Request, power: &Power, rest: &[&str]) -> Result<Answer, Answer> {
    match (request.method.as_str(), rest) {
        ("GET", []) => {
            power.need_some()?;
            Ok(realms::read(realm, power.any(SEE_REALM)))
        }
        ("PUT", []) => {
            power.need(CHANGE_REALM)?;
            realms::update(realm, request)
        }
        ("GET", ["events", "config"]) => {
            power.need(&["view-events", "manage-events"])?;
            Ok(realms::events_config(realm))
        }
        ("POST", ["components"]) => {
            power.need(CHANGE_REALM)?;
            realms::add_component(realm, request)
        }
        ("GET", ["authentication", "required-actions"]) => {
            power.need(&["view-realm", "manage-realm", "view-users", "query-users"])?;
            Ok(required_actions::list())
        }
        (_, ["identity-provider", "instances", rest @ ..]) => {
            of_identity_providers(realm, request, power, rest)
        }
        (_, ["users"] | ["users", _]) => users(realm, request, power, rest),
        (_, ["users", id, "role-mappings", rest @ ..]) => {
            role_mappings(realm, request, power, Holder::User(id), rest)
        }
        (_, ["users", id, rest @ ..]) => of_user(realm, request, power, id, rest),
        (_, ["groups", id, "role-mappings", rest @ ..]) => {
            role_mappings(realm, request, power, Holder::Group(Scope::Realm, id), rest)
        }
        (_, ["organizations", rest @ ..]) => organizations::route(realm, request, power, rest),
        (_, ["groups" | "group-by-path", ..]) => of_groups(realm, request, power, rest),
        (_, ["roles" | "roles-by-id", ..]) => of_roles(realm, request, power, rest),
        (_, ["clients", rest @ ..]) => of_clients(realm, request, power, rest),
        _ => Err(lacking(request)),
    }
}

/// Beneath `admin/realms/{realm}/users`, without what hangs on one user.
fn users(realm: &mut Realm, request: &Request, power: &Power, rest: &[&str]) -> Result<Answer, Answer> {
    let ask: AnyOf = &["query-users", "view-users", "manage-users"];
    match (request.method.as_str(), rest) {
        ("GET", ["users"] | ["users", "count"]) => power.need(ask)?,
        ("GET", ["users", "profile"]) => power.need(&[ask, SEE_REALM].concat())?,
        ("PUT", ["users", "profile"]) => power.need(CHANGE_REALM)?,
        ("GET", _) => power.need(SEE_USERS)?,
        _ => power.need(CHANGE_USERS)?,
    }
    match (request.method.as_str(), rest) {
        // Who may only ask is shown nobody.
        ("GET", ["users"]) if !power.any(SEE_USERS) => Ok(Answer::ok(json!([]))),
        ("GET", ["users"]) => search::list(realm, request),
        ("POST", ["users"]) => users::create(realm, request),
        ("GET", ["users", "count"]) => search::count(realm, request),
        ("GET", ["users", "profile"]) => Ok(profile::read(realm)),
        ("PUT", ["users", "profile"]) => profile::update(realm, request),
        ("GET", ["users", id]) => users::read(realm, id),
        ("PUT", ["users", id]) => users::update(realm, id, request),
        ("DELETE", ["users", id]) => users::delete(realm, id),
        _ => Err(lacking(request)),
    }
}

/// What hangs on one user, role mappings aside.
fn of_user(
    realm: &mut Realm,
    request: &Request,
    power: &Power,
    id: &str,
    rest: &[&str],
) -> Result<Answer, Answer> {
    power.need(if request.method == "GET" { SEE_USERS } else { CHANGE_USERS })?;
    match (request.method.as_str(), rest) {
        ("POST", ["logout"]) => sessions::log_out(realm, id),
        ("GET", ["sessions"]) => sessions::list(realm, id),
        ("GET", ["consents"]) => sessions::consents(realm, id),
        ("DELETE", ["consents", client]) => sessions::revoke(realm, id, client),
        ("GET", ["credentials"]) => credentials::list(realm, id),
        ("PUT", ["reset-password"]) => credentials::reset_password(realm, request, id),
        ("GET", ["groups"]) => groups::of_user(realm, request, Scope::Realm, id),
        ("GET", ["groups", "count"]) => groups::count_of_user(realm, request, id),
        ("GET", ["federated-identity"]) => identity_providers::of_user(realm, id),
        ("POST", ["federated-identity", alias]) => identity_providers::link(realm, request, id, alias),
        ("DELETE", ["federated-identity", alias]) => identity_providers::unlink(realm, id, alias),
        ("PUT", ["groups", group]) => groups::membership(realm, id, group, true),
        ("DELETE", ["groups", group]) => groups::membership(realm, id, group, false),
        _ => Err(lacking(request)),
    }
}

/// Beneath `identity-provider/instances`.
fn of_identity_providers(
    realm: &mut Realm,
    request: &Request,
    power: &Power,
    rest: &[&str],
) -> Result<Answer, Answer> {
    match request.method.as_str() {
        "GET" => power.need(&["view-identity-providers", "manage-identity-providers"])?,
        _ => power.need(&["manage-identity-providers"])?,
    }
    match (request.method.as_str(), rest) {
        ("POST", []) => identity_providers::create(realm, request),
        ("GET", [alias]) => identity_providers::read(realm, alias),
        ("DELETE", [alias]) => identity_providers::delete(realm, alias),
        _ => Err(lacking(request)),
    }
}

/// `groups` and `group-by-path`, role mappings aside.
fn of_groups(realm: &mut Realm, request: &Request, power: &Power, rest: &[&str]) -> Result<Answer, Answer> {
    match (request.method.as_str(), rest) {
        ("GET", ["groups"] | ["groups", "count"]) => power.need(&[SEE_USERS, &["query-groups"]].concat())?,
        ("GET", _) => power.need(SEE_USERS)?,
        _ => power.need(CHANGE_USERS)?,
    }
    let (scope, may_manage) = (Scope::Realm, power.any(CHANGE_USERS));
    match (request.method.as_str(), rest) {
        // Who may only ask is shown none, and told how many there are.
        ("GET", ["groups"]) if !power.any(SEE_USERS) => Ok(Answer::ok(json!([]))),
        ("GET", ["groups"]) => groups::list(realm, request, scope, may_manage),
        ("GET", ["groups", "count"]) => groups::count(realm, request),
        ("POST", ["groups"]) => groups::create(realm, request, scope, None),
        ("GET", ["groups", id]) => groups::read(realm, request, scope, id, may_manage),
        ("PUT", ["groups", id]) => groups::update(realm, request, scope, id),
        ("DELETE", ["groups", id]) => groups::delete(realm, scope, id),
        ("GET", ["groups", id, "children"]) => groups::children(realm, request, scope, id, may_manage),
        ("POST", ["groups", id, "children"]) => groups::create(realm, request, scope, Some(id)),
        ("GET", ["groups", id, "members"]) => groups::members(realm, request, scope, id),
        ("GET", ["group-by-path", path @ ..]) => groups::by_path(realm, path),
        _ => Err(lacking(request)),
    }
}

/// `users/{id}/role-mappings` and `groups/{id}/role-mappings`.
fn role_mappings(
    realm: &mut Realm,
    request: &Request,
    power: &Power,
    holder: Holder<'_>,
    rest: &[&str],
) -> Result<Answer, Answer> {
    match holder {
        Holder::Group(Scope::Organization(_), _) => organizations::may_map(power, request)?,
        _ => power.need(if request.method == "GET" { SEE_USERS } else { CHANGE_USERS })?,
    }
    let (of, rest) = match rest {
        [] if request.method == "GET" => return mappings::all(realm, holder),
        ["realm", rest @ ..] => (Of::Realm, rest),
        ["clients", client, rest @ ..] => (Of::Client(client), rest),
        _ => return Err(lacking(request)),
    };
    if request.method == "GET" && matches!(of, Of::Client(_)) {
        power.need(SEE_CLIENTS)?;
    }
    match (request.method.as_str(), rest, holder) {
        ("GET", [], _) => mappings::list(realm, holder, of),
        ("POST", [], _) => mappings::change(realm, request, holder, of, true),
        ("DELETE", [], _) => mappings::change(realm, request, holder, of, false),
        ("GET", ["composite"], _) => mappings::effective(realm, holder, of),
        _ => Err(lacking(request)),
    }
}

/// `roles` and `roles-by-id`.
fn of_roles(realm: &mut Realm, request: &Request, power: &Power, rest: &[&str]) -> Result<Answer, Answer> {
    power.need(if request.method == "GET" { SEE_REALM } else { CHANGE_REALM })?;
    match (request.method.as_str(), rest) {
        ("GET", ["roles"]) => roles::list(realm, request),
        ("POST", ["roles"]) => roles::create(realm, request),
        ("GET", ["roles", name]) => roles::read(realm, name),
        ("DELETE", ["roles", name]) => roles::delete(realm, name),
        ("GET", ["roles", name, "composites"]) => roles::composites(realm, name),
        ("POST", ["roles", name, "composites"]) => roles::change_composites(realm, request, name, true),
        ("DELETE", ["roles", name, "composites"]) => roles::change_composites(realm, request, name, false),
        ("GET", ["roles-by-id", id, "composites"]) => roles::composites_by_id(realm, id),
        ("GET", ["roles", name, "users"]) => {
            power.need(SEE_USERS)?;
            let holders = roles::holders(realm, request, name)?;
            search::shown(realm, request, &holders)
        }
        _ => Err(lacking(request)),
    }
}

/// Beneath `clients`.
fn of_clients(realm: &mut Realm, request: &Request, power: &Power, rest: &[&str]) -> Result<Answer, Answer> {
    match (request.method.as_str(), rest) {
        ("GET", []) => power.need(&[SEE_CLIENTS, &["query-clients"]].concat())?,
        ("GET", _) => power.need(SEE_CLIENTS)?,
        _ => power.need(CHANGE_CLIENTS)?,
    }
    match (request.method.as_str(), rest) {
        // Who may only ask is shown none.
        ("GET", []) if !power.any(SEE_CLIENTS) => Ok(Answer::ok(json!([]))),
        ("GET", []) => clients::list(realm, request),
        ("POST", []) => clients::create(realm, request),
        ("GET", [id]) => clients::read(realm, id),
        ("PUT", [id]) => clients::update(realm, request, id),
        ("DELETE", [id]) => clients::delete(realm, id),
        ("GET", [id, "client-secret"]) => clients::secret(realm, id),
        ("GET", [id, "service-account-user"]) => {
            let account = clients::service_account_id(realm, id)?;
            users::read(realm, &account)
        }
        ("GET", [id, "protocol-mappers", "models"]) => clients::mappers(realm, id),
        ("POST", [id, "protocol-mappers", "models"]) => clients::add_mapper(realm, request, id),
        ("GET", [id, "roles", name]) => roles::read_of_client(realm, id, name),
        _ => Err(lacking(request)),
    }
}
