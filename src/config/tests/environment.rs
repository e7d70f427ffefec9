//! What the environment lays over the file for the whole instance.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

use super::super::environment::{Environment as _, ProcessEnvironment, overridable};
use super::super::{Config, ConfigErrors, parse};
use super::keys::sample;
use super::{environment, minimal, realm};

fn read_with(source: &str, variables: &[(&str, &str)]) -> Result<Config, ConfigErrors> {
    let mut all: BTreeMap<String, String> = environment();
    all.extend(variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    parse(source, Path::new("config.toml"), &all)
}

fn with(variables: &[(&str, &str)]) -> Config {
    read_with(&minimal("", "", "", ""), variables).unwrap_or_else(|errors| panic!("{errors}"))
}

/// Holds the problems of the least file with this variable against lines that begin so.
#[track_caller]
fn refused_with(name: &str, value: &str, expected: &str) {
    let told = read_with(&minimal("", "", "", ""), &[(name, value)]).unwrap_err().to_string();
    assert!(told.starts_with(&format!("the environment variable {name}: {expected}")), "{told}");
    assert_eq!(told.lines().count(), 1, "{told}");
}

#[test]
fn a_variable_overrides_the_file_and_a_realm_overrides_the_variable() {
    let file =
        minimal("[server]\nmax_connections = 5\n[defaults]\nscan_limit = 500", "", "", "timeout = \"9s\"");
    let variables = [
        ("SCIMGATE_SERVER_MAX_CONNECTIONS", "6"),
        ("SCIMGATE_DEFAULTS_SCAN_LIMIT", "600"),
        ("SCIMGATE_DEFAULTS_KEYCLOAK_TIMEOUT", "8s"),
        ("SCIMGATE_DEFAULTS_KEYCLOAK_CLIENT_ID", "gate"),
        ("SCIMGATE_LOG_MASK_PERSONAL_DATA", "false"),
    ];
    let config = read_with(&file, &variables).unwrap();
    assert_eq!(config.server.max_connections, 6);
    assert!(!config.log.mask_personal_data);
    let realm = realm(&config);
    assert_eq!(realm.scan_limit, 600);
    assert_eq!(realm.keycloak.timeout, Duration::from_secs(9));
    assert_eq!(realm.keycloak.client_id, "gate");
}

#[test]
fn keycloak_may_be_known_from_the_environment_alone() {
    let file = minimal("", "", "", "").replace("url = \"http://127.0.0.1:8080\"\n", "");
    assert!(read_with(&file, &[]).is_err());
    let config =
        read_with(&file, &[("SCIMGATE_DEFAULTS_KEYCLOAK_URL", "https://sso.example.com/auth")]).unwrap();
    assert_eq!(realm(&config).issuer, "https://sso.example.com/auth/realms/acme");
}

#[test]
fn lists_are_separated_by_commas() {
    let config = with(&[
        ("SCIMGATE_DEFAULTS_PROTECTED_ROLES", "payroll, vault admins"),
        ("SCIMGATE_SERVER_TRUSTED_PROXIES", "10.0.0.0/8,"),
        ("SCIMGATE_DEFAULTS_ON_CREATE_GROUPS", "/Staff"),
    ]);
    assert_eq!(realm(&config).protected_roles, ["payroll", "vault admins"]);
    assert_eq!(config.server.trusted_proxies.len(), 1);
    assert_eq!(realm(&config).on_create.groups, [vec!["Staff".to_owned()]].into());
    let file = minimal("[defaults]\nrefused_attributes = [\"title\"]", "", "", "");
    let config = read_with(&file, &[("SCIMGATE_DEFAULTS_REFUSED_ATTRIBUTES", "")]).unwrap();
    assert!(realm(&config).refused_attributes.is_empty(), "an empty variable is an empty list");
}

#[test]
fn every_scalar_and_list_of_the_instance_can_be_overridden() {
    let all = overridable();
    let names: BTreeSet<&str> = all.iter().map(|(_, _, name)| name.as_str()).collect();
    assert_eq!(names.len(), all.len(), "two keys would have one variable");
    assert!(names.len() > 45, "{names:?}");
    for (wanted, there) in [
        ("SCIMGATE_SERVER_LISTEN", true),
        ("SCIMGATE_LOG_LEVEL", true),
        ("SCIMGATE_DEFAULTS_TAG_ROLE", true),
        ("SCIMGATE_DEFAULTS_KEYCLOAK_URL", true),
        ("SCIMGATE_DEFAULTS_GROUPS_VISIBLE", true),
        ("SCIMGATE_DEFAULTS_IDENTITY_PROVIDER_ALIAS", true),
        ("SCIMGATE_DEFAULTS_ON_CREATE_REQUIRED_ACTIONS", true),
        ("SCIMGATE_DEFAULTS_ISSUER", false),
        ("SCIMGATE_DEFAULTS_KEYCLOAK_CLIENT_SECRET_ENV", false),
        ("SCIMGATE_DEFAULTS_KEYCLOAK_CLIENT_SECRET_FILE", false),
        ("SCIMGATE_DEFAULTS_CALLERS", false),
    ] {
        assert_eq!(names.contains(wanted), there, "{wanted}");
    }
    let defaults =
        "[defaults.identity_provider]\nalias = \"idp\"\n[defaults.keycloak]\nurl = \"http://127.0.0.1:8080\"";
    let url = "[realms.acme.keycloak]\nurl = \"http://127.0.0.1:8080\"";
    let file = minimal(defaults, "", "", "").replace(url, "[realms.acme.keycloak]");
    let plain = read_with(&file, &[]).unwrap();
    for (path, key, name) in &all {
        let text = sample(key).replace(['"', '[', ']'], "");
        match read_with(&file, &[(name, &text)]) {
            // There is but one value of on_existing.
            Ok(config) => assert!(config != plain || text == "reject", "{name} = {text} changed nothing"),
            // A file of certificates is none in this test, but it was looked for.
            Err(errors) => assert!(path.ends_with(&["ca_file"]), "{errors}"),
        }
    }
}

#[test]
fn a_value_that_cannot_be_used_names_the_variable() {
    refused_with(
        "SCIMGATE_SERVER_LISTEN",
        "localhost",
        "expected an IP address and a port such as \"127.0.0.1:7644\", found \"localhost\"",
    );
    refused_with(
        "SCIMGATE_SERVER_MAX_CONNECTIONS",
        "many",
        "expected a whole number from 1 to 65535, found \"many\"",
    );
    refused_with("SCIMGATE_SERVER_MAX_CONNECTIONS", "0", "expected a whole number from 1 to 65535, found 0");
    refused_with("SCIMGATE_SERVER_MAX_CONNECTIONS", "", "expected a whole number");
    refused_with("SCIMGATE_LOG_LEVEL", "inof", "expected off, error,");
    refused_with("SCIMGATE_LOG_MASK_PERSONAL_DATA", "yes", "expected true or false, found \"yes\"");
    refused_with("SCIMGATE_DEFAULTS_TAG_ROLE", "", "expected a text of 1 to 255 characters");
    refused_with("SCIMGATE_SERVER_TRUSTED_PROXIES", "10.0.0.0/8,here", "expected a network such as");
    refused_with("SCIMGATE_SERVER_TRUSTED_PROXIES", "10.0.0.0/8,::/0", "this trusts everybody");
    refused_with(
        "SCIMGATE_DEFAULTS_SCAN_LIMIT",
        "10",
        "expected at least max_page_size, which is 200, found 10",
    );
    refused_with("SCIMGATE_DEFAULTS_IGNORED_ATTRIBUTES", "title,id", "there is no user without");
    let both = [("SCIMGATE_LOG_LEVEL", "inof"), ("SCIMGATE_LOG_FORMAT", "xml")];
    let told = read_with("version = 1\ncolour = 1\n", &both).unwrap_err();
    assert_eq!(told.problems().len(), 4, "{told}");
}

#[test]
fn a_variable_that_overrides_nothing_is_refused() {
    for (name, nearest) in [
        ("SCIMGATE_SERVER_LISTEM", "SCIMGATE_SERVER_LISTEN"),
        ("SCIMGATE_DEFAULTS_KEYCLOAK_URI", "SCIMGATE_DEFAULTS_KEYCLOAK_URL"),
        ("SCIMGATE_DEFAULTS_ISSUER", "SCIMGATE_DEFAULTS_I"),
        ("SCIMGATE_LOG_", "SCIMGATE_LOG_"),
    ] {
        let told = read_with(&minimal("", "", "", ""), &[(name, "x")]).unwrap_err().to_string();
        let expected = format!("the environment variable {name}: this overrides no key; expected SCIMGATE_");
        assert!(told.starts_with(&expected) && told.contains(&format!("such as {nearest}")), "{told}");
    }
    refused_with(
        "SCIMGATE_REALMS_ACME_TAG_ROLE",
        "x",
        "this overrides no key; what one realm says stands in the file",
    );
    let secret = minimal("", "", "", "").replace("\"SECRET\"", "\"SCIMGATE_REALMS_ACME_SECRET\"");
    assert!(read_with(&secret, &[("SCIMGATE_REALMS_ACME_SECRET", "s3cret")]).is_ok());
    with(&[("SCIMGATE_ACME", "x"), ("SCIMGATE_SERVERLISTEN", "x"), ("SERVER_LISTEN", "x")]);
    let secret = minimal("", "", "", "").replace("\"SECRET\"", "\"SCIMGATE_DEFAULTS_SECRET\"");
    let config = read_with(&secret, &[("SCIMGATE_DEFAULTS_SECRET", "s3cret")]);
    assert!(config.is_ok(), "a variable that holds a secret by the file's own word is none of these");
}

#[test]
fn what_kubernetes_tells_of_a_service_is_no_typo() {
    with(&[
        ("SCIMGATE_SERVER_SERVICE_HOST", "10.0.0.7"),
        ("SCIMGATE_SERVER_SERVICE_PORT", "7644"),
        ("SCIMGATE_SERVER_SERVICE_PORT_SCIM", "7644"),
        ("SCIMGATE_SERVER_PORT", "tcp://10.0.0.7:7644"),
        ("SCIMGATE_SERVER_PORT_7644_TCP", "tcp://10.0.0.7:7644"),
        ("SCIMGATE_SERVER_PORT_7644_TCP_ADDR", "10.0.0.7"),
        // Of Services whose names go on.
        ("SCIMGATE_SERVER_PRIVATE_SERVICE_HOST", "10.0.0.1"),
        ("SCIMGATE_SERVER_PRIVATE_SERVICE_PORT_HEALTH", "7645"),
        ("SCIMGATE_SERVER_METRICS_PORT", "tcp://10.0.0.1:9090"),
        ("SCIMGATE_LOG_SHIPPER_PORT_80_TCP", "tcp://10.0.0.2:80"),
        ("SCIMGATE_LOG_SHIPPER_PORT_80_UDP_PROTO", "udp"),
        ("SCIMGATE_REALMS_SERVICE_HOST", "10.0.0.3"),
    ]);
    refused_with("SCIMGATE_SERVER_METRICS_PORT", "9090", "this overrides no key");
    refused_with("SCIMGATE_SERVER_PORT_MAPPING", "x", "this overrides no key");
    refused_with("SCIMGATE_SERVER_PORT_80_HTTP", "x", "this overrides no key");
    refused_with("SCIMGATE_SERVER_PORT", "7644", "this overrides no key");
}

#[test]
fn a_file_that_is_wrong_where_a_variable_lies_over_it_is_told_as_ever() {
    let told =
        read_with("version = 1\nlog = 5\n", &[("SCIMGATE_LOG_LEVEL", "warn")]).unwrap_err().to_string();
    assert!(told.contains("config.toml:2: log: expected a table, found a number"), "{told}");
    let bad = minimal("[log]\nlevel = \"inof\"", "", "", "");
    assert_eq!(read_with(&bad, &[("SCIMGATE_LOG_LEVEL", "warn")]).unwrap().log.level, "warn");
}

#[test]
fn the_environment_of_the_process_is_known_by_name() {
    assert!(ProcessEnvironment.names().contains("PATH"));
}
