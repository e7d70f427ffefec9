//! Filters (RFC 7644 section 3.4.2.2): parsed against a resource type, evaluated on a rendered resource.

mod evaluate;
mod parse;
mod print;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use serde_json::Value;

use super::schema::Type;

pub use parse::{MAX_DEPTH, MAX_LENGTH, ParseError, parse, parse_within};

/// A filter whose attributes are known and whose comparisons make sense.
#[derive(Debug, Clone, PartialEq)]
pub enum Filter {
    /// All of them match.
    And(Vec<Filter>),
    /// One of them matches.
    Or(Vec<Filter>),
    /// It does not match.
    Not(Box<Filter>),
    /// The attribute has a value.
    Present(Path),
    /// One of the attribute's values compares so.
    Compare(Path, Operator, Operand),
    /// One element of the multi-valued complex attribute matches all of the inner filter.
    Element(Path, Box<Filter>),
}

/// Where a filter looks: keys from the top of a rendered resource, or of an element inside a value path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Path {
    /// The keys, outermost first. An extension's URN comes before its attribute; in a value filter on an attribute that
    /// is not complex, `value` is the element itself and has no key.
    pub keys: Vec<Arc<str>>,
    /// The type of what stands at the path.
    pub kind: Type,
    /// Are strings compared case by case?
    pub case_exact: bool,
}

impl Path {
    /// The path in attribute notation: `name.givenName`, `URN:manager.value`.
    pub fn dotted(&self) -> String {
        self.to_string()
    }
}

/// The comparison operators.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operator {
    /// Equal.
    Eq,
    /// Not equal.
    Ne,
    /// Contains.
    Co,
    /// Starts with.
    Sw,
    /// Ends with.
    Ew,
    /// Greater.
    Gt,
    /// Greater or equal.
    Ge,
    /// Less.
    Lt,
    /// Less or equal.
    Le,
}

/// What an attribute is compared with.
#[derive(Debug, Clone, PartialEq)]
pub enum Operand {
    /// A string; also for references and binaries.
    String(String),
    /// true or false.
    Boolean(bool),
    /// An integer.
    Integer(i64),
    /// A number, perhaps with a fraction.
    Decimal(f64),
    /// An instant.
    DateTime(time::OffsetDateTime),
    /// Nothing: equal to what is unassigned.
    Null,
}

impl Filter {
    /// Does the rendered resource match?
    pub fn matches(&self, resource: &Value) -> bool {
        evaluate::matches(self, resource)
    }

    /// How many comparisons it has: what judging one value costs.
    pub fn size(&self) -> usize {
        match self {
            Self::And(parts) | Self::Or(parts) => parts.iter().map(Self::size).sum(),
            Self::Not(inner) | Self::Element(_, inner) => inner.size(),
            Self::Present(_) | Self::Compare(..) => 1,
        }
    }

    /// The parts that must all match: those of an `and`, else the filter itself.
    pub fn conjuncts(&self) -> &[Filter] {
        match self {
            Self::And(parts) => parts,
            other => std::slice::from_ref(other),
        }
    }
}
