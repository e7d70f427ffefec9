//! What the stand-in keeps: realms, with their users, roles, clients and keys.

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use secrecy::SecretString;
use serde_json::{Map, Value};

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
    pub administrator: Administrator,
    /// By name.
    pub realms: BTreeMap<String, Realm>,
    /// How many ids were given away.
    ids: u64,
}

impl World {
    pub(super) fn new(administrator: Administrator) -> io::Result<Self> {
        Ok(Self { administrator, realms: BTreeMap::new(), ids: 0 })
    }

    /// A new id, in the shape of Keycloak's.
    pub(super) fn id(&mut self) -> String {
        self.ids += 1;
        format!("00000000-0000-4000-8000-{:012x}", self.ids)
    }
}

/// One realm.
#[derive(Debug, Default)]
pub(super) struct Realm {
    pub name: String,
    /// The `RealmRepresentation`'s fields as they were written, over the defaults.
    pub settings: Map<String, Value>,
    /// The user profile (`UPConfig`), as `GET users/profile` gives it.
    pub profile: Value,
    /// By id.
    pub users: BTreeMap<String, User>,
    /// Realm roles and client roles, by id.
    pub roles: BTreeMap<String, Role>,
    /// By id.
    pub clients: BTreeMap<String, Client>,
}

/// A user.
#[derive(Debug, Clone, Default, PartialEq)]
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
    /// The client whose service account this is, by id.
    pub service_account_of: Option<String>,
    /// Ids of the roles that are mapped directly.
    pub roles: BTreeSet<String>,
    /// Seconds since 1970; tokens of before are void.
    pub not_before: i64,
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
    /// The `ClientRepresentation`'s other fields, as they were written; without the secret.
    pub settings: Map<String, Value>,
    pub secret: Option<SecretString>,
    /// `ProtocolMapperRepresentation`s.
    pub mappers: Vec<Value>,
}
