//! Which members, or groups of a user, a filter must know: those whose ids it compares, or all.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::super::filter::{Filter, Operand, Operator, Path};
use super::NeededMembers;

/// Which members of a group must be known to judge the filter.
pub fn needed(filter: &Filter) -> NeededMembers {
    needed_of("members", filter)
}

/// The same for the groups of a user: `groups` names them as `members` does members.
pub fn needed_groups(filter: &Filter) -> NeededMembers {
    needed_of("groups", filter)
}

fn needed_of(attribute: &str, filter: &Filter) -> NeededMembers {
    match filter {
        Filter::And(parts) | Filter::Or(parts) => {
            let parts = parts.iter().map(|part| needed_of(attribute, part));
            parts.fold(NeededMembers::None, NeededMembers::and)
        }
        Filter::Not(inner) => needed_of(attribute, inner),
        Filter::Present(path) | Filter::Compare(path, ..) | Filter::Element(path, _)
            if path.keys.first().is_none_or(|key| &**key != attribute) =>
        {
            NeededMembers::None
        }
        Filter::Present(_) => NeededMembers::All,
        Filter::Compare(path, operator, operand) => {
            let value = path.keys.get(1..).unwrap_or_default();
            compared(value, *operator, operand).map_or(NeededMembers::All, NeededMembers::one)
        }
        Filter::Element(_, inner) => confined(inner).map_or(NeededMembers::All, NeededMembers::These),
    }
}

/// The ids of which an element must have one to match; none where it may have any other.
fn confined(filter: &Filter) -> Option<BTreeSet<String>> {
    match filter {
        Filter::Or(parts) => parts
            .iter()
            .map(confined)
            .collect::<Option<Vec<_>>>()
            .map(|ids| ids.into_iter().flatten().collect()),
        // One that confines is enough.
        Filter::And(parts) => parts.iter().filter_map(confined).min_by_key(BTreeSet::len),
        Filter::Compare(Path { keys, .. }, operator, operand) => {
            compared(keys, *operator, operand).map(|id| BTreeSet::from([id.to_owned()]))
        }
        Filter::Not(_) | Filter::Present(_) | Filter::Element(..) => None,
    }
}

/// The ids that a value filter names, where it says nothing else: `value eq "x"`, perhaps several with `or`.
pub(super) fn only_ids(filter: &Filter) -> Option<Vec<String>> {
    match filter {
        Filter::Or(parts) => {
            let ids: Option<Vec<Vec<String>>> = parts.iter().map(only_ids).collect();
            ids.map(|ids| ids.into_iter().flatten().collect())
        }
        Filter::Compare(Path { keys, .. }, operator, operand) => {
            compared(keys, *operator, operand).map(|id| vec![id.to_owned()])
        }
        _ => None,
    }
}

/// The id that `value`, the rest of the path to it, is compared with.
fn compared<'f>(rest: &[Arc<str>], operator: Operator, operand: &'f Operand) -> Option<&'f str> {
    match (rest, operator, operand) {
        ([name], Operator::Eq, Operand::String(id)) if &**name == "value" => Some(id),
        _ => None,
    }
}

impl NeededMembers {
    fn one(id: &str) -> Self {
        Self::These(BTreeSet::from([id.to_owned()]))
    }

    fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::All, _) | (_, Self::All) => Self::All,
            (Self::None, needed) | (needed, Self::None) => needed,
            (Self::These(mut ids), Self::These(more)) => {
                ids.extend(more);
                Self::These(ids)
            }
        }
    }
}
