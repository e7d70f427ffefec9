//! Laws of PATCH: all or nothing, what repeating does, what no operation can change.

use std::cell::Cell;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestError, TestRunner};
use serde_json::{Value, json};

use super::super::code::Code;
use super::super::patch::PATCH_URN;
use super::super::resource::is_primary;
use super::super::schema::Mutability;
use super::super::{Error, Object, Patch, Policy, Resource};
use super::operations::{operation, path_of};
use super::people::{attributes, person, staff, writable_part};

fn patch(before: &Resource, operations: &[Value]) -> Result<Resource, Error> {
    let body = json!({ "schemas": [PATCH_URN], "Operations": operations });
    let patch = Patch::read(staff(), body.as_object().expect("an object"))?;
    patch.apply(staff(), before, &Policy::default()).map(|patched| patched.resource)
}

fn read(body: &Object) -> Result<Resource, Error> {
    Resource::read(staff(), body, &Policy::default())
}

/// Runs the law on random input. At least so many in a hundred must have got through to what it says.
fn hold<S: Strategy>(least: u32, input: &S, law: impl Fn(S::Value) -> Result<bool, TestCaseError>) {
    let (counted, all) = (Cell::new(0_u32), Cell::new(0_u32));
    let config = Config {
        cases: Config::default().cases,
        max_shrink_iters: 400,
        failure_persistence: None,
        ..Config::default()
    };
    let mut runner = TestRunner::new(config);
    let outcome = runner.run(input, |input| {
        let counts = law(input)?;
        all.set(all.get() + 1);
        counted.set(counted.get() + u32::from(counts));
        Ok(())
    });
    match outcome {
        Err(TestError::Fail(reason, input)) => panic!("{reason}\n{input:?}"),
        outcome => outcome.expect("the strategy gives input"),
    }
    let share = counted.get() * 100 / all.get();
    assert!(share >= least, "only {share} % of the cases say anything");
}

fn operations() -> impl Strategy<Value = Vec<Value>> {
    prop::collection::vec(operation(staff()), 1..4)
}

/// Operations that fail whatever there is.
fn failing() -> impl Strategy<Value = Value> {
    let failing = [
        json!({"op": "replace", "path": "emails[type eq \"car\"].value", "value": "x"}),
        json!({"op": "remove", "path": "userName"}),
        json!({"op": "remove"}),
        json!({"op": "add", "path": "id", "value": "x"}),
        json!({"op": "add", "path": "groups", "value": [{"value": "x"}]}),
        json!({"op": "replace", "path": "active", "value": "maybe"}),
        json!({"op": "replace", "value": {"title": "changed", "active": 1}}),
        json!({"op": "add", "path": "floors", "value": [1.5]}),
        json!({"op": "replace", "path": "shoeSize", "value": 46}),
        json!({"op": "replace", "path": "emails[type eq]", "value": []}),
        json!({"op": "move", "path": "title", "value": "x"}),
        json!({"op": "replace", "path": "emails", "value": [{"value": "a", "primary": true}, {"value": "b", "primary": true}]}),
    ];
    prop::sample::select(failing.to_vec())
}

#[test]
fn one_operation_that_fails_fails_them_all_wherever_it_stands() {
    let input = (person(), operations(), failing(), any::<prop::sample::Index>());
    hold(40, &input, |(person, mut operations, failing, at)| {
        let (whole, before) = (patch(&person, &operations), person.clone());
        operations.insert(at.index(operations.len() + 1), failing);
        prop_assert!(patch(&person, &operations).is_err(), "{:?}", operations);
        prop_assert_eq!(person, before);
        Ok(whole.is_ok())
    });
}

#[test]
fn operations_together_do_what_they_do_one_after_the_other() {
    hold(40, &(person(), operations()), |(person, operations)| {
        let one_by_one = operations
            .iter()
            .try_fold(person.clone(), |person, operation| patch(&person, std::slice::from_ref(operation)));
        let Ok(expected) = one_by_one else { return Ok(false) };
        prop_assert_eq!(patch(&person, &operations).ok(), Some(expected), "{:?}", operations);
        Ok(true)
    });
}

#[test]
fn replacing_twice_is_replacing_once() {
    hold(30, &(person(), operation(staff())), |(person, mut operation)| {
        operation["op"] = json!("replace");
        let Ok(once) = patch(&person, std::slice::from_ref(&operation)) else { return Ok(false) };
        // A new primary value makes the old one none, and a filter that looks at that selects another one then.
        if operation["path"].as_str().is_some_and(|path| path.contains('[') && path.contains("primary")) {
            return Ok(false);
        }
        match patch(&once, std::slice::from_ref(&operation)) {
            Ok(twice) => prop_assert_eq!(twice, once, "{}", operation),
            // The value changed what the path's filter looks at, so that it selects nothing any more.
            Err(error) => {
                prop_assert_eq!(error.code, Code::MissingTarget, "{}", operation);
                prop_assert!(operation["path"].as_str().is_some_and(|path| path.contains('[')));
            }
        }
        Ok(true)
    });
}

/// Do two keys of an operation without path name the same attribute?
fn names_one_twice(operation: &Value) -> bool {
    let keys = operation["value"].as_object().into_iter().flat_map(Object::keys);
    let mut attributes: Vec<_> = keys
        .map(|key| {
            let (urn, name) = key.rsplit_once(':').unwrap_or(("", key));
            (urn, name.split('.').next())
        })
        .collect();
    attributes.sort();
    operation.get("path").is_none() && attributes.windows(2).any(|pair| pair[0] == pair[1])
}

#[test]
fn adding_twice_is_adding_once() {
    hold(40, &(person(), operation(staff())), |(person, mut operation)| {
        operation["op"] = json!("add");
        let Ok(once) = patch(&person, std::slice::from_ref(&operation)) else { return Ok(false) };
        // What is selected may be something else after the first time, by a filter or by a key beside it.
        if operation["path"].as_str().is_some_and(|path| path.contains('[')) || names_one_twice(&operation) {
            return Ok(false);
        }
        prop_assert_eq!(patch(&once, std::slice::from_ref(&operation)).ok(), Some(once), "{}", operation);
        Ok(true)
    });
}

#[test]
fn what_comes_out_is_canonical_and_has_one_primary_value_at_most() {
    hold(40, &(person(), operations()), |(person, operations)| {
        let Ok(after) = patch(&person, &operations) else { return Ok(false) };
        let part = writable_part(staff(), &after);
        prop_assert_eq!(read(part.as_object()), Ok(part.clone()), "{:?}", operations);
        prop_assert_eq!(Resource::restore(staff(), part.as_object()), part);
        for (extension, attribute) in staff().attributes() {
            let elements = after.get(extension, attribute).and_then(Value::as_array);
            let primaries =
                elements.map_or(0, |elements| elements.iter().filter(|one| is_primary(one)).count());
            prop_assert!(primaries <= 1, "{} of {}: {:?}", primaries, attribute.name, operations);
        }
        Ok(after != person)
    });
}

#[test]
fn what_the_server_alone_sets_stays_and_what_is_immutable_is_set_once() {
    // An attempt at each of them, whatever else is done.
    let attempts = attributes(staff())
        .filter(|(_, attribute)| matches!(attribute.mutability, Mutability::ReadOnly | Mutability::Immutable))
        .flat_map(|(extension, attribute)| {
            let (path, value) = (path_of(extension, attribute), super::people::value(attribute));
            let set = value.prop_map(move |value| match extension {
                Some(schema) => json!({"op": "replace", "value": {&*schema.id: {&*attribute.name: value}}}),
                None => json!({"op": "add", "value": {&*attribute.name: value}}),
            });
            let clear = json!({"op": "remove", "path": path});
            [set.boxed(), Just(json!({"op": "replace", "value": {path: null}})).boxed(), Just(clear).boxed()]
        })
        .chain([Just(json!({"op": "replace", "value": {"id": "x", "meta": {"version": "x"}}})).boxed()]);
    let attempt = prop::sample::select(attempts.collect::<Vec<_>>()).prop_flat_map(|attempt| attempt);
    let fixed = Cell::new(0);
    hold(20, &(person(), operations(), attempt), |(person, mut operations, attempt)| {
        operations.push(attempt);
        let Ok(after) = patch(&person, &operations) else { return Ok(false) };
        for (extension, attribute) in staff().attributes() {
            let (was, is) = (person.get(extension, attribute), after.get(extension, attribute));
            match attribute.mutability {
                Mutability::ReadOnly => prop_assert_eq!(was, is, "{}: {:?}", attribute.name, operations),
                Mutability::Immutable if was.is_some() => {
                    prop_assert_eq!(was, is, "{}: {:?}", attribute.name, operations);
                }
                Mutability::Immutable => fixed.set(fixed.get() + u32::from(is.is_some())),
                Mutability::ReadWrite | Mutability::WriteOnly => {}
            }
        }
        Ok(true)
    });
    assert!(fixed.get() > 0, "nothing immutable was ever set for the first time");
}

#[test]
fn what_is_there_can_be_set_again_without_a_change() {
    hold(95, &(person(), any::<bool>()), |(person, add)| {
        let op = if add { "add" } else { "replace" };
        let part = writable_part(staff(), &person);
        let whole = json!({"op": op, "value": part.as_object()});
        prop_assert_eq!(patch(&person, &[whole]), Ok(person.clone()));
        let each = attributes(staff()).filter(|(_, attribute)| attribute.mutability != Mutability::ReadOnly);
        for (extension, attribute) in each {
            let Some(value) = person.get(extension, attribute) else { continue };
            let path = path_of(extension, attribute);
            let same = json!({"op": op, "path": path, "value": value});
            prop_assert_eq!(patch(&person, std::slice::from_ref(&same)), Ok(person.clone()), "{}", same);
            let keyed = json!({"op": op, "value": {path: value}});
            prop_assert_eq!(patch(&person, std::slice::from_ref(&keyed)), Ok(person.clone()), "{}", keyed);
        }
        Ok(true)
    });
}

/// Does the element say more than a name to show, and something that none of the others says? An add goes to an element of
/// the same value.
fn tells_apart(element: &Value, others: &[Value]) -> bool {
    // Most are compared without letter case, and none of them is told apart by it alone.
    let lower = |value: Option<&Value>| value.map(|value| value.to_string().to_lowercase());
    let Some(members) = element.as_object() else {
        return !others.iter().any(|other| lower(Some(other)) == lower(Some(element)));
    };
    let telling: Vec<_> = members.iter().filter(|(key, _)| *key != "$ref" && *key != "display").collect();
    let says_all = |other: &Value| {
        telling.iter().all(|(key, value)| lower(other.get(key.as_str())) == lower(Some(value)))
    };
    let of_value = |other: &Value| {
        members.contains_key("value") && lower(other.get("value")) == lower(members.get("value"))
    };
    !telling.is_empty() && !others.iter().any(|other| says_all(other) || of_value(other))
}

#[test]
fn what_is_removed_and_added_again_is_as_it_was() {
    hold(95, &person(), |person| {
        for (extension, attribute) in attributes(staff()) {
            let Some(value) = person.get(extension, attribute) else { continue };
            if attribute.required || attribute.mutability == Mutability::ReadOnly {
                continue;
            }
            let path = path_of(extension, attribute);
            let around =
                [json!({"op": "remove", "path": path}), json!({"op": "add", "path": path, "value": value})];
            prop_assert_eq!(patch(&person, &around), Ok(person.clone()), "{}", path);
            // One value of several, named as Entra ID does: it comes back as the last one.
            let Some([first, rest @ ..]) = value.as_array().map(Vec::as_slice) else { continue };
            if !tells_apart(first, rest) {
                continue;
            }
            let around = [
                json!({"op": "remove", "path": path, "value": [first]}),
                json!({"op": "add", "path": path, "value": [first]}),
            ];
            let Ok(after) = patch(&person, &around) else { continue };
            let expected: Vec<_> = rest.iter().chain([first]).cloned().collect();
            prop_assert_eq!(after.get(extension, attribute), Some(&Value::Array(expected)), "{}", path);
        }
        Ok(true)
    });
}
