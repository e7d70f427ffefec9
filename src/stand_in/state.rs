//! What the stand-in keeps: realms, with their users, groups, organizations, roles, clients, keys and sessions.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use secrecy::SecretString;
use serde_json::{Map, Value};

use super::identity_providers::{Identities, IdentityProvider};
use super::keys::Keys;
use super::memberships::Memberships;

/// The administrator of the realm `master`.
#[derive(Debug, Clone)]
pub struct Administrator {
    /// Signs in with this name.
    pub username: String,
    /// And this password.
    pub password: SecretString,
}

/// Everything.
#[derive(Debug)]
pub(super) struct World {
    /// By name.
    pub realms: BTreeMap<String, Realm>,
    pub ids: Ids,
}

impl World {
    /// With the realm `master` and its administrator.
    pub(super) fn new(administrator: Administrator) -> io::Result<Self> {
        let ids = Ids::default();
        let master = Realm::master(ids.clone(), administrator)?;
        Ok(Self { realms: BTreeMap::from([(master.name.clone(), master)]), ids })
    }
}

/// Gives ids away, counting up; all realms count together.
#[derive(Debug, Clone, Default)]
pub(super) struct Ids(Arc<AtomicU64>);

impl Ids {
    /// A new id, in the shape of Keycloak's.
    pub(super) fn next(&self) -> String {
        format!("00000000-0000-4000-8000-{:012x}", self.0.fetch_add(1, Ordering::Relaxed) + 1)
    }
}

/// One realm.
#[derive(Debug, Default)]
pub(super) struct Realm {
    pub id: String,
    pub name: String,
    /// The `RealmRepresentation`'s fields as they were written, over the defaults.
    pub settings: Map<String, Value>,
    /// The user profile (`UPConfig`), as `GET users/profile` gives it.
    pub profile: Value,
    /// By id.
    pub users: BTreeMap<String, User>,
    /// By id; those of organizations too.
    pub groups: BTreeMap<String, Group>,
    pub memberships: Memberships,
    /// By id.
    pub organizations: BTreeMap<String, Organization>,
    /// Who is in which organization.
    pub organization_memberships: Memberships,
    /// Realm roles and client roles, by id.
    pub roles: BTreeMap<String, Role>,
    /// By id.
    pub clients: BTreeMap<String, Client>,
    /// By alias.
    pub identity_providers: BTreeMap<String, IdentityProvider>,
    pub keys: Keys,
    /// Users' ids by the id of their session.
    pub sessions: BTreeMap<String, String>,
    pub ids: Ids,
}

impl Realm {
    /// A setting that is on.
    pub(super) fn is_on(&self, setting: &str) -> bool {
        self.settings.get(setting).and_then(Value::as_bool).unwrap_or_default()
    }

    /// The realm role of this name.
    pub(super) fn realm_role(&self, name: &str) -> Option<&Role> {
        self.roles.values().find(|role| role.client.is_none() && role.name == name)
    }

    /// The role of this name of the client with this id.
    pub(super) fn client_role(&self, client: &str, name: &str) -> Option<&Role> {
        self.roles.values().find(|role| role.client.as_deref() == Some(client) && role.name == name)
    }

    /// The client that calls itself `client_id`.
    pub(super) fn client(&self, client_id: &str) -> Option<&Client> {
        self.clients.values().find(|client| client.client_id == client_id)
    }

    /// The role that every new user gets.
    pub(super) fn default_role(&self) -> Option<&Role> {
        self.realm_role(&format!("default-roles-{}", self.name.to_lowercase()))
    }

    /// The group with this id, the one that it is below, and so on up to the top level.
    pub(super) fn with_ancestors(&self, group: &str) -> impl Iterator<Item = &Group> {
        std::iter::successors(self.groups.get(group), |group| self.groups.get(group.parent.as_ref()?))
    }

    /// These roles, by id, and those that they bring with them.
    pub(super) fn with_parts<'a>(&'a self, roles: impl IntoIterator<Item = &'a String>) -> BTreeSet<String> {
        let mut open: Vec<&String> = roles.into_iter().collect();
        let mut effective = BTreeSet::new();
        while let Some(id) = open.pop() {
            if let Some(role) = self.roles.get(id)
                && effective.insert(id.clone())
            {
                open.extend(&role.composites);
            }
        }
        effective
    }

    /// Ids of the roles that a user has in effect: by the realm's groups, by what these are below, and by composites too.
    /// Organizations' groups bring none.
    pub(super) fn effective_roles(&self, user: &User) -> BTreeSet<String> {
        let groups = self.memberships.groups_of(&user.id).flat_map(|group| self.with_ancestors(group));
        let groups = groups.filter(|group| group.organization.is_none());
        self.with_parts(user.roles.iter().chain(groups.flat_map(|group| &group.roles)))
    }

    /// Takes a user away, with all that hangs on them. None where nobody has this id.
    pub(super) fn remove_user(&mut self, id: &str) -> Option<User> {
        let user = self.users.remove(id)?;
        self.sessions.retain(|_, of| of != id);
        self.memberships.forget_user(id);
        self.organization_memberships.forget_user(id);
        Some(user)
    }

    /// Ids of the roles that count when the user acts through the client: all that are in effect, or without
    /// `fullScopeAllowed` those of the client itself. (No scope is ever mapped.)
    pub(super) fn roles_through(&self, client: &Client, user: &User) -> BTreeSet<String> {
        let mut roles = self.effective_roles(user);
        if !client.is_on("fullScopeAllowed") {
            roles
                .retain(|id| self.roles.get(id).is_some_and(|role| role.client.as_ref() == Some(&client.id)));
        }
        roles
    }
}

/// A user.
#[derive(Debug, Clone, Default)]
pub(super) struct User {
    pub id: String,
    /// In lower case, as Keycloak keeps it.
    pub username: String,
    /// In lower case, as Keycloak keeps it.
    pub email: Option<String>,
    pub first_name: Option<String>,
    pub last_name: Option<String>,
    pub enabled: bool,
    pub email_verified: bool,
    /// Milliseconds since 1970.
    pub created: i64,
    pub attributes: BTreeMap<String, Vec<String>>,
    pub required_actions: Vec<String>,
    pub identities: Identities,
    pub password: Option<SecretString>,
    /// The client whose service account this is, by id.
    pub service_account_of: Option<String>,
    /// Ids of the roles that are mapped directly.
    pub roles: BTreeSet<String>,
    /// Seconds since 1970; tokens that were issued in an earlier second are void.
    pub not_before: i64,
}

/// A group.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Group {
    pub id: String,
    pub name: String,
    pub description: Option<String>,
    /// The id of the group that it is below; none at the top level of the realm.
    pub parent: Option<String>,
    /// The id of the organization whose group it is. The one without a parent is hidden: the top level is below it.
    pub organization: Option<String>,
    pub attributes: BTreeMap<String, Vec<String>>,
    /// Ids of the roles that its members have.
    pub roles: BTreeSet<String>,
}

/// An organization.
#[derive(Debug, Clone, Default)]
pub(super) struct Organization {
    pub id: String,
    pub name: String,
    pub alias: String,
    pub enabled: bool,
    pub description: Option<String>,
    pub redirect_url: Option<String>,
    /// By name: whether they are verified.
    pub domains: BTreeMap<String, bool>,
    pub attributes: BTreeMap<String, Vec<String>>,
    /// The id of the hidden group that its groups are below.
    pub root: String,
}

/// A role of the realm, or of one client.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Role {
    pub id: String,
    pub name: String,
    pub description: Option<String>,
    /// The client's id; none for a realm role.
    pub client: Option<String>,
    /// Ids of the roles that it brings with it.
    pub composites: BTreeSet<String>,
}

/// A client.
#[derive(Debug, Clone, Default)]
pub(super) struct Client {
    pub id: String,
    pub client_id: String,
    /// The `ClientRepresentation`'s other fields, as they were written over the defaults; without the secret.
    pub settings: Map<String, Value>,
    pub secret: Option<SecretString>,
    /// `ProtocolMapperRepresentation`s.
    pub mappers: Vec<Value>,
}

impl Client {
    /// A setting that is on.
    pub(super) fn is_on(&self, setting: &str) -> bool {
        self.settings.get(setting).and_then(Value::as_bool).unwrap_or_default()
    }
}
