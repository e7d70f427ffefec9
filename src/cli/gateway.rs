//! The gateway, put together from its rooms: what `serve` runs, and `demo` and `explain` look on at.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use futures_util::future::try_join_all;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use url::Url;

use crate::auth::Authenticator;
use crate::config::{self, CallerAuth, CallerName, Config, Realm, UnknownAttributes};
use crate::directory::admin::{self, AdminDirectory, NotReady};
use crate::engine::{self, Engine};
use crate::http::health::{Health, Readiness};
use crate::http::server::{self, Limits};
use crate::http::{Tenant, Tenants, TokenEndpoint, Watcher};
use crate::keycloak::{self, CallWatcher, Connection, HttpClientError};
use crate::scim::Policy;
use crate::scim::list::PageSizes;
use crate::telemetry::Mask;

/// Why there is no gateway.
#[derive(Debug, thiserror::Error)]
pub enum GatewayError {
    /// A listener can't be bound.
    #[error("{key} = \"{address}\": {source}")]
    Bind {
        /// The key of the configuration.
        key: &'static str,
        /// Its value.
        address: SocketAddr,
        /// The reason.
        source: io::Error,
    },
    /// A realm can't be served safely.
    #[error(transparent)]
    Realm(#[from] NotReady),
    /// The client for Keycloak can't be built.
    #[error(transparent)]
    HttpClient(#[from] HttpClientError),
}

/// Who looks on, and whether anything may be changed.
#[derive(Debug, Default)]
pub(super) struct Manner {
    /// Is told of each request.
    pub requests: Option<Watcher>,
    /// Is told of each call of Admin REST.
    pub calls: Option<CallWatcher>,
    /// Nothing is written to Keycloak.
    pub dry_run: bool,
}

/// A gateway whose listeners are bound and whose realms were looked at.
pub(super) struct Gateway {
    config: Config,
    manner: Manner,
    listener: TcpListener,
    private_listener: TcpListener,
    /// Where SCIM clients come in.
    pub address: SocketAddr,
    /// Where health and readiness are asked for.
    pub private_address: SocketAddr,
    /// What clients see as the base of all URLs.
    pub public_url: String,
    realms: Vec<(Tenant, AdminDirectory)>,
    tasks: TaskTracker,
}

impl Gateway {
    /// Binds, and looks at each realm.
    ///
    /// # Errors
    /// [`GatewayError`]. A Keycloak that can't be reached is none: it may come up later.
    pub(super) async fn open(config: Config, manner: Manner) -> Result<Self, GatewayError> {
        let server = &config.server;
        let listener = bind("server.listen", server.listen).await?;
        let private_listener = bind("server.private_listen", server.private_listen).await?;
        let bound = |listener: &TcpListener, configured| listener.local_addr().unwrap_or(configured);
        let address = bound(&listener, server.listen);
        let private_address = bound(&private_listener, server.private_listen);
        let public_url = server
            .public_url
            .as_ref()
            .map_or_else(|| format!("http://{address}"), |url| url.as_str().trim_end_matches('/').to_owned());
        let tasks = TaskTracker::new();
        let realms = config.realms.values().map(|realm| open_realm(realm, &public_url, &manner, &tasks));
        let realms = realms.collect::<Result<Vec<_>, _>>()?;
        try_join_all(realms.iter().map(|(_, directory)| first_look(directory))).await?;
        Ok(Self {
            config,
            manner,
            listener,
            private_listener,
            address,
            private_address,
            public_url,
            realms,
            tasks,
        })
    }

    /// The base URLs, as they are typed into identity providers.
    pub(super) fn base_urls(&self) -> impl Iterator<Item = String> {
        self.config.realms.keys().map(|realm| format!("{}/realms/{realm}/scim/v2", self.public_url))
    }

    /// Serves until `stop`, then finishes what was begun.
    pub(super) async fn run(self, stop: CancellationToken) {
        let server = &self.config.server;
        let keepers = TaskTracker::new();
        let directories: Vec<AdminDirectory> =
            self.realms.iter().map(|(_, directory)| directory.clone()).collect();
        if !self.manner.dry_run {
            for directory in directories.iter().cloned() {
                keepers.spawn(directory.keep(stop.clone()));
            }
        }
        let tenants = self.realms.into_iter().map(|(tenant, _)| tenant).collect();
        let tenants = Arc::new(Tenants::new(tenants, Mask(self.config.log.mask_personal_data), server));
        let limits = Limits {
            max_connections: server.max_connections,
            header_timeout: server.header_timeout,
            drain_timeout: server.drain_timeout,
        };
        let readiness: Readiness = Arc::new(move || {
            let missing = directories.iter().filter(|directory| !directory.is_ready());
            let missing: Vec<String> = missing.map(AdminDirectory::realm).collect();
            if missing.is_empty() { Ok(()) } else { Err(missing) }
        });
        // The private listener answers until the last request is done, so that draining can be watched.
        let ended = CancellationToken::new();
        let health = server::serve(self.private_listener, Health(readiness), limits, ended.clone());
        let private = tokio::spawn(health);
        let stack = crate::http::stack(&tenants, server, self.manner.requests);
        server::serve(self.listener, stack, limits, stop).await;
        self.tasks.close();
        keepers.close();
        // Plans of writes go on after their requests; each has a deadline of its own.
        let finished = async { tokio::join!(self.tasks.wait(), keepers.wait()) };
        if tokio::time::timeout(server.drain_timeout, finished).await.is_err() {
            tracing::warn!(
                "plans of writes were cut off; they are completed when their requests are repeated"
            );
        }
        ended.cancel();
        let _ended = private.await;
    }
}

async fn bind(key: &'static str, address: SocketAddr) -> Result<TcpListener, GatewayError> {
    TcpListener::bind(address).await.map_err(|source| GatewayError::Bind { key, address, source })
}

/// A realm that is set up wrongly is refused at start; a Keycloak that is down may come up later.
async fn first_look(directory: &AdminDirectory) -> Result<(), GatewayError> {
    match directory.inspect().await {
        Ok(()) => Ok(()),
        Err(error) if error.is_final() => Err(error.into()),
        Err(error) => {
            tracing::warn!(realm = directory.realm(), %error, "not ready yet; it is tried again until it is");
            Ok(())
        }
    }
}

/// A realm's rooms, put together.
fn open_realm(
    realm: &Realm,
    public_url: &str,
    manner: &Manner,
    tasks: &TaskTracker,
) -> Result<(Tenant, AdminDirectory), GatewayError> {
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
    let directory = AdminDirectory::new(Arc::new(connection), directory_settings(realm), tasks.clone());
    let settings = engine_settings(realm, public_url);
    let engine =
        Engine::new(Arc::new(directory.clone()), Arc::new(directory.clone()), settings, tasks.clone());
    let protocol = |name| way.endpoint(&["realms", realm.name.as_ref(), "protocol", "openid-connect", name]);
    let tenant = Tenant {
        realm: realm.name.clone(),
        authenticator: Authenticator::new(realm, http.clone(), protocol("certs")),
        engine,
        token_endpoint: token_endpoint(realm, http, protocol("token")),
    };
    Ok((tenant, directory))
}

/// The forwarded token endpoint, where a caller may have use for it.
fn token_endpoint(realm: &Realm, http: reqwest::Client, url: Url) -> Option<TokenEndpoint> {
    let clients: BTreeMap<String, CallerName> = realm
        .callers
        .values()
        .flat_map(|caller| match &caller.auth {
            CallerAuth::Keycloak(tokens) => {
                tokens.clients.iter().map(|client| (client.clone(), caller.name.clone())).collect()
            }
            _ => Vec::new(),
        })
        .collect();
    let wanted = realm.forward_token_endpoint && !clients.is_empty();
    wanted.then(|| TokenEndpoint::new(http, url, &realm.issuer, clients))
}

fn directory_settings(realm: &Realm) -> admin::Settings {
    admin::Settings {
        tag_role: realm.tag_role.clone(),
        protected_roles: realm.protected_roles.clone(),
        user: Arc::clone(&realm.user),
        attribute_map: realm.attribute_map.clone(),
        built_in_map: config::built_in_attribute_map(),
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
        base: format!("{public_url}/realms/{}/scim/v2", realm.name),
    }
}
