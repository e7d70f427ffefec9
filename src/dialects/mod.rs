//! What single clients send instead of what the RFC says, made plain: pure functions on JSON bodies.
//!
//! They run on every request, whoever sent it: none of these forms means anything else in plain SCIM.

mod changes;

use std::borrow::Cow;

use serde_json::Value;

use crate::scim::path::AttrPath;
use crate::scim::schema::{Attribute, Type};
use crate::scim::{Object, ResourceType};

pub use self::changes::{Normalised, changes};

/// Makes the body of a POST or PUT plain.
pub fn resource(resource_type: &ResourceType, body: &mut Object) {
    for (key, value) in body.iter_mut() {
        plain_at(resource_type, key, value);
    }
}

/// Makes the body of a PATCH plain.
pub fn patch(resource_type: &ResourceType, body: &mut Object) {
    for (_, operations) in body.iter_mut().filter(|(key, _)| key.eq_ignore_ascii_case("Operations")) {
        for operation in operations.as_array_mut().into_iter().flatten() {
            if let Value::Object(operation) = operation {
                self::operation(resource_type, operation);
            }
        }
    }
}

fn operation(resource_type: &ResourceType, operation: &mut Object) {
    let path = operation
        .iter()
        .find(|(key, _)| key.eq_ignore_ascii_case("path"))
        .and_then(|(_, path)| path.as_str());
    let path = path.map(str::trim).filter(|path| !path.is_empty()).map(str::to_owned);
    let Some((_, value)) = operation.iter_mut().find(|(key, _)| key.eq_ignore_ascii_case("value")) else {
        return;
    };
    match (path, value) {
        (None, Value::Object(members)) => {
            members.iter_mut().for_each(|(key, value)| plain_at(resource_type, key, value));
        }
        (None, _) => {}
        (Some(path), value) => {
            // One element is meant, and one may stand in an array all the same.
            if path.ends_with(']')
                && let Value::Array(elements) = value
                && elements.len() == 1
            {
                *value = elements.pop().unwrap_or_default();
            }
            plain_at(resource_type, &path, value);
        }
    }
}

/// The path without its value filter, which says nothing about the type of what stands there.
fn without_filter(path: &str) -> Cow<'_, str> {
    let Some((name, _)) = path.split_once('[') else { return Cow::Borrowed(path) };
    match path.rsplit_once("].") {
        Some((_, sub)) => Cow::Owned(format!("{name}.{sub}")),
        None => Cow::Borrowed(name),
    }
}

/// Makes the value plain that stands at the path.
fn plain_at(resource_type: &ResourceType, path: &str, value: &mut Value) {
    match AttrPath::resolve(resource_type, &without_filter(path)) {
        Ok(AttrPath::Attribute { attribute, sub, .. }) => plain(sub.unwrap_or(attribute), value),
        Ok(AttrPath::Core) => {
            if let Value::Object(members) = value {
                members.iter_mut().for_each(|(key, value)| plain_at(resource_type, key, value));
            }
        }
        Ok(AttrPath::Extension(schema)) => {
            if let Value::Object(members) = value {
                for (key, value) in members.iter_mut() {
                    if let Some(attribute) = schema.attribute(key) {
                        plain(attribute, value);
                    }
                }
            }
        }
        Err(_) => {}
    }
}

fn plain(attribute: &Attribute, value: &mut Value) {
    if attribute.multi_valued {
        match value {
            Value::Array(elements) => {
                elements.iter_mut().for_each(|element| plain_element(attribute, element));
            }
            element => plain_element(attribute, element),
        }
        return;
    }
    if attribute.kind == Type::Complex && attribute.sub("value").is_some() {
        one_value(attribute, value);
    }
    plain_element(attribute, value);
}

/// Entra ID sends `manager` as a bare string, as an array of one, and as an empty string to take it away.
fn one_value(attribute: &Attribute, value: &mut Value) {
    if let Value::Array(elements) = value
        && elements.len() <= 1
    {
        *value = elements.pop().unwrap_or(Value::Null);
    }
    let empty = |value: &Value| value.as_str().is_some_and(str::is_empty);
    // Only a reference to nobody is none.
    let is_reference = attribute.sub("$ref").is_some();
    if is_reference && (empty(value) || value.get("value").is_some_and(empty)) {
        *value = Value::Null;
    }
}

fn plain_element(attribute: &Attribute, value: &mut Value) {
    match (attribute.kind, &mut *value) {
        // Entra ID writes booleans as "True" and "False".
        (Type::Boolean, Value::String(text)) => {
            if let Some(flag) = flag(text) {
                *value = Value::Bool(flag);
            }
        }
        // And numbers as strings.
        (Type::Integer | Type::Decimal, Value::String(text)) => {
            if let Some(number) = serde_json::from_str::<Value>(text.trim()).ok().filter(Value::is_number) {
                *value = number;
            }
        }
        // A bare value stands for the element's `value`: Entra ID's manager, and collections of test requests.
        (Type::Complex, Value::String(text)) if attribute.sub("value").is_some() => {
            let text = std::mem::take(text);
            *value = serde_json::json!({ "value": text });
        }
        (Type::Complex, Value::Object(members)) => {
            for (key, value) in members.iter_mut() {
                if let Some(sub) = attribute.sub(key) {
                    plain_element(sub, value);
                }
            }
        }
        _ => {}
    }
}

fn flag(text: &str) -> Option<bool> {
    match text.trim().to_ascii_lowercase().as_str() {
        "true" => Some(true),
        "false" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::scim::user::{ENTERPRISE_URN, user};

    fn patched(operation: Value) -> Value {
        let mut body = json!({ "Operations": [operation] });
        patch(user(), body.as_object_mut().unwrap());
        body["Operations"][0]["value"].take()
    }

    #[test]
    fn boolean_strings_become_booleans_where_a_boolean_belongs() {
        assert_eq!(patched(json!({"op": "Replace", "path": "active", "value": "False"})), json!(false));
        assert_eq!(patched(json!({"op": "Replace", "value": {"ACTIVE": "True"}})), json!({"ACTIVE": true}));
        assert_eq!(
            patched(json!({"op": "Add", "path": "emails[type eq \"work\"].primary", "value": "true"})),
            json!(true)
        );
        assert_eq!(patched(json!({"op": "Replace", "path": "title", "value": "True"})), json!("True"));
        let mut body =
            json!({"active": "True", "roles": [{"primary": "True", "value": "x"}], "title": "False"});
        resource(user(), body.as_object_mut().unwrap());
        assert_eq!(
            body,
            json!({"active": true, "roles": [{"primary": true, "value": "x"}], "title": "False"})
        );
    }

    #[test]
    fn entras_forms_of_the_manager_become_one() {
        let path = format!("{ENTERPRISE_URN}:manager");
        for (path, value) in [
            ("manager", json!([{"$ref": "http://x/Users/28", "value": "28"}])),
            (path.as_str(), json!("28")),
            (path.as_str(), json!({"value": "28"})),
        ] {
            assert_eq!(patched(json!({"op": "Add", "path": path, "value": value}))["value"], "28");
        }
        assert_eq!(patched(json!({"op": "Replace", "path": path, "value": ""})), Value::Null);
        assert_eq!(
            patched(json!({"op": "Replace", "value": {ENTERPRISE_URN: {"manager": "28"}}}))[ENTERPRISE_URN],
            json!({"manager": {"value": "28"}})
        );
    }

    #[test]
    fn one_element_may_stand_in_an_array() {
        let path = "addresses[type eq \"work\"]";
        assert_eq!(
            patched(json!({"op": "Add", "path": path, "value": [{"locality": "Redmond"}]})),
            json!({"locality": "Redmond"})
        );
        assert_eq!(
            patched(json!({"op": "Replace", "value": {"roles[value eq \"x\"].primary": "True"}})),
            json!({"roles[value eq \"x\"].primary": true})
        );
    }

    #[test]
    fn bare_values_of_a_plural_attribute_become_elements() {
        assert_eq!(
            patched(json!({"op": "Add", "path": "emails", "value": ["a@b"]})),
            json!([{"value": "a@b"}])
        );
        assert_eq!(patched(json!({"op": "Add", "path": "emails", "value": "a@b"})), json!({"value": "a@b"}));
    }
}
