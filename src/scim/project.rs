//! Projection (RFC 7644 section 3.9): `attributes` and `excludedAttributes` on a rendered resource.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::Value;

use super::error::{Code, Error, ScimType};
use super::list::parameter;
use super::path::AttrPath;
use super::resource::{Object, assigned};
use super::schema::{Attribute, ResourceType, Returned};

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
type Key = Vec<Arc<str>>;

impl Projection {
    /// Reads the two parameters. Names that no served schema has are left out: asking for them yields nothing.
    ///
    /// # Errors
    /// 400 `invalidValue` where both are given: they exclude each other.
    pub fn read(resource_type: &ResourceType, parameters: &[(String, String)]) -> Result<Self, Error> {
        let given = |name| parameter(parameters, name).filter(|list| !list.trim().is_empty());
        let keys = |list: &str| {
            // As many as there are attributes, however often they are named.
            let keys: BTreeSet<Key> =
                list.split(',').filter_map(|name| key(resource_type, name)).flatten().collect();
            keys.into_iter().collect()
        };
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

    /// Does it ask for the core attribute by name, as a whole or for a part of it?
    pub fn names(&self, attribute: &str) -> bool {
        match self {
            Self::Only(keys) => !matches!(Named::of(keys, None, attribute), Named::Not),
            Self::All | Self::Without(_) => false,
        }
    }

    /// Does it leave the core attribute in an answer that has it by default?
    pub fn leaves(&self, attribute: &str) -> bool {
        match self {
            Self::All => true,
            Self::Only(_) => self.names(attribute),
            Self::Without(keys) => !matches!(Named::of(keys, None, attribute), Named::Whole),
        }
    }

    /// Applies it to a rendered resource.
    pub fn apply(&self, resource_type: &ResourceType, resource: Value) -> Value {
        let Value::Object(resource) = resource else {
            return resource;
        };
        let mut shown = Object::new();
        for (name, value) in resource {
            let extension = resource_type.schemas().skip(1).find(|schema| *schema.id == *name);
            let value = match (extension, value) {
                (Some(schema), Value::Object(members)) => {
                    let members = members.into_iter().filter_map(|(name, value)| {
                        let value = self.attribute(schema.attribute(&name)?, Some(&schema.id), value)?;
                        Some((name, value))
                    });
                    assigned(Value::Object(members.collect()))
                }
                (_, value) => resource_type
                    .attribute(&name)
                    .and_then(|attribute| self.attribute(attribute, None, value)),
            };
            if let Some(value) = value {
                shown.insert(name, value);
            }
        }
        Value::Object(shown)
    }

    /// What is shown of an attribute (of the extension `urn`).
    fn attribute(&self, attribute: &Attribute, urn: Option<&Arc<str>>, value: Value) -> Option<Value> {
        let always = attribute.returned == Returned::Always;
        let by_default = always || attribute.returned == Returned::Default;
        match self {
            Self::All => by_default.then(|| subs(attribute, value, Returned::is_default)).flatten(),
            Self::Only(keys) => match Named::of(keys, urn, &attribute.name) {
                Named::Whole => subs(attribute, value, Returned::is_default),
                Named::Parts(names) => subs(attribute, value, |returned, name| {
                    returned == Returned::Always || names.contains(&name)
                }),
                Named::Not => always.then(|| subs(attribute, value, Returned::is_default)).flatten(),
            },
            Self::Without(keys) => match Named::of(keys, urn, &attribute.name) {
                Named::Whole if !always => None,
                Named::Parts(names) if by_default => subs(attribute, value, |returned, name| {
                    returned == Returned::Always || (returned == Returned::Default && !names.contains(&name))
                }),
                _ => by_default.then(|| subs(attribute, value, Returned::is_default)).flatten(),
            },
        }
    }
}

/// How a list of keys names an attribute.
enum Named<'k> {
    /// As a whole, or all of its schema.
    Whole,
    /// Some of its sub-attributes.
    Parts(Vec<&'k str>),
    /// Not at all.
    Not,
}

impl<'k> Named<'k> {
    fn of(keys: &'k [Key], urn: Option<&Arc<str>>, name: &str) -> Self {
        let mut parts = Vec::new();
        for key in keys {
            let mut rest = key.as_slice();
            for own in urn.map(|urn| &**urn).into_iter().chain([name]) {
                match rest.split_first() {
                    // The key ends above the attribute.
                    None => return Self::Whole,
                    Some((first, below)) if **first == *own => rest = below,
                    Some(_) => break,
                }
            }
            let depth = key.len() - rest.len();
            match rest.first() {
                None => return Self::Whole,
                Some(sub) if depth == 1 + usize::from(urn.is_some()) => parts.push(&**sub),
                Some(_) => {}
            }
        }
        if parts.is_empty() { Self::Not } else { Self::Parts(parts) }
    }
}

impl Returned {
    fn is_default(self, _name: &str) -> bool {
        matches!(self, Self::Always | Self::Default)
    }
}

/// The value with those sub-attributes alone that `wanted` wants; none where nothing is left of it.
fn subs(attribute: &Attribute, value: Value, wanted: impl Fn(Returned, &str) -> bool) -> Option<Value> {
    let keep = |element: Value| match element {
        Value::Object(mut members) => {
            for sub in &attribute.sub_attributes {
                if !wanted(sub.returned, &sub.name) {
                    members.shift_remove(&*sub.name);
                }
            }
            assigned(Value::Object(members))
        }
        simple => Some(simple),
    };
    match value {
        Value::Array(elements) => assigned(elements.into_iter().filter_map(keep).collect()),
        one => keep(one),
    }
}

/// The places that a name stands for.
fn key(resource_type: &ResourceType, name: &str) -> Option<Vec<Key>> {
    // Some clients put a value filter here; the attribute before it is what can be projected.
    let name = name.split('[').next().unwrap_or(name).trim();
    match AttrPath::resolve(resource_type, name).ok()? {
        AttrPath::Attribute { extension, attribute, sub } => {
            let names = extension.map(|schema| &schema.id).into_iter().chain([&attribute.name]);
            Some(vec![names.chain(sub.map(|sub| &sub.name)).cloned().collect()])
        }
        AttrPath::Extension(schema) => Some(vec![vec![Arc::clone(&schema.id)]]),
        AttrPath::Core => {
            let names = resource_type.core.attributes.iter().map(|attribute| &attribute.name);
            Some(names.map(|name| vec![Arc::clone(name)]).collect())
        }
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
