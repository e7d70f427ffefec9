//! An outside judge: what the crate `scim_v2` reads, we read, and with the same meaning; the exceptions each with its reason.
//!
//! It knows the grammar and no schema, so that it takes names and types that no served schema has.

use std::cell::Cell;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestError, TestRunner};
use scim_v2::Validate;
use scim_v2::filter as theirs;
use scim_v2::models::others::{OperationTarget, PatchOp, PatchOperation};
use scim_v2::models::user::User;
use serde_json::{Value, json};

use super::super::date_time;
use super::super::filter::{Filter, Operand, Operator, Path, parse};
use super::super::patch::PATCH_URN;
use super::super::resource::keep_distinct;
use super::super::schema::{Attribute, Mutability, ResourceType, Type};
use super::super::user::{ENTERPRISE_URN, USER_URN, user};
use super::super::{Patch, Policy, Resource};
use super::expression::{Expression, expression, noise, operators};
use super::filters::{Edit, edit};
use super::naive::{self, Scope};
use super::operations::{any_path, operation};
use super::people::{meta, person, person_of, rendered, staff, writable_part};

/// Why something that is in the grammar is refused all the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Refusal {
    /// No served schema has the attribute: matching nothing in silence would help nobody (RFC 7644 section 3.4.2.2 leaves it
    /// to the server).
    Unknown,
    /// The attribute is never returned, so that a filter must not tell its values (RFC 7643 section 7).
    Secret,
    /// "Boolean and Binary attributes SHALL cause a failed response" with an order; complex attributes need a sub-attribute.
    Operator,
    /// A value of another type than the attribute's can't be compared with it.
    Value,
    /// Brackets stand behind complex and multi-valued attributes alone, and in no other brackets.
    Brackets,
}

/// Runs the law on random input. At least so many in a hundred must be read by both.
fn agree<S: Strategy>(least: u32, input: &S, law: impl Fn(S::Value) -> Result<bool, TestCaseError>) {
    let (read, all) = (Cell::new(0_u32), Cell::new(0_u32));
    let config = Config {
        cases: 2 * Config::default().cases,
        max_shrink_iters: 400,
        failure_persistence: None,
        ..Config::default()
    };
    let outcome = TestRunner::new(config).run(input, |input| {
        let both = law(input)?;
        all.set(all.get() + 1);
        read.set(read.get() + u32::from(both));
        Ok(())
    });
    match outcome {
        Err(TestError::Fail(reason, input)) => panic!("{reason}\n{input:?}"),
        outcome => outcome.expect("the strategy gives input"),
    }
    let share = read.get() * 100 / all.get();
    assert!(share >= least, "both read only {share} % of it");
}

/// Their tree in our neutral form; a chain of `and` or `or` in one node, whatever its parentheses.
fn neutral(filter: &theirs::Filter) -> Expression {
    match filter {
        theirs::Filter::And(parts) => Expression::And(parts.iter().map(neutral).collect()),
        theirs::Filter::Or(parts) => Expression::Or(parts.iter().map(neutral).collect()),
        theirs::Filter::Not(inner) => Expression::Not(Box::new(neutral(inner))),
        theirs::Filter::Attr(leaf) => neutral_leaf(leaf),
        theirs::Filter::ValuePath(path) => {
            Expression::Element(path.attr.to_string(), Box::new(neutral_within(&path.filter)), None)
        }
    }
}

fn neutral_within(filter: &theirs::ValFilter) -> Expression {
    match filter {
        theirs::ValFilter::And(parts) => Expression::And(parts.iter().map(neutral_within).collect()),
        theirs::ValFilter::Or(parts) => Expression::Or(parts.iter().map(neutral_within).collect()),
        theirs::ValFilter::Not(inner) => Expression::Not(Box::new(neutral_within(inner))),
        theirs::ValFilter::Attr(leaf) => neutral_leaf(leaf),
    }
}

fn neutral_leaf(leaf: &theirs::AttrExp) -> Expression {
    let (path, operator, value) = match leaf {
        theirs::AttrExp::Present(path) => return Expression::Present(path.to_string()),
        theirs::AttrExp::Comparison(path, operator, value) => (path, operator, value),
    };
    let operator = match operator {
        theirs::CompareOp::Eq => Operator::Eq,
        theirs::CompareOp::Ne => Operator::Ne,
        theirs::CompareOp::Co => Operator::Co,
        theirs::CompareOp::Sw => Operator::Sw,
        theirs::CompareOp::Ew => Operator::Ew,
        theirs::CompareOp::Gt => Operator::Gt,
        theirs::CompareOp::Ge => Operator::Ge,
        theirs::CompareOp::Lt => Operator::Lt,
        theirs::CompareOp::Le => Operator::Le,
    };
    let value = match value {
        theirs::CompValue::True => Value::Bool(true),
        theirs::CompValue::False => Value::Bool(false),
        theirs::CompValue::Null => Value::Null,
        theirs::CompValue::Number(number) => Value::Number(number.clone()),
        theirs::CompValue::Str(text) => Value::String(text.clone()),
    };
    Expression::Compare(path.to_string(), operator, value)
}

/// What a name leads to: the keys on the way, and the attribute there.
fn find<'a>(
    of: &'a ResourceType,
    within: Option<&'a Attribute>,
    name: &str,
) -> Result<(Vec<String>, &'a Attribute), Refusal> {
    let (keys, found, whole) = match within {
        Some(attribute) if attribute.kind != Type::Complex => {
            if !name.eq_ignore_ascii_case("value") {
                return Err(Refusal::Unknown);
            }
            (vec![], attribute, attribute)
        }
        Some(attribute) => {
            let sub = attribute.sub_attributes.iter().find(|sub| sub.name.eq_ignore_ascii_case(name));
            let sub = sub.ok_or(Refusal::Unknown)?;
            (vec![sub.name.to_string()], &**sub, &**sub)
        }
        None => {
            let (urn, attribute, sub) = naive::resolve(of, name).ok_or(Refusal::Unknown)?;
            let keys = urn.into_iter().chain([&*attribute.name]).chain(sub.map(|sub| &*sub.name));
            (keys.map(str::to_owned).collect(), sub.unwrap_or(attribute), attribute)
        }
    };
    if found.is_secret() || whole.is_secret() { Err(Refusal::Secret) } else { Ok((keys, found)) }
}

fn path(keys: Vec<String>, attribute: &Attribute) -> Path {
    let keys = keys.iter().map(|key| key.as_str().into()).collect();
    Path { keys, kind: attribute.kind, case_exact: attribute.case_exact }
}

/// The filter that it must be, or why it must be refused.
fn understood(of: &ResourceType, within: Option<&Attribute>, filter: &Expression) -> Result<Filter, Refusal> {
    let all = |parts: &[Expression]| -> Result<Vec<_>, _> {
        parts.iter().map(|part| understood(of, within, part)).collect()
    };
    Ok(match filter {
        Expression::And(parts) => Filter::And(all(parts)?),
        Expression::Or(parts) => Filter::Or(all(parts)?),
        Expression::Not(inner) => Filter::Not(Box::new(understood(of, within, inner)?)),
        Expression::Present(name) => {
            let (keys, attribute) = find(of, within, name)?;
            Filter::Present(path(keys, attribute))
        }
        Expression::Compare(name, operator, value) => {
            let (mut keys, mut attribute) = find(of, within, name)?;
            if attribute.kind == Type::Complex {
                attribute = attribute.sub("value").ok_or(Refusal::Operator)?;
                keys.push("value".into());
            }
            if !operators(attribute.kind).contains(operator) {
                return Err(Refusal::Operator);
            }
            let operand = operand(attribute, *operator, value).ok_or(Refusal::Value)?;
            Filter::Compare(path(keys, attribute), *operator, operand)
        }
        Expression::Element(name, inner, _) => {
            let (keys, attribute) = find(of, within, name)?;
            let is_sub = keys.len() > 1 && !keys[0].contains(':') || keys.len() > 2;
            if is_sub || !(attribute.kind == Type::Complex || attribute.multi_valued) {
                return Err(Refusal::Brackets);
            }
            Filter::Element(path(keys, attribute), Box::new(understood(of, Some(attribute), inner)?))
        }
    })
}

fn operand(attribute: &Attribute, operator: Operator, value: &Value) -> Option<Operand> {
    match (attribute.kind, value) {
        (_, Value::Null) => matches!(operator, Operator::Eq | Operator::Ne).then_some(Operand::Null),
        (Type::Boolean, Value::Bool(flag)) => Some(Operand::Boolean(*flag)),
        (Type::Boolean, Value::String(text)) => text.to_ascii_lowercase().parse().ok().map(Operand::Boolean),
        (Type::Integer, number) => number.as_i64().map(Operand::Integer),
        (Type::Decimal, number) => number.as_f64().map(Operand::Decimal),
        (Type::DateTime, text) => date_time::read(text.as_str()?).map(Operand::DateTime),
        (Type::String | Type::Reference | Type::Binary, text) => Some(Operand::String(text.as_str()?.into())),
        (Type::Boolean | Type::Complex, _) => None,
    }
}

/// The same filter with chains of `and` or `or` in one node, as theirs has them.
fn flat(filter: Filter) -> Filter {
    let join = |parts: Vec<Filter>, open: fn(Filter) -> Result<Vec<Filter>, Filter>| {
        let opened =
            parts.into_iter().map(flat).flat_map(|part| open(part).unwrap_or_else(|part| vec![part]));
        opened.collect()
    };
    match filter {
        Filter::And(parts) => Filter::And(join(parts, |part| match part {
            Filter::And(parts) => Ok(parts),
            other => Err(other),
        })),
        Filter::Or(parts) => Filter::Or(join(parts, |part| match part {
            Filter::Or(parts) => Ok(parts),
            other => Err(other),
        })),
        Filter::Not(inner) => Filter::Not(Box::new(flat(*inner))),
        Filter::Element(path, inner) => Filter::Element(path, Box::new(flat(*inner))),
        leaf @ (Filter::Present(_) | Filter::Compare(..)) => leaf,
    }
}

/// Whitespace where the grammar has none, and the dot that Entra ID writes behind a URN, are exceptions; see below.
fn is_exempt(text: &str) -> bool {
    let odd_space = |c: char| c.is_whitespace() && c != ' ';
    text.contains(odd_space)
        || [" [", " .", "]. "].iter().any(|spaced| text.contains(spaced))
        || text.to_ascii_lowercase().contains(":user.")
}

fn judge(text: &str) -> Result<bool, TestCaseError> {
    let ours = parse(staff(), text);
    let Ok(theirs) = text.parse::<theirs::Filter>() else { return Ok(false) };
    if is_exempt(text) {
        return Ok(false);
    }
    match (understood(staff(), None, &neutral(&theirs)), ours) {
        (Ok(expected), ours) => {
            prop_assert_eq!(ours.map(flat), Ok(expected), "{}", text);
            Ok(true)
        }
        // Numbers as texts are taken or not; the grammar says nothing about it.
        (Err(Refusal::Value), _) => Ok(false),
        (Err(refusal), ours) => {
            prop_assert!(ours.is_err(), "{:?}, but it is taken: {}", refusal, text);
            Ok(false)
        }
    }
}

#[test]
fn filters_are_read_alike() {
    agree(50, &(expression(staff()), noise()), |(filter, mut noise)| judge(&filter.text(&mut noise)));
}

#[test]
fn spoilt_filters_are_read_alike() {
    let input = (expression(staff()), any::<prop::sample::Index>(), edit());
    agree(3, &input, |(filter, at, edit): (_, _, Edit)| {
        let mut text: Vec<char> = filter.plain().chars().collect();
        edit.apply(at.index(text.len()), &mut text);
        judge(&text.iter().collect::<String>())
    });
}

/// What one takes and the other doesn't: the text, whether they take it and whether we do, and why.
const EXCEPTIONS: &[(&str, bool, bool, &str)] = &[
    ("title\tpr", true, false, "SP in the grammar is a space"),
    ("emails [type eq \"work\"]", true, false, "nothing stands between a name and its bracket"),
    ("shoeSize pr", true, false, "no served schema has it"),
    ("urn:example:other:title pr", true, false, "no served schema has it"),
    ("pin eq \"1234\"", true, false, "it is never returned"),
    ("active gt true", true, false, "RFC 7644 section 3.4.2.2 refuses an order of booleans"),
    ("x509Certificates.value co \"AQ\"", true, false, "a binary is equal or it is not"),
    ("title eq 1", true, false, "a string is no number"),
    ("title gt null", true, false, "nothing is before or behind null"),
    ("floor eq 1.5", true, false, "an integer has no fraction"),
    ("floor eq 9223372036854775808", true, false, "integers have 64 bits"),
    ("meta.created gt \"yesterday\"", true, false, "no dateTime"),
    ("name eq \"x\"", true, false, "it is complex and has no value"),
    ("userName[value eq \"x\"]", true, false, "it has one simple value"),
    ("emails[emails.type eq \"x\"]", true, false, "the names in brackets are the element's"),
    ("title eq \"a\u{1}\"", false, false, "a control character is escaped in JSON"),
    ("not(title pr)", false, true, "the space behind \"not\" is left out by clients"),
    ("active eq TRUE", false, true, "letter case of literals says nothing"),
    ("title pr and(active pr)", false, true, "a parenthesis ends a word as well as a space does"),
    ("emails[type eq \"work\"].value eq \"x\"", false, true, "Entra ID's form"),
    ("manager.$ref pr", false, true, "RFC 7643 section 2.4 has an attribute of this name"),
    (
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User.manager pr",
        true,
        true,
        "Entra ID writes a dot behind the URN; to them it is the attribute User of another schema",
    ),
];

#[test]
fn the_exceptions_are_these() {
    for (text, they, we, reason) in EXCEPTIONS {
        assert_eq!(text.parse::<theirs::Filter>().is_ok(), *they, "theirs: {text}: {reason}");
        assert_eq!(parse(staff(), text).is_ok(), *we, "ours: {text}: {reason}");
    }
    // They nest 64 deep and join 1,024 terms; we nest 32 deep and read 8 KiB.
    let nested = |depth: usize| format!("{}title pr{}", "(".repeat(depth), ")".repeat(depth));
    assert!(nested(33).parse::<theirs::Filter>().is_ok() && parse(staff(), &nested(33)).is_err());
    let long = format!("title eq \"{}\"", "a".repeat(8192));
    assert!(long.parse::<theirs::Filter>().is_ok() && parse(staff(), &long).is_err());
}

/// The user after all that the path selects is removed; none where it can't be.
fn removed(person: &Resource, path: &theirs::PatchPath) -> Option<Result<Resource, Refusal>> {
    let (name, filter, sub) = match path {
        theirs::PatchPath::Attr(path) => (path.to_string(), None, None),
        theirs::PatchPath::Value(path) => {
            (path.attr.to_string(), Some(neutral_within(&path.filter)), path.sub_attr.as_deref())
        }
    };
    let Some((urn, attribute, own_sub)) = naive::resolve(staff(), &name) else {
        return Some(Err(Refusal::Unknown));
    };
    if let Some(filter) = &filter {
        if own_sub.is_some() || !attribute.multi_valued {
            return Some(Err(Refusal::Brackets));
        }
        if let Err(refusal) = understood(staff(), Some(attribute), filter) {
            return Some(Err(refusal));
        }
    }
    let sub = match (own_sub, sub) {
        (_, Some(sub)) => match attribute.sub(sub) {
            Some(sub) => Some(&**sub),
            None => return Some(Err(Refusal::Unknown)),
        },
        (own, None) => own,
    };
    if attribute.required
        || !matches!(attribute.mutability, Mutability::ReadWrite | Mutability::WriteOnly)
        || &*attribute.name == "schemas"
    {
        return None;
    }
    let extension = staff().schemas().find(|schema| Some(&*schema.id) == urn);
    let selects = |element: &Value| {
        filter.as_ref().is_none_or(|filter| naive::matches(filter, Scope::Element(attribute, element)))
    };
    let after = match (person.get(extension, attribute).cloned(), sub) {
        (Some(Value::Array(mut elements)), None) => {
            elements.retain(|element| !selects(element));
            Some(Value::Array(elements))
        }
        (Some(Value::Array(mut elements)), Some(sub)) => {
            for element in elements.iter_mut().filter(|element| selects(element)) {
                element.as_object_mut().expect("a complex value").shift_remove(&*sub.name);
            }
            elements.retain(|element| element.as_object().is_some_and(|members| !members.is_empty()));
            keep_distinct(&mut elements);
            Some(Value::Array(elements))
        }
        (Some(Value::Object(mut members)), Some(sub)) => {
            // A reference without value has nothing to show the name of.
            if &*sub.name == "value" && attribute.sub("$ref").is_some() && members.contains_key("value") {
                members.clear();
            }
            members.shift_remove(&*sub.name);
            Some(Value::Object(members))
        }
        _ => None,
    };
    let mut person = person.clone();
    person.set(extension, attribute, after);
    Some(Ok(person))
}

fn judge_path(person: &Resource, text: &str) -> Result<bool, TestCaseError> {
    let body = json!({"Operations": [{"op": "remove", "path": text}]});
    let ours = Patch::read(staff(), body.as_object().expect("an object"))
        .and_then(|patch| patch.apply(staff(), person, &Policy::default()))
        .map(|patched| patched.resource);
    let Ok(theirs) = text.parse::<theirs::PatchPath>() else { return Ok(false) };
    if is_exempt(text) {
        return Ok(false);
    }
    match removed(person, &theirs) {
        None | Some(Err(Refusal::Value)) => Ok(false),
        Some(Ok(expected)) => {
            prop_assert_eq!(ours, Ok(expected), "{}", text);
            Ok(true)
        }
        // What a filter in a path may not ask for is the same as elsewhere. A URN alone is no attribute to them.
        Some(Err(refusal)) => {
            let is_schema = staff().schemas().any(|schema| schema.id.eq_ignore_ascii_case(text.trim()));
            prop_assert!(ours.is_err() || is_schema, "{:?}, but it is taken: {}", refusal, text);
            Ok(false)
        }
    }
}

#[test]
fn paths_select_the_same_values() {
    let input =
        (person(), any_path(staff()), any::<prop::sample::Index>(), prop::option::weighted(0.3, edit()));
    agree(40, &input, |(person, path, at, edit)| {
        let mut text: Vec<char> = path.chars().collect();
        if let Some(edit) = edit {
            edit.apply(at.index(text.len()), &mut text);
        }
        judge_path(&person, &text.iter().collect::<String>())
    });
}

/// May a client write to what the path selects?
fn is_writable(path: &theirs::PatchPath) -> bool {
    let (theirs::PatchPath::Attr(path) | theirs::PatchPath::Value(theirs::PatchValuePath { attr: path, .. })) =
        path;
    naive::resolve(staff(), &path.to_string())
        .is_some_and(|(_, attribute, _)| attribute.mutability != Mutability::ReadOnly)
}

#[test]
fn a_patch_body_that_they_read_is_read() {
    let input = (person(), prop::collection::vec(operation(staff()), 1..4));
    agree(30, &input, |(person, operations)| {
        let body = json!({"schemas": [PATCH_URN], "Operations": operations});
        let Ok(theirs) = serde_json::from_value::<PatchOp>(body.clone()) else { return Ok(false) };
        if theirs.validate().is_err() {
            return Ok(false);
        }
        prop_assert_eq!(theirs.operations.len(), operations.len());
        let known = theirs.operations.iter().all(|operation| match operation {
            PatchOperation::Remove { path, .. }
            | PatchOperation::Add(OperationTarget::WithPath { path, .. })
            | PatchOperation::Replace(OperationTarget::WithPath { path, .. }) => {
                let refused = matches!(removed(&person, path), Some(Err(_)));
                is_writable(path) && !refused && !is_exempt(&path.to_string())
            }
            PatchOperation::Add(_) | PatchOperation::Replace(_) => true,
        });
        if !known {
            return Ok(false);
        }
        let ours = Patch::read(staff(), body.as_object().expect("an object"));
        prop_assert!(ours.is_ok(), "{:?}: {}", ours.err(), body);
        Ok(true)
    });
}

/// What they make of a user's attributes is, to us, the same user.
fn judge_user(body: &Value) -> Result<(), TestCaseError> {
    let theirs: User = serde_json::from_value(body.clone())
        .map_err(|error| TestCaseError::fail(format!("{error}: {body}")))?;
    let read =
        |body: &Value| Resource::read(user(), body.as_object().expect("an object"), &Policy::default());
    let back = serde_json::to_value(&theirs).expect("a user is JSON");
    prop_assert_eq!(read(body), read(&back), "{}", body);
    prop_assert!(read(body).is_ok(), "{}", body);
    Ok(())
}

#[test]
fn users_are_read_alike() {
    let one = person_of(user());
    agree(100, &(one, meta()), |(person, meta)| {
        let part = writable_part(user(), &person);
        judge_user(&rendered(user(), &part, &meta))?;
        Ok(true)
    });
}

#[test]
fn users_of_rfc_7643_are_read_alike() {
    let minimal = json!({
        "schemas": [USER_URN], "id": "2819c223-7f76-453a-919d-413861904646", "userName": "bjensen@example.com",
        "meta": {
            "resourceType": "User", "created": "2010-01-23T04:56:22Z", "lastModified": "2011-05-13T04:42:34Z",
            "version": "W/\"3694e05e9dff590\"",
            "location": "https://example.com/v2/Users/2819c223-7f76-453a-919d-413861904646"
        }
    });
    judge_user(&minimal).unwrap();
    // Sections 8.2 and 8.3, each kind of attribute once.
    let full = json!({
        "schemas": [USER_URN, ENTERPRISE_URN], "externalId": "701984", "userName": "bjensen@example.com",
        "name": {
            "formatted": "Ms. Barbara J Jensen, III", "familyName": "Jensen", "givenName": "Barbara",
            "middleName": "Jane", "honorificPrefix": "Ms.", "honorificSuffix": "III"
        },
        "displayName": "Babs Jensen", "nickName": "Babs", "profileUrl": "https://login.example.com/bjensen",
        "emails": [
            {"value": "bjensen@example.com", "type": "work", "primary": true},
            {"value": "babs@jensen.org", "type": "home"}
        ],
        "addresses": [{
            "type": "work", "streetAddress": "100 Universal City Plaza", "locality": "Hollywood", "region": "CA",
            "postalCode": "91608", "country": "USA", "primary": true,
            "formatted": "100 Universal City Plaza\nHollywood, CA 91608 USA"
        }],
        "phoneNumbers": [{"value": "555-555-5555", "type": "work"}, {"value": "555-555-4444", "type": "mobile"}],
        "ims": [{"value": "someaimhandle", "type": "aim"}],
        "photos": [{"value": "https://photos.example.com/profilephoto/72930000000Ccne/F", "type": "photo"}],
        "userType": "Employee", "title": "Tour Guide", "preferredLanguage": "en-US", "locale": "en-US",
        "timezone": "America/Los_Angeles", "active": true,
        "groups": [{"value": "e9e30dba", "$ref": "https://example.com/v2/Groups/e9e30dba", "display": "Tour Guides"}],
        "x509Certificates": [{"value": "MIIDQzCCAqygAwIBAgICEAAwDQYJKoZIhvcNAQEFBQAwTjELMAkGA1UEBhMCVVMx"}],
        ENTERPRISE_URN: {
            "employeeNumber": "701984", "costCenter": "4130", "organization": "Universal Studios",
            "division": "Theme Park", "department": "Tour Operations",
            "manager": {
                "value": "26118915-6090-4610-87e4-49d8ca9f808d", "$ref": "../Users/26118915-6090-4610-87e4-49d8ca9f808d",
                "displayName": "John Smith"
            }
        }
    });
    judge_user(&full).unwrap();
}

#[test]
fn the_exceptions_in_users_are_these() {
    let read =
        |body: &Value| Resource::read(user(), body.as_object().expect("an object"), &Policy::default());
    // (what is sent, whether they take it, whether we do, why)
    for (body, they, we, reason) in [
        (
            json!({"schemas": [USER_URN], "userName": "b", "active": "True"}),
            true,
            false,
            "the dialects make it a boolean before",
        ),
        (json!({"userName": "b"}), false, true, "clients leave \"schemas\" out"),
        (
            json!({"schemas": [USER_URN], "USERNAME": "b"}),
            false,
            true,
            "names have no letter case (RFC 7643 section 2.1)",
        ),
        (
            json!({"schemas": [USER_URN], "userName": ""}),
            true,
            false,
            "userName is required and must not be empty",
        ),
        (
            json!({"schemas": ["urn:example:other"], "userName": "b"}),
            true,
            false,
            "it is another resource's schema",
        ),
        (json!({"schemas": [USER_URN], "userName": "b", "emails": null}), true, true, "null is unassigned"),
        (
            json!({"schemas": [USER_URN], "userName": "b", "title": "a\u{0}b"}),
            true,
            false,
            "Keycloak's databases hold no NUL",
        ),
        (
            json!({"schemas": [USER_URN], "userName": "b", "emails": [{"value": "a", "primary": true}, {"value": "b", "primary": true}]}),
            true,
            false,
            "one primary value at most (RFC 7643 section 2.4); they say so in validate",
        ),
    ] {
        assert_eq!(serde_json::from_value::<User>(body.clone()).is_ok(), they, "theirs: {body}: {reason}");
        assert_eq!(read(&body).is_ok(), we, "ours: {body}: {reason}");
    }
}
