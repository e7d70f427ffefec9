//! Users: what they make of a body is the same user.

use proptest::prelude::*;
use scim_v2::models::user::User;
use serde_json::{Value, json};

use super::super::super::user::{ENTERPRISE_URN, USER_URN, user};
use super::super::super::{Policy, Resource};
use super::super::people::{meta, person_of, rendered, writable_part};
use super::agree;

/// What they make of a user's attributes is, to us, the same user.
fn judge_user(body: &Value) -> Result<(), TestCaseError> {
    let theirs: User = serde_json::from_value(body.clone())
        .map_err(|error| TestCaseError::fail(format!("{error}: {body}")))?;
    let read =
        |body: &Value| Resource::read(user(), body.as_object().expect("an object"), &Policy::default());
    let back = serde_json::to_value(&theirs).expect("a user is JSON");
    prop_assert_eq!(read(body), read(&back), "{}", body);
    prop_assert!(read(body).is_ok(), "{}", body);
    Ok(())
}

#[test]
fn users_are_read_alike() {
    let one = person_of(user());
    agree(100, &(one, meta()), |(person, meta)| {
        let part = writable_part(user(), &person);
        judge_user(&rendered(user(), &part, &meta))?;
        Ok(true)
    });
}

#[test]
fn users_of_rfc_7643_are_read_alike() {
    let minimal = json!({
        "schemas": [USER_URN], "id": "2819c223-7f76-453a-919d-413861904646", "userName": "bjensen@example.com",
        "meta": {
            "resourceType": "User", "created": "2010-01-23T04:56:22Z", "lastModified": "2011-05-13T04:42:34Z",
            "version": "W/\"3694e05e9dff590\"",
            "location": "https://example.com/v2/Users/2819c223-7f76-453a-919d-413861904646"
        }
    });
    judge_user(&minimal).unwrap();
    // Sections 8.2 and 8.3, each kind of attribute once.
    let full = json!({
        "schemas": [USER_URN, ENTERPRISE_URN], "externalId": "701984", "userName": "bjensen@example.com",
        "name": {
            "formatted": "Ms. Barbara J Jensen, III", "familyName": "Jensen", "givenName": "Barbara",
            "middleName": "Jane", "honorificPrefix": "Ms.", "honorificSuffix": "III"
        },
        "displayName": "Babs Jensen", "nickName": "Babs", "profileUrl": "https://login.example.com/bjensen",
        "emails": [
            {"value": "bjensen@example.com", "type": "work", "primary": true},
            {"value": "babs@jensen.org", "type": "home"}
        ],
        "addresses": [{
            "type": "work", "streetAddress": "100 Universal City Plaza", "locality": "Hollywood", "region": "CA",
            "postalCode": "91608", "country": "USA", "primary": true,
            "formatted": "100 Universal City Plaza\nHollywood, CA 91608 USA"
        }],
        "phoneNumbers": [{"value": "555-555-5555", "type": "work"}, {"value": "555-555-4444", "type": "mobile"}],
        "ims": [{"value": "someaimhandle", "type": "aim"}],
        "photos": [{"value": "https://photos.example.com/profilephoto/72930000000Ccne/F", "type": "photo"}],
        "userType": "Employee", "title": "Tour Guide", "preferredLanguage": "en-US", "locale": "en-US",
        "timezone": "America/Los_Angeles", "active": true,
        "groups": [{"value": "e9e30dba", "$ref": "https://example.com/v2/Groups/e9e30dba", "display": "Tour Guides"}],
        "x509Certificates": [{"value": "MIIDQzCCAqygAwIBAgICEAAwDQYJKoZIhvcNAQEFBQAwTjELMAkGA1UEBhMCVVMx"}],
        ENTERPRISE_URN: {
            "employeeNumber": "701984", "costCenter": "4130", "organization": "Universal Studios",
            "division": "Theme Park", "department": "Tour Operations",
            "manager": {
                "value": "26118915-6090-4610-87e4-49d8ca9f808d", "$ref": "../Users/26118915-6090-4610-87e4-49d8ca9f808d",
                "displayName": "John Smith"
            }
        }
    });
    judge_user(&full).unwrap();
}

#[test]
fn the_exceptions_in_users_are_these() {
    let read =
        |body: &Value| Resource::read(user(), body.as_object().expect("an object"), &Policy::default());
    // (what is sent, whether they take it, whether we do, why)
    for (body, they, we, reason) in [
        (
            json!({"schemas": [USER_URN], "userName": "b", "active": "True"}),
            true,
            false,
            "the dialects make it a boolean before",
        ),
        (json!({"userName": "b"}), false, true, "clients leave \"schemas\" out"),
        (
            json!({"schemas": [USER_URN], "USERNAME": "b"}),
            false,
            true,
            "names have no letter case (RFC 7643 section 2.1)",
        ),
        (
            json!({"schemas": [USER_URN], "userName": ""}),
            true,
            false,
            "userName is required and must not be empty",
        ),
        (
            json!({"schemas": ["urn:example:other"], "userName": "b"}),
            true,
            false,
            "it is another resource's schema",
        ),
        (json!({"schemas": [USER_URN], "userName": "b", "emails": null}), true, true, "null is unassigned"),
        (
            json!({"schemas": [USER_URN], "userName": "b", "title": "a\u{0}b"}),
            true,
            false,
            "Keycloak's databases hold no NUL",
        ),
        (
            json!({"schemas": [USER_URN], "userName": "b", "emails": [{"value": "a", "primary": true}, {"value": "b", "primary": true}]}),
            true,
            false,
            "one primary value at most (RFC 7643 section 2.4); they say so in validate",
        ),
    ] {
        assert_eq!(serde_json::from_value::<User>(body.clone()).is_ok(), they, "theirs: {body}: {reason}");
        assert_eq!(read(&body).is_ok(), we, "ours: {body}: {reason}");
    }
}
