//! Reading a PATCH request: its operations and their paths.

use std::sync::Arc;

use serde_json::Value;

use super::super::error::{Code, Error, ScimType};
use super::super::filter;
use super::super::path::{AttrPath, PathError};
use super::super::resource::{Object, printable};
use super::super::schema::{Attribute, Mutability, ResourceType};
use super::{Op, Operation, PATCH_URN, Target};

/// More operations than any client needs in one request.
const MAX_OPERATIONS: usize = 1000;

/// The operations of a request, readable; their values are not judged yet.
///
/// # Errors
/// As [`super::Patch::read`].
pub(super) fn operations(resource_type: &ResourceType, body: &Object) -> Result<Vec<Operation>, Error> {
    let syntax = |detail: &str| Error::bad(ScimType::InvalidSyntax, Code::WrongMessage, detail);
    match member(body, "schemas") {
        None | Some(Value::Null) => {}
        Some(Value::Array(urns)) if urns.iter().any(|urn| is_text(urn, PATCH_URN)) => {}
        Some(_) => {
            return Err(syntax(&format!("\"schemas\" of a PATCH must be [\"{PATCH_URN}\"]")));
        }
    }
    let operations = match member(body, "Operations") {
        Some(Value::Array(operations)) if !operations.is_empty() => operations,
        _ => return Err(syntax("A PATCH needs \"Operations\": a non-empty array")),
    };
    if operations.len() > MAX_OPERATIONS {
        return Err(syntax(&format!("A PATCH may have {MAX_OPERATIONS} operations at most")));
    }
    let operations = operations.iter().map(|operation| read_operation(resource_type, operation));
    operations.collect()
}

fn member<'o>(object: &'o Object, name: &str) -> Option<&'o Value> {
    object
        .get(name)
        .or_else(|| object.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value))
}

fn is_text(value: &Value, text: &str) -> bool {
    value.as_str().is_some_and(|value| value.eq_ignore_ascii_case(text))
}

fn read_operation(resource_type: &ResourceType, operation: &Value) -> Result<Operation, Error> {
    let syntax = |detail: &str| Error::bad(ScimType::InvalidSyntax, Code::WrongMessage, detail);
    let Value::Object(operation) = operation else {
        return Err(syntax("Each operation of a PATCH must be an object"));
    };
    let op = match member(operation, "op") {
        Some(op) if is_text(op, "add") => Op::Add,
        Some(op) if is_text(op, "replace") => Op::Replace,
        Some(op) if is_text(op, "remove") => Op::Remove,
        _ => {
            return Err(syntax("\"op\" of an operation must be \"add\", \"replace\" or \"remove\""));
        }
    };
    let target = match member(operation, "path") {
        None | Some(Value::Null) => None,
        // An empty path is no path.
        Some(Value::String(path)) if path.trim().is_empty() => None,
        Some(Value::String(path)) => Some(self::path(resource_type, path.trim())?),
        Some(_) => return Err(syntax("\"path\" of an operation must be a string")),
    };
    let value = member(operation, "value").cloned();
    if op == Op::Remove && matches!(target, None | Some(Target::Core)) {
        return Err(Error::bad(ScimType::NoTarget, Code::MissingTarget, "A remove operation needs a path"));
    }
    if op != Op::Remove && value.is_none() {
        return Err(Error::bad(
            ScimType::InvalidValue,
            Code::RequiredMissing,
            "An add or replace operation needs a \"value\"",
        ));
    }
    if let Some(Target::Attribute { attribute, sub, .. }) = &target {
        let read_only = |attribute: &Attribute| attribute.mutability == Mutability::ReadOnly;
        if read_only(attribute)
            || sub.as_deref().is_some_and(read_only)
            || (&*attribute.name == "schemas" && op == Op::Remove)
        {
            return Err(Error::bad(
                ScimType::Mutability,
                Code::ReadOnlyAttribute,
                format!("The attribute {} can't be changed by a client", attribute.name),
            ));
        }
    }
    Ok(Operation { op, target, value })
}

/// Reads a path.
///
/// # Errors
/// 400 `invalidPath`.
pub(super) fn path(resource_type: &ResourceType, path: &str) -> Result<Target, Error> {
    let wrong = |reason: &str| {
        Error::bad(
            ScimType::InvalidPath,
            Code::MalformedPath,
            format!("The path {} {reason}", printable(path.split('[').next().unwrap_or(path))),
        )
    };
    let resolve = |text: &str| {
        AttrPath::resolve(resource_type, text).map_err(|error| match error {
            PathError::Malformed => wrong("is not in attribute notation"),
            PathError::Unknown => wrong("names no attribute of a served schema"),
        })
    };
    let Some((name, rest)) = path.split_once('[') else {
        return Ok(match resolve(path)? {
            AttrPath::Attribute { extension, attribute, sub } => Target::Attribute {
                extension: extension.cloned(),
                attribute: Arc::clone(attribute),
                filter: None,
                sub: sub.cloned(),
            },
            AttrPath::Extension(schema) => Target::Extension(Arc::clone(schema)),
            AttrPath::Core => Target::Core,
        });
    };
    let AttrPath::Attribute { extension, attribute, sub: None } = resolve(name)? else {
        return Err(wrong("has a value filter where none can be"));
    };
    if !attribute.multi_valued {
        return Err(wrong("has a value filter, but the attribute has one value only"));
    }
    // The bracket may stand in a quoted value too; what follows the last one has no quote.
    let Some((inner, tail)) = rest.rsplit_once(']') else {
        return Err(wrong("lacks the closing bracket"));
    };
    let sub = match tail.strip_prefix('.') {
        None if tail.is_empty() => None,
        Some(name) => Some(attribute.sub(name).ok_or_else(|| wrong("names an unknown sub-attribute"))?),
        None => {
            return Err(wrong("goes on after the bracket in a way that can't be read"));
        }
    };
    let filter = filter::parse_within(attribute, inner)
        .map_err(|error| wrong(&format!("has a value filter that can't be read: {error}")))?;
    Ok(Target::Attribute {
        extension: extension.cloned(),
        attribute: Arc::clone(attribute),
        filter: Some(filter),
        sub: sub.cloned(),
    })
}
