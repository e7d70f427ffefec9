//! PATCH (RFC 7644 section 3.5.2): operations applied to a copy, so that it is all or nothing.

use std::collections::BTreeSet;

use serde_json::Value;

use super::error::{Code, Error, ScimType};
use super::filter::{self, Filter, Operand, Operator};
use super::path::{AttrPath, PathError};
use super::resource::{
    Object, Policy, Resource, assigned, check_count, check_single, check_value, is_primary, printable, put,
};
use super::schema::{Attribute, Mutability, ResourceType, Schema, Type};

/// The schema URN of a PATCH request.
pub const PATCH_URN: &str = "urn:ietf:params:scim:api:messages:2.0:PatchOp";
/// More operations than any client needs in one request.
const MAX_OPERATIONS: usize = 1000;

/// The kinds of operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Op {
    Add,
    Replace,
    Remove,
}

#[derive(Debug)]
struct Operation {
    op: Op,
    target: Option<Target>,
    value: Option<Value>,
}

/// A PATCH path: attribute notation, or a value path (RFC 7644 figure 1).
#[derive(Debug)]
enum Target {
    Attribute {
        extension: Option<&'static Schema>,
        attribute: &'static Attribute,
        filter: Option<Filter>,
        sub: Option<&'static Attribute>,
    },
    Extension(&'static Schema),
    Core,
}

impl Operation {
    /// How many comparisons of values it takes at most.
    fn looks(&self, resource: &Resource) -> usize {
        let Some(Target::Attribute { extension, attribute, filter, .. }) = &self.target else {
            // Without path: what an add looks at is the product of what is there and what comes.
            return self.value.as_ref().map_or(1, count_values);
        };
        let there = resource.get(*extension, attribute).and_then(Value::as_array).map_or(1, Vec::len);
        let coming = self.value.as_ref().and_then(Value::as_array).map_or(1, Vec::len);
        there.saturating_mul(filter.as_ref().map_or(coming, Filter::size)).saturating_add(coming)
    }
}

/// The values in all arrays of an object's members.
fn count_values(value: &Value) -> usize {
    match value {
        Value::Object(members) => members.values().map(count_values).sum::<usize>().saturating_add(1),
        Value::Array(elements) => elements.len(),
        _ => 1,
    }
}

/// A PATCH request whose operations and paths are readable; the values are judged when it is applied.
#[derive(Debug)]
pub struct Patch {
    resource_type: &'static ResourceType,
    operations: Vec<Operation>,
}

/// How many values the operations of one PATCH may look at, each counted once for every comparison of the path's filter:
/// without a bound, a body of a megabyte keeps a processor busy for minutes.
const MAX_LOOKS: usize = 250_000;

/// What a PATCH made.
#[derive(Debug)]
pub struct Patched {
    /// The resource after all operations.
    pub resource: Resource,
    /// The names of the top-level attributes and extension URNs that an operation named, changed or not.
    pub touched: BTreeSet<&'static str>,
}

impl Patch {
    /// Reads the request.
    ///
    /// # Errors
    /// 400 `invalidSyntax` for a wrong message or operation, `invalidPath` for a path that names nothing, `noTarget`
    /// for a remove without path, `invalidValue` for an add or replace without value, `mutability` for a path to a
    /// read-only attribute.
    pub fn read(resource_type: &'static ResourceType, body: &Object) -> Result<Self, Error> {
        let syntax = |detail: &str| Error::bad(ScimType::InvalidSyntax, Code::WrongMessage, detail);
        match member(body, "schemas") {
            None | Some(Value::Null) => {}
            Some(Value::Array(urns)) if urns.iter().any(|urn| is_text(urn, PATCH_URN)) => {}
            Some(_) => {
                return Err(syntax(&format!("\"schemas\" of a PATCH must be [\"{PATCH_URN}\"]")));
            }
        }
        let operations = match member(body, "Operations") {
            Some(Value::Array(operations)) if !operations.is_empty() => operations,
            _ => return Err(syntax("A PATCH needs \"Operations\": a non-empty array")),
        };
        if operations.len() > MAX_OPERATIONS {
            return Err(syntax(&format!("A PATCH may have {MAX_OPERATIONS} operations at most")));
        }
        let operations = operations.iter().map(|operation| read_operation(resource_type, operation));
        Ok(Self { resource_type, operations: operations.collect::<Result<_, _>>()? })
    }

    /// Applies all operations, in order, to a copy.
    ///
    /// # Errors
    /// 400 with the RFC's keyword; nothing is applied then.
    pub fn apply(&self, before: &Resource, policy: &Policy) -> Result<Patched, Error> {
        let mut patched = Patched { resource: before.clone(), touched: BTreeSet::new() };
        let mut looks = 0;
        for operation in &self.operations {
            looks += operation.looks(&patched.resource);
            if looks > MAX_LOOKS {
                return Err(Error::bad(
                    ScimType::InvalidValue,
                    Code::TooMuchWork,
                    "The operations would look at too many values; send them in several requests",
                ));
            }
            self.run(&mut patched, operation, policy)?;
        }
        patched.resource.check_required(self.resource_type)?;
        Ok(patched)
    }

    fn run(&self, patched: &mut Patched, operation: &Operation, policy: &Policy) -> Result<(), Error> {
        let Operation { op, target, value } = operation;
        match target {
            None | Some(Target::Core) => self.merge(patched, *op, None, value.as_ref(), policy),
            Some(Target::Extension(schema)) if *op == Op::Remove => {
                patched.touched.insert(schema.id);
                for attribute in &schema.attributes {
                    patched.resource.set(Some(schema), attribute, None);
                }
                Ok(())
            }
            Some(Target::Extension(schema)) => self.merge(patched, *op, Some(schema), value.as_ref(), policy),
            Some(Target::Attribute { extension, attribute, filter, sub }) => {
                let change = Change {
                    op: *op,
                    attribute,
                    filter: filter.as_ref(),
                    sub: *sub,
                    value: value.as_ref(),
                    policy,
                };
                change_attribute(patched, *extension, &change)
            }
        }
    }

    /// Operations without path: each member of the value is an attribute to add or replace.
    fn merge(
        &self,
        patched: &mut Patched,
        op: Op,
        schema: Option<&'static Schema>,
        value: Option<&Value>,
        policy: &Policy,
    ) -> Result<(), Error> {
        let Some(Value::Object(members)) = value else {
            return Err(Error::bad(
                ScimType::InvalidValue,
                Code::WrongType,
                "An operation without path needs an object of attributes as its value",
            ));
        };
        for (key, value) in members {
            let resolved = match schema {
                Some(schema) => schema
                    .attribute(key)
                    .map(|attribute| AttrPath::Attribute { extension: Some(schema), attribute, sub: None })
                    .ok_or(PathError::Unknown),
                None => AttrPath::resolve(self.resource_type, key),
            };
            match resolved {
                // What a client may not write is ignored here, as in PUT: it echoes what it read.
                Ok(AttrPath::Attribute { attribute, .. })
                    if attribute.mutability == Mutability::ReadOnly || attribute.name == "schemas" => {}
                Ok(AttrPath::Attribute { extension, attribute, sub }) => {
                    let change = Change { op, attribute, filter: None, sub, value: Some(value), policy };
                    change_attribute(patched, extension, &change)?;
                }
                Ok(AttrPath::Extension(schema)) if value.is_null() => {
                    if op == Op::Replace {
                        patched.touched.insert(schema.id);
                        schema
                            .attributes
                            .iter()
                            .for_each(|attribute| patched.resource.set(Some(schema), attribute, None));
                    }
                }
                Ok(AttrPath::Extension(schema)) => {
                    self.merge(patched, op, Some(schema), Some(value), policy)?;
                }
                Ok(AttrPath::Core) => self.merge(patched, op, None, Some(value), policy)?,
                Err(_) if policy.refuse_unknown && assigned(value.clone()).is_some() => {
                    return Err(Error::bad(
                        ScimType::InvalidValue,
                        Code::UnknownAttribute,
                        format!(
                            "The attribute {} is unknown here, and the realm refuses unknown attributes",
                            printable(key)
                        ),
                    ));
                }
                Err(_) => {}
            }
        }
        Ok(())
    }
}

fn member<'o>(object: &'o Object, name: &str) -> Option<&'o Value> {
    object
        .get(name)
        .or_else(|| object.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value))
}

fn is_text(value: &Value, text: &str) -> bool {
    value.as_str().is_some_and(|value| value.eq_ignore_ascii_case(text))
}

fn read_operation(resource_type: &'static ResourceType, operation: &Value) -> Result<Operation, Error> {
    let syntax = |detail: &str| Error::bad(ScimType::InvalidSyntax, Code::WrongMessage, detail);
    let Value::Object(operation) = operation else {
        return Err(syntax("Each operation of a PATCH must be an object"));
    };
    let op = match member(operation, "op") {
        Some(op) if is_text(op, "add") => Op::Add,
        Some(op) if is_text(op, "replace") => Op::Replace,
        Some(op) if is_text(op, "remove") => Op::Remove,
        _ => {
            return Err(syntax("\"op\" of an operation must be \"add\", \"replace\" or \"remove\""));
        }
    };
    let target = match member(operation, "path") {
        None | Some(Value::Null) => None,
        // An empty path is no path.
        Some(Value::String(path)) if path.trim().is_empty() => None,
        Some(Value::String(path)) => Some(read_path(resource_type, path.trim())?),
        Some(_) => return Err(syntax("\"path\" of an operation must be a string")),
    };
    let value = member(operation, "value").cloned();
    if op == Op::Remove && matches!(target, None | Some(Target::Core)) {
        return Err(Error::bad(ScimType::NoTarget, Code::MissingTarget, "A remove operation needs a path"));
    }
    if op != Op::Remove && value.is_none() {
        return Err(Error::bad(
            ScimType::InvalidValue,
            Code::RequiredMissing,
            "An add or replace operation needs a \"value\"",
        ));
    }
    if let Some(Target::Attribute { attribute, sub, .. }) = &target {
        let read_only = |attribute: &Attribute| attribute.mutability == Mutability::ReadOnly;
        if read_only(attribute)
            || sub.is_some_and(read_only)
            || (attribute.name == "schemas" && op == Op::Remove)
        {
            return Err(Error::bad(
                ScimType::Mutability,
                Code::ReadOnlyAttribute,
                format!("The attribute {} can't be changed by a client", attribute.name),
            ));
        }
    }
    Ok(Operation { op, target, value })
}

fn read_path(resource_type: &'static ResourceType, path: &str) -> Result<Target, Error> {
    let wrong = |reason: &str| {
        Error::bad(
            ScimType::InvalidPath,
            Code::MalformedPath,
            format!("The path {} {reason}", printable(path.split('[').next().unwrap_or(path))),
        )
    };
    let resolve = |text: &str| {
        AttrPath::resolve(resource_type, text).map_err(|error| match error {
            PathError::Malformed => wrong("is not in attribute notation"),
            PathError::Unknown => wrong("names no attribute of a served schema"),
        })
    };
    let Some((name, rest)) = path.split_once('[') else {
        return Ok(match resolve(path)? {
            AttrPath::Attribute { extension, attribute, sub } => {
                Target::Attribute { extension, attribute, filter: None, sub }
            }
            AttrPath::Extension(schema) => Target::Extension(schema),
            AttrPath::Core => Target::Core,
        });
    };
    let AttrPath::Attribute { extension, attribute, sub: None } = resolve(name)? else {
        return Err(wrong("has a value filter where none can be"));
    };
    if !attribute.multi_valued || attribute.kind != Type::Complex {
        return Err(wrong("has a value filter, but the attribute is not multi-valued and complex"));
    }
    // The bracket may stand in a quoted value too; what follows the last one has no quote.
    let Some((inner, tail)) = rest.rsplit_once(']') else {
        return Err(wrong("lacks the closing bracket"));
    };
    let sub = match tail.strip_prefix('.') {
        None if tail.is_empty() => None,
        Some(name) => Some(attribute.sub(name).ok_or_else(|| wrong("names an unknown sub-attribute"))?),
        None => {
            return Err(wrong("goes on after the bracket in a way that can't be read"));
        }
    };
    let filter = filter::parse_within(attribute, inner)
        .map_err(|error| wrong(&format!("has a value filter that can't be read: {error}")))?;
    Ok(Target::Attribute { extension, attribute, filter: Some(filter), sub })
}

/// One change to one attribute.
struct Change<'a> {
    op: Op,
    attribute: &'static Attribute,
    filter: Option<&'a Filter>,
    sub: Option<&'static Attribute>,
    value: Option<&'a Value>,
    policy: &'a Policy,
}

fn change_attribute(
    patched: &mut Patched,
    extension: Option<&'static Schema>,
    change: &Change<'_>,
) -> Result<(), Error> {
    let attribute = change.attribute;
    if attribute.name == "schemas" && extension.is_none() {
        // `schemas` follows from what the resource holds.
        return Ok(());
    }
    patched.touched.insert(extension.map_or(attribute.name, |schema| schema.id));
    let required = attribute.required && extension.is_none();
    if change.op == Op::Remove && required && change.sub.is_none() {
        return Err(Error::bad(
            ScimType::Mutability,
            Code::RequiredMissing,
            format!("The attribute {} is required and can't be removed", attribute.name),
        ));
    }
    let before = patched.resource.get(extension, attribute).cloned();
    let after = if attribute.multi_valued {
        let elements = match before {
            Some(Value::Array(elements)) => elements,
            _ => Vec::new(),
        };
        Some(Value::Array(change_elements(elements, change)?))
    } else if attribute.kind == Type::Complex {
        let members = match before {
            Some(Value::Object(members)) => members,
            _ => Object::new(),
        };
        change_members(members, change)?.map(Value::Object)
    } else if change.op == Op::Remove {
        None
    } else {
        let value = change.value.unwrap_or(&Value::Null);
        match check_single(attribute, attribute.name, value, change.policy)? {
            None if change.op == Op::Add => before,
            after => after,
        }
    };
    patched.resource.set(extension, attribute, after);
    Ok(())
}

/// A complex attribute of one value: add and replace leave unnamed sub-attributes alone.
fn change_members(mut members: Object, change: &Change<'_>) -> Result<Option<Object>, Error> {
    if let Some(sub) = change.sub {
        change_sub(&mut members, change, sub)?;
        return Ok(Some(members));
    }
    match (change.op, change.value) {
        (Op::Remove, _) => Ok(None),
        (Op::Add, None | Some(Value::Null)) => Ok(Some(members)),
        (Op::Replace, None | Some(Value::Null)) => Ok(None),
        (_, Some(value)) => {
            merge_members(&mut members, change, value)?;
            Ok(Some(members))
        }
    }
}

fn change_sub(members: &mut Object, change: &Change<'_>, sub: &Attribute) -> Result<(), Error> {
    let name = format!("{}.{}", change.attribute.name, sub.name);
    let value = match (change.op, change.value) {
        (Op::Remove, _) | (_, None) => None,
        (_, Some(value)) => check_single(sub, &name, value, change.policy)?,
    };
    if change.op != Op::Add || value.is_some() {
        if sub.name == "value" {
            leave_old_reference(members, change.attribute, value.as_ref());
        }
        put(members, sub.name, value);
    }
    Ok(())
}

/// A reference that now points elsewhere must not keep the URL and the name of what it pointed to.
fn leave_old_reference(members: &mut Object, attribute: &Attribute, value: Option<&Value>) {
    if attribute.sub("$ref").is_some() && members.get("value") != value {
        members.clear();
    }
}

/// Merges the members of a complex value; a sub-attribute sent as null is unassigned.
fn merge_members(members: &mut Object, change: &Change<'_>, value: &Value) -> Result<(), Error> {
    // Judges the JSON types, and unknown sub-attributes by the policy.
    let canonical = check_single(change.attribute, change.attribute.name, value, change.policy)?;
    if let Value::Object(sent) = value {
        for (key, value) in sent {
            if let (Value::Null, Some(sub)) = (value, change.attribute.sub(key)) {
                put(members, sub.name, None);
            }
        }
    }
    if let Some(Value::Object(canonical)) = canonical {
        if let Some(value) = canonical.get("value") {
            leave_old_reference(members, change.attribute, Some(value));
        }
        members.extend(canonical);
    }
    Ok(())
}

fn change_elements(mut elements: Vec<Value>, change: &Change<'_>) -> Result<Vec<Value>, Error> {
    if change.filter.is_some() || change.sub.is_some() {
        return change_selected(elements, change);
    }
    match change.op {
        Op::Remove => match change.value {
            None | Some(Value::Null) => elements.clear(),
            // Entra ID names the values to remove in `value` rather than in a filter.
            Some(value) => {
                let unwanted = sent_elements(change, value)?;
                elements.retain(|element| !unwanted.iter().any(|unwanted| includes(element, unwanted)));
            }
        },
        Op::Replace => elements = sent_elements(change, change.value.unwrap_or(&Value::Null))?,
        Op::Add => {
            for added in sent_elements(change, change.value.unwrap_or(&Value::Null))? {
                add_element(&mut elements, added);
            }
            check_count(change.attribute, elements.len())?;
        }
    }
    Ok(elements)
}

/// The value as canonical elements; one object counts as an array of one.
fn sent_elements(change: &Change<'_>, value: &Value) -> Result<Vec<Value>, Error> {
    let array = match value {
        Value::Array(_) | Value::Null => value.clone(),
        one => Value::Array(vec![one.clone()]),
    };
    match check_value(change.attribute, &array, change.policy)? {
        Some(Value::Array(elements)) => Ok(elements),
        _ => Ok(Vec::new()),
    }
}

/// Does the element have all that `unwanted` says? A `$ref` or display says nothing about which element is meant.
fn includes(element: &Value, unwanted: &Value) -> bool {
    match unwanted {
        Value::Object(members) => {
            let telling = |key: &str| key != "$ref" && key != "display";
            let mut members = members.iter().filter(|(key, _)| telling(key)).peekable();
            members.peek().is_some() && members.all(|(key, value)| element.get(key) == Some(value))
        }
        other => element == other,
    }
}

/// Appends without duplicates: an element of the same value and type takes what is new (RFC 7643 section 2.4).
fn add_element(elements: &mut Vec<Value>, added: Value) {
    if is_primary(&added) {
        clear_primary(elements, None);
    }
    let same = elements.iter().position(|element| {
        element == &added
            || (added.get("value").is_some()
                && element.get("value") == added.get("value")
                && (element.get("type") == added.get("type") || added.get("type").is_none()))
    });
    match (same.and_then(|at| elements.get_mut(at)), added) {
        (Some(Value::Object(members)), Value::Object(new)) => members.extend(new),
        (Some(_), _) => {}
        (None, added) => elements.push(added),
    }
}

/// At most one element is primary: setting a new one clears the old (RFC 7644 section 3.5.2).
fn clear_primary(elements: &mut [Value], except: Option<usize>) {
    for (at, element) in elements.iter_mut().enumerate() {
        if let (true, Value::Object(members)) = (Some(at) != except && is_primary(element), element) {
            members.insert("primary".into(), Value::Bool(false));
        }
    }
}

/// Operations on the elements that a value filter selects (all, where there is none), or on a sub-attribute of them.
fn change_selected(mut elements: Vec<Value>, change: &Change<'_>) -> Result<Vec<Value>, Error> {
    let attribute = change.attribute;
    let selected: Vec<usize> = elements
        .iter()
        .enumerate()
        .filter(|(_, element)| change.filter.is_none_or(|filter| filter.matches(element)))
        .map(|(at, _)| at)
        .collect();
    match (change.op, change.sub) {
        (Op::Remove, None) => {
            elements.retain(|element| !change.filter.is_none_or(|filter| filter.matches(element)));
            return Ok(elements);
        }
        (Op::Remove, Some(sub)) => {
            for at in selected {
                if let Some(Value::Object(members)) = elements.get_mut(at) {
                    put(members, sub.name, None);
                }
            }
            elements.retain(|element| assigned(element.clone()).is_some());
            return Ok(elements);
        }
        _ => {}
    }
    if selected.is_empty() {
        let implied = match (change.op, change.filter) {
            (Op::Replace, Some(_)) => None,
            (_, None) => Some(Object::new()),
            // Entra ID adds `phoneNumbers[type eq "mobile"].value` to a user without such an element.
            (_, Some(filter)) => implied_members(filter),
        };
        let Some(mut members) = implied else {
            return Err(Error::bad(
                ScimType::NoTarget,
                Code::MissingTarget,
                format!("No value of {} matches the filter of the path", attribute.name),
            ));
        };
        change_element(&mut members, change)?;
        if members.keys().any(|key| key != "type" && key != "primary") {
            elements.push(Value::Object(members));
        }
    }
    for at in &selected {
        let Some(Value::Object(members)) = elements.get_mut(*at) else {
            continue;
        };
        if change.op == Op::Replace && change.sub.is_none() {
            // The whole value is replaced, but what the filter says of it stays true.
            *members = change.filter.and_then(implied_members).unwrap_or_default();
        }
        change_element(members, change)?;
    }
    let changed = if selected.is_empty() { elements.len().checked_sub(1) } else { selected.first().copied() };
    if elements.iter().filter(|element| is_primary(element)).count() > 1 {
        clear_primary(&mut elements, changed);
    }
    elements.retain(|element| assigned(element.clone()).is_some());
    Ok(elements)
}

fn change_element(members: &mut Object, change: &Change<'_>) -> Result<(), Error> {
    match change.sub {
        Some(sub) => change_sub(members, change, sub),
        None => merge_members(members, change, change.value.unwrap_or(&Value::Null)),
    }
}

/// What an element must have so that the filter matches it; none where the filter is not just `eq`s joined by `and`.
fn implied_members(filter: &Filter) -> Option<Object> {
    let mut members = Object::new();
    for part in filter.conjuncts() {
        let Filter::Compare(path, Operator::Eq, operand) = part else {
            return None;
        };
        let value = match operand {
            Operand::String(text) => Value::String(text.clone()),
            Operand::Boolean(flag) => Value::Bool(*flag),
            _ => return None,
        };
        let [key] = path.keys.as_slice() else {
            return None;
        };
        members.insert((*key).into(), value);
    }
    Some(members)
}

#[cfg(test)]
#[path = "patch_tests.rs"]
mod tests;
