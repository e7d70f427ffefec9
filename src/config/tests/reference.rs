//! `config.toml` against the schema: it names every key, no other, and shows the defaults.

use std::collections::BTreeSet;

use serde::de::{Deserialize, Deserializer, Error as _, Visitor, value};
use toml::de::{DeTable, DeValue};

use super::super::attributes::DEFAULT_MAP;
use super::super::callers::{CallerLayer, SecretLayer};
use super::super::file::{ConfigFile, KeycloakLayer, LogLayer, RealmLayer, ServerLayer};
use super::super::groups::{ClientRoleLayer, GroupRole, GroupsLayer};
use super::super::provisioning::{IdentityProviderLayer, OnCreateLayer};
use super::super::schemas::{AttributeLayer, SchemaLayer, SubAttributeLayer};
use super::good;
use crate::scim::schema::{Attribute, Type};

/// Learns the keys of a layer from serde itself.
struct Keys<'a>(&'a mut BTreeSet<&'static str>);

impl<'de> Deserializer<'de> for Keys<'_> {
    type Error = value::Error;

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        _: V,
    ) -> Result<V::Value, value::Error> {
        self.0.extend(fields);
        Err(value::Error::custom("seen enough"))
    }

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, value::Error> {
        Err(value::Error::custom("not a struct"))
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 u8 u16 u32 u64 f32 f64 char str string bytes byte_buf option unit
        unit_struct newtype_struct seq tuple tuple_struct map enum identifier ignored_any
    }
}

pub(super) fn keys<'de, T: Deserialize<'de>>() -> BTreeSet<&'static str> {
    let mut keys = BTreeSet::new();
    let _ = T::deserialize(Keys(&mut keys));
    keys
}

/// The keys at `path` in a document, of all tables where a `*` stands for any name, or for any element of a list.
fn written(table: &DeTable<'_>, path: &[&str], found: &mut BTreeSet<String>) {
    let Some((first, rest)) = path.split_first() else {
        found.extend(table.keys().map(|key| key.get_ref().to_string()));
        return;
    };
    let named = table.iter().filter(|(key, _)| *first == "*" || key.get_ref() == first);
    for (_, value) in named {
        match (value.get_ref(), rest.split_first()) {
            (DeValue::Table(table), _) => written(table, rest, found),
            (DeValue::Array(list), Some((&"*", rest))) => {
                let tables = list.iter().filter_map(|element| element.get_ref().as_table());
                tables.for_each(|table| written(table, rest, found));
            }
            _ => {}
        }
    }
}

pub(super) const REFERENCE: &str = include_str!("../../../config.toml");

/// Where the example of a schema begins, and what follows it.
const SCHEMA: [&str; 2] = ["# [realms.acme.schemas.", "# How the realm's groups are kept."];

/// Where the examples of further callers and of an organization begin; they go on to the end.
const CALLERS: &str = "# With auth = \"token\" (an example";

/// The reference without the examples of whole tables.
fn without_examples() -> String {
    let [begin, end] = SCHEMA.map(|mark| REFERENCE.find(mark).unwrap());
    let callers = REFERENCE.find(CALLERS).unwrap();
    format!("{}{}", &REFERENCE[..begin], &REFERENCE[end..callers])
}

/// The reference with every key that stands in a comment, but not those that `without` names.
pub(super) fn uncommented(without: &[&str]) -> String {
    uncomment(REFERENCE, without)
}

fn uncomment(reference: &str, without: &[&str]) -> String {
    let key = |line: &str| {
        let name = line.split_once(" = ").map(|(name, _)| name.to_owned())?;
        let bare = name.trim_matches('"');
        let legal = |c: char| c.is_ascii_alphanumeric() || "_.:-".contains(c);
        (!bare.is_empty() && bare.chars().all(legal)).then_some(name)
    };
    let lines = reference.lines().map(|line| match line.strip_prefix("# ") {
        Some(rest) if key(rest).is_some_and(|name| !without.contains(&name.as_str())) => rest,
        Some(rest) if rest.starts_with('[') && !without.contains(&rest) => rest,
        _ => line,
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn the_reference_names_every_key_and_no_other() {
    let text = uncommented(&[]);
    let tree = DeTable::parse(&text).unwrap();
    let mut passwords = keys::<SecretLayer>();
    assert!(passwords.remove("sha256"));
    let sections: [(&[&str], BTreeSet<&str>); 15] = [
        (&[], keys::<ConfigFile>()),
        (&["server"], keys::<ServerLayer>()),
        (&["log"], keys::<LogLayer>()),
        (&["realms", "*"], keys::<RealmLayer>()),
        (&["realms", "*", "schemas", "*"], keys::<SchemaLayer>()),
        (&["realms", "*", "schemas", "*", "attributes", "*"], keys::<AttributeLayer>()),
        (
            &["realms", "*", "schemas", "*", "attributes", "*", "sub_attributes", "*"],
            keys::<SubAttributeLayer>(),
        ),
        (&["realms", "*", "groups"], keys::<GroupsLayer>()),
        (&["realms", "*", "groups", "roles", "*", "*"], keys::<ClientRoleLayer>()),
        (&["realms", "*", "keycloak"], keys::<KeycloakLayer>()),
        (&["realms", "*", "identity_provider"], keys::<IdentityProviderLayer>()),
        (&["realms", "*", "on_create"], keys::<OnCreateLayer>()),
        (&["realms", "*", "callers", "*"], keys::<CallerLayer>()),
        (&["realms", "*", "callers", "*", "tokens", "*"], keys::<SecretLayer>()),
        (&["realms", "*", "callers", "*", "passwords", "*"], passwords),
    ];
    for (path, known) in sections {
        let mut found = BTreeSet::new();
        written(tree.get_ref(), path, &mut found);
        let known: BTreeSet<String> = known.into_iter().map(str::to_owned).collect();
        assert!(known.len() > 1, "{path:?}");
        assert_eq!(found, known, "{path:?}");
    }
    let mut mapped = BTreeSet::new();
    written(tree.get_ref(), &["realms", "*", "attributes"], &mut mapped);
    let defaults = DEFAULT_MAP.map(|(path, _)| path.to_owned());
    assert_eq!(mapped, BTreeSet::from(defaults));
}

#[test]
fn the_reference_works_as_it_stands_and_its_comments_show_the_defaults() {
    let standing = good(REFERENCE);
    let examples = [
        "public_url",
        "rate_limit",
        "trusted_proxies",
        "alias",
        "client_secret_file",
        "ca_file",
        "proxy",
        "networks",
        "\"Engineering\"",
    ];
    let shown = good(&uncomment(&without_examples(), &examples));
    assert_eq!(standing, shown);
    let examples = ["client_secret_file", "ca_file"];
    let shown = good(&uncommented(&examples));
    assert!(shown.warnings.is_empty(), "{:?}", shown.warnings);
    let realm = shown.realms.get("acme").unwrap();
    let callers: Vec<&str> = realm.callers.keys().map(AsRef::as_ref).collect();
    assert_eq!(callers, ["auth0", "entra", "legacy", "okta"]);
    let contoso = realm.organizations.get("contoso").unwrap();
    assert_eq!(contoso.callers.len(), 1);
    assert_eq!(shown.server.public_url.unwrap().as_str(), "https://scim.example.com/");
}

#[test]
fn the_example_of_the_roles_of_a_group_works() {
    let shown = good(&uncommented(&["client_secret_file", "ca_file"]));
    let groups = &shown.realms.get("acme").unwrap().groups;
    let engineering = groups.roles.get("engineering").unwrap();
    assert_eq!(engineering.name, "Engineering");
    let editor = GroupRole::Client { client: "billing".to_owned(), role: "editor".to_owned() };
    assert_eq!(engineering.roles, BTreeSet::from([GroupRole::Realm("developer".to_owned()), editor]));
}

#[test]
fn the_example_of_the_readme_works() {
    let readme = include_str!("../../../README.md");
    let section = readme.split_once("## Custom schemas").unwrap().1;
    let example = section.split_once("```toml\n").unwrap().1.split_once("```").unwrap().0;
    let shown = good(&format!("{REFERENCE}\n{example}"));
    let realm = shown.realms.get("acme").unwrap();
    let badge = &realm.user.extensions[1].schema;
    assert!(badge.attribute("badgeNumber").unwrap().unique);
    assert_eq!(badge.attribute("access").unwrap().sub_attributes.len(), 2);
    assert_eq!(realm.attribute_map.get(&format!("{}:badgeNumber", badge.id)).unwrap(), "badgeNumber");
}

#[test]
fn the_example_of_a_schema_works_and_says_the_defaults() {
    let shown = good(&uncommented(&["client_secret_file", "ca_file"]));
    let realm = shown.realms.get("acme").unwrap();
    let badge = &realm.user.extensions[1];
    assert_eq!((&*badge.schema.name, badge.required), ("Badge", false));
    let number = badge.schema.attribute("badgeNumber").unwrap();
    let plain = Attribute::string("badgeNumber", "The number printed on the badge");
    assert_eq!(**number, plain, "what the comments show is the default");
    let photo = badge.schema.attribute("photo").unwrap();
    assert_eq!(photo.kind, Type::Reference);
    let access = badge.schema.attribute("access").unwrap();
    assert!(access.multi_valued && access.sub("zone").unwrap().required);
    let path = |name: &str| format!("{}:{name}", badge.schema.id);
    assert_eq!(realm.attribute_map.get(&path("badgeNumber")).unwrap(), "badgeNumber");
    assert_eq!(realm.attribute_map.get(&path("access.zone")).unwrap(), "zone");
    assert_eq!(realm.attribute_map.len(), DEFAULT_MAP.len() + 2);
}
