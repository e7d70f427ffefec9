//! What is served just now, and how it is exchanged while requests go on.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use futures_util::future::try_join_all;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::config::{CallerAuth, Config, Realm, RealmName, Server};
use crate::directory::admin::{AdminDirectory, Commons};
use crate::http::Tenants;
use crate::http::health::Readiness;
use crate::telemetry::{Mask, Metrics, TenantReady};

use super::attributes::{self, Attributes};
use super::first_look::{Look, look_at_all};
use super::gateway::{GatewayError, Manner};
use super::realms::{self, OpenRealm, Opening, base_url};

/// How often attributes of realms are looked at.
const ATTRIBUTES_EVERY: Duration = Duration::from_secs(15);
/// How long a new configuration waits for attributes of realms that are not known at all.
const ATTRIBUTES_PATIENCE: Duration = Duration::from_millis(2500);
/// How long a new configuration waits for what Keycloak says of the realms that it changes: it may take somebody's token
/// away.
const LOOK_PATIENCE: Duration = Duration::from_secs(5);

/// The realms that are served.
pub(super) struct Serving {
    manner: Manner,
    /// The base of all URLs where the configuration does not say it.
    bound_url: String,
    /// What is served to the outside.
    pub tenants: Arc<Tenants>,
    directories: Arc<ArcSwap<Vec<AdminDirectory>>>,
    in_force: Mutex<Arc<InForce>>,
    /// Is told of each new configuration.
    exchanged: Notify,
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

/// What attributes of realms are known to say.
type Known = BTreeMap<RealmName, Attributes>;

impl InForce {
    /// Is nothing served yet?
    fn is_first(&self) -> bool {
        self.realms.is_empty()
    }

    fn attributes(&self) -> Known {
        let known = self.realms.iter();
        known.filter_map(|(name, served)| Some((name.clone(), served.attributes.clone()?))).collect()
    }
}

/// What may come in force.
struct Next {
    in_force: InForce,
    /// The realms that are served otherwise.
    fresh: Vec<RealmName>,
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
            in_force: Mutex::new(Arc::new(InForce {
                config: nothing,
                realms: BTreeMap::new(),
                commons: BTreeMap::new(),
            })),
            exchanged: Notify::new(),
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
        loop {
            let before = self.in_force();
            let attributes = self.attributes_at_hand(&before, &config).await?;
            let next = self.prepare(&before, config.clone(), attributes).await?;
            // Otherwise attributes of realms were exchanged meanwhile.
            if let Some(change) = self.commit(&before, next) {
                self.exchanged.notify_one();
                return Ok(change);
            }
        }
    }

    /// The attributes with which a new configuration comes in force, without waiting for Keycloak where they are known:
    /// they are looked at right afterwards.
    async fn attributes_at_hand(&self, before: &InForce, config: &Config) -> Result<Known, GatewayError> {
        let mut known = before.attributes();
        let is_known = |realm: &&Arc<Realm>| {
            known.contains_key(&realm.name)
                && before.config.realms.get(&realm.name).is_some_and(|old| attributes::cover(old, realm))
        };
        let unknown: Vec<&Arc<Realm>> =
            attributes::wanting(config).filter(|realm| !is_known(realm)).collect();
        // At the start nobody waits who is served.
        let patience = (!before.is_first()).then_some(ATTRIBUTES_PATIENCE);
        let read = self.read_attributes(unknown, patience).await?;
        known.extend(read);
        Ok(known)
    }

    /// Asks Keycloak for the attributes of these realms, all at once. Those that it does not tell are missing.
    async fn read_attributes(
        &self,
        realms: Vec<&Arc<Realm>>,
        patience: Option<Duration>,
    ) -> Result<Known, GatewayError> {
        let read = realms.into_iter().map(async |realm| {
            let (connection, _) = realms::connection(realm, &self.manner)?;
            let reading = attributes::read(&connection, realm);
            let read = match patience {
                Some(patience) => tokio::time::timeout(patience, reading)
                    .await
                    .map_err(|_| format!("no answer within {}", humantime::format_duration(patience)))
                    .and_then(|read| read.map_err(|error| error.to_string())),
                None => reading.await.map_err(|error| error.to_string()),
            };
            match read {
                Ok(read) => Ok(Some((realm.name.clone(), read))),
                Err(error) => {
                    tracing::warn!(realm = %realm.name, error, "the realm's attributes can't be read; they are tried again");
                    Ok::<_, GatewayError>(None)
                }
            }
        });
        Ok(try_join_all(read).await?.into_iter().flatten().collect())
    }

    /// What comes in force with a new configuration, or with new attributes of realms, once all of it was looked at.
    async fn prepare(
        &self,
        before: &InForce,
        config: Config,
        mut attributes: Known,
    ) -> Result<Next, GatewayError> {
        let public_url = self.public_url(&config);
        let opening = Opening {
            public_url: &public_url,
            manner: &self.manner,
            tasks: &self.tasks,
            mask: Mask(config.log.mask_personal_data),
            max_body_bytes: config.server.max_body_bytes,
        };
        let same_for_all = self.public_url(&before.config) == public_url
            && before.config.log.mask_personal_data == config.log.mask_personal_data
            && before.config.server.max_body_bytes == config.server.max_body_bytes;
        let (mut realms, mut fresh, mut looks) = (BTreeMap::new(), Vec::new(), Vec::new());
        for (name, realm) in &config.realms {
            let previous = before.realms.get(name);
            let attributes = attributes.remove(name).filter(|_| attributes::are_wanted(realm));
            let mut told = Vec::new();
            let realm = &match &attributes {
                Some(attributes) => {
                    let (over, problems) = attributes.over(realm);
                    told = problems;
                    Arc::new(over)
                }
                None => Arc::clone(realm),
            };
            let same_files =
                certificates(realm).all(|file| before.config.files().have_alike(config.files(), file));
            let known = previous.filter(|known| same_for_all && same_files && known.config == *realm);
            let served = match known {
                Some(known) => Served { attributes, problems: told, ..known.clone() },
                None => {
                    let commons = before.commons.get(name).cloned().unwrap_or_default();
                    fresh.push(name.clone());
                    let open = opening.realm(realm, &commons, previous.map(|served| &served.open))?;
                    looks.extend(looks_at(realm, &open, previous, same_files));
                    let keeping = self.stop.child_token();
                    Served { config: Arc::clone(realm), attributes, problems: told, open, keeping }
                }
            };
            realms.insert(name.clone(), served);
        }
        look_at_all(&looks, (!before.is_first()).then_some(LOOK_PATIENCE)).await?;
        let commons = before.commons.clone();
        Ok(Next { in_force: InForce { config, realms, commons }, fresh })
    }

    /// Puts in force what was prepared, unless something else than `before` is in force by now. Waits for nobody.
    fn commit(&self, before: &Arc<InForce>, next: Next) -> Option<Change> {
        let Next { in_force: mut next, fresh } = next;
        let mut in_force = self.in_force.lock().unwrap_or_else(PoisonError::into_inner);
        if !Arc::ptr_eq(&in_force, before) {
            return None;
        }
        // Only now: what is not put in force is prepared again.
        for (name, served) in &next.realms {
            let known = before.realms.get(name).map(|known| known.problems.as_slice()).unwrap_or_default();
            for problem in served.problems.iter().filter(|problem| !known.contains(problem)) {
                tracing::warn!(realm = %name, "{problem}");
            }
        }
        self.tenants.instance.reload(&next.config.server);
        let all = || next.realms.values().map(|served| &served.open);
        self.tenants.exchange(all().flat_map(|open| open.tenants.iter().cloned()));
        self.directories.store(Arc::new(all().flat_map(|open| open.directories.iter().cloned()).collect()));
        let gone =
            before.realms.iter().filter(|(name, _)| fresh.contains(name) || !next.realms.contains_key(*name));
        let at_restart = at_restart(&before.config, &next.config);
        let mut change = Change { at_restart, ..Change::default() };
        for (name, served) in gone {
            served.keeping.cancel();
            change.realms.push(name.to_string());
        }
        for name in &fresh {
            let Some(served) = next.realms.get(name) else { continue };
            if let Some(commons) = served.open.directories.first().map(AdminDirectory::commons) {
                commons.keep_organizations(served.config.organizations.keys().map(AsRef::as_ref));
                next.commons.insert(name.clone(), commons);
            }
            for directory in served.open.directories.iter().filter(|_| !self.manner.dry_run) {
                self.keepers.spawn(directory.clone().keep(served.keeping.clone()));
            }
        }
        change.realms.extend(fresh.iter().map(ToString::to_string));
        change.realms.sort();
        change.realms.dedup();
        *in_force = Arc::new(next);
        Some(change)
    }

    fn in_force(&self) -> Arc<InForce> {
        Arc::clone(&self.in_force.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Looks at the attributes of realms again and again, until `stop`.
    pub(super) async fn follow_attributes(&self, stop: CancellationToken) {
        let follow = async {
            loop {
                tokio::select! {
                    () = self.exchanged.notified() => {}
                    () = tokio::time::sleep(ATTRIBUTES_EVERY) => {}
                }
                match self.exchange_attributes().await {
                    Ok(realms) if realms.is_empty() => {}
                    Ok(realms) => {
                        let realms = realms.join(", ");
                        tracing::info!(realms, "attributes of realms have changed, and are in force");
                    }
                    Err(error) => {
                        tracing::error!(%error, "attributes of realms have changed, and can't be served; the old ones stay");
                    }
                }
            }
        };
        tokio::select! {
            () = stop.cancelled() => {}
            () = follow => {}
        }
    }

    /// Serves what attributes of realms say now; gives the realms where that is something else.
    async fn exchange_attributes(&self) -> Result<Vec<String>, GatewayError> {
        let before = self.in_force();
        let mut known = before.attributes();
        let read = self
            .read_attributes(attributes::wanting(&before.config).collect(), Some(ATTRIBUTES_EVERY))
            .await?;
        if read.iter().all(|(name, read)| known.get(name) == Some(read)) {
            return Ok(Vec::new());
        }
        known.extend(read);
        let next = self.prepare(&before, before.config.clone(), known).await?;
        // What was read meanwhile from the file counts, and not this older one; attributes are looked at again after it.
        Ok(self.commit(&before, next).unwrap_or_default().realms)
    }

    /// The base URLs, as they are typed into identity providers.
    pub(super) fn base_urls(&self) -> Vec<String> {
        let in_force = self.in_force();
        let public_url = self.public_url(&in_force.config);
        let tenants = in_force.config.realms.values().flat_map(|realm| tenants(realm));
        let callable = tenants.filter(|tenant| tenant.realm_attributes || !tenant.callers.is_empty());
        callable.map(|tenant| base_url(&public_url, tenant)).collect()
    }

    /// Tells of each tenant whether it was found ready.
    pub(super) fn readiness(&self) -> Readiness {
        let directories = Arc::clone(&self.directories);
        Arc::new(move || {
            let directories = directories.load();
            let ready = directories.iter().map(|directory| TenantReady {
                realm: directory.realm().to_owned(),
                organization: directory.organization().map(ToOwned::to_owned),
                ready: directory.is_ready(),
            });
            ready.collect()
        })
    }

    fn public_url(&self, config: &Config) -> String {
        let configured = config.server.public_url.as_ref();
        configured.map_or_else(|| self.bound_url.clone(), |url| url.as_str().trim_end_matches('/').to_owned())
    }
}

/// What must be looked at before the realm is served so: all of it that is not known from before.
fn looks_at(realm: &Realm, open: &OpenRealm, previous: Option<&Served>, same_files: bool) -> Vec<Look> {
    let mut looks = Vec::new();
    for (tenant, directory) in tenants(realm).zip(&open.directories) {
        let before = previous.and_then(|served| {
            let mut known = tenants(&served.config).zip(&served.open.directories);
            known.find(|(known, _)| known.organization == tenant.organization)
        });
        match before {
            // Who may call is no matter of Keycloak's: it must not keep a new caller waiting, nor one who was taken out.
            Some((known, before)) if same_files && but_callers(known) == but_callers(tenant) => {
                directory.learn_from(before);
            }
            _ => looks.push(Look {
                directory: directory.clone(),
                before: before.map(|(_, directory)| directory.clone()),
                moved: before.is_some_and(|(known, _)| {
                    let way = |realm: &Realm| {
                        let way = &realm.keycloak;
                        (way.url.clone(), way.proxy.clone(), way.ca_file.clone())
                    };
                    !same_files || way(known) != way(tenant)
                }),
            }),
        }
    }
    looks
}

/// The realm, then its organizations.
fn tenants(realm: &Realm) -> impl Iterator<Item = &Realm> {
    std::iter::once(realm).chain(realm.organizations.values().map(AsRef::as_ref))
}

/// A tenant, whoever may call, and whatever its organizations are.
fn but_callers(tenant: &Realm) -> Realm {
    Realm { callers: BTreeMap::new(), organizations: BTreeMap::new(), ..tenant.clone() }
}

/// The files of certificates that a realm names.
fn certificates(realm: &Realm) -> impl Iterator<Item = &Path> {
    let issuers =
        tenants(realm).flat_map(|tenant| tenant.callers.values()).filter_map(|caller| match &caller.auth {
            CallerAuth::External(external) => external.ca_file.as_deref(),
            _ => None,
        });
    realm.keycloak.ca_file.as_deref().into_iter().chain(issuers)
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
