//! Every refusal, with its line and key.

use std::path::Path;

use super::super::{Problem, load};
use super::{HASH, environment, minimal, read, refused};

#[test]
fn a_key_that_is_wrong_is_told_with_its_line_and_what_was_expected() {
    let server = |line: &str| minimal(&format!("[server]\n{line}"), "", "", "");
    let log = |line: &str| minimal(&format!("[log]\n{line}"), "", "", "");
    let realm = |line: &str| minimal("", line, "", "");
    let attributes = |line: &str| minimal("", "", line, "");
    let keycloak = |line: &str| minimal("", "", "", line);
    for (source, expected) in [
        (
            server("listen = 7644"),
            "3: server.listen: expected an IP address and a port such as \"127.0.0.1:7644\", found 7644",
        ),
        (server("listen = \"localhost:1\""), "3: server.listen: expected an IP"),
        (
            server("listen = \"127.0.0.1:7645\""),
            "3: server.listen: listen and private_listen are both 127.0.0.1:7645",
        ),
        (server("lisen = 1"), "3: server.lisen: unknown key, expected one of `listen`, `private_listen`"),
        (
            server("public_url = \"https://a.example/?x\""),
            "3: server.public_url: expected a URL without ?query and #fragment, found \"https://a.example/?x\"",
        ),
        (
            server("public_url = \"https://u:p@a.example\""),
            "3: server.public_url: expected a URL without user name and password",
        ),
        (
            server("max_body_bytes = 1_000.5"),
            "3: server.max_body_bytes: expected a whole number from 1024 to 67108864, found a number with a fraction",
        ),
        (
            server("max_body_bytes = -1"),
            "3: server.max_body_bytes: expected a whole number from 1024 to 67108864, found -1",
        ),
        (
            server("request_timeout = 55"),
            "3: server.request_timeout: expected a duration from 1s to 24h such as \"500ms\", \"30s\" or \"2m\", found 55",
        ),
        (server("request_timeout = \"0s\""), "3: server.request_timeout: expected a duration from 1s"),
        (
            server("header_timeout = \"25h\""),
            "3: server.header_timeout: expected a duration from 10ms to 24h",
        ),
        (server("drain_timeout = \"soon\""), "3: server.drain_timeout: expected a duration"),
        (
            server("max_connections = 0"),
            "3: server.max_connections: expected a whole number from 1 to 65535, found 0",
        ),
        (
            server("max_concurrent_requests = []"),
            "3: server.max_concurrent_requests: expected a whole number from 1 to 65535, found a list",
        ),
        (log("format = \"xml\""), "3: log.format: expected \"text\" or \"json\", found \"xml\""),
        (log("level = \"inof\""), "3: log.level: expected off, error,"),
        (log("level = \"info,scimgate=loud\""), "3: log.level: expected off, error,"),
        (
            log("mask_personal_data = \"yes\""),
            "3: log.mask_personal_data: expected true or false, found \"yes\"",
        ),
        (realm("issuer = \"sso\""), "4: realms.acme.issuer: expected an absolute http(s) URL, found \"sso\""),
        (
            realm("issuer = \"http:sso\""),
            "4: realms.acme.issuer: expected an absolute http(s) URL, found \"http:sso\"",
        ),
        (
            realm("issuer = \"https://sso.example.com/realms/acme/\""),
            "4: realms.acme.issuer: expected a URL that does not end in a slash",
        ),
        (realm("tag_role = \" x\""), "4: realms.acme.tag_role: expected a text of 1 to 255 characters"),
        (realm("on_existing = \"adopt\""), "4: realms.acme.on_existing: \"adopt\" is not supported: whoever"),
        (realm("on_existing = \"x\""), "4: realms.acme.on_existing: expected \"reject\", found \"x\""),
        (realm("sweep_interval = \"999ms\""), "4: realms.acme.sweep_interval: expected a duration from 1s"),
        (
            realm("max_page_size = 1001"),
            "4: realms.acme.max_page_size: expected a whole number from 1 to 1000, found 1001",
        ),
        (
            realm("default_page_size = 201"),
            "4: realms.acme.default_page_size: expected at most max_page_size, which is 200, found 201",
        ),
        (
            realm("scan_limit = 10"),
            "4: realms.acme.scan_limit: expected at least max_page_size, which is 200, found 10",
        ),
        (realm("trust_email = 1"), "4: realms.acme.trust_email: expected true or false, found 1"),
        (
            realm("unknown_attributes = \"drop\""),
            "4: realms.acme.unknown_attributes: expected \"ignore\" or \"refuse\", found \"drop\"",
        ),
        (
            realm("ignored_attributes = \"title\""),
            "4: realms.acme.ignored_attributes: expected a list, found a text",
        ),
        (
            realm("ignored_attributes = [\"title\",\n \"a b\"]"),
            "5: realms.acme.ignored_attributes: expected a SCIM attribute",
        ),
        (
            realm("ignored_attributes = [\"USERNAME\"]"),
            "4: realms.acme.ignored_attributes: there is no user without",
        ),
        (
            realm("refused_attributes = [\"urn:ietf:params:scim:schemas:core:2.0:User:id\"]"),
            "4: realms.acme.refused_attributes: there is no user without",
        ),
        (
            realm("ignored_attributes = [\"title\"]\nrefused_attributes = [\"Title\"]"),
            "5: realms.acme.refused_attributes: \"Title\" is in ignored_attributes as well",
        ),
        (realm("protected_roles = [\"\"]"), "4: realms.acme.protected_roles: expected a text"),
        (realm("plan_timeout = \"1ms\""), "4: realms.acme.plan_timeout: expected a duration"),
        (
            realm("forward_token_endpoint = 0"),
            "4: realms.acme.forward_token_endpoint: expected true or false, found 0",
        ),
        (attributes("\"a b\" = \"x\""), "6: realms.acme.attributes.\"a b\": expected a SCIM attribute"),
        (
            attributes("userName = \"x\""),
            "6: realms.acme.attributes.userName: this attribute has a place of its own",
        ),
        (
            attributes("\"name.givenName\" = \"x\""),
            "6: realms.acme.attributes.\"name.givenName\": this attribute has a place",
        ),
        (
            attributes("title = \"a:b\""),
            "6: realms.acme.attributes.title: expected the name of a Keycloak user attribute",
        ),
        (
            attributes("title = \"Email\""),
            "6: realms.acme.attributes.title: \"Email\" is a field of Keycloak's own",
        ),
        (
            attributes("title = \"scim.title\""),
            "6: realms.acme.attributes.title: names that start with \"scim.\"",
        ),
        (
            attributes("title = \"a\"\nTitle = \"b\""),
            "7: realms.acme.attributes.Title: this attribute is mapped twice",
        ),
        (
            attributes("title = \"locale\""),
            "6: realms.acme.attributes.title: \"locale\" and \"title\" both go to",
        ),
        (keycloak("timeout = \"1ms\""), "10: realms.acme.keycloak.timeout: expected a duration from 10ms"),
        (keycloak("client_id = \"\""), "10: realms.acme.keycloak.client_id: expected a text"),
        (
            keycloak("client_secret = \"x\""),
            "10: realms.acme.keycloak.client_secret: unknown key, expected one of `url`",
        ),
        (
            keycloak("client_secret_file = \"x\""),
            "9: realms.acme.keycloak.client_secret_env: client_secret_file is given as well",
        ),
        (
            keycloak("ca_file = \"/no/such.pem\""),
            "10: realms.acme.keycloak.ca_file: cannot read /no/such.pem: ",
        ),
        (
            keycloak("ca_file = \"Cargo.toml\""),
            "10: realms.acme.keycloak.ca_file: expected a file of certificates in PEM",
        ),
        (
            keycloak("proxy = \"proxy:3128\""),
            "10: realms.acme.keycloak.proxy: expected an absolute http(s) URL",
        ),
    ] {
        refused(&source, &[expected]);
    }
}

#[test]
fn a_caller_that_is_wrong_is_told_with_its_line() {
    let caller = |text: &str| {
        format!(
            "version = 1\n[realms.acme.keycloak]\nurl = \"http://kc:8080\"\n\
             client_secret_env = \"SECRET\"\n[realms.acme.callers.okta]\n{text}\n"
        )
    };
    let hash = format!("auth = \"token\"\nsha256 = [\"{HASH}\"]");
    for (text, expected) in [
        (
            "",
            "5: realms.acme.callers.okta.auth: expected auth = \"token\", \"keycloak\", \"external\" or \"basic\", found no such key",
        ),
        (
            "auth = \"digest\"",
            "6: realms.acme.callers.okta.auth: expected \"token\", \"keycloak\", \"external\" or \"basic\", found \"digest\"",
        ),
        ("auth = \"token\"", "5: realms.acme.callers.okta.sha256: expected a list of at least one SHA-256"),
        (
            "auth = \"token\"\nsha256 = []",
            "7: realms.acme.callers.okta.sha256: expected a list of at least one SHA-256",
        ),
        (
            "auth = \"token\"\nsha256 = [\"my-token\"]",
            "7: realms.acme.callers.okta.sha256: expected the SHA-256 of a token as 64 hexadecimal digits (never the token itself)",
        ),
        (
            "auth = \"token\"\nsha256 = [\"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\"]",
            "7: realms.acme.callers.okta.sha256: this is the SHA-256 of an empty text",
        ),
        (
            &format!("{hash}\nclients = [\"a\"]"),
            "8: realms.acme.callers.okta.clients: this belongs to auth = \"keycloak\" or \"external\"; expected no such key with auth = \"token\"",
        ),
        (
            &format!("{hash}\n[realms.acme.callers.entra]\n{hash}"),
            "7: realms.acme.callers.okta.sha256: the caller entra has this token already",
        ),
        (
            "auth = \"keycloak\"",
            "5: realms.acme.callers.okta.clients: expected a list of at least one client id",
        ),
        (
            "auth = \"keycloak\"\nclients = []",
            "7: realms.acme.callers.okta.clients: expected a list of at least one client id",
        ),
        (
            "auth = \"keycloak\"\nclients = [\"scimgate\"]",
            "7: realms.acme.callers.okta.clients: \"scimgate\" is the gateway's own client",
        ),
        (
            &format!("auth = \"keycloak\"\nclients = [\"a\"]\nsha256 = [\"{HASH}\"]"),
            "8: realms.acme.callers.okta.sha256: this belongs to auth = \"token\"; expected no such key with auth = \"keycloak\"",
        ),
        (
            "auth = \"keycloak\"\nclients = [\"a\"]\n[realms.acme.callers.entra]\nauth = \"keycloak\"\nclients = [\"a\"]",
            "7: realms.acme.callers.okta.clients: the caller entra has this client already",
        ),
        (
            &format!("{hash}\n[realms.acme.callers.\"A:b\"]\n{hash}"),
            "8: realms.acme.callers.\"A:b\": expected a caller name",
        ),
    ] {
        refused(&caller(text), &[expected]);
    }
    let message = read(&caller("auth = \"token\"\nsha256 = [\"my-token\"]")).unwrap_err().to_string();
    assert!(!message.contains("my-token"), "{message}");
    let message =
        read(&caller("").replace("[realms.acme.callers.okta]", "[realms.acme.callers]\nokta = \"my-token\""));
    let message = message.unwrap_err().to_string();
    assert_eq!(message, "config.toml:6: realms.acme.callers.okta: expected a table, found a text");
}

#[test]
fn what_is_missing_is_told_at_the_table_around_it() {
    refused("version = 1\n", &["realms: expected at least one table [realms.NAME]"]);
    refused("", &["version: expected version = 1", "realms: expected at least one"]);
    refused(
        "version = 2\nnew = true\n",
        &["1: version: this program reads version 1 of the format, found 2"],
    );
    refused("version = \"1\"\n", &["realms: expected", "1: version: expected the number 1, found \"1\""]);
    refused(
        "version = 1\n\n[realms.acme]\n",
        &[
            "3: realms.acme.keycloak.url: expected Keycloak's base URL",
            "3: realms.acme.keycloak.client_secret_file: expected client_secret_file",
            "3: realms.acme.callers: expected at least one table",
        ],
    );
}

#[test]
fn all_problems_of_a_file_are_told_at_once_in_the_order_of_its_lines() {
    refused(
        "version = 1\ncolour = \"red\"\n[server]\nlisten = 1\nport = 2\n[defaults]\nissuer = \"x\"\n\
         scan_limit = 5\n[realms.acme]\ntag_role = false\n[realms.acme.keycloak]\nurl = \"kc\"\n\
         client_secret_env = \"NOT_THERE\"\n[realms.acme.callers.okta]\nauth = \"token\"\n\
         sha256 = [\"x\", \"y\"]\n[realms.master]\n[realms.beta.keycloak]\nurl = \"http://kc\"\n\
         client_secret_env = \"SECRET\"\n[realms.beta.callers.okta]\nauth = \"keycloak\"\n\
         clients = [\"c\"]\n",
        &[
            "2: colour: unknown key, expected one of `version`",
            "4: server.listen: expected an IP",
            "5: server.port: unknown key",
            "7: defaults.issuer: expected an absolute",
            "8: defaults.scan_limit: expected at least max_page_size",
            "10: realms.acme.tag_role: expected a text",
            "12: realms.acme.keycloak.url: expected an absolute",
            "13: realms.acme.keycloak.client_secret_env: the environment variable that is named here is not set",
            "16: realms.acme.callers.okta.sha256: expected the SHA-256",
            "17: realms.master: the realm \"master\" is not served",
        ],
    );
}

#[test]
fn what_is_not_toml_is_told_with_its_line() {
    refused(
        "version = 1\n[server]\nlisten = yes\nmax_connections = 01\n",
        &[
            "3: this is not valid TOML: string values must be quoted",
            "4: this is not valid TOML: unexpected leading zero",
        ],
    );
    refused("version = 1\nversion = 1\n", &["2: this is not valid TOML: duplicate key"]);
    let errors = load(Path::new("/no/such/config.toml"), &environment()).unwrap_err();
    assert!(errors.to_string().starts_with("/no/such/config.toml: cannot read this file: "));
    assert!(matches!(errors.problems(), [Problem::Unreadable { .. }]));
}

#[test]
fn what_belongs_to_one_realm_is_no_default() {
    for (defaults, expected) in [
        (
            "issuer = \"https://sso.example.com/realms/acme\"",
            "3: defaults.issuer: an issuer belongs to one realm",
        ),
        (
            "keycloak.client_secret_env = \"SECRET\"",
            "3: defaults.keycloak.client_secret_env: a secret belongs to one realm",
        ),
        (
            "keycloak.client_secret_file = \"x\"",
            "3: defaults.keycloak.client_secret_file: a secret belongs to one realm",
        ),
        ("callers.okta.auth = \"token\"", "3: defaults.callers: callers belong to one realm"),
    ] {
        refused(&minimal(&format!("[defaults]\n{defaults}"), "", "", ""), &[expected]);
    }
}

#[test]
fn two_realms_with_one_issuer_are_refused() {
    let beta = minimal("", "issuer = \"http://127.0.0.1:8080/realms/acme\"", "", "")
        .replace("realms.acme]", "realms.beta]")
        .replace("realms.acme.", "realms.beta.")
        .replace("version = 1\n", "")
        .replace("0123456789", "9876543210");
    let source = format!("{}{beta}", minimal("", "", "", ""));
    refused(&source, &["16: realms.beta.issuer: the realm acme has the same issuer"]);
}

#[test]
fn a_file_full_of_problems_tells_enough_of_them_and_calls_nothing_missing() {
    let keys: String = (0..60).map(|key| format!("k{key} = 1\n")).collect();
    let errors = read(&keys).unwrap_err();
    assert_eq!(errors.problems().len(), 50);
    let unknown = |problem: &Problem| problem.to_string().contains("unknown key");
    assert!(errors.problems().iter().all(unknown), "{errors}");
}

#[test]
fn a_list_in_place_of_a_table_is_told_as_one() {
    let told = |key: &str, table: &str| {
        format!("{key}: {table}: expected a table, found a list; it is written [{table}], and stands once")
    };
    refused(&minimal("server = []", "", "", ""), &[&told("2", "server")]);
    let source = minimal("", "", "", "").replace("[realms.acme]", "[[realms.acme]]");
    let source = source.replace("[realms.acme.keycloak]", "[realms.beta.keycloak]");
    let source = format!(
        "{}[[realms.beta.organizations.contoso]]\nshared = \"refuse\"\n",
        source.replace("realms.acme.callers", "realms.beta.callers")
    );
    let source = source.replace("[realms.acme.attributes]\n", "");
    refused(&source, &[&told("3", "realms.acme"), &told("13", "realms.beta.organizations.contoso")]);
}
