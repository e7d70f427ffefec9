//! Folds the layers of a realm's groups and checks that no group carries power that nobody meant to give.

use std::collections::{BTreeMap, BTreeSet};

use toml::Spanned;

use crate::config::built_in;
use crate::config::check::{Checker, get};
use crate::config::scalar::Scalar as _;

use super::layer::{ClientRoleLayer, GroupName, GroupsLayer, RoleEntry, RolesLayer};
use super::{GroupRole, GroupRoles, Groups, OnExistingGroup, VisibleGroups};

/// Keycloak's realm role of administrators.
const ADMIN: &str = "admin";
/// The client whose roles administer a realm.
const REALM_MANAGEMENT: &str = "realm-management";
/// What the names of those of its roles begin with that only look.
const ONLY_LOOK: [&str; 2] = ["view-", "query-"];

/// The roles of a realm that no group should carry by accident.
pub(in crate::config) struct SpecialRoles<'a> {
    /// The one that marks managed users.
    pub(in crate::config) tag: &'a str,
    /// Those that mean power by configuration.
    pub(in crate::config) protected: &'a [String],
}

/// Checks what one layer tells by itself, that in the table named `table`, such as `["realms", "acme"]`: the names of
/// groups, and that every role is one.
pub(in crate::config) fn check_layer(checker: &mut Checker<'_>, table: &[&str], layer: &GroupsLayer) {
    let mut seen = BTreeSet::new();
    for value in layer.privileged.iter().flat_map(|list| list.get_ref()) {
        if !seen.insert(value.get_ref().0.folded()) {
            checker.at(&value.span(), TWICE);
        }
    }
    let mut seen = BTreeSet::new();
    for (key, entries) in in_order(&layer.roles) {
        match GroupName::parse(key.get_ref()) {
            None => checker.at(&key.span(), format!("expected {} as the key", GroupName::expected())),
            Some(name) if !seen.insert(name.folded()) => checker.at(&key.span(), TWICE),
            Some(_) => {}
        }
        for entry in entries {
            if let RoleEntry::Client(role) = entry.get_ref() {
                let path = [table, &["groups", "roles", key.get_ref()]].concat();
                complete(checker, &path, entry, role);
            }
        }
    }
}

const TWICE: &str = "this group stands here twice (names are compared without case); expected it once";

/// A role of a client needs both names.
fn complete(checker: &mut Checker<'_>, path: &[&str], entry: &Spanned<RoleEntry>, role: &ClientRoleLayer) {
    for (key, there) in [("client", role.client.is_some()), ("role", role.role.is_some())] {
        // What could not be read is told already.
        if !there && !checker.unreadable(&[path, &[key]].concat()) {
            checker.at(
                &entry.span(),
                format!("{key} is missing; expected {{ client = \"CLIENT\", role = \"ROLE\" }}"),
            );
        }
    }
}

/// Folds the built-in values and the layers of the tenant in the table `table`: `layer` is its own over those below,
/// `defaults` is where it takes further roles from.
pub(in crate::config) fn fold(
    checker: &mut Checker<'_>,
    table: &[&str],
    layer: &GroupsLayer,
    defaults: &GroupsLayer,
    special: &SpecialRoles<'_>,
) -> Groups {
    let privileged: BTreeSet<String> = layer
        .privileged
        .iter()
        .flat_map(|list| list.get_ref())
        .map(|name| name.get_ref().0.folded())
        .collect();
    // A group may be missing there because its name could not be read, and that is told already.
    let told = checker.unreadable(&[table, &["groups", "privileged"]].concat())
        || (layer.privileged.is_none() && checker.unreadable(&["defaults", "groups", "privileged"]));
    let mut roles = BTreeMap::new();
    for (key, entries) in merged(&layer.roles, &defaults.roles) {
        let Some(name) = GroupName::parse(key.get_ref()) else { continue };
        let folded = name.folded();
        let mut carried = BTreeSet::new();
        for entry in entries {
            let Some(role) = role(entry.get_ref()) else { continue };
            if let Some(reason) = refusal(&role, special, told || privileged.contains(&folded)) {
                checker.at(&entry.span(), reason);
            }
            carried.insert(role);
        }
        roles.insert(folded, GroupRoles { name: name.0, roles: carried });
    }
    Groups {
        parent: get(&layer.parent).map(|parent| parent.0).unwrap_or_default(),
        visible: get(&layer.visible).unwrap_or(VisibleGroups::Managed),
        on_existing: get(&layer.on_existing).unwrap_or(OnExistingGroup::Reject),
        privileged,
        patch_response_members: get(&layer.patch_response_members)
            .map_or(built_in::PATCH_RESPONSE_MEMBERS, |n| n.0),
        roles,
    }
}

/// The roles of both layers; the upper one replaces those of the same group as a whole.
fn merged<'l>(
    upper: &'l RolesLayer,
    lower: &'l RolesLayer,
) -> impl Iterator<Item = (&'l Spanned<String>, &'l Vec<Spanned<RoleEntry>>)> {
    let own: BTreeSet<String> = upper.keys().map(|key| key.get_ref().to_lowercase()).collect();
    let inherited = lower.iter().filter(move |(key, _)| !own.contains(&key.get_ref().to_lowercase()));
    upper.iter().chain(inherited)
}

/// The groups of a layer in the order in which they stand in the file.
fn in_order(layer: &RolesLayer) -> Vec<(&Spanned<String>, &Vec<Spanned<RoleEntry>>)> {
    let mut entries: Vec<_> = layer.iter().collect();
    entries.sort_by_key(|(key, _)| key.span().start);
    entries
}

/// The role that an entry names; none where a name is missing.
fn role(entry: &RoleEntry) -> Option<GroupRole> {
    Some(match entry {
        RoleEntry::Realm(role) => GroupRole::Realm(role.0.clone()),
        RoleEntry::Client(layer) => {
            GroupRole::Client { client: get(&layer.client)?.0, role: get(&layer.role)?.0 }
        }
    })
}

/// Why a group can't carry this role. Some databases under Keycloak find a role without regard to case, so that "Admin"
/// may be its administrators' role.
fn refusal(role: &GroupRole, special: &SpecialRoles<'_>, privileged: bool) -> Option<String> {
    let power = match role {
        GroupRole::Realm(name) if name.eq_ignore_ascii_case(special.tag) => {
            return Some(format!(
                "{name:?} is the tag_role, which marks single users as managed over SCIM; a group would seem to lend it \
                 to all its members; expected another role"
            ));
        }
        GroupRole::Realm(name) if name.eq_ignore_ascii_case(ADMIN) => "is Keycloak's role of administrators",
        GroupRole::Realm(name) => {
            special.protected.iter().find(|protected| protected.eq_ignore_ascii_case(name))?;
            "is one of protected_roles"
        }
        GroupRole::Client { client, role } => {
            if !client.eq_ignore_ascii_case(REALM_MANAGEMENT)
                || ONLY_LOOK.iter().any(|look| role.starts_with(look))
            {
                return None;
            }
            "administers the realm"
        }
    };
    (!privileged).then(|| {
        format!(
            "\"{role}\" {power}, and whoever may write to this realm's SCIM could give it to anybody; expected another \
             role, or the group in privileged as well if that is meant"
        )
    })
}
