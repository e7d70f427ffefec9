//! Who has proved itself how: no proof stands for two callers of a realm, its organizations included.

use std::collections::{BTreeMap, BTreeSet};

use crate::config::{CallerName, OrganizationKey, RealmName};

use super::{External, RealmTokens, SecretHash};

/// The tenant whose callers are checked.
#[derive(Clone, Copy)]
pub(in crate::config) struct Tenant<'a> {
    pub(in crate::config) realm: &'a RealmName,
    pub(in crate::config) organization: Option<&'a OrganizationKey>,
    /// The gateway's own client in the realm.
    pub(in crate::config) own_client: &'a str,
    /// The realm's own issuer, where it is known.
    pub(in crate::config) issuer: Option<&'a str>,
}

impl<'a> Tenant<'a> {
    /// The names of its table, from the top.
    pub(in crate::config) fn table(&self) -> Vec<&'a str> {
        let organization = self.organization.map(|key| ["organizations", key.as_ref()]);
        ["realms", self.realm.as_ref()].into_iter().chain(organization.into_iter().flatten()).collect()
    }
}

/// A caller that has a proof already.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Holder {
    realm: RealmName,
    organization: Option<OrganizationKey>,
    caller: CallerName,
}

impl Holder {
    /// Who it is, as told to somebody who looks at `tenant`.
    fn told(&self, tenant: &Tenant<'_>) -> String {
        let caller = format!("the caller {}", self.caller);
        if self.realm != *tenant.realm {
            let organization = self.organization.as_ref().map(|key| format!(" of the organization {key}"));
            return format!("{caller}{} of the realm {}", organization.unwrap_or_default(), self.realm);
        }
        match (&self.organization, tenant.organization) {
            (one, other) if one.as_ref() == other => caller,
            (Some(key), _) => format!("{caller} of the organization {key}"),
            (None, _) => format!("{caller} of the realm itself"),
        }
    }
}

/// The proofs of all callers that were looked at.
#[derive(Default)]
pub(in crate::config) struct Proofs {
    /// Of all realms: by what the hash is.
    hashes: BTreeMap<Vec<u8>, Holder>,
    /// By realm and client id.
    clients: BTreeMap<(RealmName, String), Holder>,
    /// By realm and user-id.
    users: BTreeMap<(RealmName, String), Holder>,
    /// Callers that are told by roles alone.
    by_role: Vec<(Holder, RealmTokens)>,
    external: Vec<(Holder, External)>,
}

impl Proofs {
    /// Notes that a hash stands for `caller`.
    ///
    /// # Errors
    /// Who has it already.
    pub(super) fn hash(
        &mut self,
        tenant: &Tenant<'_>,
        caller: &CallerName,
        hash: &SecretHash,
    ) -> Result<(), String> {
        let key = match hash {
            SecretHash::Sha256(hash) => hash.to_vec(),
            SecretHash::Argon2(hash) => hash.clone().into_bytes(),
        };
        note(&mut self.hashes, key, tenant, caller)
    }

    /// Notes that a client of the realm stands for `caller`.
    ///
    /// # Errors
    /// Who has it already.
    pub(super) fn client(
        &mut self,
        tenant: &Tenant<'_>,
        caller: &CallerName,
        client: &str,
    ) -> Result<(), String> {
        note(&mut self.clients, (tenant.realm.clone(), client.to_owned()), tenant, caller)
    }

    /// Notes that a user-id stands for `caller`: whether two passwords are one, no hash tells.
    ///
    /// # Errors
    /// Who has it already.
    pub(super) fn user(
        &mut self,
        tenant: &Tenant<'_>,
        caller: &CallerName,
        user: &str,
    ) -> Result<(), String> {
        note(&mut self.users, (tenant.realm.clone(), user.to_owned()), tenant, caller)
    }

    /// Notes that tokens of the realm stand for `caller`, whatever client they were issued to.
    ///
    /// # Errors
    /// Who takes the same tokens already.
    pub(super) fn roles(
        &mut self,
        tenant: &Tenant<'_>,
        caller: &CallerName,
        tokens: &RealmTokens,
    ) -> Result<(), String> {
        let alike =
            |one: &BTreeSet<String>, other: &BTreeSet<String>| one.is_subset(other) || other.is_subset(one);
        let same = |other: &RealmTokens| {
            alike(&tokens.roles, &other.roles)
                && alike(&tokens.scopes, &other.scopes)
                && overlap(&tokens.audiences, &other.audiences)
        };
        let found = self.by_role.iter().find(|(holder, other)| holder.realm == *tenant.realm && same(other));
        let found = found.map(|(holder, _)| holder.told(tenant));
        self.by_role.push((holder(tenant, caller), tokens.clone()));
        found.map_or(Ok(()), Err)
    }

    /// Notes that tokens of another issuer stand for `caller`.
    ///
    /// # Errors
    /// Who takes some of the same tokens already.
    pub(super) fn external(
        &mut self,
        tenant: &Tenant<'_>,
        caller: &CallerName,
        tokens: &External,
    ) -> Result<(), String> {
        let same = |other: &External| {
            let claims_differ = tokens.required_claims.iter().any(|(claim, values)| {
                other.required_claims.get(claim).is_some_and(|others| values.is_disjoint(others))
            });
            tokens.issuer == other.issuer
                && overlap(&tokens.audiences, &other.audiences)
                && overlap(&tokens.clients, &other.clients)
                && !claims_differ
        };
        let found = self.external.iter().find(|(holder, other)| holder.realm == *tenant.realm && same(other));
        let found = found.map(|(holder, _)| holder.told(tenant));
        self.external.push((holder(tenant, caller), tokens.clone()));
        found.map_or(Ok(()), Err)
    }
}

/// Whether one may have what the other has; an empty set stands for anything.
fn overlap(one: &BTreeSet<String>, other: &BTreeSet<String>) -> bool {
    one.is_empty() || other.is_empty() || !one.is_disjoint(other)
}

fn holder(tenant: &Tenant<'_>, caller: &CallerName) -> Holder {
    let (realm, organization) = (tenant.realm.clone(), tenant.organization.cloned());
    Holder { realm, organization, caller: caller.clone() }
}

fn note<K: Ord>(
    known: &mut BTreeMap<K, Holder>,
    key: K,
    tenant: &Tenant<'_>,
    caller: &CallerName,
) -> Result<(), String> {
    if let Some(other) = known.get(&key) {
        return Err(other.told(tenant));
    }
    known.insert(key, holder(tenant, caller));
    Ok(())
}
