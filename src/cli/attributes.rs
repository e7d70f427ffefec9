//! What administrators of a realm have set in Keycloak as attributes of the realm and of its organizations.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::config::{Config, Explanation, OrganizationKey, Realm, RealmAttributes, override_with};
use crate::keycloak::{self, Connection, OrganizationRepresentation};

use super::gateway::Manner;
use super::realms::connection;

/// The attributes of a realm, and of those of its organizations that are served, as far as the configuration asks for
/// them.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Attributes(RealmAttributes);

/// Does the configuration ask for them?
pub(super) fn are_wanted(realm: &Realm) -> bool {
    realm.realm_attributes || realm.organizations.values().any(|organization| organization.realm_attributes)
}

/// The realms of which it does.
pub(super) fn wanting(config: &Config) -> impl Iterator<Item = &Arc<Realm>> {
    config.realms.values().filter(|realm| are_wanted(realm))
}

/// Have those that were read for `known` what is asked for `wanted`, of the same Keycloak?
pub(super) fn cover(known: &Realm, wanted: &Realm) -> bool {
    let asks = |organizations: &BTreeMap<OrganizationKey, Arc<Realm>>, key| {
        organizations.get(key).is_some_and(|organization| organization.realm_attributes)
    };
    known.keycloak == wanted.keycloak
        && known.realm_attributes >= wanted.realm_attributes
        && wanted
            .organizations
            .keys()
            .all(|key| asks(&known.organizations, key) >= asks(&wanted.organizations, key))
}

/// Reads them.
///
/// # Errors
/// Keycloak's.
pub(super) async fn read(connection: &Arc<Connection>, realm: &Realm) -> keycloak::Result<Attributes> {
    let client = connection.for_request("attributes");
    let mut attributes = RealmAttributes::default();
    if realm.realm_attributes {
        let found = client.realm().await?.attributes.unwrap_or_default();
        let texts = found.into_iter().filter_map(|(name, value)| Some((name, value.as_str()?.to_owned())));
        attributes.realm = texts.collect();
    }
    if realm.organizations.values().any(|organization| organization.realm_attributes) {
        let found = client.organizations().await?;
        for (key, _) in realm.organizations.iter().filter(|(_, organization)| organization.realm_attributes) {
            let name: &str = key.as_ref();
            let is =
                |found: &&OrganizationRepresentation| found.id.as_ref().is_some_and(|id| id.as_ref() == name);
            let by_alias = |found: &&OrganizationRepresentation| found.alias == name;
            let Some(found) = found.iter().find(is).or_else(|| found.iter().find(by_alias)) else { continue };
            // An organization that is there by its id as well is served by that.
            let id = found.id.as_ref().map(AsRef::as_ref);
            if id.is_some_and(|id: &str| id != name && realm.organizations.contains_key(id)) {
                continue;
            }
            let first = |values: &Vec<String>| values.first().cloned();
            let texts =
                found.attributes.iter().filter_map(|(name, values)| Some((name.clone(), first(values)?)));
            attributes.organizations.insert(key.clone(), texts.collect());
        }
    }
    Ok(Attributes(attributes))
}

/// Lays over an explanation what the attributes of the realm, or of the organization, override. Gives what is to be said
/// besides: attributes that can't be used, or that Keycloak could not be asked.
pub(super) async fn lay_over(
    explanation: &mut Explanation,
    realm: &Realm,
    organization: Option<&OrganizationKey>,
) -> Vec<String> {
    if !are_wanted(realm) {
        return Vec::new();
    }
    let manner = Manner { dry_run: true, ..Manner::default() };
    let connection = match connection(realm, &manner) {
        Ok((connection, _)) => connection,
        Err(error) => return vec![format!("attributes of the realm in Keycloak are not shown: {error}")],
    };
    match read(&connection, realm).await {
        Ok(attributes) => {
            let overridden = override_with(realm, &attributes.0);
            explanation.lay_over(overridden.overrides(organization).iter().cloned());
            overridden.problems(organization).to_vec()
        }
        Err(error) => vec![format!("attributes of the realm in Keycloak are not shown: {error}")],
    }
}

impl Attributes {
    /// A realm's configuration with what they say, in the realm and in its organizations; and what can't be used of them.
    pub(super) fn over(&self, realm: &Realm) -> (Realm, Vec<String>) {
        let overridden = override_with(realm, &self.0);
        let problems = overridden.all_problems();
        (overridden.realm, problems)
    }
}
