//! Filter evaluation on a rendered resource.

use std::cmp::Ordering;
use std::sync::Arc;

use serde_json::Value;

use super::super::date_time;
use super::{Filter, Operand, Operator, Path};

/// Does the value (a resource, or an element of a multi-valued attribute) match?
pub(super) fn matches(filter: &Filter, value: &Value) -> bool {
    match filter {
        Filter::And(parts) => parts.iter().all(|part| matches(part, value)),
        Filter::Or(parts) => parts.iter().any(|part| matches(part, value)),
        Filter::Not(inner) => !matches(inner, value),
        Filter::Present(path) => values(value, &path.keys).into_iter().any(present),
        Filter::Compare(path, operator, operand) => {
            let found: Vec<_> =
                values(value, &path.keys).into_iter().filter(|value| !value.is_null()).collect();
            match (operand, operator) {
                (Operand::Null, Operator::Eq) => found.is_empty(),
                (Operand::Null, _) => !found.is_empty(),
                // What is unassigned is not equal to anything.
                (_, Operator::Ne) if found.is_empty() => true,
                _ => found.iter().any(|value| compare(path, *operator, operand, value)),
            }
        }
        Filter::Element(path, inner) => {
            values(value, &path.keys).into_iter().any(|element| !element.is_null() && matches(inner, element))
        }
    }
}

/// All values at the keys; arrays on the way are entered.
fn values<'v>(value: &'v Value, keys: &[Arc<str>]) -> Vec<&'v Value> {
    match (value, keys) {
        (Value::Array(elements), _) => elements.iter().flat_map(|element| values(element, keys)).collect(),
        (_, []) => vec![value],
        (_, [key, rest @ ..]) => value.get(&**key).map(|value| values(value, rest)).unwrap_or_default(),
    }
}

/// Has it a value that is not empty? Only `pr` asks so: an empty text is a value, which other texts compare with.
fn present(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::String(text) => !text.is_empty(),
        Value::Object(members) => members.values().any(present),
        Value::Array(elements) => elements.iter().any(present),
        _ => true,
    }
}

fn compare(path: &Path, operator: Operator, operand: &Operand, value: &Value) -> bool {
    match (operand, value) {
        (Operand::String(wanted), Value::String(found)) if path.case_exact => text(operator, found, wanted),
        (Operand::String(wanted), Value::String(found)) => {
            text(operator, &folded(operator, found), &folded(operator, wanted))
        }
        (Operand::Boolean(wanted), Value::Bool(found)) => ordered(operator, found.cmp(wanted)),
        (Operand::Integer(wanted), found) => {
            found.as_i64().is_some_and(|found| ordered(operator, found.cmp(wanted)))
        }
        (Operand::Decimal(wanted), found) => found
            .as_f64()
            .and_then(|found| found.partial_cmp(wanted))
            .is_some_and(|ordering| ordered(operator, ordering)),
        (Operand::DateTime(wanted), Value::String(found)) => {
            date_time::read(found).is_some_and(|found| ordered(operator, found.cmp(wanted)))
        }
        _ => false,
    }
}

/// Text without letter case.
fn folded(operator: Operator, text: &str) -> String {
    let lower = text.to_lowercase();
    // At the end of a word a sigma becomes another letter than within one, and a part of a text may end where the text
    // goes on. Whole texts are compared as Keycloak compares them.
    match operator {
        Operator::Co | Operator::Sw | Operator::Ew if lower.contains('ς') => lower.replace('ς', "σ"),
        _ => lower,
    }
}

fn text(operator: Operator, found: &str, wanted: &str) -> bool {
    match operator {
        Operator::Co => found.contains(wanted),
        Operator::Sw => found.starts_with(wanted),
        Operator::Ew => found.ends_with(wanted),
        _ => ordered(operator, found.cmp(wanted)),
    }
}

fn ordered(operator: Operator, ordering: Ordering) -> bool {
    match operator {
        Operator::Eq => ordering.is_eq(),
        Operator::Ne => ordering.is_ne(),
        Operator::Gt => ordering.is_gt(),
        Operator::Ge => ordering.is_ge(),
        Operator::Lt => ordering.is_lt(),
        Operator::Le => ordering.is_le(),
        Operator::Co | Operator::Sw | Operator::Ew => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::super::user::user;
    use super::super::parse;

    fn matches(text: &str) -> bool {
        let resource = json!({
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
            "id": "2819c223-7f76-453a-919d-413861904646", "externalId": "Abc", "userName": "bjensen@Example.com",
            "name": { "familyName": "Jensen" }, "active": true, "title": "50%_\"x\"",
            "emails": [
                { "value": "bjensen@example.com", "type": "work", "primary": true },
                { "value": "babs@jensen.org", "type": "home" }
            ],
            "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": { "department": "Sales", "manager": { "value": "m1" } },
            "meta": { "created": "2011-05-13T04:42:34Z", "lastModified": "2011-05-13T04:42:34.5Z" }
        });
        parse(user(), text).expect(text).matches(&resource)
    }

    #[test]
    fn matching_filters() {
        for text in [
            "userName eq \"BJENSEN@example.com\"",
            "userName sw \"bj\"",
            "userName ew \".COM\"",
            "userName co \"sen@\"",
            "name.familyName co \"ens\"",
            "urn:ietf:params:scim:schemas:core:2.0:User:userName sw \"B\"",
            "title pr",
            "meta.lastModified gt \"2011-05-13T04:42:34Z\"",
            "meta.created eq \"2011-05-13T06:42:34+02:00\"",
            "emails.type eq \"home\"",
            "emails[type eq \"work\" and value co \"@example.com\"]",
            "emails co \"babs\"",
            "emails[type eq \"work\"].value eq \"bjensen@example.com\"",
            "active eq true",
            "active eq \"True\"",
            "externalId eq \"Abc\"",
            "title co \"%_\"",
            "title eq \"50%_\\\"x\\\"\"",
            "nickName eq null",
            "not (userName eq \"x\")",
            "nickName ne \"x\"",
            "schemas eq \"urn:ietf:params:scim:schemas:core:2.0:User\"",
            "manager eq \"m1\"",
            "department eq \"sales\"",
            "emails[primary eq true] and not(active eq false)",
            "id eq \"2819c223-7f76-453a-919d-413861904646\" and manager eq \"m1\"",
            "userName gt \"a\"",
        ] {
            assert!(matches(text), "{text}");
        }
    }

    #[test]
    fn an_empty_text_is_a_value_but_not_present() {
        let resource = json!({"title": "", "nickName": "b", "emails": [{"value": ""}]});
        let matches = |text| parse(user(), text).expect(text).matches(&resource);
        assert!(matches("title eq \"\"") && matches("title lt \"a\"") && matches("title co \"\""));
        assert!(matches("title ne null") && matches("not (title pr)") && !matches("title eq null"));
        assert!(!matches("nickName eq \"\"") && !matches("userType eq \"\"") && !matches("emails pr"));
        assert!(matches("emails[value eq \"\"]") && matches("emails[type ne \"work\"]"));
    }

    #[test]
    fn a_sigma_is_the_same_letter_wherever_it_stands_in_a_word() {
        let resource = json!({"title": "ΟΔΥΣΣΕΥΣ"});
        let matches = |text| parse(user(), text).expect(text).matches(&resource);
        assert!(matches("title sw \"ΟΔΥΣ\"") && matches("title co \"δυσ\"") && matches("title ew \"ευσ\""));
        assert!(matches("title eq \"οδυσσευς\"") && !matches("title sw \"δυσ\""));
    }

    #[test]
    fn filters_that_do_not_match() {
        for text in [
            "externalId eq \"abc\"",
            "userName eq \"bjensen\"",
            "emails[type eq \"work\" and value eq \"babs@jensen.org\"]",
            "nickName pr",
            "nickName eq \"\"",
            "title eq \"50__\"",
            "title co \"x%\"",
            "active eq false",
            "userName eq null",
            "meta.created gt \"2011-05-13T04:42:34Z\"",
            "emails[type eq \"home\"].value eq \"bjensen@example.com\"",
            "manager eq \"M1\"",
            "id eq \"2819C223-7f76-453a-919d-413861904646\"",
        ] {
            assert!(!matches(text), "{text}");
        }
    }
}
