//! A filter evaluator that is slow and plain: the words of RFC 7644 section 3.4.2.2 over the schema, nothing shared with
//! the real one.

use serde_json::Value;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::super::filter::Operator;
use super::super::schema::{Attribute, ResourceType, Type};
use super::expression::Expression;

/// What an expression is about.
#[derive(Clone, Copy)]
pub(super) enum Scope<'a> {
    /// A resource, as a client reads it.
    Resource(&'a ResourceType, &'a Value),
    /// One element of an attribute: "expressions MUST be applied to the same value of a parent attribute".
    Element(&'a Attribute, &'a Value),
}

/// Does it match?
pub(super) fn matches(expression: &Expression, scope: Scope<'_>) -> bool {
    match expression {
        Expression::And(parts) => parts.iter().all(|part| matches(part, scope)),
        Expression::Or(parts) => parts.iter().any(|part| matches(part, scope)),
        Expression::Not(inner) => !matches(inner, scope),
        Expression::Present(name) => find(name, scope).1.iter().any(|value| !is_empty(value)),
        Expression::Compare(name, operator, literal) => {
            let (mut attribute, mut values) = find(name, scope);
            if attribute.kind == Type::Complex {
                attribute =
                    attribute.sub_attributes.iter().find(|sub| &*sub.name == "value").expect("a value");
                values = values.into_iter().filter_map(|value| value.get("value")).collect();
            }
            match (operator, literal) {
                // "null" is what is unassigned (RFC 7643 section 2.5).
                (Operator::Eq, Value::Null) => values.is_empty(),
                (Operator::Ne, Value::Null) => !values.is_empty(),
                // What is unassigned is not identical to anything.
                (Operator::Ne, _) if values.is_empty() => true,
                // "only one has to match for the entire User to match"
                _ => values.into_iter().any(|value| compare(attribute, *operator, value, literal)),
            }
        }
        Expression::Element(name, inner, then) => {
            let (attribute, values) = find(name, scope);
            values.into_iter().any(|value| {
                let scope = Scope::Element(attribute, value);
                matches(inner, scope) && then.as_ref().is_none_or(|then| matches(then, scope))
            })
        }
    }
}

/// The attribute of that name, and its values: of a multi-valued attribute all elements, of a sub-attribute those of all
/// elements.
fn find<'a>(name: &str, scope: Scope<'a>) -> (&'a Attribute, Vec<&'a Value>) {
    let flat = |value: &'a Value| match value {
        Value::Array(elements) => elements.iter().collect(),
        one => vec![one],
    };
    match scope {
        Scope::Element(attribute, element) if attribute.kind != Type::Complex => (attribute, vec![element]),
        Scope::Element(attribute, element) => {
            let subs = &attribute.sub_attributes;
            let sub = subs.iter().find(|sub| sub.name.eq_ignore_ascii_case(name)).expect(name);
            (sub, element.get(&*sub.name).into_iter().collect())
        }
        Scope::Resource(of, resource) => {
            let (urn, attribute, sub) = resolve(of, name).expect(name);
            let holder = match urn {
                Some(urn) => resource.get(urn),
                None => Some(resource),
            };
            let values = holder.and_then(|holder| holder.get(&*attribute.name)).map(flat).unwrap_or_default();
            match sub {
                Some(sub) => (sub, values.into_iter().filter_map(|value| value.get(&*sub.name)).collect()),
                None => (attribute, values),
            }
        }
    }
}

/// The extension's URN, the attribute and the sub-attribute that a name means: by writing down all names that there are.
pub(super) fn resolve<'a>(
    of: &'a ResourceType,
    name: &str,
) -> Option<(Option<&'a str>, &'a Attribute, Option<&'a Attribute>)> {
    for qualified in [false, true] {
        for (extension, attribute) in of.attributes() {
            let urn = extension.map(|schema| &*schema.id);
            let whole = match qualified {
                true => format!("{}:{}", urn.unwrap_or(&of.core.id), attribute.name),
                false => attribute.name.to_string(),
            };
            if whole.eq_ignore_ascii_case(name) {
                return Some((urn, attribute, None));
            }
            for sub in &attribute.sub_attributes {
                if format!("{whole}.{}", sub.name).eq_ignore_ascii_case(name) {
                    return Some((urn, attribute, Some(sub)));
                }
            }
        }
    }
    None
}

/// "pr: a non-empty or non-null value, or … a non-empty node for complex attributes".
fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(elements) => elements.iter().all(is_empty),
        Value::Object(members) => members.values().all(is_empty),
        Value::Bool(_) | Value::Number(_) => false,
    }
}

fn compare(attribute: &Attribute, operator: Operator, value: &Value, literal: &Value) -> bool {
    match attribute.kind {
        Type::String | Type::Reference | Type::Binary => {
            let part = matches!(operator, Operator::Co | Operator::Sw | Operator::Ew);
            let fold = |value: &Value| {
                let text = value.as_str().expect("a text");
                match (attribute.case_exact, part) {
                    (true, _) => text.to_owned(),
                    (false, true) => folded(text),
                    // As Keycloak does.
                    (false, false) => text.to_lowercase(),
                }
            };
            let (value, literal) = (fold(value), fold(literal));
            match operator {
                Operator::Co => value.contains(&literal),
                Operator::Sw => value.starts_with(&literal),
                Operator::Ew => value.ends_with(&literal),
                _ => ordered(operator, &value, &literal),
            }
        }
        Type::Boolean => {
            let literal = match literal {
                Value::String(text) => text.eq_ignore_ascii_case("true"),
                other => other == &Value::Bool(true),
            };
            ordered(operator, &value.as_bool(), &Some(literal))
        }
        Type::Integer => {
            ordered(operator, &value.as_i64().expect("an integer"), &literal.as_i64().expect("one"))
        }
        Type::Decimal => {
            ordered(operator, &value.as_f64().expect("a number"), &literal.as_f64().expect("one"))
        }
        // "for DateTime types, it is a chronological comparison"
        Type::DateTime => ordered(operator, &instant(value), &instant(literal)),
        Type::Complex => unreachable!("compared by its value"),
    }
}

fn ordered<T: PartialOrd>(operator: Operator, value: &T, literal: &T) -> bool {
    match operator {
        Operator::Eq => value == literal,
        Operator::Ne => value != literal,
        Operator::Gt => value > literal,
        Operator::Ge => value >= literal,
        Operator::Lt => value < literal,
        Operator::Le => value <= literal,
        Operator::Co | Operator::Sw | Operator::Ew => unreachable!("texts alone"),
    }
}

/// Without letter case, each character for itself: what a letter is must not hang on what stands beside it.
fn folded(text: &str) -> String {
    let lower = text.chars().flat_map(char::to_lowercase);
    // The small sigma has a second form for the end of words.
    lower.map(|c| if c == 'ς' { 'σ' } else { c }).collect()
}

/// Nanoseconds since 1970; without offset in UTC.
fn instant(value: &Value) -> i128 {
    let text = value.as_str().expect("a text");
    let zoned = if text.ends_with('Z') || text.contains('+') { text.to_owned() } else { format!("{text}Z") };
    OffsetDateTime::parse(&zoned, &Rfc3339).expect("a dateTime").unix_timestamp_nanos()
}
