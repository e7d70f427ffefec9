//! What is served just now, and how it is exchanged while requests go on.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use futures_util::future::try_join_all;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::config::{Config, Realm, RealmName, Server};
use crate::directory::admin::{AdminDirectory, Commons};
use crate::http::Tenants;
use crate::http::health::Readiness;
use crate::telemetry::{Mask, Metrics};

use super::attributes::{self, Attributes};
use super::gateway::{GatewayError, Manner};
use super::realms::{self, OpenRealm, Opening, base_url};

/// How often attributes of realms are looked at.
const ATTRIBUTES_EVERY: Duration = Duration::from_secs(15);

/// The realms that are served.
pub(super) struct Serving {
    manner: Manner,
    /// The base of all URLs where the configuration does not say it.
    bound_url: String,
    /// What is served to the outside.
    pub tenants: Arc<Tenants>,
    directories: Arc<ArcSwap<Vec<AdminDirectory>>>,
    in_force: tokio::sync::Mutex<InForce>,
    /// Work that goes on after answers.
    pub tasks: TaskTracker,
    /// What keeps each realm in order.
    pub keepers: TaskTracker,
    /// Ends the keepers.
    pub stop: CancellationToken,
    /// Of this process.
    pub metrics: Metrics,
}

/// A configuration and what became of it.
struct InForce {
    config: Config,
    realms: BTreeMap<RealmName, Served>,
    /// Of every realm that was ever served: requests of before may still be going on.
    commons: BTreeMap<RealmName, Commons>,
}

#[derive(Clone)]
struct Served {
    /// The configuration with what the realm's attributes say.
    config: Arc<Realm>,
    /// What they were last time.
    attributes: Option<Attributes>,
    /// Which of them can't be used.
    problems: Vec<String>,
    open: OpenRealm,
    /// Ends what keeps it in order.
    keeping: CancellationToken,
}

/// What was changed by a new configuration.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Change {
    /// The realms that are served otherwise from now on, or not any more.
    pub realms: Vec<String>,
    /// Keys that take effect at the next start.
    pub at_restart: Vec<&'static str>,
}

impl Serving {
    /// Opens all realms and looks at each.
    ///
    /// # Errors
    /// [`GatewayError`]. A Keycloak that can't be reached is none: it may come up later.
    pub(super) async fn open(
        config: Config,
        manner: Manner,
        bound_url: String,
    ) -> Result<Self, GatewayError> {
        let mut nothing = config.clone();
        nothing.realms.clear();
        let serving = Self {
            manner,
            bound_url,
            tenants: Arc::new(Tenants::new([], &config.server)),
            directories: Arc::default(),
            in_force: tokio::sync::Mutex::new(InForce {
                config: nothing,
                realms: BTreeMap::new(),
                commons: BTreeMap::new(),
            }),
            tasks: TaskTracker::new(),
            keepers: TaskTracker::new(),
            stop: CancellationToken::new(),
            metrics: Metrics::default(),
        };
        serving.exchange(config).await?;
        Ok(serving)
    }

    /// Serves what a new configuration says, from the next request on. Requests that have begun go on as they were.
    ///
    /// # Errors
    /// [`GatewayError`] where a realm can't be served so; then nothing has changed.
    pub(super) async fn exchange(&self, config: Config) -> Result<Change, GatewayError> {
        self.exchange_if(config, false).await
    }

    /// The same; where `unchanged` is said, only while this configuration is in force.
    async fn exchange_if(&self, config: Config, unchanged: bool) -> Result<Change, GatewayError> {
        let mut in_force = self.in_force.lock().await;
        if unchanged && in_force.config != config {
            return Ok(Change::default());
        }
        let public_url = self.public_url(&config);
        let opening = Opening {
            public_url: &public_url,
            manner: &self.manner,
            tasks: &self.tasks,
            mask: Mask(config.log.mask_personal_data),
            max_body_bytes: config.server.max_body_bytes,
        };
        let before = &in_force.config;
        let same_for_all = self.public_url(before) == public_url
            && before.log.mask_personal_data == config.log.mask_personal_data
            && before.server.max_body_bytes == config.server.max_body_bytes;
        let mut realms = BTreeMap::new();
        let mut fresh = Vec::new();
        for (name, realm) in &config.realms {
            let last = in_force.realms.get(name).and_then(|known| known.attributes.clone());
            let attributes = self.attributes(&opening, realm, last).await?;
            let mut told = Vec::new();
            let realm = &match &attributes {
                Some(attributes) => {
                    let (over, problems) = attributes.over(realm);
                    told = problems;
                    let before = in_force.realms.get(name).map(|known| known.problems.as_slice());
                    let is_new = |problem: &&String| !before.is_some_and(|before| before.contains(problem));
                    for problem in told.iter().filter(is_new) {
                        tracing::warn!(realm = %name, "{problem}");
                    }
                    Arc::new(over)
                }
                None => Arc::clone(realm),
            };
            let known = in_force.realms.get(name).filter(|known| same_for_all && known.config == *realm);
            let served = match known {
                Some(known) => Served { attributes, problems: told, ..known.clone() },
                None => {
                    let commons = in_force.commons.get(name).cloned().unwrap_or_default();
                    let previous = in_force.realms.get(name).map(|served| &served.open);
                    fresh.push(name.clone());
                    Served {
                        config: Arc::clone(realm),
                        attributes,
                        problems: told,
                        open: opening.realm(realm, &commons, previous)?,
                        keeping: self.stop.child_token(),
                    }
                }
            };
            realms.insert(name.clone(), served);
        }
        let looks = fresh.iter().filter_map(|name| realms.get_key_value(name)).flat_map(|(name, served)| {
            let before =
                in_force.realms.get(name).map(|known| known.open.directories.as_slice()).unwrap_or_default();
            served.open.directories.iter().map(move |directory| first_look(directory, before))
        });
        try_join_all(looks).await?;
        // From here on it is in force.
        self.tenants.instance.reload(&config.server);
        let all = || realms.values().map(|served| &served.open);
        self.tenants.exchange(all().flat_map(|open| open.tenants.iter().cloned()));
        self.directories.store(Arc::new(all().flat_map(|open| open.directories.iter().cloned()).collect()));
        let gone =
            in_force.realms.iter().filter(|(name, _)| fresh.contains(name) || !realms.contains_key(*name));
        let mut change = Change { at_restart: at_restart(before, &config), ..Change::default() };
        for (name, served) in gone {
            served.keeping.cancel();
            change.realms.push(name.to_string());
        }
        for name in &fresh {
            let Some(served) = realms.get(name) else { continue };
            if let Some(commons) = served.open.directories.first().map(AdminDirectory::commons) {
                commons.keep_organizations(served.config.organizations.keys().map(AsRef::as_ref));
                in_force.commons.insert(name.clone(), commons);
            }
            for directory in served.open.directories.iter().filter(|_| !self.manner.dry_run) {
                self.keepers.spawn(directory.clone().keep(served.keeping.clone()));
            }
        }
        change.realms.extend(fresh.iter().map(ToString::to_string));
        change.realms.sort();
        change.realms.dedup();
        (in_force.config, in_force.realms) = (config, realms);
        Ok(change)
    }

    /// What the realm's attributes in Keycloak say, where the configuration asks for them; as last time where Keycloak does
    /// not tell.
    async fn attributes(
        &self,
        opening: &Opening<'_>,
        realm: &Realm,
        last: Option<Attributes>,
    ) -> Result<Option<Attributes>, GatewayError> {
        if !attributes::are_wanted(realm) {
            return Ok(None);
        }
        let (connection, _) = realms::connection(realm, opening.manner)?;
        match attributes::read(&connection, realm).await {
            Ok(read) => Ok(Some(read)),
            Err(error) => {
                tracing::warn!(realm = %realm.name, %error, "the realm's attributes can't be read; they are tried again");
                Ok(last)
            }
        }
    }

    /// Looks at the attributes of realms again and again, until `stop`.
    pub(super) async fn follow_attributes(&self, stop: CancellationToken) {
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(ATTRIBUTES_EVERY) => {}
            }
            let config = self.in_force.lock().await.config.clone();
            if !config.realms.values().any(|realm| attributes::are_wanted(realm)) {
                continue;
            }
            // What was read meanwhile from the file counts, and not this older one.
            match self.exchange_if(config, true).await {
                Ok(Change { realms, .. }) if realms.is_empty() => {}
                Ok(Change { realms, .. }) => {
                    tracing::info!(
                        realms = realms.join(", "),
                        "attributes of realms have changed, and are in force"
                    );
                }
                Err(error) => {
                    tracing::error!(%error, "attributes of realms have changed, and can't be served; the old ones stay");
                }
            }
        }
    }

    /// The base URLs, as they are typed into identity providers.
    pub(super) async fn base_urls(&self) -> Vec<String> {
        let in_force = self.in_force.lock().await;
        let public_url = self.public_url(&in_force.config);
        let realms = in_force.config.realms.values();
        let tenants = realms.flat_map(|realm| std::iter::once(realm).chain(realm.organizations.values()));
        let callable = tenants.filter(|tenant| tenant.realm_attributes || !tenant.callers.is_empty());
        callable.map(|tenant| base_url(&public_url, tenant)).collect()
    }

    /// Tells which tenants were not found ready yet.
    pub(super) fn readiness(&self) -> Readiness {
        let directories = Arc::clone(&self.directories);
        Arc::new(move || {
            let directories = directories.load();
            let missing = directories.iter().filter(|directory| !directory.is_ready());
            let missing: Vec<String> = missing.map(AdminDirectory::name).collect();
            if missing.is_empty() { Ok(()) } else { Err(missing) }
        })
    }

    fn public_url(&self, config: &Config) -> String {
        let configured = config.server.public_url.as_ref();
        configured.map_or_else(|| self.bound_url.clone(), |url| url.as_str().trim_end_matches('/').to_owned())
    }
}

/// A realm that is set up wrongly is refused; a Keycloak that is down may come up later. `before` are those who have
/// served it until now: where it can't be served by them either, it is no fault of the new configuration, which must not
/// wait, since it may take somebody's token away.
async fn first_look(directory: &AdminDirectory, before: &[AdminDirectory]) -> Result<(), GatewayError> {
    let Err(error) = directory.inspect().await else { return Ok(()) };
    if error.is_final() {
        let known = before.iter().find(|known| known.name() == directory.name());
        let was_fine = match known {
            Some(known) => known.inspect().await.is_ok(),
            None => true,
        };
        if was_fine {
            return Err(error.into());
        }
    }
    tracing::warn!(realm = directory.name(), %error, "not ready yet; it is tried again until it is");
    Ok(())
}

/// The keys whose change needs a new process: listeners are bound and limits are set once.
fn at_restart(before: &Config, after: &Config) -> Vec<&'static str> {
    // All fields by name, so that a new one can't be forgotten here.
    let Server {
        listen,
        private_listen,
        public_url: _,
        max_body_bytes: _,
        request_timeout,
        header_timeout,
        drain_timeout,
        max_connections,
        max_concurrent_requests,
        rate_limit: _,
        trusted_proxies: _,
    } = &before.server;
    let now = &after.server;
    let changed = [
        ("server.listen", *listen != now.listen),
        ("server.private_listen", *private_listen != now.private_listen),
        ("server.request_timeout", *request_timeout != now.request_timeout),
        ("server.header_timeout", *header_timeout != now.header_timeout),
        ("server.drain_timeout", *drain_timeout != now.drain_timeout),
        ("server.max_connections", *max_connections != now.max_connections),
        ("server.max_concurrent_requests", *max_concurrent_requests != now.max_concurrent_requests),
        ("log.format", before.log.format != after.log.format),
        ("log.level", before.log.level != after.log.level),
    ];
    changed.into_iter().filter(|(_, changed)| *changed).map(|(key, _)| key).collect()
}
