//! Folds the layers of a tenant, a realm or an organization of it, into what holds for it.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use crate::scim::user::user_with;

use super::attributes::{self, MapLayer, ScimPath};
use super::callers::{self, Proofs, Tenant};
use super::check::{Checker, get, list};
use super::file::{ConfigFile, RealmLayer};
use super::groups::{self, GroupsLayer, SpecialRoles};
use super::schemas::{self, Schemas};
use super::{
    KeycloakConnection, OnExisting, Problem, Realm, RealmName, Shared, UnknownAttributes, UserAttributes,
    built_in,
};

/// Where what a tenant maps was said, by the names on the way to its table and by the SCIM path; what is built in was
/// said nowhere.
pub(super) type MappedAt = BTreeMap<Vec<String>, BTreeMap<String, Range<usize>>>;

/// What one layer says about users.
struct UserLayer<'f> {
    schemas: Schemas,
    file: &'f RealmLayer,
}

/// What an organization takes from its realm.
struct Above<'f> {
    /// The realm's own layer over those below it.
    layer: &'f RealmLayer,
    /// Its layers one by one, lowest first.
    users: [&'f UserLayer<'f>; 2],
    keycloak: Option<&'f KeycloakConnection>,
}

impl Checker<'_> {
    /// Checks every realm of a file, with its organizations.
    pub(super) fn realms(&mut self, file: &ConfigFile) -> BTreeMap<RealmName, Arc<Realm>> {
        let mut proofs = Proofs::default();
        let defaults = self.users_of_defaults(&file.defaults);
        let mut realms = BTreeMap::new();
        for (name, layer) in &file.realms {
            if let Some(realm) = self.realm(name, layer, &defaults, &mut proofs) {
                realms.insert(name.clone(), Arc::new(realm));
            }
        }
        self.issuers_differ(&file.realms, &realms);
        realms
    }

    /// Checks the schemas of `[defaults]`, and what it maps.
    fn users_of_defaults<'f>(&mut self, defaults: &'f RealmLayer) -> UserLayer<'f> {
        let schemas = Schemas::check(self, &["defaults"], &defaults.schemas);
        schemas::apart(self, &[&schemas]);
        let user = user_with(schemas.extensions().collect());
        let layer = MapLayer { schemas: &schemas, attributes: &defaults.attributes, tenant: None };
        attributes::check_keys(self, &user, &layer, schemas.flawed());
        UserLayer { schemas, file: defaults }
    }

    /// The User resource type of the tenant in `table`, whose layers are `lower`, lowest first, and `top`, its own; and
    /// which of its attributes go to which of Keycloak's.
    fn users(&mut self, table: &[&str], lower: &[&UserLayer<'_>], top: &UserLayer<'_>) -> UserAttributes {
        let all: Vec<&UserLayer<'_>> = lower.iter().copied().chain([top]).collect();
        let mut schemas: Vec<Schemas> = Vec::new();
        for layer in all.iter().rev() {
            let seen = schemas.iter().fold(layer.schemas.clone(), |lower, upper| lower.under(upper));
            schemas.push(seen);
        }
        schemas.reverse();
        schemas::apart(self, &schemas.iter().collect::<Vec<_>>());
        let user = user_with(schemas.iter().flat_map(Schemas::extensions).collect());
        let flawed = schemas.iter().any(Schemas::flawed);
        let tenant = table.join(".");
        let maps: Vec<MapLayer<'_>> = all
            .iter()
            .zip(&schemas)
            .map(|(layer, schemas)| MapLayer {
                schemas,
                attributes: &layer.file.attributes,
                tenant: std::ptr::eq(*layer, top).then_some(tenant.as_str()),
            })
            .collect();
        if let Some(own) = maps.last() {
            attributes::check_keys(self, &user, own, flawed);
        }
        let folded = attributes::fold(self, &user, &maps);
        let places = folded.iter().filter_map(|(path, (_, place))| Some((path.clone(), place.clone()?)));
        self.maps(table, places.collect());
        let attribute_map = folded.into_iter().map(|(path, (attribute, _))| (path, attribute)).collect();
        UserAttributes { user: Arc::new(user), attribute_map }
    }

    /// What the file says about the users of a realm, be the realm in it or not, and about those of each of its
    /// organizations; every other problem of the file is left alone.
    ///
    /// # Errors
    /// Every problem with schemas and attributes, those found before included.
    pub(super) fn user_attributes(
        mut self,
        file: &ConfigFile,
        name: &RealmName,
    ) -> Result<(UserAttributes, Vec<UserAttributes>), Vec<Problem>> {
        let nothing = RealmLayer::default();
        let layer = file.realms.get(name).unwrap_or(&nothing);
        let realm = vec!["realms", name.as_ref()];
        let organizations = layer.organizations.iter();
        let organizations: Vec<(Vec<&str>, &RealmLayer)> = organizations
            .map(|(key, layer)| ([realm.as_slice(), &["organizations", key.as_ref()]].concat(), layer))
            .collect();
        let tables = organizations.iter().map(|(table, _)| table.as_slice());
        let paths = tables
            .chain([["defaults"].as_slice(), &realm])
            .flat_map(|table| ["schemas", "attributes"].map(|key| [table, &[key]].concat()));
        self.forget_all_but(&paths.collect::<Vec<_>>());
        let defaults = self.users_of_defaults(&file.defaults);
        let own = UserLayer { schemas: Schemas::check(&mut self, &realm, &layer.schemas), file: layer };
        let of_realm = self.users(&realm, &[&defaults], &own);
        let mut of_organizations = Vec::new();
        for (table, layer) in &organizations {
            let top = UserLayer { schemas: Schemas::check(&mut self, table, &layer.schemas), file: layer };
            of_organizations.push(self.users(table, &[&defaults, &own], &top));
        }
        self.done((of_realm, of_organizations))
    }

    fn realm(
        &mut self,
        name: &RealmName,
        file: &RealmLayer,
        defaults: &UserLayer<'_>,
        proofs: &mut Proofs,
    ) -> Option<Realm> {
        let table = ["realms", name.as_ref()];
        let own = UserLayer { schemas: Schemas::check(self, &table, &file.schemas), file };
        let users = self.users(&table, &[defaults], &own);
        groups::check_layer(self, &table, &file.groups);
        let layer = file.clone().over(defaults.file);
        let keycloak = self.keycloak(name, &layer.keycloak);
        let issuer = get(&layer.issuer).map(|issuer| issuer.0).or_else(|| {
            keycloak.as_ref().map(|keycloak| String::from(keycloak.endpoint(&["realms", name.as_ref()])))
        });
        let own_client = get(&layer.keycloak.client_id);
        let own_client = own_client.as_ref().map_or(built_in::CLIENT_ID, |id| &id.0);
        let tenant = Tenant { realm: name, organization: None, own_client, issuer: issuer.as_deref() };
        let realm = self.tenant(tenant, &layer, &defaults.file.groups, users, keycloak.as_ref(), proofs);
        let told = self.unreadable(&["realms", name.as_ref(), "organizations"]);
        if file.callers.is_empty()
            && file.organizations.is_empty()
            && !told
            && !get(&layer.realm_attributes).unwrap_or(built_in::REALM_ATTRIBUTES)
        {
            self.missing(
                &["realms", name.as_ref(), "callers"],
                "expected at least one table [realms.NAME.callers.CALLER], found none, nor an organization, nor \
                 realm_attributes = true",
            );
        }
        let mut organizations = BTreeMap::new();
        let mut folded = BTreeMap::new();
        for (key, organization) in &file.organizations {
            let tenant = Tenant { organization: Some(key), ..tenant };
            if let Some(other) = folded.insert(key.as_ref().to_ascii_lowercase(), key) {
                self.missing(
                    &tenant.table(),
                    &format!(
                        "the organization {other} is the same but for the letter case; expected it once"
                    ),
                );
            }
            let realm = Above { layer: &layer, users: [defaults, &own], keycloak: keycloak.as_ref() };
            if let Some(organization) = self.organization(tenant, organization, &realm, proofs) {
                organizations.insert(key.clone(), Arc::new(organization));
            }
        }
        Some(Realm { organizations, ..realm? })
    }

    fn organization(
        &mut self,
        tenant: Tenant<'_>,
        file: &RealmLayer,
        realm: &Above<'_>,
        proofs: &mut Proofs,
    ) -> Option<Realm> {
        let table = tenant.table();
        for (key, there, reason) in of_realms(file) {
            if there {
                self.missing(&[table.as_slice(), &[key]].concat(), reason);
            }
        }
        if file.groups.parent.is_some() {
            self.missing(
                &[table.as_slice(), &["groups", "parent"]].concat(),
                "Keycloak keeps an organization's groups apart from the realm's; expected no such key",
            );
        }
        let own = UserLayer { schemas: Schemas::check(self, &table, &file.schemas), file };
        let users = self.users(&table, &realm.users, &own);
        groups::check_layer(self, &table, &file.groups);
        let layer = file.clone().within(realm.layer);
        let found = self.tenant(tenant, &layer, &GroupsLayer::default(), users, realm.keycloak, proofs);
        if file.callers.is_empty() && !get(&layer.realm_attributes).unwrap_or(built_in::REALM_ATTRIBUTES) {
            self.missing(
                &[table.as_slice(), &["callers"]].concat(),
                "expected at least one table [realms.NAME.organizations.KEY.callers.CALLER], found none, nor \
                 realm_attributes = true",
            );
        }
        found.map(|found| Realm { says_email_as_username: file.email_as_username.is_some(), ..found })
    }

    /// What holds for a tenant by its folded `layer`; groups take further roles from `below`.
    fn tenant(
        &mut self,
        tenant: Tenant<'_>,
        layer: &RealmLayer,
        below: &GroupsLayer,
        users: UserAttributes,
        keycloak: Option<&KeycloakConnection>,
        proofs: &mut Proofs,
    ) -> Option<Realm> {
        let table = tenant.table();
        let tag_role = get(&layer.tag_role).map_or(built_in::TAG_ROLE.to_owned(), |role| role.0);
        let protected_roles: Vec<String> =
            list(&layer.protected_roles).unwrap_or_default().into_iter().map(|role| role.0).collect();
        let special = SpecialRoles { tag: &tag_role, protected: &protected_roles };
        let groups = groups::fold(self, &table, &layer.groups, below, &special);
        let (ignored_attributes, refused_attributes) = self.dropped_attributes(layer);
        let (default_page_size, max_page_size, scan_limit) = self.sizes(layer);
        let callers = callers::check(self, tenant, &layer.callers, proofs);
        let UserAttributes { user, attribute_map } = users;
        if !self.unreadable(&[table.as_slice(), &["schemas"]].concat()) {
            layer.identity_provider.check(self, &user);
        }
        Some(Realm {
            name: tenant.realm.clone(),
            organization: tenant.organization.cloned(),
            organizations: BTreeMap::new(),
            issuer: tenant.issuer?.to_owned(),
            tag_role,
            on_existing: get(&layer.on_existing).unwrap_or(OnExisting::Reject),
            sweep_interval: get(&layer.sweep_interval).map_or(built_in::SWEEP_INTERVAL, |p| p.0),
            default_page_size,
            max_page_size,
            scan_limit,
            trust_email: get(&layer.trust_email).unwrap_or(built_in::TRUST_EMAIL),
            reactivate_local: get(&layer.reactivate_local).unwrap_or(built_in::REACTIVATE_LOCAL),
            unknown_attributes: get(&layer.unknown_attributes).unwrap_or(UnknownAttributes::Ignore),
            ignored_attributes,
            refused_attributes,
            protected_roles,
            user,
            attribute_map,
            groups,
            forward_token_endpoint: get(&layer.forward_token_endpoint)
                .unwrap_or(built_in::FORWARD_TOKEN_ENDPOINT),
            plan_timeout: get(&layer.plan_timeout).map_or(built_in::PLAN_TIMEOUT, |p| p.0),
            keycloak: keycloak?.clone(),
            callers,
            shared: get(&layer.shared).unwrap_or(Shared::Refuse),
            email_as_username: get(&layer.email_as_username).unwrap_or(built_in::EMAIL_AS_USERNAME),
            says_email_as_username: false,
            identity_provider: layer.identity_provider.link(),
            on_create: layer.on_create.on_create(),
            realm_attributes: get(&layer.realm_attributes).unwrap_or(built_in::REALM_ATTRIBUTES),
        })
    }

    fn sizes(&mut self, layer: &RealmLayer) -> (usize, usize, usize) {
        let max_page_size = get(&layer.max_page_size).map_or(built_in::MAX_PAGE_SIZE, |n| n.0);
        let default_page_size =
            // A realm that only lowers its maximum means the usual page to shrink with it.
            get(&layer.default_page_size).map_or(built_in::DEFAULT_PAGE_SIZE.min(max_page_size), |n| n.0);
        let scan_limit = get(&layer.scan_limit).map_or(built_in::SCAN_LIMIT, |n| n.0);
        if let Some(value) = &layer.default_page_size
            && default_page_size > max_page_size
        {
            self.at(
                &value.span(),
                format!(
                    "expected at most max_page_size, which is {max_page_size}, \
                     found {default_page_size}"
                ),
            );
        }
        if let Some(value) = &layer.scan_limit
            && scan_limit < max_page_size
        {
            self.at(
                &value.span(),
                format!("expected at least max_page_size, which is {max_page_size}, found {scan_limit}"),
            );
        }
        (default_page_size, max_page_size, scan_limit)
    }

    /// Ignored and refused attributes, without repetitions.
    fn dropped_attributes(&mut self, layer: &RealmLayer) -> (Vec<String>, Vec<String>) {
        let mut lists = [&layer.ignored_attributes, &layer.refused_attributes].map(|list| {
            let mut kept: Vec<ScimPath> = Vec::new();
            for value in list.iter().flat_map(|list| list.get_ref()) {
                let path = &value.get_ref().0;
                if let Some(reason) = path.indispensable() {
                    self.at(&value.span(), reason);
                } else if !kept.iter().any(|other| other.is(&path.0)) {
                    kept.push(path.clone());
                }
            }
            kept
        });
        let [ignored, refused] = &mut lists;
        for value in layer.refused_attributes.iter().flat_map(|list| list.get_ref()) {
            let path = &value.get_ref().0;
            if ignored.iter().any(|other| other.is(&path.0)) {
                self.at(
                    &value.span(),
                    format!("{:?} is in ignored_attributes as well; expected it in one of the two", path.0),
                );
            }
        }
        let password = |path: &ScimPath| path.is(built_in::IGNORED_ATTRIBUTE);
        if !ignored.iter().any(password) && !refused.iter().any(password) {
            ignored.push(ScimPath(built_in::IGNORED_ATTRIBUTE.to_owned()));
        }
        let [ignored, refused] = lists;
        let names = |paths: Vec<ScimPath>| paths.into_iter().map(|path| path.0).collect();
        (names(ignored), names(refused))
    }

    /// A token says its realm by its issuer alone, so no two realms may share one.
    fn issuers_differ(
        &mut self,
        layers: &BTreeMap<RealmName, RealmLayer>,
        realms: &BTreeMap<RealmName, Arc<Realm>>,
    ) {
        for (name, layer) in layers {
            let (Some(issuer), Some(realm)) = (&layer.issuer, realms.get(name)) else {
                continue;
            };
            let other =
                realms.values().find(|other| other.name != realm.name && other.issuer == realm.issuer);
            if let Some(other) = other {
                self.at(
                    &issuer.span(),
                    format!(
                        "the realm {} has the same issuer; expected that of this realm's tokens",
                        other.name
                    ),
                );
            }
        }
    }
}

/// The keys that an organization takes from its realm in any case: whether each is there, and why it must not be.
fn of_realms(file: &RealmLayer) -> [(&'static str, bool, &'static str); 7] {
    const ONE: &str = "this is the same for a realm and all its organizations; expected it in [realms.NAME]";
    let keycloak = &file.keycloak;
    let connected = [
        keycloak.url.is_some(),
        keycloak.client_id.is_some(),
        keycloak.client_secret_file.is_some(),
        keycloak.client_secret_env.is_some(),
        keycloak.ca_file.is_some(),
        keycloak.proxy.is_some(),
        keycloak.connect_timeout.is_some(),
        keycloak.timeout.is_some(),
    ];
    [
        ("issuer", file.issuer.is_some(), ONE),
        ("tag_role", file.tag_role.is_some(), ONE),
        ("protected_roles", file.protected_roles.is_some(), ONE),
        ("sweep_interval", file.sweep_interval.is_some(), ONE),
        ("forward_token_endpoint", file.forward_token_endpoint.is_some(), ONE),
        ("keycloak", connected.contains(&true), ONE),
        (
            "organizations",
            !file.organizations.is_empty(),
            "an organization has no organizations; expected them in [realms.NAME.organizations.KEY]",
        ),
    ]
}
