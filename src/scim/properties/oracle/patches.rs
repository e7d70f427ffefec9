//! PATCH: a path selects the same values, and a body that they read is read.

use proptest::prelude::*;
use scim_v2::Validate;
use scim_v2::filter as theirs;
use scim_v2::models::others::{OperationTarget, PatchOp, PatchOperation};
use serde_json::{Value, json};

use super::super::super::patch::PATCH_URN;
use super::super::super::resource::keep_distinct;
use super::super::super::schema::Mutability;
use super::super::super::{Patch, Policy, Resource};
use super::super::filters::edit;
use super::super::naive::{self, Scope};
use super::super::operations::{any_path, operation};
use super::super::people::{person, staff};
use super::{Refusal, agree, is_exempt, neutral_within, understood};

/// The user after all that the path selects is removed; none where it can't be.
fn removed(person: &Resource, path: &theirs::PatchPath) -> Option<Result<Resource, Refusal>> {
    let (name, filter, sub) = match path {
        theirs::PatchPath::Attr(path) => (path.to_string(), None, None),
        theirs::PatchPath::Value(path) => {
            (path.attr.to_string(), Some(neutral_within(&path.filter)), path.sub_attr.as_deref())
        }
    };
    let Some((urn, attribute, own_sub)) = naive::resolve(staff(), &name) else {
        return Some(Err(Refusal::Unknown));
    };
    if let Some(filter) = &filter {
        if own_sub.is_some() || !attribute.multi_valued {
            return Some(Err(Refusal::Brackets));
        }
        if let Err(refusal) = understood(staff(), Some(attribute), filter) {
            return Some(Err(refusal));
        }
    }
    let sub = match (own_sub, sub) {
        (_, Some(sub)) => match attribute.sub(sub) {
            Some(sub) => Some(&**sub),
            None => return Some(Err(Refusal::Unknown)),
        },
        (own, None) => own,
    };
    if attribute.required
        || !matches!(attribute.mutability, Mutability::ReadWrite | Mutability::WriteOnly)
        || &*attribute.name == "schemas"
    {
        return None;
    }
    let extension = staff().schemas().find(|schema| Some(&*schema.id) == urn);
    let selects = |element: &Value| {
        filter.as_ref().is_none_or(|filter| naive::matches(filter, Scope::Element(attribute, element)))
    };
    let after = match (person.get(extension, attribute).cloned(), sub) {
        (Some(Value::Array(mut elements)), None) => {
            elements.retain(|element| !selects(element));
            Some(Value::Array(elements))
        }
        (Some(Value::Array(mut elements)), Some(sub)) => {
            for element in elements.iter_mut().filter(|element| selects(element)) {
                let members = element.as_object_mut().expect("a complex value");
                let was_there = members.shift_remove(&*sub.name).is_some();
                // Ours leaves no labels of what has been taken away.
                let is_label = |name: &str| ["type", "primary", "display"].contains(&name);
                if was_there && !is_label(&sub.name) && members.keys().all(|key| is_label(key)) {
                    members.clear();
                }
            }
            elements.retain(|element| element.as_object().is_some_and(|members| !members.is_empty()));
            keep_distinct(&mut elements);
            Some(Value::Array(elements))
        }
        (Some(Value::Object(mut members)), Some(sub)) => {
            // A reference without value has nothing to show the name of.
            if &*sub.name == "value" && attribute.sub("$ref").is_some() && members.contains_key("value") {
                for name in ["$ref", "display", "displayName"] {
                    members.shift_remove(name);
                }
            }
            members.shift_remove(&*sub.name);
            Some(Value::Object(members))
        }
        _ => None,
    };
    let mut person = person.clone();
    person.set(extension, attribute, after);
    Some(Ok(person))
}

fn judge_path(person: &Resource, text: &str) -> Result<bool, TestCaseError> {
    let body = json!({"Operations": [{"op": "remove", "path": text}]});
    let ours = Patch::read(staff(), body.as_object().expect("an object"))
        .and_then(|patch| patch.apply(staff(), person, &Policy::default()))
        .map(|patched| patched.resource);
    let Ok(theirs) = text.parse::<theirs::PatchPath>() else { return Ok(false) };
    if is_exempt(text) {
        return Ok(false);
    }
    match removed(person, &theirs) {
        None | Some(Err(Refusal::Value)) => Ok(false),
        Some(Ok(expected)) => {
            prop_assert_eq!(ours, Ok(expected), "{}", text);
            Ok(true)
        }
        // What a filter in a path may not ask for is the same as elsewhere. A URN alone is no attribute to them.
        Some(Err(refusal)) => {
            let is_schema = staff().schemas().any(|schema| schema.id.eq_ignore_ascii_case(text.trim()));
            prop_assert!(ours.is_err() || is_schema, "{:?}, but it is taken: {}", refusal, text);
            Ok(false)
        }
    }
}

#[test]
fn paths_select_the_same_values() {
    let input =
        (person(), any_path(staff()), any::<prop::sample::Index>(), prop::option::weighted(0.3, edit()));
    agree(40, &input, |(person, path, at, edit)| {
        let mut text: Vec<char> = path.chars().collect();
        if let Some(edit) = edit {
            edit.apply(at.index(text.len()), &mut text);
        }
        judge_path(&person, &text.iter().collect::<String>())
    });
}

/// May a client write to what the path selects?
fn is_writable(path: &theirs::PatchPath) -> bool {
    let (theirs::PatchPath::Attr(path) | theirs::PatchPath::Value(theirs::PatchValuePath { attr: path, .. })) =
        path;
    naive::resolve(staff(), &path.to_string())
        .is_some_and(|(_, attribute, _)| attribute.mutability != Mutability::ReadOnly)
}

#[test]
fn a_patch_body_that_they_read_is_read() {
    let input = (person(), prop::collection::vec(operation(staff()), 1..4));
    agree(30, &input, |(person, operations)| {
        let body = json!({"schemas": [PATCH_URN], "Operations": operations});
        let Ok(theirs) = serde_json::from_value::<PatchOp>(body.clone()) else { return Ok(false) };
        if theirs.validate().is_err() {
            return Ok(false);
        }
        prop_assert_eq!(theirs.operations.len(), operations.len());
        let known = theirs.operations.iter().all(|operation| match operation {
            PatchOperation::Remove { path, .. }
            | PatchOperation::Add(OperationTarget::WithPath { path, .. })
            | PatchOperation::Replace(OperationTarget::WithPath { path, .. }) => {
                let refused = matches!(removed(&person, path), Some(Err(_)));
                is_writable(path) && !refused && !is_exempt(&path.to_string())
            }
            PatchOperation::Add(_) | PatchOperation::Replace(_) => true,
        });
        if !known {
            return Ok(false);
        }
        let ours = Patch::read(staff(), body.as_object().expect("an object"));
        prop_assert!(ours.is_ok(), "{:?}: {}", ours.err(), body);
        Ok(true)
    });
}
