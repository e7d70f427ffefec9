//! What changes come to together.

use super::*;
use crate::scim::filter::parse_within;
use crate::scim::path::AttrPath;

fn matching(filter: &str) -> MemberChange {
    let Ok(AttrPath::Attribute { attribute, .. }) = AttrPath::resolve(group(), "members") else { panic!() };
    MemberChange::RemoveMatching(parse_within(attribute, filter).unwrap())
}

fn change(keeps_others: bool, added: &[&str], removed: &[&str]) -> NetChange {
    let removed = removed.iter().map(|id| (*id).to_owned()).collect();
    NetChange { keeps_others, added: named(added), removed }
}

#[test]
fn the_last_word_on_a_member_counts() {
    for (changes, net_change) in [
        (vec![], change(true, &[], &[])),
        (vec![add(&["b", "a"]), add(&["c", "a"])], change(true, &["b", "a", "c"], &[])),
        (vec![add(&["a", "b"]), remove(&["a", "x"])], change(true, &["b"], &["a", "x"])),
        (vec![remove(&["a", "b"]), add(&["b"])], change(true, &["b"], &["a"])),
        (vec![add(&["a"]), remove(&["a"]), add(&["a"])], change(true, &["a"], &[])),
        (vec![replace(&["a", "b"])], change(false, &["a", "b"], &[])),
        (vec![replace(&[])], change(false, &[], &[])),
        (vec![add(&["x"]), remove(&["y"]), replace(&["a"])], change(false, &["a"], &[])),
        (vec![replace(&["a"]), remove(&["a", "b"]), add(&["c"])], change(false, &["c"], &[])),
        (vec![replace(&["a"]), replace(&["b"]), add(&["a"])], change(false, &["b", "a"], &[])),
    ] {
        assert_eq!(net(&changes), Some(net_change.clone()), "{changes:?}");
        assert_eq!(net_among(&changes, &[]), net_change, "{changes:?}");
    }
}

#[test]
fn what_is_said_of_a_members_type_is_kept() {
    let of = |kind| MemberChange::Add(vec![NamedMember { value: "a".into(), kind }]);
    let (user, within) = (Some(MemberType::User), Some(MemberType::Group));
    for (changes, kind) in [
        (vec![of(None), of(user)], user),
        (vec![of(user), of(None)], user),
        (vec![of(user), remove(&["a"]), of(within)], within),
    ] {
        assert_eq!(net(&changes).unwrap().added[0].kind, kind, "{changes:?}");
    }
}

#[test]
fn a_filter_on_members_depends_on_them_unless_all_are_replaced_afterwards() {
    assert_eq!(net(&[matching("type eq \"Group\"")]), None);
    assert_eq!(net(&[replace(&["a"]), matching("type eq \"Group\"")]), None);
    let replaced = [matching("type eq \"Group\""), add(&["x"]), replace(&["a"])];
    assert_eq!(net(&replaced), Some(change(false, &["a"], &[])));
}

#[test]
fn a_filter_is_judged_on_members_as_they_are_shown_and_on_those_added_before() {
    let there = [
        json!({"value": "u1", "type": "User", "display": "Babs", "$ref": "https://example.com/v2/Users/u1"}),
        json!({"value": "g1", "type": "Group", "display": "Guides", "$ref": "https://example.com/v2/Groups/g1"}),
    ];
    let groups = MemberChange::Add(vec![NamedMember { value: "g2".into(), kind: Some(MemberType::Group) }]);
    for (changes, net_change) in [
        (vec![matching("type eq \"group\"")], change(true, &[], &["g1"])),
        (vec![matching("display sw \"b\"")], change(true, &[], &["u1"])),
        (vec![matching("$ref co \"/Groups/\"")], change(true, &[], &["g1"])),
        (vec![matching("value pr")], change(true, &[], &["u1", "g1"])),
        (vec![groups, add(&["u2"]), matching("type eq \"Group\"")], change(true, &["u2"], &["g1"])),
        (vec![matching("type eq \"Group\""), add(&["g1", "g2"])], change(true, &["g1", "g2"], &[])),
        // Of one that is a member all is known, also where it is added once more.
        (vec![add(&["g1"]), matching("display eq \"Guides\"")], change(true, &[], &["g1"])),
        (vec![replace(&["u1", "u3"]), matching("display eq \"Babs\"")], change(false, &["u3"], &[])),
        (vec![replace(&["u3"]), matching("type eq \"Group\"")], change(false, &["u3"], &[])),
        // Of others only what was said.
        (vec![add(&["u2"]), matching("type eq \"User\"")], change(true, &["u2"], &["u1"])),
        (vec![remove(&["g1"]), matching("not (value eq \"g1\")")], change(true, &[], &["g1", "u1"])),
    ] {
        assert_eq!(net_among(&changes, &there), net_change, "{changes:?}");
    }
}
