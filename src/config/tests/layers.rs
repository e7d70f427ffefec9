//! What a file that is taken means: built-in values, layers, secrets.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::time::Duration;

use secrecy::ExposeSecret as _;

use super::super::{CallerAuth, Contents, LogFormat, OnExisting, SecretHash, UnknownAttributes, load, parse};
use super::{environment, good, minimal, read, realm, refused};

#[test]
fn the_least_file_gets_the_built_in_values() {
    let config = good(&minimal("", "", "", ""));
    let server = &config.server;
    assert_eq!(server.listen.to_string(), "127.0.0.1:7644");
    assert_eq!(server.private_listen.to_string(), "127.0.0.1:7645");
    assert!(server.public_url.is_none());
    assert_eq!(server.max_body_bytes, 4 << 20);
    assert_eq!(server.request_timeout, Duration::from_secs(55));
    assert_eq!(server.header_timeout, Duration::from_secs(5));
    assert_eq!(server.drain_timeout, Duration::from_secs(30));
    assert_eq!((server.max_connections, server.max_concurrent_requests), (1024, 256));
    assert_eq!(config.log.format, LogFormat::Text);
    assert_eq!(config.log.level, "info");
    assert!(config.log.mask_personal_data);
    let realm = realm(&config);
    assert_eq!(realm.name.as_ref(), "acme");
    assert_eq!(realm.issuer, "http://127.0.0.1:8080/realms/acme");
    assert_eq!(realm.tag_role, "scim-managed");
    assert_eq!(realm.on_existing, OnExisting::Reject);
    assert_eq!(realm.sweep_interval, Duration::from_secs(30));
    assert_eq!((realm.default_page_size, realm.max_page_size), (100, 200));
    assert_eq!(realm.scan_limit, 10_000);
    assert!(!realm.trust_email && !realm.reactivate_local && realm.forward_token_endpoint);
    assert_eq!(realm.unknown_attributes, UnknownAttributes::Ignore);
    assert_eq!(realm.ignored_attributes, ["password"]);
    assert!(realm.refused_attributes.is_empty() && realm.protected_roles.is_empty());
    assert_eq!(realm.attribute_map.len(), 16);
    assert_eq!(realm.attribute_map.get("timezone").unwrap(), "zoneinfo");
    assert_eq!(realm.plan_timeout, Duration::from_secs(50));
    let keycloak = &realm.keycloak;
    assert_eq!(keycloak.client_id, "scimgate");
    assert_eq!(keycloak.client_secret.expose_secret(), "s3cret");
    assert!(keycloak.ca_file.is_none() && keycloak.proxy.is_none());
    assert_eq!(keycloak.connect_timeout, Duration::from_secs(5));
    assert_eq!(keycloak.timeout, Duration::from_secs(20));
    let caller = realm.callers.get("okta").unwrap();
    assert!(
        matches!(&caller.auth, CallerAuth::Token { tokens } if matches!(tokens[0].hash, SecretHash::Sha256([1, 0x23, ..])))
    );
    assert!(config.warnings.is_empty());
    let debug = format!("{config:?}");
    assert!(!debug.contains("s3cret"), "{debug}");
}

#[test]
fn scalars_override_maps_merge_and_lists_replace() {
    let defaults = "[defaults]\ntag_role = \"lower\"\nscan_limit = 500\n\
                    ignored_attributes = [\"photos\"]\n[defaults.attributes]\ntitle = \"\"\n\
                    nickName = \"alias\"\nims = \"chat\"\n\
                    [defaults.keycloak]\nclient_id = \"gate\"\ntimeout = \"3s\"\n";
    let config = good(&minimal(
        defaults,
        "tag_role = \"upper\"\nignored_attributes = [\"x509Certificates\"]\nmax_page_size = 20",
        "NICKNAME = \"nick\"\nlocale = \"\"",
        "timeout = \"4s\"",
    ));
    let realm = realm(&config);
    assert_eq!(realm.tag_role, "upper");
    assert_eq!(realm.scan_limit, 500);
    assert_eq!((realm.default_page_size, realm.max_page_size), (20, 20));
    assert_eq!(realm.ignored_attributes, ["x509Certificates", "password"]);
    let mapped = |path| realm.attribute_map.get(path).map(String::as_str);
    assert_eq!(mapped("title"), None);
    assert_eq!(mapped("locale"), None);
    assert_eq!(mapped("nickName"), Some("nick"));
    assert_eq!(mapped("ims"), Some("chat"));
    assert_eq!(mapped("displayName"), Some("displayName"));
    assert_eq!(realm.keycloak.client_id, "gate");
    assert_eq!(realm.keycloak.timeout, Duration::from_secs(4));
}

#[test]
fn a_password_is_dropped_or_refused_but_never_taken() {
    let lists = |realm: &str| {
        let config = good(&minimal("", realm, "", ""));
        let acme = config.realms.get("acme").unwrap();
        (acme.ignored_attributes.clone(), acme.refused_attributes.clone())
    };
    let list = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    assert_eq!(lists("ignored_attributes = []"), (list(&["password"]), list(&[])));
    assert_eq!(lists("ignored_attributes = [\"Password\", \"password\"]"), (list(&["Password"]), list(&[])));
    assert_eq!(lists("refused_attributes = [\"password\"]"), (list(&[]), list(&["password"])));
    let both = "ignored_attributes = [\"password\"]\nrefused_attributes = [\"password\"]";
    refused(&minimal("", both, "", ""), &["5: realms.acme.refused_attributes: \"password\" is in"]);
}

#[test]
fn a_mapping_taken_away_twice_is_a_warning() {
    let config = good(&minimal("", "", "nickname = \"\"\nims = \"\"", ""));
    assert_eq!(config.warnings.len(), 1);
    assert!(config.warnings[0].contains("\"ims\""), "{:?}", config.warnings);
}

#[test]
fn urls_need_not_end_in_a_slash_and_may() {
    for (url, endpoint, issuer) in [
        ("http://kc:8080", "http://kc:8080/admin/a%2Fb", "http://kc:8080/realms/acme"),
        ("http://kc:8080/", "http://kc:8080/admin/a%2Fb", "http://kc:8080/realms/acme"),
        (
            "https://sso.example.com/auth",
            "https://sso.example.com/auth/admin/a%2Fb",
            "https://sso.example.com/auth/realms/acme",
        ),
        (
            "https://sso.example.com/auth//",
            "https://sso.example.com/auth/admin/a%2Fb",
            "https://sso.example.com/auth/realms/acme",
        ),
    ] {
        let source = minimal("", "", "", "").replace("http://127.0.0.1:8080", url);
        let config = good(&source);
        let realm = realm(&config);
        assert_eq!(realm.keycloak.endpoint(&["admin", "a/b"]).as_str(), endpoint);
        assert_eq!(realm.issuer, issuer);
    }
}

#[test]
fn secrets_come_from_files_beside_the_configuration() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("config.toml");
    let text = minimal("", "", "", "")
        .replace("client_secret_env = \"SECRET\"", "client_secret_file = \"acme.secret\"");
    fs::write(&file, text).unwrap();
    let secret = folder.path().join("acme.secret");
    let problem = || load(&file, &environment()).unwrap_err().to_string();
    assert!(problem().contains(":9: realms.acme.keycloak.client_secret_file: cannot read "), "{}", problem());
    fs::write(&secret, "\n").unwrap();
    assert!(problem().contains("acme.secret is empty"), "{}", problem());
    fs::write(&secret, "a\nb\n").unwrap();
    assert!(problem().contains("expected one line of text"), "{}", problem());
    fs::write(&secret, [0xff, 0xfe]).unwrap();
    assert!(problem().contains("cannot read"), "{}", problem());
    fs::write(&secret, vec![b'a'; 70_000]).unwrap();
    assert!(problem().contains("at most 65536 bytes"), "{}", problem());
    fs::write(&secret, "s3cret-from-file\r\n").unwrap();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        fs::set_permissions(&secret, fs::Permissions::from_mode(0o644)).unwrap();
        let config = load(&file, &environment()).unwrap();
        assert!(config.warnings[0].contains("chmod 600"), "{:?}", config.warnings);
        fs::set_permissions(&secret, fs::Permissions::from_mode(0o600)).unwrap();
    }
    let config = load(&file, &environment()).unwrap();
    assert!(config.warnings.is_empty());
    assert_eq!(realm(&config).keycloak.client_secret.expose_secret(), "s3cret-from-file");
    let ca = folder.path().join("ca.pem");
    fs::write(&ca, "-----BEGIN CERTIFICATE-----\n").unwrap();
    let text = minimal("", "", "", "ca_file = \"ca.pem\"");
    let config = parse(&text, &file, &environment()).unwrap();
    assert_eq!(realm(&config).keycloak.ca_file.as_deref(), Some(ca.as_path()));
}

#[test]
fn secrets_come_from_the_environment() {
    for (name, expected) in [
        (
            "NOT_SET",
            "9: realms.acme.keycloak.client_secret_env: the environment variable that is named here is not set",
        ),
        (
            "EMPTY",
            "9: realms.acme.keycloak.client_secret_env: the secret in the environment variable is empty",
        ),
        (
            "TWO_LINES",
            "9: realms.acme.keycloak.client_secret_env: the secret in the environment variable holds line breaks",
        ),
        (
            "a-secret!",
            "9: realms.acme.keycloak.client_secret_env: expected the name of an environment variable",
        ),
    ] {
        let source = minimal("", "", "", "").replace("SECRET", name);
        refused(&source, &[expected]);
        let told = read(&source).unwrap_err().to_string();
        assert!(!told.contains(name), "{told}");
    }
}

#[test]
fn configurations_are_equal_where_the_gateway_would_behave_the_same() {
    let source = minimal("", "", "", "timeout = \"3s\"");
    let config = good(&source);
    assert_eq!(config, good(&format!("# another comment\n{source}")));
    for (from, to) in [
        ("version = 1\n", "version = 1\n[server]\nmax_connections = 5\n"),
        ("version = 1\n", "version = 1\n[log]\nlevel = \"warn\"\n"),
        ("[realms.acme]\n", "[realms.acme]\nshared = \"last-wins\"\n"),
        ("[realms.acme]\n", "[realms.acme]\non_create.email_verified = true\n"),
        ("[realms.acme]\n", "[realms.acme]\nidentity_provider.alias = \"idp\"\n"),
        ("[realms.acme]\n", "[realms.acme]\norganizations.a.realm_attributes = true\n"),
        ("[realms.acme.attributes]\n", "[realms.acme.attributes]\ntitle = \"x\"\n"),
        ("127.0.0.1:8080\"", "127.0.0.1:8081\"\nclient_id = \"y\""),
        ("timeout = \"3s\"", "timeout = \"4s\""),
        ("timeout = \"3s\"", "timeout = \"3s\"\nconnect_timeout = \"1s\""),
        ("timeout = \"3s\"", "timeout = \"3s\"\nclient_id = \"y\""),
        ("timeout = \"3s\"", "timeout = \"3s\"\nproxy = \"http://proxy:1\""),
        ("auth = \"token\"", "access = \"read-only\"\nauth = \"token\""),
        ("0123456789abcdef", "0123456789abcdee"),
    ] {
        let other = source.replacen(from, to, 1);
        assert_ne!(other, source);
        assert!(config != good(&other), "{to}");
    }
    let mut other = environment();
    other.insert("SECRET".to_owned(), "another".to_owned());
    assert!(config != parse(&source, Path::new("config.toml"), &other).unwrap(), "a new secret is a change");
}

#[test]
fn a_configuration_knows_every_file_that_it_was_read_from() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    for (name, text) in [
        ("acme.secret", "s3cret"),
        ("ca.pem", "-----BEGIN CERTIFICATE-----\n"),
        ("issuer.pem", "-----BEGIN CERTIFICATE-----\n"),
    ] {
        fs::write(at(name), text).unwrap();
    }
    let external = "[realms.acme.callers.auth0]\nauth = \"external\"\nissuer = \"https://x\"\naudiences = [\"x\"]\n\
                    ca_file = \"issuer.pem\"\n";
    let text = minimal("", "", "", "ca_file = \"ca.pem\"")
        .replace("client_secret_env = \"SECRET\"", "client_secret_file = \"acme.secret\"");
    fs::write(at("config.toml"), format!("{text}{external}")).unwrap();
    let config = load(&at("config.toml"), &environment()).unwrap();
    let expected: BTreeSet<_> = ["acme.secret", "ca.pem", "config.toml", "issuer.pem"].map(at).into();
    let paths = |files: &Contents| files.paths().map(Path::to_owned).collect::<BTreeSet<_>>();
    assert_eq!(paths(config.files()), expected);
    assert_eq!(*config.files(), config.files().now());
    for name in ["acme.secret", "ca.pem", "config.toml", "issuer.pem"] {
        let held = fs::read(at(name)).unwrap();
        fs::write(at(name), [held.as_slice(), b"\n"].concat()).unwrap();
        assert_ne!(*config.files(), config.files().now(), "{name}");
        assert!(!config.files().have_alike(&config.files().now(), &at(name)), "{name}");
        fs::write(at(name), held).unwrap();
    }
    assert_eq!(*config.files(), config.files().now());
    // So does one that is refused, also of what is not there.
    fs::remove_file(at("acme.secret")).unwrap();
    let errors = load(&at("config.toml"), &environment()).unwrap_err();
    assert_eq!(paths(errors.files()), expected);
    assert_eq!(*errors.files(), errors.files().now());
    fs::write(at("acme.secret"), "s3cret").unwrap();
    assert_ne!(*errors.files(), errors.files().now());
}

#[test]
fn what_is_no_file_and_what_is_too_large_is_refused_and_not_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config.toml");
    let refused = || load(&path, &environment()).unwrap_err().to_string();
    let made = std::process::Command::new("mkfifo").arg(&path).status().unwrap();
    assert!(made.success());
    assert!(refused().contains("no regular file"), "{}", refused());
    fs::remove_file(&path).unwrap();
    fs::write(&path, "# ".repeat(3 * 1024 * 1024)).unwrap();
    assert!(refused().contains("more than"), "{}", refused());
}

#[test]
fn an_organization_takes_nothing_that_says_who_somebody_is() {
    let text = r#"
version = 1
[realms.acme]
trust_email = true
max_page_size = 50
[realms.acme.identity_provider]
alias = "corp"
[realms.acme.on_create]
email_verified = true
required_actions = ["CONFIGURE_TOTP"]
[realms.acme.keycloak]
url = "http://127.0.0.1:8080"
client_secret_env = "SECRET"
[realms.acme.organizations.contoso.callers.entra]
auth = "token"
sha256 = ["0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"]
"#;
    let env = std::collections::BTreeMap::from([("SECRET".to_owned(), "s".to_owned())]);
    let config = parse(text, std::path::Path::new("config.toml"), &env).unwrap();
    let realm = config.realms.values().next().unwrap();
    let contoso = realm.organizations.values().next().unwrap();
    assert!(realm.trust_email && realm.on_create.email_verified && realm.identity_provider.is_some());
    assert!(!contoso.trust_email && !contoso.on_create.email_verified && contoso.identity_provider.is_none());
    assert_eq!(
        (contoso.max_page_size, &contoso.on_create.required_actions),
        (50, &realm.on_create.required_actions)
    );
}
