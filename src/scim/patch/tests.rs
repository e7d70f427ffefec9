//! PATCH as the RFC, Okta and Entra ID write it.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::super::error::{Code, Error, ScimType};
use super::super::resource::{Policy, Resource};
use super::super::user::{ENTERPRISE_URN, user};
use super::{PATCH_URN, Patch};

fn babs() -> Resource {
    let body = json!({
        "userName": "bjensen", "displayName": "Babs", "active": true, "externalId": "701984",
        "name": { "givenName": "Barbara", "familyName": "Jensen" },
        "emails": [
            { "value": "bjensen@example.com", "type": "work", "primary": true },
            { "value": "babs@jensen.org", "type": "home" }
        ]
    });
    Resource::read(user(), body.as_object().unwrap(), &Policy::default()).unwrap()
}

fn patch(operations: Value) -> Result<Value, Error> {
    let body = json!({ "schemas": [PATCH_URN], "Operations": operations });
    let patched =
        Patch::read(user(), body.as_object().unwrap())?.apply(user(), &babs(), &Policy::default())?;
    Ok(Value::Object(patched.resource.as_object().clone()))
}

fn patched(operations: Value) -> Value {
    patch(operations).unwrap()
}

#[track_caller]
fn refused(operations: Value) -> (ScimType, Code) {
    let error = patch(operations).unwrap_err();
    assert_eq!(error.status, 400);
    (error.scim_type.unwrap(), error.code)
}

#[test]
fn oktas_deactivation_without_path() {
    assert_eq!(patched(json!([{"op": "replace", "value": {"active": false}}]))["active"], json!(false));
}

#[test]
fn entras_replacements() {
    let after = patched(json!([
        {"op": "Replace", "path": "displayName", "value": "Pvlo"},
        {"op": "Replace", "path": "emails[type eq \"work\"].value", "value": "T@test.microsoft.com"},
        {"op": "Replace", "path": "name.givenName", "value": "Gtfd"},
        {"op": "Replace", "path": "externalId", "value": "Eqpj"},
        {"op": "Replace", "path": format!("{ENTERPRISE_URN}:employeeNumber"), "value": "Eqpj"}
    ]));
    assert_eq!(after["displayName"], "Pvlo");
    assert_eq!(after["emails"][0], json!({"value": "T@test.microsoft.com", "type": "work", "primary": true}));
    assert_eq!(after["name"], json!({"givenName": "Gtfd", "familyName": "Jensen"}));
    assert_eq!(after["externalId"], "Eqpj");
    assert_eq!(after[ENTERPRISE_URN], json!({"employeeNumber": "Eqpj"}));
}

#[test]
fn an_add_creates_the_typed_element_and_further_ones_land_in_it() {
    let after = patched(json!([
        {"op": "Add", "path": "phoneNumbers[type eq \"mobile\"].value", "value": "+1 555"},
        {"op": "Add", "path": "addresses[type eq \"work\"].postalCode", "value": "98052"},
        {"op": "Add", "path": "addresses[type eq \"work\"].locality", "value": "Redmond"}
    ]));
    assert_eq!(after["phoneNumbers"], json!([{"type": "mobile", "value": "+1 555"}]));
    assert_eq!(after["addresses"], json!([{"type": "work", "postalCode": "98052", "locality": "Redmond"}]));
}

#[test]
fn a_replace_whose_filter_selects_nothing_has_no_target() {
    let operations = json!([{"op": "replace", "path": "emails[type eq \"other\"].value", "value": "x"}]);
    assert_eq!(refused(operations).0, ScimType::NoTarget);
}

#[test]
fn add_appends_without_duplicates_and_moves_primary() {
    let after = patched(json!([
        {"op": "add", "path": "emails", "value": [{"value": "babs@jensen.org", "type": "home"}]},
        {"op": "add", "path": "emails", "value": {"value": "new@example.com", "type": "other", "primary": true}}
    ]));
    let emails = after["emails"].as_array().unwrap();
    assert_eq!(emails.len(), 3);
    let primary: Vec<_> = emails.iter().filter(|email| email["primary"] == true).collect();
    assert_eq!(primary, [&json!({"value": "new@example.com", "type": "other", "primary": true})]);
}

#[test]
fn value_paths_may_be_the_keys_of_a_value() {
    let after = patched(json!([{"op": "replace", "value": {
        "emails[type eq \"home\"].value": "babs@example.org", "phoneNumbers[type eq \"mobile\"].value": "+1 555",
        "groups[value eq \"1\"].display": "ignored"
    }}]));
    assert_eq!(after["emails"][1], json!({"value": "babs@example.org", "type": "home"}));
    assert_eq!(after["phoneNumbers"], json!([{"type": "mobile", "value": "+1 555"}]));
    let broken = json!([{"op": "replace", "value": {"emails[type eq": "x"}}]);
    assert_eq!(refused(broken).0, ScimType::InvalidPath);
}

#[test]
fn making_one_element_primary_by_its_path_clears_the_other() {
    let after =
        patched(json!([{"op": "replace", "path": "emails[type eq \"home\"].primary", "value": true}]));
    assert_eq!(after["emails"][0]["primary"], false);
    assert_eq!(after["emails"][1]["primary"], true);
}

#[test]
fn replace_of_a_multi_valued_attribute_replaces_all() {
    let after = patched(json!([{"op": "replace", "path": "emails", "value": [{"value": "a@b"}]}]));
    assert_eq!(after["emails"], json!([{"value": "a@b"}]));
    let after = patched(json!([{"op": "replace", "value": {"emails": []}}]));
    assert_eq!(after.get("emails"), None);
}

#[test]
fn values_that_become_the_same_are_stored_once() {
    let of_both = json!([{"op": "remove", "path": "emails[value pr].type"}, {"op": "remove", "path": "emails.primary"},
        {"op": "replace", "path": "emails.value", "value": "x@example.com"}]);
    assert_eq!(patched(of_both)["emails"], json!([{"value": "x@example.com"}]));
    // The one that was primary is not any more, and then it is the one that was not.
    let primary = json!([
        {"op": "add", "path": "emails", "value": [{"value": "bjensen@example.com", "type": "other", "primary": false}]},
        {"op": "replace", "path": "emails[type eq \"work\"].type", "value": "other"},
        {"op": "replace", "path": "emails[type eq \"home\"].primary", "value": true}
    ]);
    assert_eq!(patched(primary)["emails"].as_array().unwrap().len(), 2);
}

#[test]
fn the_primary_value_can_be_added_again() {
    let add = json!({"op": "add", "path": "roles", "value": [{"display": "Guide", "primary": true}]});
    assert_eq!(patched(json!([add, add]))["roles"], json!([{"display": "Guide", "primary": true}]));
}

#[test]
fn what_is_added_together_stays_apart_and_is_found_again() {
    let roles = json!([{"value": "a", "primary": true}, {"value": "a"}, {"value": "a", "type": "x"}]);
    let add = json!({"op": "add", "path": "roles", "value": roles});
    assert_eq!(patched(json!([add, add]))["roles"], roles);
}

#[test]
fn the_order_of_the_members_of_a_value_changes_nothing() {
    let manager = json!({"value": "26118915", "displayName": "John Smith"});
    for value in [
        json!({"manager.displayName": "John Smith", "manager.value": "26118915"}),
        json!({"manager.displayName": "John Smith", "manager": {"value": "26118915"}}),
        json!({"manager": {"value": "26118915"}, "manager.displayName": "John Smith"}),
    ] {
        let after = patched(json!([{"op": "replace", "value": value}]));
        assert_eq!(after[ENTERPRISE_URN]["manager"], manager, "{value}");
    }
}

#[test]
fn replace_of_a_selected_element_keeps_what_the_filter_says() {
    let after =
        patched(json!([{"op": "replace", "path": "emails[type eq \"work\"]", "value": {"value": "a@b"}}]));
    assert_eq!(after["emails"][0], json!({"type": "work", "value": "a@b"}));
}

#[test]
fn remove_takes_the_attribute_the_selected_elements_or_the_named_values() {
    assert_eq!(patched(json!([{"op": "remove", "path": "displayName"}])).get("displayName"), None);
    assert_eq!(patched(json!([{"op": "remove", "path": "emails"}])).get("emails"), None);
    let home = json!([{"value": "babs@jensen.org", "type": "home"}]);
    assert_eq!(patched(json!([{"op": "remove", "path": "emails[type eq \"work\"]"}]))["emails"], home);
    let by_value = json!([{"op": "Remove", "path": "emails", "value": [{"$ref": null, "value": "bjensen@example.com"}]}]);
    assert_eq!(patched(by_value)["emails"], home);
    let after = patched(json!([{"op": "remove", "path": "emails[type eq \"work\"].primary"}]));
    assert_eq!(after["emails"][0], json!({"value": "bjensen@example.com", "type": "work"}));
    assert_eq!(
        patched(json!([{"op": "remove", "path": "name.givenName"}]))["name"],
        json!({"familyName": "Jensen"})
    );
    // Removing what is not there changes nothing.
    assert_eq!(
        patched(json!([{"op": "remove", "path": "title"}])),
        Value::Object(babs().as_object().clone())
    );
}

#[test]
fn of_a_value_that_is_taken_away_no_labels_are_left() {
    let home = json!([{"value": "babs@jensen.org", "type": "home"}]);
    for operation in [
        json!({"op": "Remove", "path": "emails[type eq \"work\"].value"}),
        json!({"op": "replace", "path": "emails[type eq \"work\"].value", "value": null}),
    ] {
        assert_eq!(patched(json!([operation]))["emails"], home, "{operation}");
    }
}

#[test]
fn an_element_that_a_filter_implies_is_judged_as_any_other() {
    let nul = json!({"op": "add", "path": "roles[value eq \"a\\u0000b\"].display", "value": "x"});
    assert_eq!(refused(json!([nul])), (ScimType::InvalidValue, Code::UnacceptableValue));
    let many: Vec<Value> = (0..1000).map(|n| json!({"value": format!("v{n}")})).collect();
    let fill = json!({"op": "replace", "path": "roles", "value": many});
    let one_more = json!({"op": "add", "path": "roles[value eq \"zz\"].display", "value": "x"});
    assert_eq!(refused(json!([fill, one_more])).1, Code::ValueTooLong);
}

#[test]
fn long_texts_are_more_work_than_short_ones() {
    let long = json!({"op": "add", "path": "roles", "value": [{"value": "Ä".repeat(80_000)}]});
    let look =
        json!({"op": "remove", "path": format!("roles[{}]", vec!["value co \"q\""; 100].join(" or "))});
    assert_eq!(refused(json!([long, look])).1, Code::TooMuchWork);
    let short = json!({"op": "add", "path": "roles", "value": [{"value": "Ä"}]});
    assert!(patch(json!([short, look])).is_ok());
}

#[test]
fn what_is_replaced_by_nothing_is_gone() {
    let home = json!([{"value": "babs@jensen.org", "type": "home"}]);
    let element = json!([{"op": "replace", "path": "emails[type eq \"work\"]", "value": null}]);
    assert_eq!(patched(element)["emails"], home);
    let add = json!({"op": "add", "path": ENTERPRISE_URN, "value": {"department": "Sales"}});
    let extension = json!({"op": "replace", "path": ENTERPRISE_URN, "value": null});
    assert_eq!(patched(json!([add, extension])).get(ENTERPRISE_URN), None);
}

#[test]
fn a_reference_keeps_what_was_said_of_it_before_it_had_a_value() {
    let value = json!({format!("{ENTERPRISE_URN}:manager.displayName"): "Boss", format!("{ENTERPRISE_URN}:manager.value"): "b1"});
    let after = patched(json!([{"op": "replace", "value": value}]));
    assert_eq!(after[ENTERPRISE_URN]["manager"], json!({"displayName": "Boss", "value": "b1"}));
}

#[test]
fn values_that_become_the_same_are_one() {
    let two = json!([
        {"value": "a@example.com", "type": "work"}, {"value": "b@example.com", "type": "Work", "primary": true}
    ]);
    let fill = json!({"op": "replace", "path": "emails", "value": two});
    let same = json!({"op": "Replace", "path": "emails[type eq \"work\"].value", "value": "c@example.com"});
    assert_eq!(
        patched(json!([fill, same]))["emails"],
        json!([{"value": "c@example.com", "type": "Work", "primary": true}])
    );
    // Neither is compared case by case.
    let again = json!({"op": "add", "path": "emails", "value": [{"value": "A@Example.com", "type": "WORK"}]});
    assert_eq!(patched(json!([fill, again]))["emails"].as_array().unwrap().len(), 2);
    let gone = json!({"op": "remove", "path": "emails", "value": [{"value": "A@EXAMPLE.com"}]});
    assert_eq!(patched(json!([fill, gone]))["emails"], json!([two[1]]));
}

#[test]
fn what_is_required_or_read_only_can_not_be_removed_or_set() {
    assert_eq!(refused(json!([{"op": "remove", "path": "userName"}])).0, ScimType::Mutability);
    assert_eq!(refused(json!([{"op": "replace", "path": "id", "value": "x"}])).0, ScimType::Mutability);
    assert_eq!(refused(json!([{"op": "add", "path": "meta.created", "value": "x"}])).0, ScimType::Mutability);
    assert_eq!(refused(json!([{"op": "replace", "path": "userName", "value": ""}])).1, Code::RequiredMissing);
    assert_eq!(refused(json!([{"op": "replace", "value": {"userName": null}}])).1, Code::RequiredMissing);
    // Without a path they are ignored: clients echo what they read.
    let after =
        patched(json!([{"op": "replace", "value": {"id": "x", "meta": {}, "schemas": [], "title": "t"}}]));
    assert_eq!(after["title"], "t");
}

#[test]
fn malformed_operations_say_what_is_wrong() {
    assert_eq!(refused(json!([])).0, ScimType::InvalidSyntax);
    assert_eq!(refused(json!(["x"])).0, ScimType::InvalidSyntax);
    assert_eq!(refused(json!([{"op": "move", "path": "title", "value": "x"}])).0, ScimType::InvalidSyntax);
    assert_eq!(refused(json!([{"op": "replace", "path": 1, "value": "x"}])).0, ScimType::InvalidSyntax);
    assert_eq!(refused(json!([{"op": "remove"}])).0, ScimType::NoTarget);
    assert_eq!(refused(json!([{"op": "replace", "path": "title"}])).0, ScimType::InvalidValue);
    assert_eq!(refused(json!([{"op": "add", "value": "x"}])).0, ScimType::InvalidValue);
    assert_eq!(refused(json!([{"op": "replace", "path": "active", "value": "x"}])).0, ScimType::InvalidValue);
    for path in [
        "nope",
        "emails[",
        "emails[type eq \"work\"",
        "emails[nope eq 1]",
        "title[value eq \"x\"]",
        "a b",
        "emails[type eq \"work\"].nope",
        "emails[type eq \"work\"]x",
        "urn:x:y",
    ] {
        assert_eq!(
            refused(json!([{"op": "replace", "path": path, "value": "x"}])).0,
            ScimType::InvalidPath,
            "{path}"
        );
    }
}

#[test]
fn operations_that_would_look_at_too_much_are_refused() {
    let many: Vec<Value> = (0..1000).map(|n| json!({"value": format!("v{n}")})).collect();
    let fill = json!({"op": "replace", "path": "emails", "value": many});
    let wide = format!("emails[{}]", vec!["value eq \"q\""; 300].join(" or "));
    let look = json!({"op": "remove", "path": wide});
    assert_eq!(refused(json!([fill, look])).1, Code::TooMuchWork);
    let again = json!({"op": "replace", "path": "emails[value sw \"v\"].display", "value": "x"});
    let operations: Vec<Value> =
        std::iter::once(fill.clone()).chain(std::iter::repeat_n(again, 300)).collect();
    assert_eq!(refused(Value::Array(operations)).1, Code::TooMuchWork);
    let add = json!({"op": "add", "path": "emails", "value": many});
    assert_eq!(refused(json!([fill, add])).1, Code::TooMuchWork);
    let add = json!({"op": "add", "value": {"emails": many}});
    assert_eq!(refused(json!([fill, add])).1, Code::TooMuchWork);
    let odd: serde_json::Map<String, Value> = (0..500).map(|n| (format!("k{n}"), json!(n))).collect();
    let merge = json!({"op": "replace", "path": "emails[value sw \"v\"]", "value": odd});
    assert_eq!(refused(json!([fill, merge])).1, Code::TooMuchWork);
    // But all values may be replaced.
    assert_eq!(patched(json!([fill, fill]))["emails"].as_array().unwrap().len(), 1000);
}

#[test]
fn one_bad_operation_leaves_the_resource_as_it_was() {
    let before = babs();
    let body = json!({"Operations": [
        {"op": "replace", "path": "title", "value": "x"}, {"op": "replace", "path": "active", "value": 7}]});
    let patch = Patch::read(user(), body.as_object().unwrap()).unwrap();
    assert!(patch.apply(user(), &before, &Policy::default()).is_err());
    assert_eq!(before, babs());
}

#[test]
fn an_extension_can_be_merged_and_removed_as_a_whole() {
    let add =
        json!({"op": "add", "path": ENTERPRISE_URN, "value": {"department": "Sales", "division": "West"}});
    assert_eq!(patched(json!([add]))[ENTERPRISE_URN], json!({"department": "Sales", "division": "West"}));
    let replace = json!({"op": "replace", "value": {ENTERPRISE_URN: {"department": "Tour"}}});
    assert_eq!(
        patched(json!([add, replace]))[ENTERPRISE_URN],
        json!({"department": "Tour", "division": "West"})
    );
    assert_eq!(patched(json!([add, {"op": "remove", "path": ENTERPRISE_URN}])).get(ENTERPRISE_URN), None);
}

#[test]
fn touched_names_what_was_named_even_if_unchanged() {
    let body = json!({"Operations": [{"op": "replace", "value": {"active": true, "id": "x"}}]});
    let patch = Patch::read(user(), body.as_object().unwrap()).unwrap();
    let patched = patch.apply(user(), &babs(), &Policy::default()).unwrap();
    assert_eq!(patched.touched, BTreeSet::from(["active".into()]));
    assert_eq!(patched.resource, babs());
}

#[test]
fn a_reference_that_points_elsewhere_forgets_what_it_pointed_to() {
    let manager = format!("{ENTERPRISE_URN}:manager");
    let first = json!({"op": "add", "path": manager, "value": {"value": "1", "$ref": "../Users/1", "displayName": "Babs"}});
    for (operation, after) in [
        (json!({"path": manager, "value": {"value": "2"}}), json!({"value": "2"})),
        (json!({"path": format!("{manager}.value"), "value": "2"}), json!({"value": "2"})),
        (
            json!({"path": manager, "value": {"value": "2", "displayName": "Babs"}}),
            json!({"value": "2", "displayName": "Babs"}),
        ),
        (
            json!({"path": manager, "value": {"value": "1"}}),
            json!({"value": "1", "$ref": "../Users/1", "displayName": "Babs"}),
        ),
    ] {
        let mut operation = operation;
        operation["op"] = json!("replace");
        assert_eq!(patched(json!([first, operation]))[ENTERPRISE_URN]["manager"], after, "{operation}");
    }
}
