//! Who is in which group or organization, looked up from either side: a group of ten thousand is read as quickly as a user's own groups.

use std::collections::{BTreeMap, BTreeSet};

/// Users and groups, by their ids; organizations are as good as groups here.
#[derive(Debug, Default)]
pub(super) struct Memberships {
    groups: BTreeMap<String, BTreeSet<String>>,
    members: BTreeMap<String, BTreeSet<String>>,
}

impl Memberships {
    /// Puts the user into the group; again without harm.
    pub(super) fn join(&mut self, user: &str, group: &str) {
        self.groups.entry(user.to_owned()).or_default().insert(group.to_owned());
        self.members.entry(group.to_owned()).or_default().insert(user.to_owned());
    }

    /// Takes the user out of the group; again without harm.
    pub(super) fn leave(&mut self, user: &str, group: &str) {
        remove(&mut self.groups, user, group);
        remove(&mut self.members, group, user);
    }

    /// Takes the user out of all groups.
    pub(super) fn forget_user(&mut self, user: &str) {
        for group in self.groups.remove(user).unwrap_or_default() {
            remove(&mut self.members, &group, user);
        }
    }

    /// Takes everybody out of the group.
    pub(super) fn forget_group(&mut self, group: &str) {
        for user in self.members.remove(group).unwrap_or_default() {
            remove(&mut self.groups, &user, group);
        }
    }

    /// The groups that the user is in directly, by id.
    pub(super) fn groups_of(&self, user: &str) -> impl Iterator<Item = &String> {
        self.groups.get(user).into_iter().flatten()
    }

    /// Whether the user is in the group directly.
    pub(super) fn has(&self, user: &str, group: &str) -> bool {
        self.groups.get(user).is_some_and(|groups| groups.contains(group))
    }

    /// Who is in the group directly, by id.
    pub(super) fn members_of(&self, group: &str) -> impl Iterator<Item = &String> {
        self.members.get(group).into_iter().flatten()
    }
}

/// What is left empty goes.
fn remove(side: &mut BTreeMap<String, BTreeSet<String>>, one: &str, other: &str) {
    if let Some(others) = side.get_mut(one) {
        others.remove(other);
        if others.is_empty() {
            side.remove(one);
        }
    }
}
