//! Laws of what clients read: which attributes are shown, and that a PUT of what was shown changes nothing.

use std::sync::Arc;

use proptest::prelude::*;
use serde_json::Value;

use super::super::schema::{Attribute, Returned, Schema};
use super::super::{Policy, Projection, Resource};
use super::people::{LOCKER_URN, attributes, meta, person, rendered, staff, writable_part};

type Named = (Option<&'static Arc<Schema>>, &'static Arc<Attribute>);

/// The places of a rendered user that an attribute or sub-attribute stands at: what `attributes` lists.
fn names() -> Vec<String> {
    let names = staff().attributes().flat_map(|(extension, attribute)| {
        let urn = extension.map_or(&staff().core.id, |schema| &schema.id);
        let whole = format!("{urn}:{}", attribute.name);
        let subs: Vec<_> =
            attribute.sub_attributes.iter().map(|sub| format!("{whole}.{}", sub.name)).collect();
        std::iter::once(whole).chain(subs)
    });
    let urns = staff().schemas().map(|schema| schema.id.to_string());
    names.chain(urns).chain(["unheardOf".to_owned(), "na me".to_owned()]).collect()
}

fn some_names() -> impl Strategy<Value = Vec<String>> {
    prop::collection::vec(prop::sample::select(names()), 1..6)
}

fn projection(parameter: &str, names: &[String]) -> Projection {
    Projection::read(staff(), &[(parameter.to_owned(), names.join(","))]).expect("one parameter alone")
}

fn find(rendered: &Value, (extension, attribute): Named) -> Option<&Value> {
    let holder = extension.map_or(Some(rendered), |schema| rendered.get(&*schema.id))?;
    holder.get(&*attribute.name)
}

/// Is the attribute named as a whole, by its own name or its schema's?
fn is_named(names: &[String], (extension, attribute): Named) -> bool {
    let urn = extension.map_or(&staff().core.id, |schema| &schema.id);
    // The core schema's URN stands for what is in that schema, and not for what every resource has.
    let in_schema = extension.is_some() || staff().core.attribute(&attribute.name).is_some();
    let whole = format!("{urn}:{}", attribute.name);
    names.iter().any(|name| *name == whole || (in_schema && *name == **urn))
}

/// Is one of its sub-attributes named?
fn has_named_part(names: &[String], (extension, attribute): Named) -> bool {
    let urn = extension.map_or(&staff().core.id, |schema| &schema.id);
    names.iter().any(|name| name.starts_with(&format!("{urn}:{}.", attribute.name)))
}

fn all() -> impl Iterator<Item = Named> {
    staff().attributes()
}

/// All attributes and sub-attributes that are never returned, as `attribute.sub`.
fn secrets(shown: &Value) -> Vec<String> {
    let mut found = Vec::new();
    for named in all() {
        let Some(value) = find(shown, named) else { continue };
        if named.1.is_secret() {
            found.push(named.1.name.to_string());
        }
        for sub in named.1.sub_attributes.iter().filter(|sub| sub.is_secret()) {
            let elements = value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice);
            if elements.iter().any(|element| element.get(&*sub.name).is_some()) {
                found.push(format!("{}.{}", named.1.name, sub.name));
            }
        }
    }
    found
}

proptest! {
    #[test]
    fn attributes_shows_what_is_named_and_what_is_always_returned(
        person in person(), meta in meta(), names in some_names()
    ) {
        let whole = rendered(staff(), &person, &meta);
        let shown = projection("attributes", &names).apply(staff(), whole.clone());
        for named in all() {
            let (there, is) = (find(&whole, named), find(&shown, named));
            let always = named.1.returned == Returned::Always;
            if !always && !is_named(&names, named) && !has_named_part(&names, named) {
                prop_assert_eq!(is, None, "{} by {:?}", named.1.name, names);
            } else if named.1.sub_attributes.is_empty() {
                prop_assert_eq!(is, there, "{} by {:?}", named.1.name, names);
            }
        }
    }

    #[test]
    fn excluded_attributes_are_not_shown_unless_they_always_are(
        person in person(), meta in meta(), names in some_names()
    ) {
        let whole = rendered(staff(), &person, &meta);
        let shown = projection("excludedAttributes", &names).apply(staff(), whole.clone());
        for named in all() {
            let (there, is) = (find(&whole, named), find(&shown, named));
            match named.1.returned {
                Returned::Always => prop_assert_eq!(is, there, "{} by {:?}", named.1.name, names),
                Returned::Default if is_named(&names, named) => prop_assert_eq!(is, None, "{}", named.1.name),
                Returned::Default if named.1.sub_attributes.is_empty() => {
                    prop_assert_eq!(is, there, "{} by {:?}", named.1.name, names);
                }
                Returned::Default => {}
                Returned::Request | Returned::Never => prop_assert_eq!(is, None, "{}", named.1.name),
            }
        }
    }

    #[test]
    fn excluding_everything_leaves_what_is_always_returned(person in person(), meta in meta()) {
        let whole = rendered(staff(), &person, &meta);
        let shown = projection("excludedAttributes", &names()).apply(staff(), whole.clone());
        for named in all() {
            let expected = find(&whole, named).filter(|_| named.1.returned == Returned::Always);
            prop_assert_eq!(find(&shown, named), expected, "{}", named.1.name);
        }
        for key in shown.as_object().expect("an object").keys() {
            prop_assert!(["schemas", "id"].contains(&key.as_str()) || key.starts_with("urn:"), "{}", key);
        }
    }

    #[test]
    fn projecting_twice_is_projecting_once(
        person in person(), meta in meta(), names in some_names(), exclude in any::<bool>()
    ) {
        let projection = projection(if exclude { "excludedAttributes" } else { "attributes" }, &names);
        let once = projection.apply(staff(), rendered(staff(), &person, &meta));
        prop_assert_eq!(projection.apply(staff(), once.clone()), once);
    }

    #[test]
    fn what_is_never_returned_is_nowhere(person in person(), meta in meta(), names in some_names()) {
        let whole = rendered(staff(), &person, &meta);
        prop_assert_eq!(secrets(&whole), Vec::<String>::new());
        for projection in [projection("attributes", &names), projection("excludedAttributes", &names), Projection::All] {
            prop_assert_eq!(secrets(&projection.apply(staff(), whole.clone())), Vec::<String>::new());
        }
    }

    #[test]
    fn a_put_of_what_was_shown_changes_nothing(mut person in person(), meta in meta(), everything in any::<bool>()) {
        // Secret parts of an attribute go with it: the configuration declares none.
        for (extension, attribute) in attributes(staff()) {
            if extension.is_some_and(|schema| &*schema.id == LOCKER_URN) {
                person.set(extension, attribute, None);
            }
        }
        let whole = rendered(staff(), &person, &meta);
        let shown = if everything { whole } else { Projection::All.apply(staff(), whole) };
        let mut sent = Resource::read(staff(), shown.as_object().expect("an object"), &Policy::default())
            .map_err(|error| TestCaseError::fail(error.to_string()))?;
        // What the server alone sets is not read from what a client sends.
        prop_assert_eq!(&writable_part(staff(), &sent), &sent);
        sent.keep_omitted(staff(), &person);
        prop_assert_eq!(sent.check_immutable(staff(), &person), Ok(()));
        prop_assert_eq!(sent, person);
    }
}
