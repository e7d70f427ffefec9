//! PATCH: which operations are the members', and what they say.

use super::*;
use crate::scim::filter::parse_within;
use crate::scim::group::GROUP_URN;
use crate::scim::path::AttrPath;
use crate::scim::{Code, Patch, Policy, Resource, ScimType};

/// What one operation does to the members; it must do nothing else.
fn changes(operation: Value) -> Vec<MemberChange> {
    let patch = read(&json!([operation])).unwrap_or_else(|error| panic!("{error}: {operation}"));
    assert!(patch.attributes.is_none(), "{operation}");
    patch.members
}

fn refused(operation: Value) -> Error {
    read(&json!([operation])).expect_err(&operation.to_string())
}

/// What the operations on other attributes make of a group, if there are any.
fn others(patch: &GroupPatch) -> Option<Value> {
    let before = json!({ "displayName": "Tour Guides", "externalId": "e" });
    let before = Resource::read(group(), &object(&before), &Policy::default()).unwrap();
    let patched = patch.attributes.as_ref()?.apply(group(), &before, &Policy::default()).unwrap();
    Some(Value::Object(patched.resource.as_object().clone()))
}

#[test]
fn members_are_added_in_every_form() {
    for value in [
        json!([{"value": "u1"}]),
        json!([{"$ref": null, "value": "u1"}]),
        json!({"value": "u1", "display": "Babs"}),
        json!("u1"),
        json!(["u1", "u1"]),
    ] {
        for path in [
            "members",
            "Members",
            " members ",
            &format!("{GROUP_URN}:members"),
            &format!("{GROUP_URN}.MEMBERS"),
        ] {
            let operation = json!({"op": "Add", "path": path, "value": value});
            assert_eq!(changes(operation.clone()), [add(&["u1"])], "{operation}");
        }
    }
    let kinds = json!([{"value": "u1", "type": "User"}, {"value": "g1", "type": "group"}]);
    let MemberChange::Add(added) = &changes(json!({"op": "add", "path": "members", "value": kinds}))[0]
    else {
        panic!()
    };
    assert_eq!([added[0].kind, added[1].kind], [Some(MemberType::User), Some(MemberType::Group)]);
    for nothing in [json!([]), json!(null), json!([null])] {
        assert_eq!(changes(json!({"op": "add", "path": "members", "value": nothing})), []);
    }
}

#[test]
fn adding_to_a_value_path_adds_who_is_named() {
    let add_at = |filter: &str, value: Value| {
        changes(json!({"op": "add", "path": format!("members[{filter}]"), "value": value}))
    };
    for nobody in [json!({}), json!([]), json!({"display": "Babs"}), json!({"value": null}), Value::Null] {
        assert_eq!(add_at("value eq \"u1\"", nobody.clone()), [add(&["u1"])], "{nobody}");
    }
    assert_eq!(add_at("value eq \"u1\"", json!({"value": "u1"})), [add(&["u1"])]);
    assert_eq!(add_at("type eq \"User\"", json!({"value": "u2"})), [add(&["u2"])]);
    assert_eq!(add_at("value eq \"u1\"", json!([{"value": "u2"}, "u3"])), [add(&["u2", "u3"])]);
    let nobody =
        refused(json!({"op": "add", "path": "members[type eq \"User\"]", "value": {"display": "Babs"}}));
    assert_eq!((nobody.scim_type, nobody.code), (Some(ScimType::InvalidValue), Code::RequiredMissing));
    let two = refused(json!({"op": "add", "path": "members[value eq \"a\" or value eq \"b\"]", "value": {}}));
    assert_eq!(two.code, Code::RequiredMissing);
}

#[test]
fn entra_removes_by_the_value_and_only_whom_it_names() {
    let by_value = json!({"op": "Remove", "path": "members", "value": [{"$ref": null, "value": "u1"}]});
    assert_eq!(changes(by_value), [remove(&["u1"])]);
    for value in [json!({"value": "u1"}), json!("u1"), json!(["u1"])] {
        assert_eq!(changes(json!({"op": "remove", "path": "members", "value": value})), [remove(&["u1"])]);
    }
    // Nobody is named, so nobody goes; without a value all do.
    assert_eq!(changes(json!({"op": "remove", "path": "members", "value": []})), []);
    for all in [
        json!({"op": "remove", "path": "members"}),
        json!({"op": "remove", "path": "members", "value": null}),
    ] {
        assert_eq!(changes(all.clone()), [replace(&[])], "{all}");
    }
    let nobody = refused(json!({"op": "remove", "path": "members", "value": [{"display": "Babs"}]}));
    assert_eq!(nobody.scim_type, Some(ScimType::InvalidValue));
}

#[test]
fn a_value_filter_of_ids_alone_removes_them() {
    let removed = |filter: &str| changes(json!({"op": "remove", "path": format!("members[{filter}]")}));
    assert_eq!(removed("value eq \"89bb\""), [remove(&["89bb"])]);
    assert_eq!(removed("VALUE Eq \"Ab\""), [remove(&["Ab"])]);
    assert_eq!(removed("(value eq \"a\") or (value eq \"b\" or value eq \"c\")"), [remove(&["a", "b", "c"])]);
    assert_eq!(removed("value eq u1"), [remove(&["u1"])]);
    // The value says nothing that the filter does not.
    let with_value = json!({"op": "remove", "path": "members[value eq \"a\"]", "value": [{"value": "b"}]});
    assert_eq!(changes(with_value), [remove(&["a"])]);
    // Nobody can have such an id.
    assert_eq!(removed("value eq \"\""), []);
    assert_eq!(removed("value eq \"a\" or value eq \"b\\u0000\""), [remove(&["a"])]);
}

#[test]
fn any_other_value_filter_waits_for_the_members() {
    let Ok(AttrPath::Attribute { attribute: members, .. }) = AttrPath::resolve(group(), "members") else {
        panic!()
    };
    for filter in [
        "type eq \"Group\"",
        "value eq \"a\" and type eq \"User\"",
        "value eq \"a\" or display co \"b\"",
        "not (value eq \"a\")",
        "value ne \"a\"",
        "value eq null",
        "value pr",
        "$ref eq \"a\"",
    ] {
        let removed = changes(json!({"op": "remove", "path": format!("members[{filter}]")}));
        let parsed = parse_within(members, filter).unwrap();
        assert_eq!(removed, [MemberChange::RemoveMatching(parsed)], "{filter}");
    }
}

#[test]
fn a_replace_names_all_members_that_there_are_to_be() {
    let replaced = |value: Value| changes(json!({"op": "replace", "path": "members", "value": value}));
    assert_eq!(replaced(json!([{"value": "a", "display": "A"}, {"value": "b"}])), [replace(&["a", "b"])]);
    assert_eq!(replaced(json!({"value": "a"})), [replace(&["a"])]);
    assert_eq!(replaced(json!([])), [replace(&[])]);
    assert_eq!(replaced(Value::Null), [replace(&[])]);
}

#[test]
fn without_a_path_members_are_found_in_the_value() {
    for (key, nested) in
        [("members", false), ("MEMBERS", false), (&*format!("{GROUP_URN}:Members"), false), ("members", true)]
    {
        let said = |value: Value| if nested { json!({GROUP_URN: {key: value}}) } else { json!({key: value}) };
        let all = |op: &str, value: Value| changes(json!({"op": op, "value": said(value)}));
        assert_eq!(all("Replace", json!([{"value": "a"}])), [replace(&["a"])], "{key}");
        assert_eq!(all("replace", json!([])), [replace(&[])], "{key}");
        assert_eq!(all("replace", Value::Null), [], "{key}");
        assert_eq!(all("Add", json!(["a"])), [add(&["a"])], "{key}");
        assert_eq!(all("add", json!([])), [], "{key}");
        assert_eq!(all("add", Value::Null), [], "{key}");
    }
    let under_the_urn = json!({"op": "add", "path": GROUP_URN, "value": {"members": "a"}});
    assert_eq!(changes(under_the_urn), [add(&["a"])]);
}

#[test]
fn what_else_a_request_says_goes_on_as_a_patch_of_its_own() {
    let okta = json!([{"op": "replace", "value": {"id": "abf4", "displayName": "Test SCIMv2"}}]);
    let patch = read(&okta).unwrap();
    assert_eq!(patch.members, []);
    assert_eq!(others(&patch), Some(json!({"displayName": "Test SCIMv2", "externalId": "e"})));
    let both = json!([{"op": "replace", "value": {"id": "abf4", "displayName": "New", "schemas": [], "members": [{"value": "a"}]}}]);
    let patch = read(&both).unwrap();
    assert_eq!(patch.members, [replace(&["a"])]);
    assert_eq!(others(&patch), Some(json!({"displayName": "New", "externalId": "e"})));
    let mixed = json!([
        {"op": "add", "path": "members", "value": ["a"]},
        {"op": "replace", "path": "displayName", "value": "One"},
        {"op": "remove", "path": "members[value eq \"b\"]"},
        {"op": "remove", "path": "externalId"},
        {"op": "replace", "path": format!("{GROUP_URN}:displayName"), "value": "Two"},
    ]);
    let patch = read(&mixed).unwrap();
    assert_eq!(patch.members, [add(&["a"]), remove(&["b"])]);
    assert_eq!(others(&patch), Some(json!({"displayName": "Two"})));
    // A password that was dropped leaves an operation that does nothing.
    let nothing = read(&json!([{"op": "replace", "value": {}}])).unwrap();
    assert_eq!((nothing.members.len(), others(&nothing).is_some()), (0, true));
}

#[test]
fn the_order_of_the_operations_is_kept() {
    let operations = json!([
        {"op": "remove", "path": "members[value eq \"a\"]"},
        {"op": "add", "path": "members", "value": [{"value": "a"}]},
        {"op": "replace", "value": {"members": ["b"]}},
        {"op": "remove", "path": "members", "value": ["b"]},
    ]);
    assert_eq!(
        read(&operations).unwrap().members,
        [remove(&["a"]), add(&["a"]), replace(&["b"]), remove(&["b"])]
    );
}

#[test]
fn a_membership_can_not_be_changed() {
    for operation in [
        json!({"op": "replace", "path": "members.value", "value": "a"}),
        json!({"op": "add", "path": "members.display", "value": "a"}),
        json!({"op": "remove", "path": "members.type"}),
        json!({"op": "replace", "path": "members[value eq \"a\"].display", "value": "b"}),
        json!({"op": "remove", "path": "members[value eq \"a\"].value"}),
        json!({"op": "add", "path": "members[value eq \"a\"].$ref", "value": "b"}),
        json!({"op": "replace", "path": "members[value eq \"a\"]", "value": {"value": "b"}}),
        json!({"op": "replace", "path": "members[value eq \"a\"]", "value": null}),
        json!({"op": "replace", "value": {"members.value": "a"}}),
        json!({"op": "add", "value": {GROUP_URN: {"Members.Display": "a"}}}),
    ] {
        let error = refused(operation.clone());
        assert_eq!((error.status, error.scim_type), (400, Some(ScimType::Mutability)), "{operation}");
    }
}

#[test]
fn what_can_not_be_read_is_refused() {
    for (operation, scim_type, code) in [
        (
            json!({"op": "add", "value": {"members[value eq \"a\"]": {}}}),
            ScimType::InvalidPath,
            Code::MalformedPath,
        ),
        (
            json!({"op": "add", "value": {format!("{GROUP_URN}:Members[type pr].value"): "a"}}),
            ScimType::InvalidPath,
            Code::MalformedPath,
        ),
        (
            json!({"op": "replace", "value": {GROUP_URN: {"members[value eq \"a\"]": {}}}}),
            ScimType::InvalidPath,
            Code::MalformedPath,
        ),
        (json!({"op": "remove", "path": "members[value eq ]"}), ScimType::InvalidPath, Code::MalformedPath),
        (
            json!({"op": "remove", "path": "members[nope eq \"a\"]"}),
            ScimType::InvalidPath,
            Code::MalformedPath,
        ),
        (
            json!({"op": "remove", "path": "members[value eq \"a\"].nope"}),
            ScimType::InvalidPath,
            Code::MalformedPath,
        ),
        (json!({"op": "remove", "path": "members.nope"}), ScimType::InvalidPath, Code::MalformedPath),
        (json!({"op": "add", "path": "members"}), ScimType::InvalidValue, Code::RequiredMissing),
        (json!({"op": "add", "path": "members", "value": 7}), ScimType::InvalidValue, Code::WrongType),
        (
            json!({"op": "replace", "value": {"members": {"display": "x"}}}),
            ScimType::InvalidValue,
            Code::RequiredMissing,
        ),
        (
            json!({"op": "replace", "value": {"members": [], "MEMBERS": []}}),
            ScimType::InvalidSyntax,
            Code::WrongMessage,
        ),
        (json!({"op": "remove"}), ScimType::NoTarget, Code::MissingTarget),
        (json!({"op": "remove", "value": {"members": ["a"]}}), ScimType::NoTarget, Code::MissingTarget),
        (json!({"op": "move", "path": "members"}), ScimType::InvalidSyntax, Code::WrongMessage),
    ] {
        let error = refused(operation.clone());
        assert_eq!((error.status, error.scim_type, error.code), (400, Some(scim_type), code), "{operation}");
    }
}

#[test]
fn a_malformed_request_is_refused_as_any_patch_is() {
    let many = vec![json!({"op": "add", "path": "members", "value": "a"}); 1001];
    for body in [
        json!({}),
        json!({"Operations": []}),
        json!({"Operations": {}}),
        json!({"Operations": ["add"]}),
        json!({"Operations": many}),
        json!({"schemas": ["urn:example"], "Operations": [{"op": "add", "path": "members", "value": "a"}]}),
        json!({"Operations": [{"op": "replace", "path": "id", "value": "1"}]}),
        json!({"Operations": [{"op": "replace", "path": "nope", "value": "1"}]}),
        json!({"Operations": [{"op": "replace", "path": ["members"], "value": "1"}]}),
    ] {
        let body = object(&body);
        let error = GroupPatch::read(group(), &body).unwrap_err();
        assert_eq!(error, Patch::read(group(), &body).unwrap_err());
    }
    assert!(read(&Value::Array(many[1..].to_vec())).is_ok());
}

#[test]
fn value_filters_that_all_members_are_held_against_are_bounded_together() {
    let matching = |count: usize| json!({"op": "remove", "path": format!("members[{}]", vec!["type eq \"a\""; count].join(" and "))});
    assert!(read(&json!([matching(60), matching(40)])).is_ok());
    let error = read(&json!([matching(60), matching(41)])).unwrap_err();
    assert_eq!((error.scim_type, error.code), (Some(ScimType::InvalidValue), Code::TooMuchWork));
    // Ids are found by themselves, however many there are.
    let ids: Vec<_> = (0..300).map(|id| format!("value eq \"{id}\"")).collect();
    assert!(read(&json!([{"op": "remove", "path": format!("members[{}]", ids.join(" or "))}])).is_ok());
}
