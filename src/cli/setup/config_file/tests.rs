//! What is added to a configuration, and what is refused.

use clap::Parser;
use insta::assert_snapshot;

use super::*;

#[derive(Parser)]
struct Cli {
    #[command(flatten)]
    setup: SetupArgs,
}

const HASH: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

fn args(rest: &str) -> SetupArgs {
    let line = format!("setup --keycloak http://127.0.0.1:8080/ --admin-user admin --out d {rest}");
    Cli::try_parse_from(line.split(' ')).unwrap().setup
}

fn extend(text: Option<&str>, rest: &str) -> Result<Extended> {
    let args = args(rest);
    let issuer = format!("http://127.0.0.1:8080/realms/{}", args.realm);
    ConfigFile::new(Path::new("config.toml"), text.map(str::to_owned)).extended(&Wanted {
        args: &args,
        issuer: Some(&issuer),
        token_hash: (args.auth == CallerAuth::Token).then_some(HASH),
    })
}

const OKTA: &str = "--realm acme --caller okta --auth token";
const ENTRA: &str = "--realm acme --caller entra --auth keycloak";

#[test]
fn writes_a_new_file() {
    assert_snapshot!(extend(None, OKTA).unwrap().text, @r#"
    # Configuration of scimgate, begun by `scimgate setup`; run that again to add a realm or a caller.
    version = 1

    # `listen` is for identity providers, `private_listen` for health and readiness.
    # `public_url` is how identity providers reach `listen`; base URLs are made from it.
    [server]
    listen = "127.0.0.1:7644"
    private_listen = "127.0.0.1:7645"
    public_url = "http://127.0.0.1:7644"

    # `issuer` is what the tokens of the realm carry, as in its discovery document.
    [realms.acme]
    issuer = "http://127.0.0.1:8080/realms/acme"

    [realms.acme.keycloak]
    url = "http://127.0.0.1:8080"
    client_id = "scimgate"
    client_secret_file = "acme-keycloak-client-secret"

    # The caller sends a bearer token of which only the SHA-256 stands here.
    [realms.acme.callers.okta]
    auth = "token"
    sha256 = ["aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"]
    "#);
}

#[test]
fn a_second_run_changes_no_byte() {
    let first = extend(None, OKTA).unwrap();
    assert_eq!(first.added, ["realm acme", "caller okta of realm acme"]);
    let second = extend(Some(&first.text), OKTA).unwrap();
    assert_eq!(second.text, first.text);
    assert!(second.added.is_empty() && second.warnings.is_empty());
}

#[test]
fn adds_a_caller_and_a_realm_and_keeps_the_rest() {
    let first = extend(None, OKTA).unwrap().text;
    let mine = format!("{first}  odd_key   =  'kept'   # as I wrote it\n\n# the end\n");
    let second = extend(Some(&mine), ENTRA).unwrap();
    assert_eq!(second.added, ["caller entra of realm acme"]);
    let third = extend(Some(&second.text), "--realm b.c --caller okta --auth token").unwrap();
    assert_snapshot!(third.text, @r#"
    # Configuration of scimgate, begun by `scimgate setup`; run that again to add a realm or a caller.
    version = 1

    # `listen` is for identity providers, `private_listen` for health and readiness.
    # `public_url` is how identity providers reach `listen`; base URLs are made from it.
    [server]
    listen = "127.0.0.1:7644"
    private_listen = "127.0.0.1:7645"
    public_url = "http://127.0.0.1:7644"

    # `issuer` is what the tokens of the realm carry, as in its discovery document.
    [realms.acme]
    issuer = "http://127.0.0.1:8080/realms/acme"

    [realms.acme.keycloak]
    url = "http://127.0.0.1:8080"
    client_id = "scimgate"
    client_secret_file = "acme-keycloak-client-secret"

    # The caller sends a bearer token of which only the SHA-256 stands here.
    [realms.acme.callers.okta]
    auth = "token"
    sha256 = ["aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"]
      odd_key   =  'kept'   # as I wrote it

    # The caller gets its tokens from the realm, by client credentials of one of these clients.
    [realms.acme.callers.entra]
    auth = "keycloak"
    clients = ["scim-entra"]

    # `issuer` is what the tokens of the realm carry, as in its discovery document.
    [realms."b.c"]
    issuer = "http://127.0.0.1:8080/realms/b.c"

    [realms."b.c".keycloak]
    url = "http://127.0.0.1:8080"
    client_id = "scimgate"
    client_secret_file = "b.c-keycloak-client-secret"

    # The caller sends a bearer token of which only the SHA-256 stands here.
    [realms."b.c".callers.okta]
    auth = "token"
    sha256 = ["aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"]

    # the end
    "#);
    for line in mine.lines() {
        assert!(third.text.contains(line), "{line}");
    }
}

#[test]
fn extends_inline_tables_too() {
    let text = "version = 1\nserver = { listen = '127.0.0.1:1' }\nrealms = { acme = { keycloak = { url = 'http://127.0.0.1:8080' } } }";
    let extended = extend(Some(text), OKTA).unwrap();
    assert_snapshot!(extended.text, @r#"
    version = 1
    server = { listen = '127.0.0.1:1' }
    realms = { acme = { keycloak = { url = 'http://127.0.0.1:8080' , client_id = "scimgate", client_secret_file = "acme-keycloak-client-secret" } , issuer = "http://127.0.0.1:8080/realms/acme", callers = { okta = { auth = "token", sha256 = ["aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"] } } } }
    "#);
    assert_eq!(extended.public_url, "http://127.0.0.1:1");
    assert_eq!(extend(Some(&extended.text), OKTA).unwrap().text, extended.text);
}

#[test]
fn the_files_own_server_settings_hold() {
    let text = "version = 1\n[server]\npublic_url = \"https://scim.example.com/\"\n";
    let extended = extend(Some(text), OKTA).unwrap();
    assert_eq!(extended.public_url, "https://scim.example.com");
    assert!(extended.text.starts_with(text));
    let told = format!("{OKTA} --public-url https://scim.example.com");
    assert!(extend(Some(text), &told).is_ok());
    let otherwise = format!("{OKTA} --public-url https://other.example.com");
    let error = extend(Some(text), &otherwise).unwrap_err().to_string();
    assert!(error.contains("server.public_url"), "{error}");
}

#[test]
fn refuses_a_file_that_says_otherwise() {
    let first = extend(None, OKTA).unwrap().text;
    let refused = |from: &str, to: &str, rest: &str| {
        let text = first.replace(from, to);
        assert_ne!(text, first, "{from}");
        extend(Some(&text), rest).unwrap_err().to_string()
    };
    let error = refused("127.0.0.1:8080\"\nclient", "elsewhere\"\nclient", OKTA);
    assert!(error.contains("realms.acme.keycloak.url"), "{error}");
    let error = refused("\"scimgate\"", "\"other\"", OKTA);
    assert!(error.contains("realms.acme.keycloak.client_id"), "{error}");
    let error = refused("aaa\"", "bbb\"", OKTA);
    assert!(error.contains("realms.acme.callers.okta.sha256"), "{error}");
    let error = refused("version = 1", "version = 2", OKTA);
    assert!(error.contains("version = 2"), "{error}");
    let error = extend(Some(&first), &OKTA.replace("token", "keycloak")).unwrap_err();
    assert!(error.to_string().contains("realms.acme.callers.okta.auth"), "{error}");
    let error = extend(Some("version = 1\nrealms = 3"), OKTA).unwrap_err();
    assert!(matches!(error, ConfigFileError::NoTable { .. }), "{error}");
    let error = extend(Some("version = "), OKTA).unwrap_err();
    assert!(error.to_string().contains("line 1"), "{error}");
}

#[test]
fn another_issuer_is_kept_and_warned_about() {
    let text = extend(None, OKTA)
        .unwrap()
        .text
        .replace("http://127.0.0.1:8080/realms/acme", "https://id.example.com/realms/acme");
    let extended = extend(Some(&text), OKTA).unwrap();
    assert_eq!(extended.text, text);
    assert_eq!(extended.warnings.len(), 1);
}

#[test]
fn a_secret_from_the_environment_is_left_there() {
    let text = extend(None, OKTA)
        .unwrap()
        .text
        .replace("client_secret_file = \"acme-keycloak-client-secret\"", "client_secret_env = \"SECRET\"");
    let extended = extend(Some(&text), OKTA).unwrap();
    assert_eq!(extended.text, text);
    assert!(!extended.reads_secret_file);
}

#[test]
fn no_two_secrets_share_a_file() {
    let text = extend(None, "--realm a --caller b-c --auth token").unwrap().text;
    let error = extend(Some(&text), "--realm a-b --caller c --auth token").unwrap_err();
    assert!(matches!(error, ConfigFileError::SharedFile { .. }), "{error}");
    assert!(extend(Some(&text), "--realm a-b --caller d --auth token").is_ok());
}

#[test]
fn knows_whether_a_caller_has_a_token() {
    let text = extend(None, OKTA).unwrap().text;
    let file = |text: Option<&str>| ConfigFile::new(Path::new("config.toml"), text.map(str::to_owned));
    assert!(file(Some(&text)).has_token(&args(OKTA)).unwrap());
    assert!(!file(Some(&text)).has_token(&args(ENTRA)).unwrap());
    assert!(!file(None).has_token(&args(OKTA)).unwrap());
}

#[test]
fn adds_an_identity_provider_before_the_callers() {
    let linked = format!("{OKTA} --idp okta");
    let first = extend(None, &linked).unwrap();
    assert_eq!(
        first.added,
        ["realm acme", "identity provider okta of realm acme", "caller okta of realm acme"]
    );
    let table = "\n[realms.acme.identity_provider]\nalias = \"okta\"\nuser_id = \"externalId\"\n";
    assert!(first.text.contains(table), "{}", first.text);
    assert_eq!(extend(Some(&first.text), &linked).unwrap().text, first.text);
    // Without a word of it, it stays; another one is not put in its place.
    assert_eq!(extend(Some(&first.text), OKTA).unwrap().text, first.text);
    let other = extend(Some(&first.text), &format!("{OKTA} --idp entra")).unwrap_err().to_string();
    assert!(other.contains("realms.acme.identity_provider.alias"), "{other}");
    let value = format!("{linked} --idp-user-id userName");
    let other = extend(Some(&first.text), &value).unwrap_err().to_string();
    assert!(other.contains("realms.acme.identity_provider.user_id"), "{other}");
    assert!(extend(None, &value).unwrap().text.contains("user_id = \"userName\""));
}

#[test]
fn an_organization_gets_a_caller_and_a_link_of_its_own() {
    let contoso = "--realm acme --caller entra --auth token --organization contoso --idp entra";
    let first = extend(None, contoso).unwrap();
    let added = [
        "realm acme",
        "identity provider entra of organization contoso of realm acme",
        "caller entra of organization contoso of realm acme",
    ];
    assert_eq!(first.added, added);
    assert_snapshot!(first.text.split("[realms.acme.keycloak]").nth(1).unwrap(), @r#"

    url = "http://127.0.0.1:8080"
    client_id = "scimgate"
    client_secret_file = "acme-keycloak-client-secret"

    # Users are linked to this identity provider in Keycloak, so that single sign-on finds who was provisioned; `user_id`
    # tells which value is their id there.
    [realms.acme.organizations.contoso.identity_provider]
    alias = "entra"
    user_id = "externalId"

    # The caller sends a bearer token of which only the SHA-256 stands here.
    [realms.acme.organizations.contoso.callers.entra]
    auth = "token"
    sha256 = ["aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"]
    "#);
    assert_eq!(extend(Some(&first.text), contoso).unwrap().text, first.text);
    let second = extend(Some(&first.text), OKTA).unwrap();
    assert_eq!(second.added, ["caller okta of realm acme"]);
    for line in first.text.lines() {
        assert!(second.text.contains(line), "{line}");
    }
    let file = |text: &str| ConfigFile::new(Path::new("config.toml"), Some(text.to_owned()));
    assert!(file(&first.text).has_token(&args(contoso)).unwrap());
    assert!(!file(&first.text).has_token(&args(&contoso.replace("contoso", "fabrikam"))).unwrap());
}

#[test]
fn no_organizations_secret_shares_a_file_with_a_realms() {
    let text = extend(None, "--realm a --caller c --auth token --organization b").unwrap().text;
    let error = extend(Some(&text), "--realm a --caller b-c --auth token").unwrap_err();
    assert!(matches!(error, ConfigFileError::SharedFile { .. }), "{error}");
    let text = extend(None, "--realm a --caller b-c --auth token").unwrap().text;
    let error = extend(Some(&text), "--realm a --caller c --auth token --organization b").unwrap_err();
    assert!(matches!(error, ConfigFileError::SharedFile { .. }), "{error}");
}
