//! Members in the body of a POST or PUT.

use super::*;
use crate::scim::group::GROUP_URN;
use crate::scim::{Code, ScimType};

/// The members of a body that says this of them.
fn taken(members: Value) -> Result<Option<Vec<NamedMember>>, Error> {
    take(&mut object(&json!({ "displayName": "Tour Guides", "members": members })))
}

fn user(id: &str) -> NamedMember {
    NamedMember { value: id.into(), kind: Some(MemberType::User) }
}

fn within(id: &str) -> NamedMember {
    NamedMember { value: id.into(), kind: Some(MemberType::Group) }
}

#[test]
fn a_body_that_does_not_speak_of_members_is_told_from_one_that_says_none() {
    assert_eq!(take(&mut object(&json!({ "displayName": "Tour Guides" }))), Ok(None));
    assert_eq!(taken(Value::Null), Ok(None));
    assert_eq!(taken(json!([])), Ok(Some(Vec::new())));
    assert_eq!(taken(json!([null])), Ok(Some(Vec::new())));
}

#[test]
fn members_are_read_in_every_form_that_clients_send() {
    for (members, expected) in [
        (json!([{"value": "u1"}, {"value": "u2"}]), named(&["u1", "u2"])),
        (json!(["string id 1", "string id 2"]), named(&["string id 1", "string id 2"])),
        (json!({"value": "u1"}), named(&["u1"])),
        (json!("u1"), named(&["u1"])),
        (json!([{"$ref": null, "value": "u1", "display": null, "type": null}]), named(&["u1"])),
        (json!([{"VALUE": "u1", "Display": "Babs"}]), named(&["u1"])),
        (
            json!([{"value": "u1", "type": "User"}, {"value": "g1", "type": "GROUP"}]),
            vec![user("u1"), within("g1")],
        ),
        (json!([{"value": "u1", "type": ""}]), named(&["u1"])),
        (
            json!([{"$ref": "https://example.com/v2/Users/u1"}, {"$REF": "../Groups/g1/"}]),
            vec![user("u1"), within("g1")],
        ),
        (json!([{"$ref": "../Users/u1", "value": null}]), vec![user("u1")]),
        // What is named decides, not where a client believes that it is.
        (json!([{"value": "u1", "$ref": "https://example.com/v2/Groups/g1"}]), named(&["u1"])),
        (json!([{"value": "u1", "$ref": 7, "display": {}, "primary": true}]), named(&["u1"])),
    ] {
        assert_eq!(taken(members.clone()), Ok(Some(expected)), "{members}");
    }
}

#[test]
fn the_same_member_twice_is_one() {
    let members = json!([{"value": "b"}, {"value": "a"}, "b", {"value": "a", "type": "User"}, {"value": "a", "type": "Group"}]);
    assert_eq!(taken(members), Ok(Some(vec![NamedMember { value: "b".into(), kind: None }, user("a")])));
    // Ids are compared exactly.
    assert_eq!(taken(json!(["a", "A"])), Ok(Some(named(&["a", "A"]))));
}

#[test]
fn what_names_nobody_is_refused_and_named() {
    let long = "x".repeat(256);
    for (members, code, told) in [
        (json!([{"display": "Babs"}]), Code::RequiredMissing, "members.value"),
        (json!([{}]), Code::RequiredMissing, "members.value"),
        (json!({"value": null}), Code::RequiredMissing, "members.value"),
        (json!([{"value": ""}]), Code::RequiredMissing, "members.value"),
        (json!(["u1", "  "]), Code::RequiredMissing, "members.value"),
        (json!([{"$ref": "https://example.com/v2/Devices/1"}]), Code::RequiredMissing, "members.value"),
        (json!([{"$ref": "../Users/"}]), Code::RequiredMissing, "members.value"),
        (json!([{"$ref": 7}]), Code::RequiredMissing, "members.value"),
        (json!([{"value": 7}]), Code::WrongType, "members.value"),
        (json!([{"value": ["u1"]}]), Code::WrongType, "members.value"),
        (json!([7]), Code::WrongType, "members"),
        (json!([["u1"]]), Code::WrongType, "members"),
        (json!(true), Code::WrongType, "members"),
        (json!([{"value": "u1", "type": "Device"}]), Code::UnacceptableValue, "Device"),
        (json!([{"value": "u1", "type": 7}]), Code::WrongType, "members.type"),
        (json!([{"value": "u\u{0}1"}]), Code::UnacceptableValue, "\"u 1\""),
        (json!(["u\n1"]), Code::UnacceptableValue, "\"u 1\""),
        (json!([{"$ref": "../Users/u\u{7f}1"}]), Code::UnacceptableValue, "\"u 1\""),
        (json!([{"value": &long}]), Code::ValueTooLong, "xxx"),
    ] {
        let error = taken(members.clone()).unwrap_err();
        assert_eq!(
            (error.status, error.scim_type, error.code),
            (400, Some(ScimType::InvalidValue), code),
            "{members}"
        );
        assert!(error.detail.contains(told) && !error.detail.contains(&long), "{}", error.detail);
    }
    assert_eq!(taken(json!([&long[1..]])), Ok(Some(named(&[&long[1..]]))));
}

#[test]
fn members_are_found_wherever_an_attribute_may_stand_and_taken_out() {
    for (body, rest) in [
        (json!({"MEMBERS": ["u1"], "displayName": "x"}), json!({"displayName": "x"})),
        (json!({format!("{GROUP_URN}:members"): ["u1"]}), json!({})),
        (json!({GROUP_URN.to_uppercase(): {"Members": ["u1"]}}), json!({})),
        (
            json!({GROUP_URN: {"members": ["u1"], "displayName": "x"}, "externalId": "e"}),
            json!({GROUP_URN: {"displayName": "x"}, "externalId": "e"}),
        ),
        // Null says nothing, so it is not said twice.
        (json!({"members": null, GROUP_URN: {"members": ["u1"]}}), json!({})),
    ] {
        let mut left = object(&body);
        assert_eq!(take(&mut left), Ok(Some(named(&["u1"]))), "{body}");
        assert_eq!(Value::Object(left), rest, "{body}");
    }
    for other in [
        json!({"members.value": "u1"}),
        json!({"urn:example:2.0:Group:members": ["u1"], "memberS2": ["u1"], GROUP_URN: {}}),
        json!({"externalId": {"members": ["u1"]}}),
    ] {
        let mut left = object(&other);
        assert_eq!(take(&mut left), Ok(None), "{other}");
        assert_eq!(Value::Object(left), other);
    }
}

#[test]
fn members_that_stand_twice_are_refused() {
    for body in [
        json!({"members": ["u1"], "Members": ["u2"]}),
        json!({"members": [], format!("{GROUP_URN}:members"): ["u2"]}),
        json!({"members": ["u1"], GROUP_URN: {"members": ["u1"]}}),
    ] {
        let error = take(&mut object(&body)).unwrap_err();
        assert_eq!(
            (error.scim_type, error.code),
            (Some(ScimType::InvalidSyntax), Code::WrongMessage),
            "{body}"
        );
    }
}
