//! What of a message is taken no further, and why: for the log and for whoever looks on.

use serde_json::Value;

use super::path::AttrPath;
use super::resource::{Object, assigned, printable};
use super::schema::{Attribute, Mutability, ResourceType, Schema, Type};

/// An attribute that was sent and goes no further.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dropped {
    /// Its name in attribute notation, never its value.
    pub name: String,
    /// Why it goes no further.
    pub why: Why,
}

/// Why an attribute goes no further.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Why {
    /// It is a password.
    Password,
    /// The configuration says so.
    Configured,
    /// No served schema has it.
    Unknown,
    /// The server alone decides it.
    ReadOnly,
}

impl Why {
    /// The reason, for an administrator.
    #[must_use]
    pub fn reason(self) -> &'static str {
        match self {
            Self::Password => {
                "a password never goes further: people sign in through their identity provider, and Keycloak is given none"
            }
            Self::Configured => "the realm's ignored_attributes name it",
            Self::Unknown => "no served schema has it, and the realm's unknown_attributes are ignored",
            Self::ReadOnly => "the server alone decides it (readOnly in its schema)",
        }
    }
}

/// What [`Resource::read`](super::Resource::read) passes over in the body of a POST or PUT, without saying so.
#[must_use]
pub fn in_resource(resource_type: &ResourceType, body: &Object) -> Vec<Dropped> {
    let mut found = Found::default();
    found.members(resource_type, body);
    found.0
}

/// What [`Patch::apply`](super::Patch::apply) passes over in the values of a PATCH, without saying so. What a path names
/// is never passed over: there it is an error.
#[must_use]
pub fn in_patch(resource_type: &ResourceType, body: &Object) -> Vec<Dropped> {
    let mut found = Found::default();
    let lists = body.iter().filter(|(key, _)| key.eq_ignore_ascii_case("Operations"));
    for operation in lists.filter_map(|(_, list)| list.as_array()).flatten() {
        let member = |name: &str| {
            let members = operation.as_object()?;
            members.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value)
        };
        let Some(value) = member("value") else { continue };
        let path = member("path").and_then(Value::as_str).map(str::trim).filter(|path| !path.is_empty());
        match path {
            None => found.core(resource_type, value),
            Some(path) => {
                // A value filter does not change which attribute the value is of.
                let name = path.split('[').next().unwrap_or(path);
                if is_writable(resource_type, name) {
                    found.member(resource_type, name, value);
                }
            }
        }
    }
    found.0
}

/// Is it a path that a client may write to? Any other is an error.
fn is_writable(resource_type: &ResourceType, path: &str) -> bool {
    match AttrPath::resolve(resource_type, path) {
        Ok(AttrPath::Attribute { attribute, .. }) => attribute.mutability != Mutability::ReadOnly,
        Ok(AttrPath::Core | AttrPath::Extension(_)) => true,
        Err(_) => false,
    }
}

#[derive(Default)]
struct Found(Vec<Dropped>);

impl Found {
    fn add(&mut self, name: &str, value: &Value, why: Why) {
        // What is unassigned was not sent (RFC 7643 section 2.5).
        let dropped = Dropped { name: printable(name), why };
        if assigned(value.clone()).is_some() && !self.0.contains(&dropped) {
            self.0.push(dropped);
        }
    }

    fn core(&mut self, resource_type: &ResourceType, value: &Value) {
        if let Value::Object(members) = value {
            self.members(resource_type, members);
        }
    }

    fn members(&mut self, resource_type: &ResourceType, members: &Object) {
        members.iter().for_each(|(key, value)| self.member(resource_type, key, value));
    }

    fn member(&mut self, resource_type: &ResourceType, key: &str, value: &Value) {
        match AttrPath::resolve(resource_type, key) {
            Ok(AttrPath::Attribute { attribute, .. }) if attribute.mutability == Mutability::ReadOnly => {
                self.add(&attribute.name, value, Why::ReadOnly);
            }
            Ok(AttrPath::Attribute { attribute, sub, .. }) => {
                if sub.is_none() {
                    self.sub_attributes(attribute, value);
                }
            }
            Ok(AttrPath::Core) => self.core(resource_type, value),
            Ok(AttrPath::Extension(schema)) => self.extension(schema, value),
            // A value path, whose filter does not change which attribute it is.
            Err(_) if key.contains('[') => {
                self.member(resource_type, key.split('[').next().unwrap_or_default(), value);
            }
            Err(_) => self.add(key, value, Why::Unknown),
        }
    }

    fn extension(&mut self, schema: &Schema, value: &Value) {
        for (key, value) in value.as_object().into_iter().flatten() {
            match schema.attribute(key) {
                Some(attribute) => self.sub_attributes(attribute, value),
                None => self.add(&format!("{}:{key}", schema.id), value, Why::Unknown),
            }
        }
    }

    fn sub_attributes(&mut self, attribute: &Attribute, value: &Value) {
        if attribute.kind != Type::Complex {
            return;
        }
        let elements = match value {
            Value::Array(elements) => elements.as_slice(),
            one => std::slice::from_ref(one),
        };
        for (key, value) in elements.iter().filter_map(Value::as_object).flatten() {
            if attribute.sub(key).is_none() {
                self.add(&format!("{}.{key}", attribute.name), value, Why::Unknown);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::user::{ENTERPRISE_URN, USER_URN, user};
    use super::super::{Patch, Policy, Resource};
    use super::*;

    fn names(dropped: &[Dropped]) -> Vec<(&str, Why)> {
        dropped.iter().map(|dropped| (dropped.name.as_str(), dropped.why)).collect()
    }

    fn strict() -> Policy {
        Policy { refuse_unknown: true, ..Policy::default() }
    }

    /// A body with one thing more at a time, and what is passed over in it.
    fn bodies() -> Vec<(Value, Vec<(&'static str, Why)>)> {
        let enterprise = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:badge";
        vec![
            (json!({"userName": "b", "name": {"givenName": "B"}}), vec![]),
            (json!({"userName": "b", "shoeSize": 46}), vec![("shoeSize", Why::Unknown)]),
            (json!({"userName": "b", "shoeSize": null, "hats": []}), vec![]),
            (json!({"userName": "b", "name": {"nick": "B"}}), vec![("name.nick", Why::Unknown)]),
            (
                json!({"userName": "b", "emails": [{"value": "b@c.d", "since": 1}, {"value": "e@f.g", "since": 2}]}),
                vec![("emails.since", Why::Unknown)],
            ),
            (
                json!({"userName": "b", ENTERPRISE_URN: {"badge": "7", "division": "W"}}),
                vec![(enterprise, Why::Unknown)],
            ),
            (
                json!({"userName": "b", "urn:example:2.0:User": {"x": 1}}),
                vec![("urn:example:2.0:User", Why::Unknown)],
            ),
            (json!({USER_URN: {"userName": "b", "shoeSize": 46}}), vec![("shoeSize", Why::Unknown)]),
            (json!({"userName": "b", "name.givenName": "B"}), vec![]),
        ]
    }

    #[test]
    fn what_is_passed_over_is_told() {
        for (body, expected) in bodies() {
            assert_eq!(names(&in_resource(user(), body.as_object().unwrap())), expected, "{body}");
        }
        let body = json!({"userName": "b", "ID": "1", "meta": {"version": "x"}});
        assert_eq!(
            names(&in_resource(user(), body.as_object().unwrap())),
            [("id", Why::ReadOnly), ("meta", Why::ReadOnly)]
        );
    }

    #[test]
    fn what_is_told_is_what_a_strict_reading_refuses() {
        for (body, expected) in bodies().into_iter().filter(|(body, _)| body.get("name.givenName").is_none())
        {
            let read = Resource::read(user(), body.as_object().unwrap(), &strict());
            assert_eq!(read.is_err(), !expected.is_empty(), "{body}");
        }
    }

    #[test]
    fn a_path_that_is_an_error_is_nothing_passed_over() {
        for path in ["shoeSize", "id", "name.nick", "urn:example:2.0:User:x"] {
            let body = json!({"Operations": [{"op": "add", "path": path, "value": "x"}]});
            assert_eq!(in_patch(user(), body.as_object().unwrap()), [], "{path}");
            assert!(Patch::read(user(), body.as_object().unwrap()).is_err(), "{path}");
        }
    }

    #[test]
    fn in_a_patch_the_values_are_looked_through() {
        for (operation, expected) in [
            (json!({"op": "add", "value": {"shoeSize": 46, "title": "x"}}), vec![("shoeSize", Why::Unknown)]),
            (json!({"op": "Replace", "value": {"id": "1", "active": true}}), vec![("id", Why::ReadOnly)]),
            (
                json!({"op": "replace", "path": "name", "value": {"nick": "x"}}),
                vec![("name.nick", Why::Unknown)],
            ),
            (
                json!({"op": "add", "PATH": "emails[type eq \"work\"]", "Value": {"value": "a@b.c", "since": 1}}),
                vec![("emails.since", Why::Unknown)],
            ),
            (json!({"op": "replace", "path": "title", "value": "x"}), vec![]),
            (json!({"op": "remove", "path": "title"}), vec![]),
        ] {
            let body = json!({"Operations": [operation]});
            let body = body.as_object().unwrap();
            assert_eq!(names(&in_patch(user(), body)), expected, "{operation}");
            let before = json!({"userName": "b"});
            let before = Resource::read(user(), before.as_object().unwrap(), &Policy::default()).unwrap();
            let unknown = expected.iter().any(|(_, why)| *why == Why::Unknown);
            let patch = Patch::read(user(), body).unwrap();
            assert!(patch.apply(user(), &before, &Policy::default()).is_ok(), "{operation}");
            assert_eq!(patch.apply(user(), &before, &strict()).is_err(), unknown, "{operation}");
        }
    }
}
