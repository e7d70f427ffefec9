//! Which users to ask Keycloak for where a filter is to be judged: all that may match, and as few others as it can tell.
//!
//! A plan is a superset of the matches, never less: the filter is judged again on what comes back. What Keycloak can't
//! answer so that nobody is missed is left out of the question: `not`, `ne`, `pr`, an order of texts, what is kept in
//! the document, and parts of the values of flat attributes, since Keycloak looks for parts in the first 255
//! characters' column only and passes over longer values.

mod narrowing;
#[cfg(test)]
mod tests;

use crate::scim::filter::{Filter, Operand, Operator, Path};
use crate::scim::schema::Type;

use super::storage::{Mapping, Storage};

pub use self::narrowing::Narrowing;

/// More queries than these for one filter cost more than a walk through the roster.
const MAX_QUERIES: usize = 20;

/// The one thing that a lookup asks for; the most selective first.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Key {
    /// The server's id.
    Id(String),
    /// The userName, without letter case.
    UserName(String),
    /// The caller's `externalId`.
    ExternalId(String),
    /// Any of the e-mail addresses, without letter case.
    Email(String),
}

/// Queries whose answers together hold every managed user that may match.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Plan {
    /// Those found by a key; they are judged by their role.
    pub lookups: Vec<Key>,
    /// Those in these groups, by their ids, or in groups within them; they are judged by the index.
    pub groups: Vec<String>,
    /// Those found page by page; they are judged by the index.
    pub scans: Vec<Narrowing>,
}

impl Plan {
    fn nobody() -> Self {
        Self::default()
    }

    fn everybody() -> Self {
        Self::scan(Narrowing::default())
    }

    fn lookup(key: Key) -> Self {
        Self { lookups: vec![key], ..Self::default() }
    }

    fn group(id: String) -> Self {
        Self { groups: vec![id], ..Self::default() }
    }

    fn scan(narrowing: Narrowing) -> Self {
        Self { scans: vec![narrowing], ..Self::default() }
    }

    /// Does it walk through the whole roster?
    pub fn is_everybody(&self) -> bool {
        self.scans.iter().any(Narrowing::is_everybody)
    }

    /// Does it look up users by their keys, and do nothing else?
    pub fn is_lookups(&self) -> bool {
        self.groups.is_empty() && self.scans.is_empty()
    }

    fn is_selective(&self) -> bool {
        self.scans.iter().all(Narrowing::is_selective)
    }

    fn queries(&self) -> usize {
        self.lookups.len() + self.groups.len() + self.scans.len()
    }

    /// The one scan that it consists of.
    fn only_scan(&self) -> Option<&Narrowing> {
        match (self.lookups.as_slice(), self.groups.as_slice(), self.scans.as_slice()) {
            ([], [], [only]) => Some(only),
            _ => None,
        }
    }
}

/// The plan for a filter in a realm that keeps users so.
pub fn plan(filter: &Filter, storage: &Storage) -> Plan {
    Planner { storage }.plan(filter, None)
}

struct Planner<'s> {
    storage: &'s Storage,
}

impl Planner<'_> {
    /// `within` is the dotted path of the attribute in whose brackets the filter stands: what holds for one of its
    /// elements, or for its only value, holds for the whole.
    fn plan(&self, filter: &Filter, within: Option<&str>) -> Plan {
        let full = |path: &Path| within.map_or(path.dotted(), |outer| format!("{outer}.{}", path.dotted()));
        match filter {
            Filter::And(parts) => all(parts.iter().map(|part| self.plan(part, within)).collect()),
            Filter::Or(parts) => any(parts.iter().map(|part| self.plan(part, within)).collect()),
            Filter::Element(path, inner) => self.plan(inner, Some(&full(path))),
            Filter::Compare(path, operator, operand) => {
                self.comparison(&full(path), path.kind, *operator, operand)
            }
            Filter::Not(_) | Filter::Present(_) => Plan::everybody(),
        }
    }

    fn comparison(&self, path: &str, kind: Type, operator: Operator, operand: &Operand) -> Plan {
        let narrowing = match (path, operator, operand) {
            // Nobody is without them.
            ("id" | "userName" | "groups.value", Operator::Eq, Operand::String(text)) if text.is_empty() => {
                return Plan::nobody();
            }
            // Keycloak keeps no empty texts; the document may.
            (_, Operator::Eq, Operand::String(text)) if text.is_empty() => None,
            ("id", Operator::Eq, Operand::String(text)) => return Plan::lookup(Key::Id(text.clone())),
            ("userName", Operator::Eq, Operand::String(text)) => {
                return Plan::lookup(Key::UserName(text.clone()));
            }
            ("externalId", Operator::Eq, Operand::String(text)) => {
                return Plan::lookup(Key::ExternalId(text.clone()));
            }
            ("emails.value", Operator::Eq, Operand::String(text)) => {
                return Plan::lookup(Key::Email(text.clone()));
            }
            ("groups.value", Operator::Eq, Operand::String(text)) => return Plan::group(text.clone()),
            // Where usernames are made of e-mail addresses, the userName is another text.
            ("userName", _, Operand::String(text)) if !self.storage.email_as_username => {
                Narrowing::by_username(operator, text)
            }
            ("name.givenName", _, Operand::String(text)) => Narrowing::by_first_name(operator, text),
            ("name.familyName", _, Operand::String(text)) => Narrowing::by_last_name(operator, text),
            ("active", Operator::Eq, Operand::Boolean(active)) => Some(Narrowing::by_enabled(*active)),
            ("active", Operator::Ne, Operand::Boolean(active)) => Some(Narrowing::by_enabled(!*active)),
            ("meta.created", _, Operand::DateTime(instant)) => Narrowing::by_creation(operator, *instant),
            (_, Operator::Eq, Operand::String(text)) if matches!(kind, Type::String | Type::Reference) => {
                self.flat_attribute(path).and_then(|name| Narrowing::by_attribute(name, text))
            }
            _ => None,
        };
        narrowing.map_or_else(Plan::everybody, Plan::scan)
    }

    /// The Keycloak attribute that alone holds what stands at the path, if there is one, and for all users.
    fn flat_attribute(&self, dotted: &str) -> Option<&str> {
        let settled = |mapping: &Mapping| mapping.is_built_in || self.storage.settled;
        let at_path =
            |mapping: &&Mapping| mapping.is_whole() && settled(mapping) && mapping.dotted() == dotted;
        // The last one is what is read, where two spellings name one path.
        self.storage.mappings.iter().rev().find(at_path).map(|mapping| mapping.name.as_str())
    }
}

/// What all of the plans have in common, or a superset of it.
fn all(plans: Vec<Plan>) -> Plan {
    // The lookups of one part are enough, and nothing is more selective; then the members of a group.
    let lookups = plans.iter().filter(|plan| plan.scans.is_empty());
    let cost = |plan: &&Plan| (plan.groups.len(), plan.lookups.len(), plan.lookups.iter().max().cloned());
    if let Some(fewest) = lookups.min_by_key(cost) {
        return fewest.clone();
    }
    let common = plans.iter().filter_map(Plan::only_scan).fold(Narrowing::default(), Narrowing::and);
    let unions = plans.into_iter().filter(|plan| plan.only_scan().is_none());
    match unions.min_by_key(|plan| (!plan.is_selective(), plan.queries())) {
        Some(union) if !common.is_selective() => {
            let scans = union.scans.iter().map(|scan| scan.clone().and(&common));
            Plan { scans: scans.collect(), ..union }
        }
        _ => Plan::scan(common),
    }
}

/// What at least one of the plans has.
fn any(plans: Vec<Plan>) -> Plan {
    let mut union = Plan::nobody();
    for plan in plans {
        for key in plan.lookups {
            if !union.lookups.contains(&key) {
                union.lookups.push(key);
            }
        }
        for id in plan.groups {
            if !union.groups.contains(&id) {
                union.groups.push(id);
            }
        }
        for scan in plan.scans {
            if !union.scans.contains(&scan) {
                union.scans.push(scan);
            }
        }
        if union.is_everybody() || union.queries() > MAX_QUERIES {
            return Plan::everybody();
        }
    }
    union
}
