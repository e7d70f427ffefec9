//! The tenants that are served: a realm's configuration, callers and engine, held together for a request's life.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::auth::Authenticator;
use crate::config::{OrganizationKey, RealmName, Server};
use crate::engine::Engine;
use crate::telemetry::Mask;

use super::limits::{CallerLimits, InstanceLimits};
use super::token_endpoint::{TokenEndpoint, TokenLimits};

/// A realm as its callers meet it.
#[derive(Debug)]
pub struct Tenant {
    /// The realm.
    pub realm: RealmName,
    /// The organization of it that this is; none for the realm itself.
    pub organization: Option<OrganizationKey>,
    /// Who may call.
    pub authenticator: Authenticator,
    /// How often each of them may.
    pub limits: CallerLimits,
    /// What requests mean.
    pub engine: Engine,
    /// The realm's token endpoint, where it is forwarded.
    pub token_endpoint: Option<TokenEndpoint>,
}

/// All tenants.
#[derive(Debug)]
pub struct Tenants {
    tenants: BTreeMap<RealmName, Arc<Tenant>>,
    /// How personal data stands in the log.
    pub mask: Mask,
    /// The largest body, in bytes.
    pub max_body_bytes: usize,
    /// How many token requests there may be at once.
    pub token_limits: TokenLimits,
    /// How often all callers together may call, and whose word is taken for where they call from.
    pub instance: InstanceLimits,
}

impl Tenants {
    /// These tenants.
    pub fn new(tenants: Vec<Tenant>, mask: Mask, server: &Server) -> Self {
        let tenants = tenants.into_iter().map(|tenant| (tenant.realm.clone(), Arc::new(tenant)));
        Self {
            tenants: tenants.collect(),
            mask,
            max_body_bytes: server.max_body_bytes,
            token_limits: TokenLimits::of(server.max_concurrent_requests),
            instance: InstanceLimits::of(server),
        }
    }

    /// The tenant of that realm.
    pub fn get(&self, realm: &str) -> Option<&Arc<Tenant>> {
        self.tenants.get(realm)
    }
}
