//! What all tenants of one realm have in common, also before and after their configuration changes.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use crate::keycloak::OrganizationId;

use super::groups::AtRest;
use super::locks::Locks;

/// Locks on the realm's users and groups, and which of its organizations are tenants. Whoever serves the same realm, or a
/// part of it, in one process must share it: users may belong to several tenants.
#[derive(Debug, Default, Clone)]
pub struct Commons(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    locks: Locks,
    at_rest: AtRest,
    /// The organizations that are served, by their keys in the configuration.
    organizations: RwLock<BTreeMap<String, OrganizationId>>,
}

impl Commons {
    pub(super) fn locks(&self) -> &Locks {
        &self.0.locks
    }

    /// Groups whose members have come to rest.
    pub(super) fn at_rest(&self) -> &AtRest {
        &self.0.at_rest
    }

    /// Takes note of an organization that is served; gives the other key under which it is served already, if it is. Its id
    /// takes it over from its alias.
    pub(super) fn found(&self, key: &str, id: OrganizationId) -> Option<String> {
        let mut organizations = self.0.organizations.write().unwrap_or_else(PoisonError::into_inner);
        if key == id.as_ref() {
            organizations.retain(|_, known| *known != id);
        }
        let other = organizations.iter().find(|(other, known)| **known == id && *other != key);
        if let Some((other, _)) = other {
            return Some(other.clone());
        }
        organizations.insert(key.to_owned(), id);
        None
    }

    /// Forgets the organizations whose keys are not among these.
    pub fn keep_organizations<'k>(&self, keys: impl IntoIterator<Item = &'k str> + Clone) {
        let mut organizations = self.0.organizations.write().unwrap_or_else(PoisonError::into_inner);
        organizations.retain(|known, _| keys.clone().into_iter().any(|key| key == known));
    }

    /// Is any organization of the realm served?
    pub(super) fn has_organizations(&self) -> bool {
        !self.0.organizations.read().unwrap_or_else(PoisonError::into_inner).is_empty()
    }

    /// Is this organization served?
    pub(super) fn serves(&self, id: &OrganizationId) -> bool {
        let organizations = self.0.organizations.read().unwrap_or_else(PoisonError::into_inner);
        organizations.values().any(|known| known == id)
    }
}
