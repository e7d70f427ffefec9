//! The values that are in effect, by their keys. A key without a value has no entry.

use super::super::{
    Groups, KeycloakConnection, LinkedValue, Log, LogFormat, OnExisting, OnExistingGroup, Realm, Server,
    Shared, UnknownAttributes, VisibleGroups,
};
use super::render::{period, text, texts};

/// Keys, with the tables around them, and their values as TOML writes them.
type Values = Vec<(&'static str, String)>;

pub(super) fn server(server: &Server) -> Values {
    let mut values = vec![
        ("listen", text(&server.listen.to_string())),
        ("private_listen", text(&server.private_listen.to_string())),
        ("max_body_bytes", server.max_body_bytes.to_string()),
        ("request_timeout", period(server.request_timeout)),
        ("header_timeout", period(server.header_timeout)),
        ("drain_timeout", period(server.drain_timeout)),
        ("max_connections", server.max_connections.to_string()),
        ("max_concurrent_requests", server.max_concurrent_requests.to_string()),
        ("trusted_proxies", texts(server.trusted_proxies.iter().map(ToString::to_string))),
    ];
    values.extend(
        server.public_url.as_ref().map(|url| ("public_url", text(url.as_str().trim_end_matches('/')))),
    );
    values.extend(server.rate_limit.map(|rate| ("rate_limit", text(&rate.to_string()))));
    values
}

pub(super) fn log(log: &Log) -> Values {
    let format = match log.format {
        LogFormat::Text => "text",
        LogFormat::Json => "json",
    };
    vec![
        ("format", text(format)),
        ("level", text(&log.level)),
        ("mask_personal_data", log.mask_personal_data.to_string()),
    ]
}

pub(super) fn tenant(realm: &Realm) -> Values {
    let on_existing = match realm.on_existing {
        OnExisting::Reject => "reject",
    };
    let unknown = match realm.unknown_attributes {
        UnknownAttributes::Ignore => "ignore",
        UnknownAttributes::Refuse => "refuse",
    };
    let shared = match realm.shared {
        Shared::Refuse => "refuse",
        Shared::LastWins => "last-wins",
    };
    let mut values = vec![
        ("issuer", text(&realm.issuer)),
        ("tag_role", text(&realm.tag_role)),
        ("on_existing", text(on_existing)),
        ("sweep_interval", period(realm.sweep_interval)),
        ("default_page_size", realm.default_page_size.to_string()),
        ("max_page_size", realm.max_page_size.to_string()),
        ("scan_limit", realm.scan_limit.to_string()),
        ("trust_email", realm.trust_email.to_string()),
        ("reactivate_local", realm.reactivate_local.to_string()),
        ("unknown_attributes", text(unknown)),
        ("ignored_attributes", texts(&realm.ignored_attributes)),
        ("refused_attributes", texts(&realm.refused_attributes)),
        ("protected_roles", texts(&realm.protected_roles)),
        ("forward_token_endpoint", realm.forward_token_endpoint.to_string()),
        ("plan_timeout", period(realm.plan_timeout)),
        ("shared", text(shared)),
        ("email_as_username", realm.email_as_username.to_string()),
        ("realm_attributes", realm.realm_attributes.to_string()),
        ("on_create.required_actions", texts(&realm.on_create.required_actions)),
        ("on_create.email_verified", realm.on_create.email_verified.to_string()),
        ("on_create.groups", texts(realm.on_create.groups.iter().map(|path| group(path)))),
    ];
    if !realm.organizations.is_empty() {
        values.push(("organizations", texts(realm.organizations.keys())));
    }
    if let Some(link) = &realm.identity_provider {
        let user_id = match &link.user_id {
            LinkedValue::ExternalId => "externalId",
            LinkedValue::UserName => "userName",
            LinkedValue::Email => "emails",
            LinkedValue::Attribute(path) => path,
        };
        values.push(("identity_provider.alias", text(&link.alias)));
        values.push(("identity_provider.user_id", text(user_id)));
    }
    groups(realm, &realm.groups, &mut values);
    keycloak(&realm.keycloak, &mut values);
    values
}

fn groups(realm: &Realm, groups: &Groups, values: &mut Values) {
    let visible = match groups.visible {
        VisibleGroups::Managed => "managed",
        VisibleGroups::All => "all",
    };
    let on_existing = match groups.on_existing {
        OnExistingGroup::Reject => "reject",
        OnExistingGroup::Adopt => "adopt",
    };
    // An organization's groups have no place in the realm.
    values.extend(realm.organization.is_none().then(|| ("groups.parent", text(&group(&groups.parent)))));
    values.extend([
        ("groups.visible", text(visible)),
        ("groups.on_existing", text(on_existing)),
        ("groups.privileged", texts(&groups.privileged)),
        ("groups.patch_response_members", groups.patch_response_members.to_string()),
    ]);
}

fn group(path: &[String]) -> String {
    format!("/{}", path.join("/"))
}

fn keycloak(keycloak: &KeycloakConnection, values: &mut Values) {
    values.extend([
        ("keycloak.url", text(keycloak.url.as_str().trim_end_matches('/'))),
        ("keycloak.client_id", text(&keycloak.client_id)),
        ("keycloak.connect_timeout", period(keycloak.connect_timeout)),
        ("keycloak.timeout", period(keycloak.timeout)),
    ]);
    values.extend(
        keycloak.ca_file.as_ref().map(|file| ("keycloak.ca_file", text(&file.display().to_string()))),
    );
    values.extend(keycloak.proxy.as_ref().map(|proxy| ("keycloak.proxy", text(proxy.as_str()))));
}
