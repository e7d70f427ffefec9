//! PATCH (RFC 7644 section 3.5.2): operations applied to a copy, so that it is all or nothing.

mod change;
mod read;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::Value;

use super::error::{Code, Error, ScimType};
use super::filter::Filter;
use super::path::{AttrPath, PathError};
use super::resource::{Object, Policy, Resource, unknown};
use super::schema::{Attribute, Mutability, ResourceType, Schema};

use self::change::{Change, change_attribute};

/// The schema URN of a PATCH request.
pub const PATCH_URN: &str = "urn:ietf:params:scim:api:messages:2.0:PatchOp";

/// The kinds of operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Op {
    Add,
    Replace,
    Remove,
}

/// An operation whose path is readable.
#[derive(Debug)]
pub(super) struct Operation {
    pub(super) op: Op,
    pub(super) target: Option<Target>,
    pub(super) value: Option<Value>,
}

/// A PATCH path: attribute notation, or a value path (RFC 7644 figure 1).
#[derive(Debug)]
pub(super) enum Target {
    Attribute {
        extension: Option<Arc<Schema>>,
        attribute: Arc<Attribute>,
        filter: Option<Filter>,
        sub: Option<Arc<Attribute>>,
    },
    Extension(Arc<Schema>),
    Core,
}

/// A PATCH request whose operations and paths are readable; the values are judged when it is applied.
#[derive(Debug)]
pub struct Patch {
    operations: Vec<Operation>,
}

/// How many values the operations of one PATCH may look at, each counted once for everything it is compared with or
/// merged with: without a bound, a body of a megabyte keeps a processor busy for minutes.
const MAX_LOOKS: usize = 250_000;

/// What a PATCH made.
#[derive(Debug)]
pub struct Patched {
    /// The resource after all operations.
    pub resource: Resource,
    /// The names of the top-level attributes and extension URNs that an operation named, changed or not.
    pub touched: BTreeSet<Arc<str>>,
    looks: usize,
}

impl Patched {
    /// Counts what a change looks at.
    ///
    /// # Errors
    /// 400 where it is too much.
    fn count_looks(&mut self, looks: usize) -> Result<(), Error> {
        self.looks = self.looks.saturating_add(looks);
        if self.looks <= MAX_LOOKS {
            return Ok(());
        }
        Err(Error::bad(
            ScimType::InvalidValue,
            Code::TooMuchWork,
            "The operations would look at too many values; send them in several requests",
        ))
    }
}

impl Patch {
    /// Reads the request.
    ///
    /// # Errors
    /// 400 `invalidSyntax` for a wrong message or operation, `invalidPath` for a path that names nothing, `noTarget`
    /// for a remove without path, `invalidValue` for an add or replace without value, `mutability` for a path to a
    /// read-only attribute.
    pub fn read(resource_type: &ResourceType, body: &Object) -> Result<Self, Error> {
        Ok(Self { operations: read::operations(resource_type, body)? })
    }

    /// A request of these operations alone.
    pub(super) fn of(operations: Vec<Operation>) -> Self {
        Self { operations }
    }

    /// Its operations, in order.
    pub(super) fn into_operations(self) -> Vec<Operation> {
        self.operations
    }

    /// Applies all operations, in order, to a copy. `resource_type` is the one that the request was read for.
    ///
    /// # Errors
    /// 400 with the RFC's keyword; nothing is applied then.
    pub fn apply(
        &self,
        resource_type: &ResourceType,
        before: &Resource,
        policy: &Policy,
    ) -> Result<Patched, Error> {
        let mut patched = Patched { resource: before.clone(), touched: BTreeSet::new(), looks: 0 };
        for operation in &self.operations {
            Run { resource_type, policy }.operation(&mut patched, operation)?;
        }
        patched.resource.check_still_required(resource_type, before)?;
        patched.resource.check_immutable(resource_type, before)?;
        Ok(patched)
    }
}

/// What all operations of a request are judged by.
struct Run<'a> {
    resource_type: &'a ResourceType,
    policy: &'a Policy,
}

impl Run<'_> {
    fn operation(&self, patched: &mut Patched, operation: &Operation) -> Result<(), Error> {
        let Operation { op, target, value } = operation;
        match target {
            None | Some(Target::Core) => self.merge(patched, *op, None, value.as_ref()),
            Some(Target::Extension(schema)) if *op == Op::Remove => {
                clear(patched, schema);
                Ok(())
            }
            Some(Target::Extension(schema)) if value.as_ref().is_none_or(Value::is_null) => {
                if *op == Op::Replace {
                    clear(patched, schema);
                }
                Ok(())
            }
            Some(Target::Extension(schema)) => self.merge(patched, *op, Some(schema), value.as_ref()),
            Some(Target::Attribute { extension, attribute, filter, sub }) => {
                let change = Change {
                    op: *op,
                    attribute,
                    filter: filter.as_ref(),
                    sub: sub.as_deref(),
                    value: value.as_ref(),
                    policy: self.policy,
                };
                change_attribute(patched, extension.as_ref(), &change)
            }
        }
    }

    /// Operations without path: each member of the value is an attribute to add or replace.
    fn merge(
        &self,
        patched: &mut Patched,
        op: Op,
        schema: Option<&Arc<Schema>>,
        value: Option<&Value>,
    ) -> Result<(), Error> {
        let Some(Value::Object(members)) = value else {
            return Err(Error::bad(
                ScimType::InvalidValue,
                Code::WrongType,
                "An operation without path needs an object of attributes as its value",
            ));
        };
        let resolve = |key: &str| match schema {
            Some(schema) => schema
                .attribute(key)
                .map(|attribute| AttrPath::Attribute { extension: Some(schema), attribute, sub: None })
                .ok_or(PathError::Unknown),
            None => AttrPath::resolve(self.resource_type, key),
        };
        let mut members: Vec<_> = members.iter().map(|(key, value)| (resolve(key), key, value)).collect();
        // The members of an object have no order: what is whole comes first, and a part stays that came beside it.
        members.sort_by_key(|(resolved, ..)| match resolved {
            Ok(AttrPath::Attribute { sub: Some(sub), .. }) if &*sub.name == "value" => 1,
            Ok(AttrPath::Attribute { sub: Some(_), .. }) => 2,
            _ => 0,
        });
        for (resolved, key, value) in members {
            match resolved {
                // What a client may not write is ignored here, as in PUT: it echoes what it read.
                Ok(AttrPath::Attribute { attribute, sub, .. })
                    if attribute.mutability == Mutability::ReadOnly
                        || sub.is_some_and(|sub| sub.mutability == Mutability::ReadOnly)
                        || &*attribute.name == "schemas" => {}
                Ok(AttrPath::Attribute { extension, attribute, sub }) => {
                    let sub = sub.map(Arc::as_ref);
                    let policy = self.policy;
                    let change = Change { op, attribute, filter: None, sub, value: Some(value), policy };
                    change_attribute(patched, extension, &change)?;
                }
                Ok(AttrPath::Extension(schema)) if value.is_null() => {
                    if op == Op::Replace {
                        clear(patched, schema);
                    }
                }
                Ok(AttrPath::Extension(schema)) => self.merge(patched, op, Some(schema), Some(value))?,
                Ok(AttrPath::Core) => self.merge(patched, op, None, Some(value))?,
                Err(_) if schema.is_none() && key.contains('[') => {
                    self.value_path(patched, op, key, value)?;
                }
                Err(_) => unknown(key, value, self.policy)?,
            }
        }
        Ok(())
    }

    /// A value path as the key of a value: what it names is set, and made where it is not there, since nothing says
    /// that it must be.
    fn value_path(&self, patched: &mut Patched, op: Op, key: &str, value: &Value) -> Result<(), Error> {
        let name = key.split('[').next().unwrap_or_default().trim();
        if let Err(PathError::Unknown) = AttrPath::resolve(self.resource_type, name) {
            return unknown(key, value, self.policy);
        }
        let target = read::path(self.resource_type, key.trim())?;
        match &target {
            // Ignored as every read-only member of a value.
            Target::Attribute { attribute, .. } if attribute.mutability == Mutability::ReadOnly => Ok(()),
            Target::Attribute { extension, attribute, filter, sub } => {
                let op = if sub.is_some() { Op::Add } else { op };
                let (filter, sub, value) = (filter.as_ref(), sub.as_deref(), Some(value));
                let change = Change { op, attribute, filter, sub, value, policy: self.policy };
                change_attribute(patched, extension.as_ref(), &change)
            }
            _ => Ok(()),
        }
    }
}

/// Unassigns what clients may write of an extension.
fn clear(patched: &mut Patched, schema: &Arc<Schema>) {
    patched.touched.insert(Arc::clone(&schema.id));
    for attribute in schema.attributes.iter().filter(|one| one.mutability != Mutability::ReadOnly) {
        patched.resource.set(Some(schema), attribute, None);
    }
}
