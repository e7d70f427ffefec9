//! One operation on one attribute: what add, replace and remove do to its values.

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::Value;

use super::super::error::{Code, Error, ScimType};
use super::super::filter::{Filter, Operand, Operator};
use super::super::resource::{
    Object, Policy, assigned, check_count, check_single, check_value, is_primary, keep_distinct, put,
    text_weight,
};
use super::super::schema::{Attribute, Schema, Type};
use super::{Op, Patched};

/// One change to one attribute.
pub(super) struct Change<'a> {
    pub(super) op: Op,
    pub(super) attribute: &'a Attribute,
    pub(super) filter: Option<&'a Filter>,
    pub(super) sub: Option<&'a Attribute>,
    pub(super) value: Option<&'a Value>,
    pub(super) policy: &'a Policy,
}

impl Change<'_> {
    /// How many values it looks at, counting each once for everything it is compared or merged with, and long texts as
    /// several.
    fn looks(&self, before: Option<&Value>) -> usize {
        let there = before.and_then(Value::as_array).map_or(1, Vec::len).max(1);
        let there = there.saturating_add(before.map_or(0, text_weight));
        let coming = self.value.map_or(1, |value| count_values(value).saturating_add(text_weight(value)));
        let filter = self.filter.map_or(0, Filter::size);
        // A plain replace looks at nothing that is there.
        let alone = self.op == Op::Replace && self.filter.is_none() && self.sub.is_none();
        let merged = if alone { coming } else { there.saturating_mul(coming) };
        merged.saturating_add(there.saturating_mul(filter)).saturating_add(there)
    }
}

/// All values in a value, itself included.
fn count_values(value: &Value) -> usize {
    match value {
        Value::Object(members) => members.values().map(count_values).sum::<usize>().saturating_add(1),
        Value::Array(elements) => elements.iter().map(count_values).sum::<usize>().saturating_add(1),
        _ => 1,
    }
}

pub(super) fn change_attribute(
    patched: &mut Patched,
    extension: Option<&Arc<Schema>>,
    change: &Change<'_>,
) -> Result<(), Error> {
    let attribute = change.attribute;
    if &*attribute.name == "schemas" && extension.is_none() {
        // `schemas` follows from what the resource holds.
        return Ok(());
    }
    patched.touched.insert(Arc::clone(extension.map_or(&attribute.name, |schema| &schema.id)));
    if change.op == Op::Remove && attribute.required && change.sub.is_none() {
        return Err(Error::bad(
            ScimType::Mutability,
            Code::RequiredMissing,
            format!("The attribute {} is required and can't be removed", attribute.name),
        ));
    }
    let before = patched.resource.get(extension, attribute).cloned();
    patched.count_looks(change.looks(before.as_ref()))?;
    let after = if attribute.multi_valued {
        let elements = match before {
            Some(Value::Array(elements)) => elements,
            _ => Vec::new(),
        };
        let mut elements = change_elements(elements, change)?;
        // A change to one element, or to another one's `primary`, can make two the same.
        keep_distinct(&mut elements);
        Some(Value::Array(elements))
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
        match check_single(attribute, &attribute.name, value, change.policy)? {
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
        if &*sub.name == "value" {
            leave_old_reference(members, change.attribute, value.as_ref());
        }
        put(members, &sub.name, value);
    }
    Ok(())
}

/// A reference that now points elsewhere must not keep the URL and the name of what it pointed to.
fn leave_old_reference(members: &mut Object, attribute: &Attribute, value: Option<&Value>) {
    let moved = members.get("value").is_some_and(|old| Some(old) != value);
    if attribute.sub("$ref").is_some() && moved {
        for name in ["$ref", "display", "displayName"] {
            members.shift_remove(name);
        }
    }
}

/// Merges the members of a complex value; a sub-attribute sent as null is unassigned.
fn merge_members(members: &mut Object, change: &Change<'_>, value: &Value) -> Result<(), Error> {
    // Judges the JSON types, and unknown sub-attributes by the policy.
    let canonical = check_single(change.attribute, &change.attribute.name, value, change.policy)?;
    if let Value::Object(sent) = value {
        for (key, value) in sent {
            if let (Value::Null, Some(sub)) = (value, change.attribute.sub(key)) {
                put(members, &sub.name, None);
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
                elements.retain(|element| {
                    !unwanted.iter().any(|unwanted| includes(change.attribute, element, unwanted))
                });
            }
        },
        Op::Replace => elements = sent_elements(change, change.value.unwrap_or(&Value::Null))?,
        Op::Add => {
            add_elements(&mut elements, change)?;
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
fn includes(attribute: &Attribute, element: &Value, unwanted: &Value) -> bool {
    match unwanted {
        Value::Object(members) => {
            let telling = |key: &str| key != "$ref" && key != "display";
            let mut members = members.iter().filter(|(key, _)| telling(key)).peekable();
            members.peek().is_some()
                && members.all(|(key, value)| same_sub(attribute, key, element.get(key), Some(value)))
        }
        other => same(attribute, element, other),
    }
}

/// Are the values the same, by the attribute's `caseExact`?
fn same(attribute: &Attribute, one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::String(one), Value::String(other)) if !attribute.case_exact => {
            one.to_lowercase() == other.to_lowercase()
        }
        _ => one == other,
    }
}

/// The same for a sub-attribute.
fn same_sub(attribute: &Attribute, name: &str, one: Option<&Value>, other: Option<&Value>) -> bool {
    match (one, other, attribute.sub(name)) {
        (Some(one), Some(other), Some(sub)) => same(sub, one, other),
        _ => one == other,
    }
}

/// Appends without duplicates. An element of the same value and type takes what is new (RFC 7643 section 2.4), if it was
/// there before: what is added together stays apart, as in a POST.
fn add_elements(elements: &mut Vec<Value>, change: &Change<'_>) -> Result<(), Error> {
    let (there, attribute) = (elements.len(), change.attribute);
    for added in sent_elements(change, change.value.unwrap_or(&Value::Null))? {
        let before = elements.get(..there).unwrap_or_default();
        let same = elements.iter().position(|element| element == &added).or_else(|| {
            if attribute.kind != Type::Complex {
                return before.iter().position(|element| same(attribute, element, &added));
            }
            added.get("value")?;
            let has = |element: &Value, name| same_sub(attribute, name, element.get(name), added.get(name));
            let of_value = |element: &Value| has(element, "value");
            let of_type = before.iter().position(|element| of_value(element) && has(element, "type"));
            // Without a type it is any element of the value.
            let of_any = || before.iter().position(of_value).filter(|_| added.get("type").is_none());
            of_type.or_else(of_any)
        });
        if is_primary(&added) {
            clear_primary(elements, same);
        }
        match (same.and_then(|at| elements.get_mut(at)), added) {
            (Some(Value::Object(members)), Value::Object(new)) => {
                // Value and type are there already, perhaps in another letter case.
                let told = |key: &str| matches!(key, "value" | "type") && members.contains_key(key);
                let new: Vec<_> = new.into_iter().filter(|(key, _)| !told(key)).collect();
                members.extend(new);
            }
            (Some(_), _) => {}
            (None, added) => elements.push(added),
        }
    }
    check_count(change.attribute, elements.len())
}

/// At most one element is primary: setting a new one clears the old (RFC 7644 section 3.5.2).
fn clear_primary(elements: &mut [Value], except: Option<usize>) {
    for (at, element) in elements.iter_mut().enumerate() {
        if let (true, Value::Object(members)) = (Some(at) != except && is_primary(element), element) {
            members.insert("primary".into(), Value::Bool(false));
        }
    }
}

fn no_target(attribute: &Attribute) -> Error {
    Error::bad(
        ScimType::NoTarget,
        Code::MissingTarget,
        format!("No value of {} matches the filter of the path", attribute.name),
    )
}

/// An operation on the plain values, such as strings, that a value filter selects.
fn change_plain(mut elements: Vec<Value>, change: &Change<'_>) -> Result<Vec<Value>, Error> {
    let matches = |element: &Value| change.filter.is_none_or(|filter| filter.matches(element));
    let any = elements.iter().any(matches);
    if change.op == Op::Replace && !any {
        return Err(no_target(change.attribute));
    }
    if change.op != Op::Add {
        elements.retain(|element| !matches(element));
    }
    if change.op != Op::Remove {
        add_elements(&mut elements, change)?;
    }
    Ok(elements)
}

/// Operations on the elements that a value filter selects (all, where there is none), or on a sub-attribute of them.
fn change_selected(mut elements: Vec<Value>, change: &Change<'_>) -> Result<Vec<Value>, Error> {
    let attribute = change.attribute;
    if attribute.kind != Type::Complex {
        return change_plain(elements, change);
    }
    let selected: Vec<usize> = elements
        .iter()
        .enumerate()
        .filter(|(_, element)| change.filter.is_none_or(|filter| filter.matches(element)))
        .map(|(at, _)| at)
        .collect();
    let cleared = change.op == Op::Replace && change.value.is_none_or(Value::is_null);
    match (change.op, change.sub) {
        (Op::Replace, None) if cleared && !selected.is_empty() => {
            elements.retain(|element| !change.filter.is_none_or(|filter| filter.matches(element)));
            return Ok(elements);
        }
        (Op::Remove, None) => {
            elements.retain(|element| !change.filter.is_none_or(|filter| filter.matches(element)));
            return Ok(elements);
        }
        (Op::Remove, Some(sub)) => {
            for at in selected {
                if let Some(Value::Object(members)) = elements.get_mut(at) {
                    let was_there = members.contains_key(&*sub.name);
                    put(members, &sub.name, None);
                    if was_there {
                        leave_no_labels(members, sub);
                    }
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
            (_, Some(filter)) => implied_members(change, filter)?,
        };
        let Some(mut members) = implied else {
            return Err(no_target(attribute));
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
            let implied = change.filter.map(|filter| implied_members(change, filter)).transpose()?;
            *members = implied.flatten().unwrap_or_default();
        }
        let was_there = change.sub.is_some_and(|sub| members.contains_key(&*sub.name));
        change_element(members, change)?;
        if let Some(sub) = change.sub.filter(|_| was_there && change.value.is_none_or(Value::is_null)) {
            leave_no_labels(members, sub);
        }
    }
    let changed = if selected.is_empty() { elements.len().checked_sub(1) } else { selected.first().copied() };
    if elements.iter().filter(|element| is_primary(element)).count() > 1 {
        clear_primary(&mut elements, changed);
    }
    elements.retain(|element| assigned(element.clone()).is_some());
    if selected.len() > 1 {
        elements = without_repetitions(attribute, elements);
    }
    check_count(attribute, elements.len())?;
    Ok(elements)
}

/// The elements, of those of one value and type the primary or first one alone: a change of several may have made them
/// the same.
fn without_repetitions(attribute: &Attribute, elements: Vec<Value>) -> Vec<Value> {
    // By what is compared, so that a long list stays linear.
    let folded = |element: &Value, name: &str| {
        let exact = attribute.sub(name).is_some_and(|sub| sub.case_exact);
        let text = element.get(name).map(Value::to_string).unwrap_or_default();
        if exact { text } else { text.to_lowercase() }
    };
    let mut places = HashMap::new();
    let mut kept: Vec<Value> = Vec::with_capacity(elements.len());
    for element in elements {
        let place =
            *places.entry((folded(&element, "value"), folded(&element, "type"))).or_insert(kept.len());
        match kept.get_mut(place) {
            Some(other) if element.get("value").is_some() => {
                if is_primary(&element) {
                    *other = element;
                }
            }
            _ => kept.push(element),
        }
    }
    kept
}

/// Entra ID takes a value away by its parts: labels of nothing are nothing.
fn leave_no_labels(members: &mut Object, removed: &Attribute) {
    if !is_label(&removed.name) && members.keys().all(|key| is_label(key)) {
        members.clear();
    }
}

/// Does this sub-attribute only say something about the others?
fn is_label(name: &str) -> bool {
    matches!(name, "type" | "primary" | "display")
}

fn change_element(members: &mut Object, change: &Change<'_>) -> Result<(), Error> {
    match change.sub {
        Some(sub) => change_sub(members, change, sub),
        None => merge_members(members, change, change.value.unwrap_or(&Value::Null)),
    }
}

/// What an element must have so that the filter matches it; none where the filter is not just `eq`s joined by `and`.
///
/// # Errors
/// 400 for a value that the attribute can't have, though a filter may look for it.
fn implied_members(change: &Change<'_>, filter: &Filter) -> Result<Option<Object>, Error> {
    let Some(members) = said_members(filter) else { return Ok(None) };
    let said = Value::Object(members);
    match check_single(change.attribute, &change.attribute.name, &said, change.policy)? {
        Some(Value::Object(members)) => Ok(Some(members)),
        _ => Ok(Some(Object::new())),
    }
}

fn said_members(filter: &Filter) -> Option<Object> {
    let mut members = Object::new();
    for part in filter.conjuncts() {
        let Filter::Compare(path, Operator::Eq, operand) = part else {
            return None;
        };
        let value = match operand {
            Operand::String(text) => Value::String(text.clone()),
            Operand::Boolean(flag) => Value::Bool(*flag),
            Operand::Integer(number) => Value::from(*number),
            _ => return None,
        };
        let [key] = path.keys.as_slice() else {
            return None;
        };
        members.insert(key.to_string(), value);
    }
    Some(members)
}
