//! Keycloak's `GroupRepresentation`: read as it is written to Admin REST, and shown as Admin REST shows it.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::{Map, Value, json};

use super::super::answer::Answer;
use super::super::request::Request;
use super::super::state::{Group, Realm};
use super::scope::Scope;

/// The longest name, description, or attribute's name or value that Keycloak has room for, in UTF-16 units.
const LONGEST: usize = 255;

/// A group as a client writes one. What Keycloak takes and ignores is here by name, so that everything else is refused.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(super) struct Written {
    /// In a creation: a group that is there and moves.
    pub id: Option<String>,
    name: Option<String>,
    pub description: Option<String>,
    attributes: Option<BTreeMap<String, Option<Vec<Option<String>>>>>,
    #[serde(rename = "path")]
    _path: IgnoredAny,
    #[serde(rename = "parentId")]
    _parent_id: IgnoredAny,
    #[serde(rename = "subGroupCount")]
    _sub_group_count: IgnoredAny,
    #[serde(rename = "subGroups")]
    _sub_groups: IgnoredAny,
    #[serde(rename = "realmRoles")]
    _realm_roles: IgnoredAny,
    #[serde(rename = "clientRoles")]
    _client_roles: IgnoredAny,
    #[serde(rename = "access")]
    _access: IgnoredAny,
}

impl Written {
    /// The name, with all blanks that it was written with.
    ///
    /// # Errors
    /// Keycloak's 400 where there is none, or nothing but blanks.
    pub(super) fn name(&self) -> Result<&str, Answer> {
        let name = self.name.as_deref().filter(|name| !name.trim().is_empty());
        name.ok_or_else(|| Answer::error_message(400, "Group name is missing"))
    }

    /// The attributes, where they were written; one without values is left out, as Keycloak does.
    ///
    /// # Errors
    /// 501 for a null among them.
    pub(super) fn attributes(&self) -> Result<Option<BTreeMap<String, Vec<String>>>, Answer> {
        let refused = || Answer::error(501, "the stand-in takes no null in a group's attributes");
        let Some(written) = &self.attributes else { return Ok(None) };
        let mut attributes = BTreeMap::new();
        for (name, values) in written {
            let values = values.iter().flatten().cloned().collect::<Option<Vec<_>>>().ok_or_else(refused)?;
            if !values.is_empty() {
                attributes.insert(name.clone(), values);
            }
        }
        Ok(Some(attributes))
    }
}

/// Whether Keycloak has room for what the group is to be.
///
/// # Errors
/// Its 500 where it has not.
pub(super) fn check_room(group: &Group) -> Result<(), Answer> {
    let attributes = group.attributes.iter().flat_map(|(name, values)| values.iter().chain([name]));
    let mut texts = attributes.chain([&group.name]).chain(&group.description);
    if texts.any(|text| text.encode_utf16().count() > LONGEST) { Err(failure()) } else { Ok(()) }
}

/// What Keycloak says when it fails at something.
pub(in super::super) fn failure() -> Answer {
    let said = "For more on this error consult the server log.";
    let body = json!({ "error": "unknown_error", "error_description": said });
    Answer { status: 500, location: None, body: Some(body) }
}

/// What every representation has, in Keycloak's order: id, name, description, path, parent.
fn base(realm: &Realm, group: &Group) -> Map<String, Value> {
    let is_hidden = |above: &&Group| above.organization.is_some() && above.parent.is_none();
    let way = realm.with_ancestors(&group.id).filter(|above| above.id == group.id || !is_hidden(above));
    let mut names: Vec<&str> = way.map(|group| group.name.as_str()).collect();
    names.push("");
    names.reverse();
    let mut shown = Map::new();
    shown.insert("id".to_owned(), group.id.clone().into());
    shown.insert("name".to_owned(), group.name.clone().into());
    shown.extend(group.description.clone().map(|text| ("description".to_owned(), text.into())));
    shown.insert("path".to_owned(), names.join("/").into());
    shown.extend(group.parent.clone().map(|id| ("parentId".to_owned(), id.into())));
    shown
}

/// What a brief representation leaves out: attributes, and the names of the roles that are mapped directly.
fn details(realm: &Realm, group: &Group) -> Map<String, Value> {
    let mut of_realm = Vec::new();
    let mut of_clients: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for role in group.roles.iter().filter_map(|id| realm.roles.get(id)) {
        match role.client.as_ref().and_then(|id| realm.clients.get(id)) {
            None => of_realm.push(role.name.clone()),
            Some(client) => of_clients.entry(client.client_id.clone()).or_default().push(role.name.clone()),
        }
    }
    Map::from_iter([
        ("attributes".to_owned(), json!(group.attributes)),
        ("realmRoles".to_owned(), json!(of_realm)),
        ("clientRoles".to_owned(), json!(of_clients)),
    ])
}

/// A group among a user's own.
pub(super) fn of_user(realm: &Realm, group: &Group, is_brief: bool) -> Value {
    let mut shown = base(realm, group);
    shown.insert("subGroups".to_owned(), json!([]));
    if !is_brief {
        shown.extend(details(realm, group));
    }
    shown.into()
}

/// A group as the answer to its creation, at the top level or below another one.
pub(super) fn created(realm: &Realm, scope: Scope<'_>, group: &Group, is_below: bool) -> Option<Value> {
    if scope != Scope::Realm {
        return Some(of_user(realm, group, !is_below));
    }
    let mut shown = of_user(realm, group, false);
    if let Some(shown) = shown.as_object_mut() {
        shown.insert("access".to_owned(), access(true));
    }
    is_below.then_some(shown)
}

/// What of a group is shown.
#[derive(Debug, Clone, Copy)]
pub(super) struct Form {
    is_brief: bool,
    is_counted: bool,
    /// What the caller may do, where that is said.
    may_manage: Option<bool>,
}

impl Form {
    pub(super) const WITHOUT_ACCESS: Self = Self { is_brief: false, is_counted: true, may_manage: None };

    /// In an organization, groups are counted only if that is asked for, and nothing is said of what one may do.
    pub(super) fn of(request: &Request, scope: Scope<'_>, is_brief: bool, may_manage: bool) -> Self {
        match scope {
            Scope::Realm => Self { is_brief, is_counted: true, may_manage: Some(may_manage) },
            Scope::Organization(_) => {
                Self { is_brief, is_counted: request.flag("subGroupsCount") == Some(true), may_manage: None }
            }
        }
    }
}

/// A group everywhere else.
pub(super) fn representation(realm: &Realm, group: &Group, form: Form) -> Value {
    let mut shown = base(realm, group);
    if form.is_counted {
        shown.insert("subGroupCount".to_owned(), realm.children(&group.id).count().into());
    }
    shown.insert("subGroups".to_owned(), json!([]));
    if !form.is_brief {
        shown.extend(details(realm, group));
    }
    shown.extend(form.may_manage.map(|may| ("access".to_owned(), access(may))));
    shown.into()
}

fn access(may_manage: bool) -> Value {
    json!({
        "view": true, "viewMembers": true, "manageMembers": may_manage, "manage": may_manage,
        "manageMembership": may_manage,
    })
}
