//! Laws on random requests: they come to what the operations do one after the other, and filters see what they need.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;
use crate::scim::filter::parse;

const IDS: [&str; 5] = ["a", "b", "c", "d", "e"];

/// What is known of a member: its type, and its name where it was a member before.
type Known = (Option<MemberType>, Option<String>);

/// An operation, as the RFC speaks of it.
#[derive(Debug, Clone)]
enum Act {
    Add(Vec<NamedMember>),
    Remove(Vec<&'static str>),
    Replace(Vec<NamedMember>),
    RemoveMatching(Condition),
}

#[derive(Debug, Clone)]
enum Condition {
    OfType(MemberType),
    NotOfType(MemberType),
    Another(&'static str),
    CalledLike(&'static str),
}

impl Condition {
    fn text(&self) -> String {
        match self {
            Self::OfType(kind) => format!("type eq \"{}\"", kind.name()),
            Self::NotOfType(kind) => format!("not (type eq \"{}\")", kind.name()),
            Self::Another(id) => format!("value ne \"{id}\""),
            Self::CalledLike(id) => format!("display eq \"THE {id}\""),
        }
    }

    fn holds(&self, id: &str, known: &Known) -> bool {
        match self {
            Self::OfType(kind) => known.0 == Some(*kind),
            Self::NotOfType(kind) => known.0 != Some(*kind),
            Self::Another(other) => id != *other,
            Self::CalledLike(other) => known.1 == Some(format!("the {other}")),
        }
    }
}

impl Act {
    /// The operation, in one of the forms that mean the same.
    fn operation(&self, form: usize) -> Value {
        let value = |members: &[NamedMember]| -> Value {
            let one = |member: &NamedMember| match member.kind {
                None if form == 1 => json!(member.value),
                None => json!({"value": member.value, "$ref": null}),
                Some(kind) if form == 1 => json!({"$ref": format!("../{}s/{}", kind.name(), member.value)}),
                Some(kind) => json!({"VALUE": member.value, "type": kind.name().to_lowercase()}),
            };
            members.iter().map(one).collect()
        };
        match self {
            Self::Add(members) if form == 2 => json!({"op": "add", "value": {"Members": value(members)}}),
            Self::Add(members) => json!({"op": "Add", "path": "members", "value": value(members)}),
            Self::Replace(members) if form == 2 => {
                json!({"op": "replace", "value": {"members": value(members)}})
            }
            Self::Replace(members) if members.is_empty() && form == 1 => {
                json!({"op": "remove", "path": "members"})
            }
            Self::Replace(members) => json!({"op": "replace", "path": "Members", "value": value(members)}),
            Self::Remove(ids) if ids.is_empty() || form < 2 => {
                json!({"op": "remove", "path": "members", "value": ids})
            }
            Self::Remove(ids) => {
                let filter: Vec<_> = ids.iter().map(|id| format!("value eq \"{id}\"")).collect();
                json!({"op": "remove", "path": format!("members[{}]", filter.join(" or "))})
            }
            Self::RemoveMatching(condition) => {
                json!({"op": "remove", "path": format!("members[{}]", condition.text())})
            }
        }
    }

    /// What it does to these members; of those in `there` all is known.
    fn apply(&self, now: &mut BTreeMap<String, Known>, there: &BTreeMap<String, Known>) {
        let join = |now: &mut BTreeMap<String, Known>, members: &[NamedMember]| {
            for member in members {
                let known = there.get(&member.value).cloned().unwrap_or((member.kind, None));
                let entry = now.entry(member.value.clone()).or_insert(known);
                entry.0 = entry.0.or(member.kind);
            }
        };
        match self {
            Self::Add(members) => join(now, members),
            Self::Replace(members) => {
                now.clear();
                join(now, members);
            }
            Self::Remove(ids) => now.retain(|id, _| !ids.contains(&id.as_str())),
            Self::RemoveMatching(condition) => now.retain(|id, known| !condition.holds(id, known)),
        }
    }
}

fn kind() -> impl Strategy<Value = MemberType> {
    prop::sample::select(vec![MemberType::User, MemberType::Group])
}

fn id() -> impl Strategy<Value = &'static str> {
    prop::sample::select(IDS.as_slice())
}

fn some_named() -> impl Strategy<Value = Vec<NamedMember>> {
    let member = (id(), prop::option::of(kind()));
    prop::collection::vec(member.prop_map(|(id, kind)| NamedMember { value: id.into(), kind }), 0..4)
}

fn act() -> impl Strategy<Value = Act> {
    let condition = prop_oneof![
        kind().prop_map(Condition::OfType),
        kind().prop_map(Condition::NotOfType),
        id().prop_map(Condition::Another),
        id().prop_map(Condition::CalledLike),
    ];
    prop_oneof![
        4 => some_named().prop_map(Act::Add),
        3 => prop::collection::vec(id(), 0..4).prop_map(Act::Remove),
        1 => some_named().prop_map(Act::Replace),
        2 => condition.prop_map(Act::RemoveMatching),
    ]
}

fn group_members() -> impl Strategy<Value = BTreeMap<String, Known>> {
    prop::collection::btree_map(id(), kind(), 0..5).prop_map(|members| {
        let known = |(id, kind): (&str, MemberType)| (id.to_owned(), (Some(kind), Some(format!("the {id}"))));
        members.into_iter().map(known).collect()
    })
}

fn rendered(members: &BTreeMap<String, Known>) -> Vec<Value> {
    let one = |(id, (kind, display)): (&String, &Known)| json!({"value": id, "type": kind.unwrap().name(), "display": display, "$ref": format!("../{id}")});
    members.iter().map(one).collect()
}

/// Who is a member afterwards.
fn after(change: &NetChange, there: &BTreeMap<String, Known>) -> BTreeSet<String> {
    let kept = there.keys().filter(|id| change.keeps_others && !change.removed.contains(*id)).cloned();
    kept.chain(change.added.iter().map(|member| member.value.clone())).collect()
}

fn assert_sound(change: &NetChange) {
    let added: BTreeSet<_> = change.added.iter().map(|member| &member.value).collect();
    assert_eq!(added.len(), change.added.len(), "one is added twice");
    assert!(change.removed.iter().all(|id| !added.contains(id)), "one is added and removed");
    assert!(change.keeps_others || change.removed.is_empty());
}

proptest! {
    #[test]
    fn a_request_comes_to_what_its_operations_do_one_after_the_other(
        there in group_members(),
        acts in prop::collection::vec((act(), 0_usize..3), 1..6),
    ) {
        let operations: Vec<Value> = acts.iter().map(|(act, form)| act.operation(*form)).collect();
        let mut expected = there.clone();
        acts.iter().for_each(|(act, _)| act.apply(&mut expected, &there));
        let expected: BTreeSet<String> = expected.into_keys().collect();
        let patch = read(&json!(operations)).unwrap();
        prop_assert!(patch.attributes.is_none());
        let among = net_among(&patch.members, &rendered(&there));
        assert_sound(&among);
        prop_assert_eq!(&after(&among, &there), &expected);
        let since = acts.iter().rposition(|(act, _)| matches!(act, Act::Replace(_))).unwrap_or_default();
        let judged = acts[since..].iter().any(|(act, _)| matches!(act, Act::RemoveMatching(_)));
        let alone = net(&patch.members);
        prop_assert_eq!(alone.is_none(), judged);
        if let Some(alone) = alone {
            assert_sound(&alone);
            prop_assert_eq!(after(&alone, &there), expected);
        }
    }

    #[test]
    fn a_filter_says_the_same_of_the_members_that_it_needs_as_of_all(
        there in group_members(),
        filter in filter(),
    ) {
        let parsed = parse(group(), &filter).unwrap();
        let all = rendered(&there);
        let known: Vec<_> = match needed(&parsed) {
            NeededMembers::None => Vec::new(),
            NeededMembers::These(ids) => {
                all.iter().filter(|member| ids.contains(member["value"].as_str().unwrap())).cloned().collect()
            }
            NeededMembers::All => all.clone(),
        };
        let shown = |members: &[Value]| json!({"id": "g", "displayName": "Tour Guides", "members": members});
        prop_assert_eq!(parsed.matches(&shown(&known)), parsed.matches(&shown(&all)), "{}", filter);
    }
}

/// The text of a filter on groups, most of them on their members.
fn filter() -> impl Strategy<Value = String> {
    let inner = prop_oneof![
        id().prop_map(|id| format!("value eq \"{id}\"")),
        id().prop_map(|id| format!("value ne \"{id}\"")),
        id().prop_map(|id| format!("display eq \"the {id}\"")),
        kind().prop_map(|kind| format!("type eq \"{}\"", kind.name())),
    ]
    .prop_recursive(2, 6, 2, |part| {
        prop_oneof![
            (part.clone(), part.clone()).prop_map(|(one, other)| format!("({one} and {other})")),
            (part.clone(), part.clone()).prop_map(|(one, other)| format!("({one} or {other})")),
            part.prop_map(|part| format!("not ({part})")),
        ]
    });
    let leaf = prop_oneof![
        3 => id().prop_map(|id| format!("members eq \"{id}\"")),
        2 => id().prop_map(|id| format!("members.value eq \"{id}\"")),
        1 => id().prop_map(|id| format!("members.value ne \"{id}\"")),
        1 => kind().prop_map(|kind| format!("members.type eq \"{}\"", kind.name())),
        1 => Just("members pr".to_owned()),
        1 => Just("members eq null".to_owned()),
        1 => Just("displayName sw \"tour\"".to_owned()),
        4 => inner.prop_map(|inner| format!("members[{inner}]")),
    ];
    leaf.prop_recursive(2, 6, 2, |part| {
        prop_oneof![
            (part.clone(), part.clone()).prop_map(|(one, other)| format!("({one} and {other})")),
            (part.clone(), part.clone()).prop_map(|(one, other)| format!("({one} or {other})")),
            part.prop_map(|part| format!("not ({part})")),
        ]
    })
}
