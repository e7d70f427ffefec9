//! What a realm's administrators set in Keycloak as attributes of the realm, or of an organization, over the configuration.
//!
//! The keys are those of an extension that lives inside Keycloak, so that a realm that was set up for it keeps working.

mod tenant;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;

use super::callers::{Proofs, Tenant};
use super::explain::Effective;
use super::{Caller, OrganizationKey, Realm};

use self::tenant::{CALLER, EMAIL_AS_USERNAME_KEY};

/// The attributes of a realm, and of those of its organizations that are served.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RealmAttributes {
    /// The realm's own.
    pub realm: BTreeMap<String, String>,
    /// Those of its organizations, by their keys in the configuration.
    pub organizations: BTreeMap<OrganizationKey, BTreeMap<String, String>>,
}

/// A realm's configuration with what attributes say of it and of its organizations.
#[derive(Clone, Debug)]
pub struct Overridden {
    /// As it holds.
    pub realm: Realm,
    /// What the attributes say of each tenant; none is the realm itself.
    said: BTreeMap<Option<OrganizationKey>, Said>,
}

/// What attributes say of a tenant.
#[derive(Clone, Debug, Default)]
struct Said {
    overrides: Vec<Effective>,
    problems: Vec<String>,
}

impl Overridden {
    /// What was overridden of the realm, or of an organization.
    pub fn overrides(&self, organization: Option<&OrganizationKey>) -> &[Effective] {
        self.said.get(&organization.cloned()).map(|said| said.overrides.as_slice()).unwrap_or_default()
    }

    /// The attributes of the realm, or of an organization, that are passed over, each with the reason.
    pub fn problems(&self, organization: Option<&OrganizationKey>) -> &[String] {
        self.said.get(&organization.cloned()).map(|said| said.problems.as_slice()).unwrap_or_default()
    }

    /// The same of all tenants, with the organization's name.
    pub fn all_problems(&self) -> Vec<String> {
        let told = |(key, said): (&Option<OrganizationKey>, &Said)| -> Vec<String> {
            let of = key.as_ref().map(|key| format!("organization {key}: ")).unwrap_or_default();
            said.problems.iter().map(|problem| format!("{of}{problem}")).collect()
        };
        self.said.iter().flat_map(told).collect()
    }
}

/// A caller that attributes speak of.
struct Candidate {
    organization: Option<OrganizationKey>,
    caller: Caller,
}

/// Lays the attributes in Keycloak over a realm's configuration and over those of its organizations, as far as each asks for
/// its own. Callers that the file names stay as they are; the attributes of a tenant add one, named `realm-attributes`,
/// unless a token for it could be one for another caller of the realm. Attributes that can't be used are told and passed
/// over.
pub fn override_with(realm: &Realm, attributes: &RealmAttributes) -> Overridden {
    let nothing = BTreeMap::new();
    let mut over = realm.clone();
    let mut own = Said::default();
    let mut candidates = Vec::new();
    if realm.realm_attributes {
        let caller = tenant::lay_over(&mut over, &attributes.realm, &mut own);
        candidates.extend(caller.map(|caller| Candidate { organization: None, caller }));
    }
    // An organization takes from its realm what the file lets it take, whoever says it there.
    let passed_on = own.overrides.iter().find(|over| over.key == EMAIL_AS_USERNAME_KEY).cloned();
    let mut said = BTreeMap::from([(None, own)]);
    for (key, organization) in &mut over.organizations {
        let mut tenant = Realm::clone(organization);
        let mut its = Said::default();
        if let Some(passed_on) = passed_on.as_ref().filter(|_| !tenant.says_email_as_username) {
            tenant.email_as_username = over.email_as_username;
            its.overrides.push(passed_on.clone());
        }
        if tenant.realm_attributes {
            let attributes = attributes.organizations.get(key).unwrap_or(&nothing);
            let caller = tenant::lay_over(&mut tenant, attributes, &mut its);
            let candidate = |caller| Candidate { organization: Some(key.clone()), caller };
            candidates.extend(caller.map(candidate));
        }
        *organization = Arc::new(tenant);
        said.insert(Some(key.clone()), its);
    }
    admit(realm, candidates, &mut over, &mut said);
    Overridden { realm: over, said }
}

/// Lets those call whose proofs stand for nobody else. Of two by attributes that nobody could tell apart, neither is.
fn admit(
    realm: &Realm,
    candidates: Vec<Candidate>,
    over: &mut Realm,
    said: &mut BTreeMap<Option<OrganizationKey>, Said>,
) {
    let tenants = || std::iter::once(realm).chain(realm.organizations.values().map(AsRef::as_ref));
    let mut of_file = Proofs::default();
    for tenant in tenants() {
        for caller in tenant.callers.values() {
            // The file was checked: none of these is another's.
            let _same = of_file.caller(&tenant_of(realm, tenant.organization.as_ref()), caller);
        }
    }
    let taken: Vec<Option<String>> = candidates
        .iter()
        .map(|candidate| {
            let tenant = tenant_of(realm, candidate.organization.as_ref());
            let others =
                candidates.iter().filter(|other| other.organization != candidate.organization).map(|other| {
                    let mut proofs = Proofs::default();
                    let _first = proofs.caller(&tenant_of(realm, other.organization.as_ref()), &other.caller);
                    proofs
                });
            let mut all = std::iter::once(of_file.clone()).chain(others);
            all.find_map(|mut proofs| proofs.caller(&tenant, &candidate.caller).err())
        })
        .collect();
    for (Candidate { organization, caller }, taken) in candidates.into_iter().zip(taken) {
        let tenant = match &organization {
            None => &mut *over,
            Some(key) => match over.organizations.get_mut(key) {
                Some(tenant) => Arc::make_mut(tenant),
                None => continue,
            },
        };
        match taken {
            None => {
                tenant.callers.insert(caller.name.clone(), caller);
            }
            Some(other) => {
                let reason = format!(
                    "{other} can be proved by the same tokens, and none may stand for two; nobody is {CALLER} here"
                );
                tenant::refuse_caller(tenant, said.entry(organization).or_default(), &reason);
            }
        }
    }
}

fn tenant_of<'r>(realm: &'r Realm, organization: Option<&'r OrganizationKey>) -> Tenant<'r> {
    Tenant {
        realm: &realm.name,
        organization,
        own_client: &realm.keycloak.client_id,
        issuer: Some(&realm.issuer),
    }
}
