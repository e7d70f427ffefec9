//! Random PATCH operations on users: every form of path, mostly with values that fit.

use std::sync::Arc;

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::super::filter::Operator;
use super::super::schema::{Attribute, ResourceType, Schema, Type};
use super::expression::{Expression, within};
use super::people::{attributes, element, value};

/// Where an operation points: a path, and what may stand there.
#[derive(Debug, Clone)]
struct Place {
    path: String,
    value: BoxedStrategy<Value>,
}

/// The path of an attribute.
pub(super) fn path_of(extension: Option<&Arc<Schema>>, attribute: &Attribute) -> String {
    match extension {
        Some(schema) => format!("{}:{}", schema.id, attribute.name),
        None => attribute.name.to_string(),
    }
}

/// A value for a path to the whole attribute: with several values all of them or one alone.
fn whole(attribute: &Attribute) -> BoxedStrategy<Value> {
    match attribute.multi_valued {
        true => prop_oneof![3 => value(attribute), 1 => element(attribute)].boxed(),
        false => value(attribute),
    }
}

/// A value filter as clients write it: mostly an `eq` or two on what elements have.
fn selection(attribute: &Arc<Attribute>) -> BoxedStrategy<String> {
    let equal = |name: &str, value: Value| Expression::Compare(name.into(), Operator::Eq, value);
    let odd = within(attribute).prop_map(|inner| inner.plain());
    let Some(kind) = attribute.sub("type") else { return odd.boxed() };
    let by_type = element(kind).prop_map(move |value| equal("type", value));
    let by_both = (by_type.clone(), any::<bool>()).prop_map(move |(by_type, primary)| {
        Expression::And(vec![by_type, equal("primary", Value::Bool(primary))])
    });
    prop_oneof![
        3 => by_type.prop_map(|filter| filter.plain()),
        1 => by_both.prop_map(|filter| filter.plain()),
        2 => odd,
    ]
    .boxed()
}

/// All places at the attribute, those of selected values among them.
fn places(extension: Option<&Arc<Schema>>, attribute: &Arc<Attribute>) -> Vec<BoxedStrategy<Place>> {
    let path = path_of(extension, attribute);
    let mut places = vec![Just(Place { path: path.clone(), value: whole(attribute) }).boxed()];
    for sub in &attribute.sub_attributes {
        let path = format!("{path}.{}", sub.name);
        places.push(Just(Place { path, value: element(sub) }).boxed());
    }
    if attribute.multi_valued {
        let subs: Vec<_> =
            attribute.sub_attributes.iter().map(|sub| (format!(".{}", sub.name), element(sub))).collect();
        let all = vec![(String::new(), element(attribute))];
        let tail = match attribute.kind {
            Type::Complex => prop_oneof![prop::sample::select(all), prop::sample::select(subs)].boxed(),
            _ => prop::sample::select(all).boxed(),
        };
        let selected = (selection(attribute), tail).prop_map(move |(filter, (tail, value))| Place {
            path: format!("{path}[{filter}]{tail}"),
            value,
        });
        places.push(selected.boxed());
    }
    places
}

fn place(of: &ResourceType) -> BoxedStrategy<Place> {
    let places: Vec<_> =
        attributes(of).flat_map(|(extension, attribute)| places(extension, attribute)).collect();
    prop::sample::select(places).prop_flat_map(|place| place).boxed()
}

/// What fits no attribute, or not this one.
fn misfit() -> impl Strategy<Value = Value> {
    let values =
        [json!(null), json!([]), json!({}), json!("x"), json!(1), json!({"value": null}), json!([[1]])];
    prop::sample::select(values.to_vec())
}

/// An add or replace at a path, or a remove, perhaps of values that it names.
fn with_path(of: &ResourceType) -> BoxedStrategy<Value> {
    let op = prop::sample::select(vec!["add", "Add", "replace", "Replace", "remove"]);
    (op, place(of))
        .prop_flat_map(|(op, Place { path, value })| {
            let value = match op {
                "remove" => prop::option::weighted(0.3, value).boxed(),
                _ => prop_oneof![9 => value, 1 => misfit()].prop_map(Some).boxed(),
            };
            value.prop_map(move |value| match value {
                Some(value) => json!({"op": op, "path": path, "value": value}),
                None => json!({"op": op, "path": path}),
            })
        })
        .boxed()
}

/// An add or replace without path: dotted keys, keys with their URN, and objects under a URN.
fn without_path(of: &'static ResourceType) -> BoxedStrategy<Value> {
    let paths = prop::collection::vec(place(of), 1..4).prop_flat_map(|places| {
        let member = |Place { path, value }: Place| value.prop_map(move |value| (path.clone(), value));
        places.into_iter().filter(|place| !place.path.contains('[')).map(member).collect::<Vec<_>>()
    });
    let own = of.extensions.iter().map(|extension| {
        let members: Vec<_> = extension
            .schema
            .attributes
            .iter()
            .map(|attribute| {
                let name = attribute.name.to_string();
                prop::option::weighted(0.3, whole(attribute)).prop_map(move |value| (name.clone(), value))
            })
            .collect();
        let urn = extension.schema.id.to_string();
        let object = members.prop_map(move |members| {
            let sent = members.into_iter().filter_map(|(name, value)| Some((name, value?)));
            vec![(urn.clone(), Value::Object(sent.collect()))]
        });
        object.boxed()
    });
    let own = prop::sample::select(own.collect::<Vec<_>>()).prop_flat_map(|object| object);
    let members = prop_oneof![2 => paths, 1 => own];
    (prop::sample::select(vec!["add", "replace"]), members)
        .prop_map(|(op, members)| {
            let value: Map<String, Value> = members.into_iter().collect();
            json!({"op": op, "value": value})
        })
        .boxed()
}

/// Any operation on users of the type.
pub(super) fn operation(of: &'static ResourceType) -> BoxedStrategy<Value> {
    prop_oneof![4 => with_path(of), 1 => without_path(of)].boxed()
}

/// Any path to a place in users of the type.
pub(super) fn any_path(of: &'static ResourceType) -> BoxedStrategy<String> {
    place(of).prop_map(|place| place.path).boxed()
}
