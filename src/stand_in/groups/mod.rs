//! Groups: creating, moving, reading, changing and deleting them.

mod listing;
mod members;
mod representation;
mod scope;

use super::answer::Answer;
use super::request::Request;
use super::state::{Group, Realm};

use self::representation::{Form, Written, check_room, created, representation};

pub(super) use self::listing::{at_paths, by_path, children, count, list};
pub(super) use self::members::{count_of_user, members, membership, membership_within, of_user};
pub(super) use self::representation::failure;
pub(super) use self::scope::{Scope, existing};

impl Realm {
    /// The groups directly below the one with this id.
    fn children<'a>(&'a self, id: &'a str) -> impl Iterator<Item = &'a Group> {
        self.groups.values().filter(move |group| group.parent.as_deref() == Some(id))
    }

    /// The groups at the top level.
    fn top_level(&self, scope: Scope<'_>) -> impl Iterator<Item = &Group> {
        let root = scope.root(self);
        self.groups.values().filter(move |group| scope.lists(group) && group.parent.as_deref() == root)
    }

    /// Whether another group has this name at this place. Letter case counts.
    fn is_taken(&self, name: &str, parent: Option<&str>, own: Option<&str>) -> bool {
        self.groups.values().any(|other| {
            other.name == name && other.parent.as_deref() == parent && Some(other.id.as_str()) != own
        })
    }
}

/// The answer about a group that does not exist.
pub(super) fn not_found() -> Answer {
    Answer::error(404, "Could not find group by id")
}

fn written(request: &Request) -> Result<Written, Answer> {
    request.representation("GroupRepresentation")
}

/// `POST groups`, and below the group with the id `parent`, `POST groups/{parent}/children`.
///
/// A body with the id of a group that is there moves that one, and changes nothing else of it. In an organization,
/// nothing but the name of a group below another one is looked at.
pub(super) fn create(
    realm: &mut Realm,
    request: &Request,
    scope: Scope<'_>,
    parent: Option<&str>,
) -> Result<Answer, Answer> {
    if let Some(parent) = parent {
        existing(realm, scope, parent)?;
    }
    let written = written(request)?;
    let name = written.name()?.to_owned();
    if let Some(id) = &written.id {
        return relocate(realm, scope, id, parent, || scope.taken(&name, parent));
    }
    let above = parent.or(scope.root(realm)).map(str::to_owned);
    if realm.is_taken(&name, above.as_deref(), None) {
        return Err(scope.taken(&name, parent));
    }
    let mut group = Group { id: realm.ids.next(), name, parent: above, ..Group::default() };
    if let Scope::Organization(id) = scope {
        group.organization = Some(id.to_owned());
    }
    if scope == Scope::Realm || parent.is_none() {
        group.description.clone_from(&written.description);
        group.attributes = written.attributes()?.unwrap_or_default();
    }
    check_room(&Group { name: group.name.clone(), ..Group::default() })
        .map_err(|_| scope.refused_by_database())?;
    check_room(&group)?;
    let id = group.id.clone();
    realm.groups.insert(id.clone(), group);
    let made = realm.groups.get(&id);
    let body = made.and_then(|group| created(realm, scope, group, parent.is_some()));
    let place = match (scope, parent) {
        (Scope::Realm, _) => "groups".to_owned(),
        (Scope::Organization(organization), None) => format!("organizations/{organization}/groups"),
        (Scope::Organization(organization), Some(parent)) => {
            format!("organizations/{organization}/groups/{parent}/children")
        }
    };
    let location = format!("{}/admin/realms/{}/{place}/{id}", request.base(), realm.name);
    Ok(Answer { body, ..Answer::created(location) })
}

/// Moves a group. What its name is said to be only counts in what is said of a conflict, as `taken` has it.
fn relocate(
    realm: &mut Realm,
    scope: Scope<'_>,
    id: &str,
    parent: Option<&str>,
    taken: impl Fn() -> Answer,
) -> Result<Answer, Answer> {
    let group = realm.groups.get(id).ok_or_else(|| match (scope, parent) {
        (Scope::Organization(_), None) => not_found(),
        _ => Answer::error(404, "Could not find child by id"),
    })?;
    if !scope.owns(group) {
        return Err(scope.foreign(group, parent.is_none()));
    }
    let above = parent.or(scope.root(realm)).map(str::to_owned);
    if group.parent == above || parent == Some(id) {
        return Ok(Answer::no_content());
    }
    if parent.is_some_and(|parent| realm.with_ancestors(parent).any(|above| above.id == id)) {
        return Err(scope.refused_by_database());
    }
    if realm.is_taken(&group.name, above.as_deref(), Some(id)) {
        return Err(taken());
    }
    if let Some(group) = realm.groups.get_mut(id) {
        group.parent = above;
    }
    Ok(Answer::no_content())
}

/// `GET groups/{id}`; `may_manage` says what the caller may do.
pub(super) fn read(
    realm: &Realm,
    request: &Request,
    scope: Scope<'_>,
    id: &str,
    may_manage: bool,
) -> Result<Answer, Answer> {
    let group = existing(realm, scope, id)?;
    Ok(Answer::ok(representation(realm, group, Form::of(request, scope, false, may_manage))))
}

/// `PUT groups/{id}`: the description goes where none is written, the attributes stay.
pub(super) fn update(
    realm: &mut Realm,
    request: &Request,
    scope: Scope<'_>,
    id: &str,
) -> Result<Answer, Answer> {
    let current = existing(realm, scope, id)?;
    let written = written(request)?;
    let name = written.name()?;
    if written.id.as_ref().is_some_and(|written| written != id) {
        return Err(Answer::error_message(400, "Invalid group id"));
    }
    if realm.is_taken(name, current.parent.as_deref(), Some(id)) {
        return Err(scope.renamed_to_taken(name));
    }
    let group = Group {
        name: name.to_owned(),
        description: written.description.clone(),
        attributes: written.attributes()?.unwrap_or_else(|| current.attributes.clone()),
        ..current.clone()
    };
    check_room(&group)?;
    realm.groups.insert(id.to_owned(), group);
    Ok(Answer::no_content())
}

/// `DELETE groups/{id}`: what is below it goes as well, and nobody is in any of them.
pub(super) fn delete(realm: &mut Realm, scope: Scope<'_>, id: &str) -> Result<Answer, Answer> {
    existing(realm, scope, id)?;
    let mut open = vec![id.to_owned()];
    while let Some(id) = open.pop() {
        open.extend(realm.children(&id).map(|group| group.id.clone()));
        realm.groups.remove(&id);
        realm.memberships.forget_group(&id);
    }
    Ok(Answer::no_content())
}
