//! Organizations: creating, reading, changing and deleting them, and who is a member.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::answer::Answer;
use super::profile::Profile;
use super::representation::{brief, representation};
use super::request::Request;
use super::state::{Group, Organization, Realm, User};

/// How many organizations or members a list has where nothing is said.
const DEFAULT_MAX: usize = 10;

/// An organization as a client writes one.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
struct Written {
    #[serde(rename = "id")]
    _id: Option<String>,
    name: Option<String>,
    alias: Option<String>,
    enabled: Option<bool>,
    description: Option<String>,
    redirect_url: Option<String>,
    attributes: Option<BTreeMap<String, Vec<String>>>,
    domains: Option<Vec<WrittenDomain>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
struct WrittenDomain {
    name: String,
    verified: bool,
}

impl Written {
    fn name(&self) -> Result<&str, Answer> {
        let name = self.name.as_deref().filter(|name| !name.trim().is_empty());
        name.ok_or_else(|| Answer::error_message(400, "Name can not be null"))
    }

    fn domains(&self) -> BTreeMap<String, bool> {
        self.domains.iter().flatten().map(|domain| (domain.name.clone(), domain.verified)).collect()
    }
}

/// # Errors
/// 409 where another organization has the name.
fn check_name(realm: &Realm, name: &str, own: Option<&str>) -> Result<(), Answer> {
    let is_others = |other: &Organization| other.name == name && Some(other.id.as_str()) != own;
    if realm.organizations.values().any(is_others) {
        return Err(Answer::error_message(409, "A organization with the same name already exists."));
    }
    Ok(())
}

/// The organization with this id.
///
/// # Errors
/// 404 where there is none; an alias is no id.
pub(super) fn existing<'a>(realm: &'a Realm, id: &str) -> Result<&'a Organization, Answer> {
    realm.organizations.get(id).ok_or_else(|| Answer::error_message(404, "Organization not found."))
}

fn shown(organization: &Organization, is_brief: bool) -> Value {
    let mut shown = Map::from_iter([
        ("id".to_owned(), json!(organization.id)),
        ("name".to_owned(), json!(organization.name)),
        ("alias".to_owned(), json!(organization.alias)),
        ("enabled".to_owned(), json!(organization.enabled)),
    ]);
    for (field, text) in
        [("description", &organization.description), ("redirectUrl", &organization.redirect_url)]
    {
        shown.extend(text.iter().map(|text| (field.to_owned(), json!(text))));
    }
    if !is_brief {
        shown.insert("attributes".to_owned(), json!(organization.attributes));
    }
    if !organization.domains.is_empty() {
        let domains = organization.domains.iter();
        let domains = domains.map(|(name, verified)| json!({ "name": name, "verified": verified }));
        shown.insert("domains".to_owned(), domains.collect());
    }
    shown.into()
}

/// `GET organizations`: by name. A search looks in names, and for a domain.
pub(super) fn list(realm: &Realm, request: &Request) -> Result<Answer, Answer> {
    request.knows(&["search", "exact", "first", "max", "briefRepresentation"])?;
    let search = request.given("search").unwrap_or_default();
    let is_found = |organization: &&Organization| {
        if search.is_empty() || organization.domains.contains_key(search) {
            true
        } else if request.flag("exact") == Some(true) {
            organization.name == search
        } else {
            organization.name.to_lowercase().contains(&search.to_lowercase())
        }
    };
    let mut organizations: Vec<&Organization> = realm.organizations.values().filter(is_found).collect();
    organizations.sort_unstable_by(|one, other| one.name.cmp(&other.name));
    let is_brief = request.flag("briefRepresentation").unwrap_or(true);
    let page = request.page(organizations, Some(DEFAULT_MAX))?;
    Ok(Answer::ok(page.into_iter().map(|organization| shown(organization, is_brief)).collect::<Value>()))
}

/// `POST organizations`: the alias is the name where none is written.
pub(super) fn create(realm: &mut Realm, request: &Request) -> Result<Answer, Answer> {
    let written: Written = request.representation("OrganizationRepresentation")?;
    let name = written.name()?.to_owned();
    check_name(realm, &name, None)?;
    let alias = written.alias.clone().filter(|alias| !alias.is_empty());
    if alias.is_none() && name.contains(' ') {
        let said = "Name cannot be used as alias: Empty Space not allowed.";
        return Err(Answer::error_message(400, said));
    }
    let alias = alias.unwrap_or_else(|| name.clone());
    if alias.contains(' ') {
        return Err(Answer::error(400, "Empty Space not allowed."));
    }
    if alias.contains('/') {
        return Err(Answer::error(400, "Character '/' not allowed."));
    }
    if realm.organizations.values().any(|other| other.alias == alias) {
        return Err(Answer::error_message(409, "A organization with the same alias already exists"));
    }
    let (id, root) = (realm.ids.next(), realm.ids.next());
    let organization = Organization {
        id: id.clone(),
        name,
        alias,
        enabled: written.enabled.unwrap_or(true),
        domains: written.domains(),
        description: written.description,
        redirect_url: written.redirect_url,
        attributes: written.attributes.unwrap_or_default(),
        root: root.clone(),
    };
    let hidden =
        Group { id: root.clone(), name: id.clone(), organization: Some(id.clone()), ..Group::default() };
    realm.groups.insert(root, hidden);
    realm.organizations.insert(id.clone(), organization);
    Ok(Answer::created(format!("{}/admin/realms/{}/organizations/{id}", request.base(), realm.name)))
}

/// `GET organizations/{id}`.
pub(super) fn read(realm: &Realm, id: &str) -> Result<Answer, Answer> {
    Ok(Answer::ok(shown(existing(realm, id)?, false)))
}

/// `PUT organizations/{id}`: domains and description go where none are written, attributes stay.
pub(super) fn update(realm: &mut Realm, request: &Request, id: &str) -> Result<Answer, Answer> {
    let written: Written = request.representation("OrganizationRepresentation")?;
    let current = existing(realm, id)?;
    let name = written.name()?.to_owned();
    check_name(realm, &name, Some(id))?;
    // Where none is written, the name stands for it.
    if written.alias.as_ref().unwrap_or(&name) != &current.alias {
        return Err(Answer::error_message(400, "Cannot change the alias"));
    }
    let organization = Organization {
        name,
        enabled: written.enabled.unwrap_or(true),
        domains: written.domains(),
        description: written.description,
        redirect_url: written.redirect_url,
        attributes: written.attributes.unwrap_or_else(|| current.attributes.clone()),
        ..current.clone()
    };
    realm.organizations.insert(id.to_owned(), organization);
    Ok(Answer::no_content())
}

/// `DELETE organizations/{id}`: its groups go as well, its members stay users.
pub(super) fn delete(realm: &mut Realm, id: &str) -> Result<Answer, Answer> {
    existing(realm, id)?;
    let groups: Vec<String> = groups_of(realm, id);
    for group in groups {
        realm.groups.remove(&group);
        realm.memberships.forget_group(&group);
    }
    realm.organization_memberships.forget_group(id);
    realm.organizations.remove(id);
    Ok(Answer::no_content())
}

/// The ids of all groups of the organization, the hidden one too.
fn groups_of(realm: &Realm, id: &str) -> Vec<String> {
    let groups = realm.groups.values().filter(|group| group.organization.as_deref() == Some(id));
    groups.map(|group| group.id.clone()).collect()
}

fn no_member() -> Answer {
    Answer::error(404, "HTTP 404 Not Found")
}

/// The user with this id, who is a member.
///
/// # Errors
/// 404 where nobody is.
pub(super) fn member_of<'a>(realm: &'a Realm, id: &str, user: &str) -> Result<&'a User, Answer> {
    let user = realm.users.get(user).filter(|user| realm.organization_memberships.has(&user.id, id));
    user.ok_or_else(no_member)
}

/// A user as a member. Whom Keycloak counts as the organization's own comes by its identity provider, which nobody does
/// here.
pub(super) fn as_member(mut user: Map<String, Value>) -> Value {
    user.insert("membershipType".to_owned(), json!("UNMANAGED"));
    user.into()
}

/// `GET organizations/{id}/members`: by username.
pub(super) fn members(realm: &Realm, request: &Request, id: &str) -> Result<Answer, Answer> {
    request.knows(&["first", "max", "briefRepresentation"])?;
    let profile = Profile::of(realm)?;
    let ids = realm.organization_memberships.members_of(id);
    let mut members: Vec<&User> = ids.filter_map(|id| realm.users.get(id)).collect();
    members.sort_unstable_by(|one, other| one.username.cmp(&other.username));
    let is_brief = request.flag("briefRepresentation").unwrap_or(true);
    let page = request.page(members, Some(DEFAULT_MAX))?;
    let shown =
        page.into_iter().map(|user| if is_brief { brief(user) } else { representation(user, &profile) });
    Ok(Answer::ok(shown.map(as_member).collect::<Value>()))
}

/// `GET organizations/{id}/members/count`.
pub(super) fn count_members(realm: &Realm, request: &Request, id: &str) -> Result<Answer, Answer> {
    request.knows(&[])?;
    Ok(Answer::ok(realm.organization_memberships.members_of(id).count()))
}

/// `GET organizations/{id}/members/{user}`.
pub(super) fn member(realm: &Realm, id: &str, user: &str) -> Result<Answer, Answer> {
    let user = member_of(realm, id, user)?;
    Ok(Answer::ok(as_member(representation(user, &Profile::of(realm)?))))
}

/// `POST organizations/{id}/members`: the user's id, as a JSON text.
pub(super) fn add_member(realm: &mut Realm, request: &Request, id: &str) -> Result<Answer, Answer> {
    let user = match request.json() {
        Ok(Value::String(user)) if realm.users.contains_key(&user) => user,
        _ => return Err(no_member()),
    };
    if realm.organization_memberships.has(&user, id) {
        return Err(Answer::error_message(409, "User is already a member of the organization."));
    }
    realm.organization_memberships.join(&user, id);
    let base = request.base();
    Ok(Answer::created(format!("{base}/admin/realms/{}/organizations/{id}/members/{user}", realm.name)))
}

/// `DELETE organizations/{id}/members/{user}`: they are in none of its groups any more either.
pub(super) fn remove_member(realm: &mut Realm, id: &str, user: &str) -> Result<Answer, Answer> {
    member_of(realm, id, user)?;
    realm.organization_memberships.leave(user, id);
    for group in groups_of(realm, id) {
        realm.memberships.leave(user, &group);
    }
    Ok(Answer::no_content())
}

/// `GET organizations/members/{user}/organizations`.
pub(super) fn of_user(realm: &Realm, request: &Request, user: &str) -> Result<Answer, Answer> {
    request.knows(&["briefRepresentation"])?;
    let user = realm.users.get(user).ok_or_else(no_member)?;
    let ids = realm.organization_memberships.groups_of(&user.id);
    let organizations = ids.filter_map(|id| realm.organizations.get(id));
    let is_brief = request.flag("briefRepresentation").unwrap_or(true);
    Ok(Answer::ok(organizations.map(|organization| shown(organization, is_brief)).collect::<Value>()))
}
