//! The steps in Keycloak that concern the realm: that it exists, its role, its user profile, and
//! that usernames can change.

use std::collections::{HashSet, VecDeque};

use serde_json::{Value, json};

use super::administrator::{Administrator, Record};
use super::profile::{self, Declaration};
use super::{SetupArgs, SetupError};
use crate::keycloak::{OrganizationRepresentation, RealmRepresentation};

/// How many composite roles are looked into at most when the default roles are searched.
const MAX_COMPOSITES: usize = 500;

/// The realm, made if that is wished.
pub(super) async fn ensure_realm(
    admin: &Administrator,
    args: &SetupArgs,
    record: &mut Record,
) -> Result<RealmRepresentation, SetupError> {
    let look = "reading the realm";
    let realm = &args.realm;
    let found = admin.told(look, admin.client.find_realm().await)?;
    let found = match found {
        Some(found) => found,
        None if args.create_realm => {
            admin.told("creating the realm", admin.client.create_realm().await)?;
            record.changed(format!("realm {realm} created"));
            admin.told(look, admin.client.realm().await)?
        }
        None => {
            return Err(SetupError::NoRealm { realm: realm.clone() });
        }
    };
    if found.enabled { Ok(found) } else { Err(SetupError::RealmDisabled { realm: realm.clone() }) }
}

/// The realm role that marks managed users: plain, and nobody's by default.
pub(super) async fn ensure_role(
    admin: &Administrator,
    realm: &RealmRepresentation,
    role: &str,
    record: &mut Record,
) -> Result<(), SetupError> {
    let look = "reading the realm's roles";
    let Some(found) = admin.told(look, admin.client.realm_role(role).await)? else {
        let made = admin
            .client
            .create_realm_role(role, "Users that identity providers manage through scimgate")
            .await;
        admin.told("creating the realm role", made)?;
        record.changed(format!("realm role {role} created"));
        return Ok(());
    };
    let refused = |reason| SetupError::Role { role: role.to_owned(), realm: realm.realm.clone(), reason };
    if found.composite {
        return Err(refused(
            "it brings other roles with it, so that whoever is provisioned would get them. Remove its associated roles",
        ));
    }
    if is_default(admin, realm, &found.id).await? {
        return Err(refused(
            "it is among the realm's default roles, so that every new user would count as provisioned. Remove it from the default roles (Realm settings > User registration)",
        ));
    }
    Ok(())
}

/// Whether every new user gets the role, through composites of composites too.
async fn is_default(
    admin: &Administrator,
    realm: &RealmRepresentation,
    role_id: &str,
) -> Result<bool, SetupError> {
    let mut open = VecDeque::new();
    open.extend(realm.default_role.as_ref().map(|role| role.id.clone()));
    let mut seen: HashSet<String> = HashSet::new();
    while let Some(composite) = open.pop_front() {
        if !seen.insert(composite.clone()) || seen.len() > MAX_COMPOSITES {
            continue;
        }
        let parts = admin.client.role_composites(&composite).await;
        for part in admin.told("reading the realm's default roles", parts)? {
            if part.id == role_id {
                return Ok(true);
            }
            if part.composite {
                open.push_back(part.id);
            }
        }
    }
    Ok(false)
}

/// Declares the attributes, and lets usernames change through Admin REST but not by the people
/// themselves. The profile is written first, so that they never can in between.
///
/// Where usernames could change already, that is somebody's decision and stays as it is.
pub(super) async fn ensure_profile(
    admin: &Administrator,
    realm: &RealmRepresentation,
    declarations: &[&[Declaration<'_>]],
    record: &mut Record,
) -> Result<(), SetupError> {
    let found = admin.client.user_profile().await;
    let mut wanted = admin.told("reading the user profile", found)?;
    let mut changes = Vec::new();
    for declarations in declarations {
        let added = profile::declare(&mut wanted, declarations);
        if !added.is_empty() {
            changes.push(format!("user profile: declared {}", added.join(", ")));
        }
    }
    let mended = profile::mend(&mut wanted);
    if !mended.is_empty() {
        changes
            .push(format!("user profile: mended {}, which the gateway keeps for itself", mended.join(", ")));
    }
    let open_usernames = !realm.edit_username_allowed;
    if open_usernames && profile::reserve_username(&mut wanted) {
        changes.push("user profile: only administrators may edit username".to_owned());
    }
    if !changes.is_empty() {
        let written = admin.client.update_user_profile(&wanted).await;
        admin.told("changing the user profile", written)?;
        for change in changes {
            record.changed(change);
        }
    }
    if open_usernames {
        let change = json!({"editUsernameAllowed": true});
        let written = admin.client.update_realm(&change).await;
        admin.told("letting usernames change", written)?;
        record.changed("realm: usernames may change (editUsernameAllowed)".to_owned());
    }
    Ok(())
}

/// The identity provider that users are to be linked to must be there: Keycloak would take links to one that is not.
pub(super) async fn check_identity_provider(admin: &Administrator, alias: &str) -> Result<(), SetupError> {
    let doing = "looking for the identity provider";
    match admin.told(doing, admin.client.has_identity_provider(alias).await)? {
        Some(true) => Ok(()),
        Some(false) => Err(SetupError::NoIdentityProvider {
            alias: alias.to_owned(),
            realm: admin.client.realm_name().to_owned(),
        }),
        None => Err(admin.may_not(doing)),
    }
}

/// The organization that is to be served must be there, in a realm that has organizations.
pub(super) async fn ensure_organization(
    admin: &Administrator,
    realm: &RealmRepresentation,
    args: &SetupArgs,
    record: &mut Record,
) -> Result<(), SetupError> {
    let Some(alias) = &args.organization else { return Ok(()) };
    let are_on = realm.rest.get("organizationsEnabled").and_then(Value::as_bool).unwrap_or_default();
    if !are_on && !args.enable_organizations {
        return Err(SetupError::NoOrganizations { realm: realm.realm.clone() });
    }
    let turn = async |on: bool| admin.client.update_realm(&json!({"organizationsEnabled": on})).await;
    if !are_on {
        // While they are off, Keycloak tells nothing of them.
        admin.told("turning organizations on", turn(true).await)?;
    }
    let found = named_organization(admin, realm, alias).await;
    if !are_on {
        if found.is_err() {
            admin.told("turning organizations off again", turn(false).await)?;
        } else {
            record.changed("realm: organizations turned on (organizationsEnabled)".to_owned());
        }
    }
    if !found?.enabled {
        record.warn(format!("the organization {alias} is disabled in Keycloak: its members can't sign in"));
    }
    Ok(())
}

/// The organization with this id or alias. An id is nobody else's, so it comes first, as where the organization is served.
async fn named_organization(
    admin: &Administrator,
    realm: &RealmRepresentation,
    name: &str,
) -> Result<OrganizationRepresentation, SetupError> {
    let found = admin.told("reading the realm's organizations", admin.client.organizations().await)?;
    let by_id = found.iter().find(|found| found.id.as_ref().is_some_and(|id| id.as_ref() == name));
    let found = by_id.or_else(|| found.iter().find(|found| found.alias == name));
    found.cloned().ok_or_else(|| SetupError::NoOrganization {
        organization: name.to_owned(),
        realm: realm.realm.clone(),
    })
}
