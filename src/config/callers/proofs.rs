//! Who has proved itself how: no proof stands for two callers of a realm, its organizations included.

use std::collections::{BTreeMap, BTreeSet};

use crate::config::{CallerName, OrganizationKey, RealmName};

use super::{Caller, CallerAuth, External, RealmTokens, SecretHash};

/// Claims that have one value by their nature, so that no token has what two callers require of one of them: who the
/// token is about, the client that it was issued to, and the tenant, organization or domain of its issuer.
const SINGLE_CLAIMS: [&str; 9] = ["appid", "azp", "cid", "client_id", "hd", "oid", "org_id", "sub", "tid"];

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
#[derive(Clone, Default)]
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
    /// Notes everything that stands for a caller that was checked by itself.
    ///
    /// # Errors
    /// Who has some of it already.
    pub(in crate::config) fn caller(&mut self, tenant: &Tenant<'_>, caller: &Caller) -> Result<(), String> {
        let name = &caller.name;
        let noted: Vec<Result<(), String>> = match &caller.auth {
            CallerAuth::Token { tokens } => {
                tokens.iter().map(|token| self.hash(tenant, name, &token.hash)).collect()
            }
            CallerAuth::Basic { user, passwords } => {
                let user = self.user(tenant, name, user);
                let passwords = passwords.iter().map(|password| self.hash(tenant, name, &password.hash));
                std::iter::once(user).chain(passwords).collect()
            }
            CallerAuth::Keycloak(tokens) if tokens.clients.is_empty() => {
                vec![self.roles(tenant, name, tokens)]
            }
            CallerAuth::Keycloak(tokens) => {
                tokens.clients.iter().map(|client| self.client(tenant, name, client)).collect()
            }
            CallerAuth::External(tokens) => vec![self.external(tenant, name, tokens)],
        };
        noted.into_iter().collect()
    }

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
                SINGLE_CLAIMS.contains(&claim.as_str())
                    && other.required_claims.get(claim).is_some_and(|others| values.is_disjoint(others))
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
