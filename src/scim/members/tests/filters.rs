//! Which members a filter of a list needs.

use super::*;
use crate::scim::filter::parse;

#[test]
fn a_filter_needs_the_members_whose_ids_it_compares_or_all() {
    let these = |ids: &[&str]| NeededMembers::These(ids.iter().map(|id| (*id).to_owned()).collect());
    for (filter, expected) in [
        ("displayName eq \"x\" and externalId pr", NeededMembers::None),
        ("not (id eq \"members\")", NeededMembers::None),
        ("members eq \"a\"", these(&["a"])),
        ("MEMBERS.Value Eq \"a\"", these(&["a"])),
        ("urn:ietf:params:scim:schemas:core:2.0:Group:members eq \"a\"", these(&["a"])),
        ("members[value eq \"a\"]", these(&["a"])),
        ("members[value eq \"a\" or value eq \"b\"]", these(&["a", "b"])),
        ("id eq \"g\" and members eq \"a\"", these(&["a"])),
        ("not (members eq \"a\") or (members eq \"b\" and displayName sw \"x\")", these(&["a", "b"])),
        ("members[value eq \"a\" and type eq \"User\"]", these(&["a"])),
        ("members[value eq \"a\"].display eq \"x\"", these(&["a"])),
        ("members ne \"a\"", NeededMembers::All),
        ("members eq null", NeededMembers::All),
        ("members pr", NeededMembers::All),
        ("members.value pr", NeededMembers::All),
        ("members co \"a\"", NeededMembers::All),
        ("members.type eq \"Group\"", NeededMembers::All),
        ("members.display eq \"a\"", NeededMembers::All),
        ("members[type eq \"Group\"]", NeededMembers::All),
        ("members[not (value eq \"a\")]", NeededMembers::All),
        ("members[value eq \"a\" or type eq \"Group\"]", NeededMembers::All),
        ("members eq \"a\" and members pr", NeededMembers::All),
        ("displayName eq \"x\" or not (members.$ref pr)", NeededMembers::All),
    ] {
        assert_eq!(needed(&parse(group(), filter).expect(filter)), expected, "{filter}");
    }
}

#[test]
fn a_filter_needs_the_groups_of_a_user_in_the_same_way() {
    let needed = |filter: &str| needed_groups(&parse(crate::scim::user::user(), filter).expect(filter));
    assert_eq!(needed("userName eq \"a\" or emails[value eq \"b\"]"), NeededMembers::None);
    for filter in ["groups eq \"a\"", "not (groups.value eq \"a\")", "title pr and groups[value eq \"a\"]"] {
        assert_eq!(needed(filter), NeededMembers::These(["a".to_owned()].into()), "{filter}");
    }
    for filter in ["groups pr", "groups.display eq \"a\"", "groups[type eq \"direct\"]"] {
        assert_eq!(needed(filter), NeededMembers::All, "{filter}");
    }
}

#[test]
fn a_member_is_found_by_its_id_alone_and_exactly() {
    let matches =
        |filter: &str| parse(group(), filter).expect(filter).matches(&json!({"members": [{"value": "Ab"}]}));
    for filter in ["members eq \"Ab\"", "members.value eq \"Ab\"", "members[value eq \"Ab\"]"] {
        assert!(matches(filter), "{filter}");
        assert!(!matches(&filter.replace("Ab", "ab")), "{filter}");
    }
}
