//! One SCIM attribute that is kept in a Keycloak attribute of its own, where tokens and searches find it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::{Value, json};

use crate::scim::path::AttrPath;
use crate::scim::resource::preferred;
use crate::scim::schema::{Mutability, Type};
use crate::scim::{Attribute, Object, Resource, ResourceType, Schema};

/// A SCIM attribute and the Keycloak attribute that holds it.
#[derive(Debug, Clone)]
pub struct Mapping {
    /// The SCIM path, as the configuration has it.
    pub path: String,
    /// The Keycloak attribute.
    pub name: String,
    /// Has every user had it there from the beginning, because it is mapped so where the configuration says nothing?
    pub is_built_in: bool,
    extension: Option<Arc<Schema>>,
    attribute: Arc<Attribute>,
    sub: Option<Arc<Attribute>>,
}

impl Mapping {
    /// The same mappings, those of them known that are among the built-in ones.
    pub fn knowing(mappings: &[Self], built_in: &BTreeMap<String, String>) -> Arc<[Self]> {
        let known = |mapping: &Self| built_in.get(&mapping.path) == Some(&mapping.name);
        mappings.iter().map(|mapping| Self { is_built_in: known(mapping), ..mapping.clone() }).collect()
    }

    /// The mappings of a realm, from SCIM path to Keycloak attribute. A path that names nothing of the resource type is
    /// left out; the configuration has refused it.
    pub fn all(user: &ResourceType, map: &BTreeMap<String, String>) -> Arc<[Self]> {
        map.iter().filter_map(|(path, name)| Self::new(user, path, name)).collect()
    }

    fn new(user: &ResourceType, path: &str, name: &str) -> Option<Self> {
        let AttrPath::Attribute { extension, attribute, sub } = AttrPath::resolve(user, path).ok()? else {
            return None;
        };
        let sub = match (attribute.kind, sub) {
            // A complex attribute stands for its `value`.
            (Type::Complex, None) => Some(attribute.sub("value")?),
            (_, sub) => sub,
        };
        Some(Self {
            path: path.to_owned(),
            name: name.to_owned(),
            is_built_in: false,
            extension: extension.cloned(),
            attribute: Arc::clone(attribute),
            sub: sub.cloned(),
        })
    }

    /// The path as filters have it.
    pub fn dotted(&self) -> String {
        let names = [Some(&*self.attribute.name), self.sub.as_ref().map(|sub| &*sub.name)];
        let names = names.into_iter().flatten().collect::<Vec<_>>().join(".");
        self.extension.as_ref().map_or(names.clone(), |schema| format!("{}:{names}", schema.id))
    }

    /// The attribute, or the sub-attribute, whose values are kept.
    pub fn leaf(&self) -> &Attribute {
        self.sub.as_deref().unwrap_or(&self.attribute)
    }

    /// The schema attribute that the value is of.
    pub fn attribute(&self) -> &Attribute {
        &self.attribute
    }

    /// Does the Keycloak attribute hold several values?
    pub fn is_multivalued(&self) -> bool {
        self.attribute.multi_valued && self.sub.is_none()
    }

    /// Does the Keycloak attribute hold all values that a client sees? Of a complex attribute with several values it
    /// holds the preferred one alone.
    pub fn is_whole(&self) -> bool {
        !(self.attribute.multi_valued && self.sub.is_some())
    }

    /// Is it set in Keycloak, and only read over SCIM?
    pub fn is_read_only(&self) -> bool {
        self.attribute.mutability == Mutability::ReadOnly
    }

    /// The texts that a resource has there.
    pub fn texts(&self, resource: &Resource) -> Vec<String> {
        let Some(value) = resource.get(self.extension.as_ref(), &self.attribute) else { return Vec::new() };
        let texts: Vec<String> = match (value, &self.sub) {
            (Value::Array(elements), Some(sub)) => {
                preferred_text(elements, &sub.name).map(|(_, text)| text).into_iter().collect()
            }
            (Value::Array(elements), None) => elements.iter().filter_map(text).collect(),
            (value, Some(sub)) => value.get(&*sub.name).and_then(text).into_iter().collect(),
            (value, None) => text(value).into_iter().collect(),
        };
        // Keycloak keeps no empty values, and clients mean by one that there is none.
        texts.into_iter().filter(|text| !text.is_empty()).collect()
    }

    /// Takes what Keycloak holds into a resource that was restored from the document. Keycloak's value wins. Where it
    /// has none, the document's stays: it was written before the attribute was mapped. Several values are in the document
    /// in any case; of those that `was_written` to Keycloak as well, what is not there any more has been taken away.
    pub(super) fn read(&self, live: &[String], was_written: bool, resource: &mut Resource) {
        let values: Vec<Value> = live
            .iter()
            .filter(|text| !text.is_empty())
            .filter_map(|text| parsed(self.leaf().kind, text))
            .collect();
        let extension = self.extension.as_ref();
        match (&self.sub, self.attribute.multi_valued) {
            (Some(sub), true) => {
                let elements = resource.get(extension, &self.attribute).and_then(Value::as_array).cloned();
                let live = values.into_iter().next();
                if live.is_none() && !was_written {
                    return;
                }
                if let Some(elements) = over_preferred(elements.unwrap_or_default(), &sub.name, live, None) {
                    resource.set(extension, &self.attribute, Some(Value::Array(elements)));
                }
            }
            (None, true) => {
                // Keycloak keeps no order; the document does, as long as it has the same values.
                let texts = |values: &[Value]| -> BTreeSet<String> {
                    values.iter().filter_map(text).filter(|text| !text.is_empty()).collect()
                };
                let kept = resource.get(extension, &self.attribute).and_then(Value::as_array);
                let same = kept.is_some_and(|kept| texts(kept) == texts(&values));
                if !same && (was_written || !values.is_empty()) {
                    resource.set(extension, &self.attribute, Some(Value::Array(values)));
                }
            }
            (sub, false) => {
                if let Some(value) = values.into_iter().next() {
                    resource.set_at(extension, &self.attribute, sub.as_deref(), Some(value));
                }
            }
        }
    }

    /// The values for the Keycloak attribute, and takes out of `rest`, which goes into the document, what needs no place
    /// there. None where the attribute is not the gateway's to write, or `live` holds what somebody wrote there that the
    /// attribute can't have, and nothing takes its place.
    pub(super) fn write(
        &self,
        resource: &Resource,
        live: &[String],
        rest: &mut Resource,
    ) -> Option<Vec<String>> {
        let extension = self.extension.as_ref();
        if self.is_read_only() {
            rest.set(extension, &self.attribute, None);
            return None;
        }
        if !self.attribute.multi_valued {
            rest.set_at(extension, &self.attribute, self.sub.as_deref(), None);
        }
        let texts = self.texts(resource);
        let unreadable = !live.is_empty() && live.iter().all(|text| parsed(self.leaf().kind, text).is_none());
        (!texts.is_empty() || !unreadable).then_some(texts)
    }
}

/// A simple value as text.
fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Bool(_) | Value::Number(_) => Some(value.to_string()),
        _ => None,
    }
}

/// The value that a text of Keycloak's stands for; none where somebody wrote there what the type does not allow.
fn parsed(kind: Type, text: &str) -> Option<Value> {
    match kind {
        Type::Boolean => text.parse().ok().map(Value::Bool),
        Type::Integer => text.parse::<i64>().ok().map(Value::from),
        Type::Decimal => serde_json::from_str(text).ok().filter(Value::is_number),
        Type::DateTime => crate::scim::date_time::read(text).map(|_| text.into()),
        Type::String | Type::Binary | Type::Reference => Some(text.into()),
        Type::Complex => None,
    }
}

/// The element that stands for a multi-valued attribute, and its text under `sub`: the preferred element's, else the
/// first one's that has any.
pub(super) fn preferred_text(elements: &[Value], sub: &str) -> Option<(usize, String)> {
    let text_at = |at: usize| text(elements.get(at)?.get(sub)?).filter(|text| !text.is_empty());
    let first = preferred(elements).filter(|at| text_at(*at).is_some());
    let at = first.or_else(|| (0..elements.len()).find(|at| text_at(*at).is_some()))?;
    Some((at, text_at(at)?))
}

/// Puts Keycloak's one value where the document has several elements: over the preferred one's `sub`, or alone, in an
/// element with this `label`. None where nothing changes.
pub(super) fn over_preferred(
    mut elements: Vec<Value>,
    sub: &str,
    live: Option<Value>,
    label: Option<&str>,
) -> Option<Vec<Value>> {
    let shown = |value: &Value| text(value).unwrap_or_default().to_lowercase();
    match (preferred_text(&elements, sub), live) {
        (Some((_, text)), Some(live)) if text.to_lowercase() == shown(&live) => return None,
        (None, None) => return None,
        (Some((at, _)), Some(live)) => {
            if let Some(Value::Object(members)) = elements.get_mut(at) {
                members.insert(sub.into(), live);
            }
        }
        // Without its value the element is nothing; without another sub-attribute it is still there.
        (Some((at, _)), None) if sub == "value" => {
            elements.remove(at);
        }
        (Some((at, _)), None) => {
            if let Some(Value::Object(members)) = elements.get_mut(at) {
                members.shift_remove(sub);
            }
        }
        (None, Some(live)) => match preferred(&elements) {
            Some(at) => {
                if let Some(Value::Object(members)) = elements.get_mut(at) {
                    members.insert(sub.into(), live);
                }
            }
            None => {
                let mut element = Object::new();
                element.insert(sub.into(), live);
                element.extend(label.map(|label| ("type".into(), label.into())));
                element.insert("primary".into(), json!(true));
                elements.push(Value::Object(element));
            }
        },
    }
    Some(elements)
}
