//! Members as clients name them, and what becomes of them.

mod filters;
mod laws;
mod named;
mod nets;
mod patches;
mod size;

use std::cell::Cell;

use serde_json::{Value, json};

use super::super::group::group;
use super::super::{Error, Object};
use super::*;

thread_local! {
    static COMPARISONS: Cell<usize> = const { Cell::new(0) };
}

/// Notes that two ids were compared.
pub(super) fn count_comparison() {
    COMPARISONS.set(COMPARISONS.get() + 1);
}

fn object(value: &Value) -> Object {
    value.as_object().unwrap().clone()
}

/// A PATCH of these operations, as it is read.
fn read(operations: &Value) -> Result<GroupPatch, Error> {
    GroupPatch::read(group(), &object(&json!({ "Operations": operations })))
}

/// Users, by their ids.
fn named(ids: &[&str]) -> Vec<NamedMember> {
    ids.iter().map(|id| NamedMember { value: (*id).into(), kind: None }).collect()
}

fn add(ids: &[&str]) -> MemberChange {
    MemberChange::Add(named(ids))
}

fn replace(ids: &[&str]) -> MemberChange {
    MemberChange::Replace(named(ids))
}

fn remove(ids: &[&str]) -> MemberChange {
    MemberChange::Remove(ids.iter().map(|id| (*id).to_owned()).collect())
}
