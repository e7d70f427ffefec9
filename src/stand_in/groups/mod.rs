//! Groups: creating, moving, reading, changing and deleting them.

mod listing;
mod members;
mod representation;

use super::answer::Answer;
use super::request::Request;
use super::state::{Group, Realm};

use self::representation::{Written, check_room, created, representation};

pub(super) use self::listing::{at_paths, by_path, children, count, list};
pub(super) use self::members::{count_of_user, members, membership, of_user};
pub(super) use self::representation::failure;

impl Realm {
    /// The groups directly below the one with this id.
    fn children<'a>(&'a self, id: &'a str) -> impl Iterator<Item = &'a Group> {
        self.groups.values().filter(move |group| group.parent.as_deref() == Some(id))
    }

    /// The groups at the top level.
    fn top_level(&self) -> impl Iterator<Item = &Group> {
        self.groups.values().filter(|group| group.parent.is_none())
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

fn existing<'a>(realm: &'a Realm, id: &str) -> Result<&'a Group, Answer> {
    realm.groups.get(id).ok_or_else(not_found)
}

fn written(request: &Request) -> Result<Written, Answer> {
    request.representation("GroupRepresentation")
}

/// `POST groups`, and below the group with the id `parent`, `POST groups/{parent}/children`.
///
/// A body with the id of a group that is there moves that one, and changes nothing else of it.
pub(super) fn create(realm: &mut Realm, request: &Request, parent: Option<&str>) -> Result<Answer, Answer> {
    if let Some(parent) = parent {
        existing(realm, parent)?;
    }
    let written = written(request)?;
    let name = written.name()?.to_owned();
    let place = if parent.is_some() { "Sibling" } else { "Top level" };
    let taken = || Answer::error_message(409, &format!("{place} group named '{name}' already exists."));
    if let Some(id) = &written.id {
        return relocate(realm, id, parent, taken);
    }
    if realm.is_taken(&name, parent, None) {
        return Err(taken());
    }
    let group = Group {
        id: realm.ids.next(),
        name,
        description: written.description.clone(),
        parent: parent.map(str::to_owned),
        attributes: written.attributes()?.unwrap_or_default(),
        ..Group::default()
    };
    check_room(&group)?;
    let id = group.id.clone();
    realm.groups.insert(id.clone(), group);
    let body = parent.and_then(|_| Some(created(realm, realm.groups.get(&id)?)));
    let location = format!("{}/admin/realms/{}/groups/{id}", request.base(), realm.name);
    Ok(Answer { body, ..Answer::created(location) })
}

/// Moves a group. What its name is said to be only counts in what is said of a conflict, as `taken` has it.
fn relocate(
    realm: &mut Realm,
    id: &str,
    parent: Option<&str>,
    taken: impl Fn() -> Answer,
) -> Result<Answer, Answer> {
    let group = realm.groups.get(id).ok_or_else(|| Answer::error(404, "Could not find child by id"))?;
    if group.parent.as_deref() == parent || parent == Some(id) {
        return Ok(Answer::no_content());
    }
    if parent.is_some_and(|parent| realm.with_ancestors(parent).any(|above| above.id == id)) {
        return Err(failure());
    }
    if realm.is_taken(&group.name, parent, Some(id)) {
        return Err(taken());
    }
    if let Some(group) = realm.groups.get_mut(id) {
        group.parent = parent.map(str::to_owned);
    }
    Ok(Answer::no_content())
}

/// `GET groups/{id}`; `may_manage` says what the caller may do.
pub(super) fn read(realm: &Realm, id: &str, may_manage: bool) -> Result<Answer, Answer> {
    Ok(Answer::ok(representation(realm, existing(realm, id)?, false, may_manage)))
}

/// `PUT groups/{id}`: the description goes where none is written, the attributes stay.
pub(super) fn update(realm: &mut Realm, request: &Request, id: &str) -> Result<Answer, Answer> {
    let current = existing(realm, id)?;
    let written = written(request)?;
    let name = written.name()?;
    if written.id.as_ref().is_some_and(|written| written != id) {
        return Err(Answer::error_message(400, "Invalid group id"));
    }
    if realm.is_taken(name, current.parent.as_deref(), Some(id)) {
        return Err(Answer::error_message(409, &format!("Sibling group named '{name}' already exists.")));
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
pub(super) fn delete(realm: &mut Realm, id: &str) -> Result<Answer, Answer> {
    existing(realm, id)?;
    let mut open = vec![id.to_owned()];
    while let Some(id) = open.pop() {
        open.extend(realm.children(&id).map(|group| group.id.clone()));
        realm.groups.remove(&id);
        realm.memberships.forget_group(&id);
    }
    Ok(Answer::no_content())
}
