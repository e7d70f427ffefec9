//! Which groups there are: lists, searches, counts, and what is found at a path.

use serde_json::{Value, json};

use super::super::answer::Answer;
use super::super::conditions;
use super::super::request::Request;
use super::super::state::{Group, Realm};
use super::failure;
use super::representation::{Form, representation};
use super::scope::{Scope, existing};

/// How many children a list has where nothing is said.
const DEFAULT_CHILDREN: usize = 10;

/// `GET groups`: those at the top level, or those of all levels that a search finds, by name.
///
/// `may_manage` says what the caller may do.
pub(in super::super) fn list(
    realm: &Realm,
    request: &Request,
    scope: Scope<'_>,
    may_manage: bool,
) -> Result<Answer, Answer> {
    const KNOWN: [&str; 8] = [
        "search",
        "q",
        "exact",
        "first",
        "max",
        "briefRepresentation",
        "populateHierarchy",
        "subGroupsCount",
    ];
    request.knows(if scope == Scope::Realm { &KNOWN[..7] } else { &KNOWN })?;
    let search = request.given("search").map(str::trim);
    let q = request.given("q");
    if (search.is_some() || q.is_some()) && request.flag("populateHierarchy").unwrap_or(scope == Scope::Realm)
    {
        return Err(Answer::error(501, "the stand-in finds groups with populateHierarchy=false only"));
    }
    let how = match (request.flag("exact"), scope) {
        (Some(true), _) => How::Whole,
        (_, Scope::Realm) => How::Anywhere,
        (_, Scope::Organization(_)) => How::Beginning,
    };
    let groups = match (q, search) {
        (Some(q), _) => by_attributes(realm, scope, q)?,
        (None, Some(search)) if is_escaped(scope, search, how) => Vec::new(),
        (None, Some(search)) => {
            let all = realm.groups.values().filter(|group| scope.lists(group));
            all.filter(|group| finds(search, how, group)).collect()
        }
        (None, None) => realm.top_level(scope).collect(),
    };
    let is_brief = request.flag("briefRepresentation").unwrap_or(true);
    let page = request.page(by_name(groups), None)?;
    let form = Form::of(request, scope, is_brief, may_manage);
    let shown = page.into_iter().map(|group| representation(realm, group, form));
    Ok(Answer::ok(shown.collect::<Value>()))
}

/// Whether a search in an organization's groups is for what it can't find: these are escaped for a query that knows no
/// escape.
fn is_escaped(scope: Scope<'_>, search: &str, how: How) -> bool {
    scope != Scope::Realm && how != How::Whole && search.contains(['_', '%', '\\'])
}

/// A group comes once for each way in which its values meet the conditions: twice if it has the value twice.
/// An organization's values are compared without case.
fn by_attributes<'a>(realm: &'a Realm, scope: Scope<'_>, q: &str) -> Result<Vec<&'a Group>, Answer> {
    let conditions = conditions::read(q)?;
    let equal = |value: &str, wanted: &str| match scope {
        Scope::Realm => value == wanted,
        Scope::Organization(_) => value.to_lowercase() == wanted.to_lowercase(),
    };
    let times = |group: &Group| {
        let met = conditions.iter().map(|(name, wanted)| {
            let values = group.attributes.get(name).into_iter().flatten();
            values.filter(|value| equal(value, wanted)).count()
        });
        met.product()
    };
    let all = realm.groups.values().filter(|group| scope.lists(group));
    Ok(all.flat_map(|group| std::iter::repeat_n(group, times(group))).collect())
}

/// How a name is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum How {
    /// As a whole, with case.
    Whole,
    /// Anywhere, without case; `*` stands for anything.
    Anywhere,
    /// At its beginning, without case; `*` stands for anything.
    Beginning,
}

fn finds(wanted: &str, how: How, group: &Group) -> bool {
    if how == How::Whole {
        return group.name == wanted;
    }
    let name = group.name.to_lowercase();
    let wanted = wanted.to_lowercase();
    let mut rest = name.as_str();
    wanted.split('*').enumerate().all(|(index, part)| {
        let after = if index == 0 && how == How::Beginning {
            rest.strip_prefix(part)
        } else {
            rest.split_once(part).map(|(_, after)| after)
        };
        rest = after.unwrap_or_default();
        after.is_some()
    })
}

/// In the order of every list.
pub(super) fn by_name(mut groups: Vec<&Group>) -> Vec<&Group> {
    groups.sort_by(|one, other| (&one.name, &one.id).cmp(&(&other.name, &other.id)));
    groups
}

/// `GET groups/count`: of all levels, of those at the top, or of all that a search finds.
pub(in super::super) fn count(realm: &Realm, request: &Request) -> Result<Answer, Answer> {
    request.knows(&["search", "top"])?;
    let all = realm.groups.values().filter(|group| Scope::Realm.lists(group));
    let count = match request.given("search") {
        Some(search) => all.filter(|group| finds(search, How::Anywhere, group)).count(),
        None if request.flag("top") == Some(true) => realm.top_level(Scope::Realm).count(),
        None => all.count(),
    };
    Ok(Answer::ok(json!({ "count": count })))
}

/// `GET groups/{id}/children`: those directly below it, by name, whose name begins so. `exact` without a search finds
/// none. In an organization they are brief, whatever is asked for.
pub(in super::super) fn children(
    realm: &Realm,
    request: &Request,
    scope: Scope<'_>,
    id: &str,
    may_manage: bool,
) -> Result<Answer, Answer> {
    const KNOWN: [&str; 6] = ["search", "exact", "first", "max", "briefRepresentation", "subGroupsCount"];
    existing(realm, scope, id)?;
    request.knows(if scope == Scope::Realm { &KNOWN[..5] } else { &KNOWN })?;
    let search = request.given("search").unwrap_or_default();
    let how = match request.flag("exact") {
        Some(true) => How::Whole,
        // What Keycloak makes of that, nobody relies on.
        _ if search.ends_with('%') => {
            return Err(Answer::error(501, "the stand-in finds no children by a % at the end"));
        }
        _ => How::Beginning,
    };
    let found = realm.children(id).filter(|group| finds(search, how, group)).collect();
    let is_brief = request.flag("briefRepresentation") == Some(true) || scope != Scope::Realm;
    let page = request.page(by_name(found), Some(DEFAULT_CHILDREN))?;
    let form = Form::of(request, scope, is_brief, may_manage);
    let shown = page.into_iter().map(|group| representation(realm, group, form));
    Ok(Answer::ok(shown.collect::<Value>()))
}

/// `GET group-by-path/{path…}`. Of several ways to cut the path into names, the shortest first name that exists is
/// taken, and never given up again. What the caller may do is not said.
pub(in super::super) fn by_path(realm: &Realm, path: &[&str]) -> Result<Answer, Answer> {
    let found = resolve(realm, &path.join("/"));
    let found = found.ok_or_else(|| Answer::error(404, "Group path does not exist"))?;
    Ok(Answer::ok(representation(realm, found, Form::WITHOUT_ACCESS)))
}

/// The ids of the groups at these paths, with or without a slash at either end.
///
/// # Errors
/// Keycloak's answer where there is none.
pub(in super::super) fn at_paths(realm: &Realm, paths: &[String]) -> Result<Vec<String>, Answer> {
    let found = paths.iter().map(|path| {
        let path = path.strip_prefix('/').unwrap_or(path);
        let found = resolve(realm, path.strip_suffix('/').unwrap_or(path));
        found.map(|group| group.id.clone()).ok_or_else(failure)
    });
    found.collect()
}

/// The group at a path.
fn resolve<'a>(realm: &'a Realm, path: &str) -> Option<&'a Group> {
    let mut found: Option<&Group> = None;
    let mut name = String::new();
    for part in path.split('/') {
        name.push_str(part);
        let parent = found.map(|group| group.id.as_str());
        let mut all = realm.groups.values().filter(|group| Scope::Realm.lists(group));
        match all.find(|group| group.name == name && group.parent.as_deref() == parent) {
            Some(group) => {
                found = Some(group);
                name.clear();
            }
            None => name.push('/'),
        }
    }
    found.filter(|_| name.is_empty())
}
