//! The values that describe an attribute: the keywords of RFC 7643 section 7, and text for people.

use crate::config::scalar::{Found, Refusal, Scalar};
use crate::scim::schema::{Mutability, Returned, Type};

const SIMPLE_TYPES: [(&str, Type); 7] = [
    ("string", Type::String),
    ("boolean", Type::Boolean),
    ("integer", Type::Integer),
    ("decimal", Type::Decimal),
    ("dateTime", Type::DateTime),
    ("binary", Type::Binary),
    ("reference", Type::Reference),
];
const COMPLEX: &str = "complex";

const MUTABILITIES: [(&str, Mutability); 4] = [
    ("readOnly", Mutability::ReadOnly),
    ("readWrite", Mutability::ReadWrite),
    ("immutable", Mutability::Immutable),
    ("writeOnly", Mutability::WriteOnly),
];

const RETURNED: [(&str, Returned); 4] = [
    ("always", Returned::Always),
    ("never", Returned::Never),
    ("default", Returned::Default),
    ("request", Returned::Request),
];

/// The longest description, in characters.
const DESCRIPTION_MAX: usize = 1000;

/// `"a", "b" or "c"`
fn choice<T>(keywords: &[(&str, T)], last: Option<&str>) -> String {
    let mut quoted: Vec<String> = keywords
        .iter()
        .map(|(keyword, _)| *keyword)
        .chain(last)
        .map(|keyword| format!("{keyword:?}"))
        .collect();
    let last = quoted.pop().unwrap_or_default();
    format!("{} or {last}", quoted.join(", "))
}

fn keyword<T: Copy>(keywords: &[(&str, T)], found: &Found<'_>) -> Result<T, Refusal> {
    let text = found.text()?;
    let known = keywords.iter().find(|(keyword, _)| *keyword == text);
    known.map(|(_, value)| *value).ok_or(Refusal::Unexpected)
}

impl Scalar for Type {
    fn expected() -> String {
        choice(&SIMPLE_TYPES, Some(COMPLEX))
    }

    fn read(found: &Found<'_>) -> Result<Self, Refusal> {
        if found.text()? == COMPLEX { Ok(Self::Complex) } else { keyword(&SIMPLE_TYPES, found) }
    }
}

/// The type of a sub-attribute.
#[derive(Clone, Copy, Debug)]
pub(super) struct SimpleType(pub(super) Type);

impl Scalar for SimpleType {
    fn expected() -> String {
        choice(&SIMPLE_TYPES, None)
    }

    fn read(found: &Found<'_>) -> Result<Self, Refusal> {
        if found.text()? == COMPLEX {
            let expected = Self::expected();
            return Err(Refusal::Because(format!("a sub-attribute is never complex; expected {expected}")));
        }
        keyword(&SIMPLE_TYPES, found).map(Self)
    }
}

impl Scalar for Mutability {
    fn expected() -> String {
        choice(&MUTABILITIES, None)
    }

    fn read(found: &Found<'_>) -> Result<Self, Refusal> {
        keyword(&MUTABILITIES, found)
    }
}

impl Scalar for Returned {
    fn expected() -> String {
        choice(&RETURNED, None)
    }

    fn read(found: &Found<'_>) -> Result<Self, Refusal> {
        keyword(&RETURNED, found)
    }
}

/// Is a value held by one user of the realm at most?
#[derive(Clone, Copy, Debug)]
pub(super) struct Unique(pub(super) bool);

impl Scalar for Unique {
    fn expected() -> String {
        "\"none\" or \"server\"".to_owned()
    }

    fn read(found: &Found<'_>) -> Result<Self, Refusal> {
        match found.text()? {
            "none" => Ok(Self(false)),
            "server" => Ok(Self(true)),
            "global" => Err(Refusal::Because(
                "\"global\" can't be kept: nobody sees the users of every other system; expected \"server\", \
                 for one user of this realm at most, or \"none\""
                    .to_owned(),
            )),
            _ => Err(Refusal::Unexpected),
        }
    }
}

/// Text for people, perhaps empty.
#[derive(Clone, Debug)]
pub(super) struct Words(pub(super) String);

impl Scalar for Words {
    fn expected() -> String {
        format!("a text of at most {DESCRIPTION_MAX} characters without line breaks")
    }

    fn read(found: &Found<'_>) -> Result<Self, Refusal> {
        let text = found.text()?;
        if text.chars().count() > DESCRIPTION_MAX || text.contains(char::is_control) {
            return Err(Refusal::Unexpected);
        }
        Ok(Self(text.trim().to_owned()))
    }
}
