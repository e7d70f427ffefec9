//! Filters as text, in the RFC's grammar: reading it again gives the same filter.

use std::fmt::{self, Display, Formatter, Write as _};

use serde_json::Value;
use time::format_description::well_known::Rfc3339;

use super::{Filter, Operand, Operator, Path};

impl Display for Filter {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::And(parts) => joined(f, parts, " and "),
            Self::Or(parts) => joined(f, parts, " or "),
            Self::Not(inner) => write!(f, "not ({inner})"),
            Self::Present(path) => write!(f, "{path} pr"),
            Self::Compare(path, operator, operand) => write!(f, "{path} {operator} {operand}"),
            Self::Element(path, inner) => write!(f, "{path}[{inner}]"),
        }
    }
}

/// The parts with the word between them. What is joined itself stands in parentheses, needed or not, because they are
/// part of the filter's shape.
fn joined(f: &mut Formatter<'_>, parts: &[Filter], word: &str) -> fmt::Result {
    for (at, part) in parts.iter().enumerate() {
        if at > 0 {
            f.write_str(word)?;
        }
        match part {
            Filter::And(_) | Filter::Or(_) => write!(f, "({part})")?,
            part => write!(f, "{part}")?,
        }
    }
    Ok(())
}

impl Display for Path {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if self.keys.is_empty() {
            return f.write_str("value");
        }
        for (at, key) in self.keys.iter().enumerate() {
            if at > 0 {
                // Only a URN holds a colon, and only the first key is one.
                let after_urn = at == 1 && self.keys.first().is_some_and(|first| first.contains(':'));
                f.write_char(if after_urn { ':' } else { '.' })?;
            }
            f.write_str(key)?;
        }
        Ok(())
    }
}

impl Display for Operator {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Eq => "eq",
            Self::Ne => "ne",
            Self::Co => "co",
            Self::Sw => "sw",
            Self::Ew => "ew",
            Self::Gt => "gt",
            Self::Ge => "ge",
            Self::Lt => "lt",
            Self::Le => "le",
        })
    }
}

impl Display for Operand {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let literal = match self {
            Self::String(text) => Value::from(text.as_str()),
            Self::Boolean(flag) => Value::from(*flag),
            Self::Integer(number) => Value::from(*number),
            Self::Decimal(number) => Value::from(*number),
            // Years beyond 9999 can't be read either.
            Self::DateTime(instant) => Value::from(instant.format(&Rfc3339).unwrap_or_default()),
            Self::Null => Value::Null,
        };
        write!(f, "{literal}")
    }
}
