//! Projection (RFC 7644 section 3.9): `attributes` and `excludedAttributes` on a rendered resource.

use serde_json::Value;

use super::error::{Code, Error, ScimType};
use super::list::parameter;
use super::path::AttrPath;
use super::resource::Object;
use super::schema::{ResourceType, Returned};

/// Which attributes an answer holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Projection {
    /// Those that are returned by default.
    #[default]
    All,
    /// These, and those that always are.
    Only(Vec<Key>),
    /// All but these; those that always are returned stay.
    Without(Vec<Key>),
}

/// A place in a rendered resource: one, two or (in an extension) three keys.
type Key = Vec<&'static str>;

impl Projection {
    /// Reads the two parameters. Names that no served schema has are left out: asking for them yields nothing.
    ///
    /// # Errors
    /// 400 `invalidValue` where both are given: they exclude each other.
    pub fn read(
        resource_type: &'static ResourceType,
        parameters: &[(String, String)],
    ) -> Result<Self, Error> {
        let given = |name| parameter(parameters, name).filter(|list| !list.trim().is_empty());
        let keys =
            |list: &str| list.split(',').filter_map(|name| key(resource_type, name)).flatten().collect();
        match (given("attributes"), given("excludedAttributes")) {
            (None, None) => Ok(Self::All),
            (Some(list), None) => Ok(Self::Only(keys(list))),
            (None, Some(list)) => Ok(Self::Without(keys(list))),
            (Some(_), Some(_)) => Err(Error::bad(
                ScimType::InvalidValue,
                Code::BadQuery,
                "\"attributes\" and \"excludedAttributes\" exclude each other",
            )),
        }
    }

    /// Applies it to a rendered resource.
    pub fn apply(&self, resource_type: &ResourceType, resource: Value) -> Value {
        let Value::Object(resource) = resource else {
            return resource;
        };
        let always = |name: &str| {
            resource_type.attribute(name).is_some_and(|attribute| attribute.returned == Returned::Always)
        };
        match self {
            Self::All => Value::Object(resource),
            Self::Only(keys) => {
                let mut kept = Object::new();
                for (name, value) in resource {
                    if always(&name) {
                        kept.insert(name, value);
                    } else if let Some(value) = only(&name, value, keys) {
                        kept.insert(name, value);
                    }
                }
                Value::Object(kept)
            }
            Self::Without(keys) => {
                let mut value = Value::Object(resource);
                for key in keys.iter().filter(|key| key.first().is_some_and(|name| !always(name))) {
                    without(&mut value, key);
                }
                value
            }
        }
    }
}

/// The places that a name stands for.
fn key(resource_type: &'static ResourceType, name: &str) -> Option<Vec<Key>> {
    // Some clients put a value filter here; the attribute before it is what can be projected.
    let name = name.split('[').next().unwrap_or(name).trim();
    match AttrPath::resolve(resource_type, name).ok()? {
        AttrPath::Attribute { extension, attribute, sub } => {
            let keys = extension.map(|schema| schema.id).into_iter().chain([attribute.name]);
            Some(vec![keys.chain(sub.map(|sub| sub.name)).collect()])
        }
        AttrPath::Extension(schema) => Some(vec![vec![schema.id]]),
        AttrPath::Core => {
            Some(resource_type.core.attributes.iter().map(|attribute| vec![attribute.name]).collect())
        }
    }
}

/// The part of the member `name` that the keys ask for.
fn only(name: &str, value: Value, keys: &[Key]) -> Option<Value> {
    let keys: Vec<&[&str]> = keys.iter().map(Vec::as_slice).collect();
    member(name, value, &keys)
}

/// The part of the member `name` of some object, where the keys are relative to that object.
fn member(name: &str, value: Value, keys: &[&[&str]]) -> Option<Value> {
    let below: Vec<&[&str]> = keys
        .iter()
        .filter_map(|key| key.split_first().filter(|(first, _)| **first == name))
        .map(|(_, rest)| rest)
        .collect();
    if below.is_empty() { None } else { pick(value, &below) }
}

fn pick(value: Value, keys: &[&[&str]]) -> Option<Value> {
    if keys.iter().any(|key| key.is_empty()) {
        return Some(value);
    }
    match value {
        Value::Array(elements) => {
            let picked: Vec<_> = elements.into_iter().filter_map(|element| pick(element, keys)).collect();
            (!picked.is_empty()).then_some(Value::Array(picked))
        }
        Value::Object(members) => {
            let mut picked = Object::new();
            for (name, value) in members {
                if let Some(value) = member(&name, value, keys) {
                    picked.insert(name, value);
                }
            }
            (!picked.is_empty()).then_some(Value::Object(picked))
        }
        _ => None,
    }
}

fn without(value: &mut Value, key: &[&str]) {
    match (value, key) {
        (Value::Array(elements), _) => elements.iter_mut().for_each(|element| without(element, key)),
        (Value::Object(members), [last]) => {
            members.shift_remove(*last);
        }
        (Value::Object(members), [first, rest @ ..]) => {
            if let Some(value) = members.get_mut(*first) {
                without(value, rest);
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::user::{ENTERPRISE_URN, user};
    use super::*;

    fn project(name: &str, list: &str) -> Value {
        let resource = json!({
            "schemas": ["s"], "id": "1", "userName": "b", "name": {"givenName": "G", "familyName": "F"},
            "emails": [{"value": "a", "type": "work"}, {"type": "home"}],
            ENTERPRISE_URN: {"department": "Sales", "manager": {"value": "m", "displayName": "M"}},
            "meta": {"created": "c", "location": "l"}
        });
        Projection::read(user(), &[(name.into(), list.into())]).unwrap().apply(user(), resource)
    }

    #[test]
    fn attributes_keeps_what_is_named_and_what_is_always_returned() {
        assert_eq!(project("attributes", "USERNAME"), json!({"schemas": ["s"], "id": "1", "userName": "b"}));
        assert_eq!(
            project("attributes", "name.givenName, emails.value,unknown,password"),
            json!({"schemas": ["s"], "id": "1", "name": {"givenName": "G"}, "emails": [{"value": "a"}]})
        );
        assert_eq!(
            project("attributes", &format!("{ENTERPRISE_URN}:manager.value,meta.location")),
            json!({"schemas": ["s"], "id": "1", ENTERPRISE_URN: {"manager": {"value": "m"}}, "meta": {"location": "l"}})
        );
        assert_eq!(project("attributes", ENTERPRISE_URN)[ENTERPRISE_URN]["department"], "Sales");
        assert_eq!(project("Attributes", "emails[type eq \"work\"]")["emails"][0]["value"], "a");
    }

    #[test]
    fn excluded_attributes_go_unless_they_are_always_returned() {
        let rest = project("excludedAttributes", "id,schemas,name.familyName,emails,meta");
        assert_eq!(rest["id"], "1");
        assert_eq!(rest["name"], json!({"givenName": "G"}));
        assert_eq!((rest.get("emails"), rest.get("meta")), (None, None));
    }

    #[test]
    fn both_at_once_are_refused() {
        let both = [("attributes".into(), "id".into()), ("excludedAttributes".into(), "id".into())];
        assert!(Projection::read(user(), &both).is_err());
    }
}
