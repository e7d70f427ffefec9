//! The file as it is written: partial layers in which every key may be absent.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use ipnet::IpNet;
use serde::Deserialize;
use toml::Spanned;
use url::Url;

use super::attributes::{ScimPath, Target};
use super::callers::CallerLayer;
use super::groups::GroupsLayer;
use super::names::{CallerName, OrganizationKey, RealmName};
use super::provisioning::{IdentityProviderLayer, OnCreateLayer};
use super::scalar::{FilePath, Issuer, Level, Line, List, Period, Value, VariableName, Whole};
use super::schemas::SchemaLayer;
use super::{LogFormat, OnExisting, RateLimit, Shared, UnknownAttributes};

/// Shortest wait that makes sense where a wait may be short, in milliseconds.
const SHORT: u64 = 10;
/// One second, in milliseconds.
const SECOND: u64 = 1000;

/// The version of this format.
pub(super) const VERSION: usize = 1;

/// A whole file.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table")]
pub(super) struct ConfigFile {
    pub(super) version: Value<Whole<VERSION, VERSION>>,
    #[serde(default)]
    pub(super) server: ServerLayer,
    #[serde(default)]
    pub(super) log: LogLayer,
    #[serde(default)]
    pub(super) defaults: RealmLayer,
    #[serde(default)]
    pub(super) realms: BTreeMap<RealmName, RealmLayer>,
}

/// `[server]`
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table")]
pub(super) struct ServerLayer {
    pub(super) listen: Value<SocketAddr>,
    pub(super) private_listen: Value<SocketAddr>,
    pub(super) public_url: Value<Url>,
    pub(super) max_body_bytes: Value<Whole<1024, 67_108_864>>,
    pub(super) request_timeout: Value<Period<SECOND>>,
    pub(super) header_timeout: Value<Period<SHORT>>,
    pub(super) drain_timeout: Value<Period<SHORT>>,
    pub(super) max_connections: Value<Whole<1, 65_535>>,
    pub(super) max_concurrent_requests: Value<Whole<1, 65_535>>,
    pub(super) rate_limit: Value<RateLimit>,
    pub(super) trusted_proxies: List<IpNet>,
}

/// `[log]`
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table")]
pub(super) struct LogLayer {
    pub(super) format: Value<LogFormat>,
    pub(super) level: Value<Level>,
    pub(super) mask_personal_data: Value<bool>,
}

/// `[realms.NAME]`; and `[defaults]` and `[realms.NAME.organizations.KEY]`, which may not hold all of it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table")]
pub(super) struct RealmLayer {
    pub(super) issuer: Value<Issuer>,
    pub(super) tag_role: Value<Line>,
    pub(super) on_existing: Value<OnExisting>,
    pub(super) sweep_interval: Value<Period<SECOND>>,
    pub(super) default_page_size: Value<Whole<1, 1000>>,
    pub(super) max_page_size: Value<Whole<1, 1000>>,
    pub(super) scan_limit: Value<Whole<1, 1_000_000>>,
    pub(super) trust_email: Value<bool>,
    pub(super) reactivate_local: Value<bool>,
    pub(super) unknown_attributes: Value<UnknownAttributes>,
    pub(super) ignored_attributes: List<ScimPath>,
    pub(super) refused_attributes: List<ScimPath>,
    pub(super) protected_roles: List<Line>,
    pub(super) forward_token_endpoint: Value<bool>,
    pub(super) plan_timeout: Value<Period<SECOND>>,
    pub(super) shared: Value<Shared>,
    pub(super) email_as_username: Value<bool>,
    pub(super) realm_attributes: Value<bool>,
    #[serde(default)]
    pub(super) identity_provider: IdentityProviderLayer,
    #[serde(default)]
    pub(super) on_create: OnCreateLayer,
    #[serde(default)]
    pub(super) attributes: BTreeMap<Spanned<String>, Spanned<super::scalar::Checked<Target>>>,
    #[serde(default)]
    pub(super) schemas: BTreeMap<Spanned<String>, SchemaLayer>,
    #[serde(default)]
    pub(super) groups: GroupsLayer,
    #[serde(default)]
    pub(super) keycloak: KeycloakLayer,
    #[serde(default)]
    pub(super) callers: BTreeMap<CallerName, CallerLayer>,
    #[serde(default)]
    pub(super) organizations: BTreeMap<OrganizationKey, RealmLayer>,
}

/// `[realms.NAME.keycloak]`
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table")]
pub(super) struct KeycloakLayer {
    pub(super) url: Value<Url>,
    pub(super) client_id: Value<Line>,
    pub(super) client_secret_file: Value<FilePath>,
    pub(super) client_secret_env: Value<VariableName>,
    pub(super) ca_file: Value<FilePath>,
    pub(super) proxy: Value<Url>,
    pub(super) connect_timeout: Value<Period<SHORT>>,
    pub(super) timeout: Value<Period<SHORT>>,
}

impl RealmLayer {
    /// This layer over `lower`: its scalars and lists win. Attributes, schemas and the roles of groups are merged by
    /// whoever folds them, because their names are matched without case; callers, secrets and organizations never come
    /// from below.
    pub(super) fn over(self, lower: &Self) -> Self {
        let lower = lower.clone();
        Self {
            issuer: self.issuer,
            tag_role: self.tag_role.or(lower.tag_role),
            on_existing: self.on_existing.or(lower.on_existing),
            sweep_interval: self.sweep_interval.or(lower.sweep_interval),
            default_page_size: self.default_page_size.or(lower.default_page_size),
            max_page_size: self.max_page_size.or(lower.max_page_size),
            scan_limit: self.scan_limit.or(lower.scan_limit),
            trust_email: self.trust_email.or(lower.trust_email),
            reactivate_local: self.reactivate_local.or(lower.reactivate_local),
            unknown_attributes: self.unknown_attributes.or(lower.unknown_attributes),
            ignored_attributes: self.ignored_attributes.or(lower.ignored_attributes),
            refused_attributes: self.refused_attributes.or(lower.refused_attributes),
            protected_roles: self.protected_roles.or(lower.protected_roles),
            forward_token_endpoint: self.forward_token_endpoint.or(lower.forward_token_endpoint),
            plan_timeout: self.plan_timeout.or(lower.plan_timeout),
            shared: self.shared.or(lower.shared),
            email_as_username: self.email_as_username.or(lower.email_as_username),
            realm_attributes: self.realm_attributes.or(lower.realm_attributes),
            identity_provider: self.identity_provider.over(lower.identity_provider),
            on_create: self.on_create.over(lower.on_create),
            attributes: self.attributes,
            schemas: self.schemas,
            groups: self.groups.over(lower.groups),
            keycloak: self.keycloak.over(lower.keycloak),
            callers: self.callers,
            organizations: self.organizations,
        }
    }

    /// This layer of an organization over `realm`, the folded one of its realm.
    pub(super) fn within(self, realm: &Self) -> Self {
        let groups = self.groups.clone().within(realm.groups.clone());
        let trust_email = self.trust_email.clone();
        let identity_provider = self.identity_provider.clone();
        let email_verified = self.on_create.email_verified.clone();
        let joined = self.on_create.groups.clone();
        let folded = self.over(realm);
        let on_create = OnCreateLayer { email_verified, groups: joined, ..folded.on_create };
        // Whose word is taken for who somebody is, is said for each tenant: an organization's client could otherwise
        // claim the addresses, or the sign-in, of another's people. And a group of the realm may carry roles, which the
        // realm's own callers give, and an organization's don't.
        Self { groups, trust_email, identity_provider, on_create, ..folded }
    }
}

impl KeycloakLayer {
    fn over(self, lower: Self) -> Self {
        Self {
            url: self.url.or(lower.url),
            client_id: self.client_id.or(lower.client_id),
            client_secret_file: self.client_secret_file,
            client_secret_env: self.client_secret_env,
            ca_file: self.ca_file.or(lower.ca_file),
            proxy: self.proxy.or(lower.proxy),
            connect_timeout: self.connect_timeout.or(lower.connect_timeout),
            timeout: self.timeout.or(lower.timeout),
        }
    }
}
