//! The directory kept in Keycloak, over its Admin REST API: mapping, tag, plans, protection, sweep.

mod belong;
mod commons;
mod create;
mod errors;
mod groups;
mod leave;
mod link;
mod locks;
mod names;
mod on_create;
mod plan;
mod power;
pub mod push_down;
mod read;
mod realm;
mod roster;
mod sessions;
mod shared;
pub mod storage;
mod sweep;
mod tag;
mod tenant;
mod unique;
mod update;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use time::OffsetDateTime;
use tokio_util::task::TaskTracker;

use crate::keycloak::{AdminClient, Connection};
use crate::scim::{Code, Error, Filter, ResourceType};

use self::plan::Rules;
use self::realm::{Expected, Facts, OrganizationNotReady};
use self::storage::{Mapping, Storage};
use super::{Check, Context, Directory, Edit, Page, Result, Row, Visit, Wanted};

pub use self::commons::Commons;
pub use self::groups::{GroupRole, GroupSettings};
pub use self::link::{IdentityProviderLink, LinkedValue};
pub use self::on_create::OnCreate;
pub use self::realm::NotReady;
pub use self::shared::Shared;

/// How a realm is to be kept.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The alias or the id of the organization whose users are kept; none for the realm's own.
    pub organization: Option<String>,
    /// By which the configuration has organizations of the realm: aliases and ids, this one's too.
    pub organizations: BTreeSet<String>,
    /// The realm role that managed users carry.
    pub tag_role: String,
    /// Realm roles that mean power besides Keycloak's own.
    pub protected_roles: Vec<String>,
    /// The User resource type, with the realm's own schemas.
    pub user: Arc<ResourceType>,
    /// SCIM path to Keycloak attribute.
    pub attribute_map: BTreeMap<String, String>,
    /// The same while the configuration says nothing.
    pub built_in_map: BTreeMap<String, String>,
    /// Are usernames made from e-mail addresses?
    pub email_as_username: bool,
    /// Do the callers' e-mail addresses count as verified?
    pub trust_email: bool,
    /// Does `active: true` undo a block that was set in Keycloak?
    pub reactivate_local: bool,
    /// How groups are kept.
    pub groups: GroupSettings,
    /// The names of the configured callers.
    pub callers: BTreeSet<String>,
    /// What a caller may do to another one's user.
    pub shared: Shared,
    /// The identity provider that users are linked to.
    pub identity_provider: Option<IdentityProviderLink>,
    /// What users get once, when they are created.
    pub on_create: OnCreate,
    /// How often the sweep looks for what administrators changed.
    pub sweep_interval: Duration,
}

/// The managed users and groups of one tenant. Cheap to clone.
#[derive(Clone)]
pub struct AdminDirectory(Arc<Inner>);

struct Inner {
    connection: Arc<Connection>,
    settings: Settings,
    mappings: Arc<[Mapping]>,
    /// Has a sweep found each user's attributes in the places that the mappings say?
    settled: AtomicBool,
    /// What is known of the realm; none until it was looked at for the first time.
    facts: RwLock<Option<Arc<Facts>>>,
    /// One look at the realm at a time.
    looking: tokio::sync::Mutex<()>,
    /// What it shares with the other tenants of the realm.
    realm: Commons,
    /// Work that goes on after an answer; shutting down waits for it.
    tasks: TaskTracker,
}

impl AdminDirectory {
    /// A directory over the connection. `tasks` takes the work that goes on after an answer.
    pub fn new(connection: Arc<Connection>, settings: Settings, realm: Commons, tasks: TaskTracker) -> Self {
        Self(Arc::new(Inner {
            connection,
            mappings: Mapping::knowing(
                &Mapping::all(&settings.user, &settings.attribute_map),
                &settings.built_in_map,
            ),
            settled: AtomicBool::new(false),
            settings,
            facts: RwLock::default(),
            looking: tokio::sync::Mutex::default(),
            realm,
            tasks,
        }))
    }

    /// Looks whether the realm can be served, and keeps what it learns.
    ///
    /// # Errors
    /// [`NotReady`]; the realm may have been served before, and goes on being served with what was known then.
    pub async fn inspect(&self) -> std::result::Result<(), NotReady> {
        let client = self.0.connection.for_request("inspect");
        let looked = self.look(&client).await.map(|_| ());
        looked.map_err(|error| match &self.0.settings.organization {
            Some(key) => error.of_organization(self.0.connection.realm(), key),
            None => error,
        })
    }

    /// Has the realm been found ready once?
    pub fn is_ready(&self) -> bool {
        self.known().is_some()
    }

    /// Knows from now on what another one has learned of the realm: for one in whose settings nothing differs that is looked
    /// at.
    pub fn learn_from(&self, other: &Self) {
        *self.0.facts.write().unwrap_or_else(PoisonError::into_inner) = other.known();
    }

    /// The realm.
    pub fn realm(&self) -> &str {
        self.0.connection.realm()
    }

    /// The organization's key in the configuration; none for the realm itself.
    pub fn organization(&self) -> Option<&str> {
        self.0.settings.organization.as_deref()
    }

    /// The tenant's name: the realm's, and the organization's key after a slash.
    pub fn name(&self) -> String {
        let realm = self.0.connection.realm();
        self.0.settings.organization.as_ref().map_or_else(|| realm.to_owned(), |key| format!("{realm}/{key}"))
    }

    /// What it shares with the other tenants of the realm.
    pub fn commons(&self) -> Commons {
        self.0.realm.clone()
    }

    /// Is this another name of the organization in Keycloak, its id or its alias?
    pub fn is_also(&self, name: &str) -> bool {
        let facts = self.known();
        let organization = facts.as_ref().and_then(|facts| facts.organization.as_ref());
        organization
            .is_some_and(|organization| organization.id.as_ref() == name || organization.alias == name)
    }

    fn known(&self) -> Option<Arc<Facts>> {
        self.0.facts.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    async fn look(&self, client: &AdminClient) -> std::result::Result<Arc<Facts>, NotReady> {
        let settings = &self.0.settings;
        let expected = Expected {
            tag_role: &settings.tag_role,
            protected_roles: &settings.protected_roles,
            mappings: &self.0.mappings,
            groups: &settings.groups,
            identity_provider: settings.identity_provider.as_ref(),
            on_create: &settings.on_create,
            organization: settings.organization.as_deref(),
            organizations: &settings.organizations,
        };
        let inspected = match realm::inspect(client, &expected).await {
            Ok(facts) => self.alone(facts),
            refused => refused,
        };
        if let Err(NotReady::Organization(_)) = &inspected {
            // Nobody calls for an organization that is gone, or was stopped, by what was known before.
            *self.0.facts.write().unwrap_or_else(PoisonError::into_inner) = None;
        }
        let facts = Arc::new(inspected?);
        if facts.realm_management.is_none() && self.known().is_none() {
            tracing::warn!(
                realm = client.realm_name(),
                "the gateway's account may not see clients, so it can't recognise administrators among the managed \
                 users: give it realm-management's role view-clients, as \"scimgate setup\" does"
            );
        }
        if let (Some(link), None) = (&settings.identity_provider, self.known()) {
            link::warn(client.realm_name(), link, &facts);
        }
        *self.0.facts.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&facts));
        Ok(facts)
    }

    /// What was found of an organization, unless it is served under another key already: then two callers would each take
    /// themselves for the only ones.
    fn alone(&self, facts: Facts) -> std::result::Result<Facts, NotReady> {
        let (Some(key), Some(organization)) = (&self.0.settings.organization, &facts.organization) else {
            return Ok(facts);
        };
        match self.0.realm.found(key, organization.id.clone()) {
            None => Ok(facts),
            Some(other) => Err(NotReady::Organization(OrganizationNotReady {
                realm: self.0.connection.realm().to_owned(),
                organization: key.clone(),
                problem: format!("the configuration has it as \"{other}\" already; expected it once"),
            })),
        }
    }

    /// The work of one request.
    async fn session(&self, context: &Context) -> Result<Session> {
        let client = self.0.connection.for_request(&context.request_id).counting(Arc::clone(&context.calls));
        let facts = match self.known() {
            Some(facts) => facts,
            None => {
                let _one_at_a_time = self.0.looking.lock().await;
                match self.known() {
                    Some(facts) => facts,
                    None => self.look(&client).await.map_err(|error| self.not_ready(error))?,
                }
            }
        };
        let tenant = facts.tenant();
        let client = match tenant.id() {
            Some(organization) => client.within(organization.clone()),
            None => client,
        };
        let caller = tenant.qualified(&context.caller).into();
        let storage = Storage {
            user: Arc::clone(&self.0.settings.user),
            mappings: Arc::clone(&self.0.mappings),
            email_as_username: facts.email_as_username || self.0.settings.email_as_username,
            writes_email_as_username: self.0.settings.email_as_username && !facts.email_as_username,
            tenant,
            trust_email: self.0.settings.trust_email,
            settled: self.0.settled.load(Ordering::Acquire),
        };
        Ok(Session { directory: self.clone(), client, facts, storage, caller })
    }

    fn not_ready(&self, error: NotReady) -> Error {
        match error {
            NotReady::Keycloak(error) => errors::translate(&error, &self.0.settings.attribute_map),
            NotReady::Misconfigured { .. } | NotReady::Organization(_) => {
                tracing::error!(%error, "the realm can't be served");
                Error::unavailable(
                    Code::RealmNotReady,
                    "The realm is not set up for the gateway; its administrator finds the reason in the gateway's log",
                    60,
                )
            }
        }
    }
}

impl std::fmt::Debug for AdminDirectory {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AdminDirectory").field("realm", &self.0.connection.realm()).finish_non_exhaustive()
    }
}

/// One request's way through the directory: what it needs to read, judge and write users.
struct Session {
    directory: AdminDirectory,
    client: AdminClient,
    facts: Arc<Facts>,
    storage: Storage,
    /// The caller's name, by which its values are stored: with the organization's id before it, where there is one.
    caller: Arc<str>,
}

impl Session {
    fn settings(&self) -> &Settings {
        &self.directory.0.settings
    }

    fn rules(&self) -> Rules<'_> {
        Rules {
            storage: &self.storage,
            caller: &self.caller,
            reactivate_local: self.settings().reactivate_local,
            now: OffsetDateTime::now_utc(),
        }
    }

    fn failed(&self, error: &crate::keycloak::Error) -> Error {
        errors::translate(error, &self.settings().attribute_map)
    }
}

/// Turns a failed Keycloak call into the error for the client.
trait OrScim<T> {
    fn or_scim(self, session: &Session) -> Result<T>;
}

impl<T> OrScim<T> for crate::keycloak::Result<T> {
    fn or_scim(self, session: &Session) -> Result<T> {
        self.map_err(|error| session.failed(&error))
    }
}

impl Directory for AdminDirectory {
    fn get<'a>(&'a self, context: &'a Context, id: &'a str) -> BoxFuture<'a, Result<Option<Row>>> {
        async move { self.session(context).await?.get(id).await }.boxed()
    }

    fn candidates<'a>(
        &'a self,
        context: &'a Context,
        filter: &'a Filter,
        limit: usize,
        visit: &'a mut Visit<'a>,
    ) -> BoxFuture<'a, Result<()>> {
        async move { self.session(context).await?.candidates(filter, limit, visit).await }.boxed()
    }

    fn page<'a>(&'a self, context: &'a Context, first: usize, count: usize) -> BoxFuture<'a, Result<Page>> {
        async move { self.session(context).await?.page(first, count).await }.boxed()
    }

    fn create<'a>(&'a self, context: &'a Context, wanted: Wanted) -> BoxFuture<'a, Result<Row>> {
        async move { self.session(context).await?.create(wanted).await }.boxed()
    }

    fn update<'a>(&'a self, context: &'a Context, id: &'a str, edit: Edit) -> BoxFuture<'a, Result<Row>> {
        async move { self.session(context).await?.update(id, edit).await }.boxed()
    }

    fn delete<'a>(&'a self, context: &'a Context, id: &'a str, check: Check) -> BoxFuture<'a, Result<()>> {
        async move { self.session(context).await?.delete(id, check).await }.boxed()
    }
}
