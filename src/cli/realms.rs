//! A realm's rooms, put together: one connection to Keycloak, and for the realm and each of its organizations a tenant.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio_util::task::TaskTracker;
use url::Url;

use crate::auth::Authenticator;
use crate::config::{self, CallerAuth, External, Realm, UnknownAttributes};
use crate::directory::admin::{self, AdminDirectory, Commons};
use crate::engine::{self, Engine};
use crate::http::{CallerLimits, Tenant, TokenClients, TokenEndpoint};
use crate::keycloak::{self, Connection, HttpClientError};
use crate::scim::Policy;
use crate::scim::list::PageSizes;
use crate::telemetry::Mask;

use super::gateway::Manner;

/// How long a connection to another issuer may take to be made.
const ISSUER_CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// How long one call of another issuer may take.
const ISSUER_TIMEOUT: Duration = Duration::from_secs(5);

/// A realm that can be served.
#[derive(Clone)]
pub(super) struct OpenRealm {
    /// The realm, then its organizations.
    pub tenants: Vec<Arc<Tenant>>,
    /// Theirs, in the same order.
    pub directories: Vec<AdminDirectory>,
}

/// What all realms are opened with.
pub(super) struct Opening<'a> {
    /// What clients see as the base of all URLs.
    pub public_url: &'a str,
    pub manner: &'a Manner,
    /// How personal data stands in the log.
    pub mask: Mask,
    /// The largest body, in bytes.
    pub max_body_bytes: usize,
    /// Takes what goes on after an answer.
    pub tasks: &'a TaskTracker,
}

impl Opening<'_> {
    /// Opens a realm. `commons` is what those have used who served it before; `previous` is as it was served until now.
    ///
    /// # Errors
    /// Where there can be no client for Keycloak.
    pub(super) fn realm(
        &self,
        realm: &Realm,
        commons: &Commons,
        previous: Option<&OpenRealm>,
    ) -> Result<OpenRealm, HttpClientError> {
        let (connection, http) = connection(realm, self.manner)?;
        let mut open = OpenRealm { tenants: Vec::new(), directories: Vec::new() };
        for config in std::iter::once(realm).chain(realm.organizations.values().map(AsRef::as_ref)) {
            let directory = AdminDirectory::new(
                Arc::clone(&connection),
                directory_settings(config, realm),
                commons.clone(),
                self.tasks.clone(),
            );
            let previous = previous.and_then(|open| {
                open.tenants.iter().find(|tenant| tenant.organization == config.organization)
            });
            let tenant = self.tenant(config, &directory, &http, previous.map(AsRef::as_ref))?;
            open.tenants.push(Arc::new(tenant));
            open.directories.push(directory);
        }
        Ok(open)
    }

    fn tenant(
        &self,
        config: &Realm,
        directory: &AdminDirectory,
        http: &reqwest::Client,
        previous: Option<&Tenant>,
    ) -> Result<Tenant, HttpClientError> {
        let engine = Engine::new(
            Arc::new(directory.clone()),
            Arc::new(directory.clone()),
            engine_settings(config, self.public_url),
            self.tasks.clone(),
        );
        let protocol = |name| {
            let segments = ["realms", config.name.as_ref(), "protocol", "openid-connect", name];
            config.keycloak.endpoint(&segments)
        };
        let names = directory.clone();
        let authenticator = Authenticator::new(config, http.clone(), protocol("certs"), issuer_http)?;
        let limits =
            previous.map_or_else(|| CallerLimits::of(config), |previous| previous.limits.for_next(config));
        Ok(Tenant {
            realm: config.name.clone(),
            organization: config.organization.clone(),
            is_also: Arc::new(move |name| names.is_also(name)),
            authenticator: match previous {
                Some(previous) => authenticator.after(&previous.authenticator),
                None => authenticator,
            },
            limits,
            engine,
            token_endpoint: token_endpoint(config, http.clone(), protocol("token")),
            mask: self.mask,
            max_body_bytes: self.max_body_bytes,
        })
    }
}

/// The connection to the realm's Keycloak, and the client by which it is made.
///
/// # Errors
/// Where there can be no such client.
pub(super) fn connection(
    realm: &Realm,
    manner: &Manner,
) -> Result<(Arc<Connection>, reqwest::Client), HttpClientError> {
    let way = &realm.keycloak;
    let http =
        keycloak::http_client(way.connect_timeout, way.timeout, way.ca_file.as_deref(), way.proxy.as_ref())?;
    let mut connection = Connection::new(
        way.url.clone(),
        realm.name.as_ref(),
        &way.client_id,
        way.client_secret.clone(),
        http.clone(),
    );
    if let Some(watcher) = &manner.calls {
        connection = connection.watched(watcher.clone());
    }
    if manner.dry_run {
        connection = connection.dry();
    }
    Ok((Arc::new(connection), http))
}

/// The way to another issuer's keys.
fn issuer_http(external: &External) -> Result<reqwest::Client, HttpClientError> {
    let (ca_file, proxy) = (external.ca_file.as_deref(), external.proxy.as_ref());
    keycloak::http_client(ISSUER_CONNECT_TIMEOUT, ISSUER_TIMEOUT, ca_file, proxy)
}

/// The base URL of a tenant, as it is typed into identity providers.
pub(super) fn base_url(public_url: &str, tenant: &Realm) -> String {
    let realm = format!("{public_url}/realms/{}/scim/v2", tenant.name);
    tenant.organization.as_ref().map_or_else(|| realm.clone(), |key| format!("{realm}/organizations/{key}"))
}

/// The forwarded token endpoint, where a caller may have use for it.
fn token_endpoint(realm: &Realm, http: reqwest::Client, url: Url) -> Option<TokenEndpoint> {
    // Organizations have no token endpoint of their own: the realm issues their clients' tokens.
    let tenants = std::iter::once(realm).chain(realm.organizations.values().map(AsRef::as_ref));
    let of_realm =
        tenants.flat_map(|tenant| tenant.callers.values()).filter_map(|caller| match &caller.auth {
            CallerAuth::Keycloak(tokens) => Some((&caller.name, &tokens.clients)),
            _ => None,
        });
    let mut clients =
        TokenClients { named: BTreeMap::new(), by_role: None, own: realm.keycloak.client_id.clone() };
    for (caller, named) in of_realm {
        if named.is_empty() {
            clients.by_role.get_or_insert_with(|| caller.clone());
        }
        clients.named.extend(named.iter().map(|client| (client.clone(), caller.clone())));
    }
    let some = clients.by_role.is_some() || !clients.named.is_empty();
    let wanted = realm.forward_token_endpoint && realm.organization.is_none() && some;
    wanted.then(|| TokenEndpoint::new(http, url, &realm.issuer, clients))
}

/// What a tenant's users and groups are kept by; `whole` is its realm with all organizations.
fn directory_settings(realm: &Realm, whole: &Realm) -> admin::Settings {
    admin::Settings {
        organization: realm.organization.as_ref().map(ToString::to_string),
        organizations: whole.organizations.keys().map(ToString::to_string).collect(),
        tag_role: realm.tag_role.clone(),
        protected_roles: realm.protected_roles.clone(),
        user: Arc::clone(&realm.user),
        attribute_map: realm.attribute_map.clone(),
        built_in_map: config::built_in_attribute_map(),
        email_as_username: realm.email_as_username,
        trust_email: realm.trust_email,
        reactivate_local: realm.reactivate_local,
        groups: group_settings(&realm.groups),
        callers: realm.callers.keys().map(ToString::to_string).collect(),
        shared: match realm.shared {
            config::Shared::Refuse => admin::Shared::Refuse,
            config::Shared::LastWins => admin::Shared::LastWins,
        },
        identity_provider: realm.identity_provider.as_ref().map(identity_provider_link),
        on_create: admin::OnCreate {
            required_actions: realm.on_create.required_actions.clone(),
            email_verified: realm.on_create.email_verified,
            groups: realm.on_create.groups.clone(),
        },
        sweep_interval: realm.sweep_interval,
    }
}

fn identity_provider_link(link: &config::IdentityProviderLink) -> admin::IdentityProviderLink {
    let user_id = match &link.user_id {
        config::LinkedValue::ExternalId => admin::LinkedValue::ExternalId,
        config::LinkedValue::UserName => admin::LinkedValue::UserName,
        config::LinkedValue::Email => admin::LinkedValue::Email,
        config::LinkedValue::Attribute(path) => admin::LinkedValue::Attribute(path.clone()),
    };
    admin::IdentityProviderLink { alias: link.alias.clone(), user_id }
}

fn group_settings(groups: &config::Groups) -> admin::GroupSettings {
    let role = |role: &config::GroupRole| match role {
        config::GroupRole::Realm(name) => admin::GroupRole::Realm(name.clone()),
        config::GroupRole::Client { client, role } => {
            admin::GroupRole::Client { client: client.clone(), role: role.clone() }
        }
    };
    let roles =
        groups.roles.iter().map(|(name, carried)| (name.clone(), carried.roles.iter().map(role).collect()));
    admin::GroupSettings {
        parent: groups.parent.clone(),
        show_all: groups.visible == config::VisibleGroups::All,
        adopt: groups.on_existing == config::OnExistingGroup::Adopt,
        privileged: groups.privileged.clone(),
        roles: roles.collect(),
    }
}

fn engine_settings(realm: &Realm, public_url: &str) -> engine::Settings {
    let refuse_unknown = realm.unknown_attributes == UnknownAttributes::Refuse;
    engine::Settings {
        user: Arc::clone(&realm.user),
        policy: Policy {
            refuse_unknown,
            ignored: realm.ignored_attributes.clone(),
            refused: realm.refused_attributes.clone(),
        },
        // What the realm ignores and refuses are attributes of users.
        group_policy: Policy { refuse_unknown, ..Policy::default() },
        patch_response_members: realm.groups.patch_response_members,
        sizes: PageSizes { default: realm.default_page_size, max: realm.max_page_size },
        scan_limit: realm.scan_limit,
        plan_timeout: realm.plan_timeout,
        base: base_url(public_url, realm),
    }
}
