//! Members in their order, each once, found by their ids in constant time: there may be very many.

use std::collections::HashMap;
use std::hash::{Hash, Hasher};

use super::{MemberType, NamedMember};

/// An id. Ids are compared here alone, so that a test can count how often.
#[derive(Debug, Clone, Copy)]
pub(super) struct Id<'a>(pub(super) &'a str);

impl PartialEq for Id<'_> {
    fn eq(&self, other: &Self) -> bool {
        #[cfg(test)]
        super::tests::count_comparison();
        self.0 == other.0
    }
}

impl Eq for Id<'_> {}

impl Hash for Id<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}

/// See above.
#[derive(Debug, Default)]
pub(super) struct Roll<'a> {
    /// Those that were taken off leave a gap.
    entries: Vec<Option<(&'a str, Option<MemberType>)>>,
    places: HashMap<Id<'a>, usize>,
}

impl<'a> Roll<'a> {
    /// Puts a member on it. One that is there keeps its place, and what is said of its type first counts.
    pub(super) fn put(&mut self, id: &'a str, kind: Option<MemberType>) {
        let end = self.entries.len();
        let place = *self.places.entry(Id(id)).or_insert(end);
        match self.entries.get_mut(place) {
            Some(Some((_, known))) => *known = known.or(kind),
            _ => self.entries.push(Some((id, kind))),
        }
    }

    /// Takes a member off it.
    pub(super) fn take_off(&mut self, id: &'a str) {
        let place = self.places.remove(&Id(id));
        if let Some(entry) = place.and_then(|place| self.entries.get_mut(place)) {
            *entry = None;
        }
    }

    /// All, in the order in which they were put.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&'a str, Option<MemberType>)> {
        self.entries.iter().copied().flatten()
    }

    /// The same, to keep.
    pub(super) fn to_named(&self) -> Vec<NamedMember> {
        self.iter().map(|(id, kind)| NamedMember { value: id.to_owned(), kind }).collect()
    }
}
