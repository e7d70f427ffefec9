//! Every refusal of a schema, with its line and key.

use super::{minimal, read, refused};

const BADGE: &str = "urn:example:badge:2.0:User";

fn file(schemas: &str) -> String {
    format!("{}\n{schemas}", minimal("", "", "", ""))
}

/// The line on which what is added to [`minimal`] begins.
fn first_line() -> usize {
    minimal("", "", "", "").lines().count() + 2
}

/// Holds the problems of a schema against lines such as `3: attributes.x.type: expected`: lines are counted from the
/// schema's first, keys begin at its URN.
#[track_caller]
fn schema_refused(schema: &str, expected: &[&str]) {
    let header = format!("[realms.acme.schemas.\"{BADGE}\"");
    let expected: Vec<String> = expected
        .iter()
        .map(|expected| {
            let (line, rest) = expected.split_once(": ").unwrap();
            let line = line.parse::<usize>().unwrap() + first_line() - 1;
            format!("{line}: realms.acme.schemas.\"{BADGE}\"{rest}")
        })
        .collect();
    let expected: Vec<&str> = expected.iter().map(String::as_str).collect();
    refused(&file(&schema.replace("[@", &header)), &expected);
}

/// Holds the one problem of an attribute, in whose table these lines stand from the second line on.
#[track_caller]
fn attribute_refused(lines: &str, expected: &str) {
    let (line, rest) = expected.split_once(": ").unwrap();
    schema_refused(&format!("[@.attributes.x]\n{lines}\n"), &[&format!("{line}: .attributes.x{rest}")]);
}

#[test]
fn a_urn_that_could_not_stand_in_a_request_is_told() {
    let long = format!("urn:{}", "x".repeat(252));
    for urn in [
        "", "badge", "urn:", "urn:a b", "urn:ä", "urn:a,b", "urn:a(b", "urn:a[0]", "urn:a'b", "urn:a/b",
        "urn:a:", &long,
    ] {
        let source = file(&format!("[realms.acme.schemas.\"{urn}\".attributes.x]\n"));
        let key = if urn == "badge" { urn.to_owned() } else { format!("{urn:?}") };
        let expected =
            format!("{}: realms.acme.schemas.{key}: expected a URN as the key, such as", first_line());
        refused(&source, &[&expected]);
    }
}

#[test]
fn a_urn_that_would_be_dropped_as_a_password_is_told() {
    let source = file("[realms.acme.schemas.\"urn:example:Password\".attributes.x]\n");
    let key = "realms.acme.schemas.\"urn:example:Password\"";
    refused(&source, &[&format!("{}: {key}: passwords are dropped", first_line())]);
}

#[test]
fn the_urns_of_the_standard_are_not_free() {
    for urn in [
        "urn:ietf:params:scim:schemas:core:2.0:User",
        "URN:IETF:params:scim:schemas:core:2.0:Mine",
        "urn:ietf:params:scim:schemas:extension:Enterprise:2.0:User",
        "urn:ietf:params:scim:schemas:extension:enterprise",
        "urn:ietf:params:scim:api:messages:2.0:PatchOp",
        "urn:ietf:params:scim:schemas:extension::x",
    ] {
        let source = file(&format!("[realms.acme.schemas.\"{urn}\".attributes.x]\n"));
        let expected =
            format!("{}: realms.acme.schemas.{urn:?}: this is a URN of the standard's own", first_line());
        refused(&source, &[&expected]);
    }
}

#[test]
fn a_schema_that_is_wrong_is_told_with_its_line() {
    schema_refused(
        "[@]\n",
        &["1: .attributes: a schema consists of attributes; expected at least one table"],
    );
    schema_refused(
        "[@]\nnam = \"x\"\nattributes.x.type = \"string\"\n",
        &["2: .nam: unknown key, expected one of `name`, `description`, `required`, `attributes`"],
    );
    schema_refused(
        "[@]\nname = \"\"\nrequired = \"yes\"\ndescription = \"a\\nb\"\nattributes.x.type = \"string\"\n",
        &[
            "2: .name: expected a text of 1 to 255",
            "3: .required: expected true or false",
            "4: .description: expected a text of at most 1000 characters without line breaks",
        ],
    );
    schema_refused("[@]\nattributes = 3\n", &["2: .attributes: expected a table, found a number"]);
    let twice = format!(
        "[realms.acme.schemas.\"{BADGE}\".attributes.x]\n[realms.acme.schemas.\"{}\".attributes.x]\n",
        BADGE.to_uppercase()
    );
    let expected = format!(
        "{}: realms.acme.schemas.\"{}\": this schema is declared twice",
        first_line() + 1,
        BADGE.to_uppercase()
    );
    refused(&file(&twice), &[&expected]);
}

#[test]
fn a_name_that_an_attribute_cannot_have_is_told() {
    for (name, reason) in [
        ("schemas", "every resource has this attribute already"),
        ("ID", "every resource has this attribute already"),
        ("meta", "every resource has this attribute already"),
        ("externalId", "every resource has this attribute already"),
        ("PassWord", "passwords are dropped"),
        ("1a", "expected the name of an attribute"),
        ("\"\"", "expected the name of an attribute"),
        ("\"a.b\"", "expected the name of an attribute"),
        ("\"$ref\"", "expected the name of an attribute"),
        ("\"ä\"", "expected the name of an attribute"),
    ] {
        schema_refused(&format!("[@.attributes.{name}]\n"), &[&format!("1: .attributes.{name}: {reason}")]);
    }
    for (name, reason) in [
        ("password", "passwords are dropped"),
        ("\"$id\"", "expected the name of a sub-attribute"),
        ("\"a b\"", "expected the name of a sub-attribute"),
    ] {
        schema_refused(
            &format!("[@.attributes.x]\ntype = \"complex\"\nsub_attributes.{name}.type = \"string\"\n"),
            &[&format!("3: .attributes.x.sub_attributes.{name}: {reason}")],
        );
    }
    schema_refused(
        "[@.attributes.x]\n[@.attributes.X]\n",
        &["2: .attributes.X: this name stands here twice"],
    );
    attribute_refused(
        "type = \"complex\"\nsub_attributes.a.type = \"string\"\nsub_attributes.A.type = \"string\"",
        "4: .sub_attributes.A: this name stands here twice",
    );
}

#[test]
fn an_attribute_that_is_the_urn_of_another_schema_is_told() {
    let source = file(&format!(
        "[defaults.schemas.\"{BADGE}:X\".attributes.a]\n[realms.acme.schemas.\"{BADGE}\".attributes.x]\n"
    ));
    let expected = format!(
        "{}: realms.acme.schemas.\"{BADGE}\".attributes.x: \"{BADGE}:x\" is the URN of another schema too",
        first_line() + 1
    );
    refused(&source, &[&expected]);
}

#[test]
fn a_key_of_an_attribute_that_is_wrong_is_told_with_its_line() {
    for (lines, expected) in [
        (
            "typ = \"string\"",
            "2: .typ: unknown key, expected one of `type`, `multi_valued`, `required`, `case_exact`",
        ),
        (
            "type = \"text\"",
            "2: .type: expected \"string\", \"boolean\", \"integer\", \"decimal\", \"dateTime\", \"binary\", \"reference\" \
             or \"complex\", found \"text\"",
        ),
        ("multi_valued = 1", "2: .multi_valued: expected true or false, found 1"),
        ("required = \"no\"", "2: .required: expected true or false"),
        ("case_exact = \"no\"", "2: .case_exact: expected true or false"),
        (
            "mutability = \"readonly\"",
            "2: .mutability: expected \"readOnly\", \"readWrite\", \"immutable\" or \"writeOnly\", found \"readonly\"",
        ),
        (
            "returned = \"yes\"",
            "2: .returned: expected \"always\", \"never\", \"default\" or \"request\", found \"yes\"",
        ),
        ("uniqueness = \"realm\"", "2: .uniqueness: expected \"none\" or \"server\", found \"realm\""),
        ("uniqueness = \"global\"", "2: .uniqueness: \"global\" can't be kept"),
        ("canonical_values = \"a\"", "2: .canonical_values: expected a list, found a text"),
        ("canonical_values = [\"a\", \"\"]", "2: .canonical_values: expected a text of 1 to 255"),
        ("type = \"reference\"\nreference_types = [1]", "3: .reference_types: expected a text of 1 to 255"),
        (
            "keycloak_attribute = \"a:b\"",
            "2: .keycloak_attribute: expected the name of a Keycloak user attribute",
        ),
        ("keycloak_attribute = \"EMAIL\"", "2: .keycloak_attribute: \"EMAIL\" is a field of Keycloak's own"),
        ("keycloak_attribute = \"scim.x\"", "2: .keycloak_attribute: names that start with \"scim.\""),
        // What goes together.
        (
            "type = \"string\"\nreference_types = []",
            "3: .reference_types: reference_types belong to the type reference",
        ),
        (
            "type = \"binary\"\ncanonical_values = []",
            "3: .canonical_values: canonical_values belong to the types",
        ),
        ("type = \"integer\"\ncanonical_values = [\"1\"]", "3: .canonical_values: canonical_values belong"),
        (
            "mutability = \"writeOnly\"\nreturned = \"default\"",
            "3: .returned: what is writeOnly is never returned; expected \"never\"",
        ),
        // Unique.
        (
            "uniqueness = \"server\"\nmulti_valued = true\nkeycloak_attribute = \"x\"",
            "2: .uniqueness: an attribute with several values can't be unique",
        ),
        (
            "uniqueness = \"server\"",
            "1: .keycloak_attribute: what is unique must be searched for in Keycloak; expected the name",
        ),
        (
            "uniqueness = \"server\"\nkeycloak_attribute = \"\"",
            "3: .keycloak_attribute: what is unique must be searched for in Keycloak; expected the name",
        ),
        (
            "uniqueness = \"server\"\nmutability = \"readOnly\"\nkeycloak_attribute = \"x\"",
            "2: .uniqueness: what is readOnly is set in Keycloak, where nothing keeps it unique",
        ),
        // Read only.
        (
            "mutability = \"readOnly\"",
            "1: .keycloak_attribute: what is readOnly is set in Keycloak alone; expected the name",
        ),
        (
            "mutability = \"readOnly\"\nrequired = true\nkeycloak_attribute = \"x\"",
            "3: .required: what is readOnly can't be required of clients; expected false",
        ),
    ] {
        attribute_refused(lines, expected);
    }
    for kind in ["boolean", "integer", "decimal", "dateTime"] {
        attribute_refused(
            &format!("type = \"{kind}\"\ncase_exact = false"),
            "3: .case_exact: case_exact belongs to the types string, binary and reference",
        );
    }
    for kind in ["boolean", "decimal", "dateTime", "binary"] {
        attribute_refused(
            &format!("type = \"{kind}\"\nuniqueness = \"server\"\nkeycloak_attribute = \"x\""),
            "3: .uniqueness: only attributes of the types string, reference and integer can be unique",
        );
    }
}

#[test]
fn a_complex_attribute_that_is_wrong_is_told_with_its_line() {
    const SUB: &str = "sub_attributes.zone.type = \"string\"";
    for (lines, expected) in [
        (
            "type = \"complex\"",
            "1: .sub_attributes: a complex attribute consists of sub-attributes; expected at least one",
        ),
        (
            SUB,
            "2: .sub_attributes.zone: only a complex attribute has sub-attributes; expected type = \"complex\"",
        ),
        (
            &format!("type = \"complex\"\nkeycloak_attribute = \"x\"\n{SUB}"),
            "3: .keycloak_attribute: a complex attribute is not kept in one Keycloak attribute",
        ),
        (
            &format!("type = \"complex\"\nuniqueness = \"server\"\n{SUB}"),
            "3: .uniqueness: a complex attribute can't be unique",
        ),
        (
            &format!("type = \"complex\"\ncase_exact = true\n{SUB}"),
            "3: .case_exact: case_exact belongs to the types",
        ),
        (
            &format!("type = \"complex\"\ncanonical_values = []\n{SUB}"),
            "3: .canonical_values: canonical_values belong",
        ),
        (
            &format!("type = \"complex\"\nmutability = \"readOnly\"\n{SUB}"),
            "4: .sub_attributes: what is readOnly is set in Keycloak alone; expected keycloak_attribute at one",
        ),
        (
            "type = \"complex\"\nmutability = \"readOnly\"\nmulti_valued = true\n\
             sub_attributes.zone.keycloak_attribute = \"zone\"",
            "4: .multi_valued: what is readOnly is read from Keycloak attributes, which can't hold several complex",
        ),
        (
            "type = \"complex\"\nmutability = \"readOnly\"\n\
             sub_attributes.zone = { keycloak_attribute = \"zone\", required = true }",
            "4: .sub_attributes.zone.required: what is readOnly can't be required of clients",
        ),
        (
            "type = \"complex\"\nsub_attributes.zone.type = \"complex\"",
            "3: .sub_attributes.zone.type: a sub-attribute is never complex; expected \"string\", \"boolean\"",
        ),
        (
            "type = \"complex\"\nsub_attributes.zone.type = \"text\"",
            "3: .sub_attributes.zone.type: expected \"string\", \"boolean\", \"integer\", \"decimal\", \"dateTime\", \"binary\" \
             or \"reference\", found \"text\"",
        ),
        (
            "type = \"complex\"\nsub_attributes.zone = { type = \"integer\", case_exact = true }",
            "3: .sub_attributes.zone.case_exact: case_exact belongs to",
        ),
        (
            "type = \"complex\"\nsub_attributes.zone.keycloak_attribute = \"scim.x\"",
            "3: .sub_attributes.zone.keycloak_attribute: names that start with",
        ),
        (
            "type = \"complex\"\nsub_attributes.zone.colour = true",
            "3: .sub_attributes.zone.colour: unknown key, expected one of `type`, `required`",
        ),
    ] {
        attribute_refused(lines, expected);
    }
    for (key, reason) in [
        ("multi_valued = true", "a sub-attribute has one value; expected multi_valued at its attribute"),
        (
            "mutability = \"readOnly\"",
            "a sub-attribute has the mutability of its attribute; expected mutability there",
        ),
        ("returned = \"never\"", "a sub-attribute is returned with its attribute; expected returned there"),
        ("uniqueness = \"server\"", "a sub-attribute can't be unique; expected uniqueness at an attribute"),
        (
            "sub_attributes.x.type = \"string\"",
            "a sub-attribute is never complex, so that it has no sub_attributes",
        ),
    ] {
        let name = key.split([' ', '.']).next().unwrap();
        schema_refused(
            &format!("[@.attributes.x]\ntype = \"complex\"\n[@.attributes.x.sub_attributes.zone]\n{key}\n"),
            &[&format!("4: .attributes.x.sub_attributes.zone.{name}: {reason}")],
        );
    }
}

#[test]
fn two_attributes_for_one_keycloak_attribute_are_told_wherever_they_stand() {
    attribute_refused(
        "keycloak_attribute = \"Title\"",
        &format!("2: .keycloak_attribute: \"title\" and \"{BADGE}:x\" both go to the Keycloak attribute"),
    );
    schema_refused(
        "[@.attributes.x]\nkeycloak_attribute = \"a\"\n[@.attributes.y]\ntype = \"complex\"\n\
         [@.attributes.y.sub_attributes.z]\nkeycloak_attribute = \"A\"\n",
        &["6: .attributes.y.sub_attributes.z.keycloak_attribute: "],
    );
}

#[test]
fn what_is_mapped_must_be_an_attribute_that_is_served() {
    let schema = format!("[realms.acme.schemas.\"{BADGE}\".attributes");
    let schema = format!(
        "{schema}.x]\nkeycloak_attribute = \"x\"\n{schema}.seen]\nmutability = \"readOnly\"\n\
         keycloak_attribute = \"seen\"\n{schema}.access]\ntype = \"complex\"\nsub_attributes.zone.type = \"string\"\n"
    );
    for (line, expected) in [
        ("nobody = \"a\"", "nobody: no served schema has this attribute; expected one of the core schema"),
        ("nobody = \"\"", "nobody: no served schema has this attribute"),
        ("\"urn:example:other:x\" = \"a\"", "\"urn:example:other:x\": no served schema has this attribute"),
        ("\"title.x\" = \"a\"", "\"title.x\": no served schema has this attribute"),
        (
            "\"urn:example:badge:2.0:User\" = \"a\"",
            "\"urn:example:badge:2.0:User\": this names a whole schema; expected one attribute of it",
        ),
        (
            "name = \"a\"",
            "name: \"name\" has no sub-attribute \"value\" that could stand for it; expected one of \"name.formatted\", \
             \"name.middleName\", ",
        ),
        (
            "addresses = \"a\"",
            "addresses: \"addresses\" has no sub-attribute \"value\" that could stand for it",
        ),
        (
            "access = \"a\"",
            "access: \"urn:example:badge:2.0:User:access\" has no sub-attribute \"value\" that could stand for it; expected \
             one of \"urn:example:badge:2.0:User:access.zone\"",
        ),
        (
            "\"URN:example:badge:2.0:User:X\" = \"a\"",
            "\"URN:example:badge:2.0:User:X\": this attribute is mapped by keycloak_attribute in its schema as well",
        ),
        (
            "phoneNumbers = \"a\"\n\"phoneNumbers.value\" = \"b\"",
            "\"phoneNumbers.value\": this attribute is mapped twice",
        ),
    ] {
        let line_number = 5 + line.lines().count();
        let source = format!("{}{schema}", minimal("", "", line, ""));
        refused(&source, &[&format!("{line_number}: realms.acme.attributes.{expected}")]);
    }
    let defaults =
        schema.replace("realms.acme", "defaults").replace("= \"x\"", "= \"x\"\nuniqueness = \"server\"");
    for name in ["seen", "x"] {
        let source = format!("{}{defaults}", minimal("", "", &format!("{name} = \"\""), ""));
        let expected = format!(
            "6: realms.acme.attributes.{name}: what is readOnly or unique needs a Keycloak attribute"
        );
        refused(&source, &[&expected]);
    }
}

#[test]
fn the_map_of_the_defaults_sees_the_schemas_of_the_defaults_alone() {
    let own = format!("[realms.acme.schemas.\"{BADGE}\".attributes.x]\n");
    let source = format!("{}{own}", minimal("[defaults.attributes]\nx = \"a\"", "", "", ""));
    refused(&source, &["3: defaults.attributes.x: no served schema has this attribute"]);
}

#[test]
fn one_mistake_is_told_once() {
    // Which attributes there are hangs on the schemas, and what is right for an attribute on its type.
    let source = format!(
        "{}[realms.acme.schemas.\"{BADGE}\".attributes.x]\ntype = \"komplex\"\nsub_attributes.y.type = \"string\"\n",
        minimal("", "", &format!("\"{BADGE}:x.y\" = \"a\""), "")
    );
    let told = read(&source).unwrap_err();
    assert_eq!(told.problems().len(), 1, "{told}");
    // The defaults are looked at for each realm.
    let source = format!(
        "{}[defaults.schemas.\"{BADGE}\".attributes.x]\nuniqueness = \"server\"\n",
        minimal("", "", "", "")
    );
    let told = read(&source).unwrap_err();
    assert_eq!(told.problems().len(), 1, "{told}");
}
