//! What `config explain` tells: what is in effect, and what says so.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::super::keys::{LOG, SERVER, TENANT, Without, flat};
use super::super::{Effective, ExplainError, Explanation, explain};
use super::keys::sample;
use super::{HASH, environment, minimal};

fn explained_with(
    source: &str,
    realm: &str,
    organization: Option<&str>,
    variables: &[(&str, &str)],
) -> Result<Explanation, ExplainError> {
    let mut all: BTreeMap<String, String> = environment();
    all.extend(variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    let organization = organization.map(|key| key.parse().unwrap());
    explain(source, Path::new("config.toml"), &all, &realm.parse().unwrap(), organization.as_ref())
}

fn explained(source: &str, organization: Option<&str>) -> Explanation {
    explained_with(source, "acme", organization, &[]).unwrap_or_else(|error| panic!("{error}"))
}

/// The value and the origin of a key.
#[track_caller]
fn of<'e>(explanation: &'e Explanation, key: &str) -> (&'e str, &'e str) {
    let found: Vec<&Effective> = explanation.values.iter().filter(|value| value.key == key).collect();
    assert_eq!(found.len(), 1, "{key} in {explanation}");
    (&found[0].value, &found[0].origin)
}

#[test]
fn the_least_file_is_explained_by_what_is_built_in() {
    let explanation = explained(&minimal("", "", "", ""), None);
    let tables = [("server.", SERVER), ("log.", LOG), ("", TENANT)];
    let mut seen = 0;
    for (prefix, table) in tables {
        for (path, key) in flat(table) {
            let Without::Value(value) = key.without else { continue };
            // Nobody is linked, so that there is no value to link by.
            if path != ["identity_provider", "user_id"] {
                assert_eq!(of(&explanation, &format!("{prefix}{}", path.join("."))), (value, "built-in"));
                seen += 1;
            }
        }
    }
    assert!(seen > 35);
    assert_eq!(of(&explanation, "keycloak.url").1, "config.toml:8 ([realms.acme.keycloak])");
    let issuer = of(&explanation, "issuer");
    assert_eq!(
        issuer,
        ("\"http://127.0.0.1:8080/realms/acme\"", "built-in: keycloak.url and /realms/<name>")
    );
    assert_eq!(of(&explanation, "attributes.timezone"), ("\"zoneinfo\"", "built-in"));
    for (key, words) in [
        ("server.public_url", "(http:// and the bound address of listen)"),
        ("server.rate_limit", "(no limit)"),
        ("identity_provider.alias", "(users are not linked)"),
        ("keycloak.proxy", "(none)"),
        ("callers.okta.access", "\"read-write\""),
        ("callers.okta.networks", "(any)"),
    ] {
        assert_eq!(of(&explanation, key), (words, "built-in"));
    }
}

#[test]
fn every_key_is_explained_by_the_layer_that_says_it() {
    for (path, key) in flat(TENANT) {
        let name = path.join(".");
        if name.ends_with("ca_file") || name.starts_with("keycloak.client_secret") {
            continue;
        }
        let value = sample(key);
        let shown = match name.as_str() {
            "ignored_attributes" => "[\"x\", \"password\"]",
            _ => value.as_str(),
        };
        let alias =
            if name == "identity_provider.user_id" { "identity_provider.alias = \"idp\"\n" } else { "" };
        let table = [&["realms", "acme"], &path[..path.len() - 1]].concat().join(".");
        let also = if shown == value { "" } else { ", and built-in" };
        if !name.starts_with("keycloak.") {
            let source = minimal("", &format!("{name} = {value}\n{alias}"), "", "");
            let explanation = explained(&source, None);
            let origin = format!("config.toml:4 ([{table}]){also}");
            assert_eq!(of(&explanation, &name), (shown, origin.as_str()));
        }
        if key.levels.defaults && name != "keycloak.url" {
            let variable = format!("SCIMGATE_DEFAULTS_{}", name.replace('.', "_").to_ascii_uppercase());
            let source = minimal(&format!("[defaults]\n{alias}"), "", "", "");
            let text = value.replace(['"', '[', ']'], "");
            let explanation = explained_with(&source, "acme", None, &[(&variable, &text)]).unwrap();
            let origin = format!("environment {variable}{also}");
            assert_eq!(of(&explanation, &name), (shown, origin.as_str()));
        }
    }
    for (table, keys) in [("server", SERVER), ("log", LOG)] {
        for (path, key) in flat(keys) {
            let (name, value) = (path.join("."), sample(key));
            let explanation = explained(&minimal(&format!("[{table}]\n{name} = {value}"), "", "", ""), None);
            let origin = format!("config.toml:3 ([{table}])");
            assert_eq!(of(&explanation, &format!("{table}.{name}")), (value.as_str(), origin.as_str()));
        }
    }
}

/// Three layers, and an organization's caller of each kind.
fn three_layers() -> String {
    let other = HASH.replace("0123", "3210");
    format!(
        "{}[realms.acme.organizations.contoso]\nmax_page_size = 40\nattributes.TITLE = \"jobTitle\"\n\
         groups.roles.sales = [\"seller\", {{ client = \"billing\", role = \"editor\" }}]\n\
         [realms.acme.organizations.contoso.callers.entra]\nauth = \"token\"\naccess = \"read-only\"\n\
         tokens.autumn = {{ sha256 = \"{other}\", expires = 2999-01-01T00:00:00Z }}\n\
         [realms.acme.organizations.contoso.callers.auth0]\nauth = \"external\"\nissuer = \"https://x\"\n\
         audiences = [\"y\"]\nrequired_claims.tid = [\"z\"]\n",
        minimal(
            "[defaults]\nscan_limit = 5_000\nmax_page_size = 20\ntag_role = \"low\"\n\
             [defaults.schemas.\"urn:a\".attributes.x]\nkeycloak_attribute = \"ax\"\n\
             [defaults.groups]\nparent = \"/SCIM\"\nvisible = \"all\"\nroles.Sales = [\"none\"]\n\
             privileged = [\"Operators\"]",
            "max_page_size = 30\ntag_role = \"high\"",
            "nickName = \"nick\"",
            "",
        )
    )
}

#[test]
fn an_organization_is_explained_by_three_layers() {
    let source = three_layers();
    let line = |text: &str| {
        let before = source.find(text).unwrap();
        source[..before].matches('\n').count() + 1
    };
    let explanation = explained(&source, Some("contoso"));
    let table = "realms.acme.organizations.contoso";
    for (key, value, place) in [
        ("max_page_size", "40", format!("config.toml:{} ([{table}])", line("max_page_size = 40"))),
        ("scan_limit", "5000", "config.toml:3 ([defaults])".to_owned()),
        ("default_page_size", "40", "built-in, at most max_page_size".to_owned()),
        ("tag_role", "\"high\"", format!("config.toml:{} ([realms.acme])", line("tag_role = \"high\""))),
        ("groups.visible", "\"all\"", format!("config.toml:{} ([defaults.groups])", line("visible"))),
        ("groups.privileged", "[]", "built-in".to_owned()),
        (
            "groups.roles.sales",
            "[\"seller\", { client = \"billing\", role = \"editor\" }]",
            format!("config.toml:{} ([{table}.groups.roles])", line("groups.roles.sales")),
        ),
        (
            "attributes.title",
            "\"jobTitle\"",
            format!("config.toml:{} ([{table}.attributes])", line("attributes.TITLE")),
        ),
        (
            "attributes.nickName",
            "\"nick\"",
            format!("config.toml:{} ([realms.acme.attributes])", line("nickName")),
        ),
        ("attributes.locale", "\"locale\"", "built-in".to_owned()),
        (
            "attributes.\"urn:a:x\"",
            "\"ax\"",
            format!("config.toml:{} ([defaults.schemas.\"urn:a\".attributes.x])", line("keycloak_attribute")),
        ),
        (
            "schemas.\"urn:a\".attributes.x.keycloak_attribute",
            "\"ax\"",
            format!("config.toml:{} ([defaults.schemas.\"urn:a\".attributes.x])", line("keycloak_attribute")),
        ),
        (
            "callers.entra.access",
            "\"read-only\"",
            format!("config.toml:{} ([{table}.callers.entra])", line("access =")),
        ),
        ("callers.auth0.access", "\"read-write\"", "built-in".to_owned()),
        ("callers.auth0.clock_skew", "\"30s\"", "built-in".to_owned()),
        (
            "callers.auth0.required_claims.tid",
            "[\"z\"]",
            format!("config.toml:{} ([{table}.callers.auth0.required_claims])", line("required_claims")),
        ),
        (
            "callers.entra.tokens.autumn.sha256",
            "(set)",
            format!("config.toml:{} ([{table}.callers.entra.tokens.autumn])", line("tokens.autumn")),
        ),
        (
            "callers.entra.tokens.autumn.expires",
            "2999-01-01T00:00:00Z",
            format!("config.toml:{} ([{table}.callers.entra.tokens.autumn])", line("tokens.autumn")),
        ),
    ] {
        assert_eq!(of(&explanation, key), (value, place.as_str()));
    }
    let keys: BTreeSet<&str> = explanation.values.iter().map(|value| value.key.as_str()).collect();
    assert_eq!(keys.len(), explanation.values.len(), "a key is told twice: {explanation}");
    for absent in ["groups.parent", "callers.okta.auth", "callers.entra.clock_skew", "groups.roles.Sales"] {
        assert!(!keys.contains(absent), "{absent} in {explanation}");
    }
    let realm = explained(&source, None);
    assert_eq!(of(&realm, "groups.parent").0, "\"/SCIM\"");
    assert_eq!(of(&realm, "groups.roles.Sales").0, "[\"none\"]");
    assert_eq!(of(&realm, "groups.privileged").0, "[\"Operators\"]", "as it is written");
    assert_eq!(of(&realm, "organizations").0, "[\"contoso\"]");
    assert_eq!(of(&realm, "attributes.title").1, "built-in");
}

#[test]
fn a_caller_is_explained_with_what_it_does_not_say() {
    let callers = "[realms.acme.callers.entra]\nauth = \"external\"\nissuer = \"https://x\"\naudiences = [\"y\"]\n\
                   [realms.acme.callers.auth0]\nauth = \"external\"\nissuer = \"https://z\"\naudiences = [\"y\"]\n\
                   jwks_uri = \"https://z/keys?key=s3cret\"\nclients = [\"c\"]\n\
                   [realms.acme.callers.own]\nauth = \"keycloak\"\nroles = [\"r\"]\n";
    let explanation = explained(&format!("{}{callers}", minimal("", "", "", "")), None);
    for (key, value) in [
        ("entra.jwks_uri", "(what the issuer's discovery document says)"),
        ("entra.clients", "(any)"),
        ("entra.required_claims", "(none)"),
        ("auth0.jwks_uri", "\"https://z/keys?…\""),
        ("auth0.clients", "[\"c\"]"),
        ("own.clients", "(any)"),
        ("own.audiences", "(any)"),
        ("own.scopes", "(none)"),
    ] {
        assert_eq!(of(&explanation, &format!("callers.{key}")).0, value, "{key}");
    }
    assert!(!explanation.to_string().contains("s3cret"));
    assert!(explanation.values.iter().all(|value| value.key != "callers.own.jwks_uri"));
}

#[test]
fn no_secret_is_shown_and_no_hash() {
    let argon2 =
        "$argon2id$v=19$m=19456,t=2,p=1$c2NpbWdhdGUtMDAwMQ$YW4gZXhhbXBsZTogbWFrZSB5b3VyIG93biwgMzIgYi4u";
    let source = format!(
        "{}[realms.acme.callers.basic]\nauth = \"basic\"\nuser = \"basic\"\nargon2 = [\"{argon2}\"]\n\
         passwords.new.argon2 = \"{}\"\n",
        minimal("", "", "", ""),
        argon2.replace("DAwMQ", "DAwMg")
    );
    let explanation = explained(&source, None);
    let told = explanation.to_string();
    for secret in ["s3cret", HASH, "$argon2", "SECRET"] {
        assert!(!told.contains(secret), "{secret} in {told}");
    }
    for key in [
        "keycloak.client_secret_env",
        "callers.okta.sha256",
        "callers.basic.argon2",
        "callers.basic.passwords.new.argon2",
    ] {
        let (value, origin) = of(&explanation, key);
        assert!(value == "(set)" && origin.starts_with("config.toml:"), "{key} = {value} {origin}");
    }
}

#[test]
fn what_comes_from_elsewhere_is_laid_over() {
    let mut explanation = explained(&minimal("", "email_as_username = true", "", ""), None);
    let from = |key: &str, value: &str, attribute: &str| Effective {
        key: key.to_owned(),
        value: value.to_owned(),
        origin: format!("realm attribute {attribute}"),
    };
    explanation.lay_over([
        from("email_as_username", "false", "scim.email.as.username"),
        from("callers.keycloak.issuer", "\"https://x\"", "scim.external.issuer"),
    ]);
    assert_eq!(of(&explanation, "email_as_username"), ("false", "realm attribute scim.email.as.username"));
    assert_eq!(of(&explanation, "callers.keycloak.issuer").1, "realm attribute scim.external.issuer");
}

#[test]
fn lines_are_aligned() {
    let value = |key: &str, value: &str| Effective {
        key: key.to_owned(),
        value: value.to_owned(),
        origin: "built-in".to_owned(),
    };
    let long = "x".repeat(100);
    let explanation = Explanation { values: vec![value("a", "1"), value("bcd", "22"), value("e", &long)] };
    let expected = format!("a = 1     built-in\nbcd = 22  built-in\ne = {long}  built-in\n");
    assert_eq!(explanation.to_string(), expected);
}

#[test]
fn nothing_is_explained_of_what_is_not_there() {
    let source = three_layers();
    let told = |realm: &str, organization| {
        explained_with(&source, realm, organization, &[]).unwrap_err().to_string()
    };
    assert_eq!(told("beta", None), "the configuration has no realm beta; it has acme");
    assert_eq!(
        told("acme", Some("fabrikam")),
        "the realm acme has no organization fabrikam in the configuration; it has contoso"
    );
    let error = explained_with("version = 1\n", "acme", None, &[]).unwrap_err();
    assert!(error.to_string().contains("expected at least one table [realms.NAME]"), "{error}");
}
