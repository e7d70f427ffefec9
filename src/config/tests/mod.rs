//! What the tests of the configuration share.

mod callers;
mod environment;
mod explain;
mod groups;
mod json_schema;
mod keys;
mod layers;
mod organizations;
mod reference;
mod refusals;
mod schema_refusals;
mod schemas;

use std::collections::BTreeMap;
use std::path::Path;

use super::{Config, ConfigErrors, Realm, parse};

/// A hash that is nobody's.
const HASH: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

fn environment() -> BTreeMap<String, String> {
    let pairs =
        [("SECRET", "s3cret"), ("SCIMGATE_ACME_SECRET", "s3cret"), ("EMPTY", "\n"), ("TWO_LINES", "a\nb")];
    pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).into()
}

fn read(source: &str) -> Result<Config, ConfigErrors> {
    parse(source, Path::new("config.toml"), &environment())
}

fn good(source: &str) -> Config {
    read(source).unwrap_or_else(|errors| panic!("{errors}"))
}

/// The least file that works, with room for more.
fn minimal(server: &str, realm: &str, attributes: &str, keycloak: &str) -> String {
    format!(
        "version = 1\n{server}\n[realms.acme]\n{realm}\n[realms.acme.attributes]\n{attributes}\n\
         [realms.acme.keycloak]\nurl = \"http://127.0.0.1:8080\"\nclient_secret_env = \"SECRET\"\n\
         {keycloak}\n[realms.acme.callers.okta]\nauth = \"token\"\nsha256 = [\"{HASH}\"]\n"
    )
}

fn realm(config: &Config) -> &Realm {
    config.realms.get("acme").unwrap()
}

/// Holds the problems of `source` against lines such as `4: server.listen: expected an IP`.
#[track_caller]
fn refused(source: &str, expected: &[&str]) {
    let errors = read(source).expect_err("this should be refused");
    let told = errors.to_string();
    let lines: Vec<&str> = told.lines().collect();
    assert_eq!(lines.len(), expected.len(), "{told}");
    for (line, expected) in lines.iter().zip(expected) {
        let separator = if expected.starts_with(|c: char| c.is_ascii_digit()) { ":" } else { ": " };
        let expected = format!("config.toml{separator}{expected}");
        assert!(line.starts_with(&expected), "{line}\nshould start with\n{expected}");
    }
}
