//! What a client writes is what it reads, whatever Keycloak does to it in between.

use serde_json::json;

use super::*;
use crate::scim::Policy;
use crate::scim::user::{ENTERPRISE_URN, user};

fn storage() -> Storage {
    let map = [
        ("title", "title"),
        ("locale", "locale"),
        ("phoneNumbers", "phoneNumber"),
        ("name.middleName", "middleName"),
    ];
    let manager = format!("{ENTERPRISE_URN}:manager.value");
    let map = map.into_iter().chain([(manager.as_str(), "manager")]);
    let map = map.map(|(path, name)| (path.to_owned(), name.to_owned())).collect();
    Storage::new(Arc::new(user().clone()), &map)
}

fn wanted(body: &Value) -> Wanted {
    let resource = Resource::read(user(), body.as_object().unwrap(), &Policy::default()).unwrap();
    let active = resource.flag("active");
    Wanted { resource, active, all_or_nothing: true, refusal: None }
}

fn full() -> Value {
    json!({
        "userName": "Babs@Example.com", "externalId": "00uABC", "active": true, "title": "Tour Guide", "locale": "en-US",
        "name": {"givenName": "Barbara", "familyName": "Jensen", "middleName": "Jane", "formatted": "Ms. Jensen"},
        "emails": [{"value": "Babs@Example.com", "type": "work", "primary": true}, {"value": "b@home.org", "type": "home"}],
        "phoneNumbers": [{"value": "+1 555", "type": "mobile"}], "roles": [{"value": "guide", "primary": true}],
        "addresses": [{"type": "work", "postalCode": "98052"}],
        ENTERPRISE_URN: {"department": "Tours", "manager": {"value": "m1", "displayName": "M"}}
    })
}

/// What Keycloak makes of it.
fn stored(body: &Value) -> UserRepresentation {
    let mut stored = storage()
        .write(&UserRepresentation::default(), &wanted(body), "okta", OffsetDateTime::UNIX_EPOCH)
        .unwrap();
    stored.username = stored.username.map(|name| name.to_lowercase());
    stored.email = stored.email.map(|email| email.to_lowercase());
    stored.enabled = Some(true);
    stored.created_timestamp = Some(0);
    stored
}

fn read(stored: &UserRepresentation) -> Value {
    Value::Object(storage().read(stored, "okta").resource.as_object().clone())
}

#[test]
fn everything_round_trips_exactly() {
    assert_eq!(read(&stored(&full())), full());
}

#[test]
fn flat_attributes_are_there_for_tokens() {
    let stored = stored(&full());
    assert_eq!(value(&stored, "title"), Some("Tour Guide"));
    assert_eq!(value(&stored, "phoneNumber"), Some("+1 555"));
    assert_eq!(value(&stored, "manager"), Some("m1"));
    assert_eq!(value(&stored, EXTERNAL_ID), Some("okta:00uABC"));
    assert_eq!(stored.email_verified, Some(false));
}

#[test]
fn keycloaks_live_fields_win() {
    let mut stored = stored(&full());
    stored.email = Some("new@example.com".into());
    stored.username = Some("renamed".into());
    stored.first_name = Some("Babs".into());
    stored.attributes.as_mut().unwrap().insert("title".into(), vec!["Chief".into()]);
    let seen = read(&stored);
    assert_eq!(seen["emails"][0], json!({"value": "new@example.com", "type": "work", "primary": true}));
    assert_eq!(
        (&seen["userName"], &seen["name"]["givenName"], &seen["title"]),
        (&json!("renamed"), &json!("Babs"), &json!("Chief"))
    );
    stored.email = None;
    assert_eq!(read(&stored)["emails"], json!([{"value": "b@home.org", "type": "home"}]));
}

#[test]
fn another_callers_external_id_is_kept_and_not_shown() {
    let before = stored(&full());
    let other = storage()
        .write(
            &before,
            &wanted(&json!({"userName": "b", "externalId": "E1"})),
            "entra",
            OffsetDateTime::UNIX_EPOCH,
        )
        .unwrap();
    assert_eq!(values(&other, EXTERNAL_ID), ["entra:E1", "okta:00uABC"]);
    assert_eq!(storage().read(&other, "okta").resource.text(user(), "externalId"), Some("00uABC"));
    assert_eq!(storage().read(&other, "jumpcloud").resource.text(user(), "externalId"), None);
}

#[test]
fn what_the_gateway_does_not_own_survives() {
    let mut before = stored(&full());
    before.attributes.as_mut().unwrap().insert("shoeSize".into(), vec!["42".into()]);
    before.attributes.as_mut().unwrap().insert(MANAGED.into(), vec!["org:1".into(), "realm".into()]);
    let after = storage()
        .write(&before, &wanted(&json!({"userName": "b"})), "okta", OffsetDateTime::UNIX_EPOCH)
        .unwrap();
    assert_eq!(values(&after, "shoeSize"), ["42"]);
    assert_eq!(values(&after, MANAGED), ["org:1", "realm"]);
    assert_eq!(value(&after, "title"), None);
}

#[test]
fn a_broken_document_is_no_error_and_a_newer_one_is_not_overwritten() {
    let mut broken = stored(&full());
    for text in ["", "{", "[]", "{\"v\":1,\"user\":{\"emails\":\"x\",\"nope\":1}}"] {
        broken.attributes.as_mut().unwrap().insert(DOCUMENT.into(), vec![text.into()]);
        assert_eq!(read(&broken)["emails"][0]["value"], "babs@example.com", "{text}");
    }
    broken.attributes.as_mut().unwrap().insert(DOCUMENT.into(), vec!["{\"v\":2}".into()]);
    let error = storage().write(&broken, &wanted(&full()), "okta", OffsetDateTime::UNIX_EPOCH).unwrap_err();
    assert_eq!(error.code, Code::UnknownFormat);
}

#[test]
fn too_much_for_the_document_is_refused() {
    let body = json!({"userName": "b", "name": {"formatted": "x".repeat(DOCUMENT_MAX)}});
    let error = storage()
        .write(&UserRepresentation::default(), &wanted(&body), "okta", OffsetDateTime::UNIX_EPOCH)
        .unwrap_err();
    assert_eq!((error.status, error.code), (400, Code::ValueTooLong));
}

#[test]
fn a_value_that_a_query_can_not_express_is_found_by_its_hash() {
    let stored = stored(&json!({"userName": "b", "externalId": "DOMAIN\\b"}));
    assert_eq!(values(&stored, HASH), [lookup_hash(EXTERNAL_ID, "okta:DOMAIN\\b")]);
}
