//! Random users of a realm whose custom schemas hold attributes of every type and characteristic.

use std::sync::{Arc, LazyLock};

use proptest::prelude::*;
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::macros::datetime;

use super::super::render::{Meta, render};
use super::super::schema::{
    Attribute, Extension, Mutability, Omission, ResourceType, Returned, Schema, Type,
};
use super::super::user::user_with;
use super::super::{Policy, Resource};

/// A schema of the realm's own.
pub(crate) const BADGE_URN: &str = "urn:example:params:scim:schemas:extension:badge:2.0:User";
/// Another one, whose URN begins with the first one's.
pub(crate) const LOCKER_URN: &str = "urn:example:params:scim:schemas:extension:badge:2.0:User:locker";

static STAFF: LazyLock<ResourceType> = LazyLock::new(|| {
    let extension = |schema| Extension { schema: Arc::new(schema), required: false };
    user_with(vec![extension(badge()), extension(locker())])
});

/// Users with the enterprise extension and both schemas of the realm's own.
pub(crate) fn staff() -> &'static ResourceType {
    &STAFF
}

fn of(kind: Type, name: &str) -> Attribute {
    Attribute::new(name, kind, "")
}

/// What a client never reads, or only on request, a PUT without it keeps: so does the configuration declare it.
fn returned(returned: Returned, attribute: Attribute) -> Attribute {
    let omission = match returned {
        Returned::Always | Returned::Default => attribute.omission,
        Returned::Never | Returned::Request => Omission::Keeps,
    };
    Attribute { returned, omission, ..attribute }
}

fn writable(mutability: Mutability, attribute: Attribute) -> Attribute {
    Attribute { mutability, ..attribute.kept() }
}

fn badge() -> Schema {
    let access = vec![
        of(Type::String, "zone").exact(),
        of(Type::Integer, "level"),
        of(Type::DateTime, "until"),
        of(Type::Boolean, "escorted"),
    ];
    let devices = vec![
        of(Type::String, "value").exact(),
        of(Type::String, "type"),
        of(Type::Boolean, "primary"),
        of(Type::Integer, "count"),
        of(Type::DateTime, "since"),
    ];
    let attributes = vec![
        // The core schema has one of this name too.
        of(Type::String, "nickName"),
        of(Type::String, "tags").many(),
        of(Type::String, "codes").exact().many(),
        of(Type::Integer, "floor"),
        of(Type::Integer, "floors").many(),
        of(Type::Decimal, "height"),
        of(Type::Decimal, "weights").many(),
        of(Type::Boolean, "vip"),
        of(Type::DateTime, "since"),
        of(Type::DateTime, "visits").many(),
        of(Type::Binary, "print"),
        of(Type::Reference, "page"),
        Attribute::complex("access", "", access),
        Attribute::complex("devices", "", devices).many(),
        of(Type::String, "number").exact().read_only(),
        writable(Mutability::Immutable, of(Type::String, "issuer")),
        returned(Returned::Never, writable(Mutability::WriteOnly, of(Type::String, "pin"))),
        returned(Returned::Never, of(Type::String, "hints").many()),
        returned(Returned::Request, of(Type::String, "note")),
        returned(Returned::Always, of(Type::String, "label")),
    ];
    Schema::new(BADGE_URN, "Badge", "", attributes)
}

/// Sub-attributes that are returned at different times.
fn locker() -> Schema {
    let place = vec![
        returned(Returned::Always, of(Type::String, "number")),
        of(Type::String, "colour"),
        returned(Returned::Request, of(Type::String, "spare")),
        returned(Returned::Never, of(Type::String, "combination")),
    ];
    Schema::new(
        LOCKER_URN,
        "Locker",
        "",
        vec![Attribute::complex("place", "", place), of(Type::Integer, "size")],
    )
}

/// A text, often one of a few, so that users have values in common.
fn text() -> impl Strategy<Value = String> {
    let common = ["a", "A", "ab", "Babs", "BABS", "babs jensen"];
    let odd = [
        "",
        " ",
        "50%",
        "5_0",
        "5x0",
        "\"quoted\"",
        "back\\slash",
        "Ünal",
        "ünal",
        "straße",
        "line\nfeed\tand tab",
        "\u{1}\u{7f}",
        "ΟΔΥΣΣΕΥΣ",
        "οδυσσευς",
        "true",
        "1",
        "null",
        "a) or (b",
    ];
    prop_oneof![
        5 => prop::sample::select(common.to_vec()).prop_map(str::to_owned),
        3 => prop::sample::select(odd.to_vec()).prop_map(str::to_owned),
        1 => characters(),
    ]
}

/// Any characters but NUL, which no attribute may hold.
fn characters() -> impl Strategy<Value = String> {
    let character = any::<char>().prop_map(|c| if c == '\0' { '0' } else { c });
    prop::collection::vec(character, 0..5).prop_map(|characters| characters.into_iter().collect())
}

/// A value, or one element, of the attribute, in canonical form.
pub(crate) fn element(attribute: &Attribute) -> BoxedStrategy<Value> {
    let values: Vec<Value> = match attribute.kind {
        Type::String if &*attribute.name == "type" => vec![json!("work"), json!("home"), json!("Work")],
        Type::String if attribute.required => {
            return prop::sample::select(vec!["a", "B", "ab", "Babs", "ünal"]).prop_map(Value::from).boxed();
        }
        Type::String => return text().prop_map(Value::from).boxed(),
        Type::Boolean => vec![json!(true), json!(false)],
        Type::Integer => {
            return prop_oneof![4 => -2i64..4, 1 => any::<i64>()].prop_map(Value::from).boxed();
        }
        Type::Decimal => {
            let few = prop::sample::select(vec![json!(0.5), json!(-2.25), json!(1), json!(1.0), json!(1e10)]);
            // Negative zero is equal to zero, and would be a second value of its own in a list.
            let any = any::<f64>().prop_filter("JSON has no other", |number| number.is_finite());
            return prop_oneof![4 => few, 1 => any.prop_map(|number| Value::from(number + 0.0))].boxed();
        }
        Type::DateTime => vec![
            json!("2011-05-13T04:42:34Z"),
            json!("2011-05-13T06:42:34+02:00"),
            json!("2011-05-13T04:42:34.5Z"),
            json!("2024-02-29T23:59:59"),
        ],
        Type::Binary => vec![json!("AQID"), json!("aqid"), json!("")],
        Type::Reference => {
            vec![json!("https://example.com/a"), json!("https://example.com/A"), json!("../b")]
        }
        Type::Complex => {
            let members: Vec<_> = attribute
                .sub_attributes
                .iter()
                .map(|sub| {
                    let name = sub.name.to_string();
                    prop::option::weighted(0.6, element(sub)).prop_map(move |value| (name.clone(), value))
                })
                .collect();
            let object = members.prop_map(|members| {
                let assigned = members.into_iter().filter_map(|(name, value)| Some((name, value?)));
                Value::Object(assigned.collect())
            });
            return object.boxed();
        }
    };
    prop::sample::select(values).boxed()
}

/// A value of the attribute: an array, with one primary element at most, where it is multi-valued.
pub(crate) fn value(attribute: &Attribute) -> BoxedStrategy<Value> {
    if !attribute.multi_valued {
        return element(attribute);
    }
    let elements = prop::collection::vec(element(attribute), 1..4).prop_map(|mut elements| {
        let mut seen = false;
        for element in &mut elements {
            if element.get("primary") == Some(&Value::Bool(true)) && std::mem::replace(&mut seen, true) {
                element["primary"] = Value::Bool(false);
            }
        }
        Value::Array(elements)
    });
    elements.boxed()
}

/// The attributes of users that are more than what the server says of every resource.
pub(crate) fn attributes(of: &ResourceType) -> impl Iterator<Item = (Option<&Arc<Schema>>, &Arc<Attribute>)> {
    of.attributes().filter(|(_, attribute)| !matches!(&*attribute.name, "schemas" | "id" | "meta"))
}

/// A user of the type, with what the server alone sets.
pub(crate) fn person_of(of: &'static ResourceType) -> impl Strategy<Value = Resource> + Clone {
    let values: Vec<_> = attributes(of)
        .map(|(_, attribute)| match attribute.required {
            true => value(attribute).prop_map(Some).boxed(),
            false => prop::option::weighted(0.6, value(attribute)).boxed(),
        })
        .collect();
    let values: Arc<[BoxedStrategy<Option<Value>>]> = values.into();
    values.to_vec().prop_map(move |values| {
        let mut raw = Resource::default();
        for ((extension, attribute), value) in attributes(of).zip(values) {
            raw.set(extension, attribute, value);
        }
        let mut person =
            Resource::read(of, raw.as_object(), &Policy::default()).expect("all of it is well formed");
        for (extension, attribute) in attributes(of) {
            if attribute.mutability == Mutability::ReadOnly {
                person.set(extension, attribute, raw.get(extension, attribute).cloned());
            }
        }
        person
    })
}

/// One of the staff.
pub(crate) fn person() -> impl Strategy<Value = Resource> + Clone {
    person_of(staff())
}

/// What of a user a client may write.
pub(crate) fn writable_part(of: &ResourceType, person: &Resource) -> Resource {
    let mut part = person.clone();
    for (extension, attribute) in of.attributes() {
        if attribute.mutability == Mutability::ReadOnly {
            part.set(extension, attribute, None);
        }
    }
    part
}

/// The user as a client reads it, with everything that a client could ask for.
pub(crate) fn rendered(of: &ResourceType, person: &Resource, meta: &Meta) -> Value {
    render(of, person, meta, "https://scim.example.com/realms/acme/scim/v2")
}

/// What the server knows of a user, out of a few.
pub(crate) fn meta() -> impl Strategy<Value = Meta> {
    let instants = [
        datetime!(2011-05-13 04:42:34 UTC),
        datetime!(2011-05-13 04:42:34.5 UTC),
        datetime!(2024-02-29 23:59:59 UTC),
        OffsetDateTime::UNIX_EPOCH,
    ];
    let instant = || prop::sample::select(instants.to_vec());
    (prop::sample::select(vec!["a", "A", "ab", "1"]), instant(), instant()).prop_map(
        |(id, created, last_modified)| Meta {
            id: id.into(),
            created: Some(created),
            last_modified: Some(last_modified),
            revision: None,
        },
    )
}
