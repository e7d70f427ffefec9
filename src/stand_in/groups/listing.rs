//! Which groups there are: lists, searches, counts, and what is found at a path.

use serde_json::{Value, json};

use super::super::answer::Answer;
use super::super::conditions;
use super::super::request::Request;
use super::super::state::{Group, Realm};
use super::existing;
use super::representation::representation;

/// How many children a list has where nothing is said.
const DEFAULT_CHILDREN: usize = 10;

/// `GET groups`: those at the top level, or those of all levels that a search finds, by name.
///
/// `may_manage` says what the caller may do.
pub(in super::super) fn list(realm: &Realm, request: &Request, may_manage: bool) -> Result<Answer, Answer> {
    const KNOWN: [&str; 7] =
        ["search", "q", "exact", "first", "max", "briefRepresentation", "populateHierarchy"];
    request.knows(&KNOWN)?;
    let search = request.given("search").map(str::trim);
    let q = request.given("q");
    if (search.is_some() || q.is_some()) && request.flag("populateHierarchy").unwrap_or(true) {
        return Err(Answer::error(501, "the stand-in finds groups with populateHierarchy=false only"));
    }
    let exact = request.flag("exact") == Some(true);
    let groups = match (q, search) {
        (Some(q), _) => by_attributes(realm, q)?,
        (None, Some(search)) => realm.groups.values().filter(|group| finds(search, exact, group)).collect(),
        (None, None) => realm.top_level().collect(),
    };
    let is_brief = request.flag("briefRepresentation").unwrap_or(true);
    let page = request.page(by_name(groups), None)?;
    let shown = page.into_iter().map(|group| representation(realm, group, is_brief, may_manage));
    Ok(Answer::ok(shown.collect::<Value>()))
}

/// A group comes once for each way in which its values meet the conditions: twice if it has the value twice.
fn by_attributes<'a>(realm: &'a Realm, q: &str) -> Result<Vec<&'a Group>, Answer> {
    let conditions = conditions::read(q)?;
    let times = |group: &Group| {
        let met = conditions.iter().map(|(name, wanted)| {
            let values = group.attributes.get(name).into_iter().flatten();
            values.filter(|value| *value == wanted).count()
        });
        met.product()
    };
    Ok(realm.groups.values().flat_map(|group| std::iter::repeat_n(group, times(group))).collect())
}

/// Anywhere in the name and without case, `*` standing for anything; or the name itself.
fn finds(wanted: &str, exact: bool, group: &Group) -> bool {
    if exact {
        return group.name == wanted;
    }
    let name = group.name.to_lowercase();
    let mut rest = name.as_str();
    wanted.to_lowercase().split('*').all(|part| {
        let after = rest.find(part).and_then(|at| rest.get(at + part.len()..));
        rest = after.unwrap_or_default();
        after.is_some()
    })
}

fn by_name(mut groups: Vec<&Group>) -> Vec<&Group> {
    groups.sort_by(|one, other| (&one.name, &one.id).cmp(&(&other.name, &other.id)));
    groups
}

/// `GET groups/count`: of all levels, of those at the top, or of all that a search finds.
pub(in super::super) fn count(realm: &Realm, request: &Request) -> Result<Answer, Answer> {
    request.knows(&["search", "top"])?;
    let count = match request.given("search") {
        Some(search) => realm.groups.values().filter(|group| finds(search, false, group)).count(),
        None if request.flag("top") == Some(true) => realm.top_level().count(),
        None => realm.groups.len(),
    };
    Ok(Answer::ok(json!({ "count": count })))
}

/// `GET groups/{id}/children`: those directly below it, by name. `exact` without a search finds none.
pub(in super::super) fn children(
    realm: &Realm,
    request: &Request,
    id: &str,
    may_manage: bool,
) -> Result<Answer, Answer> {
    existing(realm, id)?;
    request.knows(&["search", "exact", "first", "max", "briefRepresentation"])?;
    let exact = request.flag("exact") == Some(true);
    let search = request.given("search").unwrap_or_default();
    let found = realm.children(id).filter(|group| finds(search, exact, group)).collect();
    let is_brief = request.flag("briefRepresentation") == Some(true);
    let page = request.page(by_name(found), Some(DEFAULT_CHILDREN))?;
    let shown = page.into_iter().map(|group| representation(realm, group, is_brief, may_manage));
    Ok(Answer::ok(shown.collect::<Value>()))
}

/// `GET group-by-path/{path…}`. Of several ways to cut the path into names, the shortest first name that exists is
/// taken, and never given up again.
pub(in super::super) fn by_path(realm: &Realm, path: &[&str], may_manage: bool) -> Result<Answer, Answer> {
    let path = path.join("/");
    let mut found: Option<&Group> = None;
    let mut name = String::new();
    for part in path.split('/') {
        name.push_str(part);
        let parent = found.map(|group| group.id.as_str());
        match realm.groups.values().find(|group| group.name == name && group.parent.as_deref() == parent) {
            Some(group) => {
                found = Some(group);
                name.clear();
            }
            None => name.push('/'),
        }
    }
    let found = found.filter(|_| name.is_empty());
    let found = found.ok_or_else(|| Answer::error(404, "Group path does not exist"))?;
    Ok(Answer::ok(representation(realm, found, false, may_manage)))
}
