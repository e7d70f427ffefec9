//! What changes to a group's members come to together.

use std::collections::{BTreeSet, HashMap};

use serde_json::{Value, json};

use super::super::filter::Filter;
use super::roll::{Id, Roll};
use super::{MemberChange, NetChange};

/// What the changes come to; none where that depends on who is a member.
pub fn net(changes: &[MemberChange]) -> Option<NetChange> {
    let changes = that_count(changes);
    if changes.iter().any(|change| matches!(change, MemberChange::RemoveMatching(_))) {
        return None;
    }
    Some(Course::run(changes, HashMap::new()))
}

/// What the changes come to in a group of these members, as they are rendered. One that is added in the same request, and
/// was no member, is judged by what the request says of it: its id and its type.
pub fn net_among(changes: &[MemberChange], members: &[Value]) -> NetChange {
    let there = members.iter().filter_map(|member| Some((Id(member.get("value")?.as_str()?), member)));
    Course::run(that_count(changes), there.collect())
}

/// The changes since all were replaced: what was before is gone.
fn that_count(changes: &[MemberChange]) -> &[MemberChange] {
    let last = changes.iter().rposition(|change| matches!(change, MemberChange::Replace(_)));
    last.and_then(|last| changes.get(last..)).unwrap_or(changes)
}

/// The state after some of the changes.
struct Course<'a> {
    there: HashMap<Id<'a>, &'a Value>,
    keeps_others: bool,
    added: Roll<'a>,
    removed: BTreeSet<&'a str>,
}

impl<'a> Course<'a> {
    /// Runs through changes of which none but the first replaces all.
    fn run(changes: &'a [MemberChange], there: HashMap<Id<'a>, &'a Value>) -> NetChange {
        let keeps_others = !matches!(changes.first(), Some(MemberChange::Replace(_)));
        let mut course = Self { there, keeps_others, added: Roll::default(), removed: BTreeSet::new() };
        changes.iter().for_each(|change| course.change(change));
        NetChange {
            keeps_others,
            added: course.added.to_named(),
            removed: course.removed.into_iter().map(str::to_owned).collect(),
        }
    }

    fn change(&mut self, change: &'a MemberChange) {
        match change {
            MemberChange::Add(named) | MemberChange::Replace(named) => {
                for member in named {
                    self.removed.remove(member.value.as_str());
                    self.added.put(&member.value, member.kind);
                }
            }
            MemberChange::Remove(ids) => ids.iter().for_each(|id| self.remove(id)),
            MemberChange::RemoveMatching(filter) => self.remove_matching(filter),
        }
    }

    fn remove(&mut self, id: &'a str) {
        self.added.take_off(id);
        if self.keeps_others {
            self.removed.insert(id);
        }
    }

    fn remove_matching(&mut self, filter: &Filter) {
        let there = self.there.iter().filter(|(_, member)| filter.matches(member)).map(|(id, _)| id.0);
        let there: Vec<&str> = there.collect();
        let new = self.added.iter().filter(|(id, _)| !self.there.contains_key(&Id(id)));
        let new = new.filter(|(id, kind)| {
            let mut shown = json!({ "value": id });
            if let (Some(kind), Some(shown)) = (kind, shown.as_object_mut()) {
                shown.insert("type".into(), kind.name().into());
            }
            filter.matches(&shown)
        });
        let new: Vec<&str> = new.map(|(id, _)| id).collect();
        there.into_iter().for_each(|id| self.remove(id));
        // Who was no member needs not be removed, only not be added.
        new.into_iter().for_each(|id| self.added.take_off(id));
    }
}
