//! The examples of RFC 7643 and RFC 7644, as they stand there.

use serde_json::{Value, json};

use super::group::group;
use super::members::{self, GroupPatch};
use super::patch::PATCH_URN;
use super::path::AttrPath;
use super::resource::{Policy, Resource};
use super::user::{ENTERPRISE_URN, USER_URN, user};
use super::{Error, Patch, Projection, ResourceType, ScimType, filter, sanitize};

/// The enterprise user of RFC 7643 section 8.3, which holds all of the full user of section 8.2.
fn enterprise_user() -> Value {
    json!({
        "schemas": [USER_URN, ENTERPRISE_URN],
        "id": "2819c223-7f76-453a-919d-413861904646",
        "externalId": "701984",
        "userName": "bjensen@example.com",
        "name": {
            "formatted": "Ms. Barbara J Jensen, III",
            "familyName": "Jensen",
            "givenName": "Barbara",
            "middleName": "Jane",
            "honorificPrefix": "Ms.",
            "honorificSuffix": "III"
        },
        "displayName": "Babs Jensen",
        "nickName": "Babs",
        "profileUrl": "https://login.example.com/bjensen",
        "emails": [
            {"value": "bjensen@example.com", "type": "work", "primary": true},
            {"value": "babs@jensen.org", "type": "home"}
        ],
        "addresses": [
            {
                "streetAddress": "100 Universal City Plaza", "locality": "Hollywood", "region": "CA",
                "postalCode": "91608", "country": "USA",
                "formatted": "100 Universal City Plaza\nHollywood, CA 91608 USA", "type": "work", "primary": true
            },
            {
                "streetAddress": "456 Hollywood Blvd", "locality": "Hollywood", "region": "CA",
                "postalCode": "91608", "country": "USA",
                "formatted": "456 Hollywood Blvd\nHollywood, CA 91608 USA", "type": "home"
            }
        ],
        "phoneNumbers": [
            {"value": "555-555-5555", "type": "work"},
            {"value": "555-555-4444", "type": "mobile"}
        ],
        "ims": [{"value": "someaimhandle", "type": "aim"}],
        "photos": [
            {"value": "https://photos.example.com/profilephoto/72930000000Ccne/F", "type": "photo"},
            {"value": "https://photos.example.com/profilephoto/72930000000Ccne/T", "type": "thumbnail"}
        ],
        "userType": "Employee",
        "title": "Tour Guide",
        "preferredLanguage": "en-US",
        "locale": "en-US",
        "timezone": "America/Los_Angeles",
        "active": true,
        "password": "t1meMa$heen",
        "groups": [
            {"value": "e9e30dba-f08f-4109-8486-d5c6a331660a", "$ref": "../Groups/e9e30dba-f08f-4109-8486-d5c6a331660a",
             "display": "Tour Guides"},
            {"value": "fc348aa8-3835-40eb-a20b-c726e15c55b5", "$ref": "../Groups/fc348aa8-3835-40eb-a20b-c726e15c55b5",
             "display": "Employees"}
        ],
        "x509Certificates": [{"value": "MIIDQzCCAqygAwIBAgICEAAwDQYJKoZIhvcNAQEFBQAwTjELMAkGA1UEBhMCVVMx"}],
        ENTERPRISE_URN: {
            "employeeNumber": "701984",
            "costCenter": "4130",
            "organization": "Universal Studios",
            "division": "Theme Park",
            "department": "Tour Operations",
            "manager": {
                "value": "26118915-6090-4610-87e4-49d8ca9f808d",
                "$ref": "../Users/26118915-6090-4610-87e4-49d8ca9f808d",
                "displayName": "John Smith"
            }
        },
        "meta": {
            "resourceType": "User",
            "created": "2010-01-23T04:56:22Z",
            "lastModified": "2011-05-13T04:42:34Z",
            "version": "W/\"3694e05e9dff591\"",
            "location": "https://example.com/v2/Users/2819c223-7f76-453a-919d-413861904646"
        }
    })
}

fn read(body: &Value) -> Resource {
    Resource::read(user(), body.as_object().unwrap(), &Policy::default()).unwrap()
}

/// The ids of a group's members after a PATCH.
fn patch_members(before: &[Value], operations: &Value) -> Result<Vec<String>, Error> {
    let body = json!({ "schemas": [PATCH_URN], "Operations": operations });
    let patch = GroupPatch::read(group(), body.as_object().unwrap())?;
    let change = members::net_among(&patch.members, before);
    let mut ids: Vec<String> = before.iter().map(|member| member["value"].as_str().unwrap().into()).collect();
    ids.retain(|id| change.keeps_others && !change.removed.contains(id));
    for member in change.added {
        if !ids.contains(&member.value) {
            ids.push(member.value);
        }
    }
    Ok(ids)
}

fn patch(of: &ResourceType, before: &Value, operations: Value) -> Result<Value, Error> {
    let before = Resource::read(of, before.as_object().unwrap(), &Policy::default()).unwrap();
    let body = json!({ "schemas": [PATCH_URN], "Operations": operations });
    let patched = Patch::read(of, body.as_object().unwrap())?.apply(of, &before, &Policy::default())?;
    Ok(Value::Object(patched.resource.as_object().clone()))
}

#[test]
fn rfc_7643_section_8_3_the_enterprise_user_is_kept_exactly() {
    let sent = enterprise_user();
    let mut body = sent.as_object().unwrap().clone();
    sanitize::resource(USER_URN, &mut body, &Policy::default()).unwrap();
    let mut expected = sent;
    // What the server alone sets, and the password, which it never keeps.
    for name in ["schemas", "id", "meta", "groups", "password"] {
        expected.as_object_mut().unwrap().shift_remove(name);
    }
    assert_eq!(Value::Object(read(&Value::Object(body)).as_object().clone()), expected);
}

#[test]
fn rfc_7643_section_2_5_null_and_an_empty_array_are_unassigned() {
    let plain = read(&json!({"userName": "bjensen"}));
    for unassigned in [
        json!({"userName": "bjensen", "title": null, "emails": [], "name": null, "addresses": [null]}),
        json!({"userName": "bjensen", "name": {"givenName": null}, "emails": [{}], ENTERPRISE_URN: {}}),
        json!({"userName": "bjensen", ENTERPRISE_URN: {"manager": {"value": null}}}),
    ] {
        assert_eq!(read(&unassigned), plain, "{unassigned}");
    }
}

#[test]
fn rfc_7643_section_2_1_names_and_urns_are_read_in_any_letter_case() {
    let shouted = json!({
        "USERNAME": "bjensen", "Name": {"GIVENNAME": "Barbara"}, ENTERPRISE_URN.to_uppercase(): {"MANAGER": {"VALUE": "1"}}
    });
    let plain = json!({
        "userName": "bjensen", "name": {"givenName": "Barbara"}, ENTERPRISE_URN: {"manager": {"value": "1"}}
    });
    assert_eq!(read(&shouted), read(&plain));
}

#[test]
fn rfc_7643_section_2_4_one_value_at_most_is_primary() {
    let two = json!({"userName": "b", "emails": [{"value": "a", "primary": true}, {"value": "b", "primary": true}]});
    let error = Resource::read(user(), two.as_object().unwrap(), &Policy::default()).unwrap_err();
    assert_eq!(error.scim_type, Some(ScimType::InvalidValue));
}

#[test]
fn rfc_7644_section_3_4_2_2_filters() {
    let user_8_3 = enterprise_user();
    for (text, matches) in [
        ("userName Eq \"john\"", false),
        ("Username eq \"john\"", false),
        ("userName eq \"bjensen\"", false),
        ("userName eq \"bjensen@example.com\"", true),
        ("name.familyName co \"O'Malley\"", false),
        ("userName sw \"J\"", false),
        ("userName sw \"B\"", true),
        ("urn:ietf:params:scim:schemas:core:2.0:User:userName sw \"J\"", false),
        ("title pr", true),
        ("meta.lastModified gt \"2011-05-13T04:42:34Z\"", false),
        ("meta.lastModified ge \"2011-05-13T04:42:34Z\"", true),
        ("meta.lastModified lt \"2011-05-13T04:42:34Z\"", false),
        ("meta.lastModified le \"2011-05-13T04:42:34Z\"", true),
        ("title pr and userType eq \"Employee\"", true),
        ("title pr or userType eq \"Intern\"", true),
        ("schemas eq \"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User\"", true),
        ("userType eq \"Employee\" and (emails co \"example.com\" or emails.value co \"example.org\")", true),
        (
            "userType ne \"Employee\" and not (emails co \"example.com\" or emails.value co \"example.org\")",
            false,
        ),
        ("userType eq \"Employee\" and (emails.type eq \"work\")", true),
        ("userType eq \"Employee\" and emails[type eq \"work\" and value co \"@example.com\"]", true),
        (
            "emails[type eq \"work\" and value co \"@example.com\"] or ims[type eq \"xmpp\" and value co \"@foo.com\"]",
            true,
        ),
        ("groups.value eq \"fc348aa8-3835-40eb-a20b-c726e15c55b5\"", true),
        ("groups[display eq \"Tour Guides\" and value sw \"fc\"]", false),
        ("manager eq \"26118915-6090-4610-87e4-49d8ca9f808d\"", true),
    ] {
        let filter = filter::parse(user(), text).expect(text);
        assert_eq!(filter.matches(&user_8_3), matches, "{text}");
    }
}

#[test]
fn rfc_7644_table_3_to_5_operators_on_each_type() {
    let user_8_3 = enterprise_user();
    let parsed = |text: &str| filter::parse(user(), text).map(|filter| filter.matches(&user_8_3));
    // "Boolean and Binary attributes SHALL cause a failed response (HTTP status code 400) with scimType invalidFilter."
    for operator in ["gt", "ge", "lt", "le"] {
        assert!(parsed(&format!("active {operator} true")).is_err(), "{operator}");
        assert!(parsed(&format!("x509Certificates.value {operator} \"MII\"")).is_err(), "{operator}");
    }
    // Strings are ordered lexicographically, as caseExact says; "pr" needs a value that is not empty.
    assert!(parsed("userName gt \"AJENSEN\"").unwrap());
    assert!(parsed("externalId lt \"701985\" and externalId gt \"701983\"").unwrap());
    assert!(parsed("name pr and emails pr and not (entitlements pr)").unwrap());
    // Grouping before not, not before and, and before or.
    assert!(parsed("title pr or nickName eq \"x\" and active eq false").unwrap());
    assert!(!parsed("(title pr or nickName eq \"x\") and active eq false").unwrap());
    assert!(parsed("not (active eq false) and title pr").unwrap());
}

#[test]
fn rfc_7644_section_3_4_2_2_members_of_a_group() {
    let tour_guides = json!({
        "id": "e9e30dba-f08f-4109-8486-d5c6a331660a", "displayName": "Tour Guides",
        "members": [
            {"value": "2819c223-7f76-453a-919d-413861904646", "display": "Babs Jensen", "type": "User"},
            {"value": "902c246b-6245-4190-8e05-00816be7344a", "display": "Mandy Pepperidge", "type": "User"}
        ]
    });
    for (text, matches) in [
        ("members.value eq \"2819c223-7f76-453a-919d-413861904646\"", true),
        ("members eq \"902c246b-6245-4190-8e05-00816be7344a\"", true),
        ("members eq \"902C246B-6245-4190-8e05-00816be7344a\"", false),
        ("displayName eq \"tour guides\" and members[display sw \"Mandy\" and type eq \"User\"]", true),
        ("members[value eq \"1\"]", false),
    ] {
        assert_eq!(filter::parse(group(), text).expect(text).matches(&tour_guides), matches, "{text}");
    }
}

#[test]
fn rfc_7644_section_3_5_2_paths() {
    for (of, path, valid) in [
        (group(), "members", Ok(())),
        (user(), "name.familyName", Ok(())),
        (user(), "addresses[type eq \"work\"]", Ok(())),
        (group(), "members[value eq \"2819c223-7f76-453a-919d-413861904646\"]", Ok(())),
        // The RFC's own example; the sub-attribute's name is `display`, and the server sets it.
        (
            group(),
            "members[value eq \"2819c223-7f76-453a-919d-413861904646\"].displayName",
            Err(Some(ScimType::InvalidPath)),
        ),
        (
            group(),
            "members[value eq \"2819c223-7f76-453a-919d-413861904646\"].display",
            Err(Some(ScimType::Mutability)),
        ),
    ] {
        let body = json!({"Operations": [{"op": "remove", "path": path}]});
        let read = Patch::read(of, body.as_object().unwrap());
        assert_eq!(read.map(|_| ()).map_err(|error| error.scim_type), valid, "{path}");
    }
}

const BABS: &str = "2819c223-7f76-453a-919d-413861904646";
const JAMES: &str = "08e1d05d-121c-4561-8b96-473d93df9210";

fn babs_in_the_group() -> Value {
    json!({
        "display": "Babs Jensen",
        "$ref": format!("https://example.com/v2/Users/{BABS}"),
        "value": BABS
    })
}

fn james() -> Value {
    json!({
        "display": "James Smith",
        "$ref": format!("https://example.com/v2/Users/{JAMES}"),
        "value": JAMES
    })
}

#[test]
fn rfc_7644_section_3_5_2_1_add() {
    let add = json!([{"op": "add", "path": "members", "value": [babs_in_the_group()]}]);
    assert_eq!(patch_members(&[], &add).unwrap(), [BABS]);
    // "If the value already exists in the target location, no changes are made."
    assert_eq!(patch_members(&[babs_in_the_group()], &add).unwrap(), [BABS]);

    let add = json!([{"op": "add", "value": {"emails": [{"value": "babs@jensen.org", "type": "home"}], "nickname": "Babs"}}]);
    let after = patch(user(), &json!({"userName": "bjensen", "nickName": "B"}), add).unwrap();
    assert_eq!(after["emails"], json!([{"value": "babs@jensen.org", "type": "home"}]));
    assert_eq!(after["nickName"], "Babs");
}

#[test]
fn rfc_7644_section_3_5_2_2_remove() {
    let both = [babs_in_the_group(), james()];
    let remove = json!({"op": "remove", "path": format!("members[value eq \"{BABS}\"]")});
    assert_eq!(patch_members(&both, &json!([remove])).unwrap(), [JAMES]);
    let all = json!([{"op": "remove", "path": "members"}]);
    assert_eq!(patch_members(&both, &all).unwrap(), [""; 0]);
    let exchange = json!([remove, {"op": "add", "path": "members", "value": [james()]}]);
    assert_eq!(patch_members(&[babs_in_the_group()], &exchange).unwrap(), [JAMES]);
    let work = json!([{"op": "remove", "path": "emails[type eq \"work\" and value ew \"example.com\"]"}]);
    let after = patch(user(), &enterprise_user(), work).unwrap();
    assert_eq!(after["emails"], json!([{"value": "babs@jensen.org", "type": "home"}]));
    // "If "path" is unspecified, the operation fails with HTTP status code 400 and a "scimType" of "noTarget"."
    let error = patch(user(), &enterprise_user(), json!([{"op": "remove"}])).unwrap_err();
    assert_eq!((error.status, error.scim_type), (400, Some(ScimType::NoTarget)));
}

#[test]
fn rfc_7644_section_3_5_2_3_replace() {
    let replace = json!([{"op": "replace", "path": "members", "value": [james()]}]);
    assert_eq!(patch_members(&[babs_in_the_group()], &replace).unwrap(), [JAMES]);

    let address = json!({
        "type": "work", "streetAddress": "911 Universal City Plaza", "locality": "Hollywood", "region": "CA",
        "postalCode": "91608", "country": "US", "formatted": "911 Universal City Plaza\nHollywood, CA 91608 US",
        "primary": true
    });
    let replace = json!([{"op": "replace", "path": "addresses[type eq \"work\"]", "value": address}]);
    let after = patch(user(), &enterprise_user(), replace).unwrap();
    assert_eq!(after["addresses"][0], address);
    assert_eq!(after["addresses"][1], enterprise_user()["addresses"][1]);

    let street = json!([{"op": "replace", "path": "addresses[type eq \"work\"].streetAddress", "value": "1010 Broadway Ave"}]);
    let after = patch(user(), &enterprise_user(), street).unwrap();
    let mut expected = enterprise_user()["addresses"][0].clone();
    expected["streetAddress"] = json!("1010 Broadway Ave");
    assert_eq!(after["addresses"][0], expected);

    let emails = json!([
        {"value": "bjensen@example.com", "type": "work", "primary": true},
        {"value": "babs@jensen.org", "type": "home"}
    ]);
    let all = json!([{"op": "replace", "value": {"emails": emails, "nickname": "Babs"}}]);
    let after = patch(user(), &json!({"userName": "bjensen", "emails": [{"value": "x@y"}]}), all).unwrap();
    assert_eq!((&after["emails"], &after["nickName"]), (&emails, &json!("Babs")));

    // "If the target location is a multi-valued attribute for which a value selection filter has been supplied and no
    // record match was made, the service provider SHALL indicate failure by returning … noTarget."
    let nobody = json!([{"op": "replace", "path": "addresses[type eq \"other\"].region", "value": "CA"}]);
    assert_eq!(patch(user(), &enterprise_user(), nobody).unwrap_err().scim_type, Some(ScimType::NoTarget));
}

#[test]
fn rfc_7644_section_3_9_projection() {
    let shown = |name: &str, list: &str| {
        Projection::read(user(), &[(name.into(), list.into())]).unwrap().apply(user(), enterprise_user())
    };
    assert_eq!(
        shown("attributes", "userName"),
        json!({
            "schemas": [USER_URN, ENTERPRISE_URN], "id": "2819c223-7f76-453a-919d-413861904646",
            "userName": "bjensen@example.com"
        })
    );
    let without = shown(
        "excludedAttributes",
        "emails.type,urn:ietf:params:scim:schemas:extension:enterprise:2.0:User,id",
    );
    assert_eq!(without["emails"][1], json!({"value": "babs@jensen.org"}));
    assert_eq!(without.get(ENTERPRISE_URN), None);
    assert_eq!(without["id"], enterprise_user()["id"]);
    assert_eq!(without["addresses"], enterprise_user()["addresses"]);
}

#[test]
fn rfc_7644_section_3_10_attribute_notation() {
    for (text, name) in [
        ("urn:ietf:params:scim:schemas:core:2.0:User:userName", "userName"),
        ("userName", "userName"),
        ("urn:ietf:params:scim:schemas:core:2.0:User:name.familyName", "name.familyName"),
        ("urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:employeeNumber", "employeeNumber"),
        (
            "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.displayName",
            "manager.displayName",
        ),
    ] {
        let Ok(AttrPath::Attribute { attribute, sub, .. }) = AttrPath::resolve(user(), text) else {
            panic!("{text}");
        };
        let found = sub.map_or(attribute.name.to_string(), |sub| format!("{}.{}", attribute.name, sub.name));
        assert_eq!(found, name);
    }
}

#[test]
fn rfc_7644_section_3_12_an_error() {
    let error = patch(user(), &enterprise_user(), json!([{"op": "replace", "path": "id", "value": "1"}]))
        .unwrap_err();
    let body = error.body();
    assert_eq!(body["schemas"], json!(["urn:ietf:params:scim:api:messages:2.0:Error"]));
    assert_eq!((&body["scimType"], &body["status"]), (&json!("mutability"), &json!("400")));
}
