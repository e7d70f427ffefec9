//! What the configuration says of groups, held against the realm.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use crate::keycloak::{AdminClient, Error, GroupId, Result, RoleRepresentation};

use super::super::power::{ADMIN, gives_power};
use super::{GroupRole, GroupSettings};

/// A configured role, found in the realm.
#[derive(Debug, Clone)]
pub(in super::super) struct KnownRole {
    /// The client that it belongs to; none for a realm role.
    pub client: Option<KnownClient>,
    /// The role.
    pub role: RoleRepresentation,
    /// The role that gives power, this one or one that it brings with it; none where it gives none.
    pub power: Option<String>,
}

/// A client, by both its ids.
#[derive(Debug, Clone)]
pub(in super::super) struct KnownClient {
    /// The `clientId`.
    pub client_id: String,
    /// The internal id.
    pub uuid: String,
}

/// Which roles mean power.
pub(in super::super) struct Protected<'a> {
    /// Realm roles, besides Keycloak's own.
    pub roles: &'a [String],
    /// The tag, which groups must not carry: all who join would look managed.
    pub tag: &'a str,
    /// The internal id of realm-management.
    pub realm_management: Option<&'a str>,
}

/// The group below which SCIM's groups live; none for the top level, or where it can't serve.
pub(in super::super) async fn parent(
    client: &AdminClient,
    settings: &GroupSettings,
    problems: &mut Vec<String>,
) -> Result<Option<GroupId>> {
    if settings.parent.is_empty() {
        return Ok(None);
    }
    let path = settings.parent.join("/");
    // From the top, since what a group above it carries, those below inherit.
    for depth in 1..=settings.parent.len() {
        let names = settings.parent.get(..depth).unwrap_or_default();
        let Some(group) = client.group_by_path(names).await? else {
            problems.push(format!("the group /{path} (groups.parent) is missing: create it in Keycloak"));
            return Ok(None);
        };
        if group.has_roles() {
            problems.push(format!(
                "the group \"{}\" carries roles, which every group below groups.parent would inherit: take them away",
                group.name
            ));
        }
        if depth == settings.parent.len() {
            return Ok(group.id);
        }
    }
    Ok(None)
}

/// The configured roles, as they are in the realm.
pub(in super::super) async fn roles(
    client: &AdminClient,
    settings: &GroupSettings,
    protected: &Protected<'_>,
    problems: &mut Vec<String>,
) -> Result<BTreeMap<String, Vec<KnownRole>>> {
    let mut found: BTreeMap<&GroupRole, Option<KnownRole>> = BTreeMap::new();
    for role in settings.roles.values().flatten().collect::<BTreeSet<_>>() {
        found.insert(role, find(client, role).await?);
    }
    let mut known = BTreeMap::new();
    for (group, roles) in &settings.roles {
        let mut carried = Vec::new();
        for role in roles {
            let Some(Some(mut known)) = found.get(role).cloned() else {
                problems.push(format!("the {role} (groups.roles) is missing"));
                continue;
            };
            if known.client.is_none() && known.role.name == protected.tag {
                problems.push(format!("groups.roles gives the group \"{group}\" the tag"));
                continue;
            }
            known.power = power(client, &known.role, protected).await?;
            match &known.power {
                Some(power) if !settings.privileged.contains(group) => problems.push(format!(
                    "groups.roles gives the group \"{group}\" administrative power ({role}, by {power}), and \
                     groups.privileged does not name it"
                )),
                _ => carried.push(known),
            }
        }
        known.insert(group.clone(), carried);
    }
    Ok(known)
}

async fn find(client: &AdminClient, role: &GroupRole) -> Result<Option<KnownRole>> {
    match role {
        GroupRole::Realm(name) => {
            Ok(client.realm_role(name).await?.map(|role| KnownRole { client: None, role, power: None }))
        }
        GroupRole::Client { client: client_id, role } => {
            let Some(uuid) = client.client_uuid(client_id).await? else { return Ok(None) };
            let role = client.client_role(&uuid, role).await?;
            let client = Some(KnownClient { client_id: client_id.clone(), uuid });
            Ok(role.map(|role| KnownRole { client, role, power: None }))
        }
    }
}

/// The role that gives power: this one, or one that it brings with it.
async fn power(
    client: &AdminClient,
    role: &RoleRepresentation,
    protected: &Protected<'_>,
) -> Result<Option<String>> {
    let mut seen = HashSet::new();
    let mut next = vec![role.clone()];
    while let Some(role) = next.pop() {
        if !seen.insert(role.id.clone()) {
            continue;
        }
        let is_power = if role.client_role {
            role.container_id.as_deref() == protected.realm_management && gives_power(&role.name)
        } else {
            role.name == ADMIN || protected.roles.contains(&role.name)
        };
        if is_power {
            return Ok(Some(role.name));
        }
        if role.composite {
            match client.role_composites(&role.id).await {
                Ok(brought) => next.extend(brought),
                Err(Error::NotFound { .. }) => {}
                Err(error) => return Err(error),
            }
        }
    }
    Ok(None)
}
