//! What administrators of a realm have set in Keycloak as attributes of the realm and of its organizations.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::config::{Config, Explanation, OrganizationKey, Overridden, Realm, override_with};
use crate::keycloak::{self, Connection, OrganizationRepresentation};

use super::gateway::Manner;
use super::realms::connection;

/// The attributes of a realm, and of those of its organizations that are served, as far as the configuration asks for
/// them.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Attributes {
    realm: BTreeMap<String, String>,
    organizations: BTreeMap<OrganizationKey, BTreeMap<String, String>>,
}

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
    let mut attributes = Attributes::default();
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
            let first = |values: &Vec<String>| values.first().cloned();
            let texts =
                found.attributes.iter().filter_map(|(name, values)| Some((name.clone(), first(values)?)));
            attributes.organizations.insert(key.clone(), texts.collect());
        }
    }
    Ok(attributes)
}

/// Lays over an explanation what the attributes of the realm, or of the organization, override. Gives what is to be said
/// besides: attributes that can't be used, or that Keycloak could not be asked.
pub(super) async fn lay_over(
    explanation: &mut Explanation,
    realm: &Realm,
    organization: Option<&OrganizationKey>,
) -> Vec<String> {
    let tenant = organization.map_or(Some(realm), |key| realm.organizations.get(key).map(AsRef::as_ref));
    let Some(tenant) = tenant.filter(|tenant| tenant.realm_attributes) else { return Vec::new() };
    let manner = Manner { dry_run: true, ..Manner::default() };
    let connection = match connection(realm, &manner) {
        Ok((connection, _)) => connection,
        Err(error) => return vec![format!("attributes of the realm in Keycloak are not shown: {error}")],
    };
    match read(&connection, realm).await {
        Ok(attributes) => {
            let Overridden { overrides, problems, .. } = override_with(tenant, attributes.of(organization));
            explanation.lay_over(overrides);
            problems
        }
        Err(error) => vec![format!("attributes of the realm in Keycloak are not shown: {error}")],
    }
}

impl Attributes {
    /// The realm's own, or an organization's.
    pub(super) fn of(&self, organization: Option<&OrganizationKey>) -> &BTreeMap<String, String> {
        static NONE: BTreeMap<String, String> = BTreeMap::new();
        match organization {
            None => &self.realm,
            Some(key) => self.organizations.get(key).unwrap_or(&NONE),
        }
    }

    /// A realm's configuration with what they say, in the realm and in its organizations; and what can't be used of them.
    pub(super) fn over(&self, realm: &Realm) -> (Realm, Vec<String>) {
        let overridden = |tenant: &Realm| {
            let asked = tenant.realm_attributes;
            asked.then(|| override_with(tenant, self.of(tenant.organization.as_ref())))
        };
        let mut problems = Vec::new();
        let mut over = realm.clone();
        if let Some(Overridden { realm, problems: told, .. }) = overridden(realm) {
            over = realm;
            problems.extend(told);
        }
        for organization in over.organizations.values_mut() {
            if let Some(Overridden { realm, problems: told, .. }) = overridden(organization) {
                let key = realm.organization.as_ref().map(ToString::to_string).unwrap_or_default();
                *organization = realm.into();
                problems.extend(told.into_iter().map(|problem| format!("organization {key}: {problem}")));
            }
        }
        (over, problems)
    }
}
