//! Splitting a PATCH of a group into what it does to members and what it does to all else.

use serde_json::Value;

use super::super::error::{Code, Error, ScimType};
use super::super::filter::Filter;
use super::super::patch::{Op, Operation, Patch, Target};
use super::super::resource::{Object, printable};
use super::super::schema::ResourceType;
use super::named::{self, Said, is_id, named, said};
use super::needed::only_ids;
use super::{GroupPatch, MemberChange, NamedMember};

/// How many comparisons the value filters of one request may have together, of those that every member is held against.
const MAX_COMPARISONS: usize = 100;

impl GroupPatch {
    /// Reads a PATCH request for a group.
    ///
    /// # Errors
    /// 400 as [`Patch::read`], and for members that name nobody or can't be changed so.
    pub fn read(resource_type: &ResourceType, body: &Object) -> Result<Self, Error> {
        let (mut others, mut members) = (Vec::new(), Vec::new());
        for operation in Patch::read(resource_type, body)?.into_operations() {
            match operation {
                Operation {
                    op,
                    target: Some(Target::Attribute { extension: None, attribute, filter, sub }),
                    value,
                } if &*attribute.name == "members" => {
                    if let Some(sub) = sub {
                        return Err(unchangeable(&format!("members.{}", sub.name)));
                    }
                    members.extend(change(op, filter, value.as_ref())?);
                }
                Operation {
                    op,
                    target: target @ (None | Some(Target::Core)),
                    value: Some(Value::Object(mut attributes)),
                } => {
                    let (change, emptied) = change_within(op, &mut attributes)?;
                    members.extend(change);
                    if !emptied {
                        others.push(Operation { op, target, value: Some(Value::Object(attributes)) });
                    }
                }
                other => others.push(other),
            }
        }
        let attributes = (!others.is_empty()).then(|| Patch::of(others));
        check_work(&members)?;
        Ok(Self { attributes, members })
    }
}

/// An operation whose path leads to the members.
fn change(op: Op, filter: Option<Filter>, value: Option<&Value>) -> Result<Option<MemberChange>, Error> {
    let value = value.filter(|value| !value.is_null());
    let listed = || value.map_or(Ok(Vec::new()), named);
    Ok(match (op, filter) {
        (Op::Add, None) => listed().map(added)?,
        (Op::Add, Some(filter)) => added(selected(&filter, value)?),
        (Op::Replace, None) => Some(MemberChange::Replace(listed()?)),
        // RFC 7644 section 3.5.2.3 would have the selected elements become the value; but what makes an element of this
        // attribute is immutable (RFC 7643 section 4.2), and the rest of it the server sets.
        (Op::Replace, Some(_)) => return Err(unchangeable("members")),
        (Op::Remove, None) => match value {
            None => Some(MemberChange::Replace(Vec::new())),
            // Entra ID names those to remove in `value` rather than in a filter.
            Some(value) => removed(named(value)?.into_iter().map(|member| member.value).collect()),
        },
        (Op::Remove, Some(filter)) => match only_ids(&filter) {
            Some(mut ids) => {
                // What nobody can have for an id, nobody has.
                ids.retain(|id| is_id(id));
                removed(ids)
            }
            None => Some(MemberChange::RemoveMatching(filter)),
        },
    })
}

/// Those to add where a value filter stands in the path: whom the value names, or else whom the filter does.
fn selected(filter: &Filter, value: Option<&Value>) -> Result<Vec<NamedMember>, Error> {
    match (value.filter(|value| names_somebody(value)), only_ids(filter).as_deref()) {
        (None, Some([id])) => named(&Value::from(id.as_str())),
        (None, _) => named(&Value::Object(Object::new())),
        (Some(value), _) => named(value),
    }
}

fn names_somebody(value: &Value) -> bool {
    match value {
        Value::Object(members) => {
            let telling = |key: &str| key.eq_ignore_ascii_case("value") || key.eq_ignore_ascii_case("$ref");
            members.iter().any(|(key, value)| telling(key) && !value.is_null())
        }
        Value::Array(elements) => elements.iter().any(names_somebody),
        other => !other.is_null(),
    }
}

fn added(members: Vec<NamedMember>) -> Option<MemberChange> {
    (!members.is_empty()).then_some(MemberChange::Add(members))
}

fn removed(ids: Vec<String>) -> Option<MemberChange> {
    (!ids.is_empty()).then_some(MemberChange::Remove(ids))
}

/// Takes what an operation without path does to the members out of its value. Is nothing left of it then?
fn change_within(op: Op, attributes: &mut Object) -> Result<(Option<MemberChange>, bool), Error> {
    check_keys(attributes)?;
    let mut taken = Vec::new();
    named::take_out(attributes, &mut taken);
    let emptied = !taken.is_empty() && attributes.is_empty();
    let change = match (named::the_only(taken)?, op) {
        // Without a path, null says nothing: clients echo it for groups whose members they do not know.
        (None, _) => None,
        (Some(value), Op::Replace) => Some(MemberChange::Replace(named(&value)?)),
        (Some(value), _) => added(named(&value)?),
    };
    Ok((change, emptied))
}

/// Refuses what an operation without path can't say of members.
fn check_keys(attributes: &Object) -> Result<(), Error> {
    for (key, value) in attributes {
        match (said(key), value) {
            (Said::Part, _) => return Err(unchangeable(&printable(key))),
            (Said::Core, Value::Object(inner)) => check_keys(inner)?,
            (Said::Nothing, _) => {
                let name = key.split_once('[').map(|(name, _)| said(name.trim()));
                if let Some(Said::Members) = name {
                    return Err(Error::bad(
                        ScimType::InvalidPath,
                        Code::MalformedPath,
                        "A value filter on members belongs into the \"path\" of an operation, not into its value",
                    ));
                }
            }
            _ => {}
        }
    }
    Ok(())
}

fn unchangeable(name: &str) -> Error {
    Error::bad(
        ScimType::Mutability,
        Code::ImmutableAttribute,
        format!(
            "The attribute {name} can't be changed in a member: whole members are added and removed, by operations with \
             the path members, or members[value eq \"…\"] to remove"
        ),
    )
}

fn check_work(changes: &[MemberChange]) -> Result<(), Error> {
    let comparisons = changes.iter().map(|change| match change {
        MemberChange::RemoveMatching(filter) => filter.size(),
        _ => 0,
    });
    if comparisons.sum::<usize>() <= MAX_COMPARISONS {
        return Ok(());
    }
    Err(Error::bad(
        ScimType::InvalidValue,
        Code::TooMuchWork,
        format!(
            "The value filters on members may have {MAX_COMPARISONS} comparisons together that are no eq on value"
        ),
    ))
}
