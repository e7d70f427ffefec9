//! The JSON Schema against the reference: what works is valid, what is wrong is not.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::LazyLock;

use regex_lite::Regex;
use serde_json::{Map, Value, json};
use toml::de::{DeTable, DeValue};

use super::super::json_schema;
use super::super::json_schema::plain;
use super::reference::{REFERENCE, uncommented};
use super::{minimal, read};

/// Why a value is not valid; none if it is. Only what the schema makes use of is known here.
fn invalid(schema: &'static Value, value: &Value, path: &str) -> Option<String> {
    for (keyword, rule) in schema.as_object().unwrap() {
        let fails = |why: &str| Some(format!("{path}: {value} fails {keyword} {rule}: {why}"));
        let found = match keyword.as_str() {
            "$schema" | "title" | "description" | "default" | "format" => None,
            "type" => {
                let right = match rule.as_str().unwrap() {
                    "object" => value.is_object(),
                    "array" => value.is_array(),
                    "string" => value.is_string(),
                    "boolean" => value.is_boolean(),
                    "integer" => value.is_i64(),
                    other => panic!("{other}"),
                };
                if right { None } else { return fails("another type") }
            }
            "enum" => {
                if rule.as_array().unwrap().contains(value) {
                    None
                } else {
                    fails("none of them")
                }
            }
            "pattern" => {
                if matches(rule.as_str().unwrap(), value.as_str().unwrap()) {
                    None
                } else {
                    fails("no match")
                }
            }
            "minimum" => {
                if value.as_i64() >= rule.as_i64() {
                    None
                } else {
                    fails("less")
                }
            }
            "maximum" => {
                if value.as_i64() <= rule.as_i64() {
                    None
                } else {
                    fails("more")
                }
            }
            "required" => {
                let missing =
                    rule.as_array().unwrap().iter().find(|name| value.get(name.as_str().unwrap()).is_none());
                missing.and_then(|_| fails("missing"))
            }
            "items" => {
                let elements = value.as_array().unwrap().iter();
                elements.flat_map(|element| invalid(rule, element, path)).next()
            }
            "anyOf" => {
                let valid = rule.as_array().unwrap().iter().any(|rule| invalid(rule, value, path).is_none());
                if valid { None } else { fails("none") }
            }
            "propertyNames" => {
                let names = value.as_object().unwrap().keys();
                names.flat_map(|name| invalid(rule, &json!(name), path)).next()
            }
            "properties" => {
                let entries = value.as_object().unwrap().iter();
                let known = entries.filter_map(|(name, value)| Some((name, rule.get(name)?, value)));
                known.flat_map(|(name, rule, value)| invalid(rule, value, &format!("{path}.{name}"))).next()
            }
            "additionalProperties" => {
                let known = schema.get("properties").and_then(Value::as_object);
                let entries = value.as_object().unwrap().iter();
                let mut others =
                    entries.filter(|(name, _)| known.is_none_or(|known| !known.contains_key(*name)));
                match rule {
                    Value::Bool(false) => others.next().and_then(|(name, _)| fails(name)),
                    rule => others
                        .flat_map(|(name, value)| invalid(rule, value, &format!("{path}.{name}")))
                        .next(),
                }
            }
            other => panic!("the schema has a keyword that is not known here: {other}"),
        };
        if found.is_some() {
            return found;
        }
    }
    None
}

/// Patterns are compiled once: there are few of them, and many values.
fn matches(pattern: &'static str, text: &str) -> bool {
    thread_local! {
        static COMPILED: RefCell<BTreeMap<&'static str, Regex>> = RefCell::default();
    }
    COMPILED.with_borrow_mut(|compiled| {
        let compiled = compiled.entry(pattern).or_insert_with(|| Regex::new(pattern).unwrap());
        compiled.is_match(text)
    })
}

fn json_of(source: &str) -> Value {
    let tree = DeTable::parse(source).unwrap();
    plain(&DeValue::Table(tree.into_inner())).unwrap()
}

fn judge(value: &Value) -> Option<String> {
    static SCHEMA: LazyLock<Value> = LazyLock::new(json_schema);
    invalid(&SCHEMA, value, "")
}

#[test]
fn the_reference_is_valid_as_it_stands_and_with_all_that_its_comments_show() {
    for source in [REFERENCE.to_owned(), uncommented(&[])] {
        assert_eq!(judge(&json_of(&source)), None);
    }
    assert_eq!(judge(&json_of(&minimal("", "", "title = \"\"", ""))), None);
}

/// All tables of a document but those whose keys are of the administrator's choosing, each by the path to it.
fn changed(
    value: &Value,
    path: &[String],
    change: &dyn Fn(&[String], &Value) -> Vec<Value>,
) -> Vec<(String, Value)> {
    let mut all: Vec<(String, Value)> =
        change(path, value).into_iter().map(|value| (path.join("."), value)).collect();
    if let Value::Object(entries) = value {
        for (name, below) in entries {
            let path = [path, std::slice::from_ref(name)].concat();
            for (place, below) in changed(below, &path, change) {
                let mut entries: Map<String, Value> = entries.clone();
                entries.insert(name.clone(), below);
                all.push((place, Value::Object(entries)));
            }
        }
    }
    all
}

#[test]
fn an_unknown_key_is_invalid_wherever_it_stands() {
    let reference = json_of(&uncommented(&[]));
    let chosen = [
        "realms",
        "callers",
        "tokens",
        "passwords",
        "organizations",
        "schemas",
        "attributes",
        "sub_attributes",
        "roles",
        "required_claims",
    ];
    let all = changed(&reference, &[], &|path, value| {
        let Value::Object(entries) = value else { return Vec::new() };
        let of_names = path.last().is_some_and(|name| chosen.contains(&name.as_str()));
        // `attributes` of a table has names, `roles` of a caller is a list, and `okta.roles` is no table.
        if of_names {
            return Vec::new();
        }
        let mut entries = entries.clone();
        entries.insert("colour".to_owned(), json!("red"));
        vec![Value::Object(entries)]
    });
    assert!(all.len() > 20, "{}", all.len());
    for (place, value) in all {
        assert!(judge(&value).is_some(), "an unknown key in [{place}] should be invalid");
    }
}

#[test]
fn another_type_is_invalid_wherever_it_stands() {
    let reference = json_of(&uncommented(&[]));
    let all = changed(&reference, &[], &|_, value| match value {
        Value::String(_) | Value::Array(_) => vec![json!(7), json!({})],
        Value::Number(_) | Value::Bool(_) => vec![json!("seven"), json!([])],
        Value::Object(_) => vec![json!("text"), json!([])],
        Value::Null => Vec::new(),
    });
    assert!(all.len() > 200, "{}", all.len());
    for (place, value) in all {
        assert!(judge(&value).is_some(), "another type at {place} should be invalid");
    }
}

#[test]
fn what_the_reader_refuses_by_its_look_is_invalid_too() {
    for (server, realm, attributes, keycloak) in [
        ("[server]\nlisten = \"localhost:1\"", "", "", ""),
        ("[server]\nmax_connections = 0", "", "", ""),
        ("[server]\npublic_url = \"scim.example.com\"", "", "", ""),
        ("[server]\nrate_limit = \"10\"", "", "", ""),
        ("[log]\nformat = \"xml\"", "", "", ""),
        ("[defaults]\nissuer = \"https://x\"", "", "", ""),
        ("[defaults.callers.okta]\nauth = \"token\"", "", "", ""),
        ("[defaults.keycloak]\nclient_secret_env = \"SECRET\"", "", "", ""),
        ("", "max_page_size = 1001", "", ""),
        ("", "shared = \"last\"", "", ""),
        ("", "organizations.\"a/b\".realm_attributes = true", "", ""),
        ("", "organizations.a = { realm_attributes = true, tag_role = \"x\" }", "", ""),
        ("", "organizations.a = { realm_attributes = true, groups.parent = \"/x\" }", "", ""),
        ("", "organizations.a = { realm_attributes = true, keycloak.url = \"http://x\" }", "", ""),
        ("", "groups.roles.A = [{ client = \"a\" }]", "", ""),
        ("", "", "title = \"a:b\"", ""),
        ("", "", "", "timeout = \"soon\""),
    ] {
        let source = minimal(server, realm, attributes, keycloak);
        assert!(read(&source).is_err(), "{source}");
        assert!(judge(&json_of(&source)).is_some(), "{source}");
    }
    let caller = minimal("", "", "", "");
    for (right, wrong) in [
        ("auth = \"token\"", ""),
        ("auth = \"token\"", "auth = \"digest\""),
        ("callers.okta", "callers.Okta"),
        ("sha256 = [\"0123", "sha256 = [\"x"),
        ("version = 1", "version = 2"),
        ("version = 1", ""),
    ] {
        let source = caller.replace(right, wrong);
        assert!(read(&source).is_err() && judge(&json_of(&source)).is_some(), "{source}");
    }
}

#[test]
fn editors_learn_what_a_key_means_and_what_holds_without_it() {
    let schema = json_schema();
    assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
    let listen = &schema["properties"]["server"]["properties"]["listen"];
    assert_eq!(listen["default"], "127.0.0.1:7644");
    assert_eq!(listen["description"], "Where SCIM clients come in: IP address and port.");
    let realm = &schema["properties"]["realms"]["additionalProperties"]["properties"];
    assert_eq!(realm["ignored_attributes"]["default"], json!(["password"]));
    assert_eq!(
        realm["issuer"]["description"].as_str().unwrap().rsplit_once(" Default: ").unwrap().1,
        "keycloak.url and /realms/<name>."
    );
}
