//! What becomes of a body: canonical names, types, what is required, kept, immutable.

use serde_json::json;

use super::super::schema::Extension;
use super::super::user::{user, user_with};
use super::*;

fn read(body: &Value) -> Result<Value, Error> {
    Resource::read(user(), body.as_object().unwrap(), &Policy::default())
        .map(|resource| Value::Object(resource.as_object().clone()))
}

#[test]
fn names_get_their_canonical_case_and_unassigned_values_vanish() {
    let canonical = read(&json!({
        "SCHEMAS": ["urn:ietf:params:scim:schemas:core:2.0:user", "urn:scim:schemas:core:1.0"],
        "USERNAME": "bjensen", "Name": { "GIVENNAME": "Babs", "familyName": null }, "title": null,
        "phoneNumbers": [], "addresses": null, "roles": [{}], "unheardOf": 1, "id": "x", "meta": {"a": 1},
        "URN:ietf:params:scim:schemas:extension:enterprise:2.0:User": { "Department": "Sales" }
    }));
    assert_eq!(
        canonical.unwrap(),
        json!({
            "userName": "bjensen", "name": { "givenName": "Babs" },
            "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": { "department": "Sales" }
        })
    );
}

#[test]
fn wrong_types_are_told_with_the_attribute() {
    for (body, name) in [
        (json!({"userName": 1}), "userName"),
        (json!({"userName": "b", "active": "yes"}), "active"),
        (json!({"userName": "b", "name": "x"}), "name"),
        (json!({"userName": "b", "name": {"givenName": []}}), "name.givenName"),
        (json!({"userName": "b", "emails": {"value": "x"}}), "emails"),
        (json!({"userName": "b", "emails": [{"value": 1}]}), "emails.value"),
        (json!({"userName": "b", "title": "a\u{0}b"}), "title"),
    ] {
        let error = read(&body).unwrap_err();
        assert_eq!((error.status, error.scim_type), (400, Some(ScimType::InvalidValue)), "{body}");
        assert!(error.detail.contains(name), "{error}");
    }
}

#[test]
fn a_required_attribute_must_be_there_and_not_blank() {
    for body in [json!({}), json!({"userName": null}), json!({"userName": " "})] {
        assert_eq!(read(&body).unwrap_err().code, Code::RequiredMissing, "{body}");
    }
}

#[test]
fn schemas_must_name_the_core_schema_where_they_are_sent() {
    let error = read(&json!({"schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"], "userName": "b"}));
    assert_eq!(error.unwrap_err().code, Code::WrongMessage);
    let error = read(&json!({"schemas": "urn:ietf:params:scim:schemas:core:2.0:User", "userName": "b"}));
    assert_eq!(error.unwrap_err().code, Code::WrongMessage);
    assert!(read(&json!({"schemas": [], "userName": "b"})).is_ok());
}

#[test]
fn one_attribute_in_two_letter_cases_is_refused() {
    let error = read(&json!({"userName": "a", "username": "b"})).unwrap_err();
    assert_eq!(error.code, Code::WrongMessage);
}

#[test]
fn two_primary_values_are_refused_and_identical_values_stored_once() {
    let two = json!({"userName": "b", "emails": [{"value": "a", "primary": true}, {"value": "b", "primary": true}]});
    assert_eq!(read(&two).unwrap_err().code, Code::UnacceptableValue);
    let twice = json!({"userName": "b", "emails": [{"value": "a"}, {"value": "a"}]});
    assert_eq!(read(&twice).unwrap()["emails"], json!([{"value": "a"}]));
    let turned =
        json!({"userName": "b", "emails": [{"value": "a", "type": "b"}, {"type": "b", "value": "a"}]});
    assert_eq!(read(&turned).unwrap()["emails"], json!([{"value": "a", "type": "b"}]));
}

#[test]
fn too_many_values_are_refused() {
    let emails = |count: usize| (0..count).map(|n| json!({"value": n.to_string()})).collect::<Vec<_>>();
    assert!(read(&json!({"userName": "b", "emails": emails(MAX_VALUES)})).is_ok());
    let error = read(&json!({"userName": "b", "emails": emails(MAX_VALUES + 1)})).unwrap_err();
    assert_eq!(error.code, Code::ValueTooLong);
}

#[test]
fn unknown_attributes_are_refused_where_the_realm_says_so() {
    let policy = Policy { refuse_unknown: true, ..Policy::default() };
    let refused = |body: Value| Resource::read(user(), body.as_object().unwrap(), &policy).err();
    assert_eq!(refused(json!({"userName": "b", "unheardOf": 1})).unwrap().code, Code::UnknownAttribute);
    assert_eq!(refused(json!({"userName": "b", "name": {"x": 1}})).unwrap().code, Code::UnknownAttribute);
    assert!(refused(json!({"userName": "b", "groups": []})).is_none());
}

const URN: &str = "urn:example:params:scim:schemas:extension:badge:2.0:User";

/// A schema with an attribute of each characteristic.
fn badge(required: bool) -> ResourceType {
    let attribute = |name: &str, mutability| Attribute { mutability, ..Attribute::string(name, "") };
    let access = Attribute::complex(
        "access",
        "",
        vec![Attribute { required: true, ..Attribute::string("zone", "") }, Attribute::string("side", "")],
    );
    let schema = Schema::new(
        URN,
        "Badge",
        "",
        vec![
            Attribute { required: true, ..Attribute::string("number", "") },
            attribute("issuer", Mutability::Immutable).kept(),
            attribute("pin", Mutability::WriteOnly).kept(),
            Attribute::string("colour", "").read_only(),
            Attribute::new("expires", Type::DateTime, ""),
            Attribute::new("level", Type::Integer, ""),
            Attribute::new("weight", Type::Decimal, ""),
            Attribute::string("tags", "").many(),
            access.many(),
        ],
    );
    user_with(vec![Extension { schema: Arc::new(schema), required }])
}

fn badged(of: &ResourceType, badge: Value) -> Result<Resource, Error> {
    let body = json!({"userName": "b", URN: badge});
    Resource::read(of, body.as_object().unwrap(), &Policy::default())
}

#[test]
fn a_custom_schema_judges_types() {
    let of = badge(false);
    let taken = json!({
        "number": "7", "expires": "2027-01-01T00:00:00+02:00", "level": -3, "weight": 7, "tags": ["a", "b", "a"],
        "access": [{"zone": "N"}]
    });
    let read = badged(&of, taken).unwrap();
    assert_eq!(read.as_object()[URN]["tags"], json!(["a", "b"]));
    for (name, value) in [
        ("expires", json!("tomorrow")),
        ("level", json!(1.5)),
        ("level", json!("x")),
        ("weight", json!(true)),
        ("tags", json!("a")),
        ("tags", json!([1])),
        ("access", json!([{"side": "left"}])),
        ("access", json!({"zone": "N"})),
    ] {
        let error = badged(&of, json!({"number": "7", name: value})).unwrap_err();
        assert_eq!((error.status, error.scim_type), (400, Some(ScimType::InvalidValue)), "{name}");
        assert!(error.detail.contains(name), "{error}");
    }
}

#[test]
fn an_extension_that_must_be_there_must_have_what_it_requires() {
    let missing = |of: &ResourceType, badge: Value| badged(of, badge).err().map(|error| error.code);
    let (optional, required) = (badge(false), badge(true));
    assert_eq!(missing(&optional, json!(null)), None);
    assert_eq!(missing(&optional, json!({"level": null})), None);
    assert_eq!(missing(&optional, json!({"level": 1})), Some(Code::RequiredMissing));
    assert_eq!(missing(&required, json!(null)), Some(Code::RequiredMissing));
    assert_eq!(missing(&required, json!({"number": " "})), Some(Code::RequiredMissing));
    assert_eq!(missing(&required, json!({"number": "7"})), None);
}

#[test]
fn what_can_not_be_taken_back_costs_itself_alone() {
    let stored = json!({
        "title": 7, "nickName": "B", "shoeSize": 46,
        URN: {"number": ["7"], "level": "many", "tags": "a", "unheard": 1, "expires": "2027-01-01T00:00:00Z"}
    });
    let (taken, rest) = Resource::restore_some(&badge(false), stored.as_object().unwrap());
    assert_eq!(
        Value::Object(taken.as_object().clone()),
        json!({"nickName": "B", URN: {"number": "7", "tags": ["a"], "expires": "2027-01-01T00:00:00Z"}})
    );
    assert_eq!(
        Value::Object(rest),
        json!({"title": 7, "shoeSize": 46, URN: {"level": "many", "unheard": 1}})
    );
}

#[test]
fn what_the_server_alone_sets_is_ignored() {
    let read = badged(&badge(false), json!({"number": "7", "colour": "red"})).unwrap();
    assert_eq!(read.as_object()[URN].get("colour"), None);
}

#[test]
fn a_put_keeps_what_it_can_not_have_meant_to_clear() {
    let of = badge(false);
    let mut before = badged(&of, json!({"number": "7", "issuer": "HQ", "pin": "1234", "level": 1})).unwrap();
    let (schema, colour) =
        (of.extensions[1].schema.clone(), of.extensions[1].schema.attribute("colour").unwrap());
    before.set(Some(&schema), colour, Some(json!("red")));
    before.set_text(&of, "externalId", Some("x"));
    before.set_text(&of, "title", Some("Guide"));
    before.set_flag("active", Some(false));
    let mut after = badged(&of, json!({"number": "8"})).unwrap();
    after.keep_omitted(&of, &before);
    assert_eq!(
        Value::Object(after.as_object().clone()),
        json!({
            "userName": "b", "externalId": "x", "active": false,
            URN: {"number": "8", "issuer": "HQ", "pin": "1234", "colour": "red"}
        })
    );
}

#[test]
fn an_immutable_attribute_is_set_once() {
    let of = badge(false);
    let with = |issuer: Value| badged(&of, json!({"number": "7", "issuer": issuer})).unwrap();
    let (none, hq, branch) = (with(json!(null)), with(json!("HQ")), with(json!("Branch")));
    assert!(hq.check_immutable(&of, &none).is_ok());
    assert!(hq.check_immutable(&of, &hq).is_ok());
    for after in [&branch, &none] {
        let error = after.check_immutable(&of, &hq).unwrap_err();
        assert_eq!((error.status, error.scim_type), (400, Some(ScimType::Mutability)));
        assert_eq!(error.code, Code::ImmutableAttribute);
    }
}

#[test]
fn a_sub_attribute_of_several_values_is_not_set_as_if_there_were_one() {
    let of = badge(false);
    let mut badged = badged(&of, json!({"number": "7", "access": [{"zone": "N"}]})).unwrap();
    let before = badged.clone();
    badged.set_text(&of, &format!("{URN}:access.zone"), Some("S"));
    assert_eq!(badged, before);
}
