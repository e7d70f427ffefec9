//! What schemas that are declared mean: extensions of the User, mappings, layers.

use std::path::Path;

use super::super::{RealmName, UserAttributes, user_attributes};
use super::{good, minimal, realm};
use crate::scim::schema::{Attribute, Mutability, Omission, Returned, Type};

const BADGE: &str = "urn:example:badge:2.0:User";
const SHOE: &str = "urn:example:shoe:2.0:User";

/// A schema of these attributes, in this table, each with one line of its own.
fn schema(table: &str, urn: &str, attributes: &[(&str, &str)]) -> String {
    let attributes: String = attributes
        .iter()
        .map(|(name, line)| format!("[{table}.schemas.\"{urn}\".attributes.{name}]\n{line}\n"))
        .collect();
    format!("[{table}.schemas.\"{urn}\"]\n{attributes}")
}

fn file(schemas: &str) -> String {
    format!("{}{schemas}", minimal("", "", "", ""))
}

fn declared(schemas: &str) -> UserAttributes {
    let config = good(&file(schemas));
    let realm = realm(&config);
    UserAttributes { user: realm.user.clone(), attribute_map: realm.attribute_map.clone() }
}

/// The attribute of [`BADGE`] that this line declares.
fn attribute(line: &str) -> Attribute {
    let declared = declared(&schema("realms.acme", BADGE, &[("x", line)]));
    Attribute::clone(declared.user.extensions[1].schema.attribute("x").unwrap())
}

#[test]
fn an_attribute_that_says_nothing_is_a_plain_string() {
    assert_eq!(attribute(""), Attribute::string("x", ""));
    let declared = declared(&schema("realms.acme", BADGE, &[("x", "")]));
    let badge = &declared.user.extensions[1];
    assert_eq!((&*badge.schema.id, &*badge.schema.name, &*badge.schema.description), (BADGE, BADGE, ""));
    assert!(!badge.required);
    assert_eq!(declared.attribute_map.len(), 16, "it is kept in the gateway's own document");
}

#[test]
fn every_key_becomes_a_characteristic() {
    let badge = format!(
        "[realms.acme.schemas.\"{BADGE}\"]\nname = \"Badge\"\ndescription = \"Opens doors\"\nrequired = true\n\
         [realms.acme.schemas.\"{BADGE}\".attributes.link]\ntype = \"reference\"\nrequired = true\n\
         mutability = \"immutable\"\nreturned = \"always\"\nuniqueness = \"server\"\ncase_exact = false\n\
         description = \"Where it is\"\ncanonical_values = [\"a\", \"b\"]\nreference_types = [\"uri\"]\n\
         keycloak_attribute = \"link\"\n"
    );
    let declared = declared(&badge);
    let badge = &declared.user.extensions[1];
    assert!(badge.required);
    assert_eq!((&*badge.schema.name, &*badge.schema.description), ("Badge", "Opens doors"));
    let expected = Attribute {
        required: true,
        case_exact: false,
        mutability: Mutability::Immutable,
        returned: Returned::Always,
        unique: true,
        omission: Omission::Keeps,
        canonical_values: vec!["a".into(), "b".into()],
        reference_types: vec!["uri".into()],
        ..Attribute::new("link", Type::Reference, "Where it is")
    };
    assert_eq!(**badge.schema.attribute("link").unwrap(), expected);
    assert_eq!(declared.attribute_map.get(&format!("{BADGE}:link")).unwrap(), "link");
}

#[test]
fn every_type_and_keyword_is_taken() {
    for (keyword, kind, exact) in [
        ("string", Type::String, false),
        ("boolean", Type::Boolean, false),
        ("integer", Type::Integer, false),
        ("decimal", Type::Decimal, false),
        ("dateTime", Type::DateTime, false),
        ("binary", Type::Binary, true),
        ("reference", Type::Reference, true),
    ] {
        let found = attribute(&format!("type = \"{keyword}\"\nmulti_valued = true"));
        assert_eq!((found.kind, found.case_exact, found.multi_valued), (kind, exact, true), "{keyword}");
    }
    for (keyword, returned) in [
        ("always", Returned::Always),
        ("never", Returned::Never),
        ("default", Returned::Default),
        ("request", Returned::Request),
    ] {
        assert_eq!(attribute(&format!("returned = \"{keyword}\"")).returned, returned);
    }
}

#[test]
fn a_put_keeps_what_its_client_never_saw_or_cannot_write() {
    for (line, omission) in [
        ("mutability = \"readWrite\"", Omission::Clears),
        ("returned = \"always\"", Omission::Clears),
        ("returned = \"request\"", Omission::Keeps),
        ("returned = \"never\"", Omission::Keeps),
        ("mutability = \"immutable\"", Omission::Keeps),
        ("mutability = \"writeOnly\"", Omission::Keeps),
        ("mutability = \"readOnly\"\nkeycloak_attribute = \"x\"", Omission::Keeps),
    ] {
        assert_eq!(attribute(line).omission, omission, "{line}");
    }
    assert_eq!(attribute("mutability = \"writeOnly\"").returned, Returned::Never);
}

#[test]
fn sub_attributes_follow_their_attribute() {
    let access = |line: &str| {
        let sub = format!("[realms.acme.schemas.\"{BADGE}\".attributes.x.sub_attributes");
        attribute(&format!(
            "type = \"complex\"\n{line}\n{sub}.\"$ref\"]\ntype = \"reference\"\n\
             {sub}.zone]\nrequired = true\nkeycloak_attribute = \"zone\""
        ))
    };
    let found = access("mutability = \"immutable\"\nmulti_valued = true");
    let zone = found.sub("zone").unwrap();
    assert_eq!((zone.kind, zone.required, zone.mutability), (Type::String, true, Mutability::Immutable));
    assert_eq!(found.sub("$ref").unwrap().kind, Type::Reference);
    assert_eq!(zone.returned, Returned::Default);
    let hidden = access("mutability = \"writeOnly\"");
    assert!(hidden.sub_attributes.iter().all(|sub| sub.is_secret() && sub.returned == Returned::Never));
    let never = access("returned = \"never\"");
    assert!(never.sub_attributes.iter().all(|sub| sub.is_secret()), "a filter must not find it out");
}

#[test]
fn schemas_stand_in_the_order_of_the_file() {
    let zoo = "urn:a:zoo";
    let schemas = [SHOE, zoo, BADGE].map(|urn| schema("realms.acme", urn, &[("x", "")])).concat();
    let declared = declared(&schemas);
    let urns: Vec<_> = declared.user.schemas().map(|schema| schema.id.to_string()).collect();
    assert_eq!(urns[2..], [SHOE, zoo, BADGE]);
}

#[test]
fn a_realms_schema_replaces_the_default_one_as_a_whole() {
    let defaults = [
        schema("defaults", BADGE, &[("number", "keycloak_attribute = \"n\""), ("colour", "")]),
        schema("defaults", SHOE, &[("size", "keycloak_attribute = \"size\"")]),
        "[defaults.attributes]\n".to_owned(),
        format!("\"{BADGE}:colour\" = \"colour\"\n"),
    ];
    let own = schema("realms.acme", &BADGE.to_uppercase(), &[("number", "type = \"integer\"")]);
    let declared = declared(&format!("{}{own}", defaults.concat()));
    let urns: Vec<_> =
        declared.user.extensions.iter().map(|extension| extension.schema.id.to_string()).collect();
    assert_eq!(urns[1..], [SHOE.to_owned(), BADGE.to_uppercase()]);
    let badge = &declared.user.extensions[2].schema;
    assert_eq!(badge.attributes.len(), 1);
    assert_eq!(badge.attribute("number").unwrap().kind, Type::Integer);
    assert_eq!(declared.attribute_map.get(&format!("{SHOE}:size")).unwrap(), "size");
    assert_eq!(declared.attribute_map.len(), 17, "{:?}", declared.attribute_map);
}

#[test]
fn the_map_of_a_realm_goes_over_the_schemas_of_the_defaults() {
    let defaults = schema("defaults", BADGE, &[("number", "keycloak_attribute = \"n\"")]);
    let mapped = |realm: &str| {
        let source = minimal("", "", realm, "");
        let config = good(&format!("{source}{defaults}"));
        config.realms.get("acme").unwrap().attribute_map.get(&format!("{BADGE}:number")).cloned()
    };
    assert_eq!(mapped("").as_deref(), Some("n"));
    assert_eq!(mapped(&format!("\"{BADGE}:NUMBER\" = \"m\"")).as_deref(), Some("m"));
    assert_eq!(mapped("number = \"\""), None);
}

#[test]
fn one_urn_may_begin_with_another() {
    let longer = format!("{BADGE}:v2");
    let schemas =
        [BADGE, &longer].map(|urn| schema("realms.acme", urn, &[("x", "keycloak_attribute = \"KEY\"")]));
    let [short, long] = schemas;
    let schemas = short.replace("KEY", "a") + &long.replace("KEY", "b");
    let declared = declared(&schemas);
    assert_eq!(declared.attribute_map.get(&format!("{BADGE}:x")).unwrap(), "a");
    assert_eq!(declared.attribute_map.get(&format!("{longer}:x")).unwrap(), "b");
}

#[test]
fn urns_may_be_of_the_form_that_entra_id_wants() {
    for urn in
        ["urn:ietf:params:scim:schemas:extension:acme:2.0:User", "URN:Okta:acme_1:1.0:user:custom", "urn:x"]
    {
        let declared = declared(&schema("realms.acme", urn, &[("x", "")]));
        assert_eq!(&*declared.user.extensions[1].schema.id, urn);
    }
}

#[test]
fn schemas_are_read_whatever_else_is_wrong_with_the_file() {
    let of = |source: &str, realm: &str| {
        let realm: RealmName = realm.parse().unwrap();
        user_attributes(source, Path::new("config.toml"), &realm)
    };
    let badge = schema("realms.acme", BADGE, &[("x", "keycloak_attribute = \"badge\"")]);
    let shoe = schema("defaults", SHOE, &[("y", "keycloak_attribute = \"shoe\"")]);
    let source = file(&format!("{badge}{shoe}"))
        .replace("\"SECRET\"", "\"NOT_SET\"")
        .replace("auth = \"token\"", "auth = \"nonsense\"\ncolour = \"red\"");
    let found = of(&source, "acme").unwrap();
    assert_eq!(found.user.extensions.len(), 3);
    assert_eq!(found.attribute_map.get(&format!("{BADGE}:x")).unwrap(), "badge");
    assert_eq!(found.attribute_map.get(&format!("{SHOE}:y")).unwrap(), "shoe");
    let other = of(&source, "beta").unwrap();
    assert_eq!(other.user.extensions.len(), 2, "another realm has those of the defaults");
    assert_eq!(of("version = 1\n", "acme").unwrap().attribute_map.len(), 16);
    let error = of(&source.replace("keycloak_attribute", "keycloak_atribute"), "acme").unwrap_err();
    assert_eq!(error.problems().len(), 2, "{error}");
    let error = of(&source.replace("keycloak_attribute", "keycloak_atribute"), "beta").unwrap_err();
    assert_eq!(error.problems().len(), 1, "{error}");
    let error = of("version = 1\n[defaults.attributes]\nnobody = \"x\"\n", "acme").unwrap_err();
    assert!(error.to_string().contains("config.toml:3: defaults.attributes.nobody: no served"), "{error}");
    assert!(of("version = 2\n", "acme").is_err());
    assert!(of("version = ", "acme").is_err());
}
