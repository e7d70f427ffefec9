//! A resource in canonical form: known attributes under their canonical names, checked for type (RFC 7643 section 2).

use std::collections::HashSet;
use std::sync::Arc;

use serde_json::{Map, Value};

use super::date_time;
use super::error::{Code, Error, ScimType};
use super::path::{AttrPath, PathError};
use super::schema::{Attribute, Extension, Mutability, Omission, ResourceType, Schema, Type};

/// A JSON object, in the order in which its members were set.
pub type Object = Map<String, Value>;

/// What becomes of attributes that a client sends and the gateway does not keep.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Policy {
    /// Refuse attributes and schema URNs that no served schema knows, rather than ignore them.
    pub refuse_unknown: bool,
    /// Attributes to drop before anything looks at them, in attribute notation; `password` always is, unless refused.
    pub ignored: Vec<String>,
    /// Attributes whose presence is an error, in attribute notation.
    pub refused: Vec<String>,
}

/// The attributes of a resource that clients write, in canonical form.
///
/// Core attributes stand at the top, those of an extension in an object under its URN. What is unassigned is absent:
/// null, `[]` and `{}` are the same (RFC 7643 section 2.5). `schemas`, `id` and `meta` are no part of it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Resource(Object);

impl Resource {
    /// Reads what a client sent to POST or PUT.
    ///
    /// Read-only attributes are ignored (RFC 7644 sections 3.3 and 3.5.1), unknown ones ignored or refused.
    ///
    /// # Errors
    /// 400 for wrong types, a wrong `schemas`, two primary values, a required attribute that is missing.
    pub fn read(resource_type: &ResourceType, body: &Object, policy: &Policy) -> Result<Self, Error> {
        let resource = Self::read_incomplete(resource_type, body, policy)?;
        resource.check_required(resource_type)?;
        Ok(resource)
    }

    /// As [`Resource::read`], but nothing is missed that an extension requires.
    ///
    /// # Errors
    /// As [`Resource::read`].
    pub fn read_incomplete(
        resource_type: &ResourceType,
        body: &Object,
        policy: &Policy,
    ) -> Result<Self, Error> {
        check_schemas(resource_type, body, policy)?;
        let mut resource = Self::default();
        for (key, value) in body {
            resource.read_member(resource_type, key, value, policy)?;
        }
        resource
            .missing_core(resource_type)
            .into_iter()
            .next()
            .map_or(Ok(resource), |name| Err(missing(&name)))
    }

    /// Takes a resource back from where [`Resource::as_object`] was kept, dropping what no served schema has or what
    /// has the wrong type: what people did to it by hand must never make an error.
    pub fn restore(resource_type: &ResourceType, stored: &Object) -> Self {
        Self::restore_some(resource_type, stored).0
    }

    /// The same, and what could not be taken: each attribute by itself, where it stood.
    pub fn restore_some(resource_type: &ResourceType, stored: &Object) -> (Self, Object) {
        let (mut resource, mut rest) = (Self::default(), Object::new());
        for (key, value) in stored {
            match (AttrPath::resolve(resource_type, key), value) {
                (Ok(AttrPath::Extension(schema)), Value::Object(members)) => {
                    let mut strange = Object::new();
                    for (name, value) in members {
                        let attribute = schema.attribute(name);
                        if attribute.is_none_or(|attribute| !resource.take(Some(schema), attribute, value)) {
                            strange.insert(name.clone(), value.clone());
                        }
                    }
                    if !strange.is_empty() {
                        rest.insert(key.clone(), Value::Object(strange));
                    }
                }
                (Ok(AttrPath::Attribute { extension, attribute, sub: None }), value)
                    if resource.take(extension, attribute, value) => {}
                (_, value) => {
                    rest.insert(key.clone(), value.clone());
                }
            }
        }
        (resource, rest)
    }

    /// Sets the attribute, if the value can be one of it. One value and a list of one are each other's, so that a schema
    /// may come to allow several.
    fn take(&mut self, extension: Option<&Arc<Schema>>, attribute: &Attribute, value: &Value) -> bool {
        let fitted = match value {
            Value::Array(elements) if !attribute.multi_valued && elements.len() == 1 => {
                elements.first().cloned().unwrap_or_default()
            }
            Value::Array(_) => value.clone(),
            one if attribute.multi_valued => Value::Array(vec![one.clone()]),
            one => one.clone(),
        };
        attribute.mutability != Mutability::ReadOnly
            && self.assign(extension, attribute, &fitted, &Policy::default()).is_ok()
    }

    fn read_member(
        &mut self,
        resource_type: &ResourceType,
        key: &str,
        value: &Value,
        policy: &Policy,
    ) -> Result<(), Error> {
        match AttrPath::resolve(resource_type, key) {
            Ok(AttrPath::Attribute { attribute, .. }) if attribute.mutability == Mutability::ReadOnly => {
                Ok(())
            }
            Ok(AttrPath::Attribute { attribute, .. }) if &*attribute.name == "schemas" => Ok(()),
            Ok(AttrPath::Attribute { extension, attribute, sub: None }) => {
                self.assign(extension, attribute, value, policy)
            }
            Ok(AttrPath::Attribute { sub: Some(_), .. }) | Err(PathError::Unknown | PathError::Malformed) => {
                unknown(key, value, policy)
            }
            Ok(AttrPath::Core) => match value {
                Value::Object(members) => members
                    .iter()
                    .try_for_each(|(key, value)| self.read_member(resource_type, key, value, policy)),
                Value::Null => Ok(()),
                _ => Err(wrong_type(key, "an object")),
            },
            Ok(AttrPath::Extension(schema)) => match value {
                Value::Object(members) => {
                    for (key, value) in members {
                        let Some(attribute) = schema.attribute(key) else {
                            unknown(key, value, policy)?;
                            continue;
                        };
                        if attribute.mutability != Mutability::ReadOnly {
                            self.assign(Some(schema), attribute, value, policy)?;
                        }
                    }
                    Ok(())
                }
                value if assigned(value.clone()).is_none() => Ok(()),
                _ => Err(wrong_type(&schema.id, "an object")),
            },
        }
    }

    fn assign(
        &mut self,
        extension: Option<&Arc<Schema>>,
        attribute: &Attribute,
        value: &Value,
        policy: &Policy,
    ) -> Result<(), Error> {
        let Some(value) = check_value(attribute, value, policy)? else { return Ok(()) };
        if self.get(extension, attribute).is_some() {
            return Err(Error::bad(
                ScimType::InvalidSyntax,
                Code::WrongMessage,
                format!("The attribute {} stands twice in the message", attribute.name),
            ));
        }
        self.set(extension, attribute, Some(value));
        Ok(())
    }

    /// Required attributes that are missing or empty are an error: those of the core schema, of an extension that must
    /// be there, and of one that is (RFC 7643 section 6).
    ///
    /// # Errors
    /// 400 `invalidValue` naming the attribute.
    pub fn check_required(&self, resource_type: &ResourceType) -> Result<(), Error> {
        self.missing(resource_type).into_iter().next().map_or(Ok(()), |name| Err(missing(&name)))
    }

    /// The same for a change: what was missing `before` may stay so, since a schema may have come to require it since.
    ///
    /// # Errors
    /// As [`Resource::check_required`].
    pub fn check_still_required(&self, resource_type: &ResourceType, before: &Self) -> Result<(), Error> {
        let known = before.missing(resource_type);
        let new = self.missing(resource_type).into_iter().find(|name| !known.contains(name));
        new.map_or(Ok(()), |name| Err(missing(&name)))
    }

    /// The names of required attributes that are missing or empty.
    fn missing(&self, resource_type: &ResourceType) -> Vec<String> {
        let mut names = self.missing_core(resource_type);
        for Extension { schema, required } in &resource_type.extensions {
            let is_there = |attribute: &Arc<Attribute>| {
                attribute.mutability != Mutability::ReadOnly && self.get(Some(schema), attribute).is_some()
            };
            // What the server alone sets does not make the extension the client's.
            if *required || schema.attributes.iter().any(is_there) {
                for attribute in &schema.attributes {
                    let name = format!("{}:{}", schema.id, attribute.name);
                    note_missing(attribute, &name, self.get(Some(schema), attribute), &mut names);
                }
            }
        }
        names
    }

    fn missing_core(&self, resource_type: &ResourceType) -> Vec<String> {
        let mut names = Vec::new();
        for attribute in &resource_type.core.attributes {
            note_missing(attribute, &attribute.name, self.get(None, attribute), &mut names);
        }
        names
    }

    /// What was set once and can't be changed must be as it was (RFC 7643 section 7, `immutable`).
    ///
    /// # Errors
    /// 400 `mutability` naming the attribute.
    pub fn check_immutable(&self, resource_type: &ResourceType, before: &Self) -> Result<(), Error> {
        for (extension, attribute) in resource_type.attributes() {
            let immutable = attribute.mutability == Mutability::Immutable;
            let was = before.get(extension, attribute);
            if immutable && was.is_some() && was != self.get(extension, attribute) {
                return Err(Error::bad(
                    ScimType::Mutability,
                    Code::ImmutableAttribute,
                    format!("The attribute {} was set before and can't be changed", attribute.name),
                ));
            }
        }
        Ok(())
    }

    /// Takes over from `before` what a PUT that leaves it out does not clear, and what no client can set.
    pub fn keep_omitted(&mut self, resource_type: &ResourceType, before: &Self) {
        for (extension, attribute) in resource_type.attributes() {
            let omitted = self.get(extension, attribute).is_none();
            if attribute.omission == Omission::Keeps && omitted {
                self.set(extension, attribute, before.get(extension, attribute).cloned());
            }
        }
    }

    /// The canonical object.
    pub fn as_object(&self) -> &Object {
        &self.0
    }

    /// The value of an attribute of the core schema (no extension) or of an extension.
    pub fn get(&self, extension: Option<&Arc<Schema>>, attribute: &Attribute) -> Option<&Value> {
        match extension {
            Some(schema) => self.0.get(&*schema.id)?.get(&*attribute.name),
            None => self.0.get(&*attribute.name),
        }
    }

    /// Sets or unassigns an attribute. The value must be in canonical form already.
    pub fn set(&mut self, extension: Option<&Arc<Schema>>, attribute: &Attribute, value: Option<Value>) {
        let value = value.and_then(assigned);
        let Some(schema) = extension else {
            put(&mut self.0, &attribute.name, value);
            return;
        };
        let mut members = match self.0.shift_remove(&*schema.id) {
            Some(Value::Object(members)) => members,
            _ => Object::new(),
        };
        put(&mut members, &attribute.name, value);
        put(&mut self.0, &schema.id, assigned(Value::Object(members)));
    }

    /// Sets or unassigns an attribute, or a sub-attribute of a complex attribute of one value. Other sub-attributes, and
    /// those of an attribute with several values, are left alone.
    pub fn set_at(
        &mut self,
        extension: Option<&Arc<Schema>>,
        attribute: &Attribute,
        sub: Option<&Attribute>,
        value: Option<Value>,
    ) {
        let Some(sub) = sub else {
            self.set(extension, attribute, value);
            return;
        };
        if attribute.multi_valued {
            return;
        }
        let mut members = match self.get(extension, attribute) {
            Some(Value::Object(members)) => members.clone(),
            _ => Object::new(),
        };
        put(&mut members, &sub.name, value.and_then(assigned));
        self.set(extension, attribute, Some(Value::Object(members)));
    }

    /// The text at a path such as `userName`, `name.givenName` or `URN:manager.value`, where it is a string.
    pub fn text(&self, resource_type: &ResourceType, path: &str) -> Option<&str> {
        match AttrPath::resolve(resource_type, path).ok()? {
            AttrPath::Attribute { extension, attribute, sub } => {
                let value = self.get(extension, attribute)?;
                sub.map_or(Some(value), |sub| value.get(&*sub.name))?.as_str()
            }
            _ => None,
        }
    }

    /// Sets or unassigns the text at a path, as [`Resource::text`] reads it. Unknown paths are left alone.
    pub fn set_text(&mut self, resource_type: &ResourceType, path: &str, text: Option<&str>) {
        if let Ok(AttrPath::Attribute { extension, attribute, sub }) = AttrPath::resolve(resource_type, path)
        {
            self.set_at(extension, attribute, sub.map(Arc::as_ref), text.map(Value::from));
        }
    }

    /// The boolean at a core attribute.
    pub fn flag(&self, name: &str) -> Option<bool> {
        self.0.get(name)?.as_bool()
    }

    /// Sets or unassigns a boolean core attribute.
    pub fn set_flag(&mut self, name: &str, value: Option<bool>) {
        put(&mut self.0, name, value.map(Value::Bool));
    }

    /// The elements of a multi-valued core attribute.
    pub fn elements(&self, name: &str) -> &[Value] {
        self.0.get(name).and_then(Value::as_array).map_or(&[], Vec::as_slice)
    }

    /// Replaces the elements of a multi-valued core attribute.
    pub fn set_elements(&mut self, name: &str, elements: Vec<Value>) {
        put(&mut self.0, name, assigned(Value::Array(elements)));
    }
}

/// Which element of a multi-valued attribute stands for the whole: the primary one, else the first.
pub fn preferred(elements: &[Value]) -> Option<usize> {
    let primary = elements.iter().position(|element| element.get("primary") == Some(&Value::Bool(true)));
    primary.or(if elements.is_empty() { None } else { Some(0) })
}

/// Sets a member, or takes it away. A member that exists keeps its place.
pub(super) fn put(object: &mut Object, key: &str, value: Option<Value>) {
    match value {
        Some(value) => {
            object.insert(key.into(), value);
        }
        None => {
            object.shift_remove(key);
        }
    }
}

/// None for null, `[]` and `{}`, which all mean "unassigned" (RFC 7643 section 2.5).
pub(super) fn assigned(value: Value) -> Option<Value> {
    match value {
        Value::Null => None,
        Value::Array(elements) if elements.is_empty() => None,
        Value::Object(members) if members.is_empty() => None,
        value => Some(value),
    }
}

fn missing(name: &str) -> Error {
    Error::bad(
        ScimType::InvalidValue,
        Code::RequiredMissing,
        format!("The attribute {name} is required and must not be empty"),
    )
}

/// Notes the attribute, if it is required and missing, and what it requires of its values.
fn note_missing(attribute: &Attribute, name: &str, value: Option<&Value>, names: &mut Vec<String>) {
    let missing = match value {
        None => true,
        Some(Value::String(text)) => text.trim().is_empty(),
        Some(_) => false,
    };
    // What the server alone sets is not the client's to bring.
    if missing && attribute.required && attribute.mutability != Mutability::ReadOnly {
        names.push(name.to_owned());
    }
    let values = match value {
        Some(Value::Array(elements)) => elements.as_slice(),
        Some(one) => std::slice::from_ref(one),
        None => &[],
    };
    for sub in attribute.sub_attributes.iter().filter(|sub| sub.required) {
        for value in values {
            note_missing(sub, &format!("{name}.{}", sub.name), value.get(&*sub.name), names);
        }
    }
}

fn check_schemas(resource_type: &ResourceType, body: &Object, policy: &Policy) -> Result<(), Error> {
    let Some((_, value)) = body.iter().find(|(key, _)| key.eq_ignore_ascii_case("schemas")) else {
        return Ok(());
    };
    let wrong = |detail: String| Error::bad(ScimType::InvalidSyntax, Code::WrongMessage, detail);
    let urns = match value {
        Value::Null => return Ok(()),
        Value::Array(urns) => urns,
        _ => return Err(wrong("\"schemas\" must be an array of schema URNs".into())),
    };
    let mut core = urns.is_empty();
    for urn in urns {
        let Some(urn) = urn.as_str() else {
            return Err(wrong("\"schemas\" must be an array of schema URNs".into()));
        };
        core |= urn.eq_ignore_ascii_case(&resource_type.core.id);
        let known = resource_type.schemas().any(|schema| schema.id.eq_ignore_ascii_case(urn));
        if !known && policy.refuse_unknown {
            return Err(wrong(
                "\"schemas\" names a schema that is not served here; /Schemas lists them".into(),
            ));
        }
    }
    if core { Ok(()) } else { Err(wrong(format!("\"schemas\" must name {}", resource_type.core.id))) }
}

/// An attribute that no served schema has: ignored or refused, as the policy says.
///
/// # Errors
/// 400 `invalidValue` naming it, where it has a value and the policy refuses it.
pub(super) fn unknown(name: &str, value: &Value, policy: &Policy) -> Result<(), Error> {
    if !policy.refuse_unknown || assigned(value.clone()).is_none() {
        return Ok(());
    }
    Err(Error::bad(
        ScimType::InvalidValue,
        Code::UnknownAttribute,
        format!(
            "The attribute {} is unknown here, and the realm refuses unknown attributes",
            printable(name)
        ),
    ))
}

/// How many values' worth of work the texts in a value are, over and above being values.
pub(crate) fn text_weight(value: &Value) -> usize {
    match value {
        Value::String(text) => text.len() / 64,
        Value::Array(elements) => elements.iter().map(text_weight).sum(),
        Value::Object(members) => members.values().map(text_weight).sum(),
        _ => 0,
    }
}

/// A name from outside, cut and cleaned for an error message.
pub(crate) fn printable(name: &str) -> String {
    name.chars().take(120).map(|c| if c.is_control() { ' ' } else { c }).collect()
}

fn wrong_type(name: &str, expected: &str) -> Error {
    Error::bad(ScimType::InvalidValue, Code::WrongType, format!("The attribute {name} must be {expected}"))
}

/// More values than any attribute of a person has; without a bound, comparing them with each other would take long.
const MAX_VALUES: usize = 1000;

/// Refuses a multi-valued attribute of too many values.
pub(super) fn check_count(attribute: &Attribute, count: usize) -> Result<(), Error> {
    if count <= MAX_VALUES {
        return Ok(());
    }
    Err(Error::bad(
        ScimType::InvalidValue,
        Code::ValueTooLong,
        format!("The attribute {} may have {MAX_VALUES} values at most", attribute.name),
    ))
}

/// Brings a value for an attribute into canonical form; none where it is unassigned.
///
/// # Errors
/// 400 `invalidValue` where the JSON type is not the attribute's.
pub(super) fn check_value(
    attribute: &Attribute,
    value: &Value,
    policy: &Policy,
) -> Result<Option<Value>, Error> {
    if !attribute.multi_valued {
        return check_single(attribute, &attribute.name, value, policy);
    }
    let elements = match value {
        Value::Null => return Ok(None),
        Value::Array(elements) => elements,
        _ => return Err(wrong_type(&attribute.name, "an array")),
    };
    check_count(attribute, elements.len())?;
    let mut canonical = Vec::with_capacity(elements.len());
    for element in elements {
        canonical.extend(check_single(attribute, &attribute.name, element, policy)?);
    }
    keep_distinct(&mut canonical);
    if canonical.iter().filter(|element| is_primary(element)).count() > 1 {
        return Err(Error::bad(
            ScimType::InvalidValue,
            Code::UnacceptableValue,
            format!("At most one value of {} may be primary", attribute.name),
        ));
    }
    Ok(assigned(Value::Array(canonical)))
}

/// Identical values are stored once (RFC 7643 section 2.4), whatever the order of their members.
pub(super) fn keep_distinct(elements: &mut Vec<Value>) {
    if elements.len() < 2 {
        return;
    }
    // By their hashes, so that a long list stays linear.
    let mut seen = HashSet::with_capacity(elements.len());
    let first: Vec<bool> = elements.iter().map(|element| seen.insert(element)).collect();
    if seen.len() < elements.len() {
        let mut first = first.into_iter();
        elements.retain(|_| first.next().unwrap_or(true));
    }
}

/// Is this element the primary one?
pub(super) fn is_primary(element: &Value) -> bool {
    element.get("primary") == Some(&Value::Bool(true))
}

/// The same for one value, or one element of a multi-valued attribute.
pub(super) fn check_single(
    attribute: &Attribute,
    name: &str,
    value: &Value,
    policy: &Policy,
) -> Result<Option<Value>, Error> {
    if value.is_null() {
        return Ok(None);
    }
    match attribute.kind {
        Type::Boolean if value.is_boolean() => Ok(Some(value.clone())),
        Type::Boolean => Err(wrong_type(name, "true or false")),
        Type::Integer if value.is_i64() => Ok(Some(value.clone())),
        Type::Integer => Err(wrong_type(name, "an integer")),
        Type::Decimal if value.is_number() => Ok(Some(value.clone())),
        Type::Decimal => Err(wrong_type(name, "a number")),
        Type::String | Type::DateTime | Type::Binary | Type::Reference => match value {
            // PostgreSQL can't store it, and Keycloak would answer 500.
            Value::String(text) if text.contains('\0') => Err(Error::bad(
                ScimType::InvalidValue,
                Code::UnacceptableValue,
                format!("The attribute {name} holds a NUL character"),
            )),
            Value::String(text) if attribute.kind == Type::DateTime && date_time::read(text).is_none() => {
                Err(wrong_type(name, "a dateTime, as in 2008-01-23T04:56:22Z"))
            }
            Value::String(_) => Ok(Some(value.clone())),
            _ => Err(wrong_type(name, "a string")),
        },
        Type::Complex => {
            let Value::Object(members) = value else {
                return Err(wrong_type(name, "an object"));
            };
            let mut canonical = Object::new();
            for (key, value) in members {
                let Some(sub) = attribute.sub(key) else {
                    unknown(&format!("{name}.{key}"), value, policy)?;
                    continue;
                };
                if sub.mutability == Mutability::ReadOnly {
                    continue;
                }
                let full = format!("{name}.{}", sub.name);
                if let Some(value) = check_single(sub, &full, value, policy)? {
                    canonical.insert(sub.name.to_string(), value);
                }
            }
            Ok(assigned(Value::Object(canonical)))
        }
    }
}

#[cfg(test)]
mod tests;
