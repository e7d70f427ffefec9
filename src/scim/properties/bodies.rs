//! Laws of message bodies of any shape: no password survives, and what is read is canonical or an error.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::super::patch::PATCH_URN;
use super::super::resource::{Object, Policy, Resource};
use super::super::user::{ENTERPRISE_URN, USER_URN, user};
use super::super::{Patch, filter, sanitize};

/// Random JSON whose keys are often attribute names, `password` in several forms among them.
fn json_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        Just(Value::from("s3cret")),
        "[a-zA-Z0-9@. \\\\\"]{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 40, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::Array),
            object_of(inner).prop_map(Value::Object),
        ]
    })
}

fn object_of(value: impl Strategy<Value = Value> + 'static) -> impl Strategy<Value = Object> {
    prop::collection::vec((key(), value), 0..6).prop_map(|members| members.into_iter().collect())
}

fn key() -> impl Strategy<Value = String> {
    prop_oneof![
        prop::sample::select(vec![
            "password",
            "PassWord",
            "userName",
            "USERNAME",
            "name",
            "givenName",
            "emails",
            "value",
            "type",
            "primary",
            "active",
            "title",
            "op",
            "path",
            "Operations",
            "schemas",
            "id",
            "meta",
            "manager",
            "members",
            USER_URN,
            ENTERPRISE_URN,
            "urn:ietf:params:scim:schemas:core:2.0:User:password",
            "name.givenName",
        ])
        .prop_map(str::to_owned),
        "[a-zA-Z.:$ ]{0,10}",
    ]
}

fn operation() -> impl Strategy<Value = Value> {
    let op = prop::sample::select(vec!["add", "Replace", "remove"]);
    let path = prop::sample::select(vec![
        "",
        "title",
        "name",
        "name.givenName",
        "emails",
        "emails.value",
        "emails[type eq \"work\"]",
        "active",
        "manager",
        "emails[type eq \"work\"].value",
        "emails[type eq \"work\"].primary",
        "userName",
        "id",
        "phoneNumbers",
        ENTERPRISE_URN,
        "addresses[type eq \"home\"].locality",
        "externalId",
        "nope",
    ]);
    (op, path, json_value()).prop_map(|(op, path, value)| json!({ "op": op, "path": path, "value": value }))
}

fn babs() -> Resource {
    let body = json!({
        "userName": "bjensen", "active": true, "name": {"givenName": "Babs"}, "title": "Guide",
        "emails": [{"value": "a@example.com", "type": "work", "primary": true}, {"value": "b@example.com"}],
    });
    Resource::read(user(), body.as_object().unwrap(), &Policy::default()).unwrap()
}

fn patch(before: &Resource, operations: &[Value]) -> Option<Resource> {
    let body = json!({ "schemas": [PATCH_URN], "Operations": operations });
    let patch = Patch::read(user(), body.as_object().unwrap()).ok()?;
    patch.apply(user(), before, &Policy::default()).ok().map(|patched| patched.resource)
}

fn has_password(value: &Value) -> bool {
    match value {
        Value::Object(members) => members.iter().any(|(key, value)| {
            key.to_ascii_lowercase().rsplit([':', '.']).next().map(str::trim) == Some("password")
                || has_password(value)
        }),
        Value::Array(elements) => elements.iter().any(has_password),
        _ => false,
    }
}

proptest! {
    #[test]
    fn no_password_survives(body in object_of(json_value()), operations in prop::collection::vec(operation(), 1..4)) {
        let mut sent = body.clone();
        prop_assert!(sanitize::resource(USER_URN, &mut sent, &Policy::default()).is_ok());
        prop_assert!(!has_password(&Value::Object(sent)));
        let mut sent = body;
        sent.insert("Operations".into(), Value::Array(operations));
        prop_assert!(sanitize::patch(USER_URN, &mut sent, &Policy::default()).is_ok());
        prop_assert!(!has_password(&Value::Object(sent)));
    }

    #[test]
    fn reading_a_resource_ends_in_a_canonical_one_or_an_error(body in object_of(json_value())) {
        if let Ok(resource) = Resource::read(user(), &body, &Policy::default()) {
            let again = Resource::read(user(), resource.as_object(), &Policy::default());
            prop_assert_eq!(again.ok(), Some(resource.clone()));
            prop_assert_eq!(Resource::restore(user(), resource.as_object()), resource);
        }
    }

    #[test]
    fn a_patched_resource_is_canonical(operations in prop::collection::vec(operation(), 1..5)) {
        if let Some(after) = patch(&babs(), &operations) {
            let again = Resource::read(user(), after.as_object(), &Policy::default());
            prop_assert_eq!(again.ok(), Some(after));
        }
    }

    #[test]
    fn any_text_is_a_filter_or_an_error_with_a_position_in_it(text in "\\PC{0,60}") {
        if let Err(error) = filter::parse(user(), &text) {
            prop_assert!(error.position >= 1 && error.position <= text.chars().count() + 1);
        }
    }
}
