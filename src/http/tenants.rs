//! The tenants that are served, realms and organizations: callers and engine, held together for a request's life.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use arc_swap::ArcSwap;
use tokio::sync::Semaphore;

use crate::auth::Authenticator;
use crate::config::{OrganizationKey, RealmName, Server};
use crate::engine::Engine;
use crate::telemetry::Mask;

use super::limits::{CallerLimits, InstanceLimits};
use super::token_endpoint::{TokenEndpoint, TokenLimits};

/// Tells whether an organization has this name as well, its id or its alias.
pub type OtherName = Arc<dyn Fn(&str) -> bool + Send + Sync>;

/// A realm, or one of its organizations, as its callers meet it.
pub struct Tenant {
    /// The realm.
    pub realm: RealmName,
    /// The organization; none for the realm itself.
    pub organization: Option<OrganizationKey>,
    /// By which other names the organization may be asked for.
    pub is_also: OtherName,
    /// Who may call.
    pub authenticator: Authenticator,
    /// How often each of them may.
    pub limits: CallerLimits,
    /// What requests mean.
    pub engine: Engine,
    /// The realm's token endpoint, where it is forwarded; none for organizations.
    pub token_endpoint: Option<TokenEndpoint>,
    /// How personal data stands in the log.
    pub mask: Mask,
    /// The largest body, in bytes.
    pub max_body_bytes: usize,
}

impl fmt::Debug for Tenant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Tenant");
        shown.field("realm", &self.realm).field("organization", &self.organization).finish_non_exhaustive()
    }
}

/// A realm that is served.
#[derive(Debug, Default)]
struct Served {
    realm: Option<Arc<Tenant>>,
    organizations: BTreeMap<OrganizationKey, Arc<Tenant>>,
}

/// All tenants. They may be exchanged while requests go on: each holds its own to its end.
#[derive(Debug)]
pub struct Tenants {
    realms: ArcSwap<BTreeMap<RealmName, Served>>,
    /// How many token requests there may be at once.
    pub token_limits: TokenLimits,
    /// Places for requests whose caller can't be told at once.
    pub unproven: Semaphore,
    /// How often all callers together may call, and whose word is taken for where they call from.
    pub instance: InstanceLimits,
}

impl Tenants {
    /// These tenants.
    pub fn new(tenants: impl IntoIterator<Item = Arc<Tenant>>, server: &Server) -> Self {
        Self {
            realms: ArcSwap::from_pointee(by_realm(tenants)),
            token_limits: TokenLimits::of(server.max_concurrent_requests),
            unproven: Semaphore::new((server.max_concurrent_requests / 2).max(1)),
            instance: InstanceLimits::of(server),
        }
    }

    /// Serves these instead, from the next request on.
    pub fn exchange(&self, tenants: impl IntoIterator<Item = Arc<Tenant>>) {
        self.realms.store(Arc::new(by_realm(tenants)));
    }

    /// The tenant of that realm, or of that organization in it.
    pub fn get(&self, realm: &str, organization: Option<&str>) -> Option<Arc<Tenant>> {
        let realms = self.realms.load();
        let served = realms.get(realm)?;
        let Some(name) = organization else { return served.realm.clone() };
        let organizations = &served.organizations;
        let found = organizations.get(name);
        found.or_else(|| organizations.values().find(|tenant| (tenant.is_also)(name))).cloned()
    }
}

fn by_realm(tenants: impl IntoIterator<Item = Arc<Tenant>>) -> BTreeMap<RealmName, Served> {
    let mut realms: BTreeMap<RealmName, Served> = BTreeMap::new();
    for tenant in tenants {
        let served = realms.entry(tenant.realm.clone()).or_default();
        match tenant.organization.clone() {
            None => served.realm = Some(tenant),
            Some(key) => {
                served.organizations.insert(key, tenant);
            }
        }
    }
    realms
}
