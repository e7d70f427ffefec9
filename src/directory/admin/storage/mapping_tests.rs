//! What is kept in Keycloak attributes of its own: every type, several values, and what happens when the map changes.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use time::OffsetDateTime;

use super::*;
use crate::scim::schema::{Extension, Mutability, Type};
use crate::scim::user::user_with;
use crate::scim::{Attribute, Policy, Schema};

const URN: &str = "urn:example:params:scim:schemas:extension:badge:2.0:User";

fn badge() -> ResourceType {
    let read_only = Attribute::string("colour", "").read_only();
    let access = Attribute::complex(
        "access",
        "",
        vec![Attribute::string("zone", ""), Attribute::new("level", Type::Integer, "")],
    );
    let doors =
        Attribute::complex("doors", "", vec![Attribute::string("value", ""), Attribute::string("side", "")])
            .many();
    let schema = Schema::new(
        URN,
        "Badge",
        "",
        vec![
            Attribute::string("number", "").exact(),
            Attribute::string("tags", "").many(),
            Attribute::new("codes", Type::Integer, "").many(),
            Attribute::new("level", Type::Integer, ""),
            Attribute::new("weight", Type::Decimal, ""),
            Attribute::new("lost", Type::Boolean, ""),
            Attribute::new("expires", Type::DateTime, ""),
            Attribute { mutability: Mutability::WriteOnly, ..Attribute::string("pin", "") },
            read_only,
            access,
            doors,
        ],
    );
    user_with(vec![Extension { schema: Arc::new(schema), required: false }])
}

fn storage(map: &[(&str, &str)]) -> Storage {
    let map: BTreeMap<String, String> = map
        .iter()
        .map(|(path, name)| {
            let own = path.starts_with("addresses") || path.starts_with("name");
            (if own { (*path).to_owned() } else { format!("{URN}:{path}") }, (*name).to_owned())
        })
        .collect();
    Storage::new(Arc::new(badge()), &map)
}

const ALL: &[(&str, &str)] = &[
    ("number", "badgeNumber"),
    ("tags", "badgeTags"),
    ("codes", "badgeCodes"),
    ("level", "badgeLevel"),
    ("weight", "badgeWeight"),
    ("lost", "badgeLost"),
    ("expires", "badgeExpires"),
    ("pin", "badgePin"),
    ("colour", "badgeColour"),
    ("access.zone", "zone"),
    ("access.level", "zoneLevel"),
    ("doors", "door"),
    ("doors.side", "doorSide"),
    ("addresses.country", "country"),
    ("name.honorificPrefix", "prefix"),
];

fn full() -> Value {
    json!({
        "userName": "bjensen", "active": true, "name": {"givenName": "Barbara", "honorificPrefix": "Ms."},
        "addresses": [{"type": "home", "country": "US"}, {"type": "work", "country": "DE", "primary": true}],
        URN: {
            "number": "b-7", "tags": ["a", "Z"], "codes": [1, 20], "level": -3, "weight": 1.5, "lost": false,
            "expires": "2027-01-01T00:00:00Z", "pin": "1234",
            "access": {"zone": "North", "level": 2},
            "doors": [{"value": "front", "side": "left"}, {"value": "back", "side": "right"}]
        }
    })
}

fn write(storage: &Storage, before: &UserRepresentation, body: &Value) -> UserRepresentation {
    let resource = Resource::read(&storage.user, body.as_object().unwrap(), &Policy::default()).unwrap();
    let wanted = Wanted { active: Some(true), resource, all_or_nothing: true, refusal: None };
    let mut stored = storage.write(before, &wanted, "okta", OffsetDateTime::UNIX_EPOCH).unwrap();
    stored.enabled = Some(true);
    stored
}

fn read(storage: &Storage, stored: &UserRepresentation) -> Value {
    Value::Object(storage.read(stored, "okta").resource.as_object().clone())
}

fn change(stored: &mut UserRepresentation, name: &str, live: &[&str]) {
    let attributes = stored.attributes.as_mut().unwrap();
    attributes.remove(name);
    if !live.is_empty() {
        attributes.insert(name.into(), live.iter().map(|text| (*text).to_owned()).collect());
    }
}

#[test]
fn each_type_is_kept_flat_and_read_back_exactly() {
    let storage = storage(ALL);
    let stored = write(&storage, &UserRepresentation::default(), &full());
    assert_eq!(read(&storage, &stored), full());
    for (name, texts) in [
        ("badgeNumber", vec!["b-7"]),
        ("badgeTags", vec!["Z", "a"]),
        ("badgeCodes", vec!["1", "20"]),
        ("badgeLevel", vec!["-3"]),
        ("badgeWeight", vec!["1.5"]),
        ("badgeLost", vec!["false"]),
        ("badgeExpires", vec!["2027-01-01T00:00:00Z"]),
        ("badgePin", vec!["1234"]),
        ("zone", vec!["North"]),
        ("zoneLevel", vec!["2"]),
        ("door", vec!["front"]),
        ("doorSide", vec!["left"]),
        // The preferred address's.
        ("country", vec!["DE"]),
        ("prefix", vec!["Ms."]),
    ] {
        assert_eq!(values(&stored, name), texts, "{name}");
    }
}

#[test]
fn without_a_map_the_document_keeps_all_of_it() {
    let storage = storage(&[]);
    let mut body = full();
    // It is set in Keycloak alone, and has no place there.
    body[URN]["colour"] = json!("red");
    let stored = write(&storage, &UserRepresentation::default(), &body);
    assert_eq!(read(&storage, &stored), full());
}

#[test]
fn what_is_read_only_is_shown_and_never_written() {
    let storage = storage(ALL);
    let mut before = write(&storage, &UserRepresentation::default(), &full());
    change(&mut before, "badgeColour", &["red"]);
    assert_eq!(read(&storage, &before)[URN]["colour"], "red");
    let mut body = full();
    body[URN]["colour"] = json!("blue");
    let after = write(&storage, &before, &body);
    assert_eq!(values(&after, "badgeColour"), ["red"]);
    assert!(!value(&after, DOCUMENT).unwrap().contains("colour"));
}

#[test]
fn keycloaks_values_win_where_they_are_of_the_type() {
    let storage = storage(ALL);
    let mut stored = write(&storage, &UserRepresentation::default(), &full());
    for (name, live) in [
        ("badgeTags", &["x", "y"][..]),
        ("badgeLevel", &["many"]),
        ("badgeLost", &["true"]),
        ("badgeExpires", &["soon"]),
        ("zone", &["South"]),
        ("door", &["side"]),
        ("country", &["FR"]),
        ("badgeNumber", &[]),
        ("badgeCodes", &[]),
    ] {
        change(&mut stored, name, live);
    }
    let seen = read(&storage, &stored);
    assert_eq!(seen[URN]["tags"], json!(["x", "y"]));
    assert_eq!(seen[URN]["lost"], json!(true));
    assert_eq!(seen[URN]["access"], json!({"zone": "South", "level": 2}));
    assert_eq!(seen[URN]["doors"][0], json!({"value": "side", "side": "left"}));
    assert_eq!(seen["addresses"][1], json!({"type": "work", "country": "FR", "primary": true}));
    // Taken away, or made what it can't be.
    for name in ["number", "level", "expires", "codes"] {
        assert_eq!(seen[URN].get(name), None, "{name}");
    }
}

#[test]
fn a_preferred_value_that_is_taken_away_in_keycloak_is_gone() {
    let storage = storage(ALL);
    let mut stored = write(&storage, &UserRepresentation::default(), &full());
    change(&mut stored, "door", &[]);
    change(&mut stored, "country", &[]);
    let seen = read(&storage, &stored);
    assert_eq!(seen[URN]["doors"], json!([{"value": "back", "side": "left"}]));
    assert_eq!(seen["addresses"][1], json!({"type": "work", "primary": true}));
    assert_eq!(seen["addresses"][0]["country"], "US");
}

#[test]
fn a_map_that_changes_loses_nothing() {
    let before = write(&storage(&[]), &UserRepresentation::default(), &full());
    // Mapped since: what was written before is still in the document.
    assert_eq!(read(&storage(ALL), &before), full());
    let after = write(&storage(ALL), &before, &full());
    assert_eq!(values(&after, "badgeNumber"), ["b-7"]);
    assert_eq!(read(&storage(ALL), &after), full());
}

#[test]
fn a_schema_that_is_taken_out_of_the_configuration_keeps_its_values() {
    let badges = storage(&[]);
    let plain = Storage::new(Arc::new(user_with(Vec::new())), &BTreeMap::new());
    let before = write(&badges, &UserRepresentation::default(), &full());
    assert_eq!(read(&plain, &before).get(URN), None);
    let after = write(&plain, &before, &json!({"userName": "bjensen", "title": "Guide"}));
    assert_eq!(read(&badges, &after)[URN], full()[URN]);
    assert_eq!(read(&badges, &after)["title"], "Guide");
    // And it can be cleared once the schema is back.
    let cleared = write(&badges, &after, &json!({"userName": "bjensen"}));
    assert_eq!(read(&badges, &cleared).get(URN), None);
}

#[test]
fn an_empty_text_is_none() {
    let storage = storage(ALL);
    let body = json!({"userName": "bjensen", "active": true, "name": {"familyName": "", "honorificPrefix": ""}, URN: {"number": ""}});
    let stored = write(&storage, &UserRepresentation::default(), &body);
    assert_eq!(values(&stored, "badgeNumber"), Vec::<String>::new());
    assert_eq!(read(&storage, &stored), json!({"userName": "bjensen", "active": true}));
}

#[test]
fn what_somebody_wrote_in_keycloak_survives_though_it_can_not_be_read() {
    let storage = storage(ALL);
    let mut before = write(&storage, &UserRepresentation::default(), &json!({"userName": "bjensen"}));
    change(&mut before, "badgeLevel", &["XL"]);
    let after = write(&storage, &before, &json!({"userName": "bjensen", "title": "Guide"}));
    assert_eq!(values(&after, "badgeLevel"), ["XL"]);
    let set = write(&storage, &before, &json!({"userName": "bjensen", URN: {"level": 3}}));
    assert_eq!(values(&set, "badgeLevel"), ["3"]);
}

#[test]
fn what_was_written_before_it_was_mapped_is_moved_once() {
    let before = write(&storage(&[]), &UserRepresentation::default(), &full());
    let storage = storage(ALL);
    let moved = UserRepresentation { attributes: storage.settled_attributes(&before), ..before };
    assert_eq!(values(&moved, "badgeNumber"), ["b-7"]);
    assert_eq!(values(&moved, "badgeTags"), ["Z", "a"]);
    assert_eq!(values(&moved, "country"), ["DE"]);
    assert_eq!(read(&storage, &moved), full());
    assert_eq!(storage.settled_attributes(&moved), None);
    // What is taken away in Keycloak afterwards stays away.
    let mut gone = moved;
    change(&mut gone, "badgeNumber", &[]);
    change(&mut gone, "badgeTags", &[]);
    assert_eq!(storage.settled_attributes(&gone), None);
    assert_eq!(
        (read(&storage, &gone)[URN].get("number"), read(&storage, &gone)[URN].get("tags")),
        (None, None)
    );
}

#[test]
fn a_schema_that_changes_costs_no_other_attribute() {
    let before = write(&storage(&[]), &UserRepresentation::default(), &full());
    let other = Schema::new(
        URN,
        "Badge",
        "",
        vec![
            Attribute::string("number", "").exact().many(),
            Attribute::new("tags", Type::Integer, "").many(),
            Attribute::new("weight", Type::Decimal, ""),
        ],
    );
    let other = user_with(vec![Extension { schema: Arc::new(other), required: false }]);
    let other = Storage::new(Arc::new(other), &BTreeMap::new());
    assert_eq!(read(&other, &before)[URN], json!({"number": ["b-7"], "weight": 1.5}));
    let after = write(&other, &before, &json!({"userName": "bjensen", "title": "x", URN: {"weight": 2}}));
    let back = read(&storage(&[]), &after);
    assert_eq!((&back[URN]["tags"], &back[URN]["weight"]), (&full()[URN]["tags"], &json!(2)));
}
