//! The table of keys against what reads the file: no key more or less, and each takes what the table says.

use std::collections::BTreeSet;

use regex_lite::Regex;

use super::super::callers::{CallerLayer, SecretLayer};
use super::super::file::{ConfigFile, KeycloakLayer, LogLayer, RealmLayer, ServerLayer};
use super::super::groups::{ClientRoleLayer, GroupsLayer};
use super::super::keys::{CALLER, FILE, Key, Kind, LOG, Place, SERVER, TENANT, Text, Without, flat};
use super::super::provisioning::{IdentityProviderLayer, OnCreateLayer};
use super::super::schemas::{AttributeLayer, SchemaLayer, SubAttributeLayer};
use super::reference::{REFERENCE, keys};
use super::{minimal, read};

fn named(table: &[Key]) -> BTreeSet<&str> {
    let names: BTreeSet<&str> = table.iter().map(|key| key.name).collect();
    assert_eq!(names.len(), table.len(), "a key stands there twice");
    names
}

/// The keys of the table within a table, whatever the names between them.
fn within(table: &'static [Key], name: &str) -> &'static [Key] {
    fn keys(kind: &'static Kind) -> &'static [Key] {
        match kind {
            Kind::Table(keys) | Kind::TextOrTable(_, keys) => keys,
            Kind::Names(_, kind) | Kind::List(kind) => keys(kind),
            other => panic!("{other:?}"),
        }
    }
    keys(&table.iter().find(|key| key.name == name).unwrap().kind)
}

#[test]
fn the_table_has_every_key_that_is_read_and_no_other() {
    let schema = within(TENANT, "schemas");
    let attribute = within(schema, "attributes");
    let mut password = keys::<SecretLayer>();
    password.remove("sha256");
    for (table, read) in [
        (FILE, keys::<ConfigFile>()),
        (SERVER, keys::<ServerLayer>()),
        (LOG, keys::<LogLayer>()),
        (TENANT, keys::<RealmLayer>()),
        (within(TENANT, "identity_provider"), keys::<IdentityProviderLayer>()),
        (within(TENANT, "on_create"), keys::<OnCreateLayer>()),
        (within(TENANT, "groups"), keys::<GroupsLayer>()),
        (within(within(TENANT, "groups"), "roles"), keys::<ClientRoleLayer>()),
        (within(TENANT, "keycloak"), keys::<KeycloakLayer>()),
        (CALLER, keys::<CallerLayer>()),
        (within(CALLER, "tokens"), keys::<SecretLayer>()),
        (within(CALLER, "passwords"), password),
        (schema, keys::<SchemaLayer>()),
        (attribute, keys::<AttributeLayer>()),
        (within(attribute, "sub_attributes"), keys::<SubAttributeLayer>()),
    ] {
        assert!(read.len() > 1);
        assert_eq!(named(table), read);
    }
}

/// The flat keys that can be probed, each with the header of its table and its path from the top.
fn probed() -> Vec<(String, Vec<String>, &'static Key)> {
    let badge = "realms.acme.schemas.\"urn:x\"";
    let attribute = within(within(TENANT, "schemas"), "attributes");
    let tables: [(&str, &'static [Key]); 8] = [
        ("server", SERVER),
        ("log", LOG),
        ("defaults", TENANT),
        ("realms.acme.callers.okta", CALLER),
        ("realms.acme.callers.okta.tokens.a", within(CALLER, "tokens")),
        (badge, within(TENANT, "schemas")),
        ("realms.acme.schemas.\"urn:x\".attributes.y", attribute),
        ("realms.acme.schemas.\"urn:x\".attributes.y.sub_attributes.z", within(attribute, "sub_attributes")),
    ];
    let of = |(table, keys): (&'static str, &'static [Key])| {
        flat(keys).into_iter().map(move |(path, key)| {
            let below = path.iter().map(|name| (*name).to_owned());
            (table.to_owned(), below.collect::<Vec<_>>(), key)
        })
    };
    tables.into_iter().flat_map(of).collect()
}

/// What is said against a key with this value.
fn said(table: &str, path: &[String], value: &str) -> Vec<String> {
    let source = format!("version = 1\n[{table}]\n{} = {value}\n", path.join("."));
    let key = format!("{table}.{}", path.join("."));
    let Err(errors) = read(&source) else { return Vec::new() };
    let problems = errors.problems().iter().filter(|problem| problem.key() == Some(&key));
    problems.map(ToString::to_string).collect()
}

#[test]
fn each_key_takes_what_the_table_says() {
    for (table, path, key) in probed() {
        let told = |value: &str| said(&table, &path, value).concat();
        let name = format!("{table}.{}", path.join("."));
        let (unlisted, list) = match key.kind {
            Kind::List(kind) => (*kind, true),
            kind => (kind, false),
        };
        let wrap = |value: &str| if list { format!("[{value}]") } else { value.to_owned() };
        if list {
            assert!(told("7").contains("expected a list, found a number"), "{name}: {}", told("7"));
        }
        match unlisted {
            Kind::Flag => {
                assert!(told("7").contains("expected true or false, found 7"), "{name}");
                assert!(!told("true").contains("expected true or false"), "{name}");
            }
            Kind::Whole(least, most) => {
                let bounds = format!("expected a whole number from {least} to {most}");
                for beyond in [least - 1, most + 1] {
                    assert!(
                        told(&beyond.to_string()).contains(&bounds),
                        "{name}: {}",
                        told(&beyond.to_string())
                    );
                }
                for within in [least, most] {
                    assert!(!told(&within.to_string()).contains("a whole number"), "{name}");
                }
            }
            Kind::Word(words) => {
                let expected = told(&wrap("\"nonsense\""));
                for word in words {
                    assert!(expected.contains(&format!("{word:?}")), "{name}: {expected}");
                    assert!(!told(&wrap(&format!("{word:?}"))).contains("expected \""), "{name} = {word}");
                }
                let quoted = expected.split_once(": expected ").unwrap().1.split(", found").next().unwrap();
                assert_eq!(quoted.matches('"').count(), 2 * words.len(), "{name}: {expected}");
            }
            Kind::Text(_) => assert!(told(&wrap("7")).contains("expected "), "{name}"),
            other => panic!("{other:?}"),
        }
    }
}

/// A text that fits a pattern.
fn fitting(text: Text) -> &'static str {
    let pattern = Regex::new(text.pattern).unwrap();
    let texts = ["x", "https://sso.example.com/x", "/x", "7s", "7/s", "10.0.0.0/8", "127.0.0.1:7"];
    texts.into_iter().find(|text| pattern.is_match(text)).unwrap_or_else(|| panic!("{text:?}"))
}

/// A value that a flat key can have and that is not what holds without it, as TOML writes it.
pub(super) fn sample(key: &Key) -> String {
    let quoted = |text: &str| format!("{text:?}");
    match (key.name, &key.kind) {
        ("level", _) => quoted("warn"),
        ("user_id", _) => quoted("userName"),
        ("sweep_interval" | "request_timeout" | "plan_timeout", _) => quoted("2m"),
        ("ca_file", _) => quoted("Cargo.toml"),
        ("scan_limit", _) => "5000".to_owned(),
        ("default_page_size", _) => "7".to_owned(),
        ("max_page_size", _) => "300".to_owned(),
        (_, Kind::Flag) => (!matches!(key.without, Without::Value("true"))).to_string(),
        (_, Kind::Whole(least, _)) => (least + 1).to_string(),
        (_, Kind::Word(words)) => quoted(words.last().unwrap()),
        (_, Kind::Text(text)) => quoted(fitting(*text)),
        (_, Kind::List(Kind::Text(text))) => format!("[{}]", quoted(fitting(*text))),
        (_, Kind::List(Kind::Word(words))) => format!("[{}]", quoted(words.last().unwrap())),
        (_, other) => panic!("{other:?}"),
    }
}

#[test]
fn each_key_stands_where_the_table_says_and_nowhere_else() {
    let refusals = [
        "belongs to one realm",
        "this is the same for a realm and all its organizations",
        "Keycloak keeps an organization's groups apart",
    ];
    for (path, key) in flat(TENANT) {
        for (table, place) in
            [("defaults", Place::Defaults), ("realms.acme.organizations.contoso", Place::Organization)]
        {
            let source =
                format!("{}[{table}]\n{} = {}\n", minimal("", "", "", ""), path.join("."), sample(key));
            let told = read(&source).err().map(|errors| errors.to_string()).unwrap_or_default();
            let refused = refusals.iter().any(|refusal| told.contains(refusal));
            assert_eq!(!refused, place.takes(key.levels), "{table}.{}: {told}", path.join("."));
        }
    }
}

#[test]
fn what_holds_without_a_key_is_what_the_reference_shows() {
    let all = [SERVER, LOG, TENANT].into_iter().flat_map(flat);
    let mut shown = 0;
    for (path, key) in all {
        let Without::Value(value) = key.without else { continue };
        if key.name == "trusted_proxies" {
            // An empty list tells less than an example.
            continue;
        }
        let line = format!("\n# {} = {value}\n", key.name);
        assert!(REFERENCE.contains(&line), "{}: {line}", path.join("."));
        shown += 1;
    }
    assert!(shown > 30);
    for key in CALLER {
        if let Without::Value(value) = key.without {
            assert!(REFERENCE.contains(&format!("\n# {} = {value}\n", key.name)), "{}", key.name);
        }
    }
}

#[test]
fn patterns_take_what_the_reader_takes() {
    for (table, path, key) in probed() {
        let (Kind::Text(text) | Kind::List(&Kind::Text(text))) = key.kind else { continue };
        let pattern = Regex::new(text.pattern).unwrap();
        let list = matches!(key.kind, Kind::List(_));
        for candidate in [
            "x",
            "",
            "a b",
            "scimgate",
            "https://sso.example.com/x?y",
            "HTTP://X",
            "/x/y",
            "/",
            "1h 30m",
            "1000/h",
            "[::1]:80",
            "10.0.0.0/8",
            "2001:db8::/32",
            "urn:x:y",
            "title",
            "externalId",
            "info,scimgate=debug",
            "é",
            "$argon2id$v=19$m=19456,t=2,p=1$c2NpbWdhdGUtMDAwMQ$YW4gZXhhbXBsZTogbWFrZSB5b3VyIG93biwgMzIgYi4u",
            super::HASH,
        ] {
            let value = if list { format!("[{candidate:?}]") } else { format!("{candidate:?}") };
            let told = said(&table, &path, &value).concat();
            let taken = !told.contains("expected")
                || told.contains("expected the name of a Keycloak user attribute at");
            if taken {
                assert!(pattern.is_match(candidate), "{table}.{}: {candidate:?}", path.join("."));
            }
        }
    }
}
