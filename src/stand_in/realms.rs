//! Realms: what is in a new one, and the endpoints that make, read, change and delete them.

use std::io;

use serde_json::{Map, Value, json};

use super::answer::Answer;
use super::keys::Key;
use super::profile;
use super::request::Request;
use super::settings;
use super::state::{Administrator, Client, Ids, Realm, Role, User, World};

/// The client whose roles are the power over its realm.
pub(super) const REALM_MANAGEMENT: &str = "realm-management";

/// The realm of the administrators of all realms.
pub(super) const MASTER: &str = "master";

/// The roles of `realm-management`, with those that they bring with them; `realm-admin` brings all.
const MANAGEMENT_ROLES: [(&str, &[&str]); 21] = [
    ("create-client", &[]),
    ("impersonation", &[]),
    ("manage-authorization", &[]),
    ("manage-clients", &[]),
    ("manage-events", &[]),
    ("manage-identity-providers", &[]),
    ("manage-organizations", &[]),
    ("manage-realm", &[]),
    ("manage-users", &[]),
    ("query-clients", &[]),
    ("query-groups", &[]),
    ("query-organizations", &[]),
    ("query-realms", &[]),
    ("query-users", &[]),
    ("view-authorization", &[]),
    ("view-clients", &["query-clients"]),
    ("view-events", &[]),
    ("view-identity-providers", &[]),
    ("view-organizations", &["query-organizations"]),
    ("view-realm", &[]),
    ("view-users", &["query-groups", "query-users"]),
];

/// What a realm may bring along in Keycloak, and not here.
const IMPORTED: [&str; 8] =
    ["id", "users", "roles", "defaultRole", "groups", "clients", "clientScopes", "identityProviders"];

/// The roles of the client `account`.
const ACCOUNT_ROLES: [(&str, &[&str]); 3] =
    [("manage-account", &["manage-account-links"]), ("manage-account-links", &[]), ("view-profile", &[])];

impl Realm {
    /// The realm `master`, with its administrator.
    pub(super) fn master(ids: Ids, administrator: Administrator) -> io::Result<Self> {
        let mut realm =
            Self::new(MASTER, Map::from_iter([("accessTokenLifespan".to_owned(), 60.into())]), ids)?;
        let create_realm = realm.add_role("create-realm", Some("${role_create-realm}".to_owned()), None);
        let admin = realm.add_role("admin", Some("${role_admin}".to_owned()), None);
        realm.add_composites(&admin, [create_realm]);
        let mut user = realm.person(administrator.username.to_lowercase());
        user.roles.insert(admin);
        user.password = Some(administrator.password);
        realm.users.insert(user.id.clone(), user);
        Ok(realm)
    }

    /// A realm with what Keycloak puts into a new one; `settings` as they were sent.
    fn new(name: &str, settings: Map<String, Value>, ids: Ids) -> io::Result<Self> {
        let mut realm = Self {
            id: ids.next(),
            name: name.to_owned(),
            settings: default_settings(),
            profile: profile::default_profile(),
            ids,
            ..Self::default()
        };
        realm.write(settings);
        realm.keys.add(Key::generate(realm.ids.next())?);
        let defaults = realm.add_role(
            &format!("default-roles-{}", name.to_lowercase()),
            Some("${role_default-roles}".to_owned()),
            None,
        );
        let offline = realm.add_role("offline_access", Some("${role_offline-access}".to_owned()), None);
        let uma = realm.add_role("uma_authorization", Some("${role_uma_authorization}".to_owned()), None);
        realm.add_composites(&defaults, [offline, uma]);
        let account = realm.add_own_client("account", &json!({ "publicClient": true }));
        realm.add_client_roles(&account, &ACCOUNT_ROLES);
        let by_default = ["manage-account", "view-profile"]
            .map(|name| realm.client_role(&account, name).map(|role| role.id.clone()));
        realm.add_composites(&defaults, by_default.into_iter().flatten());
        realm.add_own_client("account-console", &json!({ "publicClient": true }));
        realm.add_own_client(
            "admin-cli",
            &json!({ "publicClient": true, "directAccessGrantsEnabled": true, "standardFlowEnabled": false }),
        );
        realm.add_own_client("broker", &json!({ "bearerOnly": true }));
        if name != MASTER {
            let management = realm.add_own_client(REALM_MANAGEMENT, &json!({ "bearerOnly": true }));
            let all = realm.add_client_roles(&management, &MANAGEMENT_ROLES);
            let admin =
                realm.add_role("realm-admin", Some("${role_realm-admin}".to_owned()), Some(management));
            realm.add_composites(&admin, all);
        }
        realm.add_own_client("security-admin-console", &json!({ "publicClient": true }));
        Ok(realm)
    }

    /// Takes over the settings that are named, as Keycloak's POST and PUT do.
    fn write(&mut self, settings: Map<String, Value>) {
        for (key, value) in settings {
            // Keys, users and the like of an import are no settings; name and id are the realm's own.
            if !matches!(key.as_str(), "id" | "realm" | "components" | "defaultRole") && !value.is_null() {
                self.settings.insert(key, value);
            }
        }
    }

    /// Adds a role and gives its id.
    pub(super) fn add_role(
        &mut self,
        name: &str,
        description: Option<String>,
        client: Option<String>,
    ) -> String {
        let role =
            Role { id: self.ids.next(), name: name.to_owned(), description, client, ..Role::default() };
        let id = role.id.clone();
        self.roles.insert(id.clone(), role);
        id
    }

    fn add_composites(&mut self, role: &str, parts: impl IntoIterator<Item = String>) {
        if let Some(role) = self.roles.get_mut(role) {
            role.composites.extend(parts);
        }
    }

    fn add_client_roles(&mut self, client: &str, roles: &[(&str, &[&str])]) -> Vec<String> {
        let ids: Vec<String> = roles
            .iter()
            .map(|(name, _)| self.add_role(name, Some(format!("${{role_{name}}}")), Some(client.to_owned())))
            .collect();
        for ((_, parts), id) in roles.iter().zip(&ids) {
            let parts: Vec<String> = parts
                .iter()
                .filter_map(|part| self.client_role(client, part).map(|role| role.id.clone()))
                .collect();
            self.add_composites(id, parts);
        }
        ids
    }

    /// Adds one of the clients that every realm has, and gives its id.
    fn add_own_client(&mut self, client_id: &str, settings: &Value) -> String {
        let id = self.ids.next();
        let mut client = Client { id: id.clone(), client_id: client_id.to_owned(), ..Client::default() };
        client.settings = super::clients::default_settings();
        client.settings.insert("name".to_owned(), format!("${{client_{client_id}}}").into());
        client.settings.extend(settings.as_object().cloned().unwrap_or_default());
        self.clients.insert(id.clone(), client);
        id
    }

    /// An enabled user with nothing but the default roles, not added yet.
    pub(super) fn person(&self, username: String) -> User {
        User {
            id: self.ids.next(),
            username,
            enabled: true,
            created: super::now_millis(),
            roles: self.default_role().map(|role| role.id.clone()).into_iter().collect(),
            ..User::default()
        }
    }

    /// The `RealmRepresentation`.
    fn representation(&self) -> Value {
        let mut shown = Map::from_iter([
            ("id".to_owned(), self.id.clone().into()),
            ("realm".to_owned(), self.name.clone().into()),
        ]);
        shown.extend(self.settings.clone());
        if let Some(role) = self.default_role() {
            shown.insert("defaultRole".to_owned(), self.role_representation(role));
        }
        shown.into()
    }

    /// What those see who may know that the realm exists, and no more.
    fn name_alone(&self) -> Value {
        json!({ "realm": self.name })
    }
}

/// The settings of a new realm, as far as somebody looks at them. Keycloak's is disabled if nothing else is asked for,
/// which there is nothing of here.
fn default_settings() -> Map<String, Value> {
    let settings = json!({
        "notBefore": 0, "defaultSignatureAlgorithm": "RS256", "accessTokenLifespan": 300, "ssoSessionIdleTimeout": 1800,
        "ssoSessionMaxLifespan": 36000, "enabled": true, "sslRequired": "external", "registrationAllowed": false,
        "registrationEmailAsUsername": false, "rememberMe": false, "verifyEmail": false, "loginWithEmailAllowed": true,
        "duplicateEmailsAllowed": false, "resetPasswordAllowed": false, "editUsernameAllowed": false,
        "bruteForceProtected": false, "permanentLockout": false, "eventsEnabled": false,
        "eventsListeners": ["jboss-logging"], "adminEventsEnabled": false, "adminEventsDetailsEnabled": false,
        "internationalizationEnabled": false, "organizationsEnabled": false, "adminPermissionsEnabled": false,
    });
    settings.as_object().cloned().unwrap_or_default()
}

/// `POST admin/realms`.
pub(super) fn create(world: &mut World, request: &Request) -> Result<Answer, Answer> {
    let Value::Object(mut sent) = request.json()? else {
        return Err(Answer::error_message(400, "unable to read contents from stream"));
    };
    let name = sent.get("realm").and_then(Value::as_str).unwrap_or_default().to_owned();
    if name.is_empty() {
        return Err(Answer::error_message(400, "Realm name cannot be empty"));
    }
    if let Some(part) = IMPORTED.iter().find(|part| sent.contains_key(**part)) {
        return Err(Answer::error(501, &format!("the stand-in makes no realm with {part} of its own")));
    }
    if world.realms.contains_key(&name) {
        return Err(Answer::error_message(409, &format!("Realm {name} already exists")));
    }
    sent.entry("enabled").or_insert(false.into());
    settings::check_realm(&sent, &default_settings())?;
    let realm = Realm::new(&name, sent, world.ids.clone())
        .map_err(|error| Answer::error(500, &format!("the stand-in can't make a realm: {error}")))?;
    let location = format!("{}/admin/realms/{name}", request.base());
    world.realms.insert(name, realm);
    Ok(Answer::created(location))
}

/// `GET admin/realms/{realm}`, for who may see all of it or just that it exists.
pub(super) fn read(realm: &Realm, whole: bool) -> Answer {
    Answer::ok(if whole { realm.representation() } else { realm.name_alone() })
}

/// `PUT admin/realms/{realm}`: changes what it names.
pub(super) fn update(realm: &mut Realm, request: &Request) -> Result<Answer, Answer> {
    let Value::Object(sent) = request.json()? else {
        return Err(Answer::error_message(400, "unable to read contents from stream"));
    };
    if let Some(name) = sent.get("realm").and_then(Value::as_str)
        && name != realm.name
    {
        return Err(Answer::error(501, "the stand-in renames no realm"));
    }
    settings::check_realm(&sent, &default_settings())?;
    realm.write(sent);
    Ok(Answer::no_content())
}

/// `GET admin/realms/{realm}/events/config`.
pub(super) fn events_config(realm: &Realm) -> Answer {
    let names = ["eventsEnabled", "eventsListeners", "adminEventsEnabled", "adminEventsDetailsEnabled"];
    let shown = names.iter().filter_map(|name| realm.settings.get_key_value(*name));
    Answer::ok(shown.map(|(name, value)| (name.clone(), value.clone())).collect::<Map<_, _>>())
}

/// `POST admin/realms/{realm}/components`, for key providers of ES256.
pub(super) fn add_component(realm: &mut Realm, request: &Request) -> Result<Answer, Answer> {
    let sent = request.json()?;
    if sent.get("providerId").and_then(Value::as_str) != Some("ecdsa-generated") {
        return Err(Answer::error(
            501,
            "the stand-in has no components but the key provider ecdsa-generated",
        ));
    }
    let id = realm.ids.next();
    let key = Key::generate(id.clone())
        .map_err(|error| Answer::error(500, &format!("the stand-in can't make a key: {error}")))?;
    realm.keys.add(key);
    Ok(Answer::created(format!("{}/admin/realms/{}/components/{id}", request.base(), realm.name)))
}
