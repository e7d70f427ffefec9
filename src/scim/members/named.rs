//! Reading the members that a client names: in the body of a POST or PUT, or as the value of an operation.

use serde_json::Value;

use super::super::error::{Code, Error, ScimType};
use super::super::group::group;
use super::super::path::AttrPath;
use super::super::resource::{Object, printable};
use super::roll::Roll;
use super::{MemberType, NamedMember};

/// The most members that one list may name.
pub const MAX_MEMBERS: usize = 100_000;

/// The longest id, in characters: what Keycloak can have anywhere.
const MAX_ID_LENGTH: usize = 255;

/// Takes the members out of the body of a POST or PUT; none where it does not speak of them, or says null.
///
/// # Errors
/// 400 for what is no list of members.
pub fn take(body: &mut Object) -> Result<Option<Vec<NamedMember>>, Error> {
    let mut taken = Vec::new();
    take_out(body, &mut taken);
    match the_only(taken)? {
        None => Ok(None),
        Some(value) => named(&value).map(Some),
    }
}

/// What a key of a resource says of members.
pub(super) enum Said {
    /// It is they.
    Members,
    /// It is a part of them.
    Part,
    /// It is the URN of the core schema, whose attributes are below.
    Core,
    /// It speaks of something else.
    Nothing,
}

/// See [`Said`]. Keys are read as everywhere: in any letter case, with the URN or without.
pub(super) fn said(key: &str) -> Said {
    match AttrPath::resolve(group(), key) {
        Ok(AttrPath::Attribute { extension: None, attribute, sub }) if &*attribute.name == "members" => {
            if sub.is_none() { Said::Members } else { Said::Part }
        }
        Ok(AttrPath::Core) => Said::Core,
        _ => Said::Nothing,
    }
}

/// Moves the values of `members` from an object, and from those of the core schema in it, to `taken`.
pub(super) fn take_out(object: &mut Object, taken: &mut Vec<Value>) {
    for (key, value) in std::mem::take(object) {
        match (said(&key), value) {
            (Said::Members, value) => taken.push(value),
            (Said::Core, Value::Object(mut inner)) => {
                let before = inner.len();
                take_out(&mut inner, taken);
                // What held nothing else is gone with them.
                if !inner.is_empty() || before == 0 {
                    object.insert(key, Value::Object(inner));
                }
            }
            (_, value) => {
                object.insert(key, value);
            }
        }
    }
}

/// The one value of those that were taken out, which null is none of.
///
/// # Errors
/// 400 where there are two: nothing tells which one is meant.
pub(super) fn the_only(taken: Vec<Value>) -> Result<Option<Value>, Error> {
    let mut values = taken.into_iter().filter(|value| !value.is_null());
    let first = values.next();
    if values.next().is_some() {
        return Err(Error::bad(
            ScimType::InvalidSyntax,
            Code::WrongMessage,
            "The attribute members stands twice in the message",
        ));
    }
    Ok(first)
}

/// The members that a value names, each once. One alone counts as an array of one, a bare text as an id.
///
/// # Errors
/// 400 `invalidValue` for an element that names nobody, and for more than [`MAX_MEMBERS`].
pub(super) fn named(value: &Value) -> Result<Vec<NamedMember>, Error> {
    let elements = match value {
        Value::Array(elements) => elements.as_slice(),
        one => std::slice::from_ref(one),
    };
    if elements.len() > MAX_MEMBERS {
        return Err(unacceptable(
            Code::ValueTooLong,
            format!(
                "The attribute members may have {MAX_MEMBERS} values at most in one request; add the others by PATCH"
            ),
        ));
    }
    let mut roll = Roll::default();
    for element in elements.iter().filter(|element| !element.is_null()) {
        let (id, kind) = element_named(element)?;
        check_id(id)?;
        roll.put(id, kind);
    }
    Ok(roll.to_named())
}

/// The id and the type of one element.
fn element_named(element: &Value) -> Result<(&str, Option<MemberType>), Error> {
    let members = match element {
        Value::String(id) => return Ok((id, None)),
        Value::Object(members) => members,
        _ => return Err(wrong_type("members", "objects with a \"value\"")),
    };
    let member = |name: &str| {
        let found = members.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value).filter(|value| !value.is_null())
    };
    let kind = match member("type") {
        None => None,
        Some(Value::String(text)) => kind(text)?,
        Some(_) => return Err(wrong_type("members.type", "\"User\" or \"Group\"")),
    };
    match (member("value"), member("$ref")) {
        (Some(Value::String(id)), _) => Ok((id, kind)),
        (Some(_), _) => Err(wrong_type("members.value", "a string: the id of a user or group")),
        (None, Some(Value::String(url))) => {
            let (id, referred) = referred(url).ok_or_else(nobody)?;
            Ok((id, kind.or(Some(referred))))
        }
        (None, _) => Err(nobody()),
    }
}

/// The type that a text names; none where it is empty.
fn kind(text: &str) -> Result<Option<MemberType>, Error> {
    let kinds = [MemberType::User, MemberType::Group];
    match kinds.into_iter().find(|kind| kind.name().eq_ignore_ascii_case(text)) {
        None if !text.is_empty() => Err(unacceptable(
            Code::UnacceptableValue,
            format!("A member can't be of the type \"{}\"; members.type is User or Group", printable(text)),
        )),
        found => Ok(found),
    }
}

/// The id at the end of a member's URL, and what is there.
fn referred(url: &str) -> Option<(&str, MemberType)> {
    let mut segments = url.trim_end_matches('/').rsplit('/');
    match (segments.next()?, segments.next()?) {
        (id, "Users") => Some((id, MemberType::User)),
        (id, "Groups") => Some((id, MemberType::Group)),
        _ => None,
    }
}

/// Can somebody have this id?
pub(super) fn is_id(id: &str) -> bool {
    check_id(id).is_ok()
}

fn check_id(id: &str) -> Result<(), Error> {
    if id.trim().is_empty() {
        return Err(nobody());
    }
    if id.chars().any(char::is_control) {
        return Err(unacceptable(
            Code::UnacceptableValue,
            format!("The id \"{}\" in members.value holds control characters", printable(id)),
        ));
    }
    if id.chars().nth(MAX_ID_LENGTH).is_some() {
        return Err(unacceptable(
            Code::ValueTooLong,
            format!(
                "The id that begins with \"{}\" in members.value is longer than {MAX_ID_LENGTH} characters",
                printable(id)
            ),
        ));
    }
    Ok(())
}

fn unacceptable(code: Code, detail: String) -> Error {
    Error::bad(ScimType::InvalidValue, code, detail)
}

fn wrong_type(name: &str, expected: &str) -> Error {
    unacceptable(Code::WrongType, format!("The attribute {name} must be {expected}"))
}

fn nobody() -> Error {
    unacceptable(
        Code::RequiredMissing,
        "The attribute members.value is required and must not be empty: it is the id of a user or group"
            .into(),
    )
}
